"""Adding, finding and guarding the parts of a module; freezing by name; states with extras; pickles."""

import pickle
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def model():
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.ReLU()), nn.Linear(3, 1))


def trained(module):
    return [name for name, parameter in module.named_parameters() if parameter.requires_grad]


def test_registering_by_name_is_assigning():
    module = nn.Module()
    module.register_parameter("late", None)
    module.register_parameter("weight", nn.Parameter([1.0]))
    module.register_parameter("late", nn.Parameter([2.0]))
    module.add_module("inner", nn.Linear(1, 1))
    module.register_module("other", None)
    assert list(module.state_dict()) == ["late", "weight", "inner.weight", "inner.bias"]
    module.add_module("inner", nn.ReLU())
    assert list(module.state_dict()) == ["late", "weight"]
    for name in ("forward", "", "a.b", "inner", 3):
        with pytest.raises(KeyError, match="name"):
            module.register_parameter(name, nn.Parameter([1.0]))
    for name in ("forward", "", "a.b", "weight"):
        with pytest.raises(KeyError, match="name"):
            module.add_module(name, nn.ReLU())
    with pytest.raises(TypeError, match=r"Parameter or None, not Tensor; nn\.Parameter"):
        module.register_parameter("new", pb.zeros(1))
    with pytest.raises(TypeError, match="Module or None, not function"):
        module.add_module("new", lambda x: x)


def test_parts_are_found_by_path():
    net = model()
    net[1].register_buffer("mean", pb.zeros(2))
    assert net.get_parameter("1.0.bias") is net[1][0].bias
    assert net.get_buffer("1.mean") is net[1].mean
    with pytest.raises(
        AttributeError, match=r"Linear has no parameter 'wieght' \(wanted: '0.wieght'\); its parameters"
    ):
        net.get_parameter("0.wieght")
    with pytest.raises(AttributeError, match="no module '7'"):
        net.get_parameter("7.weight")
    with pytest.raises(AttributeError, match="its buffers are: 'mean'"):
        net.get_buffer("1.var")


def test_a_plain_tensor_does_not_take_a_parameters_place_unnoticed():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"'weight' is a parameter of this Linear.*assign nn\.Parameter"):
        layer.weight = pb.zeros((2, 2))
    layer.weight = nn.Parameter(pb.zeros((2, 2)))
    layer.bias = None
    layer.note = pb.zeros(1)
    assert list(layer.state_dict()) == ["weight"]


def test_a_buffer_stays_a_tensor():
    module = nn.Module()
    module.register_buffer("mean", pb.zeros(2))
    for wrong in (np.zeros(2), 1.0, [1.0]):
        with pytest.raises(TypeError, match="'mean' is a buffer of this Module and must be a Tensor or None"):
            module.mean = wrong
    module.mean = None
    module.mean = pb.ones(2)
    assert module.mean.tolist() == [1.0, 1.0]


# what plain containers hide


@pytest.mark.parametrize(
    ("value", "kind", "fix"),
    [
        ([nn.Linear(1, 1)], "list", "ModuleList"),
        ((nn.ReLU(), nn.Linear(1, 1)), "tuple", "ModuleList"),
        ({"a": nn.Linear(1, 1)}, "dict", "ModuleDict"),
        ([[nn.Linear(1, 1)]], "list", "ModuleList"),
        ({nn.Linear(1, 1)}, "set", "ModuleList"),
        ([nn.Parameter([1.0])], "list", "ParameterList"),
        ({"a": nn.Parameter([1.0])}, "dict", "ParameterDict"),
    ],
)
def test_parameters_in_plain_containers_are_warned_of(value, kind, fix):
    inner = nn.Module()
    inner.layers = value
    outer = nn.Sequential(inner)
    for use in (outer.parameters, outer.named_parameters, outer.state_dict):
        with pytest.warns(UserWarning, match=f"'0.layers' is a plain {kind} .*make it an nn.{fix}$"):
            use()


def test_containers_that_hide_nothing_are_not_warned_of():
    net = nn.Module()
    net.first = nn.Linear(1, 1)
    net.all = [net.first, nn.ReLU(), 3, "x"]
    net.numbers = list(range(100))
    net.weights = {"w": net.first.weight}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(net.parameters())) == 2


# freezing


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ((), []),
        (("0", "1"), ["2.weight", "2.bias"]),
        (("*.bias",), ["0.weight", "1.0.weight", "2.weight"]),
        (("[01].*",), ["2.weight", "2.bias"]),
        (("1.0.weight",), ["0.weight", "0.bias", "1.0.bias", "2.weight", "2.bias"]),
    ],
)
def test_freezing_by_name(patterns, left):
    net = model()
    net(pb.ones(2)).sum().backward()
    assert net.freeze(*patterns) is net
    assert trained(net) == left
    assert [name for name, p in net.named_parameters() if p.grad is not None] == left
    net.unfreeze(*patterns)
    assert len(trained(net)) == 6


