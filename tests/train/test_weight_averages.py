"""Averages of the weights as callbacks: Polyak's, SWA, EMA."""

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train

KINDS = {
    "polyak": lambda start=0: train.PolyakAverage(start),
    "swa": lambda start=0: train.SWA(start),
    "ema": lambda start=0: train.EMA(0.8, start),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def network(norm=False, dropout=False, seed=0):
    rng = np.random.default_rng(seed)
    middle = [nn.BatchNorm1d(6)] if norm else []
    middle += [nn.Dropout(0.3, rng=rng)] if dropout else []
    return nn.Sequential(nn.Linear(3, 6, rng=rng), *middle, nn.ReLU(), nn.Linear(6, 2, rng=rng))


def loader(seed=1, shuffle=True):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3))
    return data.DataLoader(data.TensorDataset(x, (x[:, 0] > 0).astype(int)), 8, shuffle=shuffle, rng=rng)


class Record(train.Callback):
    """The weights after each update and each epoch."""

    def __init__(self):
        self.updates, self.epochs = [], []

    def on_batch_end(self, trainer):
        if trainer.updated:
            self.updates.append(self.weights(trainer.model))

    def on_epoch_end(self, trainer):
        self.epochs.append(self.weights(trainer.model))

    @staticmethod
    def weights(model):
        return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def fit(model, callbacks, epochs=4, batches=None, **options):
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.5)
    batches = loader() if batches is None else batches
    return train.fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        batches,
        epochs=epochs,
        callbacks=callbacks,
        progress=False,
        **options,
    )


def assert_weights(model, expected, **tolerance):
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(value.detach().numpy(), expected[name], **tolerance)


@pytest.mark.parametrize("start", [0, 2])
@every_kind
def test_the_model_ends_with_the_average(kind, start):
    model, record, average = network(), Record(), KINDS[kind](start)
    fit(model, [record, average])
    seen = record.epochs[start:] if kind == "swa" else record.updates[5 * start :]
    assert average.count == len(seen)
    if kind == "ema":
        expected = seen[0]
        for weights in seen[1:]:
            expected = {name: 0.8 * expected[name] + 0.2 * weights[name] for name in weights}
    else:
        expected = {name: np.mean([weights[name] for weights in seen], axis=0) for name in seen[0]}
    assert_weights(model, expected, rtol=1e-4, atol=1e-6)
    assert_weights(average.model, expected, rtol=1e-4, atol=1e-6)
    assert average.model is not model


class Shuffled:
    """A loader that says nothing of where it is."""

    def __init__(self):
        self.batches, self.rng = list(loader(shuffle=False)), np.random.default_rng(4)

    def __iter__(self):
        return (self.batches[place] for place in self.rng.permutation(5))


def noisy():
    """A loader in order, whose data set draws from the loader's generator."""
    clean = data.MapDataset(loader().dataset, lambda sample: (sample[0].reshape(3, 1, 1), sample[1]))
    change = data.augment.Compose([data.augment.GaussianNoise(clip=False), lambda images: images[:, :, 0, 0]])
    return data.DataLoader(data.AugmentedDataset(clean, change), 8)


@pytest.mark.parametrize("make", [loader, Shuffled, noisy])
@every_kind
def test_the_training_is_not_disturbed(kind, make):
    """The weights of the training are those without an average; going on begins with them."""
    plain, record = network(norm=True, dropout=True), Record()
    pb.manual_seed(8)
    fit(plain, [record], epochs=5, batches=make())
    pb.manual_seed(8)
    model, watched = network(norm=True, dropout=True), Record()
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.5)
    trainer = train.Trainer(model, nn.CrossEntropyLoss(), optimizer, callbacks=[watched, KINDS[kind]()])
    batches = make()
    trainer.fit(batches, epochs=2)
    trainer.fit(batches, epochs=5)
    for one, other in zip(record.updates, watched.updates, strict=True):
        for name, value in one.items():
            assert np.array_equal(value, other[name]), name


@every_kind
def test_an_interrupted_training_ends_with_the_same_average(kind, tmp_path):
    model, average = network(norm=True), KINDS[kind](1)
    fit(model, [average], epochs=4)
    for epochs in (2, 4):
        again, resumed = network(norm=True), KINDS[kind](1)
        fit(again, [resumed], epochs=epochs, checkpoint=tmp_path, resume=True)
    assert resumed.count == average.count
    for name, value in model.state_dict().items():
        assert np.array_equal(value.detach().numpy(), again.state_dict()[name].detach().numpy()), name


class Stop(train.Callback):
    """In the middle of the third epoch, once."""

    def __init__(self):
        self.done = False

    def on_batch_end(self, trainer):
        if (trainer.epoch, trainer.batch) == (3, 2) and not self.done:
            self.done = True
            trainer.stop("for a while")


