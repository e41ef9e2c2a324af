"""eˣ, tanh, the logistic function and the normal distribution function, in a form that uses vector units.

Numba's own call one function per number. These are polynomials and shifts of exponents without branches, so that a
loop over an array runs on whole vectors. Relative errors are below 2e-7 in float32 and 5e-16 in float64; that of tanh
is below 8e-16 there, and that of Φ below 7e-7, but far to the left that of the square in its exponential. Sources:
argument reduction of W. J. Cody and W. Waite, "Software manual for the elementary functions", 1980, with the constants
of S. L. Moshier's Cephes library, 1989; polynomials whose largest relative error is least, by the exchange algorithm of
E. Y. Remez, 1934; Φ as in `ops/normal.py`.

What bounds these loops is how many products and sums a processor starts in a cycle, so they are few: both are one
instruction where they follow each other, and a division by a moderate number is that of its reciprocal's estimate,
refined, where the processor has one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic, overload

from ..ops.normal import SCALE, SINGLE
from .jit import jit


@intrinsic  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def _with_bits(context: Any, bits: Any) -> Any:
    """The floating number that has the bits of an integer."""
    number = types.float32 if bits.bitwidth == 32 else types.float64

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FloatType() if bits.bitwidth == 32 else ir.DoubleType()
        return builder.bitcast(arguments[0], kind)

    return number(bits), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def _bits_of(context: Any, number: Any) -> Any:
    """The bits of a floating number as an integer."""
    bits = types.int32 if number.bitwidth == 32 else types.int64

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(bits.bitwidth))

    return bits(number), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def larger(context: Any, x: Any, y: Any) -> Any:
    """The larger of two numbers; either, if one is nan. Unlike a comparison, a loop of it runs on whole vectors."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        function = builder.module.declare_intrinsic(
            "llvm.maxnum", [kind], ir.FunctionType(kind, [kind, kind])
        )
        return builder.call(function, arguments, fastmath=("nnan", "nsz"))

    return x(x, y), made


@intrinsic  # type: ignore[untyped-decorator]  # the same
def _with_sign(context: Any, x: Any, signed: Any) -> Any:
    """|x| with the sign of another number, that of a zero, too."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        name = "llvm.copysign"
        function = builder.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, arguments)

    return x(x, signed), made


def _limit(name: str, beyond: str) -> Any:
    """A bound for a number; nan stays. A function of LLVM's, because comparisons, two of them, become slower code."""

    @intrinsic  # type: ignore[untyped-decorator]  # the same
    def bounded(context: Any, x: Any, bound: Any) -> Any:
        def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number, limit = arguments
            if binding.llvm_version_info[0] < 17:  # which did not know it on all processors
                return builder.select(builder.fcmp_ordered(beyond, number, limit), limit, number)
            kind = ir.FunctionType(number.type, [number.type] * 2)
            return builder.call(builder.module.declare_intrinsic(name, [number.type], kind), arguments)

        return x(x, bound), made

    return bounded


_at_most = _limit("llvm.minimum", ">")
_at_least = _limit("llvm.maximum", "<")

# 1.5·2²³ or 1.5·2⁵²: a small number added to it is rounded to a whole one, which is then in the last bits; with twice
# the exponent of 1, so that half of it is the exponent of a power of two
_LAST = np.float32(1.5 * 2**23 + 2 * 127)
_LAST_DOUBLE = 1.5 * 2.0**52 + 2 * 1023


@jit(inside=True, refined=True)
def _parts_single(x: Any) -> Any:
    """Of eˣ = 2ⁿ·(1 + z): z, and bits that end with n + 2·127."""
    t = x * np.float32(1.4426950408889634) + _LAST
    n = t - _LAST
    r = x - n * np.float32(0.693359375)
    r = r - n * np.float32(-2.12194440e-4)
    p = np.float32(1.3814598646664034e-3)
    p = p * r + np.float32(8.3687168797281399e-3)
    p = p * r + np.float32(4.1668388045313997e-2)
    p = p * r + np.float32(1.6666520631709497e-1)
    p = p * r + np.float32(4.9999993447796487e-1)
    return p * (r * r) + r, _bits_of(t)


