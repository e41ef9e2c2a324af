"""The kernel of attention, which never holds the scores of all queries and keys.

They are computed tile by tile, in memory of a fixed size: some heads at a time, or some queries of one head.
Forward keeps one number per query, the logarithm of the sum of its exponentials, from which backward computes the
weights of a tile again (Dao et al., "FlashAttention", NeurIPS 2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...autograd.extend import kernel, matrix_product

Array = np.ndarray[Any, Any]

TILE_SCORES = 1 << 17  # how many scores are in memory at once
CAUSAL_ROWS = 128  # queries at a time where later keys are left out, so that little is computed in vain


class Tiles:
    """The inputs as (N, rows, columns), N heads, the mask, and the tiles of their scores."""

    def __init__(
        self,
        query: Array,
        key: Array,
        value: Array,
        attn_mask: Array | None,
        keep: Array | None,
        is_causal: bool,
        scale: float,
    ) -> None:
        masks = () if attn_mask is None else attn_mask.shape[:-2]
        self.lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2], masks)
        self.query = self._heads(query) * query.dtype.type(scale)
        self.key = self._heads(key)
        self.value = self._heads(value)
        self.keep = None if keep is None else self._heads(keep)
        self.is_causal = is_causal
        self.bias: Array | None = None
        if attn_mask is not None:
            count = math.prod(masks)
            self.bias = attn_mask.reshape(count, *attn_mask.shape[-2:])
            if attn_mask.dtype.kind == "b":
                self.bias = np.where(self.bias, np.zeros((), query.dtype), np.asarray(-np.inf, query.dtype))
            owners = np.arange(count).reshape(masks)
            self.owner = np.broadcast_to(owners, self.lead).ravel()  # of each head, its number in the mask

    def _heads(self, x: Array) -> Array:
        whole = np.broadcast_to(x, (*self.lead, *x.shape[-2:]))
        return np.ascontiguousarray(whole).reshape(math.prod(self.lead), *x.shape[-2:])

    def __iter__(self) -> Iterator[tuple[slice, slice, slice]]:
        """Slices of heads, queries and keys."""
        heads, length, _ = self.query.shape
        keys = self.key.shape[1]
        rows = min(length, CAUSAL_ROWS) if self.is_causal else length
        rows = max(1, min(rows, TILE_SCORES // max(keys, 1)))
        together = max(1, TILE_SCORES // max(rows * keys, 1))
        for first in range(0, heads, together):
            for start in range(0, length if keys else 0, rows):
                end = min(start + rows, length)
                seen = min(keys, end) if self.is_causal else keys
                yield slice(first, min(first + together, heads)), slice(start, end), slice(0, seen)

    def of_mask(self, heads: slice, rows: slice, keys: slice) -> tuple[Any, slice, slice]:
        """Which part of the mask belongs to a tile."""
        assert self.bias is not None
        count, length, width = self.bias.shape
        return (
            slice(None) if count == 1 else self.owner[heads],
            rows if length > 1 else slice(None),
            keys if width > 1 else slice(None),
        )

    def scores(self, heads: slice, rows: slice, keys: slice) -> Array:
        """Of a tile, with the mask."""
        found: Array = matrix_product(self.query[heads, rows], self.key[heads, keys].swapaxes(1, 2))
        if self.bias is not None:
            found += self.bias[self.of_mask(heads, rows, keys)]
        if self.is_causal:
            late = np.arange(keys.stop) > np.arange(rows.start, rows.stop)[:, None]
            np.copyto(found, -np.inf, where=late)
        return found


def attend(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None,
    keep: Array | None,
    is_causal: bool,
    scale: float,
    dropout_p: float,
) -> tuple[Array, Array]:
    """The result, and for each query log Σ exp(score); infinity for one that sees no key, whose weights are zero."""
    tiles = Tiles(query, key, value, attn_mask, keep, is_causal, scale)
    shape = tiles.query.shape[:2]
    out = np.zeros((*shape, value.shape[-1]), query.dtype)
    logs = np.full((*shape, 1), np.inf, query.dtype)
    left = _left(dropout_p)
    for heads, rows, keys in tiles:
        weights = tiles.scores(heads, rows, keys)
        largest, total = _to_exponentials(weights)
        sees = total != 0
        np.log(total, out=logs[heads, rows], where=sees)
        logs[heads, rows] += largest
        np.divide(left, total, out=total, where=sees)
        if tiles.keep is not None:
            weights *= tiles.keep[heads, rows, keys]
        out[heads, rows] = matrix_product(weights, tiles.value[heads, keys])
        out[heads, rows] *= total
    return out.reshape(*tiles.lead, *out.shape[1:]), logs


# what is done in place to a tile's scores, weights and slopes, of shape (heads, queries, keys)


@kernel("rows.to_exponentials", over=1 << 12)
def _to_exponentials(scores: Array) -> tuple[Array, Array]:
    """e^(score − largest of its row), the largest (0 where all are −inf), and the sums of the exponentials."""
    largest = scores.max(axis=-1, keepdims=True)
    largest[largest == -np.inf] = 0
    scores -= largest
    np.exp(scores, out=scores)
    return largest, (scores @ np.ones(scores.shape[-1], scores.dtype))[..., None]


@kernel("rows.to_shares", over=1 << 12)
def _to_shares(scores: Array, logs: Array) -> None:
    """e^(score − log), with the logarithm of each row."""
    scores -= logs
    np.exp(scores, out=scores)


@kernel("rows.to_slopes", over=1 << 12)
def _to_slopes(slopes: Array, inner: Array, weights: Array) -> None:
    """(slope − inner)·weight, with the inner product of each row."""
    slopes -= inner
    slopes *= weights


def _left(dropout_p: float) -> float:
    """What dropout multiplies the weights with that it leaves."""
    return 1 / (1 - dropout_p) if dropout_p < 1 else 0.0


def pull(
    g: Any,
    out: Array,
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None,
    keep: Array | None,
    logs: Array,
    is_causal: bool,
    scale: float,
    dropout_p: float,
    needs: Any,
) -> tuple[Any, ...]:
    """The gradients of query, key, value and mask."""
    tiles = Tiles(query, key, value, attn_mask, keep, is_causal, scale)
    upstream = np.ascontiguousarray(g).reshape(*tiles.query.shape[:2], g.shape[-1])
    inner = np.vecdot(upstream, out.reshape(upstream.shape))[..., None]
    d_query = np.zeros_like(tiles.query) if needs.query else None
    d_key = np.zeros_like(tiles.key) if needs.key else None
    d_value = np.zeros_like(tiles.value) if needs.value else None
    d_bias = np.zeros_like(tiles.bias) if needs.attn_mask and tiles.bias is not None else None
    left = query.dtype.type(_left(dropout_p))
    for part in tiles:
        heads, rows, keys = part
        weights = tiles.scores(*part)
        _to_shares(weights, logs[heads, rows])
        kept = None if tiles.keep is None else tiles.keep[part] * left
        if d_value is not None:
            used = weights if kept is None else weights * kept
            d_value[heads, keys] += matrix_product(used.swapaxes(1, 2), upstream[heads, rows])
        if d_query is None and d_key is None and d_bias is None:
            continue
        slopes = matrix_product(upstream[heads, rows], tiles.value[heads, keys].swapaxes(1, 2))
        if kept is not None:
            slopes *= kept
        _to_slopes(slopes, inner[heads, rows], weights)
        if d_query is not None:
            d_query[heads, rows] += matrix_product(slopes, tiles.key[heads, keys])
        if d_key is not None:
            d_key[heads, keys] += matrix_product(slopes.swapaxes(1, 2), tiles.query[heads, rows])
        if d_bias is not None:
            _add_to_mask(d_bias, tiles, part, slopes)
    if d_query is not None:
        d_query *= scale
    found = [None if d is None else d.reshape(*tiles.lead, *d.shape[1:]) for d in (d_query, d_key, d_value)]
    d_mask = None if d_bias is None or attn_mask is None else d_bias.reshape(attn_mask.shape)
    return (*found, d_mask, None)


def _add_to_mask(d_bias: Array, tiles: Tiles, part: tuple[slice, slice, slice], slopes: Array) -> None:
    count, length, width = d_bias.shape
    owner, row, column = tiles.of_mask(*part)
    over = tuple(axis for axis, one in enumerate((count == 1, length == 1, width == 1)) if one)
    sums = slopes.sum(axis=over, keepdims=True) if over else slopes
    if count == 1:
        d_bias[:, row, column] += sums
    else:
        for i, own in enumerate(owner):
            d_bias[own, row, column] += sums[i]
