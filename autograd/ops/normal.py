"""The normal distribution function on arrays, computed without SciPy.

For x ≥ 0 the tail is Φ(−x) = t·exp(−x²/2)·Q(2t − 1) with t = a/(a + x): t maps the half line onto (0, 1], where what
is left is so smooth that a polynomial of degree 23 is exact to the last digits of float64, and one of degree 11 to
those of float32. The idea is that of the complementary error function in Press et al., Numerical Recipes, 3rd ed.,
section 6.2.2; the coefficients were interpolated at Chebyshev points with 50 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..select import select

Array = np.ndarray[Any, Any]

SCALE = 4 * math.sqrt(2)

# Q in powers of 2t − 1, lowest first
_DOUBLE = (
    0.13699945762506138,
    0.12206859113511025,
    0.09665108778315382,
    0.06760672891415449,
    0.04135644848479053,
    0.02175136715498689,
    0.00954768936294755,
    0.003296256667643295,
    0.000764006963678126,
    3.511985702202079e-05,
    -5.688162206065747e-05,
    -2.210159447808379e-05,
    -4.542737269667871e-07,
    2.357577983701382e-06,
    5.865447297602884e-07,
    -1.7793627393013762e-07,
    -1.0545255032419614e-07,
    9.29269035688128e-09,
    1.5313202568865935e-08,
    3.9776523846186586e-11,
    -1.9081925958595472e-09,
    -9.028030746236792e-11,
    1.5070157578718332e-10,
    9.930023106888547e-12,
)
SINGLE = (
    0.13699945722330475,
    0.1220685902193423,
    0.09665111654273019,
    0.06760672679492791,
    0.041356123059833834,
    0.021750592614887848,
    0.009548986631337731,
    0.003299600820105938,
    0.0007618568531269369,
    2.852302019516329e-05,
    -5.5691878041281324e-05,
    -1.595141575961113e-05,
)

# so many numbers at a time that the buffers stay in the cache
_BLOCK = 32768


def normal_cdf(x: Array) -> Array:
    """Φ(x), the probability that a standard normal number is at most x; accurate also far to the left."""
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    coefficients = _DOUBLE if dtype.itemsize > 4 else SINGLE
    values = np.ascontiguousarray(x, dtype).reshape(-1)
    out = np.empty_like(values)
    with np.errstate(over="ignore", under="ignore"):
        for start in range(0, values.size, _BLOCK):
            _block(values[start : start + _BLOCK], out[start : start + _BLOCK], coefficients)
    result: Array = out.reshape(x.shape)
    return result


def _block(x: Array, out: Array, coefficients: tuple[float, ...]) -> None:
    t = np.abs(x)
    t += SCALE
    np.divide(SCALE, t, out=t)
    s = 2 * t
    s -= 1
    np.multiply(s, coefficients[-1], out=out)
    for coefficient in coefficients[-2:0:-1]:
        out += coefficient
        out *= s
    out += coefficients[0]
    out *= t
    np.multiply(x, x, out=t)
    t *= -0.5
    out *= np.exp(t, out=t)
    out[...] = select(x > 0, 1 - out, out)
