"""Pieces of compiled functions, which threads take from one another without the interpreter."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import split

if not pb.config.fast:
    pytest.skip("Numba is not installed", allow_module_level=True)

from pullback.autograd.kernels import threads as pool
from pullback.autograd.kernels.jit import jit


@jit()
def bounds(start, stop):
    return start, stop


@jit()
def filled(rows, number, start, stop):
    rows[start:stop] = number


@jit()
def powers(x, exponent, start, stop):
    """An array of its own, which belongs to who called."""
    found = np.empty(stop - start, x.dtype)
    for i in range(start, stop):
        found[i - start] = x[i] ** exponent
    return found


@jit()
def small(x, limit, start, stop):
    result = True
    for i in range(start, stop):
        result = result and x[i] < limit
    return result


@jit()
def refused(x, row, start, stop):
    for i in range(start, stop):
        if i == row:
            raise ValueError("this row is refused")
        x[i] = 1


@jit()
def slow(x, start, stop):
    for _ in range(20_000):
        for i in range(start, stop):
            x[i] += 1


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = pb.config.threads
    pb.config.threads = request.param
    yield request.param
    pb.config.threads = before


def test_the_pieces_cover_all_rows_in_order(threads):
    for rows in (0, 1, 2, 7, 100):
        pieces = split(bounds, rows, 1)
        assert len(pieces) == min(threads, rows)
        assert [i for start, stop in pieces for i in range(start, stop)] == list(range(rows))


def test_what_the_pieces_return(threads):
    x = np.arange(100, dtype=np.float32)
    assert split(filled, 100, 1, np.empty(100), 3.0) == [None] * threads
    found = split(powers, 100, 1, x, 2)
    assert all(part.dtype == np.float32 for part in found)
    np.testing.assert_array_equal(np.concatenate(found), x**2)
    assert split(small, 100, 1, x, 99.0) == [True] * (threads - 1) + [False]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no file with the memory of a process")
def test_arrays_that_pieces_return_are_freed(threads):
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    x = np.ones(1_000_000)
    split(powers, len(x), 1, x, 1)
    before = resident()
    for _ in range(20):
        split(powers, len(x), 1, x, 1)
    assert resident() - before < 80e6  # of 160e6 that were made


def test_an_error_of_any_piece_is_raised(threads):
    x = np.zeros(100)
    for row in (0, 50, 99):
        with pytest.raises(ValueError, match="this row is refused"):
            split(refused, 100, 1, x, row)
    split(refused, 100, 1, x, 100)
    assert x.all()


def test_many_callers_at_once(threads):
    wrong = []

    def call(number):
        x = np.zeros(64, np.int64)
        for _ in range(20):
            split(filled, 64, 1, x, number)
            if (x != number).any():
                wrong.append(number)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_functions_of_python_in_between(threads):
    """They are done by the same threads, which come back from compiled code for them."""
    x = np.zeros(100)
    for number in range(10):
        split(filled, 100, 1, x, number)
        assert sum(split(lambda start, stop: x[start:stop].sum(), 100, 1)) == 100 * number


def test_pieces_within_pieces(threads):
    x = np.zeros((4, 100))

    def rows(start, stop):
        for i in range(start, stop):
            split(filled, 100, 1, x[i], i + 1)

    split(rows, 4, 1)
    np.testing.assert_array_equal(x.sum(axis=1), [100, 200, 300, 400])


def test_threads_that_wait_keep_no_arrays():
    before, pb.config.threads = pb.config.threads, 2
    try:
        x = np.zeros(100)
        kept = weakref.ref(x)
        split(lambda x, start, stop: None, 100, 1, x)
    finally:
        pb.config.threads = before
    del x
    end = time.monotonic() + 20
    while kept() is not None and time.monotonic() < end:
        time.sleep(0.001)
    assert kept() is None


def test_threads_fall_asleep():
    before, pb.config.threads = pb.config.threads, 3
    try:
        split(bounds, 3, 1)
    finally:
        pb.config.threads = before
    end = time.monotonic() + 20
    while not all(pool._pool.asleep) and time.monotonic() < end:
        time.sleep(0.001)
    assert len(pool._pool.asleep) >= 2
    assert all(pool._pool.asleep)


def run(code):
    code = (
        "import os, numpy as np, pullback as pb\nfrom test_shared_pieces import *\npb.config.threads = 3\n"
        + code
    )
    folder = os.path.dirname(__file__)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise KeyError('the end')"])
def test_a_program_ends_while_threads_look_for_work(end):
    found = run(f"split(bounds, 3, 1)\nprint('done')\n{end}")
    assert found.stdout == "done\n"
    assert found.returncode == {"": 0, "sys.exit(3)": 3}.get(end, 1)
    assert "KeyError" in found.stderr if "raise" in end else found.stderr == ""


INTERRUPTS = """import signal, random
armed, interrupts = False, 0
def interrupt(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a system without timers")
@pytest.mark.parametrize("function", ["bounds", "lambda start, stop: None"])
def test_interrupts_leave_the_threads_to_the_next_caller(function):
    found = run(
        f"{INTERRUPTS}function = {function}\n"
        "split(function, 3, 1)\n"
        "for _ in range(1000):\n"
        "    try:\n"
        "        armed = True\n"
        "        signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-5, 2e-4))\n"
        "        while True:\n"
        "            split(function, 3, 1)\n"
        "    except KeyboardInterrupt:\n"
        "        interrupts += 1\n"
        "print(interrupts, len(set(split(lambda start, stop: threading.get_ident(), 3, 1))))"
    )
    assert found.stdout == "1000 3\n", found.stderr


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a system without timers")
def test_an_interrupt_is_raised_when_no_thread_writes_any_more():
    found = run(
        f"{INTERRUPTS}x = np.zeros(3)\n"
        "def late(start, stop):\n"
        "    if start:\n"
        "        time.sleep(0.5)\n"
        "    x[start:stop] = 1\n"
        "armed = True\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
        "try:\n"
        "    split(late, 3, 1)\n"
        "except KeyboardInterrupt:\n"
        "    print(x)"
    )
    assert found.stdout == "[1. 1. 1.]\n", found.stderr


def test_a_system_that_gives_no_threads():
    found = run(
        "def refused(thread):\n"
        "    raise RuntimeError('no more threads')\n"
        "threading.Thread.start = refused\n"
        "for _ in range(2):\n"
        "    print(split(bounds, 3, 1) == split(lambda start, stop: (start, stop), 3, 1))"
    )
    assert found.stdout == "True\nTrue\n", found.stderr
    assert found.stderr == ""


def test_kernels_run_when_the_program_ends():
    found = run(
        "import atexit\natexit.register(lambda: print(split(bounds, 3, 1)))\nprint(split(bounds, 3, 1))"
    )
    assert found.stdout == "[(0, 1), (1, 2), (2, 3)]\n" * 2, found.stderr


def test_what_is_compiled_for_other_types_or_of_another_source_is_kept_apart():
    def kept(kind, source):
        file = jit()(powers.py_func).shared._cache._cache_file
        file._source_stamp = source
        file._load_index = dict  # what the other process has kept meanwhile is not seen
        names = []
        file._save_index, file._save_data = names.append, lambda name, data: names.append(name)
        file.save((kind, "machine"), None)
        return names[-1]

    assert kept("float32", 1) == kept("float32", 1)
    assert len({kept("float32", 1), kept("float64", 1), kept("float32", 2)}) == 3


def test_a_machine_on_which_nothing_can_be_kept():
    """As in a container whose user has no home and may not write to installed packages."""
    code = (
        "import pathlib, numpy as np, pullback as pb\n"
        "from numba.core.caching import CacheImpl\n"
        "def nowhere():\n"
        "    raise RuntimeError('no home directory')\n"
        "CacheImpl._locator_classes, pathlib.Path.home = [], nowhere\n"
        "from pullback.autograd.extend import split\n"
        "from pullback.autograd.kernels.jit import jit, jit_text\n"
        "@jit()\n"
        "def filled(x, start, stop):\n"
        "    x[start:stop] = 1\n"
        "@jit()\n"
        "def least(x):\n"
        "    return x.min()\n"
        "pb.config.threads, x = 2, np.zeros(100)\n"
        "split(filled, 100, 1, x)\n"
        "print(least(x), jit_text('twice', 'def twice(x):\\n    return 2 * x')(3))"
    )
    variables = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.stdout == "1.0 6\n", found.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_process_has_threads_of_its_own():
    found = run(
        "split(bounds, 3, 1)\n"
        "child = os.fork()\n"
        "works = split(bounds, 3, 1) == [(0, 1), (1, 2), (2, 3)] and len(pool._pool.threads) == 2\n"
        "if not child:\n"
        "    os._exit(0 if works else 1)\n"
        "print(os.waitpid(child, 0)[1], works)"
    )
    assert found.stdout == "0 True\n", found.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_process_that_is_forked_while_threads_work():
    found = run(
        "x = np.zeros(300)\n"
        "split(slow, 300, 1, x)\n"
        "split(bounds, 3, 1)\n"
        "other = threading.Thread(target=lambda: [split(slow, 300, 1, x) for _ in range(5)])\n"
        "other.start()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(0 if split(bounds, 3, 1) == [(0, 1), (1, 2), (2, 3)] else 1)\n"
        "other.join()\n"
        "print(os.waitpid(child, 0)[1], (x == 120_000).all())"
    )
    assert found.stdout == "0 True\n", found.stderr
