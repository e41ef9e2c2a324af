"""Reading PyTorch's `.pt` files without PyTorch, and without running anything that is in them.

Such a file is a zip archive: `data.pkl` describes the objects, and each `data/<key>` is the memory of tensors
(https://pytorch.org/docs/stable/notes/serialization.html).
"""

from __future__ import annotations

import math
import os
import zipfile
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..autograd import Tensor, asarray
from ..autograd.extend import from_bfloat16
from . import pickle_data
from .pickle_data import Name

_DTYPES = {
    "float64": "f8", "float32": "f4", "float16": "f2", "bfloat16": "bfloat16",
    "int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1",
    "uint64": "u8", "uint32": "u4", "uint16": "u2", "uint8": "u1",
    "bool": "?", "complex64": "c8", "complex128": "c16", "complex32": "complex32",
}  # fmt: skip
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_WIDTHS = {"bfloat16": 2, "complex32": 4}
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the number that files before PyTorch 1.6 begin with


def load_torch(path: str | os.PathLike[str]) -> Any:
    """Read a file that `torch.save` has written, without running anything in it.

    Understood are tensors and parameters in dicts, lists and tuples, with numbers and strings among them: a
    `state_dict()`, or a checkpoint that holds some. What shared memory shares it again. NumPy has no bfloat16:
    such tensors come as float32, which holds the same numbers, and complex32 as complex64.

    Args:
        path: the file.

    Returns:
        What was saved: Tensors that require no gradients, in dicts, lists and tuples.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no whole file of this kind, or holds anything else (a whole module, a class, a sparse or
            quantised tensor); the message says what.

    Example: `model.load_state_dict(nn.load_torch("resnet18.pth"))`.
    """
    with open(path, "rb") as file:
        try:
            return _Archive(file).load()
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)} cannot be read: {error}") from error


class _Storage(NamedTuple):
    """Memory of tensors: its key in the archive, its dtype (None if the tensors say) and its number of elements."""

    key: str
    dtype: str | None
    numel: int


