"""The exercises of the course that take images or sequences."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ... import autograd as ag
from ...nn import functional as F  # noqa: N812 - as everyone calls it
from .exercise import Exercise, Input, choose, labels, mask


def normalised(x: Any, axis: Any, eps: float) -> Any:
    """x with mean 0 and variance 1 along axes."""
    centred = x - ag.mean(x, axis=axis, keepdims=True)
    return centred / ag.sqrt(ag.mean(centred * centred, axis=axis, keepdims=True) + eps)


def _spatial_batchnorm(x: Any, gamma: Any, beta: Any, bn_param: Mapping[str, Any]) -> Any:
    return normalised(x, (0, 2, 3), bn_param["eps"]) * gamma[:, None, None] + beta[:, None, None]


def _conv_settings(rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, int]:
    room = [max(0, -(-(sizes[k] - sizes[n]) // 2)) for n, k in (("H", "HH"), ("W", "WW"))]
    found = []
    for pad in range(max(room), max(room) + 3):
        spans = [sizes[n] + 2 * pad - sizes[k] for n, k in (("H", "HH"), ("W", "WW"))]
        found += [({"stride": s, "pad": pad}, _telling(s, spans)) for s in (1, 2, 3) if _fits(s, spans)]
    return _one_of(rng, found)


def _pool_settings(rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, int]:
    kinds: dict[
        bool | None, list[tuple[dict[str, int], bool]]
    ] = {}  # windows that overlap, that touch, with gaps
    for height, width, stride in itertools.product((1, 2, 3), repeat=3):
        spans = sizes["H"] - height, sizes["W"] - width
        if min(spans) >= 0 and _fits(stride, spans):
            settings = {"pool_height": height, "pool_width": width, "stride": stride}
            kind = None if stride == max(height, width) else stride < max(height, width)
            kinds.setdefault(kind, []).append((settings, _telling(stride, spans) and height * width > 1))
    return _one_of(rng, list(kinds.values())[int(rng.integers(len(kinds)))])


def _fits(stride: int, spans: Sequence[int]) -> bool:
    return not any(span % stride for span in spans)


def _telling(stride: int, spans: Sequence[int]) -> bool:
    """Whether a stride shows: it is not 1, and there is more than one place along both axes."""
    return stride > 1 and min(spans) > 0


def _one_of(rng: np.random.Generator, found: Sequence[tuple[dict[str, int], bool]]) -> dict[str, int]:
    """One of some settings: mostly one that tells much, if there is any."""
    telling = [settings for settings, tells in found if tells]
    chosen = telling if telling and rng.random() < 0.7 else [settings for settings, _ in found]
    return chosen[int(rng.integers(len(chosen)))]


def _window(pool_param: Mapping[str, int]) -> dict[str, Any]:
    size = (pool_param["pool_height"], pool_param["pool_width"])
    return {"kernel_size": size, "stride": pool_param["stride"]}


_IMAGE_SIZES = {"N": (2, 3), "C": (2, 4), "H": (3, 6), "W": (3, 6)}
EPS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
BATCH_NORM = choose(lambda rng, sizes: {"mode": "train", "eps": float(rng.choice(EPS))})

IMAGES = (
    Exercise(
        "conv",
        lambda x, w, b, conv_param: F.conv2d(x, w, b, conv_param["stride"], conv_param["pad"]),
        {"x": "N C H W", "w": "F C HH WW", "b": "F", "conv_param": choose(_conv_settings)},
        aliases=["conv2d"],
        sizes=_IMAGE_SIZES | {"F": (2, 4), "HH": (2, 3), "WW": (1, 5)},
    ),
    Exercise(
        "max_pool",
        lambda x, pool_param: F.max_pool2d(x, **_window(pool_param)),
        {"x": "N C H W", "pool_param": choose(_pool_settings)},
        aliases=["maxpool"],
        sizes=_IMAGE_SIZES,
    ),
    Exercise(
        "avg_pool",
        lambda x, pool_param: F.avg_pool2d(x, **_window(pool_param)),
        {"x": "N C H W", "pool_param": choose(_pool_settings)},
        aliases=["avgpool", "mean_pool"],
        sizes=_IMAGE_SIZES,
    ),
    Exercise(
        "spatial_batchnorm",
        _spatial_batchnorm,
        {"x": "N C H W", "gamma": "C", "beta": "C", "bn_param": BATCH_NORM},
        sizes=_IMAGE_SIZES,
    ),
)


def _rnn_step(x: Any, prev_h: Any, wx: Any, wh: Any, b: Any) -> Any:
    return ag.tanh(x @ wx + prev_h @ wh + b)


def _rnn(x: Any, h0: Any, wx: Any, wh: Any, b: Any) -> Any:
    h, states = h0, []
    for t in range(x.shape[1]):
        h = _rnn_step(x[:, t], h, wx, wh, b)
        states.append(h)
    return ag.stack(states, axis=1)


def _lstm_step(x: Any, prev_h: Any, prev_c: Any, wx: Any, wh: Any, b: Any) -> tuple[Any, Any]:
    i, f, o, g = ag.split(x @ wx + prev_h @ wh + b, 4, axis=1)  # the order of the assignments
    c = ag.sigmoid(f) * prev_c + ag.sigmoid(i) * ag.tanh(g)
    return ag.sigmoid(o) * ag.tanh(c), c


def _lstm(x: Any, h0: Any, wx: Any, wh: Any, b: Any) -> Any:
    h, c, states = h0, 0 * h0, []
    for t in range(x.shape[1]):
        h, c = _lstm_step(x[:, t], h, c, wx, wh, b)
        states.append(h)
    return ag.stack(states, axis=1)


def _temporal_softmax_loss(x: Any, y: Any, mask: Any) -> Any:
    scores = ag.reshape(x, (-1, x.shape[-1]))
    losses = F.cross_entropy(scores, np.reshape(y, -1), reduction="none")
    return ag.sum(losses * np.reshape(mask, -1)) / x.shape[0]


def _attention(q: Any, k: Any, v: Any) -> Any:
    return ag.softmax(q @ ag.matrix_transpose(k) / float(np.sqrt(q.shape[-1])), axis=-1) @ v


def _four(shape: str) -> Input:
    """The last axis is as long as the four gates of an LSTM together."""
    return Input(shape, lambda rng, size, sizes: rng.normal(size=(*size[:-1], 4 * size[-1])))


def _words(rng: np.random.Generator, size: tuple[int, ...], sizes: Mapping[str, int]) -> Any:
    """Words of a vocabulary; at times its last one is not among them."""
    return rng.integers(0, max(1, sizes["V"] - int(rng.integers(0, 2))), size)


_STEP = {"Wx": "D H", "Wh": "H H", "b": "H"}
_GATES = {"Wx": _four("D H"), "Wh": _four("H H"), "b": _four("H")}

SEQUENCES = (
    Exercise("rnn_step", _rnn_step, {"x": "N D", "prev_h": "N H", **_STEP}),
    Exercise("rnn", _rnn, {"x": "N T D", "h0": "N H", **_STEP}),
    Exercise("lstm_step", _lstm_step, {"x": "N D", "prev_h": "N H", "prev_c": "N H", **_GATES}),
    Exercise("lstm", _lstm, {"x": "N T D", "h0": "N H", **_GATES}),
    Exercise("temporal_affine", lambda x, w, b: x @ w + b, {"x": "N T D", "w": "D M", "b": "M"}),
    Exercise(
        "temporal_softmax_loss",
        _temporal_softmax_loss,
        {"x": "N T V", "y": labels("N T", classes="V"), "mask": mask("N T", 0.7)},
        style="together",
        large=["x"],
    ),
    Exercise(
        "word_embedding",
        lambda x, W: W[x],  # noqa: N803 - as the course writes it
        {"x": Input("N T", _words, gradient=False), "W": "V D"},
        aliases=["embedding"],
        sizes={"V": (2, 4), "N": (3, 5)},
    ),
    Exercise("attention", _attention, {"q": "N T D", "k": "N S D", "v": "N S M"}, large=["q"]),
)
