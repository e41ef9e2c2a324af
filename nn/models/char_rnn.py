"""A recurrent network that writes text character by character."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, default_generator, no_grad
from ..embedding import Embedding
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..recurrent import GRU, LSTM, RNN
from .start import Generator

_CELLS: dict[str, Any] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


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
        if cell not in _CELLS:
            raise ValueError(f"cell is 'rnn', 'lstm' or 'gru', not {cell!r}")
        self.vocab_size = whole("vocab_size", vocab_size)
        self.embedding = None if embedding_size is None else Embedding(vocab_size, embedding_size, rng=rng)
        features = self.vocab_size if embedding_size is None else embedding_size
        self.rnn = _CELLS[cell](features, hidden_size, num_layers, batch_first=True, dropout=dropout, rng=rng)
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
        numbers = asarray(tokens).detach().numpy()
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"CharRNN: characters are integers, not {numbers.dtype}")
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < self.vocab_size:
            raise ValueError(f"CharRNN: characters lie from 0 to {self.vocab_size - 1}")
        if self.embedding is None:
            x = asarray(np.eye(self.vocab_size, dtype=self.head.weight.dtype)[numbers])
        else:
            x = self.embedding(numbers)
        output, state = self.rnn(x, state)
        return self.head(output), state

    def generate(
        self, tokens: Any, max_new_tokens: int, temperature: float = 1.0, *, rng: Generator = None
    ) -> Tensor:
        """Continue a text.

        Args:
            tokens: the characters so far, at least one, of shape (length,).
            max_new_tokens: how many to add.
            temperature: below 1 for what is likely, above 1 for what is not; 0 always takes the likeliest.
            rng: the generator that draws; the default one if not given.

        Returns:
            The new characters, of shape (max_new_tokens,).

        >>> import pullback as pb
        >>> pb.nn.models.CharRNN(5, 4).generate([1, 2], 7).shape
        (7,)
        """
        training = self.training
        self.eval()
        written: list[int] = []
        try:
            with no_grad():
                logits, state = self(asarray(tokens))
                for i in range(whole("max_new_tokens", max_new_tokens, 0)):
                    written.append(drawn(logits.numpy()[-1], temperature, rng))
                    if i + 1 < max_new_tokens:
                        logits, state = self(np.array(written[-1:]), state)
        finally:
            self.train(training)
        return asarray(np.array(written, np.int64))


def drawn(logits: np.ndarray[Any, Any], temperature: float, rng: Generator, top_k: int | None = None) -> int:
    """One class from the softmax of logits/temperature; from the top_k likeliest only, if given."""
    if not temperature >= 0:
        raise ValueError(f"a temperature is a number from 0 on, not {temperature!r}")
    if temperature == 0:
        return int(np.argmax(logits))
    scaled = logits.astype(np.float64) / temperature
    if top_k is not None and whole("top_k", top_k) < scaled.size:
        scaled = np.where(scaled < np.partition(scaled, -top_k)[-top_k], -np.inf, scaled)
    p = np.exp(scaled - scaled.max())
    generator = default_generator() if rng is None else rng
    return int(generator.choice(p.size, p=p / p.sum()))


def char_rnn(vocab_size: int, hidden_size: int = 128, **options: Any) -> CharRNN:
    """`CharRNN` with a simple recurrent layer."""
    return CharRNN(vocab_size, hidden_size, cell="rnn", **options)


def char_lstm(vocab_size: int, hidden_size: int = 128, **options: Any) -> CharRNN:
    """`CharRNN` with long short-term memory."""
    return CharRNN(vocab_size, hidden_size, cell="lstm", **options)
