"""Embeddings against PyTorch, all options by sampling."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


def compare(ours, theirs, call, other_call, rng):
    assert repr(ours) == repr(theirs)
    ours, theirs = ours.double(), theirs.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    y, z = call(ours), other_call(theirs)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-7, atol=1e-12)
    weights = rng.normal(size=y.shape)
    (y * weights).sum().backward()
    (z * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-6)


def options_of(rng):
    flip = lambda: bool(rng.integers(2))
    return {
        "padding_idx": int(rng.integers(-6, 6)) if flip() else None,
        "max_norm": 1.5 if flip() else None,
        "norm_type": float(rng.choice([1, 2, np.inf])),
        "scale_grad_by_freq": flip(),
    }


@pytest.mark.parametrize("seed", range(20))
def test_embedding(seed):
    rng = np.random.default_rng(seed)
    options = options_of(rng)
    numbers = rng.integers(6, size=(int(rng.integers(0, 3)), 4))
    compare(
        nn.Embedding(6, 3, **options),
        torch.nn.Embedding(6, 3, **options),
        lambda layer: layer(pb.tensor(numbers)),
        lambda layer: layer(torch.tensor(numbers)),
        rng,
    )


@pytest.mark.parametrize("seed", range(40))
def test_embedding_bag(seed):
    rng = np.random.default_rng(seed)
    mode = str(rng.choice(["sum", "mean", "max"]))
    options = options_of(rng) | {"mode": mode, "include_last_offset": bool(rng.integers(2))}
    options["scale_grad_by_freq"] = False  # PyTorch divides by the frequency of another row there
    numbers, offsets, samples = rng.integers(6, size=(3, 4)), None, None
    if rng.integers(2) or options["include_last_offset"]:
        numbers, offsets = rng.integers(6, size=8), np.array([0, 3, 3, 6, 8])
    if mode == "sum" and rng.integers(2):
        samples = rng.normal(size=numbers.shape)
    theirs = [None if x is None else torch.tensor(x) for x in (numbers, offsets, samples)]
    compare(
        nn.EmbeddingBag(6, 3, **options),
        torch.nn.EmbeddingBag(6, 3, **options),
        lambda layer: layer(pb.tensor(numbers), offsets, samples),
        lambda layer: layer(*theirs),
        rng,
    )
