"""Data sets, samplers, and the loader that turns them into batches; sets that are shipped.

Here lives everything between a file and a batch of tensors. Nothing here knows of modules, optimisers
or training: a batch is tensors and no more.
"""

from . import augment, digits, preprocess
from .augmented import AugmentedDataset
from .batch_sampler import BalancedBatchSampler, BucketBatchSampler, StratifiedBatchSampler
from .collate import collate
from .dataset import ConcatDataset, Dataset, MapDataset, Subset, TensorDataset
from .loader import DataLoader
from .padding import PadCollate, Padded
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .split import random_split

__all__ = [
    "AugmentedDataset",
    "BalancedBatchSampler",
    "BatchSampler",
    "BucketBatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "MapDataset",
    "PadCollate",
    "Padded",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StratifiedBatchSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "augment",
    "collate",
    "digits",
    "preprocess",
    "random_split",
]
