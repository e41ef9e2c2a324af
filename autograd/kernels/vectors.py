"""Vectors in LLVM's own terms, of the width that this processor has, for what Numba's own loops do not become.

Blocks of sums that stay in the vector registers are written with them: those of convolutions in `tiles.py`.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features


def found() -> tuple[int, int]:
    """How many bytes a vector register has, and how many of them there are; (0, 0) where it would not pay.

    Numba compiles for this processor, or for less of it, if NUMBA_CPU_NAME, NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX
    say so.
    """
    if platform.machine() in ("arm64", "aarch64"):
        return 16, 32
    said = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    features = set(said.split(","))
    if "+avx512f" in features:
        return 64, 32
    return (32, 16) if {"+avx2", "+fma"} <= features else (0, 0)


BYTES, REGISTERS = found()


class Code:
    """What such a loop says to LLVM: vectors of the array's dtype, at places counted from its start."""

    def __init__(self, context: Any, builder: Any, array: Any) -> None:
        self.context, self.builder = context, builder
        self.number = context.get_data_type(array.dtype)
        self.lanes = BYTES // (array.dtype.bitwidth // 8)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.letters = f"v{self.lanes}f{array.dtype.bitwidth}"
        self.zero = ir.Constant(self.vector, None)
        self.align = ir.Constant(ir.IntType(32), BYTES // self.lanes)

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

    def load_first(self, count: Any, start: Any, place: Any) -> Any:
        """So many numbers, and zeros; what lies behind them is not touched."""
        return self._masked(
            "load", self.vector, self.at(start, place), self.align, self._first(count), self.zero
        )

    def store_first(self, count: Any, value: Any, start: Any, place: Any) -> None:
        """Write so many numbers of a vector."""
        self._masked("store", ir.VoidType(), value, self.at(start, place), self.align, self._first(count))

    def _masked(self, what: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        name = f"llvm.masked.{what}.{self.letters}.p0"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def _first(self, count: Any) -> Any:
        """Which of a vector's numbers have an index less than the count."""
        counts = self._everywhere(ir.VectorType(ir.IntType(64), self.lanes), count)
        return self.builder.icmp_signed("<", ir.Constant(counts.type, list(range(self.lanes))), counts)

    def picked(self, first: Any, second: Any, indices: list[int]) -> Any:
        """A vector of numbers of two others, by their indices in both."""
        places = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), indices)
        return self.builder.shuffle_vector(first, second, places)

    def transposed(self, vectors: list[Any]) -> list[Any]:
        """A square of as many vectors as a vector has numbers: its columns. Each round mixes the first half with the
        second as a pack of cards is mixed, until every number has its place."""
        lanes = self.lanes
        halves = [[start + k // 2 + k % 2 * lanes for k in range(lanes)] for start in (0, lanes // 2)]
        for _ in range(lanes.bit_length() - 1):
            vectors = [
                self.picked(first, second, half)
                for first, second in zip(vectors[: lanes // 2], vectors[lanes // 2 :], strict=True)
                for half in halves
            ]
        return vectors

    def everywhere(self, number: Any) -> Any:
        """A vector of one number."""
        return self._everywhere(self.vector, number)

    def _everywhere(self, kind: Any, number: Any) -> Any:
        zero = ir.Constant(kind, None)
        first = self.builder.insert_element(zero, number, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(
            first, zero, ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        )

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
                    *(self.picked(first, second, list(range(side, 2 * lanes, 2))) for side in (0, 1))
                )
                for first, second in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        return vectors
