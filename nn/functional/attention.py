"""Scaled dot-product attention as one operation; the kernel is in `attention_tiles.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, matmul, repeat, softmax, swapaxes, where
from ...autograd import all as every
from ...autograd.extend import BLOCK, MIXER, batch_size, generator_of, given, op, padded, spread
from .attention_tiles import attend, pull
from .check import check_one_dtype, check_probability

Array = np.ndarray[Any, Any]

_DRAWN = 1 << 18  # random numbers at a time


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Attention: softmax(scale·query·keyᵀ + mask)·value, each query's mean of the values by likeness to their keys.

    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Args:
        query: shape (..., L, E), floating; the leading axes (batch, heads) broadcast.
        key: shape (..., S, E), of the same dtype.
        value: shape (..., S, V), of the same dtype.
        attn_mask: broadcasts to (..., L, S). Boolean: which keys a query sees; floating: added to the scores, and it
            gets a gradient. A query that sees no key gets zeros.
        dropout_p: the probability with which each weight is set to zero, the others being divided by 1 − p. It is
            always applied; give 0.0 outside of training.
        is_causal: let query i see the keys 0 to i only; not together with a mask.
        scale: 1/√E if left out.
        enable_gqa: let each head (axis −3) of key and value serve several heads of the query.
        rng: the generator of the dropout; the default one if not given.

    Returns:
        A tensor of shape (..., L, V).

    Raises:
        ValueError: for shapes that do not fit, and a mask together with `is_causal`.
        TypeError: for dtypes that differ.

    >>> import pullback as pb
    >>> query, key = pb.tensor([[8.0, 0.0]]), pb.tensor([[4.0, 0.0], [0.0, 4.0]])
    >>> value = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> pb.nn.functional.scaled_dot_product_attention(query, key, value, scale=10.0).tolist()
    [[1.0, 2.0]]
    """
    query, key, value = asarray(query), asarray(key), asarray(value)
    if enable_gqa:
        key, value = _for_each_query_head(query, key), _for_each_query_head(query, value)
    _check(query, key, value)
    p = check_probability("scaled_dot_product_attention", "dropout_p", dropout_p)
    if attn_mask is not None:
        attn_mask = asarray(attn_mask)
        if attn_mask.ndim < 2:
            attn_mask = attn_mask.reshape((*(1,) * (2 - attn_mask.ndim), *attn_mask.shape))
        _check_mask(query, key, attn_mask, is_causal)
    keep = None
    if p:
        lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        shape = (*lead, query.shape[-2], key.shape[-2])
        keep = asarray(_kept(shape, p, generator_of(rng)))
    if scale is None:
        scale = 1 / math.sqrt(max(query.shape[-1], 1))
    return _attention_op(
        query, key, value, attn_mask, keep, is_causal=is_causal, scale=float(scale), dropout_p=p
    )


def _kept(shape: tuple[int, ...], p: float, rng: np.random.Generator) -> Array:
    """True with probability 1 − p, drawn in parts, which take less memory than all random numbers together."""
    kept = np.empty(math.prod(shape), bool)
    for start in range(0, kept.size, _DRAWN):
        part = kept[start : start + _DRAWN]
        np.greater_equal(rng.random(part.size, np.float32), p, out=part)
    return kept.reshape(shape)


def _for_each_query_head(query: Tensor, x: Tensor) -> Tensor:
    if query.ndim < 3 or x.ndim < 3 or x.shape[-3] == 0 or query.shape[-3] % x.shape[-3]:
        raise ValueError(
            f"scaled_dot_product_attention: with enable_gqa the heads (axis -3) of the query, which has shape "
            f"{query.shape}, must be a multiple of those of key and value, of shape {x.shape}"
        )
    times = query.shape[-3] // x.shape[-3]
    result: Tensor = x if times == 1 else repeat(x, times, axis=-3)
    return result


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    shapes = f"query {query.shape}, key {key.shape} and value {value.shape}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"scaled_dot_product_attention: {shapes} must each have two axes or more")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"scaled_dot_product_attention: the shapes of {shapes} do not fit; they are (..., L, E), (..., S, E) "
            "and (..., S, V)"
        )
    try:
        np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    except ValueError:
        raise ValueError(
            f"scaled_dot_product_attention: the leading axes of {shapes} do not broadcast"
        ) from None
    check_one_dtype("scaled_dot_product_attention", query=query, key=key, value=value)


