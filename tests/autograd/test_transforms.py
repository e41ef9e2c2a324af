"""Derivatives of functions: right, nestable, of trees, and leaving their arguments alone."""

import collections
import dataclasses

import numpy as np
import pytest

import pullback as pb


def test_grad_of_one_and_of_several_arguments():
    f = lambda x, y: (x**2 * y).sum()
    assert pb.grad(f)(3.0, 2.0).item() == 12
    assert pb.grad(f, 1)(3.0, 2.0).item() == 9
    gx, gy = pb.grad(f, (0, 1))(3.0, 2.0)
    assert (gx.item(), gy.item()) == (12, 9)


def test_results_carry_no_graph_unless_one_is_wanted():
    value, g = pb.value_and_grad(lambda x: x**2)(3.0)
    assert not value.requires_grad
    assert not g.requires_grad
    x = pb.tensor(3.0, requires_grad=True)
    pb.grad(lambda v: v**3)(x).backward()
    assert x.grad.item() == 18
    w = pb.tensor(2.0, requires_grad=True)
    pb.grad(lambda v: v**3 * w)(1.0).backward()  # through what the function closes over
    assert w.grad.item() == 3


def test_nesting():
    third = pb.grad(pb.grad(pb.grad(lambda x: x**4)))
    assert third(2.0).item() == 48
    mixed = pb.grad(lambda x: x * pb.grad(lambda y: x * y**2)(3.0))  # x · 2·x·3
    assert mixed(2.0).item() == 24


def test_hessian_as_jacobian_of_the_gradient():
    f = lambda v: v[0] ** 2 * v[1] + v[1] ** 3
    assert pb.jacobian(pb.grad(f))([2.0, 3.0]).tolist() == [[6, 4], [4, 18]]


def test_jacobian_shapes(rng):
    a = rng.normal(size=(4, 3))
    np.testing.assert_array_equal(pb.jacobian(lambda x: a @ x)(rng.normal(size=3)).numpy(), a)
    assert pb.jacobian(lambda x: x.sum())(np.ones((2, 3))).shape == (2, 3)
    assert pb.jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert pb.jacobian(lambda x: pb.ones(2))(np.ones(3)).tolist() == [[0] * 3] * 2


def test_arguments_are_left_alone():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    pb.grad(lambda v: (v**2).sum())(x)
    assert x.grad is None


def test_errors():
    with pytest.raises(TypeError, match=r"shape \(2,\)"):
        pb.grad(lambda x: x * 2)([1.0, 2.0])
    with pytest.raises(TypeError, match="float"):
        pb.grad(lambda x: 1.0)(1.0)
    with pytest.raises(TypeError, match="argument 1"):
        pb.grad(lambda x: x, 1)(1.0)
    with pytest.raises(TypeError, match="floating"):
        pb.grad(lambda x: x)(1)


def test_under_no_grad():
    with pb.no_grad():
        assert pb.grad(lambda x: x**2)(3.0).item() == 6


# trees

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Weights:
    w: object
    b: object
    steps: int = 0


def test_gradients_have_the_structure_of_their_arguments():
    w, b = np.arange(3.0), np.float64(2)
    cases = [
        ({"w": w, "b": b}, lambda p: (p["w"] ** 2).sum() * p["b"]),
        ([pb.asarray(w), b], lambda p: (p[0] ** 2).sum() * p[1]),
        ((w, b), lambda p: (p[0] ** 2).sum() * p[1]),
        (Pair(w, b), lambda p: (p.a**2).sum() * p.b),
        (Weights(w, b, 7), lambda p: (p.w**2).sum() * p.b * (p.steps - 6)),
        ({"deep": [(w,), {"b": b}, None]}, lambda p: (p["deep"][0][0] ** 2).sum() * p["deep"][1]["b"]),
    ]
    for tree, f in cases:
        found = pb.grad(f)(tree)
        assert type(found) is type(tree)
        flat = {"w": None, "b": None}
        if isinstance(found, dict):
            flat = found if "w" in found else {"w": found["deep"][0][0], "b": found["deep"][1]["b"]}
        elif isinstance(found, Weights):
            flat = vars(found)
            assert found.steps is None
        else:
            flat["w"], flat["b"] = found
        np.testing.assert_array_equal(flat["w"].numpy(), 2 * w * b)
        assert flat["b"].item() == 5


