"""Attention with several heads, between projections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import (
    Tensor,
    add,
    asarray,
    broadcast_to,
    concat,
    matmul,
    mean,
    pad,
    permute_dims,
    where,
)
from .attention import attention_weights, scaled_dot_product_attention
from .check import check_one_dtype, check_probability, check_shape, whole
from .dropout import dropout
from .linear import linear


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention with several heads: each sees its own projection of query, key and value; see `nn.MultiheadAttention`.

    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Args:
        query: shape (L, N, E), or (L, E) for one example.
        key: shape (S, N, K).
        value: shape (S, N, V).
        embed_dim_to_check: E.
        num_heads: H, which divides E.
        in_proj_weight: shape (3·E, E), the projections of query, key and value, if K = V = E.
        in_proj_bias: shape (3·E,), or None.
        bias_k: shape (1, 1, E): a further key, or None.
        bias_v: the same for the values.
        add_zero_attn: add a key and a value of zeros.
        dropout_p: the probability with which a weight is dropped in training.
        out_proj_weight: shape (E, E).
        out_proj_bias: shape (E,), or None.
        training: whether dropout is on.
        key_padding_mask: shape (N, S). Boolean: true for keys that nobody sees; floating: added to the scores.
        need_weights: also return the weights; without it the scores are never held as a whole.
        attn_mask: shape (L, S) or (N·H, L, S). Boolean: true where a query does *not* see a key, which is the other
            way round than in `scaled_dot_product_attention`; floating: added to the scores.
        use_separate_proj_weight: use the next three in place of `in_proj_weight`.
        q_proj_weight: shape (E, E).
        k_proj_weight: shape (E, K).
        v_proj_weight: shape (E, V).
        static_k: shape (N·H, S, E/H): keys of the heads in place of the projected ones.
        static_v: the same for the values.
        average_attn_weights: return the mean of the heads' weights.
        is_causal: a hint that the mask is causal; the mask is used.

    Returns:
        The result, of the query's shape; and the weights after dropout, of shape (N, L, S) or (N, H, L, S), or None.

    Raises:
        ValueError: for shapes that do not fit, and `is_causal` without a mask.
        TypeError: for dtypes that differ.
    """
    query, key, value = asarray(query), asarray(key), asarray(value)
    heads = whole("num_heads", num_heads)
    _check(query, key, value, embed_dim_to_check, heads)
    if is_causal and attn_mask is None:
        raise ValueError(
            "multi_head_attention_forward: is_causal is a hint about attn_mask, so the mask must be given "
            "(nn.Transformer.generate_square_subsequent_mask makes it)"
        )
    alone = query.ndim == 2
    if alone:
        query, key, value = (x.reshape((x.shape[0], 1, x.shape[1])) for x in (query, key, value))
        if key_padding_mask is not None:
            key_padding_mask = asarray(key_padding_mask).reshape((1, -1))
    weights_of = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights_of, in_proj_bias)
    examples, length = query.shape[1], query.shape[0]
    mask = _merged(attn_mask, key_padding_mask, examples, heads, length, key.shape[0], q.dtype)
    if bias_k is not None and bias_v is not None:
        k, v = (
            concat([x, broadcast_to(asarray(bias), (1, *x.shape[1:]))])
            for x, bias in ((k, bias_k), (v, bias_v))
        )
    q, k, v = (_by_heads(x, heads) for x in (q, k, v))
    k = k if static_k is None else _static("static_k", static_k, q)
    v = v if static_v is None else _static("static_v", static_v, q)
    if add_zero_attn:
        k, v = (pad(x, ((0, 0), (0, 0), (0, 1), (0, 0))) for x in (k, v))
    if mask is not None and k.shape[-2] > mask.shape[-1]:  # everybody sees what was added
        mask = pad(mask, (*((0, 0),) * (mask.ndim - 1), (0, k.shape[-2] - mask.shape[-1])))
    p = check_probability("multi_head_attention_forward", "dropout_p", dropout_p) if training else 0.0
    weights = None
    if need_weights:
        weights = attention_weights(q, k, mask, 1 / math.sqrt(q.shape[-1]))
        weights = dropout(weights, p)
        out = matmul(weights, v)
        weights = mean(weights, axis=1) if average_attn_weights else weights
    else:
        out = scaled_dot_product_attention(q, k, v, mask, p)
    joined = permute_dims(out, (2, 0, 1, 3)).reshape((length, examples, embed_dim_to_check))
    result = linear(joined, out_proj_weight, out_proj_bias)
    if alone:
        return result.reshape((length, embed_dim_to_check)), None if weights is None else weights[0]
    return result, weights


