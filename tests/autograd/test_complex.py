"""Complex numbers: the convention ∂/∂Re + i·∂/∂Im, mixed real and complex inputs, what is refused."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import REGISTRY, SCALER, elementwise, op

Z = np.array([1.0 + 2.0j, -0.5 + 0.3j, 2.0 - 1.0j])


def test_the_gradient_is_the_direction_of_steepest_ascent():
    z = pb.tensor(Z, requires_grad=True)
    (pb.real(z) ** 2 + 3 * pb.imag(z)).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), 2 * Z.real + 3j)
    z.grad = None
    (pb.abs(z) ** 2).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), 2 * Z)


def test_holomorphic_rules_meet_the_conjugate_of_the_slope():
    z = pb.tensor(Z, requires_grad=True)
    g = np.array([1.0j, 2.0, -1 + 1j])
    (found,) = pb.gradients(z**3, z, g)
    np.testing.assert_allclose(found.numpy(), g * np.conj(3 * Z**2))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, z: x * z,
        lambda x, z: z / x,
        lambda x, z: x @ z,
        lambda x, z: pb.where(np.array([True, False, True]), x, z),
        lambda x, z: pb.concat([x, z]),
        lambda x, z: x**z,
        lambda x, z: z**x,
        lambda x, z: (x - z) * 2j,
        lambda x, z: pb.complex(x, z.imag) * z.real,
    ],
)
def test_a_real_input_beside_a_complex_one_gets_a_real_gradient(function):
    x = np.array([0.7, 1.2, 2.0])
    pb.gradcheck(function, (x, Z), elementwise=True).assert_ok()
    tracked = pb.tensor(x.astype(np.float32), requires_grad=True)
    pb.abs(function(tracked, pb.tensor(Z.astype(np.complex64)))).sum().backward()
    assert tracked.grad.dtype == np.float32


def test_a_negative_real_base_with_a_complex_exponent():
    pb.gradcheck(lambda x, z: x**z, (np.array([-2.0, -0.5]), Z[:2]), elementwise=True).assert_ok()


def test_scalars_that_are_complex_are_weak():
    z = pb.tensor(np.array([1 + 1j], np.complex64), requires_grad=True)
    y = 2j * z
    assert y.dtype == np.complex64
    pb.imag(y).sum().backward()
    assert z.grad.dtype == np.complex64
    np.testing.assert_allclose(z.grad.numpy(), [2])


def test_a_complex_scalar_needs_the_gradient_that_comes_in():
    z = pb.tensor(1 + 1j, requires_grad=True)
    with pytest.raises(RuntimeError, match="real scalar"):
        (z * z).backward()
    with pytest.raises(TypeError, match="real scalar"):
        pb.grad(lambda z: z * z)(1 + 1j)
    with pytest.raises(TypeError, match=r"pb\.real"):
        pb.jacobian(lambda z: z * z)(Z)
    np.testing.assert_allclose(pb.grad(lambda z: pb.abs(z) ** 2)(3 + 4j).item(), 6 + 8j, rtol=1e-6)


def test_parts_are_views_and_can_be_written():
    z = pb.tensor(Z, requires_grad=True)
    w = z * 1
    w.real[0] = 10.0
    w.imag[1:] *= 2.0
    np.testing.assert_allclose(w.detach().numpy(), [10 + 2j, -0.5 + 0.6j, 2 - 2j])
    (g,) = pb.gradients(w * 1, z, np.array([1 + 1j] * 3))
    np.testing.assert_allclose(g.numpy(), [1j, 1 + 2j, 1 + 2j])


def test_parts_of_real_numbers():
    x = pb.tensor([1.0, -2.0], requires_grad=True)
    (pb.real(x) + pb.imag(x) + pb.conj(x) + pb.angle(x)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 2])


def test_complex_refuses_complex_parts():
    with pytest.raises(TypeError, match="real numbers"):
        pb.complex(pb.tensor([1j]), pb.tensor([1.0]))


def test_numpy_functions_of_complex_tensors():
    z = pb.tensor(Z, requires_grad=True)
    for function in (np.real, np.imag, np.conj, np.angle, np.abs):
        y = function(z)
        assert y.requires_grad
        np.testing.assert_allclose(y.detach().numpy(), function(Z))


def test_a_real_result_of_complex_inputs_needs_complex_rules_too():
    with pytest.raises(NotImplementedError, match="planted has no gradient for complex"):
        planted_modulus(pb.tensor([2.0], requires_grad=True), np.array([1j]))


@pytest.fixture(autouse=True)
def forget_planted_operations():
    yield
    REGISTRY.pop("planted", None)


def planted_modulus(x, z):
    modulus = op(
        lambda x, z, /: np.abs(x * z),
        "x z",
        x=lambda g, z: g * z,
        name="planted",
        gate=SCALER,
        complex="values",
        samples=elementwise(2),
        doc="For this test.",
    )
    return modulus(x, z)


def test_gradcheck_finds_a_missing_conjugate():
    wrong = op(
        lambda x, /: x * x,
        "x",
        x=lambda g, x: g * 2 * x,
        name="planted",
        gate=SCALER,
        complex="written",
        samples=elementwise(1),
        doc="Bad.",
    )
    assert pb.gradcheck(wrong, Z.real)
    result = pb.gradcheck(wrong, Z)
    assert not result
    assert "imaginary part" in str(result)


finite = st.complex_numbers(min_magnitude=0.2, max_magnitude=3, allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=4))
def test_abs_times_sign_is_the_number(values):
    z = np.array(values)
    pb.gradcheck(lambda z: pb.abs(z) * pb.sign(z), z, tolerance=1e-4).assert_ok()
    t = pb.tensor(z, requires_grad=True)
    (g,) = pb.gradients(pb.abs(t) * pb.exp(1j * pb.angle(t)), t, np.full(z.shape, 1 - 2j))
    np.testing.assert_allclose(g.numpy(), np.full(z.shape, 1 - 2j), rtol=1e-9)


@pytest.mark.oracle
def test_against_pytorch():
    import torch

    functions = [
        (lambda m, z: m.abs(z) ** 3, {}),
        (lambda m, z: m.exp(z) / z, {}),
        (lambda m, z: m.sqrt(z) * m.log(z), {}),
        (lambda m, z: m.angle(z) * m.real(z), {}),
        (lambda m, z: z.conj() ** 2 * m.sin(z), {}),
        (lambda m, z: (m.sign if m is pb else m.sgn)(z), {}),
        (lambda m, z: m.tanh(z) - 1 / z, {}),
    ]
    for function, _ in functions:
        ours, theirs = pb.tensor(Z, requires_grad=True), torch.tensor(Z, requires_grad=True)
        y, t = function(pb, ours), function(torch, theirs)
        g = np.array([1 - 1j, 2j, 0.5])
        g = g if y.dtype.kind == "c" else g.real
        (found,) = pb.gradients(y, ours, g)
        t.backward(torch.tensor(g))
        np.testing.assert_allclose(found.numpy(), theirs.grad.numpy(), rtol=1e-10)


def real_only():
    names = sorted(name for name, declared in REGISTRY.items() if declared.rules and declared.complex is None)
    return [name for name in names if REGISTRY[name].module.startswith("pullback.autograd")]


@pytest.mark.parametrize("name", real_only())
@pytest.mark.parametrize("tracked", [True, False])
def test_operations_of_real_numbers_refuse_complex_ones_by_name(name, tracked):
    declared = REGISTRY[name]
    for sample in declared.samples(np.random.default_rng(0)):
        inputs = [
            pb.tensor(x + 0.5j, requires_grad=tracked)
            if isinstance(x, np.ndarray) and x.dtype.kind == "f"
            else x
            for x in sample.inputs
        ]
        with pytest.raises(TypeError, match=rf"^{name} takes real numbers, and complex ones were given"):
            declared.call(*inputs, **sample.parameters)


def test_complex_values_without_a_gradient():
    z = pb.tensor(np.array([1.5 + 0.5j, np.nan]))
    np.testing.assert_array_equal(pb.nan_to_num(z).numpy(), [1.5 + 0.5j, 0])
    with pytest.raises(NotImplementedError, match="nan_to_num has no gradient for complex numbers"):
        pb.nan_to_num(z.requires_grad_())
    with pytest.raises(TypeError, match="relu takes real numbers"):
        pb.relu(1j)
    with pytest.raises(TypeError, match="maximum takes real numbers"):
        np.maximum(pb.tensor([1.0]), np.array([1j]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "combine",
    [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow],
    ids=lambda f: f.__name__,
)
def test_a_complex_number_beside_a_tensor_without_axes(combine, dtype):
    x = pb.tensor(1.5, dtype=dtype, requires_grad=True)
    for scalar in (x, x * x):  # a leaf, and a computed one
        for result, expected in (
            (combine(1j, scalar), combine(1j, scalar.item())),
            (combine(scalar, 1j), combine(scalar.item(), 1j)),
        ):
            assert result.dtype == ("complex64" if dtype == "float32" else "complex128")
            assert result.item() == pytest.approx(expected, rel=1e-6)
