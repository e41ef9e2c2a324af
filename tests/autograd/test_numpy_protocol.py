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
    with pytest.raises(TypeError, match=r"np\.arctan2"):
        np.arctan2(x, x)
    with pytest.raises(TypeError, match=r"np\.multiply\.outer"):
        np.multiply.outer(x, x)
    with pytest.raises(TypeError, match="where="):
        np.add(x, 1, where=np.array(True))


def test_helpers_that_need_no_gradient(x):
    assert np.shape(x) == (2, 2)
    assert np.ndim(x) == 2
    assert np.size(x) == 4
    assert np.zeros_like(x).tolist() == [[0, 0], [0, 0]]
    assert not np.ones_like(x).requires_grad
