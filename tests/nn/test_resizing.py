"""Interpolation and shuffles: known values, every order, vmap, and what is refused."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - as everyone calls it

RNG = np.random.default_rng(0)

MODES = [("nearest", 1), ("nearest-exact", 1), ("linear", 1), ("area", 1), ("bilinear", 2), ("bicubic", 2)]
MODES += [("nearest", 3), ("trilinear", 3), ("area", 3)]


@pytest.mark.parametrize(("mode", "axes"), MODES)
def test_a_constant_stays_and_the_same_size_changes_nothing(mode, axes):
    x = RNG.normal(size=(1, 2, *(4, 5, 3)[:axes]))
    np.testing.assert_allclose(F.interpolate(x, size=x.shape[2:], mode=mode).numpy(), x, atol=1e-12)
    y = F.interpolate(np.ones_like(x), scale_factor=1.7, mode=mode)
    np.testing.assert_allclose(y.numpy(), 1, atol=1e-12)


@pytest.mark.parametrize(("mode", "axes"), MODES)
def test_every_order_and_vmap(mode, axes):
    x = RNG.normal(size=(2, 1, *(3, 2, 3)[:axes]))
    function = lambda x: F.interpolate(x, scale_factor=1.6, mode=mode)
    pb.gradcheck(function, (x,)).assert_ok()
    pb.gradcheck(pb.grad(lambda x: (function(x) ** 3).sum()), (x,)).assert_ok()
    stacked = pb.tensor(np.stack([x, 2 * x]))
    rows = pb.vmap(function)(stacked)
    np.testing.assert_allclose(rows.numpy(), np.stack([function(x).numpy(), function(2 * x).numpy()]))


def test_straight_lines_and_corners():
    x = pb.tensor([[[0.0, 1.0, 3.0]]])
    assert F.interpolate(x, 5, mode="linear", align_corners=True).tolist() == [[[0, 0.5, 1, 2, 3]]]
    assert F.interpolate(x, 6, mode="linear").tolist() == [[[0, 0.25, 0.75, 1.5, 2.5, 3]]]
    ramp = np.arange(8.0).reshape(1, 1, 8, 1) + np.arange(8.0)
    y = F.interpolate(ramp, 15, mode="bicubic", align_corners=True).numpy()
    np.testing.assert_allclose(np.diff(y[0, 0, 4:11, 7]), 0.5)  # a cubic reproduces lines inside


def test_infinities_stay_where_they_are():
    x = np.zeros((1, 1, 8))
    x[0, 0, 0] = np.inf
    for mode in ("nearest", "linear", "area"):
        y = F.interpolate(x, 16, mode=mode).numpy()
        assert not np.isnan(y).any()
        assert (y[0, 0, 4:] == 0).all()


def test_antialias_looks_at_everything():
    x = np.zeros((1, 1, 1, 16))
    x[..., 8] = 1
    plain = F.interpolate(x, (1, 4), mode="bilinear").numpy()
    wide = F.interpolate(x, (1, 4), mode="bilinear", antialias=True).numpy()
    assert not plain.any()
    np.testing.assert_allclose(wide.sum(), 0.25, rtol=0.1)


def test_float32_stays():
    x = pb.randn(1, 2, 3, 3).requires_grad_()
    y = F.interpolate(x, scale_factor=2, mode="bicubic")
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32


def test_shuffles_are_inverted():
    x = pb.tensor(RNG.normal(size=(2, 12, 4, 6)))
    assert F.pixel_shuffle(x, 2).shape == (2, 3, 8, 12)
    assert (F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2) == x).all()
    assert F.pixel_shuffle(x[0], 2).shape == (3, 8, 12)
    assert (F.channel_shuffle(F.channel_shuffle(x, 3), 4) == x).all()
    assert F.channel_shuffle(x, 3)[0, :4, 0, 0].tolist() == x[0, [0, 4, 8, 1], 0, 0].tolist()
    assert F.pixel_shuffle(pb.zeros((0, 4, 2, 2)), 2).shape == (0, 1, 4, 4)
    pb.gradcheck(lambda x: F.pixel_shuffle(x, 2) ** 2, (RNG.normal(size=(4, 2, 1)),)).assert_ok()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.interpolate(pb.zeros((3, 3)), 2), r"must be \(N, C, L\)"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), 2, mode="bilinear"), "the modes are nearest, .*linear"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), 2, align_corners=True), "align_corners has no meaning"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), 2, antialias=True), "antialias works with"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3))), "either size or scale_factor"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), 2, 2.0), "either size or scale_factor"),
        (
            lambda: F.interpolate(pb.zeros((1, 1, 3)), 2, recompute_scale_factor=True),
            "has no meaning with size",
        ),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), scale_factor=-1), "is a positive number"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), scale_factor=0.2), "leaves nothing"),
        (lambda: F.interpolate(pb.zeros((1, 1, 3)), 0), "size is a whole number"),
        (lambda: F.interpolate(pb.zeros((1, 1, 0)), 3), "nothing to interpolate"),
        (lambda: F.pixel_shuffle(pb.zeros((3, 2, 2)), 2), r"no multiple of 2² = 4"),
        (lambda: F.pixel_unshuffle(pb.zeros((3, 3, 2)), 2), "must be multiples of 2"),
        (lambda: F.channel_shuffle(pb.zeros((1, 3, 2)), 2), "3 channels.*2 groups"),
        (lambda: F.channel_shuffle(pb.zeros((3, 2)), 2), "three axes or more"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_layers():
    x = pb.tensor(RNG.normal(size=(1, 4, 3, 3)))
    assert (nn.UpsamplingNearest2d(scale_factor=2)(x) == F.interpolate(x, scale_factor=2)).all()
    wanted = F.interpolate(x, 5, mode="bilinear", align_corners=True)
    assert (nn.UpsamplingBilinear2d(5)(x) == wanted).all()
    assert (nn.PixelUnshuffle(3)(x) == F.pixel_unshuffle(x, 3)).all()
    assert repr(nn.Upsample(scale_factor=2)) == "Upsample(scale_factor=2.0, mode='nearest')"
    assert repr(nn.Upsample((2, 3), mode="bilinear")) == "Upsample(size=(2, 3), mode='bilinear')"
    assert repr(nn.ChannelShuffle(2)) == "ChannelShuffle(groups=2)"
