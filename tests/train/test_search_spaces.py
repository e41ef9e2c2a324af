"""Spaces of hyper-parameters: draws, grids, and narrowing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.train import Choice, Integer, LogUniform, Space, Uniform

REALS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-8, 1e6)
NUMBERS = st.one_of(
    st.tuples(REALS, REALS).map(lambda ends: Uniform(*sorted(ends))),
    st.tuples(POSITIVE, POSITIVE).map(lambda ends: LogUniform(*sorted(ends))),
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)).map(lambda ends: Integer(*sorted(ends))),
    st.tuples(st.integers(1, 500), st.integers(1, 500)).map(lambda ends: Integer(*sorted(ends), log=True)),
)


@given(NUMBERS, st.integers(0, 2**32 - 1))
def test_draws_and_grids_are_within_bounds_and_of_the_right_kind(parameter, seed):
    kind = int if isinstance(parameter, Integer) else float
    rng = np.random.default_rng(seed)
    for value in [*(parameter.draw(rng) for _ in range(20)), *parameter.grid(5), *parameter.grid(1)]:
        assert parameter.low <= value <= parameter.high
        assert type(value) is kind
        assert parameter.distribution()._contains(parameter.distribution().to_internal_repr(value))
    points = parameter.grid(4)
    assert points == sorted(points)
    assert (points[0], points[-1]) == (pytest.approx(parameter.low), pytest.approx(parameter.high))


@given(NUMBERS, st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_a_narrowed_space_lies_within_and_around_the_best(parameter, seed, shrink):
    best = parameter.draw(np.random.default_rng(seed))
    narrowed = parameter.narrowed([best], shrink)
    assert type(narrowed) is type(parameter)
    assert parameter.low <= narrowed.low <= narrowed.high <= parameter.high
    slack = 1e-9 * max(abs(parameter.low), abs(parameter.high))
    assert narrowed.low - slack <= best <= narrowed.high + slack
    if not isinstance(parameter, Integer):
        width = (lambda p: math.log(p.high / p.low)) if parameter.logarithmic else (lambda p: p.high - p.low)
        assert width(narrowed) == pytest.approx(shrink * width(parameter), rel=1e-6, abs=1e-9 + slack)


def test_what_is_drawn_is_even():
    rng = np.random.default_rng(0)
    counts = np.bincount([Integer(0, 4).draw(rng) for _ in range(5000)])
    assert len(counts) == 5
    assert counts.min() > 880  # 1000 ± 4 standard deviations
    below = np.mean([LogUniform(1e-4, 1.0).draw(rng) < 1e-2 for _ in range(4000)])
    assert below == pytest.approx(0.5, abs=0.03)
    below = np.mean([Uniform(1.0, 3.0).draw(rng) < 2 for _ in range(4000)])
    assert below == pytest.approx(0.5, abs=0.03)
    small = np.mean([Integer(1, 100, log=True).draw(rng) <= 10 for _ in range(4000)])
    assert small == pytest.approx(math.log(21) / math.log(201), abs=0.03)
    assert {Choice("a", 2, None).draw(rng) for _ in range(50)} == {"a", 2, None}


def test_narrowing_moves_inwards_at_an_edge_and_drops_options():
    space = Space({"lr": LogUniform(1e-4, 1.0), "drop": Uniform(0, 1), "act": ["relu", "tanh", "elu"]})
    good = [
        {"lr": 1e-4, "drop": 0.5, "act": "tanh"},
        {"lr": 1e-1, "drop": 0.1, "act": "tanh"},
        {"lr": 1e-1, "drop": 0.1, "act": "relu"},
    ]
    narrowed = space.narrowed(good, 0.5)
    assert narrowed["lr"].low == 1e-4
    assert narrowed["lr"].high == pytest.approx(1e-2)
    assert (narrowed["drop"].low, narrowed["drop"].high) == (0.25, 0.75)
    assert narrowed["act"].options == ("relu", "tanh")
    with pytest.raises(ValueError, match="no configuration"):
        space.narrowed([], 0.5)
    with pytest.raises(ValueError, match="shrink is above 0"):
        space.narrowed(good, 0.0)


def test_a_grid_has_all_combinations_and_points_by_name():
    space = Space({"a": Uniform(0, 1), "b": Integer(1, 9), "c": ["x", "y"], "d": 7})
    grid = space.grid({"a": 2, "b": 3})
    assert len(grid) == 12
    assert {tuple(config.values()) for config in grid} == {
        (a, b, c, 7) for a in (0.0, 1.0) for b in (1, 5, 9) for c in "xy"
    }
    with pytest.raises(KeyError, match="nothing of 'b'"):
        space.grid({"a": 2})
    with pytest.raises(ValueError, match="whole number of points from 1 on"):
        space.grid(0)


def test_choices_of_lists_numbers_and_none():
    choice = Choice((64, 64), [32], None, 1, "1", 1.5, True)
    for option in choice.options:
        assert choice.decoded(choice.coded(option)) is option
    assert choice.decoded(choice.coded(True)) is True


def test_options_may_be_numpys_numbers_and_arrays():
    space = Space(
        {"batch_size": list(2 ** np.arange(4, 6)), "lr": np.logspace(-2, -1, 2), "width": np.int64(3)}
    )
    options = [config[name] for config in space.grid(1) for name in space]
    assert options[:3] == [16, 0.01, 3]
    assert {type(option) for option in options} == {int, float}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Uniform(1, 0), ValueError, r"Uniform\(1, 0\) has its bounds in the wrong order"),
        (lambda: Uniform(0, math.inf), ValueError, "between two finite numbers"),
        (lambda: Uniform(0, True), ValueError, "between two finite numbers"),
        (lambda: LogUniform(0, 1), ValueError, "positive numbers only"),
        (lambda: Integer(0, 1.5), ValueError, "between two whole numbers"),
        (lambda: Integer(0, 8, log=True), ValueError, "positive numbers only"),
        (lambda: Choice(), ValueError, "at least one option"),
        (lambda: Choice(1, 1), ValueError, "differ from one another"),
        (lambda: Choice((1, 2), [1, 2]), ValueError, "differ from one another"),
        (lambda: Choice(abs), TypeError, "what JSON can hold"),
        (lambda: Choice(math.nan), TypeError, "what JSON can hold"),
        (lambda: Space({}), ValueError, "nothing to search in"),
        (lambda: Space({1: 2}), TypeError, "called by strings"),
    ],
)
def test_spaces_that_make_no_sense(make, error, message):
    with pytest.raises(error, match=message):
        make()
