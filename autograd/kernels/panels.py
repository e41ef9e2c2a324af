"""The innermost loop of a product of matrices, and how a matrix is laid for it, in LLVM's own terms.

`multiplied(VECTORS)` sums the products of 8 rows of x with some columns of y, one to three vectors wide: up to 24 sums
that stay in registers, where each vector that is loaded serves 8 products and each number of x three. y comes as a
panel, its columns side by side, row after row; `turned` lays one of a matrix whose columns are contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vectors import Code

TALL = 8  # rows of a block
WIDE = 3  # vectors of its columns, at most


def _multiplied(vectors: int) -> Callable[..., Any]:
    """multiplied(x, place, along, across, panel, first, depth, out, target, pitch, more): for each of 8 rows i and each
    column j of the panel, out[target + i·pitch + j] = Σ over k < depth of x[place + k·along + i·across] ·
    panel[first + k·width + j], plus what stands there already if `more` is not 0. That is added at the end, since
    sums of sums round less than one long sum."""

    def typed(
        typing: Any,
        x: Any,
        place: Any,
        along: Any,
        across: Any,
        panel: Any,
        first: Any,
        depth: Any,
        out: Any,
        target: Any,
        pitch: Any,
        more: Any,
    ) -> Any:
        def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x_, place_, along_, across_, panel_, first_, depth_, out_, target_, pitch_, more_ = arguments
            code = Code(context, builder, x)
            corner = builder.gep(code.start(x, x_), [place_])
            rows = [builder.gep(corner, [builder.mul(across_, code.index(i))]) for i in range(TALL)]
            columns, results = builder.gep(code.start(panel, panel_), [first_]), code.start(out, out_)
            totals = code.sums(TALL * vectors)
            goals = [
                code.plus(code.plus(target_, builder.mul(pitch_, code.index(i))), v * code.lanes)
                for i in range(TALL)
                for v in range(vectors)
            ]
            with cgutils.for_range(builder, depth_) as loop:
                here = builder.mul(loop.index, code.index(vectors * code.lanes))
                step = builder.mul(loop.index, along_)
                loaded = [code.load(columns, code.plus(here, v * code.lanes)) for v in range(vectors)]
                for i in range(TALL):
                    factor = code.everywhere(code.number_at(rows[i], step))
                    for v in range(vectors):
                        code.add_product(totals[i * vectors + v], factor, loaded[v])
            with builder.if_then(builder.icmp_signed("!=", more_, code.index(0))):
                for goal, total in zip(goals, totals, strict=True):
                    builder.store(builder.fadd(code.load(results, goal), builder.load(total)), total)
            for goal, total in zip(goals, totals, strict=True):
                code.store(builder.load(total), results, goal)
            return context.get_dummy_value()

        whole = types.int64
        return types.void(x, whole, whole, whole, panel, whole, whole, out, whole, whole, whole), made

    made: Callable[..., Any] = intrinsic(typed)
    return made


multiplied_by_one, multiplied_by_two, multiplied_by_three = map(_multiplied, (1, 2, 3))


@intrinsic  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def turned(typing: Any, source: Any, place: Any, pitch: Any, target: Any, goal: Any, width: Any) -> Any:
    """turned(source, place, pitch, target, goal, width): of a square as long as a vector, target[goal + j·width + i] =
    source[place + i·pitch + j]; in squares of 2, 4, ... inside one another."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_, place_, pitch_, target_, goal_, width_ = arguments
        code = Code(context, builder, source)
        lanes, number = code.lanes, ir.IntType(32)
        begin, end = code.start(source, source_), code.start(target, target_)
        rows = [code.load(begin, code.plus(place_, builder.mul(pitch_, code.index(i)))) for i in range(lanes)]
        side = 1
        while side < lanes:
            upper = [j if not j & side else lanes + j - side for j in range(lanes)]
            lower = [j + side if not j & side else lanes + j for j in range(lanes)]
            masks = [ir.Constant(ir.VectorType(number, lanes), places) for places in (upper, lower)]
            for i in range(lanes):
                if not i & side:
                    pair = rows[i], rows[i + side]
                    rows[i], rows[i + side] = (builder.shuffle_vector(*pair, mask) for mask in masks)
            side *= 2
        for i, row in enumerate(rows):
            code.store(row, end, code.plus(goal_, builder.mul(width_, code.index(i))))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(source, whole, whole, target, whole, whole), made


@intrinsic  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def plus(
    typing: Any, source: Any, place: Any, added: Any, where: Any, least: Any, target: Any, goal: Any
) -> Any:
    """plus(source, place, added, where, least, target, goal): a vector of target is the sum of one of source and of
    added, and where it is less than the number `least` that; nan stays."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_, place_, added_, where_, least_, target_, goal_ = arguments
        code = Code(context, builder, source)
        first = code.load(code.start(source, source_), place_)
        second = code.load(code.start(added, added_), where_)
        total, bound = builder.fadd(first, second), code.everywhere(least_)
        total = builder.select(builder.fcmp_ordered("<=", total, bound), bound, total)
        code.store(total, code.start(target, target_), goal_)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(source, whole, added, whole, source.dtype, target, whole), made
