"""What each augmentation must leave, and what it must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.data import augment
from pullback.data.augment.resample import stretch


@pytest.fixture
def images(rng):
    return rng.random((40, 3, 9, 7), dtype=np.float32)


@pytest.fixture
def square(rng):
    return rng.random((5, 3, 8, 8), dtype=np.float32)


def seeded(seed=0):
    return np.random.default_rng(seed)


# flips


@pytest.mark.parametrize(
    ("kind", "axis"), [(augment.RandomHorizontalFlip, 3), (augment.RandomVerticalFlip, 2)]
)
def test_flips(kind, axis, images):
    always, never = kind(1), kind(0)
    assert np.array_equal(always(images), np.flip(images, axis))
    assert np.array_equal(always(always(images)), images)
    assert np.array_equal(never(images), images)
    some = kind(0.3, rng=seeded())(np.repeat(images, 50, axis=0))
    mirrored = (some == np.repeat(np.flip(images, axis), 50, axis=0)).all((1, 2, 3))
    assert np.array_equal(some[~mirrored], np.repeat(images, 50, axis=0)[~mirrored])
    assert abs(mirrored.mean() - 0.3) < 0.04


# crops


def windows_of(image, size):
    views = np.lib.stride_tricks.sliding_window_view(image, size, axis=(1, 2))
    return views.transpose(1, 2, 0, 3, 4).reshape(-1, image.shape[0], *size)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 7), st.integers(1, 6)),
    st.tuples(*[st.integers(0, 2)] * 4),
    st.sampled_from(["constant", "edge", "reflect", "symmetric"]),
    st.integers(0, 100),
)
def test_crops_are_windows_of_the_padded_image(size, padding, mode, seed):
    images = seeded(seed).random((4, 2, 7, 6))
    left, top, right, bottom = padding
    margins = ((0, 0), (0, 0), (top, bottom), (left, right))
    padded = np.pad(images, margins, mode=mode, **({"constant_values": 0.5} if mode == "constant" else {}))
    crop = augment.RandomCrop(size, padding, fill=0.5, padding_mode=mode, rng=seeded(seed))
    for window, image in zip(crop(images), padded, strict=True):
        assert (windows_of(image, size) == window).all((1, 2, 3)).any()


def test_all_windows_are_equally_likely():
    images = np.broadcast_to(np.arange(12.0).reshape(1, 1, 3, 4), (6000, 1, 3, 4))
    corners = augment.RandomCrop(2, rng=seeded())(images)[:, 0, 0, 0]
    values, counts = np.unique(corners, return_counts=True)
    assert values.tolist() == [0, 1, 2, 4, 5, 6]
    assert np.abs(counts / 6000 - 1 / 6).max() < 0.02


def test_padding_where_it_is_needed_and_where_not(images):
    small = augment.RandomCrop(12, pad_if_needed=True, fill=[1, 2, 3], rng=seeded())(images)
    assert small.shape == (40, 3, 12, 12)
    assert (np.sort(small[:, 1].reshape(40, -1))[:, -81:] == 2).all()
    with pytest.raises(ValueError, match="a window of 12×12 does not fit into images of 9×7"):
        augment.RandomCrop(12)(images)
    with pytest.raises(ValueError, match="one for each of 3 channels"):
        augment.RandomCrop(9, padding=1, fill=[1, 2])(images)
    assert np.array_equal(augment.RandomCrop((9, 7))(images), images)


def test_the_middle(images):
    assert np.array_equal(augment.CenterCrop(5)(images), images[:, :, 2:7, 1:6])
    assert np.array_equal(augment.CenterCrop((9, 7))(images), images)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_resized_crops(interpolation, images):
    whole = augment.RandomResizedCrop((9, 7), (1, 1), (7 / 9, 7 / 9), interpolation=interpolation)
    np.testing.assert_allclose(whole(images), images, atol=1e-7)
    crop = augment.RandomResizedCrop(5, rng=seeded(), interpolation=interpolation)
    result = crop(images)
    assert result.shape == (40, 3, 5, 5)
    assert result.min() >= images.min() - 1e-6
    assert result.max() <= images.max() + 1e-6
    constant = np.full((20, 1, 9, 7), 0.3)
    np.testing.assert_allclose(crop(constant), 0.3)


def test_areas_and_shapes_of_resized_crops():
    """A ramp in each direction tells the window's place and size."""
    y, x = np.mgrid[0:64, 0:64] / 64.0
    images = np.broadcast_to(np.stack([y, x]), (3000, 2, 64, 64))
    small = augment.RandomResizedCrop(2, (0.2, 0.8), (0.5, 2.0), rng=seeded(), antialias=False)(images)
    height = 2 * (small[:, 0, 1, 0] - small[:, 0, 0, 0])
    width = 2 * (small[:, 1, 0, 1] - small[:, 1, 0, 0])
    area, shape = height * width, width / height
    assert 0.19 < area.min() < 0.25
    assert 0.75 < area.max() < 0.82
    assert 0.48 < shape.min() < 0.55
    assert 1.8 < shape.max() < 2.1
    assert abs(np.log(shape).mean()) < 0.04
    middles = small.mean((2, 3))
    assert np.abs(middles.mean(0) - 0.5).max() < 0.02
    assert abs(np.corrcoef(middles.T)[0, 1]) < 0.08


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(2, 3), (6, 9)])
def test_nothing_beyond_the_window_is_seen(antialias, size):
    images = seeded().random((3, 2, 12, 10))
    tops, lefts, heights, widths = map(np.array, ([0, 3, 5], [4, 0, 2], [4, 9, 7], [6, 3, 8]))
    found = stretch(images, tops, lefts, heights, widths, size, "bilinear", antialias)
    for number, (image, top, left, high, wide) in enumerate(
        zip(images, tops, lefts, heights, widths, strict=True)
    ):
        window = image[None, :, top : top + high, left : left + wide]
        alone = augment.Resize(size, antialias=antialias)(window)
        np.testing.assert_allclose(found[number], alone[0], atol=1e-12)


