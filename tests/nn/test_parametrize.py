"""Parametrisations, weight norm and spectral norm."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn.utils import parametrize
from pullback.nn.utils.parametrizations import spectral_norm, weight_norm


class Symmetric(nn.Module):
    def forward(self, x):
        return (x + x.T) / 2


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, value):
        return value / 2


class Cut(nn.Module):
    def forward(self, x):
        return x[:1]


def keys(module):
    return list(module.state_dict())


def test_a_parameter_is_computed_from_its_original():
    layer = nn.Linear(3, 3, rng=np.random.default_rng(0))
    original, before = layer.weight, layer.weight.detach().numpy().copy()
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert keys(layer) == ["bias", "parametrizations.weight.original"]
    assert layer.parametrizations.weight.original is original
    np.testing.assert_allclose(layer.weight.detach().numpy(), (before + before.T) / 2)
    assert isinstance(layer, nn.Linear)
    assert type(layer).__name__ == "ParametrizedLinear"
    assert parametrize.is_parametrized(layer)
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    layer(pb.ones(3)).sum().backward()
    np.testing.assert_allclose(original.grad.numpy(), np.ones((3, 3)))


def test_parametrisations_form_a_chain_and_take_values():
    layer = nn.Linear(2, 2)
    before = layer.weight.tolist()
    parametrize.register_parametrization(layer, "weight", Doubled())
    assert layer.weight.tolist() == before
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2 * np.array(before), rtol=1e-6)
    assert len(layer.parametrizations.weight) == 2
    layer.weight = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert layer.weight.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert layer.parametrizations.weight.original.tolist() == [[0.25, 0.5], [0.75, 1.0]]
    with pytest.raises(ValueError, match="does not fit"):
        layer.weight = pb.zeros((3, 3))
    parametrize.register_parametrization(layer, "bias", Cut(), unsafe=True)
    with pytest.raises(RuntimeError, match="right_inverse, which Cut has not"):
        layer.bias = pb.zeros(2)


def test_buffers_are_parametrised_too():
    module = nn.Module()
    module.register_buffer("mean", pb.ones(2), persistent=False)
    parametrize.register_parametrization(module, "mean", Doubled())
    assert module.mean.tolist() == [1.0, 1.0]
    assert [name for name, _ in module.named_buffers()] == ["parametrizations.mean.original"]
    assert keys(module) == []
    parametrize.remove_parametrizations(module, "mean")
    assert [name for name, _ in module.named_buffers()] == ["mean"]
    assert keys(module) == []


def test_removing_gives_the_class_and_the_parameter_back():
    layer = nn.Linear(2, 2)
    original = layer.weight
    for name in ("weight", "bias"):
        parametrize.register_parametrization(layer, name, Doubled())
    value = layer.weight.tolist()
    parametrize.remove_parametrizations(layer, "weight")
    assert parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "bias", leave_parametrized=False)
    assert type(layer) is nn.Linear
    assert layer.weight is original
    assert layer.weight.tolist() == value
    assert sorted(keys(layer)) == ["bias", "weight"]
    with pytest.raises(ValueError, match="'weight' of Linear is not parametrised"):
        parametrize.remove_parametrizations(layer, "weight")
    weight_norm(layer)
    with pytest.raises(ValueError, match="several originals"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


def test_what_does_not_fit_is_refused_and_changes_nothing():
    layer = nn.Linear(3, 2)
    before = layer.weight.tolist()
    with pytest.raises(ValueError, match=r"Linear has no parameter or buffer 'wieght'; it has weight, bias"):
        parametrize.register_parametrization(layer, "wieght", Symmetric())
    with pytest.raises(ValueError, match=r"Cut makes 'weight' float32\[1, 3\], which was float32\[2, 3\]"):
        parametrize.register_parametrization(layer, "weight", Cut())
    with pytest.raises(TypeError, match="is a Module, not function"):
        parametrize.register_parametrization(layer, "weight", lambda x: x)
    with pytest.raises(ValueError, match="no parameter 'gain'"):
        weight_norm(layer, "gain")
    for dim in (2, -2):
        with pytest.raises(ValueError, match="dim is None or an axis from 0 to 1"):
            weight_norm(layer, dim=dim)
    with pytest.raises(ValueError, match="no axis 5"):
        spectral_norm(layer, dim=5)
    with pytest.raises(ValueError, match="n_power_iterations is a whole number"):
        spectral_norm(layer, n_power_iterations=0)
    assert type(layer) is nn.Linear
    assert layer.weight.tolist() == before


@pytest.mark.parametrize("norm", [weight_norm, spectral_norm])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_pickles_states_and_conversion(norm, copied):
    layer = norm(nn.Linear(3, 2)).eval()
    twin = copied(layer)
    assert type(twin) is type(layer)
    assert twin.parametrizations is not layer.parametrizations
    other = norm(nn.Linear(3, 2)).eval()
    other.load_state_dict(layer.state_dict())
    for same in (twin, other, twin.double()):
        np.testing.assert_allclose(same.weight.detach().numpy(), layer.weight.detach().numpy(), rtol=1e-5)
    assert twin(pb.ones(3, dtype="float64")).dtype == np.float64


@pytest.mark.parametrize(("dim", "shape"), [(0, (4, 1, 1)), (1, (1, 3, 1)), (None, ()), (-1, ())])
def test_weight_norm_keeps_the_value_and_splits_length_from_direction(dim, shape):
    module = nn.Module()
    module.weight = nn.Parameter(np.random.default_rng(0).normal(size=(4, 3, 2)))
    before = module.weight.detach().numpy().copy()
    weight_norm(module, dim=dim)
    g, v = module.parametrizations.weight.original0, module.parametrizations.weight.original1
    assert g.shape == shape
    np.testing.assert_allclose(module.weight.detach().numpy(), before, rtol=1e-12)
    with pb.no_grad():
        v *= 7.0
        g *= 2.0
    np.testing.assert_allclose(module.weight.detach().numpy(), 2 * before, rtol=1e-12)


@pytest.mark.parametrize("norm", [weight_norm, spectral_norm])
def test_gradients_of_both_orders(norm):
    layer = norm(nn.Linear(3, 2, dtype="float64", rng=np.random.default_rng(0))).eval()
    names = [name for name, _ in layer.named_parameters()]
    x = pb.tensor(np.random.default_rng(1).normal(size=(4, 3)))

    def output(*values):
        return pb.tanh(nn.functional_call(layer, dict(zip(names, values, strict=True)), x)).sum()

    values = tuple(pb.tensor(p.detach(), requires_grad=True) for p in layer.parameters())
    pb.gradcheck(output, values).assert_ok()
    slopes = pb.grad(output, argnums=tuple(range(len(values))))
    pb.gradcheck(lambda *values: slopes(*values)[-1], values).assert_ok()


def test_spectral_norm_follows_the_largest_singular_value_in_training_only():
    layer = spectral_norm(nn.Linear(5, 4, rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    u = layer.parametrizations.weight[0]._u
    for _ in range(200):
        layer.weight  # noqa: B018  # each reading is a step of power iteration
    assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1.0, rel=1e-5)
    layer.eval()
    before = u.tolist()
    layer.weight  # noqa: B018 - in evaluation a reading is no step
    assert u.tolist() == before
    value = layer.weight.tolist()
    nn.utils.remove_spectral_norm(layer)
    assert type(layer) is nn.Linear
    assert layer.weight.tolist() == value


def test_two_readings_in_training_have_each_their_own_gradient():
    layer = spectral_norm(nn.Linear(3, 2, bias=False, dtype="float64"))
    x = pb.ones((1, 3), dtype="float64")
    (layer(x) + layer(x)).sum().backward()  # the second overwrites the vectors that the first used
    assert layer.parametrizations.weight.original.grad is not None


def test_spectral_norm_of_a_vector_is_its_direction():
    layer = spectral_norm(nn.Linear(3, 2), "bias")
    assert np.linalg.norm(layer.bias.detach().numpy()) == pytest.approx(1.0, rel=1e-6)
    assert "_u" not in keys(layer)


def test_errors_and_pictures_name_the_layer():
    model = nn.Sequential(weight_norm(nn.Linear(3, 2)))
    assert "(parametrizations): ModuleDict(" in repr(model)
    with pytest.raises(ValueError, match="does not fit") as caught:
        model(pb.ones((1, 4)))
    assert caught.value.__notes__[0].startswith("in layer '0', ParametrizedLinear(")


def test_an_optimiser_trains_the_originals():
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    weight_norm(layer)
    optimizer = pb.optim.SGD(layer.parameters(), lr=0.1)
    x, y = pb.tensor([[1.0, 2.0], [3.0, -1.0]]), pb.tensor([[1.0], [0.0]])
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = ((layer(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
