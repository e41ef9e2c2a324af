"""Dates in words to ISO dates, "3 March 2021" → "2021-03-03": an encoder–decoder with attention.

Run it with `python examples/dates.py`. The dates of the test are of days that the training has not seen. Each date is
written in one of ten ways; the network reads and writes character by character.
"""

from __future__ import annotations

import argparse
import datetime

import numpy as np
from common import at_least, finish, fit, parser, start

import pullback as pb
from pullback import data, nn, optim
from pullback.nn.models import Seq2Seq

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{day} {mon} {year}",
    "{mon} {day} {year}",
    "{weekday}, {day} {month} {year}",
    "{weekday}, {month} {day}, {year}",
    "the {nth} of {month} {year}",
    "{dd}.{mm}.{year}",
    "{m}/{day}/{year}",  # the American order, which slashes tell
    "{year} {mon} {dd}",
)
PAD, START, END = 0, 1, 2
WRITTEN = "0123456789-"
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
READ = sorted(set("".join((*MONTHS, *DAYS)) + "0123456789 ,./the of" + "stndrdth"))
LONGEST = 32


def written(day: datetime.date, form: str) -> str:
    """A day in one of the formats, in English whatever the machine's language."""
    month, weekday = MONTHS[day.month - 1], DAYS[day.weekday()]
    ending = "th" if 10 < day.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return form.format(
        day=day.day,
        dd=f"{day.day:02}",
        nth=f"{day.day}{ending}",
        m=day.month,
        mm=f"{day.month:02}",
        month=month,
        mon=month[:3],
        year=day.year,
        weekday=weekday,
    )


def read(text: str) -> np.ndarray:
    """The tokens of a date in words, filled up to LONGEST."""
    unknown = sorted(set(text) - set(READ))
    if unknown or not text or len(text) > LONGEST:
        raise ValueError(f"{text!r} is no date of these formats: {', '.join(FORMATS)}")
    tokens = np.full(LONGEST, PAD)
    tokens[: len(text)] = [READ.index(letter) + 1 for letter in text]
    return tokens


def spelled(day: datetime.date) -> np.ndarray:
    """The tokens of the ISO date: start, ten characters, end."""
    return np.array([START, *(WRITTEN.index(letter) + 3 for letter in day.isoformat()), END])


def text_of(tokens: tuple[int, ...]) -> str:
    """The characters of what the network wrote."""
    return "".join(WRITTEN[token - 3] if token >= 3 else "?" for token in tokens)


def samples(days: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Sources, targets and texts of these days, each in a format that is drawn."""
    dates = [FIRST + datetime.timedelta(int(day)) for day in days]
    texts = [written(date, FORMATS[rng.integers(len(FORMATS))]) for date in dates]
    return np.stack([read(text) for text in texts]), np.stack([spelled(date) for date in dates]), texts


def pairs(source: np.ndarray, target: np.ndarray) -> data.TensorDataset:
    """The data set: ((source, target without its end), target without its start)."""
    return data.TensorDataset(source, target[:, :-1], target[:, 1:])


def batch(samples: list[tuple[pb.Tensor, ...]]) -> tuple[tuple[pb.Tensor, pb.Tensor], pb.Tensor]:
    """A batch for teacher forcing, without more padding than its longest source needs."""
    source, given, wanted = (np.stack([s[i].numpy() for s in samples]) for i in range(3))
    longest = int((source != PAD).sum(axis=1).max())
    return (pb.asarray(source[:, :longest]), pb.asarray(given)), pb.asarray(wanted)


def loss(logits: pb.Tensor, wanted: pb.Tensor) -> pb.Tensor:
    """The mean cross-entropy of a character."""
    return nn.functional.cross_entropy(logits.reshape((-1, logits.shape[-1])), wanted.reshape((-1,)))


def letters(logits: pb.Tensor, wanted: pb.Tensor) -> float:
    """The share of characters that are right, those before them being known."""
    return float((logits.numpy().argmax(axis=-1) == wanted.numpy()).mean())


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, measure, translate."""
    p = parser(__doc__, epochs=5)
    p.add_argument("--samples", type=at_least(1), default=12000, help="dates to train on (%(default)s)")
    p.add_argument("--test", type=at_least(1), default=2000, help="dates to measure on (%(default)s)")
    p.add_argument("--hidden", type=at_least(1), default=64, help="features of the states (%(default)s)")
    p.add_argument("--no-attention", action="store_true", help="let the state alone carry the date")
    p.add_argument(
        "--width", type=at_least(1), default=1, help="of the beam; 1 is greedy search (%(default)s)"
    )
    p.add_argument(
        "--translate",
        metavar="DATE",
        nargs="*",
        default=["3 March 2021", "Monday, July 4, 1988"],
        help="dates to put into the form of ISO at the end",
    )
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    asked = np.stack([read(text) for text in options.translate]) if options.translate else None
    rng = np.random.default_rng(options.seed)
    days = rng.permutation((LAST - FIRST).days + 1)
    if options.test >= len(days):
        raise ValueError(f"--test leaves a day to train on, of {len(days)}, so {options.test} are too many")
    test, rest = days[: options.test], days[options.test :]
    source, target, _ = samples(rng.choice(rest, options.samples), rng)
    unseen, wanted, texts = samples(test, rng)
    model = Seq2Seq(
        len(READ) + 1, len(WRITTEN) + 3, 32, options.hidden,
        attention=None if options.no_attention else "general", rng=rng,
    )  # fmt: skip
    loader = data.DataLoader(pairs(source, target), 64, shuffle=True, collate_fn=batch, rng=rng)
    validation = data.DataLoader(pairs(unseen[:500], wanted[:500]), 500, collate_fn=batch)
    optimizer = optim.Adam(model.parameters(), lr=4e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.6)
    fit(options, model, loss, optimizer, loader, validation, {"letters": letters}, scheduler, clip=1.0)
    found = [each[0] for each in model.generate(unseen, max_length=12, width=options.width)]
    answers = [text_of(one.tokens) for one in found]
    right = [
        answer == text_of(tuple(row[1:-1])) for answer, row in zip(answers, wanted.tolist(), strict=True)
    ]
    for text, answer, fine in [*zip(texts, answers, right, strict=True)][:5]:
        print(f"  {text:32} {answer}  {'right' if fine else 'wrong'}")
    exact = float(np.mean(right))
    if asked is not None:
        for text, (best, *_) in zip(options.translate, model.generate(asked, 12, options.width), strict=True):
            print(f"  {text:32} {text_of(best.tokens)}")
    print(f"exact   {exact:.2%} of {len(test)} dates on days that were not trained on")
    return finish(options, {"exact": exact})


if __name__ == "__main__":
    start(main)
