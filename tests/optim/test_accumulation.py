"""Several small batches are one big one."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn, optim

CRITERION = nn.CrossEntropyLoss()


def data(rng, size=12):
    return pb.tensor(rng.normal(size=(size, 3))), pb.asarray(rng.integers(0, 4, size))


@given(st.sets(st.integers(1, 11)))
def test_the_gradient_is_that_of_the_big_batch(cuts):
    x, y = data(np.random.default_rng(0))
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    whole = CRITERION(model(x), y)
    whole.backward()
    expected = [p.grad.numpy().copy() for p in model.parameters()]
    model.zero_grad()
    edges = [0, *sorted(cuts), 12]
    batches = [(x[a:b], y[a:b]) for a, b in itertools.pairwise(edges)]
    mean = optim.accumulate(lambda x, y: CRITERION(model(x), y), batches)
    assert mean == pytest.approx(whole.item())
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), gradient, rtol=1e-9, atol=1e-12)


def test_the_recipe_by_hand_is_the_same(rng):
    x, y = data(rng)
    model = nn.Linear(3, 4).double()
    for i in range(0, 12, 4):
        (CRITERION(model(x[i : i + 4]), y[i : i + 4]) / 3).backward()
    by_hand = model.weight.grad.numpy().copy()
    model.zero_grad()
    optim.accumulate(lambda x, y: CRITERION(model(x), y), [(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)])
    np.testing.assert_allclose(model.weight.grad.numpy(), by_hand, rtol=1e-12)


def test_it_adds_to_what_is_there():
    w = pb.tensor(1.0, requires_grad=True)
    for _ in range(2):
        optim.accumulate(lambda part: (w * part).mean(), [pb.tensor([2.0, 4.0])])
    assert w.grad.item() == 6.0


@pytest.mark.parametrize(
    ("loss", "batches", "message"),
    [
        (lambda x: x.mean(), [], "nothing to accumulate"),
        (lambda x: x.mean(), [pb.ones(2), pb.ones(0)], "one without samples"),
        (lambda x: x * 2, [pb.ones(2)], r"one number, its mean, and not of shape \(2,\)"),
    ],
)
def test_what_cannot_be_accumulated(loss, batches, message):
    with pytest.raises(ValueError, match=message):
        optim.accumulate(loss, batches)
