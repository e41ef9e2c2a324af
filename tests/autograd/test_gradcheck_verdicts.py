"""PASS, FAIL and INCONCLUSIVE: error budgets, kinks, oracles, what may be checked, and the report as data."""

import itertools
import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.autograd.checks import as_function, samples_of
from pullback.autograd.extend import MIXER, REGISTRY, elementwise, op, own_operations
from pullback.autograd.gradcheck import Verdict

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 4))


@pytest.fixture(autouse=True)
def forget_planted_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def planted(rule, forward=lambda x, /: x**3):
    return op(forward, "x", x=rule, name="planted", gate=MIXER, samples=elementwise(1), doc="For this test.")


# the error budget


@pytest.mark.parametrize("operation", [o for o in own_operations() if o.rules], ids=repr)
def test_no_false_alarm_in_single_precision(operation):
    for sample in samples_of(operation):
        function, inputs = as_function(operation, sample)
        if inputs:
            with np.errstate(all="ignore"):
                result = pb.gradcheck(function, inputs, dtype=np.float32, directions=2, rng=1)
            assert result.verdict is not Verdict.FAIL, result
            assert result.ok or result.advice


def test_single_precision_is_honest():
    """A bug of a percent is within its reach, one of a millionth is not."""
    large = planted(lambda g, x: g * 3.3 * x**2)
    small = planted(lambda g, x: g * 3.0003 * x**2)
    assert pb.gradcheck(large, X, dtype=np.float32).verdict is Verdict.FAIL
    assert pb.gradcheck(small, X, dtype=np.float32).ok
    assert pb.gradcheck(small, X).verdict is Verdict.FAIL


def test_float32_inside_is_inconclusive_or_passes_and_never_a_failure():
    def f(x):
        return (x.astype(np.float32) ** 2).sum()

    for seed in range(5):
        assert pb.gradcheck(f, X, rng=seed).verdict is not Verdict.FAIL
    result = pb.gradcheck(f, X, tolerance=1e-9)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "float32 inside" in result.advice
    assert "what would decide" in str(result)
    with pytest.raises(AssertionError, match="INCONCLUSIVE"):
        result.assert_ok()


def test_cancellation_is_no_failure():
    for size in (1e6, 1e10, 1e14):
        result = pb.gradcheck(lambda x, size=size: ((x + size) - size) ** 2, X)
        assert result.verdict is not Verdict.FAIL, result


@pytest.mark.parametrize("frequency", [1e2, 1e4, 1e6])
def test_fast_oscillation_passes(frequency):
    pb.gradcheck(lambda x: pb.sin(frequency * x), X).assert_ok()
    assert not pb.gradcheck(lambda x: planted(lambda g, x: -g * np.cos(x), np.sin)(frequency * x), X)


def test_noise_is_measured():
    """A function that rounds its values to nine digits has slopes, but only coarse ones."""

    rounded = planted(lambda g, x: g * 2 * x, lambda x, /: np.round(x * x, 9))
    result = pb.gradcheck(rounded, X)
    assert result.verdict is not Verdict.FAIL, result
    wrong = planted(lambda g, x: g * 3 * x, lambda x, /: np.round(x * x, 9))
    assert pb.gradcheck(wrong, X).verdict is Verdict.FAIL


def test_every_comparison_shows_its_u_curve():
    result = pb.gradcheck(lambda x: pb.exp(x), X, tolerance=1e-14)
    curve = result.comparisons[0].curve
    assert len(curve) >= 8
    assert all(a.step > b.step and a.rounding < b.rounding for a, b in itertools.pairwise(curve))


def test_the_edge_of_a_domain_and_points_outside():
    edge = pb.gradcheck(pb.sqrt, 0.0)
    assert edge.verdict is Verdict.INCONCLUSIVE
    assert "edge of the function's domain" in edge.advice
    with np.errstate(all="ignore"):
        outside = pb.gradcheck(pb.log, -1.0)
    assert outside.verdict is Verdict.INCONCLUSIVE
    assert "another point" in outside.advice


