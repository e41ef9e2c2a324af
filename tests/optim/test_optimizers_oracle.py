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
    "Adafactor": [
        {},
        {"lr": 0.5, "beta2_decay": -0.5, "eps": (1e-3, 0.5), "d": 1.5},
        {"weight_decay": 0.1, "maximize": True},
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
def test_two_hundred_steps(name, options):
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape) for shape in ((3, 4), (4,), ())]
    noise = rng.normal(size=(200, 4))
    ours = [pb.tensor(x, requires_grad=True) for x in starts]
    theirs = [torch.tensor(x, requires_grad=True) for x in starts]
    our_rule = getattr(pb.optim, name)(
        [{"params": ours[:2]}, {"params": ours[2:], "lr": 0.02}], **({"lr": 0.01} | options)
    )
    their_rule = getattr(torch.optim, name)(
        [{"params": theirs[:2]}, {"params": theirs[2:], "lr": 0.02}], **({"lr": 0.01} | options)
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


MUON = [
    {},
    {"nesterov": False, "momentum": 0.5, "weight_decay": 0.0},
    {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 3},
    {"adjust_lr_fn": "original", "ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 10},
]


@pytest.mark.parametrize("options", MUON)
@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 20)])
def test_muon(options, shape):
    """PyTorch computes in bfloat16, and so do we: the same numbers but for a last bit (2⁻⁸) now and then."""
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=shape), rng.normal(size=(200, *shape))
    ours, theirs = pb.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    our_rule, their_rule = pb.optim.Muon([ours], **options), torch.optim.Muon([theirs], **options)
    for gradient in gradients:
        ours.grad, theirs.grad = pb.tensor(gradient), torch.tensor(gradient)
        our_rule.step()
        their_rule.step()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=3e-5)
    assert our_rule.param_groups[0].keys() == their_rule.param_groups[0].keys()
    their_buffer = their_rule.state[theirs]["momentum_buffer"].numpy()
    np.testing.assert_allclose(our_rule.state[ours]["momentum_buffer"], their_buffer, rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"lr": 0.1, "betas": (0.5, 0.6), "eps": 1e-3, "maximize": True}])
def test_sparse_adam(options):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(10, 3))
    ours, theirs = pb.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    our_rule, their_rule = pb.optim.SparseAdam([ours], **options), torch.optim.SparseAdam([theirs], **options)
    for _ in range(200):
        rows, target = rng.integers(0, 10, 4), rng.normal(size=(4, 3))
        ((ours[pb.asarray(rows)] - pb.asarray(target)) ** 2).sum().backward()
        picked = torch.nn.functional.embedding(torch.tensor(rows), theirs, sparse=True)
        ((picked - torch.tensor(target)) ** 2).sum().backward()
        our_rule.step()
        their_rule.step()
        our_rule.zero_grad()
        their_rule.zero_grad()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10)
    theirs_state = their_rule.state[theirs]
    assert list(our_rule.state[ours]) == list(theirs_state)
    np.testing.assert_allclose(
        our_rule.state[ours]["exp_avg"], theirs_state["exp_avg"].numpy(), rtol=1e-9, atol=1e-14
    )
    assert our_rule.state[ours]["step"] == theirs_state["step"]


@pytest.mark.parametrize(
    "options",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "max_iter": 7, "max_eval": 9, "history_size": 3, "lr": 0.5},
        {"lr": 0.1},
        {"lr": 0.2, "max_iter": 4, "history_size": 2, "tolerance_grad": 1e-3, "tolerance_change": 1e-4},
    ],
)
def test_lbfgs(options):
    """A bowl, on which rounding does not grow, in directions that are slow and fast."""
    rng = np.random.default_rng(0)
    matrix, start = rng.normal(size=(6, 6)), rng.normal(size=6)
    bowl = matrix @ matrix.T + 0.1 * np.eye(6)
    ours = [pb.tensor(start[:2], requires_grad=True), pb.tensor(start[2:].reshape(2, 2), requires_grad=True)]
    theirs = [torch.tensor(p.detach().numpy(), requires_grad=True) for p in ours]
    our_rule, their_rule = pb.optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)

    def closure_of(params, rule, concatenate, matrix):
        def closure():
            rule.zero_grad()
            x = concatenate([params[0], params[1].reshape(4)])
            loss = (x @ (matrix @ x)) ** 1.5 / 10 + x.sum()
            loss.backward()
            return loss

        return closure

    our_closure = closure_of(ours, our_rule, pb.concat, pb.tensor(bowl))
    their_closure = closure_of(theirs, their_rule, torch.concat, torch.tensor(bowl))
    for _ in range(6):
        our_loss, their_loss = our_rule.step(our_closure), their_rule.step(their_closure)
        assert our_loss.item() == pytest.approx(their_loss.item(), rel=1e-9)
        for our, their in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(our.detach().numpy(), their.detach().numpy(), rtol=1e-6, atol=1e-8)
    our_state, their_state = our_rule.state[ours[0]], their_rule.state[theirs[0]]
    assert our_state.keys() == their_state.keys() - {"al"}
    assert [our_state[n] for n in ("n_iter", "func_evals")] == [
        their_state[n] for n in ("n_iter", "func_evals")
    ]


def test_the_options_of_the_other_rules_have_the_same_names_defaults_and_order():
    for name in ("SparseAdam", "Muon", "LBFGS"):
        theirs = getattr(torch.optim, name)([torch.zeros(2, 2, requires_grad=True)]).param_groups[0]
        ours = getattr(pb.optim, name)([pb.zeros((2, 2), requires_grad=True)]).param_groups[0]
        theirs, ours = ({k: v for k, v in group.items() if k != "params"} for group in (theirs, ours))
        assert list(theirs.items()) == list(ours.items())
