"""The compiled convolution against the NumPy reference, over random shapes, options, layouts and threads."""

import math
import platform
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import every_size
from pullback.autograd.kernels import KERNELS
from pullback.nn import functional as F  # noqa: N812 - as everyone calls it
from pullback.nn.functional import windows
from pullback.nn.functional.windows import Windows

pytestmark = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture(params=[1, 3])
def threads(request):
    before = pb.config.threads
    pb.config.threads = request.param
    yield request.param
    pb.config.threads = before


@pytest.fixture(autouse=True)
def switch_as_before():
    before = pb.config.fast
    yield
    pb.config.fast = before


@pytest.fixture
def taken(monkeypatch):
    """Whether the twins did the work, by name."""
    found = {}
    for name, declared in KERNELS.items():
        if name.startswith("convolution."):
            twin = declared.twin

            def noted(*args, twin=twin, name=name):
                result = twin(*args)
                found[name] = result is not NotImplemented
                return result

            monkeypatch.setitem(declared.__dict__, "twin", noted)
    return found


def in_layout(x, layout):
    if layout == "channels last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    if layout == "every other":
        return np.repeat(x, 2, axis=0)[::2]
    if layout == "read-only":
        x.flags.writeable = False
    return x


@st.composite
def problems(draw):
    """Sizes and options of a convolution that has at least one place."""
    axes = draw(st.sampled_from([1, 2, 2, 2, 3]))
    whole = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(axes))
    groups = draw(st.sampled_from([1, 1, 2, 5]))
    channels = groups * draw(st.integers(1, 9))
    filters = groups * draw(st.sampled_from([1, 2, 3, 8, 13, 16]))
    padding = tuple((draw(st.integers(0, 3)), draw(st.integers(-1, 3))) for _ in range(axes))
    lie = Windows(whole(1, 5), whole(1, 3), padding, whole(1, 3))
    size = whole(1, 24 if axes < 3 else 9)
    assume(min(lie.places(size)) >= 1)
    return draw(st.integers(1, 5)), channels, filters, size, lie, groups


def both(problem, dtype, layout):
    """Result, gradient of the weight and of the input: by the reference and by the twin."""
    count, channels, filters, size, lie, groups = problem
    rng = np.random.default_rng(count + channels + filters + sum(size))
    x = in_layout(rng.normal(size=(count, channels, *size)).astype(dtype), layout)
    weight = in_layout(rng.normal(size=(filters, channels // groups, *lie.kernel)).astype(dtype), layout)
    g = in_layout(rng.normal(size=(count, filters, *lie.places(size))).astype(dtype), layout)
    for fast in (False, True):
        pb.config.fast = fast
        with every_size():
            yield {
                "correlate": windows.correlate(x, weight, lie, groups),
                "weight_gradient": windows.weight_gradient(x, g, lie, groups),
                "spread": windows.spread(g, weight, size, lie, groups),
            }


def assert_agree(reference, twin, dtype):
    for name, exact in reference.items():
        assert twin[name].dtype == dtype
        assert twin[name].shape == exact.shape
        bound = (1e-5 if dtype == np.float32 else 1e-13) * np.abs(exact).max()
        assert np.abs(twin[name] - exact).max() <= bound, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(problem=problems(), layout=st.sampled_from(["plain", "channels last", "every other", "read-only"]))
@example((3, 4, 6, (9, 8), Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1)), 1), "plain")
@example((2, 8, 8, (9, 8), Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1)), 8), "plain")
@example((1, 3, 9, (30, 31), Windows((7, 7), (2, 2), ((3, 3),) * 2, (1, 1)), 1), "plain")
@example((3, 9, 8, (5, 8, 9), Windows((3, 3, 3), (1, 1, 1), ((1, 1),) * 3, (1, 1, 1)), 1), "plain")
@example((3, 4, 6, (9, 5, 6), Windows((2, 3, 3), (2, 1, 1), ((3, 2),) * 3, (3, 1, 1)), 2), "plain")
@example((2, 2, 2, (4, 4), Windows((1, 1), (3, 3), ((0, 0),) * 2, (1, 1)), 1), "plain")
def test_twins_agree_with_their_references(threads, taken, dtype, problem, layout):
    assert_agree(*both(problem, dtype, layout), dtype)
    assert taken == dict.fromkeys(taken, True)
    assert len(taken) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("buffer", [1, 1 << 14])
def test_blocks_make_no_difference(monkeypatch, threads, dtype, buffer):
    """Row by row, some images, all at once; long runs in pieces."""
    from pullback.autograd.kernels import images

    monkeypatch.setattr(images, "BUFFER", buffer)
    monkeypatch.setattr(images, "LEAST", 1)
    for size, stride in (((7, 6), 1), ((70, 50), 1), ((21, 21), 2)):
        lie = Windows((3, 3), (stride,) * 2, ((1, 1),) * 2, (1, 1))
        assert_agree(*both((5, 3, 10, size, lie, 1), dtype, "plain"), dtype)


