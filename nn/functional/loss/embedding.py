"""Losses of embeddings: what belongs together is drawn together, and the rest apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....autograd import Tensor, asarray, clip, minimum, sqrt, sum, where
from ..check import check_floating, check_positive
from ..distance import pairwise_distance
from .reduction import check_reduction, check_same_shape, reduced_tensor

_EPS = 1e-12


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """1 − cos(x₁, x₂) for pairs that belong together (y = 1), max(0, cos(x₁, x₂) − margin) for others (y = −1).

    Args:
        input1: x₁, shape (N, D) or (D,), floating.
        input2: x₂, of the same shape.
        target: y, 1 or −1, of shape (N,) or ().
        margin: the cosine up to which others cost nothing, from −1 to 1.
        reduction: "mean", "sum", or "none" for the loss of each pair.

    Returns:
        A scalar, or with "none" a tensor of shape (N,) or ().

    Raises:
        ValueError: for shapes that do not fit, and an unknown reduction.
        TypeError: for inputs that are not floating.

    >>> import pullback as pb
    >>> x, y = pb.tensor([[1.0, 0.0], [1.0, 0.0]]), pb.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> pb.nn.functional.cosine_embedding_loss(x, y, pb.tensor([1, -1]), reduction="none").tolist()
    [1.0, 1.0]
    """
    name = "cosine_embedding_loss"
    check_reduction(reduction)
    input1, input2, target = asarray(input1), asarray(input2), asarray(target)
    for label, x in (("input1", input1), ("input2", input2)):
        check_floating(name, label, x)
    check_same_shape(name, input1=input1, input2=input2)
    if input1.ndim not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ValueError(
            f"{name}: inputs of shape (N, D) or (D,) go with a target of shape (N,) or (), and they have "
            f"shapes {input1.shape} and {target.shape}"
        )
    squares = (sum(input1 * input1, axis=-1) + _EPS) * (sum(input2 * input2, axis=-1) + _EPS)
    cosine = sum(input1 * input2, axis=-1) / sqrt(squares)
    losses = where(target == 1, 1 - cosine, 0.0) + where(target == -1, clip(cosine - margin, 0), 0.0)
    return reduced_tensor(losses, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """An anchor should be nearer to a positive example than to a negative one, max(0, d(a, p) − d(a, n) + margin).

    The distance is ‖x − y + ε‖ₚ. Balntas et al., "Learning local feature descriptors with triplets and shallow
    convolutional neural networks", 2016.

    Args:
        anchor: shape (N, D) or (D,), floating.
        positive: of the same shape.
        negative: of the same shape.
        margin: by how much, above 0.
        p: the norm.
        eps: is added to each difference.
        swap: take the distance of the negative from the positive example where it is the smaller one.
        reduction: "mean", "sum", or "none" for the loss of each triplet.

    Returns:
        A scalar, or with "none" a tensor of shape (N,) or ().

    Raises:
        ValueError: for shapes that differ, a margin that is not positive, and an unknown reduction.
        TypeError: for inputs that are not floating.

    >>> import pullback as pb
    >>> a, b = pb.tensor([[0.0, 0.0]]), pb.tensor([[0.0, 3.0]])
    >>> round(pb.nn.functional.triplet_margin_loss(a, b, a).item(), 4)
    4.0
    """
    return _triplet(
        "triplet_margin_loss",
        anchor,
        positive,
        negative,
        lambda x, y: pairwise_distance(x, y, p, eps),
        margin,
        swap,
        reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own.

    Args:
        anchor: any shape that the distance takes, floating.
        positive: of the same shape.
        negative: of the same shape.
        distance_function: of two tensors; `pairwise_distance` if not given.
        margin: by how much the positive example should be nearer, above 0.
        swap: take the distance of the negative from the positive example where it is the smaller one.
        reduction: "mean", "sum", or "none" for the loss of each triplet.

    Returns:
        A scalar, or with "none" a tensor of the shape of the distances.

    Raises:
        ValueError: for shapes that differ, a margin that is not positive, and an unknown reduction.
        TypeError: for inputs that are not floating.

    >>> import pullback as pb
    >>> def largest(x, y):
    ...     return abs(x - y).max(axis=-1)
    >>> a, b = pb.tensor([[0.0, 0.0]]), pb.tensor([[1.0, 3.0]])
    >>> pb.nn.functional.triplet_margin_with_distance_loss(a, b, a, distance_function=largest).item()
    4.0
    """
    name = "triplet_margin_with_distance_loss"
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplet(name, anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    name: str,
    anchor: Any,
    positive: Any,
    negative: Any,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    check_reduction(reduction)
    check_positive(name, "margin", margin)
    anchor, positive, negative = asarray(anchor), asarray(positive), asarray(negative)
    for label, x in (("anchor", anchor), ("positive", positive), ("negative", negative)):
        check_floating(name, label, x)
    check_same_shape(name, anchor=anchor, positive=positive, negative=negative)
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced_tensor(clip(near - far + margin, 0), reduction)
