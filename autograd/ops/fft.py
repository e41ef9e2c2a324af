"""Discrete Fourier transforms.

Each is linear, so its gradient is its adjoint: for the transform the unscaled inverse, and the other way
round (`norm` "backward" and "forward" change places); for cutting zeros, and for zeros cutting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..family import behind_batch
from ..gate import MIXER, RELAY
from ..op import op
from ..samples import given
from ..settings import get_default_dtype
from ..tensor import Tensor, wrap
from .complex import conj

Norm = Literal["backward", "ortho", "forward"]

_ADJOINT_NORM: dict[str, Norm] = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _checked(norm: str) -> Any:
    if norm not in _ADJOINT_NORM:
        raise ValueError(f"norm must be 'backward', 'ortho' or 'forward', not {norm!r}")
    return norm


def _plan(
    shape: tuple[int, ...], s: Sequence[int] | None, axes: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes, not negative, and the length of the transform along each."""
    if axes is None:
        axes = range(len(shape)) if s is None else range(len(shape) - len(s), len(shape))
    wrong = [a for a in axes if not -len(shape) <= a < len(shape)]
    if wrong:
        raise ValueError(f"the axes {tuple(axes)} are not all axes of an array of shape {shape}")
    axes = tuple(a % len(shape) for a in axes)
    if s is None:
        s = (-1,) * len(axes)
    if len(s) != len(axes) or len(set(axes)) < len(axes):
        raise ValueError(f"the lengths s={tuple(s)} must be as many as the axes {axes}, each named once")
    return axes, tuple(shape[a] if n == -1 else n for a, n in zip(axes, s, strict=True))


def _resized(x: Any, shape: tuple[int, ...]) -> Any:
    """Each axis cut, or filled with zeros, to the length asked for."""
    x = x[tuple(slice(length) for length in shape)]
    for axis, length in enumerate(shape):
        if x.shape[axis] < length:
            missing = (*x.shape[:axis], length - x.shape[axis], *x.shape[axis + 1 :])
            x = np.concatenate([x, np.zeros(missing, x.dtype)], axis=axis)
    return x


