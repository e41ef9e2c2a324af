"""The engine beside PyTorch: values, gradients and the conventions at kinks and ties."""

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

TIES = [[0.0, 1.0, -1.0], [1.0, 1.0, -2.0]]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: pb.relu(x), lambda x: torch.relu(x)),
        (lambda x: pb.abs(x), lambda x: torch.abs(x)),
        (
            lambda x: pb.sign(x) + pb.floor(x) + pb.round(x),
            lambda x: torch.sign(x) + torch.floor(x) + torch.round(x),
        ),
        (lambda x: pb.max(x), lambda x: torch.amax(x, (0, 1))),
        (lambda x: pb.max(x, axis=1), lambda x: torch.amax(x, 1)),
        (lambda x: pb.min(x, axis=0), lambda x: torch.amin(x, 0)),
        (lambda x: pb.maximum(x, 1.0), lambda x: torch.maximum(x, torch.tensor(1.0, dtype=x.dtype))),
        (lambda x: pb.maximum(x[0], x[1]), lambda x: torch.maximum(x[0], x[1])),
        (lambda x: pb.minimum(x[0], x[1]), lambda x: torch.minimum(x[0], x[1])),
        (lambda x: pb.clip(x, -1, 1), lambda x: torch.clamp(x, -1, 1)),
        (lambda x: pb.sqrt(pb.abs(x)), lambda x: torch.sqrt(torch.abs(x))),
        (lambda x: x**2 + x**3 + x**0, lambda x: x**2 + x**3 + x**0),
        (lambda x: pb.pow(2.0, x), lambda x: torch.pow(2.0, x)),
        (lambda x: pb.pow(x, pb.abs(x)), lambda x: torch.pow(x, torch.abs(x))),
        (lambda x: pb.where(x > 0, x, -3 * x), lambda x: torch.where(x > 0, x, -3 * x)),
        (lambda x: pb.softmax(x, axis=0), lambda x: torch.softmax(x, 0)),
        (lambda x: pb.log_softmax(x), lambda x: torch.log_softmax(x, -1)),
        (lambda x: pb.logsumexp(x, axis=1), lambda x: torch.logsumexp(x, 1)),
        (lambda x: pb.var(x, axis=1, correction=1), lambda x: torch.var(x, 1)),
        (lambda x: pb.std(x, correction=1), lambda x: torch.std(x)),
        (lambda x: x @ x.T @ x[:, 0].reshape(2, 1), lambda x: x @ x.T @ x[:, 0].reshape(2, 1)),
        (lambda x: x[[0, 0, 1], [2, 2, 0]], lambda x: x[[0, 0, 1], [2, 2, 0]]),
        (lambda x: pb.sigmoid(1000 * x) + pb.tanh(x), lambda x: torch.sigmoid(1000 * x) + torch.tanh(x)),
    ],
)
def test_values_and_gradients_at_kinks_and_ties(ours, theirs):
    x = pb.tensor(TIES, requires_grad=True, dtype=pb.float64)
    t = torch.tensor(TIES, requires_grad=True, dtype=torch.float64)
    y, s = ours(x), theirs(t)
    np.testing.assert_allclose(y.numpy(), s.detach().numpy(), rtol=1e-12)
    g = np.random.default_rng(0).normal(size=y.shape)
    y.backward(g)
    s.backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_a_training_step_in_float64_agrees():
    rng = np.random.default_rng(0)
    w1, w2, x = rng.normal(size=(8, 16)), rng.normal(size=(16, 3)), rng.normal(size=(5, 8))
    ours = [pb.tensor(w, requires_grad=True) for w in (w1, w2)]
    theirs = [torch.tensor(w, requires_grad=True) for w in (w1, w2)]
    (pb.log_softmax(pb.relu(pb.asarray(x) @ ours[0]) @ ours[1])[:, 0].mean() * -1).backward()
    (torch.log_softmax(torch.relu(torch.tensor(x) @ theirs[0]) @ theirs[1], -1)[:, 0].mean() * -1).backward()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10)
