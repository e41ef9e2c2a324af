"""Many to many: what each character of a line of Python is (keyword, name, number, string, comment, ...).

Run it with `python examples/tagging.py`. The lines are those of Python's standard library, the answers those of
Python's own `tokenize`; the network reads a line in both directions and says one thing at every character. The
modules of the test are others than those of the training.
"""

from __future__ import annotations

import argparse
import io
import keyword
import sysconfig
import tokenize
from pathlib import Path

import numpy as np
from common import at_least, finish, fit, parser, start

import pullback as pb
from pullback import data, nn, optim

KINDS = ("space", "name", "keyword", "number", "string", "comment", "operator")
SIGNS = "_nkdsco"  # one for each kind, to print below a line
IGNORED = -100
LONGEST = 60
LETTERS = "".join(chr(code) for code in range(32, 127))


def tagged(source: str) -> list[tuple[str, list[int]]]:
    """The lines of a module with a kind for each character; those that are long or blank or odd are left out."""
    lines = source.splitlines()
    kinds = [[0] * len(line) for line in lines]
    torn: set[int] = set()
    strings = {
        getattr(tokenize, name, None) for name in ("STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    }
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = 0
        if token.type == tokenize.NAME:
            kind = 2 if keyword.iskeyword(token.string) else 1
        elif token.type == tokenize.NUMBER:
            kind = 3
        elif token.type in strings:
            kind = 4
        elif token.type == tokenize.COMMENT:
            kind = 5
        elif token.type == tokenize.OP:
            kind = 6
        first, last = token.start[0] - 1, token.end[0] - 1
        if kind and first == last:
            kinds[first][token.start[1] : token.end[1]] = [kind] * (token.end[1] - token.start[1])
        elif kind:  # one line of a string over several says nothing by itself
            torn.update(range(first, last + 1))
    return [
        (line, found)
        for row, (line, found) in enumerate(zip(lines, kinds, strict=True))
        if row not in torn and 8 <= len(line) <= LONGEST and line.strip() and set(line) <= set(LETTERS)
    ]


def corpus(most: int | None) -> list[list[tuple[str, list[int]]]]:
    """The tagged lines of the modules of the standard library, or of the first of them."""
    modules = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:most]:
        try:
            modules.append(tagged(path.read_text(encoding="utf-8")))
        except (UnicodeDecodeError, SyntaxError, tokenize.TokenError):
            continue
    return [module for module in modules if module]


def arrays(lines: list[tuple[str, list[int]]]) -> tuple[np.ndarray, np.ndarray]:
    """Characters and kinds, filled up; 0 stands for no character."""
    x, y = np.zeros((len(lines), LONGEST), np.int64), np.full((len(lines), LONGEST), IGNORED)
    for row, (line, kinds) in enumerate(lines):
        x[row, : len(line)] = [LETTERS.index(letter) + 1 for letter in line]
        y[row, : len(line)] = kinds
    return x, y


class Tagger(nn.Module):
    """An embedding, a recurrent layer in both directions, and logits for each character."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS) + 1, 24, padding_idx=0, rng=rng)
        self.rnn = nn.GRU(24, hidden, batch_first=True, bidirectional=True, rng=rng)
        self.head = nn.Linear(2 * hidden, len(KINDS), rng=rng)

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        """Logits (N, length, kinds) of characters (N, length)."""
        lengths = (x.numpy() != 0).sum(axis=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(x), lengths, batch_first=True, enforce_sorted=False
        )
        output, _ = nn.utils.rnn.pad_packed_sequence(
            self.rnn(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return self.head(output)


def loss(logits: pb.Tensor, kinds: pb.Tensor) -> pb.Tensor:
    """The mean cross-entropy of a character."""
    flat = logits.reshape((-1, logits.shape[-1]))
    return nn.functional.cross_entropy(flat, kinds.reshape((-1,)), ignore_index=IGNORED)


def right(logits: pb.Tensor, kinds: pb.Tensor) -> float:
    """The share of characters whose kind is told."""
    there = kinds.numpy() != IGNORED
    return float((logits.numpy().argmax(axis=-1) == kinds.numpy())[there].mean())


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, measure, show some lines."""
    p = parser(__doc__, epochs=4)
    p.add_argument("--lines", type=at_least(1), default=20000, help="to train on (%(default)s)")
    p.add_argument("--modules", type=at_least(2), help="use no more modules than these (default: all)")
    p.add_argument("--hidden", type=at_least(1), default=48, help="features of the state (%(default)s)")
    return run(p.parse_args(arguments))


def run(options: argparse.Namespace) -> dict[str, float]:
    """What the program does, once its options are read."""
    rng = np.random.default_rng(options.seed)
    modules = corpus(options.modules)
    order = rng.permutation(len(modules))
    some = order[: max(1, len(modules) // 5)], order[max(1, len(modules) // 5) :]
    test, training = ([line for i in part for line in modules[i]] for part in some)
    training = [training[i] for i in rng.permutation(len(training))[: options.lines]]
    test = [test[i] for i in rng.permutation(len(test))[:2000]]
    model = Tagger(options.hidden, rng)
    loader = data.DataLoader(data.TensorDataset(*arrays(training)), 64, shuffle=True, rng=rng)
    validation = data.DataLoader(data.TensorDataset(*arrays(test)), 500)
    optimizer = optim.Adam(model.parameters(), lr=4e-3)
    fit(options, model, loss, optimizer, loader, validation, {"right": right}, clip=1.0)
    x, y = arrays(test)
    model.eval()
    with pb.no_grad():
        said = np.concatenate(
            [model(pb.asarray(x[i : i + 500])).numpy().argmax(axis=-1) for i in range(0, len(x), 500)]
        )
    there = y != IGNORED
    share = float((said == y)[there].mean())
    lines = float(np.mean([(a == b)[t].all() for a, b, t in zip(said, y, there, strict=True)]))
    for (line, _), kinds in list(zip(test, said, strict=True))[:5]:
        print(f"  {line}\n  {''.join(SIGNS[kind] for kind in kinds[: len(line)])}")
    print(
        f"right   {share:.2%} of the characters, {lines:.1%} of the lines as a whole, in modules that are new"
    )
    return finish(options, {"characters": share, "lines": lines})


if __name__ == "__main__":
    start(main)
