"""`gradcheck(layouts=True)`: bugs that show in strided memory only, and inputs without elements."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.autograd.checks import as_function, samples_of
from pullback.autograd.extend import own_operations
from pullback.autograd.gradcheck import Verdict
from pullback.autograd.gradcheck.layouts import LAYOUTS

X = np.random.default_rng(3).normal(size=(3, 4))


def function(forward, backward):
    def keeping(ctx, x):
        ctx.save(x)
        return forward(x.numpy())

    def pulled(ctx, g):
        return backward(g.numpy(), ctx.saved[0].numpy())

    methods = {"forward": staticmethod(keeping), "backward": staticmethod(pulled)}
    return pb.once_differentiable(type("Planted", (pb.Function,), methods)).apply


def in_memory(x):
    """The elements as they lie, from the first one on."""
    return np.lib.stride_tricks.as_strided(x, (x.size,), (x.itemsize,)).reshape(x.shape)


def first_doubled(x):
    y = x.copy(order="K")
    y.reshape(-1)[0] *= 2  # a copy where memory is not in the order of the elements
    return y


double_first = np.ones(X.shape)
double_first[0, 0] = 2

BUGS = {
    "forward reads on from a pointer": (lambda x: in_memory(x) ** 2, lambda g, x: 2 * g * x),
    "backward reads on from a pointer": (lambda x: x**2, lambda g, x: 2 * g * in_memory(x)),
    "forward flattens in the order of memory": (
        lambda x: np.sin(x).ravel(order="K").reshape(x.shape),
        lambda g, x: g * np.cos(x),
    ),
    "backward flattens in the order of memory": (
        lambda x: np.sin(x),
        lambda g, x: g * np.cos(x.ravel(order="K")).reshape(x.shape),
    ),
    "forward writes into a reshape": (first_doubled, lambda g, x: g * double_first),
    "backward scales by a stride": (lambda x: 2 * x, lambda g, x: g * (x.strides[-1] // x.itemsize + 1)),
    "backward takes repeated rows for one": (
        lambda x: x**2,
        lambda g, x: 2 * g * x / (len(x) if 0 in x.strides else 1),
    ),
    "forward asks for a flat view": (
        lambda x: x.reshape(-1, copy=False).reshape(x.shape) * 2,
        lambda g, x: g * 2,
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_bugs_of_strided_memory(name):
    forward, backward = BUGS[name]
    planted = function(forward, backward)
    assert pb.gradcheck(planted, X, elementwise=True).ok, "it shows in strided memory only"
    result = pb.gradcheck(lambda x: pb.tanh(planted(x)), X, layouts=True)
    assert result.verdict is Verdict.FAIL, result
    assert result.causes[0].kind == "layout"
    assert result.culprit.operation == "Planted"
    assert result.culprit.source.startswith("test_gradcheck_layouts.py:")
    assert "in memory that is" in str(result)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layouts_are_what_they_are_called(layout):
    for x in (X, X[0], X.astype(np.float32), X * 1j, np.zeros((0, 3)), np.zeros((2, 0)), np.zeros((2, 3, 4))):
        found = layout.lay(x)
        assert (found.shape, found.dtype) == (x.shape, x.dtype)
        if layout.name in ("reversed", "with gaps", "transposed"):
            np.testing.assert_array_equal(found, x)
    found = layout.lay(X)
    assert found.strides != X.strides
    if layout.name in ("overlapping", "repeated by a stride of 0"):
        assert len({found[i, j] for i in range(3) for j in range(4)}) < X.size


@pytest.mark.parametrize("operation", [o for o in own_operations() if o.rules], ids=repr)
def test_no_operation_depends_on_memory(operation):
    for sample in samples_of(operation)[:2]:
        called, inputs = as_function(operation, sample)
        if inputs:
            with np.errstate(all="ignore"):
                result = pb.gradcheck(called, inputs, layouts=True, directions=1, rng=1)
            assert result.verdict is not Verdict.FAIL, result


def test_modules_and_several_inputs():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh())
    before = model.state_dict()["1.running_mean"].numpy().copy()
    result = pb.gradcheck(model, X, layouts=True)
    assert result.ok, result
    assert "5 other layouts of memory" in result.checked
    np.testing.assert_array_equal(model.state_dict()["1.running_mean"].numpy(), before)
    assert pb.gradcheck(lambda x, y: x @ y.T, (X, X[:2]), layouts=True, order=2)


def test_inputs_without_elements():
    result = pb.gradcheck(lambda x, w: (x @ w).sum(), (X, X.T.copy()), layouts=True)
    assert "no elements:" in result.checked
    assert "no elements:" not in pb.gradcheck(lambda x: pb.max(x), X, layouts=True).checked

    def cut_for_nothing(x, w):
        return x.sum() + (w if len(x) else w.detach() + 0 * w).sum()

    assert pb.gradcheck(cut_for_nothing, (X, X[0]))
    assert pb.gradcheck(cut_for_nothing, (X, X[0]), layouts=True).verdict is Verdict.FAIL


def test_a_backward_that_cannot_do_without_elements():
    needs_some = function(lambda x: x * 2, lambda g, x: 2 * g.reshape(len(x), -1))
    assert pb.gradcheck(needs_some, X)
    with pytest.raises(ValueError, match="reshape"):
        pb.gradcheck(needs_some, X, layouts=True)
