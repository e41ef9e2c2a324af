"""Whose memory gradients are: in random programs no `.grad` shares memory with anything that others can see.

Backward hands an array on without a copy where nobody else knows of it, and adds into arrays that are its own. So the
programs here are full of what keeps references: gradients handed to several inputs, views, hooks, retained graphs
and gradients, rules that return what they have saved or keep what they return, threads.
"""

import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd import tape
from pullback.autograd.extend import SCALER, elementwise, observing, op

KEPT = []


def _kept(g):
    array = 2 * g
    if isinstance(array, np.ndarray):
        KEPT.append(array)
    return array


keeps = op(
    lambda x, /: x + x,
    "x",
    x=_kept,
    name="keeps_its_gradient",
    gate=SCALER,
    samples=elementwise(1),
    doc="2·x, whose rule keeps the array that it returns.",
)


class Linear(pb.Function):
    """The sum of x·c, whose backward, for g = 1, returns the saved c itself."""

    @staticmethod
    def forward(ctx, x, c):
        ctx.save(c)
        return (x.numpy() * c.numpy()).sum()

    @staticmethod
    def backward(ctx, g):
        return ctx.saved[0] * g, None


STATEMENTS = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "twice": lambda x, y: x + x,
    "positive": lambda x, y: +x,
    "tanh": lambda x, y: x.tanh(),
    "relu": lambda x, y: pb.relu(x),
    "sigmoid": lambda x, y: x.sigmoid(),
    "exp": lambda x, y: (-x * x).exp(),
    "row": lambda x, y: x[0] + y,
    "turned": lambda x, y: x.T,
    "same shape": lambda x, y: x.reshape((9,)).reshape((3, 3)),
    "joined": lambda x, y: pb.concat([x[:1], y[1:]]),
    "kept": lambda x, y: keeps(x),
    "written": lambda x, y: _written(x, y),
    "sum": lambda x, y: x.sum() + y,
}


def _written(x, y):
    z = x * 1.0
    z[0] = y[0]
    z += y
    return z


def program(names, leaves, hooked, retained):
    """The final number, everything computed, what keeps its gradient, and what the hooks were given."""
    pool, holders, seen = list(leaves), list(leaves), []
    for number, (name, first, second) in enumerate(names):
        x, y = pool[-1 - first % len(pool)], pool[-1 - second % len(pool)]
        pool.append(STATEMENTS[name](x, y))
        if number in hooked and pool[-1].requires_grad:
            pool[-1].register_hook(seen.append)
        if number in retained and pool[-1].requires_grad:
            pool[-1].retain_grad()
            holders.append(pool[-1])
    return (pool[-1] * np.arange(9.0).reshape(3, 3)).sum(), pool, holders, seen