def _plan_of_half(
    shape: tuple[int, ...], s: Sequence[int] | None, axes: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The same for the inverse of a real transform, whose last axis holds half of the values."""
    named, lengths = _plan(shape, s, axes)
    if s is None or s[-1] == -1:
        lengths = (*lengths[:-1], 2 * (shape[named[-1]] - 1))
    return named, lengths


_CASES: list[tuple[Any, dict[str, Any]]] = [
    (((4,),), {}),
    (((5,),), {"norm": "ortho"}),
    (((4,),), {"s": (6,), "norm": "forward"}),
    (((6,),), {"s": (3,)}),
    (((3, 4),), {"axes": (0, 1)}),
    (((3, 4),), {"s": (-1, 5)}),
    (((2, 3, 4),), {"axes": (-1, 1), "s": (4, 3)}),
    (((3, 4),), {"axes": (0,)}),
    (((0, 4),), {"axes": (1,)}),
]


def _reference(transform: Any) -> Any:
    """NumPy's transform, which wants the axes where the lengths are given."""

    def reference(x: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
        return transform(x, s, range(x.ndim) if s is not None and axes is None else axes, norm)

    return reference


def _pulled(transform: Any, g: Any, x_shape: tuple[int, ...], s: Any, axes: Any, norm: str) -> Any:
    """The adjoint of a transform, which `transform` gives but for the scale and the lengths."""
    axes, _ = _plan(x_shape, s, axes)
    return _resized(transform.raw(g, axes=axes, norm=_ADJOINT_NORM[norm]), x_shape)


def _batch_transform(call: Any, batched: tuple[bool, ...], x: Any, *, s: Any, axes: Any, norm: str) -> Any:
    """Along the axes behind that of the batch."""
    if x.ndim == 1:
        return NotImplemented  # the examples are numbers
    axes, _ = _plan(x.shape[1:], s, axes)
    return call(x, s=s, axes=tuple(axis + 1 for axis in axes), norm=norm)


def _batch_shift(call: Any, batched: tuple[bool, ...], x: Any, *, axes: Any) -> Any:
    every = tuple(range(1, x.ndim))
    return call(x, axes=every if axes is None else behind_batch(axes, x.ndim - 1))


@op(
    "x",
    x=lambda g, x_shape, s, axes, norm: _pulled(ifftn, g, x_shape, s, axes, norm),
    gate=MIXER,
    complex="written",
    symbol="F",
    samples=given(*_CASES),
    batch=_batch_transform,
    reference=_reference(np.fft.fftn),
)
def fftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Any:
    """The discrete Fourier transform Σ x_j·e^(−2πi·jk/n) along axes.

    Args:
        x: the array, real or complex.
        s: the length along each axis, by cutting or by zeros at the end; −1 keeps it.
        axes: which axes; all of them, or the last ones if only `s` is given.
        norm: which direction is scaled by 1/n: "backward" the inverse, "forward" this one, "ortho" both by 1/√n.

    >>> import pullback as pb
    >>> pb.fft.fftn(pb.tensor([[1.0, 0.0], [0.0, 0.0]]))
    tensor([[1.+0.j, 1.+0.j],
            [1.+0.j, 1.+0.j]], dtype=complex64)
    """
    axes, s = _plan(x.shape, s, axes)
    return np.fft.fftn(x, s=s, axes=axes, norm=_checked(norm))


@op(
    "x",
    x=lambda g, x_shape, s, axes, norm: _pulled(fftn, g, x_shape, s, axes, norm),
    gate=MIXER,
    complex="written",
    symbol="F⁻¹",
    samples=given(*_CASES),
    batch=_batch_transform,
    reference=_reference(np.fft.ifftn),
)
def ifftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Any:
    """The inverse of `fftn`, with the same arguments.

    >>> import pullback as pb
    >>> pb.real(pb.fft.ifftn(pb.fft.fftn(pb.tensor([1.0, 2.0]))))
    tensor([1., 2.], dtype=float32)
    """
    axes, s = _plan(x.shape, s, axes)
    return np.fft.ifftn(x, s=s, axes=axes, norm=_checked(norm))


def _rfftn_pulled(g: Any, x_shape: tuple[int, ...], s: Any, axes: Any, norm: str) -> Any:
    """The half that is missing in g counts as zeros; the engine takes the real part."""
    axes, s = _plan(x_shape, s, axes)
    whole = tuple(s[-1] if i == axes[-1] else length for i, length in enumerate(g.shape))
    return _pulled(ifftn, _resized(g, whole), x_shape, s, axes, norm)


@op(
    "x",
    x=_rfftn_pulled,
    gate=MIXER,
    complex="written",
    symbol="F",
    samples=given(*_CASES),
    batch=_batch_transform,
    reference=_reference(np.fft.rfftn),
)
def rfftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Any:
    """The Fourier transform of real numbers: of the last axis the n//2 + 1 values that the others mirror.

    The arguments are those of `fftn`.

    Raises:
        TypeError: for complex numbers.

    >>> import pullback as pb
    >>> pb.fft.rfftn(pb.tensor([1.0, 0.0, 0.0, 0.0]))
    tensor([1.+0.j, 1.+0.j, 1.+0.j], dtype=complex64)
    """
    if np.iscomplexobj(x):
        raise TypeError("rfft and rfftn take real numbers; use fft or fftn for complex ones")
    axes, s = _plan(x.shape, s, axes)
    return np.fft.rfftn(x, s=s, axes=axes, norm=_checked(norm))


def _irfftn_pulled(g: Any, x_shape: tuple[int, ...], s: Any, axes: Any, norm: str) -> Any:
    """Each value stands also for its mirror image, and counts twice: all but the first, and the last if n is even."""
    axes, s = _plan_of_half(x_shape, s, axes)
    half = rfftn.raw(g, axes=axes, norm=_ADJOINT_NORM[norm])
    count = half.shape[axes[-1]]
    twice = np.full(count, 2, g.dtype)
    twice[0] = 1
    if s[-1] % 2 == 0:
        twice[-1] = 1
    along = tuple(count if i == axes[-1] else 1 for i in range(len(x_shape)))
    return _resized(half * twice.reshape(along), x_shape)


@op(
    "x",
    x=_irfftn_pulled,
    gate=MIXER,
    complex="written",
    symbol="F⁻¹",
    samples=given(*_CASES),
    batch=_batch_transform,
    reference=_reference(np.fft.irfftn),
)
def irfftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = "backward"
) -> Any:
    """The inverse of `rfftn`: real numbers from the half of their transform.

    The arguments are those of `fftn`; the last length is that of the result, by default 2·(m − 1) for m values.
    Imaginary parts that a real signal cannot have are not read and get no gradient.

    >>> import pullback as pb
    >>> pb.fft.irfftn(pb.fft.rfftn(pb.tensor([1.0, 2.0])))
    tensor([1., 2.], dtype=float32)
    """
    axes, s = _plan_of_half(x.shape, s, axes)
    return np.fft.irfftn(x, s=s, axes=axes, norm=_checked(norm))


# transforms of one axis


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The discrete Fourier transform along one axis, of length n; see `fftn`.

    >>> import pullback as pb
    >>> pb.fft.fft(pb.tensor([1.0, 1.0]))
    tensor([2.+0.j, 0.+0.j], dtype=complex64)
    """
    return fftn(x, s=_one(n), axes=(axis,), norm=norm)


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The inverse of `fft`.

    >>> import pullback as pb
    >>> pb.fft.ifft(pb.tensor([2.0, 0.0]))
    tensor([1.+0.j, 1.+0.j], dtype=complex64)
    """
    return ifftn(x, s=_one(n), axes=(axis,), norm=norm)


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The Fourier transform of real numbers along one axis; see `rfftn`.

    >>> import pullback as pb
    >>> pb.fft.rfft(pb.tensor([1.0, 1.0]))
    tensor([2.+0.j, 0.+0.j], dtype=complex64)
    """
    return rfftn(x, s=_one(n), axes=(axis,), norm=norm)


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The inverse of `rfft`; n is the length of the result, by default 2·(m − 1).

    >>> import pullback as pb
    >>> pb.fft.irfft(pb.tensor([2.0, 0.0]))
    tensor([1., 1.], dtype=float32)
    """
    return irfftn(x, s=_one(n), axes=(axis,), norm=norm)


def hfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The Fourier transform of a signal with Hermitian symmetry, given by its first half: real numbers.

    n is the length of the result, by default 2·(m − 1).

    >>> import pullback as pb
    >>> pb.fft.hfft(pb.tensor([1.0, 0.0]))
    tensor([1., 1.], dtype=float32)
    """
    return irfft(conj(x), n=n, axis=axis, norm=_ADJOINT_NORM[_checked(norm)])


def ihfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The inverse of `hfft`.

    >>> import pullback as pb
    >>> pb.real(pb.fft.ihfft(pb.tensor([1.0, 1.0])))
    tensor([1., 0.], dtype=float32)
    """
    result: Tensor = conj(rfft(x, n=n, axis=axis, norm=_ADJOINT_NORM[_checked(norm)]))
    return result


def _one(n: int | None) -> tuple[int] | None:
    return None if n is None else (n,)


# frequencies and their order


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of the values of `fft`, in cycles per unit, for samples d apart.

    Args:
        n: the length of the transform.
        d: the distance of the samples.
        dtype: of the result; the default dtype if None.
        device: "cpu" or None.

    >>> import pullback as pb
    >>> pb.fft.fftfreq(4)
    tensor([ 0.  ,  0.25, -0.5 , -0.25], dtype=float32)
    """
    return _frequencies(np.fft.fftfreq(n, d), dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of the values of `rfft`; the arguments are those of `fftfreq`.

    >>> import pullback as pb
    >>> pb.fft.rfftfreq(4)
    tensor([0.  , 0.25, 0.5 ], dtype=float32)
    """
    return _frequencies(np.fft.rfftfreq(n, d), dtype, device)


def _frequencies(values: np.ndarray, dtype: Any, device: Any) -> Tensor:
    if device not in (None, "cpu"):
        raise ValueError(f"the only device is 'cpu', not {device!r}")
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"frequencies are real floating numbers, not {dtype}")
    return wrap(values.astype(dtype), None)


