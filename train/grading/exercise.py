"""What a teacher declares: the right function, and what inputs it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ...autograd import Tensor

Sizes = Mapping[str, int]
Draw = Callable[[np.random.Generator, tuple[int, ...], Sizes], Any]
Style = Literal["pair", "together"]


def _normal(rng: np.random.Generator, shape: tuple[int, ...], sizes: Sizes) -> Any:
    return rng.normal(size=shape)


@dataclass(frozen=True)
class Input:
    """One input of an exercise: its shape in letters, how its values are drawn, whether it gets a gradient.

    Args:
        shape: letters and numbers apart by blanks, such as "N D" or "N 3"; equal letters are equal sizes throughout
            the exercise. "" is a single number.
        draw: takes a generator, the shape and the sizes of all letters, and gives the values; normal if left out.
        gradient: whether backward gives a gradient for it.

    >>> from pullback.testing import Input
    >>> Input("N D").size({"N": 4, "D": 3})
    (4, 3)
    """

    shape: str = ""
    draw: Draw = _normal
    gradient: bool = True

    @property
    def plain(self) -> bool:
        """Whether the values are normal ones, in whose place ties and large values may be tried."""
        return self.draw is _normal

    def size(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape for given sizes of the letters."""
        return tuple(int(token) if token.isdigit() else sizes[token] for token in self.shape.split())


def labels(shape: str, classes: str) -> Input:
    """Whole numbers from 0 up to the size of a letter, such as the classes of a loss; they get no gradient.

    >>> from pullback.testing import labels
    >>> labels("N", classes="C").gradient
    False
    """
    return Input(shape, lambda rng, size, sizes: rng.integers(0, sizes[classes], size), gradient=False)


def mask(shape: str, keep: float = 0.5, scale: float = 1.0) -> Input:
    """Zeros, and the value `scale` with the probability `keep`; no gradient.

    >>> from pullback.testing import mask
    >>> mask("N D", keep=0.8, scale=1 / 0.8).shape
    'N D'
    """
    return Input(shape, lambda rng, size, sizes: (rng.random(size) < keep) * scale, gradient=False)


def distinct(shape: str) -> Input:
    """Values that lie well apart, for what sorts or takes the largest.

    >>> from pullback.testing import distinct
    >>> distinct("N C H W").gradient
    True
    """

    def draw(rng: np.random.Generator, size: tuple[int, ...], sizes: Sizes) -> Any:
        count = int(np.prod(size))
        return ((rng.permutation(count) - count / 2) / 4).reshape(size)

    return Input(shape, draw)


def choose(draw: Callable[[np.random.Generator, Sizes], Any]) -> Input:
    """Any other argument, drawn for the sizes: a dict of settings, a stride, a number. It gets no gradient.

    >>> from pullback.testing import choose
    >>> stride = choose(lambda rng, sizes: {"stride": int(rng.integers(1, 3))})
    """
    return Input("", lambda rng, size, sizes: draw(rng, sizes), gradient=False)