def test_large_sums_are_as_exact(threads):
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    reference, twin = both((2, 256, 40, (14, 14), lie, 1), np.float32, "plain")
    assert_agree(reference, twin, np.float32)


@pytest.fixture
def by_tiles(monkeypatch):
    """What the convolution by tiles returned, in order."""
    from pullback.autograd.kernels import winograd

    results = []

    for name in ("correlate", "weight_gradient"):
        function = getattr(winograd, name)

        def noted(*args, function=function, **kwargs):
            results.append(function(*args, **kwargs))
            return results[-1]

        monkeypatch.setattr(winograd, name, noted)
    return results


TILES = (  # what a convolution by tiles may meet: images, channels, filters, size, borders
    (3, 9, 8, (16, 16), ((1, 1), (1, 1))),
    (2, 8, 21, (17, 35), ((0, 0), (0, 0))),
    (5, 12, 16, (7, 7), ((1, 1), (1, 1))),
    (40, 8, 8, (4, 3), ((1, 1), (1, 1))),
    (1, 16, 9, (40, 6), ((4, 3), (3, 0))),
    (4, 8, 8, (12, 13), ((2, -1), (0, -3))),
    (60, 8, 8, (2, 1), ((1, 1), (1, 1))),
    (1, 300, 70, (14, 15), ((1, 1), (1, 1))),
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("problem", TILES)
def test_tiles_of_two_by_two_agree_with_the_reference(threads, by_tiles, dtype, problem):
    count, channels, filters, size, padding = problem
    lie = Windows((3, 3), (1, 1), padding, (1, 1))
    for layout in ("plain", "channels last"):
        assert_agree(*both((count, channels, filters, size, lie, 1), dtype, layout), dtype)
    assert len(by_tiles) == 6
    assert all(result is not None for result in by_tiles)


def test_gradients_of_many_places_are_as_exact(by_tiles):
    rng = np.random.default_rng(0)
    x, g = (np.abs(rng.normal(size=(32, 8, 32, 32))).astype("f4") for _ in range(2))
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    exact = windows.weight_gradient(x.astype("f8"), g.astype("f8"), lie, 1)
    found = windows.weight_gradient(x, g, lie, 1)
    assert np.abs(found - exact).max() <= 3e-6 * np.abs(exact).max()
    assert len(by_tiles) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_take_a_bias(by_tiles, dtype):
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=size).astype(dtype) for size in ((4, 8, 9, 9), (11, 8, 3, 3), 11))
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    np.testing.assert_allclose(
        windows.correlate(x, w, lie, 1, b),
        windows.correlate(x, w, lie, 1) + b[:, None, None],
        rtol=1e-5,
        atol=1e-5,
    )
    assert len(by_tiles) == 2


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
def test_what_would_spread_over_a_tile_does_not(by_tiles, value):
    """One that is not finite, or too large for the sums of a tile, goes no further than its windows."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 8, 15, 17)).astype("f4"), rng.normal(size=(8, 8, 3, 3)).astype("f4")
    w *= 0.3 / np.abs(w).max()
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    for place in ((0, 0), (14, 16), (6, 7), (5, 16)):
        changed = x.copy()
        changed[1, 3, *place] = value
        if value == 3e38:
            changed[1, 3, place[0] - 1, place[1] - 1] = value
        pb.config.fast = False
        reference = windows.correlate(changed, w, lie, 1)
        pb.config.fast = True
        twin = windows.correlate(changed, w, lie, 1)
        np.testing.assert_array_equal(np.isfinite(twin), np.isfinite(reference))
        calm = np.abs(reference) < 1e6
        np.testing.assert_allclose(twin[calm], reference[calm], rtol=1e-4, atol=1e-4)
    assert by_tiles[0] is None or value == 3e38


@pytest.mark.parametrize("place", [(6, 6), (6, 7), (7, 6), (7, 7)])
def test_a_large_number_takes_no_digit_from_results_that_do_not_see_it(by_tiles, place):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 8, 15, 17)).astype("f4"), rng.normal(size=(8, 8, 3, 3)).astype("f4")
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    before = windows.correlate(x, w, lie, 1)
    x[(..., *place)] = 1e8
    after = windows.correlate(x, w, lie, 1)
    far = np.abs(np.indices(after.shape[2:]) - np.array(place)[:, None, None]).max(axis=0) > 1
    np.testing.assert_array_equal(after[..., far], before[..., far])
    assert len(by_tiles) == 2


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_gradient_that_is_not_finite_is_so_for_its_filters_only(by_tiles, value):
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 8, 15, 17)).astype("f4"), rng.normal(size=(2, 8, 15, 17)).astype("f4")
    g[1, 3, 6, 7] = value
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    gradient = windows.weight_gradient(x, g, lie, 1)
    assert by_tiles == [None]
    np.testing.assert_array_equal(np.isfinite(gradient).all(axis=(1, 2, 3)), np.arange(8) != 3)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("channels", [2, 8])
def test_a_number_that_is_not_finite_reaches_the_filters_elements_that_meet_it(channels, axes):
    """One at a corner is met by one element only, though other windows in the flat buffer would come by, with zeros."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, channels, *(9, 20, 20)[-axes:])).astype("f4")
    x[(1, 1, *(0, 0, 0)[-axes:])] = np.inf
    lie = Windows((3,) * axes, (1,) * axes, ((0, 0),) * axes, (1,) * axes)
    g = np.abs(rng.normal(size=(3, 8, *lie.places(x.shape[2:])))).astype("f4")
    with every_size():
        gradient = windows.weight_gradient(x, g, lie, 1)
    met = np.zeros((8, channels, *lie.kernel), bool)
    met[(slice(None), 1, *(0, 0, 0)[-axes:])] = True
    np.testing.assert_array_equal(np.isposinf(gradient), met)
    assert not np.isnan(gradient).any()


