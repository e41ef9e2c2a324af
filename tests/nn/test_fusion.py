"""Batch normalisation folded into the layer in front of it."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn.utils import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval

RNG = np.random.default_rng(0)


def used(bn):
    """With statistics and an affine map that are not the first ones."""
    bn = bn.double()
    bn.running_mean.copy_(RNG.normal(size=bn.num_features))
    bn.running_var.copy_(RNG.uniform(0.5, 2, size=bn.num_features))
    if bn.weight is not None:
        bn.weight.data.copy_(RNG.normal(size=bn.num_features))
        bn.bias.data.copy_(RNG.normal(size=bn.num_features))
    return bn.eval()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_linear(bias, affine):
    linear, bn = nn.Linear(3, 4, bias, dtype="float64").eval(), used(nn.BatchNorm1d(4, affine=affine))
    before = linear.weight.tolist()
    fused, x = fuse_linear_bn_eval(linear, bn), pb.tensor(RNG.normal(size=(5, 3)))
    np.testing.assert_allclose(
        fused(x).detach().numpy(), bn(linear(x)).detach().numpy(), rtol=1e-12, atol=1e-14
    )
    assert linear.weight.tolist() == before
    assert type(fused) is nn.Linear
    assert fused.bias.requires_grad


def test_single_precision_and_frozen_layers_stay_so():
    linear, bn = nn.Linear(3, 4).eval().freeze("weight"), nn.BatchNorm1d(4).eval()
    fused = fuse_linear_bn_eval(linear, bn)
    assert fused.weight.dtype == fused.bias.dtype == np.float32
    assert not fused.weight.requires_grad
    assert fused.bias.requires_grad


@pytest.mark.parametrize(
    ("kind", "norm", "options", "shape"),
    [
        ("Conv1d", "BatchNorm1d", {"bias": False}, (2, 4, 9)),
        ("Conv2d", "BatchNorm2d", {"groups": 2, "stride": 2, "padding": 1}, (2, 4, 6, 7)),
        ("Conv2d", "BatchNorm2d", {"padding": 1, "padding_mode": "circular"}, (2, 4, 6, 7)),
        ("Conv3d", "BatchNorm3d", {}, (2, 4, 4, 3, 3)),
        ("ConvTranspose1d", "BatchNorm1d", {"stride": 2}, (2, 4, 5)),
        ("ConvTranspose2d", "BatchNorm2d", {"groups": 2, "bias": False}, (2, 4, 3, 4)),
    ],
)
def test_convolutions(kind, norm, options, shape):
    conv, bn = getattr(nn, kind)(4, 6, 3, dtype="float64", **options).eval(), used(getattr(nn, norm)(6))
    fused, x = fuse_conv_bn_eval(conv, bn, transpose="Transpose" in kind), pb.tensor(RNG.normal(size=shape))
    np.testing.assert_allclose(
        fused(x).detach().numpy(), bn(conv(x)).detach().numpy(), rtol=1e-10, atol=1e-12
    )
    assert type(fused) is type(conv)


@pytest.mark.parametrize("groups", [1, 2])
def test_weights_of_transposed_convolutions(groups):
    weight = pb.tensor(RNG.normal(size=(4, 3, 2)))  # (in, out / groups, kernel)
    mean, variance = (pb.tensor(RNG.uniform(1, 2, size=3 * groups)) for _ in range(2))
    fused, bias = fuse_conv_bn_weights(weight, None, mean, variance, 1e-5, None, None, True, groups)
    for i in range(4):
        for o in range(3):
            channel = o + 3 * (i // (4 // groups))
            factor = 1 / np.sqrt(variance.numpy()[channel] + 1e-5)
            np.testing.assert_allclose(fused.detach().numpy()[i, o], weight.numpy()[i, o] * factor)
    np.testing.assert_allclose(bias.detach().numpy(), -mean.numpy() / np.sqrt(variance.numpy() + 1e-5))


def test_what_cannot_be_folded_is_refused():
    linear, bn = nn.Linear(3, 4), nn.BatchNorm1d(4)
    with pytest.raises(ValueError, match=r"the Linear is in training.*\.eval\(\)"):
        fuse_linear_bn_eval(linear, bn)
    with pytest.raises(ValueError, match="the BatchNorm1d is in training"):
        fuse_conv_bn_eval(linear.eval(), bn)
    with pytest.raises(ValueError, match="no running statistics"):
        fuse_linear_bn_eval(linear, nn.BatchNorm1d(4, track_running_stats=False).eval())
    with pytest.raises(ValueError, match=r"gives 4 channels, and the statistics are of shape \(5,\)"):
        fuse_linear_bn_eval(linear, nn.BatchNorm1d(5).eval())
