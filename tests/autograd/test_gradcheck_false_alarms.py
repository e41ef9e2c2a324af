"""Odd points and odd functions: right gradients are never called wrong, and wrong ones never right."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.autograd.gradcheck import Verdict

RNG = np.random.default_rng(3)
X = RNG.normal(size=(3, 4))


def function(forward, backward):
    def keeping(ctx, x):
        ctx.save(x)
        return forward(x)

    methods = {"forward": staticmethod(keeping), "backward": staticmethod(backward)}
    return type("Planted", (pb.Function,), methods).apply


def hooked(change):
    def f(x):
        y = x * 3
        y.register_hook(change)
        return y * y

    return f


@pytest.mark.parametrize(
    ("f", "point"),
    [
        pytest.param(lambda x: x * 1e300, X, id="near overflow"),
        pytest.param(pb.exp, np.array([700.0]), id="near overflow of exp"),
        pytest.param(lambda x: x * x, X * 1e-150, id="near underflow"),
        pytest.param(lambda x: x * pb.log(x), np.array([1e-12, 1.0]), id="near the edge of the domain"),
        pytest.param(lambda x: x**0.5, np.array([1e-12, 4.0]), id="near the edge of the domain of a power"),
        pytest.param(pb.sort, np.array([1.0, 1.0, 1.0, 2.0]), id="three that tie"),
        pytest.param(lambda x: pb.max(x, axis=1), np.ones((4, 5)), id="ties everywhere"),
        pytest.param(lambda x: nn.functional.max_pool2d(x, 2), np.ones((1, 1, 4, 4)), id="a constant image"),
        pytest.param(lambda x: pb.abs(x) ** 1.5, np.array([0.0, 2.0]), id="a kink of the second order"),
        pytest.param(lambda x: x.sum() + 0 * pb.sqrt(x * x + 1e-12).sum(), X, id="nothing from a sharp bend"),
        pytest.param(hooked(lambda g: g), X, id="a hook"),
        pytest.param(lambda x: pb.checkpoint(lambda a: pb.tanh(a) * a, x), X, id="checkpoint"),
        pytest.param(lambda x: pb.vmap(lambda row: pb.tanh(row).sum())(x), X, id="vmap inside"),
        pytest.param(lambda x: pb.grad(lambda a: (a**3).sum())(x), X, id="grad inside"),
        pytest.param(lambda z: pb.abs(z), np.array([0j, 1 + 1j]), id="a complex kink"),
        pytest.param(lambda x: (x * x).sum(), np.zeros((0, 3)), id="nothing"),
    ],
)
def test_right_ones_pass(f, point):
    for elementwise in (False, True):
        result = pb.gradcheck(f, point, elementwise=elementwise)
        assert result.verdict is Verdict.PASS, result


@pytest.mark.parametrize(
    ("f", "point"),
    [
        pytest.param(lambda x: pb.sign(x), np.array([0.0, 1.0]), id="in the middle of a jump"),
        pytest.param(lambda x: pb.linalg.svdvals(x), np.ones((3, 3)), id="singular values that tie"),
        pytest.param(lambda x: pb.sqrt(x * x), np.array([0.0, 2.0]), id="nan at a kink"),
        pytest.param(lambda x: (pb.exp(x) - 1 - x) / (x * x), np.array([1e-5, 1.0]), id="cancellation"),
        pytest.param(lambda x: x * pb.abs(x), np.array([0.0, 2.0]), id="a gradient that bends at zero"),
        pytest.param(lambda x: pb.linalg.inv(x), np.array([[1.0, 1.0], [1.0, 1 + 1e-9]]), id="singular"),
    ],
)
def test_what_cannot_be_decided_does_not_fail(f, point):
    for elementwise in (False, True):
        result = pb.gradcheck(f, point, elementwise=elementwise)
        assert result.verdict is not Verdict.FAIL, result
        assert result.ok or result.advice


def test_a_nan_is_charged_to_its_own_element():
    result = pb.gradcheck(lambda x: pb.sqrt(x * x), np.array([0.0, 2.0]), elementwise=True)
    verdicts = {c.element: c.verdict for c in result.comparisons if c.element is not None}
    assert verdicts == {(0,): Verdict.INCONCLUSIVE, (1,): Verdict.PASS}


def test_a_jump_is_said_to_be_one():
    assert "jumps at this point" in pb.gradcheck(pb.sign, np.array([0.0])).advice


def test_a_small_gradient_beside_large_ones_is_looked_at():
    """In a direction through all inputs the one of 2 is lost beside the one of a million."""
    negated = function(lambda x: 2 * x, lambda ctx, g: -2 * g)
    result = pb.gradcheck(lambda w, b: w * 1e6 + negated(b), (X, X))
    assert result.verdict is Verdict.FAIL
    assert result.culprit.operation == "Planted"
    lost = pb.gradcheck(lambda w, b: w * 1e6 + b.detach(), (X, X))
    assert lost.verdict is Verdict.FAIL
    assert lost.mismatches[0].input == "b"
    assert pb.gradcheck(lambda w, b: w * 1e6 + b * 1e-3 + 0 * b, (X, X))


def test_a_wrong_gradient_of_no_size_does_not_pass():
    negated = function(lambda x: x * 1e-20, lambda ctx, g: -g * 1e-20)
    result = pb.gradcheck(negated, X)
    assert result.verdict is not Verdict.PASS
    assert "values of about 1" in result.advice
    assert pb.gradcheck(lambda x: x * 1e-20, X)


def test_a_kink_beside_the_point_is_no_excuse():
    on_the_wrong_side = function(pb.relu, lambda ctx, g: g * (ctx.saved[0].numpy() >= -1e-6))
    for distance in (1e-7, 1e-9):
        assert pb.gradcheck(on_the_wrong_side, np.array([-distance, 1.0])).verdict is Verdict.FAIL


def test_a_wrong_tie_of_several_fails():
    def all_of_it(ctx, g):
        x = ctx.saved[0].numpy()
        return g * (x == x.max())

    wrong = function(lambda x: pb.max(x), all_of_it)
    double = function(lambda x: pb.max(x), lambda ctx, g: 2 * all_of_it(ctx, g))
    assert pb.gradcheck(wrong, np.array([1.0, 0.0])).ok
    assert pb.gradcheck(double, np.array([1.0, 1.0, 1.0])).verdict is Verdict.FAIL


def test_a_hook_that_changes_the_gradient_is_found():
    assert pb.gradcheck(hooked(lambda g: 2 * g), X).verdict is Verdict.FAIL


def picture_net():
    rng = np.random.default_rng(0)
    conv, linear = nn.Conv2d(1, 2, 3, rng=rng), nn.Linear(2 * 5 * 5, 3, rng=rng)
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), linear)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pictures_with_an_empty_background_do_not_fail(dtype):
    """Where the picture is constant, everything that is pooled ties."""
    picture = np.zeros((1, 1, 12, 12))
    picture[..., 4:8, 4:8] = RNG.random((4, 4))
    model = picture_net()
    result = pb.gradcheck(
        lambda m, x: nn.functional.cross_entropy(m(x), np.array([1])), (model, picture), dtype=dtype
    )
    assert result.verdict is not Verdict.FAIL, result
    assert result.ok or dtype == np.float32, result


def test_more_ties_than_elements_that_are_looked_at():
    zeros = np.zeros((30, 30))
    result = pb.gradcheck(lambda x: pb.relu(x), zeros, max_elements=40)
    assert result.ok, result
    assert "beside the point" in result.checked
    wrong = function(pb.relu, lambda ctx, g: 1.5 * g)
    assert pb.gradcheck(wrong, zeros, max_elements=40).verdict is Verdict.FAIL
    everywhere = function(lambda x: pb.max(x, axis=1), lambda ctx, g: g.reshape(-1, 1) + 0 * ctx.saved[0])
    assert pb.gradcheck(everywhere, np.ones((30, 30)), max_elements=40).verdict is Verdict.FAIL


def test_sensitive_functions_do_not_fail():
    def chaos(x):
        for _ in range(40):
            x = 3.9 * x * (1 - x)
        return x

    assert pb.gradcheck(chaos, np.array([0.3, 0.4])).verdict is not Verdict.FAIL
    assert pb.gradcheck(lambda x: pb.sin(x * 1e4), X, dtype=np.float32).verdict is not Verdict.FAIL