@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
@pytest.mark.parametrize("groups", [1, 2])
def test_gradients(threads, function, groups):
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 4, 5, 4)), rng.normal(size=(4, 4 // groups, 3, 2)), rng.normal(size=4)
    b = b[: 4 // groups * groups]
    with every_size():
        for stride in (1, 2):
            operation = lambda x, w, b: function(x, w, b, stride, 1, groups=groups)  # noqa: B023 - called before the next round
            pb.gradcheck(operation, (x, w, b)).assert_ok()


def test_what_is_nan_or_infinite_stays_where_it_is():
    x = np.zeros((1, 2, 9, 9), np.float32)
    x[0, 1, 4, 8], x[0, 0, 0, 0] = np.nan, np.inf
    w = np.ones((3, 2, 3, 3), np.float32)
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    pb.config.fast = False
    reference = windows.correlate(x, w, lie, 1)
    pb.config.fast = True
    with every_size():
        np.testing.assert_array_equal(windows.correlate(x, w, lie, 1), reference)


def test_what_is_not_its_own_goes_to_the_reference(taken):
    x, w = np.ones((1, 2, 4, 4, 4), np.float32), np.ones((3, 2, 3, 3, 3), np.float64)
    with every_size():
        for axes in (2, 3):
            lie = Windows((3,) * axes, (1,) * axes, ((0, 0),) * axes, (1,) * axes)
            index = (slice(None),) * (axes + 2) + (0,) * (3 - axes)
            mixed = windows.correlate(x[index], w[index], lie, 1)
            assert mixed.dtype == np.float64
            assert mixed.flat[0] == 2 * 3**axes
    assert taken == {"convolution.correlate": False}


def test_a_processor_without_vectors_goes_to_the_reference(monkeypatch, taken):
    from pullback.autograd.kernels import vectors

    monkeypatch.setattr(vectors, "BYTES", 0)
    with every_size():
        F.conv2d(np.ones((1, 2, 9, 9), np.float32), np.ones((3, 2, 3, 3), np.float32))
    assert taken == {"convolution.correlate": False}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors, other names")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", (0, 0)),  # what Numba takes for NUMBA_CPU_NAME=generic
        ("+sse4.2,+avx,-avx2", (0, 0)),
        ("+avx2,+fma,-avx512f", (32, 16)),
        ("+avx2,+fma,+avx512f", (64, 32)),
    ],
)
def test_vectors_are_those_that_numba_compiles_for(monkeypatch, said, expected):
    from numba.core import config

    from pullback.autograd.kernels import vectors

    monkeypatch.setattr(config, "CPU_FEATURES", said)
    assert vectors.found() == expected


def test_many_threads_may_call_it():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 8, 30, 30)).astype("f4"), rng.normal(size=(8, 8, 3, 3)).astype("f4")
    lie = Windows((3, 3), (1, 1), ((1, 1),) * 2, (1, 1))
    expected = windows.correlate(x, w, lie, 1)
    results = []
    callers = [
        threading.Thread(target=lambda: results.append(windows.correlate(x, w, lie, 1))) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 8
    assert all(np.array_equal(result, expected) for result in results)
    assert math.prod(expected.shape) == 4 * 8 * 900
