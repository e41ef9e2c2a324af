"""Folders of images."""

import numpy as np
import pytest

from pullback import data

Image = pytest.importorskip("PIL.Image")


def put(path, pixels, **arguments):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **arguments)


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("zebra/2.png", "zebra/10.PNG", "ant/deep/x.png", "ant/b.png", ".cache/c.png"):
        put(tmp_path / name, rng.integers(0, 256, (5, 4, 3)).astype(np.uint8))
    (tmp_path / "zebra" / "notes.txt").write_text("no image")
    (tmp_path / "readme.png").write_text("beside the classes")
    return tmp_path


def test_classes_and_order(root):
    dataset = data.ImageFolder(root)
    assert dataset.classes == ("ant", "zebra")
    assert dataset.class_to_idx == {"ant": 0, "zebra": 1}
    names = [path.replace("\\", "/").removeprefix(f"{root}/") for path, _ in dataset.samples]
    assert names == ["ant/b.png", "ant/deep/x.png", "zebra/10.PNG", "zebra/2.png"]
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert len(dataset) == 4


def test_pixels(root):
    image, label = data.ImageFolder(root)[3]
    expected = np.asarray(Image.open(root / "zebra" / "2.png")).transpose(2, 0, 1)
    assert (image.shape, image.dtype, label) == ((3, 5, 4), np.float32, 1)
    assert np.array_equal(np.round(image * 255), expected)
    assert data.ImageFolder(root, mode="L")[0][0].shape == (1, 5, 4)
    assert data.ImageFolder(root, mode="RGBA")[0][0].shape == (4, 5, 4)
    for images, labels in data.DataLoader(data.ImageFolder(root, size=(8, 6)), 4, num_workers=2):
        assert images.shape == (4, 3, 8, 6)
        assert labels.tolist() == [0, 0, 1, 1]
    assert data.ImageFolder(root, transform=lambda image: image.mean())[0][0] < 1


def test_images_are_read_when_they_are_asked_for(root):
    (root / "ant" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    dataset = data.ImageFolder(root)
    assert dataset[1][1] == 0
    with pytest.raises(ValueError, match=r"a\.png cannot be read as an image"):
        dataset[0]
    whole = (root / "ant" / "b.png").read_bytes()
    (root / "ant" / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"a\.png cannot be read as an image"):
        dataset[0]
    (root / "ant" / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        dataset[0]


def test_images_that_are_too_large_are_not_unpacked(root, monkeypatch):
    put(root / "ant" / "a.png", np.zeros((100, 100), np.uint8))
    with pytest.raises(ValueError, match="100×100 pixels, more than max_pixels=9999"):
        data.ImageFolder(root, max_pixels=9999)[0]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="decompression bomb"):
        data.ImageFolder(root)[0]


def test_unusual_images(root):
    put(root / "ant" / "a.png", np.zeros((5, 4), np.uint16))
    with pytest.raises(ValueError, match="would not fit into bytes"):
        data.ImageFolder(root)[0]
    palette = Image.fromarray(np.zeros((5, 4), np.uint8)).convert("P")
    palette.save(root / "ant" / "a.png", transparency=bytes([0, 255]))
    assert data.ImageFolder(root)[0][0].shape == (3, 5, 4)


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_no_bytes_do_anything_else(root, length):
    content = bytearray((root / "ant" / "b.png").read_bytes())
    content[length : length + 4] = b"\xff\x00\xfe\x7f"
    (root / "ant" / "b.png").write_bytes(content)
    complaint = None
    try:
        assert data.ImageFolder(root)[0][0].ndim == 3
    except ValueError as error:
        complaint = str(error)
    assert complaint is None or "b.png" in complaint


def test_folders_that_hold_no_classes(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        data.ImageFolder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="has no folders in it, and each class has one"):
        data.ImageFolder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty has no images in it \(\.jpg"):
        data.ImageFolder(tmp_path)
    with pytest.raises(ValueError, match="mode is one of L, RGB, RGBA, not 'CMYK'"):
        data.ImageFolder(tmp_path, mode="CMYK")


def test_without_the_library_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'pullback\[images\]'"):
        data.ImageFolder(tmp_path)


@pytest.fixture
def uneven(tmp_path):
    rng = np.random.default_rng(0)
    for number, shape in enumerate([(9, 7, 3), (6, 12, 3), (8, 8, 3), (20, 5, 3)]):
        put(tmp_path / "uneven" / "all" / f"{number}.png", rng.integers(0, 256, shape).astype(np.uint8))
    return tmp_path / "uneven"


def test_sizes(root):
    assert data.ImageFolder(root, size=6)[0][0].shape == (3, 6, 6)
    assert data.ImageFolder(root, size=[6, 7])[0][0].shape == (3, 6, 7)
    for size in (0, (4, -1), 2.5, (1, 2, 3), "6"):
        with pytest.raises(ValueError, match="size is a whole number from 1 on, or"):
            data.ImageFolder(root, size=size)


def test_an_augmentation_brings_images_of_different_sizes_to_one(uneven):
    folder = data.ImageFolder(uneven, transform=data.augment.RandomResizedCrop(5))

    def epoch(**workers):
        loader = data.DataLoader(folder, 2, shuffle=True, rng=np.random.default_rng(1), **workers)
        return [images.numpy() for images, _ in loader]

    first = epoch()
    assert [images.shape for images in first] == [(2, 3, 5, 5)] * 2
    assert all(np.array_equal(*pair) for pair in zip(first, epoch(num_workers=2), strict=True))


def test_an_augmentation_with_a_generator_of_its_own_is_refused(root):
    crop = data.augment.RandomCrop(4, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="RandomCrop has a generator of its own"):
        data.ImageFolder(root, transform=crop)
    with pytest.raises(TypeError, match="a transform is called with an image, and int cannot be"):
        data.ImageFolder(root, transform=3)
