"""Every two transforms composed, in both orders: all ways to one derivative agree with the formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb

EYE = np.eye(3)
A = np.array([[0.5, -1.0, 0.3], [1.2, 0.4, -0.7], [-0.2, 0.8, 1.1]])


def f(v):
    """Σ sin(A·v) + v₀·v₁·v₂², with a write in place, an index and a sorted copy on the way."""
    y = pb.sin(A @ v)
    y[1] += v[0] * v[1] * v[2] ** 2
    return pb.sort(y).sum()


def f_gradient(v):
    return np.cos(A @ v) @ A + np.array([v[1] * v[2] ** 2, v[0] * v[2] ** 2, 2 * v[0] * v[1] * v[2]])


def f_hessian(v):
    x, y, z = v
    mixed = np.array([[0, z * z, 2 * y * z], [z * z, 0, 2 * x * z], [2 * y * z, 2 * x * z, 2 * x * y]])
    return -(A.T * np.sin(A @ v)) @ A + mixed


def from_graph(g):
    """The gradient of a graph that the function itself makes and walks."""

    def gradient(v):
        leaf = v * 1 if v.requires_grad else v.detach().requires_grad_()
        with pb.enable_grad():
            return pb.gradients(g(leaf), leaf, create_graph=True)[0]

    return lambda v: gradient(pb.asarray(v))


# ways from a scalar function to its gradient
GRADIENTS = {
    "grad": pb.grad,
    "value_and_grad": lambda g: lambda v: pb.value_and_grad(g)(v)[1],
    "jacobian": pb.jacobian,
    "forward": lambda g: pb.jacobian(g, mode="forward"),
    "vjp": lambda g: lambda v: pb.vjp(g, v)[1](1.0)[0],
    "jvp": lambda g: lambda v: pb.vmap(lambda u: pb.jvp(g, (v,), (u,))[1])(EYE),
    "gradients": from_graph,
    "of a checkpoint": lambda g: pb.grad(lambda v: pb.checkpoint(g, v)),
    "in a checkpoint": lambda g: lambda v: pb.checkpoint(pb.grad(g), v),
    "of a batch": lambda g: (
        lambda v: pb.grad(lambda vs: pb.vmap(g)(vs).sum())(pb.stack([pb.asarray(v)] * 2))[1]
    ),
    "of a tree": lambda g: lambda v: pb.grad(lambda t: g(t["a"][0]), has_aux=False)({"a": (v,)})["a"][0],
    "with aux": lambda g: lambda v: pb.grad(lambda v: (g(v), v), has_aux=True)(v)[0],
}

# ways from a function with a vector as its value to its Jacobian
JACOBIANS = {
    "reverse": lambda g: pb.jacobian(g, mode="reverse"),
    "forward": lambda g: pb.jacobian(g, mode="forward"),
    "pulled": lambda g: lambda v: pb.vmap(pb.vjp(g, v)[1])(EYE)[0],
    "pushed": lambda g: lambda v: pb.vmap(lambda u: pb.jvp(g, (v,), (u,))[1], out_axes=1)(EYE),
    "by rows": lambda g: lambda v: pb.stack([pb.grad(lambda v, i=i: g(v)[i])(v) for i in range(3)]),
    "an index each": lambda g: lambda v: pb.vmap(lambda i: pb.grad(lambda v: g(v)[i])(v))(np.arange(3)),
    "checkpoint": lambda g: pb.jacobian(lambda v: pb.checkpoint(g, v)),
    "of a batch": lambda g: lambda v: pb.jacobian(pb.vmap(g))(pb.stack([pb.asarray(v)] * 2))[1, :, 1],
}

# what may be done with a function of a vector as a whole
AROUND = {
    "plain": lambda g: g,
    "vmap": lambda g: lambda v: pb.vmap(g)(pb.stack([pb.asarray(v), pb.asarray(v) * 2]))[0],
    "nested vmap": lambda g: lambda v: pb.vmap(pb.vmap(g), in_axes=1)(pb.asarray(v)[None, None])[0, 0],
    "no_grad": lambda g: pb.no_grad()(g),
    "aux": lambda g: lambda v: pb.value_and_grad(lambda v: (v.sum(), g(v)), has_aux=True)(v)[0][1],
    "tracked": lambda g: lambda v: g(pb.tensor(v, requires_grad=True)),
}

POINT = np.array([0.7, -0.4, 1.3])


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("first", GRADIENTS)
def test_ways_to_the_gradient(first, around):
    found = AROUND[around](GRADIENTS[first](f))(POINT)
    np.testing.assert_allclose(found.detach().numpy(), f_gradient(POINT), rtol=1e-10)


@pytest.mark.parametrize("second", JACOBIANS)
@pytest.mark.parametrize("first", GRADIENTS)
def test_ways_to_the_hessian(first, second):
    hessian = JACOBIANS[second](GRADIENTS[first](f))
    for around in ("plain", "vmap", "no_grad"):
        found = AROUND[around](hessian)(POINT)
        np.testing.assert_allclose(found.detach().numpy(), f_hessian(POINT), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("first", GRADIENTS)
def test_ways_to_a_hessian_times_a_vector(first):
    u = np.array([0.2, 1.0, -0.6])
    expected = f_hessian(POINT) @ u
    gradient = GRADIENTS[first](f)
    ways = [
        lambda v: pb.jvp(gradient, (v,), (u,))[1],
        lambda v: pb.vjp(gradient, v)[1](u)[0],
        lambda v: pb.grad(lambda v: (gradient(v) * u).sum())(v),
        lambda v: gradient_of_slope(first, v, u),
        lambda v: pb.hvp(f, v, u),
    ]
    for way in ways:
        np.testing.assert_allclose(way(POINT).numpy(), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(pb.vmap(way)(POINT[None]).numpy()[0], expected, rtol=1e-9, atol=1e-9)


def gradient_of_slope(first, v, u):
    """The gradient, in any of the ways, of the slope along u."""
    return GRADIENTS[first](lambda v: pb.jvp(f, (v,), (u,))[1])(v)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(GRADIENTS)),
    st.sampled_from(sorted(JACOBIANS)),
    st.sampled_from(sorted(GRADIENTS)),
    st.sampled_from(sorted(AROUND)),
    st.integers(0, 100),
)
def test_third_derivatives_in_random_ways(first, second, third, around, seed):
    rng = np.random.default_rng(seed)
    v, u, w = rng.normal(size=(3, 3))
    curvature = lambda v: (JACOBIANS[second](GRADIENTS[first](f))(v) @ u * w).sum()
    found = AROUND[around](GRADIENTS[third](curvature))(v).detach().numpy()
    h = 1e-5
    expected = [(w @ (f_hessian(v + h * e) - f_hessian(v - h * e)) @ u) / (2 * h) for e in EYE]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
