"""Clipping of gradients."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pullback as pb
from pullback import nn, optim
from pullback.autograd.extend import sparse_grad

ARRAYS = st.lists(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0), elements=st.floats(-1e3, 1e3)
    ),
    max_size=4,
)


def with_gradients(*arrays, dtype=None):
    tensors = []
    for array in arrays:
        array = np.asarray(array, dtype or np.asarray(array).dtype)
        tensor = pb.zeros(array.shape, dtype=array.dtype).requires_grad_()
        tensor.grad = pb.tensor(array)
        tensors.append(tensor)
    return tensors


def joined(arrays):
    return np.concatenate([np.zeros(0), *(np.ravel(array) for array in arrays)])


@given(ARRAYS, st.sampled_from([0, 0.5, 1, 2, 3, math.inf]), st.floats(0, 1e3))
def test_the_norm_is_that_of_one_long_vector_and_is_brought_below_the_limit(arrays, order, limit):
    params = with_gradients(*arrays)
    norm = optim.clip_grad_norm_(params, limit, order)
    whole = joined(arrays)
    if order:  # for 0, as in PyTorch, the parameters that are not zero are counted
        expected = np.linalg.norm(whole, order) if whole.size else 0
        assert norm.item() == pytest.approx(expected, rel=1e-9)
    factor = min(1, limit / (norm.item() + 1e-6))
    np.testing.assert_allclose(joined(p.grad.numpy() for p in params), whole * factor, rtol=1e-9, atol=1e-300)


@given(ARRAYS, st.floats(0, 1e3))
def test_values_are_clipped_one_by_one(arrays, limit):
    params = with_gradients(*arrays)
    assert optim.clip_grad_value_(params, limit) is None
    np.testing.assert_array_equal(
        joined(p.grad.numpy() for p in params), np.clip(joined(arrays), -limit, limit)
    )


def test_both_doors_lead_to_the_same_functions():
    for name in ("clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"):
        assert getattr(optim, name) is getattr(nn.utils, name)


def test_the_gradient_stays_the_same_object_and_dtype():
    (p,) = with_gradients(np.array([3, 4], np.float32))
    gradient = p.grad
    norm = optim.clip_grad_norm_((q for q in [p]), 1)
    assert p.grad is gradient
    assert gradient.dtype == norm.dtype == np.float32
    assert norm.item() == 5.0
    assert norm.shape == ()


def test_a_smaller_norm_is_left_alone():
    (p,) = with_gradients([0.1, -0.7])
    optim.clip_grad_norm_(p, 1.0)
    assert p.grad.tolist() == [0.1, -0.7]


def test_parameters_without_gradients_and_given_twice():
    p, q = with_gradients([3.0], [4.0])
    free = pb.zeros(2).requires_grad_()
    assert optim.clip_grad_norm_([p, free, q, p], 1.0).item() == 5.0
    assert p.grad.tolist() == pytest.approx([0.6])
    assert free.grad is None
    assert optim.clip_grad_norm_([free], 1.0).item() == 0.0
    assert optim.clip_grad_norm_([], 1.0).item() == 0.0


@pytest.mark.parametrize(
    ("scale", "dtype"), [(1e30, np.float32), (1e-30, np.float32), (1e200, np.float64), (1e-200, np.float64)]
)
def test_squares_neither_overflow_nor_vanish(scale, dtype):
    params = with_gradients([3 * scale], [4 * scale, 0.0], dtype=dtype)
    assert optim.get_total_norm([p.grad for p in params]).item() == pytest.approx(5 * scale, rel=1e-6)
    optim.clip_grad_norm_(params, scale)
    if scale > 1:  # the smaller ones meet the 1e-6 of the formula
        assert params[0].grad.item() == pytest.approx(0.6 * scale, rel=1e-6)


def test_a_norm_beyond_float32_still_scales():
    params = with_gradients(np.full(100, 3e38, np.float32))
    assert optim.clip_grad_norm_(params, 1.0).item() == math.inf
    np.testing.assert_allclose(params[0].grad.numpy(), 0.1, rtol=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_gradients_that_are_not_finite(bad):
    p, q = with_gradients([1.0, bad], [2.0])
    with pytest.raises(RuntimeError, match=r"the norm of order 2.0 of these gradients is (nan|inf)"):
        optim.clip_grad_norm_([p, q], 1.0, error_if_nonfinite=True)
    assert q.grad.item() == 2.0
    with pytest.raises(RuntimeError, match="cannot be scaled"):
        optim.get_total_norm([p.grad], error_if_nonfinite=True)
    with np.errstate(invalid="ignore"):
        norm = optim.clip_grad_norm_([p, q], 1.0)
    np.testing.assert_equal(norm.item(), bad)
    np.testing.assert_equal(q.grad.item(), math.nan if math.isnan(bad) else 0.0)


def test_complex_gradients_have_a_norm_and_no_order():
    (p,) = with_gradients(np.array([3 + 4j, 12j]))
    assert optim.clip_grad_norm_(p, 6.5).item() == 13.0
    np.testing.assert_allclose(p.grad.numpy(), [1.5 + 2j, 6j], rtol=1e-6)
    with pytest.raises(TypeError, match="no order"):
        optim.clip_grad_value_(p, 1.0)


def test_gradients_of_rows_stay_sparse():
    def table():
        t = pb.zeros((50, 2)).requires_grad_()
        (t[pb.asarray([7, 3, 7])] * pb.tensor([3.0, -0.25])).sum().backward()
        return t

    by_norm, by_value, dense = table(), table(), table()
    assert dense.grad is not None  # reading it makes it whole
    expected = optim.clip_grad_norm_(dense, 2.0)
    assert optim.clip_grad_norm_(by_norm, 2.0).item() == pytest.approx(expected.item())
    assert sparse_grad(by_norm).indices.tolist() == [3, 7]
    np.testing.assert_allclose(by_norm.grad.numpy(), dense.grad.numpy(), rtol=1e-6)
    optim.clip_grad_value_(by_value, 4.0)
    assert sparse_grad(by_value).values.tolist() == [[3.0, -0.25], [4.0, -0.5]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: optim.clip_grad_norm_(p, -1.0), ValueError, "max_norm must be zero or more, not -1.0"),
        (lambda p: optim.clip_grad_norm_(p, math.nan), ValueError, "max_norm must be"),
        (lambda p: optim.clip_grad_norm_(p, 1.0, -2), ValueError, "norm_type must be"),
        (lambda p: optim.clip_grad_value_(p, -1.0), ValueError, "clip_value must be"),
        (
            lambda p: optim.clip_grad_norm_(nn.Linear(1, 1), 1.0),
            TypeError,
            r"model.parameters\(\).* not a Linear",
        ),
        (lambda p: optim.clip_grad_norm_([p, 3], 1.0), TypeError, "one of these is a int"),
        (lambda p: optim.clip_grad_norm_(3, 1.0), TypeError, "not a int"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(call, error, message):
    (p,) = with_gradients([5.0])
    with pytest.raises(error, match=message):
        call(p)
    assert p.grad.item() == 5.0
