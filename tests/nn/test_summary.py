"""The summary of a model: rows, totals, fields, several inputs, shared parts."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn.utils import summary


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        return pb.relu(x + self.bn(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 5, stride=2, padding=2)
        self.block = Residual()
        self.head = nn.Linear(4, 10)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        x = self.block(self.block(self.stem(x)))
        return self.head(x.mean(axis=(2, 3)))


def by_path(found):
    return {row.path: row for row in found.rows}


def test_rows_and_totals():
    net = Net().freeze("head")
    found = summary(net, (3, 32, 32))
    rows = by_path(found)
    assert list(rows) == ["", "stem", "block", "block.conv", "block.bn", "head", "unused"]
    assert rows["stem"].input_shapes == [(1, 3, 32, 32)]
    assert rows["stem"].output_shapes == [(1, 4, 16, 16)]
    assert rows["stem"].parameters == 3 * 4 * 25 + 4
    assert rows["stem"].multiply_adds == 4 * 16 * 16 * 75
    assert rows["block.conv"].multiply_adds == 2 * 4 * 16 * 16 * 36
    assert rows["block"].calls == rows["block.conv"].calls == 2
    assert rows["block"].parameters == 0
    assert rows["head"].multiply_adds == 40
    assert (rows["head"].parameters, rows["head"].trainable) == (50, 0)
    assert rows["unused"].calls == 0
    assert rows["block.conv"].depth == 2
    assert found.parameters == sum(p.size for p in net.parameters())
    assert found.trainable == found.parameters - 50
    assert found.buffers == 4 + 4 + 1
    assert found.multiply_adds == sum(row.multiply_adds for row in found.rows)
    assert found.output_shapes == [(1, 10)]


def test_receptive_fields_go_through_sums_and_calls():
    rows = by_path(summary(Net(), (3, 32, 32)))
    assert rows["stem"].receptive_field == (5, 5)
    assert rows["block"].receptive_field == (5 + 2 * 2 * 2,) * 2
    assert rows["head"].receptive_field is None


def test_the_model_is_left_as_it_was():
    net = Net()
    net.block.eval()
    state = {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}
    summary(net, (3, 8, 8))
    assert [module.training for module in net.modules()] == [True, True, False, False, False, True, True]
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state[name])
    assert all(module._forward_hooks is None or not module._forward_hooks.before for module in net.modules())
    with pytest.raises(ValueError, match="channels"):
        summary(net, (5, 8, 8))
    assert net.training
    assert all(not module._forward_hooks.after for module in net.modules())


def test_the_text():
    text = str(summary(Net().freeze("head"), (3, 32, 32)))
    lines = text.splitlines()
    assert lines[0].split() == [
        "layer",
        "output",
        "shape",
        "parameters",
        "multiply-adds",
        "receptive",
        "field",
    ]
    assert lines[3].split() == ["stem:", "Conv2d", "(1,", "4,", "16,", "16)", "304", "76,800", "5"]
    assert any(line.startswith("  block: Residual ×2") for line in lines)
    assert any("unused: Linear" in line and "not called" in line for line in lines)
    assert "(50 of them frozen)" in text
    assert (
        lines[-1]
        == f"multiply-adds: {summary(Net(), (3, 32, 32)).multiply_adds:,} for input of shape (1, 3, 32, 32)"
    )


def test_the_method_prints(capsys):
    found = nn.Linear(2, 1).summary((2,))
    assert capsys.readouterr().out.strip() == str(found)
    assert repr(found) == "Summary(1 modules, 3 parameters, 2 multiply-adds)"


def test_a_shape_with_a_batch_axis_is_understood():
    assert summary(Net(), (2, 3, 16, 16)).output_shapes == [(2, 10)]
    assert summary(nn.Linear(3, 2), (3,)).output_shapes == [(1, 2)]


def test_several_inputs_arrays_and_dtypes():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(7, 4)
            self.mix = nn.Bilinear(4, 3, 2)

        def forward(self, token, x):
            return {"y": self.mix(self.table(token), x)}

    found = summary(Two(), [(), (3,)], dtypes=["int64", None])
    assert found.output_shapes == [(1, 2)]
    assert by_path(found)["mix"].input_shapes == [(1, 4), (1, 3)]
    assert by_path(found)["mix"].multiply_adds == 2 * 4 * 3
    given = summary(Two(), [np.array([1, 2, 6]), pb.zeros((3, 3))])
    assert given.output_shapes == [(3, 2)]
    assert by_path(given)["mix"].multiply_adds == 3 * 2 * 4 * 3
    with pytest.raises(ValueError, match="2 inputs and 1 dtypes"):
        summary(Two(), [(), (3,)], dtypes=["int64"])
    with pytest.raises(TypeError, match="given by its shape"):
        summary(Two(), "abc")


def test_double_precision_and_lazy_layers():
    found = summary(nn.Sequential(nn.Linear(2, 3).double(), nn.LazyLinear(4, dtype="float64")), (2,))
    assert found.parameters == 9 + 16


def test_shared_modules_and_tied_parameters_count_once():
    layer = nn.Linear(3, 3)
    tied = nn.Linear(3, 3)
    tied.weight = layer.weight
    found = summary(nn.Sequential(layer, layer, tied), (3,))
    rows = by_path(found)
    assert list(rows) == ["", "0", "2"]
    assert (rows["0"].calls, rows["0"].multiply_adds, rows["0"].parameters) == (2, 18, 12)
    assert rows["2"].parameters == 3
    assert found.parameters == 15


def test_products_of_ones_own_and_attention_are_counted():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(np.zeros((5, 4), np.float32))

        def forward(self, x):
            q = (x @ self.w).reshape((1, 1, -1, 4))
            return nn.functional.scaled_dot_product_attention(q, q, q)

    assert summary(Own(), (6, 5)).multiply_adds == 6 * 5 * 4 + 6 * 6 * 8


def test_fields_of_transposed_strided_and_padded_convolutions():
    model = nn.Sequential(
        nn.Conv1d(1, 1, 4, stride=2),
        nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect"),
        nn.ConvTranspose1d(1, 1, 4, 2),
    )
    rows = by_path(summary(model, (1, 20)))
    assert [rows[str(i)].receptive_field for i in range(3)] == [(4,), (8,), (10,)]


def test_fields_of_pooling_and_of_what_leaves_them():
    model = nn.Sequential(
        nn.MaxPool2d(3, 2, 1),
        nn.AvgPool2d(2),
        nn.Conv2d(1, 1, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(1, 2),
    )
    rows = by_path(summary(model, (1, 32, 32)))
    found = [rows[str(i)].receptive_field for i in range(6)]
    assert found == [(3, 3), (5, 5), (13, 13), (33, 33), None, None]


def test_recurrent_layers_count_their_products():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0]

    found = summary(Net(), (5, 3))
    weights = sum(
        p.size for name, p in nn.LSTM(3, 4, 2, bidirectional=True).named_parameters() if "weight" in name
    )
    assert found.multiply_adds == 5 * weights
