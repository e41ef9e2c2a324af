"""From logits to sequences: drawing tokens, and searching for likely sequences (greedy and beam search)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Tensor, asarray
from ...autograd.extend import generator_of
from ..functional.check import whole
from .start import Generator

Array = np.ndarray[Any, Any]

Step = Callable[[Array, Any], tuple[Any, Any, Any]]
"""What `beam_search` calls: `step(tokens, state)` gives the logits of what follows, the state, and weights or None."""


class Hypothesis(NamedTuple):
    """A sequence that a search has found."""

    tokens: tuple[int, ...]
    """Without the start and without the end."""
    log_probability: float
    """Of all its tokens, and of the end where it was reached."""
    score: float
    """`log_probability` over a power of the number of tokens, the end being one: what sequences are ranked by."""
    ended: bool
    """False where `max_length` cut it off."""
    weights: Array | None
    """What the step gave beside the logits, one row for each token: where attention looked."""


def sample_tokens(
    logits: Any,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    *,
    rng: Generator = None,
) -> Array:
    """Draw one token from each row of logits: from softmax(logits / temperature), or from its likeliest part.

    Top-p keeps the fewest tokens whose probabilities sum to top_p or more (Holtzman et al., "The curious case of
    neural text degeneration", 2019, arXiv:1904.09751), of those that top-k has left.

    Args:
        logits: shape (..., vocab_size); −∞ for what is never drawn.
        temperature: below 1 for what is likely, above 1 for what is not; 0 always takes the likeliest.
        top_k: draw from the k likeliest only; of equal ones the first are kept.
        top_p: draw from the likeliest with this probability together, above 0 and up to 1.
        rng: the generator that draws; the default one if not given.

    Returns:
        The tokens, int64 of shape (...).

    Raises:
        ValueError: for settings out of range, nan among the logits, and rows of nothing but −∞.

    >>> import numpy as np
    >>> from pullback.nn.models import sample_tokens
    >>> sample_tokens([[1.0, 3.0, 2.0], [0.0, -1.0, -2.0]], temperature=0)
    array([1, 0])
    >>> set(sample_tokens(np.tile([1.0, 3.0, 2.0], (50, 1)), top_k=2, rng=np.random.default_rng(0)).tolist())
    {1, 2}
    """
    rows = np.asarray(asarray(logits).detach().numpy(), np.float64)
    if rows.ndim < 1 or not rows.shape[-1]:
        raise ValueError(f"sample_tokens: logits have the shape (..., vocab_size), not {rows.shape}")
    if not temperature >= 0:
        raise ValueError(f"a temperature is a number from 0 on, not {temperature!r}")
    if top_k is not None:
        whole("top_k", top_k)
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is a number above 0 and up to 1, not {top_p!r}")
    if np.isnan(rows).any() or not np.isfinite(rows.max(axis=-1)).all():
        raise ValueError(
            "sample_tokens: each row of logits has a finite maximum and no nan, and these have not"
        )
    flat = rows.reshape((-1, rows.shape[-1]))
    if temperature == 0:
        drawn = flat.argmax(axis=1)
    else:
        generator = generator_of(rng)
        chances = (_chances(row - row.max(), temperature, top_k, top_p) for row in flat)
        drawn = np.array([generator.choice(len(p), p=p) for p in chances], np.int64)
    tokens: Array = drawn.astype(np.int64).reshape(rows.shape[:-1])
    return tokens


def _chances(logits: Array, temperature: float, top_k: int | None, top_p: float | None) -> Array:
    """The probabilities of tokens, of logits up to 0; those that are left out have none."""
    with np.errstate(over="ignore", invalid="ignore"):  # of temperatures next to 0 and ∞
        p: Array = np.exp(np.where(np.isneginf(logits), -np.inf, logits / temperature))
    p /= p.sum()
    if top_k is None and top_p is None:
        return p
    order = np.argsort(-p, kind="stable")[:top_k]
    if top_p is not None:
        sums = np.cumsum(p[order]) / p[order].sum()
        order = order[: int(np.searchsorted(sums, top_p)) + 1]
    kept: Array = np.zeros_like(p)
    kept[order] = p[order] / p[order].sum()
    return kept


def beam_search(
    step: Step,
    state: Any,
    start: Any,
    *,
    end: int,
    max_length: int,
    width: int = 1,
    length_penalty: float = 1.0,
) -> list[list[Hypothesis]]:
    """Search for likely sequences, several at a time for each example; a width of 1 is greedy search.

    In every step each sequence that is alive is continued by every token, and the likeliest continuations stay alive,
    `width` of them. One that ends keeps its place, and the beam is narrower by it from there on. At the end all are
    ranked by log p / length^length_penalty, since otherwise short sequences win (Wu et al., "Google's neural machine
    translation system", 2016, arXiv:1609.08144, with a simpler norm). All examples, and all that is alive in them,
    are one batch for the step.

    Args:
        step: a function (tokens, state) → (logits, state, weights). It gets the last token of each row, integers of
            shape (rows,), and gives logits of shape (rows, vocab_size) and the state behind these tokens; weights of
            shape (rows, anything) are collected, None if there are none.
        state: of the examples: a tensor or an array with the examples as the first axis, None, or lists, tuples and
            dicts of such. Rows of it are copied as sequences branch.
        start: the first token of each example, integers of shape (N,).
        end: the token that ends a sequence.
        max_length: the most tokens to add, the end among them.
        width: how many sequences are kept for each example.
        length_penalty: 0 to rank by probability alone, 1 by the mean for each token; more prefers longer ones.

    Returns:
        For each example its sequences, the best first: at least one, and at most `width`.

    Raises:
        ValueError: for settings out of range, logits of another shape or with nan, and where no token is possible.

    >>> import numpy as np
    >>> from pullback.nn.models import beam_search
    >>> chain = np.log([[0.1, 0.6, 0.3], [0.5, 0.1, 0.4], [0.4, 0.1, 0.5]])  # of the next token, by the last
    >>> step = lambda tokens, state: (chain[tokens], state, None)
    >>> (found,) = beam_search(step, None, [0], end=2, max_length=3, width=3, length_penalty=0.0)
    >>> [(one.tokens, round(one.log_probability, 3)) for one in found]
    [((), -1.204), ((1,), -1.427), ((1, 0, 1), -1.715)]
    """
    last = asarray(start).detach().numpy()
    if last.ndim != 1 or last.dtype.kind not in "iu":
        raise ValueError(f"beam_search: start has one whole number for each example, not {start!r}")
    whole("max_length", max_length), whole("width", width), whole("end", end, 0)
    if not 0 <= length_penalty < np.inf:
        raise ValueError(f"length_penalty is a number from 0 on, not {length_penalty!r}")
    done: list[list[Hypothesis]] = [[] for _ in last]
    alive = [_Alive(example, (), 0.0, ()) for example in range(len(last))]
    rows = np.arange(len(last))
    for length in range(1, max_length + 1):
        if not alive:
            break
        logits, state, weights = step(last, _rows(state, rows))
        log_p = _log_softmax(logits, len(alive))
        seen = None if weights is None else asarray(weights).detach().numpy()
        new: list[_Alive] = []
        parents: list[int] = []
        for example, places in _by_example(alive):
            totals = log_p[places] + np.array([alive[i].log_probability for i in places])[:, None]
            flat = totals.reshape(-1)
            free = width - len(done[example])
            best = [int(i) for i in np.argsort(-flat, kind="stable")[:free] if flat[i] > -np.inf]
            for place in best:
                parent, token = places[place // log_p.shape[1]], place % log_p.shape[1]
                looked = alive[parent].weights + (() if seen is None else (seen[parent],))
                grown = _Alive(example, (*alive[parent].tokens, token), float(flat[place]), looked)
                if token == end or length == max_length:
                    done[example].append(_finished(grown, token == end, length_penalty))
                else:
                    new.append(grown)
                    parents.append(parent)
        alive, rows = new, np.array(parents, np.int64)
        last = np.array([one.tokens[-1] for one in alive], np.int64)
    return [sorted(found, key=lambda one: -one.score) for found in done]


class _Alive(NamedTuple):
    """A sequence that may go on."""

    example: int
    tokens: tuple[int, ...]
    log_probability: float
    weights: tuple[Array, ...]


def _finished(one: _Alive, ended: bool, length_penalty: float) -> Hypothesis:
    score = one.log_probability / len(one.tokens) ** length_penalty
    weights = np.stack(one.weights) if one.weights else None
    return Hypothesis(one.tokens[:-1] if ended else one.tokens, one.log_probability, score, ended, weights)


def _by_example(alive: list[_Alive]) -> Iterator[tuple[int, list[int]]]:
    """The examples that have sequences alive, and at which places these are; they stand side by side."""
    places: dict[int, list[int]] = {}
    for place, one in enumerate(alive):
        places.setdefault(one.example, []).append(place)
    yield from places.items()


def _log_softmax(logits: Any, rows: int) -> Array:
    x = np.asarray(asarray(logits).detach().numpy(), np.float64)
    if x.ndim != 2 or x.shape[0] != rows:
        raise ValueError(f"beam_search: step gives logits of shape ({rows}, vocab_size) here, not {x.shape}")
    if np.isnan(x).any():
        raise ValueError("beam_search: there is nan among the logits")
    possible = np.isfinite(x).any(axis=1)
    if (x == np.inf).any() or not possible.all():
        raise ValueError(
            "beam_search: the logits of a row are all −∞, so that no token is possible, or hold +∞"
        )
    shifted = x - x.max(axis=1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def _rows(state: Any, rows: Array) -> Any:
    """These rows of everything in a state."""
    if state is None:
        return None
    if isinstance(state, Mapping):
        return {name: _rows(part, rows) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return tuple(_rows(part, rows) for part in state)
    return state[rows]


def tokens_of(where: str, tokens: Any, vocab_size: int, axes: int | None = None) -> Array:
    """Tokens as an array of integers; raise an error for anything else, naming what is wrong."""
    numbers: Array = (tokens if isinstance(tokens, Tensor) else asarray(tokens)).detach().numpy()
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"{where} are integers, not {numbers.dtype}")
    if axes is not None and (numbers.ndim != axes or not numbers.size):
        raise ValueError(
            f"{where} have the shape (N, length), with at least one of each, and not {numbers.shape}"
        )
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < vocab_size:
        raise ValueError(
            f"{where} lie from 0 to {vocab_size - 1}, and these from {numbers.min()} to {numbers.max()}"
        )
    return numbers