def _check_mask(query: Tensor, key: Tensor, mask: Tensor, is_causal: bool) -> None:
    if is_causal:
        raise ValueError(
            "scaled_dot_product_attention: give attn_mask or is_causal=True, not both; the mask can be causal itself"
        )
    if mask.dtype.kind != "b" and mask.dtype != query.dtype:
        raise TypeError(
            f"scaled_dot_product_attention: attn_mask is {mask.dtype} and must be bool or {query.dtype}, as the query"
        )
    shape = (query.shape[-2], key.shape[-2])
    fits = all(own in (1, wanted) for own, wanted in zip(mask.shape[-2:], shape, strict=True))
    if not fits:
        raise ValueError(
            f"scaled_dot_product_attention: attn_mask has shape {mask.shape} and must broadcast to (..., L, S), "
            f"here (..., {shape[0]}, {shape[1]})"
        )


def _attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    keep: Array | None = None,
    *,
    is_causal: bool,
    scale: float,
    dropout_p: float,
) -> Any:
    """softmax(scale·query·keyᵀ + mask)·value, tile by tile.

    `scaled_dot_product_attention` is the function that checks; `keep` says which weights dropout leaves.
    """
    return attend(query, key, value, attn_mask, keep, is_causal, scale, dropout_p)


def _attention_rule(
    g: Any,
    out: Any,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any,
    keep: Any,
    logs: Array,
    is_causal: bool,
    scale: float,
    dropout_p: float,
    needs: Any,
) -> tuple[Any, ...]:
    """With P the weights and Z the dropout: d_S = P·(Z·(g·valueᵀ) − Σ g·out), tile by tile."""
    return pull(g, out, query, key, value, attn_mask, keep, logs, is_causal, scale, dropout_p, needs)


def attention_weights(query: Any, key: Any, attn_mask: Any, scale: float) -> Any:
    """softmax(scale·query·keyᵀ + mask), in operations; zeros for a query that sees no key."""
    scores = matmul(query * scale, swapaxes(key, -1, -2))
    if key.shape[-2] == 0:
        return scores
    if attn_mask is None:
        return softmax(scores, axis=-1)
    nothing, zero = np.asarray(-np.inf, scores.dtype), np.zeros((), scores.dtype)
    bias = asarray(attn_mask)
    scores = scores + (where(bias, zero, nothing) if bias.dtype.kind == "b" else bias)
    blind = every(scores == nothing, axis=-1, keepdims=True)
    return where(blind, zero, softmax(where(blind, zero, scores), axis=-1))


def _composed(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    keep: Any = None,
    *,
    is_causal: bool,
    scale: float,
    dropout_p: float,
) -> Any:
    if is_causal:
        attn_mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool)
    weights = attention_weights(query, key, attn_mask, scale)
    if keep is not None:
        left = 1 / (1 - dropout_p) if dropout_p < 1 else 0.0
        weights = where(keep, weights * left, np.zeros((), weights.dtype))
    return matmul(weights, value)


def _batch(call: Any, batched: tuple[bool, ...], *inputs: Any, **parameters: Any) -> Any:
    """The examples are one more leading axis, which the masks alone do not bring in."""
    if not any(batched[:3]):
        size = batch_size(batched, inputs)
        inputs, batched = (spread(inputs[0], size), *inputs[1:]), (True, *batched[1:])
    ndim = max(np.ndim(x) - b for x, b in zip(inputs, batched, strict=True) if x is not None)
    return call(*(padded(x, ndim) if b else x for x, b in zip(inputs, batched, strict=True)), **parameters)


_SEEN = np.array([[True, False, True, True], [False, False, False, False], [False, True, False, False]])
_PLAIN = {"is_causal": False, "scale": 0.7, "dropout_p": 0.0}

_attention_op: Callable[..., Tensor] = op(
    _attention,
    "query key value attn_mask keep",
    joint=_attention_rule,
    residuals="logs",
    composed=_composed,
    gate={"query": MIXER, "key": MIXER, "value": MIXER, "attn_mask": MIXER, "keep": BLOCK},
    name="scaled_dot_product_attention",
    symbol="attention",
    batch=_batch,
    samples=given(
        (((2, 2, 3, 2), (2, 2, 4, 2), (2, 2, 4, 3)), _PLAIN),
        (((3, 2), (4, 2), (4, 3), _SEEN), _PLAIN),
        (((2, 3, 2), (1, 4, 2), (4, 1), (2, 1, 4)), _PLAIN),
        (((2, 3, 2), (2, 4, 2), (2, 4, 2), (3, 4), _SEEN), _PLAIN | {"dropout_p": 0.4}),
        (((2, 5, 2), (2, 3, 2), (2, 3, 2)), _PLAIN | {"is_causal": True}),
        (((0, 3, 2), (0, 4, 2), (0, 4, 3)), _PLAIN),
        (((3, 2), (0, 2), (0, 3)), _PLAIN),
    ),
)
