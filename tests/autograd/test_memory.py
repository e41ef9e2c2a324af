"""Reference counting alone frees everything, over thousands of steps; threads and tasks do not meet."""

import asyncio
import gc
import threading
import tracemalloc

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim


def mlp():
    """A training step of an MLP with Adam."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()
    x, target = pb.randn(5, 4), pb.tensor([0, 1, 2, 0, 1])

    def step():
        optimizer.zero_grad()
        loss(model(x), target).backward()
        optimizer.step()

    return step


def rnn():
    """Backward through six steps of a hand-written tanh cell."""
    w, u, b = (pb.tensor(pb.randn(*shape), requires_grad=True) for shape in ((4, 8), (8, 8), (8,)))
    inputs = pb.randn(6, 3, 4)

    def step():
        state = pb.zeros((3, 8))
        for x in inputs:
            state = (x @ w + state @ u + b).tanh()
        (state**2).mean().backward()
        with pb.no_grad():
            for p in (w, u, b):
                p -= 0.01 * p.grad
                p.grad = None

    return step


def double_backward():
    """The gradient of a gradient's norm, with the graph in `.grad` too."""
    w = pb.tensor(pb.randn(4, 4), requires_grad=True)
    x = pb.randn(3, 4)

    def step():
        y = (x @ w).tanh().sum()
        y.backward(create_graph=True)
        (g,) = pb.gradients((w.grad**2).sum(), w)
        w.grad = None
        with pb.no_grad():
            w[...] = w - 0.01 * g

    return step


def writes_and_gates():
    """Writes in place, a Function, hooks and checkpoints."""

    class Double(pb.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save(x)
            return x * 2, y + x

        @staticmethod
        def backward(ctx, g, h):
            return g * 2 + h, h

    w = pb.tensor(pb.randn(8), requires_grad=True)
    w.register_hook(lambda g: g * 0.5)

    def step():
        h = w * 1
        h[2:4] = w[0] * 3
        a, b = Double.apply(h, w)
        a.register_hook(lambda g: None)
        pb.checkpoint(lambda a, b: (a * b).tanh().sum(), a, b).backward(create_graph=True)
        w.grad = None

    return step


@pytest.mark.parametrize("make", [mlp, rnn, double_backward, writes_and_gates])
def test_thousands_of_steps_leave_nothing_behind(make):
    step = make()
    for _ in range(50):
        step()
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        step()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        objects = len(gc.get_objects())
        for _ in range(2000):
            step()
        assert len(gc.get_objects()) - objects < 50
        assert gc.collect() == 0, "a step made a reference cycle"
        tracemalloc.start()
        step()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert after - before < 4_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_what_a_graph_has_saved_is_freed_during_the_walk():
    """Backward through n layers needs the memory of a few more than the n that forward has saved."""
    w = pb.tensor(np.full(50_000, 0.9), requires_grad=True)
    pb.gradients(w.tanh().sum(), w)  # what compiled kernels need to be loaded is none of this
    gc.collect()
    tracemalloc.start()
    try:
        x = w * 1
        for _ in range(30):
            x = (x * w).tanh()
        loss = x.sum()
        del x
        saved = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        loss.backward()
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert saved > 30 * w.numpy().nbytes
    assert peak - saved < 6 * w.numpy().nbytes
    assert left < 2 * w.numpy().nbytes, "the values are gone though the loss is still there"


def test_two_threads_build_and_differentiate_separate_graphs():
    """Each with modes of its own, at the same time, and with the results that it has alone."""
    barrier, results = threading.Barrier(2), {}

    def work(seed):
        rng = np.random.default_rng(seed)
        w = pb.tensor(rng.normal(size=(6, 6)), requires_grad=True)
        x = pb.tensor(rng.normal(size=(4, 6)))
        found = []
        if barrier is not None:
            barrier.wait()
        for i in range(100):
            if i % 3 == seed % 3:
                with pb.no_grad():
                    assert not (x @ w).requires_grad
                    assert not pb.is_grad_enabled()
            loss = ((x @ w).tanh() @ w).sum()
            (g,) = pb.gradients(loss, w, create_graph=True)
            (g**2).sum().backward()
            found.append(w.grad.numpy().copy())
            w.grad = None
            assert pb.is_grad_enabled()
        results[seed] = found

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together, barrier = dict(results), None
    for seed in (0, 1):
        work(seed)
        np.testing.assert_array_equal(together[seed], results[seed])


def test_observers_are_per_thread():
    """Another thread's operations are not recorded."""
    seen = []

    def other():
        pb.tensor(1.0, requires_grad=True).exp().backward()
        seen.append(True)

    with pb.record() as recording:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [True]
    assert recording.entries == []


def test_modes_are_per_task():
    async def silent(events):
        with pb.no_grad(), pb.profile() as costs:
            events[0].set()
            await events[1].wait()
            assert not (pb.tensor(1.0, requires_grad=True) * 2).requires_grad
            return costs.row("multiply").forward.calls

    async def loud(events):
        await events[0].wait()
        x = pb.tensor(1.0, requires_grad=True)
        assert (x * 2).requires_grad
        (x * 3).backward()
        events[1].set()
        return x.grad.item()

    async def both():
        events = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(silent(events), loud(events))

    assert asyncio.run(both()) == [1, 3]
    assert pb.is_grad_enabled()


def test_recomputation_in_one_thread_draws_nothing_from_the_other():
    """While one thread's checkpoint runs again in its old random state, the others draw on as they would."""
    inside, drawn = threading.Event(), threading.Event()
    calls, outside = [], []

    def noisy(x):
        calls.append(1)
        if len(calls) == 2:
            inside.set()
            assert drawn.wait(10)
        return x * pb.rand(3)

    def draw():
        assert inside.wait(10)
        outside.append(pb.rand(3).tolist())
        drawn.set()

    pb.manual_seed(5)
    first = pb.rand(3).tolist()
    pb.manual_seed(5)
    y = pb.checkpoint(noisy, pb.tensor([1.0, 2.0, 3.0], requires_grad=True))
    pb.manual_seed(5)
    thread = threading.Thread(target=draw)
    thread.start()
    y.sum().backward()
    thread.join()
    assert outside == [first]
