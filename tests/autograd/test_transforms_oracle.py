"""The transforms against torch.func."""

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning"),  # its own jvp's
]


def ours(p, x):
    h = pb.tanh(p["w"] @ x + p["b"])
    return pb.softmax(p["v"] @ h)


def theirs(p, x):
    h = torch.tanh(p["w"] @ x + p["b"])
    return torch.softmax(p["v"] @ h, -1)


@pytest.fixture
def case(rng):
    p = {"w": rng.normal(size=(4, 3)), "b": rng.normal(size=4), "v": rng.normal(size=(2, 4))}
    x = rng.normal(size=(5, 3))
    return p, x, {name: torch.tensor(value) for name, value in p.items()}, torch.tensor(x)


def same(found, expected):
    if isinstance(expected, dict):
        for name, value in expected.items():
            same(found[name], value)
    else:
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


def loss(f):
    return lambda p, x: (f(p, x) ** 2).sum()


def test_per_example_gradients(case):
    p, x, tp, tx = case
    found = pb.vmap(pb.grad(loss(ours)), in_axes=(None, 0))(p, x)
    same(found, torch.func.vmap(torch.func.grad(loss(theirs)), in_dims=(None, 0))(tp, tx))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobians(case, mode):
    p, x, tp, tx = case
    same(pb.jacobian(ours, mode=mode)(p, x[0]), torch.func.jacrev(theirs)(tp, tx[0]))
    found = pb.vmap(pb.jacobian(ours, 1, mode=mode), in_axes=(None, 0))(p, x)
    same(found, torch.func.vmap(torch.func.jacfwd(theirs, 1), in_dims=(None, 0))(tp, tx))


def test_hessians(case):
    p, x, tp, tx = case
    same(pb.hessian(loss(ours))(p, x[0]), torch.func.hessian(loss(theirs))(tp, tx[0]))


def test_vjp_and_jvp(case):
    p, x, tp, tx = case
    g = np.array([0.3, -1.0])
    _, pull = pb.vjp(ours, p, x[0])
    _, torch_pull = torch.func.vjp(theirs, tp, tx[0])
    for found, expected in zip(pull(g), torch_pull(torch.tensor(g)), strict=True):
        same(found, expected)
    u = {name: np.cos(value) for name, value in p.items()}, np.sin(x[0])
    tu = {name: torch.tensor(value) for name, value in u[0].items()}, torch.tensor(u[1])
    same(pb.jvp(ours, (p, x[0]), u)[1], torch.func.jvp(theirs, (tp, tx[0]), tu)[1])
    found = pb.hvp(loss(ours), (p, x[0]), u)
    expected = torch.func.jvp(torch.func.grad(loss(theirs), (0, 1)), (tp, tx[0]), tu)[1]
    for part, other in zip(found, expected, strict=True):
        same(part, other)
