"""fit, evaluate, accuracy."""

import math

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train


def problem(count=64, seed=0):
    """Three clouds of points, and a small network."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = rng.normal(size=(count, 2)) * 0.3 + np.array([[0, 1], [1, -1], [-1, -1]])[y]
    model = nn.Sequential(nn.Linear(2, 8, rng=rng), nn.ReLU(), nn.Linear(8, 3, rng=rng))
    return model, data.TensorDataset(x, y)


def fit(model, dataset, **options):
    loader = data.DataLoader(dataset, 16, shuffle=True, rng=np.random.default_rng(1))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    options = {"epochs": 15, "metrics": {"accuracy": train.accuracy}, "progress": False, **options}
    return train.fit(model, nn.CrossEntropyLoss(), optimizer, loader, **options)


def test_a_network_learns_and_the_history_says_so():
    model, dataset = problem()
    history = fit(model, dataset, validation=data.DataLoader(problem(seed=9)[1], 10))
    assert len(history) == 15
    assert [epoch.number for epoch in history] == list(range(1, 16))
    assert history[-1].loss < 0.5 * history[0].loss
    assert history[-1].metrics["accuracy"] > 0.95
    assert history[-1].validation.metrics["accuracy"] > 0.95
    assert history[-1].seconds > 0
    assert "validation loss" in str(history[-1])


def test_the_same_seeds_give_the_same_history():
    runs = [fit(*problem(), epochs=3) for _ in range(2)]
    assert [epoch.loss for epoch in runs[0]] == [epoch.loss for epoch in runs[1]]


def test_each_batch_counts_by_its_size():
    model, dataset = problem(10)
    whole = train.evaluate(model, nn.CrossEntropyLoss(), data.DataLoader(dataset, 10))
    parts = train.evaluate(model, nn.CrossEntropyLoss(), data.DataLoader(dataset, 4))
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert whole.metrics == {}


class Watched(nn.Module):
    """Notes in which mode it runs, and whether gradients are on."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)
        self.seen = []

    def forward(self, x):
        self.seen.append((self.training, pb.is_grad_enabled()))
        return self.layer(x)


@pytest.mark.parametrize("before", [True, False])
def test_modes_and_gradients_are_switched_and_restored(before):
    _, dataset = problem(8)
    model = Watched()
    model.train(before)
    model.layer.eval()
    loader = data.DataLoader(dataset, 8)
    fit(model, dataset, epochs=2, validation=loader)
    assert model.seen == [(True, True), (False, False)] * 2
    assert (model.training, model.layer.training) == (before, False)
    model.seen.clear()
    train.evaluate(model, nn.CrossEntropyLoss(), loader)
    assert model.seen == [(False, False)]
    assert (model.training, model.layer.training) == (before, False)


def test_the_mode_comes_back_after_an_error():
    model, dataset = problem(8)
    model.eval()

    def broken(output, target):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train.fit(
            model, broken, optim.SGD(model.parameters()), data.DataLoader(dataset), epochs=1, progress=False
        )
    assert not model.training
    model.train()
    with pytest.raises(ZeroDivisionError):
        train.evaluate(model, broken, data.DataLoader(dataset))
    assert model.training
    assert pb.is_grad_enabled()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_update(value):
    model, dataset = problem(8)
    calls = []

    def loss(output, target):
        calls.append([p.detach().numpy().copy() for p in model.parameters()])
        return output.sum() * (value if len(calls) == 6 else 1e-3)

    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = data.DataLoader(dataset, 2)
    with pytest.raises(FloatingPointError, match=r"the loss is -?(nan|inf) in epoch 2, batch 2"):
        train.fit(model, loss, optimizer, loader, epochs=3, progress=False)
    for parameter, kept in zip(model.parameters(), calls[-1], strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), kept)
        assert np.isfinite(kept).all()


def test_no_epochs_change_nothing():
    model, dataset = problem(8)
    before = model[0].weight.tolist()
    assert len(fit(model, dataset, epochs=0)) == 0
    assert model[0].weight.tolist() == before


@pytest.mark.parametrize("epochs", [-1, 1.5, True, None])
def test_bad_epochs_are_refused(epochs):
    with pytest.raises(ValueError, match="epochs is a whole number from 0 on"):
        fit(*problem(8), epochs=epochs)


def test_loaders_that_give_nothing_or_no_pairs_are_refused():
    model, _ = problem(8)
    loss = nn.CrossEntropyLoss()
    with pytest.raises(ValueError, match="the loader gave no batches"):
        train.evaluate(model, loss, [])
    with pytest.raises(ValueError, match="the loader gave no batches"):
        train.fit(model, loss, optim.SGD(model.parameters()), [], epochs=1, progress=False)
    with pytest.raises(ValueError, match=r"a batch is a pair \(input, target\), and the loader gave 3 parts"):
        train.evaluate(model, loss, [(1, 2, 3)])
    with pytest.raises(ValueError, match="the loader gave a Tensor"):
        train.evaluate(model, loss, [pb.zeros((2, 2))])


# accuracy


def test_accuracy():
    scores = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    assert train.accuracy(scores, np.array([1, 0, 0, 0])) == 0.75
    assert train.accuracy(pb.tensor(scores, requires_grad=True), pb.tensor([1, 0, 1, 0])) == 1.0
    assert train.accuracy(scores.reshape(2, 2, 2).transpose(0, 2, 1), np.array([[1, 0], [1, 1]])) == 0.75
    assert math.isnan(train.accuracy(np.zeros((0, 2)), np.zeros(0)))


@pytest.mark.parametrize(
    ("scores", "classes"), [((4, 2), (4, 1)), ((4, 2), (3,)), ((4,), (4,)), ((4, 2), (4, 2))]
)
def test_accuracy_refuses_shapes_that_do_not_fit(scores, classes):
    with pytest.raises(ValueError, match="accuracy takes scores of shape"):
        train.accuracy(np.zeros(scores), np.zeros(classes, int))
