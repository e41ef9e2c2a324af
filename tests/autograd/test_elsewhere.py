"""Somebody who types PyTorch's names gets what was meant, or is told what to write instead; and that works."""

import re

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.elsewhere import FUNCTIONS, METHODS


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_is_missing_says_what_to_write_and_that_can_be_written(name):
    x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert not hasattr(x, name)
    assert not hasattr(pb.Tensor, name)
    assert name not in dir(x)
    with pytest.raises(AttributeError, match=f"a Tensor has no '{name}'; write ") as caught:
        getattr(x, name)
    instead = str(caught.value).partition("write ")[2].partition(";")[0]
    exec(instead, {"pb": pb, "x": x, "y": pb.ones((2, 2))})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_is_missing_says_what_to_write_and_that_is_there(name):
    assert not hasattr(pb, name)
    with pytest.raises(AttributeError, match=f"module 'pullback' has no attribute '{name}'; write "):
        getattr(pb, name)
    for instead in re.findall(r"pb\.(\w+)", FUNCTIONS[name]):
        assert hasattr(pb, instead)


def test_a_parameter_names_its_own_class():
    with pytest.raises(AttributeError, match=r"a Parameter has no 'numel'; write x\.size$"):
        pb.nn.Linear(2, 3).weight.numel()


def test_requires_grad_is_assigned_as_in_pytorch():
    model = pb.nn.Linear(2, 3)
    model.weight.requires_grad = False
    assert not model.weight.requires_grad
    model(pb.ones((1, 2))).sum().backward()
    assert model.weight.grad is None
    assert model.bias.grad is not None
    model.weight.requires_grad = True
    assert model.weight.requires_grad
    assert model.weight.is_leaf
    with pytest.raises(RuntimeError):
        (model.weight * 2).requires_grad = False


def test_data_is_assigned_as_in_pytorch():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    w.data -= 0.5 * w.grad
    assert w.tolist() == [0, 0]
    assert w.requires_grad
    assert w.is_leaf
    values = pb.tensor([5.0, 6.0])
    w.data = values
    values[0] = 7
    assert w.tolist() == [5, 6]
    for wrong in (np.ones(2), pb.ones(3), pb.ones((1, 2)), pb.ones(2, dtype="float64")):
        with pytest.raises(TypeError, match=r"the same shape and dtype, \(2,\) float32"):
            w.data = wrong
    assert w.tolist() == [5, 6]


def test_a_write_through_data_between_forward_and_backward_is_noticed():
    w = pb.tensor([3.0], requires_grad=True)
    y = (w * w).sum()
    w.data = pb.tensor([100.0])
    with pytest.raises(RuntimeError, match=r"overwritten at test_elsewhere.py:\d+"):
        y.backward()


@pytest.mark.parametrize(
    "transform", [pb.grad, pb.value_and_grad, pb.elementwise_grad, pb.jacobian, pb.hessian]
)
def test_a_transform_of_a_result_points_at_gradients(transform):
    x = pb.tensor(2.0, requires_grad=True)
    with pytest.raises(
        TypeError, match=r"takes a function .* a Tensor was given; .* pb.gradients\(result, inputs\)"
    ):
        transform(x * x, x)


def test_random_shapes_are_lengths_or_a_tuple():
    for draw in (pb.rand, pb.randn):
        assert draw(2, 3).shape == draw((2, 3)).shape == draw([2, 3]).shape == (2, 3)
        assert draw().shape == draw(()).shape == ()
        assert draw(4).shape == draw((4,)).shape == (4,)


def test_another_device_is_refused_by_name():
    with pytest.raises(ValueError, match="there is no device 'cuda:0'"):
        pb.nn.Linear(2, 3).to("cuda:0")
