"""The checker is checked: planted errors are found, right gradients pass."""

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import SCALER, elementwise, op


def planted(rule, forward=lambda x, /: x**3):
    return op(forward, "x", x=rule, name="planted", gate=SCALER, samples=elementwise(1), doc="For this test.")


@pytest.fixture(autouse=True)
def forget_planted_operations():
    from pullback.autograd.extend import REGISTRY

    yield
    REGISTRY.pop("planted", None)


POINT = np.array([[0.5, -1.0, 2.0], [1.5, 0.7, -0.3]])


def test_a_right_rule_passes():
    result = pb.gradcheck(planted(lambda g, x: g * 3 * x**2), POINT)
    assert result
    assert result.max_relative_error < 1e-8
    assert "PASSED" in str(result)
    result.assert_ok()


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda g, x: g * 3.003 * x**2, id="0.1 % too large"),
        pytest.param(lambda g, x: -g * 3 * x**2, id="sign"),
        pytest.param(lambda g, x: g * 6 * x**2, id="factor"),
        pytest.param(lambda g, x: g * 3 * x, id="wrong power"),
        pytest.param(lambda g, x: np.zeros_like(g), id="no gradient"),
        pytest.param(lambda g, x: g * 3 * x**2 + 1e-2, id="offset"),
        pytest.param(lambda g, x: g * np.where(np.arange(3) == 1, 3.003, 3) * x**2, id="one column by 0.1 %"),
        pytest.param(lambda g, x: g * np.nan, id="nan"),
    ],
)
def test_planted_errors_are_found(rule):
    result = pb.gradcheck(planted(rule), POINT)
    assert not result
    with pytest.raises(AssertionError, match="FAILED"):
        result.assert_ok()


def test_a_missing_un_broadcast_is_found():
    """A rule that sums over the wrong axis keeps its shape, so that only the numbers tell."""

    def mean_rows(x, /):
        return np.broadcast_to(x.sum(0), x.shape)

    right = planted(lambda g, x_shape: np.broadcast_to(np.sum(g, 0), x_shape), mean_rows)
    wrong = planted(lambda g: g, mean_rows)
    assert pb.gradcheck(right, POINT)
    assert not pb.gradcheck(wrong, POINT)


def test_a_rule_of_the_wrong_shape_raises_at_once():
    wrong = planted(lambda g: g[0], lambda x, /: x * 2)
    with pytest.raises(RuntimeError, match=r"'planted' for 'x' gave a gradient of shape \(3,\).*\(2, 3\)"):
        pb.gradcheck(wrong, POINT)


def test_the_report_names_the_place():
    wrong = planted(lambda g, x: g * np.where(x == 2.0, 13.0, 3 * x**2))
    x = pb.tensor(POINT, name="weights")
    result = pb.gradcheck(wrong, x)
    first = result.mismatches[0]
    assert first.input == "weights"
    assert first.element == (0, 2)
    assert "input 'weights', element (0, 2): analytic" in str(result)


def test_several_inputs_and_outputs_and_integers():
    def f(x, index, y):
        return x[index] * y, (x * x).sum()

    result = pb.gradcheck(f, (POINT, np.array([0, 1, 1]), POINT[:1]), elementwise=True)
    result.assert_ok()
    assert "9 elements" in result.checked


def test_float32_inputs_are_checked_in_float64():
    result = pb.gradcheck(lambda x: (x**2).sum(), POINT.astype(np.float32))
    assert result.max_relative_error < 1e-8


def test_random_functions_are_refused():
    with pytest.raises(RuntimeError, match="not deterministic"):
        pb.gradcheck(lambda x: x * np.random.default_rng().random(), POINT)


def test_integer_inputs_only_are_refused():
    with pytest.raises(TypeError, match="floating"):
        pb.gradcheck(lambda x: x, pb.tensor([1, 2]))


def test_functions_that_return_no_tensor_are_refused():
    with pytest.raises(TypeError, match="returned float"):
        pb.gradcheck(lambda x: x.sum().item(), POINT)


def test_gradients_that_are_really_zero_pass():
    pb.gradcheck(lambda x: pb.floor(x) + 0 * x, POINT + 0.25).assert_ok()
    pb.gradcheck(lambda x: x.detach() * 0 + 1, POINT).assert_ok()


def test_a_path_that_is_cut_is_found():
    assert not pb.gradcheck(lambda x: (x.detach() * x).sum(), POINT)


def test_large_and_small_scales():
    pb.gradcheck(lambda x: (x * 1e6) ** 2, POINT).assert_ok()
    pb.gradcheck(lambda x: x * 1e-9, POINT).assert_ok()
    pb.gradcheck(lambda x: (x / 1e4).sin(), POINT * 1e4).assert_ok()


def test_directions_that_cross_many_kinks_pass():
    """With 2,000 units some kink is always near: the step must be small enough to stay on one side."""
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(2000, 8)), rng.normal(size=(8, 16))
    result = pb.gradcheck(lambda w: (pb.relu(w @ x) ** 2).mean(), w)
    assert result.max_relative_error < 1e-6


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (pb.log, np.array([1e-6, 2e-6])),
        (pb.sqrt, np.array([1e-8])),
        (pb.log, np.array([1e-6, 1.0])),
        (lambda x: (x**2 + 1e10).sum(), POINT),
    ],
)
def test_no_false_alarm_at_odd_scales(function, point):
    pb.gradcheck(function, point).assert_ok()
    pb.gradcheck(function, point, elementwise=True).assert_ok()


def test_inputs_of_different_scales():
    pb.gradcheck(lambda x, y: x + pb.log(y), (np.array([1e6]), np.array([1e-3]))).assert_ok()
    pb.gradcheck(lambda x, y: x + pb.exp(y), (np.array([1e8]), np.array([1.0]))).assert_ok()
    pb.gradcheck(lambda x: x * 2, np.float32(2)).assert_ok()


def test_tiny_gradients_are_no_excuse():
    wrong = planted(lambda g, x: g * 4.5 * x**2)
    assert not pb.gradcheck(lambda x: wrong(x) * 1e-13, POINT)
    assert not pb.gradcheck(wrong, POINT * 1e-6)


def test_a_function_that_is_not_finite_cannot_be_checked():
    with np.errstate(all="ignore"):
        result = pb.gradcheck(pb.log, np.array([-1.0]))
    assert not result
    assert "not finite" in str(result)


def test_rounding_in_a_gradient_that_is_zero_is_no_error():
    pb.gradcheck(lambda x: pb.sin(x) * 0 + (x * 3 - x - x - x) * 1e-9, POINT).assert_ok()
    rounded = planted(lambda g, x: g * 1e-17, lambda x, /: np.zeros_like(x))
    pb.gradcheck(rounded, POINT).assert_ok()


def test_a_function_that_forgets_its_arguments_is_no_success():
    w = pb.tensor(POINT, requires_grad=True)
    with pytest.raises(ValueError, match="on none of the inputs"):
        pb.gradcheck(lambda x: (w * w).sum(), w)
