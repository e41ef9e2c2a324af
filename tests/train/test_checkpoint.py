"""Checkpoints: files, what they keep, what is refused, and going on from them."""

import math
import random

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train
from pullback.train.random_state import generators


class Stop(train.Callback):
    """Stops a training at an epoch and a batch."""

    def __init__(self, epoch, batch):
        self.at = epoch, batch

    def on_batch_end(self, trainer):
        if (trainer.epoch, trainer.batch) == self.at:
            trainer.stop("enough for today")


class Noise(train.Callback):
    """A user's callback with a generator of its own, which disturbs the weights."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def on_batch_end(self, trainer):
        with pb.no_grad():
            for parameter in trainer.model.parameters():
                parameter += pb.asarray(1e-3 * self.rng.normal(size=parameter.shape).astype(np.float32))


class OldNoise(Noise):
    """The same from generators of older kinds."""

    def __init__(self):
        self.rng = np.random.RandomState(3)
        self.python = random.Random(4)

    def on_batch_end(self, trainer):
        super().on_batch_end(trainer)
        with pb.no_grad():
            trainer.model[0].bias[...] += 1e-3 * self.python.gauss(0, 1)


class Plain:
    """A loader that knows nothing of states: it can only be gone through again."""

    def __init__(self, x, y, rng):
        self.x, self.y, self.rng = x, y, rng

    def __iter__(self):
        order = self.rng.permutation(len(self.x))
        for start in range(0, len(order), 4):
            chosen = order[start : start + 4]
            yield pb.tensor(self.x[chosen]), pb.tensor(self.y[chosen])


def jittered(x, y):
    """Samples with noise of the old global generator and of Python's: others may use them."""

    class Jittered(data.Dataset):
        def __len__(self):
            return len(x)

        def __getitem__(self, index):
            return x[index] + 0.01 * np.random.standard_normal() + 0.01 * random.random(), y[index]  # noqa: NPY002 - of users

    return Jittered()


def training(kind="loader", seed=0, momentum=0.9, extra=(), stop=(), lr=0.1, **options):
    pb.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - of users - others may use it
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(22, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    model = nn.Sequential(
        nn.Linear(3, 6, rng=rng),
        nn.BatchNorm1d(6),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(6, 2, rng=rng),
        nn.Dropout(0.1, rng=np.random.default_rng(9)),
    )
    criterion = nn.CrossEntropyLoss()
    loader = {
        "loader": lambda: data.DataLoader(
            data.TensorDataset(x, y), 4, shuffle=True, rng=np.random.default_rng(1)
        ),
        "shared": lambda: data.DataLoader(data.TensorDataset(x, y), 4, shuffle=True),
        "jittered": lambda: data.DataLoader(jittered(x, y), 4, shuffle=True),
        "plain": lambda: Plain(x, y, np.random.default_rng(1)),
        "plain shared": lambda: Plain(x, y, pb.autograd.default_generator()),
        "list": lambda: list(data.DataLoader(data.TensorDataset(x, y), 4)),
    }[kind]()
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    options = {
        "epochs": 4,
        "metrics": {"accuracy": train.accuracy},
        "validation": data.DataLoader(data.TensorDataset(x[:7], y[:7]), 3),
        "scheduler": train.Schedule(optim.lr_scheduler.ExponentialLR(optimizer, 0.9), every="batch"),
        "progress": False,
        "callbacks": [*extra, *stop],
        **options,
    }
    history = train.fit(model, criterion, optimizer, loader, **options)
    return model, optimizer, history


def bits(model):
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def curves(history):
    return [(e.number, e.loss, e.metrics, e.validation) for e in history]


@pytest.mark.parametrize("kind", ["loader", "shared", "jittered", "plain", "plain shared", "list"])
@pytest.mark.parametrize("moment", [(1, 1), (2, 3), (3, 6), (4, 6)])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path, kind, moment, accumulate):
    whole = training(kind, extra=[Noise()], accumulate=accumulate)
    first = training(kind, extra=[Noise()], stop=[Stop(*moment)], checkpoint=tmp_path, accumulate=accumulate)
    assert first[2].stopped == "enough for today"
    assert len(first[2]) == moment[0] - 1
    second = training(kind, extra=[Noise()], checkpoint=tmp_path, resume=True, accumulate=accumulate)
    assert bits(second[0]) == bits(whole[0])
    assert curves(second[2]) == curves(whole[2])
    assert second[1].param_groups[0]["lr"] == whole[1].param_groups[0]["lr"]


