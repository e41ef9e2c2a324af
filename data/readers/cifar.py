"""CIFAR-10 and CIFAR-100, from the binary version: records of label bytes and pixels, and no pickle."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...autograd.extend import write_atomically
from .bounded import MAX_BYTES, opened
from .download import download as fetch_file
from .download import require_files
from .images import ImageDataset, require_labels

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32


class CIFAR10(ImageDataset):
    """Colour photographs of 32×32 pixels in 10 classes: 50,000 to train on and 10,000 to test.

    A. Krizhevsky, Learning multiple layers of features from tiny images, 2009. The files lie in `root` or in
    `root/cifar-10-batches-bin`, as the archive of the binary version has them.

    Sample i is an image of shape (3, 32, 32) in [0, 1], in the default dtype, and its class.

    Args:
        root: the folder with the files.
        train: the training set, or the test set.
        transform: a function of an image, an array of shape (3, 32, 32), or an augmentation without an `rng`.
        download: bring the archive, check its MD5 sum, and unpack it (extra `download`).

    Raises:
        FileNotFoundError: for missing files.
        ValueError: for files that are damaged, or hold something else.
        OSError: if files cannot be read or brought here.
    """

    folder: ClassVar[str] = "cifar-10-batches-bin"
    """The folder within the archive."""
    urls: ClassVar[tuple[str, ...]] = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
    """Where the archive is."""
    checksum: ClassVar[str] = "md5:c32a1d4ab5d03f1284b67883e8d87530"
    """That of the archive."""
    train_files: ClassVar[tuple[str, ...]] = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
    """The files of the training set."""
    test_files: ClassVar[tuple[str, ...]] = ("test_batch.bin",)
    """The files of the test set."""
    names_files: ClassVar[tuple[str, ...]] = ("batches.meta.txt",)
    """The names of the classes, for each label byte of a record; numbers where the file is not there."""
    classes_of_labels: ClassVar[tuple[int, ...]] = (10,)
    """How many classes each label byte of a record has."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        *,
        download: bool = False,
    ) -> None:
        self._load(Path(root), train, transform, download, label=0)

    def _load(
        self, root: Path, train: bool, transform: Callable[[Any], Any] | None, download: bool, label: int
    ) -> None:
        files = self.train_files if train else self.test_files
        inside = [root / self.folder / name for name in files]
        beside = [root / name for name in files]
        paths = beside if not inside[0].is_file() and beside[0].is_file() else inside
        if download and not all(path.is_file() for path in paths):
            self._bring(root)
            paths = inside
        require_files(paths, type(self).__name__)
        records = np.concatenate([self._records(path) for path in paths])
        count = self.classes_of_labels[label]
        images = records[:, len(self.classes_of_labels) :].reshape(-1, *SHAPE)
        names = self._names(paths[0].parent / self.names_files[label], count)
        super().__init__(images, records[:, label].astype(np.int64), names, transform)
        self.train = train

    @classmethod
    def _records(cls, path: Path) -> np.ndarray[Any, Any]:
        length = len(cls.classes_of_labels) + PIXELS
        size = path.stat().st_size
        if not size or size % length:
            raise ValueError(
                f"{path} has {size} bytes, and the binary version has {length} for each image: it is incomplete, or "
                "of another version (the one for Python is a pickle, which is never read here)"
            )
        with opened(path) as source:
            records = source.take_array((size // length, length), np.uint8, MAX_BYTES)
        for byte, classes in enumerate(cls.classes_of_labels):
            require_labels(records[:, byte], classes, path)
        return records

    @staticmethod
    def _names(path: Path, count: int) -> list[str]:
        if not path.is_file():
            return [str(number) for number in range(count)]
        names = path.read_text(encoding="utf-8", errors="replace").split()
        if len(names) != count:
            raise ValueError(f"{path} should name {count} classes, and names {len(names)}")
        return names

    @classmethod
    def _bring(cls, root: Path) -> None:
        """Download the archive, and unpack the files that are read and no others."""
        archive = fetch_file(cls.urls, root / cls.urls[0].rpartition("/")[2], cls.checksum)
        wanted = {f"{cls.folder}/{name}" for name in (*cls.train_files, *cls.test_files, *cls.names_files)}
        (root / cls.folder).mkdir(parents=True, exist_ok=True)
        try:
            with tarfile.open(archive, "r:gz") as tar:
                for member in tar:
                    if member.name in wanted and member.isreg() and member.size <= MAX_BYTES:
                        file: Any = tar.extractfile(member)
                        write_atomically(root / member.name, file.read())
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{archive} is damaged: {error}") from error


class CIFAR100(CIFAR10):
    """Colour photographs of 32×32 pixels in 100 classes, which form 20 superclasses: 50,000 and 10,000.

    Files, samples, arguments and errors are those of `CIFAR10`, with `root/cifar-100-binary`; and one argument more:

    Args:
        root: the folder with the files.
        train: the training set, or the test set.
        transform: a function of an image, an array of shape (3, 32, 32), or an augmentation without an `rng`.
        coarse: label with the 20 superclasses instead of the 100 classes.
        download: bring the archive, check its MD5 sum, and unpack it (extra `download`).
    """

    folder = "cifar-100-binary"
    urls = ("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",)
    checksum = "md5:03b5dce01913d631647c71ecec9e9cb8"
    train_files = ("train.bin",)
    test_files = ("test.bin",)
    names_files = ("coarse_label_names.txt", "fine_label_names.txt")
    classes_of_labels = (20, 100)

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        *,
        coarse: bool = False,
        download: bool = False,
    ) -> None:
        self._load(Path(root), train, transform, download, label=0 if coarse else 1)
