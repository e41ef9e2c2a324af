"""Kernels that are compiled: the switch, the threads, what is kept on disk."""

import importlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import check_operation, every_size, kernel, own_operations, split
from pullback.autograd.kernels import KERNELS, registry

needs_numba = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture(autouse=True)
def switch_as_before():
    before = pb.config.fast
    yield
    pb.config._fast = before


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
def test_a_kernel_is_announced_once_and_not_by_what_it_calls(capsys, monkeypatch):
    import numba

    from pullback.autograd.kernels import jit  # noqa: F401 - listens

    @numba.njit
    def called(x):
        return 2 * x

    @numba.njit
    def _calling(x):
        return called(x) + 1

    for function in (called, _calling):
        function.py_func.__module__ = "pullback.example"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert [_calling(3.0), _calling(3.0)] == [7.0, 7.0]
    assert capsys.readouterr().err == "pullback: compiling calling, once for this machine\n"


def taking_kernels():
    """The operations that call a kernel on one of their own samples, forward or backward."""
    taken, found = [], []

    def refused(kernel):
        return lambda *args, **kwargs: taken.append(kernel) or NotImplemented

    with pytest.MonkeyPatch.context() as patch, every_size():
        patch.setattr(pb.config, "_fast", True)
        patch.setattr(registry.Kernel, "twin", property(refused))
        for op in own_operations():
            taken.clear()
            for sample in op.samples(np.random.default_rng(0)):
                inputs = [pb.tensor(x) if isinstance(x, np.ndarray) else x for x in sample.inputs]
                for name, x in zip(op.inputs, inputs, strict=False):
                    if isinstance(x, pb.Tensor) and x.dtype.kind == "f" and name in op.rules:
                        x.requires_grad_()
                out = op.call(*inputs, **sample.parameters)
                first = out[0] if isinstance(out, tuple) else out
                if first.requires_grad:
                    first.backward(pb.ones_like(first))
            if taken:
                found.append(op)
    return found


@needs_numba
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in taking_kernels()])
def test_operations_keep_their_laws_with_compiled_kernels(op):
    """All that is checked of a declaration: values, gradients of both orders, dtypes, layouts, empty arrays."""
    with every_size():
        check_operation(op)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("exp", np.exp),
        ("tanh", np.tanh),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("normal_cdf_single", pb.autograd.special.ndtr.raw),
    ],
)
def test_functions_of_one_number(name, reference, dtype):
    from pullback.autograd.kernels import maths
    from pullback.autograd.kernels.jit import jit

    if "single" in name and dtype == np.float64:
        pytest.skip("a function of float32")
    function = getattr(maths, name)

    @jit()
    def loop(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    edge = float(np.log(np.finfo(dtype).max)) - 0.01
    x = np.concatenate([np.linspace(-edge, edge, 20_001), np.linspace(-0.1, 0.1, 1001)]).astype(dtype)
    out = np.empty_like(x)
    loop(x, out)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.longdouble if "single" not in name else np.float64))
    error = np.abs(out - exact) / np.maximum(np.abs(exact), np.finfo(dtype).tiny)
    eps = np.finfo(dtype).eps
    assert error.max() < (2.5 * eps if name != "normal_cdf_single" else 40 * eps)
    special = np.array([np.nan, np.inf, -np.inf, 1000, -1000, 0, -0.0], dtype)
    out = np.empty_like(special)
    loop(special, out)
    with np.errstate(all="ignore"):
        exact = reference(special).astype(dtype)
    np.testing.assert_allclose(out, exact, rtol=4 * eps)
    np.testing.assert_array_equal(np.signbit(out[1:]), np.signbit(exact[1:]))


@needs_numba
def test_every_kernel_exists():
    pb.nn  # noqa: B018 - loads the folder that declares most of them
    for declared in KERNELS.values():
        assert declared.twin.__doc__, declared.name


def attention(x, **options):
    """Of an array to itself; rounding counts e^score times, so scores are small."""
    x = pb.atleast_2d(x)
    small = pb.tanh(x)
    return pb.nn.functional.scaled_dot_product_attention(small, small, x, **options)


