"""Files: exact, atomic, and safe to read."""

import os

import numpy as np
import pytest

import pullback as pb


@pytest.mark.parametrize("dtype", [pb.float32, pb.float64, pb.int64, pb.bool, pb.uint8])
def test_round_trip(tmp_path, dtype):
    path = tmp_path / "model"
    value = np.array([[0, 1], [1, 0]]).astype(dtype)
    pb.save({"a.weight": pb.tensor(value), "b": value.T, "c": pb.tensor(value)[0, 1], "d": value[:0]}, path)
    loaded = pb.load(path)
    assert list(loaded) == ["a.weight", "b", "c", "d"]
    np.testing.assert_array_equal(loaded["a.weight"].numpy(), value)
    np.testing.assert_array_equal(loaded["b"].numpy(), value.T)
    assert loaded["b"].dtype == dtype
    assert loaded["c"].shape == ()
    assert loaded["d"].shape == (0, 2)
    assert os.listdir(tmp_path) == ["model"]


def test_parameters_can_be_saved_as_they_are(tmp_path):
    pb.save({"w": pb.tensor([1.0], requires_grad=True)}, tmp_path / "w")
    assert not pb.load(tmp_path / "w")["w"].requires_grad


def test_a_failed_save_leaves_the_previous_file(tmp_path):
    path = tmp_path / "model"
    pb.save({"a": pb.tensor([1.0])}, path)
    for bad in ({"a": object()}, {1: pb.tensor(1.0)}, [pb.tensor(1.0)]):
        with pytest.raises(TypeError, match="save takes"):
            pb.save(bad, path)
    assert pb.load(path)["a"].tolist() == [1]
    with pytest.raises(FileNotFoundError):
        pb.save({"a": pb.tensor([1.0])}, tmp_path / "missing" / "model")
    assert os.listdir(tmp_path) == ["model"]


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "model"
    pb.save({"a": pb.tensor(np.arange(100.0))}, path)
    whole = path.read_bytes()
    broken = [b"", b"hello", whole[:50], whole[:-1], b"\xff" * 8 + whole[8:], whole.replace(b"800", b"900")]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            pb.load(path)
    with pytest.raises(FileNotFoundError):
        pb.load(tmp_path / "nothing")
