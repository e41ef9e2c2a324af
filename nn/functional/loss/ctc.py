"""Connectionist temporal classification: the likelihood of a sequence of labels, summed over all alignments.

The recursions are those of Graves et al., "Connectionist temporal classification: labelling unsegmented sequence
data with recurrent neural networks", 2006, in logarithms. A sequence of S labels is widened to 2S + 1 states, a
blank before, between and behind the labels; each step stays, goes on by one state, or skips a blank between labels
that differ. The loops run over time only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....autograd import Tensor, asarray, expand_dims, logsumexp, mean, stack, sum, take_along_axis, where
from ....autograd.extend import BLOCK, MIXER, batch_size, each_example, given, is_batched, op, spread
from ..check import check_floating
from .reduction import check_reduction

Array = np.ndarray[Any, Any]

_NEVER = -1e30  # a logarithm of 0 with which sums stay finite, also in float32


class _States(NamedTuple):
    """The states of each sequence, as arrays (N, 2S + 1) and (N,)."""

    labels: Array  # what each state emits
    skips: Array  # whether a state can be entered from the one before the last
    last: Array  # the number of the last state


def _states(targets: Any, target_lengths: Any, blank: int) -> _States:
    targets, lengths = _plain(targets), _plain(target_lengths)
    count, longest = targets.shape
    labels = np.full((count, 2 * longest + 1), blank, np.int64)
    labels[:, 1::2] = np.where(np.arange(longest) < lengths[:, None], targets, blank)
    skips = np.zeros(labels.shape, bool)
    skips[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return _States(labels, skips, 2 * lengths)


def _plain(x: Any) -> Array:
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def _log_sum(*terms: Array) -> Array:
    """log Σ eˣ, element by element, also of −∞."""
    peak = np.maximum.reduce(terms)
    shift = np.where(np.isneginf(peak), 0, peak)
    with np.errstate(divide="ignore"):
        total = np.exp(terms[0] - shift)
        for x in terms[1:]:
            total += np.exp(x - shift)
        result: Array = np.log(total) + shift
    return result


def _shifted(x: Array, by: int) -> Array:
    """The values of the states that lie `by` before (behind, if negative), and −∞ where there are none."""
    out = np.full_like(x, -np.inf)
    if by > 0:
        out[:, by:] = x[:, :-by]
    else:
        out[:, :by] = x[:, -by:]
    return out


def _emissions(log_probs: Array, states: _States) -> Array:
    """The log probability of what each state emits, at each time: (T, N, 2S + 1)."""
    index = np.broadcast_to(states.labels, (len(log_probs), *states.labels.shape))
    return np.take_along_axis(log_probs, index, axis=2)


def _forward_variables(emissions: Array, states: _States) -> Array:
    """The log probability of all beginnings of an alignment that are in a state at a time, (T, N, 2S + 1)."""
    alpha = np.full_like(emissions, -np.inf)
    alpha[:1, :, :2] = emissions[:1, :, :2]
    for t in range(1, len(alpha)):
        before = alpha[t - 1]
        jumped = np.where(states.skips, _shifted(before, 2), -np.inf)
        alpha[t] = emissions[t] + _log_sum(before, _shifted(before, 1), jumped)
    return alpha


def _final(states: _States, input_lengths: Array) -> Array:
    """Where an alignment may end: in the last label or the blank behind it, (N, 2S + 1)."""
    numbers, last = np.arange(states.labels.shape[1]), states.last[:, None]
    return ((numbers == last) | (numbers == last - 1)) & (input_lengths > 0)[:, None]


def _backward_variables(emissions: Array, states: _States, input_lengths: Array) -> Array:
    """The log probability of all endings of an alignment behind a state at a time, (T, N, 2S + 1)."""
    beta = np.full_like(emissions, -np.inf)
    end = np.where(_final(states, input_lengths), 0, -np.inf).astype(emissions.dtype)
    skips = np.zeros_like(states.skips)
    skips[:, :-2] = states.skips[:, 2:]
    after = np.full_like(end, -np.inf)
    for t in range(len(beta) - 1, -1, -1):
        if t + 1 < len(beta):
            ahead = beta[t + 1] + emissions[t + 1]
            after = _log_sum(ahead, _shifted(ahead, -1), np.where(skips, _shifted(ahead, -2), -np.inf))
        beta[t] = np.where((input_lengths == t + 1)[:, None], end, after)
    return beta


def _likelihoods(alpha: Array, states: _States, input_lengths: Array) -> Array:
    """The negative log likelihood of each sequence; that of no labels in no time is 0."""
    rows = np.arange(len(states.last))
    at_end = np.where(_final(states, input_lengths), alpha[input_lengths - 1, rows], -np.inf)
    found = -np.logaddexp.reduce(at_end, axis=1)
    return np.where((input_lengths == 0) & (states.last == 0), 0, found).astype(alpha.dtype)


def _ctc(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    *,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    states = _states(targets, target_lengths, blank)
    emissions = _emissions(log_probs, states)
    alpha = _forward_variables(emissions, states)
    losses = _likelihoods(alpha, states, input_lengths)
    result = np.where(np.isposinf(losses), 0, losses) if zero_infinity else losses
    if reduction == "mean":
        result = np.mean(result / np.maximum(target_lengths, 1).astype(result.dtype))
    elif reduction == "sum":
        result = np.sum(result)
    return np.asarray(result, log_probs.dtype), alpha, losses


def _ctc_rule(
    g: Any,
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    alpha: Any,
    losses: Any,
    blank: int,
    reduction: str,
    zero_infinity: bool,
) -> Any:
    """Minus the share of the alignments that emit each label at each time."""
    states = _states(targets, target_lengths, blank)
    emissions = _emissions(log_probs, states)
    beta = _backward_variables(emissions, states, input_lengths)
    infinite = np.isposinf(losses)
    shares = np.exp(alpha + beta + np.where(infinite, 0, losses)[:, None])
    shares[:, infinite] = 0 if zero_infinity else np.nan
    steps, count, classes = log_probs.shape
    places = (np.arange(steps * count).reshape(steps, count, 1) * classes + states.labels).ravel()
    sums = np.bincount(places, weights=shares.ravel(), minlength=log_probs.size)
    if reduction == "mean":
        g = g / (np.maximum(target_lengths, 1) * max(count, 1))
    return -sums.reshape(log_probs.shape) * np.reshape(np.broadcast_to(g, (count,)), (1, count, 1))


def _ctc_composed(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    *,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """The forward recursion in operations, with a finite number in the place of −∞."""
    lengths, label_counts = _plain(input_lengths), _plain(target_lengths)
    states = _states(targets, label_counts, blank)
    steps, (count, width) = log_probs.shape[0], states.labels.shape
    index = np.broadcast_to(states.labels, (steps, count, width))
    emissions = take_along_axis(log_probs, index, axis=2)
    numbers = np.arange(width)
    alpha = where(numbers < 2, emissions[0], _NEVER)
    variables = [alpha]
    for t in range(1, steps):
        stay_on = take_along_axis(alpha, np.broadcast_to(np.maximum(numbers - 1, 0), (count, width)), axis=1)
        jump = take_along_axis(alpha, np.broadcast_to(np.maximum(numbers - 2, 0), (count, width)), axis=1)
        terms = [alpha, where(numbers > 0, stay_on, _NEVER), where(states.skips, jump, _NEVER)]
        alpha = emissions[t] + logsumexp(stack(terms), axis=0)
        variables.append(alpha)
    last = stack(variables)[np.maximum(lengths - 1, 0), np.arange(count)]
    losses = -logsumexp(where(_final(states, lengths), last, _NEVER), axis=1)
    losses = where((lengths == 0) & (states.last == 0), 0.0, losses)
    losses = where(losses > -_NEVER / 2, 0.0 if zero_infinity else np.inf, losses)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return sum(losses)
    return mean(losses / np.maximum(label_counts, 1).astype(np.dtype(log_probs.dtype)))


def _batch(
    call: Any, batched: tuple[bool, ...], *inputs: Any, blank: int, reduction: str, zero_infinity: bool
) -> Any:
    """The sequences of all examples in one batch."""
    size = batch_size(batched, inputs)
    log_probs, targets, times, counts = (
        x if b else spread(x, size) for x, b in zip(inputs, batched, strict=True)
    )
    _, steps, count, classes = log_probs.shape
    rows = np.reshape(np.moveaxis(log_probs, 0, 1), (steps, size * count, classes))
    flat = [np.reshape(x, (size * count, *x.shape[2:])) for x in (targets, times, counts)]
    losses = call(rows, *flat, blank=blank, reduction="none", zero_infinity=zero_infinity)
    losses = np.reshape(losses, (size, count))
    if reduction == "none":
        return losses
    if reduction == "sum":
        return np.sum(losses, axis=1)
    return np.mean(losses / np.maximum(counts, 1).astype(losses.dtype), axis=1)


_ctc_op = op(
    _ctc,
    "log_probs targets input_lengths target_lengths",
    log_probs=_ctc_rule,
    residuals="alpha losses",
    composed=_ctc_composed,
    batch=_batch,
    gate={"log_probs": MIXER, "targets": BLOCK, "input_lengths": BLOCK, "target_lengths": BLOCK},
    name="ctc_loss",
    symbol="ctc",
    samples=given(
        (((5, 2, 3), np.array([[1, 2], [1, 1]]), np.array([5, 4]), np.array([2, 2])), {}),
        (
            ((4, 2, 3), np.array([[0, 1], [1, 0]]), np.array([4, 3]), np.array([2, 1])),
            {"blank": 2, "reduction": "sum"},
        ),
        (((3, 2, 3), np.array([[1, 2], [2, 2]]), np.array([3, 2]), np.array([0, 1])), {"reduction": "none"}),
        (
            ((2, 2, 3), np.array([[1, 1], [2, 0]]), np.array([2, 2]), np.array([2, 1])),
            {"zero_infinity": True},
        ),
    ),
    doc="The negative log likelihood of sequences, summed over all alignments; see `nn.functional.ctc_loss`.",
)


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The negative log likelihood of sequences of labels, summed over all alignments with a longer input.

    An alignment emits a label or a blank at each time; repetitions are merged and blanks removed. The gradient is
    that for the log probabilities as they are: −(the share of the alignments that emit a label at a time). PyTorch
    gives softmax minus that share there, which behind `log_softmax` comes to the same.
    Graves et al., "Connectionist temporal classification", 2006.

    Args:
        log_probs: logarithms of probabilities, (T, N, C) or (T, C), floating, for example `log_softmax(x, -1)`.
        targets: labels, integers in [0, C) other than the blank: (N, S), padded with anything, or all sequences one
            behind the other in one axis; (S,) for an input without batch.
        input_lengths: how many of the T times of each sequence count, shape (N,), or one number without batch.
        target_lengths: how many labels each sequence has, likewise.
        blank: the number of the blank.
        reduction: "mean" divides each loss by its number of labels (at least 1) and takes the mean; "sum"; "none"
            gives the loss of each sequence.
        zero_infinity: losses of sequences for which there is no alignment are 0 instead of infinite, and so are
            their gradients, which are nan otherwise.

    Returns:
        A scalar; with "none" a tensor of shape (N,), or () without batch.

    Raises:
        ValueError: for shapes, lengths and labels that do not fit, and an unknown reduction.
        TypeError: for log probabilities that are not floating, and labels and lengths that are not integers.

    >>> import pullback as pb
    >>> even = pb.log(pb.full((2, 1, 3), 1 / 3))
    >>> round(pb.exp(-pb.nn.functional.ctc_loss(even, [[1]], [2], [1])).item(), 4)  # a-, -a, aa of nine
    0.3333
    """
    check_reduction(reduction)
    if any(is_batched(x) for x in (targets, input_lengths, target_lengths)):
        options = {"blank": blank, "reduction": reduction, "zero_infinity": zero_infinity}
        looped: Tensor = each_example(ctc_loss)(log_probs, targets, input_lengths, target_lengths, **options)
        return looped
    log_probs = asarray(log_probs)
    check_floating("ctc_loss", "log_probs", log_probs)
    if log_probs.ndim not in (2, 3):
        raise ValueError(f"ctc_loss: log_probs has shape {log_probs.shape} and must be (T, N, C) or (T, C)")
    single = log_probs.ndim == 2
    batch = expand_dims(log_probs, 1) if single else log_probs
    rows, times, counts = _checked(batch.shape, targets, input_lengths, target_lengths, blank, single)
    losses: Tensor = _ctc_op(
        batch, rows, times, counts, blank=blank, reduction=reduction, zero_infinity=zero_infinity
    )
    return losses[0] if single and reduction == "none" else losses


