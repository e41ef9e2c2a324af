"""Updates of many parameters as one: the same results as the rules themselves, whatever happens in between."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import optim
from pullback.autograd.extend import every_size, replace_memory, writable
from pullback.optim import packing, program

RULES = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01, "maximize": True}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.01}),
    (optim.RMSprop, {"centered": True, "momentum": 0.9}),
    (optim.Adadelta, {"weight_decay": 0.01}),
    (optim.Rprop, {}),
    (optim.Adam, {"lr": 0.1}),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.01, "maximize": True}),
    (optim.AdamW, {"lr": 0.1, "weight_decay": 0.1}),
    (optim.Adamax, {"weight_decay": 0.01}),
    (optim.NAdam, {"weight_decay": 0.01, "decoupled_weight_decay": True}),
    (optim.RAdam, {"betas": (0.9, 0.9)}),
    (optim.ASGD, {"t0": 2, "lambd": 0.01}),
    (optim.Lion, {"lr": 0.1, "weight_decay": 0.1}),
]
IDS = [f"{rule.__name__} {options}" for rule, options in RULES]
SHAPES = [(), (3,), (2, 0), (4, 5), (30, 7), (1,)]


class Mirror:
    """An optimiser, and the same training by its rule alone, parameter by parameter."""

    def __init__(self, rule, options, arrays):
        self.params = [pb.tensor(a, requires_grad=True) for a in arrays]
        self.optimizer = rule(self.params, **options)
        self.values = [np.array(a) for a in arrays]
        self.states = [{} for _ in arrays]
        self.rng = np.random.default_rng(7)

    def step(self, without=()):
        """One step with random gradients, and none for some parameters."""
        options = {name: self.optimizer.param_groups[0][name] for name in self.optimizer.defaults}
        for i, parameter in enumerate(self.params):
            gradient = self.rng.normal(size=parameter.shape).astype(parameter.dtype)
            parameter.grad = None if i in without else pb.tensor(gradient, dtype=parameter.dtype)
            if i not in without and parameter.requires_grad:
                value, self.states[i] = self.optimizer.update(
                    self.values[i], gradient, self.states[i], **options
                )
                self.values[i] = np.asarray(value, self.values[i].dtype)
        self.optimizer.step()

    def check(self):
        """Both are equal, bit for bit."""
        for parameter, value, state in zip(self.params, self.values, self.states, strict=True):
            np.testing.assert_array_equal(parameter.detach().numpy(), value, strict=True)
            ours = self.optimizer.state[parameter]
            assert list(ours) == list(state)
            for name, entry in state.items():
                np.testing.assert_array_equal(ours[name], entry)
                if name in self.optimizer.shapes_like_parameter:
                    assert ours[name].dtype == parameter.dtype
                    assert ours[name].shape == parameter.shape


@pytest.fixture
def small_pieces(monkeypatch):
    """Parameters of twenty elements are large, and a piece holds a few: all paths at small sizes."""
    monkeypatch.setattr(packing, "LARGE", 20)
    monkeypatch.setattr(packing, "DIRECT", 0)
    monkeypatch.setattr(program, "PIECE", 128)


def arrays(dtype, rng):
    every = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    return [*every, np.asfortranarray(rng.normal(size=(6, 5)).astype(dtype))]


@pytest.mark.parametrize(("rule", "options"), RULES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_step_is_the_rule_bit_for_bit(rule, options, dtype, rng):
    both = Mirror(rule, options, arrays(dtype, rng))
    for _ in range(4):
        both.step()
        both.check()


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(("rule", "options"), RULES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_programs_run_the_rule_bit_for_bit(rule, options, dtype, rng):
    both = Mirror(rule, options, arrays(dtype, rng))
    for number in range(6):
        both.step(without={1} if number in (2, 3) else ())
        both.check()


def test_sizes_as_they_are_met(rng):
    sizes = (packing.LARGE, packing.DIRECT, 3 * program.PIECE // 4 + 5)
    both = Mirror(optim.Adam, {"weight_decay": 0.1}, [rng.normal(size=n).astype("f") for n in (3, *sizes)])
    for _ in range(2):
        both.step()
        both.check()


def test_numbers_of_numpy_and_tensors_serve_as_options(rng):
    both = Mirror(optim.Adam, {"lr": 0.1}, [np.ones(3, np.float32)])
    other = Mirror(optim.Adam, {"lr": np.float64(0.1)}, [np.ones(3, np.float32)])
    other.optimizer.param_groups[0]["eps"] = pb.tensor(1e-8, dtype="float64")
    for each in (both, other):
        each.optimizer.step, step = each.optimizer.step, each.optimizer.step
        each.params[0].grad = pb.tensor([1.0, 2.0, 3.0])
        step()
    assert both.params[0].tolist() == other.params[0].tolist()
    assert other.params[0].dtype == np.float32


# what happens between two steps


@pytest.fixture
def both(rng, small_pieces):
    mirror = Mirror(optim.Adam, {"lr": 0.1, "amsgrad": True}, arrays(np.float32, rng))
    for _ in range(2):
        mirror.step()
    return mirror


def go_on(both):
    for _ in range(2):
        both.step()
        both.check()


def test_parameters_keep_their_memory(both):
    kept = [p.detach() for p in both.params]
    buffers = [writable(p) for p in both.params]
    go_on(both)
    for p, view, buffer in zip(both.params, kept, buffers, strict=True):
        assert writable(p) is buffer
        np.testing.assert_array_equal(view.numpy(), p.detach().numpy())


def test_missing_gradients(both):
    both.step(without={0, 3})
    both.step(without={3, 6})
    both.check()
    go_on(both)


def test_writes_into_parameters_and_states(both):
    with pb.no_grad():
        both.params[3][1] = 7.0
    both.values[3][1] = 7.0
    both.optimizer.state[both.params[1]]["exp_avg"][...] = 5.0
    both.states[1]["exp_avg"] = np.full_like(both.states[1]["exp_avg"], 5.0)
    go_on(both)


def test_a_replaced_state(both):
    for i in (1, 3):
        both.optimizer.state[both.params[i]]["exp_avg"] = np.ones(both.params[i].shape)
        both.states[i]["exp_avg"] = np.ones(both.params[i].shape, np.float32)
    both.optimizer.state[both.params[4]] = both.states[4] = {}
    both.optimizer.state[both.params[2]]["step"] = both.states[2]["step"] = 100
    go_on(both)


def test_a_forgotten_state(both):
    both.optimizer.state.clear()
    both.states = [{} for _ in both.states]
    go_on(both)


def test_a_loaded_state(both):
    saved, states = both.optimizer.state_dict(), copy.deepcopy(both.states)
    go_on(both)
    both.optimizer.load_state_dict(saved)
    both.states = states
    go_on(both)


def test_another_dtype(both):
    for i in (3, 4):
        parameter = both.params[i]
        replace_memory(parameter, parameter.detach().numpy().astype(np.float64))
        both.values[i] = both.values[i].astype(np.float64)
        both.states[i] = {
            name: entry.astype(np.float64) if isinstance(entry, np.ndarray) else entry
            for name, entry in both.states[i].items()
        }
    go_on(both)


def test_other_memory(both):
    replace_memory(both.params[3], np.asfortranarray(both.values[3]))
    replace_memory(both.params[4], both.values[4].copy())
    go_on(both)
    assert writable(both.params[3]).flags.f_contiguous


def test_freezing_and_thawing(both):
    both.params[3].requires_grad_(False)
    both.params[5].requires_grad_(False)
    go_on(both)
    both.params[3].requires_grad_()
    go_on(both)


def test_parameters_that_change_groups(both):
    moved = both.optimizer.param_groups[0]["params"].pop(3)
    both.optimizer.add_param_group({"params": [moved], "lr": 0.1, "amsgrad": True})
    order = [0, 1, 2, 4, 5, 6, 3]
    both.params, both.values, both.states = (
        [every[i] for i in order] for every in (both.params, both.values, both.states)
    )
    go_on(both)


def test_leaves_that_share_memory(small_pieces):
    w = pb.tensor(np.arange(6.0), requires_grad=True)
    tied, part = w.detach().requires_grad_(), w.detach()[2:4].requires_grad_()
    optimizer = optim.SGD([w, tied, part], lr=0.1, momentum=0.5)
    for parameter in (w, tied, part):
        parameter.grad = pb.tensor(np.ones(parameter.shape))
    optimizer.step()
    expected = np.arange(6.0) - 0.2
    expected[2:4] -= 0.1
    np.testing.assert_allclose(w.detach().numpy(), expected)
    np.testing.assert_array_equal(part.detach().numpy(), w.detach().numpy()[2:4])


def test_memory_that_becomes_shared(small_pieces):
    for size in (4, 40):  # small and large
        w, v = (pb.tensor(np.zeros(size), requires_grad=True) for _ in range(2))
        optimizer = optim.SGD([w, v], lr=1.0)
        for step in range(3):
            if step == 2:
                replace_memory(v, writable(w))
            w.grad = v.grad = pb.tensor(np.ones(size))
            optimizer.step()
        assert w.tolist() == v.tolist() == [-4.0] * size


@pytest.mark.parametrize("width", [3, 100])
def test_layers_that_are_tied_in_mid_training(width):
    model = pb.nn.Sequential(*(pb.nn.Linear(width, width, bias=False) for _ in range(2))).double()
    first, second = model.parameters()
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        (model(pb.ones((2, width), dtype="float64")) ** 2).sum().backward()
        options = optimizer.defaults
        state = {name: np.copy(entry)[()] for name, entry in optimizer.state[first].items()}
        expected, _ = optim.Adam.update(first.detach().numpy(), first.grad.numpy(), state, **options)
        optimizer.step()
        np.testing.assert_array_equal(first.detach().numpy(), expected)

    step()
    step()
    model[1].weight = first
    before = second.tolist()
    step()
    step()
    assert second.tolist() == before
    assert [optimizer.state[p]["step"] for p in (first, second)] == [4, 2]


def test_groups_of_mixed_dtypes_and_a_step_count_of_any_kind(rng):
    both = Mirror(optim.Adam, {}, [np.ones(3, np.float32), np.ones(4), np.ones((2, 2), np.float32)])
    go_on(both)
    both.optimizer.state[both.params[0]]["step"] = np.array(7.0, np.float32)
    both.states[0]["step"] = 7
    go_on(both)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_train_on_their_own(both, how):
    values = [p.tolist() for p in both.params]
    optimizer = how(both.optimizer)
    twins = optimizer.param_groups[0]["params"]
    assert [p.tolist() for p in twins] == values
    go_on(both)
    assert [p.tolist() for p in twins] == values
    twin = Mirror(optim.Adam, {}, [np.ones(1)])
    twin.params, twin.optimizer = twins, optimizer
    twin.values = [p.detach().numpy().copy() for p in twins]
    twin.states = [copy.deepcopy(optimizer.state[p]) for p in twins]
    go_on(twin)


def test_a_model_that_changes_its_dtype_in_training():
    model = pb.nn.Sequential(pb.nn.Linear(3, 40), pb.nn.Tanh(), pb.nn.Linear(40, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for dtype in (np.float32, np.float64, np.float32):
        model.to(dtype)
        for _ in range(3):
            optimizer.zero_grad()
            (model(pb.ones((5, 3), dtype=dtype)) ** 2).sum().backward()
            optimizer.step()
        assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
        assert {s["exp_avg"].dtype for s in optimizer.state.values()} == {np.dtype(dtype)}


def test_resuming_in_the_middle_is_bit_equal(tmp_path, rng, small_pieces):
    start = arrays(np.float32, rng)
    gradients = [[rng.normal(size=a.shape).astype("f") for a in start] for _ in range(8)]

    def train(params, optimizer, steps):
        for step in steps:
            for p, g in zip(params, gradients[step], strict=True):
                p.grad = pb.tensor(g, dtype="float32")
            optimizer.step()

    def made():
        params = [pb.tensor(a, requires_grad=True) for a in start]
        return params, optim.NAdam([{"params": params[:3]}, {"params": params[3:], "lr": 0.1}])

    params, optimizer = made()
    train(params, optimizer, range(4))
    pb.save({str(i): p.detach() for i, p in enumerate(params)}, tmp_path / "model")
    pb.save(optim.flatten_state(optimizer.state_dict()), tmp_path / "optimizer")
    train(params, optimizer, range(4, 8))
    again, resumed = made()
    for i, p in enumerate(again):
        writable(p)[...] = pb.load(tmp_path / "model")[str(i)].numpy()
    resumed.load_state_dict(optim.unflatten_state(pb.load(tmp_path / "optimizer")))
    train(again, resumed, range(4, 8))
    for p, q in zip(params, again, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


# programs


def tangled(parameter, gradient, state, *, lr):
    """States change places, keep the old parameter, keep what is, and hold one thing twice."""
    a, b = state.get("a", 1.0 * gradient), state.get("b", 2.0 * gradient)
    kept = state.get("kept", gradient * gradient)
    late = parameter * a - b
    new = {"count": state.get("count", 0) + 1, "a": b, "b": a, "kept": kept, "before": parameter}
    new |= {"gradient": gradient, "twice": late, "again": late, "sign": np.where(late > 0, late, lr)}
    return np.where(gradient > 0, parameter - lr * late, np.minimum(parameter, a + 0.5)), new


class Tangled(optim.Optimizer):
    update = staticmethod(tangled)
    elementwise = True
    shapes_like_parameter = ("a", "b", "kept", "before", "gradient", "twice", "again", "sign")

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})


@pytest.mark.parametrize("piecewise", [False, True])
def test_tangled_rules_are_run_in_the_right_order(piecewise, rng, request):
    if piecewise:
        request.getfixturevalue("small_pieces")
    both = Mirror(Tangled, {}, arrays(np.float32, rng))
    for _ in range(4):
        both.step()
        both.check()


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda p, g, s: (p if g > 0 else g, s), "cannot branch"),
        (lambda p, g, s: (np.add.reduce(p) + g, s), "cannot use add in this way"),
        (lambda p, g, s: (np.add(p, g, out=p), s), "cannot use add in this way"),
        (lambda p, g, s: (p @ g, s), "cannot use matmul in this way"),
        (lambda p, g, s: (np.sum(p) + g, s), "cannot use np.sum"),
        (lambda p, g, s: (p - g * np.ones(3), s), "not with"),
        (lambda p, g, s: (p > g, s), "the rule gives bool for a parameter of float64"),
    ],
)
def test_rules_that_are_not_elementwise_are_refused(rule, message):
    class Wrong(optim.Optimizer):
        update = staticmethod(rule)
        elementwise = True

    w = pb.tensor(np.ones(50), requires_grad=True)
    w.grad = pb.tensor(np.ones(50))
    with pytest.raises(TypeError, match=message):
        Wrong([w], {}).step()
    assert w.tolist() == [1.0] * 50


@pytest.mark.parametrize("piecewise", [False, True])
def test_arrays_of_a_state_that_are_not_named_are_refused(piecewise, request):
    if piecewise:
        request.getfixturevalue("small_pieces")

    class Wrong(optim.Optimizer):
        update = staticmethod(lambda p, g, s: (p - g, {"mean": 1.0 * g}))
        elementwise = True

    w = pb.tensor(np.ones(50), requires_grad=True)
    w.grad = pb.tensor(np.ones(50))
    with pytest.raises(
        TypeError, match="an array 'mean' that shapes_like_parameter does not name; it names none"
    ):
        Wrong([w], {}).step()
    assert w.tolist() == [1.0] * 50


BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.copysign, np.divide]
UNARY = [np.negative, np.absolute, np.sqrt, np.sign, np.square, np.tanh, lambda x: x**2, lambda x: x**3]


@st.composite
def rules(draw):
    """A random elementwise rule with a state of three arrays."""
    steps = draw(
        st.lists(st.tuples(*[st.integers(0, 99)] * 4, st.floats(-2, 2, width=32)), min_size=1, max_size=12)
    )
    picks = draw(st.lists(st.integers(0, 99), min_size=4, max_size=4))

    def rule(parameter, gradient, state):
        pool = [parameter, gradient, *(state.get(name, gradient) for name in "abc")]
        for kind, first, second, third, number in steps:
            x, y, z = (pool[i % len(pool)] for i in (first, second, third))
            function = (kind // 5) % 8
            if kind % 5 == 0:
                pool.append(UNARY[function](x))
            elif kind % 5 == 1:
                pool.append(BINARY[function % 7](x, number))
            elif kind % 5 == 2:
                pool.append(np.where(x > y, z, number))
            elif kind % 5 == 3:
                pool.append((x < y) * z)
            else:
                pool.append(BINARY[function % 7](x, y))
        value, a, b, c = (pool[i % len(pool)] for i in picks)
        return value, {"step": state.get("step", 0) + 1, "a": a, "b": b, "c": c}

    return rule


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(rule=rules(), dtype=st.sampled_from([np.float32, np.float64]))
def test_random_rules_run_as_programs_bit_for_bit(rule, dtype):
    compare_bit_for_bit(rule, dtype)


@pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(rule=rules(), dtype=st.sampled_from([np.float32, np.float64]))
def test_random_rules_run_as_compiled_loops_bit_for_bit(rule, dtype, tmp_path_factory):
    with every_size(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        compare_bit_for_bit(rule, dtype)


@pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rule", "options"), RULES, ids=IDS)
def test_compiled_rules_are_the_rules_bit_for_bit(rule, options, dtype, rng):
    """Also for parameters in pieces that threads share, and the norms of the updates."""
    arrays = [rng.normal(size=shape).astype(dtype) for shape in ((70, 1000), (10_000,), (3, 5))]
    trained = []
    for fast in (False, True):
        pb.config.fast = fast
        params = [pb.tensor(array, requires_grad=True) for array in arrays]
        optimizer = rule(params, **options)
        gradients = np.random.default_rng(5)
        for _ in range(3):
            for parameter in params:
                parameter.grad = pb.tensor(gradients.normal(size=parameter.shape).astype(dtype))
            optimizer.step()
        trained.append((params, optimizer))
    (plain, reference), (compiled, optimizer) = trained
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy(), strict=True)
        for name, entry in reference.state[theirs].items():
            np.testing.assert_array_equal(optimizer.state[ours][name], entry, strict=True)
        np.testing.assert_allclose(
            optimizer.update_ratios()[ours], reference.update_ratios()[theirs], rtol=1e-5
        )


def compare_bit_for_bit(rule, dtype):
    rng = np.random.default_rng(3)
    first = rng.normal(size=200).astype(dtype)
    entries, numbers, arrays, value = ("step",), {"step": 0}, {}, first.copy()
    parameter, state = first.copy(), {"step": 0}
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(program, "PIECE", 33 * 8)
        for _ in range(3):
            gradient = rng.normal(size=200).astype(dtype)
            parameter, state = rule(parameter, gradient, {n: np.copy(e)[()] for n, e in state.items()})
            made = program.Program(rule, entries, numbers, {}, np.dtype(dtype))
            arrays |= {name: np.empty(200, dtype) for name in "abc" if name not in arrays}
            made.run([program.Job(value, gradient, arrays, value)])
            entries, numbers = made.entries, made.numbers
            np.testing.assert_array_equal(value, parameter, strict=True)
            for name in "abc":
                np.testing.assert_array_equal(arrays[name], state[name], strict=True)
            assert numbers == {"step": state["step"]}
