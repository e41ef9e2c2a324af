"""Averages of parameters, and the batch statistics that belong to them."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim


class WithBuffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.register_buffer("scale", pb.tensor([1.0, 2.0]))
        self.register_buffer("count", pb.tensor(0))

    def forward(self, x):
        return self.linear(x) * self.scale


def walk(model, steps, rng):
    """Random parameters and buffers, step by step, and what they were."""
    for _ in range(steps):
        with pb.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                tensor[...] = rng.normal(size=tensor.shape).astype(tensor.dtype) * 10
        yield {name: value.numpy().copy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    "functions", [{}, {"avg_fn": optim.get_swa_avg_fn()}, {"multi_avg_fn": optim.get_swa_multi_avg_fn()}]
)
def test_polyaks_average_is_the_mean(functions, rng):
    model = WithBuffers()
    averaged = optim.AveragedModel(model, **functions)
    before = [p.tolist() for p in model.parameters()]
    history = []
    for state in walk(model, 5, rng):
        history.append(state)
        averaged.update_parameters(model)
    for name, value in averaged.module.named_parameters():
        np.testing.assert_allclose(
            value.detach().numpy(), np.mean([s[name] for s in history], axis=0), rtol=1e-5
        )
    assert averaged.module.scale.tolist() == history[-1]["scale"].tolist()
    assert averaged.module.count.item() == history[-1]["count"]
    assert averaged.n_averaged == 5
    assert before != [p.tolist() for p in model.parameters()]
    for mine, theirs in zip(averaged.parameters(), model.parameters(), strict=True):
        assert mine is not theirs


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize(
    "functions",
    [
        {"avg_fn": optim.get_ema_avg_fn(0.75)},
        {"multi_avg_fn": optim.get_ema_multi_avg_fn(0.75)},
        {"avg_fn": lambda average, parameter, count: 0.75 * average + 0.25 * parameter},
    ],
)
def test_the_exponential_average(functions, use_buffers, rng):
    model = WithBuffers()
    averaged = optim.AveragedModel(model, use_buffers=use_buffers, **functions)
    expected = None
    for state in walk(model, 6, rng):
        averaged.update_parameters(model)
        expected = state if expected is None else {k: 0.75 * expected[k] + 0.25 * state[k] for k in state}
    for name, value in averaged.module.named_parameters():
        np.testing.assert_allclose(value.detach().numpy(), expected[name], rtol=1e-5)
    np.testing.assert_allclose(
        averaged.module.scale.numpy(), expected["scale"] if use_buffers else state["scale"], rtol=1e-5
    )
    assert averaged.module.count.item() == state["count"]  # a count is no average


def test_it_is_used_like_the_model(rng):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    averaged = optim.AveragedModel(model)
    averaged.update_parameters(model)
    assert averaged.eval() is averaged
    assert not averaged.training
    assert model.training
    x = pb.tensor(rng.normal(size=(5, 3)).astype(np.float32))
    np.testing.assert_array_equal(averaged(x).numpy(), model.eval()(x).numpy())
    assert averaged.train().training
    assert next(name for name, _ in averaged.named_parameters()) == "module.0.weight"
    assert "n_averaged=1" in repr(averaged)


@pytest.mark.parametrize(
    "functions",
    [{}, {"avg_fn": optim.get_ema_avg_fn(0.5)}, {"multi_avg_fn": optim.get_ema_multi_avg_fn(0.5)}],
)
def test_it_can_be_pickled_and_copied(functions, rng):
    model = nn.Linear(2, 2)
    averaged = optim.AveragedModel(model, **functions)
    averaged.update_parameters(model)
    others = [pickle.loads(pickle.dumps(averaged)), copy.deepcopy(averaged)]
    for _ in walk(model, 3, rng):
        for one in (averaged, *others):
            one.update_parameters(model)
    for one in others:
        assert one.n_averaged == 4
        np.testing.assert_array_equal(
            one.module.weight.detach().numpy(), averaged.module.weight.detach().numpy()
        )


def test_its_state_goes_through_a_file(tmp_path, rng):
    model = WithBuffers()
    averaged, again = optim.AveragedModel(model), optim.AveragedModel(model)
    for _ in walk(model, 3, rng):
        averaged.update_parameters(model)
    pb.save(averaged.state_dict(), tmp_path / "averages.safetensors")
    again.load_state_dict(pb.load(tmp_path / "averages.safetensors"))
    for _ in walk(model, 2, rng):
        averaged.update_parameters(model)
        again.update_parameters(model)
    assert again.n_averaged == 5
    for mine, theirs in zip(again.parameters(), averaged.parameters(), strict=True):
        np.testing.assert_array_equal(mine.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s.pop("n_averaged"), ValueError, "number of updates under 'n_averaged'"),
        (lambda s: s.update(weight=pb.ones(2)), ValueError, "start with 'module.', and not 'weight'"),
        (lambda s: s.pop("module.scale"), RuntimeError, "missing: 'scale'"),
    ],
)
def test_states_that_do_not_fit(change, error, message):
    averaged = optim.AveragedModel(WithBuffers())
    averaged.update_parameters(averaged.module)
    state = averaged.state_dict()
    change(state)
    with pytest.raises(error, match=message):
        averaged.load_state_dict(state)
    assert averaged.n_averaged == 1


def test_another_models_parameters_are_refused():
    averaged = optim.AveragedModel(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="only one of them has the parameter 'bias'"):
        averaged.update_parameters(nn.Linear(2, 2, bias=False))
    with pytest.raises(ValueError, match=r"'weight' has shape \(2, 2\), and the model's parameter \(2, 3\)"):
        averaged.update_parameters(nn.Linear(3, 2))
    assert averaged.n_averaged == 0


def test_bad_settings():
    with pytest.raises(ValueError, match="not both"):
        optim.AveragedModel(nn.Linear(1, 1), None, optim.get_swa_avg_fn(), optim.get_swa_multi_avg_fn())
    with pytest.raises(ValueError, match="one device here, the 'cpu', and not 'cuda'"):
        optim.AveragedModel(nn.Linear(1, 1), "cuda")
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\], not 1.5"):
        optim.get_ema_avg_fn(1.5)


def batches(rng):
    return [(pb.tensor(rng.normal(2, 3, size=(8, 3)).astype(np.float32)), None) for _ in range(4)]


@pytest.mark.parametrize("wrap", [lambda model: model, optim.AveragedModel])
def test_update_bn_gives_the_mean_of_the_batches_statistics(wrap, rng):
    model = wrap(nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4, momentum=0.3)), nn.ReLU()))
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm1d))
    linear = next(m for m in model.modules() if isinstance(m, nn.Linear))
    model.eval()
    norm.training = True
    loader = batches(rng)
    optim.update_bn(loader, model)
    with pb.no_grad():
        hidden = [linear(x).numpy() for x, _ in loader]
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean([h.mean(0) for h in hidden], 0), rtol=1e-4)
    np.testing.assert_allclose(
        norm.running_var.numpy(), np.mean([h.var(0, ddof=1) for h in hidden], 0), rtol=1e-4
    )
    assert norm.num_batches_tracked.item() == 4
    assert norm.momentum == 0.3
    assert norm.training
    assert not linear.training


def test_update_bn_without_batches_or_norms(rng):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model(batches(rng)[0][0])
    before = model[1].running_mean.tolist()
    with pytest.raises(ValueError, match="the loader gave no batches"):
        optim.update_bn([], model)
    assert model[1].running_mean.tolist() == before
    assert model[1].momentum == 0.1
    plain = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False))
    optim.update_bn(iter([]), plain)  # there is nothing to update


def test_instance_norms_keep_their_statistics(rng):
    model = nn.Sequential(nn.InstanceNorm1d(3, track_running_stats=True), nn.BatchNorm1d(3))
    x = pb.tensor(rng.normal(size=(4, 3, 5)).astype(np.float32))
    optim.update_bn([x], model)
    assert model[0].momentum == 0.1
    assert model[1].num_batches_tracked.item() == 1


def test_stochastic_weight_averaging_trains(rng):
    """The whole recipe: a decaying rate, then SWALR and averages, then the batch statistics."""
    x = pb.tensor(rng.normal(size=(64, 2)).astype(np.float32))
    y = pb.asarray((x.numpy()[:, 0] * x.numpy()[:, 1] > 0).astype(int))
    model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    decay = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)
    swa = optim.swa_utils.SWALR(optimizer, swa_lr=0.1, anneal_epochs=3)
    averaged, loss = optim.AveragedModel(model), nn.CrossEntropyLoss()
    for epoch in range(40):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
        if epoch < 25:
            decay.step()
        else:
            averaged.update_parameters(model)
            swa.step()
    optim.update_bn([x], averaged)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    assert loss(averaged.eval()(x), y).item() < 0.2
