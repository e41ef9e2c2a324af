"""`.npz` archives."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pullback import data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("npz")


@settings(deadline=None)
@given(
    st.sampled_from([np.savez, np.savez_compressed]),
    hnp.arrays(
        st.sampled_from(["i4", "u1", "f4", ">i2", "?", "U3"]), hnp.array_shapes(min_dims=0, min_side=0)
    ),
)
def test_what_is_written_is_read(folder, save, array):
    path = folder / "round.npz"
    save(path, x=array, y=np.arange(3))
    assert list(data.read_npz(path)) == ["x", "y"]
    (again,) = data.read_npz(path, "x").values()
    assert again.shape == array.shape
    assert np.array_equal(again, array, equal_nan=array.dtype.kind == "f")


def test_floats_come_in_the_default_dtype_and_arrays_in_the_order_asked_for(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(
        path, x=np.zeros(2), y=np.zeros(2, np.float16), z=np.zeros(2, int), w=np.asfortranarray(np.eye(2, 3))
    )
    arrays = data.read_npz(path)
    assert [array.dtype for array in arrays.values()] == [np.float32, np.float32, np.int64, np.float32]
    assert list(data.read_npz(path, "z", "x")) == ["z", "x"]
    assert np.array_equal(arrays["w"], np.eye(2, 3))


def test_what_is_not_inside(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=np.zeros(2), labels=np.zeros(2))
    with pytest.raises(ValueError, match=r"a\.npz: there is no array 'x'; there are 'images', 'labels'"):
        data.read_npz(path, "x")
    with pytest.raises(ValueError, match=r"the arrays take .* bytes, more than max_bytes=100"):
        data.read_npz(path, max_bytes=100)


def test_objects_are_never_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object), y=np.arange(2))
    with pytest.raises(ValueError, match=r"a\.npz: x\.npy holds Python objects"):
        data.read_npz(path)
    assert data.read_npz(path, "y")["y"].tolist() == [0, 1]


def header(shape, dtype="<f8", size=0):
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape})
    text = text.ljust(128 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(size)


def archive(path, content, name="x.npy", kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            header((10**12,)),
            r"x.npy promises float64\[1000000000000\], which are 8000000000000 bytes, and holds 0",
        ),
        (header((3,), size=16), "holds 16"),
        (header((3,), size=32), "holds 32"),
        (header((-1,), size=8), "promises"),
        (b"no array", "a.npz"),
        (b"\x93NUMPY\x09\x00" + bytes(20), "format version"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "a.npz"),
        (header("hello"), "a.npz"),
        (b"", "a.npz"),
    ],
)
def test_damaged_arrays(tmp_path, content, message):
    path = archive(tmp_path / "a.npz", content)
    with pytest.raises(ValueError, match=message):
        data.read_npz(path)


def test_a_lie_about_the_size_is_found_before_memory_is_taken(tmp_path):
    path = archive(tmp_path / "a.npz", header((2**40,), "|u1"))
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24  # the unpacked size in the central directory
    content[place : place + 4] = struct.pack("<I", 2**30)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is said to have 1073741824 bytes, which cannot come of"):
        data.read_npz(path)


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "a.npz"
    for content in (b"", b"PK", b"a text", np.arange(3).tobytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.npz is no \.npz archive, or damaged"):
            data.read_npz(path)
    with pytest.raises(FileNotFoundError):
        data.read_npz(tmp_path / "nowhere.npz")


WHOLE = io.BytesIO()
np.savez_compressed(WHOLE, x=np.arange(30.0), y=np.arange(4))


@settings(deadline=None)
@given(st.integers(0, len(WHOLE.getvalue()) - 1), st.integers(0, 255), st.booleans())
def test_no_bytes_do_anything_else(folder, place, value, cut):
    content = bytearray(WHOLE.getvalue())
    content[place] = value
    path = folder / "fuzz.npz"
    path.write_bytes(content[:place] if cut else content)
    complaint = None
    try:
        data.read_npz(path)
    except ValueError as error:
        complaint = str(error)
    assert complaint is None or str(path) in complaint