@pytest.mark.parametrize("moment", [(1, 3), (2, 6)])
def test_older_generators_come_back_too(tmp_path, moment):
    whole = training(extra=[OldNoise()])
    training(extra=[OldNoise()], stop=[Stop(*moment)], checkpoint=tmp_path)
    model, _, _ = training(extra=[OldNoise()], checkpoint=tmp_path, resume=True)
    assert bits(model) == bits(whole[0])


def test_stops_between_epochs_and_a_longer_training(tmp_path):
    whole = training(epochs=4)
    training(epochs=2, checkpoint=tmp_path)
    model, _, history = training(epochs=4, checkpoint=tmp_path, resume=True)
    assert bits(model) == bits(whole[0])
    assert curves(history) == curves(whole[2])
    again = training(epochs=4, checkpoint=tmp_path, resume=True)  # there is nothing left to do
    assert bits(again[0]) == bits(model)
    assert curves(again[2]) == curves(history)


@pytest.mark.parametrize("kind", ["plain", "loader"])
def test_a_trainer_that_was_stopped_goes_on_in_the_same_process(kind):
    whole = training(kind)
    pb.manual_seed(0)
    model, optimizer, _ = parts = training("plain", epochs=0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(22, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    schedule = train.Schedule(optim.lr_scheduler.ExponentialLR(optimizer, 0.9), every="batch")
    stop = Stop(2, 3)
    trainer = train.Trainer(parts[0], nn.CrossEntropyLoss(), optimizer, callbacks=[schedule, stop])
    loader = Plain(x, y, np.random.default_rng(1))
    if kind == "loader":
        loader = data.DataLoader(data.TensorDataset(x, y), 4, shuffle=True, rng=np.random.default_rng(1))
    trainer.fit(loader, epochs=4)
    assert trainer.where() == "in epoch 2, after batch 3"
    stop.at = None
    trainer.fit(loader, epochs=4)
    assert trainer.where() == "after epoch 4"
    assert bits(model) == bits(whole[0])


def test_resume_begins_where_there_is_nothing(tmp_path):
    whole = training()
    model, _, _ = training(checkpoint=tmp_path / "a" / "b", resume=True)
    assert bits(model) == bits(whole[0])


def test_frozen_parameters_and_dtypes_come_back(tmp_path):
    class Freeze(train.Callback):
        def on_epoch_begin(self, trainer):
            if trainer.epoch == 2:
                trainer.model[0].weight.requires_grad_(False)

    whole = training(extra=[Freeze()])
    training(extra=[Freeze()], stop=[Stop(3, 1)], checkpoint=tmp_path)
    model, _, _ = training(extra=[Freeze()], checkpoint=tmp_path, resume=True)
    assert not model[0].weight.requires_grad
    assert bits(model) == bits(whole[0])


def test_a_generator_of_the_training_comes_back(tmp_path):
    whole = training(rng=np.random.default_rng(5))
    training(rng=np.random.default_rng(5), stop=[Stop(2, 3)], checkpoint=tmp_path)
    pb.rand(7)
    model, _, _ = training(rng=np.random.default_rng(6), checkpoint=tmp_path, resume=True)
    assert bits(model) == bits(whole[0])


def test_what_cannot_be_written_is_found_before_the_training(tmp_path):
    class Odd(train.Callback):
        def state_dict(self):
            return {"odd": {1, 2}}

        def on_batch_begin(self, trainer):
            pytest.fail("the training has begun")

    with pytest.raises(TypeError, match=r"callbacks\.Odd\.odd is a set, which cannot be saved"):
        training(callbacks=[Odd()], checkpoint=tmp_path)
    assert names(tmp_path) == []


# which files there are


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [18, 24]),
        ({"keep": 1}, [24]),
        ({"keep": 9}, [6, 12, 18, 24]),
        ({"every": 3, "keep": 9}, [18, 24]),
        ({"every": 5, "unit": "batches", "keep": 9}, [5, 10, 15, 20, 24]),
        ({"every": 1e9, "unit": "seconds"}, [24]),
        ({"every": 1e-9, "unit": "seconds", "keep": 3}, [22, 23, 24]),
    ],
)
def test_the_files_that_are_kept(tmp_path, options, expected):
    training(checkpoint=train.Checkpoint(tmp_path, **options))
    assert names(tmp_path) == [f"step-{number:09d}.safetensors" for number in expected]


