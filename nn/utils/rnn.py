"""Sequences of several lengths in one tensor: padded, or packed without padding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, asarray, concat, full, stack
from ..functional.check import whole


class PackedSequence(NamedTuple):
    """Sequences step by step, without padding; what recurrent layers take for sequences of several lengths.

    Made by `pack_padded_sequence` and `pack_sequence`.
    """

    data: Tensor
    """All steps below each other, shape (elements, *): the first elements of all sequences, the second ones, ..."""
    batch_sizes: Tensor
    """How many sequences each step has, integers; the longest sequence is the first."""
    sorted_indices: Tensor | None = None
    """Which sequence came to each place; None if they were in order."""
    unsorted_indices: Tensor | None = None
    """At which place each sequence is; None if they were in order."""


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack padded sequences.

    Args:
        input: shape (T, B, *), or (B, T, *) with `batch_first`.
        lengths: the length of each sequence, integers from 1 to T.
        batch_first: the layout of the input.
        enforce_sorted: whether the sequences are in order, the longest first; otherwise they are put in order here,
            and recurrent layers put states and results back.

    Raises:
        ValueError: for lengths that do not fit, or are not in order.

    >>> import pullback as pb
    >>> from pullback.nn.utils.rnn import pack_padded_sequence
    >>> packed = pack_padded_sequence(pb.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)
    >>> packed.data.tolist(), packed.batch_sizes.tolist()
    ([1, 4, 2, 3], [2, 1, 1])
    """
    input = asarray(input)
    if input.ndim < 2:
        raise ValueError(
            f"pack_padded_sequence: the input has shape {input.shape} and must be (T, B, *) or (B, T, *)"
        )
    steps, count = (input.shape[1], input.shape[0]) if batch_first else input.shape[:2]
    sizes = _lengths("pack_padded_sequence", lengths)
    if sizes.shape != (count,) or not count or sizes.min() < 1 or sizes.max() > steps:
        raise ValueError(
            f"pack_padded_sequence: lengths has one number from 1 to {steps} for each of {count} sequences (at least "
            f"one), and not {sizes.tolist()}"
        )
    order = np.arange(count)
    sorted_indices = unsorted_indices = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sorted_indices, unsorted_indices = asarray(order), asarray(np.argsort(order))
    elif (np.diff(sizes) > 0).any():
        raise ValueError(
            f"pack_padded_sequence: the lengths {sizes.tolist()} are not in order, the longest first; order the "
            "sequences, or give enforce_sorted=False"
        )
    alive = np.arange(sizes.max())[:, None] < sizes[order]
    time, place = np.nonzero(alive)
    rows = order[place] * steps + time if batch_first else time * count + order[place]
    flat = input.reshape((steps * count, *input.shape[2:]))
    return PackedSequence(flat[rows], asarray(alive.sum(axis=1)), sorted_indices, unsorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Pad packed sequences; the inverse of `pack_padded_sequence`.

    Args:
        sequence: the packed sequences.
        batch_first: whether the result is (B, T, *) and not (T, B, *).
        padding_value: what stands behind the end of a sequence.
        total_length: T; the longest sequence's length if left out.

    Returns:
        The padded sequences, in the order in which they were before packing; and their lengths, shape (B,).

    Raises:
        ValueError: for a `total_length` that is too short.

    >>> import pullback as pb
    >>> from pullback.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> padded, lengths = pad_packed_sequence(pack_sequence([pb.tensor([1, 2]), pb.tensor([3])]), batch_first=True)
    >>> padded.tolist(), lengths.tolist()
    ([[1, 2], [3, 0]], [2, 1])
    """
    data, sizes = sequence.data, sequence.batch_sizes.numpy()
    steps = len(sizes) if total_length is None else whole("total_length", total_length)
    if steps < len(sizes):
        raise ValueError(
            f"pad_packed_sequence: total_length={total_length} is shorter than the longest sequence, {len(sizes)}"
        )
    count = int(sizes[0])
    places = np.arange(count)
    if sequence.unsorted_indices is not None:
        places = sequence.unsorted_indices.numpy()
    starts = np.cumsum(sizes) - sizes
    rows = np.full((steps, count), len(data))  # the row of padding
    rows[: len(sizes)] = np.where(places < sizes[:, None], starts[:, None] + places, len(data))
    lengths = (rows < len(data)).sum(axis=0)
    padding = full((1, *data.shape[1:]), padding_value, dtype=data.dtype)
    padded: Tensor = concat([data, padding])[rows.T if batch_first else rows]
    return padded, asarray(lengths)


def pad_sequence(
    sequences: Iterable[Any],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack sequences of several lengths, with padding.

    Args:
        sequences: tensors of shape (length, *).
        batch_first: whether the result is (B, T, *) and not (T, B, *).
        padding_value: what fills the shorter ones up.
        padding_side: "right" or "left".

    Raises:
        ValueError: for no sequences, another side, and sequences whose other axes differ.

    >>> import pullback as pb
    >>> from pullback.nn.utils.rnn import pad_sequence
    >>> pad_sequence([pb.tensor([1, 2]), pb.tensor([3])], batch_first=True).tolist()
    [[1, 2], [3, 0]]
    """
    parts = [asarray(sequence) for sequence in sequences]
    if padding_side not in ("right", "left"):
        raise ValueError(f"pad_sequence: padding_side must be 'right' or 'left', not {padding_side!r}")
    if not parts or any(part.ndim == 0 or part.shape[1:] != parts[0].shape[1:] for part in parts):
        raise ValueError(
            "pad_sequence: there must be at least one sequence, and their shapes may differ in the first axis only; "
            f"these are {[part.shape for part in parts]}"
        )
    steps = max(len(part) for part in parts)
    rows = []
    for part in parts:
        padding = full((steps - len(part), *part.shape[1:]), padding_value, dtype=part.dtype)
        rows.append(concat([part, padding] if padding_side == "right" else [padding, part]))
    result: Tensor = stack(rows, axis=0 if batch_first else 1)
    return result


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences without their padding; the inverse of `pad_sequence`.

    >>> import pullback as pb
    >>> from pullback.nn.utils.rnn import unpad_sequence
    >>> [part.tolist() for part in unpad_sequence(pb.tensor([[1, 2], [3, 0]]), [2, 1], batch_first=True)]
    [[1, 2], [3]]
    """
    padded = asarray(padded_sequences)
    sizes = _lengths("unpad_sequence", lengths)
    return [padded[i, :size] if batch_first else padded[:size, i] for i, size in enumerate(sizes.tolist())]


def pack_sequence(sequences: Iterable[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of several lengths.

    Args:
        sequences: tensors of shape (length, *).
        enforce_sorted: as in `pack_padded_sequence`.

    >>> import pullback as pb
    >>> from pullback.nn.utils.rnn import pack_sequence
    >>> pack_sequence([pb.tensor([1, 2]), pb.tensor([3])]).data.tolist()
    [1, 3, 2]
    """
    parts = [asarray(sequence) for sequence in sequences]
    return pack_padded_sequence(
        pad_sequence(parts), [len(part) for part in parts], enforce_sorted=enforce_sorted
    )


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences one by one; the inverse of `pack_sequence`.

    >>> import pullback as pb
    >>> from pullback.nn.utils.rnn import pack_sequence, unpack_sequence
    >>> [part.tolist() for part in unpack_sequence(pack_sequence([pb.tensor([1, 2]), pb.tensor([3])]))]
    [[1, 2], [3]]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def _lengths(where: str, lengths: Any) -> np.ndarray[Any, Any]:
    sizes = asarray(lengths).detach().numpy()
    if sizes.dtype.kind not in "iu" or sizes.ndim != 1:
        raise ValueError(f"{where}: lengths are integers, one for each sequence, and not {lengths!r}")
    return sizes