# kinks


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (pb.relu, [0.0, 1.0]),
        (pb.abs, [0.0, -2.0]),
        (lambda x: pb.maximum(x, 1.0), [1.0, 3.0]),
        (lambda x: pb.clip(x, 0.0, 1.0), [0.0, 0.5, 1.0]),
        (lambda x: pb.max(x), [2.0, 2.0, 1.0]),
        (lambda x: pb.sort(x) * pb.asarray([1.0, 5.0, 2.0]), [3.0, 1.0, 1.0]),
        (lambda x: pb.maximum(0.0, 1 - x).sum(), [1.0, 0.0, 2.0]),
        (lambda x: x * 3 if x.sum() > 0 else x, [0.0]),
    ],
)
def test_a_tie_is_a_kink_and_its_subgradient_passes(function, point):
    result = pb.gradcheck(function, np.array(point), elementwise=True)
    assert result.ok, result
    assert result.kinks
    low, high = result.kinks[0].kink
    assert low - 1e-6 <= result.kinks[0].analytic <= high + 1e-6
    assert "kink" in str(result)


def test_a_kink_is_named():
    result = pb.gradcheck(lambda x: pb.relu(x).sum(), np.array([0.0, 1.0]), elementwise=True)
    assert "a kink of 'relu' at test_gradcheck_verdicts.py:" in str(result)


def test_outside_the_subgradient_it_fails():
    wrong = planted(lambda g, x: g * np.where(x == 0, 1.5, x > 0), lambda x, /: np.maximum(x, 0))
    result = pb.gradcheck(wrong, np.array([0.0, 1.0]))
    assert result.verdict is Verdict.FAIL
    assert result.causes[0].kind == "ties"


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7])
def test_near_a_kink_the_steps_stay_on_one_side(distance):
    for point in (distance, -distance):
        result = pb.gradcheck(pb.relu, np.array([point]), elementwise=True)
        assert result.ok, result
        assert not result.kinks
    wrong = planted(lambda g, x: g * (x > -1), lambda x, /: np.maximum(x, 0))
    assert pb.gradcheck(wrong, np.array([-distance])).verdict is Verdict.FAIL


def test_a_jump_is_never_called_right_or_wrong():
    result = pb.gradcheck(lambda x: pb.floor(x), np.array([2.0]))
    assert result.verdict is not Verdict.FAIL, result


# more than one oracle


