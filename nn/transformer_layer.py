"""Layers of transformers: attention and a feed-forward net, with bypasses and norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, relu
from .attention import MultiheadAttention
from .dropout import Dropout
from .functional import gelu
from .linear import Linear
from .module import Module
from .norm import LayerNorm

Activation = str | Callable[[Any], Any]

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


class _Layer(Module):
    """The feed-forward half that both kinds of layer have."""

    linear1: Linear
    linear2: Linear
    dropout: Dropout

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))  # type: ignore[no-any-return]  # modules

    def _settle(self, activation: Activation, norm_first: bool) -> None:
        if isinstance(activation, str) and activation not in _ACTIVATIONS:
            raise ValueError(f"activation must be 'relu', 'gelu' or a function, not {activation!r}")
        self.activation = _ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a feed-forward net, each with dropout, a bypass and a LayerNorm.

    x ← norm(x + attention(x)), x ← norm(x + net(x)); with `norm_first`
    x ← x + attention(norm(x)), x ← x + net(norm(x)).
    Vaswani et al., "Attention is all you need", NeurIPS 2017; norm first: Xiong et al., ICML 2020.

    Args:
        d_model: the features.
        nhead: the heads of the attention.
        dim_feedforward: the width of the net.
        dropout: the probability of dropping, in all places.
        activation: "relu", "gelu" or a function, of the net.
        layer_norm_eps: the ε of the norms.
        batch_first: whether sequences are (N, L, d_model) and not (L, N, d_model).
        norm_first: whether the norms come before attention and net.
        bias: False for layers without bias.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    >>> import pullback as pb
    >>> layer = pb.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(pb.randn(3, 5, 8)).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        own: dict[str, Any] = {"dtype": dtype, "rng": rng}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **own)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **own)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **own)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self._settle(activation, norm_first)

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """Run the layer.

        Args:
            src: the sequences.
            src_mask: shape (L, L) or (N·H, L, L), true (or −∞) where a position does not see another.
            src_key_padding_mask: shape (N, L), true (or −∞) for positions that nobody sees.
            is_causal: a hint that the mask is causal.
        """

        def attention(x: Any) -> Any:
            found, _ = self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )
            return self.dropout1(found)

        x: Tensor = asarray(src)
        if self.norm_first:
            x = x + attention(self.norm1(x))
            x = x + self.dropout2(self._feed_forward(self.norm2(x)))
        else:
            x = self.norm1(x + attention(x))
            x = self.norm2(x + self.dropout2(self._feed_forward(x)))
        return x


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to a memory, then a feed-forward net, each with dropout, bypass and norm.

    The arguments are those of `TransformerEncoderLayer`.

    >>> import pullback as pb
    >>> layer = pb.nn.TransformerDecoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(pb.randn(3, 5, 8), pb.randn(3, 7, 8)).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        own: dict[str, Any] = {"dtype": dtype, "rng": rng}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **own)
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, **own
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, **own)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **own)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self._settle(activation, norm_first)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Run the layer.

        Args:
            tgt: the sequences.
            memory: what the encoder made.
            tgt_mask: shape (L, L) or (N·H, L, L), true (or −∞) where a position does not see another.
            memory_mask: shape (L, S) or (N·H, L, S), the same for positions of the memory.
            tgt_key_padding_mask: shape (N, L), true (or −∞) for positions that nobody sees.
            memory_key_padding_mask: shape (N, S), the same for the memory.
            tgt_is_causal: a hint that `tgt_mask` is causal.
            memory_is_causal: a hint that `memory_mask` is causal.
        """

        def to_itself(x: Any) -> Any:
            found, _ = self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )
            return self.dropout1(found)

        def to_memory(x: Any) -> Any:
            found, _ = self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )
            return self.dropout2(found)

        x: Tensor = asarray(tgt)
        if self.norm_first:
            x = x + to_itself(self.norm1(x))
            x = x + to_memory(self.norm2(x))
            x = x + self.dropout3(self._feed_forward(self.norm3(x)))
        else:
            x = self.norm1(x + to_itself(x))
            x = self.norm2(x + to_memory(x))
            x = self.norm3(x + self.dropout3(self._feed_forward(x)))
        return x
