"""Normalising layers against PyTorch: outputs, gradients and running statistics, all options by sampling."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


def case(seed):
    """A kind of layer with sampled options, and the shape of an input."""
    rng = np.random.default_rng(seed)
    flip = lambda: bool(rng.integers(2))
    n, c = int(rng.integers(2, 5)), int(rng.choice([2, 4, 6]))
    d = int(rng.integers(1, 4))
    space = tuple(int(k) for k in rng.integers(2, 5, size=d))
    running = {
        "eps": float(rng.choice([1e-5, 0.1])),
        "momentum": float(rng.choice([0.1, 0.7])),
        "affine": flip(),
        "bias": flip(),
        "track_running_stats": flip(),
    }
    kind = rng.choice(["BatchNorm", "InstanceNorm", "LayerNorm", "GroupNorm", "RMSNorm", "LocalResponseNorm"])
    if kind == "BatchNorm":
        running["momentum"] = None if flip() else running["momentum"]
        return f"BatchNorm{d}d", (c,), running, (n, c, *(() if d == 1 and flip() else space)), rng
    if kind == "InstanceNorm":
        return f"InstanceNorm{d}d", (c,), running, (*((n,) if flip() else ()), c, *space), rng
    if kind == "GroupNorm":
        options = {"affine": flip(), "bias": flip(), "eps": running["eps"]}
        return "GroupNorm", (int(rng.choice([1, 2, c])), c), options, (n, c, *(space if flip() else ())), rng
    if kind == "LocalResponseNorm":
        options = {"alpha": 0.5, "beta": 0.6, "k": 1.5}
        return "LocalResponseNorm", (int(rng.integers(1, 6)),), options, (n, c, *space), rng
    over = space[int(rng.integers(d)) :]
    options = {"elementwise_affine": flip()} | ({"bias": flip()} if kind == "LayerNorm" else {})
    if flip():
        options["eps"] = 0.2
    return kind, (list(over),), options, (n, *space), rng


@pytest.mark.parametrize("seed", range(60))
def test_layers(seed):
    name, arguments, options, shape, rng = case(seed)
    ours = getattr(nn, name)(*arguments, **options)
    theirs = getattr(torch.nn, name)(*arguments, **options)
    assert repr(ours) == repr(theirs)
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        x, weights = rng.normal(1, 2, size=shape), rng.normal(size=shape)
        a, b = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(a), theirs(b)
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
        (y * weights).sum().backward()
        (z * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-8, atol=1e-11)
        for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(our.grad.numpy(), their.grad.numpy(), rtol=1e-9, atol=1e-11)
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-10, err_msg=key)


@pytest.mark.parametrize("seed", range(60))
def test_second_order(seed):
    name, arguments, options, shape, rng = case(seed)
    ours = getattr(nn, name)(*arguments, **options).double()
    theirs = getattr(torch.nn, name)(*arguments, **options).double()
    x, weights = rng.normal(1, 2, size=shape), rng.normal(size=shape)
    a, b = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    (g,) = pb.gradients((ours(a) * weights).sum(), a, create_graph=True)
    (h,) = torch.autograd.grad((theirs(b) * torch.tensor(weights)).sum(), b, create_graph=True)
    (g * g).sum().backward()
    (h * h).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-7, atol=1e-9)
