"""Run what the gallery shows, and write its page and pictures anew: `python docs/gallery.py`.

Each exhibit is a function that computes something for real and gives what shows it; the page has its docstring as the
text, its body as the code, and the file that came of it.
"""

# ruff: noqa: C408 - in the code that the page shows, dict(f=f) says it best

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pullback as pb
from pullback import nn, viz
from pullback.autograd.extend import REGISTRY, SCALER, elementwise, op

DOCS = Path(__file__).parent
HEADER = """# Gallery

<!-- Made by `python docs/gallery.py` from real runs; do not edit. -->

What `viz.draw` and `viz.replay` show of computations from the [CS231n notes](https://cs231n.github.io) and of networks.
Under each picture is the code that made it, after `import numpy as np`, `import pullback as pb` and
`from pullback import nn, viz`. The
pictures follow the reader's light or dark theme; [stepping through backpropagation](replay.md) tells of the replays.
"""


def slide() -> viz.Drawing:
    """The circuit of the notes: f = (x + y)·z.

    Above each wire its value in green, below it the gradient of f in red. The add gate hands the gradient on to both of
    its inputs, the multiply gate swaps its inputs' values.
    """
    x, y, z = (pb.tensor(value, requires_grad=True) for value in (-2.0, 5.0, -4.0))
    with viz.record() as recording:
        f = (x + y) * z
        f.backward()
    return viz.draw(recording, names=dict(x=x, y=y, z=z, f=f))


def sigmoid_neuron() -> viz.Drawing:
    """A sigmoid neuron, gate by gate.

    The notes' example of a long chain of small gates: 1/(1 + e⁻ˢ) of a sum of products.
    """
    w0, x0, w1, x1, w2 = (pb.tensor(value, requires_grad=True) for value in (2.0, -1.0, -3.0, -2.0, -3.0))
    with viz.record() as recording:
        f = 1 / (1 + pb.exp(-(w0 * x0 + w1 * x1 + w2)))
        f.backward()
    return viz.draw(recording, names=dict(w0=w0, x0=x0, w1=w1, x1=x1, w2=w2, f=f))


def max_gate() -> viz.Drawing:
    """Add, multiply and max gates, and their roles in backward.

    The max gate routes the whole gradient to its larger input; the other gets exactly 0.
    """
    x, y, z, w = (pb.tensor(value, requires_grad=True) for value in (3.0, -4.0, 2.0, -1.0))
    with viz.record() as recording:
        f = (x * y + pb.maximum(z, w)) * 2
        f.backward()
    return viz.draw(recording, names=dict(x=x, y=y, z=z, w=w, f=f))


def staged() -> viz.Replay:
    """A staged computation, to step through.

    The notes' f = (x + σ(y)) / (σ(x) + (x + y)²), whose x and y are used several times, so that gradients add.
    """
    x, y = (pb.tensor(value, requires_grad=True) for value in (3.0, -4.0))
    with viz.record() as recording:
        num = x + pb.sigmoid(y)
        den = pb.sigmoid(x) + (x + y) ** 2
        f = num / den
        f.backward()
    return viz.replay(recording, names=dict(x=x, y=y, num=num, den=den, f=f))


def mlp() -> viz.Drawing:
    """A network of three layers.

    Cards for values, with shape, numbers and the norm of the gradient; frames for modules.
    """
    pb.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5))
    images, labels = pb.randn(4, 16), pb.tensor([0, 1, 2, 3])
    with viz.record() as recording:
        loss = nn.CrossEntropyLoss()(model(images), labels)
        loss.backward()
    return viz.draw(recording, names=dict(images=images, labels=labels, loss=loss))


def mlp_replay() -> viz.Replay:
    """The same network, to step through.

    A matrix product has no gradient to multiply by, number by number: its step says that it is a vector–Jacobian
    product, and how it is computed.
    """
    pb.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5))
    images, labels = pb.randn(4, 16), pb.tensor([0, 1, 2, 3])
    with viz.record() as recording:
        loss = nn.CrossEntropyLoss()(model(images), labels)
        loss.backward()
    return viz.replay(recording, names=dict(images=images, labels=labels, loss=loss))


def cnn() -> viz.Drawing:
    """A convolutional network, its modules closed.

    A residual network of 18 layers: `depth=0` shows its outermost parts as one node each.
    """
    pb.manual_seed(0)
    model = nn.models.resnet18(num_classes=10).eval()
    images, labels = pb.randn(2, 3, 32, 32), pb.tensor([3, 7])
    with viz.record() as recording:
        loss = nn.CrossEntropyLoss()(model(images), labels)
        loss.backward()
    return viz.draw(recording, names=dict(images=images, labels=labels, loss=loss), depth=0)


