"""Groups by layer: every parameter in exactly one, rates as asked, mistakes named."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim


def network():
    return nn.Sequential(
        nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Sequential(nn.Linear(3, 3)), nn.Linear(3, 1)
    )


def test_the_first_pattern_that_fits_has_a_parameter():
    model = network()
    groups = optim.layer_rates(model, {"4": 0.1, "*.bias": 0.01, "*": 0.001}, weight_decay=0.5)
    names = {p: name for name, p in model.named_parameters()}
    found = {group["name"]: [names[p] for p in group["params"]] for group in groups}
    assert found == {
        "4": ["4.weight", "4.bias"],
        "*.bias": ["0.bias", "1.bias", "3.0.bias"],
        "*": ["0.weight", "1.weight", "3.0.weight"],
    }
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [
        (0.1, 0.5),
        (0.01, 0.5),
        (0.001, 0.5),
    ]


def test_layers_move_at_their_rates():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = [p.detach().numpy().copy() for p in model.parameters()]
    optimizer = optim.SGD(optim.layer_rates(model, {"0": 0.0, "1": 0.5}))
    model(pb.ones((4, 2))).sum().backward()
    gradient = model[1].bias.grad.numpy().copy()
    optimizer.step()
    np.testing.assert_array_equal(model[0].weight.detach().numpy(), before[0])
    np.testing.assert_allclose(model[1].bias.detach().numpy(), before[3] - 0.5 * gradient, rtol=1e-6)
    state = optimizer.state_dict()  # the names travel with it
    optim.SGD(optim.layer_rates(model, {"0": 0.0, "1": 0.5})).load_state_dict(state)


def test_rates_fall_from_the_last_layer_to_the_first():
    model = network()
    groups = optim.layer_decay(model, 1.0, 0.5)
    assert [(group["name"], group["lr"], len(group["params"])) for group in groups] == [
        ("0", 0.125, 2),
        ("1", 0.25, 2),
        ("3", 0.5, 2),
        ("4", 1.0, 2),
    ]
    assert [group["name"] for group in optim.layer_decay(nn.Sequential(model), 1.0, 0.5, depth=2)] == [
        "0.0", "0.1", "0.3", "0.4"
    ]  # fmt: skip
    everything = [p for group in groups for p in group["params"]]
    assert len(everything) == len(set(everything)) == len(list(model.parameters()))
    (alone,) = optim.layer_decay(nn.Linear(2, 3), 0.1, 0.5)
    assert (alone["name"], alone["lr"]) == ("", 0.1)


def test_a_shared_parameter_is_in_one_group():
    model = nn.models.GPT(5, 8, 1, 1, 4)
    groups = optim.layer_rates(model, {"lm_head": 0.1, "*": 0.01})
    assert [len(group["params"]) for group in groups] == [1, len(list(model.parameters())) - 1]
    optim.Adam(groups)


def test_mistakes_are_named():
    model = network()
    with pytest.raises(ValueError, match=r"no pattern fits 1\.weight, 1\.bias, 3\.0\.weight"):
        optim.layer_rates(model, {"0": 0.1})
    with pytest.raises(ValueError, match="the pattern 'head' gets none"):
        optim.layer_rates(model, {"head": 0.1, "*": 0.1})
    with pytest.raises(ValueError, match="the pattern '4' gets none"):
        optim.layer_rates(model, {"*": 0.1, "4": 0.1})
    with pytest.raises(ValueError, match="rate of '\\*' must be zero or more"):
        optim.layer_rates(model, {"*": -0.1})
    with pytest.raises(TypeError, match="not of a list"):
        optim.layer_rates([], {"*": 0.1})
    for options in ({"decay": 0.0}, {"decay": 1.5}, {"decay": 0.5, "depth": 0}):
        with pytest.raises(ValueError, match="must be"):
            optim.layer_decay(model, 0.1, **options)
