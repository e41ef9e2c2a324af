"""Layers, activations, containers, losses as modules."""

from collections import OrderedDict

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def test_linear_has_the_known_names_shapes_and_start_values():
    layer = nn.Linear(64, 32, rng=np.random.default_rng(0))
    assert [(name, p.shape, p.dtype) for name, p in layer.named_parameters()] == [
        ("weight", (32, 64), np.float32),
        ("bias", (32,), np.float32),
    ]
    for parameter in layer.parameters():
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= 1 / 8
        assert np.abs(values).max() > 0.9 / 8


def test_linear_without_bias_and_in_double():
    layer = nn.Linear(3, 2, bias=False, dtype=np.float64)
    assert list(layer.state_dict()) == ["weight"]
    x = pb.tensor(np.arange(6.0).reshape(2, 3))
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy() @ layer.weight.detach().numpy().T)
    assert repr(layer) == "Linear(in_features=3, out_features=2, bias=False)"


def test_linear_follows_the_default_dtype():
    pb.set_default_dtype(pb.float64)
    try:
        assert nn.Linear(2, 1).weight.dtype == np.float64
    finally:
        pb.set_default_dtype(pb.float32)


def test_start_values_come_from_the_given_or_the_default_generator():
    first = nn.Linear(3, 2, rng=np.random.default_rng(5)).weight.tolist()
    assert nn.Linear(3, 2, rng=np.random.default_rng(5)).weight.tolist() == first
    pb.manual_seed(1)
    first = nn.Linear(3, 2).weight.tolist()
    second = nn.Linear(3, 2).weight.tolist()
    pb.manual_seed(1)
    assert nn.Linear(3, 2).weight.tolist() == first != second


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "4"])
def test_linear_refuses_bad_feature_counts(count):
    with pytest.raises(ValueError, match="in_features is a whole number"):
        nn.Linear(count, 2)
    with pytest.raises(ValueError, match="out_features is a whole number"):
        nn.Linear(2, count)


def test_activations():
    x = pb.tensor([-1.0, 0.0, 2.0])
    assert nn.ReLU()(x).tolist() == [0.0, 0.0, 2.0]
    np.testing.assert_allclose(nn.Sigmoid()(x).numpy(), 1 / (1 + np.exp(-x.numpy())), rtol=1e-6)
    np.testing.assert_allclose(nn.Tanh()(x).numpy(), np.tanh(x.numpy()), rtol=1e-6)
    assert nn.ReLU(inplace=True)(x) is x


def test_identity_and_flatten():
    x = pb.zeros((5, 2, 3, 4))
    assert nn.Identity(54, unused=True)(x) is x
    assert nn.Flatten()(x).shape == (5, 24)
    assert nn.Flatten(0)(x).shape == (120,)
    assert nn.Flatten(-3, -2)(x).shape == (5, 6, 4)
    assert nn.Flatten()(pb.zeros((0, 2, 3))).shape == (0, 6)
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
    for bad in (nn.Flatten(4), nn.Flatten(2, 1), nn.Flatten(-5)):
        with pytest.raises(IndexError, match="Flatten joins the axes"):
            bad(x)


# Sequential


def test_sequential_chains_indexes_slices_and_appends():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU()).append(nn.Linear(3, 2))
    x = pb.ones((5, 4))
    np.testing.assert_array_equal(model(x).detach().numpy(), model[2](pb.relu(model[0](x))).detach().numpy())
    assert len(model) == 3
    assert list(model) == [model[0], model[1], model[2]]
    assert model[-1] is model[2]
    tail = model[1:]
    assert isinstance(tail, nn.Sequential)
    assert list(tail) == [model[1], model[2]]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(IndexError, match="module 3 of a Sequential of 3"):
        model[3]


def test_an_empty_sequential_passes_on():
    x = pb.ones(2)
    assert nn.Sequential()(x) is x
    assert len(nn.Sequential()) == 0


def test_sequential_of_named_modules():
    model = nn.Sequential(OrderedDict(first=nn.Linear(2, 2), act=nn.ReLU()))
    assert list(model.state_dict()) == ["first.weight", "first.bias"]
    assert model.act is model[1]
    assert [name for name, _ in model[:1].named_children()] == ["first"]


def test_sequential_runs_a_module_that_comes_twice_twice():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, layer)
    assert len(model) == 2
    assert len(list(model.parameters())) == 2
    x = pb.ones((1, 2))
    np.testing.assert_array_equal(model(x).detach().numpy(), layer(layer(x)).detach().numpy())


def test_sequential_refuses_what_is_no_module():
    with pytest.raises(TypeError, match=r"'0' is a list; .*Sequential\(\*layers\)"):
        nn.Sequential([nn.ReLU()])
    with pytest.raises(TypeError, match="'1' is a function"):
        nn.Sequential(nn.ReLU(), lambda x: x)
    for name in ("a.b", "", "forward"):
        with pytest.raises(KeyError, match="name"):
            nn.Sequential(OrderedDict([(name, nn.ReLU())]))


# losses


def test_cross_entropy_loss_passes_its_settings_on():
    logits = pb.tensor(np.random.default_rng(0).normal(size=(4, 3)))
    target = np.array([0, 2, 1, 2])
    weight = np.array([1.0, 2.0, 0.5])
    loss = nn.CrossEntropyLoss(weight, ignore_index=1, reduction="sum", label_smoothing=0.1)
    expected = nn.functional.cross_entropy(
        logits, target, weight, ignore_index=1, reduction="sum", label_smoothing=0.1
    )
    assert loss(logits, target).item() == expected.item()
    assert list(loss.state_dict()) == ["weight"]
    assert not list(loss.parameters())
    assert repr(loss) == "CrossEntropyLoss(ignore_index=1, reduction='sum', label_smoothing=0.1)"
    assert repr(nn.CrossEntropyLoss()) == "CrossEntropyLoss()"
    assert nn.CrossEntropyLoss().state_dict() == {}


def test_cross_entropy_loss_refuses_bad_settings_when_it_is_made():
    with pytest.raises(ValueError, match="reduction must be"):
        nn.CrossEntropyLoss(reduction="average")
    with pytest.raises(ValueError, match="label_smoothing must lie"):
        nn.CrossEntropyLoss(label_smoothing=1.5)
