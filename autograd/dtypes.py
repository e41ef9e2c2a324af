"""What dtypes can hold, what they become together, and which there are; all are `numpy.dtype` objects."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from .settings import check_device, default_complex_dtype, get_default_dtype
from .tensor import Tensor

KINDS: dict[str, tuple[type[np.generic], ...]] = {
    "bool": (np.bool_,),
    "signed integer": (np.int8, np.int16, np.int32, np.int64),
    "unsigned integer": (np.uint8, np.uint16, np.uint32, np.uint64),
    "real floating": (np.float32, np.float64),
    "complex floating": (np.complex64, np.complex128),
}
"""The dtypes of the standard by kind; kinds that hold several others are spelled out in `_GROUPS`."""

_GROUPS = {
    "integral": ("signed integer", "unsigned integer"),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}


@dataclass(frozen=True, slots=True)
class FloatInfo:
    """The limits of a floating dtype, as Python floats."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class IntegerInfo:
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: np.dtype[Any]


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a floating dtype, or of a tensor's; a complex dtype has those of its parts.

    >>> import pullback as pb
    >>> pb.finfo(pb.float32).eps
    1.1920928955078125e-07
    """
    dtype = _dtype_of(type)
    if dtype.kind not in "fc":
        raise ValueError(f"finfo needs a floating dtype, not {dtype}; iinfo has the limits of integers")
    info = np.finfo(dtype)
    eps, biggest, lowest, tiny = map(float, (info.eps, info.max, info.min, info.smallest_normal))
    return FloatInfo(info.bits, eps, biggest, lowest, tiny, np.dtype(info.dtype))


def iinfo(type: Any, /) -> IntegerInfo:
    """The limits of an integer dtype, or of a tensor's.

    >>> import pullback as pb
    >>> pb.iinfo(pb.int8).max
    127
    """
    dtype = _dtype_of(type)
    if dtype.kind not in "iu":
        raise ValueError(f"iinfo needs an integer dtype, not {dtype}; finfo has the limits of floating ones")
    info = np.iinfo(dtype)
    return IntegerInfo(info.bits, int(info.max), int(info.min), dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: another dtype, a name such as "real floating", or a tuple of these.

    >>> import pullback as pb
    >>> pb.isdtype(pb.int16, "integral"), pb.isdtype(pb.int16, (pb.int8, "bool"))
    (True, False)
    """
    wanted = np.dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(wanted, one) for one in kind)
    if isinstance(kind, str) and kind not in KINDS and kind not in _GROUPS:
        raise ValueError(f"unknown kind of dtype {kind!r}; the kinds are {', '.join([*KINDS, *_GROUPS])}")
    if isinstance(kind, str):
        return any(wanted == member for name in _GROUPS.get(kind, (kind,)) for member in KINDS[name])
    return bool(wanted == np.dtype(kind))


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether a dtype, or a tensor's, becomes another one by promotion, without loss.

    >>> import pullback as pb
    >>> pb.can_cast(pb.int8, pb.int16), pb.can_cast(pb.float64, pb.float32)
    (True, False)
    """
    return bool(np.can_cast(_dtype_of(from_), np.dtype(to)))


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype that tensors, dtypes and Python numbers have together; Python numbers are weak.

    >>> import pullback as pb
    >>> pb.result_type(pb.float32, pb.float64), pb.result_type(pb.ones(3), 2.5)
    (dtype('float64'), dtype('float32'))
    """
    values = (x.dtype if isinstance(x, (Tensor, np.ndarray, np.generic)) else x for x in arrays_and_dtypes)
    return np.result_type(*values)


class NamespaceInfo:
    """What the array API standard lets one ask about a namespace."""

    def capabilities(self) -> dict[str, Any]:
        """What the namespace can do: boolean indexing, shapes that depend on data, up to 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Where tensors live."""
        return "cpu"

    def devices(self) -> list[str]:
        """All devices: the one."""
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype[Any]]:
        """The dtypes that Python numbers and creation functions get, by kind."""
        check_device(device)
        return {
            "real floating": get_default_dtype(),
            "complex floating": default_complex_dtype(),
            "integral": np.dtype(np.int64),
            "indexing": np.dtype(np.int64),
        }

    def dtypes(
        self, *, device: Any = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, np.dtype[Any]]:
        """The dtypes of a kind, or of several, by name."""
        check_device(device)
        every = [np.dtype(member) for members in KINDS.values() for member in members]
        return {dtype.name: dtype for dtype in every if kind is None or isdtype(dtype, kind)}


def __array_namespace_info__() -> NamespaceInfo:  # noqa: N807  # the standard's name
    """The object that says what this namespace can do, as the array API standard has it.

    >>> import pullback as pb
    >>> pb.__array_namespace_info__().default_dtypes()["real floating"]
    dtype('float32')
    """
    return NamespaceInfo()


API_VERSION = "2024.12"
_API_VERSIONS = ("2021.12", "2022.12", "2023.12", API_VERSION)


def namespace(api_version: str | None = None) -> Any:
    """The module that is the namespace of the array API standard, for `Tensor.__array_namespace__`."""
    if api_version is not None and api_version not in _API_VERSIONS:
        raise ValueError(
            f"array API version {api_version!r} is not supported; the versions are {', '.join(_API_VERSIONS)}"
        )
    return sys.modules[__name__.partition(".")[0]]  # the import name that re-exports the engine


def _dtype_of(type: Any) -> np.dtype[Any]:
    return np.dtype(type.dtype) if isinstance(type, (Tensor, np.ndarray, np.generic)) else np.dtype(type)
