"""The eleven workloads: what each computes, and the numbers that all libraries begin with."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]

TITLES = {
    "W1": "scalar network 3-16-16-1 on 3 samples, about 2,000 scalar operations, SGD",
    "W2": "50 chained tanh(x·w + b) on arrays of 10, SGD",
    "W3": "network 784-256-128-10, batch 128, Adam",
    "W4": "convolutional network, 64×3×32×32: three 3×3 with batch norm and pooling, SGD with momentum",
    "W5": "character LSTM, 65 characters, 128 units, 32 texts of 64, Adam",
    "W5r": "character tanh RNN, the same",
    "W6": "GPT of 2 blocks, 128 features, 4 heads, 16 texts of 128, AdamW",
    "W7": "sigmoid(tanh(x·y) + exp(−x²)) of 1,000,000 numbers",
    "W8": "product of two 1024×1024 matrices",
    "W9": "log of softmax and layer norm of 4096×1024",
    "W10": "Adam alone, 50 parameters, 5,000,000 numbers",
}


class Work(NamedTuple):
    """What a workload begins with: parameters by their state-dict names, data, and sizes."""

    parameters: Arrays
    data: Arrays
    sizes: dict[str, int]


def work(name: str, tiny: bool = False) -> Work:
    """The same numbers for each library and each call; tiny ones only show that it runs."""
    return _MAKERS[name](np.random.default_rng(20), tiny)


def _drawn(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> Arrays:
    """Normal weights of variance 1 / inputs; ones and zeros where a norm or a bias is meant."""
    arrays = {}
    for name, shape in shapes.items():
        if name.endswith("bias"):
            arrays[name] = np.zeros(shape, np.float32)
        elif len(shape) == 1:
            arrays[name] = np.ones(shape, np.float32)
        else:
            arrays[name] = (rng.normal(size=shape) / math.sqrt(math.prod(shape[1:]))).astype(np.float32)
    return arrays


def _scalars(rng: np.random.Generator, tiny: bool) -> Work:
    widths = (3, 2, 1) if tiny else (3, 16, 16, 1)
    parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        parameters[f"{layer}.weight"] = rng.uniform(-1, 1, (outputs, inputs)).astype(np.float32)
        parameters[f"{layer}.bias"] = np.zeros(outputs, np.float32)
    data = {
        "x": rng.uniform(-1, 1, (3, 3)).astype(np.float32),
        "y": np.array([1, -1, 1], np.float32),
    }
    return Work(parameters, data, {"layers": len(widths) - 1})


def _chain(rng: np.random.Generator, tiny: bool) -> Work:
    parameters = {"w": np.full(10, 0.9, np.float32), "b": np.full(10, 0.1, np.float32)}
    return Work(parameters, {"x": np.linspace(-1, 1, 10, dtype=np.float32)}, {"links": 2 if tiny else 50})


def _mlp(rng: np.random.Generator, tiny: bool) -> Work:
    widths = (6, 5, 4, 3) if tiny else (784, 256, 128, 10)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, outputs) in zip((0, 2, 4), pairwise(widths), strict=True):
        shapes |= {f"{layer}.weight": (outputs, inputs), f"{layer}.bias": (outputs,)}
    batch = 4 if tiny else 128
    data = {
        "x": rng.normal(size=(batch, widths[0])).astype(np.float32),
        "y": rng.integers(0, widths[-1], batch),
    }
    return Work(_drawn(rng, shapes), data, {})


def _cnn(rng: np.random.Generator, tiny: bool) -> Work:
    batch, side = (2, 8) if tiny else (64, 32)
    shapes: dict[str, tuple[int, ...]] = {}
    for at, (inputs, outputs) in {0: (3, 32), 3: (32, 32), 7: (32, 64)}.items():
        shapes |= {f"{at}.weight": (outputs, inputs, 3, 3), f"{at}.bias": (outputs,)}
        shapes |= {f"{at + 1}.weight": (outputs,), f"{at + 1}.bias": (outputs,)}
    features = 64 * (side // 4) ** 2
    shapes |= {"12.weight": (10, features), "12.bias": (10,)}
    data = {
        "x": rng.normal(size=(batch, 3, side, side)).astype(np.float32),
        "y": rng.integers(0, 10, batch),
    }
    return Work(_drawn(rng, shapes), data, {"features": features})


def _characters(rng: np.random.Generator, tiny: bool, gates: int) -> Work:
    vocabulary, embedding, hidden, length, batch = (5, 3, 4, 6, 2) if tiny else (65, 64, 128, 64, 32)
    shapes = {
        "embedding.weight": (vocabulary, embedding),
        "rnn.weight_ih_l0": (gates * hidden, embedding),
        "rnn.weight_hh_l0": (gates * hidden, hidden),
        "rnn.bias": (gates * hidden,),
        "head.weight": (vocabulary, hidden),
        "head.bias": (vocabulary,),
    }
    parameters = _drawn(rng, shapes)
    bias = parameters.pop("rnn.bias")
    parameters |= {"rnn.bias_ih_l0": bias, "rnn.bias_hh_l0": bias.copy()}
    tokens = rng.integers(0, vocabulary, (batch, length + 1))
    sizes = {"vocabulary": vocabulary, "embedding": embedding, "hidden": hidden}
    return Work(parameters, {"x": tokens[:, :-1].copy(), "y": tokens[:, 1:].copy()}, sizes)


def _gpt(rng: np.random.Generator, tiny: bool) -> Work:
    vocabulary, width, heads, length, batch, blocks = (5, 4, 2, 6, 2, 1) if tiny else (65, 128, 4, 128, 16, 2)
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (vocabulary, width), "wpe.weight": (length, width)}
    for block in range(blocks):
        at = f"blocks.{block}"
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"{at}.{norm}.weight": (width,), f"{at}.{norm}.bias": (width,)}
        for layer, (inputs, outputs) in {
            "qkv": (width, 3 * width),
            "proj": (width, width),
            "fc": (width, 4 * width),
            "out": (4 * width, width),
        }.items():
            shapes |= {f"{at}.{layer}.weight": (outputs, inputs), f"{at}.{layer}.bias": (outputs,)}
    shapes |= {
        "ln_f.weight": (width,),
        "ln_f.bias": (width,),
        "head.weight": (vocabulary, width),
        "head.bias": (vocabulary,),
    }
    tokens = rng.integers(0, vocabulary, (batch, length + 1))
    sizes = {
        "vocabulary": vocabulary,
        "width": width,
        "heads": heads,
        "length": length,
        "blocks": blocks,
    }
    return Work(_drawn(rng, shapes), {"x": tokens[:, :-1].copy(), "y": tokens[:, 1:].copy()}, sizes)


def _elementwise(rng: np.random.Generator, tiny: bool) -> Work:
    size = 10 if tiny else 1_000_000
    return Work({name: rng.normal(size=size).astype(np.float32) for name in "xy"}, {}, {})


def _product(rng: np.random.Generator, tiny: bool) -> Work:
    size = 4 if tiny else 1024
    return Work({name: rng.normal(size=(size, size)).astype(np.float32) for name in "ab"}, {}, {})


def _normalised(rng: np.random.Generator, tiny: bool) -> Work:
    rows, columns = (3, 4) if tiny else (4096, 1024)
    parameters = {"x": rng.normal(size=(rows, columns)).astype(np.float32)}
    parameters |= _drawn(rng, {"weight": (columns,), "bias": (columns,)})
    return Work(parameters, {"g": rng.normal(size=(rows, columns)).astype(np.float32)}, {})


def _update(rng: np.random.Generator, tiny: bool) -> Work:
    count, size = (2, 5) if tiny else (50, 100_000)
    names = [f"p{i}" for i in range(count)]
    parameters = {name: rng.normal(size=size).astype(np.float32) for name in names}
    return Work(parameters, {name: rng.normal(size=size).astype(np.float32) for name in names}, {})


_MAKERS: dict[str, Callable[[np.random.Generator, bool], Work]] = {
    "W1": _scalars,
    "W2": _chain,
    "W3": _mlp,
    "W4": _cnn,
    "W5": lambda rng, tiny: _characters(rng, tiny, 4),
    "W5r": lambda rng, tiny: _characters(rng, tiny, 1),
    "W6": _gpt,
    "W7": _elementwise,
    "W8": _product,
    "W9": _normalised,
    "W10": _update,
}
