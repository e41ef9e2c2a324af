"""Files of tensors, in the safetensors format: names, shapes, dtypes and numbers, and no code.

https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from .tensor import Tensor, wrap

_CODES = {
    "BOOL": "?", "I8": "i1", "I16": "i2", "I32": "i4", "I64": "i8", "U8": "u1", "U16": "u2", "U32": "u4", "U64": "u8",
    "F16": "f2", "F32": "f4", "F64": "f8", "BF16": "u2", "C64": "c8",
}  # fmt: skip
_DTYPES = frozenset(map(np.dtype, ("?", "b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d", "F")))


def save(tensors: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write named tensors or arrays to exactly this path, in the safetensors format.

    The file appears whole or not at all: a failed save leaves a previous file as it was.

    Raises:
        TypeError: if it is not a mapping from strings to tensors or arrays.
        OSError: if the path cannot be written.

    >>> import pullback as pb, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> pb.save({"w": pb.tensor([1.0, 2.0])}, path)
    >>> pb.load(path)
    {'w': tensor([1., 2.], dtype=float32)}
    """
    if not isinstance(tensors, Mapping):
        raise TypeError(
            f"save takes a dict of tensors by name, such as a state_dict(), not {type(tensors).__name__}"
        )
    arrays = {}
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, (Tensor, np.ndarray)):
            raise TypeError(
                f"save takes tensors and arrays by string names, and {name!r} is a {type(value).__name__}"
            )
        array = np.asarray(value.detach()._array if isinstance(value, Tensor) else value)
        if array.dtype not in _DTYPES:
            raise TypeError(
                f"the safetensors format has no {array.dtype}, which {name!r} is; convert it first"
            )
        if name == "__metadata__" or not name.isprintable():
            raise TypeError(f"{name!r} cannot be the name of a tensor in a safetensors file")
        arrays[name] = np.array(array, order="C")  # the format is row-major
    write_atomically(path, safetensors.numpy.save(arrays))


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, in order of name. Nothing in the file is executed.

    NumPy has no bfloat16: such tensors come as float32, which holds the same numbers.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a whole safetensors file.
    """
    content = Path(path).read_bytes()
    try:
        found: Any = safetensors.deserialize(content)  # type: ignore[no-untyped-call]  # it has no annotations
    except Exception as error:  # the format's library raises several kinds for a malformed file
        hint = "; a file of torch.save is read by pullback.nn.load_torch" if content.startswith(b"PK") else ""
        raise ValueError(f"{os.fspath(path)} is not a whole safetensors file: {error}{hint}") from error
    return {name: wrap(_decoded(path, name, entry), None) for name, entry in sorted(found)}


def _decoded(path: str | os.PathLike[str], name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """The array of an entry; the format is little-endian."""
    code = _CODES.get(entry["dtype"])
    if code is None:
        raise ValueError(
            f"{os.fspath(path)} holds {name!r} as {entry['dtype']}, a dtype that NumPy has not; write it in another"
        )
    data = entry["data"] if isinstance(entry["data"], bytearray) else bytearray(entry["data"])  # writable
    array = np.frombuffer(data, np.dtype(code).newbyteorder("<"))
    array = from_bfloat16(array) if entry["dtype"] == "BF16" else array
    return array.astype(array.dtype.newbyteorder("="), copy=False).reshape(entry["shape"])


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """The float32 numbers of bfloat16 bits, which are their upper halves."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place and move it there once it is whole.

    A link is followed, and an existing file keeps its permissions. What is no regular file (a pipe, a
    device) cannot be replaced and is written as it is.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target))
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror, str(target)) from error  # not the temporary name
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
