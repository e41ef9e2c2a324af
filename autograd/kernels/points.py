"""Between images and the 16 points at which Winograd's convolution multiplies.

A filter of 3 elements and 4 numbers of an image are polynomials; two places of the result are coefficients of their
product. Known at 4 points (0, 1, -1 and infinity) the polynomials are multiplied with 4 products, where the sums of
products need 6. Along both axes a tile of 2 × 2 places takes 16 products instead of 36. Winograd, "Arithmetic
complexity of computations", 1980; Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.

Each function here brings one vector of neighbouring tiles there or back, so that its numbers meet those of other
tiles nowhere: the numbers at one point lie together for all tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .jit import Array, jit
from .vectors import Code


def _along_both(values: list[list[Any]], along_one: Any) -> list[list[Any]]:
    """Apply what holds along one axis to the columns, and then to the rows."""
    columns = [along_one([row[j] for row in values]) for j in range(len(values[0]))]
    return [along_one([column[i] for column in columns]) for i in range(len(columns[0]))]


@intrinsic  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def image_at_points(typing: Any, x: Any, place: Any, pitch: Any, out: Any, target: Any, apart: Any) -> Any:
    """image_at_points(x, place, pitch, out, target, apart): tile t is 4 × 4 numbers of x from place + 2t on, with
    `pitch` from a row to the next; its value at point p goes to out[target + p·apart + t], for a vector of tiles."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_, place_, pitch_, out_, target_, apart_ = arguments
        code = Code(context, builder, x)
        source = builder.gep(code.start(x, x_), [place_])
        goal = builder.gep(code.start(out, out_), [target_])
        lanes = code.lanes
        numbers = []
        for i in range(4):
            row = builder.mul(pitch_, code.index(i))
            first, second, third, fourth = (
                code.load(source, code.plus(row, start)) for start in (0, lanes, 2, lanes + 2)
            )
            numbers.append(
                [
                    code.picked(one, other, list(range(side, 2 * lanes, 2)))
                    for one, other in ((first, second), (third, fourth))
                    for side in (0, 1)
                ]
            )

        def along_one(d: list[Any]) -> list[Any]:
            return [
                builder.fsub(d[0], d[2]),
                builder.fadd(d[1], d[2]),
                builder.fsub(d[2], d[1]),
                builder.fsub(d[1], d[3]),
            ]

        for i, values in enumerate(_along_both(numbers, along_one)):
            for j, value in enumerate(values):
                code.store(value, goal, builder.mul(apart_, code.index(4 * i + j)))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(x, whole, whole, out, whole, whole), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def result_from_points(
    typing: Any,
    x: Any,
    place: Any,
    apart: Any,
    bias: Any,
    out: Any,
    target: Any,
    pitch: Any,
    count: Any,
    count_below: Any,
    seen: Any,
) -> Any:
    """result_from_points(x, place, apart, bias, out, target, pitch, count, count_below, seen): the products at point
    p of tile t are x[place + p·apart + t]; the 2 × 2 places of a vector of tiles, plus the bias, go to `out` from
    target on, of the upper row `count` places and of the one below, `pitch` further, `count_below`. Where a result
    is infinite or nan the vector `seen` becomes nan."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_, place_, apart_, bias_, out_, target_, pitch_, count_, below_, seen_ = arguments
        code = Code(context, builder, x)
        source = builder.gep(code.start(x, x_), [place_])
        goal = builder.gep(code.start(out, out_), [target_])
        lanes = code.lanes
        products = [
            [code.load(source, builder.mul(apart_, code.index(4 * i + j))) for j in range(4)]
            for i in range(4)
        ]

        def along_one(m: list[Any]) -> list[Any]:
            total, difference = builder.fadd(m[1], m[2]), builder.fsub(m[1], m[2])
            return [builder.fadd(m[0], total), builder.fsub(difference, m[3])]

        added = code.everywhere(bias_)
        watched = code.sums(1)[0]
        begin = code.start(seen, seen_)
        builder.store(code.load(begin, code.index(0)), watched)
        for i, (values, number) in enumerate(
            zip(_along_both(products, along_one), (count_, below_), strict=True)
        ):
            even, odd = (builder.fadd(value, added) for value in values)
            for value in (even, odd):
                code.add_product(watched, value, code.zero)
            row = builder.mul(pitch_, code.index(i))
            for half in (0, 1):
                mixed = [half * lanes // 2 + k // 2 + k % 2 * lanes for k in range(lanes)]
                place = code.plus(row, half * lanes)
                left = builder.sub(number, code.index(half * lanes))
                code.store_first(left, code.picked(even, odd, mixed), goal, place)
        code.store(builder.load(watched), begin, code.index(0))
        return context.get_dummy_value()

    whole = types.int64
    return (
        types.void(x, whole, whole, x.dtype, out, whole, whole, whole, whole, seen),
        made,
    )


@intrinsic  # type: ignore[untyped-decorator]  # the same
def turned(
    typing: Any, x: Any, place: Any, pitch: Any, rows: Any, count: Any, out: Any, target: Any, apart: Any
) -> Any:
    """turned(x, place, pitch, rows, count, out, target, apart): so many rows, `pitch` apart, of `count` numbers from
    x[place] on, become columns: number 2t of row f goes to out[target + t·lanes + f], number 2t + 1 to the same plus
    `apart`, for two vectors of each row of a vector of rows; what is missing is zero."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_, place_, pitch_, rows_, count_, out_, target_, apart_ = arguments
        code = Code(context, builder, x)
        source = builder.gep(code.start(x, x_), [place_])
        goal = builder.gep(code.start(out, out_), [target_])
        lanes = code.lanes
        sides: tuple[list[Any], list[Any]] = ([], [])
        for f in range(lanes):
            there = builder.icmp_signed("<", code.index(f), rows_)
            number = builder.select(there, count_, code.index(0))
            row = builder.mul(pitch_, code.index(f))
            both = (
                code.load_first(builder.sub(number, code.index(start)), source, code.plus(row, start))
                for start in (0, lanes)
            )
            first, second = both
            for side, values in enumerate(sides):
                values.append(code.picked(first, second, list(range(side, 2 * lanes, 2))))
        for side, values in enumerate(sides):
            for t, value in enumerate(code.transposed(values)):
                here = code.plus(builder.mul(apart_, code.index(side)), t * lanes)
                code.store(value, goal, here)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(x, whole, whole, whole, whole, out, whole, whole), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def gradient_at_points(typing: Any, g: Any, place: Any, side: Any, out: Any, target: Any, apart: Any) -> Any:
    """gradient_at_points(g, place, side, out, target, apart): place (i, j) of a tile's 2 × 2, for a vector of
    filters, is at g[place + (2i + j)·side]; its value at point p goes to out[target + p·apart]."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        g_, place_, side_, out_, target_, apart_ = arguments
        code = Code(context, builder, g)
        source = builder.gep(code.start(g, g_), [place_])
        goal = builder.gep(code.start(out, out_), [target_])
        numbers = [
            [code.load(source, builder.mul(side_, code.index(2 * i + j))) for j in (0, 1)] for i in (0, 1)
        ]

        def along_one(y: list[Any]) -> list[Any]:
            return [
                y[0],
                builder.fadd(y[0], y[1]),
                builder.fsub(y[0], y[1]),
                builder.fsub(code.zero, y[1]),
            ]

        for i, values in enumerate(_along_both(numbers, along_one)):
            for j, value in enumerate(values):
                code.store(value, goal, builder.mul(apart_, code.index(4 * i + j)))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(g, whole, whole, out, whole, whole), made


@jit()
def filters_from_points(points: Array, out: Array, start: int, stop: int) -> None:
    """The filters from start to stop of out, (O, C, 3, 3), of sums at the points, (16, channels, filters)."""
    half = points.dtype.type(0.5)
    between = np.empty((3, 4), points.dtype)
    for channel in range(out.shape[1]):
        for filter in range(start, stop):
            m = points[:, channel, filter]
            for q in range(4):
                total, difference = (m[4 + q] + m[8 + q]) * half, (m[4 + q] - m[8 + q]) * half
                between[0, q], between[1, q], between[2, q] = m[q] + total, difference, total + m[12 + q]
            for k in range(3):
                row = between[k]
                total = (row[1] + row[2]) * half
                out[filter, channel, k, 0] = row[0] + total
                out[filter, channel, k, 1] = (row[1] - row[2]) * half
                out[filter, channel, k, 2] = total + row[3]


@jit()
def _copied(a: Array, out: Array) -> None:
    for i in range(len(out)):
        out[i] = a[i]


@jit()
def _mixed(a: Array, b: Array, c: Array, outer: Any, inner: Any, out: Array) -> None:
    for i in range(len(out)):
        out[i] = (a[i] + c[i]) * outer + b[i] * inner


@jit()
def filters_at_points(
    flat: Array, begin: int, steps: Any, filters: int, out: Array, start: int, stop: int
) -> None:
    """The values of filters at the points, for the parts from start to stop of out, (parts, 16, channels, each).

    Element (k, l) of filter f for channel c is flat[begin + f·steps[0] + c·steps[1] + k·steps[2] + l·steps[3]].
    """
    channels, each = out.shape[2:]
    half = flat.dtype.type(0.5)
    length = channels * each
    raw = np.zeros((3, 3, length), flat.dtype)
    rows = np.empty((4, 3, length), flat.dtype)
    for part in range(start, stop):
        there = min(each, filters - part * each)
        if there < each:
            raw[:] = 0
        for f in range(there):
            for channel in range(channels):
                here = begin + (part * each + f) * steps[0] + channel * steps[1]
                for k in range(3):
                    for m in range(3):
                        raw[k, m, channel * each + f] = flat[here + k * steps[2] + m * steps[3]]
        for m in range(3):
            _copied(raw[0, m], rows[0, m])
            _mixed(raw[0, m], raw[1, m], raw[2, m], half, half, rows[1, m])
            _mixed(raw[0, m], raw[1, m], raw[2, m], half, -half, rows[2, m])
            _copied(raw[2, m], rows[3, m])
        values = out[part].reshape((4, 4, length))
        for i in range(4):
            _copied(rows[i, 0], values[i, 0])
            _mixed(rows[i, 0], rows[i, 1], rows[i, 2], half, half, values[i, 1])
            _mixed(rows[i, 0], rows[i, 1], rows[i, 2], half, -half, values[i, 2])
            _copied(rows[i, 2], values[i, 3])