def test_a_resized_crop_that_never_fits_takes_the_middle():
    images = seeded().random((3, 1, 4, 40))
    crop = augment.RandomResizedCrop((4, 4), (1, 1), (1, 1), interpolation="nearest")
    assert np.array_equal(crop(images), images[:, :, :, 18:22])


def test_resizing(images):
    assert augment.Resize(14)(images).shape == (40, 3, 18, 14)
    assert augment.Resize((3, 20))(images).shape == (40, 3, 3, 20)
    np.testing.assert_allclose(augment.Resize((9, 7))(images), images, atol=1e-7)
    halved = augment.Resize(2)(seeded().random((1, 1, 4, 4)))
    assert halved.shape == (1, 1, 2, 2)
    doubled = augment.Resize((4, 4), interpolation="nearest")(np.array([[[[1, 2], [3, 4]]]]))
    assert doubled[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    ramp = np.arange(8.0).reshape(1, 1, 1, 8)
    np.testing.assert_allclose(augment.Resize((1, 16))(ramp)[0, 0, 0, 1:-1], np.arange(14) / 2 + 0.25)
    fine = np.tile([0.0, 1.0], 16).reshape(1, 1, 1, 32)
    smooth = augment.Resize((1, 8))(fine)[0, 0, 0, 1:-1]
    np.testing.assert_allclose(smooth, 0.5, atol=0.01)


def test_five_and_ten_crops(images):
    five = augment.FiveCrop((5, 4))(images)
    expected = [images[:, :, :5, :4], images[:, :, :5, 3:], images[:, :, 4:, :4], images[:, :, 4:, 3:]]
    assert np.array_equal(five, np.stack([*expected, images[:, :, 2:7, 2:6]]))
    ten = augment.TenCrop((5, 4))(images)
    assert np.array_equal(ten[:5], five)
    assert np.array_equal(ten[5:], augment.FiveCrop((5, 4))(images[..., ::-1]))
    upside_down = augment.TenCrop((5, 4), vertical_flip=True)(images)
    assert np.array_equal(upside_down[5:], augment.FiveCrop((5, 4))(images[:, :, ::-1]))
    scales = augment.MultiScaleCrop(augment.TenCrop(5), (7, 5))(images)
    assert scales.shape == (20, 40, 3, 5, 5)
    np.testing.assert_allclose(scales[:10], augment.TenCrop(5)(images), atol=1e-7)
    with pytest.raises(ValueError, match="does not fit"):
        augment.TenCrop(8)(images)


# rotation and affine maps


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("side", [1, 7, 8])
def test_right_angles_are_exact(interpolation, turns, side):
    square = seeded(side).random((4, 2, side, side), dtype=np.float32)
    turned = augment.rotate(square, 90 * turns, interpolation=interpolation)
    assert np.array_equal(turned, np.rot90(square, turns, axes=(2, 3)))
    fixed = augment.RandomRotation((90 * turns, 90 * turns), interpolation=interpolation)
    assert np.array_equal(fixed(square), turned)


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("side", [3, 6, 11])
def test_right_angles_are_exact_in_double_precision(turns, side):
    square = seeded(side).random((2, 1, side, side)) * 1e9
    turned = augment.rotate(square, 90 * turns, interpolation="bilinear", padding_mode="edge", fill=1e300)
    assert np.array_equal(turned, np.rot90(square, turns, axes=(2, 3)))
    turned = augment.rotate(square, 90 * turns, interpolation="bilinear", fill=1e300)
    assert np.array_equal(turned, np.rot90(square, turns, axes=(2, 3)))


def test_each_image_has_its_angle(square):
    turned = augment.rotate(square, [0, 90, 180, 270, 45])
    for image, result, turns in zip(square[:4], turned, range(4), strict=False):
        assert np.array_equal(result, np.rot90(image, turns, axes=(1, 2)))
    assert (turned[4, :, 0, 0] == 0).all()
    with pytest.raises(ValueError, match="5 images have one angle, or 5"):
        augment.rotate(square, [1, 2])


def test_there_and_back_again():
    y, x = np.mgrid[0:31, 0:31] - 15.0
    smooth = np.exp(-((x - 3) ** 2 + y**2) / 40)[None, None]
    there = augment.rotate(smooth, 33, interpolation="bilinear")
    assert np.abs(there - smooth).max() > 0.1
    back = augment.rotate(there, -33, interpolation="bilinear")
    np.testing.assert_allclose(back, smooth, atol=0.03)
    angle = np.radians(33)
    expected = np.exp(-((x - 3 * np.cos(angle)) ** 2 + (y + 3 * np.sin(angle)) ** 2) / 40)
    np.testing.assert_allclose(there[0, 0], expected, atol=0.02)  # counter-clockwise: up is less y


@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_beyond_the_border(mode):
    images = seeded().random((1, 1, 4, 5))
    shift = augment.RandomAffine(0, translate=(0.6, 0.5), padding_mode=mode, rng=seeded(3))
    padded = np.pad(images[0, 0], 3, mode=mode)
    assert (windows_of(padded[None], (4, 5)) == shift(images)[0]).all((1, 2, 3)).any()
    filled = augment.RandomAffine(0, translate=(1, 1), fill=0.25, rng=seeded(3))(np.ones((9, 1, 4, 5)))
    assert set(np.unique(filled)) == {0.25, 1.0}


def test_scale_shear_and_the_point_that_stays():
    y, x = np.mgrid[0:21, 0:21].astype(float)
    ramps = np.stack([x, y])[None]
    inner = (slice(None), slice(None), slice(8, 13), slice(8, 13))
    doubled = augment.RandomAffine(0, scale=(2, 2), interpolation="bilinear")(ramps)
    np.testing.assert_allclose(doubled[inner], (10 + (ramps - 10) / 2)[inner])
    slanted = augment.RandomAffine(0, shear=(45, 45), interpolation="bilinear")(ramps)
    np.testing.assert_allclose(slanted[0, 0][inner[2:]], (x - (y - 10))[inner[2:]], atol=1e-9)
    np.testing.assert_allclose(slanted[0, 1][inner[2:]], y[inner[2:]], atol=1e-9)
    down = augment.RandomAffine(0, shear=(0, 0, 45, 45), interpolation="bilinear")(ramps)
    np.testing.assert_allclose(down[0, 1][inner[2:]], (y - (x - 10))[inner[2:]], atol=1e-9)
    about = augment.RandomAffine(0, scale=(3, 3), center=(9, 11), interpolation="bilinear")(ramps)
    assert about[0, :, 11, 9].tolist() == [9, 11]


def test_parameters_of_affine_maps_fill_their_ranges():
    y, x = np.mgrid[0:41, 0:41] / 41.0
    images = np.broadcast_to(np.stack([x, y]), (600, 2, 41, 41))
    moved = augment.RandomAffine(20, scale=(0.8, 1.25), interpolation="bilinear", rng=seeded())(images)
    slope = 41 * (moved[:, :, 20, 21] - moved[:, :, 20, 20])  # the first column of the inverse
    angle, scale = np.degrees(np.arctan2(slope[:, 1], slope[:, 0])), 1 / np.hypot(*slope.T)
    for values, low, high in ((angle, -20, 20), (scale, 0.8, 1.25)):
        spread = high - low
        assert low - 1e-6 <= values.min() < low + 0.03 * spread
        assert high - 0.03 * spread < values.max() <= high + 1e-6
        assert abs(values.mean() - (low + high) / 2) < 0.05 * spread


def test_each_parameter_has_its_own_draw():
    y, x = np.mgrid[0:41, 0:41] / 41.0
    images = np.broadcast_to(np.stack([x, y]), (500, 2, 41, 41))
    moved = augment.RandomAffine(0, shear=(-20, 20, -10, 10), interpolation="bilinear", rng=seeded())(images)
    along = np.degrees(np.arctan(-41 * (moved[:, 0, 21, 20] - moved[:, 0, 20, 20])))
    down = np.degrees(np.arctan(-41 * (moved[:, 1, 20, 21] - moved[:, 1, 20, 20])))
    assert 19 < np.abs(along).max() <= 20 + 1e-6
    assert 9.5 < np.abs(down).max() <= 10 + 1e-6
    assert abs(np.corrcoef(along, down)[0, 1]) < 0.15


def test_shifts_are_shares_of_width_and_height():
    ramp = np.broadcast_to(np.arange(40.0), (300, 1, 6, 40))
    aside = (
        20
        - augment.RandomAffine(0, translate=(0.25, 0), padding_mode="edge", rng=seeded())(ramp)[:, 0, 3, 20]
    )
    assert np.array_equal(aside, np.rint(aside))
    assert (aside.min(), aside.max()) == (-10, 10)
    ramp = np.ascontiguousarray(ramp.swapaxes(2, 3))
    down = (
        20
        - augment.RandomAffine(0, translate=(0, 0.25), padding_mode="edge", rng=seeded())(ramp)[:, 0, 20, 3]
    )
    assert (down.min(), down.max()) == (-10, 10)
    tall = augment.RandomAffine(0, translate=(0.5, 0), padding_mode="edge", rng=seeded())(ramp)
    assert np.array_equal(tall, ramp)


# colours


def test_neutral_changes_change_nothing(images):
    for change in (augment.adjust_brightness, augment.adjust_contrast, augment.adjust_saturation):
        assert np.array_equal(change(images, 1), images)
    for turn in (0, 1, -2):
        np.testing.assert_allclose(augment.adjust_hue(images, turn), images, atol=2e-6)
    assert np.array_equal(augment.ColorJitter()(images), images)


def test_extreme_changes(images):
    assert (augment.adjust_brightness(images, 0) == 0).all()
    grey = augment.adjust_saturation(images, 0)
    assert np.array_equal(grey[:, :1].repeat(3, 1), grey)
    np.testing.assert_allclose(grey[:, 0], np.tensordot([0.299, 0.587, 0.114], images, (0, 1)), atol=1e-6)
    flat = augment.adjust_contrast(images, 0)
    np.testing.assert_allclose(
        flat, grey.mean((1, 2, 3), keepdims=True).repeat(3, 1)[..., :1] + 0 * flat, atol=1e-6
    )
    assert augment.adjust_brightness(images, 5).max() == 1
    np.testing.assert_allclose(augment.adjust_brightness(images, 0.5), images / 2)


def test_hues():
    red, green, blue, yellow = np.eye(3)[0], np.eye(3)[1], np.eye(3)[2], np.array([1, 1, 0.0])
    colors = np.stack([red, green, blue, yellow]).reshape(4, 3, 1, 1)
    turned = augment.adjust_hue(colors, [1 / 3, 1 / 3, 1 / 3, 0.5])
    np.testing.assert_allclose(turned[..., 0, 0], [green, blue, red, blue], atol=1e-9)
    import colorsys

    images = seeded().random((30, 3, 1, 1))
    for image, result in zip(images, augment.adjust_hue(images, 0.21), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*image[:, 0, 0])
        np.testing.assert_allclose(result[:, 0, 0], colorsys.hsv_to_rgb((h + 0.21) % 1, s, v), atol=1e-9)
    half = augment.adjust_hue(augment.adjust_hue(images, 0.5), 0.5)
    np.testing.assert_allclose(half, images, atol=1e-9)


def test_grey_images_and_other_channels():
    grey = seeded().random((4, 1, 5, 5))
    np.testing.assert_allclose(augment.adjust_saturation(grey, 0.3), grey)
    assert np.array_equal(augment.adjust_hue(grey, 0.3), grey)
    as_color = np.repeat(grey, 3, axis=1)
    np.testing.assert_allclose(augment.adjust_saturation(as_color, 1.7), as_color, atol=1e-12)
    np.testing.assert_allclose(augment.adjust_hue(as_color, 0.3), as_color, atol=1e-12)
    np.testing.assert_allclose(
        augment.adjust_contrast(as_color, 0.4)[:, :1], augment.adjust_contrast(grey, 0.4)
    )
    with pytest.raises(ValueError, match=r"np.moveaxis\(images, -1, 1\)"):
        augment.adjust_hue(np.zeros((2, 8, 8, 3)), 0.1)
    assert augment.adjust_brightness(np.ones((1, 5, 2, 2)), 0.5).max() == 0.5
    for wrong in (-1, [1, 2, 3], np.nan):
        with pytest.raises(ValueError, match="one number from 0 on, or one for each of 4 images"):
            augment.adjust_contrast(grey, wrong)


def test_jitter_draws_from_its_ranges():
    grey = np.full((4000, 1, 1, 1), 0.4)
    factors = augment.ColorJitter(brightness=0.5, rng=seeded())(grey).ravel() / 0.4
    assert 0.5 <= factors.min() < 0.51
    assert 1.49 < factors.max() <= 1.5
    assert abs(factors.mean() - 1) < 0.02
    pair = augment.ColorJitter(brightness=(0.2, 0.3), rng=seeded())(grey).ravel() / 0.4
    assert pair.min() + 1e-9 >= 0.2
    assert pair.max() <= 0.3 + 1e-9


def test_jitter_in_a_random_order():
    """Brightness and contrast of two pixels do not commute: both orders are seen."""
    images = np.broadcast_to(np.array([0.2, 0.9]).reshape(1, 1, 1, 2), (200, 1, 1, 2))
    jitter = augment.ColorJitter(brightness=(1.5, 1.5), contrast=(0.5, 0.5), rng=seeded())(images)
    once = augment.adjust_contrast(augment.adjust_brightness(images[:1], 1.5), 0.5)
    other = augment.adjust_brightness(augment.adjust_contrast(images[:1], 0.5), 1.5)
    first = np.isclose(jitter, once).all((1, 2, 3))
    second = np.isclose(jitter, other).all((1, 2, 3))
    assert (first | second).all()
    assert 60 < first.sum() < 140


# noise


def test_normal_noise():
    grey = np.full((10, 1, 50, 50), 0.5)
    noise = augment.GaussianNoise(0.1, 0.05, rng=seeded())(grey) - 0.5
    assert abs(noise.mean() - 0.1) < 0.002
    assert abs(noise.std() - 0.05) < 0.002
    wild = augment.GaussianNoise(sigma=10, clip=False, rng=seeded())(grey * 100)
    assert wild.max() > 60
    assert set(np.unique(augment.GaussianNoise(sigma=1e6, rng=seeded())(grey))) == {0, 1}


def test_colour_noise_follows_the_principal_colours(rng):
    directions = np.array([[1, 1, 1], [1, -1, 0]]) / np.array([[3**0.5], [2**0.5]])
    pixels = 0.5 + rng.normal(size=(4000, 2)) * [0.1, 0.02] @ directions
    images = pixels.reshape(40, 10, 10, 3).transpose(0, 3, 1, 2)
    noise = augment.PCAColorNoise.from_images(images, std=3, clip=False, rng=seeded())
    np.testing.assert_allclose(np.abs(noise.eigenvectors.T[:2] @ directions.T), np.eye(2), atol=0.05)
    np.testing.assert_allclose(
        noise.eigenvalues, np.linalg.eigvalsh(np.cov(pixels.T, ddof=0))[::-1], atol=1e-12
    )
    many = np.repeat(images[:1], 3000, axis=0)
    shift = noise(many) - many
    assert np.abs(shift - shift[:, :, :1, :1]).max() < 1e-12  # one shift for all pixels
    amounts = shift[:, :, 0, 0] @ noise.eigenvectors
    np.testing.assert_allclose(amounts.std(0)[:2], 3 * noise.eigenvalues[:2], rtol=0.06)
    assert np.array_equal(augment.PCAColorNoise([1, 1, 1], np.eye(3), std=0)(many), many)
    with pytest.raises(ValueError, match="of 3 channels, and the images have 1"):
        noise(np.zeros((1, 1, 2, 2)))


# erasing


@pytest.mark.parametrize("value", [0, 0.5, [0.1, 0.2, 0.3], "random"])
def test_erasing_leaves_all_else(value):
    images = seeded(1).random((500, 3, 16, 16)) + 2
    result = augment.RandomErasing(0.6, value=value, rng=seeded())(images)
    gone = (result != images).any(1)
    assert abs(gone.any((1, 2)).mean() - 0.6) < 0.08
    areas, shapes = [], []
    for image, hole in zip(result, gone, strict=True):
        if hole.any():
            rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
            assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
            areas.append(hole.mean())
            shapes.append(len(rows) / len(columns))
            if value != "random":
                filled = image[:, hole]
                assert np.array_equal(filled, np.broadcast_to(np.reshape(value, (-1, 1)), filled.shape))
    assert min(areas) >= 0.01
    assert 0.28 < max(areas) < 0.36
    assert min(shapes) < 0.45
    assert max(shapes) > 2.4
    if value == "random":
        noise = result[np.broadcast_to(gone[:, None], result.shape)]
        assert abs(noise.mean()) < 0.05
        assert abs(noise.std() - 1) < 0.05


def test_the_shape_of_what_is_erased_is_height_over_width():
    images = np.ones((300, 1, 40, 40))
    gone = augment.RandomErasing(1, scale=(0.1, 0.15), ratio=(2.5, 3), rng=seeded())(images)[:, 0] == 0
    ratios = gone.any(2).sum(1) / gone.any(1).sum(1)
    assert ratios.min() > 2.2
    assert ratios.max() < 3.4


def test_erasing_never_takes_the_whole_image():
    tiny = np.ones((50, 1, 1, 1))
    assert (augment.RandomErasing(1, scale=(0.9, 1))(tiny) == 1).all()


def test_cutout():
    images = np.ones((3000, 2, 9, 9))
    result = augment.Cutout(4, fill=0.5, rng=seeded())(images)
    holes = (result == 0.5).all(1)
    assert np.array_equal((result == 0.5).any(1), holes)
    sizes = holes.sum((1, 2))
    assert sizes.max() == 16
    assert sizes.min() == 4  # a quarter, in the corner
    middle = holes[:, 4, 4].mean()
    assert abs(middle - 16 / 81) < 0.03
    assert (augment.Cutout(18)(images[:5]) == 0).all()
    kept = (augment.Cutout(3, p=0.25, rng=seeded())(images) == 1).all((1, 2, 3))
    assert abs(kept.mean() - 0.75) < 0.03


# mixing


def test_mixup(rng):
    images, labels = rng.random((600, 3, 4, 4)), rng.integers(0, 7, 600)
    mixed, soft = augment.MixUp(num_classes=7, rng=seeded())(images, labels)
    assert soft.shape == (600, 7)
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-12)
    assert (soft >= 0).all()
    share = seeded().beta(1, 1, 600)
    expected = share[:, None] * np.eye(7)[labels]
    assert (soft >= expected - 1e-12).all()
    # the images are convex combinations: recover the partner from the images alone
    rest = (mixed - share[:, None, None, None] * images) / (1 - share)[:, None, None, None]
    partner = np.abs(rest[:, None, 0, 0, 0] - images[None, :, 0, 0, 0]).argmin(1)
    np.testing.assert_allclose(rest, images[partner], atol=1e-6)
    np.testing.assert_allclose(soft - expected, (1 - share)[:, None] * np.eye(7)[labels[partner]], atol=1e-12)
    assert sorted(partner) == list(range(600))
    assert abs(share.mean() - 0.5) < 0.03


