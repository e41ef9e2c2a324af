"""What users' tests import: assertions, the pytest plugin, and strategies."""

import importlib.metadata
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd import testing

PLUGIN = "pullback.autograd.pytest_plugin"

FILE = """
import numpy as np
import pullback as pb


class Cube(pb.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return -3 * g * ctx.saved[0] ** 2


def test_right(gradcheck):
    assert gradcheck(pb.tanh, np.ones(3)).ok


def test_wrong(gradcheck):
    gradcheck(Cube.apply, np.ones(3))
"""


def run_pytest(folder, *arguments):
    known = any(point.value == PLUGIN for point in importlib.metadata.entry_points(group="pytest11"))
    command = [sys.executable, "-P", "-m", "pytest", *arguments, "-p", "no:cacheprovider"]
    command += [] if known else ["-p", PLUGIN]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p and "tests" not in p)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)


def test_the_plugin_gives_a_fixture_with_a_readable_failure(tmp_path):
    (tmp_path / "test_mine.py").write_text(FILE)
    result = run_pytest(tmp_path, "--gradcheck-seed", "7")
    assert "1 failed, 1 passed" in result.stdout, result.stdout + result.stderr
    assert "the rule of 'Cube' for 'x', called at test_mine.py:" in result.stdout
    assert "has the wrong sign" in result.stdout
    assert "repeat it with rng=7" in result.stdout
    assert "comparing.py" not in result.stdout, "the traceback ends at the user's line"


def test_assert_gradients_returns_the_report_or_raises_it():
    assert testing.assert_gradients(lambda x, y: x @ y, np.ones((2, 3)), np.ones(3)).ok
    with pytest.raises(AssertionError, match="reached 'multiply'"):
        testing.assert_gradients(lambda x: x * x.detach(), np.ones(3))


@settings(max_examples=30, deadline=None)
@given(testing.broadcastable_shapes(2).flatmap(lambda shapes: st.tuples(*map(testing.tensors, shapes))))
def test_tensors_of_shapes_that_broadcast(pair):
    x, y = pair
    assert x.requires_grad
    assert x.dtype == np.float64
    assert np.all(np.abs(x.detach().numpy()) <= 2)
    testing.assert_gradients(lambda x, y: x * y + pb.sin(x), x, y)


def test_tensors_come_in_every_layout():
    seen = set()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(testing.tensors((3, 4), requires_grad=False))
    def look(x):
        seen.add(x.numpy().strides)

    look()
    assert len(seen) >= 4


@settings(max_examples=30, deadline=None)
@given(testing.distinct_values((4, 3), gap=0.2))
def test_distinct_values_lie_apart(x):
    values = np.sort(x.detach().numpy(), axis=None)
    assert np.min(np.diff(values)) >= 0.2 - 1e-12
    testing.assert_gradients(lambda x: pb.sort(x, axis=0), x)


@settings(max_examples=20, deadline=None)
@given(testing.well_conditioned_matrices((2, 3, 3), condition=5.0))
def test_matrices_are_far_from_singular(x):
    assert np.all(np.linalg.cond(x.detach().numpy()) < 5.01)
    testing.assert_gradients(pb.linalg.inv, x)


@settings(max_examples=20, deadline=None)
@given(testing.well_conditioned_matrices(3, kind="positive"))
def test_positive_matrices_have_a_factor(x):
    testing.assert_gradients(lambda x: pb.linalg.cholesky((x + x.mT) / 2), x)


def test_complex_tensors_and_bad_arguments():
    @settings(max_examples=5, deadline=None, database=None)
    @given(testing.tensors((2,), dtype=np.complex128))
    def look(z):
        assert z.dtype == np.complex128
        testing.assert_gradients(lambda z: z * z, z)

    look()
    with pytest.raises(ValueError, match=r"\(\.\.\., n, n\)"):
        testing.well_conditioned_matrices((2, 3))
    with pytest.raises(ValueError, match="kind"):
        testing.well_conditioned_matrices(3, kind="singular")