@pytest.mark.parametrize("make", [loader, Shuffled, noisy])
@pytest.mark.parametrize("from_file", [False, True])
@every_kind
def test_a_training_that_is_left_in_the_middle_of_an_epoch(kind, from_file, make, tmp_path):
    pb.manual_seed(8)
    model, average = network(norm=True, dropout=True), KINDS[kind](1)
    fit(model, [average], epochs=4, batches=make())
    pb.manual_seed(8)
    again, resumed, batches = network(norm=True, dropout=True), KINDS[kind](1), make()
    if from_file:
        fit(again, [resumed, Stop()], epochs=4, batches=batches, checkpoint=tmp_path)
        again, resumed = network(norm=True, dropout=True), KINDS[kind](1)
        fit(again, [resumed, train.Callback()], epochs=4, batches=make(), checkpoint=tmp_path, resume=True)
    else:
        optimizer = optim.SGD(again.parameters(), lr=0.3, momentum=0.5)
        trainer = train.Trainer(again, nn.CrossEntropyLoss(), optimizer, callbacks=[resumed, Stop()])
        assert trainer.fit(batches, epochs=4).stopped
        trainer.fit(batches, epochs=4)
    assert resumed.count == average.count
    for name, value in model.state_dict().items():
        assert np.array_equal(value.detach().numpy(), again.state_dict()[name].detach().numpy()), name


@pytest.mark.parametrize("kind", ["polyak", "swa"])
def test_batch_statistics_are_those_of_the_average(kind):
    model = network(norm=True)
    batches = loader(shuffle=False)
    fit(model, [KINDS[kind]()], batches=batches)
    means = [model[0](x).detach().numpy().mean(0) for x, _ in batches]
    np.testing.assert_allclose(model[1].running_mean.numpy(), np.mean(means, axis=0), atol=1e-5)


def test_validations_measure_the_exponential_average():
    measured = {}
    for kind, make in KINDS.items():
        model = network()
        validation = loader(5, shuffle=False)
        history = fit(model, [make()], validation=validation)
        at_end = train.evaluate(model, nn.CrossEntropyLoss(), validation).loss
        measured[kind] = (history[-1].validation.loss, at_end)
    assert measured["ema"][0] == pytest.approx(measured["ema"][1], abs=1e-7)
    assert measured["polyak"][0] != pytest.approx(measured["polyak"][1], abs=1e-4)


def test_early_stopping_restores_the_best_average():
    for order in (0, 1):
        model = network()
        callbacks = [train.EMA(0.8), train.EarlyStopping("validation loss", patience=2)]
        validation = loader(9, shuffle=False)
        fit(model, callbacks[::-1] if order else callbacks, epochs=30, validation=validation)
        found = train.evaluate(model, nn.CrossEntropyLoss(), validation).loss
        assert found == pytest.approx(callbacks[1].best, abs=1e-6)


def test_accumulated_batches_make_one_update():
    average = train.PolyakAverage()
    fit(network(), [average], epochs=2, accumulate=2)
    assert average.count == 6


def test_another_model_begins_anew():
    average = train.PolyakAverage()
    fit(network(), [average], epochs=2)
    fit(network(seed=3), [average], epochs=1)
    assert average.count == 5


def test_inputs_of_several_parts():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.linear = nn.BatchNorm1d(3), nn.Linear(3, 2)

        def forward(self, x, y):
            return self.linear(self.norm(x + y))

    batches = [((x, x), y) for x, y in loader(shuffle=False)]
    model = Two()
    fit(model, [train.SWA()], batches=batches)
    expected = np.mean([2 * x.numpy().mean(0) for (x, _), _ in batches], axis=0)
    np.testing.assert_allclose(model.norm.running_mean.numpy(), expected, atol=1e-6)


def test_before_there_is_an_average():
    average = train.SWA(start=3)
    with pytest.raises(RuntimeError, match="begins after 3 epochs"):
        _ = average.model
    model, record = network(), Record()
    fit(model, [record, average], epochs=2)
    assert_weights(model, record.epochs[-1])
    assert average.count == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: train.EMA(1.0),
        lambda: train.EMA(-0.1),
        lambda: train.SWA(-1),
        lambda: train.PolyakAverage(1.5),
    ],
)
def test_options_out_of_range(make):
    with pytest.raises(ValueError, match=r"decay is|start is"):
        make()


def test_the_mean_is_nearer_to_the_minimum():
    """Noisy steps at a constant rate wander; their mean does not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    y = x @ [[1.0], [-2.0], [0.5], [3.0]] + rng.normal(size=(200, 1))
    best = np.linalg.lstsq(x, y, rcond=None)[0].ravel()
    distances = []
    for callbacks in ([], [train.PolyakAverage(2)]):
        model = nn.Linear(4, 1, bias=False, rng=np.random.default_rng(1))
        batches = data.DataLoader(data.TensorDataset(x, y), 2, shuffle=True, rng=np.random.default_rng(2))
        optimizer = optim.SGD(model.parameters(), lr=0.05)
        train.fit(model, nn.MSELoss(), optimizer, batches, epochs=12, callbacks=callbacks, progress=False)
        distances.append(np.linalg.norm(model.weight.detach().numpy().ravel() - best))
    assert distances[1] < distances[0] / 3
    assert pb.is_grad_enabled()
