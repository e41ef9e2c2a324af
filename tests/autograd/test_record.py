"""The recorder and the trace: what pictures are made from."""

import numpy as np
import pytest

import pullback as pb


def test_values_constants_gradients_and_contributions():
    x = pb.tensor(3.0, requires_grad=True, name="x")
    with pb.record() as recording:
        y = x * x + 1
        y.backward()
    leaf, square, one, total = recording.entries
    assert (leaf.name, leaf.value, leaf.gradient, leaf.operation) == ("x", 3, 6, None)
    assert square.inputs == (leaf, leaf)
    assert [c.item() for c in square.contributions] == [3, 3]
    assert (one.value, one.requires_grad, one.gradient) == (1, False, None)
    assert total.operation.name == "add"
    assert total.contributions == (1, None)
    assert total.source.startswith("test_record.py:")
    assert recording.find(y) is total
    with pytest.raises(KeyError):
        recording.find(x * 5)


def test_values_are_kept_as_they_were():
    x = pb.tensor([1.0, 2.0])
    with pb.record() as recording:
        y = x + 1
        y[0] = 100.0
        z = y * 2
    assert [e.value.tolist() for e in recording.entries if e.operation] == [[2, 3], [100, 3], [200, 6]]
    plus, write, times = (e for e in recording.entries if e.operation)
    assert write.inputs[0] is plus
    assert times.inputs[0] is write
    assert recording.find(z) is times


def test_writes_in_place_are_recorded():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    with pb.record() as recording:
        y = x * 2
        y[0] = 5.0
        y.sum().backward()
    names = [e.operation.name for e in recording.entries if e.operation]
    assert names == ["multiply", "assign", "sum"]
    assert recording.find(y).value.tolist() == [5, 4]
    assert recording.find(y).gradient.tolist() == [1, 1]


def test_untracked_computations_are_recorded_too():
    with pb.record() as recording:
        y = pb.tensor(2.0) * 3
    assert [e.value.item() for e in recording.entries] == [2, 3, 6]
    assert not recording.find(y).requires_grad


def test_trace_needs_no_recording():
    x = pb.tensor(3.0, requires_grad=True, name="x")
    y = (x * x).exp()
    recording = pb.trace(y)
    assert [e.operation.name if e.operation else e.name for e in recording.entries] == [
        "x",
        "multiply",
        "exp",
    ]
    assert recording.entries[1].value is None  # exp keeps its result and not its input
    np.testing.assert_allclose(recording.find(y).value, np.exp(9))
    y.backward()
    assert pb.trace(y).entries[0].gradient == pytest.approx(6 * np.exp(9))
    with pytest.raises(ValueError, match="no graph"):
        pb.trace(pb.tensor(1.0))


def test_names_and_scopes_come_from_the_module():
    model = pb.nn.Sequential(pb.nn.Linear(2, 3), pb.nn.ReLU(), pb.nn.Linear(3, 1))
    with pb.record() as recording:
        loss = model(pb.tensor([[1.0, 2.0]])).sum()
        loss.backward()
    names = {e.name for e in recording.entries if e.name}
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} <= names
    scopes = [e.scope for e in recording.entries if e.operation]
    assert scopes[0] == "0"
    assert scopes[-1] == ""
    assert {e.name for e in pb.trace(loss).entries if e.name} == names


def test_a_value_that_was_overwritten_is_not_shown():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    u = w * 3
    y = (u * u).sum()
    del u
    assert pb.trace(y).entries[1].value.tolist() == [3, 6]


def test_contributions_belong_to_the_inputs_that_are_there():
    x, high = pb.tensor([0.5, 3.0], requires_grad=True), pb.tensor([1.0, 1.0], requires_grad=True)
    with pb.record() as recording:
        y = pb.clip(x, None, high)
        y.sum().backward()
    entry = recording.find(y)
    assert entry.slots == (0, 2)
    assert [c.tolist() for c in entry.contributions] == [[1, 0], [0, 1]]


class Broken(pb.Function):
    """Its backward raises."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise ArithmeticError("no\nluck")


def broken_chain():
    x = pb.tensor(1.0, requires_grad=True)
    return x, pb.exp(Broken.apply(pb.sin(x)))


def test_a_backward_that_fails_is_noted_where_it_failed():
    with pb.record() as recording:
        _, y = broken_chain()
        with pytest.raises(ArithmeticError):
            y.backward()
    errors = [entry.error for entry in recording.entries]
    assert errors == [None, None, "ArithmeticError: no luck", None]
    assert [entry.gradient is not None for entry in recording.entries] == [False, False, True, True]


def test_the_tape_remembers_where_backward_failed_until_it_succeeds(monkeypatch):
    _, y = broken_chain()
    with pytest.raises(ArithmeticError):
        y.backward(retain_graph=True)
    assert [entry.error for entry in pb.trace(y).entries] == [None, None, "ArithmeticError: no luck", None]
    monkeypatch.setattr(Broken, "backward", staticmethod(lambda ctx, g: g * 2))
    y.backward(retain_graph=True)
    assert {entry.error for entry in pb.trace(y).entries} == {None}


def test_overwritten_values_are_a_failure_of_the_node_that_needs_them():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = pb.exp(x)
    z = y.sum()
    with pb.no_grad():
        y[0] = 3.0
    with pb.record() as recording, pytest.raises(RuntimeError, match="overwritten"):
        z.backward()
    assert not recording.entries
    assert [entry.error is not None for entry in pb.trace(z).entries] == [False, True, False]


def test_what_the_tape_keeps_is_known_in_bytes():
    with pb.record() as recording:
        x = pb.tensor(np.ones((4, 8), np.float32), requires_grad=True)
        y = pb.exp(x) * x
        z = y.sum()
    assert [entry.saved for entry in recording.entries] == [{}, {"out": 128}, {"x": 128, "y": 128}, {}]
    assert [entry.saved for entry in pb.trace(z).entries] == [entry.saved for entry in recording.entries]
    z.backward()
    assert [entry.saved for entry in pb.trace(z).entries] == [{}, None, None, None]


def test_calls_of_modules_and_buffers_are_told_apart():
    from pullback import nn

    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    with pb.record() as recording:
        model(model(pb.ones((3, 2), requires_grad=True)))
    paths = [[call.path for call in entry.calls] for entry in recording.entries if entry.operation]
    assert ["", "0"] in paths
    assert ["", "1"] in paths
    outer = {entry.calls[0] for entry in recording.entries if entry.operation}
    assert len(outer) == 2
    assert len({call.module for call in outer}) == 1
    assert {call.kind for call in outer} == {"Sequential"}
    buffers = {entry.name for entry in recording.entries if entry.buffer}
    assert buffers == {"1.running_mean", "1.running_var"}
