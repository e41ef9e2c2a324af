"""Data sets, samplers, the loader that turns them into batches, readers of files; sets that are shipped.

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
from .readers import (
    CIFAR10,
    CIFAR100,
    MNIST,
    ContiguousText,
    FashionMNIST,
    ImageFolder,
    Table,
    TextWindows,
    Vocabulary,
    batchify,
    read_csv,
    read_idx,
    read_npz,
    read_text,
    words,
    write_idx,
)
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
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "AugmentedDataset",
    "BalancedBatchSampler",
    "BatchSampler",
    "BucketBatchSampler",
    "ConcatDataset",
    "ContiguousText",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "ImageFolder",
    "MapDataset",
    "PadCollate",
    "Padded",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StratifiedBatchSampler",
    "Subset",
    "SubsetRandomSampler",
    "Table",
    "TensorDataset",
    "TextWindows",
    "Vocabulary",
    "WeightedRandomSampler",
    "augment",
    "batchify",
    "collate",
    "digits",
    "preprocess",
    "random_split",
    "read_csv",
    "read_idx",
    "read_npz",
    "read_text",
    "words",
    "write_idx",
]
