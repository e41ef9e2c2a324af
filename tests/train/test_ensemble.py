"""Ensembles: averages of models, and of snapshots of one training."""

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train

F = nn.functional


def members(count=4, dtype=np.float64, seed=0):
    models = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        models.append(
            nn.Sequential(nn.Linear(5, 8, rng=rng), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 3, rng=rng)).to(
                dtype
            )
        )
    return models


@pytest.fixture
def batch(rng):
    return pb.asarray(rng.normal(size=(20, 5))), pb.asarray(rng.integers(0, 3, 20))


def test_the_mean_of_the_probabilities(batch):
    models = members()
    ensemble = train.Ensemble(models).eval()
    x, _ = batch
    expected = np.mean([F.softmax(model(x), dim=1).detach().numpy() for model in models], axis=0)
    np.testing.assert_allclose(F.softmax(ensemble(x), dim=1).detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(ensemble(x).detach().numpy(), np.log(expected), rtol=1e-12)
    mean = np.mean([model(x).detach().numpy() for model in models], axis=0)
    np.testing.assert_allclose(train.Ensemble(models, average="outputs").eval()(x).detach().numpy(), mean)
    assert len(ensemble) == 4


@pytest.mark.parametrize("average", ["probabilities", "outputs"])
@pytest.mark.parametrize("seed", range(20))
def test_the_loss_is_never_above_the_mean_of_the_members(average, seed):
    """Jensen's inequality, whatever the members and the data are."""
    rng = np.random.default_rng(seed)
    models = members(int(rng.integers(1, 6)), seed=seed)
    with pb.no_grad():
        for model in models:
            model[3].weight[...] = model[3].weight * float(rng.uniform(0, 30))
    x, y = pb.asarray(rng.normal(size=(30, 5))), pb.asarray(rng.integers(0, 3, 30))
    ensemble = train.Ensemble(models, average=average).eval()
    together = F.cross_entropy(ensemble(x), y).item()
    apart = np.mean([F.cross_entropy(model(x), y).item() for model in models])
    assert together <= apart * (1 + 1e-12)
    squares = train.Ensemble(models, average="outputs").eval()
    target = pb.asarray(rng.normal(size=(30, 3)))
    assert F.mse_loss(squares(x), target).item() <= np.mean([F.mse_loss(m(x), target).item() for m in models])


def test_images_of_classes_and_large_logits():
    class Fixed(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.register_buffer("value", pb.asarray(value))

        def forward(self, x):
            return self.value

    scores = np.array([[[1e4, 0.0], [-1e4, 0.0]]])
    ensemble = train.Ensemble([Fixed(scores), Fixed(-scores)])
    np.testing.assert_allclose(ensemble(None).numpy(), np.full((1, 2, 2), np.log(0.5)))
    single = Fixed(np.zeros((4, 1)))
    with pytest.raises(ValueError, match=r"at least two classes, and the members give shape \(4, 1\)"):
        train.Ensemble([single])(None)
    assert train.Ensemble([single], average="outputs")(None).shape == (4, 1)


def test_it_is_a_module(batch, tmp_path):
    x, y = batch
    ensemble = train.Ensemble(members(3, np.float32))
    assert list(ensemble.state_dict())[:2] == ["members.0.0.weight", "members.0.0.bias"]
    pb.save(ensemble.state_dict(), tmp_path / "ensemble.safetensors")
    twin = train.Ensemble(members(3, np.float32, seed=5)).eval()
    twin.load_state_dict(pb.load(tmp_path / "ensemble.safetensors"))
    x = x.astype(np.float32)
    assert np.array_equal(ensemble.eval()(x).detach().numpy(), twin(x).detach().numpy())
    assert ensemble(x).dtype == np.float32
    loader = data.DataLoader(data.TensorDataset(x, y), 7)
    scores = train.evaluate(ensemble, nn.CrossEntropyLoss(), loader, metrics={"accuracy": train.accuracy})
    assert scores.loss == pytest.approx(F.cross_entropy(ensemble(x), y).item(), rel=1e-5)
    assert "average='probabilities'" in repr(ensemble)
    F.cross_entropy(ensemble(x), y).backward()
    assert all(parameter.grad is not None for parameter in ensemble.parameters())


@pytest.mark.parametrize("average", ["probabilities", "outputs"])
def test_gradients(batch, average):
    ensemble = train.Ensemble(members(2), average=average).eval()
    assert pb.gradcheck(lambda x: F.cross_entropy(ensemble(x), batch[1]), [batch[0]])


def test_what_is_no_ensemble():
    with pytest.raises(ValueError, match="at least one member"):
        train.Ensemble([])
    with pytest.raises(TypeError, match="are modules, not function"):
        train.Ensemble([lambda x: x])
    with pytest.raises(ValueError, match="average is"):
        train.Ensemble(members(1), average="votes")


# snapshots


class Rates(train.Callback):
    def __init__(self):
        self.rates = []

    def on_gradients(self, trainer):
        self.rates.append(trainer.optimizer.param_groups[0]["lr"])


def training(rates=None, cycles=3, seed=0, **options):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 5))
    loader = data.DataLoader(
        data.TensorDataset(x, (x[:, 0] > 0) * 1 + (x[:, 1] > 0) * 1), 10, shuffle=True, rng=rng
    )
    (model,) = members(1, np.float32)
    result = train.snapshot_ensemble(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=0.5),
        loader,
        cycles=cycles,
        epochs_per_cycle=2,
        callbacks=[] if rates is None else [rates],
        progress=False,
        rng=rng,
        **options,
    )
    return model, result


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_rate_falls_in_each_cycle_and_jumps_back(accumulate):
    rates = Rates()
    model, (ensemble, history) = training(rates, accumulate=accumulate)
    length = 2 * -(-6 // accumulate)
    expected = 0.25 * (1 + np.cos(np.pi * np.arange(length) / length))
    np.testing.assert_allclose(rates.rates, np.tile(expected, 3))
    assert len(history) == 6
    assert len(ensemble) == 3
    for name, value in model.state_dict().items():
        assert np.array_equal(value.detach().numpy(), ensemble.members[2].state_dict()[name].detach().numpy())
    first, second = (ensemble.members[number][0].weight.detach().numpy() for number in (0, 1))
    assert not np.array_equal(first, second)


def test_only_the_last_snapshots_are_kept():
    _, (whole, _) = training()
    _, (two, _) = training(keep=2, average="outputs")
    assert len(two) == 2
    assert two.average == "outputs"
    for mine, theirs in zip(two.members, list(whole.members)[1:], strict=True):
        assert np.array_equal(mine[0].weight.detach().numpy(), theirs[0].weight.detach().numpy())


def test_snapshots_go_on_after_a_stop(tmp_path):
    _, (whole, _) = training()

    class StopInFourth(train.Callback):
        def on_batch_end(self, trainer):
            if trainer.epoch == 4 and trainer.batch == 3:
                trainer.stop("enough")

    assert training(StopInFourth(), checkpoint=tmp_path)[1].history.stopped == "enough"
    _, (resumed, history) = training(train.Callback(), checkpoint=tmp_path, resume=True)
    assert len(history) == 6
    for name, value in whole.state_dict().items():
        assert np.array_equal(value.detach().numpy(), resumed.state_dict()[name].detach().numpy()), name


def test_snapshots_that_cannot_be_taken():
    for wrong in (0, True, 1.5):
        with pytest.raises(ValueError, match=r"cycles is a whole number"):
            training(cycles=wrong)
        with pytest.raises(ValueError, match=r"every is a whole number"):
            train.Snapshots(wrong)
    with pytest.raises(ValueError, match="scheduler follows from the cycles"):
        training(scheduler=3)
    with pytest.raises(RuntimeError, match="the first one is taken after 3 epochs"):
        train.Snapshots(3).models()


def test_an_ensemble_of_digits_is_better_than_its_members():
    """On held-out digits: strictly below the mean loss of the members, and no fewer right answers."""
    images, labels = data.digits.load()
    x = images.reshape(-1, 64)
    held_out = data.DataLoader(data.TensorDataset(x[1200:], labels[1200:]), 597)
    criterion, metrics = nn.CrossEntropyLoss(), {"accuracy": train.accuracy}
    models = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        model = nn.Sequential(nn.Linear(64, 24, rng=rng), nn.ReLU(), nn.Linear(24, 10, rng=rng))
        loader = data.DataLoader(data.TensorDataset(x[:400], labels[:400]), 16, shuffle=True, rng=rng)
        train.fit(
            model, criterion, optim.Adam(model.parameters(), lr=5e-3), loader, epochs=15, progress=False
        )
        models.append(model)
    apart = [train.evaluate(model, criterion, held_out, metrics=metrics) for model in models]
    together = train.evaluate(train.Ensemble(models), criterion, held_out, metrics=metrics)
    assert together.loss < np.mean([scores.loss for scores in apart])
    assert together.metrics["accuracy"] >= np.mean([scores.metrics["accuracy"] for scores in apart])
