"""Planted bugs in rules, Functions and layers: every one is caught, and nearly every one is explained."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.autograd.extend import MIXER, REGISTRY, elementwise, op
from pullback.autograd.gradcheck import Verdict

RNG = np.random.default_rng(11)
X = RNG.uniform(0.3, 1.7, (3, 4)) * RNG.choice([-1, 1], (3, 4))
Y = RNG.uniform(0.3, 1.7, (3, 4))
ROW = RNG.uniform(0.3, 1.7, 4)
SQUARE = RNG.uniform(0.3, 1.7, (3, 3))
W = RNG.uniform(0.3, 1.7, (4, 2))


class Bug(NamedTuple):
    """A function with a wrong gradient, and what the report must say about it."""

    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    kinds: tuple[str, ...]
    culprit: str | None = "planted"
    input: str | None = None


@pytest.fixture(autouse=True)
def forget_planted_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def planted(forward, inputs="x", **rules):
    return lambda *xs: op(
        forward, inputs, name="planted", gate=MIXER, samples=elementwise(1), doc="For this test.", **rules
    )(*xs)


def function(forward, backward):
    """A Function with `forward(ctx, ...)` and `backward(ctx, g)`."""
    made = type(
        "planted", (pb.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    )
    return made.apply


def saving(compute):
    """A forward that saves its inputs, with their names."""
    if len(inspect.signature(compute).parameters) == 1:

        def forward(ctx, x):
            ctx.save(x)
            return compute(x)
    else:

        def forward(ctx, x, y):
            ctx.save(x, y)
            return compute(x, y)

    return forward


def unary(name, forward, right, *wrong):
    """Wrong versions of the rule of an elementwise operation."""
    changes = {
        "sign": lambda g, x: -g * right(x),
        "factor": lambda g, x: 2 * g * right(x),
        "half": lambda g, x: 0.5 * g * right(x),
        "zero": lambda g, x: 0 * g,
        "offset": lambda g, x: g * right(x) + 0.5,
        "transposed": lambda g, x: (g * right(x)).T,
        "reversed": lambda g, x: (g * right(x))[:, ::-1],
        "nan": lambda g, x: g * right(x) * np.nan,
        "row": lambda g, x: g * right(x) * np.array([[1.0], [2.0], [1.0]]),
        "zero part": lambda g, x: g * right(x) * (np.arange(x.shape[-1]) != 1),
        "shifted": lambda g, x: np.roll(g * right(x), 1, 0),
    }
    kinds = {
        "half": "factor",
        "zero": "zero path",
        "nan": "not finite",
        "row": "factor",
        "zero part": "zero path",
    }
    for change in wrong:
        point = SQUARE if change == "transposed" else X
        kind = kinds.get(change, change)
        yield f"{name}: {change}", Bug(planted(forward, x=changes[change]), (point,), (kind,), input="x")


def collection():
    """Name and bug."""
    yield from unary(
        "cube",
        lambda x, /: x**3,
        lambda x: 3 * x**2,
        "sign",
        "factor",
        "half",
        "zero",
        "offset",
        "transposed",
        "reversed",
        "nan",
        "row",
        "zero part",
        "shifted",
    )
    yield from unary(
        "tanh",
        lambda x, /: np.tanh(x),
        lambda x: 1 - np.tanh(x) ** 2,
        "sign",
        "factor",
        "zero",
        "transposed",
        "offset",
    )
    yield from unary("exp", lambda x, /: np.exp(x), np.exp, "sign", "factor", "zero", "reversed", "zero part")
    yield from unary(
        "square", lambda x, /: x * x, lambda x: 2 * x, "half", "sign", "row", "transposed", "shifted"
    )

    # wrong formulas: caught, and named, without a pattern to explain them
    yield (
        "tanh of the input",
        Bug(planted(lambda x, /: np.tanh(x), x=lambda g, x: g * (1 - x**2)), (X,), ("unknown",)),
    )
    yield "wrong power", Bug(planted(lambda x, /: x**3, x=lambda g, x: g * 3 * x), (X,), ("power",))
    yield (
        "0.1 % too large",
        Bug(planted(lambda x, /: x**3, x=lambda g, x: 3.003 * g * x**2), (X,), ("factor",)),
    )

    # products
    times = lambda x, y, /: x * y
    yield (
        "multiply: own input",
        Bug(
            planted(times, "x y", x=lambda g, x: g * x, y=lambda g, x: g * x),
            (X, Y),
            ("wrong value",),
            input="x",
        ),
    )
    yield (
        "multiply: sign in y",
        Bug(planted(times, "x y", x=lambda g, y: g * y, y=lambda g, x: -g * x), (X, Y), ("sign",), input="y"),
    )
    yield (
        "multiply: nothing for y",
        Bug(
            planted(times, "x y", x=lambda g, y: g * y, y=lambda g: 0 * g), (X, Y), ("zero path",), input="y"
        ),
    )
    dot = lambda x, y, /: x @ y
    yield (
        "matmul: transposed",
        Bug(
            planted(dot, "x y", x=lambda g, y: (g @ y.T).T, y=lambda g, x: x.T @ g),
            (SQUARE, SQUARE[::-1].copy()),
            ("transposed",),
            input="x",
        ),
    )
    yield (
        "matmul: sign",
        Bug(planted(dot, "x y", x=lambda g, y: -(g @ y.T), y=lambda g, x: x.T @ g), (X, W), ("sign",)),
    )
    yield (
        "matmul: mean over rows",
        Bug(
            planted(dot, "x y", x=lambda g, y: g @ y.T, y=lambda g, x: x.T @ g / len(x)),
            (X, W),
            ("mean/sum",),
            input="y",
        ),
    )
    yield (
        "matmul: missing transpose",
        Bug(
            planted(dot, "x y", x=lambda g, y: g @ y, y=lambda g, x: x.T @ g),
            (SQUARE, SQUARE[::-1].copy()),
            ("transposed",),
            input="x",
        ),
    )

    # reductions
    yield (
        "mean: not divided",
        Bug(
            planted(lambda x, /: np.mean(x, 0), x=lambda g, x_shape: np.broadcast_to(g, x_shape)),
            (X,),
            ("mean/sum",),
        ),
    )
    yield (
        "sum: divided",
        Bug(
            planted(lambda x, /: np.sum(x, 1), x=lambda g, x_shape: np.broadcast_to(g[:, None], x_shape) / 4),
            (X,),
            ("mean/sum",),
        ),
    )
    yield (
        "mean: of the other axis",
        Bug(
            planted(
                lambda x, /: np.mean(x, 1), x=lambda g, x_shape: np.broadcast_to(g[:, None], x_shape) / 3
            ),
            (X,),
            ("factor",),
        ),
    )
    yield (
        "sum: only the first row",
        Bug(
            planted(
                lambda x, /: np.sum(x, 0), x=lambda g, x_shape: np.where(np.arange(3)[:, None] == 0, g, 0)
            ),
            (X,),
            ("zero path",),
        ),
    )
    yield (
        "cumsum: not reversed",
        Bug(planted(lambda x, /: np.cumsum(x, 1), x=lambda g: np.cumsum(g, 1)), (X,), ("reversed",)),
    )
    yield (
        "flip: not flipped back",
        Bug(planted(lambda x, /: x[:, ::-1] * 1.0, x=lambda g: g), (X,), ("reversed",)),
    )
    yield (
        "roll: in the same direction",
        Bug(planted(lambda x, /: np.roll(x, 1, 1), x=lambda g: np.roll(g, 1, 1)), (X,), ("shifted",)),
    )
    yield (
        "transpose: as it is",
        Bug(planted(lambda x, /: x.T * 1.0, x=lambda g: g), (SQUARE,), ("transposed",)),
    )
    yield "sort: not put back", Bug(planted(lambda x, /: np.sort(x, 1), x=lambda g: g), (X,), ("rearranged",))
    yield (
        "softmax: only the diagonal",
        Bug(
            planted(
                lambda x, /: np.exp(x) / np.exp(x).sum(1, keepdims=True), x=lambda g, out: g * out * (1 - out)
            ),
            (X,),
            ("diagonal",),
        ),
    )
    yield (
        "norm: not divided",
        Bug(planted(lambda x, /: np.sqrt(np.sum(x**2)), x=lambda g, x: g * x), (X,), ("factor",)),
    )

    # broadcasting, where the author sums by hand
    add = saving(lambda x, b: x + b)
    yield (
        "bias: first row only",
        Bug(function(add, lambda ctx, g: (g, g[0])), (X, ROW), ("broadcast",), input="y"),
    )
    yield (
        "bias: last row only",
        Bug(function(add, lambda ctx, g: (g, g[-1])), (X, ROW), ("broadcast",), input="y"),
    )
    yield (
        "bias: mean of the rows",
        Bug(function(add, lambda ctx, g: (g, g.mean(axis=0))), (X, ROW), ("mean/sum",), input="y"),
    )
    yield (
        "scale: first row only",
        Bug(
            function(saving(lambda x, s: x * s), lambda ctx, g: (g * ctx.saved[1], (g * ctx.saved[0])[0])),
            (X, ROW),
            ("broadcast",),
            input="y",
        ),
    )
    yield (
        "column: mean",
        Bug(
            function(add, lambda ctx, g: (g, g.mean(axis=1, keepdims=True))),
            (X, ROW[:3, None]),
            ("mean/sum",),
            input="y",
        ),
    )

    # Functions
    cube = saving(lambda x: x**3)
    yield (
        "Function: sign",
        Bug(function(cube, lambda ctx, g: -3 * g * ctx.saved[0] ** 2), (X,), ("sign",), input="x"),
    )
    yield (
        "Function: factor",
        Bug(function(cube, lambda ctx, g: 1.5 * g * ctx.saved[0] ** 2), (X,), ("factor",), input="x"),
    )
    yield (
        "Function: forgets g",
        Bug(function(cube, lambda ctx, g: 3 * ctx.saved[0] ** 2), (X,), ("upstream",)),
    )
    yield (
        "Function: None",
        Bug(
            function(saving(lambda x, y: x * y), lambda ctx, g: (g * ctx.saved[1], None)),
            (X, Y),
            ("zero path",),
            input="y",
        ),
    )
    yield (
        "Function: swapped",
        Bug(
            function(
                saving(lambda x, y: x * x * y),
                lambda ctx, g: (g * ctx.saved[0] ** 2, 2 * g * ctx.saved[0] * ctx.saved[1]),
            ),
            (X, Y),
            ("unknown",),
        ),
    )
    yield (
        "Function: transposed",
        Bug(
            function(saving(lambda x: x.T * x.T), lambda ctx, g: 2 * g * ctx.saved[0]),
            (SQUARE,),
            ("transposed",),
        ),
    )

    buffer = np.zeros(X.shape)

    def with_buffer(ctx, x):
        np.multiply(x.numpy(), 2, out=buffer)
        ctx.slope = buffer
        return x * x

    shared = function(with_buffer, lambda ctx, g: g * ctx.slope)
    yield "Function: shared buffer", Bug(lambda x: shared(x) * shared(x + 1), (X,), ("stale value",), None)

    scratch = np.zeros(X.shape)

    def through_scratch(x):
        scratch[...] = 2
        y = x * pb.asarray(scratch)
        scratch[...] = 3
        return y

    yield "an array written behind asarray", Bug(through_scratch, (X,), ("stale value",), None)

    # paths that are cut
    yield "detach", Bug(lambda x: (x.detach() * x).sum(), (X,), ("zero path",), None)
    yield "data", Bug(lambda x: x * pb.tanh(x.data), (X,), ("zero path",), None)
    yield "numpy", Bug(lambda x: x + pb.asarray(np.sin(x.detach().numpy())), (X,), ("zero path",), None)

    def without_grad(x):
        with pb.no_grad():
            scale = x.sum()
        return x / scale

    yield "no_grad", Bug(without_grad, (X,), ("zero path",), None)
    yield "item", Bug(lambda x: x * x.sum().item(), (X,), ("zero path",), None)
    yield "integers", Bug(lambda x: x * x.detach().sum(axis=0).mean(), (X,), ("zero path",), None)

    # complex numbers
    z = X[0] + 1j * Y[0]
    yield (
        "conjugated",
        Bug(
            planted(lambda x, /: x * (2 + 3j), x=lambda g: g * (2 + 3j), complex="written"),
            (z,),
            ("conjugated", "factor"),
        ),
    )
    yield (
        "complex sign",
        Bug(
            planted(lambda x, /: x * x, x=lambda g, x: -2 * g * np.conjugate(x), complex="written"),
            (z,),
            ("sign",),
        ),
    )
    yield (
        "complex square",
        Bug(planted(lambda x, /: x * x, x=lambda g, x: 2 * g * x, complex="written"), (z,), ("conjugated",)),
    )

    # ties
    yield (
        "relu at 0",
        Bug(
            planted(lambda x, /: np.maximum(x, 0), x=lambda g, x: g * np.where(x == 0, 2.0, x > 0)),
            (np.array([-1.0, 0.0, 2.0]),),
            ("ties",),
        ),
    )
    yield (
        "maximum gives both all",
        Bug(
            planted(
                lambda x, y, /: np.maximum(x, y),
                "x y",
                x=lambda g, x, y: g * (x >= y) * (1 + (x == y)),
                y=lambda g, x, y: g * (y > x),
            ),
            (np.array([1.0, 3.0]), np.array([1.0, 2.0])),
            ("ties",),
            input="x",
        ),
    )
    yield (
        "abs at 0",
        Bug(
            planted(lambda x, /: np.abs(x), x=lambda g, x: g * np.where(x == 0, 3.0, np.sign(x))),
            (np.array([0.0, 2.0]),),
            ("ties",),
        ),
    )

    # layers
    class Scaled(nn.Module):
        def __init__(self, rule):
            super().__init__()
            self.linear = nn.Linear(4, 3, rng=np.random.default_rng(0))
            self.rule = rule

        def forward(self, x):
            return pb.tanh(self.rule(self.linear(x)))

    double = lambda x, /: 2 * x
    yield "layer: sign", Bug(Scaled(planted(double, x=lambda g: -2 * g)), (X,), ("sign",))
    yield "layer: factor", Bug(Scaled(planted(double, x=lambda g: 3 * g)), (X,), ("factor",))
    yield "layer: cut", Bug(Scaled(lambda h: h * h.detach()), (X,), ("zero path",), None)
    yield (
        "layer: batch mean",
        Bug(
            Scaled(function(saving(lambda x: x * 2), lambda ctx, g: g * 2 / 3)), (X,), ("mean/sum", "factor")
        ),
    )
    yield (
        "second of two",
        Bug(
            lambda x: planted(lambda x, /: np.sin(x), x=lambda g, x: -g * np.cos(x))(pb.exp(x)),
            (X,),
            ("sign",),
        ),
    )


BUGS = list(collection())


def test_the_collection_is_large():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"{len(BUGS)} planted bugs are all found" in readme
    assert len({name for name, _ in BUGS}) == len(BUGS)
    assert sum(bug.kinds != ("unknown",) for _, bug in BUGS) >= 0.95 * len(BUGS), (
        "a name and a place explain too little"
    )


@pytest.mark.parametrize(("name", "bug"), BUGS, ids=[name for name, _ in BUGS])
def test_it_is_caught_located_and_explained(name, bug):
    with np.errstate(all="ignore"):
        result = pb.gradcheck(bug.function, bug.inputs)
    assert result.verdict is Verdict.FAIL, result
    assert result.mismatches
    assert result.causes[0].kind in bug.kinds, result
    if bug.culprit is None:
        assert result.culprit is None, result
    else:
        assert result.culprit.operation == bug.culprit, result
        assert result.culprit.source.startswith("test_gradcheck_diagnosis.py:")
        assert bug.input in (None, result.culprit.input), result


def test_the_layer_is_named():
    class Inner(nn.Module):
        def forward(self, x):
            return planted(lambda x, /: 2 * x, x=lambda g: -2 * g)(x)

    model = nn.Sequential(nn.Linear(4, 3, rng=np.random.default_rng(0)), nn.Sequential(nn.Tanh(), Inner()))
    result = pb.gradcheck(model, X)
    assert result.culprit.layer == "1.1"
    assert "the rule of 'planted' for 'x', called at test_gradcheck_diagnosis.py:" in str(result)
    assert "in layer '1.1'" in str(result)
