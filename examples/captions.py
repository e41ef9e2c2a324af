"""Sentences about pictures: a CNN looks at two coloured shapes, an RNN says which they are and how they stand.

Run it with `python examples/captions.py`, and with `--no-attention` for the network without attention. The scenes are
drawn with NumPy; a tenth of all sentences is kept for the test, so that these combinations have never been seen.
Written to the folder of the run, with attention: `attention.png`, where each word looked.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from itertools import permutations

import numpy as np
from common import at_least, finish, fit, parser, picture, start

import pullback as pb
from pullback import data, nn, optim, viz
from pullback.nn.models import Captioner, Hypothesis

COLORS = {
    "red": (0.9, 0.15, 0.15),
    "green": (0.1, 0.7, 0.2),
    "blue": (0.15, 0.3, 0.95),
    "yellow": (0.95, 0.85, 0.1),
}
SHAPES = ("circle", "square", "triangle")
RELATIONS = ("left of", "above")  # a sentence begins with what is to the left, or above
PAD, START, END = 0, 1, 2
WORDS = ("a", *COLORS, *SHAPES, "left", "of", "above")
SIZE, LONGEST = 32, 10
THINGS = [f"a {color} {shape}" for color in COLORS for shape in SHAPES]
SENTENCES = [f"{one} {relation} {other}" for one, other in permutations(THINGS, 2) for relation in RELATIONS]


def inside(shape: str, y: np.ndarray, x: np.ndarray, radius: float) -> np.ndarray:
    """Which points, relative to the middle of a shape, are in it."""
    if shape == "circle":
        return y**2 + x**2 <= radius**2
    if shape == "square":
        return np.maximum(abs(y), abs(x)) <= 0.85 * radius
    return (y <= 0.8 * radius) & (2 * abs(x) - y <= 1.1 * radius)


def scene(sentence: str, rng: np.random.Generator) -> np.ndarray:
    """A picture (3, SIZE, SIZE) of which a sentence is true; places, sizes and the ground are drawn."""
    one, other = sentence.replace(" left of", "|").replace(" above", "|").split("| ")
    along, across = rng.uniform(6, 10), rng.uniform(8, SIZE - 8)
    along2, across2 = rng.uniform(20, 26), across + rng.uniform(-3, 3)
    image = np.full((SIZE, SIZE, 3), rng.uniform(0, 0.25))
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for thing, a, b in ((one, along, across), (other, along2, across2)):
        _, color, shape = thing.split()
        y, x = (b, a) if "left" in sentence else (a, b)
        where = inside(shape, rows - y, columns - x, rng.uniform(4.5, 6.5))
        image[where] = COLORS[color]
    image += rng.normal(scale=0.03, size=image.shape)
    return np.moveaxis(image, -1, 0).astype(np.float32)


def tokens_of(sentence: str) -> list[int]:
    """Start, words, end, filled up."""
    tokens = [START, *(WORDS.index(word) + 3 for word in sentence.split()), END]
    return tokens + [PAD] * (LONGEST - len(tokens))


def sentence_of(tokens: tuple[int, ...]) -> str:
    """The words of what the network wrote."""
    return " ".join(WORDS[token - 3] if token >= 3 else "?" for token in tokens)


def bleu(candidates: list[str], references: list[str], most: int = 4) -> float:
    """BLEU of sentences with one reference each: the geometric mean of the shares of right n-grams.

    Papineni et al., "BLEU: a method for automatic evaluation of machine translation", ACL 2002.
    """
    right, total = np.zeros(most), np.zeros(most)
    for candidate, reference in zip(candidates, references, strict=True):
        words, truth = candidate.split(), reference.split()
        for n in range(1, most + 1):
            found = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            there = Counter(tuple(truth[i : i + n]) for i in range(len(truth) - n + 1))
            right[n - 1] += sum((found & there).values())
            total[n - 1] += sum(found.values())
    if not right.all():
        return 0.0
    lengths = sum(len(text.split()) for text in candidates), sum(len(text.split()) for text in references)
    brevity = min(1.0, math.exp(1 - lengths[1] / lengths[0]))
    return float(brevity * np.exp(np.log(right / total).mean()))


def batch(samples: list[tuple[pb.Tensor, ...]]) -> tuple[tuple[pb.Tensor, pb.Tensor], pb.Tensor]:
    """A batch for teacher forcing: ((images, captions without their end), captions without their start)."""
    images, captions = (np.stack([sample[i].numpy() for sample in samples]) for i in range(2))
    return (pb.asarray(images), pb.asarray(captions[:, :-1])), pb.asarray(captions[:, 1:])


def loss(logits: pb.Tensor, wanted: pb.Tensor) -> pb.Tensor:
    """The mean cross-entropy of a word; what stands behind the end does not count."""
    flat = logits.reshape((-1, logits.shape[-1]))
    return nn.functional.cross_entropy(flat, wanted.reshape((-1,)), ignore_index=PAD)


def drawn(count: int, sentences: list[str], rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Scenes and their sentences."""
    chosen = [sentences[i] for i in rng.integers(len(sentences), size=count)]
    return np.stack([scene(sentence, rng) for sentence in chosen]), chosen


