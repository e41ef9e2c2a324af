"""`Function` inside vmap: it sees one example after the other."""

import numpy as np
import pytest

import pullback as pb


class Scaled(pb.Function):
    """x·sum(w), and the sum, with a forward that reads the values of one example."""

    @staticmethod
    def forward(ctx, x, w, power):
        ctx.save(x, w)
        total = float(w.numpy().sum())
        return x.numpy() * total**power, np.asarray(total)

    @staticmethod
    def backward(ctx, g, g_total):
        x, w = ctx.saved
        return g * w.sum(), ((g * x).sum() + g_total) * pb.ones_like(w), None


def applied(x, w):
    return Scaled.apply(x, w, 1)


def applied_loss(x, w):
    y, total = applied(x, w)
    return (y**2).sum() + total


def plain_loss(x, w):
    return ((x * w.sum()) ** 2).sum() + w.sum()


def all_parts(tree):
    return [part for each in tree for part in all_parts(each)] if isinstance(tree, tuple) else [tree.numpy()]


@pytest.mark.parametrize("way", [(0, 0), (0, None), (None, 0)])
def test_inside_vmap_a_function_sees_one_example(rng, way):
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    x, w = (each if axis == 0 else each[0] for each, axis in zip((x, w), way, strict=True))
    y, total = pb.vmap(applied, way)(pb.asarray(x), pb.asarray(w))
    np.testing.assert_allclose(y.numpy(), np.broadcast_to(w.sum(-1), 4)[:, None] * x)
    np.testing.assert_allclose(total.numpy(), np.broadcast_to(w.sum(-1), 4))
    for transform in (
        lambda f: pb.vmap(pb.grad(f, (0, 1)), way),
        lambda f: pb.grad(lambda x, w: pb.vmap(f, way)(x, w).sum(), (0, 1)),
        lambda f: pb.vmap(pb.hessian(f, (0, 1)), way),
    ):
        pairs = zip(*(all_parts(transform(f)(x, w)) for f in (applied_loss, plain_loss)), strict=True)
        for found, expected in pairs:
            np.testing.assert_allclose(found, expected)


def test_inside_nested_and_empty_vmaps(rng):
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    nested = pb.vmap(pb.vmap(lambda x, w: applied(x, w)[0], (None, 0)), (0, None))(x, w)
    np.testing.assert_allclose(nested.numpy(), x[:, None] * w.sum(-1)[:, None])
    assert pb.vmap(applied)(np.ones((0, 3)), np.ones((0, 2)))[0].shape == (0, 3)
