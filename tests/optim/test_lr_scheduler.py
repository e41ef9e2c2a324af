"""Schedulers set the rates of optimisers; what PyTorch does is compared in the oracle tests."""

import copy

import pytest

import pullback as pb
from pullback import optim
from pullback.optim import lr_scheduler as lr
from pullback.optim import schedules

KINDS = {
    "StepLR": lambda o: lr.StepLR(o, 3),
    "MultiStepLR": lambda o: lr.MultiStepLR(o, [2, 5]),
    "ConstantLR": lambda o: lr.ConstantLR(o),
    "LinearLR": lambda o: lr.LinearLR(o),
    "ExponentialLR": lambda o: lr.ExponentialLR(o, 0.9),
    "InverseTimeLR": lambda o: lr.InverseTimeLR(o, 0.5),
    "InverseSqrtLR": lambda o: lr.InverseSqrtLR(o, 4),
    "PolynomialLR": lambda o: lr.PolynomialLR(o, 9),
    "CosineAnnealingLR": lambda o: lr.CosineAnnealingLR(o, 5, 0.01),
    "CosineAnnealingWarmRestarts": lambda o: lr.CosineAnnealingWarmRestarts(o, 2, 2),
    "CyclicLR": lambda o: lr.CyclicLR(o, 0.1, 0.3, 3, mode="triangular2"),
    "OneCycleLR": lambda o: lr.OneCycleLR(o, 0.5, 30),
    "LambdaLR": lambda o: lr.LambdaLR(o, schedules.Warmup(3, schedules.Cosine(9))),
    "MultiplicativeLR": lambda o: lr.MultiplicativeLR(o, lambda t: 0.9),
    "SWALR": lambda o: lr.SWALR(o, [0.05, 0.1], 4),
    "SequentialLR": lambda o: lr.SequentialLR(o, [lr.LinearLR(o), lr.StepLR(o, 2), lr.ConstantLR(o)], [4, 8]),
    "SequentialLR of products": lambda o: lr.SequentialLR(
        o, [lr.StepLR(o, 2), lr.MultiplicativeLR(o, lambda t: 0.9), lr.StepLR(o, 3)], [3, 9]
    ),
    "ChainedScheduler": lambda o: lr.ChainedScheduler([lr.ConstantLR(o), lr.ExponentialLR(o, 0.9)]),
}


def leaf(value=1.0):
    return pb.tensor(value, requires_grad=True)


def optimizer(lr=0.2):
    return optim.SGD([{"params": [leaf()]}, {"params": [leaf()], "lr": 0.7}], lr=lr, momentum=0.9)


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


@pytest.mark.parametrize("kind", KINDS)
def test_stepping_gives_what_calling_says(kind):
    o = optimizer()
    scheduler = KINDS[kind](o)
    for t in range(25):
        assert rates(o) == pytest.approx(scheduler(t), rel=1e-12)
        assert scheduler.get_last_lr() == rates(o)
        assert scheduler.last_epoch == t
        scheduler.step()


