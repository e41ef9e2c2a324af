"""Complex numbers and their parts.

The gradient of a real L with respect to a complex z is ∂L/∂Re z + i·∂L/∂Im z, as in PyTorch: the direction
of steepest ascent, twice the derivative with respect to the conjugate of z. For y = f(z) with a complex
derivative it is g·conj(f′(z)).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gate import DISTRIBUTOR, RELAY, SCALER
from ..methods import method
from ..op import SingularPoint, op
from ..samples import elementwise
from ..tensor import Tensor


@op(
    "x",
    x=lambda g: g,
    gate=RELAY,
    complex="written",
    symbol="Re",
    numpy=(np.real,),
    view=True,
    samples=elementwise(1),
    reference=np.real,
)
def real(x: Any, /) -> Any:
    """The real part of x, a view of its memory; of real numbers, themselves. The gradient g comes back as real.

    >>> import pullback as pb
    >>> pb.real(pb.tensor([1 + 2j, 3 - 1j]))
    tensor([1., 3.], dtype=float32)
    """
    return np.asarray(x).real


@op(
    "x",
    x=lambda g: 1j * g,
    gate=SCALER,
    complex="written",
    symbol="Im",
    numpy=(np.imag,),
    view=True,
    samples=elementwise(1),
    reference=np.imag,
)
def imag(x: Any, /) -> Any:
    """The imaginary part of x, a view of its memory; zeros for real numbers. The gradient is i·g.

    >>> import pullback as pb
    >>> pb.imag(pb.tensor([1 + 2j, 3 - 1j]))
    tensor([ 2., -1.], dtype=float32)
    """
    x = np.asarray(x)
    return x.imag if x.dtype.kind == "c" else np.zeros_like(x)


conj = op(
    np.conjugate,
    "x",
    x=lambda g: np.conjugate(g),
    name="conj",
    gate=SCALER,
    complex="written",
    symbol="x̄",
    method=True,
    samples=elementwise(1),
    doc="""The complex conjugate Re x − i·Im x; of real numbers, themselves. The gradient is the conjugate of g.

    >>> import pullback as pb
    >>> pb.conj(pb.tensor([1 + 2j]))
    tensor([1.-2.j], dtype=complex64)
    """,
)


def _turn(x: Any) -> Any:
    """i·x/|x|², the direction in which the angle grows, and 0 where x is 0."""
    length = np.square(np.real(x)) + np.square(np.imag(x))
    return 1j * x / np.where(length == 0, 1, length)


@op(
    "x",
    x=lambda g, x: g * _turn(x),
    gate=SCALER,
    complex="written",
    symbol="∠",
    method=True,
    numpy=(np.angle,),
    samples=elementwise(1, avoid=(0,)),
    reference=np.angle,
    singular=[SingularPoint((0j,), (0j,))],
)
def angle(x: Any, /) -> Any:
    """The angle of x in the complex plane, in radians from −π to π.

    The gradient is g·i·x/|x|², and 0 where x is 0. Real numbers have the angle 0 or π and a zero gradient.

    >>> import pullback as pb
    >>> pb.angle(pb.tensor([1j, -1 + 0j]))
    tensor([1.5707964, 3.1415927], dtype=float32)
    """
    return np.angle(x)


@op(
    "x y",
    x=lambda g: np.real(g),
    y=lambda g: np.imag(g),
    gate=DISTRIBUTOR,
    complex="written",
    symbol="x+iy",
    samples=elementwise(2),
    reference=lambda x, y: x + 1j * y,
)
def complex(x: Any, y: Any, /) -> Any:
    """The complex numbers x + i·y from real parts x and imaginary parts y, which broadcast.

    The gradients are Re g and Im g.

    Raises:
        TypeError: if a part is itself complex.

    >>> import pullback as pb
    >>> pb.complex(pb.tensor([1.0, 2.0]), pb.tensor([3.0, 4.0]))
    tensor([1.+3.j, 2.+4.j], dtype=complex64)
    """
    if np.iscomplexobj(x) or np.iscomplexobj(y):
        raise TypeError("complex takes real numbers for the real and the imaginary part, not complex ones")
    dtype = np.result_type(np.result_type(x, y), np.complex64)
    out = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), dtype)
    out.real, out.imag = x, y
    return out[()]


@method("real", as_property=True)
def _real(self: Tensor) -> Tensor:
    """The real part, a view; see `pullback.real`."""
    return real(self)


@method("imag", as_property=True)
def _imag(self: Tensor) -> Tensor:
    """The imaginary part, a view; see `pullback.imag`."""
    return imag(self)