NAMES = st.lists(
    st.tuples(st.sampled_from(sorted(STATEMENTS)), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=9,
)


@settings(deadline=None, max_examples=150)
@given(
    names=NAMES,
    hooked=st.sets(st.integers(0, 8), max_size=2),
    retained=st.sets(st.integers(0, 8), max_size=2),
    seed=st.integers(0, 100),
    retain_graph=st.booleans(),
)
def test_gradients_share_memory_with_nothing(names, hooked, retained, seed, retain_graph):
    KEPT.clear()
    rng = np.random.default_rng(seed)
    leaves = [pb.tensor(rng.normal(size=(3, 3)), requires_grad=True) for _ in range(3)]
    total, pool, holders, seen = program(names, leaves, hooked, retained)
    expected = pb.gradients(total, leaves, retain_graph=True, allow_unused=True)
    start = pb.tensor(np.array(1.0))
    total.backward(start, retain_graph=retain_graph)
    check_equal(leaves, expected)
    gradients = [x.grad for x in holders if x.grad is not None]
    given_out = [gradient for gradient in expected if gradient is not None]
    others = [np.asarray(x.detach().numpy()) for x in (*pool, *seen, *given_out, start)] + KEPT
    arrays = [gradient.numpy() for gradient in gradients]
    for i, array in enumerate(arrays):
        assert array.flags.writeable
        for other in (*arrays[:i], *others):
            assert not np.shares_memory(array, other)
    if retain_graph:  # what is written into gradients is of no consequence for another backward
        for gradient in gradients:
            with pb.no_grad():
                gradient[...] = np.nan
        for x in holders:
            x.grad = None
        total.backward()
        check_equal(leaves, expected)


def check_equal(leaves, gradients):
    """None stands for no gradient."""
    for leaf, gradient in zip(leaves, gradients, strict=True):
        assert (leaf.grad is None) == (gradient is None)
        if gradient is not None:
            np.testing.assert_array_equal(leaf.grad.numpy(), gradient.numpy())


@settings(deadline=None, max_examples=50)
@given(names=NAMES, seed=st.integers(0, 100))
def test_gradients_of_both_kinds_and_recorded_ones_agree(names, seed):
    rng = np.random.default_rng(seed)
    leaves = [pb.tensor(rng.normal(size=(3, 3)), requires_grad=True) for _ in range(3)]
    total, *_ = program(names, leaves, (), ())
    inputs = [*leaves, leaves[0]]
    recorded = pb.gradients(total, inputs, create_graph=True, allow_unused=True)
    found = pb.gradients(total, inputs, allow_unused=True)
    for one, other in zip(recorded, found, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one.detach().numpy(), other.numpy(), rtol=1e-12, atol=1e-12)
    found = [one for one in found if one is not None]
    for i, one in enumerate(found):
        assert not any(np.shares_memory(one.numpy(), other.numpy()) for other in found[:i])


def test_a_gradient_that_nobody_else_knows_is_not_copied(monkeypatch):
    copies = []
    monkeypatch.setattr(tape, "_copied", lambda gradient: copies.append(gradient) or np.array(gradient))
    x, w = (pb.tensor(np.ones((4, 4)), requires_grad=True) for _ in range(2))
    (x @ w).sum().backward()
    assert not copies
    assert len(pb.gradients((x * w).sum(), [x, w])) == 2
    assert not copies
    x.reshape((2, 8)).tanh().reshape((4, 4)).backward(np.ones((4, 4)))  # the gradient in a new shape
    (x.T * w).sum().backward()
    assert not copies
    (x + w).backward(np.ones((4, 4)))  # one array for both, and for the caller
    assert len(copies) == 2
    x.reshape((2, 8)).backward(np.ones((2, 8)))  # in a new shape, but the caller's
    assert len(copies) == 3


def test_the_gradient_that_was_given_stays_the_callers():
    x, given = pb.tensor(np.ones(3), requires_grad=True), np.arange(3.0)
    (+x).backward(given)
    (+x).backward(given)
    assert given.tolist() == [0, 1, 2]
    assert x.grad.tolist() == [0, 2, 4]


def leaves(count, *shape):
    return [pb.tensor(np.ones(shape), requires_grad=True) for _ in range(count)]


def test_a_gradient_that_comes_from_a_grad_counts_as_it_was():
    """Else what the first leaf has got would be added to the second one's gradient."""
    first, second = leaves(2, 3)
    for x, other in ((first, second), (second, first)):
        x.grad, other.grad = pb.tensor(np.ones(3)), None
        (first + second).backward(x.grad)
        assert x.grad.tolist() == [2, 2, 2]
        assert other.grad.tolist() == [1, 1, 1]


@pytest.mark.parametrize("table_first", [True, False])
def test_a_gradient_that_comes_from_a_part_of_a_grad_counts_as_it_was(table_first):
    if table_first:
        (table,), (row,) = leaves(1, 4, 3), leaves(1, 3)
    else:
        (row,), (table,) = leaves(1, 3), leaves(1, 4, 3)
    row.grad = pb.tensor(np.ones(3))
    (table[1] + row).backward(row.grad)
    assert row.grad.tolist() == [2, 2, 2]
    assert table.grad.tolist() == [[0] * 3, [1] * 3, [0] * 3, [0] * 3]


def test_a_retained_gradient_may_start_another_backward():
    (x,) = leaves(1, 3)
    y = +x
    y.retain_grad()
    y.backward(np.ones(3), retain_graph=True)
    x.grad = None
    y.backward(y.grad)
    assert y.grad.tolist() == [2, 2, 2]
    assert x.grad.tolist() == [1, 1, 1]


def test_a_retained_gradient_is_not_what_a_rule_has_kept():
    class Keeps(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            kept.append(g)
            return g * 2

    kept, (x,) = [], leaves(1, 3)
    y = Keeps.apply(x)
    y.retain_grad()
    (y * 2 + y * 3).sum().backward()  # a sum that the walk has made
    y.grad[...] = 0.0
    assert kept[0].tolist() == [5, 5, 5]


def in_a_generator(array):
    yield array


def in_a_thread(array):
    """A thread whose own variable is all that has the array."""

    def hold(array):
        started.set()
        done.wait()

    started, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold, args=(array,), daemon=True)  # a failure leaves it waiting
    thread.start()
    started.wait()
    return lambda: (done.set(), thread.join())


@pytest.mark.parametrize(
    "keep",
    [
        lambda array: [array],
        lambda array: lambda: array,
        lambda array: array.sum,
        lambda array: array[1:],
        lambda array: array.flat,
        iter,
        memoryview,
        weakref.ref,
        np.ctypeslib.as_ctypes,
        in_a_generator,
        in_a_thread,
    ],
    ids=[
        "list",
        "closure",
        "method",
        "view",
        "flat",
        "iterator",
        "memoryview",
        "weakref",
        "ctypes",
        "generator",
        "thread",
    ],
)
@pytest.mark.parametrize("ask", ["backward", "gradients"])
@pytest.mark.parametrize("returned", ["it", "another shape of what is kept", "what is kept is another shape"])
def test_whatever_a_rule_has_kept_of_its_gradient_stays_its_own(keep, ask, returned, monkeypatch):
    def rule(g):
        array = 2 * g
        same = array if returned == "it" else array.reshape(3)
        array, result = (same, array) if "is another" in returned else (array, same)
        kept.append((keep(array), array.ctypes.data))
        return result

    kept, (x,) = [], leaves(1, 3)
    monkeypatch.setitem(keeps.op.pull.__globals__, "x_rule", rule)
    y = keeps(x)
    if ask == "backward":
        y.backward(np.ones(3))
        gradient = x.grad
    else:
        (gradient,) = pb.gradients(y, x, np.ones(3))
    ((held, address),) = kept
    if keep is not weakref.ref:
        assert gradient.numpy().ctypes.data != address
    else:
        assert held() is not gradient.numpy()
    if keep is in_a_thread:
        held()


def test_what_an_observer_keeps_does_not_change():
    class Keeps:
        def on_forward(self, op, inputs, parameters, output):
            pass

        def on_replace(self, old, new):
            pass

        def on_backward(self, node, gradient, contributions):
            for value in (gradient, *contributions):
                seen.append((value, np.array(value)))

    seen, (x, y) = [], leaves(2, 4, 3)
    with observing(Keeps()):
        z = x * 1.0
        z[1] = y[2]
        z[2] = y[2] + z[1]
        total = (x[0] + x[1] * x[1] + z[2] + z[1] + z[0]).sum() + (x * y).sum()
        for _ in range(2):
            total.backward(retain_graph=True)
    for tensor in (x, y):
        tensor.grad[...] = np.nan
    for value, before in seen:
        np.testing.assert_array_equal(np.array(value), before)


def test_a_saved_constant_that_is_the_gradient_is_not_handed_out():
    x, c = pb.tensor(np.ones(3), requires_grad=True), pb.tensor(np.arange(3.0))
    Linear.apply(x, c).backward()
    x.grad[...] = 7.0
    assert c.tolist() == [0, 1, 2]


def test_accumulating_keeps_what_a_graph_relies_on():
    x = pb.tensor(np.ones(3), requires_grad=True)
    (x * x).sum().backward()
    w = pb.tensor(np.ones(3), requires_grad=True)
    penalty = (w * x.grad).sum()  # saves the gradient
    before = x.grad.numpy().copy()
    (x * x).sum().backward()
    assert x.grad.tolist() == [4, 4, 4]
    penalty.backward()
    np.testing.assert_array_equal(w.grad.numpy(), before)


def test_accumulating_is_seen_through_views_and_by_numpy():
    x = pb.tensor(np.ones(3), requires_grad=True)
    (x * x).sum().backward()
    gradient, array, part = x.grad, x.grad.numpy(), x.grad[1:]
    (x * x).sum().backward()
    assert gradient is x.grad
    assert array.tolist() == gradient.tolist() == [4, 4, 4]
    assert part.tolist() == [4, 4]


def test_threads_that_share_a_graph():
    x = pb.tensor(np.ones(1000), requires_grad=True)
    y = (x * x + x).sum()
    threads = [threading.Thread(target=lambda: y.backward(retain_graph=True)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(x.grad.numpy(), np.full(1000, 24.0))


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_outlives_its_tensor(create_graph):
    x = pb.tensor(np.ones(3), requires_grad=True)
    (x * x).sum().backward(create_graph=create_graph)
    array = x.grad.detach().numpy()
    x.grad = None
    gc.collect()
    assert array.tolist() == [2, 2, 2]
