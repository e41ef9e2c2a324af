"""SGD and Adam: the first steps by hand, groups, state, refusals."""

import copy

import numpy as np
import pytest

import pullback as pb
from pullback import optim

RULES = [
    pytest.param(
        lambda params, rule=rule, options=options: rule(params, **options), id=f"{rule.__name__} {options}"
    )
    for rule, options in [
        (optim.SGD, {"lr": 0.1}),
        (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
        (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (optim.Adagrad, {"lr": 0.5, "lr_decay": 1e-4}),
        (optim.RMSprop, {"lr": 0.01}),
        (optim.RMSprop, {"lr": 0.001, "centered": True, "momentum": 0.9}),
        (optim.Adadelta, {"lr": 10.0}),
        (optim.Rprop, {"lr": 0.1}),
        (optim.Adam, {"lr": 0.1}),
        (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.01}),
        (optim.AdamW, {"lr": 0.1, "weight_decay": 0.1}),
        (optim.Adamax, {"lr": 0.1}),
        (optim.NAdam, {"lr": 0.1}),
        (optim.RAdam, {"lr": 0.1}),
        (optim.ASGD, {"lr": 0.1, "t0": 100}),
        (optim.Lion, {"lr": 0.01, "betas": (0.9, 0.9)}),
        (optim.Adafactor, {"lr": 0.1}),
    ]
]


def leaf(*values, dtype=np.float64):
    return pb.tensor(np.array(values, dtype), requires_grad=True)


def read_only():
    return pb.asarray(np.broadcast_to(np.ones(1), (3,))).requires_grad_()


def bowl_step(optimizer, *params):
    """One step down Σ w²·(1, 2, …)."""
    optimizer.zero_grad()
    sum((p * p * np.arange(1, p.size + 1)).sum() for p in params).backward()
    optimizer.step()


# the rules


def test_sgd_by_hand():
    w = leaf(1.0, -2.0)
    bowl_step(optim.SGD([w], lr=0.1), w)
    np.testing.assert_allclose(w.tolist(), [1 - 0.1 * 2, -2 + 0.1 * 8])


def test_momentum_dampening_and_decay_by_hand():
    w, value, velocity = leaf(1.0), 1.0, None
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.25)
    for _ in range(3):
        bowl_step(optimizer, w)
        g = 2 * value + 0.25 * value
        velocity = g if velocity is None else 0.9 * velocity + 0.5 * g
        value -= 0.1 * velocity
        assert w.item() == pytest.approx(value, rel=1e-14)


def test_nesterov_by_hand():
    w, value, velocity = leaf(1.0), 1.0, 0.0
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(3):
        bowl_step(optimizer, w)
        velocity = 0.9 * velocity + 2 * value
        value -= 0.1 * (2 * value + 0.9 * velocity)
        assert w.item() == pytest.approx(value, rel=1e-14)


def test_adam_by_hand():
    w, value, mean, square = leaf(1.0), 1.0, 0.0, 0.0
    optimizer = optim.Adam([w], lr=0.1, betas=(0.8, 0.9), eps=0.01)
    for t in range(1, 4):
        bowl_step(optimizer, w)
        mean = 0.8 * mean + 0.2 * 2 * value
        square = 0.9 * square + 0.1 * (2 * value) ** 2
        value -= 0.1 * (mean / (1 - 0.8**t)) / ((square / (1 - 0.9**t)) ** 0.5 + 0.01)
        assert w.item() == pytest.approx(value, rel=1e-14)


def test_amsgrad_keeps_the_largest_square():
    w = leaf(0.0)
    plain, largest = leaf(0.0), leaf(0.0)
    optimizers = [(plain, optim.Adam([plain], lr=0.1, betas=(0, 0.5)))]
    optimizers.append((largest, optim.Adam([largest], lr=0.1, betas=(0, 0.5), amsgrad=True)))
    for gradient in (10.0, 0.1, 0.1):
        for w, optimizer in optimizers:
            w.grad = pb.tensor(np.array([gradient]))
            optimizer.step()
    squares = [50.0, 25.005, 12.5075]
    expected = -sum(0.1 * g / (50.0 / (1 - 0.5**t)) ** 0.5 for t, g in enumerate((10.0, 0.1, 0.1), 1))
    assert largest.item() == pytest.approx(expected, rel=1e-6)
    expected = -sum(
        0.1 * g / (v / (1 - 0.5**t)) ** 0.5
        for t, (g, v) in enumerate(zip((10, 0.1, 0.1), squares, strict=True), 1)
    )
    assert plain.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rule", [optim.SGD, optim.Adam])
