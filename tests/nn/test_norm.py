"""Normalising layers: statistics, modes, errors; their gradients are checked from the declarations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn

F = nn.functional


def made(rng, *shape, dtype=np.float64):
    return pb.tensor(rng.normal(3, 2, size=shape).astype(dtype))


@given(st.integers(1, 4), st.integers(2, 70), st.floats(-1e3, 1e3), st.floats(0.1, 1e3))
def test_layer_norm_gives_zero_mean_and_unit_variance_wherever_the_data_lie(rows, width, offset, spread):
    x = offset + spread * np.random.default_rng(rows * width).normal(size=(rows, width))
    y = F.layer_norm(pb.tensor(x), width, eps=1e-12).numpy()
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(y.var(axis=1), 1, rtol=1e-6)
    scaled = F.layer_norm(pb.tensor(-2 * x + 1), width, eps=1e-12).numpy()
    np.testing.assert_allclose(scaled, -y, atol=1e-6)


@pytest.mark.parametrize(
    "norm",
    [
        lambda x: F.layer_norm(x, x.shape[1:]),
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.group_norm(x, 2),
        lambda x: F.instance_norm(x),
    ],
)
def test_a_large_mean_costs_no_digits(rng, norm):
    x = rng.normal(size=(8, 4, 50))
    near, far = (norm(pb.tensor((x + offset).astype(np.float32))).numpy() for offset in (0, 1000))
    np.testing.assert_allclose(near, far, atol=2e-3)


@pytest.mark.parametrize("width", [1, 3, 512, 1000])
def test_equal_numbers_give_zero_however_large(width):
    x = np.full((4, 2, width), 123456.789, np.float32)
    for y in (
        F.layer_norm(pb.tensor(x), width),
        F.batch_norm(pb.tensor(x), None, None, training=True),
        F.batch_norm(pb.tensor(x.reshape(-1, 2)), None, None, training=True),
        F.group_norm(pb.tensor(x), 1),
        F.instance_norm(pb.tensor(x)) if width > 1 else pb.zeros(1),
    ):
        assert not y.numpy().any()


@pytest.mark.parametrize("blocks", [1, 100, 1 << 18])
def test_the_size_of_the_blocks_does_not_matter(rng, monkeypatch, blocks):
    monkeypatch.setattr(nn.functional.blocks, "BLOCK_BYTES", blocks)
    x = rng.normal(size=(5, 4, 3))
    expected = (x - x.mean((0, 2), keepdims=True)) / np.sqrt(x.var((0, 2), keepdims=True) + 1e-5)
    layer, leaf = nn.BatchNorm1d(4, dtype="float64"), pb.tensor(x, requires_grad=True)
    np.testing.assert_allclose(layer(leaf).detach().numpy(), expected)
    pb.gradcheck(lambda x: F.batch_norm(x, None, None, training=True), [x]).assert_ok()
    pb.gradcheck(lambda x, w: F.layer_norm(x, 3, w), [x, rng.normal(size=3)]).assert_ok()


def test_batch_norm_moves_running_statistics_in_training_only(rng):
    layer, x = nn.BatchNorm1d(3, dtype="float64"), made(rng, 6, 3)
    layer(x)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.numpy().mean(axis=0))
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * x.numpy().var(axis=0, ddof=1))
    state = {name: value.tolist() for name, value in layer.state_dict().items()}
    assert list(state) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    y = layer.eval()(x)
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == state
    expected = (x.numpy() - state["running_mean"]) / np.sqrt(np.add(state["running_var"], layer.eps))
    np.testing.assert_allclose(y.detach().numpy(), expected)
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_var.tolist() == [1, 1, 1]


def test_batch_norm_without_momentum_averages_all_batches(rng):
    layer, batches = nn.BatchNorm1d(2, momentum=None, dtype="float64"), [made(rng, 4, 2) for _ in range(3)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(
        layer.running_mean.numpy(), np.mean([batch.numpy().mean(axis=0) for batch in batches], axis=0)
    )
    assert layer.num_batches_tracked.item() == 3


def test_batch_norm_that_tracks_nothing_uses_the_batch_in_evaluation(rng):
    layer, x = (
        nn.BatchNorm2d(2, affine=False, track_running_stats=False, dtype="float64"),
        made(rng, 4, 2, 3, 3),
    )
    assert list(layer.state_dict()) == []
    np.testing.assert_array_equal(layer(x).numpy(), layer.eval()(x).numpy())


def test_a_failed_batch_leaves_the_statistics(rng):
    layer = nn.BatchNorm1d(3)
    for bad in (pb.zeros((1, 3)), pb.zeros((4, 2)), pb.zeros((4, 3, 2, 2)), made(rng, 4, 3)):
        with pytest.raises((ValueError, TypeError)):
            layer(bad)
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_mean.tolist() == [0, 0, 0]


def test_no_examples():
    layer = nn.BatchNorm2d(3)
    assert layer(pb.zeros((0, 3, 2, 2))).shape == (0, 3, 2, 2)
    assert layer.running_var.tolist() == [1, 1, 1]
    assert nn.LayerNorm(3)(pb.zeros((0, 3))).shape == (0, 3)
    assert nn.InstanceNorm1d(3, track_running_stats=True)(pb.zeros((0, 3, 4))).shape == (0, 3, 4)
    assert nn.GroupNorm(3, 3)(pb.zeros((0, 3, 4))).shape == (0, 3, 4)


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize(
    "norm",
    [
        lambda x, w, **o: F.batch_norm(x, None, None, w, training=True, **o),
        lambda x, w, **o: F.group_norm(x, 2, w, **o),
        lambda x, w, **o: F.instance_norm(x, weight=w, **o),
    ],
)
def test_planes_without_elements_have_no_slope(norm, activation):
    for _ in range(20):
        w = pb.ones(4, requires_grad=True)
        x = pb.zeros((64, 4, 0))
        junk = np.full(256, np.inf, np.float32)
        del junk  # whose memory the next array of this size gets
        norm(x, w, activation=activation).sum().backward()
        np.testing.assert_array_equal(w.grad, 0)


def layers():
    return [
        (nn.BatchNorm1d(4), (5, 4)),
        (nn.BatchNorm1d(4).eval(), (5, 4, 2)),
        (nn.BatchNorm2d(4), (5, 4, 2, 2)),
        (nn.BatchNorm3d(4), (5, 4, 1, 2, 2)),
        (nn.LayerNorm((2, 3)), (5, 2, 3)),
        (nn.GroupNorm(2, 4), (5, 4, 3)),
        (nn.InstanceNorm1d(4, affine=True), (5, 4, 3)),
        (nn.InstanceNorm2d(4, track_running_stats=True).eval(), (4, 3, 2)),
        (nn.InstanceNorm3d(4), (5, 4, 1, 3, 2)),
        (nn.RMSNorm(3), (5, 4, 3)),
        (nn.LocalResponseNorm(3), (5, 4, 3)),
    ]


@pytest.mark.parametrize(("layer", "shape"), layers())
def test_float32_stays_and_float64_is_refused_with_the_fix(rng, layer, shape):
    x = pb.tensor(rng.normal(size=shape).astype(np.float32), requires_grad=True)
    y = layer(x)
    assert y.dtype == np.float32
    assert y.shape == shape
    y.sum().backward()
    for leaf in (x, *layer.parameters()):
        assert leaf.grad.dtype == np.float32
    if layer.state_dict():
        with pytest.raises(TypeError, match=r"\.astype\('float32'\)"):
            layer(made(rng, *shape))


@pytest.mark.parametrize(("layer", "shape"), layers())
def test_layout_in_memory_does_not_matter(rng, layer, shape):
    layer = layer.double()
    x = rng.normal(size=shape)
    turned = np.asfortranarray(x)
    a, b = pb.asarray(x).detach().requires_grad_(), pb.asarray(turned).detach().requires_grad_()
    np.testing.assert_allclose(layer(a).detach().numpy(), layer(b).detach().numpy())
    layer(a).tanh().sum().backward()
    layer(b).tanh().sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy())


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.BatchNorm2d(3), (4, 3), r"\(4, 3\), 2 axes, and must be \(N, C, H, W\)"),
        (nn.BatchNorm1d(3), (1, 3), "one element per channel"),
        (nn.BatchNorm1d(3), (4, 2, 3), r"2 channels, its axis 1, and must have 3 \(num_features\)"),
        (nn.InstanceNorm1d(3), (2, 5), r"2 channels, its axis 0, and must have 3"),
        (nn.InstanceNorm2d(3), (2, 3, 1, 1), "one element per channel"),
        (nn.GroupNorm(2, 4), (2, 6), r"weight has shape \(4,\) and must have \(6,\)"),
        (nn.GroupNorm(2, 4, affine=False), (2, 6), "6 channels, its axis 1, and must have 4"),
        (nn.LayerNorm((2, 3)), (3, 2), r"\(3, 2\), must have the lengths \(2, 3\)"),
        (nn.RMSNorm(3), (), r"must have the lengths \(3,\)"),
        (nn.LocalResponseNorm(3), (2, 3), r"must be \(N, C, \*\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named_with_the_layer(layer, shape, message):
    with pytest.raises(ValueError, match=message) as caught:
        nn.Sequential(nn.Identity(), layer)(pb.zeros(shape))
    assert caught.value.__notes__[-1].startswith("in layer '1'")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.BatchNorm1d(0), "num_features is a whole number"),
        (lambda: nn.BatchNorm1d(3, eps=0.0), "eps is a positive number"),
        (lambda: nn.BatchNorm1d(3, momentum=2), "momentum is a number from 0 to 1"),
        (lambda: nn.LayerNorm(()), "normalized_shape is a whole number"),
        (lambda: nn.GroupNorm(2, 3), "do not divide"),
        (lambda: F.batch_norm(pb.zeros((2, 3)), None, None), "running_mean and running_var"),
        (lambda: F.instance_norm(pb.zeros((2, 3, 2)), use_input_stats=False), "running_mean and running_var"),
        (lambda: F.group_norm(pb.zeros((2, 3)), 2), "do not divide into 2 groups"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_representations():
    assert repr(nn.BatchNorm2d(3)) == (
        "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"
    )
    assert repr(nn.LayerNorm(3)) == "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)"
    assert repr(nn.LocalResponseNorm(2)) == "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)"


def test_vmap(rng):
    x, w = made(rng, 3, 4, 2, 2), made(rng, 2)
    for norm in (
        lambda x: F.batch_norm(x, None, None, w, training=True),
        lambda x: F.group_norm(x, 2, w),
        lambda x: F.instance_norm(x, weight=w),
        lambda x: F.layer_norm(x, 2, w),
        lambda x: F.rms_norm(x, 2, w),
        lambda x: F.local_response_norm(x.reshape((4, 2, 2)), 2),
    ):
        x3 = x.reshape((3, 4, 2, 2))
        together = pb.vmap(norm)(x3)
        np.testing.assert_allclose(together.numpy(), np.stack([norm(one).numpy() for one in x3]), atol=1e-12)


def test_statistics_as_inputs_have_gradients(rng):
    """Frozen statistics may themselves be computed."""
    x, mean, variance = rng.normal(size=(4, 3)), rng.normal(size=3), rng.uniform(1, 2, size=3)
    pb.gradcheck(lambda x, m, v: F.batch_norm(x, m, v), [x, mean, variance]).assert_ok()
