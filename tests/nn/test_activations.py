"""Activations: what the declarations' own tests do not see."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - the field's abbreviation

RNG = np.random.default_rng(5)
WITH_INPLACE = [
    "celu",
    "elu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "mish",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "silu",
]


@pytest.mark.parametrize("name", WITH_INPLACE)
def test_in_place_gives_the_same_and_says_so(name):
    function = getattr(F, name)
    x = pb.tensor(RNG.normal(size=(3, 4)), requires_grad=True)
    expected = function(x * 2)
    y = x * 2
    assert function(y, inplace=True) is y
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())
    (plain,) = pb.gradients((expected**2).sum(), [x])
    (written,) = pb.gradients((y**2).sum(), [x])
    np.testing.assert_array_equal(plain.numpy(), written.numpy())


def test_in_place_counts_behind_the_other_arguments():
    x = pb.tensor([-1.0, 2.0])
    assert F.leaky_relu(x, 0.5, True) is x
    assert F.threshold(x, 0.0, 7.0, True) is x
    assert x.tolist() == [7.0, 2.0]
    assert F.relu(x, False) is not x


def test_in_place_refuses_leaves_and_arrays():
    leaf = pb.tensor([-1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        F.relu(leaf, inplace=True)
    assert leaf.tolist() == [-1.0]
    with pytest.raises(TypeError, match="must be a Tensor and not ndarray"):
        F.elu(np.ones(3), inplace=True)
    with pytest.raises(TypeError):
        F.relu(leaf, True, True)


def test_a_network_trains_the_same_with_activations_in_place():
    def gradient(inplace):
        model = nn.Sequential(
            nn.Linear(3, 5, rng=np.random.default_rng(0)),
            nn.ReLU(inplace),
            nn.Linear(5, 2, rng=np.random.default_rng(1)),
        )
        model(pb.ones((4, 3))).square().sum().backward()
        return model[0].weight.grad.numpy()

    np.testing.assert_array_equal(gradient(True), gradient(False))


@pytest.mark.parametrize(
    "function",
    [
        F.gelu,
        F.silu,
        F.mish,
        F.softplus,
        F.elu,
        F.selu,
        F.leaky_relu,
        F.hardtanh,
        F.softsign,
        F.logsigmoid,
        F.glu,
    ],
)
def test_whole_numbers_are_refused_with_the_fix(function):
    with pytest.raises(TypeError, match=r"must be floating; convert it with .astype\('float32'\)"):
        function(pb.tensor([1, 2]))


def test_numpy_scalars_as_settings_leave_float32():
    x = pb.tensor([-1.0, 2.0])
    half = np.float64(0.5)
    for y in (
        F.leaky_relu(x, half),
        F.elu(x, half),
        F.celu(x, half),
        F.softplus(x, half),
        F.hardtanh(x, -half, half),
        F.softshrink(x, half),
        F.threshold(x, half, half),
        F.rrelu(x, half, half),
    ):
        assert y.dtype == np.float32


def test_rrelu_draws_in_training_only():
    x = pb.tensor(-np.ones(2000))
    drawn = F.rrelu(x, 0.2, 0.6, training=True, rng=np.random.default_rng(0)).numpy()
    assert ((drawn >= -0.6) & (drawn <= -0.2)).all()
    assert drawn.std() == pytest.approx(0.4 / 12**0.5, rel=0.1)
    again = F.rrelu(x, 0.2, 0.6, training=True, rng=np.random.default_rng(0)).numpy()
    np.testing.assert_array_equal(drawn, again)
    layer = nn.RReLU(0.2, 0.6, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(layer(x).numpy(), drawn)
    assert (layer.eval()(x).numpy() == -0.4).all()
    assert F.rrelu(pb.tensor([3.0]), training=True).tolist() == [3.0]
    with pytest.raises(ValueError, match="lower must not be above upper"):
        nn.RReLU(0.5, 0.2)


def test_the_gradient_of_rrelu_is_its_slope():
    x = pb.tensor(RNG.normal(size=50), requires_grad=True)
    y = F.rrelu(x, training=True, rng=np.random.default_rng(1))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy() * x.detach().numpy(), y.detach().numpy())


def test_gelu_keeps_its_left_tail():
    x = pb.tensor(np.array([-5.0, -8.0, -20.0]))
    np.testing.assert_allclose(
        F.gelu(x).numpy(), [-1.4332578e-06, -4.9767686e-15, -5.507248e-88], rtol=1e-6, atol=0
    )


def test_maxout():
    x = pb.tensor([[1.0, 2.0, -3.0, -4.0, 0.0, 9.0]], requires_grad=True)
    assert F.maxout(x, 3).tolist() == [[2.0, 9.0]]
    assert F.maxout(x.reshape(6, 1), 2, dim=0).tolist() == [[2.0], [-3.0], [9.0]]
    F.maxout(x, 2).sum().backward()
    assert x.grad.tolist() == [[0, 1, 1, 0, 0, 1]]
    with pytest.raises(
        ValueError, match=r"length of input of shape \(1, 6\) along axis -1 is not a multiple"
    ):
        F.maxout(x, 4)
    layer = nn.Maxout(3, 2, 4, dtype="float64")
    inputs = RNG.normal(size=(5, 3))
    pieces = (inputs @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()).reshape(5, 2, 4)
    np.testing.assert_allclose(layer(pb.tensor(inputs)).detach().numpy(), pieces.max(-1))
    pb.gradcheck(layer, (pb.tensor(inputs),)).assert_ok()
    assert repr(layer) == "Maxout(in_features=3, out_features=2, num_pieces=4, bias=True)"


def test_relu_is_a_maxout_of_two():
    layer = nn.Maxout(2, 3, dtype="float64")
    with pb.no_grad():
        layer.weight[1::2] = 0
        layer.bias[1::2] = 0
    x = pb.tensor(RNG.normal(size=(4, 2)))
    linear = F.linear(x, layer.weight[::2], layer.bias[::2])
    np.testing.assert_allclose(layer(x).detach().numpy(), F.relu(linear).detach().numpy())


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"weight has shape \(3,\), and input of shape \(2, 4\) wants"):
        F.prelu(pb.ones((2, 4)), pb.ones(3))
    with pytest.raises(ValueError, match="cannot be halved along axis -1"):
        F.glu(pb.ones((4, 3)))
    with pytest.raises(ValueError, match=r"softmax: input of shape \(2, 3, 4\) needs its axis"):
        nn.Softmax()(pb.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="Softmax2d takes"):
        nn.Softmax2d()(pb.ones((2, 3)))


@pytest.mark.parametrize("name", ["prelu", "glu", "maxout"])
def test_under_vmap_as_for_each_example(name):
    x = pb.tensor(RNG.normal(size=(3, 2, 4, 5)))
    weight = pb.tensor([0.1, 0.2, 0.3, 0.4], dtype="float64")
    function = {
        "prelu": lambda x: F.prelu(x, weight),
        "glu": lambda x: F.glu(x, 1),
        "maxout": lambda x: F.maxout(x, 2, 1),
    }[name]
    together = pb.vmap(function)(x)
    np.testing.assert_allclose(together.numpy(), np.stack([function(row).numpy() for row in x]))


def test_prelu_with_weights_of_its_own_for_each_example():
    x, weight = pb.tensor(RNG.normal(size=(3, 2, 4))), pb.tensor(RNG.normal(size=(3, 4)))
    together = pb.vmap(F.prelu)(x, weight)
    np.testing.assert_allclose(
        together.numpy(), np.stack([F.prelu(a, b).numpy() for a, b in zip(x, weight, strict=True)])
    )


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_shares_along_an_axis_without_elements(name):
    x = pb.tensor(np.zeros((2, 0, 3)), requires_grad=True)
    y = getattr(F, name)(x, 1)
    assert y.shape == (2, 0, 3)
    y.sum().backward()
    assert x.grad.shape == (2, 0, 3)
