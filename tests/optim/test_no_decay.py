"""Parameter groups by name."""

import pytest

from pullback import nn, optim


def net():
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 2))
    model.norm_of_ones_own = nn.Linear(2, 2)
    return model


def names(model, groups):
    known = {parameter: name for name, parameter in model.named_parameters()}
    return [sorted(known[p] for p in group["params"]) for group in groups]


def test_biases_and_norms_are_spared_by_default():
    model = net()
    groups = optim.param_groups(model, 0.1, lr=0.5)
    assert names(model, groups) == [
        ["0.weight", "2.weight"],
        ["0.bias", "1.bias", "1.weight", "2.bias", "norm_of_ones_own.bias", "norm_of_ones_own.weight"],
    ]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert [group["lr"] for group in groups] == [0.5, 0.5]


def test_patterns_are_compared_with_paths_and_kinds():
    model = net()
    assert names(model, optim.param_groups(model, 0.1, "0.*"))[1] == ["0.bias", "0.weight"]
    assert names(model, optim.param_groups(model, 0.1, ["layernorm.*"]))[1] == ["1.bias", "1.weight"]
    assert names(model, optim.param_groups(model, 0.1, ["LINEAR.bias", "2.w*"]))[1] == [
        "0.bias",
        "2.bias",
        "2.weight",
        "norm_of_ones_own.bias",
    ]


def test_a_single_layer_has_a_bias_too():
    layer = nn.Linear(2, 2)
    assert names(layer, optim.param_groups(layer, 0.1)) == [["weight"], ["bias"]]


def test_groups_of_nothing_are_left_out():
    layer = nn.Linear(2, 2, bias=False)
    assert len(optim.param_groups(layer, 0.1)) == 1
    assert [group["weight_decay"] for group in optim.param_groups(layer, 0.1, "*")] == [0.0]
    assert [group["weight_decay"] for group in optim.param_groups(layer, 0.1, [])] == [0.1]


def test_a_shared_parameter_is_spared_under_any_of_its_names():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    assert names(model, optim.param_groups(model, 0.1, "1.weight")) == [["0.weight"]]
    assert optim.param_groups(model, 0.1, "1.weight")[0]["weight_decay"] == 0.0


def test_an_optimiser_takes_them():
    model = net()
    optimizer = optim.SGD(optim.param_groups(model, 0.5), lr=1.0)
    before = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = parameter.detach() * 0
    optimizer.step()
    for name, parameter in model.named_parameters():
        factor = 0.5 if name in ("0.weight", "2.weight") else 1.0
        assert parameter.detach().numpy() == pytest.approx(before[name] * factor), name


@pytest.mark.parametrize("patterns", ["*.biass", ["*.bias", "conv*"]])
def test_a_pattern_that_fits_nothing_is_an_error(patterns):
    with pytest.raises(
        ValueError, match=r"the pattern '(\*\.biass|conv\*)' fits none of the parameters.*0\.weight"
    ):
        optim.param_groups(net(), 0.1, patterns)


def test_bad_arguments():
    with pytest.raises(TypeError, match="made of a model, not of a list"):
        optim.param_groups([], 0.1)
    with pytest.raises(ValueError, match="weight_decay must be"):
        optim.param_groups(net(), -0.1)