@jit(inside=True, refined=True)
def _parts_double(x: Any) -> Any:
    """Of eˣ = 2ⁿ·(1 + z): z, and bits that end with n + 2·1023."""
    t = x * 1.4426950408889634 + _LAST_DOUBLE
    n = t - _LAST_DOUBLE
    r = x - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6
    p = 2.5000061602835667e-8
    p = p * r + 2.7630248379211444e-7
    p = p * r + 2.7557586373840164e-6
    p = p * r + 2.4801493098906551e-5
    p = p * r + 1.9841269506578688e-4
    p = p * r + 1.3888888943630113e-3
    p = p * r + 8.3333333334944617e-3
    p = p * r + 4.1666666666530159e-2
    p = p * r + 1.6666666666666413e-1
    p = p * r + 5.0000000000000011e-1
    return p * (r * r) + r, _bits_of(t)


@jit(inside=True, refined=True)
def _power_single(bits: Any) -> Any:
    """The power of two whose exponent, with 127 added, is what the bits end with."""
    return _with_bits(np.int32(bits << np.int32(23)))


@jit(inside=True, refined=True)
def _power_double(bits: Any) -> Any:
    """The power of two whose exponent, with 1023 added, is what the bits end with."""
    return _with_bits(np.int64(bits << np.int64(52)))


def exp(x: Any) -> Any:
    """eˣ; 0 and inf far out, nan for nan."""


@jit(inside=True, refined=True)
def _exp_single(x: Any) -> Any:
    z, bits = _parts_single(_at_least(_at_most(x, np.float32(89)), np.float32(-104)))
    half = bits >> np.int32(1)  # two factors, because 2ⁿ itself may be out of range
    first = _power_single(half)
    return (z * first + first) * _power_single(bits - half)


@jit(inside=True, refined=True)
def _exp_double(x: Any) -> Any:
    z, bits = _parts_double(_at_least(_at_most(x, 710.0), -746.0))
    half = bits >> np.int64(1)  # two factors, because 2ⁿ itself may be out of range
    first = _power_double(half)
    return (z * first + first) * _power_double(bits - half)


@overload(exp, strict=False)  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def _exp(x: Any) -> Any:
    return _of_dtype(x, lambda x: _exp_single(x), lambda x: _exp_double(x))


def _of_dtype(x: Any, single: Any, double: Any) -> Any:
    """The implementation for a number of type x; strict=False above, because annotations differ from a lambda's."""
    return {types.float32: single, types.float64: double}.get(x)


@jit(inside=True, refined=True)
def sigmoid(x: Any) -> Any:
    """1/(1 + e⁻ˣ)."""
    one = type(x)(1)
    e = exp(-abs(x))
    return (one if x >= 0 else e) / (one + e)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""


@jit(inside=True, refined=True)
def _tanh_single(x: Any) -> Any:
    z, bits = _parts_single(_at_least(_at_most(x + x, np.float32(20)), np.float32(-20)))
    power = _power_single(bits - np.int32(127))
    e = z * power + (power - np.float32(1))  # e²ˣ − 1, which is exact to the last bits near 0, too
    return _with_sign(e / (e + np.float32(2)), x)


@jit(inside=True, refined=True)
def _tanh_double(x: Any) -> Any:
    z, bits = _parts_double(_at_least(_at_most(x + x, 44.0), -44.0))
    power = _power_double(bits - np.int64(1023))
    e = z * power + (power - 1.0)
    return _with_sign(e / (e + 2.0), x)


@overload(tanh, strict=False)  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def _tanh(x: Any) -> Any:
    return _of_dtype(x, lambda x: _tanh_single(x), lambda x: _tanh_double(x))


_SCALE = np.float32(SCALE)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11 = map(np.float32, SINGLE)


@jit(inside=True, refined=True)
def normal_cdf_single(x: Any) -> Any:
    """Φ(x) of a float32, the probability that a standard normal number is at most x."""
    one, two = np.float32(1), np.float32(2)
    t = _SCALE / (_SCALE + _at_most(abs(x), np.float32(40)))
    s = two * t - one
    q = ((((_C11 * s + _C10) * s + _C9) * s + _C8) * s + _C7) * s + _C6
    q = (((((q * s + _C5) * s + _C4) * s + _C3) * s + _C2) * s + _C1) * s + _C0
    tail = t * exp(np.float32(-0.5) * x * x) * q
    return one - tail if x > 0 else tail
