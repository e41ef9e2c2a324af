"""grad, value_and_grad, jacobian: right, nestable, and leaving their arguments alone."""

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
