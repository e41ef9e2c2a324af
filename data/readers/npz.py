"""NumPy's `.npz` archives, without pickle and without surprises of size."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from ...autograd import get_default_dtype
from .bounded import DEFLATE_RATIO, MAX_BYTES


def read_npz(
    path: str | os.PathLike[str], *names: str, max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray[Any, Any]]:
    """Read arrays from an `.npz` archive: the named ones in this order, or all of them.

    Floating arrays come in the default dtype. Nothing in the file is executed: an array of Python objects, which
    NumPy stores as a pickle, is refused.

    Args:
        path: the file.
        names: which arrays to read; all if none is named.
        max_bytes: refuse arrays that take more memory together.

    Raises:
        OSError: if the file cannot be read.
        ValueError: for what is no `.npz` archive, a name that is not in it, and an array that is damaged, of
            objects, or larger than the file can hold.

    >>> import tempfile, os, numpy as np
    >>> from pullback.data import TensorDataset, read_npz
    >>> path = os.path.join(tempfile.mkdtemp(), "points.npz")
    >>> np.savez(path, x=np.eye(3), y=np.arange(3))
    >>> arrays = read_npz(path, "x", "y")
    >>> arrays["x"].dtype, len(TensorDataset(*arrays.values()))
    (dtype('float32'), 3)
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        try:
            arrays = _arrays(file, names, max_bytes)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{name} is no .npz archive, or damaged: {error}") from error
        except Exception as error:  # a damaged archive makes zipfile and NumPy raise many kinds
            raise ValueError(f"{name}: {error}") from error
    floating = get_default_dtype()
    return {
        key: array.astype(floating) if array.dtype.kind == "f" else array for key, array in arrays.items()
    }


def _arrays(file: IO[bytes], names: Sequence[str], max_bytes: int) -> dict[str, np.ndarray[Any, Any]]:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        for wanted in names:
            if wanted not in members:
                raise ValueError(f"there is no array {wanted!r}; there are {', '.join(map(repr, members))}")
        chosen = {wanted: members[wanted] for wanted in names or members}
        total = sum(info.file_size for info in chosen.values())
        if total > max_bytes:
            raise ValueError(
                f"the arrays take {total} bytes, more than max_bytes={max_bytes}; raise that if the file is to be "
                "trusted"
            )
        return {wanted: _array(archive, info) for wanted, info in chosen.items()}


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """One array, whose size is known to be true before memory is taken for it."""
    if info.file_size > info.compress_size * DEFLATE_RATIO + DEFLATE_RATIO:
        raise ValueError(
            f"{info.filename} is said to have {info.file_size} bytes, which cannot come of {info.compress_size}"
        )
    with archive.open(info) as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{info.filename} has the format version {version}, and 1.0 and 2.0 are read")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError(
                f"{info.filename} holds Python objects, which only a pickle stores; those are not read"
            )
        size = dtype.itemsize
        for axis in shape:
            size *= axis
        if min(shape, default=0) < 0 or file.tell() + size != info.file_size:
            raise ValueError(
                f"{info.filename} promises {dtype}{list(shape)}, which are {size} bytes, and holds "
                f"{info.file_size - file.tell()}"
            )
    with archive.open(info) as file:
        return npy.read_array(file, allow_pickle=False)
