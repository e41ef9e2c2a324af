"""Pooling against PyTorch: randomly drawn settings; values, indices and gradients, with ties and nan."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

KINDS = ["MaxPool", "AvgPool", "AdaptiveMaxPool", "AdaptiveAvgPool", "LPPool", "FractionalMaxPool"]


def drawn(rng, axes, low, high):
    values = [int(v) for v in rng.integers(low, high, axes)]
    return values[0] if axes == 1 or rng.random() < 0.4 else tuple(values)


def settings_of(kind, rng, axes):
    if kind.startswith("Adaptive"):
        return {"output_size": drawn(rng, axes, 1, 9)} | ({"return_indices": True} if "Max" in kind else {})
    if kind == "FractionalMaxPool":
        return {
            "kernel_size": drawn(rng, axes, 1, 3),
            "output_size": drawn(rng, axes, 1, 4),
            "return_indices": True,
        }
    settings = {
        "kernel_size": drawn(rng, axes, 2, 4),
        "stride": drawn(rng, axes, 1, 4) if rng.random() < 0.7 else None,
        "ceil_mode": bool(rng.random() < 0.5),
    }
    if kind == "LPPool":
        return settings | {"norm_type": float(rng.choice([1, 2, 2.5]))}
    settings["padding"] = drawn(rng, axes, 0, 2)
    if kind == "MaxPool":
        return settings | {"dilation": drawn(rng, axes, 1, 3), "return_indices": True}
    settings["count_include_pad"] = bool(rng.random() < 0.5)
    if axes > 1 and rng.random() < 0.3:
        settings["divisor_override"] = 3
    return settings


def close(ours, theirs, note):
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=note
    )


@pytest.mark.parametrize(
    ("kind", "axes"), [(kind, axes) for kind in KINDS for axes in (1, 2, 3) if (kind, axes) != (KINDS[-1], 1)]
)
@pytest.mark.parametrize("seed", range(12))
def test_pooling(kind, axes, seed):
    rng = np.random.default_rng(seed)
    settings = settings_of(kind, rng, axes)
    x = rng.normal(size=(2, 3, *rng.integers(6, 9, axes)))
    x = np.abs(x) + 0.1 if kind == "LPPool" else np.round(2 * x) if rng.random() < 0.5 else x
    if "Max" in kind and rng.random() < 0.3:
        x.flat[rng.integers(x.size)] = np.nan
    if kind == "FractionalMaxPool":
        settings["_random_samples"] = rng.random((2, 3, axes))
    theirs_settings = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    ours = getattr(nn, f"{kind}{axes}d")(**settings)
    theirs = getattr(torch.nn, f"{kind}{axes}d")(**theirs_settings)
    if kind != "FractionalMaxPool":  # PyTorch's shows nothing
        assert repr(ours) == repr(theirs)
    a, b = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    if isinstance(y, tuple):
        np.testing.assert_array_equal(y[1].numpy(), z[1].numpy(), err_msg=repr(ours))
        y, z = y[0], z[0]
    close(y, z, repr(ours))
    g = rng.normal(size=y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    close(a.grad, b.grad, repr(ours))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_unpooling(axes, seed):
    rng = np.random.default_rng(seed)
    kernel, padding = drawn(rng, axes, 2, 4), drawn(rng, axes, 0, 2)
    x = torch.tensor(rng.normal(size=(2, 3, *rng.integers(6, 9, axes))))
    pooled, indices = getattr(torch.nn, f"MaxPool{axes}d")(kernel, None, padding, return_indices=True)(x)
    ours, theirs = (getattr(m, f"MaxUnpool{axes}d")(kernel, None, padding) for m in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    a, b = pb.tensor(pooled.numpy(), requires_grad=True), pooled.detach().requires_grad_()
    y, z = ours(a, indices.numpy(), x.shape), theirs(b, indices, x.shape)
    close(y, z, repr(ours))
    g = rng.normal(size=y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    close(a.grad, b.grad, repr(ours))


def test_second_order_agrees():
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 6))
    a, b = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = nn.functional.avg_pool2d(nn.functional.max_pool2d(a, 3, 2, 1) ** 3, 2, 1).sum()
    z = torch.nn.functional.avg_pool2d(torch.nn.functional.max_pool2d(b, 3, 2, 1) ** 3, 2, 1).sum()
    (ours,) = pb.gradients(y, a, create_graph=True)
    (theirs,) = torch.autograd.grad(z, b, create_graph=True)
    (ours**2).sum().backward()
    (theirs**2).sum().backward()
    close(a.grad, b.grad, "")
