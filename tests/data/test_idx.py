"""IDX files, and MNIST and Fashion-MNIST made of them: round trips, and what is said of damaged files."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pullback as pb
from pullback import data

DTYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES))).newbyteorder(draw(st.sampled_from("<>")))
    return draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@settings(deadline=None)
@given(arrays(), st.booleans())
def test_what_is_written_is_read(folder, array, packed):
    path = folder / ("array.gz" if packed else "array")
    data.write_idx(array, path)
    again = data.read_idx(path)
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.dtype.isnative
    assert np.array_equal(again, array, equal_nan=array.dtype.kind == "f")
    assert again.flags.writeable


def test_the_bytes_are_those_of_the_format(tmp_path):
    path = tmp_path / "array"
    data.write_idx(np.array([[1, -2]], np.int16), path)
    assert path.read_bytes() == bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0xFF, 0xFE])
    path.write_bytes(gzip.compress(bytes([0, 0, 0x0D, 1, 0, 0, 0, 1]) + struct.pack(">f", 2.5)))
    assert data.read_idx(path).tolist() == [2.5], "packed, whatever its name is"
    data.write_idx(pb.tensor([1.5]), path)
    assert data.read_idx(path).tolist() == [1.5]


HEAD = bytes([0, 0, 8, 1])
DAMAGED = {
    "empty": (b"", "ends within the magic number: 4 bytes are due, and 0 are there"),
    "a text": (b"label,pixel\n", "is no IDX file: it begins with the bytes 6c 61 62 65"),
    "an unknown dtype": (bytes([0, 0, 10, 1, 0, 0, 0, 0]), "is no IDX file"),
    "no axes": (bytes([0, 0, 8, 0]), "is no IDX file"),
    "no lengths": (HEAD + b"\0\0", "ends within the lengths of the axes"),
    "truncated": (HEAD + b"\0\0\0\3ab", r"promises uint8\[3\], which are 3 bytes, and ends after 2"),
    "too much": (HEAD + b"\0\0\0\1ab", "and holds more"),
    "a lie": (HEAD + b"\xff\xff\xff\xff", "which are 4294967295 bytes, and cannot hold"),
    "a great lie": (bytes([0, 0, 14, 4]) + b"\xff" * 16, "cannot hold more"),
    "nothing, very long": (bytes([0, 0, 14, 4]) + bytes(4) + b"\xff" * 12, "and no array can be so"),
    "a packed lie": (gzip.compress(HEAD + b"\xff\xff\xff\xff"), "cannot hold more"),
    "a small packed lie": (gzip.compress(HEAD + b"\0\0\x10\0"), "ends after 0: it is incomplete"),
    "too much, packed": (gzip.compress(HEAD + b"\0\0\0\1ab"), "and holds more"),
    "half a package": (gzip.compress(HEAD + b"\0\0\0\2ab")[:-6], "packed with gzip, and damaged"),
    "a broken package": (b"\x1f\x8b" + b"\x07" * 30, "packed with gzip, and damaged"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files(tmp_path, content, message):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.read_idx(path)
    assert str(path) in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    content = HEAD + (2**26).to_bytes(4, "big")
    with gzip.open(path, "wb") as file:
        file.write(content)
        for _ in range(2**6):
            file.write(bytes(2**20))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than max_bytes=1000; raise that"):
            data.read_idx(path, max_bytes=1000)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@settings(deadline=None)
@given(st.binary(max_size=40), st.sampled_from([b"", HEAD, b"\x1f\x8b\x08\0", bytes([0, 0, 12, 2])]))
def test_no_bytes_do_anything_else(folder, content, start):
    path = folder / "fuzz"
    path.write_bytes(start + content)
    complaint = None
    try:
        data.read_idx(path)
    except ValueError as error:
        complaint = str(error)
    assert complaint is None or str(path) in complaint


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 255))
def test_a_changed_byte_of_a_packed_file_is_noticed_or_harmless(folder, place, value):
    path = folder / "changed.gz"
    array = np.arange(20, dtype=np.int32)
    data.write_idx(array, path)
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    complaint = None
    try:
        assert np.array_equal(data.read_idx(path), array)
    except ValueError as error:
        complaint = str(error)
    assert complaint is None or str(path) in complaint


def test_what_the_format_cannot_hold(tmp_path):
    for array, error, message in (
        (np.zeros(2, np.int64), TypeError, "has no int64; it has uint8, int8"),
        (np.zeros(2, bool), TypeError, "has no bool"),
        (np.uint8(1), ValueError, "arrays of 1 to 32 axes, and this one has 0"),
    ):
        with pytest.raises(error, match=message):
            data.write_idx(array, tmp_path / "array")
    assert list(tmp_path.iterdir()) == []


# MNIST

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint64).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([9, 0, 4], np.uint8)


def put(folder, part="train", images=IMAGES, labels=LABELS, end=""):
    folder.mkdir(parents=True, exist_ok=True)
    data.write_idx(images, folder / f"{part}-images-idx3-ubyte{end}")
    data.write_idx(labels, folder / f"{part}-labels-idx1-ubyte{end}")


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("place", ["", "MNIST", "MNIST/raw"])
def test_mnist(tmp_path, place, end):
    put(tmp_path / place, end=end)
    put(tmp_path / place, "t10k", IMAGES[:1], LABELS[:1], end)
    dataset = data.MNIST(tmp_path)
    image, label = dataset[1]
    assert (image.shape, image.dtype, label) == ((1, 28, 28), np.float32, 0)
    assert np.array_equal(image, (IMAGES[1] / np.float32(255))[None])
    ((images, labels),) = data.DataLoader(dataset, 3)
    assert (images.shape, images.dtype) == ((3, 1, 28, 28), np.float32)
    assert (labels.tolist(), labels.dtype) == ([9, 0, 4], np.int64)
    assert images.numpy().max() == 1.0
    assert dataset.class_to_idx["7"] == 7
    assert len(data.MNIST(tmp_path, train=False)) == 1
    pb.set_default_dtype("float64")
    try:
        assert dataset[0][0].dtype == dataset.batch([0])[0].dtype == np.float64
    finally:
        pb.set_default_dtype("float32")


def test_a_transform_of_each_image(tmp_path):
    put(tmp_path / "FashionMNIST" / "raw")
    dataset = data.FashionMNIST(tmp_path, transform=lambda image: image[:, ::2, ::2])
    assert dataset.classes[9] == "Ankle boot"
    ((images, _),) = data.DataLoader(dataset, 3)
    assert images.shape == (3, 1, 14, 14)


def test_an_augmentation_as_transform(tmp_path):
    put(tmp_path / "MNIST" / "raw")
    plain, flipped = (data.MNIST(tmp_path, transform=t) for t in (None, data.augment.RandomVerticalFlip(1)))
    assert np.array_equal(flipped[1][0], plain[1][0][:, ::-1])
    (images, _), (mirrored, _) = plain.batch([0, 2]), flipped.batch([0, 2])
    assert np.array_equal(mirrored, images[:, :, ::-1])
    with pytest.raises(ValueError, match="call it with images and labels"):
        data.MNIST(tmp_path, transform=data.augment.MixUp(num_classes=10))[0]


def test_missing_files_say_how_to_get_them(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"raw/train-images-idx3-ubyte.gz.*MNIST\(root, download=True\)"
    ):
        data.MNIST(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:, :27], LABELS, r"images of 28×28 bytes, and holds uint8\[3, 27, 28\]"),
        (IMAGES.astype(np.int16), LABELS, "holds int16"),
        (LABELS, IMAGES, r"holds uint8\[3\]"),
        (IMAGES, LABELS[:2], r"a byte for each of the 3 images .*holds uint8\[2\]"),
        (IMAGES, np.array([1, 10, 2], np.uint8), "the label 10 at place 1, and the classes are 0 to 9"),
    ],
)
def test_files_that_do_not_belong_together(tmp_path, images, labels, message):
    put(tmp_path, images=images, labels=labels)
    with pytest.raises(ValueError, match=message):
        data.MNIST(tmp_path)
