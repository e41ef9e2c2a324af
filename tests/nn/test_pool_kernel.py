"""The compiled search for the largest elements of windows against the NumPy reference."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import every_size
from pullback.autograd.kernels import KERNELS
from pullback.nn import functional as F  # noqa: N812 - as everyone calls it

pytestmark = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture(autouse=True)
def settings_as_before():
    before = pb.config.fast, pb.config.threads
    yield
    pb.config.fast, pb.config.threads = before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=st.sampled_from([1, 2, 3]),
    size=st.integers(1, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    ceil=st.booleans(),
    special=st.sampled_from([None, np.nan, np.inf, -np.inf]),
    threads=st.sampled_from([1, 3]),
)
def test_the_same_elements_win(dtype, axes, size, kernel, stride, padding, dilation, ceil, special, threads):
    assume(padding <= kernel // 2 and (dilation == 1 or not padding))
    assume(dilation * (kernel - 1) + 1 <= size + 2 * padding)
    rng = np.random.default_rng(size + kernel)
    values = rng.integers(-2, 3, (2, 3, *range(size, size + axes))).astype(dtype)  # many equal ones
    if special is not None:
        values[rng.random(values.shape) < 0.3] = special
    pb.config.threads = threads
    pool = getattr(F, f"max_pool{axes}d")
    found = []
    for fast in (False, True):
        pb.config.fast = fast
        x = pb.asarray(values).requires_grad_()
        with every_size():
            out, places = pool(x, kernel, stride, padding, dilation, ceil, return_indices=True)
            out.backward(pb.asarray(np.arange(out.size, dtype=dtype).reshape(out.shape)))
        found.append((out.detach().numpy(), places.numpy(), x.grad.numpy()))
    for reference, twin in zip(*found, strict=True):
        assert twin.dtype == reference.dtype
        np.testing.assert_array_equal(twin, reference)


def test_layouts_that_are_not_plain():
    values = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).transpose(0, 3, 1, 2)
    twin = F.max_pool2d(values, 2, return_indices=True)[1]
    with every_size():
        np.testing.assert_array_equal(F.max_pool2d(values, 2, return_indices=True)[1].numpy(), twin.numpy())


def test_large_arrays_are_taken(monkeypatch):
    taken = []
    for name in ("pooling.winners", "pooling.scattered"):
        declared = KERNELS[name]
        noted = lambda *args, name=name, twin=declared.twin: taken.append(name) or twin(*args)
        monkeypatch.setitem(declared.__dict__, "twin", noted)
    F.max_pool2d(pb.zeros((1, 1, 80, 80)).requires_grad_(), 2).sum().backward()
    assert taken == ["pooling.winners", "pooling.scattered"]
