"""The worked examples of the CS231n notes hold exactly (https://cs231n.github.io/optimization-2/)."""

import math

import numpy as np

import pullback as pb


def leaves(*values, dtype=pb.float64):
    return [pb.tensor(v, requires_grad=True, dtype=dtype) for v in values]


def test_sum_times_z():
    x, y, z = leaves(-2.0, 5.0, -4.0)
    q = x + y
    f = q * z
    q.retain_grad()
    f.backward()
    assert q.item() == 3
    assert f.item() == -12
    assert (x.grad.item(), y.grad.item(), z.grad.item(), q.grad.item()) == (-4, -4, 3, -4)


def sigmoid_neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + pb.exp(-(w0 * x0 + w1 * x1 + w2)))


def test_sigmoid_neuron_as_small_gates_and_as_one_gate():
    small = leaves(2.0, -1.0, -3.0, -2.0, -3.0)
    f = sigmoid_neuron(*small)
    f.backward()
    single = leaves(2.0, -1.0, -3.0, -2.0, -3.0)
    w0, x0, w1, x1, w2 = single
    s = pb.sigmoid(w0 * x0 + w1 * x1 + w2)
    s.backward()
    np.testing.assert_allclose(f.item(), 0.7310585786300049, rtol=1e-15)
    np.testing.assert_allclose(s.item(), f.item(), rtol=1e-15)
    gradients = [x.grad.item() for x in small]
    np.testing.assert_allclose([x.grad.item() for x in single], gradients, rtol=1e-14)
    assert [round(g, 2) for g in gradients] == [-0.20, 0.39, -0.39, -0.59, 0.20]  # as on the slide


def test_flat_forward_and_backward_code_gives_the_same_numbers():
    """Backprop in practice: staged computation by hand. The slide adds s0 and s1."""
    w0, x0, w1, x1, w2 = 2.0, -1.0, -3.0, -2.0, -3.0
    # forward
    s0 = w0 * x0
    s1 = w1 * x1
    s2 = s0 + s1
    s3 = s2 + w2
    out = 1 / (1 + math.exp(-s3))
    # backward
    grad_out = 1.0
    grad_s3 = grad_out * (1 - out) * out
    grad_w2 = grad_s3
    grad_s2 = grad_s3
    grad_s0 = grad_s2
    grad_s1 = grad_s2
    grad_w1, grad_x1 = grad_s1 * x1, grad_s1 * w1
    grad_w0, grad_x0 = grad_s0 * x0, grad_s0 * w0

    tensors = leaves(w0, x0, w1, x1, w2)
    f = sigmoid_neuron(*tensors)
    f.backward()
    np.testing.assert_allclose(f.item(), out, rtol=1e-15)
    np.testing.assert_allclose(
        [t.grad.item() for t in tensors], [grad_w0, grad_x0, grad_w1, grad_x1, grad_w2], rtol=1e-14
    )


def test_elementwise_max_masks_its_gradient():
    x = pb.tensor([1.0, -2.0, 3.0, -1.0], requires_grad=True)
    y = pb.maximum(0, x)
    assert y.tolist() == [1, 0, 3, 0]
    y.backward([4.0, -1.0, 5.0, 9.0])
    assert x.grad.tolist() == [4, 0, 5, 0]


def test_squared_norm_of_a_product():
    W = pb.tensor([[0.1, 0.5], [-0.3, 0.8]], requires_grad=True, dtype=pb.float64)
    x = pb.tensor([[0.2], [0.4]], requires_grad=True, dtype=pb.float64)
    q = W @ x
    f = (q**2).sum()
    f.backward()
    np.testing.assert_allclose(q.numpy(), [[0.22], [0.26]], rtol=1e-14)
    np.testing.assert_allclose(f.item(), 0.116, rtol=1e-14)
    np.testing.assert_allclose(W.grad.numpy(), 2 * q.numpy() @ x.numpy().T, rtol=1e-14)
    np.testing.assert_allclose(W.grad.numpy(), [[0.088, 0.176], [0.104, 0.208]], rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), W.numpy().T @ (2 * q.numpy()), rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), [[-0.112], [0.636]], rtol=1e-14)


def test_matmul_gradients(rng):
    x, w, g = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    X, W = leaves(x, w)
    (X @ W).backward(g)
    np.testing.assert_array_equal(X.grad.numpy(), g @ w.T)
    np.testing.assert_array_equal(W.grad.numpy(), x.T @ g)


def test_gradients_add_at_fan_outs():
    (x,) = leaves(3.0)
    (x * x + 2 * x + x).backward()
    assert x.grad.item() == 2 * 3 + 2 + 1


def test_jacobian():
    def f(v):
        x, y = v
        return pb.stack([x**4 + 3 * y**2 * x, 5 * y**2 - 2 * x * y + 1])

    assert pb.jacobian(f)(pb.tensor([1.0, 2.0])).tolist() == [[16, 12], [-4, 18]]
