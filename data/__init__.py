"""Data sets and the loader that turns them into batches; sets that are shipped.

Here lives everything between a file and a batch of tensors. Nothing here knows of modules, optimisers
or training: a batch is tensors and no more.
"""

from . import digits, preprocess
from .collate import collate
from .dataset import Dataset, Subset, TensorDataset, random_split
from .loader import DataLoader

__all__ = [
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "collate",
    "digits",
    "preprocess",
    "random_split",
]
