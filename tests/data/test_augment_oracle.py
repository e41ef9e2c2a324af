"""Interpolation of augmentations against PyTorch's."""

import numpy as np
import pytest

from pullback.data import augment

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")
F = torch.nn.functional


@pytest.fixture
def images(rng):
    return rng.random((3, 2, 13, 10))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(5, 4), (13, 10), (20, 31), (3, 17)])
def test_resizing(images, size, antialias):
    theirs = F.interpolate(torch.tensor(images), size, mode="bilinear", antialias=antialias).numpy()
    np.testing.assert_allclose(augment.Resize(size, antialias=antialias)(images), theirs, atol=1e-7)


@pytest.mark.parametrize("size", [(5, 4), (20, 31)])
def test_resizing_to_the_nearest(images, size):
    theirs = F.interpolate(torch.tensor(images), size, mode="nearest-exact").numpy()
    assert np.array_equal(augment.Resize(size, interpolation="nearest")(images), theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("constant", "zeros"), ("edge", "border"), ("reflect", "reflection")]
)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("degrees", [17.0, -50.0, 130.0])
def test_rotation(rng, degrees, interpolation, ours, theirs):
    square = rng.random((2, 3, 12, 12))
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
    grid = F.affine_grid(torch.tensor(np.stack([matrix] * 2)), (2, 3, 12, 12), align_corners=True)
    expected = F.grid_sample(
        torch.tensor(square), grid, mode=interpolation, padding_mode=theirs, align_corners=True
    ).numpy()
    found = augment.rotate(square, degrees, interpolation=interpolation, padding_mode=ours)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_standard_images_make_the_loss_of_two_labels(rng):
    images, labels = rng.random((6, 3, 4, 4)), np.array([0, 1, 2, 0, 1, 2])
    for kind in (augment.MixUp, augment.CutMix):
        _, soft = kind(num_classes=3, rng=np.random.default_rng(0))(images, labels)
        logits = torch.tensor(rng.normal(size=(6, 3)))
        together = F.cross_entropy(logits, torch.tensor(soft), reduction="none").numpy()
        apart = [F.cross_entropy(logits, torch.full((6,), c), reduction="none").numpy() for c in range(3)]
        np.testing.assert_allclose(together, np.sum(soft.T * np.array(apart), axis=0), rtol=1e-9)
