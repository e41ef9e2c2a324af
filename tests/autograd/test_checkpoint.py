"""Checkpointing: the same gradients at every order, less memory, and no silent difference between the runs."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def leaf(value, **options):
    return pb.tensor(value, requires_grad=True, dtype=pb.float64, **options)


def dropout(x, p=0.5, rng=None):
    keep = pb.rand(*x.shape, dtype=x.dtype, rng=rng) > p
    return x * keep / (1 - p)


def block(x, w):
    return (x @ w).tanh() * x


def twice(x, w):
    return block(block(x, w), w)


def gradients_of(function, order=1):
    x, w = leaf(np.linspace(-1, 1, 6).reshape(2, 3)), leaf(np.linspace(0, 1, 9).reshape(3, 3))
    y = function(x, w).sum()
    for _ in range(order - 1):
        y = sum((g**2).sum() for g in pb.gradients(y, [x, w], create_graph=True))
    return [g.numpy() for g in pb.gradients(y, [x, w])]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    ("wrapped", "plain"),
    [
        (lambda x, w: pb.checkpoint(block, x, w), block),
        (lambda x, w: pb.checkpoint(block, pb.checkpoint(block, x, w), w), twice),
        (lambda x, w: pb.checkpoint(lambda x: block(pb.checkpoint(block, x, w), w), x), twice),
        (lambda x, w: pb.checkpoint(lambda *, args: {"y": [twice(*args)]}, args=(x, w))["y"][0], twice),
    ],
    ids=["one", "two", "nested", "structures"],
)
def test_the_same_gradients_at_every_order(wrapped, plain, order):
    for g, expected in zip(gradients_of(wrapped, order), gradients_of(plain, order), strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-12)


def test_parameters_of_a_module_get_their_gradients():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = pb.randn(5, 3)
    model(x).sum().backward()
    expected = [p.grad.numpy() for p in model.parameters()]
    model.zero_grad()
    pb.checkpoint(model, x).sum().backward()
    for p, g in zip(model.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g)


@pytest.mark.parametrize("order", [1, 2])
def test_dropout_is_the_same_in_both_runs(order):
    def run(function):
        pb.manual_seed(1)
        found = gradients_of(function, order)
        return found, pb.rand(2).tolist()

    noisy = lambda x, w: dropout(block(dropout(x), w).exp())
    found, then = run(lambda x, w: pb.checkpoint(noisy, x, w))
    expected, then_expected = run(noisy)
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-12)
    assert then == then_expected, "backward leaves the program's random state alone"


def test_a_generator_among_the_arguments_is_repeated_too():
    noisy = lambda x, rng: dropout(x.exp(), rng=rng)
    x = leaf(np.ones(50))
    y = pb.checkpoint(noisy, x, np.random.default_rng(3))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())  # exp is its own slope


def test_other_randomness_is_noticed():
    rng = np.random.default_rng(3)
    x = leaf(np.ones(50))
    y = pb.checkpoint(lambda x: dropout(x.exp(), rng=rng), x)
    with pytest.raises(RuntimeError, match="something else than the first time"):
        y.sum().backward()
    assert x.grad is None


def test_another_graph_is_noticed():
    calls = []

    def changing(x):
        calls.append(1)
        return x.exp() if len(calls) == 1 else x.exp() * 1.0

    y = pb.checkpoint(changing, leaf(1.0))
    with pytest.raises(RuntimeError, match="'changing' again and got something else"):
        y.backward()


def test_overwritten_arguments_are_refused_and_tracked_writes_are_not_seen():
    x = leaf([1.0, 2.0])
    data = pb.tensor([3.0, 4.0], dtype=pb.float64)
    y = pb.checkpoint(lambda x, data: (x * data).exp(), x, data)
    data.data[0] = 9.0
    with pytest.raises(RuntimeError, match="overwritten at test_checkpoint"):
        y.sum().backward()
    h = x * 1
    y = pb.checkpoint(lambda h: h.exp() * h, h)
    h[0] = 50.0
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (1 + x.detach().numpy()) * np.exp(x.detach().numpy()))


def test_an_overwritten_parameter_is_refused():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0], name="w")
    y = pb.checkpoint(lambda x: (x * w).exp(), x)
    with pb.no_grad():
        w[0] = 5.0
    with pytest.raises(RuntimeError, match=r"'w'.*overwritten at test_checkpoint"):
        y.sum().backward()


def test_running_twice_and_freed_graphs():
    x = leaf(2.0)
    y = pb.checkpoint(lambda x: x.exp() * x, x)
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.item(), 2 * 3 * np.exp(2))
    with pytest.raises(RuntimeError, match="already run"):
        y.backward()


def test_only_some_of_several_outputs():
    runs = []

    def both(x):
        runs.append(1)
        return x.exp(), x.sin()

    x = leaf(2.0)
    a, b = pb.checkpoint(both, x)
    b.backward()
    a.backward()
    np.testing.assert_allclose(x.grad.item(), np.exp(2) + np.cos(2))
    assert len(runs) == 2


def test_a_function_of_ones_own_inside():
    class Cube(pb.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * g * ctx.saved[0] ** 2

    x = leaf(2.0)
    y = pb.checkpoint(lambda x: Cube.apply(x.exp()), x)
    (g,) = pb.gradients(y, x, create_graph=True)
    np.testing.assert_allclose(g.item(), 3 * np.exp(6))
    np.testing.assert_allclose(pb.gradients(g, x)[0].item(), 9 * np.exp(6))


def test_nothing_to_do():
    with pb.no_grad():
        assert pb.checkpoint(lambda x: x * 2, leaf(1.0)).item() == 2
    assert pb.checkpoint(lambda x: x * 2, 3) == 6
    x = leaf(1.0)
    assert pb.checkpoint(lambda x: x, x) is x


def peak_of_a_step(layers, pieces):
    w = leaf(np.full(20_000, 0.9))

    def piece(x):
        for _ in range(layers // pieces):
            x = (x * w).tanh()
        return x

    gc.collect()
    tracemalloc.start()
    try:
        x = leaf(np.ones(20_000))
        for _ in range(pieces):
            x = piece(x) if pieces == 1 else pb.checkpoint(piece, x)
        x.sum().backward()
        return tracemalloc.get_traced_memory()[1] / w.numpy().nbytes
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_the_pieces():
    """64 layers save an array each for the product's slope and tanh's; 8 pieces keep 8 arrays and 16 at a time."""
    plain, pieces = peak_of_a_step(64, 1), peak_of_a_step(64, 8)
    assert plain > 64
    assert pieces < 36
    assert pieces < plain / 2


def test_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.ones(3))
        y = pb.checkpoint(lambda x: x.exp() * x, x)
        z = pb.checkpoint(lambda y: y.exp() * y, y)
        (g,) = pb.gradients(z.sum(), x, create_graph=True)
        unused = pb.checkpoint(lambda y: y.exp() * y, y)
        references = [weakref.ref(t) for t in (x, y, z, g, unused)]
        del x, y, z, g, unused
        assert [r() for r in references] == [None] * 5
        assert gc.collect() == 0
    finally:
        gc.enable()


# inside vmap


def layer(x, w):
    return pb.tanh(w @ x).sum() ** 2


def checked_layer(x, w):
    return pb.checkpoint(layer, x, w)


SHARED = (0, None)


@pytest.mark.parametrize(
    "transformed",
    [
        lambda f: pb.vmap(f, SHARED),
        lambda f: pb.vmap(pb.grad(f, (0, 1)), SHARED),
        lambda f: pb.grad(
            lambda x, w: (pb.vmap(f, SHARED)(x, w) ** 2).sum(), (0, 1)
        ),  # the vmap has ended by then
        lambda f: pb.vmap(pb.hessian(f), SHARED),
        lambda f: pb.hessian(lambda x, w: pb.vmap(f, SHARED)(x, w).sum(), 1),
        lambda f: lambda x, w: pb.vmap(pb.vmap(pb.grad(f), (None, 0)), SHARED)(x, pb.stack([w, -w])),
    ],
)
def test_inside_vmap(transformed, rng):
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    found, expected = (transformed(f)(x, w) for f in (checked_layer, layer))
    for a, b in zip(*(y if isinstance(y, tuple) else [y] for y in (found, expected)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy())
