"""Bilinear, LazyLinear, Unflatten."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def test_bilinear_is_its_formula():
    layer = nn.Bilinear(3, 4, 2, dtype="float64", rng=np.random.default_rng(0))
    assert [(name, p.shape) for name, p in layer.named_parameters()] == [
        ("weight", (2, 3, 4)),
        ("bias", (2,)),
    ]
    assert all(np.abs(p.detach().numpy()).max() <= 3**-0.5 for p in layer.parameters())
    assert repr(layer) == "Bilinear(in1_features=3, in2_features=4, out_features=2, bias=True)"
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 4))
    w, b = (p.detach().numpy() for p in layer.parameters())
    expected = np.einsum("...i,kij,...j->...k", x, w, y) + b
    np.testing.assert_allclose(layer(pb.tensor(x), pb.tensor(y)).detach().numpy(), expected, rtol=1e-12)
    assert list(nn.Bilinear(1, 1, 1, bias=False).state_dict()) == ["weight"]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ((2, 4), (2, 4), r"inputs of shapes \(2, 4\) and \(2, 4\) do not fit weight of shape \(2, 3, 4\)"),
        ((2, 3), (3, 4), r"shapes \(2, 3\) and \(3, 4\); all axes but the last"),
        ((), (4,), r"shapes \(\) and \(4,\)"),
    ],
)
def test_bilinear_names_the_shapes(x, y, message):
    with pytest.raises(ValueError, match=message):
        nn.Bilinear(3, 4, 2)(pb.zeros(x), pb.zeros(y))
    with pytest.raises(TypeError, match=r"bilinear: the input is float64 and the parameters float32"):
        nn.Bilinear(3, 4, 2)(pb.zeros(3), pb.zeros(4, dtype="float64"))


@pytest.mark.parametrize("name", ["in1_features", "in2_features", "out_features"])
def test_bilinear_refuses_bad_feature_counts(name):
    with pytest.raises(ValueError, match=f"{name} is a whole number from 1 on"):
        nn.Bilinear(**({"in1_features": 1, "in2_features": 1, "out_features": 1} | {name: 0}))


# LazyLinear


def test_a_lazy_layer_takes_its_shape_from_the_first_input():
    model = nn.Sequential(
        nn.LazyLinear(4, rng=np.random.default_rng(0)), nn.ReLU(), nn.LazyLinear(2, bias=False)
    )
    assert repr(model[0]) == "LazyLinear(in_features=0, out_features=4, bias=True)"
    weight = model[0].weight
    optimizer = pb.optim.SGD(model.parameters(), lr=0.1)
    model(pb.ones((5, 3))).sum().backward()
    assert type(model[0]) is nn.Linear
    assert type(model[0].weight) is nn.Parameter
    assert model[0].weight is weight
    assert repr(model[2]) == "Linear(in_features=4, out_features=2, bias=False)"
    np.testing.assert_array_equal(
        weight.detach().numpy(), nn.Linear(3, 4, rng=np.random.default_rng(0)).weight.detach().numpy()
    )
    before = weight.detach().numpy().copy()
    optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), before - 0.1 * weight.grad.numpy(), rtol=1e-6)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_lazy_layer_is_copied_converted_and_loaded(copied):
    lazy = copied(nn.LazyLinear(2).double())
    assert lazy.weight.dtype == np.float64
    full = nn.Linear(3, 2)
    lazy.load_state_dict(full.state_dict())
    x = pb.ones((1, 3), dtype="float64")
    np.testing.assert_allclose(lazy(x).detach().numpy(), full.double()(x).detach().numpy(), rtol=1e-6)
    assert lazy.in_features == 3
    assert type(lazy) is nn.Linear


def test_a_lazy_layer_and_what_it_cannot_take():
    with pytest.raises(ValueError, match="out_features is a whole number"):
        nn.LazyLinear(0)
    with pytest.raises(ValueError, match="its last axis must be the features"):
        nn.LazyLinear(2)(pb.tensor(1.0))
    layer = nn.LazyLinear(2)
    layer.reset_parameters()
    assert layer.weight.shape == (0,)
    with pytest.raises(TypeError, match="float64"):
        layer(pb.ones(3, dtype="float64"))


# Unflatten


def test_unflatten():
    x = pb.tensor(np.arange(24.0).reshape(2, 12))
    assert nn.Unflatten(1, (3, 4))(x).shape == (2, 3, 4)
    assert nn.Unflatten(-1, [2, -1, 3])(x).shape == (2, 2, 2, 3)
    np.testing.assert_array_equal(nn.Flatten()(nn.Unflatten(1, (3, 4))(x)).numpy(), x.numpy())
    assert nn.Unflatten(0, (0, 5))(pb.zeros((0, 2))).shape == (0, 5, 2)
    assert repr(nn.Unflatten(1, (3, 4))) == "Unflatten(dim=1, unflattened_size=(3, 4))"
    with pytest.raises(ValueError, match=r"has length 12, which is not 5 × -1"):
        nn.Unflatten(1, (5, -1))(x)
    with pytest.raises(ValueError, match=r"which is not 0 × -1"):
        nn.Unflatten(0, (0, -1))(pb.zeros((0, 2)))
    with pytest.raises(IndexError, match=r"splits the axis 2, and the input has shape \(2, 12\), 2 axes"):
        nn.Unflatten(2, (3, 4))(x)
    for bad in ((), (-1, -1), (2.0, 3), (-2, 3)):
        with pytest.raises(ValueError, match="unflattened_size holds the lengths"):
            nn.Unflatten(1, bad)
