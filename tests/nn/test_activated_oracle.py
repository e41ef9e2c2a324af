"""Layers that end in an activation, against PyTorch's layers and the activation behind them."""

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

SHAPE = (3, 4, 5, 6)
ACTIVATIONS = {
    "gelu": lambda: torch.nn.GELU(),
    "gelu_tanh": lambda: torch.nn.GELU("tanh"),
    "relu": lambda: torch.nn.ReLU(),
    "sigmoid": lambda: torch.nn.Sigmoid(),
    "silu": lambda: torch.nn.SiLU(),
    "tanh": lambda: torch.nn.Tanh(),
}
LAYERS = {
    "Linear": lambda nn, **o: nn.Linear(6, 5, **o),
    "LayerNorm": lambda nn, **o: nn.LayerNorm(6, **o),
    "GroupNorm": lambda nn, **o: nn.GroupNorm(2, 4, **o),
    "BatchNorm2d": lambda nn, **o: nn.BatchNorm2d(4, **o),
    "InstanceNorm2d": lambda nn, **o: nn.InstanceNorm2d(4, affine=True, **o),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", LAYERS)
def test_values_gradients_and_buffers(layer, activation, training):
    rng = np.random.default_rng(0)
    theirs = LAYERS[layer](torch.nn).double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=tuple(parameter.shape))))
    ours = LAYERS[layer](pb.nn, activation=activation).double()
    ours.load_state_dict({name: pb.asarray(value.numpy()) for name, value in theirs.state_dict().items()})
    x = rng.normal(size=SHAPE)
    x[0, 0] = 0
    a, b = pb.tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    y = ours.train(training)(a)
    z = ACTIVATIONS[activation]()(theirs.train(training)(b))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-10, atol=1e-12)
    g = rng.normal(size=y.shape)
    y.backward(pb.asarray(g))
    z.backward(torch.from_numpy(g))
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9, atol=1e-11)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=name)
    for (name, p), q in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-10, err_msg=name)
