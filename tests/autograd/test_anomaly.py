"""The anomaly finder names the operation and the line, forward and backward."""

import sys

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def leaf(value, **options):
    return pb.tensor(value, requires_grad=True, dtype=pb.float64, **options)


def here(offset):
    return f"test_anomaly.py:{sys._getframe(1).f_lineno + offset}"


def test_the_first_forward_operation():
    x = leaf([1.0, 0.0])
    line = here(2)
    with pytest.raises(RuntimeError, match="'log'") as caught, pb.detect_anomaly():
        (pb.log(x * 1) * 0).sum()
    assert str(caught.value) == f"forward: 'log' at {line} gave inf in 1 of 2 elements, from finite inputs"


def test_the_first_backward_operation():
    x = leaf([1.0, 0.0])
    line = here(2)
    with pytest.raises(RuntimeError, match="'sqrt'") as caught, pb.detect_anomaly():
        pb.sqrt(x * 1).sum().backward()
    assert (
        f"backward: the gradient of 'sqrt', called at {line}, with respect to 'x' has inf in 1 of 2"
        in str(caught.value)
    )
    assert x.grad is None


def test_both_directions_are_noted_without_raising():
    x = leaf([0.0, 1.0])
    with pb.detect_anomaly(raises=False) as found:
        a = x.sqrt() * 1
        b = (a * 0 + x).log()
        (a + b.exp()).sum().backward()
    assert (found.forward.operation, found.forward.source) == ("log", here(-2))
    assert (found.backward.operation, found.backward.source) == ("log", here(-3))
    assert str(found).splitlines() == [str(found.forward), str(found.backward)]


def test_a_nan_that_was_put_in_is_named_and_an_infinity_may_pass():
    with pytest.raises(RuntimeError, match=r"'multiply'.*nan in 1 of 2 elements$"), pb.detect_anomaly():
        leaf([1.0, 2.0]) * np.array([np.nan, 1.0])
    x = leaf([1.0, 2.0, 3.0])
    with pb.detect_anomaly() as found:
        pb.softmax(x + np.array([0.0, -np.inf, 0.0]), axis=0)[0].backward()
    assert str(found) == "every value and every gradient was finite"
    assert np.isfinite(x.grad.numpy()).all()


def test_a_graph_from_outside():
    y = leaf([0.0, 1.0]).sqrt().sum()
    with pytest.raises(RuntimeError, match=r"a line outside detect_anomaly\(\)"), pb.detect_anomaly():
        y.backward()


def test_the_layer_is_named():
    class Root(nn.Module):
        def forward(self, x):
            return x.sqrt()

    model = nn.Sequential(nn.Identity(), Root())
    with pytest.raises(RuntimeError, match=r"'sqrt'.*in layer '1'"), pb.detect_anomaly():
        model(leaf([0.0, 1.0])).sum().backward()


def test_functions_with_several_outputs_and_joined_inputs():
    class Split(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            return g * np.nan

    with pytest.raises(RuntimeError, match=r"'Split'.*'x' has nan in 2 of 2"), pb.detect_anomaly():
        pb.concat(Split.apply(leaf([1.0, 2.0]))).sum().backward()


def test_scopes_and_recordings_are_as_before():
    model = nn.Sequential(nn.Linear(2, 2))
    with pb.detect_anomaly(), pb.record() as recording:
        y = model(pb.ones((1, 2))).sum()
        y.backward()
    assert {entry.scope for entry in recording.entries} == {"", "0"}
    assert {entry.scope for entry in pb.trace(y).entries} == {"", "0"}


def test_a_hook_that_spoils_the_gradient_is_named_with_its_line():
    x = leaf([1.0, 2.0])
    with pb.detect_anomaly(raises=False) as found:
        y = x * 2
        y.register_hook(lambda g: g * np.inf)
        line = here(-1)
        y.sum().backward()
    assert str(found) == (
        f"backward: the hook '<lambda>', made at {line}, on the result of 'multiply', called at {here(-5)} gave a "
        "gradient that has inf in 2 of 2 elements; the gradient that came in is finite"
    )


def test_a_hook_on_a_named_leaf():
    x = leaf([1.0, 2.0], name="weights")
    x.register_hook(lambda g: g * np.nan)
    with (
        pytest.raises(RuntimeError, match="on the leaf 'weights' gave a gradient that has nan"),
        pb.detect_anomaly(),
    ):
        x.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("inner", [True, False])
def test_finite_gradients_whose_sum_is_not(inner):
    x = pb.tensor([1.0, 1.0], requires_grad=True)
    with pb.detect_anomaly(raises=False) as found:
        y = x * 1 if inner else x
        (y * np.array([3e38, 0.0]) + y * np.array([3e38, 1.0])).sum().backward()
    assert found.backward.operation == ("multiply" if inner else "leaf")
    assert "are finite, and their sum has inf in 1 of 2 elements" in str(found)


def test_an_infinity_that_is_given_to_backward_may_pass():
    x = leaf([1.0, 2.0])
    with pb.detect_anomaly() as found:
        (x * 2 + x).backward(np.array([np.inf, 1.0]))
    assert found.backward is None


def test_infinities_that_cancel():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="have inf, and their sum has nan in 1 of 2"), pb.detect_anomaly():
        (x * 2 - x * 3).backward(np.array([np.inf, 1.0]))


def test_several_outputs_hand_on_what_was_put_in():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError) as caught, pb.detect_anomaly():
        pb.cummax(x).values.backward(np.array([np.nan, 1.0]))
    assert "came in is finite" not in str(caught.value)


def test_operations_with_several_outputs():
    matrix = leaf([[1.0, 0.0], [0.0, 1.0]])
    line = here(2)
    with pb.detect_anomaly(raises=False) as found:
        values, vectors = pb.linalg.eigh(matrix * 1)
        (values.sum() + vectors.sum()).backward()  # equal eigenvalues: their vectors have no gradient
    assert found.forward is None
    assert found.backward.operation == "eigh"
    assert found.backward.source == line
    layer = nn.BatchNorm1d(2)
    with pb.detect_anomaly(raises=False) as found:
        layer(pb.log(leaf([[0.0, 1.0], [1.0, 2.0]])).astype("float32")).sum().backward()
    assert found.forward.operation == "log"


def test_the_layer_is_named_forward_and_backward():
    class Root(nn.Module):
        def forward(self, x):
            return pb.log(x) if self.training else pb.sqrt(x)

    model = nn.Sequential(nn.Identity(), nn.Sequential(Root()))
    with pb.detect_anomaly(raises=False) as found:
        model(leaf([0.0, 1.0]))
    assert found.forward.layer == "1.0"
    assert "in layer '1.0' gave inf" in str(found.forward)
    model.eval()
    with pb.detect_anomaly(raises=False) as found:
        model(leaf([0.0, 1.0])).sum().backward()
    assert found.backward.layer == "1.0"
