"""Operations with several outputs: one node, a pick for each Tensor, zeros in the slots that nobody used."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import MIXER, REGISTRY, given, op


class Pair(NamedTuple):
    product: Any
    whole: Any
    total: Any


@pytest.fixture
def pair():
    """Two floating outputs and an integer one, with a rule that reads `out`."""
    seen = []

    def rule(g, x, y, out):
        seen.append(g)
        return g[0] * y + g[2] * out[2]

    made = op(
        lambda x, y, /: (x * y, np.rint(x).astype(int), np.exp(x)),
        "x y",
        x=rule,
        y=lambda g, x: g[0] * x,
        name="planted",
        gate=MIXER,
        samples=given((((2,), (2,)), {})),
        outputs=Pair,
        doc="For this test.",
    )
    made.seen = seen
    yield made
    REGISTRY.pop("planted", None)


def leaves():
    return pb.tensor(np.array([1.0, 2.0]), requires_grad=True), pb.tensor(
        np.array([3.0, 5.0]), requires_grad=True
    )


def test_the_result_is_a_named_tuple_of_tensors(pair):
    x, y = leaves()
    result = pair(x, y)
    assert isinstance(result, Pair)
    assert result.product.requires_grad
    assert not result.whole.requires_grad
    np.testing.assert_array_equal(result.product.numpy(), [3, 10])
    assert isinstance(pair.raw(x.detach().numpy(), 2.0), tuple)


def test_unused_outputs_count_as_zeros(pair):
    x, y = leaves()
    pair(x, y).total.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]))
    np.testing.assert_array_equal(y.grad.numpy(), [0, 0])
    (g,) = pair.seen
    np.testing.assert_array_equal(g[0], [0, 0])
    assert g[1].dtype.kind == "i"


def test_outputs_used_more_than_once_accumulate(pair):
    x, y = leaves()
    product, _, total = pair(x, y)
    (product * 2 + total + product).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * np.array([3.0, 5]) + np.exp([1.0, 2]))
    np.testing.assert_allclose(y.grad.numpy(), [3, 6])


def test_second_order_through_saved_outputs(pair):
    def slopes(x, y):
        with pb.enable_grad():
            x, y = (v if v.requires_grad else v.detach().requires_grad_() for v in (x, y))
            product, _, total = pair(x, y)
            return pb.gradients((product * total).sum(), [x, y], create_graph=True)

    pb.gradcheck(slopes, [v.detach() for v in leaves()]).assert_ok()


def test_a_second_backward_and_an_overwritten_output_are_refused(pair):
    x, y = leaves()
    result = pair(x, y)
    result.product.sum().backward()
    with pytest.raises(RuntimeError, match="already run"):
        result.total.sum().backward()
    result = pair(x, y)
    with pb.no_grad():
        result.total[0] = 7.0
    with pytest.raises(RuntimeError, match=r"'planted' needs its result.*overwritten"):
        result.product.sum().backward()


def test_gradients_stop_at_an_output(pair):
    x, y = leaves()
    result = pair(x, y)
    (g,) = pb.gradients((result.product**2).sum(), result.product)
    np.testing.assert_array_equal(g.numpy(), [6, 20])


def test_recording_and_drawing_show_the_picks(pair):
    x, y = leaves()
    with pb.record() as recording:
        result = pair(x, y)
        loss = result.product.sum()
        loss.backward()
    names = [entry.operation.name for entry in recording.entries if entry.operation]
    assert names == ["planted", "pick", "pick", "pick", "sum"]
    np.testing.assert_array_equal(recording.find(result.product).gradient, [1, 1])
    assert [e.operation.name for e in pb.trace(loss).entries if e.operation] == ["planted", "pick", "sum"]
    assert "pick" not in pb.viz.draw(loss, style="tensor").dot()  # the only one stands for the whole
    assert "pick" in pb.viz.draw(loss + result.total.sum(), style="tensor").dot()


def test_nothing_is_tracked_without_a_tracked_input(pair):
    assert not pair([1.0], [2.0]).product.requires_grad
    with pb.no_grad():
        assert not pair(*leaves()).total.requires_grad


def test_graphs_of_several_outputs_are_freed_by_reference_counting(pair):
    import gc
    import weakref

    gc.disable()
    try:
        x, y = leaves()
        result = pair(x, y)
        reference = weakref.ref(result.product)
        result.product.sum().backward(create_graph=True)
        x.grad = y.grad = None
        del result
        assert reference() is None
    finally:
        gc.enable()


def test_several_outputs_refuse_views(pair):
    with pytest.raises(TypeError, match="memory of their own"):
        op(
            lambda x, /: (x, x),
            "x",
            name="bad",
            gate=MIXER,
            samples=given(),
            outputs=Pair,
            view=True,
            doc="Bad.",
        )


def test_outputs_can_be_written_in_place_and_retain_their_gradient():
    def written(x):
        u, s, vh = pb.linalg.svd(x * 1)
        s *= 2.0
        u[0] = 0.0
        return (u * s) @ vh

    x = np.random.default_rng(0).normal(size=(3, 3))
    pb.gradcheck(written, x).assert_ok()
    t = pb.tensor(x, requires_grad=True)
    result = pb.linalg.svd(t)
    result.S.retain_grad()
    (result.S**2).sum().backward()
    np.testing.assert_allclose(result.S.grad.numpy(), 2 * result.S.detach().numpy())
    np.testing.assert_allclose(t.grad.numpy(), 2 * x)


def test_a_forward_that_gives_something_else_is_refused():
    bad = op(lambda x, /: (x,), "x", name="planted", gate=MIXER, samples=given(), outputs=Pair, doc="Bad.")
    try:
        with pytest.raises(
            TypeError, match=r"'planted' must give a tuple \(product, whole, total\).*a tuple of 1"
        ):
            bad([1.0])
        shared = op(
            lambda x, /: (x, y := x + 1, y),
            "x",
            name="planted",
            gate=MIXER,
            samples=given(),
            outputs=Pair,
            doc="Bad.",
        )
        x = pb.tensor([1.0, 2.0])
        result = shared(x)
        result.product[0] = result.whole[0] = 5.0
        np.testing.assert_array_equal(x.numpy(), [1, 2])
        np.testing.assert_array_equal(result.total.numpy(), [2, 3])
    finally:
        REGISTRY.pop("planted", None)
