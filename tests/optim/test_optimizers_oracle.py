"""SGD and Adam step for step against PyTorch, in float64."""

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

SGD = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.1},
    {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True, "maximize": True},
]
ADAM = [
    {},
    {"betas": (0.7, 0.8), "eps": 1e-3},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"amsgrad": True, "weight_decay": 0.1, "maximize": True},
]
CASES = [("SGD", options) for options in SGD] + [("Adam", options) for options in ADAM]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_two_hundred_steps(name, options):
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape) for shape in ((3, 4), (4,), ())]
    noise = rng.normal(size=(200, 4))
    ours = [pb.tensor(x, requires_grad=True) for x in starts]
    theirs = [torch.tensor(x, requires_grad=True) for x in starts]
    our_rule = getattr(pb.optim, name)(
        [{"params": ours[:2]}, {"params": ours[2:], "lr": 0.02}], lr=0.01, **options
    )
    their_rule = getattr(torch.optim, name)(
        [{"params": theirs[:2]}, {"params": theirs[2:], "lr": 0.02}], lr=0.01, **options
    )
    for step in range(200):
        for params, rule, x in (
            (ours, our_rule, pb.tensor(noise[step])),
            (theirs, their_rule, torch.tensor(noise[step])),
        ):
            rule.zero_grad()
            w, b, s = params
            if step % 5 != 3:  # now and then one parameter has no gradient
                x = x * s
            (((w @ x).tanh() ** 2).sum() + (b - x).tanh().sum()).backward()
            rule.step()
        for our, their in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(our.detach().numpy(), their.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_the_options_have_the_same_names_defaults_and_order(name):
    parameters = [torch.zeros(1, requires_grad=True)]
    theirs = getattr(torch.optim, name)(parameters).param_groups[0]
    ours = getattr(pb.optim, name)([pb.zeros(1, requires_grad=True)]).param_groups[0]
    assert {key: theirs[key] for key in ours if key != "params"} == {
        k: v for k, v in ours.items() if k != "params"
    }
    assert [key for key in theirs if key in ours] == list(ours)