def test_files_between_updates_only(tmp_path):
    training(accumulate=4, checkpoint=train.Checkpoint(tmp_path, 1, "batches", keep=99), epochs=1)
    assert names(tmp_path) == ["step-000000001.safetensors", "step-000000002.safetensors"]


@pytest.mark.parametrize(("score", "mode"), [("validation loss", None), ("validation accuracy", "max")])
def test_the_best_epoch_is_kept(tmp_path, score, mode):
    checkpoint = train.Checkpoint(tmp_path, keep=1, best=score, mode=mode)
    _, _, history = training(epochs=9, lr=1.5, checkpoint=checkpoint)
    values = [epoch.score(score) for epoch in history]
    best = (np.argmin if mode is None else np.argmax)(values) + 1
    state = train.load_checkpoint(tmp_path / "best.safetensors")
    assert state["epoch"] == best
    assert checkpoint.monitor.best_epoch == best
    fresh = training(epochs=0)[0]
    fresh.load_state_dict(state["model"])
    assert names(tmp_path) == ["best.safetensors", "step-000000054.safetensors"]


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    (tmp_path / f".{'0123456789abcdef'}.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    training(checkpoint=train.Checkpoint(tmp_path, keep=1))
    assert names(tmp_path) == ["notes.txt", "step-000000024.safetensors"]


def test_going_back_gives_the_future_up(tmp_path):
    whole = training()
    training(checkpoint=train.Checkpoint(tmp_path, keep=9))
    older = tmp_path / "step-000000006.safetensors"
    model, _, _ = training(epochs=2, checkpoint=train.Checkpoint(tmp_path, keep=9), resume=older)
    assert names(tmp_path) == ["step-000000006.safetensors", "step-000000012.safetensors"]
    model, _, _ = training(checkpoint=tmp_path, resume=True)
    assert bits(model) == bits(whole[0])


# what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "steps"}, "unit is 'epochs', 'batches' or 'seconds', not 'steps'"),
        ({"every": 0}, "every so many epochs, and not every 0"),
        ({"every": 1.5}, "not every 1.5"),
        ({"every": math.nan, "unit": "seconds"}, "not every nan"),
        ({"keep": 0}, "keep is a number of files from 1 on, not 0"),
        ({"best": "accuracy"}, "mode='min' or mode='max'"),
        ({"best": "loss", "mode": "less"}, "mode is 'min' or 'max', not 'less'"),
        ({"mode": "max"}, "give best"),
    ],
)
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        train.Checkpoint(tmp_path, **options)


def test_a_folder_of_another_training_is_not_written_to(tmp_path):
    training(checkpoint=tmp_path)
    before = names(tmp_path)
    with pytest.raises(
        train.CheckpointError, match="holds checkpoints of a training; go on with it by resume=True"
    ):
        training(checkpoint=tmp_path)
    assert names(tmp_path) == before
    with pytest.raises(ValueError, match="resume needs to know from where"):
        training(resume=True)


