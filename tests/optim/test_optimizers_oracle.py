"""Every rule step for step against PyTorch, in float64."""

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

ADAM_LIKE = [
    {},
    {"betas": (0.7, 0.8), "eps": 1e-3},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "maximize": True},
]
RULES = {
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True, "maximize": True},
    ],
    "Adagrad": [
        {},
        {"lr_decay": 0.1, "weight_decay": 0.1},
        {"initial_accumulator_value": 0.5, "eps": 1e-3, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"alpha": 0.9, "eps": 1e-3},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"centered": True},
        {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True},
    ],
    "Adadelta": [{}, {"rho": 0.5, "eps": 1e-3}, {"weight_decay": 0.1, "maximize": True}],
    "Rprop": [{}, {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.1)}, {"maximize": True}],
    "Adam": [
        *ADAM_LIKE,
        {"amsgrad": True},
        {"amsgrad": True, "weight_decay": 0.1, "maximize": True},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "AdamW": [*ADAM_LIKE, {"amsgrad": True}],
    "Adamax": ADAM_LIKE,
    "NAdam": [
        *ADAM_LIKE,
        {"momentum_decay": 0.1},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "RAdam": [
        *ADAM_LIKE,
        {"betas": (0.9, 0.5)},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "ASGD": [
        {},
        {"lambd": 0.1, "alpha": 0.5},
        {"t0": 50, "weight_decay": 0.1},
        {"t0": 0, "lambd": 0.05, "maximize": True},
    ],
}
CASES = [(name, options) for name, every in RULES.items() for options in every]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_three_hundred_steps(name, options):
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape) for shape in ((3, 4), (4,), ())]
    noise = rng.normal(size=(300, 4))
    ours = [pb.tensor(x, requires_grad=True) for x in starts]
    theirs = [torch.tensor(x, requires_grad=True) for x in starts]
    our_rule = getattr(pb.optim, name)(
        [{"params": ours[:2]}, {"params": ours[2:], "lr": 0.02}], lr=0.01, **options
    )
    their_rule = getattr(torch.optim, name)(
        [{"params": theirs[:2]}, {"params": theirs[2:], "lr": 0.02}], lr=0.01, **options
    )
    for step in range(300):
        for params, rule, x in (
            (ours, our_rule, pb.tensor(noise[step])),
            (theirs, their_rule, torch.tensor(noise[step])),
        ):
            rule.zero_grad()
            w, b, s = params
            if step % 5 != 3:  # now and then one parameter has no gradient
                x = x * s
            u, v = w @ x, b - x
            ((u * u / (1 + u * u)).sum() + (v / (1 + v * v)).sum()).backward()
            rule.step()
        for our, their in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(our.detach().numpy(), their.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", RULES)
def test_the_options_have_the_same_names_defaults_and_order(name):
    parameters = [torch.zeros(1, requires_grad=True)]
    theirs = getattr(torch.optim, name)(parameters).param_groups[0]
    ours = getattr(pb.optim, name)([pb.zeros(1, requires_grad=True)]).param_groups[0]
    assert {key: theirs[key] for key in ours if key != "params"} == {
        k: v for k, v in ours.items() if k != "params"
    }
    assert [key for key in theirs if key in ours] == list(ours)
    assert theirs.keys() - ours.keys() <= {"foreach", "fused", "capturable", "differentiable"}


def their_state(optimizer):
    """PyTorch's state with arrays for its tensors."""

    def converted(value):
        if isinstance(value, torch.Tensor):
            return value.detach().numpy()
        if isinstance(value, dict):
            return {key: converted(entry) for key, entry in value.items()}
        return [converted(entry) for entry in value] if isinstance(value, list) else value

    return converted(optimizer.state_dict())


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_state_of_pytorch_goes_on_here(name, options):
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(20, 3, 4))
    theirs = torch.tensor(start, requires_grad=True)
    their_rule = getattr(torch.optim, name)([theirs], **options)
    for gradient in gradients[:10]:
        theirs.grad = torch.tensor(gradient)
        their_rule.step()
    ours = pb.tensor(theirs.detach().numpy(), requires_grad=True)
    our_rule = getattr(pb.optim, name)([ours], lr=5.0)
    our_rule.load_state_dict(their_state(their_rule))
    for gradient in gradients[10:]:
        theirs.grad, ours.grad = torch.tensor(gradient), pb.tensor(gradient)
        their_rule.step()
        our_rule.step()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)
    our_state, their_entries = our_rule.state_dict()["state"], their_state(their_rule)["state"]
    assert our_state.keys() == their_entries.keys()
    for place, entries in their_entries.items():
        assert list(our_state[place]) == [key for key, value in entries.items() if value is not None]
        for key, value in entries.items():
            if value is not None:
                np.testing.assert_allclose(our_state[place][key], value, rtol=1e-11)
