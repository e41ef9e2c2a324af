"""Modules under vmap: values and gradients of each example, against a loop over the examples."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

SIZE = 3


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


# a module, and the shape of one example
MODULES = {
    "linear": (lambda: nn.Linear(3, 2), (4, 3)),
    "bilinear": (lambda: Pair(nn.Bilinear(3, 3, 2)), (3,)),
    "convolution": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 2, 4, 4)),
    "convolution of one": (lambda: nn.Conv1d(2, 3, 3), (2, 5)),
    "transposed convolution": (lambda: nn.ConvTranspose2d(2, 3, 2, stride=2), (1, 2, 3, 3)),
    "batch norm": (lambda: nn.BatchNorm1d(3, track_running_stats=False), (4, 3)),
    "batch norm in evaluation": (lambda: nn.BatchNorm1d(3).eval(), (4, 3)),
    "layer norm": (lambda: nn.LayerNorm(3), (4, 3)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (2, 4, 3)),
    "instance norm": (lambda: nn.InstanceNorm1d(3, affine=True), (2, 3, 5)),
    "dropout": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)), (3,)),
    "prelu": (nn.PReLU, (4,)),
    "maxout": (lambda: nn.Maxout(3, 4, 2), (3,)),
    "attention": (SelfAttention, (2, 5, 4)),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (2, 5, 4)),
    "embedding": (lambda: nn.Embedding(5, 3), np.array([[1, 1], [0, 4], [2, 3]])),
    "embedding bag": (lambda: nn.EmbeddingBag(5, 3), np.array([[[1, 1], [0, 4]], [[2, 3], [3, 3]], [[0, 0], [1, 2]]])),
}  # fmt: skip


class Pair(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x, pb.flip(x, -1))


def loss(module, x):
    pb.manual_seed(3)  # the same random numbers for each example
    return (module(x) ** 2).sum()


@pytest.mark.parametrize("name", MODULES)
def test_each_example_by_itself(name, rng):
    make, shape = MODULES[name]
    module = make().double()
    x = rng.normal(size=(SIZE, *shape)) if isinstance(shape, tuple) else shape
    values, found = pb.vmap(pb.value_and_grad(loss), in_axes=(None, 0))(module, x)
    for i in range(SIZE):
        value, expected = pb.value_and_grad(loss)(module, x[i])
        np.testing.assert_allclose(values.numpy()[i], value.numpy())
        assert found.keys() == expected.keys()
        for key, gradient in expected.items():
            np.testing.assert_allclose(found[key].numpy()[i], gradient.numpy(), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(
    "module",
    [nn.BatchNorm1d(3, dtype="float64"), nn.InstanceNorm1d(3, track_running_stats=True, dtype="float64")],
)
def test_statistics_that_all_examples_would_move_are_refused(module, rng):
    before = module.running_mean.tolist()
    with pytest.raises(RuntimeError, match="statistics of its own"):
        pb.vmap(lambda x: module(x))(rng.normal(size=(2, 4, 3, 2)))
    assert module.running_mean.tolist() == before