def damaged(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a bit":
        content[-5] ^= 1
        path.write_bytes(content)
    elif how == "text":
        path.write_text("not a checkpoint")
    elif how == "weights":
        pb.save({"weight": pb.ones(3)}, path)
    elif how == "state":
        pb.save(optim.flatten_state({"format": 1}), path)


@pytest.mark.parametrize("how", ["truncated", "empty", "a bit", "text", "weights", "state"])
def test_damaged_and_foreign_files_are_refused_with_the_way_out(tmp_path, how):
    whole = training()
    training(stop=[Stop(3, 2)], checkpoint=train.Checkpoint(tmp_path, 1, "batches"))
    newest = tmp_path / "step-000000014.safetensors"
    damaged(newest, how)
    with pytest.raises(train.CheckpointError, match=r"step-000000014\.safetensors") as caught:
        training(checkpoint=tmp_path, resume=True)
    if how not in ("weights", "state"):
        assert "resume='" in str(caught.value)
        assert "step-000000013.safetensors' goes on from there" in str(caught.value)
    model, _, _ = training(checkpoint=tmp_path, resume=tmp_path / "step-000000013.safetensors")
    assert bits(model) == bits(whole[0])


def test_missing_files(tmp_path):
    with pytest.raises(train.CheckpointError, match="there are no checkpoints in"):
        train.load_checkpoint(tmp_path)
    with pytest.raises(OSError, match="missing"):
        train.load_checkpoint(tmp_path / "missing")


def test_a_checkpoint_of_another_model_is_named(tmp_path):
    def fitted(features, resume):
        model = nn.Linear(features, 2, rng=np.random.default_rng(0))
        batches = [(np.ones((4, features), np.float32), np.array([0, 1, 1, 0]))]
        train.fit(
            model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()), batches, epochs=1, progress=False,
            checkpoint=tmp_path, resume=resume,
        )  # fmt: skip

    fitted(3, resume=False)
    words = r"step-000000001.safetensors is of a training of another model: the state does not fit Linear"
    with pytest.raises(train.CheckpointError, match=words):
        fitted(4, resume=True)


def test_a_state_of_another_training_changes_nothing(tmp_path):
    training(epochs=1, checkpoint=tmp_path)
    state = train.load_checkpoint(tmp_path)
    rng = np.random.default_rng(0)
    other = nn.Linear(3, 2, rng=rng)
    trainer = train.Trainer(other, nn.CrossEntropyLoss(), optim.SGD(other.parameters()))
    before = bits(other)
    with pytest.raises(
        ValueError, match="with these callbacks that remember something: Schedule; this one has: none"
    ):
        trainer.load_state_dict(state)
    with pytest.raises(RuntimeError):
        trainer.load_state_dict({**state, "callbacks": {}})
    assert bits(other) == before
    twin = training(epochs=0)[0]
    trainer = train.Trainer(twin, nn.CrossEntropyLoss(), optim.SGD([*twin.parameters()][:2]))
    before = bits(twin)
    with pytest.raises(ValueError, match="group 0 of the state"):
        trainer.load_state_dict({**state, "callbacks": {}})
    assert bits(twin) == before
    assert (trainer.epoch, len(trainer.history)) == (0, 0)
    with pytest.raises(ValueError, match="the format 99"):
        trainer.load_state_dict({**state, "format": 99})
    with pytest.raises(ValueError, match="no state of a training"):
        trainer.load_state_dict({})


def test_other_generators_loaders_and_metrics_are_refused(tmp_path):
    training("loader", stop=[Stop(2, 3)], checkpoint=train.Checkpoint(tmp_path, keep=1))
    with pytest.raises(
        ValueError, match=r"only this training has the random generator 'callbacks\.Noise\.rng'"
    ):
        training("loader", callbacks=[Noise()], checkpoint=tmp_path, resume=True)
    with pytest.raises(ValueError, match="on with the loaders that the training was begun with"):
        training("plain", checkpoint=tmp_path, resume=True)
    with pytest.raises(ValueError, match="the epoch was begun with the scores"):
        training("loader", metrics={}, checkpoint=tmp_path, resume=True)


def test_the_state_is_refused_where_it_is_not_whole():
    class Early(train.Callback):
        def on_epoch_begin(self, trainer):
            with pytest.raises(RuntimeError, match="whole between two updates"):
                trainer.state_dict()

        on_batch_begin = on_gradients = on_epoch_begin

    training(callbacks=[Early()], epochs=1)


# generators


def test_generators_are_found_where_they_are():
    a, b, c, d = (np.random.default_rng(seed) for seed in range(4))

    class Thing:
        def __init__(self):
            self.rng = a
            self.again = a
            self.inside = {"list": [b, self]}

        def method(self):
            return None

    def closure():
        return c

    found = generators(
        {"thing": Thing(), "closure": closure, "method": Thing().method, "d": d, "long": [a] * 2000}
    )
    assert found == {
        "program": pb.autograd.default_generator(),
        "thing.rng": a,
        "thing.inside.list.0": b,
        "closure.closure" if "closure.closure" in found else "closure.c": c,
        "d": d,
    }