def test_maximize_climbs(rule):
    w, v = leaf(1.0), leaf(1.0)
    up = rule([w], lr=0.1, maximize=True)
    down = rule([v], lr=0.1)
    bowl_step(up, w)
    bowl_step(down, v)
    assert w.item() - 1 == pytest.approx(1 - v.item())
    assert w.item() > 1


@pytest.mark.parametrize("make", RULES)
def test_every_rule_finds_the_bottom(make):
    w = leaf(1.0, -2.0)
    optimizer = make([w])
    for _ in range(300):
        bowl_step(optimizer, w)
    assert (w * w).sum().item() < 0.01 * 5.0


@pytest.mark.parametrize("make", RULES)
def test_the_updates_are_pure(make):
    optimizer = make([leaf(1.0)])
    rng = np.random.default_rng(0)
    parameter, gradient = rng.normal(size=(2, 3, 2))
    arguments = parameter.copy(), gradient.copy()
    options = optimizer.defaults
    value, state = optimizer.update(parameter, gradient, {}, **options)
    kept = copy.deepcopy(state)
    again = optimizer.update(value, gradient, state, **options)
    np.testing.assert_array_equal((parameter, gradient), arguments)
    for name, entry in kept.items():
        np.testing.assert_array_equal(state[name], entry)
    np.testing.assert_array_equal(again[0], optimizer.update(value, gradient, kept, **options)[0])
    assert not any(np.shares_memory(entry, gradient) for entry in state.values() if np.ndim(entry))


@pytest.mark.parametrize("make", RULES)
def test_dtypes_and_shapes_are_kept(make):
    params = [pb.tensor(np.ones(shape, np.float32), requires_grad=True) for shape in ((), (2, 0), (2, 3))]
    optimizer = make(params)
    for _ in range(2):
        optimizer.zero_grad()
        sum((p * p).sum() for p in params).backward()
        optimizer.step()
    for p in params:
        assert p.dtype == np.float32
        for name, entry in optimizer.state[p].items():
            if not isinstance(entry, (int, float)):
                assert (entry.dtype, entry.shape) == (np.float32, optimizer.state_shapes(p)[name])


# steps


def test_a_parameter_without_a_gradient_is_left_alone():
    w, v = leaf(1.0), leaf(1.0)
    optimizer = optim.Adam([w, v], lr=0.1)
    bowl_step(optimizer, w)
    assert v.item() == 1.0
    assert list(optimizer.state) == [w]


def test_zero_grad():
    w, v = leaf(1.0), leaf(1.0)
    optimizer = optim.SGD([w, v])
    (w * 2).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0.0]
    assert v.grad is None
    optimizer.zero_grad()
    assert w.grad is None


def test_a_closure_runs_with_gradients_and_its_loss_is_returned():
    w = leaf(1.0)
    optimizer = optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with pb.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert w.item() == pytest.approx(0.8)
    assert optimizer.step() is None


def test_a_step_between_forward_and_backward_is_noticed():
    w = leaf(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    bowl_step(optimizer, w)
    loss = (w * w).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="overwritten"):
        loss.backward()


# groups


def test_groups_have_their_own_options():
    w, v, u = leaf(1.0), leaf(1.0), leaf(1.0)
    optimizer = optim.SGD([{"params": [w]}, {"params": v, "lr": 0.2}], lr=0.1)
    optimizer.add_param_group({"params": [u], "weight_decay": 1.0})
    bowl_step(optimizer, w, v, u)
    assert [w.item(), v.item(), u.item()] == pytest.approx([0.8, 0.6, 0.7])
    optimizer.param_groups[0]["lr"] = 1.0
    bowl_step(optimizer, w)
    assert w.item() == pytest.approx(-0.8)


