"""The distances of all rows of one matrix from all rows of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, expand_dims, linalg
from ...autograd.extend import MIXER, Family, SingularPoint, given, op
from .check import check_dtypes

Array = np.ndarray[Any, Any]

_PRODUCT = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}
_FEW = 25  # rows, up to which differences are cheap
_BLOCK = 1 << 17  # differences at a time, so that the buffer stays in the cache


def _by_product(x1: Any, x2: Any, compute_mode: str) -> bool:
    """Whether to compute |x|² + |y|² − 2x·y, which is fast, and not the differences, which are exact."""
    wanted = _PRODUCT[compute_mode]
    return max(x1.shape[-2], x2.shape[-2]) > _FEW if wanted is None else wanted


def _rule(g: Any, x1: Any, x2: Any, out: Any, compute_mode: str) -> Any:
    """Σⱼ gᵢⱼ·(xᵢ − yⱼ)/dᵢⱼ, and nothing where the distance is 0."""
    parts = np.where(out == 0, 0, g / np.where(out == 0, 1, out))
    if _by_product(x1, x2, compute_mode):
        return x1 * np.sum(parts, axis=-1, keepdims=True) - parts @ x2
    return np.sum(np.expand_dims(parts, -1) * (np.expand_dims(x1, -2) - np.expand_dims(x2, -3)), axis=-2)


def _turned(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


@op(
    "x1 x2",
    x1=_rule,
    x2=lambda g, x1, x2, out, compute_mode: _rule(_turned(g), x2, x1, _turned(out), compute_mode),
    gate=MIXER,
    symbol="‖x−y‖",
    samples=given(
        (((4, 3), (2, 3)), {}),
        (((2, 4, 3), (5, 3)), {"compute_mode": "use_mm_for_euclid_dist"}),
        (((2, 1, 4, 3), (3, 2, 3)), {}),
        (((0, 3), (2, 3)), {}),
        family=Family.LEADING,
    ),
    reference=lambda x1, x2, compute_mode="": np.sqrt(
        np.sum(np.square(x1[..., :, None, :] - x2[..., None, :, :]), axis=-1)
    ),
    singular=[SingularPoint((np.ones((1, 2)), np.ones((1, 2))), (np.zeros((1, 2)), np.zeros((1, 2))))],
)
def euclidean_distances(
    x1: Any, x2: Any, *, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Any:
    """The Euclidean distances of the rows of two matrices; the gradient of a distance 0 is 0. See `cdist`."""
    if not _by_product(x1, x2, compute_mode):
        return _by_differences(x1, x2)
    middle = np.mean(x2, axis=-2, keepdims=True) if x2.shape[-2] else 0
    x1, x2 = x1 - middle, x2 - middle  # far from the origin the squares would swallow the differences
    squares = _squares(x1)[..., :, None] + _squares(x2)[..., None, :] - 2 * (x1 @ _turned(x2))
    return np.sqrt(np.maximum(squares, 0))


def _squares(x: Array) -> Array:
    result: Array = np.einsum("...k,...k->...", x, x)
    return result


def _by_differences(x1: Array, x2: Array) -> Array:
    """Row block by row block, so that the differences never stand in memory all at once."""
    batch = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    out = np.empty((*batch, x1.shape[-2], x2.shape[-2]), np.result_type(x1, x2))
    per_row = max(int(np.prod(batch, dtype=int)) * x2.shape[-2] * x2.shape[-1], 1)
    step = max(_BLOCK // per_row, 1)
    for start in range(0, x1.shape[-2], step):
        rows = slice(start, start + step)
        out[..., rows, :] = np.sqrt(_squares(x1[..., rows, None, :] - x2[..., None, :, :]))
    return out


def cdist(
    x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The distances ‖xᵢ − yⱼ‖ₚ of all rows of one matrix from all rows of another; those of 0 have the gradient 0.

    Args:
        x1: shape (..., P, M), floating.
        x2: shape (..., R, M), of the same dtype; the leading axes broadcast.
        p: the norm, not negative.
        compute_mode: for p = 2, "use_mm_for_euclid_dist" computes a matrix product, which is fast and less exact for
            points that lie close together, "donot_use_mm_for_euclid_dist" the differences;
            "use_mm_for_euclid_dist_if_necessary" takes the product for more than 25 rows.

    Returns:
        A tensor of shape (..., P, R).

    Raises:
        ValueError: for shapes that do not fit, a negative p, and another mode.
        TypeError: for inputs that are not floating or differ in dtype.

    >>> import pullback as pb
    >>> pb.nn.functional.cdist(pb.tensor([[0.0, 0.0]]), pb.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [[5.0, 1.0]]
    """
    x1, x2 = asarray(x1), asarray(x2)
    check_dtypes("cdist", x1, x2=x2)
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ValueError(
            f"cdist: shapes {x1.shape} and {x2.shape} must be (..., P, M) and (..., R, M), with the same M"
        )
    if compute_mode not in _PRODUCT:
        raise ValueError(
            f"cdist: compute_mode must be {', '.join(map(repr, _PRODUCT))}, not {compute_mode!r}"
        )
    if not p >= 0:
        raise ValueError(f"cdist: p must not be negative, and it is {p!r}")
    if p == 2:
        result: Tensor = euclidean_distances(x1, x2, compute_mode=compute_mode)
        return result
    return linalg.vector_norm(expand_dims(x1, -2) - expand_dims(x2, -3), axis=-1, ord=p)
