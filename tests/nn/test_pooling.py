"""Pooling: known values, ties and nan, every order, regions at random and fixed, vmap, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - as everyone calls it
from pullback.nn.functional.axis_map import average_map, region_map, window_map
from pullback.nn.functional.interpolate import linear_map

RNG = np.random.default_rng(0)


def by_hand(x, starts, reach, step=1):
    """The windows of a sequence, as lists of elements."""
    return [[x[i] for i in range(s, s + reach, step) if 0 <= i < len(x)] for s in starts]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.booleans(), st.data())
def test_windows_of_a_sequence(size, kernel, stride, padding, ceil_mode, data):
    padding = min(padding, kernel // 2)
    if size + 2 * padding < kernel:
        return
    x = np.array(data.draw(st.lists(st.integers(-5, 5), min_size=size, max_size=size)), float)
    places = F.max_pool1d(x[None], kernel, stride, padding, ceil_mode=ceil_mode).shape[1]
    starts = [i * stride - padding for i in range(places)]
    inside = by_hand(x, starts, kernel)
    largest, indices = F.max_pool1d(x[None], kernel, stride, padding, 1, ceil_mode, True)
    assert largest[0].tolist() == [max(w) for w in inside]
    assert x[indices[0].numpy()].tolist() == largest[0].tolist()
    mean = F.avg_pool1d(x[None], kernel, stride, padding, ceil_mode, count_include_pad=False)
    np.testing.assert_allclose(mean[0].numpy(), [np.mean(w) for w in inside], atol=1e-12)
    last = starts[-1] + kernel
    assert last >= size + padding - stride + 1 or not ceil_mode
    assert ceil_mode or last <= size + padding


def test_the_first_of_equals_gets_all():
    x = pb.tensor([[[1.0, 5.0, 5.0], [5.0, 0.0, 5.0], [5.0, 5.0, 5.0]]], requires_grad=True)
    y, indices = F.max_pool2d(x, 2, 1, return_indices=True)
    assert indices.tolist() == [[[1, 1], [3, 5]]]
    y.backward(pb.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    assert x.grad.tolist() == [[[0, 3, 0], [3, 0, 4], [0, 0, 0]]]


def test_nan_and_infinities():
    x = pb.tensor([[np.nan, 1.0, -np.inf, -np.inf, 2.0, np.inf]], requires_grad=True)
    y, indices = F.max_pool1d(x, 2, return_indices=True)
    np.testing.assert_array_equal(y.detach().numpy(), [[np.nan, -np.inf, np.inf]])
    assert indices.tolist() == [[0, 2, 5]]
    y.backward(pb.ones((1, 3)))
    assert x.grad.tolist() == [[1, 0, 1, 0, 0, 1]]
    mean = F.avg_pool1d(x.detach(), 2).tolist()[0]
    assert np.isnan(mean[0])
    assert mean[1:] == [-np.inf, np.inf]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_any_memory_layout_and_any_leading_axes(width):
    x = RNG.normal(size=(2, 3, 8, 7))
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for function in (F.max_pool2d, F.avg_pool2d):
        a, b = pb.asarray(x).requires_grad_(), pb.asarray(last).requires_grad_()
        y, z = function(a, width, 2), function(b, width, 2)
        np.testing.assert_array_equal(y.detach().numpy(), z.detach().numpy())
        (y**2).sum().backward()
        (z**2).sum().backward()
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
        np.testing.assert_array_equal(function(x[1], width, 2).numpy(), y.detach().numpy()[1])
    assert F.max_pool2d(np.zeros((0, 3, 4, 4)), 2).shape == (0, 3, 2, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.max_pool2d(x, 3, 2, 1),
        lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
        lambda x: F.adaptive_max_pool2d(x, (2, 3)),
        lambda x: F.adaptive_avg_pool2d(x, (2, None)),
        lambda x: F.lp_pool2d(x**2 + 1, 3.0, 2),
        lambda x: F.fractional_max_pool2d(x, 2, 3, _random_samples=np.full((1, 2, 2), 0.3)),
    ],
)
def test_every_order_and_vmap(function):
    x = RNG.permutation(50).reshape(1, 2, 5, 5) / 25.0
    loss = lambda x: (function(x) ** 3).sum()
    pb.gradcheck(function, (x,)).assert_ok()
    pb.gradcheck(pb.grad(loss), (x,)).assert_ok()
    _, slope = pb.jvp(function, (pb.tensor(x),), (pb.ones(x.shape, dtype="float64"),))
    step = 1e-6
    np.testing.assert_allclose(
        slope.numpy(), (function(x + step) - function(x - step)).numpy() / (2 * step), 1e-6
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.max_pool1d(x, 3, 2, 1),
        lambda x: F.max_pool1d(x, 2, return_indices=True)[1],
        lambda x: F.avg_pool1d(x, 2),
        lambda x: F.adaptive_avg_pool1d(x, 3),
        lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2),
    ],
)
def test_vmap(function):
    x = pb.tensor(RNG.normal(size=(4, 2, 6)))
    rows = pb.vmap(function)(x)
    for i in range(4):
        np.testing.assert_array_equal(rows[i].numpy(), function(x[i]).numpy())


def test_gradients_per_example():
    x = pb.tensor(RNG.normal(size=(4, 2, 6)))
    loss = lambda x: (F.max_pool1d(x, 3, 2) ** 2).sum()
    each = pb.vmap(pb.grad(loss))(x)
    for i in range(4):
        np.testing.assert_allclose(each[i].numpy(), pb.grad(loss)(x[i]).numpy())


def test_float32_stays():
    x = pb.randn(1, 2, 6, 6).requires_grad_()
    for function in (F.max_pool2d, F.avg_pool2d, lambda x, k: F.adaptive_avg_pool2d(x, k)):
        y = function(x, 2)
        y.sum().backward()
        assert y.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "one", [window_map(9, 3, 2, 1, 1, True), average_map(9, 3, 1, 1, False, False, None)]
)
@pytest.mark.parametrize(
    "other", [region_map(9, 4), region_map(3, 7), linear_map(5, 9, "cubic", False, None)]
)
def test_spread_is_the_transpose_of_sums(one, other):
    for each in (one, other):
        x, g = RNG.normal(size=(2, each.size)), RNG.normal(size=(2, each.places))
        np.testing.assert_allclose((each.sums(x, 1) * g).sum(), (x * each.spread(g, 1)).sum())


def test_global_pooling():
    x = RNG.normal(size=(2, 3, 4, 5))
    np.testing.assert_allclose(F.adaptive_avg_pool2d(x, 1).numpy()[..., 0, 0], x.mean((2, 3)))
    np.testing.assert_allclose(F.adaptive_max_pool2d(x, 1).numpy()[..., 0, 0], x.max((2, 3)))


# fractional pooling


def test_fractional_regions_are_random_in_training_and_fixed_in_evaluation():
    x = pb.tensor(RNG.normal(size=(2, 3, 20, 20)))
    layer = nn.FractionalMaxPool2d(2, output_ratio=0.7)
    pb.manual_seed(1)
    first, second = layer(x), layer(x)
    assert first.shape == (2, 3, 14, 14)
    assert (first != second).any()
    pb.manual_seed(1)
    assert (layer(x) == first).all()
    layer.eval()
    fixed = layer(x)
    assert (layer(x) == fixed).all()
    assert (fixed == F.fractional_max_pool2d(x, 2, 14, _random_samples=np.full((2, 3, 2), 0.5))).all()
    assert (layer(x[0]) == fixed[0]).all()
    own = nn.FractionalMaxPool2d(2, 14, rng=np.random.default_rng(3))(x)
    assert (nn.FractionalMaxPool2d(2, 14, rng=np.random.default_rng(3))(x) == own).all()


def test_fractional_windows_cover_the_input():
    x = np.arange(10.0).reshape(1, 1, 1, 10)
    for u in (0.0, 0.4, 0.99):
        y, at = F.fractional_max_pool2d(x, (1, 2), (1, 6), None, True, np.array([[[u, 0.5]]]))
        steps = np.diff(y.numpy().ravel())
        assert set(steps) <= {1, 2}
        assert y.numpy().max() == 9
        np.testing.assert_array_equal(at.numpy().ravel(), y.numpy().ravel())


# back to where they were


def test_unpooling_inverts_where_it_can():
    x = np.zeros((1, 1, 4, 6))
    x[0, 0, [0, 3], [1, 4]] = [5, 7]
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(F.max_unpool2d(y, indices, 2).numpy(), x)
    assert F.max_unpool2d(y, indices, 2, output_size=(5, 7)).shape == (1, 1, 5, 7)
    assert nn.MaxUnpool2d(2)(y, indices, output_size=(1, 1, 5, 7)).shape == (1, 1, 5, 7)


def test_unpooling_where_windows_overlap():
    values = pb.tensor([[1.0, 2.0]], requires_grad=True)
    y = F.max_unpool1d(values, np.array([[1, 1]]), 2, 1)
    assert y.tolist() == [[0, 2, 0]]
    y.sum().backward()
    assert values.grad.tolist() == [[0, 1]]


# what is refused, and shown


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.max_pool2d(pb.zeros((4, 4)), 2), ValueError, r"must be \(C, H, W\) or \(N, C, H, W\)"),
        (lambda: F.max_pool2d(pb.zeros((1, 4, 4)), 5), ValueError, "does not fit into input of shape"),
        (lambda: F.max_pool2d(pb.zeros((1, 4, 4)), 2, padding=2), ValueError, "more than half of a window"),
        (lambda: F.max_pool1d(pb.zeros((1, 1)), 2, padding=1, dilation=2), ValueError, "miss all of input"),
        (lambda: F.max_pool2d(pb.zeros((1, 4, 4), dtype="int64"), 2), TypeError, "must be floating"),
        (lambda: F.max_pool2d(pb.zeros((1, 0, 4)), 2), ValueError, "has shape|nothing to pool"),
        (lambda: F.avg_pool2d(pb.zeros((1, 4, 4)), 2, 0), ValueError, "stride is a whole number from 1"),
        (lambda: F.avg_pool2d(pb.zeros((1, 4, 4)), 2, divisor_override=0), ValueError, "divisor_override"),
        (
            lambda: F.adaptive_avg_pool2d(pb.zeros((1, 4, 4)), (1, 2, 3)),
            ValueError,
            "output_size is one number",
        ),
        (lambda: F.adaptive_avg_pool2d(pb.zeros((1, 4, 4)), 0), ValueError, "output_size is a whole number"),
        (lambda: F.lp_pool2d(pb.zeros((1, 4, 4)), 0, 2), ValueError, "norm_type is a number other than 0"),
        (lambda: nn.FractionalMaxPool2d(2), ValueError, "either output_size or output_ratio"),
        (
            lambda: F.fractional_max_pool2d(pb.zeros((1, 4, 4)), 2, 4),
            ValueError,
            "do not fit into 4 elements",
        ),
        (lambda: F.fractional_max_pool2d(pb.zeros((1, 4, 4)), 2, None, 1.5), ValueError, "between 0 and 1"),
        (
            lambda: F.fractional_max_pool2d(pb.zeros((1, 4, 4)), 2, 2, _random_samples=np.zeros((1, 2, 2))),
            ValueError,
            "one number per image, channel and axis",
        ),
        (
            lambda: F.max_unpool1d(pb.zeros((1, 2)), np.array([[0, 2]]), 2, output_size=(9,)),
            ValueError,
            r"lies around \(4,\)",
        ),
        (lambda: F.max_unpool1d(pb.zeros((1, 2)), np.array([[0, 9]]), 2), IndexError, "goes beyond axis"),
        (lambda: F.max_unpool1d(pb.zeros((1, 2)), np.array([[0.0, 1.0]]), 2), TypeError, "must be integers"),
        (lambda: F.max_unpool1d(pb.zeros((1, 2)), np.array([[0]]), 2), ValueError, "one for each value"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_layers_show_their_settings():
    assert repr(nn.MaxPool2d(2)) == (
        "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"
    )
    assert repr(nn.FractionalMaxPool2d(3, output_ratio=0.5)) == (
        "FractionalMaxPool2d(kernel_size=(3, 3), output_ratio=0.5)"
    )