def test_generators_of_parameters_are_taken():
    w = leaf(1.0)
    optimizer = optim.SGD((p for p in [w]), lr=0.1)
    assert optimizer.param_groups[0]["params"] == [w]
    assert "momentum: 0" in repr(optimizer)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (list, ValueError, "list of parameters is empty"),
        (lambda: leaf(1.0), TypeError, "not as a single Tensor"),
        (lambda: {leaf(1.0)}, TypeError, "in a fixed order.*not as a set"),
        (lambda: pb.nn.Linear(1, 1), TypeError, r"model.parameters\(\).*not as a Linear"),
        (lambda: 3, TypeError, "not as a int"),
        (lambda: [np.ones(2)], TypeError, "parameter 0 of group 0 is a ndarray"),
        (lambda: [(0, leaf(1.0))], TypeError, "parameter 0 of group 0 is a tuple"),
        (lambda: [("w", leaf(1.0)), leaf(1.0)], TypeError, "some parameters of group 0 have names"),
        (
            lambda: [pb.tensor([1j], requires_grad=True)],
            ValueError,
            "parameter 0 of group 0 is complex64.*real",
        ),
        (lambda: [pb.tensor([1])], ValueError, "parameter 0 of group 0 is int64.*floating"),
        (lambda: [read_only()], ValueError, "parameter 0 of group 0 has memory that is read-only"),
        (lambda: [{"params": []}], ValueError, "list of parameters is empty.*ModuleList"),
        (lambda: [leaf(1.0), leaf(1.0) * 2], ValueError, "parameter 1 of group 0 was computed"),
        (lambda: [{"lr": 0.1}], TypeError, "a parameter group is a dict"),
        (lambda: [{"params": [leaf(1.0)], "beta": 1}], TypeError, "has no option 'beta'; it has 'lr'"),
        (lambda: [{"params": [leaf(1.0)], "lr": -1}], ValueError, "lr must be zero or more, not -1"),
    ],
)
@pytest.mark.parametrize("rule", [optim.SGD, optim.Adam])
def test_bad_parameters_are_refused(rule, params, error, message):
    with pytest.raises(error, match=message):
        rule(params())


def test_duplicates_are_refused_and_nothing_is_added():
    w, v = leaf(1.0), leaf(2.0)
    with pytest.raises(ValueError, match=r"parameter 1 of group 0 .* was given before"):
        optim.SGD([w, w])
    optimizer = optim.SGD([w])
    with pytest.raises(ValueError, match=r"parameter 1 of group 1 .* was given before"):
        optimizer.add_param_group({"params": [v, w]})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (optim.SGD, {"lr": -0.1}, "lr must be zero or more, not -0.1"),
        (optim.SGD, {"lr": float("nan")}, "lr must be"),
        (optim.SGD, {"momentum": -0.1}, "momentum must be"),
        (optim.SGD, {"weight_decay": -0.1}, "weight_decay must be"),
        (optim.SGD, {"nesterov": True}, "nesterov=True needs momentum"),
        (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "no dampening"),
        (optim.Adam, {"lr": -1}, "lr must be"),
        (optim.Adam, {"eps": -1}, "eps must be"),
        (optim.Adam, {"weight_decay": -1}, "weight_decay must be"),
        (optim.Adam, {"betas": (1.0, 0.9)}, r"betas must be two numbers in \[0, 1\), not \(1.0, 0.9\)"),
        (optim.Adam, {"betas": (0.9, -0.1)}, "betas must be"),
        (optim.Adam, {"betas": (0.9,)}, "betas must be"),
        (optim.Adam, {"betas": 0.9}, "betas must be two numbers.*not 0.9"),
        (optim.Adam, {"betas": ("a", 0.9)}, "betas must be"),
    ],
)
def test_options_out_of_range_are_refused(rule, options, message):
    with pytest.raises(ValueError, match=message):
        rule([leaf(1.0)], **options)


def test_options_that_are_no_numbers_are_refused():
    for value in ("0.1", None, np.ones(3), 1j):
        with pytest.raises(TypeError, match="lr must be a number, not a"):
            optim.SGD([leaf(1.0)], lr=value)
    optim.SGD([leaf(1.0)], lr=pb.tensor(0.1))
    optim.SGD([leaf(1.0)], lr=np.float32(0.1))


# state


@pytest.mark.parametrize("make", RULES)
def test_training_goes_on_from_a_saved_state_as_if_nothing_had_happened(make):
    w, v = leaf(1.0, 2.0), leaf(3.0)
    optimizer = make([{"params": [w]}, {"params": [v], "lr": 0.05}])
    for _ in range(3):
        bowl_step(optimizer, w, v)
    values, state = (w.tolist(), v.tolist()), optimizer.state_dict()
    for _ in range(3):
        bowl_step(optimizer, w, v)
    w2, v2 = leaf(*values[0]), leaf(*values[1])
    again = make([{"params": [w2]}, {"params": [v2]}])
    again.load_state_dict(state)
    assert again.param_groups[1]["lr"] == 0.05
    for _ in range(3):
        bowl_step(again, w2, v2)
    assert (w2.tolist(), v2.tolist()) == (w.tolist(), v.tolist())


