"""Hooks on modules."""

import copy

import pytest

import pullback as pb
from pullback import nn


class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(factor)

    def forward(self, x, times=1):
        return x * self.factor * times


def test_hooks_see_arguments_and_output():
    scale, seen = Scale(2.0), []
    scale.register_forward_pre_hook(lambda module, args: seen.append((module, args)))
    scale.register_forward_hook(lambda module, args, output: seen.append((module, args, output)))
    x = pb.tensor(3.0)
    y = scale(x)
    assert seen == [(scale, (x,)), (scale, (x,), y)]


def test_hooks_may_replace_arguments_and_output():
    scale = Scale(2.0)
    scale.register_forward_pre_hook(lambda module, args: args[0] + 1)
    scale.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    scale.register_forward_hook(lambda module, args, output: -output)
    y = scale(pb.tensor(3.0))
    assert y.item() == -80
    y.backward()
    assert scale.factor.grad.item() == -40


def test_keyword_arguments():
    scale, seen = Scale(2.0), []
    scale.register_forward_pre_hook(lambda m, args, kwargs: (args, {"times": 5}), with_kwargs=True)
    scale.register_forward_hook(lambda m, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert scale(pb.tensor(1.0), times=3).item() == 10
    assert seen == [{"times": 5}]
    scale.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(TypeError, match=r"\(args, kwargs\)"):
        scale(pb.tensor(1.0))


def test_order_and_removal():
    scale, seen = Scale(2.0), []
    first = scale.register_forward_hook(lambda *_: seen.append("first"))
    scale.register_forward_hook(lambda *_: seen.append("second"))
    scale.register_forward_hook(lambda *_: seen.append("zeroth"), prepend=True)
    scale(pb.tensor(1.0))
    first.remove()
    scale(pb.tensor(1.0))
    assert seen == ["zeroth", "first", "second", "zeroth", "second"]


def test_a_hook_is_no_part_and_is_copied_with_the_module():
    scale, seen = Scale(2.0), []
    scale.register_forward_hook(lambda *_: seen.append(1))
    assert list(scale.state_dict()) == ["factor"]
    copy.deepcopy(scale)(pb.tensor(1.0))
    assert seen == [1]


def test_an_error_in_a_hook_names_the_layer():
    model = nn.Sequential(Scale(2.0))

    def fails(module, args, output):
        raise ValueError("no")

    model[0].register_forward_hook(fails)
    with pytest.raises(ValueError, match="no") as caught:
        model(pb.tensor(1.0))
    assert "layer '0'" in str(caught.value.__notes__)


def test_misuse_is_refused():
    with pytest.raises(TypeError, match="function"):
        Scale(1.0).register_forward_hook(3)

    class Unfinished(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(RuntimeError, match="super"):
        Unfinished().register_forward_hook(print)


def test_hooks_on_a_parameter_stay_when_its_dtype_changes():
    scale, seen = Scale(2.0), []
    scale.factor.register_hook(lambda g: seen.append(g.dtype))
    scale.double()
    scale(pb.tensor(1.0, dtype=pb.float64)).backward()
    assert seen == [pb.float64]
