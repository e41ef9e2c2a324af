"""Vocabularies: numbers for characters or words, and back."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.extend import write_atomically


class Vocabulary:
    """A numbering of tokens (characters, words, or any other strings).

    Args:
        tokens: the tokens in the order of their ids, each once.
        unknown: the token, one of these, that stands for all that are not among them. Without it they are an error.

    Raises:
        TypeError: for a token that is no string.
        ValueError: for a token that comes twice, and for an unknown token that is not among them.

    >>> from pullback.data import Vocabulary
    >>> vocabulary = Vocabulary.build("abracadabra", min_count=2, unknown="?")
    >>> vocabulary.tokens
    ('?', 'a', 'b', 'r')
    >>> vocabulary.encode("bad")
    array([2, 1, 0])
    >>> "".join(vocabulary.decode([2, 1, 0]))
    'ba?'
    """

    def __init__(self, tokens: Iterable[str], unknown: str | None = None) -> None:
        self.tokens = tuple(tokens)
        """The tokens in the order of their ids."""
        self.unknown = unknown
        """The token that stands for all others, or None."""
        other = next((token for token in self.tokens if not isinstance(token, str)), None)
        if other is not None:
            raise TypeError(f"tokens are strings, and {other!r} is a {type(other).__name__}")
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"the token {twice!r} comes twice, and could have two ids")
        if unknown is not None and unknown not in self._ids:
            raise ValueError(f"the unknown token {unknown!r} is not among the tokens")

    @classmethod
    def build(
        cls,
        tokens: Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (),
        unknown: str | None = None,
    ) -> Vocabulary:
        """The vocabulary of a text: special tokens, then the others, the most frequent first.

        Tokens that are equally frequent are in the order of their characters.

        Args:
            tokens: the text, as a string of characters or an iterable of words.
            min_count: leave out what is rarer.
            max_size: how many tokens there may be, the special ones included.
            specials: tokens that come first in any case, for example for padding.
            unknown: the token for all that are left out; it is a special one.

        Raises:
            ValueError: for more special tokens than there may be.
        """
        first = [*specials, *([unknown] if unknown is not None and unknown not in specials else [])]
        if max_size is not None and max_size < len(first):
            raise ValueError(f"max_size={max_size} has no room for the {len(first)} special tokens")
        counts = Counter(tokens)
        frequent = [token for token, count in counts.items() if count >= min_count and token not in first]
        frequent.sort(key=lambda token: (-counts[token], token))
        return cls([*first, *frequent][:max_size], unknown)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        """The id of a token."""
        return int(self.encode([token])[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return (self.tokens, self.unknown) == (other.tokens, other.unknown)

    def __hash__(self) -> int:
        return hash((self.tokens, self.unknown))

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.tokens[:6])) + (", …" if len(self) > 6 else "")
        return f"Vocabulary({len(self)} tokens: {shown})"

    def encode(self, tokens: Iterable[str]) -> np.ndarray[Any, Any]:
        """The ids of tokens, int64; of a string, those of its characters.

        Raises:
            TypeError: for tokens that are no strings.
            ValueError: for a token that is not here, if there is none for the unknown.
        """
        sequence = list(tokens)
        other = next((token for token in sequence if not isinstance(token, str)), None)
        if other is not None:
            raise TypeError(
                f"tokens are strings, and {other!r} is a {type(other).__name__}; bytes are decoded first"
            )
        default = -1 if self.unknown is None else self._ids[self.unknown]
        ids = np.fromiter((self._ids.get(token, default) for token in sequence), np.int64, len(sequence))
        if self.unknown is None and (ids < 0).any():
            place = int(np.argmax(ids < 0))
            raise ValueError(
                f"{sequence[place]!r}, token {place} of the text, is not in the vocabulary; build it with unknown= to "
                "have a token for such"
            )
        return ids

    def decode(self, ids: Any) -> list[str]:
        """The tokens of ids, a sequence, array or tensor.

        Raises:
            TypeError: for what are no whole numbers.
            ValueError: for an id that no token has.
        """
        numbers = np.asarray(ids.detach() if isinstance(ids, Tensor) else ids)
        if numbers.size == 0:
            return []
        if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
            raise TypeError(f"ids are a flat sequence of integers, not {numbers.dtype}{list(numbers.shape)}")
        outside = numbers[(numbers < 0) | (numbers >= len(self))]
        if outside.size:
            raise ValueError(f"no token has the id {outside[0]}; the ids are 0 to {len(self) - 1}")
        return [self.tokens[number] for number in numbers.tolist()]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as JSON.

        Raises:
            OSError: if the path cannot be written.
        """
        content = {"tokens": self.tokens, "unknown": self.unknown}
        write_atomically(
            path, json.dumps(content, ensure_ascii=False, indent=0).encode("utf-8", "surrogatepass")
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read a vocabulary that `save` wrote.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it holds no vocabulary.
        """
        try:
            content = json.loads(Path(path).read_bytes().decode("utf-8", "surrogatepass"))
            if not isinstance(content, dict) or not isinstance(content.get("tokens"), list):
                raise ValueError("a dict with a list of tokens is due")
            return cls(content["tokens"], content.get("unknown"))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{os.fspath(path)} holds no vocabulary: {error}") from error