def test_a_frozen_parameter_is_left_alone_by_the_optimiser():
    net = model()
    optimizer = pb.optim.SGD(net.parameters(), lr=1.0)
    net(pb.ones(2)).sum().backward()
    before = net[0].weight.tolist()
    net.freeze("0")
    optimizer.step()
    assert net[0].weight.tolist() == before


def test_a_shared_parameter_is_frozen_by_any_of_its_names():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    assert trained(net.freeze("1")) == []


def test_a_pattern_that_matches_nothing_is_an_error_and_changes_nothing():
    net = model()
    with pytest.raises(
        ValueError, match=r"no parameter of Sequential matches 'head\.\*'; their names are 0.weight, "
    ):
        net.freeze("0", "head.*")
    with pytest.raises(ValueError, match="since it has no parameters"):
        nn.ReLU().freeze("x")
    with pytest.raises(TypeError, match="patterns of their names"):
        net.freeze("0", 1)
    assert len(trained(net)) == 6


# state


class Counted(nn.Module):
    def __init__(self, count=0):
        super().__init__()
        self.count = count
        self.weight = nn.Parameter([1.0])

    def get_extra_state(self):
        return pb.tensor(self.count)

    def set_extra_state(self, state):
        self.count = int(state.item())


def test_a_state_may_have_extras_prefixes_and_the_tensors_themselves():
    net, other = nn.Sequential(Counted(3)), nn.Sequential(Counted())
    state = net.state_dict()
    assert list(state) == ["0.weight", "0._extra_state"]
    other.load_state_dict(state)
    assert other[0].count == 3
    with pytest.raises(RuntimeError, match=r"missing: '0._extra_state'$"):
        other.load_state_dict({"0.weight": state["0.weight"]})
    assert other.load_state_dict({"0.weight": state["0.weight"]}, strict=False).missing_keys == [
        "0._extra_state"
    ]
    assert list(net.state_dict(prefix="net.")) == ["net.0.weight", "net.0._extra_state"]
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight


def test_unexpected_keys_are_shown_with_their_shapes():
    with pytest.raises(RuntimeError, match=r"unexpected: 'head.weight' \(7, 2\)"):
        nn.Linear(1, 1).load_state_dict({**nn.Linear(1, 1).state_dict(), "head.weight": np.zeros((7, 2))})


def test_half_precision_and_the_only_device():
    layer = nn.Linear(2, 2).half()
    assert layer.weight.dtype == np.float16
    assert layer(pb.ones(2, dtype=np.float16)).dtype == np.float16
    assert layer.to("cpu") is layer
    assert layer.weight.dtype == np.float16


def test_pickles_keep_sharing_values_and_switches():
    net = model().freeze("0").eval()
    net.tied = net[2].weight
    net.register_buffer("mean", pb.ones(2))
    twin = pickle.loads(pickle.dumps(net))
    assert twin.tied is twin[2].weight
    assert trained(twin) == trained(net)
    assert not twin[1][0].training
    assert list(twin.state_dict()) == list(net.state_dict())
    for ours, theirs in zip(twin.state_dict().values(), net.state_dict().values(), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert twin.mean is not net.mean


def test_parameters_are_found_also_while_others_stand_in_for_them():
    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter([1.0, 2.0])

        def forward(self):
            return sum((parameter * parameter).sum() for parameter in self.parameters())

    norm = Norm()
    assert nn.functional_call(norm, {"weight": pb.tensor([3.0, 4.0])}).item() == 25.0
    assert norm().item() == 5.0
    assert "_stand_ins" not in vars(norm)


def test_files_from_before_batches_were_counted_are_loaded():
    net = nn.Sequential(nn.BatchNorm2d(3))
    net[0].num_batches_tracked.copy_(5)
    state = dict(nn.Sequential(nn.BatchNorm2d(3)).state_dict())
    del state["0.num_batches_tracked"]
    assert net.load_state_dict(state) == ([], [])
    assert net[0].num_batches_tracked.item() == 5
    del state["0.running_mean"]
    with pytest.raises(RuntimeError, match=r"missing: '0\.running_mean' \(3,\)$"):
        net.load_state_dict(state)


def test_a_part_is_not_replaced_by_something_else():
    model = nn.Sequential(nn.Linear(2, 3))
    model.head = nn.Linear(3, 1)
    weight = model.head.weight
    with pytest.raises(
        TypeError, match="'head' is a module of this Sequential, and the class Linear, not a module"
    ):
        model.head = nn.Linear
    with pytest.raises(TypeError, match="a plain int cannot stand in its place"):
        model.head = 3
    with pytest.raises(TypeError, match="a plain ndarray in its place would not be trained"):
        model.head.weight = np.zeros((1, 3))
    assert model.head.weight is weight
    model.head.bias = None
    model.head = None
    assert len(list(model.parameters())) == 2