def as_channels(x, function, w):
    """Apply a function of (N, C, L) to x and numbers beside it, with weights for the channels."""
    channels = x.shape[-2] if x.ndim > 1 else 1
    shape = x.shape
    x = x.reshape((x.size // x.shape[-1] // channels, channels, x.shape[-1]))
    ramp = np.arange(1, channels + 1, dtype=x.dtype)
    others = np.broadcast_to(ramp[:, None] - 3, x.shape).copy()
    x = pb.concat([x, pb.asarray(others)], axis=0)
    return function(x, w[:1] * pb.asarray(ramp), ramp)[: len(others)].reshape(shape)


def batch_norm(x, weight, ramp):
    return pb.nn.functional.batch_norm(x, None, None, weight, weight * 2, training=True)


def batch_norm_by(x, weight, ramp):
    return pb.nn.functional.batch_norm(x, pb.asarray(ramp / 7), pb.asarray(ramp), weight, training=False)


def group_norm(x, weight, ramp):
    groups = 2 if len(ramp) % 2 == 0 else 1
    return pb.nn.functional.group_norm(x, groups, weight, weight * 2)


def instance_norm(x, weight, ramp):
    others = np.broadcast_to(np.array([-1, 2], x.dtype), (*x.shape[:2], 2))
    x = pb.concat([x, pb.asarray(others.copy())], axis=2)
    return pb.nn.functional.instance_norm(x, None, None, weight, weight * 2)[:, :, :-2]


FUNCTIONS = {
    "softmax": lambda x, w: pb.softmax(x),
    "softmax over other axes": lambda x, w: pb.softmax(x, axis=0),
    "log_softmax": lambda x, w: pb.log_softmax(x),
    "layer_norm": lambda x, w: pb.nn.functional.layer_norm(x, w.shape, w, 2 * w),
    "layer_norm without weights": lambda x, w: pb.nn.functional.layer_norm(x, w.shape) + w,
    "batch norm": lambda x, w: as_channels(x, batch_norm, w),
    "batch norm by given statistics": lambda x, w: as_channels(x, batch_norm_by, w),
    "group norm": lambda x, w: as_channels(x, group_norm, w),
    "instance norm": lambda x, w: as_channels(x, instance_norm, w),
    "attention": lambda x, w: attention(x, is_causal=False) + w,
    "causal attention": lambda x, w: attention(x, is_causal=True) + w,
    "gelu": lambda x, w: pb.nn.functional.gelu(x) * w,
    "gelu by tanh": lambda x, w: pb.nn.functional.gelu(x, approximate="tanh") * w,
    "relu": lambda x, w: pb.relu(x) * w,
    "leaky relu": lambda x, w: pb.nn.functional.leaky_relu(x, 0.1) * w,
    "silu": lambda x, w: pb.nn.functional.silu(x) * w,
    "exp": lambda x, w: pb.exp(x / 100) * w,
    "log": lambda x, w: pb.log(x) * w,
    "tanh": lambda x, w: pb.tanh(x) * w,
    "sigmoid": lambda x, w: pb.sigmoid(x) * w,
}


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    columns=st.sampled_from([1, 2, 15, 16, 17, 64, 1000]),
    layout=st.sampled_from(["plain", "transposed", "every other", "read-only"]),
    special=st.sampled_from([None, np.nan, np.inf, -np.inf, 1e4, -1e4]),
)
def test_twins_agree_with_their_references(name, dtype, shape, columns, layout, special):
    rng = np.random.default_rng(len(shape) + columns)
    x = rng.normal(size=(*shape, columns)).astype(dtype)
    if special is not None:
        x.flat[rng.integers(x.size)] = special
    if layout == "transposed":
        x = np.ascontiguousarray(x.T).T
    elif layout == "every other":
        x = np.repeat(x, 2, axis=0)[::2]
    elif layout == "read-only":
        x.flags.writeable = False
    w, g = rng.normal(size=columns).astype(dtype), rng.normal(size=x.shape).astype(dtype)
    results = []
    for fast in (False, True):
        pb.config.fast = fast
        inputs = [pb.asarray(x).requires_grad_(), pb.asarray(w).requires_grad_()]
        with every_size(), np.errstate(all="ignore"):
            out = FUNCTIONS[name](*inputs)
            out.backward(pb.asarray(g))
        results.append([out.detach().numpy(), *(t.grad.numpy() for t in inputs if t.grad is not None)])
    for reference, twin in zip(*results, strict=True):
        assert twin.dtype == dtype
        scale = np.abs(reference[np.isfinite(reference)]).max(initial=0)
        eps = np.finfo(dtype).eps
        bound = 30 * eps * (1 + scale)
        if "attention" in name:  # its sums of products come in another order, and large ones cancel
            large = 1 if special is None or not np.isfinite(special) else abs(special)
            bound *= large * max(1, columns**0.5 / 8)
        np.testing.assert_allclose(twin, reference, rtol=300 * eps, atol=bound)


@needs_numba
@pytest.mark.parametrize("function", [pb.log, pb.tanh, pb.sigmoid])
@pytest.mark.parametrize("shape", [(1,), (5,), (3, 1), (60, 50)])
def test_one_number_as_the_gradient_of_all_elements(function, shape):
    """The gradient of a sum is repeated without memory of its own."""
    x = np.random.default_rng(0).uniform(0.1, 2, shape)
    gradients = []
    for fast in (False, True):
        pb.config.fast = fast
        leaf = pb.tensor(x, requires_grad=True)
        with every_size():
            (function(leaf).sum() * 3).backward()
        gradients.append(leaf.grad.numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-13)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_warns_of_an_overflow_as_numpy_does(dtype):
    x = np.zeros(1000, dtype)
    x[[3, 4, 5]] = np.nan, np.inf, -np.inf
    with every_size(), np.errstate(over="raise"):
        np.testing.assert_array_equal(pb.exp(pb.asarray(x)).numpy(), np.exp(x))
        x[7] = 1000
        with pytest.raises(FloatingPointError):
            pb.exp(pb.asarray(x))
    with every_size(), pytest.warns(RuntimeWarning, match="overflow"):
        assert pb.exp(pb.asarray(x)).numpy()[7] == np.inf


@needs_numba
def test_log_warns_in_its_threads_as_the_caller_was_told(monkeypatch):
    elementwise = importlib.import_module("pullback.autograd.kernels.elementwise")
    monkeypatch.setattr(elementwise, "SHARE", 1)
    monkeypatch.setattr(pb.config, "threads", 3)
    x = np.linspace(0, 1, 999)
    for place in (0, 998):  # of the caller's piece, and of another thread's
        x[[0, 998]] = 1
        x[place] = 0
        with every_size():
            with np.errstate(divide="ignore"):
                np.testing.assert_array_equal(pb.log(pb.asarray(x)).numpy(), np.log(x))
            with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
                pb.log(pb.asarray(x))
            with pytest.warns(RuntimeWarning, match="divide by zero"):
                pb.log(pb.asarray(x))


@needs_numba
def test_small_arrays_go_to_numpy_without_asking_a_kernel(monkeypatch):
    taken = []
    refused = property(lambda kernel: taken.append(kernel.name) or (lambda *args: NotImplemented))
    monkeypatch.setattr(registry.Kernel, "twin", refused)
    x = pb.tensor(np.ones(1 << 13), requires_grad=True)
    pb.sigmoid(x[:100]).sum().backward()
    assert not taken
    pb.sigmoid(x).sum().backward()
    assert taken == ["elementwise.sigmoid", "elementwise.sigmoid_slopes"]
    taken.clear()
    assert pb.sigmoid.raw(np.ones(1 << 13)).shape == (1 << 13,)
    assert taken == ["elementwise.sigmoid"]


@needs_numba
def test_the_leading_array_of_a_rule_need_not_be_the_gradient(monkeypatch):
    taken = []
    refused = property(lambda kernel: taken.append(kernel.name) or (lambda *args: NotImplemented))
    monkeypatch.setattr(registry.Kernel, "twin", refused)
    logits = pb.tensor(np.ones((128, 10)), requires_grad=True)
    pb.nn.functional.cross_entropy(logits, np.zeros(128, int)).backward()  # one number comes back
    assert taken == ["losses.class_losses", "losses.logit_slopes"]


@needs_numba
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("size", [1e3, -1e5, 1e8])
def test_the_logarithm_of_softmax_bears_large_scores(fast, size):
    """Scores of 1e8 stand 8 apart in float32; the logarithm of the sum is not rounded to that."""
    pb.config.fast = fast
    with every_size():
        found = pb.log_softmax(pb.asarray(np.full((2, 100), size, np.float32)))
    np.testing.assert_allclose(found.numpy(), -np.log(100), rtol=1e-6)
