"""eˣ, tanh, the logistic function and the normal distribution function, in a form that uses vector units.

Numba's own call one function per number. These are polynomials and shifts of exponents without branches, so that a
loop over an array runs on whole vectors. Relative errors are below 2e-7 in float32 and 4e-16 in float64; that of Φ far
to the left is that of the square in its exponential. Sources: argument reduction and polynomials of W. J. Cody and
W. Waite, "Software manual for the elementary functions", 1980, and of S. L. Moshier's Cephes library, 1989; Φ as in
`ops/normal.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
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
def larger(context: Any, x: Any, y: Any) -> Any:
    """The larger of two numbers; either, if one is nan. Unlike a comparison, a loop of it runs on whole vectors."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        function = builder.module.declare_intrinsic(
            "llvm.maxnum", [kind], ir.FunctionType(kind, [kind, kind])
        )
        return builder.call(function, arguments, fastmath=("nnan", "nsz"))

    return x(x, y), made


def exp(x: Any) -> Any:
    """eˣ; 0 and inf far out, nan for nan."""


@jit(inside=True)
def _exp_single(x: Any) -> Any:
    one = np.float32(1)
    x = np.float32(89) if x > np.float32(89) else x
    x = np.float32(-104) if x < np.float32(-104) else x
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693359375)
    r = r - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + one
    # in two factors, because 2ⁿ itself may be out of range
    whole = np.int32(n)
    half = whole >> np.int32(1)
    first = _with_bits(np.int32((half + np.int32(127)) << np.int32(23)))
    second = _with_bits(np.int32((whole - half + np.int32(127)) << np.int32(23)))
    return p * first * second


@jit(inside=True)
def _exp_double(x: Any) -> Any:
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    n = np.floor(x * 1.4426950408889634073599 + 0.5)
    r = x - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6
    s = r * r
    p = r * ((1.26177193074810590878e-4 * s + 3.02994407707441961300e-2) * s + 9.99999999999999999910e-1)
    q = (3.00198505138664455042e-6 * s + 2.52448340349684104192e-3) * s + 2.27265548208155028766e-1
    q = q * s + 2.0
    p = 1.0 + 2.0 * p / (q - p)
    whole = np.int64(n)
    half = whole >> np.int64(1)
    first = _with_bits(np.int64((half + np.int64(1023)) << np.int64(52)))
    second = _with_bits(np.int64((whole - half + np.int64(1023)) << np.int64(52)))
    return p * first * second


@overload(exp, strict=False)  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def _exp(x: Any) -> Any:
    return _of_dtype(x, lambda x: _exp_single(x), lambda x: _exp_double(x))


def _of_dtype(x: Any, single: Any, double: Any) -> Any:
    """The implementation for a number of type x; strict=False above, because annotations differ from a lambda's."""
    return {types.float32: single, types.float64: double}.get(x)


@jit(inside=True)
def sigmoid(x: Any) -> Any:
    """1/(1 + e⁻ˣ)."""
    one = type(x)(1)
    e = exp(-abs(x))
    return (one if x >= 0 else e) / (one + e)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""


@jit(inside=True)
def _tanh_single(x: Any) -> Any:
    one, two = np.float32(1), np.float32(2)
    z = x * x
    p = np.float32(-5.70498872745e-3) * z + np.float32(2.06390887954e-2)
    p = p * z - np.float32(5.37397155531e-2)
    p = p * z + np.float32(1.33314422036e-1)
    p = p * z - np.float32(3.33332819422e-1)
    near = p * z * x + x
    size = abs(x)
    far = one - two / (exp(two * size) + one)
    far = far if x >= 0 else -far
    return near if size < np.float32(0.625) else far


@jit(inside=True)
def _tanh_double(x: Any) -> Any:
    z = x * x
    p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3
    q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3
    near = x * (z * (p / q)) + x
    size = abs(x)
    far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0)
    far = far if x >= 0 else -far
    return near if size < 0.625 else far


@overload(tanh, strict=False)  # type: ignore[untyped-decorator]  # Numba is taken to have no types
def _tanh(x: Any) -> Any:
    return _of_dtype(x, lambda x: _tanh_single(x), lambda x: _tanh_double(x))


_SCALE = np.float32(SCALE)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11 = map(np.float32, SINGLE)


@jit(inside=True)
def normal_cdf_single(x: Any) -> Any:
    """Φ(x) of a float32, the probability that a standard normal number is at most x."""
    one, two = np.float32(1), np.float32(2)
    t = _SCALE / (_SCALE + abs(x))
    s = two * t - one
    q = ((((_C11 * s + _C10) * s + _C9) * s + _C8) * s + _C7) * s + _C6
    q = (((((q * s + _C5) * s + _C4) * s + _C3) * s + _C2) * s + _C1) * s + _C0
    tail = t * exp(np.float32(-0.5) * x * x) * q
    return one - tail if x > 0 else tail
