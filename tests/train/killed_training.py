"""A program that kills trainings: it runs one undisturbed, then others of the same that it kills again and again.

The trainings are children of this process, forked after the imports, so that a kill costs milliseconds. A child is
killed by SIGKILL at a random time, or just before or after a random one of its calls to the file system. Then every
file that it left must be whole, and another child goes on, until the training is done. Its last state must be that of
the undisturbed one, bit by bit.

Run as: python killed_training.py FOLDER KILLS
"""

import itertools
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np

import pullback as pb
from pullback import data, nn, optim, train


def training(folder, seed):
    """Everything that has a state: batch statistics, dropout, moments, a schedule, an order, averages, a best epoch."""
    pb.manual_seed(seed)
    random.seed(seed)  # a fork seeds it anew
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 6))
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)
    model = nn.Sequential(
        nn.Linear(6, 8, rng=rng),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(8, 2, rng=rng),
        nn.Dropout(0.1, rng=rng),
    )
    if seed % 2:
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    else:
        optimizer = optim.Adam(model.parameters(), lr=0.01)
    loader = data.DataLoader(
        data.TensorDataset(x[:38], y[:38]), 4, shuffle=True, rng=rng if seed % 3 else None
    )
    train.fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        loader,
        epochs=6,
        validation=data.DataLoader(data.TensorDataset(x[38:], y[38:]), 8),
        metrics={"accuracy": train.accuracy},
        scheduler=train.Schedule(
            optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=30), every="batch"
        ),
        clip=1.0,
        accumulate=2,
        callbacks=[train.EMA(0.8), train.EarlyStopping(patience=100)],
        checkpoint=train.Checkpoint(folder, every=1, unit="batches", best="validation accuracy", mode="max"),
        resume=True,
        progress=False,
    )


def die_at(name, number, before):
    """Let this process be killed at a call of a function of `os`."""
    function, calls = getattr(os, name), itertools.count(1)

    def deadly(*args, **kwargs):
        now = next(calls) == number
        if now and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(os, name, deadly)


def start(folder, seed, death=None):
    """A child that trains; its number."""
    child = os.fork()
    if child == 0:
        try:
            if death is not None:
                die_at(*death)
            training(folder, seed)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return child


def finish(child):
    """Wait for a child that must end well."""
    _, status = os.waitpid(child, 0)
    assert status == 0, "the training failed"


def killed(child, delay):
    """Kill a child after a while; false if it was done before."""
    end = time.monotonic() + delay
    done = status = 0
    while not done and time.monotonic() < end:
        time.sleep(0.001)
        done, status = os.waitpid(child, os.WNOHANG)
    if not done:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), "the training failed"
    return status == signal.SIGKILL


def differences(a, b, path="state"):
    """Where two states differ; times are of no interest."""
    if path.endswith("seconds"):
        return
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        for place, pair in enumerate(zip(a, b, strict=True)):
            yield from differences(*pair, f"{path}.{place}")
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
            yield f"{path} differs"
    elif a != b:
        yield f"{path} differs"


def main(folder, kills):
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(0)
    count = seed = 0
    while count < kills:
        start_time = time.monotonic()
        finish(start(folder / "undisturbed", seed))
        whole = time.monotonic() - start_time
        expected = train.load_checkpoint(folder / "undisturbed")
        limit, before = whole / 4, 0
        while True:
            death, delay = None, dice.uniform(0, limit)
            if dice.random() < 0.4:
                death = (dice.choice(["fsync", "replace", "unlink"]), dice.randint(1, 4), dice.random() < 0.5)
                delay = whole
            if not killed(start(folder / "killed", seed, death), delay):
                break
            count += 1
            files = sorted((folder / "killed").glob("*.safetensors")) if (folder / "killed").exists() else []
            states = [train.load_checkpoint(file) for file in files]  # raises for one that is not whole
            reached = max((state["updates"] for state in states), default=0)
            limit *= 1.2 if reached == before else 1  # the machine may be busier now
            before = reached
        got = train.load_checkpoint(folder / "killed")
        assert expected["updates"] == 30
        found = list(differences(expected, got))
        assert not found, "\n".join(found)
        best = [
            train.load_checkpoint(folder / name / "best.safetensors") for name in ("undisturbed", "killed")
        ]
        assert not list(differences(*best))
        assert not list((folder / "killed").glob(".*.tmp")), "an unfinished file was left"
        for name in ("undisturbed", "killed"):
            shutil.rmtree(folder / name)
        seed += 1
    print(f"{count} kills in {seed} trainings")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
