"""The settings of the whole program, and memory that is kept."""

import subprocess
import sys

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def settings_as_before():
    config = pb.config
    before = config.fast, config.threads, config.keep_memory
    yield
    config.fast, config.threads = before[:2]
    if config.keep_memory != before[2]:
        config.keep_memory = before[2]


def run(code, **environment):
    """What a new process prints."""
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULLBACK", "MALLOC"))}
    result = subprocess.run(
        [sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_it_shows_itself():
    text = repr(pb.config)
    assert "default_dtype=float32" in text
    assert f"threads={pb.config.threads}" in text


def test_the_default_dtype_is_that_of_the_functions():
    pb.config.default_dtype = "float64"
    assert pb.get_default_dtype() == np.float64
    pb.set_default_dtype(np.float32)
    assert pb.config.default_dtype == np.float32
    with pytest.raises(ValueError, match="float32 or float64, not int64"):
        pb.config.default_dtype = np.int64


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_threads_are_a_whole_number(count):
    with pytest.raises(ValueError, match="whole number from 1"):
        pb.config.threads = count


def test_a_misspelt_setting_is_refused():
    with pytest.raises(AttributeError):
        pb.config.thread = 2


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"PULLBACK_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3), ({"OMP_NUM_THREADS": "5"}, 5)],
)
def test_threads_come_from_the_environment(environment, expected):
    code = "import pullback as pb; print(pb.config.threads)"
    assert run(code, **environment) == str(expected)


def test_fast_needs_numba(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'pullback\[fast\]'"):
        pb.config.fast = True
    assert "Numba is not installed" in repr(pb.config)


def test_fast_is_switched_off_by_the_environment():
    assert run("import pullback as pb; print(pb.config.fast)", PULLBACK_FAST="0") == "False"


def test_a_compiler_that_is_switched_off_leaves_the_work_to_numpy():
    code = (
        "import pullback as pb\n"
        "assert pb.softmax(pb.zeros((100, 128))).sum() == 100\n"
        "try:\n"
        "    pb.config.fast = True\n"
        "except ImportError as error:\n"
        "    print(error, pb.config.fast)"
    )
    said = run(code, NUMBA_DISABLE_JIT="1")
    assert said.endswith(" False")
    assert "NUMBA_DISABLE_JIT" in said or "Numba is not installed" in said


FAULTS = """
import resource, numpy as np, pullback as pb
def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(5_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(2)
print(pb.config.keep_memory, faults(10) < 50)
"""


@pytest.mark.skipif(not pb.config.keep_memory, reason="a C library that cannot be told")
class TestKeptMemory:
    def test_pages_are_paid_for_once(self):
        assert run(FAULTS) == "True True"

    def test_the_environment_switches_it_off(self):
        assert run(FAULTS, PULLBACK_KEEP_MEMORY="0") == "False False"

    def test_a_user_who_has_set_limits_keeps_them(self):
        assert run(FAULTS, MALLOC_MMAP_THRESHOLD_="65536").startswith("False")

    def test_it_can_be_switched_in_the_program(self):
        pb.config.keep_memory = False
        assert not pb.config.keep_memory
        pb.config.keep_memory = True
        assert pb.config.keep_memory


def test_without_glibc_it_says_so(monkeypatch):
    pb.config.keep_memory = False
    monkeypatch.setattr("pullback.autograd.memory._mallopt", lambda: None)
    assert not pb.config.keep_memory
    with pytest.raises(RuntimeError, match="only glibc"):
        pb.config.keep_memory = True


def test_import_loads_the_engine_alone():
    """The other folders are loaded when they are asked for."""
    code = (
        "import sys, pullback as pb; print([m for m in ('nn', 'optim', 'viz', 'data', 'train', 'nn.functional') "
        "if f'pullback.{m}' in sys.modules], pb.nn.Linear.__name__, 'optim' in dir(pb))"
    )
    assert run(code) == "[] Linear True"


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'pullback' has no attribute 'nothing'"):
        pb.nothing  # noqa: B018 - the access is the test
