"""Images to sentences: a convolutional network that looks, a recurrent one that writes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, tanh
from .. import init
from ..container import Sequential
from ..conv import Conv2d
from ..functional.check import whole
from ..linear import Linear
from ..module import Module
from ..parameter import Parameter
from ..pool import AdaptiveAvgPool2d, MaxPool2d
from ..rectifier import ReLU
from ..running_norm import BatchNorm2d
from ..utils.evaluating import evaluating
from .decoder import AttentionDecoder
from .decoding import Hypothesis
from .start import Generator, he


class Captioner(Module):
    """A CNN whose features start an RNN that writes the caption, with spatial attention or without.

    Vinyals et al., "Show and tell", 2014 (arXiv:1411.4555); with attention each word looks at the places of the
    image, as in Xu et al., "Show, attend and tell", 2015 (arXiv:1502.03044), the query being the state behind the last
    word as in Lu et al., "Knowing when to look", 2016 (arXiv:1612.01887). The parts are `cnn`, `pool`, `places` (an
    offset that is trained for each place, so that attention knows where it looks), `bridge` from the features to the
    first state, and `decoder`, an `AttentionDecoder`.

    Args:
        vocab_size: how many tokens there are; they are numbers from 0 on.
        embedding_size: the features of a token.
        hidden_size: those of the state.
        cnn: maps images (N, C, H, W) to features (N, channels, H', W'), such as the `features` of a model that has been
            trained before; three small convolutions, with batch normalisation, for images of
            three channels if not given.
        channels: of its features.
        grid: the features are averaged to grid × grid places.
        num_layers: how many recurrent layers.
        cell: "rnn", "lstm" or "gru".
        attention: "additive", "general" or "dot" (see `SoftAttention`), or None.
        dropout: the probability of dropping in front of the logits, and between recurrent layers.
        start: the token that every caption begins with.
        end: the token that ends a caption.
        rng: the generator of the start values; the default one if not given.

    Raises:
        ValueError: for settings out of range.

    >>> import pullback as pb
    >>> model = pb.nn.models.Captioner(12, embedding_size=8, hidden_size=16, grid=4)
    >>> images, captions = pb.randn(2, 3, 32, 32), pb.tensor([[1, 5, 6], [1, 7, 8]])
    >>> model(images, captions).shape  # logits of the token behind each of the captions
    (2, 3, 12)
    >>> (best, *_), _ = model.generate(images, max_length=6, width=2)
    >>> best.weights.shape[1]  # one for each of 4 × 4 places
    16
    """

    _heads = ("decoder.head",)

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int = 32,
        hidden_size: int = 64,
        cnn: Module | None = None,
        channels: int = 32,
        grid: int = 4,
        num_layers: int = 1,
        cell: str = "gru",
        attention: str | None = "additive",
        dropout: float = 0.0,
        *,
        start: int = 1,
        end: int = 2,
        rng: Generator = None,
    ) -> None:
        super().__init__()
        self.start, self.end = whole("start", start, 0), whole("end", end, 0)
        if max(self.start, self.end) >= whole("vocab_size", vocab_size) or self.start == self.end:
            raise ValueError(f"start and end are two of the {vocab_size} tokens, not {start} and {end}")
        self.channels = whole("channels", channels)
        self.cnn = _small(channels, rng) if cnn is None else cnn
        self.pool = AdaptiveAvgPool2d((whole("grid", grid), grid))
        self.decoder = AttentionDecoder(
            vocab_size, embedding_size, hidden_size, channels, num_layers, cell, attention, dropout, rng=rng
        )
        parts = num_layers * (2 if cell == "lstm" else 1)
        self.bridge = Linear(channels * grid * grid, parts * hidden_size, rng=rng)
        self.places = None
        if attention is not None:
            self.places = Parameter(np.empty((grid * grid, channels), self.bridge.weight.dtype))
            init.normal_(self.places, 0.0, 0.1, rng=rng)

    def forward(self, images: Any, captions: Any) -> Tensor:
        """Logits of the token behind each of the captions, which are known: teacher forcing.

        Args:
            images: shape (N, C, H, W).
            captions: integers of shape (N, T), beginning with `start`.

        Returns:
            Logits of shape (N, T, vocab_size).

        Raises:
            TypeError: for tokens that are no integers.
            ValueError: for tokens that do not exist, and features of another number of channels.
        """
        memory, state = self.encode(images)
        logits: Tensor = self.decoder(captions, state, memory)[0]
        return logits

    def encode(self, images: Any) -> tuple[Tensor, Any]:
        """What the decoder is given: the features of all places (N, grid², channels), and its first state."""
        maps = self.cnn(images)
        if maps.ndim != 4 or maps.shape[1] != self.channels:
            raise ValueError(
                f"Captioner: the cnn gives features of shape (N, {self.channels} (channels), H, W), not {maps.shape}"
            )
        maps = self.pool(maps)
        n = maps.shape[0]
        flat = maps.reshape((n, -1))
        layers, hidden = self.decoder.rnn.num_layers, self.decoder.rnn.hidden_size
        states = tanh(self.bridge(flat)).reshape((n, -1, layers, hidden)).permute((1, 2, 0, 3))
        state = (states[0], states[1]) if len(states) == 2 else states[0]
        memory = maps.reshape((n, self.channels, -1)).permute((0, 2, 1))
        return (memory if self.places is None else memory + self.places), state

    def generate(
        self, images: Any, max_length: int, width: int = 1, length_penalty: float = 1.0
    ) -> list[list[Hypothesis]]:
        """The likeliest captions of each image, in evaluation mode.

        Args:
            images: shape (N, C, H, W).
            max_length: the most tokens of a caption, the end among them.
            width: how many sequences are kept for each image; 1 for greedy search, see `beam_search`.
            length_penalty: the power of the length by which log-probabilities are divided in ranking.

        Returns:
            For each image its captions, the best first. With attention, `weights` of each has a row for each of its
            tokens and a column for each place, row by row of the grid.
        """
        with evaluating(self):
            memory, state = self.encode(images)
            return self.decoder.search(
                state,
                memory,
                start=self.start,
                end=self.end,
                max_length=max_length,
                width=width,
                length_penalty=length_penalty,
            )


def _small(channels: int, rng: Generator) -> Sequential:
    """Three convolutions, the first two with pooling behind them."""
    cnn = Sequential(
        Conv2d(3, 16, 3, padding=1, bias=False),
        BatchNorm2d(16),
        ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1, bias=False),
        BatchNorm2d(32),
        ReLU(),
        MaxPool2d(2),
        Conv2d(32, channels, 3, padding=1, bias=False),
        BatchNorm2d(channels),
        ReLU(),
    )
    he(cnn, rng)
    return cnn
