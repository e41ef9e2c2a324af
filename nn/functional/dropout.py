"""Dropout and its relatives: random zeros in training.

Each multiplies by a random mask that is a constant to the tape, so gradients of every order are right, and a
checkpoint that runs again draws the same mask. Inside `vmap` the mask is the same for all examples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ...autograd.extend import generator_of
from .check import check_axes, check_floating, check_probability
from .inplace import overwritten

Array = np.ndarray[Any, Any]
Generator = np.random.Generator

_ALPHA = -1.7580993408473766  # what SELU tends to on the left: −scale·alpha


def dropout(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    inverted: bool = True,
    rng: Generator | None = None,
) -> Tensor:
    """Set each element to 0 with probability p, independently, while training.

    Inverted dropout divides what is left by 1 − p, so the expected value is the input, and evaluation changes
    nothing. The original kind (`inverted=False`) leaves it as it is, and evaluation multiplies by 1 − p instead.
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014; both kinds are in
    the CS231n notes, https://cs231n.github.io/neural-networks-2/#reg.

    Args:
        input: any shape, floating.
        p: the probability of a zero.
        training: whether to drop.
        inplace: write the result over the input.
        inverted: scale in training, and not in evaluation.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> sorted(set(F.dropout(pb.ones(100), 0.75).tolist()))
    [0.0, 4.0]
    >>> F.dropout(pb.ones(2), 0.75, training=False, inverted=False).tolist()
    [0.25, 0.25]
    """
    p = check_probability("dropout", "p", p)
    x = _floating("dropout", input)
    if training:
        return _scaled("dropout", x, _mask(x.shape, p, x, rng, inverted), inplace)
    return x if inverted else _scaled("dropout", x, 1 - p, inplace)


def dropout1d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Generator | None = None
) -> Tensor:
    """Set whole channels to 0 with probability p while training, and divide the others by 1 − p.

    Tompson et al., "Efficient object localization using convolutional networks", 2014, arXiv:1411.4280.

    Args:
        input: shape (N, C, L) or (C, L), floating.
        p: the probability of a zero channel.
        training: whether to drop.
        inplace: write the result over the input.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for another number of axes, or p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.functional.dropout1d(pb.ones((2, 3, 4)), 0.5, training=False).shape
    (2, 3, 4)
    """
    x = _floating("dropout1d", input)
    check_axes("dropout1d", x, ("(N, C, L)", "(C, L)"))
    return _channels("dropout1d", x, p, training, inplace, rng, leading=1 if x.ndim == 2 else 2)


def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Generator | None = None
) -> Tensor:
    """Set whole channels to 0 with probability p while training, and divide the others by 1 − p.

    Args:
        input: shape (N, C, H, W), or (N, C, L) as in PyTorch: an image without a batch axis needs one first.
        p: the probability of a zero channel.
        training: whether to drop.
        inplace: write the result over the input.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for another number of axes, or p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.functional.dropout2d(pb.ones((2, 3, 4, 4)), 0.5, training=False).shape
    (2, 3, 4, 4)
    """
    x = _floating("dropout2d", input)
    check_axes("dropout2d", x, ("(N, C, H, W)", "(N, C, L)"))
    return _channels("dropout2d", x, p, training, inplace, rng, leading=2)


def dropout3d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Generator | None = None
) -> Tensor:
    """Set whole channels to 0 with probability p while training, and divide the others by 1 − p.

    Args:
        input: shape (N, C, D, H, W) or (C, D, H, W), floating.
        p: the probability of a zero channel.
        training: whether to drop.
        inplace: write the result over the input.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for another number of axes, or p outside [0, 1].

    >>> import pullback as pb
    >>> pb.nn.functional.dropout3d(pb.ones((3, 2, 4, 4)), 0.5, training=False).shape
    (3, 2, 4, 4)
    """
    x = _floating("dropout3d", input)
    check_axes("dropout3d", x, ("(N, C, D, H, W)", "(C, D, H, W)"))
    return _channels("dropout3d", x, p, training, inplace, rng, leading=1 if x.ndim == 4 else 2)


def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, rng: Generator | None = None
) -> Tensor:
    """Dropout for SELU: elements become SELU's limit on the left, and an affine map keeps mean 0 and variance 1.

    Klambauer et al., "Self-normalizing neural networks", 2017, arXiv:1706.02515, section "New dropout technique".

    Args:
        input: any shape, floating, of mean 0 and variance 1.
        p: the probability of a drop.
        training: whether to drop.
        inplace: write the result over the input.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1].

    >>> import pullback as pb
    >>> len(set(pb.nn.functional.alpha_dropout(pb.zeros(100), 0.5, training=True).tolist()))
    2
    """
    return _alpha("alpha_dropout", _floating("alpha_dropout", input), p, training, inplace, rng, None)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, rng: Generator | None = None
) -> Tensor:
    """`alpha_dropout` of whole channels.

    Args:
        input: shape (N, C, ...), floating.
        p: the probability of a dropped channel.
        training: whether to drop.
        inplace: write the result over the input.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for fewer than two axes, or p outside [0, 1].

    >>> import pullback as pb
    >>> x = pb.nn.functional.feature_alpha_dropout(pb.zeros((50, 2, 9)), 0.5, training=True)
    >>> bool((x == x[:, :, :1]).all())
    True
    """
    if input.ndim < 2:
        raise ValueError(f"feature_alpha_dropout: the input has shape {input.shape} and must be (N, C, ...)")
    return _alpha("feature_alpha_dropout", input, p, training, inplace, rng, 2)


def stochastic_depth(
    input: Any, p: float, mode: str, training: bool = True, *, rng: Generator | None = None
) -> Tensor:
    """Set a residual branch to 0 with probability p while training, and divide by 1 − p where it stays.

    Huang et al., "Deep networks with stochastic depth", 2016, arXiv:1603.09382.

    Args:
        input: what a residual branch gives, shape (N, ...), floating.
        p: the probability that the branch is dropped.
        mode: "batch" drops it for all samples at once, "row" for each sample by itself.
        training: whether to drop.
        rng: the generator of the mask; the program's if not given.

    Raises:
        ValueError: for p outside [0, 1], another mode, or "row" for a scalar.

    >>> import pullback as pb
    >>> y = pb.nn.functional.stochastic_depth(pb.ones((20, 3)), 0.5, "row")
    >>> bool((y == y[:, :1]).all())
    True
    """
    p = check_probability("stochastic_depth", "p", p)
    if mode not in ("batch", "row"):
        raise ValueError(f"stochastic_depth: mode must be 'batch' or 'row', not {mode!r}")
    x = _floating("stochastic_depth", input)
    if mode == "row" and x.ndim == 0:
        raise ValueError("stochastic_depth: mode 'row' needs an input with an axis of samples")
    if not training or p == 0:
        return x
    shape = (x.shape[0], *(1,) * (x.ndim - 1)) if mode == "row" else (1,) * x.ndim
    return _scaled("stochastic_depth", x, _mask(shape, p, x, rng), False)


def _floating(where: str, input: Any) -> Tensor:
    x: Tensor = asarray(input)
    check_floating(where, "the input", x)
    return x


def _kept(shape: tuple[int, ...], p: float, rng: Generator | None) -> Array:
    """Where nothing is dropped; the same for every dtype of the input."""
    kept: Array = generator_of(rng).random(shape, np.float32) >= p  # below 1, so p = 1 leaves nothing
    return kept


def _mask(
    shape: tuple[int, ...], p: float, input: Tensor, rng: Generator | None, inverted: bool = True
) -> Array:
    """0 where something is dropped, and 1/(1 − p) (or 1) elsewhere, in the dtype of the input."""
    scale = 1 / (1 - p) if inverted and p < 1 else 1
    return np.asarray(_kept(shape, p, rng) * input.dtype.type(scale))


def _scaled(where: str, input: Tensor, mask: Any, inplace: bool) -> Tensor:
    result: Tensor = input * mask
    return overwritten(where, input, result) if inplace else result


def _channels(
    where: str, input: Tensor, p: float, training: bool, inplace: bool, rng: Generator | None, leading: int
) -> Tensor:
    """Drop along the leading axes, those of samples and channels."""
    p = check_probability(where, "p", p)
    if not training:
        return input
    shape = (*input.shape[:leading], *(1,) * (input.ndim - leading))
    return _scaled(where, input, _mask(shape, p, input, rng), inplace)


def _alpha(
    where: str,
    input: Tensor,
    p: float,
    training: bool,
    inplace: bool,
    rng: Generator | None,
    leading: int | None,
) -> Tensor:
    p = check_probability(where, "p", p)
    if not training or p == 0:
        return input
    if p == 1:
        return _scaled(where, input, 0, inplace)
    shape = input.shape if leading is None else (*input.shape[:leading], *(1,) * (input.ndim - leading))
    scale = 1 / math.sqrt((1 - p) * (1 + p * _ALPHA**2))
    kept = _kept(shape, p, rng)
    offset = np.where(kept, 0, _ALPHA * scale) - _ALPHA * scale * p
    mask = kept * input.dtype.type(scale)
    result: Tensor = input * mask + offset.astype(input.dtype)
    return overwritten(where, input, result) if inplace else result
