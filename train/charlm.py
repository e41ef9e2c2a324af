"""A character language model from the command line: train, measure, write, and a picture of a hidden unit."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim, viz
from ..autograd import no_grad, save
from ..autograd.extend import write_atomically
from .callbacks import Checkpoint
from .checkpoint_file import checkpoints_in
from .evaluation import evaluate
from .loop import fit
from .text import Alphabet, Array, Carried, Pieces, read_text

SECTION = 20_000
"""The last tenth of every so many characters is held out."""

CHECKPOINT_SECONDS = 60

FORM_FILE = "charlm.json"
"""Where the form of a model is written down, in the folder of its training."""

FORM: dict[str, Any] = {"cell": "lstm", "hidden": 128, "layers": 1}
"""The form of a model that is asked for no other."""


@dataclass(frozen=True)
class CharLMOptions:
    """What to do; the names are those of the command line."""

    file: Path | None = None
    out: Path = Path("pullback-charlm")
    epochs: int = 2
    seed: int = 0
    cell: str | None = None
    hidden: int | None = None
    layers: int | None = None
    batch: int = 32
    length: int = 64
    lr: float = 4e-3
    characters: int | None = None
    resume: bool = False
    fresh: bool = False
    sample: int = 400
    temperature: float = 0.7
    top_k: int | None = None
    prime: str | None = None
    unit: int | None = None


@dataclass(frozen=True)
class CharLMResult:
    """What came of it."""

    perplexity: float
    text: str
    model: Path


def run(options: CharLMOptions) -> CharLMResult:
    """Train a model on a text as far as it is not trained yet, and print what it has learned.

    Raises:
        OSError: for files that cannot be read or written.
        ValueError: for a text that is too short or no text, and a model that does not fit it.
    """
    text, name = read_text(options.file)
    text = text[: options.characters]
    if len(text) < 2:
        raise ValueError(
            f"{name} has {len(text)} characters, and there is nothing to learn from fewer than two"
        )
    folder = options.out / "checkpoints"
    earlier = checkpoints_in(folder)
    if earlier and not (options.resume or options.fresh):
        raise ValueError(
            f"{options.out} holds a training; --resume goes on with it, --fresh removes it and begins anew, and --out "
            "names another folder"
        )
    settings, alphabet = _settings(options, text, gone_on=bool(earlier) and not options.fresh)
    prime = options.prime if options.prime else text[:32]
    first = alphabet.encode(prime)
    if options.unit is not None and not 0 <= options.unit < settings["hidden"]:
        raise ValueError(f"the units are 0 to {settings['hidden'] - 1}, and {options.unit} is none of them")
    training, held_out, measured_on = split(alphabet.encode(text))
    _make_room(options.out, [] if options.resume else earlier, {**settings, "letters": alphabet.letters})
    print(f"text    {name}: {len(text):,} characters, {len(alphabet)} different ones", flush=True)

    rng = np.random.default_rng(options.seed)
    model = nn.models.CharRNN(
        len(alphabet),
        settings["hidden"],
        settings["layers"],
        settings["cell"],
        embedding_size=min(32, len(alphabet)),
        rng=rng,
    )
    carried = Carried(model)
    optimizer = optim.Adam(carried.parameters(), lr=options.lr)
    validation = Pieces(held_out, options.batch, options.length)
    fit(
        carried,
        cross_entropy,
        optimizer,
        Pieces(training, options.batch, options.length),
        epochs=options.epochs,
        validation=validation,
        clip=1.0,
        checkpoint=Checkpoint(folder, CHECKPOINT_SECONDS, "seconds"),
        resume=options.resume,
    )
    perplexity = math.exp(evaluate(carried, cross_entropy, validation).loss)
    print(
        f"model   perplexity {perplexity:.3f} on {measured_on} (a guess among all would have {len(alphabet)})"
    )
    path = options.out / "model.safetensors"
    save(model.state_dict(), path)
    drawing = np.random.default_rng([options.seed, 1])
    new = model.generate(first, options.sample, options.temperature, options.top_k, rng=drawing)
    written = alphabet.decode(new.tolist())
    if options.sample:
        print(f"sample  {prime!r} goes on at temperature {options.temperature:g}:\n{prime}{written}")
    _draw(model, alphabet, alphabet.decode(held_out[:1200]), options)
    return CharLMResult(perplexity, written, path)


def split(tokens: Array) -> tuple[Array, Array, str]:
    """What to train on, what to measure on, and what to call the latter: the last tenth of each section.

    A text of fewer than 200 characters is not split.
    """
    if len(tokens) < 200:
        return tokens, tokens, "the text itself, which is too short to hold a part out"
    sections = np.array_split(tokens, max(1, len(tokens) // SECTION))
    cuts = [len(section) - len(section) // 10 for section in sections]
    training = np.concatenate([section[:cut] for section, cut in zip(sections, cuts, strict=True)])
    held_out = np.concatenate([section[cut:] for section, cut in zip(sections, cuts, strict=True)])
    return training, held_out, f"{len(held_out):,} characters that were held out"


def cross_entropy(logits: Any, target: Any) -> Any:
    """The mean cross-entropy of a character."""
    return nn.functional.cross_entropy(logits.reshape((-1, logits.shape[-1])), target.reshape((-1,)))


def activations(model: nn.models.CharRNN, tokens: Array) -> Array:
    """What the last recurrent layer says behind each character, shape (length, hidden)."""
    seen: list[Any] = []
    handle = model.rnn.register_forward_hook(lambda module, args, output: seen.append(output[0]))
    try:
        with no_grad():
            model(tokens)
    finally:
        handle.remove()
    found: Array = seen[0].numpy()
    return found


def steadiest(values: Array) -> int:
    """The unit that varies much over a text and little from one character to the next, as one that counts or
    remembers does."""
    steps = np.diff(values, axis=0)
    return int(np.argmax(values.var(axis=0) / ((steps**2).mean(axis=0) + 1e-6))) if len(values) > 1 else 0


def _settings(options: CharLMOptions, text: str, gone_on: bool) -> tuple[dict[str, Any], Alphabet]:
    """The form of the model and its alphabet: those of the training that is gone on with, or new ones."""
    asked = {name: value for name in FORM if (value := getattr(options, name)) is not None}
    if not gone_on:
        return FORM | asked, Alphabet.of(text)
    path = options.out / FORM_FILE
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        alphabet = Alphabet(saved.pop("letters"))
        saved = {name: saved[name] for name in FORM}
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not what tells of which form the model of the training beside it is ({error!r}); put it back, "
            "or begin anew with --fresh"
        ) from error
    if asked != {name: saved[name] for name in asked}:
        raise ValueError(
            f"the training in {options.out} is of a model with {_shown(saved)}, and this one is to have "
            f"{_shown(asked)}; leave that out, or begin anew with --fresh"
        )
    return saved, alphabet


def _make_room(out: Path, earlier: Iterable[Path], form: dict[str, Any]) -> None:
    """Make the folder, remove an earlier training in it, and write down the form of the model."""
    out.mkdir(parents=True, exist_ok=True)
    for file in earlier:
        file.unlink()
    write_atomically(out / FORM_FILE, json.dumps(form).encode())


def _shown(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _draw(model: nn.models.CharRNN, alphabet: Alphabet, text: str, options: CharLMOptions) -> None:
    """The picture of one hidden unit, where matplotlib is installed."""
    values = activations(model, alphabet.encode(text))
    unit = steadiest(values) if options.unit is None else options.unit
    path = options.out / "unit.svg"
    try:
        plot = viz.hidden_text(text, values[:, unit], title=f"Unit {unit} of {values.shape[1]}")
    except ImportError as error:
        print(f"unit    no picture: {error}")
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a text may have letters that the font has not
        plot.save(path)
    print(f"unit    {path}: number {unit}", flush=True)
