"""Convolutions, borders and folding against PyTorch: randomly drawn settings, values and gradients in float64."""

import warnings

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


def close(ours, theirs, note=""):
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-11, err_msg=note
    )


def both(array):
    return pb.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


def compare(ours, theirs, x, rng, **call):
    """Two modules on one input: results, gradients of input and parameters, names and representations."""
    if list(theirs.state_dict()):
        ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    a, b = both(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "same" with an even kernel
        z = theirs(b, **call)
    y = ours(a, **call)
    close(y, z, repr(ours))
    g = rng.normal(size=y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    close(a.grad, b.grad, repr(ours))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(p.grad, q.grad, repr(ours))


def drawn(rng, axes, low, high):
    values = [int(v) for v in rng.integers(low, high, axes)]
    return values[0] if rng.random() < 0.3 else tuple(values)


@pytest.mark.parametrize("seed", range(60))
def test_convolutions(seed):
    rng = np.random.default_rng(seed)
    axes, groups = seed % 3 + 1, int(rng.choice([1, 1, 2, 3]))
    channels, filters = (groups * int(n) for n in rng.integers(1, 3, 2))
    stride, same = drawn(rng, axes, 1, 4), rng.random() < 0.2
    padding = drawn(rng, axes, 0, 3)
    mode = str(rng.choice(["zeros", "zeros", "reflect", "replicate", "circular"]))
    settings = {
        "stride": 1 if same else stride,
        "padding": str(rng.choice(["same", "valid"])) if same else padding,
        "dilation": drawn(rng, axes, 1, 3),
        "groups": groups,
        "bias": bool(rng.random() < 0.7),
        "padding_mode": mode,
    }
    kernel = drawn(rng, axes, 1, 4)
    ours = getattr(nn, f"Conv{axes}d")(channels, filters, kernel, **settings, dtype="float64")
    theirs = getattr(torch.nn, f"Conv{axes}d")(channels, filters, kernel, **settings, dtype=torch.float64)
    lead = (2, channels) if rng.random() < 0.7 else (channels,)
    compare(ours, theirs, rng.normal(size=(*lead, *rng.integers(7, 10, axes))), rng)


@pytest.mark.parametrize("seed", range(40))
def test_transposed_convolutions(seed):
    rng = np.random.default_rng(seed)
    axes, groups = seed % 3 + 1, int(rng.choice([1, 1, 2]))
    channels, filters = (groups * int(n) for n in rng.integers(1, 3, 2))
    stride, dilation = (tuple(int(v) for v in rng.integers(1, 4, axes)) for _ in range(2))
    kernel = tuple(int(v) for v in rng.integers(2, 4, axes))
    more = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    settings = {
        "stride": stride,
        "padding": drawn(rng, axes, 0, 3),
        "output_padding": more,
        "groups": groups,
        "bias": bool(rng.random() < 0.7),
        "dilation": dilation,
    }
    ours = getattr(nn, f"ConvTranspose{axes}d")(channels, filters, kernel, **settings, dtype="float64")
    theirs = getattr(torch.nn, f"ConvTranspose{axes}d")(
        channels, filters, kernel, **settings, dtype=torch.float64
    )
    x = rng.normal(size=(2, channels, *rng.integers(4, 6, axes)))
    compare(ours, theirs, x, rng)
    size = [int(n) for n in theirs(torch.tensor(x)).shape[2:]]
    size = [n - e + int(rng.integers(0, s)) for n, e, s in zip(size, more, stride, strict=True)]
    ours.zero_grad()
    theirs.zero_grad()
    compare(ours, theirs, x, rng, output_size=size)


def test_second_order_agrees():
    rng = np.random.default_rng(0)
    (a, b), (v, w) = both(rng.normal(size=(2, 4, 6, 5))), both(rng.normal(size=(6, 2, 3, 2)))
    y = nn.functional.conv2d(a, v, None, 2, 1, 2, 2).tanh().sum()
    z = torch.nn.functional.conv2d(b, w, None, 2, 1, 2, 2).tanh().sum()
    ours = pb.gradients(y, (a, v), create_graph=True)
    theirs = torch.autograd.grad(z, (b, w), create_graph=True)
    sum((g**2).sum() for g in ours).backward()
    sum((g**2).sum() for g in theirs).backward()
    close(a.grad, b.grad)
    close(v.grad, w.grad)


@pytest.mark.parametrize("kind", ["Zero", "Constant", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_padding_layers(kind, axes):
    rng = np.random.default_rng(axes)
    for low in (0, 0, -1):
        widths = tuple(int(n) for n in rng.integers(low if kind in ("Zero", "Constant") else 0, 4, 2 * axes))
        given = (widths, 1.5) if kind == "Constant" else (widths,)
        ours, theirs = (getattr(module, f"{kind}Pad{axes}d")(*given) for module in (nn, torch.nn))
        compare(ours, theirs, rng.normal(size=(2, 3, *(4, 5, 6)[:axes])), rng)


@pytest.mark.parametrize("seed", range(10))
def test_folding(seed):
    rng = np.random.default_rng(seed)
    settings = {
        "kernel_size": drawn(rng, 2, 1, 4),
        "dilation": drawn(rng, 2, 1, 3),
        "padding": drawn(rng, 2, 0, 3),
        "stride": drawn(rng, 2, 1, 4),
    }
    x = rng.normal(size=(2, 3, 8, 7)[seed % 2 :])
    compare(nn.Unfold(**settings), torch.nn.Unfold(**settings), x, rng)
    columns = rng.normal(size=torch.nn.Unfold(**settings)(torch.tensor(x)).shape)
    compare(nn.Fold((8, 7), **settings), torch.nn.Fold((8, 7), **settings), columns, rng)
