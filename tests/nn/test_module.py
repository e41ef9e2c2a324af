"""Module: the attribute walk, state, switches, calling."""

import copy

import numpy as np
import pytest

import pullback as pb
from pullback import nn


class Block(nn.Module):
    """A parameter, two kinds of buffers, a child, and things that are no parts."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter([1.0, 2.0])
        self.inner = nn.Linear(2, 3)
        self.register_buffer("mean", pb.zeros(2))
        self.register_buffer("scratch", pb.ones(2), persistent=False)
        self.register_buffer("later", None)
        self.shift = nn.Parameter(0.5)
        self.plain = pb.tensor([7.0])
        self.absent = None

    def forward(self, x):
        return self.inner(x * self.scale + self.shift)


def names(pairs):
    return [name for name, _ in pairs]


def test_parts_are_found_in_the_order_of_assignment():
    block = Block()
    assert names(block.named_parameters()) == ["scale", "shift", "inner.weight", "inner.bias"]
    assert names(block.named_buffers()) == ["mean", "scratch"]
    assert names(block.named_modules()) == ["", "inner"]
    assert names(block.named_children()) == ["inner"]
    assert names(block.named_parameters(prefix="net", recurse=False)) == ["net.scale", "net.shift"]
    assert [p.shape for p in block.parameters(recurse=False)] == [(2,), ()]
    assert list(block.modules()) == [block, block.inner]
    assert list(block.children()) == [block.inner]
    assert [b.shape for b in block.buffers()] == [(2,), (2,)]


def test_a_plain_tensor_and_a_list_of_modules_are_no_parts():
    block = Block()
    block.others = [nn.Linear(2, 2)]
    assert "plain" not in names(block.named_buffers())
    assert len(list(block.modules())) == 2
    with pytest.warns(
        UserWarning, match=r"'others' is a plain list with a Linear in it.*make it an nn.ModuleList"
    ):
        assert "plain" not in names(block.named_parameters())


def test_a_part_that_is_replaced_keeps_its_place_and_a_deleted_one_is_gone():
    block = Block()
    block.scale = nn.Parameter([3.0, 4.0])
    del block.shift
    assert names(block.named_parameters()) == ["scale", "inner.weight", "inner.bias"]


def test_a_buffer_may_be_assigned_later_and_again():
    block = Block()
    block.later = pb.ones(4)
    block.mean = pb.ones(2)
    assert names(block.named_buffers()) == ["mean", "scratch", "later"]
    assert block.state_dict()["mean"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training", "inner", 3])
def test_a_buffer_with_a_bad_name_is_refused(name):
    with pytest.raises(KeyError, match="name"):
        Block().register_buffer(name, pb.zeros(1))


def test_a_buffer_that_is_no_tensor_is_refused():
    block = Block()
    with pytest.raises(TypeError, match="'count' must be a Tensor or None, not ndarray"):
        block.register_buffer("count", np.zeros(2))
    assert not hasattr(block, "count")


def test_shared_parts_are_counted_once_and_saved_under_each_name():
    model = nn.Module()
    model.a = nn.Linear(2, 2)
    model.b = model.a
    model.weight = model.a.weight
    assert names(model.named_parameters()) == ["weight", "a.bias"]
    assert names(model.named_parameters(remove_duplicate=False)) == [
        "weight",
        "a.weight",
        "a.bias",
        "b.weight",
        "b.bias",
    ]
    assert names(model.named_modules()) == ["", "a"]
    assert names(model.named_modules(remove_duplicate=False)) == ["", "a", "b"]
    assert names(model.named_children()) == ["a"]
    assert list(model.state_dict()) == ["weight", "a.weight", "a.bias", "b.weight", "b.bias"]


def test_a_module_that_contains_itself_does_not_hang():
    parent = nn.Module()
    parent.child = nn.Linear(2, 1)
    parent.child.parent = parent
    assert names(parent.named_modules(remove_duplicate=False)) == ["", "child"]
    assert list(parent.state_dict()) == ["child.weight", "child.bias"]
    assert "(parent): Module(...)" in repr(parent)
    visited = []
    parent.eval().apply(visited.append)
    assert visited == [parent.child, parent]
    twin = copy.deepcopy(parent)
    assert twin.child.parent is twin


def test_forgetting_super_init_is_a_clear_error():
    class Careless(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter([1.0])

        def forward(self, x):
            return x * self.weight

    careless = Careless()
    for use in (lambda: careless(pb.ones(1)), careless.state_dict, careless.train, lambda: repr(careless)):
        with pytest.raises(RuntimeError, match=r"Careless.__init__ has not called super\(\).__init__"):
            use()
    with pytest.raises(RuntimeError, match="Careless"):
        nn.Sequential(careless).state_dict()


def test_a_module_without_forward_is_a_clear_error():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(pb.ones(1))


def test_get_submodule():
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 2)), nn.ReLU())
    assert model.get_submodule("0.0") is model[0][0]
    assert model.get_submodule("") is model
    with pytest.raises(AttributeError, match=r"no module '5' \(wanted: '0.5'\); its modules are: '0'"):
        model.get_submodule("0.5")


# state


def test_state_dict_is_detached_shares_memory_and_skips_what_is_not_saved():
    block = Block()
    state = block.state_dict()
    assert list(state) == ["scale", "shift", "mean", "inner.weight", "inner.bias"]
    assert not any(tensor.requires_grad for tensor in state.values())
    with pb.no_grad():
        block.scale *= 2
    assert state["scale"].tolist() == [2.0, 4.0]
    assert state is not block.state_dict()


def test_loading_copies_and_converts():
    block, source = Block(), Block()
    values = {name: tensor.numpy().astype(np.float64) for name, tensor in source.state_dict().items()}
    values["mean"] = pb.tensor([5.0, 6.0])
    assert block.load_state_dict(values) == ([], [])
    values["mean"][0] = 99.0
    assert block.mean.tolist() == [5.0, 6.0]
    assert block.scale.dtype == np.float32
    np.testing.assert_array_equal(block.inner.weight.detach().numpy(), source.inner.weight.detach().numpy())


def test_loading_keeps_the_parameters_identity_and_their_gradient_flag():
    block = Block()
    scale = block.scale
    block.load_state_dict(Block().state_dict())
    assert block.scale is scale
    assert scale.requires_grad


def test_loading_values_that_are_views_of_each_other():
    model = nn.Module()
    model.a, model.b = nn.Parameter([1.0]), nn.Parameter([2.0])
    model.load_state_dict({"a": model.b.data, "b": model.a.data})
    assert (model.a.item(), model.b.item()) == (2.0, 1.0)


def test_a_state_that_does_not_fit_names_everything_and_changes_nothing():
    block = Block()
    before = {name: tensor.numpy().copy() for name, tensor in block.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in block.state_dict().items()}
    del state["shift"]
    state["extra"] = pb.zeros(1)
    state["inner.bias"] = pb.zeros(4)
    state["mean"] = [0.0, 0.0]
    state["scale"] = np.array([1j, 2j])
    with pytest.raises(RuntimeError) as caught:
        block.load_state_dict(state)
    message = str(caught.value)
    assert "missing: 'shift' ()" in message
    assert "unexpected: 'extra'" in message
    assert "mismatched: 'inner.bias' has shape (4,) in the state and (3,) in the module" in message
    assert "mismatched: 'mean' is a list" in message
    assert "mismatched: 'scale' is complex128 in the state" in message
    for name, tensor in block.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name])


def test_loading_what_is_there_when_not_strict():
    block = Block()
    result = block.load_state_dict({"shift": pb.tensor(9.0), "extra": pb.zeros(1)}, strict=False)
    assert result.missing_keys == ["scale", "mean", "inner.weight", "inner.bias"]
    assert result.unexpected_keys == ["extra"]
    assert block.shift.item() == 9.0
    with pytest.raises(RuntimeError, match="shape"):
        block.load_state_dict({"shift": pb.zeros(2)}, strict=False)
    with pytest.raises(TypeError, match="dict of tensors"):
        block.load_state_dict([("shift", pb.zeros(2))])


# switches


def test_train_and_eval_reach_every_module():
    block = Block()
    assert block.training
    assert block.eval() is block
    assert not block.training
    assert not block.inner.training
    assert block.train().inner.training
    with pytest.raises(ValueError, match="True or False"):
        block.train("yes")


def test_freezing_and_zeroing():
    block = Block()
    block(pb.ones(2)).sum().backward()
    block.zero_grad(set_to_none=False)
    assert block.shift.grad.item() == 0.0
    block.zero_grad()
    assert all(parameter.grad is None for parameter in block.parameters())
    block.requires_grad_(False)
    assert not block(pb.ones(2)).requires_grad
    block.inner.requires_grad_()
    assert [p.requires_grad for p in block.parameters()] == [False, False, True, True]


def test_conversion_keeps_identity_gradients_and_sharing():
    block = Block()
    block.tied = block.scale
    block.register_buffer("also_mean", block.mean)
    block.register_buffer("count", pb.tensor(3))
    block(pb.ones(2)).sum().backward()
    scale, gradient = block.scale, block.scale.grad.numpy().copy()
    optimizer = pb.optim.SGD(block.parameters(), lr=1.0)
    assert block.double() is block
    assert block.scale is scale
    assert block.tied is scale
    assert block.also_mean is block.mean
    assert {p.dtype for p in block.parameters()} == {np.dtype(np.float64)}
    assert block.mean.dtype == np.float64
    assert block.count.dtype == np.int64
    assert scale.requires_grad
    assert scale.grad.dtype == np.float64
    np.testing.assert_array_equal(scale.grad.numpy(), gradient)
    before = scale.detach().numpy().copy()
    optimizer.step()
    np.testing.assert_allclose(scale.detach().numpy(), before - gradient)
    assert block.float().inner.weight.dtype == np.float32
    with pytest.raises(TypeError, match="not to int64"):
        block.to("int64")


def test_apply_visits_children_first_and_each_module_once():
    shared = nn.ReLU()
    model = nn.Sequential(nn.Linear(1, 1), shared, nn.Sequential(shared, nn.Tanh()))
    order = []
    assert model.apply(order.append) is model
    assert order == [model[0], shared, model[2][1], model[2], model]


def test_deepcopy_is_independent_and_keeps_sharing():
    block = Block()
    block.tied = block.scale
    twin = copy.deepcopy(block)
    assert twin.tied is twin.scale
    assert twin.scale is not block.scale
    assert isinstance(twin.scale, nn.Parameter)
    assert twin.scale.requires_grad
    with pb.no_grad():
        twin.scale[0] = 100.0
    assert block.scale.tolist() == [1.0, 2.0]
    assert names(twin.named_buffers()) == names(block.named_buffers())


# calling and showing


def test_an_error_in_a_layer_names_its_path():
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(5, 2))
    with pytest.raises(ValueError, match=r"\(2, 3\) does not fit weight of shape \(2, 5\)") as caught:
        model(pb.zeros((2, 4)))
    assert caught.value.__notes__ == ["in layer '1', Linear(in_features=5, out_features=2, bias=True)"]
    with pytest.raises(ValueError, match="does not fit") as caught:
        model(pb.zeros((2, 3)))
    assert caught.value.__notes__ == ["in layer '0.0', Linear(in_features=4, out_features=3, bias=True)"]
    with pytest.raises(ValueError, match="does not fit") as caught:
        model[1](pb.zeros((2, 3)))
    assert caught.value.__notes__ == ["in Linear(in_features=5, out_features=2, bias=True)"]


def test_an_error_in_a_models_own_forward_names_the_model():
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return self.layer(x) + self.missing

    with pytest.raises(AttributeError) as caught:
        nn.Sequential(Wrong())(pb.zeros(2))
    assert caught.value.__notes__ == ["in layer '0', Wrong()"]


def test_forward_runs_in_the_modules_scope():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with pb.record() as recording:
        model(pb.zeros((1, 2)))
    assert [entry.scope for entry in recording.entries if entry.operation] == ["0", "1"]
    assert [entry.name for entry in recording.entries if not entry.operation] == [None, "0.weight", "0.bias"]


def test_repr():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()))
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"


# parameters


def test_a_parameter_copies_its_data_and_requires_gradients():
    source = np.array([1.0, 2.0])
    parameter = nn.Parameter(source)
    source[0] = 9.0
    assert parameter.tolist() == [1.0, 2.0]
    assert parameter.dtype == np.float64
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert isinstance(parameter, pb.Tensor)
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad


def test_a_parameter_of_a_computed_tensor_is_a_leaf_of_its_own():
    x = pb.tensor([2.0], requires_grad=True)
    parameter = nn.Parameter(x * 3)
    (parameter * 2).sum().backward()
    assert parameter.grad.item() == 2.0
    assert x.grad is None


@pytest.mark.parametrize("data", [3, [1, 2], np.array([True, False])])
def test_a_parameter_of_integers_is_refused(data):
    with pytest.raises(TypeError, match=r"a parameter is trained by gradients.*register_buffer"):
        nn.Parameter(data)


def test_arithmetic_of_parameters_gives_plain_tensors():
    assert type(nn.Parameter([1.0]) * 2) is pb.Tensor


def test_a_handle_from_before_a_conversion_does_not_reach_the_parameter():
    layer = nn.Linear(2, 2)
    optimizer = pb.optim.SGD(layer.parameters(), lr=1.0)
    old, row = layer.weight.detach(), layer.weight.detach()[0]
    before = layer.weight.tolist()
    layer.double()
    old[...] = 0.0
    row[...] = 1.0
    assert layer.weight.tolist() == before
    layer(pb.ones((1, 2), dtype=pb.float64)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(layer.weight.detach().numpy(), np.array(before) - 1)
