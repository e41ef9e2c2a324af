"""The workloads as formulas: functions of a dict of arrays, in the words that JAX, HIPS autograd and MyGrad share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scalars import layers_of, loss_of
from toolkits import Toolkit
from work import Work

Parameters = dict[str, Any]
Formula = Callable[[Parameters], Any]


def formula(name: str, kit: Toolkit, work: Work) -> Formula:
    """What a workload computes of its parameters: the loss, or what is pulled back from."""
    return _FORMULAS[name](kit, work)


def _scalars(kit: Toolkit, work: Work) -> Formula:
    return lambda p: loss_of(layers_of(work, p), work, kit.xp.tanh)


def _chain(kit: Toolkit, work: Work) -> Formula:
    def chain(p: Parameters) -> Any:
        y = work.data["x"]
        for _ in range(work.sizes["links"]):
            y = kit.xp.tanh(y * p["w"] + p["b"])
        return kit.xp.sum(y)

    return chain


def _mlp(kit: Toolkit, work: Work) -> Formula:
    def mlp(p: Parameters) -> Any:
        x = work.data["x"]
        for layer in (0, 2, 4):
            x = _linear(kit, p, str(layer), x)
            x = kit.xp.maximum(x, 0) if layer < 4 else x
        return _cross_entropy(kit, x, work.data["y"])

    return mlp


def _cnn(kit: Toolkit, work: Work) -> Formula:
    def block(p: Parameters, at: int, x: Any) -> Any:
        x = kit.convolve(x, p[f"{at}.weight"]) + p[f"{at}.bias"][:, None, None]
        x = x - kit.xp.mean(x, axis=(0, 2, 3), keepdims=True)
        x = x / kit.xp.sqrt(kit.xp.mean(x * x, axis=(0, 2, 3), keepdims=True) + 1e-5)
        weight, bias = (p[f"{at + 1}.{part}"][:, None, None] for part in ("weight", "bias"))
        return kit.xp.maximum(x * weight + bias, 0)

    def cnn(p: Parameters) -> Any:
        x = block(p, 0, work.data["x"])
        x = kit.halve(block(p, 3, x))
        x = kit.halve(block(p, 7, x))
        logits = _linear(kit, p, "12", x.reshape((len(work.data["x"]), -1)))
        return _cross_entropy(kit, logits, work.data["y"])

    return cnn


def _characters(kit: Toolkit, work: Work) -> Formula:
    xp, hidden, tokens = kit.xp, work.sizes["hidden"], work.data["x"]

    def lstm(state: tuple[Any, Any], z: Any) -> tuple[Any, Any]:
        i, f, g, o = (z[:, at * hidden : (at + 1) * hidden] for at in range(4))
        cell = _sigmoid(xp, f) * state[1] + _sigmoid(xp, i) * xp.tanh(g)
        return _sigmoid(xp, o) * xp.tanh(cell), cell

    def characters(p: Parameters) -> Any:
        gated = p["rnn.weight_hh_l0"].shape[0] == 4 * hidden
        bias = p["rnn.bias_ih_l0"] + p["rnn.bias_hh_l0"]
        fed = (
            xp.matmul(p["embedding.weight"][tokens.T], p["rnn.weight_ih_l0"].T) + bias
        )  # (time, batch, gates)

        def step(state: tuple[Any, Any], z: Any) -> tuple[Any, Any]:
            z = z + xp.matmul(state[0], p["rnn.weight_hh_l0"].T)
            return lstm(state, z) if gated else (xp.tanh(z), state[1])

        zeros = np.zeros((len(tokens), hidden), np.float32)
        logits = _linear(kit, p, "head", kit.scan(step, (zeros, zeros), fed))
        return _cross_entropy(
            kit, logits.reshape((-1, work.sizes["vocabulary"])), work.data["y"].T.reshape(-1)
        )

    return characters


def _gpt(kit: Toolkit, work: Work) -> Formula:
    xp, width, heads, length = kit.xp, work.sizes["width"], work.sizes["heads"], work.sizes["length"]
    later = np.triu(np.full((length, length), -np.inf, np.float32), 1)

    def attend(q: Any, k: Any, v: Any) -> Any:
        scores = xp.matmul(q, xp.swapaxes(k, -1, -2)) / math.sqrt(width // heads) + later
        scores = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        return xp.matmul(scores / xp.sum(scores, axis=-1, keepdims=True), v)

    def block(p: Parameters, at: str, x: Any) -> Any:
        n = len(work.data["x"])
        qkv = _linear(kit, p, f"{at}.qkv", _layer_norm(kit, p, f"{at}.ln_1", x))
        parts = xp.transpose(qkv.reshape((n, length, 3, heads, width // heads)), (2, 0, 3, 1, 4))
        y = xp.transpose(attend(parts[0], parts[1], parts[2]), (0, 2, 1, 3)).reshape((n, length, width))
        x = x + _linear(kit, p, f"{at}.proj", y)
        inner = kit.gelu(_linear(kit, p, f"{at}.fc", _layer_norm(kit, p, f"{at}.ln_2", x)))
        return x + _linear(kit, p, f"{at}.out", inner)

    def gpt(p: Parameters) -> Any:
        x = p["wte.weight"][work.data["x"]] + p["wpe.weight"]
        for number in range(work.sizes["blocks"]):
            x = block(p, f"blocks.{number}", x)
        logits = _linear(kit, p, "head", _layer_norm(kit, p, "ln_f", x))
        return _cross_entropy(kit, logits.reshape((-1, work.sizes["vocabulary"])), work.data["y"].reshape(-1))

    return gpt


def _elementwise(kit: Toolkit, work: Work) -> Formula:
    xp = kit.xp
    return lambda p: xp.sum(_sigmoid(xp, xp.tanh(p["x"] * p["y"]) + xp.exp(-(p["x"] ** 2))))


def _product(kit: Toolkit, work: Work) -> Formula:
    return lambda p: kit.xp.sum(kit.xp.matmul(p["a"], p["b"]))


def _normalised(kit: Toolkit, work: Work) -> Formula:
    xp = kit.xp

    def normalised(p: Parameters) -> Any:
        x = xp.exp(p["x"] - xp.max(p["x"], axis=-1, keepdims=True))
        return _layer_norm(
            kit, {"at." + name: p[name] for name in p}, "at", xp.log(x / xp.sum(x, axis=-1, keepdims=True))
        )

    return normalised


def _linear(kit: Toolkit, p: Parameters, at: str, x: Any) -> Any:
    return kit.xp.matmul(x, p[f"{at}.weight"].T) + p[f"{at}.bias"]


def _layer_norm(kit: Toolkit, p: Parameters, at: str, x: Any) -> Any:
    x = x - kit.xp.mean(x, axis=-1, keepdims=True)
    x = x / kit.xp.sqrt(kit.xp.mean(x * x, axis=-1, keepdims=True) + 1e-5)
    return x * p[f"{at}.weight"] + p[f"{at}.bias"]


def _sigmoid(xp: Any, x: Any) -> Any:
    return 1 / (1 + xp.exp(-x))


def _cross_entropy(kit: Toolkit, x: Any, classes: Any) -> Any:
    x = x - kit.xp.max(x, axis=1, keepdims=True)
    logs = x - kit.xp.log(kit.xp.sum(kit.xp.exp(x), axis=1, keepdims=True))
    return -kit.xp.mean(logs[np.arange(len(classes)), classes])


_FORMULAS: dict[str, Callable[[Toolkit, Work], Formula]] = {
    "W1": _scalars,
    "W2": _chain,
    "W3": _mlp,
    "W4": _cnn,
    "W5": _characters,
    "W5r": _characters,
    "W6": _gpt,
    "W7": _elementwise,
    "W8": _product,
    "W9": _normalised,
}
