"""Output sizes, parameter counts and receptive fields, as in the course notes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn
from pullback.nn.utils import conv_geometry, conv_output_size, count_parameters, receptive_field


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected"),
    [
        (7, 3, 1, 0, 5),
        (7, 3, 2, 0, 3),
        (5, 3, 1, 1, 5),
        (32, 5, 1, 2, 32),
        (227, 11, 4, 0, 55),
        (10, 3, 3, 1, 4),
    ],
)
def test_the_output_sizes_of_the_notes(size, kernel, stride, padding, expected):
    assert conv_output_size(size, kernel, stride, padding) == expected


def test_a_stride_that_does_not_divide_is_refused_when_asked():
    assert conv_output_size(10, 3, 2) == 4
    with pytest.raises(ValueError, match=r"a stride of 2 does not divide: \(10 \+ 2·0 − 3\)/2 is 7/2"):
        conv_output_size(10, 3, 2, exact=True)
    assert conv_output_size(11, 3, 2, exact=True) == 5


def test_sizes_for_each_axis_and_refusals():
    assert conv_output_size((32, 16), (5, 3), (1, 2), (2, 1), 1) == (32, 8)
    assert conv_output_size([32, 16], 3) == (30, 14)
    with pytest.raises(ValueError, match="a window of 5 does not fit into 2 elements with a border of 1"):
        conv_output_size(2, 3, padding=1, dilation=2)
    with pytest.raises(ValueError, match="stride is a whole number from 1 on"):
        conv_output_size(5, 3, 0)
    with pytest.raises(ValueError, match="kernel_size has one number, or 2"):
        conv_output_size((5, 5), (3, 3, 3))


@given(*(st.integers(1, n) for n in (20, 5, 4, 3)), st.integers(0, 3), st.integers(1, 2))
def test_sizes_are_those_of_the_layer(size, kernel, stride, dilation, padding, channels):
    layer = nn.Conv1d(channels, 2, kernel, stride, padding, dilation, bias=False)
    try:
        expected = layer(pb.zeros((1, channels, size))).shape[2:]
    except ValueError:
        with pytest.raises(ValueError, match="does not fit"):
            conv_output_size(size, kernel, stride, padding, dilation)
    else:
        assert (conv_output_size(size, kernel, stride, padding, dilation),) == expected
        found = conv_geometry((channels, size), 2, kernel, stride, padding, dilation, bias=False)
        assert found.output_shape == (2, *expected)
        assert found.parameters == count_parameters(layer)


def test_ten_filters_of_the_notes():
    found = conv_geometry((3, 32, 32), 10, 5, padding=2)
    assert found == ((10, 32, 32), 760, 768_000)
    assert conv_geometry((3, 227, 227), 96, 11, 4).output_shape == (96, 55, 55)
    assert conv_geometry((8, 5, 5), 16, 3, groups=4, bias=False).parameters == 16 * 2 * 9
    with pytest.raises(ValueError, match="3 input and 10 output channels do not fall into 2 groups"):
        conv_geometry((3, 5, 5), 10, 3, groups=2)


def test_shared_and_frozen_parameters():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    assert count_parameters(model) == 9 + 3 + 3
    assert count_parameters(model.freeze("*.bias"), trainable=True) == 9


@pytest.mark.parametrize("layers", [1, 2, 3, 10])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_receptive_field_of_the_notes(layers, kernel):
    assert receptive_field([kernel] * layers) == 1 + layers * (kernel - 1)
    assert receptive_field([(kernel, 1, 2)] * layers) == 1 + 2 * layers * (kernel - 1)


def test_receptive_fields_of_modules():
    model = nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), stride=2),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(2, 2, 3, dilation=2)),
        nn.Flatten(),
    )
    assert receptive_field(model) == (3 + 8, 5 + 8)
    assert receptive_field([nn.Conv2d(1, 1, 3), 3]) == 5
    assert receptive_field(nn.ReLU()) == 1
    assert receptive_field([]) == 1
    with pytest.raises(ValueError, match="windows of 2 and of 3 axes"):
        receptive_field([nn.Conv2d(1, 1, 3), nn.Conv3d(1, 1, 3)])


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=3))
def test_a_receptive_field_is_where_the_gradient_is_not_zero(layers):
    field = receptive_field(layers)
    model = nn.Sequential(*(nn.Conv1d(1, 1, k, s, dilation=d, bias=False) for k, s, d in layers)).double()
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    x = pb.zeros((1, 1, field), dtype="float64", requires_grad=True)
    y = model(x)
    assert y.shape[-1] == 1  # the input is just as long as one element sees
    y.sum().backward()
    seen = np.nonzero(x.grad.numpy()[0, 0])[0]
    assert (seen[0], seen[-1]) == (0, field - 1)
