"""Activations against PyTorch: values, gradients of first and second order, corners, far-out arguments, names."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

CASES = [
    ("Sigmoid", ()),
    ("Tanh", ()),
    ("ReLU", ()),
    ("LeakyReLU", (0.2,)),
    ("ELU", (1.3,)),
    ("SELU", ()),
    ("CELU", (0.7,)),
    ("GELU", ()),
    ("GELU", ("tanh",)),
    ("SiLU", ()),
    ("Mish", ()),
    ("Softplus", ()),
    ("Softplus", (2.0, 3.0)),
    ("Softsign", ()),
    ("Hardtanh", (-0.5, 2.0)),
    ("Hardsigmoid", ()),
    ("Hardswish", ()),
    ("ReLU6", ()),
    ("RReLU", (0.1, 0.4)),
    ("Threshold", (0.5, -2.0)),
    ("Softshrink", (0.5,)),
    ("Hardshrink", (0.5,)),
    ("Tanhshrink", ()),
    ("LogSigmoid", ()),
    ("GLU", (1,)),
    ("Softmax", (1,)),
    ("LogSoftmax", (-1,)),
    ("Softmin", (0,)),
    ("Softmax2d", ()),
]
POINTS = np.array([0.0, -0.0, 0.5, -0.5, 2.0, 3.0, -3.0, 6.0, 1.0, -1.0, 1.5, 0.7])


def pairs(*arrays):
    return (
        [pb.tensor(x, requires_grad=True) for x in arrays],
        [torch.tensor(x, requires_grad=True) for x in arrays],
    )


def close(ours, theirs, **tolerances):
    """Nearly equal; not to the last digits, since PyTorch's hardsigmoid has a sixth in float32."""
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), **({"rtol": 1e-7, "atol": 1e-10} | tolerances)
    )


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_and_gradients(name, arguments):
    ours, theirs = getattr(nn, name)(*arguments).eval(), getattr(torch.nn, name)(*arguments).eval()
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=36) * 3, POINTS]).reshape(2, 4, 2, 3)
    (a,), (b,) = pairs(x)
    y, z = ours(a), theirs(b)
    close(y, z)
    weights = rng.normal(size=z.shape)
    (g,) = pb.gradients((y * weights).sum(), [a], create_graph=True)
    (h,) = torch.autograd.grad((z * torch.tensor(weights)).sum(), [b], create_graph=True)
    close(g, h)
    if h.requires_grad and name != "Hardsigmoid":  # for which PyTorch has none
        smooth = np.isin(x, POINTS, invert=True)  # what a second derivative is at a corner nobody has settled
        g2 = pb.gradients((g * g * smooth).sum(), [a])[0] if g.requires_grad else pb.zeros_like(a)
        (h2,) = torch.autograd.grad((h * h * torch.tensor(smooth)).sum(), [b])
        close(g2 * smooth, h2 * torch.tensor(smooth), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "arguments"), [case for case in CASES if case[0] not in ("Softmax2d", "GLU")]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out(name, arguments, dtype):
    x = np.array([[1e4, -1e4, 30.0, -30.0, 88.0, -88.0, 1e4]], dtype)
    (a,), (b,) = pairs(x)
    y, z = getattr(nn, name)(*arguments).eval()(a), getattr(torch.nn, name)(*arguments).eval()(b)
    rtol = 1e-5 if dtype == np.float32 else 1e-10
    atol = 3e-6 if dtype == np.float32 else 1e-12  # PyTorch's GELU loses the left tail
    close(y, z, rtol=rtol, atol=atol)
    y.sum().backward()
    z.sum().backward()
    assert np.isfinite(a.grad.numpy()).all()
    close(a.grad, b.grad, rtol=rtol, atol=atol)
    assert y.dtype == a.grad.dtype == dtype


@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 3, 4), (2, 3, 2, 2)])
@pytest.mark.parametrize("per_channel", [True, False])
def test_prelu(shape, per_channel):
    channels = shape[1] if per_channel and len(shape) > 1 else 1
    rng = np.random.default_rng(1)
    ours, theirs = (
        nn.PReLU(channels, 0.3, dtype="float64"),
        torch.nn.PReLU(channels, 0.3, dtype=torch.float64),
    )
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x = rng.normal(size=shape)
    x.flat[0] = 0
    (a,), (b,) = pairs(x)
    y, z = ours(a), theirs(b)
    close(y, z)
    y.sin().sum().backward()
    z.sin().sum().backward()
    close(a.grad, b.grad)
    close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "elu", "selu", "celu", "silu", "mish", "hardswish", "hardsigmoid", "leaky_relu"]
)
def test_in_place(name):
    x = np.random.default_rng(2).normal(size=(3, 4)) * 3
    (a,), (b,) = pairs(x)
    y, z = a * 1.5, b * 1.5
    result = getattr(nn.functional, name)(y, inplace=True)
    theirs = getattr(torch.nn.functional, name)(z, inplace=True)
    assert result is y
    close(y, theirs)
    (result * result).sum().backward()
    (theirs * theirs).sum().backward()
    close(a.grad, b.grad)