def test_order_two_finds_what_order_one_cannot():
    """The rule is right, but it uses a value that the tape takes for a constant."""

    class Square(pb.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved
            return g * 2 * (x.detach() + (x - x))

    assert pb.gradcheck(Square.apply, X)
    result = pb.gradcheck(Square.apply, X, order=2)
    assert result.verdict is Verdict.FAIL
    assert result.culprit.operation == "Square"
    assert result.causes[0].kind == "second order"
    pb.gradcheck(lambda x: pb.tanh(x) ** 3, X, order=2).assert_ok()


def test_the_complex_step():
    result = pb.gradcheck(lambda x: pb.exp(pb.sin(x)).sum(), X, oracle="complex")
    assert result.ok
    assert result.oracle == "the complex step"
    assert result.comparisons[0].error < 1e-13 * max(1, abs(result.comparisons[0].analytic))
    wrong = planted(lambda g, x: g * 3.0000001 * x**2)
    with pytest.raises(ValueError, match="'planted' is not"):
        pb.gradcheck(wrong, X, oracle="complex")
    with pytest.raises(ValueError, match="'abs' is not"):
        pb.gradcheck(lambda x: pb.abs(x), X, oracle="complex")
    with pytest.raises(ValueError, match="oracle is one of"):
        pb.gradcheck(pb.exp, X, oracle="forward")


def test_auto_takes_the_complex_step_where_differences_leave_it_open():
    """1e-12 of the value depends on x: differences lose it, the complex step does not."""
    result = pb.gradcheck(lambda x: 1e8 + pb.exp(x).sum() * 1e-3, X[0], tolerance=1e-7)
    assert result.ok, result
    assert result.oracle in ("the complex step", "central differences and the complex step")


# what may be checked


@dataclass
class Pair:
    left: object
    right: object


def test_trees_and_their_names():
    def f(p, q):
        return {"a": p["w"] @ p["b"], "c": [q.left * q.right]}

    p = {"w": X, "b": RNG.normal(size=4)}
    pb.gradcheck(f, (p, Pair(X, X + 1)), elementwise=True).assert_ok()
    broken = pb.gradcheck(lambda p: p["w"] * p["b"].detach(), (p,))
    assert broken.mismatches[0].input == "p['b']"


def test_modules_with_their_parameters_on_a_copy():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    result = pb.gradcheck(model, X, elementwise=True, order=2)
    result.assert_ok()
    assert "35 elements" in result.checked
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    assert all(p.grad is None and p.dtype == np.float32 for p in model.parameters())

    class Frozen(nn.Linear):
        def forward(self, x):
            return nn.functional.linear(x, self.weight.detach() * self.weight, self.bias)

    assert pb.gradcheck(Frozen(4, 2), X).mismatches[0].input == "weight"


def test_large_inputs_are_sampled_and_say_so():
    wrong = planted(lambda g, x: g * 6 * x**2)
    x = RNG.normal(size=(100, 100))
    result = pb.gradcheck(wrong, x, max_elements=50)
    assert result.verdict is Verdict.FAIL
    assert "50 of them one by one" in result.checked
    assert len([c for c in result.comparisons if c.element is not None]) == 50


def test_views_that_overlap_and_strides():
    base = RNG.normal(size=12)
    pb.gradcheck(lambda x, y: x * y, (base[:8], base[4:])).assert_ok()
    pb.gradcheck(lambda x: x * x, base[::-2]).assert_ok()
    pb.gradcheck(lambda x: x * 2, np.lib.stride_tricks.sliding_window_view(base, 3)).assert_ok()
    pb.gradcheck(lambda x: x * 2, np.zeros((0, 3))).assert_ok()


def test_the_seed_repeats_the_check():
    wrong = planted(lambda g, x: g * 6 * x**2)
    first, second = (pb.gradcheck(wrong, X, rng=3) for _ in range(2))
    assert first.comparisons == second.comparisons
    assert "repeat it with rng=3" in str(first)


def test_random_functions_show_what_they_gave():
    generator = np.random.default_rng(0)
    with pytest.raises(
        RuntimeError, match=r"not deterministic: calls with the same inputs give -?\d.*, -?\d"
    ):
        pb.gradcheck(lambda x: x * generator.random(), X)
    with pytest.raises(RuntimeError, match="not deterministic"):
        pb.gradcheck(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), X)


def test_the_report_as_json():
    wrong = planted(lambda g, x: -g * 3 * x**2)
    data = json.loads(pb.gradcheck(wrong, X).json())
    assert data["verdict"] == "FAIL"
    assert data["culprit"]["operation"] == "planted"
    assert data["causes"][0]["kind"] == "sign"
    assert data["comparisons"][0]["curve"][0].keys() >= {"step", "estimate", "rounding"}
    edge = json.loads(pb.gradcheck(pb.sqrt, 0.0).json())
    assert edge["comparisons"][0]["numeric"] == "nan"


def test_the_report_as_a_page(tmp_path):
    wrong = planted(lambda g, x: -g * 3 * x**2)
    x = pb.tensor(X, name="<b>&x")
    result, again = (pb.gradcheck(wrong, x) for _ in range(2))
    text = result.html()
    assert text == again.html()
    assert "&lt;b&gt;&amp;x, element" in text
    assert "<b>&x" not in text
    assert text.count("<svg") == 12, "not every comparison of many"
    assert not re.search(r"(src|href|url)[=(]|@import|<script|https?:", text), "nothing is loaded"
    assert "has the wrong sign" in text
    assert text.count("<li>") == text.count("</li>")
    assert result.save(tmp_path / "r.html").read_text() == text
    assert json.loads(result.save(tmp_path / "r.json").read_text())["verdict"] == "FAIL"
    with pytest.raises(ValueError, match=r"\.html or \.json"):
        result.save(tmp_path / "r.pdf")
    edge = pb.gradcheck(pb.sqrt, 0.0).html()
    assert "the edge of the function&#x27;s domain" in edge
    assert "PASS" in pb.gradcheck(pb.exp, X).html()
