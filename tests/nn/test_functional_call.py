"""functional_call: a module as a function of its parameters."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def model():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def test_it_computes_with_the_given_tensors_and_restores_its_own():
    net = model()
    before = dict(net.named_parameters())
    zeros = {name: pb.zeros(p.shape, dtype=p.dtype) for name, p in before.items()}
    x = pb.tensor(np.ones((5, 3)))
    assert not nn.functional_call(net, zeros, x).numpy().any()
    assert list(net.named_parameters()) == list(before.items())
    np.testing.assert_array_equal(nn.functional_call(net, {}, (x,)).detach().numpy(), net(x).detach().numpy())


def test_gradients_go_to_the_given_tensors():
    net = model()
    names = [name for name, _ in net.named_parameters()]
    values = tuple(pb.tensor(p.detach(), requires_grad=True) for p in net.parameters())
    x, target = pb.tensor(np.random.default_rng(0).normal(size=(5, 3))), np.array([0, 1, 1, 0, 1])

    def loss(*values):
        return nn.functional.cross_entropy(
            nn.functional_call(net, dict(zip(names, values, strict=True)), x), target
        )

    pb.gradcheck(loss, values).assert_ok()
    loss(*values).backward()
    assert all(value.grad is not None for value in values)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_the_module_is_restored_when_the_call_fails():
    net = model()
    weight = net[0].weight
    with pytest.raises(ValueError, match="does not fit"):
        nn.functional_call(
            net, {"0.weight": pb.zeros((4, 9), dtype=pb.float64)}, pb.zeros((1, 3), dtype=pb.float64)
        )
    assert net[0].weight is weight


def test_buffers_are_replaced_too():
    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("by", pb.tensor(1.0))

        def forward(self, x, *, times=1):
            return x + self.by * times

    shift = Shift()
    assert nn.functional_call(shift, {"by": pb.tensor(5.0)}, pb.tensor(1.0), {"times": 2}).item() == 11.0
    assert shift(pb.tensor(1.0)).item() == 2.0


def test_a_shared_parameter_is_replaced_under_all_its_names():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    double = pb.tensor([[2.0, 0.0], [0.0, 2.0]])
    for name in ("0.weight", "1.weight"):
        assert nn.functional_call(net, {name: double}, pb.ones(2)).tolist() == [4.0, 4.0]
    with pytest.raises(ValueError, match="shared with another name"):
        nn.functional_call(net, {"0.weight": double, "1.weight": double.copy()}, pb.ones(2))


def test_what_does_not_fit_is_refused_before_anything_changes():
    net = model()
    before = dict(net.named_parameters())
    good = pb.zeros((4, 3), dtype=pb.float64)
    with pytest.raises(KeyError, match=r"no parameter or buffer '0.wieght'; it has 0.weight, 0.bias"):
        nn.functional_call(net, {"0.weight": good, "0.wieght": good}, good)
    with pytest.raises(TypeError, match=r"'0.weight' is replaced by a Tensor, not by ndarray"):
        nn.functional_call(net, {"0.weight": np.zeros((4, 3))}, good)
    with pytest.raises(TypeError, match=r"args=\(x, y\)"):
        nn.functional_call(net, {}, good, good)
    assert dict(net.named_parameters()) == before
