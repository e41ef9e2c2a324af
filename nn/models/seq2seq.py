"""Sequences to sequences: an encoder that reads, a decoder that writes, with attention or without."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, tanh
from ..embedding import Embedding
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..utils.evaluating import evaluating
from ..utils.rnn import pack_padded_sequence, pad_packed_sequence
from .decoder import CELLS, AttentionDecoder, check_cell
from .decoding import Hypothesis, tokens_of
from .start import Generator


class Seq2Seq(Module):
    """An encoder–decoder: a recurrent layer reads the source in both directions, another writes the target.

    Sutskever, Vinyals and Le, "Sequence to sequence learning with neural networks", 2014 (arXiv:1409.3215), and with
    attention Luong et al., 2015 (arXiv:1508.04025); Bahdanau et al., 2014 (arXiv:1409.0473) for the encoder of two
    directions and the additive score. The parts are `embedding` and `encoder` for the source, `bridge` from the
    encoder's last states to the decoder's first, and `decoder`, an `AttentionDecoder`.

    Args:
        source_size: how many tokens the source has; they are numbers from 0 on.
        target_size: how many the target has.
        embedding_size: the features of a token.
        hidden_size: those of the states, in each direction of the encoder.
        num_layers: how many recurrent layers on either side.
        cell: "rnn", "lstm" or "gru".
        attention: "additive", "general" or "dot" (see `SoftAttention`), or None.
        dropout: the probability of dropping in front of the logits, and between recurrent layers.
        bidirectional: False for an encoder that reads forwards only; "dot" needs it.
        pad: the token that fills up sources; behind a source, and nowhere in it. None if all sources are of one length.
        start: the token that every target begins with.
        end: the token that ends a target.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for settings out of range.

    >>> import pullback as pb
    >>> model = pb.nn.models.Seq2Seq(10, 8, embedding_size=4, hidden_size=6)
    >>> source, target = pb.tensor([[3, 4, 5], [6, 7, 0]]), pb.tensor([[1, 3, 4, 5], [1, 6, 7, 3]])
    >>> model(source, target).shape  # logits of the token behind each of the target
    (2, 4, 8)
    >>> (best, *_), _ = model.generate(source, max_length=5, width=3)
    >>> best.weights.shape[1]  # one for each place of the source
    3
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        embedding_size: int = 32,
        hidden_size: int = 64,
        num_layers: int = 1,
        cell: str = "gru",
        attention: str | None = "additive",
        dropout: float = 0.0,
        bidirectional: bool = True,
        *,
        pad: int | None = 0,
        start: int = 1,
        end: int = 2,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        self.source_size = whole("source_size", source_size)
        self.pad = None if pad is None else whole("pad", pad, 0)
        self.start, self.end = whole("start", start, 0), whole("end", end, 0)
        if max(self.start, self.end) >= whole("target_size", target_size) or self.start == self.end:
            raise ValueError(
                f"start and end are two of the target's {target_size} tokens, not {start} and {end}"
            )
        self.embedding = Embedding(source_size, embedding_size, rng=rng)
        between = dropout if num_layers > 1 else 0.0
        self.encoder = CELLS[check_cell(cell)](
            embedding_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=between,
            bidirectional=bidirectional,
            rng=rng,
        )
        width = hidden_size * (2 if bidirectional else 1)
        self.bridge = Linear(width, hidden_size, rng=rng)
        self.decoder = AttentionDecoder(
            target_size, embedding_size, hidden_size, width, num_layers, cell, attention, dropout, rng=rng
        )

    def forward(self, source: Any, target: Any) -> Tensor:
        """Logits of the token behind each of the target, which is known: teacher forcing.

        Args:
            source: integers of shape (N, S), filled up with `pad`.
            target: integers of shape (N, T), beginning with `start`. What stands behind an end has no effect on the
                logits in front of it; leave it out of the loss (`ignore_index` of `nn.CrossEntropyLoss`).

        Returns:
            Logits of shape (N, T, target_size).

        Raises:
            TypeError: for tokens that are no integers.
            ValueError: for tokens that do not exist, and sources that are empty or have `pad` inside.
        """
        memory, state, mask = self.encode(source)
        logits: Tensor = self.decoder(target, state, memory, mask)[0]
        return logits

    def encode(self, source: Any) -> tuple[Tensor, Any, Any]:
        """What the decoder is given: the encoder's outputs (N, S, features), its first state, and the mask (N, S)."""
        numbers = tokens_of("tokens of the source", source, self.source_size, axes=2)
        mask: np.ndarray[Any, Any] = np.ones(numbers.shape, bool) if self.pad is None else numbers != self.pad
        lengths = mask.sum(axis=1)
        if not lengths.all() or (mask != (np.arange(mask.shape[1]) < lengths[:, None])).any():
            raise ValueError(
                f"each source has a token, and its padding ({self.pad}) stands behind its last one; the rows "
                f"{np.flatnonzero((mask != (np.arange(mask.shape[1]) < lengths[:, None])).any(axis=1) | ~mask[:, 0])} "
                "differ"
            )
        packed = pack_padded_sequence(
            self.embedding(numbers), lengths, batch_first=True, enforce_sorted=False
        )
        outputs, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask.shape[1])
        state = tuple(self._first(part) for part in last) if isinstance(last, tuple) else self._first(last)
        return memory, state, mask

    def _first(self, last: Tensor) -> Tensor:
        """A first state of the decoder, (layers, N, hidden), from the encoder's (layers·directions, N, hidden)."""
        layers = self.encoder.num_layers
        directions, n, features = last.shape[0] // layers, last.shape[1], last.shape[2]
        side_by_side = last.reshape((layers, directions, n, features)).permute((0, 2, 1, 3))
        return tanh(self.bridge(side_by_side.reshape((layers, n, directions * features))))

    def generate(
        self, source: Any, max_length: int, width: int = 1, length_penalty: float = 1.0
    ) -> list[list[Hypothesis]]:
        """The likeliest targets for each source, in evaluation mode.

        Args:
            source: integers of shape (N, S), filled up with `pad`.
            max_length: the most tokens of a target, the end among them.
            width: how many sequences are kept for each source; 1 for greedy search, see `beam_search`.
            length_penalty: the power of the length by which log-probabilities are divided in ranking.

        Returns:
            For each source its targets, the best first. With attention, `weights` of each has a row for each of its
            tokens and a column for each place of the source.
        """
        with evaluating(self):
            memory, state, mask = self.encode(source)
            return self.decoder.search(
                state,
                memory,
                mask,
                start=self.start,
                end=self.end,
                max_length=max_length,
                width=width,
                length_penalty=length_penalty,
            )
