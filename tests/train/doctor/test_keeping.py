"""Everything is as it was after an examination, bit for bit, also after an error and Ctrl-C."""

import itertools
import random
import signal
from functools import partial

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train
from pullback.train.doctor.keeping import Keeper, referred


class Model(nn.Module):
    """Batch norm, dropout with a generator of its own, a log, a counter, a frozen layer and a plain list."""

    def __init__(self, rng):
        super().__init__()
        self.first, self.norm = nn.Linear(5, 8, rng=rng), nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.5, rng=np.random.default_rng(3))
        self.second = nn.Linear(8, 3, rng=rng).requires_grad_(False)
        self.log, self.count, self.table = [], 0, np.zeros(3)
        self.hidden = [nn.Linear(3, 3, rng=rng)]

    def forward(self, x):
        self.count += 1
        self.table += 1
        self.log.append(x.shape)
        np.random.random()  # noqa: NPY002 - the old generator is kept, too - as users' code may
        random.random()
        return self.hidden[0](self.second(self.drop(pb.relu(self.norm(self.first(x))))))


class Setup:
    """A training that is under way, and all that can be seen of it."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(80, 5)).astype(np.float32)
        self.y = rng.integers(0, 3, 80)
        self.model, self.loss = Model(rng), nn.CrossEntropyLoss()
        kept = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = optim.Adam([{"params": kept[:2]}, {"params": kept[2:], "lr": 1e-4}], lr=1e-2)
        self.schedule = optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.9)
        self.rng = np.random.default_rng(5)
        self.loader = data.DataLoader(data.TensorDataset(self.x, self.y), 8, shuffle=True, rng=self.rng)
        self.losses = []
        self.ema = optim.AveragedModel(self.model.first)
        for _ in range(3):
            self.step(pb.asarray(self.x), pb.asarray(self.y))
        self.model.drop.eval()  # a mode of its own

    def step(self, input, target):
        self.optimizer.zero_grad()
        value = self.loss(self.model(input), target)
        value.backward()
        self.optimizer.step()
        self.schedule.step()
        self.losses.append(value.item())
        self.ema.update_parameters(self.model.first)

    def evaluate(self):
        self.model.eval()
        return train.evaluate(self.model, self.loss, self.loader)

    def seen(self):
        found = {"modes": [m.training for m in self.model.modules()], "losses": list(self.losses)}
        tensors = {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}
        tensors |= {f"hidden {n}": p for n, p in self.model.hidden[0].named_parameters()}
        tensors |= {f"average {n}": p for n, p in self.ema.state_dict().items() if isinstance(p, pb.Tensor)}
        for name, tensor in tensors.items():
            found[name] = tensor.detach().numpy().tobytes(), tensor.requires_grad
            found[f"{name} gradient"] = (
                None if tensor.grad is None else (id(tensor.grad), tensor.grad.numpy().tobytes())
            )
        for place, (parameter, state) in enumerate(self.optimizer.state.items()):
            found[f"state {place}"] = (
                id(parameter),
                {n: (id(v), v.tobytes()) if isinstance(v, np.ndarray) else v for n, v in state.items()},
            )
        found["ratios"] = {id(p): ratio for p, ratio in self.optimizer.update_ratios().items()}
        found["groups"] = [{n: v for n, v in g.items() if n != "params"} for g in self.optimizer.param_groups]
        found["schedule"] = repr(self.schedule.state_dict())
        generators = [self.rng, self.model.drop.rng, pb.autograd.default_generator()]
        found["generators"] = [repr(g.bit_generator.state) for g in generators]
        found["python"], found["numpy"] = random.getstate(), repr(np.random.get_state())  # noqa: NPY002 - the old generator is kept, too
        found["attributes"] = self.model.count, list(self.model.log), self.model.table.tobytes()
        found["hooks"] = [
            len(h.before) + len(h.after) for m in self.model.modules() if (h := m._forward_hooks)
        ]
        return found

    def examine(self, loss=None, **more):
        given = {
            "optimizer": self.optimizer,
            "loader": self.loader,
            "step": self.step,
            "evaluate": self.evaluate,
        }
        return train.preflight(self.model, loss or self.loss, (self.x, self.y), **given, **more)


@pytest.fixture
def setup():
    with pytest.warns(UserWarning, match="plain list"):
        return Setup()


pytestmark = pytest.mark.filterwarnings("ignore:'hidden' is a plain list")


def unchanged(setup, act):
    before = setup.seen()
    result = act()
    after = setup.seen()
    assert [name for name in before if before[name] != after[name]] == []
    return result


def test_everything_is_as_it_was(setup):
    report = unchanged(setup, setup.examine)
    assert report["training step"].verdict is train.Verdict.OK
    assert report["learning rate"].verdict is train.Verdict.OK
    assert report["evaluation"].verdict is train.Verdict.WARNING  # it leaves the model in evaluation mode


def test_training_goes_on_as_if_nothing_had_been(setup):
    with pytest.warns(UserWarning, match="plain list"):
        other = Setup()
    setup.examine()
    for one in (setup, other):
        pb.manual_seed(1)
        one.model.train()
        for _ in range(3):
            one.step(pb.asarray(one.x), pb.asarray(one.y))
    assert setup.losses == other.losses
    assert setup.model.first.weight.tolist() == other.model.first.weight.tolist()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError, MemoryError])
@pytest.mark.parametrize("call", [1, 4, 30, 100])
def test_after_an_error_too(setup, error, call):
    calls = itertools.count(1)  # a list would be put back
    inner = setup.loss

    def loss(output, target):
        if next(calls) == call:
            raise error
        return inner(output, target)

    before = setup.seen()
    if issubclass(error, Exception):
        setup.examine(loss)  # a check that fails says so, and the others go on
    else:
        with pytest.raises(error):
            setup.examine(loss)
    after = setup.seen()
    assert [name for name in before if before[name] != after[name]] == []
    assert next(calls) > call


def test_the_same_report_again(setup):
    assert setup.examine().to_dict() == setup.examine().to_dict()
    other = setup.examine(seed=1)
    assert other["signal"].numbers != setup.examine()["signal"].numbers


def test_progress_is_shown_if_asked_for(setup, capsys):
    setup.examine()
    assert capsys.readouterr().err == ""
    report = setup.examine(progress=True)
    assert f"/{len(report)}" in capsys.readouterr().err


def test_a_generator_is_not_used_up(setup):
    batches = iter(setup.loader)
    report = train.preflight(setup.model, setup.loss, (setup.x, setup.y), loader=batches)
    assert "use up" in report["label order"].reason
    assert len(list(batches)) == 10


@pytest.mark.parametrize("begun", [0, 3])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_loader_stays_where_it_is(setup, begun, resumed):
    orders = []
    for examined in (False, True):
        loader = data.DataLoader(setup.loader.dataset, 8, shuffle=True, rng=np.random.default_rng(7))
        batches = iter(loader)
        for _ in range(begun):
            next(batches)
        if resumed:
            state = loader.state_dict()
            loader = data.DataLoader(setup.loader.dataset, 8, shuffle=True, rng=np.random.default_rng(8))
            loader.load_state_dict(state)
            batches = iter(())
        if examined:
            train.preflight(
                setup.model, setup.loss, (setup.x, setup.y), loader=loader, step=partial(list, loader)
            )
        orders.append([y.tolist() for source in (batches, loader, loader) for _, y in source])
    assert orders[0] == orders[1]


def test_what_a_function_refers_to():
    inside, later = [1], {"a": 2}

    def function(x, *, extra=later):
        return inside, np, x

    found = referred(function)
    assert any(value is inside for value in found)
    assert any(value is later for value in found)


@pytest.mark.parametrize("late", [False, True])
def test_a_real_interrupt(late, monkeypatch):
    w = nn.Parameter(pb.tensor([1.0]))
    keeper = Keeper([w], seed=0)
    put_back = keeper._put_back

    def interrupted():
        signal.raise_signal(signal.SIGINT)  # it has to wait until all is as it was
        put_back()

    if late:
        monkeypatch.setattr(keeper, "_put_back", interrupted)
    handler = signal.getsignal(signal.SIGINT)

    def trial():
        with keeper.trial(), pb.no_grad():
            w.copy_(w + 1.0)
            if not late:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trial()
    assert w.tolist() == [1.0]
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_trial_begins_without_gradients_and_alike():
    w = nn.Parameter(pb.tensor([1.0]))
    w.grad = kept = pb.tensor([5.0])
    keeper, drawn = Keeper([[w]], seed=3), []
    for _ in range(2):
        with keeper.trial():
            assert w.grad is None
            drawn.append(pb.rand(2).tolist())
            with pb.no_grad():
                w += 1.0
    assert drawn[0] == drawn[1]
    assert w.grad is kept
    assert w.tolist() == [1.0]
