"""CIFAR-10 and CIFAR-100 in the binary version."""

import numpy as np
import pytest

from pullback import data

PIXELS = 3072


def records(labels, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), PIXELS)).astype(np.uint8)
    return np.concatenate([np.array(labels, np.uint8).reshape(len(labels), -1), pixels], axis=1)


def put(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(records([number, 0], number).tobytes())
    (folder / "test_batch.bin").write_bytes(records([7]).tobytes())


@pytest.mark.parametrize("place", ["", "cifar-10-batches-bin"])
def test_cifar10(tmp_path, place):
    put(tmp_path / place)
    dataset = data.CIFAR10(tmp_path)
    assert dataset.labels.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]
    image, label = dataset[2]
    assert (image.shape, image.dtype, label) == ((3, 32, 32), np.float32, 2)
    assert np.array_equal(np.round(image * 255).reshape(-1), records([2, 0], 2)[0, 1:]), "red, green, blue"
    assert data.DataLoader(dataset, 4).dataset.classes == tuple("0123456789")
    (tmp_path / place / "batches.meta.txt").write_text(
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
    )
    test = data.CIFAR10(tmp_path, train=False)
    assert test.classes[test[0][1]] == "horse"
    (tmp_path / place / "batches.meta.txt").write_text("airplane\n")
    with pytest.raises(ValueError, match="should name 10 classes, and names 1"):
        data.CIFAR10(tmp_path)


def test_cifar100(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    (folder / "train.bin").write_bytes(records([[19, 99], [0, 42]]).tobytes())
    assert data.CIFAR100(tmp_path).labels.tolist() == [99, 42]
    assert data.CIFAR100(tmp_path, coarse=True).labels.tolist() == [19, 0]
    assert len(data.CIFAR100(tmp_path).classes) == 100
    image, _ = data.CIFAR100(tmp_path)[0]
    assert np.array_equal(np.round(image * 255).reshape(-1), records([[19, 99], [0, 42]])[0, 2:])
    (folder / "train.bin").write_bytes(records([[19, 99], [20, 42]]).tobytes())
    with pytest.raises(ValueError, match="the label 20 at place 1, and the classes are 0 to 19"):
        data.CIFAR100(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 bytes, and the binary version has 3073 for each image"),
        (records([1]).tobytes()[:-1], "has 3072 bytes"),
        (b"\x80\x04\x95" + bytes(100), "the one for Python is a pickle, which is never read"),
        (records([1, 10]).tobytes(), "the label 10 at place 1"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    put(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.CIFAR10(tmp_path)
    assert "data_batch_3.bin" in str(caught.value)


def test_missing_files(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"data_batch_1.bin is missing.*CIFAR10\(root, download=True\)"
    ):
        data.CIFAR10(tmp_path)
    put(tmp_path)
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_4\.bin is missing"):
        data.CIFAR10(tmp_path)


def test_nothing_is_asked_for_that_lies_in_the_folder_itself(tmp_path, monkeypatch):
    put(tmp_path)
    monkeypatch.setattr(data.CIFAR10, "urls", ("http://127.0.0.1:1/nothing.tar.gz",))
    assert len(data.CIFAR10(tmp_path, download=True)) == 10
