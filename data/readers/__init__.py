"""Readers of files: one file for each format, each of which says what is wrong with a file that is.

What they give are arrays, tables and data sets. Changes to what was read live in `preprocess` and `augment`.
"""

from .cifar import CIFAR10, CIFAR100
from .folder import ImageFolder
from .idx import read_idx, write_idx
from .mnist import MNIST, FashionMNIST
from .npz import read_npz
from .table import Table, read_csv
from .text import ContiguousText, TextWindows, batchify, read_text, words
from .vocabulary import Vocabulary

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "ContiguousText",
    "FashionMNIST",
    "ImageFolder",
    "Table",
    "TextWindows",
    "Vocabulary",
    "batchify",
    "read_csv",
    "read_idx",
    "read_npz",
    "read_text",
    "words",
    "write_idx",
]
