"""What set-ups are made of: data, networks, and the two lists."""

import itertools

import numpy as np

import pullback as pb
from pullback import data, nn, optim

HEALTHY = {}
BROKEN = {}
"""By name: what makes the set-up, and the checks of which one should raise an alarm."""


def healthy(make):
    HEALTHY[make.__name__] = make
    return make


def broken(*checks):
    def note(make):
        BROKEN[make.__name__] = (make, set(checks))
        return make

    return note


def clouds(rng, count=96, features=10, classes=4, apart=2.0):
    """Points around centres, one for each class."""
    y = rng.integers(0, classes, count)
    centres = rng.normal(size=(classes, features)) * apart
    x = rng.normal(size=(count, features)) + centres[y]
    return (x - x.mean(0)) / x.std(0), y


def pixels(rng, count=96):
    """Handwritten digits, from 0 to 1."""
    images, labels = data.digits.load()
    chosen = rng.permutation(len(labels))[:count]
    return np.asarray(images)[chosen].astype(np.float64), np.asarray(labels)[chosen]


def curve(rng, count=80, features=6):
    """A smooth function of some numbers, of unit variance."""
    x = rng.normal(size=(count, features))
    y = np.sin(x @ rng.normal(size=features)) + 0.5 * x[:, 0]
    return x, ((y - y.mean()) / y.std())[:, None]


def mlp(rng, sizes, act=nn.ReLU, end=None):
    parts = []
    for before, after in itertools.pairwise(sizes):
        parts += [nn.Linear(before, after, rng=rng), act()]
    return nn.Sequential(*parts[:-1], *([] if end is None else [end]))


def weights(model, change):
    for name, p in model.named_parameters():
        if p.ndim >= 2:
            p.data.copy_(pb.asarray(change(p.shape).astype(np.float32)))
        elif name.endswith("bias"):
            p.data.copy_(pb.zeros(p.shape))
    return model


def basic(rng, width, **more):
    """What most set-ups start from."""
    x, y = clouds(rng)
    model = mlp(rng, (10, width, width, 4))
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x, y), **more}


def with_optimizer(rng, width, **more):
    case = basic(rng, width, **more)
    return case | {"optimizer": optim.Adam(case["model"].parameters(), lr=1e-3)}
