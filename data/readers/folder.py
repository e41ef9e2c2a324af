"""Folders of images, one folder for each class; an image is read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..augment.transform import pair
from ..dataset import Dataset
from .images import checked, scaled, transformed

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
MAX_PIXELS = 89_478_485  # Pillow's own limit, a quarter of a gigabyte of colours


class ImageFolder(Dataset):
    """The images below `root/class/…`, read by Pillow (extra `images`) when they are asked for.

    Classes are the folders in `root` in the order of their names, and images are in the order of theirs. Sample i is
    an array of shape (channels, height, width) in [0, 1], in the default dtype, and the number of its class.

    Args:
        root: the folder with a folder for each class.
        mode: what images are converted to: "RGB", "L" (grey) or "RGBA".
        size: what images are brought to, a number or (height, width); without it they keep theirs.
        transform: a function of an image, an array, that gives what the sample has in its place; or an augmentation
            without a generator of its own, such as `augment.RandomResizedCrop(224)`, which also brings images of
            different sizes to one.
        extensions: which files are images.
        max_pixels: refuse larger images before they are unpacked.

    Raises:
        ImportError: without Pillow.
        FileNotFoundError: for no such folder, no classes, or a class without images.
        TypeError: for a transform that cannot be called.
        ValueError: for an unknown mode, what is no size, and an augmentation with a generator of its own; and, when it
            is asked for, an image that cannot be read, by its name.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        mode: str = "RGB",
        size: int | Sequence[int] | None = None,
        transform: Callable[[Any], Any] | None = None,
        extensions: Sequence[str] = EXTENSIONS,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        _pillow()
        if mode not in CHANNELS:
            raise ValueError(f"mode is one of {', '.join(CHANNELS)}, not {mode!r}")
        folder = Path(root)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder")
        self.root = folder
        self.mode = mode
        self.size = None if size is None else pair(size)
        self.transform = checked(transform)
        self.max_pixels = max_pixels
        self.classes = tuple(
            sorted(
                entry.name
                for entry in os.scandir(folder)
                if entry.is_dir() and not entry.name.startswith(".")
            )
        )
        """The names of the classes."""
        if not self.classes:
            raise FileNotFoundError(f"{folder} has no folders in it, and each class has one")
        endings = tuple(extension.lower() for extension in extensions)
        self.samples: list[tuple[str, int]] = []
        """The path and the class of each image."""
        for number, name in enumerate(self.classes):
            found = _below(folder / name, endings)
            if not found:
                raise FileNotFoundError(f"{folder / name} has no images in it ({', '.join(endings)})")
            self.samples.extend((path, number) for path in found)
        self.labels = np.array([number for _, number in self.samples], np.int64)
        """The class of each image, int64."""

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class by its name."""
        return {name: number for number, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.samples[index]
        return transformed(scaled(self._pixels(path)), self.transform), label

    def _pixels(self, path: str) -> np.ndarray[Any, Any]:
        """The bytes of an image, of shape (channels, height, width)."""
        try:
            with _pillow().open(path) as image:
                if image.width * image.height > self.max_pixels:
                    raise ValueError(
                        f"it has {image.width}×{image.height} pixels, more than max_pixels={self.max_pixels}"
                    )
                if image.mode.startswith(("I", "F")):
                    raise ValueError(
                        f"its pixels are of mode {image.mode} and would not fit into bytes; convert it"
                    )
                if image.mode == "P" and "transparency" in image.info:
                    image = image.convert("RGBA")
                converted = image.convert(self.mode)
                if self.size is not None:
                    converted = converted.resize(self.size[::-1], _pillow().Resampling.BILINEAR)
                pixels = np.array(converted)
        except Exception as error:  # Pillow's plugins raise many kinds for a damaged file
            if isinstance(error, OSError) and error.errno is not None:
                raise  # it is gone, or may not be read
            raise ValueError(f"{path} cannot be read as an image: {error}") from error
        return np.moveaxis(np.atleast_3d(pixels), -1, 0)


def _below(folder: Path, endings: tuple[str, ...]) -> list[str]:
    """The images in a folder and in those inside, in order of their paths; links to folders are not followed."""
    found: list[str] = []
    for inside, folders, names in os.walk(folder):
        folders.sort()
        found.extend(os.path.join(inside, name) for name in names if name.lower().endswith(endings))
    return sorted(found)


def _pillow() -> Any:
    try:
        from PIL import Image  # type: ignore[import-not-found,unused-ignore]  # an extra
    except ImportError as error:
        raise ImportError(
            "images are read by Pillow, which the extra 'images' brings: pip install 'pullback[images]'"
        ) from error
    return Image
