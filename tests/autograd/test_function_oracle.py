"""Functions and hooks behave as PyTorch's: the same program in both."""

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


def make(base, exp):
    """exp(x)·y and x + y, noting what it is asked; in either library."""
    seen = []

    class Gate(base):
        @staticmethod
        def forward(ctx, x, y, k):
            ctx.save_for_backward(x, y)
            return exp(x) * y * k, x + y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            seen.append((ctx.needs_input_grad[::2], float(h.detach().sum())))
            return g * exp(x) * y * 3 + h, (g * exp(x) * 3 + h).sum(0), None

    return Gate, seen


def program(library, base, exp, leaf):
    """First and second derivatives, with hooks on the way; everything that can be seen."""
    gate, seen = make(base, exp)
    x, y = leaf(np.linspace(-1, 1, 6).reshape(2, 3)), leaf(np.array([0.5, 1.5, 2.0]))
    x.register_hook(lambda g: seen.append(("x", round(float(g.detach().sum()), 9))))
    x.register_post_accumulate_grad_hook(
        lambda t: seen.append(("done", round(float(t.grad.detach().sum()), 9)))
    )
    a, b = gate.apply(x, y, 3)
    a.retain_grad()
    a.register_hook(lambda g: g * 2)
    (a * a).sum().backward(retain_graph=True)
    (a.sum() + b.sum()).backward()
    a, _ = gate.apply(x, y, 3)
    differentiate = pb.gradients if library is pb else torch.autograd.grad
    (g,) = differentiate((a * a).sum(), x, create_graph=True)
    second = differentiate((g * g).sum(), [x, y])
    return seen, [np.asarray(t.detach()) for t in (x.grad, y.grad, *second)]


def test_the_same_program_in_both():
    ours = program(pb, pb.Function, pb.exp, lambda v: pb.tensor(v, requires_grad=True))
    theirs = program(torch, torch.autograd.Function, torch.exp, lambda v: torch.tensor(v, requires_grad=True))
    for mine, other in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)
    assert ours[0] == theirs[0]