_SHIFTS = given(
    (((5,),), {}),
    (((4,),), {"axes": 0}),
    (((3, 4),), {"axes": (0, 1)}),
    (((3, 4),), {"axes": -1}),
)


@op(
    "x",
    x=lambda g, axes: ifftshift.raw(g, axes=axes),
    gate=RELAY,
    complex="written",
    samples=_SHIFTS,
    batch=_batch_shift,
    reference=np.fft.fftshift,
)
def fftshift(x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """The values rolled so that frequency 0 is in the middle of each axis; of all axes if `axes` is None.

    >>> import pullback as pb
    >>> pb.fft.fftshift(pb.fft.fftfreq(4))
    tensor([-0.5 , -0.25,  0.  ,  0.25], dtype=float32)
    """
    return np.fft.fftshift(x, axes)


@op(
    "x",
    x=lambda g, axes: fftshift.raw(g, axes=axes),
    gate=RELAY,
    complex="written",
    samples=_SHIFTS,
    batch=_batch_shift,
    reference=np.fft.ifftshift,
)
def ifftshift(x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """The inverse of `fftshift`.

    >>> import pullback as pb
    >>> pb.fft.ifftshift(pb.tensor([3.0, 1.0, 2.0]))
    tensor([1., 2., 3.], dtype=float32)
    """
    return np.fft.ifftshift(x, axes)
