"""MNIST and Fashion-MNIST, from their IDX files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .download import download as fetch_file
from .download import require_files
from .idx import read_idx
from .images import ImageDataset, require_labels

SIDE = 28
_MAX_BYTES = 2**28  # the training images take 47 MB


class MNIST(ImageDataset):
    """Handwritten digits of 28×28 pixels: 60,000 to train on and 10,000 to test.

    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document recognition, 1998. The
    files lie in `root`, in `root/MNIST/raw` as torchvision has them, or in between, packed with gzip or not.

    Sample i is an image of shape (1, 28, 28) in [0, 1], in the default dtype, and its class; a batch from
    `DataLoader` has shape (batch, 1, 28, 28).

    Args:
        root: the folder with the files.
        train: the training set, or the test set.
        transform: a function of an image, an array of shape (1, 28, 28), or an augmentation without an `rng`.
        download: bring the files that are missing, and check them by their MD5 sums (extra `download`).

    Raises:
        FileNotFoundError: for missing files.
        ValueError: for files that are damaged, or hold something else.
        OSError: if files cannot be read or brought here.
    """

    mirrors: ClassVar[tuple[str, ...]] = ("https://ossci-datasets.s3.amazonaws.com/mnist/",)
    """The addresses of the folder with the files."""
    files: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    }
    """The files and their checksums."""
    names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    """The names of the classes."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        *,
        download: bool = False,
    ) -> None:
        part = "train" if train else "t10k"
        images, labels = (
            self._file(Path(root), f"{part}-{kind}", download)
            for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
        )
        require_files([images, labels], type(self).__name__)
        pixels = read_idx(images, max_bytes=_MAX_BYTES)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[1:] != (SIDE, SIDE):
            raise ValueError(
                f"{images} should hold images of {SIDE}×{SIDE} bytes, and holds {pixels.dtype}{list(pixels.shape)}"
            )
        numbers = read_idx(labels, max_bytes=_MAX_BYTES)
        if numbers.dtype != np.uint8 or numbers.shape != (len(pixels),):
            raise ValueError(
                f"{labels} should hold a byte for each of the {len(pixels)} images of {images.name}, and holds "
                f"{numbers.dtype}{list(numbers.shape)}"
            )
        numbers = require_labels(numbers, len(self.names), labels)
        super().__init__(pixels[:, None], numbers, self.names, transform)
        self.train = train

    @classmethod
    def _file(cls, root: Path, name: str, download: bool) -> Path:
        """Where a file is, or where it belongs."""
        raw = root / cls.__name__ / "raw"
        for folder in (raw, raw.parent, root):
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        packed = raw / f"{name}.gz"
        if download:
            fetch_file([mirror + packed.name for mirror in cls.mirrors], packed, cls.files[packed.name])
        return packed


class FashionMNIST(MNIST):
    """Articles of clothing of 28×28 pixels, in the form of MNIST: 60,000 to train on and 10,000 to test.

    H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms, 2017. Files, samples, arguments and errors are those of `MNIST`, with `root/FashionMNIST/raw`.
    """

    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    files: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    }
    names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
