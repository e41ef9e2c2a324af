"""ModuleList, ModuleDict, ParameterList, ParameterDict, and what Sequential has in common with lists."""

import copy
import pickle
from collections import OrderedDict

import pytest

import pullback as pb
from pullback import nn


def keys(module):
    return list(module.state_dict())


def chain(kind, count=3):
    modules = [nn.Linear(i + 1, i + 1, bias=False) for i in range(count)]
    return kind(*modules) if kind is nn.Sequential else kind(modules)


def sizes(modules):
    return [module.in_features for module in modules]


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_editing_keeps_the_numbering(kind):
    model = chain(kind)
    assert model.insert(1, nn.Linear(9, 9, bias=False)) is model
    assert sizes(model) == [1, 9, 2, 3]
    assert keys(model) == ["0.weight", "1.weight", "2.weight", "3.weight"]
    assert model.pop(0).in_features == 1
    assert model.pop().in_features == 3
    assert sizes(model) == [9, 2]
    assert keys(model) == ["0.weight", "1.weight"]
    model.insert(-1, nn.Linear(7, 7, bias=False)).insert(3, nn.Linear(8, 8, bias=False))
    assert sizes(model) == [9, 7, 2, 8]
    model[-1] = nn.Linear(5, 5)
    assert sizes(model) == [9, 7, 2, 5]
    assert model.get_submodule("3").in_features == 5
    del model[1:3]
    assert sizes(model) == [9, 5]
    assert keys(model) == ["0.weight", "1.weight", "1.bias"]
    assert model.extend([nn.Linear(6, 6)]) is model
    assert keys(model)[-1] == "2.bias"
    assert "0" not in dir(model)


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_what_is_no_module_or_no_place_is_refused_before_anything_changes(kind):
    model = chain(kind)
    for edit in (
        lambda: model.append("x"),
        lambda: model.extend([nn.ReLU(), None]),
        lambda: model.extend(3),
        lambda: model.insert(0, 1.0),
        lambda: model.__setitem__(0, lambda x: x),
    ):
        with pytest.raises(TypeError, match=kind.__name__):
            edit()
    for edit in (
        lambda: model.insert(4, nn.ReLU()),
        lambda: model.insert(-4, nn.ReLU()),
        lambda: model.pop(3),
        lambda: model[-4],
        lambda: model.__delitem__(3),
        lambda: model.__setitem__(3, nn.ReLU()),
    ):
        with pytest.raises(IndexError, match=f"of 3 in a {kind.__name__}|of a {kind.__name__} of 3"):
            edit()
    assert sizes(model) == [1, 2, 3]


def test_sequential_arithmetic():
    a, b = chain(nn.Sequential, 2), chain(nn.Sequential, 1)
    both = a + b
    assert list(both) == [*a, *b]
    assert keys(both) == ["0.weight", "1.weight", "2.weight"]
    a += b
    assert sizes(a) == [1, 2, 1]
    assert list(b * 3) == [b[0]] * 3
    assert list(2 * b) == [b[0]] * 2
    b *= 2
    assert len(b) == 2
    with pytest.raises(ValueError, match="not 0 times"):
        b * 0
    for wrong in (lambda: a + [nn.ReLU()], lambda: a * 2.0):
        with pytest.raises(TypeError, match="unsupported operand"):
            wrong()


def test_a_sequential_extended_by_itself_ends():
    model = chain(nn.Sequential, 2)
    model.extend(model)
    assert len(model) == 4


def test_appending_to_a_slice_takes_a_free_number():
    tail = chain(nn.Sequential)[1:].append(nn.Linear(9, 9, bias=False))
    assert keys(tail) == ["1.weight", "2.weight", "3.weight"]


def test_inserting_into_a_named_sequential_keeps_the_names():
    model = nn.Sequential(OrderedDict(a=nn.Linear(1, 1, bias=False), b=nn.Linear(2, 2, bias=False)))
    assert keys(model.insert(1, nn.Linear(3, 3, bias=False))) == ["a.weight", "2.weight", "b.weight"]


def test_module_list():
    layers = chain(nn.ModuleList)
    assert sizes(layers[1:]) == [2, 3]
    assert isinstance(layers[1:], nn.ModuleList)
    assert keys(layers[1:]) == ["0.weight", "1.weight"]
    assert sizes(layers + [nn.Linear(4, 4)]) == [1, 2, 3, 4]
    layers += [nn.Linear(4, 4)]
    assert layers[-1].in_features == 4
    assert len(nn.ModuleList()) == 0
    with pytest.raises(NotImplementedError, match="call them one by one"):
        layers(pb.zeros(1))


def test_module_list_in_a_model_is_trained_and_named_in_errors():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(3, 2))])

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    model = Model()
    assert len(list(model.parameters())) == 4
    with pytest.raises(ValueError, match="does not fit") as caught:
        nn.Sequential(OrderedDict(net=model))(pb.zeros((1, 2)))
    assert caught.value.__notes__[0].startswith("in layer 'net.blocks.1.0', Linear(")


