"""Attention with several heads as a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype
from . import init
from .functional.check import check_probability, whole
from .functional.multi_head import multi_head_attention_forward
from .linear import Linear
from .module import Module
from .parameter import Parameter


class MultiheadAttention(Module):
    """Attention with several heads: each sees its own projection of query, key and value.

    head_i = softmax(Q_i·K_iᵀ/√(E/H))·V_i with Q_i = query·W_Qᵀ + b_Q and so on, and the result is a projection of all
    heads side by side. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    `in_proj_weight`, of shape (3·E, E), holds the projections of query, key and value under each other; with other
    kdim or vdim they are `q_proj_weight`, `k_proj_weight` and `v_proj_weight`. They start from the Xavier uniform
    distribution, the biases from zero.

    Args:
        embed_dim: E, the features of the query and of the result.
        num_heads: H, which divides E.
        dropout: the probability with which a weight is dropped in training.
        bias: False for projections without bias.
        add_bias_kv: add a further key and value that are trained.
        add_zero_attn: add a further key and value of zeros.
        kdim: the features of the keys; E if left out.
        vdim: the features of the values; E if left out.
        batch_first: whether inputs and result are (N, length, features) and not (length, N, features).
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1 and heads that do not divide the features.

    >>> import pullback as pb
    >>> layer = pb.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = pb.randn(3, 5, 8)
    >>> result, weights = layer(x, x, x)
    >>> result.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.embed_dim = whole("embed_dim", embed_dim)
        self.num_heads = whole("num_heads", num_heads)
        self.kdim = self.embed_dim if kdim is None else whole("kdim", kdim)
        self.vdim = self.embed_dim if vdim is None else whole("vdim", vdim)
        if self.embed_dim % self.num_heads:
            raise ValueError(
                f"MultiheadAttention: {embed_dim} features (embed_dim) do not divide into {num_heads} heads (num_heads)"
            )
        self.head_dim = self.embed_dim // self.num_heads
        self.dropout = check_probability("MultiheadAttention", "dropout", dropout)
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)

        def parameter(*shape: int) -> Parameter:
            return Parameter(np.empty(shape, dtype))

        width = self.embed_dim
        self.in_proj_weight = self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        if self.kdim == width and self.vdim == width:
            self.in_proj_weight = parameter(3 * width, width)
        else:
            self.q_proj_weight = parameter(width, width)
            self.k_proj_weight = parameter(width, self.kdim)
            self.v_proj_weight = parameter(width, self.vdim)
        self.in_proj_bias = parameter(3 * width) if bias else None
        self.out_proj = Linear(width, width, bias, dtype=dtype, rng=rng)
        self.bias_k = parameter(1, 1, width) if add_bias_kv else None
        self.bias_v = parameter(1, 1, width) if add_bias_kv else None
        self._start(rng)

    def _start(self, rng: np.random.Generator | None) -> None:
        """The start values of all but the output's projection, which has its own."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight, rng=rng)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for further in (self.bias_k, self.bias_v):
            if further is not None:
                init.xavier_normal_(further, rng=rng)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; see `functional.multi_head_attention_forward` for the masks.

        Args:
            query: shape (L, N, E), (N, L, E) with `batch_first`, or (L, E) for one example.
            key: shape (S, N, kdim), with the same variants.
            value: shape (S, N, vdim), with the same variants.
            key_padding_mask: shape (N, S), true (or −∞) for keys that nobody sees.
            need_weights: also return the weights; without it the scores are never held as a whole.
            attn_mask: shape (L, S) or (N·H, L, S), true (or −∞) where a query does not see a key.
            average_attn_weights: return the mean of the heads' weights.
            is_causal: a hint that the mask is causal; the mask is used.

        Returns:
            The result, of the query's shape; and the weights, of shape (N, L, S), (N, H, L, S) or without N, or None.
        """
        turned = self.batch_first and asarray(query).ndim == 3
        if turned:  # what is the same stays the same: one projection serves it
            views = {id(x): asarray(x).swapaxes(0, 1) for x in (query, key, value)}
            query, key, value = views[id(query)], views[id(key)], views[id(value)]
        out, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            self.in_proj_weight is None,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (out.swapaxes(0, 1) if turned else out), weights

    def extra_repr(self) -> str:
        """The settings that are not the usual ones."""
        parts = [f"embed_dim={self.embed_dim}", f"num_heads={self.num_heads}"]
        usual = {"dropout": 0.0, "kdim": self.embed_dim, "vdim": self.embed_dim, "batch_first": False}
        parts += [
            f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        ]
        return ", ".join(parts)
