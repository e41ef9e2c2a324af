"""What writes a sequence, looking at a memory: soft attention, and a recurrent decoder with or without it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, concat, matmul, softmax, tanh, where
from .. import init
from ..dropout import Dropout
from ..embedding import Embedding
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..parameter import Parameter
from ..recurrent import GRU, LSTM, RNN
from ..utils.evaluating import evaluating
from .decoding import Hypothesis, beam_search, tokens_of
from .start import Generator

CELLS: dict[str, Any] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
SCORES = ("additive", "dot", "general")


def check_cell(cell: str) -> str:
    """The name of a recurrent layer, or ValueError."""
    if cell not in CELLS:
        raise ValueError(f"cell is 'rnn', 'lstm' or 'gru', not {cell!r}")
    return cell


class SoftAttention(Module):
    """Each query's mean of the keys, weighted by a softmax of their scores.

    The score is vᵀ·tanh(W_q·q + W_k·k) for "additive" (Bahdanau, Cho and Bengio, "Neural machine translation by jointly
    learning to align and translate", 2014, arXiv:1409.0473), qᵀ·W·k for "general" and qᵀ·k for "dot" (Luong, Pham and
    Manning, "Effective approaches to attention-based neural machine translation", 2015, arXiv:1508.04025).

    Args:
        query_size: the features of a query.
        key_size: those of a key.
        score: "additive", "general" or "dot"; the last needs keys of the query's size.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for another score, counts below 1, and "dot" with two sizes.

    >>> import pullback as pb
    >>> attention = pb.nn.models.SoftAttention(4, 6)
    >>> context, weights = attention(pb.randn(2, 3, 4), pb.randn(2, 5, 6))
    >>> context.shape, weights.shape
    ((2, 3, 6), (2, 3, 5))
    """

    def __init__(
        self, query_size: int, key_size: int, score: str = "additive", *, rng: Generator = None
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise ValueError(f"an attention's score is 'additive', 'general' or 'dot', not {score!r}")
        whole("query_size", query_size), whole("key_size", key_size)
        if score == "dot" and query_size != key_size:
            raise ValueError(
                f"'dot' compares queries and keys of one size, not of {query_size} and {key_size}; use 'general'"
            )
        self.score = score
        self.query = self.key = self.direction = None
        if score != "dot":
            size = key_size if score == "general" else query_size
            self.query = Linear(query_size, size, bias=score == "additive", rng=rng)
        if score == "additive":
            self.key = Linear(key_size, query_size, bias=False, rng=rng)
            bound = query_size**-0.5
            self.direction = Parameter(np.empty(query_size, self.key.weight.dtype))
            init.uniform_(self.direction, -bound, bound, rng=rng)

    def forward(self, query: Any, keys: Any, mask: Any = None) -> tuple[Tensor, Tensor]:
        """The contexts and the weights.

        Args:
            query: shape (N, T, query_size).
            keys: shape (N, S, key_size); what is averaged, too.
            mask: shape (N, S), true where there is a key; all are keys if None.

        Returns:
            Contexts of shape (N, T, key_size), and weights (N, T, S) that sum to 1.

        Raises:
            ValueError: for an example without a key.
        """
        if self.query is not None:
            query = self.query(query)
        if self.key is not None:
            hidden = tanh(query[:, :, None, :] + self.key(keys)[:, None, :, :])
            scores = matmul(hidden, self.direction)
        else:
            scores = matmul(query, keys.permute((0, 2, 1)))
        if mask is not None:
            there = asarray(mask).detach().numpy().astype(bool)
            if not there.any(axis=1).all():
                raise ValueError("SoftAttention: every example has a key at least, and one has none")
            scores = where(there[:, None, :], scores, -np.inf)
        weights = softmax(scores, axis=-1)
        return matmul(weights, keys), weights


class AttentionDecoder(Module):
    """A recurrent layer that reads the tokens so far, looks at a memory, and gives logits of each next token.

    With attention the output h of the recurrent layer is the query, and the logits come from
    tanh(W·[context, h]), so that all steps of a known sequence are computed at once (Luong et al., 2015, without
    input feeding). Without attention the state alone carries what there is to tell.

    Args:
        vocab_size: how many tokens there are; they are numbers from 0 on.
        embedding_size: the features of a token.
        hidden_size: those of the state.
        memory_size: those of what attention looks at.
        num_layers: how many recurrent layers.
        cell: "rnn", "lstm" or "gru".
        attention: "additive", "general" or "dot" (see `SoftAttention`), or None.
        dropout: the probability of dropping in front of the logits, and between recurrent layers.
        rng: the generator of the start values; the default one if not given.

    >>> import pullback as pb
    >>> decoder = pb.nn.models.AttentionDecoder(9, 4, 5, memory_size=6)
    >>> logits, state, weights = decoder(pb.zeros((2, 3), dtype=pb.int64), None, pb.randn(2, 7, 6))
    >>> logits.shape, state.shape, weights.shape
    ((2, 3, 9), (1, 2, 5), (2, 3, 7))
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_size: int,
        memory_size: int,
        num_layers: int = 1,
        cell: str = "gru",
        attention: str | None = "additive",
        dropout: float = 0.0,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        whole("vocab_size", vocab_size)
        self.embedding = Embedding(vocab_size, embedding_size, rng=rng)
        between = dropout if num_layers > 1 else 0.0
        self.rnn = CELLS[check_cell(cell)](
            embedding_size, hidden_size, num_layers, batch_first=True, dropout=between, rng=rng
        )
        self.attention = self.combine = None
        if attention is not None:
            self.attention = SoftAttention(hidden_size, memory_size, attention, rng=rng)
            self.combine = Linear(hidden_size + memory_size, hidden_size, rng=rng)
        self.dropout = Dropout(dropout)
        self.head = Linear(hidden_size, vocab_size, rng=rng)

    def forward(
        self, tokens: Any, state: Any = None, memory: Any = None, mask: Any = None
    ) -> tuple[Tensor, Any, Tensor | None]:
        """Logits of what follows each token, the state behind the last, and where attention looked.

        Args:
            tokens: integers of shape (N, T).
            state: of the recurrent layer; zeros if None.
            memory: shape (N, S, memory_size), for attention.
            mask: shape (N, S), true where there is something in the memory.

        Returns:
            Logits (N, T, vocab_size), the state, and weights (N, T, S) or None.

        Raises:
            TypeError: for tokens that are no integers.
            ValueError: for tokens that do not exist, a memory of another number of examples, and attention without
                a memory.
        """
        numbers = tokens_of("tokens", tokens, self.embedding.num_embeddings, axes=2)
        if memory is not None and len(memory) != len(numbers):
            raise ValueError(
                f"there are tokens of {len(numbers)} sequences, and what they are about is of {len(memory)}"
            )
        output, state = self.rnn(self.embedding(numbers), state)
        weights = None
        if self.attention is not None and self.combine is not None:
            if memory is None:
                raise ValueError("a decoder with attention needs a memory of shape (N, S, memory_size)")
            context, weights = self.attention(output, asarray(memory), mask)
            output = tanh(self.combine(concat([context, output], axis=-1)))
        logits: Tensor = self.head(self.dropout(output))
        return logits, state, weights

    def search(
        self,
        state: Any,
        memory: Any,
        mask: Any = None,
        *,
        start: int,
        end: int,
        max_length: int,
        width: int = 1,
        length_penalty: float = 1.0,
    ) -> list[list[Hypothesis]]:
        """The likeliest sequences for each example, in evaluation mode; see `beam_search`.

        Args:
            state: the first state of the recurrent layer.
            memory: what attention looks at, shape (N, S, memory_size).
            mask: shape (N, S), true where there is something in the memory.
            start: the token that every sequence begins with.
            end: the token that ends a sequence.
            max_length: the most tokens to add.
            width: how many sequences are kept for each example; 1 for greedy search.
            length_penalty: the power of the length by which log-probabilities are divided.
        """

        def step(tokens: Any, kept: Any) -> tuple[Any, Any, Any]:
            hidden = [asarray(part).swapaxes(0, 1) for part in kept["state"]]
            given = tuple(hidden) if pair else hidden[0]
            logits, after, weights = self(tokens[:, None], given, kept["memory"], kept["mask"])
            parts = after if pair else (after,)
            new = {**kept, "state": [part.swapaxes(0, 1) for part in parts]}
            return logits[:, 0], new, None if weights is None else weights[:, 0]

        pair = isinstance(state, tuple)  # of an LSTM
        parts = state if pair else (state,)
        memory = asarray(memory)
        kept = {"state": [part.swapaxes(0, 1) for part in parts], "memory": memory, "mask": mask}
        first = np.full(len(memory), start, np.int64)
        with evaluating(self):
            return beam_search(
                step, kept, first, end=end, max_length=max_length, width=width, length_penalty=length_penalty
            )