def _check(query: Tensor, key: Tensor, value: Tensor, width: int, heads: int) -> None:
    where = "multi_head_attention_forward"
    shapes = f"query {query.shape}, key {key.shape} and value {value.shape}"
    if query.ndim not in (2, 3) or key.ndim != query.ndim or value.ndim != query.ndim:
        raise ValueError(f"{where}: {shapes} must all have three axes, (length, N, features), or all two")
    if query.shape[-1] != width:
        raise ValueError(
            f"{where}: the query has shape {query.shape} and must have {width} features (embed_dim)"
        )
    if width % heads:
        raise ValueError(
            f"{where}: {width} features (embed_dim) do not divide into {heads} heads (num_heads)"
        )
    if key.shape[:-1] != value.shape[:-1] or key.shape[1:-1] != query.shape[1:-1]:
        raise ValueError(
            f"{where}: {shapes} do not fit; key and value have the same length, and all the same number of examples"
        )
    check_one_dtype(where, query=query, key=key, value=value)


def _projected(query: Tensor, key: Tensor, value: Tensor, weights: Any, bias: Any) -> list[Tensor]:
    """Query, key and value for all heads; in one product where they are the same."""
    width = query.shape[-1]
    if isinstance(weights, tuple):
        biases = (None,) * 3 if bias is None else [bias[i * width : (i + 1) * width] for i in range(3)]
        return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]
    check_shape("multi_head_attention_forward", "in_proj_weight", weights, (3 * width, width))

    def part(x: Tensor, start: int, end: int) -> list[Tensor]:
        rows = slice(start * width, end * width)
        all_rows = end - start == 3
        joined = linear(
            x, weights if all_rows else weights[rows], bias if bias is None or all_rows else bias[rows]
        )
        return [joined[..., i * width : (i + 1) * width] for i in range(end - start)]

    if query is key and key is value:
        return part(query, 0, 3)
    if key is value:
        return [*part(query, 0, 1), *part(key, 1, 3)]
    return [*part(query, 0, 1), *part(key, 1, 2), *part(value, 2, 3)]


def _by_heads(x: Tensor, heads: int) -> Tensor:
    """(length, N, features) as (N, H, length, features of a head)."""
    length, examples, width = x.shape
    result: Tensor = permute_dims(x.reshape((length, examples, heads, width // heads)), (1, 2, 0, 3))
    return result


def _static(name: str, given: Any, q: Tensor) -> Tensor:
    """Given keys or values (N·H, S, features of a head) as (N, H, S, features of a head)."""
    given = asarray(given)
    examples, heads, _, width = q.shape
    if given.ndim != 3 or given.shape[0] != examples * heads or given.shape[2] != width:
        raise ValueError(
            f"multi_head_attention_forward: {name} has shape {given.shape} and must have "
            f"({examples * heads}, S, {width})"
        )
    result: Tensor = given.reshape((examples, heads, *given.shape[1:]))
    return result


def _merged(
    attn_mask: Any, padding: Any, examples: int, heads: int, length: int, keys: int, dtype: Any
) -> Tensor | None:
    """What is added to the scores (N, H, L, S): −∞ where a key is not seen; None for nothing."""
    found: Tensor | None = None
    if attn_mask is not None:
        found = _added("attn_mask", attn_mask, dtype)
        if found.shape == (examples * heads, length, keys) and found.ndim == 3:
            found = found.reshape((examples, heads, length, keys))
        elif found.shape != (length, keys):
            raise ValueError(
                f"multi_head_attention_forward: attn_mask has shape {found.shape} and must have ({length}, {keys}) "
                f"or ({examples * heads}, {length}, {keys})"
            )
    if padding is not None:
        added = _added("key_padding_mask", padding, dtype)
        check_shape("multi_head_attention_forward", "key_padding_mask", added, (examples, keys), "(N, S)")
        added = added.reshape((examples, 1, 1, keys))
        found = added if found is None else add(found, added)
    return found


def _added(name: str, mask: Any, dtype: Any) -> Tensor:
    given = asarray(mask)
    if given.dtype.kind == "b":
        hidden: Tensor = where(given, np.asarray(-np.inf, dtype), np.zeros((), dtype))
        return hidden
    if given.dtype != dtype:
        raise TypeError(f"multi_head_attention_forward: {name} is {given.dtype} and must be bool or {dtype}")
    return given