def _checked(
    shape: tuple[int, ...], targets: Any, input_lengths: Any, target_lengths: Any, blank: int, single: bool
) -> tuple[Array, Array, Array]:
    """The labels as rows (N, S), and the lengths (N,), all integers."""
    steps, count, classes = shape
    found = {"targets": targets, "input_lengths": input_lengths, "target_lengths": target_lengths}
    arrays = {name: _plain(value) for name, value in found.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "iu" and array.size:
            raise TypeError(f"ctc_loss: {name} must be integers, not {array.dtype}")
        arrays[name] = array.astype(np.int64)
    labels, times, counts = arrays.values()
    if not steps:
        raise ValueError(f"ctc_loss: log_probs of shape {shape} have no times")
    for name, lengths in (("input_lengths", times), ("target_lengths", counts)):
        if lengths.shape != (count,) and not (single and lengths.shape == ()):
            raise ValueError(
                f"ctc_loss: {name} has shape {lengths.shape} and must be ({count},), one per sequence"
            )
    times, counts = times.reshape(count), counts.reshape(count)
    if labels.ndim == 1:
        if not single and len(labels) != counts.sum():
            raise ValueError(
                f"ctc_loss: targets in one axis are {len(labels)} labels, and target_lengths add up to {counts.sum()}"
            )
        labels = labels[None] if single else _as_rows(labels, counts)
    if labels.ndim != 2 or len(labels) != count:
        raise ValueError(
            f"ctc_loss: targets have shape {np.shape(targets)} and must be (N, S) with N = {count}, or (sum of "
            "target_lengths,)"
        )
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be one of the {classes} classes, and it is {blank!r}")
    if np.any((times < 0) | (times > steps)):
        raise ValueError(f"ctc_loss: input_lengths go from 0 to T = {steps}, not {times.tolist()}")
    if np.any((counts < 0) | (counts > labels.shape[1])):
        raise ValueError(
            f"ctc_loss: target_lengths go from 0 to S = {labels.shape[1]}, not {counts.tolist()}"
        )
    inside = np.arange(labels.shape[1]) < counts[:, None]
    wrong = labels[inside & ((labels < 0) | (labels >= classes) | (labels == blank))]
    if wrong.size:
        raise ValueError(
            f"ctc_loss: target {int(wrong[0])} is no label: there are {classes} classes, 0 to {classes - 1}, of "
            f"which {blank} is the blank"
        )
    return labels, times, counts


def _as_rows(labels: Array, counts: Array) -> Array:
    """Sequences one behind the other, as the rows of a matrix."""
    inside = np.arange(int(np.max(counts, initial=0))) < counts[:, None]
    rows = np.zeros(inside.shape, np.int64)
    rows[inside] = labels
    return rows
