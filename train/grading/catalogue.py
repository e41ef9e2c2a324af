"""The exercises of the course: gates, layers and losses; what takes images or sequences is in its own file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ... import autograd as ag
from ...nn import functional as F  # noqa: N812 - as everyone calls it
from .catalogue_networks import BATCH_NORM, EPS, IMAGES, SEQUENCES, normalised
from .exercise import Exercise, Input, choose, labels


def _softmax_loss(x: Any, y: Any) -> Any:
    return F.cross_entropy(x, y)


def _svm_loss(x: Any, y: Any) -> Any:
    return F.multiclass_hinge_loss(x, y)


def _linear_svm(w: Any, x: Any, y: Any, reg: float) -> Any:
    return _svm_loss(x @ w, y) + reg * ag.sum(w * w)


def _linear_softmax(w: Any, x: Any, y: Any, reg: float) -> Any:
    return _softmax_loss(x @ w, y) + reg * ag.sum(w * w)


def _dropped(rng: np.random.Generator, size: tuple[int, ...], sizes: Mapping[str, int]) -> Any:
    """The mask of a dropout, of another rate every time."""
    keep = float(rng.choice([0.3, 0.5, 0.7, 0.9]))
    return (rng.random(size) < keep) / keep


_SCORES: dict[str, str | Input] = {"x": "N C", "y": labels("N", classes="C")}
_LINEAR: dict[str, str | Input] = {
    "W": "D C",
    "X": "N D",
    "y": labels("N", classes="C"),
    "reg": choose(lambda rng, sizes: float(rng.uniform(0.01, 1))),
}
_CLASSES = {"C": (3, 6)}

GATES = (
    Exercise("multiply", lambda x, y: x * y, {"x": "N D", "y": "N D"}, empty="N"),
    Exercise("sigmoid", ag.sigmoid, {"x": "N D"}, empty="N", large=["x"]),
    Exercise("tanh", ag.tanh, {"x": "N D"}, empty="N", large=["x"]),
    Exercise("relu", ag.relu, {"x": "N D"}, empty="N"),
    Exercise("softmax", lambda x: ag.softmax(x, -1), {"x": "N C"}, large=["x"]),
)

LAYERS = (
    Exercise("affine", lambda x, w, b: x @ w + b, {"x": "N D", "w": "D M", "b": "M"}),
    Exercise(
        "batchnorm",
        lambda x, gamma, beta, bn_param: normalised(x, 0, bn_param["eps"]) * gamma + beta,
        {"x": "N D", "gamma": "D", "beta": "D", "bn_param": BATCH_NORM},
        aliases=["batch_norm"],
        sizes={"N": (3, 6)},
    ),
    Exercise(
        "layernorm",
        lambda x, gamma, beta, ln_param: normalised(x, -1, ln_param["eps"]) * gamma + beta,
        {
            "x": "N D",
            "gamma": "D",
            "beta": "D",
            "ln_param": choose(lambda rng, sizes: {"eps": float(rng.choice(EPS))}),
        },
        aliases=["layer_norm"],
        sizes={"D": (3, 6)},
    ),
    Exercise(
        "dropout",
        lambda x, mask: x * mask,
        {"x": "N D", "mask": Input("N D", _dropped, gradient=False)},
        empty="N",
    ),
)

LOSSES = (
    Exercise("softmax_loss", _softmax_loss, _SCORES, style="together", sizes=_CLASSES, large=["x"]),
    Exercise("svm_loss", _svm_loss, _SCORES, style="together", sizes=_CLASSES),
    *(
        Exercise(f"{name}_{way}", loss, _LINEAR, wrt=["W"], style="together", sizes=_CLASSES, large=large)
        for name, loss, large in (("svm_loss", _linear_svm, ()), ("softmax_loss", _linear_softmax, ["W"]))
        for way in ("naive", "vectorized")
    ),
)


@functools.cache
def catalogue() -> MappingProxyType[str, Exercise]:
    """The exercises of the course, by name.

    The functions have the names and arguments of Stanford's CS231n assignments: `affine_forward(x, w, b)` and
    `affine_backward(dout, cache)`, `softmax_loss(x, y)`, `conv_forward_naive(x, w, b, conv_param)`, and so on.

    >>> import pullback as pb
    >>> sorted(pb.testing.catalogue())[:4]
    ['affine', 'attention', 'avg_pool', 'batchnorm']
    >>> list(pb.testing.catalogue()["conv"].inputs)
    ['x', 'w', 'b', 'conv_param']
    """
    return MappingProxyType({e.name: e for e in (*GATES, *LAYERS, *LOSSES, *IMAGES, *SEQUENCES)})
