"""Every scheduler against PyTorch, step for step."""

import warnings

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

SIMPLE = [
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [0, 4, 9, 9, 20], "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [20, 4]}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 9}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 11}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 17, "power": 2.5}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.003}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 3}),
    ("LambdaLR", {"lr_lambda": lambda t: 0.95**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 1 / (1 + t), lambda t: 0.9 ** (t // 3)]}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 1 - 0.1 / (t + 1)}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4}),
    ("CyclicLR", {"base_lr": [0.01, 0.02], "max_lr": [0.1, 0.3], "step_size_up": 3, "step_size_down": 5}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range", "gamma": 0.97}),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.1,
            "step_size_up": 4,
            "scale_fn": lambda n: 1 / n,
            "base_momentum": 0.5,
        },
    ),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.1,
            "step_size_up": 4,
            "scale_fn": lambda t: 0.99**t,
            "scale_mode": "iterations",
            "cycle_momentum": False,
        },
    ),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 40}),
    ("OneCycleLR", {"max_lr": [0.5, 0.2], "epochs": 8, "steps_per_epoch": 5, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 41, "three_phase": True, "pct_start": 0.25}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50, "div_factor": 5.0, "final_div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 40, "cycle_momentum": False}),
    ("SWALR", {"swa_lr": 0.05}),
    ("SWALR", {"swa_lr": [0.05, 0.3], "anneal_epochs": 4, "anneal_strategy": "linear"}),
    ("SWALR", {"swa_lr": 0.05, "anneal_epochs": 0}),
]


def optimizers(kind="SGD"):
    options = {"momentum": 0.5} if kind == "SGD" else {}
    for library, leaf in (
        (pb, lambda: pb.tensor(1.0, requires_grad=True)),
        (torch, lambda: torch.tensor(1.0, requires_grad=True)),
    ):
        rule = getattr(library.optim, kind)
        yield library, rule([{"params": [leaf()]}, {"params": [leaf()], "lr": 0.02}], lr=0.1, **options)


def scheduler(library, name):
    if name == "SWALR" and library is torch:
        return torch.optim.swa_utils.SWALR
    return getattr(library.optim.lr_scheduler, name)


def seen(optimizer):
    return [
        (group["lr"], group["momentum"] if "momentum" in group else group["betas"][0])
        for group in optimizer.param_groups
    ]


def run(make, steps, kind="SGD"):
    """What both libraries' optimisers are set to, before each step."""
    results = []
    for library, optimizer in optimizers(kind):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch misses the optimiser's steps
            schedule = make(library, optimizer)
            rows = [seen(optimizer)]
            for _ in range(steps):
                schedule.step()
                rows.append(seen(optimizer))
                rates = [float(rate) for rate in schedule.get_last_lr()]
                assert rates == [group["lr"] for group in optimizer.param_groups]
        results.append(rows)
    return results


@pytest.mark.parametrize(("name", "options"), SIMPLE)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_forty_steps(name, options, kind):
    steps = options.get("total_steps", 40)
    ours, theirs = run(lambda library, optimizer: scheduler(library, name)(optimizer, **options), steps, kind)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-15)


def chain(library, optimizer):
    lr = library.optim.lr_scheduler
    return lr.ChainedScheduler(
        [lr.ConstantLR(optimizer, 0.1, total_iters=20), lr.ExponentialLR(optimizer, 0.9)], optimizer=optimizer
    )


def chain_with_a_floor(library, optimizer):
    lr = library.optim.lr_scheduler
    return lr.ChainedScheduler(
        [lr.CosineAnnealingLR(optimizer, 9, eta_min=0.004), lr.StepLR(optimizer, 4, gamma=0.7)]
    )


def chain_with_products(library, optimizer):
    lr = library.optim.lr_scheduler
    return lr.ChainedScheduler(
        [
            lr.PolynomialLR(optimizer, 50),
            lr.MultiplicativeLR(optimizer, lambda t: 0.97),
            lr.LinearLR(optimizer),
        ]
    )


def warmup(library, optimizer):
    lr = library.optim.lr_scheduler
    parts = [lr.LinearLR(optimizer, 0.1, total_iters=5), lr.CosineAnnealingLR(optimizer, 12, eta_min=1e-3)]
    return lr.SequentialLR(optimizer, parts, milestones=[5])


