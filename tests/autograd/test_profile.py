"""The profiler: calls, time and memory per operation."""

import time

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import REGISTRY, SCALER, elementwise, op


@pytest.fixture
def slow():
    known = dict(REGISTRY)

    def pull(g):
        time.sleep(0.02)
        return g * 1

    def forward(x, /):
        time.sleep(0.01)
        return x * 1

    yield op(forward, "x", x=pull, name="slow", gate=SCALER, samples=elementwise(1), doc="For these tests.")
    REGISTRY.clear()
    REGISTRY.update(known)


def test_calls_time_and_memory(slow):
    x = pb.tensor(np.ones(1000), requires_grad=True)
    with pb.profile() as costs:
        for _ in range(3):
            y = slow(x)
        (y * 2).sum().backward()
    row = costs.row("slow")
    assert (row.forward.calls, row.backward.calls) == (3, 1)
    assert (row.forward.bytes, row.backward.bytes) == (24_000, 8_000)
    assert 0.03 <= row.forward.seconds < 3
    assert 0.02 <= row.backward.seconds < 3
    assert costs.row("multiply").forward.seconds < 0.01
    assert costs.row("multiply").backward.seconds < 0.015
    assert costs.seconds >= row.seconds
    assert costs.row("sin").forward.calls == 0


def test_views_and_gradients_that_are_handed_on_need_no_memory():
    x = pb.tensor(np.ones((10, 10)), requires_grad=True)
    with pb.profile() as costs:
        (x.reshape(100) + 0).sum().backward()
    assert costs.row("reshape").forward.bytes == 0
    assert costs.row("add").forward.bytes == 800
    assert costs.row("add").backward.bytes == 0


def test_the_table():
    x = pb.tensor(np.ones(1000), requires_grad=True)
    with pb.profile() as costs:
        x.exp().sum().backward()
    lines = str(costs).splitlines()
    assert lines[0].split()[:3] == ["operation", "forward", "calls"]
    row = next(line for line in lines if line.startswith("exp")).split()
    assert row[1] == "1"
    assert row[3:5] == ["7.812", "KiB"]
    assert lines[-2].startswith("all operations")
    assert lines[-2].endswith("100%")
    assert len({len(line) for line in lines[:-1]}) == 1


def test_blocks_may_be_nested():
    x = pb.tensor(1.0, requires_grad=True)
    with pb.profile() as outer:
        y = x.exp()
        with pb.profile() as inner:
            z = y.exp()
        z.backward()
    assert inner.row("exp").forward.calls == 1
    assert inner.row("exp").backward.calls == 0
    assert (outer.row("exp").forward.calls, outer.row("exp").backward.calls) == (2, 2)


def test_an_operation_inside_another_is_not_counted_twice(slow):
    class Outer(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            time.sleep(0.02)
            return g

    known = dict(REGISTRY)
    calls_another = op(
        lambda x, /: slow(pb.asarray(x)).numpy(), "x", x=lambda g: g, name="calls_another", gate=SCALER,
        samples=elementwise(1), doc="For this test.",
    )  # fmt: skip
    x = pb.tensor(np.ones(3), requires_grad=True)
    with pb.profile() as costs:
        Outer.apply(calls_another(x)).sum().backward()
    REGISTRY.clear()
    REGISTRY.update(known)
    assert costs.row("slow").forward.seconds >= 0.01
    assert costs.row("calls_another").forward.seconds < 0.009
    assert costs.row("Outer").backward.seconds >= 0.02


def test_an_error_inside_does_not_confuse_it(slow):
    x = pb.tensor(np.ones(3), requires_grad=True)
    with pb.profile() as costs:
        for _ in range(2):
            with pytest.raises(ValueError, match="broadcast"):
                x * np.ones(4)
        slow(x).sum().backward()
        y = x * 1
        y[0] = 5.0
    assert costs.row("multiply").forward.calls == 1
    assert costs.row("assign").forward.calls == 1
    assert costs.row("slow").forward.seconds >= 0.01
    assert costs.row("sum").forward.seconds < 0.01