def test_the_state_dict_has_the_known_layout():
    w, v = leaf(1.0), leaf(2.0)
    optimizer = optim.Adam([{"params": [w]}, {"params": [v]}])
    bowl_step(optimizer, v)
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert list(state["state"]) == [1]
    assert list(state["state"][1]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["param_groups"][0]["betas"] == (0.9, 0.999)


def test_a_loaded_state_is_a_copy():
    w, v = leaf(1.0), leaf(1.0)
    first, second = optim.Adam([w]), optim.Adam([v])
    bowl_step(first, w)
    state = first.state_dict()
    second.load_state_dict(state)
    state["state"][0]["exp_avg"][...] = 99.0
    assert second.state[v]["exp_avg"] == pytest.approx(0.2)


def test_a_state_of_an_older_pytorch_is_completed():
    w = leaf(1.0)
    optimizer = optim.AdamW([w])
    bowl_step(optimizer, w)
    state = optimizer.state_dict()
    group = state["param_groups"][0]
    del group["decoupled_weight_decay"], group["maximize"]
    group |= {"foreach": None, "capturable": False, "initial_lr": 0.5, "lr": 0.25}
    optimizer.load_state_dict(state)
    loaded = optimizer.param_groups[0]
    assert loaded["decoupled_weight_decay"] is True
    assert (loaded["maximize"], loaded["initial_lr"], loaded["lr"]) == (False, 0.5, 0.25)
    assert "foreach" not in loaded


def damaged(change):
    w = leaf(1.0, 2.0)
    optimizer = optim.Adam([w])
    bowl_step(optimizer, w)
    state = copy.deepcopy(optimizer.state_dict())
    return change(state) or state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"state": {}}, "keys 'state' and 'param_groups'"),
        (
            lambda s: s["param_groups"].append(s["param_groups"][0]),
            "has 2 parameter groups, and the optimiser 1",
        ),
        (lambda s: s["param_groups"][0].pop("betas") and None, "group 0 of the state has the options"),
        (lambda s: s["param_groups"][0].update(params=[0, 1]), r"parameters \[0, 1\].*of \[0\]|of \[0\]"),
        (lambda s: s["param_groups"][0].update(lr=-1), "lr must be"),
        (lambda s: s["state"].update({5: {}}), "has a parameter 5, and the optimiser 1 in all"),
        (lambda s: s["state"][0].update(exp_avg=np.zeros(3)), r"'exp_avg' of parameter 0 is float64\[3\]"),
        (lambda s: s["state"][0].update(exp_avg=np.zeros(2, int)), r"is int64\[2\] in the state"),
        (lambda s: s["state"][0].update(step="3"), "'step' of parameter 0 .* must be a number"),
        (lambda s: s["state"][0].update(step=np.ones(3)), "'step' of parameter 0 .* must be a number"),
        (lambda s: s["state"].update({0: "x"}), "the state of parameter 0 is not a dict, but str"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(change, message):
    w = leaf(1.0, 2.0)
    optimizer = optim.Adam([w], lr=0.5)
    bowl_step(optimizer, w)
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(damaged(change))
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    np.testing.assert_array_equal(after["state"][0]["exp_avg"], before["state"][0]["exp_avg"])


@pytest.mark.parametrize("name", ["d", "old_dirs", "prev_flat_grad"])
def test_vectors_of_another_length_are_refused(name):
    w, v = leaf(1.0, 2.0), leaf(3.0)
    optimizer = optim.LBFGS([w, v])

    def closure():
        optimizer.zero_grad()
        loss = (w**4).sum() + v * v
        loss.backward()
        return loss

    optimizer.step(closure)
    optimizer.load_state_dict(optimizer.state_dict())  # fits
    state = copy.deepcopy(optimizer.state_dict())
    state["state"][0][name] = [np.ones(5)] if name == "old_dirs" else np.ones(5)
    with pytest.raises(ValueError, match=rf"'{name}' of parameter 0 is float64\[5\] .* needs \[3\]"):
        optimizer.load_state_dict(state)


def test_the_base_alone_has_no_rule():
    w = leaf(1.0)
    optimizer = optim.Optimizer([w], {"lr": 0.1})
    (w * w).sum().backward()
    with pytest.raises(NotImplementedError, match="has no update"):
        optimizer.step()
    assert w.item() == 1.0


@pytest.mark.parametrize("rule", [optim.SGD, optim.Adam])
def test_frozen_parameters_are_left_alone_until_they_thaw(rule):
    frozen, free = (pb.tensor(1.0, requires_grad=True) for _ in range(2))
    frozen.grad = pb.tensor(5.0, dtype=frozen.dtype)  # from before it was frozen
    frozen.requires_grad_(False)
    optimizer = rule([frozen, free], lr=0.5)
    (frozen * free).backward()
    optimizer.step()
    assert frozen.item() == 1.0
    assert free.item() != 1.0
    frozen.requires_grad_()
    optimizer.step()
    assert frozen.item() != 1.0


# diagnostics and guards


def test_update_ratios_are_those_of_the_last_step():
    w, v, still = leaf(3.0, 4.0), pb.tensor(np.ones(20_000), requires_grad=True), leaf(1.0)
    optimizer = optim.AdamW([w, v, still], lr=0.01, weight_decay=0.5)
    with pytest.raises(RuntimeError, match="no step has been made"):
        optimizer.update_ratios()
    for _ in range(3):
        before = [p.detach().numpy().copy() for p in (w, v)]
        bowl_step(optimizer, w, v)
    ratios = optimizer.update_ratios()
    assert list(ratios) == [w, v]
    for p, old in zip((w, v), before, strict=True):
        expected = np.linalg.norm(p.detach().numpy() - old) / np.linalg.norm(old)
        assert ratios[p] == pytest.approx(expected, rel=1e-6)
        assert type(ratios[p]) is float


def test_the_ratio_of_a_parameter_that_was_zero():
    w, v = leaf(0.0, 0.0), leaf(0.0)
    optimizer = optim.SGD([w, v], lr=0.5)
    w.grad, v.grad = pb.tensor(np.ones(2)), pb.tensor(np.zeros(1))
    optimizer.step()
    assert optimizer.update_ratios()[w] == np.inf
    assert np.isnan(optimizer.update_ratios()[v])


def test_a_step_without_any_gradient_is_refused():
    w, v = leaf(1.0), leaf(1.0)
    optimizer = optim.SGD([w, v])
    with pytest.raises(RuntimeError, match=r"no parameter has a gradient.*backward\(\) first$"):
        optimizer.step()
    v.grad = pb.tensor(np.ones(1))
    v.requires_grad_(False)
    with pytest.raises(RuntimeError, match="1 of the parameters are frozen"):
        optimizer.step()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_step_that_is_not_finite_is_skipped_if_asked(bad):
    w, v = leaf(1.0, 2.0), leaf(3.0)
    optimizer = optim.Adam([w, v], lr=0.1)
    bowl_step(optimizer, w, v)
    before, state = (w.tolist(), v.tolist()), optimizer.state_dict()
    optimizer.skip_nonfinite = True
    w.grad, v.grad = pb.tensor(np.array([1.0, bad])), pb.tensor(np.ones(1))
    with pytest.warns(RuntimeWarning, match="skipped and nothing was changed: the gradient of parameter 0"):
        optimizer.step()
    assert (w.tolist(), v.tolist()) == before
    assert optimizer.state[w]["step"] == state["state"][0]["step"]
    w.grad = pb.tensor(np.ones(2))
    optimizer.step()
    assert optimizer.state[w]["step"] == 2
    optimizer.skip_nonfinite = False
    w.grad = pb.tensor(np.array([1.0, bad]))
    optimizer.step()
    assert not np.isfinite(w.tolist()[1])


def test_named_parameters():
    model = pb.nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters())
    assert optimizer.param_groups[0]["params"] == list(model.parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    again = optim.SGD(model.parameters())
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["param_names"] == ["weight", "bias"]


def test_a_gradient_with_a_graph_and_a_scalar_parameter_are_updated_like_any():
    w = pb.tensor(np.float64(2.0), requires_grad=True)
    (w**3).backward(create_graph=True)
    assert w.grad.requires_grad
    optim.SGD([w], lr=0.1).step()
    assert w.item() == pytest.approx(2 - 0.1 * 12)
    assert w.requires_grad


# files


def test_states_become_flat_tensors_and_back(tmp_path):
    state = {
        "state": {0: {"step": 3, "a": np.ones((2, 1)), "b": [np.zeros(1), 2.5]}, 2: {"x": pb.tensor([1.0])}},
        "param_groups": [{"betas": (0.9, 0.5), "eps": (None, np.float64(0.1)), "on": True, "params": [0]}],
        "infinite": [float("inf"), -1],
    }
    flat = optim.flatten_state(state)
    assert set(flat) == {"state.0.a", "state.0.b.0", "state.2.x", "structure"}
    pb.save(flat, tmp_path / "state")
    again = optim.unflatten_state(pb.load(tmp_path / "state"))
    assert again["param_groups"] == [{"betas": (0.9, 0.5), "eps": (None, 0.1), "on": True, "params": [0]}]
    assert again["infinite"] == [float("inf"), -1]
    assert list(again["state"]) == [0, 2]
    assert again["state"][0]["step"] == 3
    assert again["state"][0]["b"][1] == 2.5
    np.testing.assert_array_equal(again["state"][0]["a"], np.ones((2, 1)))


def test_what_cannot_be_flattened_is_named():
    with pytest.raises(TypeError, match=r"groups\.0\.f is a function"):
        optim.flatten_state({"groups": [{"f": leaf}]})
    with pytest.raises(TypeError, match="x has keys that are neither"):
        optim.flatten_state({"x": {1.5: 2}})


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"structure": np.frombuffer(b'{"array": "gone"}', np.uint8)},
        {"structure": np.frombuffer(b'{"set": [1]}', np.uint8)},
        {"structure": np.frombuffer(b'{"dict": [1], "list": []}', np.uint8)},
        {"structure": np.frombuffer(b"{", np.uint8)},
        {"structure": np.array([0.5, np.nan])},
    ],
)
def test_tensors_that_are_no_state_are_refused(tensors):
    with pytest.raises(ValueError, match="no state that flatten_state has made"):
        optim.unflatten_state(tensors)


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (optim.Adagrad, {"lr_decay": -1}, "lr_decay must be"),
        (optim.Adagrad, {"initial_accumulator_value": -1}, "initial_accumulator_value must be"),
        (optim.RMSprop, {"alpha": -0.1}, "alpha must be"),
        (optim.RMSprop, {"momentum": -0.1}, "momentum must be"),
        (optim.Adadelta, {"rho": 1.5}, "rho must be between 0 and 1, not 1.5"),
        (optim.Rprop, {"etas": (0.5, 0.9)}, "etas must be two numbers"),
        (optim.Rprop, {"lr": -1}, "lr must be"),
        (optim.AdamW, {"betas": (0.9, 1.0)}, "betas must be"),
        (optim.Adamax, {"eps": -1}, "eps must be"),
        (optim.NAdam, {"momentum_decay": -1}, "momentum_decay must be"),
        (optim.RAdam, {"weight_decay": -1}, "weight_decay must be"),
        (optim.ASGD, {"weight_decay": -1}, "weight_decay must be"),
        (optim.Lion, {"betas": (-0.1, 0.9)}, "betas must be"),
        (optim.Adafactor, {"beta2_decay": 0.5}, "beta2_decay must be zero or less"),
        (optim.Adafactor, {"d": 0.5}, "d must be one or more"),
        (optim.Adafactor, {"eps": (-1.0, 0.1)}, "eps must be"),
        (optim.SparseAdam, {"lr": 0}, "lr must be above zero"),
        (optim.SparseAdam, {"eps": 0}, "eps must be above zero"),
        (optim.SparseAdam, {"betas": (0.5, 1)}, "betas must be"),
    ],
)
def test_other_options_out_of_range_are_refused(rule, options, message):
    w = leaf(1.0)
    with pytest.raises(ValueError, match=message):
        rule([w], **options)
    optimizer = rule([w])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [leaf(1.0)], **options})
    assert len(optimizer.param_groups) == 1


def test_equal_paths_in_a_state_keep_their_arrays_apart():
    state = {"a": {"b.c": np.ones(2)}, "a.b": {"c": np.zeros(3)}}
    again = optim.unflatten_state(optim.flatten_state(state))
    np.testing.assert_array_equal(again["a"]["b.c"], np.ones(2))
    np.testing.assert_array_equal(again["a.b"]["c"], np.zeros(3))