def three_in_sequence(library, optimizer):
    lr = library.optim.lr_scheduler
    parts = [
        lr.ConstantLR(optimizer, 0.1, total_iters=3),
        lr.ExponentialLR(optimizer, 0.9),
        lr.CosineAnnealingWarmRestarts(optimizer, 5),
    ]
    return lr.SequentialLR(optimizer, parts, milestones=[4, 13])


def a_product_in_a_sequence(library, optimizer):
    lr = library.optim.lr_scheduler
    parts = [
        lr.ExponentialLR(optimizer, 0.9),
        lr.MultiplicativeLR(optimizer, lambda t: 1 - 0.2 / (t + 1)),
        lr.CosineAnnealingLR(optimizer, 9),
    ]
    return lr.SequentialLR(optimizer, parts, milestones=[5, 12])


class TwoAtOnce:
    """Two schedulers of one optimiser, each stepped on its own."""

    def __init__(self, library, optimizer):
        lr = library.optim.lr_scheduler
        self.optimizer = optimizer
        self.parts = [lr.ExponentialLR(optimizer, 0.9), lr.MultiStepLR(optimizer, [4, 9], gamma=0.5)]

    def step(self):
        for part in self.parts:
            part.step()

    def get_last_lr(self):
        return self.parts[-1].get_last_lr()


@pytest.mark.parametrize(
    "make",
    [
        chain,
        chain_with_a_floor,
        chain_with_products,
        warmup,
        three_in_sequence,
        a_product_in_a_sequence,
        TwoAtOnce,
    ],
)
def test_combinations(make):
    ours, theirs = run(make, 40)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-15)


def test_swa_after_another_scheduler():
    results = []
    for library, optimizer in optimizers():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decay = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
            swa = scheduler(library, "SWALR")(optimizer, swa_lr=0.03, anneal_epochs=6)
            rows = []
            for step in range(30):
                (decay if step < 10 else swa).step()
                rows.append(seen(optimizer))
        results.append(rows)
    np.testing.assert_allclose(*results, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"factor": 0.5, "patience": 2},
        {"mode": "max", "factor": 0.5, "patience": 1, "cooldown": 3},
        {"threshold_mode": "abs", "threshold": 0.2, "patience": 1, "min_lr": [0.01, 0.001]},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.1, "patience": 0, "eps": 1e-3},
    ],
)
def test_plateau(options):
    metrics = np.random.default_rng(0).normal(size=60) + np.linspace(3, 0, 60)
    metrics[7] = np.nan
    results = []
    for library, optimizer in optimizers():
        plateau = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        rows = []
        for metric in metrics:
            plateau.step(float(metric))
            state = (plateau.best, plateau.num_bad_epochs, plateau.cooldown_counter)
            rows.append([*plateau.get_last_lr(), *state])
        results.append(rows)
    np.testing.assert_allclose(*results, rtol=1e-12)


@pytest.mark.parametrize("T_mult", [1, 2])
def test_warm_restarts_at_fractions_of_an_epoch(T_mult):
    results = []
    for library, optimizer in optimizers():
        restarts = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, T_mult=T_mult)
        rows = []
        for t in np.linspace(0, 20, 41):
            restarts.step(float(t))
            rows.append(seen(optimizer))
        results.append(rows)
    np.testing.assert_allclose(*results, rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        case
        for case in SIMPLE
        if case[0] not in ("LambdaLR", "MultiplicativeLR", "CyclicLR", "OneCycleLR", "SWALR")
    ],
)
def test_the_states_of_pytorchs_schedulers_load(name, options):
    (_, mine), (_, theirs) = optimizers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        their_schedule = scheduler(torch, name)(theirs, **options)
        for _ in range(6):
            their_schedule.step()
        my_schedule = scheduler(pb, name)(mine, **options)
        my_schedule.load_state_dict(their_schedule.state_dict())
        for mine_group, their_group in zip(mine.param_groups, theirs.param_groups, strict=True):
            mine_group["lr"] = their_group["lr"]
        for _ in range(10):
            their_schedule.step()
            my_schedule.step()
            np.testing.assert_allclose(seen(mine), seen(theirs), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize(
    "name",
    ["ReduceLROnPlateau", "ChainedScheduler", "SequentialLR", *dict.fromkeys(name for name, _ in SIMPLE)],
)
def test_the_arguments_have_the_same_names_defaults_and_order(name):
    import inspect

    ours, theirs = (inspect.signature(scheduler(library, name)).parameters for library in (pb, torch))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
