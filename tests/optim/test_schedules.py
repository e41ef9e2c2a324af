"""Schedules are functions of the step count."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.optim import schedules as s

positive = st.floats(1e-4, 2.0)
steps = st.integers(1, 50)
SIMPLE = st.one_of(
    st.builds(s.Step, steps, st.floats(0.1, 1), lr=positive),
    st.builds(s.MultiStep, st.lists(st.integers(0, 100), max_size=4), st.floats(0.1, 1), lr=positive),
    st.builds(s.Exponential, st.floats(0.5, 1), lr=positive),
    st.builds(s.InverseTime, st.floats(0, 2), lr=positive),
    st.builds(s.InverseSqrt, steps, lr=positive),
    st.builds(s.Polynomial, steps, st.floats(0.5, 3), lr=positive),
    st.builds(s.Cosine, steps, st.floats(0, 1e-3), lr=positive),
    st.builds(s.Constant, st.floats(0.1, 1), steps, lr=positive),
    st.builds(s.Linear, st.floats(0.1, 1), st.floats(0.1, 1), steps, lr=positive),
    st.builds(s.Annealed, positive, st.integers(0, 20), st.sampled_from(["cos", "linear"]), lr=positive),
    st.builds(s.CosineWarmRestarts, steps, st.integers(1, 3), st.floats(0, 1e-3), lr=positive),
    st.builds(
        s.Cyclic,
        positive,
        positive,
        steps,
        st.none() | steps,
        st.sampled_from(["triangular", "triangular2", "exp_range"]),
        st.floats(0.5, 1),
    ),
    st.builds(s.OneCycle, positive, st.integers(120, 200), st.floats(0.1, 0.4), three_phase=st.booleans()),
)
ANY = st.one_of(
    SIMPLE,
    st.builds(lambda a, b, m: s.Sequential([a, b], [m]), SIMPLE, SIMPLE, steps),
    st.builds(lambda a, b: s.Chained([a, b]), SIMPLE, SIMPLE),
    st.builds(s.Warmup, steps, SIMPLE, st.floats(0, 1)),
)


@given(ANY, st.integers(0, 100), st.integers(0, 100))
def test_the_order_of_the_questions_does_not_matter(schedule, t, other):
    rate = schedule(t)
    schedule(other)
    assert schedule(t) == rate
    assert math.isfinite(rate)
    assert rate >= 0


@given(ANY)
def test_json_and_back(schedule):
    again = s.from_dict(json.loads(json.dumps(schedule.to_dict())))
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert [again(t) for t in range(20)] == [schedule(t) for t in range(20)]


@given(ANY, st.integers(1, 100))
def test_advancing_from_the_schedule_stays_on_it(schedule, t):
    assert schedule.advance(schedule(t - 1), t) == pytest.approx(schedule(t), rel=1e-9, abs=1e-12)
    assert schedule.follow(schedule(t - 1), t) == schedule(t)


@settings(max_examples=30)
@given(st.lists(st.one_of(st.builds(s.Exponential, st.floats(0.5, 1)), st.builds(s.Step, steps)), min_size=1))
def test_a_chain_of_factors_is_their_product(parts):
    chain = s.Chained(parts, lr=0.3)
    assert chain(17) == pytest.approx(0.3 * math.prod(part(17) for part in parts))
    assert s.Chained(parts)(17) == pytest.approx(math.prod(part(17) for part in parts))


def test_a_chain_with_a_floor_goes_the_whole_way():
    parts = [s.Cosine(9, 0.004, lr=0.1), s.Step(4, 0.7, lr=0.1)]
    rate, chain = 0.1, s.Chained(parts)
    for t in range(25):
        for part in parts:
            rate = part.advance(rate, t)
        assert chain(t) == rate


def test_the_notes_formulas():
    """CS231n, Neural Networks Part 3: step decay, exponential decay α₀·exp(−kt), 1/t decay α₀/(1 + kt)."""
    assert s.Step(5, 0.5, lr=1e-2)(12) == pytest.approx(1e-2 * 0.25)
    assert s.Exponential(math.exp(-0.3), lr=1e-2)(7) == pytest.approx(1e-2 * math.exp(-0.3 * 7))
    assert s.InverseTime(0.3, lr=1e-2)(7) == pytest.approx(1e-2 / (1 + 0.3 * 7))


def test_the_transformers_rate():
    """d^−½ · min(n^−½, n·w^−1.5) for the step numbers n = 1, 2, …"""
    d, w = 512, 4000
    schedule = s.InverseSqrt(w, lr=(w * d) ** -0.5)
    for n in (1, 100, 4000, 10_000):
        assert schedule(n - 1) == pytest.approx(d**-0.5 * min(n**-0.5, n * w**-1.5))


def test_warmup_ends_where_the_schedule_starts():
    schedule = s.Warmup(4, s.Exponential(0.5, lr=0.8), start_factor=0.25)
    assert [schedule(t) for t in range(7)] == pytest.approx([0.2, 0.35, 0.5, 0.65, 0.8, 0.4, 0.2])


def test_momentum_goes_the_other_way():
    cyclic = s.Cyclic(0.0, 1.0, 4, base_momentum=0.5, max_momentum=0.9)
    assert [cyclic.momentum(t) for t in (0, 2, 4)] == pytest.approx([0.9, 0.7, 0.5])
    assert s.Step(3).momentum(2) is None
    assert s.Sequential([s.Step(3), cyclic], [5]).momentum(9) == pytest.approx(0.5)
    assert s.Chained([s.Step(3), cyclic]).momentum(4) == pytest.approx(0.5)


@given(ANY)
def test_an_array_of_steps_gives_an_array_of_rates(schedule):
    t = np.arange(12).reshape(3, 4)
    rates = schedule(t)
    assert rates.dtype == np.float64
    assert rates.tolist() == [[schedule(step) for step in row] for row in t.tolist()]
    with pytest.raises(ValueError, match="from 0 on"):
        schedule(np.array([3, -1]))


def test_numbers_of_numpy_are_numbers():
    assert s.CosineWarmRestarts(np.int64(4), np.int32(2))(np.int64(4)) == 1.0
    assert s.Exponential(np.float32(0.5))(np.float64(2)) == 0.25


def test_fractions_of_a_step():
    assert s.Cosine(4)(1.5) == pytest.approx((1 + math.cos(math.pi * 1.5 / 4)) / 2)
    assert s.CosineWarmRestarts(2, 2)(3.5) == pytest.approx((1 + math.cos(math.pi * 1.5 / 4)) / 2)


@pytest.mark.parametrize("t", [-1, float("nan")])
def test_there_is_nothing_before_the_start(t):
    with pytest.raises(ValueError, match="from 0 on"):
        s.Step(3)(t)


@pytest.mark.parametrize("t", ["1", None, True])
def test_steps_are_numbers(t):
    with pytest.raises(TypeError, match="a function of a number of steps"):
        s.Step(3)(t)


def test_one_cycle_ends():
    with pytest.raises(ValueError, match=r"ends after total_steps=10 steps, and step 11 was asked for"):
        s.OneCycle(0.1, 10)(11)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: s.Step(0), "step_size must be above zero, not 0"),
        (lambda: s.Step(3, -1), "gamma must be zero or more, not -1"),
        (lambda: s.Step(3, float("nan")), "gamma must be"),
        (lambda: s.Exponential(float("inf")), "gamma must be"),
        (lambda: s.Exponential("0.9"), "gamma must be"),
        (lambda: s.MultiStep(3), "milestones are a list"),
        (lambda: s.MultiStep([-1]), "each milestone must be"),
        (lambda: s.InverseTime(-1), "k must be"),
        (lambda: s.InverseSqrt(0), "warmup_steps must be"),
        (lambda: s.Polynomial(0), "total_iters must be"),
        (lambda: s.Cosine(0), "T_max must be"),
        (lambda: s.CosineWarmRestarts(2.5), "T_0 must be a whole number from 1 on, not 2.5"),
        (lambda: s.CosineWarmRestarts(2, 0), "T_mult must be"),
        (lambda: s.Cyclic(0.1, 0.2, 0), "step_size_up must be"),
        (
            lambda: s.Cyclic(0.1, 0.2, mode="saw"),
            "mode is one of 'triangular', 'triangular2', 'exp_range', not",
        ),
        (lambda: s.OneCycle(0.1, 0), "total_steps must be"),
        (lambda: s.OneCycle(0.1, 10, pct_start=2), "pct_start must be"),
        (lambda: s.OneCycle(0.1, 10, anneal_strategy="sin"), "anneal_strategy is one of"),
        (lambda: s.Annealed(-0.1), "swa_lr must be"),
        (lambda: s.Sequential([s.Step(3)], [2]), "1 schedules in sequence need 0 milestones, not 1"),
        (lambda: s.Sequential([], []), "no schedule to run"),
        (lambda: s.Warmup(0, s.Step(3)), "warmup_steps must be"),
        (lambda: s.Plateau(factor=1), "factor must be below 1"),
        (lambda: s.Plateau(mode="least"), "mode is one of 'min', 'max', not 'least'"),
        (lambda: s.Plateau(patience=-1), "patience must be"),
        (lambda: s.from_dict({"step_size": 3}), "its name under 'schedule'"),
        (lambda: s.from_dict({"schedule": "Stairs"}), "no schedule 'Stairs'; there are Annealed"),
        (lambda: s.from_dict({"schedule": "Step", "stepsize": 3}), r"Step has .* and not \['stepsize'\]"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: s.Lambda(0.5), "made of a function of t, not of a float"),
        (lambda: s.Multiplicative(None), "made of a function"),
        (lambda: s.Chained([lambda t: 1.0]), "made of schedules, not of a function"),
        (lambda: s.Warmup(3, 0.1), "made of schedules, not of a float"),
        (
            lambda: s.Lambda(math.sqrt).to_dict(),
            "Lambda holds the function 'function', which cannot be saved",
        ),
    ],
)
def test_what_is_no_schedule_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_the_plateau_is_a_function_of_its_state_and_the_metric():
    plateau = s.Plateau(factor=0.5, patience=0, cooldown=2, min_lr=0.2)
    state, lowered = plateau.start(), []
    for metric in [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]:
        state, lower = plateau.update(state, metric)
        lowered.append(lower)
    assert lowered == [False, True, False, False, True, False]
    assert plateau.rates([1.0] * 6) == [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert plateau.lowered(0.2) == 0.2
