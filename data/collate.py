"""From samples to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype, stack


def collate(samples: Sequence[Any]) -> Any:
    """Make one batch of samples: numbers, arrays and tensors are stacked; tuples, named tuples and dicts, entry by
    entry.

    Floating numbers and arrays arrive in the default dtype; Tensors keep theirs. Strings stay a list.

    Raises:
        ValueError: for samples of different shapes or structures.
        TypeError: for samples that cannot be stacked.

    >>> from pullback.data import collate
    >>> collate([(1.0, "one"), (2.0, "two")])
    (tensor([1., 2.], dtype=float32), ['one', 'two'])
    """
    if len(samples) == 0:
        raise ValueError("no samples: there is nothing to make a batch of")
    return _collate(samples, "sample")


def _collate(samples: Sequence[Any], where: str) -> Any:
    first = samples[0]
    if all(isinstance(sample, str) for sample in samples):
        return list(samples)
    if isinstance(first, Mapping):
        if any(not isinstance(sample, Mapping) or sample.keys() != first.keys() for sample in samples):
            raise ValueError(f"the dicts of {where} differ in their keys, so they make no batch")
        return {key: _collate([sample[key] for sample in samples], f"{where}[{key!r}]") for key in first}
    if isinstance(first, (tuple, list)):
        if any(not isinstance(sample, (tuple, list)) or len(sample) != len(first) for sample in samples):
            raise ValueError(f"the tuples of {where} differ in their lengths, so they make no batch")
        entries = [_collate(entry, f"{where}[{i}]") for i, entry in enumerate(zip(*samples, strict=True))]
        return first._make(entries) if hasattr(first, "_make") else tuple(entries)
    return _stacked(samples, where)


def _stacked(samples: Sequence[Any], where: str) -> Tensor:
    numeric = (bool, int, float, complex, np.ndarray, np.generic, Tensor)
    other = next((type(sample).__name__ for sample in samples if not isinstance(sample, numeric)), None)
    if other is not None:
        raise TypeError(
            f"{where} is a {other}, which makes no batch; let the data set return numbers, arrays, tensors, "
            "strings, tuples or dicts of them, each entry of one kind, or give DataLoader a collate_fn"
        )
    shapes = {getattr(sample, "shape", ()) for sample in samples}
    if len(shapes) > 1:
        raise ValueError(
            f"{where} has different shapes within a batch ({', '.join(map(str, sorted(shapes)))}); "
            "bring them to one shape, or give DataLoader a collate_fn"
        )
    if any(isinstance(sample, Tensor) for sample in samples):
        return stack(list(samples))
    batch = asarray(np.stack([np.asarray(sample) for sample in samples]))
    return batch.astype(get_default_dtype()) if batch.dtype.kind == "f" else batch
