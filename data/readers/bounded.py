"""Reading files that may be damaged: sizes are checked before memory is taken, and errors name the file."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

DEFLATE_RATIO = 1032  # deflate makes no more bytes than this of one (zlib's technical notes)
MAX_BYTES = 2**31


class Source:
    """An open file, plain or gzip, and how many bytes it can hold at most."""

    def __init__(self, path: str, stream: Any, at_most: int) -> None:
        self.path = path
        self.at_most = at_most
        self._stream = stream

    def take(self, count: int, what: str) -> bytes:
        """Exactly this many bytes.

        Raises:
            ValueError: if the file ends before.
        """
        content: bytes = self._stream.read(count)
        if len(content) < count:
            raise ValueError(
                f"{self.path} ends within {what}: {count} bytes are due, and {len(content)} are there"
            )
        return content

    def take_array(self, shape: tuple[int, ...], dtype: Any, max_bytes: int) -> np.ndarray[Any, Any]:
        """All the rest of the file, as an array of exactly this shape.

        Raises:
            ValueError: if that is more than `max_bytes`, or not what the file holds.
        """
        dtype = np.dtype(dtype)
        size = dtype.itemsize
        for axis in shape:
            size *= axis
        promise = f"{self.path} promises {dtype.newbyteorder('=')}{list(shape)}, which are {size} bytes,"
        if size > self.at_most:
            raise ValueError(
                f"{promise} and cannot hold more than {self.at_most}: it is damaged or incomplete"
            )
        if size > max_bytes:
            raise ValueError(
                f"{promise} more than max_bytes={max_bytes}; raise that if the file is to be trusted"
            )
        try:
            array = np.empty(shape, dtype)
        except ValueError as error:  # without elements, and yet too long
            raise ValueError(f"{promise} and no array can be so: {error}") from error
        memory: Any = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]  # a buffer it is
        filled = 0
        while filled < size:
            count = self._stream.readinto(memory[filled : filled + 2**20])
            if not count:
                raise ValueError(f"{promise} and ends after {filled}: it is incomplete")
            filled += count
        if self._stream.read(1):
            raise ValueError(f"{promise} and holds more: it is no such file, or damaged")
        return array


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Source]:
    """A file for reading; one that begins like gzip is unpacked, whatever its name is.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if its packing is damaged.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield Source(name, file, size)
            return
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                yield Source(name, stream, size * DEFLATE_RATIO)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{name} is packed with gzip, and damaged or incomplete: {error}") from error