def test_gradients_of_a_module(rng):
    model = pb.nn.Sequential(pb.nn.Linear(3, 4), pb.nn.Tanh(), pb.nn.Linear(4, 2))
    model[2].bias.requires_grad_(False)
    before = dict(model.named_parameters())
    x, target = pb.tensor(rng.normal(size=(5, 3)), dtype="float32"), pb.tensor([0, 1, 1, 0, 1])

    def loss(model, x, target):
        decay = sum((p**2).sum() for p in model.parameters() if p.requires_grad)
        return pb.nn.functional.cross_entropy(model(x), target) + 0.1 * decay

    value, found = pb.value_and_grad(loss)(model, x, target)
    loss(model, x, target).backward()
    assert set(found) == {"0.weight", "0.bias", "2.weight"}
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient.numpy(), before[name].grad.numpy(), rtol=1e-5, atol=1e-7)
    assert value.item() == loss(model, x, target).item()
    assert all(p is before[name] for name, p in model.named_parameters())


def test_a_module_is_left_as_it_was_when_the_function_fails():
    layer = pb.nn.Linear(2, 2)
    weight = layer.weight
    with pytest.raises(ZeroDivisionError):
        pb.grad(lambda m: 1 / 0)(layer)
    assert layer.weight is weight


def test_a_shared_parameter_is_replaced_under_all_its_names():
    class Tied(pb.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = pb.nn.Parameter([3.0])

        def forward(self):
            return (self.first * self.second).sum()

    assert pb.grad(lambda m: m())(Tied())["first"].tolist() == [6]
    layer = Tied()
    with pytest.raises(ValueError, match="Tied is given twice"):
        pb.grad(lambda m, n: m() + n(), (0, 1))(layer, layer)


def test_the_second_derivative_in_a_module():
    class Cube(pb.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = pb.nn.Parameter(2.0)

        def forward(self):
            return self.w**3

    inner = lambda m: pb.grad(lambda n: n())(m)["w"]
    assert pb.grad(inner)(Cube())["w"].item() == 12
    assert pb.hvp(lambda m: m(), (Cube(),), ({"w": 1.0},))[0]["w"].item() == 12


def test_aux_is_handed_on():
    f = lambda x: (x**2, {"twice": 2 * x, "name": "f"})
    (value, aux), g = pb.value_and_grad(f, has_aux=True)(3.0)
    assert (value.item(), aux["twice"].item(), aux["name"], g.item()) == (9, 6, "f", 6)
    assert not aux["twice"].requires_grad
    assert pb.grad(f, has_aux=True)(3.0)[1]["twice"].item() == 6
    out, _, aux = pb.vjp(f, 3.0, has_aux=True)
    assert (out.item(), aux["name"]) == (9, "f")
    assert pb.jvp(f, (3.0,), (1.0,), has_aux=True)[2]["twice"].item() == 6
    assert pb.jacobian(f, has_aux=True)(3.0)[0].item() == 6
    with pytest.raises(TypeError, match="pair"):
        pb.grad(lambda x: x, has_aux=True)(1.0)


def test_integers_among_the_arguments():
    f = lambda p, n: (p["w"] * p["n"]).sum() * n
    found = pb.grad(f)({"w": np.ones(2), "n": np.array([3, 4])}, 2)
    assert found["w"].tolist() == [6, 8]
    assert found["n"] is None
    with pytest.raises(TypeError, match=r"argument 1 .* no floating"):
        pb.grad(f, 1)({"w": np.ones(2), "n": 1}, 2)
    (by_x, by_n) = pb.vjp(lambda x, n: x * n, [1.0, 2.0], 3)[1]([1.0, 1.0])
    assert by_x.tolist() == [3, 3]
    assert by_n is None
    assert pb.jvp(lambda x, n: x * n, (1.0, 3), (2.0, None))[1].item() == 6
    assert pb.hvp(lambda x, n: x**n, (2.0, 3), (1.0, 0))[0].item() == 12
    with pytest.raises(TypeError, match="no floating"):
        pb.vjp(lambda n: n, 3)


def test_an_argument_is_named_once():
    for argnums in ((0, 0), (0, -2)):
        with pytest.raises(ValueError, match="named twice"):
            pb.grad(lambda x, y: x * y, argnums)(1.0, 2.0)


# vjp, jvp, hvp


def affine(a):
    return lambda x: {"y": a @ x, "s": [(x * x).sum()]}


def test_vjp_and_jvp_are_transposes(rng):
    a, x, u = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=3)
    v = {"y": rng.normal(size=4), "s": [rng.normal()]}
    out, pull = pb.vjp(affine(a), x)
    np.testing.assert_allclose(out["y"].numpy(), a @ x)
    (pulled,) = pull(v)
    np.testing.assert_allclose(pulled.numpy(), a.T @ v["y"] + 2 * x * v["s"][0])
    np.testing.assert_array_equal(pull(v)[0].numpy(), pulled.numpy())  # any number of times
    same, tangent = pb.jvp(affine(a), (x,), (u,))
    np.testing.assert_allclose(same["y"].numpy(), a @ x)
    np.testing.assert_allclose(tangent["y"].numpy(), a @ u)
    np.testing.assert_allclose(tangent["s"][0].item(), 2 * x @ u)
    assert not tangent["y"].requires_grad
    assert not pulled.requires_grad


def test_pull_can_be_differentiated():
    _, pull = pb.vjp(lambda x: x**3, 2.0)
    assert pb.grad(lambda g: pull(g)[0] ** 2)(1.0).item() == 2 * 12 * 12
    w = pb.tensor(3.0, requires_grad=True)
    _, pull = pb.vjp(lambda x: w * x**2, 2.0)
    pull(1.0)[0].backward()
    assert w.grad.item() == 4


def test_derivatives_through_jvp():
    assert pb.grad(lambda x: pb.jvp(lambda y: y**3, (x,), (1.0,))[1])(2.0).item() == 12
    assert pb.grad(lambda u: pb.jvp(lambda y: y**3, (2.0,), (u,))[1])(1.0).item() == 12
    second = lambda x: pb.jvp(lambda y: pb.jvp(lambda z: z**4, (y,), (1.0,))[1], (x,), (1.0,))[1]
    assert second(2.0).item() == 48
    w = pb.tensor(3.0, requires_grad=True)
    pb.jvp(lambda x: w * x**2, (2.0,), (1.0,))[1].backward()
    assert w.grad.item() == 4


def test_hvp_is_the_hessian_times_the_vector(rng):
    x, u = rng.normal(size=4), rng.normal(size=4)
    f = lambda v: (v[0] * v[1]) ** 2 + pb.exp(v[2]) * v[3] + v.sum()
    expected = pb.hessian(f)(x).numpy() @ u
    np.testing.assert_allclose(pb.hvp(f, x, u).numpy(), expected)
    np.testing.assert_allclose(pb.hvp(f, (x,), (u,))[0].numpy(), expected)
    np.testing.assert_allclose(pb.jvp(pb.grad(f), (x,), (u,))[1].numpy(), expected)
    assert pb.hvp(lambda x: x * 2, 1.0, 1.0).item() == 0  # linear: no second derivative


def test_elementwise_grad(rng):
    x = rng.normal(size=(2, 3))
    np.testing.assert_allclose(pb.elementwise_grad(pb.tanh)(x).numpy(), 1 - np.tanh(x) ** 2)
    second = pb.elementwise_grad(pb.elementwise_grad(lambda x: x**3))
    np.testing.assert_allclose(second(x).numpy(), 6 * x)
    gx, gy = pb.elementwise_grad(lambda x, y: x * y, (0, 1))(x, x)
    np.testing.assert_array_equal(gx.numpy(), x)
    np.testing.assert_array_equal(gy.numpy(), x)
    with pytest.raises(ValueError, match=r"shape \(2, 2\) .* shape \(2, 3\)"):
        pb.elementwise_grad(lambda x: x @ x.T)(x)


# Jacobians and Hessians


@pytest.mark.parametrize("mode", ["auto", "reverse", "forward"])
def test_jacobian_in_every_mode(rng, mode):
    a, x = rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    f = lambda x: {"m": a @ x.T, "s": (x**2).sum(), "c": pb.ones(2, dtype="float64")}
    found = pb.jacobian(f, mode=mode)(x)
    np.testing.assert_allclose(found["m"].numpy(), np.einsum("ik,bd->ibdk", a, np.eye(2)))
    np.testing.assert_allclose(found["s"].numpy(), 2 * x)
    assert found["c"].tolist() == np.zeros((2, 2, 3)).tolist()
    assert all(part.dtype == np.float64 for part in found.values())


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobian_of_trees_and_several_arguments(mode):
    f = lambda p, q: pb.stack([p["a"] * q, p["b"] + q])
    by_p, by_q = pb.jacobian(f, (0, 1), mode=mode)({"a": 2.0, "b": np.ones(())}, 3.0)
    assert by_p["a"].tolist() == [3, 0]
    assert by_p["b"].tolist() == [0, 1]
    assert by_q.tolist() == [2, 1]


@pytest.mark.parametrize("mode", ["auto", "reverse", "forward"])
@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_zero_sizes(mode, shape):
    x = np.ones(shape)
    assert pb.grad(lambda x: x.sum())(x).shape == shape
    assert pb.jacobian(lambda x: x * 2, mode=mode)(x).shape == shape + shape
    assert pb.jacobian(lambda x: x.sum(), mode=mode)(x).shape == shape
    assert pb.jvp(lambda x: x * 2, (x,), (x,))[1].shape == shape
    assert pb.hessian(lambda x: x.sum())(x).shape == shape + shape


def test_hessian_of_trees():
    f = lambda p: p["a"] ** 2 * p["b"]
    found = pb.hessian(f)({"a": 2.0, "b": 3.0})
    assert [[found[i][j].item() for j in "ab"] for i in "ab"] == [[6, 4], [4, 0]]
    found = pb.hessian(lambda a, b: a**2 * b, (0, 1))(2.0, 3.0)
    assert [[x.item() for x in row] for row in found] == [[6, 4], [4, 0]]


def test_jacobian_inside_a_gradient():
    f = lambda x: pb.jacobian(lambda y: y**3)(x).sum()
    for mode in ("reverse", "forward"):
        f = lambda x, mode=mode: pb.jacobian(lambda y: y**3, mode=mode)(x).sum()
        assert pb.grad(f)([1.0, 2.0]).tolist() == [6, 12]


def test_float32_stays_float32(rng):
    x = rng.normal(size=3).astype(np.float32)
    f = lambda x: (x * np.float64(2)).tanh()
    for result in (
        pb.jacobian(f)(x),
        pb.jacobian(f, mode="forward")(x),
        pb.jvp(f, (x,), (x.astype(np.float64),))[1],
        pb.vjp(f, x)[1](np.ones(3))[0],
        pb.hvp(lambda x: f(x).sum(), x, x),
        pb.hessian(lambda x: f(x).sum())(x),
    ):
        assert result.dtype == np.float32


def test_all_transforms_under_no_grad():
    w = pb.tensor(2.0, requires_grad=True)
    f = lambda x: (w * x**3).sum()
    with pb.no_grad():
        assert pb.vjp(f, [1.0])[1](1.0)[0].tolist() == [6]
        assert pb.jvp(f, ([1.0],), ([1.0],))[1].item() == 6
        assert pb.hvp(f, [1.0], [1.0]).tolist() == [12]
        assert not pb.hessian(f)([1.0]).requires_grad
        assert not pb.value_and_grad(f)([1.0])[0].requires_grad
    assert pb.hessian(f)([1.0]).requires_grad


def test_errors_of_the_rest():
    f = lambda x: x * 2
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        pb.jvp(f, ([1.0, 2.0],), ([1.0, 2.0, 3.0],))
    with pytest.raises(ValueError, match=r"\(\).*\(2,\)"):
        pb.vjp(f, [1.0, 2.0])[1](1.0)
    with pytest.raises(TypeError, match="2 primals need as many tangents, not 1"):
        pb.jvp(lambda x, y: x, (1.0, 2.0), (1.0,))
    with pytest.raises(TypeError, match="tangents must be a tuple"):
        pb.jvp(f, (1.0,), 1.0)
    with pytest.raises(TypeError, match="float"):
        pb.vjp(lambda x: 1.0, 1.0)
    with pytest.raises(ValueError, match="'backward'"):
        pb.jacobian(f, mode="backward")
    with pytest.raises(TypeError, match="int64"):
        pb.grad(lambda x: pb.argmax(x))([1.0, 2.0])
