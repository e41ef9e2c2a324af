"""Cross entropy of rows of logits: the losses, and what comes back to the logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import Array, jit, plain
from .maths import exp
from .rows import by_rows, largest_of, log_share


@jit(reordered=True)
def _class_losses(
    x: Array,
    target: Array,
    weight: Array,
    ignored: int,
    smoothing: Any,
    losses: Array,
    peaks: Array,
    log_sums: Array,
    start: int,
    stop: int,
) -> tuple[bool, float]:
    """Whether all targets are classes or are ignored, and the sum of their weights."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    classes = x.shape[1]
    spread = smoothing / x.dtype.type(classes)
    count = 0.0
    for row in range(start, stop):
        x_row, wanted = x[row], target[row]
        largest = largest_of(x_row)
        total = zero
        for i in range(classes):
            total += exp(x_row[i] - largest)
        log = x.dtype.type(math.log(total))
        peaks[row], log_sums[row] = largest, log
        losses[row] = zero
        if wanted == ignored:
            continue
        if wanted < 0 or wanted >= classes:
            return False, count
        count += weight[wanted]
        own = -log_share(x_row[wanted], largest, log)
        if smoothing == zero:
            losses[row] = own * weight[wanted]
            continue
        own_share = (one - smoothing) * weight[wanted]
        loss = own * own_share if own_share != zero else zero
        for i in range(classes):  # what counts nothing counts nothing, also where log p is −inf
            more = -log_share(x_row[i], largest, log) * spread * weight[i]
            loss += more if weight[i] != zero else zero
        losses[row] = loss
    return True, count


@jit(reordered=True)
def _share_losses(
    x: Array,
    target: Array,
    weight: Array,
    smoothing: Any,
    losses: Array,
    peaks: Array,
    log_sums: Array,
    start: int,
    stop: int,
) -> None:
    zero, one = x.dtype.type(0), x.dtype.type(1)
    spread = smoothing / x.dtype.type(x.shape[1])
    for row in range(start, stop):
        x_row, shares = x[row], target[row]
        largest = largest_of(x_row)
        total, loss = zero, zero
        for i in range(len(x_row)):
            total += exp(x_row[i] - largest)
        log = x.dtype.type(math.log(total))
        for i in range(len(x_row)):
            wanted = ((one - smoothing) * shares[i] + spread) * weight[i]
            loss += -log_share(x_row[i], largest, log) * wanted if wanted != zero else zero
        losses[row], peaks[row], log_sums[row] = loss, largest, log


def _is_plain(input: Array, target: Any, weight: Any, ignore_index: Any) -> bool:
    """Whether the loops fit: rows of logits, a class or shares for each; what does not is refused by the reference."""
    if input.ndim != 2 or type(target) is not np.ndarray or target.dtype == np.uint64:
        return False
    if not isinstance(ignore_index, (int, np.integer)) or abs(int(ignore_index)) >= 1 << 63:
        return False
    if weight is not None and (type(weight) is not np.ndarray or weight.shape != input.shape[1:]):
        return False
    kind, shape = target.dtype.kind, target.shape
    return shape == input.shape[:1] if kind in "iu" else bool(kind == "f" and shape == input.shape)


def _arrays(input: Array, target: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    weights = np.ones(input.shape[1], input.dtype) if weight is None else weight.astype(input.dtype)
    dtype = input.dtype if target.dtype.kind == "f" else np.dtype(np.int64)
    return plain(input), plain(target.astype(dtype, copy=False)), weights


def class_losses(
    input: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> Any:
    """The loss of each row, the largest x of each, log Σ eˣ less that, and what a mean divides by."""
    if not _is_plain(input, target, weight, ignore_index):
        return NotImplemented
    x, wanted, weights = _arrays(input, target, weight)
    smoothing = x.dtype.type(label_smoothing)
    losses = np.empty(len(x), x.dtype)
    peaks, log_sums = np.empty((len(x), 1), x.dtype), np.empty((len(x), 1), x.dtype)
    found = losses, peaks.reshape(-1), log_sums.reshape(-1)
    if wanted.ndim == 2:
        by_rows(_share_losses, x, wanted, weights, smoothing, *found)
        return losses, peaks, log_sums, float(len(x))
    parts = by_rows(_class_losses, x, wanted, weights, int(ignore_index), smoothing, *found)
    if not all(fits for fits, _ in parts):
        return NotImplemented
    return losses, peaks, log_sums, sum(count for _, count in parts)


@jit()
def _count(target: Array, weight: Array, ignored: int) -> float:
    count = 0.0
    for i in range(len(target)):
        if target[i] != ignored:
            count += weight[target[i]]
    return count


@jit(reordered=True)
def _class_slopes(
    x: Array,
    target: Array,
    weight: Array,
    ignored: int,
    smoothing: Any,
    peaks: Array,
    log_sums: Array,
    g: Array,
    slopes: Array,
    start: int,
    stop: int,
) -> None:
    zero, one = x.dtype.type(0), x.dtype.type(1)
    spread, weights = smoothing / x.dtype.type(x.shape[1]), zero
    for i in range(len(weight)):
        weights += weight[i]
    for row in range(start, stop):
        x_row, slope, wanted = x[row], slopes[row], target[row]
        peak, log = peaks[row], log_sums[row]
        upstream = g[row if len(g) > 1 else 0]
        if wanted == ignored:
            upstream, own, others = upstream * zero, zero, zero
        else:
            own, others = (one - smoothing) * weight[wanted], spread
        total = (own + others * weights) * upstream
        for i in range(len(x_row)):
            slope[i] = exp(log_share(x_row[i], peak, log)) * total - others * weight[i] * upstream
        if wanted != ignored:
            slope[wanted] -= own * upstream


@jit(reordered=True)
def _share_slopes(
    x: Array,
    target: Array,
    weight: Array,
    smoothing: Any,
    peaks: Array,
    log_sums: Array,
    g: Array,
    slopes: Array,
    start: int,
    stop: int,
) -> None:
    zero, one = x.dtype.type(0), x.dtype.type(1)
    spread = smoothing / x.dtype.type(x.shape[1])
    for row in range(start, stop):
        x_row, slope, shares = x[row], slopes[row], target[row]
        peak, log = peaks[row], log_sums[row]
        upstream, total = g[row if len(g) > 1 else 0], zero
        for i in range(len(x_row)):
            slope[i] = ((one - smoothing) * shares[i] + spread) * weight[i]
            total += slope[i]
        for i in range(len(x_row)):
            slope[i] = (exp(log_share(x_row[i], peak, log)) * total - slope[i]) * upstream


def logit_slopes(
    g: Any,
    input: Array,
    target: Array,
    weight: Array | None,
    peak: Array,
    log_sum: Array,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Softmax minus target, each row by its weight."""
    if not _is_plain(input, target, weight, ignore_index) or not isinstance(g, (np.ndarray, np.floating)):
        return NotImplemented
    x, wanted, weights = _arrays(input, target, weight)
    smoothing = x.dtype.type(label_smoothing)
    g = np.array(g, x.dtype).reshape(-1)
    if reduction == "mean":
        g /= x.dtype.type((len(x) if wanted.ndim == 2 else _count(wanted, weights, int(ignore_index))) or 1)
    slopes = np.empty_like(x)
    sums = plain(peak).reshape(-1), plain(log_sum).reshape(-1)
    if wanted.ndim == 2:
        by_rows(_share_slopes, x, wanted, weights, smoothing, *sums, g, slopes)
    else:
        by_rows(_class_slopes, x, wanted, weights, int(ignore_index), smoothing, *sums, g, slopes)
    return slopes
