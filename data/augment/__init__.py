"""Augmentation: random changes of images that leave what they show, for whole batches at once.

Images are a batch of shape (N, C, H, W), an array or a Tensor; what comes out is of the same kind and dtype, and the
input is left as it is. Movements (flips, crops, rotation, erasing, ...) take values of any range; changes of colour
and noise take values in [0, 1] and give values in [0, 1], so that normalising comes after them. Labels, if given, come
along: class numbers (N,) or class probabilities (N, classes).

>>> import numpy as np
>>> from pullback.data import augment
>>> transform = augment.Compose(
...     [augment.RandomCrop(8, padding=1), augment.RandomHorizontalFlip(), augment.MixUp(num_classes=10)],
...     rng=np.random.default_rng(0),
... )
>>> images, labels = transform(np.zeros((4, 3, 8, 8), np.float32), np.array([3, 1, 4, 1]))
>>> images.shape, labels.shape
((4, 3, 8, 8), (4, 10))

Randomness comes from `rng`; two transforms with generators of the same seed do the same. With an `rng` of its own,
what happens to the n-th image does not depend on how the images are cut into batches, except for `MixUp` and `CutMix`,
which look for partners within a batch. Without one, the program's generator is used, see `pullback.manual_seed`; in a
`DataLoader` over a `data.AugmentedDataset` that is the loader's.

Names and defaults are those of torchvision's `transforms.v2` wherever that has the transform. What learns from data
first does not live here but in `preprocess`, and what reads files in `readers`.
"""

from .affine import RandomAffine, RandomRotation, rotate
from .color import ColorJitter, adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from .compose import Compose, RandomApply, RandomChoice
from .crops import CenterCrop, RandomCrop, RandomResizedCrop, Resize
from .erasing import Cutout, RandomErasing
from .flips import RandomHorizontalFlip, RandomVerticalFlip
from .mixing import CutMix, MixUp
from .noise import GaussianNoise, PCAColorNoise
from .transform import Transform
from .views import FiveCrop, MultiScaleCrop, TenCrop

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "FiveCrop",
    "GaussianNoise",
    "MixUp",
    "MultiScaleCrop",
    "PCAColorNoise",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "Transform",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "rotate",
]
