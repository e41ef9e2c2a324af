"""IDX, the format of MNIST: a magic number that says dtype and axes, the lengths, and the numbers, big-endian.

Described by Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits (yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import os
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import write_atomically
from .bounded import MAX_BYTES, opened

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 32


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> np.ndarray[Any, Any]:
    """Read the array of an IDX file, plain or packed with gzip.

    Args:
        path: the file.
        max_bytes: refuse an array that takes more memory.

    Returns:
        An array of the file's dtype (uint8, int8, int16, int32, float32 or float64), in native byte order.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no IDX file, or holds more or less than it promises.

    >>> import tempfile, os, numpy as np
    >>> from pullback.data import read_idx, write_idx
    >>> path = os.path.join(tempfile.mkdtemp(), "labels-idx1-ubyte.gz")
    >>> write_idx(np.array([7, 2, 1], np.uint8), path)
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    with opened(path) as source:
        magic = source.take(4, "the magic number")
        if magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= _MOST_AXES:
            codes = ", ".join(f"{code:#04x}" for code in _DTYPES)
            raise ValueError(
                f"{source.path} is no IDX file: it begins with the bytes {magic.hex(' ')}, where two zeros, a code "
                f"of the dtype ({codes}) and the number of axes are due"
            )
        lengths = np.frombuffer(source.take(4 * magic[3], "the lengths of the axes"), ">u4").tolist()
        array = source.take_array(tuple(lengths), _DTYPES[magic[2]], max_bytes)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def write_idx(array: Any, path: str | os.PathLike[str]) -> None:
    """Write an array as an IDX file, packed with gzip if its name ends in `.gz`.

    Raises:
        TypeError: for a dtype that the format has not.
        ValueError: for an array without axes, or with too many.
        OSError: if the path cannot be written.
    """
    values = np.asarray(array.detach() if isinstance(array, Tensor) else array)
    codes = {np.dtype(dtype).newbyteorder("="): code for code, dtype in _DTYPES.items()}
    native = values.dtype.newbyteorder("=")
    if native not in codes:
        raise TypeError(f"the IDX format has no {native}; it has {', '.join(map(str, codes))}")
    if not 1 <= values.ndim <= _MOST_AXES:
        raise ValueError(
            f"the IDX format holds arrays of 1 to {_MOST_AXES} axes, and this one has {values.ndim}"
        )
    code = codes[native]
    head = bytes([0, 0, code, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    content = head + values.astype(_DTYPES[code]).tobytes()
    write_atomically(path, gzip.compress(content, mtime=0) if os.fspath(path).endswith(".gz") else content)
