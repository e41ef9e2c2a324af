"""Kernels that are compiled: the switch, the threads, what is kept on disk."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import every_size, kernel, split
from pullback.autograd.kernels import KERNELS, registry

needs_numba = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture
def threads():
    before = pb.config.threads
    pb.config.threads = 4
    yield
    pb.config.threads = before


@pytest.fixture
def declared(monkeypatch):
    """A kernel of its own, whose twin says that it was taken."""
    monkeypatch.setattr(registry, "KERNELS", {})
    monkeypatch.setattr(pb.config, "_fast", True)

    @kernel("example.double", over=100)
    def double(x):
        return "reference", 2 * x

    twin = type(
        "file",
        (),
        {"double": staticmethod(lambda x: NotImplemented if x.ndim > 1 else ("twin", 2 * x))},
    )
    monkeypatch.setattr(registry, "_loaded", lambda file: twin)
    return double


class TestChoice:
    def test_large_arrays_go_to_the_twin(self, declared):
        assert declared(np.ones(100))[0] == "twin"
        assert declared(np.ones(99))[0] == "reference"

    def test_other_dtypes_go_to_the_reference(self, declared):
        for dtype in (np.float16, np.int64, np.complex64, np.longdouble):
            assert declared(np.ones(100, dtype))[0] == "reference"

    def test_what_the_twin_does_not_take_goes_to_the_reference(self, declared):
        assert declared(np.ones((10, 10)))[0] == "reference"

    def test_the_switch(self, declared, monkeypatch):
        monkeypatch.setattr(pb.config, "_fast", False)
        assert declared(np.ones(100))[0] == "reference"

    def test_every_size(self, declared):
        with every_size():
            assert declared(np.ones(1))[0] == "twin"
            assert declared(np.ones(0))[0] == "reference"
        assert declared(np.ones(1))[0] == "reference"

    def test_the_function_keeps_its_signature(self, declared):
        import inspect

        assert list(inspect.signature(declared).parameters) == ["x"]


def test_a_numba_that_cannot_be_loaded_switches_off(monkeypatch):
    monkeypatch.setattr(registry, "KERNELS", {})
    monkeypatch.setattr(pb.config, "_fast", True)

    @kernel("no_such_file.double", over=1)
    def double(x):
        return 2 * x

    with pytest.warns(RuntimeWarning, match="switched off"):
        assert double(np.ones(3)).tolist() == [2.0, 2.0, 2.0]
    assert not pb.config.fast


class TestSplit:
    def test_the_pieces_cover_all_rows_in_order(self, threads):
        for rows in (0, 1, 2, 7, 100):
            pieces = split(lambda start, stop: (start, stop), rows, 1)
            assert [i for start, stop in pieces for i in range(start, stop)] == list(range(rows))

    def test_few_rows_are_not_worth_a_thread(self, threads):
        assert len(split(lambda start, stop: None, 100, 40)) == 2
        assert len(split(lambda start, stop: None, 39, 40)) == 1

    def test_they_run_side_by_side(self, threads):
        meeting = threading.Barrier(4, timeout=20)
        split(lambda start, stop: meeting.wait(), 4, 1)

    def test_all_end_before_an_error_is_raised(self, threads):
        done = []

        def work(start, stop):
            if start == 0:
                raise ValueError("the first")
            threading.Event().wait(0.05)
            done.append(start)

        with pytest.raises(ValueError, match="the first"):
            split(work, 4, 1)
        assert sorted(done) == [1, 2, 3]

    def test_many_threads_may_call_it(self, threads):
        totals = []

        def add():
            totals.append(sum(split(lambda start, stop: sum(range(start, stop)), 1000, 1)))

        callers = [threading.Thread(target=add) for _ in range(20)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert totals == [sum(range(1000))] * 20

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
    def test_a_forked_process_has_threads_of_its_own(self):
        code = (
            "import os, sys, pullback as pb\n"
            "from pullback.autograd.extend import split\n"
            "pb.config.threads = 3\n"
            "work = lambda: split(lambda start, stop: stop - start, 9, 1)\n"
            "assert work() == [3, 3, 3]\n"
            "child = os.fork()\n"
            "if not child:\n"
            "    os._exit(0 if work() == [3, 3, 3] else 1)\n"
            "print(os.waitpid(child, 0)[1], work())"
        )
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert result.stdout.strip() == "0 [3, 3, 3]"


@needs_numba
def test_a_home_that_cannot_be_written_to(monkeypatch, tmp_path):
    from pullback.autograd.extend import compiled_source

    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    triple = compiled_source("triple", "def triple(x):\n    return 3 * x\n")
    assert triple(4.0) == 12.0


@needs_numba
def test_sources_are_kept_for_later_processes(tmp_path):
    code = (
        "import pullback as pb\n"
        "from pullback.autograd.extend import compiled_source\n"
        "triple = compiled_source('triple', 'def triple(x):\\n    return 3 * x\\n')\n"
        "triple(4.0)\n"
        "print(sum(triple.stats.cache_hits.values()))"
    )
    hits = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]


@needs_numba
def test_every_kernel_exists():
    pb.nn  # noqa: B018 - loads the folder that declares most of them
    for declared in KERNELS.values():
        assert declared.twin.__doc__, declared.name