def test_equal_images_stay_as_they_are(rng):
    same = np.repeat(rng.random((1, 3, 4, 4), dtype=np.float32), 9, axis=0)
    for kind in (augment.MixUp, augment.CutMix):
        mixed, soft = kind(num_classes=2, rng=seeded())(same, np.ones(9, int))
        assert np.array_equal(mixed, same)
        assert np.array_equal(soft, np.tile(np.float32([0, 1]), (9, 1)))


def test_the_weight_of_a_label_is_the_area_of_its_image():
    images = np.broadcast_to(np.arange(64.0)[:, None, None, None], (64, 2, 6, 10))
    mixed, soft = augment.CutMix(num_classes=64, rng=seeded())(images, np.arange(64))
    for number, (image, weights) in enumerate(zip(mixed, soft, strict=True)):
        assert np.array_equal(image[0], image[1])
        area = np.bincount(image[0].astype(int).ravel(), minlength=64) / 60
        np.testing.assert_allclose(weights, area, atol=1e-15)
        other = image[0] != number
        if other.any():
            rows, columns = np.flatnonzero(other.any(1)), np.flatnonzero(other.any(0))
            assert other[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    own = soft[np.arange(64), np.arange(64)]
    assert own.min() < 0.4
    assert own.max() > 0.9


def test_labels_that_cannot_be_mixed(images):
    for kind in (augment.MixUp, augment.CutMix):
        with pytest.raises(ValueError, match="call it with images and labels"):
            kind(num_classes=3)(images)
        with pytest.raises(ValueError, match="needs num_classes"):
            kind()(images, np.zeros(40, int))
        with pytest.raises(ValueError, match="there is no class 3 among 3"):
            kind(num_classes=3)(images, np.full(40, 3))
        with pytest.raises(ValueError, match="is of 3 classes, and the labels of 4"):
            kind(num_classes=3)(images, np.full((40, 4), 0.25))
        soft = np.full((40, 4), 0.25)
        assert np.array_equal(kind()(images, soft)[1], soft)
    with pytest.raises(TypeError, match="MixUp mixes values"):
        augment.MixUp(num_classes=3)((images * 255).astype(np.uint8), np.zeros(40, int))
    cut, soft = augment.CutMix(num_classes=3)((images * 255).astype(np.uint8), np.zeros(40, int))
    assert cut.dtype == np.uint8
    assert soft.dtype == np.float32
