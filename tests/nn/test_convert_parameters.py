"""Parameters as one vector."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn.utils import parameters_to_vector, vector_to_parameters


def test_there_and_back():
    model, other = (nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 4, bias=False)) for _ in range(2))
    vector = parameters_to_vector(model.parameters())
    flat = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    np.testing.assert_array_equal(vector.detach().numpy(), flat)
    vector_to_parameters(vector, other.parameters())
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
        assert theirs.is_leaf
        assert theirs.requires_grad


def test_the_gradient_of_the_vector_reaches_each_parameter():
    layer = nn.Linear(2, 1)
    (parameters_to_vector(layer.parameters()) * pb.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 2.0]]
    assert layer.bias.grad.tolist() == [3.0]


def test_a_vector_that_is_a_view_of_a_parameter():
    a, b = nn.Parameter([1.0, 2.0]), nn.Parameter([3.0])
    vector_to_parameters(pb.concat([b.detach(), a.detach()]), [a, b])
    assert (a.tolist(), b.tolist()) == ([3.0, 1.0], [2.0])
    c = nn.Parameter([1.0, 2.0, 3.0])
    vector_to_parameters(c.detach()[::-1], [c])
    assert c.tolist() == [3.0, 2.0, 1.0]


def test_what_does_not_fit_is_refused():
    layer = nn.Linear(2, 1)
    before = layer.weight.tolist()
    with pytest.raises(ValueError, match=r"shape \(4,\), and the parameters take \(3,\)"):
        vector_to_parameters(pb.zeros(4), layer.parameters())
    with pytest.raises(TypeError, match="Tensor, not ndarray"):
        vector_to_parameters(np.zeros(3), layer.parameters())
    with pytest.raises(TypeError, match="as a list"):
        parameters_to_vector(layer.weight)
    with pytest.raises(ValueError, match="none at all"):
        parameters_to_vector([])
    with pytest.raises(ValueError, match="float32, float64"):
        parameters_to_vector([nn.Parameter([1.0]), nn.Parameter([1.0], dtype="float64")])
    assert layer.weight.tolist() == before