def set_of(images: np.ndarray, sentences: list[str]) -> data.TensorDataset:
    """Scenes and sentences as a data set."""
    return data.TensorDataset(images, np.array([tokens_of(sentence) for sentence in sentences]))


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, and measure on scenes that are new."""
    p = parser(__doc__, epochs=12)
    p.add_argument("--scenes", type=at_least(1), default=4000, help="to train on (%(default)s)")
    p.add_argument("--test", type=at_least(1), default=300, help="scenes to measure on, twice (%(default)s)")
    p.add_argument("--no-attention", action="store_true", help="let the first state alone carry the picture")
    p.add_argument(
        "--width", type=at_least(1), default=3, help="of the beam; 1 is greedy search (%(default)s)"
    )
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    rng = np.random.default_rng(options.seed)
    order = [SENTENCES[i] for i in rng.permutation(len(SENTENCES))]
    unseen, known = order[: len(order) // 10], order[len(order) // 10 :]
    images, sentences = drawn(options.scenes, known, rng)
    tests = {"known": drawn(options.test, known, rng), "unseen": drawn(options.test, unseen, rng)}
    model = Captioner(
        len(WORDS) + 3, 16, 64, channels=24, attention=None if options.no_attention else "additive", rng=rng
    )
    loader = data.DataLoader(set_of(images, sentences), 32, shuffle=True, collate_fn=batch, rng=rng)
    validation = data.DataLoader(set_of(*tests["known"]), 100, collate_fn=batch)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    fit(options, model, loss, optimizer, loader, validation, scheduler=scheduler, clip=1.0)
    found: dict[str, float] = {}
    for kind, (pictures, truths) in tests.items():
        captions = model.generate(pictures, max_length=LONGEST - 1, width=options.width)
        said = [sentence_of(each[0].tokens) for each in captions]
        exact = float(np.mean([a == b for a, b in zip(said, truths, strict=True)]))
        score = bleu(said, truths)
        found |= {f"exact_{kind}": exact, f"bleu_{kind}": score}
        print(f"{kind:7} exact {exact:.1%}, BLEU {score:.3f} on {options.test} new scenes")
    pictures, truths = tests["unseen"]
    for (best, *_), truth in zip(
        model.generate(pictures[:4], LONGEST - 1, options.width), truths, strict=False
    ):
        print(f"  {sentence_of(best.tokens)!r}, and it is {truth!r}")
    if not options.no_attention:
        looked = [each[0] for each in model.generate(pictures[:3], LONGEST - 1, options.width)]
        picture(options, "attention.png", lambda: attention(pictures[:3], looked))
    return finish(options, found)


def attention(pictures: np.ndarray, captions: list[Hypothesis]) -> viz.Plot:
    """Each picture once for each word of its caption, bright where the word looked."""
    tiles, titles = [], []
    for image, one in zip(pictures, captions, strict=True):
        words = [*sentence_of(one.tokens).split(), "(end)"][: LONGEST - 1]
        for number in range(LONGEST - 1):
            there = number < min(len(words), len(one.weights))
            weights = one.weights[number].reshape((4, 4)) if there else np.zeros((4, 4))
            light = np.kron(weights / max(weights.max(), 1e-9), np.ones((SIZE // 4, SIZE // 4)))
            tiles.append(np.clip(image, 0, 1) * (0.25 + 0.75 * light))
            titles.append(words[number] if there else "")
    return viz.weight_images(np.stack(tiles), titles=titles, columns=LONGEST - 1)


if __name__ == "__main__":
    start(main)
