"""A small GPT: a stack of blocks of causal attention that predicts the next token."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, concat
from .. import init
from ..activation import GELU
from ..container import ModuleDict, ModuleList
from ..dropout import Dropout
from ..embedding import Embedding
from ..functional import scaled_dot_product_attention
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..norm import LayerNorm
from ..utils.evaluating import evaluating
from .decoding import sample_tokens
from .start import Generator


class _Attention(Module):
    """Attention with several heads, of each token to itself and those in front."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool) -> None:
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"GPT: {n_embd} features (n_embd) do not divide into {n_head} heads (n_head)")
        self.n_head = n_head
        self.dropout = dropout
        self.c_attn = Linear(n_embd, 3 * n_embd, bias)
        self.c_proj = Linear(n_embd, n_embd, bias)
        self.resid_dropout = Dropout(dropout)

    def forward(self, x: Any) -> Tensor:
        n, length, features = x.shape
        parts = (
            self.c_attn(x)
            .reshape((n, length, 3, self.n_head, features // self.n_head))
            .permute((2, 0, 3, 1, 4))
        )
        dropout = self.dropout if self.training else 0.0
        y = scaled_dot_product_attention(parts[0], parts[1], parts[2], dropout_p=dropout, is_causal=True)
        y = y.permute((0, 2, 1, 3)).reshape((n, length, features))
        result: Tensor = self.resid_dropout(self.c_proj(y))
        return result


class _Net(Module):
    """Two linear layers with GELU between, for each token."""

    def __init__(self, n_embd: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.c_fc = Linear(n_embd, 4 * n_embd, bias)
        self.gelu = GELU()
        self.c_proj = Linear(4 * n_embd, n_embd, bias)
        self.dropout = Dropout(dropout)

    def forward(self, x: Any) -> Tensor:
        result: Tensor = self.dropout(self.c_proj(self.gelu(self.c_fc(x))))
        return result


class _Block(Module):
    """Attention and a net, each behind a LayerNorm and with a bypass."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(n_embd, bias=bias)
        self.attn = _Attention(n_embd, n_head, dropout, bias)
        self.ln_2 = LayerNorm(n_embd, bias=bias)
        self.mlp = _Net(n_embd, dropout, bias)

    def forward(self, x: Any) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        result: Tensor = x + self.mlp(self.ln_2(x))
        return result


class GPT(Module):
    """Embeddings of tokens and places, blocks of attention and nets, and logits of each next token.

    Radford et al., "Language models are unsupervised multitask learners", 2019 (GPT-2). The names of the parameters
    are those of GPT-2, with `weight` of linear layers as (out, in); `lm_head.weight` is `transformer.wte.weight`
    itself. With vocab_size=50257, block_size=1024, n_layer=12, n_head=12 and n_embd=768 it has the 124,439,808
    parameters of the smallest GPT-2.

    Args:
        vocab_size: how many tokens there are; they are numbers from 0 on.
        block_size: the length of the longest text that it sees at once.
        n_layer: the number of blocks.
        n_head: the heads of each attention.
        n_embd: the features of a token.
        dropout: the probability of dropping, in all places.
        bias: False for linear layers and LayerNorms without bias.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for counts below 1, and heads that do not divide the features.

    >>> import pullback as pb
    >>> model = pb.nn.models.GPT(vocab_size=65, block_size=32, n_layer=2, n_head=2, n_embd=16)
    >>> model(pb.zeros((4, 10), dtype=pb.int64)).shape
    (4, 10, 65)
    """

    def __init__(
        self,
        vocab_size: int,
        block_size: int = 128,
        n_layer: int = 4,
        n_head: int = 4,
        n_embd: int = 128,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        self.block_size = whole("block_size", block_size)
        self.transformer = ModuleDict(
            {
                "wte": Embedding(whole("vocab_size", vocab_size), whole("n_embd", n_embd)),
                "wpe": Embedding(block_size, n_embd),
                "drop": Dropout(dropout),
                "h": ModuleList(
                    _Block(n_embd, whole("n_head", n_head), dropout, bias)
                    for _ in range(whole("n_layer", n_layer))
                ),
                "ln_f": LayerNorm(n_embd, bias=bias),
            }
        )
        self.lm_head = Linear(n_embd, vocab_size, bias=False)
        table: Any = self.transformer["wte"]
        self.lm_head.weight = table.weight  # tokens that are alike are predicted alike
        for path, module in self.named_modules():
            if isinstance(module, (Linear, Embedding)) and module is not self.lm_head:
                # Each block adds to the sum twice; this keeps the sum's size.
                std = 0.02 / math.sqrt(2 * n_layer) if path.endswith("c_proj") else 0.02
                init.normal_(module.weight, 0.0, std, rng=rng)
            if isinstance(module, Linear) and module.bias is not None:
                init.zeros_(module.bias)

    def forward(self, tokens: Any) -> Tensor:
        """Logits (N, length, vocab_size) of the token behind each of tokens (N, length).

        Raises:
            ValueError: for texts longer than block_size, or of another number of axes.
        """
        tokens = asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] > self.block_size:
            raise ValueError(
                f"GPT: tokens have the shape (N, length) with a length of at most {self.block_size} (block_size), and "
                f"not {tokens.shape}"
            )
        parts: Any = self.transformer
        x = parts.drop(parts.wte(tokens) + parts.wpe(np.arange(tokens.shape[1])))
        for block in parts.h:
            x = block(x)
        return self.lm_head(parts.ln_f(x))  # type: ignore[no-any-return]  # a module's result

    def generate(
        self,
        tokens: Any,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        *,
        rng: Generator = None,
    ) -> Tensor:
        """Continue texts.

        Args:
            tokens: the tokens so far, at least one, of shape (N, length).
            max_new_tokens: how many to add to each text.
            temperature: below 1 for what is likely, above 1 for what is not; 0 always takes the likeliest.
            top_k: draw from the k likeliest only.
            top_p: draw from the likeliest with this probability together; see `sample_tokens`.
            rng: the generator that draws; the default one if not given.

        Returns:
            The texts with what was added, of shape (N, length + max_new_tokens).

        >>> import pullback as pb
        >>> pb.nn.models.GPT(5, 8, 1, 1, 4).generate([[1, 2]], 7).shape
        (1, 9)
        """
        texts = asarray(tokens)
        with evaluating(self):
            for _ in range(whole("max_new_tokens", max_new_tokens, 0)):
                logits = self(texts[:, -self.block_size :])[:, -1]
                new = sample_tokens(logits, temperature, top_k, top_p, rng=rng)[:, None]
                texts = concat([texts, asarray(new.astype(texts.dtype))], axis=1)
        return texts
