"""Call paths are compiled at their first call, without anybody noticing."""

import subprocess
import sys
import threading
import traceback

import pytest

import pullback as pb
from pullback.autograd.deferred import defer
from pullback.autograd.extend import REGISTRY, SCALER, elementwise, op

TEXT = "def add(x, y=2, *, z=3):\n    return x + y + z\n\n\ndef twice(x):\n    return add(x) + add(x)\n"


def test_the_function_that_was_handed_out_becomes_the_compiled_one():
    functions = defer(TEXT, "<test>", {})
    add, before = functions["add"], functions["add"].__code__
    assert functions["twice"](1) == 12
    assert functions["add"] is add
    assert add.__code__ is not before
    assert (add(1), add(1, 1, z=1), add.__code__.co_firstlineno) == (6, 3, 1)


def test_nothing_is_compiled_before():
    functions = defer("def wrong(x):\n    return x +\n", "<test>", {})
    with pytest.raises(SyntaxError):
        functions["wrong"](1)


@pytest.mark.parametrize("attempt", range(5))
def test_many_threads_may_be_the_first(attempt):
    functions, found, ready = defer(TEXT, "<test>", {}), [], threading.Barrier(8)

    def run():
        ready.wait()
        found.append((functions["add"](1), functions["twice"](1), functions["add"](1, z=0)))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(6, 12, 3)] * 8


def test_a_wrong_first_call_is_an_ordinary_error():
    declared = op(
        lambda x, /: x * 1, "x", x=lambda g: g, name="late", gate=SCALER, samples=elementwise(1), doc="Test."
    )
    try:
        for _ in range(2):
            with pytest.raises(TypeError, match=r"late\(\) got an unexpected keyword argument 'y'"):
                declared(pb.ones(2), y=1)
        with pytest.raises(TypeError, match="tensors hold numbers") as caught:
            declared("text")
        assert "x = asarray(x)" in "".join(traceback.format_exception(caught.value))
    finally:
        REGISTRY.pop("late")


def test_the_package_loads_no_library_that_it_may_never_need():
    unneeded = ["tqdm", "graphviz", "pygraphviz", "scipy", "matplotlib", "sklearn", "torch", "unittest"]
    program = f"import sys, pullback; print([name for name in {unneeded} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
