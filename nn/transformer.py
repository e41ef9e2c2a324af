"""Transformers: stacks of layers, and both stacks together."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..autograd import Tensor, asarray, get_default_dtype
from . import init
from .container import ModuleList
from .functional.check import whole
from .module import Module
from .norm import LayerNorm
from .transformer_layer import Activation, TransformerDecoderLayer, TransformerEncoderLayer


class TransformerEncoder(Module):
    """A stack of encoder layers, each a copy of the given one.

    Args:
        encoder_layer: the layer that is copied, start values included.
        num_layers: how many.
        norm: a module for the end, or None.
        enable_nested_tensor: taken for PyTorch's sake; there are no nested tensors.
        mask_check: the same.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, dim_feedforward=16), 3)
    >>> encoder(pb.randn(5, 2, 8)).shape
    (5, 2, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.num_layers = whole("num_layers", num_layers)
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(self.num_layers))
        self.norm = norm

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """Run the stack; the arguments are those of the layers."""
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return x if self.norm is None else self.norm(x)  # type: ignore[no-any-return]  # modules


class TransformerDecoder(Module):
    """A stack of decoder layers, each a copy of the given one.

    Args:
        decoder_layer: the layer that is copied, start values included.
        num_layers: how many.
        norm: a module for the end, or None.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, dim_feedforward=16), 3)
    >>> decoder(pb.randn(5, 2, 8), pb.randn(7, 2, 8)).shape
    (5, 2, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.num_layers = whole("num_layers", num_layers)
        self.layers = ModuleList(copy.deepcopy(decoder_layer) for _ in range(self.num_layers))
        self.norm = norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Run the stack; the arguments are those of the layers."""
        x = tgt
        for layer in self.layers:
            x = layer(
                x,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )
        return x if self.norm is None else self.norm(x)  # type: ignore[no-any-return]  # modules


class Transformer(Module):
    """An encoder that reads one sequence, and a decoder that writes another with it in view.

    Vaswani et al., "Attention is all you need", NeurIPS 2017. All matrices start from the Xavier uniform distribution.

    Args:
        d_model: the features.
        nhead: the heads of the attention.
        num_encoder_layers: how many layers the encoder has.
        num_decoder_layers: how many layers the decoder has.
        dim_feedforward: the width of the feed-forward nets.
        dropout: the probability of dropping, in all places.
        activation: "relu", "gelu" or a function, of the nets.
        custom_encoder: a module in place of the encoder.
        custom_decoder: a module in place of the decoder.
        layer_norm_eps: the ε of the norms.
        batch_first: whether sequences are (N, L, d_model) and not (L, N, d_model).
        norm_first: whether the norms come before attention and net.
        bias: False for layers without bias.
        dtype: of the parameters; the default dtype if not given.
        rng: the generator of the start values; the default one if not given.

    >>> import pullback as pb
    >>> model = pb.nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
    >>> model(pb.randn(7, 2, 8), pb.randn(5, 2, 8)).shape
    (5, 2, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        layer: tuple[Any, ...] = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        layer = (*layer, batch_first, norm_first, bias)
        own: dict[str, Any] = {"dtype": dtype, "rng": rng}

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*layer, **own), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*layer, **own), num_decoder_layers, norm()
        )
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter, rng=rng)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Read `src`, and give the decoder's result for `tgt`; the masks are those of the layers.

        Raises:
            ValueError: for numbers of examples that differ, and features that are not d_model.
        """
        src, tgt = asarray(src), asarray(tgt)
        batch = 0 if self.batch_first else 1
        together = src.ndim != 3 or src.shape[batch] == tgt.shape[batch]
        if (
            src.ndim != tgt.ndim
            or not together
            or src.shape[-1] != self.d_model
            or tgt.shape[-1] != self.d_model
        ):
            raise ValueError(
                f"Transformer: src of shape {src.shape} and tgt of shape {tgt.shape} must have as many examples, and "
                f"{self.d_model} features (d_model)"
            )
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        result: Tensor = self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return result

    @staticmethod
    def generate_square_subsequent_mask(sz: int, *, dtype: Any = None) -> Tensor:
        """The mask (sz, sz) that lets a position see itself and those before it: 0, and −∞ above the diagonal.

        >>> from pullback import nn
        >>> nn.Transformer.generate_square_subsequent_mask(2).tolist()
        [[0.0, -inf], [0.0, 0.0]]
        """
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        return asarray(np.triu(np.full((sz, sz), -np.inf, dtype), 1))
