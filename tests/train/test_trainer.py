"""Trainer, callbacks, schedules, clipping, accumulation, budgets."""

import os
import signal

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train


def parts(count=22, batch=4, shuffle=False, momentum=0.0, lr=0.1, seed=0):
    """A small model, its optimiser and a loader whose last batch is smaller."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(count, 3)), np.arange(count) % 2
    model = nn.Sequential(nn.Linear(3, 5, rng=rng), nn.Tanh(), nn.Linear(5, 2, rng=rng))
    loader = data.DataLoader(data.TensorDataset(x, y), batch, shuffle, rng=np.random.default_rng(1))
    return model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=lr, momentum=momentum), loader


def weights(model):
    return [parameter.detach().numpy().copy() for parameter in model.parameters()]


class Diary(train.Callback):
    """Notes what is called."""

    def __init__(self, name="", stop_at=None):
        self.name, self.stop_at, self.calls = name, stop_at, []

    def note(self, hook, trainer):
        self.calls.append((self.name + hook, trainer.epoch, trainer.batch, trainer.updates))
        if self.stop_at == self.calls[-1][:3]:
            trainer.stop(f"{self.name}{hook} wished it")

    def on_train_begin(self, trainer):
        self.note("train begin", trainer)

    def on_epoch_begin(self, trainer):
        self.note("epoch begin", trainer)

    def on_batch_begin(self, trainer):
        assert trainer.input is not None
        assert trainer.target is not None
        self.note("batch begin", trainer)

    def on_gradients(self, trainer):
        assert all(p.grad is not None for p in trainer.model.parameters())
        self.note("gradients", trainer)

    def on_batch_end(self, trainer):
        assert np.isfinite(trainer.loss_value)
        self.note("batch end", trainer)

    def on_epoch_end(self, trainer):
        assert trainer.history[-1].number == trainer.epoch
        self.note("epoch end", trainer)

    def on_train_end(self, trainer):
        self.note("train end", trainer)

    def on_error(self, trainer, error):
        self.note(type(error).__name__, trainer)


def test_the_order_of_the_hooks():
    diary = Diary()
    model, loss, optimizer, loader = parts(8)
    train.fit(model, loss, optimizer, loader, epochs=1, callbacks=[diary], progress=False)
    assert diary.calls == [
        ("train begin", 0, 0, 0),
        ("epoch begin", 1, 0, 0),
        ("batch begin", 1, 1, 0),
        ("gradients", 1, 1, 0),
        ("batch end", 1, 1, 1),
        ("batch begin", 1, 2, 1),
        ("gradients", 1, 2, 1),
        ("batch end", 1, 2, 2),
        ("epoch end", 1, 2, 2),
        ("train end", 1, 2, 2),
    ]


def test_callbacks_are_called_in_their_order():
    first, second = Diary("a "), Diary("b ")
    second.calls = first.calls
    model, loss, optimizer, loader = parts(4)
    train.fit(model, loss, optimizer, loader, epochs=1, callbacks=[first, second], progress=False)
    assert [call[0] for call in first.calls[:4]] == [
        "a train begin",
        "b train begin",
        "a epoch begin",
        "b epoch begin",
    ]


@pytest.mark.parametrize(
    ("moment", "epochs", "last"),
    [
        (("batch end", 2, 3), 1, ("train end", 2, 3, 9)),
        (("batch begin", 1, 2), 0, ("train end", 1, 2, 2)),
        (("epoch end", 1, 6), 1, ("train end", 1, 6, 6)),
        (("train begin", 0, 0), 0, ("train end", 0, 0, 0)),
        (("train end", 5, 6), 5, ("train end", 5, 6, 30)),
    ],
)
def test_a_callback_stops_the_training(moment, epochs, last):
    diary = Diary(stop_at=moment)
    model, loss, optimizer, loader = parts()
    history = train.fit(model, loss, optimizer, loader, epochs=5, callbacks=[diary], progress=False)
    assert len(history) == epochs
    assert diary.calls[-1] == last
    if moment[0] != "train end":
        assert history.stopped == f"{moment[0]} wished it"


def test_the_first_reason_stays():
    model, loss, optimizer, _ = parts()
    trainer = train.Trainer(model, loss, optimizer)
    trainer.stop("one")
    trainer.stop("two")
    assert trainer.stop_reason == "one"


def test_callbacks_hear_of_an_error():
    diary = Diary()
    model, _, optimizer, loader = parts()

    def broken(output, target):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train.fit(model, broken, optimizer, loader, epochs=5, callbacks=[diary], progress=False)
    assert diary.calls[-1][0] == "ZeroDivisionError"
    assert all(call[0] != "train end" for call in diary.calls)


def test_a_trainer_goes_on_as_one_training_would():
    whole, pieces = parts(momentum=0.9), parts(momentum=0.9)
    expected = train.fit(*whole, epochs=6, progress=False)
    trainer = train.Trainer(*pieces[:3])
    trainer.fit(pieces[3], epochs=2)
    history = trainer.fit(pieces[3], epochs=6)
    assert [epoch.number for epoch in history] == [1, 2, 3, 4, 5, 6]
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in expected]
    for a, b in zip(weights(whole[0]), weights(pieces[0]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batch_begin", "on_gradients"])
def test_after_an_error_the_epoch_is_begun_again(hook):
    class Once(train.Callback):
        done = False

    def fail(self, trainer):
        if trainer.epoch == 2 and not self.done:
            self.done = True
            raise ZeroDivisionError

    setattr(Once, hook, fail)
    model, loss, optimizer, loader = parts()
    trainer = train.Trainer(model, loss, optimizer, callbacks=[Once()])
    with pytest.raises(ZeroDivisionError):
        trainer.fit(loader, epochs=3)
    assert (trainer.epoch, trainer.where()) == (1, "after epoch 1")
    history = trainer.fit(loader, epochs=3)
    assert [epoch.number for epoch in history] == [1, 2, 3]


def test_no_more_epochs_than_asked_for_where_one_was_left():
    model, loss, optimizer, loader = parts()
    trainer = train.Trainer(model, loss, optimizer, callbacks=[Diary(stop_at=("batch end", 2, 3))])
    trainer.fit(loader, epochs=5)
    assert len(trainer.fit(loader, epochs=1)) == 1
    assert trainer.where() == "in epoch 2, after batch 3"
    assert len(trainer.fit(loader, epochs=2)) == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"callbacks": [Diary]}, TypeError, "an object of a class derived from Callback, not Diary"),
        ({"callbacks": [print]}, TypeError, "not builtin_function_or_method"),
        ({"accumulate": 0}, ValueError, "accumulate is a whole number of batches from 1 on, not 0"),
        ({"accumulate": True}, ValueError, "not True"),
        ({"clip": 0.0}, ValueError, "gradients are clipped to a positive number, not 0.0"),
        ({"clip": "1"}, ValueError, "not '1'"),
        ({"seconds": -1}, ValueError, "a time budget is a positive number of seconds, not -1"),
        ({"scheduler": 0.1}, TypeError, "a scheduler has a method step, and a float has none"),
        ({"rng": 0}, TypeError, "rng is a numpy.random.Generator, not int"),
        ({"optimizer": optim.LBFGS}, TypeError, "LBFGS computes the loss itself"),
        ({"metrics": [train.accuracy]}, TypeError, "metrics is a dict of them by name, .* not a list"),
    ],
)
def test_bad_options_are_refused_before_anything_is_done(options, error, message):
    model, loss, optimizer, loader = parts()
    optimizer = options.pop("optimizer")(model.parameters()) if "optimizer" in options else optimizer
    before = weights(model)
    with pytest.raises(error, match=message):
        train.fit(model, loss, optimizer, loader, epochs=1, progress=False, **options)
    for a, b in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_numbers_may_be_numpys():
    model, loss, optimizer, loader = parts()
    numbers = {
        "epochs": np.int64(2),
        "accumulate": np.int32(2),
        "clip": np.float32(1),
        "seconds": np.float32(1e3),
    }
    assert len(train.fit(model, loss, optimizer, loader, progress=False, **numbers)) == 2


@pytest.mark.parametrize(
    ("target", "what"), [(None, "of type NoneType"), (pb.tensor(1.0), "a single number")]
)
def test_a_target_that_does_not_tell_the_size_of_its_batch(target, what):
    model, _, optimizer, _ = parts()
    batches = [(pb.ones((4, 3)), target)]
    with pytest.raises(TypeError, match=f"how many samples it has.*this one is {what}"):
        train.fit(model, lambda output, _: output.mean(), optimizer, batches, epochs=1, progress=False)


@pytest.mark.parametrize("metric", [lambda output, target: 1 / 0, train.MeanSquaredError()])
def test_an_error_in_a_metric_names_it(metric):
    model, loss, optimizer, loader = parts()
    with pytest.raises((ZeroDivisionError, ValueError)) as caught:
        train.fit(model, loss, optimizer, loader, epochs=1, metrics={"mine": metric}, progress=False)
    assert caught.value.__notes__ == ["this was raised by the metric 'mine'"]


# inputs of several parts


class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2, rng=np.random.default_rng(0))

    def forward(self, a, b):
        return self.layer(a + b)


@pytest.mark.parametrize("kind", ["tuple", "dict"])
def test_inputs_of_several_parts_and_targets_too(kind):
    a, b = pb.ones((3, 2)), pb.zeros((3, 2))
    input = (a, b) if kind == "tuple" else {"b": b, "a": a}
    target = (pb.tensor([0, 1, 0]), "whatever")
    model, criterion = Sum(), nn.CrossEntropyLoss()

    def loss(output, target):
        return criterion(output, target[0])

    history = train.fit(
        model,
        loss,
        optim.SGD(model.parameters(), lr=0.1),
        [(input, target)] * 2,
        epochs=2,
        validation=[(input, target)],
        progress=False,
    )
    assert history[1].loss < history[0].loss


# accumulation


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("accumulate", [2, 3, 6, 10])
def test_accumulated_gradients_are_those_of_the_large_batch(accumulate, dtype):
    seen = {}

    class Keep(train.Callback):
        def on_gradients(self, trainer):
            seen.setdefault(self.key, []).append([p.grad.numpy().copy() for p in trainer.model.parameters()])

    rng = np.random.default_rng(0)
    x, y = pb.tensor(rng.normal(size=(22, 3)), dtype=dtype), pb.tensor(np.arange(22) % 2)
    for key, size, steps in (("micro", 4, accumulate), ("large", 4 * accumulate, 1)):
        model, loss, optimizer, _ = parts()
        model.double() if dtype == np.float64 else None
        keep = Keep()
        keep.key = key
        loader = data.DataLoader(data.TensorDataset(x, y), size)
        train.fit(
            model, loss, optimizer, loader, epochs=1, accumulate=steps, callbacks=[keep], progress=False
        )
    assert len(seen["micro"]) == len(seen["large"]) == -(-22 // (4 * accumulate))
    for micro, large in zip(seen["micro"], seen["large"], strict=True):
        for a, b in zip(micro, large, strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_hooks_with_accumulation():
    diary = Diary()
    model, loss, optimizer, loader = parts(12)
    train.fit(model, loss, optimizer, loader, epochs=1, accumulate=2, callbacks=[diary], progress=False)
    assert [call[0] for call in diary.calls].count("gradients") == 2
    assert [call[2:] for call in diary.calls if call[0] == "batch end"] == [(1, 0), (2, 1), (3, 2)]


# clipping


def test_clipping_by_norm_and_by_value():
    class Norms(train.Callback):
        def __init__(self):
            self.norms, self.largest = [], []

        def on_gradients(self, trainer):
            flat = np.concatenate([p.grad.numpy().ravel() for p in trainer.model.parameters()])
            self.norms.append(np.linalg.norm(flat))
            self.largest.append(np.abs(flat).max())

    for clip in (1e-3, train.ClipGradients(norm=1e-3)):
        norms = Norms()
        train.fit(*parts(), epochs=1, clip=clip, callbacks=[norms], progress=False)
        np.testing.assert_allclose(norms.norms, 1e-3, rtol=1e-3)
    norms = Norms()
    train.fit(*parts(), epochs=1, clip=train.ClipGradients(value=1e-3), callbacks=[norms], progress=False)
    np.testing.assert_allclose(norms.largest, 1e-3, rtol=1e-6)
    clip = train.ClipGradients(norm=1e6)
    norms = Norms()
    train.fit(*parts(), epochs=1, clip=clip, callbacks=[norms], progress=False)
    assert clip.last_norm == pytest.approx(norms.norms[-1], rel=1e-6)
    with pytest.raises(ValueError, match="give norm"):
        train.ClipGradients()
    with pytest.raises(ValueError, match="give norm"):
        train.ClipGradients(1.0, 1.0)


# schedules


class Rates(train.Callback):
    def __init__(self):
        self.rates = []

    def on_gradients(self, trainer):
        self.rates.append(trainer.optimizer.param_groups[0]["lr"])


def test_a_schedule_per_epoch_and_per_update():
    for every, accumulate, expected in (
        ("epoch", 1, [0.1] * 6 + [0.05] * 6),
        ("batch", 1, [0.1 * 0.5**i for i in range(12)]),
        ("batch", 4, [0.1 * 0.5**i for i in range(4)]),
    ):
        model, loss, optimizer, loader = parts()
        scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        rates = Rates()
        train.fit(
            model,
            loss,
            optimizer,
            loader,
            epochs=2,
            accumulate=accumulate,
            progress=False,
            scheduler=scheduler if every == "epoch" else train.Schedule(scheduler, every="batch"),
            callbacks=[rates],
        )
        np.testing.assert_allclose(rates.rates, expected)


@pytest.mark.parametrize("monitor", [None, "loss", "validation accuracy"])
def test_a_plateau_gets_its_score(monitor):
    model, loss, optimizer, loader = parts()
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=100)
    seen = []
    step = plateau.step
    plateau.step = lambda metric: (seen.append(metric), step(metric))
    history = train.fit(
        model,
        loss,
        optimizer,
        loader,
        epochs=3,
        validation=parts(seed=5)[3],
        metrics={"accuracy": train.accuracy},
        scheduler=train.Schedule(plateau, monitor=monitor),
        progress=False,
    )
    assert seen == [epoch.score(monitor or "validation loss") for epoch in history]


def test_schedules_that_make_no_sense_are_refused():
    model, loss, optimizer, loader = parts()
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(ValueError, match="the scores are those of epochs"):
        train.Schedule(plateau, every="batch")
    with pytest.raises(ValueError, match="'epoch' or 'batch', not 'step'"):
        train.Schedule(plateau, every="step")
    with pytest.raises(ValueError, match="answers to no score"):
        train.Schedule(optim.lr_scheduler.StepLR(optimizer, 1), monitor="loss")
    with pytest.raises(ValueError, match="there is no score 'validation f1'; this training has 'loss'"):
        train.fit(
            model,
            loss,
            optimizer,
            loader,
            epochs=1,
            progress=False,
            scheduler=train.Schedule(plateau, monitor="validation f1"),
        )


def test_a_schedule_of_another_optimizer_is_refused():
    model, loss, optimizer, loader = parts()
    other = optim.SGD(model.parameters(), lr=0.1)
    steps = optim.lr_scheduler.StepLR(other, 1)
    combined = optim.lr_scheduler.SequentialLR(other, [steps, optim.lr_scheduler.StepLR(other, 2)], [1])
    before = weights(model)
    for scheduler in (steps, combined, optim.lr_scheduler.ReduceLROnPlateau(other)):
        with pytest.raises(ValueError, match="made for another optimizer than the one of this training"):
            train.fit(model, loss, optimizer, loader, epochs=1, scheduler=scheduler, progress=False)
    for a, b in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(a, b)


# time, randomness


def test_a_time_budget_stops_the_training():
    history = train.fit(*parts(), epochs=10**9, seconds=0.05, progress=False)
    assert history.stopped == "the time budget of 0.05 s is spent"


def test_a_generator_of_ones_own_serves_the_training():
    results = []
    for _ in range(2):
        model, loss, optimizer, loader = parts()
        model.append(nn.Dropout(0.5))
        train.fit(model, loss, optimizer, loader, epochs=2, rng=np.random.default_rng(7), progress=False)
        results.append(weights(model))
        pb.rand(3)  # the program's generator is not the same any more
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


# scores


def test_scores_by_name():
    scores = train.Scores(2.0, {"accuracy": 0.5, "confusion": np.eye(2)})
    epoch = train.Epoch(1, 1.0, {"accuracy": 0.75}, scores, 0.1)
    assert epoch.score() == 2.0
    assert train.Epoch(1, 1.0, {}, None, 0.1).score() == 1.0
    assert epoch.score("validation accuracy") == 0.5
    assert epoch.score("accuracy") == 0.75
    assert str(epoch) == "loss 1.0000, accuracy 0.7500, validation loss 2.0000, accuracy 0.5000 (0.10 s)"
    with pytest.raises(ValueError, match="no single number"):
        epoch.score("validation confusion")


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (
            nn.CrossEntropyLoss(reduction="none"),
            ValueError,
            r"a loss is one number.*a tensor of shape \(4,\)",
        ),
        (lambda output, target: None, TypeError, "a loss is a tensor of one number.*gave NoneType"),
        (lambda output, target: 1.0, TypeError, "gave float"),
    ],
)
def test_losses_that_are_none(loss, error, message):
    model, _, optimizer, loader = parts()
    with pytest.raises(error, match=message):
        train.fit(model, loss, optimizer, loader, epochs=1, progress=False)


def test_an_iterator_gives_its_batches_only_once():
    model, loss, optimizer, loader = parts()
    with pytest.raises(ValueError, match="if it is an iterator, it gives them only once"):
        train.fit(model, loss, optimizer, iter(list(loader)), epochs=2, progress=False)


class Workers:
    """A loader whose workers die of the Ctrl-C that the program gets."""

    def __init__(self, loader, at):
        self.loader, self.at, self.asked = loader, at, 0

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        batches = iter(self.loader)
        return self._given(batches)

    def _given(self, batches):
        while True:
            self.asked += 1
            if self.asked == self.at:
                os.kill(os.getpid(), signal.SIGINT)
                raise RuntimeError("a worker has died")
            batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def state_dict(self):
        return self.loader.state_dict()

    def load_state_dict(self, state):
        self.loader.load_state_dict(state)


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("where", ["loader", "validation"])
@pytest.mark.parametrize("at", [1, 5, 9])
def test_workers_that_die_of_ctrl_c_stop_the_training_in_order(accumulate, where, at):
    def prepared():
        rng = np.random.default_rng(0)
        x = rng.normal(size=(60, 3))
        loader, validation = (
            data.DataLoader(
                data.TensorDataset(x, (x[:, 0] > 0).astype(int)),
                10,
                shuffle=True,
                rng=np.random.default_rng(seed),
            )
            for seed in (1, 2)
        )
        model = nn.Linear(3, 2, rng=rng)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return (
            train.Trainer(model, nn.CrossEntropyLoss(), optimizer, accumulate=accumulate),
            loader,
            validation,
        )

    trainer, loader, validation = prepared()
    undisturbed = trainer.fit(loader, epochs=3, validation=validation)
    wanted = trainer.model.weight.detach().numpy()

    trainer, loader, validation = prepared()
    if where == "loader":
        loader = Workers(loader, at)
    else:
        validation = Workers(validation, at)
    with pytest.raises(KeyboardInterrupt, match="stopped by Ctrl-C"):
        trainer.fit(loader, epochs=3, validation=validation)
    history = trainer.fit(loader, epochs=3, validation=validation)
    np.testing.assert_array_equal(trainer.model.weight.detach().numpy(), wanted)
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in undisturbed]


def test_errors_of_a_loader_are_raised_where_nobody_stopped():
    def broken():
        yield np.ones((2, 3), np.float32), np.array([0, 1])
        raise RuntimeError("a worker has died")

    model = nn.Linear(3, 2)
    trainer = train.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(RuntimeError, match="a worker has died"):
        trainer.fit(broken(), epochs=1)
