"""Workers of real programs: Ctrl-C, kill -9, a script without a guard. Nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import pullback as pb

PATIENCE = 120  # seconds until a program is said to hang
HEAD = """
import multiprocessing, os, signal, sys, time
import numpy as np
from pullback import data

class Slow(data.Dataset):
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        time.sleep(0.02)
        return np.full(3, index)
"""
INTERRUPTED = (
    HEAD
    + """
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where the tests run
    loader = data.DataLoader(Slow(), 2, num_workers=2, workers=sys.argv[1])
    try:
        for number, batch in enumerate(loader):
            print("batch", number, flush=True)
    except KeyboardInterrupt:
        shared = "multiprocessing.shared_memory" in sys.modules  # which could be left behind
        print("interrupted", len(multiprocessing.active_children()), shared, flush=True)
    state = loader.state_dict()
    again = data.DataLoader(Slow(), 2)
    again.load_state_dict(state)
    print("goes on with", int(next(iter(again))[0, 0]) // 2 == state["epoch"]["given"], flush=True)
"""
)
UNGUARDED = (
    HEAD
    + """
for batch in data.DataLoader(Slow(), 2, num_workers=1, workers="process"):
    print("batch", flush=True)
"""
)


@pytest.fixture
def program(tmp_path):
    """Starts a script as a process group of its own; whatever is left of the group is ended."""
    groups = []

    def start(text, *arguments):
        script = tmp_path / "program.py"
        script.write_text(text, encoding="utf-8")
        paths = [str(Path(pb.__path__[0]).parent), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(script), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        groups.append(process)
        return process

    yield start
    for process in groups:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def is_alive(group):
    """Whether a process of the group runs; one that has ended may wait for the system to take notice."""
    if not Path("/proc/self/stat").exists():
        with suppress(ProcessLookupError):
            os.killpg(group, 0)
            return True
        return False
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state != "Z":
                return True
    return False


def wait_until_all_are_gone(group):
    """Until no process of the group is left; helpers of multiprocessing end just after the program."""
    end = time.monotonic() + PATIENCE
    while is_alive(group):
        assert time.monotonic() < end, "processes are left behind"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", ["thread", "process"])
def test_ctrl_c_leaves_nothing_behind(program, workers):
    process = program(INTERRUPTED, workers)
    for _ in range(5):
        assert process.stdout.readline().startswith("batch")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group gets it
    out, err = process.communicate(timeout=PATIENCE)
    assert out.splitlines()[-2:] == ["interrupted 0 False", "goes on with True"]
    assert err == ""
    assert process.returncode == 0
    wait_until_all_are_gone(process.pid)


def test_workers_of_a_killed_program_end(program):
    process = program(INTERRUPTED, "process")
    assert process.stdout.readline().startswith("batch")
    process.kill()
    process.communicate(timeout=PATIENCE)  # the pipes are closed when the last process has ended
    wait_until_all_are_gone(process.pid)


def test_a_script_without_a_guard_is_told(program):
    process = program(UNGUARDED)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "batch" not in out
    assert 'below `if __name__ == "__main__":`' in err.splitlines()[-1]
    wait_until_all_are_gone(process.pid)
