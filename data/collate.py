"""From samples to a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype, stack


def collate(samples: Sequence[Any]) -> Any:
    """Make one batch of samples: numbers, arrays and tensors are stacked; tuples and dicts, entry by entry.

    Floating numbers and arrays arrive in the default dtype; Tensors keep theirs. Strings stay a list,
    named tuples named.

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
    if isinstance(first, (Mapping, tuple, list)):
        return by_entry(samples, where, lambda entries, where, _: _collate(entries, where))
    return _stacked(samples, where)


def by_entry(samples: Sequence[Any], where: str, make: Callable[[list[Any], str, Any], Any]) -> Any:
    """A structure like that of the first sample, each entry made of the samples' entries, its name and its key.

    Raises:
        ValueError: for samples that are not all dicts of the same keys, or tuples of the same length.
    """
    first = samples[0]
    if isinstance(first, Mapping):
        if any(not isinstance(sample, Mapping) or sample.keys() != first.keys() for sample in samples):
            raise ValueError(f"the dicts of {where} differ in their keys, so they make no batch")
        return {key: make([sample[key] for sample in samples], f"{where}[{key!r}]", key) for key in first}
    if any(not isinstance(sample, (tuple, list)) or len(sample) != len(first) for sample in samples):
        raise ValueError(f"the tuples of {where} differ in their lengths, so they make no batch")
    entries = [make(list(entry), f"{where}[{i}]", i) for i, entry in enumerate(zip(*samples, strict=True))]
    return first._make(entries) if hasattr(first, "_make") else tuple(entries)


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
            "bring them to one shape, or give DataLoader a collate_fn, such as PadCollate()"
        )
    if any(isinstance(sample, Tensor) for sample in samples):
        return stack(list(samples))
    batch = asarray(np.stack([np.asarray(sample) for sample in samples]))
    return batch.astype(get_default_dtype()) if batch.dtype.kind == "f" else batch