def rnn_unrolled() -> viz.Drawing:
    """A recurrent network, unrolled over three steps.

    The weights are one node with three consumers, and an adder joins the gradients that come back from the steps.
    """
    pb.manual_seed(0)
    cell, inputs, start = nn.RNNCell(3, 4), pb.randn(3, 1, 3), pb.zeros((1, 4))
    with viz.record() as recording:
        hidden = start
        for step in range(3):
            hidden = cell(inputs[step], hidden)
        loss = hidden.sum()
        loss.backward()
    return viz.draw(recording, names=dict(inputs=inputs, start=start, loss=loss), max_nodes=None)


def rnn_rolled() -> viz.Drawing:
    """A recurrent network, rolled up.

    Twelve steps that are equal are drawn once, in a frame with their number; a dotted wire leads to the next step.
    """
    pb.manual_seed(0)
    cell, inputs, start = nn.RNNCell(3, 4), pb.randn(12, 1, 3), pb.zeros((1, 4))
    with viz.record() as recording:
        hidden = start
        for step in range(12):
            hidden = cell(inputs[step], hidden)
        loss = hidden.sum()
        loss.backward()
    return viz.draw(recording, names=dict(inputs=inputs, start=start, loss=loss), rolled=True)


def attention() -> viz.Drawing:
    """Attention, out of its operations.

    softmax(QKᵀ/√d)·V of one head; the softmax is a mixer, whose gradient mixes all of its row.
    """
    pb.manual_seed(0)
    query, key, value = (nn.Linear(4, 4, bias=False) for _ in range(3))
    words = pb.randn(3, 4)
    with viz.record() as recording:
        scores = query(words) @ key(words).mT / 2
        weights = pb.softmax(scores, axis=-1)
        mixed = weights @ value(words)
        mixed.sum().backward()
    return viz.draw(recording, names=dict(words=words, scores=scores, weights=weights, mixed=mixed))


def gpt() -> viz.Drawing:
    """A GPT, its twelve blocks folded into one.

    The blocks are equal and follow one another, so the one that is shown stands for all, and dotted wires lead from
    each to the next. The embedding of the tokens is used again at the end: one node, an adder, and two gradients.
    The inputs that are 1 are the masks of dropout.
    """
    pb.manual_seed(0)
    model = nn.models.GPT(20, block_size=16, n_layer=12, n_head=2, n_embd=16)
    tokens, following = pb.tensor(np.arange(16)[None]), pb.tensor(np.arange(1, 17))
    with viz.record() as recording:
        loss = nn.functional.cross_entropy(model(tokens)[0], following)
        loss.backward()
    return viz.draw(recording, names=dict(tokens=tokens, following=following, loss=loss), max_nodes=26)


def failed_check() -> viz.Drawing:
    """A gradient check that failed, painted on the graph.

    The rule of `cube` forgets a factor 3. The check finds the operation whose rule is wrong, and `draw` marks it.
    """
    cube = op(
        lambda x, /: x**3,
        "x",
        x=lambda g, x: g * x**2,
        name="cube",
        gate=SCALER,
        samples=elementwise(1),
        doc="x³, with a wrong rule.",
    )
    result = pb.gradcheck(lambda x, y: pb.sin(cube(x)) * y, [np.array(0.7), np.array(2.0)])
    return viz.draw(result)


EXHIBITS: tuple[Callable[[], viz.Drawing | viz.Replay], ...] = (
    slide, sigmoid_neuron, max_gate, staged, mlp, mlp_replay, cnn, rnn_unrolled, rnn_rolled, attention, gpt,
    failed_check,
)  # fmt: skip


def file_of(exhibit: Callable[[], object]) -> str:
    """Where the file of an exhibit stands, from the folder of the page."""
    suffix = "html" if "Replay" in str(exhibit.__annotations__["return"]) else "svg"
    return f"images/gallery-{exhibit.__name__.replace('_', '-')}.{suffix}"


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEADER, *map(_entry, EXHIBITS)])


def _entry(exhibit: Callable[[], object]) -> str:
    title, _, text = inspect.cleandoc(exhibit.__doc__ or "").partition("\n\n")
    title = title.removesuffix(".")
    name = file_of(exhibit)
    shown = (
        f"![{title}]({name})"
        if name.endswith(".svg")
        else f"[Open the replay]({name}) (one file, works offline)"
    )
    return f"## {title}\n\n{text}\n\n{shown}\n\n```python\n{_body(exhibit)}\n```\n"


def _body(exhibit: Callable[[], object]) -> str:
    """The statements of a function, without its docstring; what it returns as an expression."""
    source = textwrap.dedent(inspect.getsource(exhibit))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = source.splitlines()[function.body[1].lineno - 1 :]
    return textwrap.dedent("\n".join(lines)).replace("return ", "")


def main() -> None:
    """Write the page and what it shows."""
    known = dict(REGISTRY)
    try:
        for exhibit in EXHIBITS:
            exhibit().save(DOCS / file_of(exhibit))
    finally:  # one of them declares an operation
        REGISTRY.clear()
        REGISTRY.update(known)
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
