"""Small blocks of sums of products that stay in the vector registers while they are summed up.

A core multiplies and adds two vectors at a time, but loads hardly more than two: so each vector that is loaded must
serve several products. `products` keeps the sums of some filters at some vectors of neighbouring places; each loaded
vector of places serves all filters, each weight all vectors. `sums` keeps the sums over places of some gradients with
some inputs in the same way, and `outer` does where the gradients of neighbouring filters are neighbours. Goto and van
de Geijn, "Anatomy of high-performance matrix multiplication", 2008.

Numba's loops do not keep such blocks in registers by themselves, so these are written in LLVM's own terms, for the
vectors that this processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vectors import REGISTERS, Code

FILTERS, VECTORS = (8, 3) if REGISTERS == 32 else (4, 3)  # of `products`: 24 or 12 registers of sums
ROWS, WIDE = (8, 2) if REGISTERS == 32 else (4, 2)  # of `outer`
LONG = 12 if REGISTERS == 32 else 8  # of a block with one filter
GRADIENTS, INPUTS = (4, 6) if REGISTERS == 32 else (2, 6)  # of `sums`


def _products(filters: int, vectors: int, started: bool = True) -> Callable[..., Any]:
    """products(x, place, offsets, weight, first, depth, out, target, pitch): for each filter f and all places p of
    `vectors` vectors, out[target + f·pitch + p] = Σ over d < depth of weight[first + d·filters + f] · x[place +
    offsets[d] + p]. With `started` the sum begins with weight[first + depth·filters + f]."""

    def typed(
        typing: Any,
        x: Any,
        place: Any,
        offsets: Any,
        weight: Any,
        first: Any,
        depth: Any,
        out: Any,
        target: Any,
        pitch: Any,
    ) -> Any:
        def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x_, place_, offsets_, weight_, first_, depth_, out_, target_, pitch_ = arguments
            code = Code(context, builder, x)
            inputs = builder.gep(code.start(x, x_), [place_])
            jumps, results = code.start(offsets, offsets_), code.start(out, out_)
            factors = builder.gep(code.start(weight, weight_), [first_])
            totals = code.sums(filters * vectors)
            if started:
                begin = builder.mul(depth_, code.index(filters))
                for f in range(filters):
                    number = code.everywhere(code.number_at(factors, code.plus(begin, f)))
                    for v in range(vectors):
                        builder.store(number, totals[f * vectors + v])
            with cgutils.for_range(builder, depth_) as loop:
                jump = code.number_at(jumps, loop.index)
                row = builder.mul(loop.index, code.index(filters))
                loaded = [code.load(inputs, code.plus(jump, v * code.lanes)) for v in range(vectors)]
                for f in range(filters):
                    factor = code.everywhere(code.number_at(factors, code.plus(row, f)))
                    for v in range(vectors):
                        code.add_product(totals[f * vectors + v], factor, loaded[v])
            for f in range(filters):
                start = code.plus(target_, builder.mul(pitch_, code.index(f)))
                for v in range(vectors):
                    total = builder.load(totals[f * vectors + v])
                    code.store(total, results, code.plus(start, v * code.lanes))
            return context.get_dummy_value()

        whole = types.int64
        return types.void(x, whole, offsets, weight, whole, whole, out, whole, whole), made

    made: Callable[..., Any] = intrinsic(typed)
    return made


def _sums(gradients: int, inputs: int) -> Callable[..., Any]:
    """sums(g, place, pitch, x, offsets, first, steps, out, target): for each gradient i and input j, to
    out[target + i·inputs + j] is added Σ over p of g[place + i·pitch + p] · x[offsets[first + j] + p], with `steps`
    vectors of places p. What follows in `out`, up to a whole vector, stays what it is."""

    def typed(
        typing: Any,
        g: Any,
        place: Any,
        pitch: Any,
        x: Any,
        offsets: Any,
        first: Any,
        steps: Any,
        out: Any,
        target: Any,
    ) -> Any:
        def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            g_, place_, pitch_, x_, offsets_, first_, steps_, out_, target_ = arguments
            code = Code(context, builder, x)
            jumps, results = code.start(offsets, offsets_), code.start(out, out_)
            above, below = code.start(g, g_), code.start(x, x_)
            rows = [
                builder.gep(above, [code.plus(place_, builder.mul(pitch_, code.index(i)))])
                for i in range(gradients)
            ]
            columns = [
                builder.gep(below, [code.number_at(jumps, code.plus(first_, j))]) for j in range(inputs)
            ]
            totals = code.sums(gradients * inputs)
            with cgutils.for_range(builder, steps_) as loop:
                here = builder.mul(loop.index, code.index(code.lanes))
                loaded = [code.load(row, here) for row in rows]
                for j in range(inputs):
                    column = code.load(columns[j], here)
                    for i in range(gradients):
                        code.add_product(totals[i * inputs + j], loaded[i], column)
            for k, folded in enumerate(code.folded([builder.load(total) for total in totals])):
                here = code.plus(target_, k * code.lanes)
                code.store(builder.fadd(folded, code.load(results, here)), results, here)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(g, whole, whole, x, offsets, whole, whole, out, whole), made

    made: Callable[..., Any] = intrinsic(typed)
    return made


def _outer(rows: int, vectors: int) -> Callable[..., Any]:
    """outer(g, place, pitch, x, first, apart, steps, out, target, goal): for each row i, and each number p of so many
    vectors, to out[target + i·goal + p] is added Σ over t < steps of x[first + i·apart + t] · g[place + t·pitch +
    p]."""

    def typed(
        typing: Any,
        g: Any,
        place: Any,
        pitch: Any,
        x: Any,
        first: Any,
        apart: Any,
        steps: Any,
        out: Any,
        target: Any,
        goal: Any,
    ) -> Any:
        def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            g_, place_, pitch_, x_, first_, apart_, steps_, out_, target_, goal_ = arguments
            code = Code(context, builder, x)
            above = builder.gep(code.start(g, g_), [place_])
            left = builder.gep(code.start(x, x_), [first_])
            results = builder.gep(code.start(out, out_), [target_])
            totals = code.sums(rows * vectors)
            places = [
                code.plus(builder.mul(goal_, code.index(i)), v * code.lanes)
                for i in range(rows)
                for v in range(vectors)
            ]
            with cgutils.for_range(builder, steps_) as loop:
                here = builder.mul(loop.index, pitch_)
                loaded = [code.load(above, code.plus(here, v * code.lanes)) for v in range(vectors)]
                for i in range(rows):
                    there = builder.add(builder.mul(apart_, code.index(i)), loop.index)
                    factor = code.everywhere(code.number_at(left, there))
                    for v in range(vectors):
                        code.add_product(totals[i * vectors + v], factor, loaded[v])
            for total, place in zip(totals, places, strict=True):  # sums of sums round less than one long sum
                code.store(builder.fadd(builder.load(total), code.load(results, place)), results, place)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(g, whole, whole, x, whole, whole, whole, out, whole, whole), made

    made: Callable[..., Any] = intrinsic(typed)
    return made


@intrinsic  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def move(typing: Any, source: Any, place: Any, target: Any, goal: Any, count: Any) -> Any:
    """move(source, place, target, goal, count): target[goal + p] = source[place + p] for p < count."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_, place_, target_, goal_, count_ = arguments
        code = Code(context, builder, source)
        begin = builder.gep(code.start(source, source_), [place_])
        end = builder.gep(code.start(target, target_), [goal_])
        lanes = code.index(code.lanes)
        whole = builder.udiv(count_, lanes)
        with cgutils.for_range(builder, whole) as loop:
            here = builder.mul(loop.index, lanes)
            code.store(code.load(begin, here), end, here)
        done = builder.mul(whole, lanes)
        rest = builder.sub(count_, done)
        code.store_first(rest, code.load_first(rest, begin, done), end, done)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(source, whole, target, whole, whole), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def move_every_other(typing: Any, source: Any, place: Any, target: Any, goal: Any, count: Any) -> Any:
    """move_every_other(source, place, target, goal, count): target[goal + p] = source[place + 2p] for p < count."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_, place_, target_, goal_, count_ = arguments
        code = Code(context, builder, source)
        begin = builder.gep(code.start(source, source_), [place_])
        end = builder.gep(code.start(target, target_), [goal_])
        lanes = code.lanes
        numbers = builder.sub(builder.mul(count_, code.index(2)), code.index(1))
        steps = builder.udiv(code.plus(count_, lanes - 1), code.index(lanes))
        with cgutils.for_range(builder, steps) as loop:
            here = builder.mul(loop.index, code.index(lanes))
            there = builder.mul(here, code.index(2))
            left = builder.sub(numbers, there)
            first = code.load_first(left, begin, there)
            second = code.load_first(builder.sub(left, code.index(lanes)), begin, code.plus(there, lanes))
            value = code.picked(first, second, list(range(0, 2 * lanes, 2)))
            code.store_first(builder.sub(count_, here), value, end, here)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(source, whole, target, whole, whole), made


products = _products(FILTERS, VECTORS)
products_from_zero = _products(FILTERS, VECTORS, started=False)
products_of_one = _products(1, LONG)
outer = _outer(ROWS, WIDE)
sums = _sums(GRADIENTS, INPUTS)
sums_of_one = _sums(1, LONG)
