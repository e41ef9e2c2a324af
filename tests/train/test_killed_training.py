"""Trainings that are killed, interrupted and terminated, as real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pullback import train

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")


def test_trainings_that_are_killed_sixty_times_end_as_undisturbed_ones(tmp_path):
    program = Path(__file__).with_name("killed_training.py")
    # Python 3.12 and later warn of a fork beside the threads of a linear algebra library.
    warnings = ("-W", "error", "-W", "ignore::DeprecationWarning")
    single = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, *warnings, program, tmp_path / "runs", "60"],
        capture_output=True,
        text=True,
        check=False,
        env=single,
    )
    assert result.returncode == 0, result.stderr
    kills = int(result.stdout.split()[0])
    assert kills >= 60


INTERRUPTED = """
import os, signal, sys, time
import numpy as np
import pullback as pb
from pullback import data, nn, optim, train

how, folder, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])

class Interrupt(train.Callback):
    def on_batch_begin(self, trainer):
        if trainer.epoch == 3 and trainer.batch == 2:
            if how == "once":
                os.kill(os.getpid(), signal.SIGINT)
            elif how == "twice":
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
            elif how == "term":
                os.kill(os.getpid(), signal.SIGTERM)

pb.manual_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(20, 3))
model = nn.Sequential(nn.Linear(3, 4, rng=rng), nn.Dropout(0.5), nn.Linear(4, 1, rng=rng))
loader = data.DataLoader(data.TensorDataset(x, x[:, :1]), 4, shuffle=True, rng=rng)
optimizer = optim.Adam(model.parameters(), lr=0.01)
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
try:
    train.fit(model, nn.MSELoss(), optimizer, loader, epochs=epochs, callbacks=[Interrupt()], checkpoint=folder,
              resume=True, progress=False)
finally:
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
print("done")
"""


def run(how, folder, epochs=5):
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED, how, folder, str(epochs)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert run("never", folder).stdout == "done\n"
    return train.load_checkpoint(folder)


def same(a, b):
    return a["updates"] == b["updates"] and all(
        a["model"][name].tobytes() == b["model"][name].tobytes() for name in a["model"]
    )


def test_ctrl_c_stops_after_the_batch_with_everything_saved(tmp_path, undisturbed):
    result = run("once", tmp_path / "run")
    assert result.returncode == -signal.SIGINT
    assert "stopping after this batch; once more to stop at once" in result.stderr
    last = result.stderr.splitlines()[-1]
    assert (
        "KeyboardInterrupt: the training was stopped by Ctrl-C in epoch 3, after batch 2, and saved as"
        in last
    )
    assert "step-000000012.safetensors; resume=True goes on from there" in last
    saved = train.load_checkpoint(tmp_path / "run")
    assert (saved["epoch"], saved["batch"], saved["updates"]) == (3, 2, 12)
    assert run("never", tmp_path / "run").stdout == "done\n"
    assert same(train.load_checkpoint(tmp_path / "run"), undisturbed)


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_last_file(tmp_path, undisturbed):
    result = run("twice", tmp_path / "run")
    assert result.returncode == -signal.SIGINT
    assert result.stderr.splitlines()[-1] == "KeyboardInterrupt"
    saved = train.load_checkpoint(tmp_path / "run")
    assert (saved["epoch"], saved["updates"]) == (2, 10)
    assert run("never", tmp_path / "run").stdout == "done\n"
    assert same(train.load_checkpoint(tmp_path / "run"), undisturbed)


def test_sigterm_stops_with_everything_saved(tmp_path):
    result = run("term", tmp_path / "run")
    assert result.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in result.stderr
    assert train.load_checkpoint(tmp_path / "run")["updates"] == 12