def test_module_dict():
    choices = nn.ModuleDict({"b": nn.Linear(1, 1), "a": nn.ReLU()})
    assert list(choices) == list(choices.keys()) == ["b", "a"]
    assert keys(choices) == ["b.weight", "b.bias"]
    assert "a" in choices
    assert "c" not in choices
    choices.update({"c": nn.Tanh(), "a": nn.Sigmoid()})
    assert [type(m).__name__ for m in choices.values()] == ["Linear", "Sigmoid", "Tanh"]
    assert isinstance(choices.pop("a"), nn.Sigmoid)
    del choices["c"]
    assert [name for name, _ in choices.items()] == ["b"]
    with pytest.raises(KeyError, match="'z'; the modules are 'b'"):
        choices["z"]
    with pytest.raises(TypeError, match=r"'1' is a function; .* nn\.ReLU\(\) for F\.relu"):
        nn.Sequential(nn.Linear(2, 2), nn.functional.relu)
    with pytest.raises(TypeError, match=r"'1' is a type; make one: ReLU\(\.\.\.\)"):
        nn.Sequential(nn.Linear(2, 2), nn.ReLU)
    with pytest.raises(TypeError, match="ModuleDict holds modules, and 'x' is a int"):
        choices["x"] = 3
    for name in ("forward", "training", "keys", "a.b", ""):
        with pytest.raises(KeyError, match="name"):
            choices[name] = nn.ReLU()
    choices.clear()
    assert len(choices) == 0
    assert choices == choices  # a module is equal to itself
    assert choices != nn.ModuleDict()
    with pytest.raises(NotImplementedError, match="by their names"):
        choices(pb.zeros(1))


def test_parameter_list():
    weights = nn.ParameterList([pb.zeros(2), nn.Parameter([1.0]), "note"])
    assert [name for name, _ in weights.named_parameters()] == ["0", "1"]
    assert weights[0].requires_grad
    assert weights[2] == "note"
    weights.append(pb.ones(3))
    assert keys(weights) == ["0", "1", "3"]
    assert len(weights[1:3]) == 2
    weights.insert(0, nn.Parameter([5.0]))
    assert [getattr(w, "shape", w) for w in weights] == [(1,), (2,), (1,), "note", (3,)]
    assert weights.pop(3) == "note"
    weights += [pb.zeros(4)]
    del weights[0]
    assert keys(weights) == ["0", "1", "2", "3"]
    assert len(weights) == 4
    weights[-1] = pb.zeros(7)
    assert weights[3].shape == (7,)
    assert isinstance(weights[3], nn.Parameter)
    with pytest.raises(IndexError, match="value 4 of a ParameterList of 4"):
        weights[4]
    with pytest.raises(TypeError, match="several values in a list"):
        nn.ParameterList(pb.zeros(3))
    with pytest.raises(NotImplementedError, match="cannot be called"):
        weights(1)


def test_parameter_dict():
    weights = nn.ParameterDict({"b": pb.zeros(2)})
    weights["a"] = nn.Parameter([1.0])
    assert list(weights) == keys(weights) == ["b", "a"]
    assert list(reversed(weights)) == ["a", "b"]
    assert weights.setdefault("b") is weights["b"]
    more = weights | {"c": pb.ones(1)}
    assert keys(more) == ["b", "a", "c"]
    assert more["a"] is weights["a"]
    assert weights.copy()["a"] is weights["a"]
    weights |= {"d": pb.ones(4)}
    assert weights.popitem()[0] == "d"
    assert weights.get("d") is None
    del weights["b"]
    assert keys(weights) == ["a"]
    with pytest.raises(KeyError, match="'b'; the parameters are 'a'"):
        weights["b"]
    with pytest.raises(KeyError, match="name"):
        weights["items"] = pb.zeros(1)


@pytest.mark.parametrize(
    "module",
    [
        chain(nn.Sequential),
        chain(nn.ModuleList),
        nn.ModuleDict({"a": nn.Linear(1, 2)}),
        nn.ParameterList([pb.zeros(2), pb.ones(3)]),
        nn.ParameterDict({"a": pb.zeros(2)}),
    ],
    ids=lambda module: type(module).__name__,
)
def test_copies_and_pickles(module):
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert type(twin) is type(module)
        assert repr(twin) == repr(module)
        assert len(twin) == len(module)
        twin.load_state_dict(module.state_dict())
        first, other = next(twin.parameters()), next(module.parameters())
        assert first is not other
        assert first.tolist() == other.tolist()


def test_containers_of_parameters_take_part_in_functional_calls():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.factors = nn.ParameterList([pb.tensor(2.0), pb.tensor(3.0)])
            self.named = nn.ParameterDict({"shift": pb.tensor(1.0)})

        def forward(self, x):
            for factor in self.factors:
                x = x * factor
            assert len(list(self.parameters())) == 3
            return x + self.named["shift"]

    model, x = Model(), pb.tensor(1.0)
    assert (
        nn.functional_call(model, {"factors.1": pb.tensor(5.0), "named.shift": pb.tensor(0.0)}, x).item()
        == 10.0
    )
    assert model(x).item() == 7.0
    assert isinstance(model.factors[1], nn.Parameter)
