"""Differentiating through training: every update function is made of operations that Tensors have too."""

import numpy as np
import pytest

import pullback as pb
from pullback import optim

RULES = [
    (optim.SGD, {}, ("lr",)),
    (optim.SGD, {"weight_decay": 0.1}, ("lr", "momentum", "dampening", "weight_decay")),
    (optim.SGD, {"momentum": 0.5, "nesterov": True}, ("lr", "momentum")),
    (optim.Adam, {}, ("weight_decay",)),
    (optim.AdamW, {"weight_decay": 0}, ("weight_decay",)),
    (optim.RMSprop, {"eps": 0.1}, ("momentum",)),
    (
        optim.Adagrad,
        {"lr_decay": 0.1, "weight_decay": 0.1, "eps": 0.1},
        ("lr", "lr_decay", "weight_decay", "eps"),
    ),
    (optim.RMSprop, {"centered": True, "momentum": 0.5, "eps": 0.1}, ("lr", "alpha", "momentum", "eps")),
    (optim.Adadelta, {"eps": 0.1}, ("lr", "rho", "eps")),
    (optim.Rprop, {"lr": 0.1}, ("lr",)),
    (optim.Adam, {"eps": 0.1, "weight_decay": 0.1}, ("lr", "betas", "eps", "weight_decay")),
    (optim.Adam, {"amsgrad": True, "maximize": True}, ("lr", "betas")),
    (optim.AdamW, {"weight_decay": 0.1}, ("lr", "betas", "weight_decay")),
    (optim.Adamax, {"weight_decay": 0.1}, ("lr", "betas", "weight_decay")),
    (
        optim.NAdam,
        {"eps": 0.1, "weight_decay": 0.1},
        ("lr", "betas", "eps", "weight_decay", "momentum_decay"),
    ),
    (optim.RAdam, {"betas": (0.9, 0.95)}, ("lr", "betas")),
    (optim.ASGD, {"t0": 2, "lambd": 0.1, "weight_decay": 0.1}, ("lr", "lambd", "alpha", "weight_decay")),
    (optim.Lion, {"weight_decay": 0.1}, ("lr", "weight_decay")),
    (optim.Adafactor, {"lr": 0.1, "weight_decay": 0.1}, ("lr", "weight_decay", "d")),
    (optim.Muon, {"momentum": 0.5}, ("lr", "momentum", "weight_decay")),
    (optim.SparseAdam, {"eps": 0.1}, ("lr", "betas", "eps")),
]


@pytest.mark.parametrize(
    ("rule", "options", "names"), RULES, ids=[f"{rule.__name__} {options}" for rule, options, _ in RULES]
)
def test_the_gradient_of_hyper_parameters_through_three_steps(rule, options, names, rng):
    start = rng.normal(size=(2, 3))
    scale = pb.tensor(np.arange(1.0, 7.0).reshape(2, 3))
    options = rule([pb.ones((2, 3), requires_grad=True)], **({"lr": 0.05} | options)).defaults
    given = [pb.tensor(np.array(options[name], np.float64), requires_grad=True) for name in names]
    if options.get("d") is not None:
        given[names.index("d")] = pb.tensor(np.float64(0.7), requires_grad=True)

    def trained(start, *values):
        numbers = {n: tuple(v) if n == "betas" else v for n, v in zip(names, values, strict=True)}
        weights, state = start, {}
        for _ in range(3):
            gradient = pb.grad(lambda w: (scale * pb.cos(w)).sum())(weights)
            weights, state = rule.update(weights, gradient, state, **(options | numbers))
        return weights.sum()

    assert pb.gradcheck(trained, [pb.tensor(start, requires_grad=True), *given])


def test_a_learning_rate_is_learned_by_training():
    """The loss after five steps is made small by descending along its gradient with respect to the rate."""
    start, data = np.array([2.0, -1.0]), np.array([1.0, 10.0])
    rate = pb.tensor(np.float64(0.005), requires_grad=True)
    options = optim.Adam([pb.ones(2, requires_grad=True)]).defaults | {"eps": 1e-4}
    outer = optim.SGD([rate], lr=0.01)

    def loss_after_training():
        weights, state = pb.tensor(start, requires_grad=True), {}
        for _ in range(5):
            (gradient,) = pb.gradients((data * weights**2).sum(), weights, create_graph=True)
            weights, state = optim.Adam.update(weights, gradient, state, **(options | {"lr": rate}))
        return (data * weights**2).sum()

    losses = []
    for _ in range(20):
        outer.zero_grad()
        losses.append(loss_after_training())
        losses[-1].backward()
        outer.step()
    assert rate.item() > 0.1
    assert losses[-1].item() < 0.5 * losses[0].item()
