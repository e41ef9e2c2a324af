"""NumPy functions on Tensors: tracked, or refused by name."""

import numpy as np
import pytest

import pullback as pb


@pytest.fixture
def x():
    return pb.tensor([[0.9, -2.0], [3.0, 0.5]], requires_grad=True, dtype=pb.float64)


@pytest.mark.parametrize(
    "function",
    [
        np.tanh,
        np.abs,
        np.sum,
        np.transpose,
        np.ravel,
        lambda a: np.mean(a, axis=0, keepdims=True),
        lambda a: np.var(a, axis=1, ddof=1),
        lambda a: np.std(a, 0),
        lambda a: np.clip(a, a_min=-1, a_max=1),
        lambda a: np.concatenate([a, np.ones((1, 2))]),
        lambda a: np.stack([a, a], axis=1),
        lambda a: np.where(a > 0, a, 0.0),
        lambda a: np.maximum(0, a),
        lambda a: np.reshape(a, (4, 1)),
        lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.matmul(a, np.ones(2)),
        lambda a: np.ones((2, 2)) @ a,
        lambda a: np.ones((2, 2)) - a,
        lambda a: np.float64(2) / (a * a + 1),
        lambda a: 2 ** (a * a),
        lambda a: np.add.reduce(a),
        lambda a: np.maximum.reduce(a, axis=1),
        lambda a: np.multiply.reduce(a, axis=None),
        lambda a: np.logaddexp.reduce(a, axis=1, keepdims=True),
        lambda a: np.add.accumulate(a),
        lambda a: np.multiply.accumulate(a, axis=1),
        lambda a: np.multiply.outer(a, np.array([1.0, 2.0])),
        lambda a: np.subtract.outer(np.array([1.0, 2.0]), a),
        lambda a: np.arctan2(a, 2.0),
        lambda a: np.cumsum(a),
        lambda a: np.cumprod(a, axis=1),
        lambda a: np.sort(a, axis=0),
        lambda a: np.sort(a, axis=None),
        lambda a: np.take(a, [3, 0, 0]),
        lambda a: np.take(a, [1, 1], axis=1),
        lambda a: np.take_along_axis(a, np.array([[1, 0], [0, 0]]), axis=1),
        lambda a: np.diff(a, 1, 0),
        lambda a: np.diff(a, prepend=0.0),
        lambda a: np.repeat(a, 2, axis=0),
        lambda a: np.tile(a, reps=(2, 1)),
        lambda a: np.roll(a, 1, axis=1),
        lambda a: np.pad(a, 1, mode="edge"),
        lambda a: np.tril(a, -1),
        lambda a: np.diagonal(a, 1),
        lambda a: np.hstack([a, a]),
        lambda a: np.vstack([a, np.ones(2)]),
        lambda a: np.dstack([a, a]),
        lambda a: np.column_stack([a, np.ones(2)]),
        lambda a: np.split(a, 2, axis=1)[1],
        lambda a: np.hsplit(a, 2)[1],
        lambda a: np.array_split(a, 3)[0],
        lambda a: np.broadcast_arrays(a, np.ones((3, 1, 1)))[0],
        lambda a: np.meshgrid(a[0], np.ones(3))[0],
        lambda a: np.rollaxis(a, 1),
        lambda a: np.prod(a, axis=1),
        lambda a: np.atleast_3d(a),
        lambda a: np.maximum.accumulate(a, axis=1),
        lambda a: np.minimum.accumulate(a),
        lambda a: np.logaddexp.accumulate(a, axis=1),
        lambda a: np.median(a, axis=1),
        lambda a: np.percentile(a, 30),
        lambda a: np.quantile(a, [0.2, 0.7], axis=0),
        lambda a: np.nansum(a, axis=0),
        lambda a: np.nanstd(a, ddof=1),
        lambda a: np.convolve(a[0], a[1]),
        lambda a: np.correlate(a[0], a[1], mode="full"),
        lambda a: np.interp(a, np.array([-3.0, 0.0, 4.0]), np.array([1.0, 0.0, 2.0])),
        lambda a: np.trapezoid(a, axis=0),
        lambda a: np.sinc(a),
        lambda a: np.average(a, axis=1, weights=np.array([1.0, 3.0])),
        lambda a: np.append(a, np.ones((1, 2)), axis=0),
        lambda a: np.flipud(a),
        lambda a: np.fliplr(a),
        lambda a: np.rot90(a, 3),
        lambda a: np.ptp(a, axis=0),
        lambda a: np.vsplit(a, 2)[0],
        lambda a: np.nan_to_num(a),
    ],
)
def test_numpy_functions_are_tracked(function, x):
    y = function(x)
    assert isinstance(y, pb.Tensor)
    assert y.requires_grad
    np.testing.assert_allclose(y.numpy(), function(x.detach().numpy()))
    pb.gradcheck(function, x).assert_ok()


def test_unknown_functions_are_refused_by_name(x):
    with pytest.raises(TypeError, match=r"np\.linalg\.eig "):
        np.linalg.eig(x)
    with pytest.raises(TypeError, match=r"np\.spacing"):
        np.spacing(x)
    with pytest.raises(TypeError, match=r"np\.multiply\.reduceat"):
        np.multiply.reduceat(x, [0])
    with pytest.raises(TypeError, match=r"np\.subtract\.reduce"):
        np.subtract.reduce(x)
    with pytest.raises(TypeError, match=r"np\.add\.reduce with initial="):
        np.add.reduce(x, initial=1.0)
    with pytest.raises(TypeError, match=r"np\.add with dtype="):
        np.add(x, 1, dtype=np.float32)


def test_where_without_out_is_refused(x):
    with pytest.raises(TypeError, match="needs out="):
        np.add(x, 1, where=np.array(True))


def test_where_writes_what_the_mask_picks_and_computes_nothing_else(x):
    """log of a negative number would be nan, and its gradient, too."""

    def function(a):
        out = pb.zeros((2, 2), dtype=pb.float64)
        return np.log(a, out=out, where=a > 0)

    expected = np.zeros((2, 2))
    np.log(x.detach().numpy(), out=expected, where=x.detach().numpy() > 0)
    np.testing.assert_allclose(function(x).numpy(), expected)
    function(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1 / 0.9, 0], [1 / 3, 2]])


def test_out_takes_the_result_and_its_gradient(x):
    out = pb.zeros((2, 2), dtype=pb.float64)
    assert np.multiply(x, 3.0, out=out) is out
    out.sum().backward()
    assert x.grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    with pytest.raises(TypeError, match="out= must be a Tensor"):
        np.multiply(x, 3.0, out=np.zeros((2, 2)))


def test_helpers_that_need_no_gradient(x):
    assert np.shape(x) == (2, 2)
    assert np.ndim(x) == 2
    assert np.size(x) == 4
    assert np.zeros_like(x).tolist() == [[0, 0], [0, 0]]
    assert not np.ones_like(x).requires_grad


def test_comparisons_give_plain_answers(x):
    assert np.allclose(x, x.detach().numpy()) is True
    assert np.array_equal(x, np.array([[0.9, -2.0], [3.0, 0.5]])) is True
    assert np.isclose(x, 3.0).tolist() == [[False, False], [True, False]]
    assert np.isin(x, [3.0, 0.5]).tolist() == [[False, False], [True, True]]
    assert np.argwhere(x > 2).tolist() == [[1, 0]]
    assert np.flatnonzero(x > 0.6).tolist() == [0, 2]
