"""Hooks on tensors: where a gradient arrives, and where `.grad` has been added to."""

import gc
import weakref

import numpy as np
import pytest

import pullback as pb


def leaf(value, **options):
    return pb.tensor(value, requires_grad=True, dtype=pb.float64, **options)


def test_a_hook_sees_the_whole_gradient_once():
    x = leaf(2.0)
    seen = []
    y = x * 3
    y.register_hook(lambda g: seen.append(g.item()))
    (y * y + y).backward()
    assert seen == [2 * 6 + 1]
    assert x.grad.item() == 39


@pytest.mark.parametrize("where", ["leaf", "middle", "output"])
def test_a_hook_may_replace_the_gradient(where):
    x = leaf([1.0, 2.0])
    y = x * 3
    z = y.sum()
    {"leaf": x, "middle": y, "output": z}[where].register_hook(lambda g: g * 10)
    z.backward()
    assert x.grad.tolist() == [30, 30]
    assert pb.gradients((x * 1).sum(), x)[0].tolist() == ([10, 10] if where == "leaf" else [1, 1])


def test_a_hook_may_write_into_what_it_gets_and_nobody_else_is_changed():
    x, other = leaf([1.0, 2.0]), leaf([1.0, 2.0])

    def scale(g):
        g *= 10

    x.register_hook(scale)
    upstream = np.ones(2)
    (x + other).backward(upstream)
    assert x.grad.tolist() == [10, 10]
    assert other.grad.tolist() == upstream.tolist() == [1, 1]


def test_what_a_hook_keeps_is_its_own():
    x = leaf([1.0, 2.0])
    kept = []
    x.register_hook(kept.append)
    for _ in range(2):
        (x * x).sum().backward()
    assert [g.tolist() for g in kept] == [[2, 4], [2, 4]]
    assert x.grad.tolist() == [4, 8]


def test_hooks_run_in_order_and_can_be_removed():
    x = leaf(1.0)
    seen = []
    first = x.register_hook(lambda g: seen.append("first") or g + 1)
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2).backward()
    first.remove()
    first.remove()
    (x * 2).backward()
    with x.register_hook(lambda g: seen.append("for a while")):
        (x * 2).backward()
    (x * 2).backward()
    assert seen == ["first", 3, 2, 2, "for a while", 2]


def test_a_hook_at_second_order_is_part_of_the_graph():
    x = leaf(2.0)
    y = x**2
    y.register_hook(lambda g: g * x)
    (g,) = pb.gradients(y, x, create_graph=True)
    assert g.item() == 2 * 2 * 2
    assert pb.gradients(g, x)[0].item() == 8  # of 2x²


@pytest.mark.parametrize(
    ("hook", "error", "message"),
    [
        (lambda g: g[:1], RuntimeError, r"shape \(1,\).*shape \(2,\)"),
        (lambda g: g.astype(pb.float32), RuntimeError, r"float32.*float64"),
        (lambda g: 1.0, TypeError, "returned a float"),
    ],
)
def test_wrong_replacements_are_refused(hook, error, message):
    x = leaf([1.0, 2.0])
    x.register_hook(hook)
    with pytest.raises(error, match=message):
        (x * 2).sum().backward()
    assert x.grad is None


def test_who_cannot_have_a_hook():
    with pytest.raises(RuntimeError, match="requires gradients"):
        pb.tensor(1.0).register_hook(print)
    with pytest.raises(TypeError, match="function"):
        leaf(1.0).register_hook(3)
    with pytest.raises(RuntimeError, match="leaf"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


def test_hooks_and_retain_grad_go_together():
    for hook_first in (True, False):
        x = leaf(2.0)
        y = x * 3
        if hook_first:
            y.register_hook(lambda g: g * 2)
        y.retain_grad()
        if not hook_first:
            y.register_hook(lambda g: g * 2)
        (y * 5).backward()
        assert (y.grad.item(), x.grad.item()) == (10, 30)


def test_a_hooked_tensor_is_no_target_of_inputs_unless_it_retains():
    x = leaf(2.0)
    y = x * 3
    y.register_hook(lambda g: None)
    with pytest.raises(RuntimeError, match="retain_grad"):
        (y * 5).backward(inputs=[y])


def test_a_hook_stays_with_the_value_when_the_tensor_is_written():
    x = leaf([1.0, 2.0])
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.retain_grad()
    y[0] = 7.0
    (y * 3).sum().backward()
    assert seen == [[0, 3]]
    assert y.grad.tolist() == [3, 3]
    assert x.grad.tolist() == [0, 3]


def test_hooks_after_accumulation():
    x, y = leaf(2.0), leaf(3.0)
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    (x * y).backward()
    (x * y).backward()
    handle.remove()
    (x * y).backward()
    assert seen == [(True, 3), (True, 6)]


def test_an_optimiser_may_step_in_the_hook():
    x = leaf(2.0)

    def step(tensor):
        with pb.no_grad():
            tensor -= 0.5 * tensor.grad
        tensor.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * x).backward()
    assert x.item() == 0
    assert x.grad is None


def test_hooks_make_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = leaf(2.0)
        y = x * 3
        y.register_hook(lambda g: g * 2)
        x.register_hook(lambda g: g * 2)
        x.register_post_accumulate_grad_hook(lambda t: None)
        y.backward(create_graph=True)
        references = [weakref.ref(x), weakref.ref(y)]
        del x, y
        assert [r() for r in references] == [None, None]
    finally:
        gc.enable()
