"""Rules that see all parameters as one vector: L-BFGS, Newton, Hessian-free."""

import itertools

import numpy as np
import pytest

import pullback as pb
from pullback import optim
from pullback.optim.hessian_free import conjugate_gradients
from pullback.optim.lbfgs import lbfgs_direction
from pullback.optim.line_search import Point, strong_wolfe
from pullback.optim.newton import newton_direction

RULES = [
    pytest.param(lambda p: optim.LBFGS(p, line_search_fn="strong_wolfe"), id="LBFGS"),
    pytest.param(lambda p: optim.Newton(p, damping=1.0), id="Newton"),
    pytest.param(lambda p: optim.HessianFree(p), id="HessianFree"),
]


def closure_of(optimizer, loss):
    """The closure that the optimiser wants."""
    if not isinstance(optimizer, optim.LBFGS):
        return loss

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


def problem(dtype=np.float64):
    """A small network and data; a frozen and an unused parameter; several shapes."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)).astype(dtype), rng.normal(size=30).astype(dtype)
    params = [
        pb.tensor((0.5 * rng.normal(size=s)).astype(dtype), requires_grad=True)
        for s in ((3, 4), (4,), (4,), ())
    ]
    params.append(pb.tensor(np.ones(2, dtype), requires_grad=True))  # unused
    params[3].requires_grad_(False)

    def loss():
        w1, b1, w2, b2, _ = params
        return ((pb.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2).mean() + 0.01 * (w1 * w1).sum()

    return params, loss


@pytest.mark.parametrize("make", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_train_a_small_network(make, dtype):
    params, loss = problem(dtype)
    optimizer = make(params)
    closure = closure_of(optimizer, loss)
    first = optimizer.step(closure).item()
    for _ in range(15):
        last = optimizer.step(closure).item()
    assert last < 0.75 * first
    assert {p.dtype for p in params} == {np.dtype(dtype)}
    assert params[4].tolist() == [1.0, 1.0]
    ratios = optimizer.update_ratios()
    assert set(ratios) <= set(params)
    assert all(ratio < 1 for ratio in ratios.values())


@pytest.mark.parametrize("make", RULES)
def test_frozen_parameters_stay(make):
    params, loss = problem()
    before = params[3].item()
    optimizer = make(params)
    optimizer.step(closure_of(optimizer, loss))
    assert params[3].item() == before


@pytest.mark.parametrize("make", RULES)
def test_the_state_goes_into_files_and_back(make, tmp_path):
    params, loss = problem()
    optimizer = make(params)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, loss))
    pb.save(optim.flatten_state(optimizer.state_dict()), tmp_path / "state")
    twins, twin_loss = problem()
    for p, q in zip(twins, params, strict=True):
        with pb.no_grad():
            p.copy_(q)
    again = make(twins)
    again.load_state_dict(optim.unflatten_state(pb.load(tmp_path / "state")))
    for _ in range(3):
        optimizer.step(closure_of(optimizer, loss))
        again.step(closure_of(again, twin_loss))
    assert [p.tolist() for p in params] == [q.tolist() for q in twins]


@pytest.mark.parametrize("make", RULES)
def test_closures_and_single_groups_are_needed(make):
    w = pb.tensor(np.ones(2), requires_grad=True)
    optimizer = make([w])
    with pytest.raises(TypeError, match="give it a closure"):
        optimizer.step()
    with pytest.raises(ValueError, match="one parameter group only"):
        optimizer.add_param_group({"params": [pb.tensor(1.0, requires_grad=True)]})
    with pytest.raises(ValueError, match="one parameter group only"):
        make([{"params": [w]}, {"params": [pb.tensor(1.0, requires_grad=True)]}])


@pytest.mark.parametrize("make", RULES)
def test_a_loss_that_is_not_finite_is_skipped_if_asked(make):
    w = pb.tensor(np.ones(2), requires_grad=True)
    optimizer = make([w])
    optimizer.skip_nonfinite = True
    with pytest.warns(RuntimeWarning, match="skipped and nothing was changed"):
        optimizer.step(closure_of(optimizer, lambda: (w * w).sum() * np.inf))
    assert w.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("rule", [optim.Newton, optim.HessianFree])
def test_a_closure_that_calls_backward_is_explained(rule):
    w = pb.tensor(np.ones(2), requires_grad=True)

    def closure():
        loss = (w**3).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError) as caught:
        rule([w]).step(closure)
    assert "leaves backward to the optimiser" in caught.value.__notes__[0]
    with pytest.raises(TypeError, match="the loss as a Tensor, not as a float"):
        rule([w]).step(lambda: 1.0)


# Newton


def test_one_step_of_newton_reaches_the_bottom_of_a_bowl(rng):
    a = rng.normal(size=(5, 5))
    bowl, bottom = a @ a.T + np.eye(5), rng.normal(size=5)
    w, v = (
        pb.tensor(rng.normal(size=(3,)), requires_grad=True),
        pb.tensor(np.ones((1, 2)), requires_grad=True),
    )

    def loss():
        x = pb.concat([w, v.reshape(-1)]) - bottom
        return x @ (bowl @ x)

    assert optim.Newton([w, v]).step(loss).item() > 0
    np.testing.assert_allclose(np.r_[w.tolist(), v.tolist()[0]], bottom, rtol=1e-10)


def test_a_singular_hessian_is_explained():
    w = pb.tensor(np.ones(2), requires_grad=True)
    with pytest.raises(RuntimeError, match=r"is singular.*damping=1e-3"):
        optim.Newton([w]).step(lambda: w[0] ** 2 + w[1])
    assert w.tolist() == [1.0, 1.0]
    optim.Newton([w], damping=1.0).step(lambda: w[0] ** 2 + w[1])
    np.testing.assert_allclose(w.tolist(), [1 - 2 / 3, 0.0])


def test_a_linear_loss_has_no_curvature():
    w = pb.tensor(np.ones(2), requires_grad=True)
    optim.Newton([w], lr=0.5, damping=2.0).step(lambda: w.sum())
    np.testing.assert_allclose(w.tolist(), [0.75, 0.75])


# Hessian-free


def test_conjugate_gradients_solve_a_system(rng):
    a = rng.normal(size=(6, 6))
    matrix, right = a @ a.T + 0.1 * np.eye(6), rng.normal(size=6)
    for start in (np.zeros(6), rng.normal(size=6)):
        x, height = conjugate_gradients(lambda v: matrix @ v, right, start, 50, 0.0)
        np.testing.assert_allclose(x, np.linalg.solve(matrix, right), rtol=1e-6)
        assert height == pytest.approx(x @ matrix @ x / 2 - x @ right)
    exact, _ = conjugate_gradients(lambda v: matrix @ v, right, np.linalg.solve(matrix, right), 50, 0.0)
    np.testing.assert_allclose(exact, np.linalg.solve(matrix, right), rtol=1e-6)


def test_conjugate_gradients_end_without_progress_and_at_negative_curvature():
    calls = []

    def product(v):
        calls.append(v)
        return np.linspace(1, 1000, 200) * v

    conjugate_gradients(product, np.ones(200), np.zeros(200), 190, 0.02)
    assert 10 < len(calls) < 100
    x, height = conjugate_gradients(lambda v: -v, np.array([1.0, 2.0]), np.zeros(2), 9, 0.0)
    assert x.tolist() == [1.0, 2.0]
    assert height == pytest.approx(-0.5 * 5 - 5)


def test_hessian_free_leaves_a_saddle_downwards():
    w = pb.tensor(np.array([1.0, 0.01]), requires_grad=True)
    optimizer = optim.HessianFree([w])

    def loss():
        return w[0] ** 2 - w[1] ** 2 + 0.1 * w[1] ** 4

    losses = [optimizer.step(loss).item() for _ in range(30)]
    assert all(after <= before for before, after in itertools.pairwise(losses))
    assert losses[-1] == pytest.approx(-2.5, abs=1e-6)
    assert set(optimizer.state[w]) == {"damping", "direction"}


def test_hessian_free_does_not_go_where_nothing_is_lower():
    w = pb.tensor(np.array([1.0]), requires_grad=True)
    calls = []

    def loss():  # lies: it rises wherever one goes
        calls.append(1)
        return (w * w).sum() + 10.0 * len(calls)

    optimizer = optim.HessianFree([w], damping=1.0)
    optimizer.step(loss)
    assert w.tolist() == [1.0]
    assert optimizer.state[w]["damping"] == pytest.approx(1.5)


# L-BFGS


def test_the_direction_of_lbfgs_satisfies_the_secant_equation(rng):
    steps = rng.normal(size=(3, 5))
    changes = steps @ np.diag([1.0, 2.0, 3.0, 4.0, 5.0])
    direction = lbfgs_direction(changes[-1], list(steps), list(changes), 0.5)
    np.testing.assert_allclose(direction, -steps[-1], rtol=1e-10)


def test_history_is_bounded():
    params, loss = problem()
    optimizer = optim.LBFGS(params, history_size=3)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, loss))
    state = optimizer.state[params[0]]
    assert [len(state[name]) for name in ("old_dirs", "old_stps", "ro")] == [3, 3, 3]
    single = optim.LBFGS(params, history_size=1)
    for _ in range(2):
        single.step(closure_of(single, loss))
    assert len(single.state[params[0]]["ro"]) <= 1


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1)),
        (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),  # Moré and Thuente's first
        (
            lambda t: (t + 0.004) ** 5 - 2 * (t + 0.004) ** 4,
            lambda t: 5 * (t + 0.004) ** 4 - 8 * (t + 0.004) ** 3,
        ),
        (lambda t: np.cosh(t - 3), lambda t: np.sinh(t - 3)),
    ],
)
def test_the_line_search_satisfies_the_wolfe_conditions(function, slope, first):
    def at(t):
        return Point(t, function(t), slope(t), np.array([slope(t)]))

    start = at(0.0)
    found, tried = strong_wolfe(at, start, first, 1.0, most=40)
    assert found.loss <= start.loss + 1e-4 * found.step * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)
    assert 1 <= tried <= 41


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "lr must be"),
        ({"history_size": 0}, "history_size must be one or more"),
        ({"line_search_fn": "weak"}, "line_search_fn must be None or 'strong_wolfe'"),
    ],
)
def test_options_of_lbfgs_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        optim.LBFGS([pb.tensor(1.0, requires_grad=True)], **options)


def test_options_of_the_others_out_of_range_are_refused():
    w = pb.tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="damping must be zero or more"):
        optim.Newton([w], damping=-1.0)
    with pytest.raises(ValueError, match="max_iter must be one or more"):
        optim.HessianFree([w], max_iter=0)


# differentiating through them


def test_directions_can_be_differentiated_through(rng):
    a = rng.normal(size=(3, 3))
    hessian, gradient = a @ a.T + np.eye(3), rng.normal(size=3)
    assert pb.gradcheck(
        newton_direction, [pb.tensor(x, requires_grad=True) for x in (gradient, hessian, np.float64(0.5))]
    )
