"""Initialisers: bounds, moments, fans, generators, refusals."""

import math

import numpy as np
import pytest

import pullback as pb
from pullback.nn import init

SHAPE = (300, 200)


def filled(function, *args, shape=SHAPE, **kwargs):
    tensor = pb.zeros(shape)
    assert function(tensor, *args, rng=np.random.default_rng(0), **kwargs) is tensor
    return tensor.numpy()


def check_uniform(values, bound):
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert abs(values.mean()) < 0.02 * bound


def check_normal(values, std):
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 0.02 * std
    assert np.abs(values).max() > 3 * std


def test_uniform_and_normal():
    check_uniform(filled(init.uniform_, -2, 2), 2)
    values = filled(init.uniform_)
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() <= 1
    check_normal(filled(init.normal_), 1)
    check_normal(filled(init.normal_, 5, 0.1) - 5, 0.1)


def test_xavier():
    check_uniform(filled(init.xavier_uniform_, 2.0), 2 * math.sqrt(6 / 500))
    check_normal(filled(init.xavier_normal_), math.sqrt(2 / 500))


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 200), ("fan_out", 300)])
def test_kaiming(mode, fan):
    check_uniform(filled(init.kaiming_uniform_, mode=mode, nonlinearity="relu"), math.sqrt(6 / fan))
    check_uniform(filled(init.kaiming_uniform_, math.sqrt(5), mode), math.sqrt(1 / fan))
    check_normal(filled(init.kaiming_normal_, mode=mode, nonlinearity="relu"), math.sqrt(2 / fan))
    check_normal(filled(init.kaiming_normal_, mode=mode, nonlinearity="linear"), math.sqrt(1 / fan))


def test_fans_count_the_kernel():
    check_normal(filled(init.kaiming_normal_, shape=(64, 32, 3, 3)), math.sqrt(2 / (32 * 9)))
    check_normal(filled(init.kaiming_normal_, 0, "fan_out", shape=(64, 32, 3, 3)), math.sqrt(2 / (64 * 9)))


def test_constants():
    assert init.constant_(pb.zeros(2), 3).tolist() == [3.0, 3.0]
    assert init.ones_(pb.zeros(2)).tolist() == [1.0, 1.0]
    assert init.zeros_(pb.ones((1, 2))).tolist() == [[0.0, 0.0]]


def test_gains():
    gains = {"linear": 1, "conv2d": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": 2**0.5, "selu": 0.75}
    assert {name: init.calculate_gain(name) for name in gains} == pytest.approx(gains)
    assert init.calculate_gain("leaky_relu") == pytest.approx(math.sqrt(2 / 1.0001))
    assert init.calculate_gain("leaky_relu", 2) == pytest.approx(math.sqrt(0.4))
    with pytest.raises(ValueError, match="unknown nonlinearity 'swish'"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="negative slope"):
        init.calculate_gain("leaky_relu", "big")


def test_a_seed_gives_the_same_numbers_and_the_default_generator_serves():
    assert np.array_equal(filled(init.normal_), filled(init.normal_))
    pb.manual_seed(3)
    first = init.uniform_(pb.zeros(4)).tolist()
    pb.manual_seed(3)
    assert init.uniform_(pb.zeros(4)).tolist() == first != init.uniform_(pb.zeros(4)).tolist()


def test_leaves_that_require_gradients_are_filled_in_place():
    w = pb.zeros((2, 3), requires_grad=True)
    init.ones_(w)
    assert w.is_leaf
    assert w.requires_grad
    assert w.tolist() == [[1.0] * 3] * 2


def test_a_value_that_backward_still_needs_is_noticed():
    w = pb.ones(2, requires_grad=True)
    loss = (w * w).sum()
    init.zeros_(w)
    with pytest.raises(RuntimeError, match="overwritten"):
        loss.backward()


@pytest.mark.parametrize(
    "function", [init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_]
)
def test_fans_need_two_axes(function):
    for shape in ((3,), (), (0, 3)):
        with pytest.raises(ValueError, match=r"fans are counted for weights of shape \(out, in, \.\.\.\)"):
            function(pb.zeros(shape))


def test_refusals_leave_the_generator_alone():
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    with pytest.raises(TypeError, match="this one is int64"):
        init.uniform_(pb.tensor([1, 2]), rng=rng)
    with pytest.raises(TypeError, match="not ndarray"):
        init.normal_(np.zeros(3), rng=rng)
    with pytest.raises(ValueError, match="negative"):
        init.normal_(pb.zeros(3), 0, -1, rng=rng)
    with pytest.raises(ValueError, match="mode must be"):
        init.kaiming_normal_(pb.zeros((2, 2)), mode="fan_avg", rng=rng)
    assert rng.bit_generator.state == state


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0, 1, -2, 2),
        (1, 0.5, -2, 2),
        (0, 1, 0.5, 0.7),
        (0, 1, 5, np.inf),
        (0, 1, -9, -6),
        (3, 2, -1, 1),
        (0, 10, -2, 2),
    ],
)
def test_truncated_normal_has_the_right_distribution(mean, std, a, b):
    stats = pytest.importorskip("scipy.stats")
    values = np.zeros(20_000)
    tensor = pb.tensor(values)
    init.trunc_normal_(tensor, mean, std, a, b, rng=np.random.default_rng(0))
    exact = stats.truncnorm((a - mean) / std, (b - mean) / std, loc=mean, scale=std)
    assert a <= tensor.numpy().min()
    assert tensor.numpy().max() <= b
    assert stats.kstest(tensor.numpy(), exact.cdf).pvalue > 1e-3


