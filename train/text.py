"""Text as a data set for language models: characters as numbers, pieces side by side, a state that is carried over."""

from __future__ import annotations

import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor, asarray

UNKNOWN = "\ufffd"
Array = np.ndarray[Any, Any]


class Alphabet:
    """Characters as numbers from 0 on; those that it does not have are `"\\ufffd"`, if it has that one.

    >>> from pullback.train.text import Alphabet
    >>> alphabet = Alphabet.of("hello")
    >>> alphabet.letters, alphabet.encode("hole").tolist(), alphabet.decode([0, 2])
    ('ehlo', [1, 3, 2, 0], 'el')
    """

    def __init__(self, letters: str) -> None:
        if not letters or len(set(letters)) != len(letters):
            raise ValueError("an alphabet has a letter at least, and each of them once")
        self.letters = letters
        codes = _codes(letters)
        self._order = np.argsort(codes)
        self._sorted = codes[self._order]

    @classmethod
    def of(cls, text: str, most: int = 256) -> Alphabet:
        """The characters of a text, the `most` frequent ones if there are more, in the order of their code points."""
        counts = Counter(text)
        kept = set(counts)
        if len(counts) > most:
            ranked = sorted(counts, key=lambda letter: (-counts[letter], letter))
            kept = {*ranked[: most - 1], UNKNOWN}
        return cls("".join(sorted(kept)))

    def __len__(self) -> int:
        return len(self.letters)

    def encode(self, text: str) -> Array:
        """The numbers of characters.

        Raises:
            ValueError: for characters that it does not have, where it has no `"\\ufffd"` for them.
        """
        codes = _codes(text)
        places = np.minimum(np.searchsorted(self._sorted, codes), len(self) - 1)
        numbers = self._order[places]
        strange = self._sorted[places] != codes
        if strange.any():
            if UNKNOWN not in self.letters:
                shown = ", ".join(repr(chr(code)) for code in np.unique(codes[strange])[:10])
                raise ValueError(f"the model was trained on a text without {shown}")
            numbers[strange] = self.letters.index(UNKNOWN)
        return numbers.astype(np.int64)

    def decode(self, numbers: Any) -> str:
        """The characters of numbers."""
        return "".join(self.letters[int(number)] for number in numbers)


def _codes(text: str) -> Array:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class Pieces:
    """A text as batches for truncated backpropagation through time.

    The text is cut into `batch_size` streams of equal length, side by side; each batch has the next `length` characters
    of every stream, so that a model goes on in each row where the last batch has left it. What does not fill a batch is
    left out.

    Args:
        tokens: the text as numbers, two at least.
        batch_size: the streams; fewer for a text that is too short.
        length: the characters of a piece; fewer for a text that is too short.

    Iterating gives pairs ((tokens, first), next tokens); `first` is true where no batch came before.

    >>> from pullback.train.text import Pieces
    >>> for (tokens, first), following in Pieces(range(9), batch_size=2, length=2):
    ...     print(tokens.tolist(), first, following.tolist())
    [[0, 1], [4, 5]] True [[1, 2], [5, 6]]
    [[2, 3], [6, 7]] False [[3, 4], [7, 8]]
    """

    def __init__(self, tokens: Sequence[int] | Array, batch_size: int, length: int) -> None:
        numbers = np.asarray(tokens, np.int64)
        if numbers.ndim != 1 or len(numbers) < 2:
            raise ValueError("a text to learn from has two characters at least")
        if batch_size < 1 or length < 1:
            raise ValueError(f"batch_size and length are at least 1, not {batch_size} and {length}")
        steps = len(numbers) - 1
        self.length = min(length, steps)
        self.batch_size = min(batch_size, steps // self.length)
        self.pieces = steps // self.batch_size // self.length
        stream = self.pieces * self.length
        starts = np.arange(self.batch_size)[:, None] * (steps // self.batch_size)
        self._streams = numbers[starts + np.arange(stream + 1)]

    def __len__(self) -> int:
        return self.pieces

    def __iter__(self) -> Iterator[tuple[tuple[Tensor, bool], Tensor]]:
        for place in range(0, self.pieces * self.length, self.length):
            piece = self._streams[:, place : place + self.length + 1]
            yield (asarray(piece[:, :-1].copy()), place == 0), asarray(piece[:, 1:].copy())


class Carried(nn.Module):
    """A character model whose state is carried over from batch to batch, and backward stops between them.

    Training and evaluation have a state each, so that a validation does not disturb the training; that of the training
    is a part of `state_dict()`, so that a training that is resumed goes on in the middle of the text.

    Args:
        model: gives (logits, state) of (tokens, state), such as `nn.models.CharRNN`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._states: dict[bool, Any] = {True: None, False: None}

    def forward(self, tokens: Tensor, first: bool) -> Tensor:
        """Logits (N, length, vocab_size); the state begins anew where `first` is true."""
        logits, state = self.model(tokens, None if first else self._states[self.training])
        self._states[self.training] = _detached(state)
        return logits  # type: ignore[no-any-return]  # a module's result

    def get_extra_state(self) -> dict[str, Any]:
        """The state of the training, for `state_dict()`."""
        state = self._states[True]
        parts = () if state is None else state if isinstance(state, tuple) else (state,)
        return {str(i): part.numpy().copy() for i, part in enumerate(parts)}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `get_extra_state` gave."""
        parts = tuple(asarray(np.array(state[name])) for name in sorted(state))
        self._states[True] = None if not parts else parts if len(parts) > 1 else parts[0]


def _detached(state: Any) -> Any:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def read_text(path: Path | None) -> tuple[str, str]:
    """The text of a file, or of the modules of Python's standard library, and what to call it.

    Raises:
        OSError: for a file that cannot be read.
        ValueError: for one that is no text in UTF-8.
    """
    if path is not None:
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no text in UTF-8 ({error.reason} at byte {error.start})") from error
    folder = Path(sysconfig.get_paths()["stdlib"])
    parts = [file.read_text(encoding="utf-8", errors="replace") for file in sorted(folder.glob("*.py"))]
    if not parts:
        raise ValueError(
            f"there are no sources of the standard library in {folder}; name a text file to learn from"
        )
    return "\n".join(parts), f"{len(parts)} modules of Python's standard library"
