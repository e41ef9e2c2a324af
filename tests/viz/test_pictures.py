"""Grids of images, and what augmentations make of them."""

import numpy as np
import pytest

import pullback as pb
from pullback import viz


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_grid(theme, rng, tmp_path):
    for images in (rng.random((5, 3, 4, 6)), rng.random((5, 1, 4, 6)), pb.asarray(rng.random((5, 4, 6)))):
        plot = viz.image_grid(images, ["a", "b", "c", "d", 5], columns=3, theme=theme)
        assert len(plot.figure.axes) == 5
        assert [axes.get_title() for axes in plot.figure.axes] == ["a", "b", "c", "d", "5"]
        drawn = plot.figure.axes[2].get_images()[0].get_array()
        assert drawn.shape == (4, 6, 3)
        np.testing.assert_allclose(
            drawn.reshape(4, 6, 3)[..., 0], plot.data.tiles[2].reshape(4, 6, -1)[..., 0]
        )
        plot.save(tmp_path / "grid.png", dpi=40)


def test_values_have_a_range(rng):
    images = rng.normal(size=(3, 2, 2)) * 5
    with pytest.raises(ValueError, match=r"values in \[0, 1\], and these go from .* stretch=True"):
        viz.image_grid(images)
    tiles = viz.image_grid(images, stretch=True).data.tiles
    assert tiles.min((1, 2)).tolist() == [0, 0, 0]
    assert tiles.max((1, 2)).tolist() == [1, 1, 1]
    assert (viz.figures.arrange(np.full((2, 3, 4, 4), 7.0), stretch=True).tiles == 0).all()


def test_what_is_no_image():
    for shape in ((2, 2), (1, 2, 4, 4), (0, 3, 4, 4)):
        with pytest.raises(ValueError, match=r"images have shape|no images"):
            viz.image_grid(np.zeros(shape))
    with pytest.raises(ValueError, match="2 images have 2 titles, not 1"):
        viz.image_grid(np.zeros((2, 4, 4)), ["a"])


def test_augmentations_in_rows(rng, tmp_path):
    images = rng.random((4, 3, 6, 6))
    plot = viz.augmentations(images, {"flip": lambda x: x[..., ::-1], "crop": lambda x: x[:, :, :3, :2]})
    assert list(plot.data.rows) == ["images", "flip", "crop"]
    assert np.array_equal(plot.data.rows["flip"], plot.data.rows["images"][:, :, ::-1])
    assert [len(axes.get_images()) for axes in plot.figure.axes] == [4, 4, 4]
    assert [axes.texts[0].get_text() for axes in plot.figure.axes] == ["images", "flip", "crop"]
    plot.save(tmp_path / "rows.png", dpi=40)
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        viz.augmentations(images, {"brighter": lambda x: 2 * x})