@dataclass(frozen=True)
class Exercise:
    """An exercise: what a learner's forward and backward have to compute, and on what inputs they are tried.

    The learner's functions are found by the exercise's name. For "affine" they are `affine_forward(x, w, b)`, which
    returns `(out, cache)`, and `affine_backward(dout, cache)`, which returns one gradient per input; or the plain pair
    `affine(x, w, b)` and `affine_backward(dout, x, w, b)`; or, where there is no backward, one function that returns
    the result and its gradients.

    Args:
        name: what the functions' names begin with.
        reference: the right function, in pullback's operations; its gradients are pullback's.
        inputs: by name, in the order of the arguments, a shape in letters such as "N D", or an `Input`.
        points: what a right answer is worth.
        wrt: the inputs whose gradients are asked for; all that have one if left out.
        style: "together" if one function returns the result and its gradients, "pair" if there has to be a backward;
            either if left out.
        aliases: other names that the functions' names may begin with.
        sizes: for letters, the smallest and largest size; (3, 6) if left out.
        at_least: for letters that may not be 1, what they may be.
        empty: a letter that may be 0, where answers shall take that.
        large: inputs at whose large values a right answer stays finite.
        ties: try small whole numbers too, at which values meet: at kinks every subgradient is right.
        views: the result may be a view of an input, as that of a reshape.
        keep_dtype: a result of float64 for inputs of float32 costs points; else it is only said.

    Raises:
        ValueError: for names in `wrt`, `large`, `sizes`, `at_least` or `empty` that the inputs do not have, or points
            that are not positive.

    >>> import pullback as pb
    >>> scale = pb.testing.Exercise("scale", lambda x, a: a * x, {"x": "N D", "a": ""})
    >>> scale.wanted
    ('x', 'a')
    """

    name: str
    reference: Callable[..., Any]
    inputs: Mapping[str, str | Input]
    points: float = 10
    wrt: Sequence[str] | None = None
    style: Style | None = None
    aliases: Sequence[str] = ()
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    at_least: Mapping[str, int] = field(default_factory=dict)
    empty: str = ""
    large: Sequence[str] = ()
    ties: bool = True
    views: bool = False
    keep_dtype: bool = False

    def __post_init__(self) -> None:
        if not self.points > 0:
            raise ValueError(f"exercise {self.name!r} is worth {self.points} points; give it more than 0")
        if self.style not in (None, "pair", "together"):
            raise ValueError(
                f'exercise {self.name!r}: style is "pair", "together" or None, not {self.style!r}'
            )
        for field_name, names, known in (
            ("wrt", self.wrt or (), [k for k, v in self.specs.items() if v.gradient]),
            ("large", self.large, list(self.inputs)),
            ("sizes", self.sizes, self.letters),
            ("at_least", self.at_least, self.letters),
            ("empty", self.empty, self.letters),
        ):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ValueError(
                    f"exercise {self.name!r}: {field_name} names {unknown}, and there is {known}"
                )
        if not self.wanted:
            raise ValueError(f"exercise {self.name!r} asks for no gradient; give an input that has one")

    @property
    def specs(self) -> dict[str, Input]:
        """The inputs by name."""
        return {
            name: Input(value) if isinstance(value, str) else value for name, value in self.inputs.items()
        }

    @property
    def wanted(self) -> tuple[str, ...]:
        """The inputs whose gradients are asked for, in order."""
        names = tuple(name for name, value in self.specs.items() if value.gradient)
        return names if self.wrt is None else tuple(self.wrt)

    @property
    def letters(self) -> list[str]:
        """The letters of all shapes and of all ranges, each once."""
        tokens = [token for value in self.specs.values() for token in value.shape.split()]
        return list(dict.fromkeys(t for t in (*tokens, *self.sizes) if not t.isdigit()))

    @property
    def names(self) -> tuple[str, ...]:
        """What the functions' names may begin with."""
        return (self.name, *self.aliases)

    def expected(
        self, arguments: Mapping[str, Any], upstream: Sequence[Any] | None = None
    ) -> tuple[tuple[np.ndarray[Any, Any], ...], dict[str, np.ndarray[Any, Any]]]:
        """The right results at given inputs, and the right gradients.

        Args:
            arguments: the inputs by name: arrays, numbers, settings.
            upstream: the gradient that comes into each result; ones if left out.

        >>> import pullback as pb
        >>> pb.testing.catalogue()["relu"].expected({"x": [2.0, -1.0]})[1]
        {'x': array([1., 0.])}
        """
        from ...autograd import enable_grad, gradients, tensor

        specs = self.specs
        tracked = {
            name: tensor(np.array(arguments[name]), requires_grad=name in self.wanted)
            for name in self.inputs
            if specs[name].gradient
        }
        with enable_grad():
            found = self.reference(*[tracked.get(name, arguments[name]) for name in self.inputs])
            outputs = found if isinstance(found, tuple) else (found,)
            for output in outputs:
                if not isinstance(output, Tensor):
                    raise TypeError(
                        f"the reference of exercise {self.name!r} gives {type(output).__name__}; "
                        "write it in pullback's operations"
                    )
            gs = [np.ones(y.shape) for y in outputs] if upstream is None else list(upstream)
            kept = [(y, np.asarray(g, y.dtype)) for y, g in zip(outputs, gs, strict=True) if y.requires_grad]
            wanted = [tracked[name] for name in self.wanted]
            slopes = (
                gradients([y for y, _ in kept], wanted, [g for _, g in kept], allow_unused=True)
                if kept
                else (None,) * len(wanted)
            )
        values = tuple(np.array(y.detach().numpy()) for y in outputs)
        return values, {
            name: np.zeros(tracked[name].shape) if slope is None else np.array(slope.numpy())
            for name, slope in zip(self.wanted, slopes, strict=True)
        }