@pytest.mark.parametrize("kind", KINDS)
def test_going_to_a_step_needs_no_replay(kind):
    o, other = optimizer(), optimizer()
    scheduler, walker = KINDS[kind](o), KINDS[kind](other)
    for _ in range(17):
        walker.step()
    scheduler.step(17)
    assert rates(o) == pytest.approx(rates(other), rel=1e-12)
    for _ in range(5):
        scheduler.step()
        walker.step()
        assert rates(o) == pytest.approx(rates(other), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_from_saved_states_is_exact(kind):
    o = optimizer()
    scheduler = KINDS[kind](o)
    for _ in range(6):
        scheduler.step()
    saved = copy.deepcopy((o.state_dict(), scheduler.state_dict()))
    again = optimizer(0.9)
    resumed = KINDS[kind](again)
    again.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    assert resumed.state_dict() == saved[1] or kind in ("LambdaLR", "MultiplicativeLR")
    for _ in range(10):
        scheduler.step()
        resumed.step()
        assert rates(again) == rates(o)
        assert [g["momentum"] for g in again.param_groups] == [g["momentum"] for g in o.param_groups]


@pytest.mark.parametrize("kind", KINDS)
def test_states_go_through_safetensors_files(kind, tmp_path):
    o = optimizer()
    scheduler = KINDS[kind](o)
    for _ in range(6):
        scheduler.step()
    path = tmp_path / "state.safetensors"
    pb.save(optim.flatten_state({"o": o.state_dict(), "s": scheduler.state_dict()}), path)
    loaded = optim.unflatten_state(pb.load(path))
    again = optimizer(0.9)
    resumed = KINDS[kind](again)
    again.load_state_dict(loaded["o"])
    resumed.load_state_dict(loaded["s"])
    for _ in range(5):
        scheduler.step()
        resumed.step()
        assert rates(again) == rates(o)


def test_an_optimisers_state_loads_with_and_without_a_scheduler():
    o, plain = optimizer(), optimizer()
    lr.StepLR(o, 3)
    plain.load_state_dict(o.state_dict())
    o.load_state_dict(optimizer(0.5).state_dict())
    assert rates(o) == [0.5, 0.7]


def test_resuming_by_the_number_of_the_last_step():
    params = [{"params": [leaf()], "initial_lr": 0.4}]
    o = optim.SGD(params, lr=0.4)
    lr.StepLR(o, 2, gamma=0.5, last_epoch=4)
    assert rates(o) == [0.1]
    loaded = optim.SGD([{"params": [leaf()], "initial_lr": 0.4, "lr": 0.1}])
    scheduler = lr.StepLR(loaded, 2, gamma=0.5, last_epoch=4)
    assert rates(loaded) == [0.1]
    scheduler.step()
    assert rates(loaded) == [0.05]
    with pytest.raises(KeyError, match="group 0 of the optimiser has no 'initial_lr'"):
        lr.StepLR(optimizer(), 2, last_epoch=4)


def test_a_rate_changed_by_hand_is_scaled_on():
    o = optimizer()
    scheduler = lr.StepLR(o, 2, gamma=0.5)
    o.param_groups[0]["lr"] = 0.04
    for _ in range(4):
        scheduler.step()
    assert rates(o) == pytest.approx([0.01, 0.175])


def test_a_group_that_is_added_later_is_scheduled_too():
    o = optimizer()
    schedulers = [lr.ExponentialLR(o, 0.5), lr.SWALR(o, [0.1, 0.2], 2)]
    o.add_param_group({"params": [leaf()], "lr": 0.8})
    schedulers[0].step()
    assert rates(o) == pytest.approx([0.1, 0.35, 0.4])
    for _ in range(3):
        schedulers[1].step()
    assert rates(o) == pytest.approx([0.1, 0.2, 0.2])


def test_a_chain_within_a_sequence_starts_like_a_chain():
    o = optimizer(1.0)
    chain = lr.ChainedScheduler([lr.LinearLR(o, 0.5, total_iters=2), lr.ExponentialLR(o, 0.5)])
    inner = lr.SequentialLR(o, [chain, lr.ConstantLR(o, 0.25, total_iters=9)], [2])
    outer = lr.SequentialLR(o, [inner, lr.StepLR(o, 1)], [4])
    seen = []
    for t in range(6):
        assert rates(o) == pytest.approx(outer(t))
        seen.append(rates(o)[0])
        outer.step()
    assert seen == pytest.approx([0.5, 0.375, 0.25, 0.25, 1.0, 0.1])


def test_a_scheduler_of_ones_own():
    class Halving(lr.LRScheduler):
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    o = optimizer()
    scheduler = Halving(o)
    scheduler.step()
    scheduler.step()
    assert rates(o) == pytest.approx([0.05, 0.175])
    scheduler.step(0)
    assert rates(o) == [0.2, 0.7]
    with pytest.raises(NotImplementedError, match="LRScheduler has no get_lr"):
        lr.LRScheduler(o)


def test_nothing_changes_when_a_schedule_is_over():
    o = optimizer()
    scheduler = lr.OneCycleLR(o, 0.5, 3)
    for _ in range(3):
        scheduler.step()
    before = (rates(o), [g["momentum"] for g in o.param_groups], scheduler.last_epoch)
    with pytest.raises(ValueError, match="ends after total_steps=3"):
        scheduler.step()
    assert (rates(o), [g["momentum"] for g in o.param_groups], scheduler.last_epoch) == before


def test_adams_first_beta_is_cycled():
    o = optim.Adam([leaf()], lr=0.1)
    scheduler = lr.CyclicLR(o, 0.1, 0.2, 2)
    assert o.param_groups[0]["betas"] == (0.9, 0.999)
    scheduler.step(2)
    assert o.param_groups[0]["betas"] == pytest.approx((0.8, 0.999))


def test_the_plateau_follows_the_metric():
    o = optimizer()
    scheduler = lr.ReduceLROnPlateau(o, factor=0.5, patience=1, min_lr=[0.15, 0.1])
    metrics = [3.0, 2.0, 2.0, pb.tensor(2.0), 2.0, 2.0]
    for metric in metrics:
        scheduler.step(metric)
    assert rates(o) == pytest.approx([0.15, 0.175])
    assert scheduler.last_epoch == 6
    other = optimizer()
    resumed = lr.ReduceLROnPlateau(other)
    other.load_state_dict(o.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    for _ in range(3):
        scheduler.step(2.0)
        resumed.step(2.0)
    assert rates(other) == rates(o) == pytest.approx([0.15, 0.1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: lr.StepLR("SGD", 3), TypeError, "a str is none"),
        (lambda o: lr.StepLR(o, 0), ValueError, "step_size must be above zero"),
        (lambda o: lr.CyclicLR(o, [0.1], 0.2), ValueError, "base_lr is one number, or one for each of the 2"),
        (lambda o: lr.CyclicLR(o, 0.1, 0.2, 0), ValueError, "step_size_up must be"),
        (lambda o: lr.OneCycleLR(o, 0.1), ValueError, "needs its length"),
        (lambda o: lr.OneCycleLR(o, 0.1, 10, pct_start=3), ValueError, "pct_start must be"),
        (lambda o: lr.LambdaLR(o, [lambda t: 1.0]), ValueError, "lr_lambda is one number, or one for each"),
        (lambda o: lr.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (lambda o: lr.SequentialLR(o, [lr.StepLR(o, 3)], [2]), ValueError, "need 0 milestones, not 1"),
        (lambda o: lr.ChainedScheduler([]), ValueError, "at least one scheduler"),
        (lambda o: lr.ChainedScheduler([lr.ReduceLROnPlateau(o)]), ValueError, "answers to a metric"),
        (lambda o: lr.ChainedScheduler([3]), TypeError, "scheduler 0, a int, has no schedule to be combined"),
        (
            lambda o: lr.ChainedScheduler([lr.StepLR(o, 3), lr.StepLR(optimizer(), 3)]),
            ValueError,
            "scheduler 1, a StepLR, belongs to another optimiser",
        ),
        (lambda o: lr.ReduceLROnPlateau(o, factor=2.0), ValueError, "factor must be below 1"),
        (lambda o: lr.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "min_lr is one number"),
    ],
)
def test_what_does_not_fit_is_refused(make, error, message):
    o = optimizer()
    with pytest.raises(error, match=message):
        make(o)
    assert rates(o) == [0.2, 0.7]


def test_a_refused_scheduler_leaves_no_trace():
    o = optimizer()
    with pytest.raises(ValueError, match="step_size must be"):
        lr.StepLR(o, 0)
    o.param_groups[0]["lr"] = 0.3
    assert lr.StepLR(o, 2).base_lrs == [0.3, 0.7]


def test_momentum_cannot_be_cycled_where_there_is_none():
    class Plain:
        def __init__(self):
            self.param_groups = [{"params": [], "lr": 0.1}]

    with pytest.raises(ValueError, match="Plain has neither momentum nor betas to be cycled"):
        lr.CyclicLR(Plain(), 0.1, 0.2)
    lr.CyclicLR(Plain(), 0.1, 0.2, cycle_momentum=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: "state", "a dict with the key 'last_epoch'"),
        (lambda s: {"gamma": 0.5}, "a dict with the key 'last_epoch'"),
        (lambda s: s | {"T_max": 3}, r"the state has \['T_max'\], which StepLR has not"),
    ],
)
def test_states_that_do_not_fit_are_refused(change, message):
    scheduler = lr.StepLR(optimizer(), 3)
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match=message):
        scheduler.load_state_dict(change(before))
    assert scheduler.state_dict() == before


def test_a_chains_parts_are_left_alone_when_its_state_does_not_fit():
    o = optimizer()
    chain = lr.ChainedScheduler([lr.StepLR(o, 3), lr.ExponentialLR(o, 0.5)])
    before = chain.state_dict()
    bad = copy.deepcopy(before)
    bad["_schedulers"][0]["gamma"] = 0.9
    bad["_schedulers"][1]["T_max"] = 0.9
    with pytest.raises(ValueError, match="T_max"):
        chain.load_state_dict(bad)
    assert chain.state_dict() == before
    with pytest.raises(ValueError, match="those of its 2 schedulers"):
        chain.load_state_dict({"last_epoch": 3, "_schedulers": []})