class _Archive:
    """An open file: its entries, and the storages that have been read."""

    def __init__(self, file: BinaryIO) -> None:
        start = file.read(len(_LEGACY))
        if start == _LEGACY:
            raise ValueError(
                "it is in the format of PyTorch before 1.6; load it there and save it again: "
                "torch.save(torch.load(path, weights_only=True), path)"
            )
        if not start.startswith(b"PK"):
            raise ValueError(
                "it is no zip archive, as torch.save writes; a safetensors file is read by pb.load"
            )
        try:
            self.zip = zipfile.ZipFile(file)
            names = self.zip.namelist()
        except (zipfile.BadZipFile, NotImplementedError, OverflowError, EOFError) as error:
            raise ValueError(f"the zip archive is damaged: {error}") from error
        found = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1 or len(set(names)) != len(names):
            raise ValueError("the archive does not hold one data.pkl, as torch.save writes")
        self.prefix = found[0].removesuffix("data.pkl")
        if f"{self.prefix}constants.pkl" in names:
            raise ValueError(
                "it is a TorchScript program; save the state: torch.save(model.state_dict(), path)"
            )
        self.left = file.seek(
            0, os.SEEK_END
        )  # how much may be read: no honest archive holds more than its own size
        self.contents: dict[str, bytearray] = {}
        self.arrays: dict[tuple[str, str, bool, bool], np.ndarray[Any, Any]] = {}
        self.order: Any = "<"
        if f"{self.prefix}byteorder" in names:
            self.order = {b"little": "<", b"big": ">"}.get(bytes(self.entry("byteorder")), "")
            if not self.order:
                raise ValueError("its byte order is neither little nor big")

    def load(self) -> Any:
        return _public(pickle_data.read(bytes(self.entry("data.pkl")), self.call, self.storage))

    def entry(self, name: str) -> bytearray:
        """The content of an entry."""
        try:
            info = self.zip.getinfo(self.prefix + name)
        except KeyError as error:
            raise ValueError(f"the archive has no entry {name!r}") from error
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > self.left:
            raise ValueError(
                f"the entry {name!r} is compressed or larger than the file, as torch.save never writes it"
            )
        self.left -= info.file_size
        try:
            content = bytearray()
            with self.zip.open(info) as file:
                while part := file.read(1 << 22):
                    content += part
            return content
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OverflowError,
            OSError,
        ) as error:
            raise ValueError(f"the entry {name!r} is damaged: {error}") from error

    def storage(self, id: Any) -> _Storage:
        """What a persistent id stands for: ("storage", class, key, device, number of elements)."""
        if not (type(id) is tuple and len(id) == 5 and id[0] == "storage" and isinstance(id[1], Name)):
            raise ValueError("the pickle refers to an object of another kind than tensors' memory")
        _, kind, key, _, numel = id
        if not isinstance(key, str) or not _is_length(numel):
            raise ValueError("the description of a tensor's memory is malformed")
        if str(kind) in ("torch.storage.UntypedStorage", "torch.UntypedStorage"):
            return _Storage(key, None, numel)
        if kind.module not in ("torch", "torch.storage") or kind.name not in _STORAGES:
            raise ValueError(f"it holds a {kind}, which is not read")
        return _Storage(key, _STORAGES[kind.name], numel)

    def call(self, function: Name, arguments: tuple[Any, ...]) -> Any:
        """What the few known functions make of their arguments."""
        name = str(function)
        if name == "collections.OrderedDict" and arguments == ():
            return {}
        if name == "torch.Size" and len(arguments) == 1 and type(arguments[0]) is tuple:
            return arguments[0]
        if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
            if isinstance(arguments[0], Tensor):
                return arguments[0]
            raise ValueError("a parameter's data is no tensor")
        if name == "torch._utils._rebuild_tensor":
            return self.tensor(*arguments[:4], metadata=None)
        if name == "torch._utils._rebuild_tensor_v2":
            return self.tensor(*arguments[:4], metadata=arguments[6] if len(arguments) > 6 else None)
        if name == "torch._utils._rebuild_tensor_v3":
            return self.tensor(
                *arguments[:4], metadata=arguments[7] if len(arguments) > 7 else None, dtype=arguments[6]
            )
        shown = "sparse tensor" if name == "torch.serialization._get_layout" else name
        raise ValueError(
            f"it holds a {shown}, and only tensors, dicts, lists, numbers and strings are read; in PyTorch, save the "
            "state alone: torch.save(model.state_dict(), path)"
        )

    def tensor(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *, metadata: Any, dtype: Any = None
    ) -> Tensor:
        """A tensor in a storage: a view, that others may overlap with."""
        lengths_fit = type(shape) is tuple and type(strides) is tuple and len(shape) == len(strides)
        if (
            not isinstance(storage, _Storage)
            or not lengths_fit
            or not all(map(_is_length, (offset, *shape, *strides)))
        ):
            raise ValueError("the description of a tensor is malformed")
        name = storage.dtype
        if name is None:
            name = dtype.name if isinstance(dtype, Name) and dtype.module == "torch" else None
        if name not in _DTYPES:
            raise ValueError(f"it holds a tensor of dtype {dtype}, which is not read")
        marks = metadata if type(metadata) is dict else {}
        memory = self.memory(storage, name, bool(marks.get("conj")), bool(marks.get("neg")))
        last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if math.prod(shape) and last >= memory.size:
            raise ValueError(f"a tensor of shape {shape} reaches beyond its memory of {memory.size} elements")
        steps = [stride * memory.itemsize for stride in strides]
        start = memory[offset:] if math.prod(shape) else memory[:0]
        return asarray(np.lib.stride_tricks.as_strided(start, shape, steps))

    def memory(self, storage: _Storage, dtype: str, conjugated: bool, negated: bool) -> np.ndarray[Any, Any]:
        """The elements of a storage, read once."""
        key = (storage.key, dtype, conjugated, negated)
        if key in self.arrays:
            return self.arrays[key]
        if storage.key not in self.contents:
            self.contents[storage.key] = bytearray(
                self.entry(f"data/{storage.key}")
            )  # unlike bytes, writable
        content = self.contents[storage.key]
        width = _WIDTHS.get(dtype) or np.dtype(_DTYPES[dtype]).itemsize
        numel = storage.numel if storage.dtype else storage.numel // width
        if len(content) < numel * width:
            raise ValueError(
                f"the memory {storage.key!r} has {len(content)} bytes, and {numel * width} are described"
            )
        array = self.decode(np.frombuffer(content, np.uint8, numel * width), dtype)
        array = np.conj(array) if conjugated else array
        self.arrays[key] = array = -array if negated else array
        return array

    def decode(self, raw: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
        if dtype == "bfloat16":
            return from_bfloat16(raw.view(f"{self.order}u2"))
        if dtype == "complex32":
            return raw.view(f"{self.order}f2").astype(np.float32).view(np.complex64)
        array = raw.view(np.dtype(_DTYPES[dtype]).newbyteorder(self.order))
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def _is_length(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _public(value: Any) -> Any:
    """Refuse what is left of the file's inner parts: the name of a class, memory without a tensor."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (Name, _Storage)):
            shown = part if isinstance(part, Name) else "torch.UntypedStorage"
            raise ValueError(
                f"it holds a {shown}, and only tensors, dicts, lists, numbers and strings are read"
            )
        if isinstance(part, (dict, list, tuple)) and id(part) not in seen:
            seen.add(id(part))
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return value
