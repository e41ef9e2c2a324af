"""Small blocks of sums of products that stay in the vector registers while they are summed up.

A core multiplies and adds two vectors at a time, but loads hardly more than two: so each vector that is loaded must
serve several products. `products` keeps the sums of some filters at some vectors of neighbouring places; each loaded
vector of places serves all filters, each weight all vectors. `sums` keeps the sums over places of some gradients with
some inputs in the same way. Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.

Numba's loops do not keep such blocks in registers by themselves, so these two are written in LLVM's own terms, for the
vectors that this processor has.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _vectors() -> tuple[int, int]:
    """How many bytes a vector register has, and how many of them there are; (0, 0) where it would not pay."""
    if platform.machine() in ("arm64", "aarch64"):
        return 16, 32
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    return (32, 16) if features.get("avx2") and features.get("fma") else (0, 0)


BYTES, REGISTERS = _vectors()
FILTERS, VECTORS = (8, 3) if REGISTERS == 32 else (4, 3)  # of `products`: 24 or 12 registers of sums
LONG = 12 if REGISTERS == 32 else 8  # of a block with one filter
GRADIENTS, INPUTS = (4, 6) if REGISTERS == 32 else (2, 6)  # of `sums`


class _Code:
    """What both blocks say to LLVM: vectors of the array's dtype, at places counted from its start."""

    def __init__(self, context: Any, builder: Any, array: Any) -> None:
        self.context, self.builder = context, builder
        self.number = context.get_data_type(array.dtype)
        self.lanes = BYTES // (array.dtype.bitwidth // 8)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.letters = f"v{self.lanes}f{array.dtype.bitwidth}"
        self.zero = ir.Constant(self.vector, None)

    def start(self, array_type: Any, array: Any) -> Any:
        """Where an array begins."""
        return self.context.make_array(array_type)(self.context, self.builder, array).data

    def plus(self, first: Any, second: Any) -> Any:
        """The sum of two indices."""
        second = second if isinstance(second, ir.Value) else self.index(second)
        return self.builder.add(first, second)

    def index(self, number: int) -> Any:
        """A constant."""
        return ir.Constant(ir.IntType(64), number)

    def number_at(self, start: Any, place: Any) -> Any:
        """One number of an array."""
        return self.builder.load(self.builder.gep(start, [place]))

    def at(self, start: Any, place: Any) -> Any:
        """Where a vector lies."""
        return self.builder.bitcast(self.builder.gep(start, [place]), self.vector.as_pointer())

    def load(self, start: Any, place: Any) -> Any:
        """A vector, at any place."""
        return self.builder.load(self.at(start, place), align=BYTES // self.lanes)

    def store(self, value: Any, start: Any, place: Any) -> None:
        """Write a vector, at any place."""
        self.builder.store(value, self.at(start, place), align=BYTES // self.lanes)

    def everywhere(self, number: Any) -> Any:
        """A vector of one number."""
        first = self.builder.insert_element(self.zero, number, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(first, self.zero, mask)

    def sums(self, count: int) -> list[Any]:
        """Vectors to sum in, zero."""
        made = [cgutils.alloca_once(self.builder, self.vector) for _ in range(count)]
        for place in made:
            self.builder.store(self.zero, place)
        return made

    def add_product(self, total: Any, first: Any, second: Any) -> None:
        """Add a product to a sum, rounded once."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.{self.letters}")
        self.builder.store(self.builder.call(fma, [first, second, self.builder.load(total)]), total)

    def folded(self, vectors: list[Any]) -> list[Any]:
        """The sum of each vector's numbers, in vectors: neighbours are added, two vectors to one, again and again."""
        lanes = self.lanes
        while len(vectors) % lanes:
            vectors = [*vectors, self.zero]
        for _ in range(lanes.bit_length() - 1):
            vectors = [
                self.builder.fadd(
                    *(
                        self.builder.shuffle_vector(
                            first,
                            second,
                            ir.Constant(
                                ir.VectorType(ir.IntType(32), lanes), list(range(side, 2 * lanes, 2))
                            ),
                        )
                        for side in (0, 1)
                    )
                )
                for first, second in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        return vectors


def _products(filters: int, vectors: int) -> Callable[..., Any]:
    """products(x, place, offsets, weight, first, depth, out, target, pitch): for each filter f and all places p of
    `vectors` vectors, out[target + f·pitch + p] = Σ over d < depth of weight[first + d·filters + f] · x[place +
    offsets[d] + p]."""

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
            code = _Code(context, builder, x)
            inputs = builder.gep(code.start(x, x_), [place_])
            jumps, results = code.start(offsets, offsets_), code.start(out, out_)
            factors = builder.gep(code.start(weight, weight_), [first_])
            totals = code.sums(filters * vectors)
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
            code = _Code(context, builder, x)
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


@intrinsic  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def move(typing: Any, source: Any, place: Any, target: Any, goal: Any, count: Any) -> Any:
    """move(source, place, target, goal, count): target[goal + p] = source[place + p] for p < count."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_, place_, target_, goal_, count_ = arguments
        code = _Code(context, builder, source)
        begin = builder.gep(code.start(source, source_), [place_])
        end = builder.gep(code.start(target, target_), [goal_])
        lanes = code.index(code.lanes)
        whole = builder.udiv(count_, lanes)
        with cgutils.for_range(builder, whole) as loop:
            here = builder.mul(loop.index, lanes)
            code.store(code.load(begin, here), end, here)
        done = builder.mul(whole, lanes)
        with cgutils.for_range(builder, builder.sub(count_, done)) as loop:
            here = builder.add(done, loop.index)
            builder.store(code.number_at(begin, here), builder.gep(end, [here]))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(source, whole, target, whole, whole), made


products = _products(FILTERS, VECTORS)
products_of_one = _products(1, LONG)
sums = _sums(GRADIENTS, INPUTS)
sums_of_one = _sums(1, LONG)
