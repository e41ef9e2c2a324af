"""A recurrent network that writes text character by character."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray
from ..embedding import Embedding
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..utils.evaluating import evaluating
from .decoder import CELLS, check_cell
from .decoding import sample_tokens, tokens_of
from .start import Generator


class CharRNN(Module):
    """Characters in, logits of each next character out; as in "The unreasonable effectiveness of recurrent networks".

    http://karpathy.github.io/2015/05/21/rnn-effectiveness/. The parts are `rnn`, `head` and, if asked for,
    `embedding`.

    Args:
        vocab_size: how many characters there are; they are numbers from 0 on.
        hidden_size: the features of the state.
        num_layers: how many recurrent layers.
        cell: "rnn", "lstm" or "gru".
        embedding_size: the features of a character, which are trained; one-hot vectors if not given.
        dropout: the probability of dropping between recurrent layers.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for another cell, or counts below 1.

    >>> import pullback as pb
    >>> model = pb.nn.models.CharRNN(vocab_size=30, hidden_size=16, cell="lstm")
    >>> logits, state = model(pb.zeros((4, 10), dtype=pb.int64))
    >>> logits.shape
    (4, 10, 30)
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        cell: str = "rnn",
        embedding_size: int | None = None,
        dropout: float = 0.0,
        *,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        self.vocab_size = whole("vocab_size", vocab_size)
        self.embedding = None if embedding_size is None else Embedding(vocab_size, embedding_size, rng=rng)
        features = self.vocab_size if embedding_size is None else embedding_size
        self.rnn = CELLS[check_cell(cell)](
            features, hidden_size, num_layers, batch_first=True, dropout=dropout, rng=rng
        )
        self.head = Linear(hidden_size, vocab_size, rng=rng)

    def forward(self, tokens: Any, state: Any = None) -> tuple[Tensor, Any]:
        """Logits and the state behind the last character.

        Args:
            tokens: integers of shape (N, length) or (length,).
            state: what an earlier call gave; zeros if None. Detach it between pieces of a text, and backward stops
                there: truncated backpropagation through time.

        Returns:
            Logits (N, length, vocab_size), or (length, vocab_size), and the state.
        """
        numbers = tokens_of("CharRNN: characters", tokens, self.vocab_size)
        if self.embedding is None:
            x = asarray(np.eye(self.vocab_size, dtype=self.head.weight.dtype)[numbers])
        else:
            x = self.embedding(numbers)
        output, state = self.rnn(x, state)
        return self.head(output), state

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
        """Continue a text.

        Args:
            tokens: the characters so far, at least one, of shape (length,).
            max_new_tokens: how many to add.
            temperature: below 1 for what is likely, above 1 for what is not; 0 always takes the likeliest.
            top_k: draw from the k likeliest only.
            top_p: draw from the likeliest with this probability together; see `sample_tokens`.
            rng: the generator that draws; the default one if not given.

        Returns:
            The new characters, of shape (max_new_tokens,).

        Raises:
            TypeError: for characters that are no integers.
            ValueError: for no characters, those that do not exist, and settings out of range.

        >>> import pullback as pb
        >>> pb.nn.models.CharRNN(5, 4).generate([1, 2], 7).shape
        (7,)
        """
        count = whole("max_new_tokens", max_new_tokens, 0)
        given = asarray(tokens)
        if given.ndim != 1 or not len(given):
            raise ValueError(f"CharRNN: a text to go on with has the shape (length,), not {given.shape}")
        written: list[int] = []
        with evaluating(self):
            logits, state = self(given)
            while len(written) < count:
                written.append(int(sample_tokens(logits[-1], temperature, top_k, top_p, rng=rng)))
                if len(written) < count:
                    logits, state = self(np.array(written[-1:]), state)
        return asarray(np.array(written, np.int64))


def char_rnn(vocab_size: int, hidden_size: int = 128, **options: Any) -> CharRNN:
    """`CharRNN` with a simple recurrent layer."""
    return CharRNN(vocab_size, hidden_size, cell="rnn", **options)


def char_lstm(vocab_size: int, hidden_size: int = 128, **options: Any) -> CharRNN:
    """`CharRNN` with long short-term memory."""
    return CharRNN(vocab_size, hidden_size, cell="lstm", **options)