def test_truncated_normal_at_its_edges():
    assert init.trunc_normal_(pb.zeros(3), 5.0, 0.0).tolist() == [2.0] * 3
    assert init.trunc_normal_(pb.zeros(2), a=1, b=1).tolist() == [1.0, 1.0]
    assert init.trunc_normal_(pb.zeros((0, 2))).shape == (0, 2)
    with pytest.raises(ValueError, match="a ≤ b"):
        init.trunc_normal_(pb.zeros(2), a=2, b=1)
    with pytest.raises(ValueError, match="cannot be negative"):
        init.trunc_normal_(pb.zeros(2), std=-1)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3), (8, 2, 2)])
def test_orthogonal(shape):
    tensor = pb.zeros(shape, dtype="float64")
    matrix = init.orthogonal_(tensor, 2.0, rng=np.random.default_rng(0)).numpy().reshape(shape[0], -1)
    short = min(matrix.shape)
    product = matrix @ matrix.T if matrix.shape[0] == short else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(short), atol=1e-12)


def test_orthogonal_is_uniform_among_the_orthogonal_matrices():
    rng = np.random.default_rng(0)
    corners = [init.orthogonal_(pb.zeros((2, 2)), rng=rng).numpy()[0, 0] for _ in range(400)]
    assert abs(np.mean(corners)) < 0.1  # a bare Q has a sign of its own
    assert np.mean(np.square(corners)) == pytest.approx(0.5, abs=0.07)


def test_sparse():
    values = init.sparse_(pb.zeros((50, 400)), 0.33, 0.1, rng=np.random.default_rng(0)).numpy()
    assert set((values == 0).sum(axis=0)) == {17}
    assert np.ptp((values == 0).sum(axis=1)) > 10  # at different places in each column
    assert values[values != 0].std() == pytest.approx(0.1, rel=0.05)
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        init.sparse_(pb.zeros((2, 2)), 1.5)
    with pytest.raises(ValueError, match=r"sparse_: the tensor has shape \(2,\) and must have 2 axes"):
        init.sparse_(pb.zeros(2), 0.5)


def test_identities():
    assert init.eye_(pb.ones((3, 2))).tolist() == [[1, 0], [0, 1], [0, 0]]
    weight = init.dirac_(pb.ones((6, 2, 3, 4)), 2).numpy()
    assert sorted(zip(*np.nonzero(weight), strict=True)) == [
        (0, 0, 1, 2),
        (1, 1, 1, 2),
        (3, 0, 1, 2),
        (4, 1, 1, 2),
    ]
    assert weight.sum() == 4
    with pytest.raises(ValueError, match="3 groups do not divide 4"):
        init.dirac_(pb.zeros((4, 2, 3)), 3)
    with pytest.raises(ValueError, match="3 or 4 or 5 axes"):
        init.dirac_(pb.zeros((4, 2)))
    with pytest.raises(ValueError, match="two or more axes"):
        init.orthogonal_(pb.zeros(4))


def test_a_computed_tensor_is_refused():
    layer = pb.nn.utils.weight_norm(pb.nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="was computed from others: fill those"):
        init.zeros_(layer.weight)
