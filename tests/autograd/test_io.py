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


def test_names_and_dtypes_that_the_format_lacks(tmp_path):
    for bad in (
        {"__metadata__": pb.tensor(1.0)},
        {"\ud800": pb.tensor(1.0)},
        {"a": np.zeros(1, np.longdouble)},
    ):
        with pytest.raises(TypeError):
            pb.save(bad, tmp_path / "model")
    assert not os.listdir(tmp_path)


def test_links_are_followed_and_permissions_kept(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    pb.save({"a": pb.tensor(1.0)}, target)
    target.chmod(0o600)
    link.symlink_to(target)
    pb.save({"a": pb.tensor(2.0)}, link)
    assert link.is_symlink()
    assert pb.load(target)["a"].item() == 2
    assert target.stat().st_mode & 0o777 == 0o600


def test_long_names_and_missing_folders(tmp_path):
    pb.save({"a": pb.tensor(1.0)}, tmp_path / ("m" * 250))
    with pytest.raises(FileNotFoundError, match=r"No such file.*missing"):
        pb.save({"a": pb.tensor(1.0)}, tmp_path / "missing" / "model")
