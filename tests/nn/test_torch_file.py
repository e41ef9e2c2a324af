"""PyTorch's files, put together by hand: what is read, and what is refused."""

import contextlib
import io
import struct
import zipfile
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import nn


class Global(NamedTuple):
    path: str


class Call(NamedTuple):
    function: Any
    arguments: Any


class Outside(NamedTuple):
    id: Any


class Raw(NamedTuple):
    opcodes: bytes


def opcodes(value):
    """The instructions that make a value, of protocol 2."""
    match value:
        case Raw(code):
            return code
        case Global(path):
            module, _, name = path.rpartition(".")
            return b"c" + f"{module}\n{name}\n".encode()
        case Call(function, arguments):
            return opcodes(function) + opcodes(arguments) + b"R"
        case Outside(id):
            return opcodes(id) + b"Q"
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            data = value.to_bytes(9, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            data = value.encode()
            return b"X" + struct.pack("<I", len(data)) + data
        case tuple():
            return b"(" + b"".join(map(opcodes, value)) + b"t"
        case list():
            return b"](" + b"".join(map(opcodes, value)) + b"e"
        case dict():
            return b"}(" + b"".join(opcodes(k) + opcodes(v) for k, v in value.items()) + b"u"
    raise TypeError(value)


def archive(value, storages=(), folder="archive", **entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as z:
        z.writestr(f"{folder}/data.pkl", b"\x80\x02" + opcodes(value) + b".")
        for key, data in dict(storages).items():
            z.writestr(f"{folder}/data/{key}", data)
        for name, data in {"version": b"3\n", **entries}.items():
            z.writestr(f"{folder}/{name}", data)
    return file.getvalue()


def storage(key="0", kind="torch.FloatStorage", numel=6):
    return Outside(("storage", Global(kind), key, "cpu", numel))


def tensor(memory=None, offset=0, shape=(2, 3), strides=(3, 1), *more):
    arguments = (
        memory or storage(),
        offset,
        shape,
        strides,
        False,
        Call(Global("collections.OrderedDict"), ()),
    )
    return Call(Global("torch._utils._rebuild_tensor_v2"), arguments + more)


SIX = np.arange(6, dtype=np.float32)
SIX_BYTES = {"0": SIX.tobytes()}


@pytest.fixture
def load(tmp_path):
    def load(value, storages=SIX_BYTES, **entries):
        path = tmp_path / "model.pt"
        path.write_bytes(value if isinstance(value, bytes) else archive(value, storages, **entries))
        return nn.load_torch(path)

    return load


def test_a_state_is_read(load):
    state = Call(Global("collections.OrderedDict"), ())
    versions = {"_metadata": Call(Global("collections.OrderedDict"), ())}
    pairs = (
        b"(" + b"".join(opcodes(x) for x in ("weight", tensor(), "bias", tensor(None, 4, (2,), (1,)))) + b"u"
    )
    loaded = load(Raw(opcodes(state) + pairs + opcodes(versions) + b"b"))
    assert list(loaded) == ["weight", "bias"]
    assert loaded["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert loaded["weight"].dtype == np.float32
    assert not loaded["weight"].requires_grad
    layer = nn.Linear(3, 2)
    layer.load_state_dict(loaded)
    assert layer.bias.tolist() == [4.0, 5.0]


def test_a_checkpoint_with_numbers_and_strings(load):
    value = {"epoch": 3, "lr": 0.5, "name": "net", "flags": [True, None, ("a", 2**40)], 7: {"w": tensor()}}
    loaded = load({**value, "size": Call(Global("torch.Size"), ((1, 2),))}, folder="my net")
    assert loaded["flags"] == [True, None, ("a", 2**40)]
    assert (loaded["epoch"], loaded["lr"], loaded["name"], loaded["size"]) == (3, 0.5, "net", (1, 2))
    assert loaded[7]["w"].shape == (2, 3)


def test_strides_offsets_and_shared_memory(load):
    loaded = load(
        [tensor(None, 0, (3, 2), (1, 3)), tensor(None, 1, (), ()), tensor(None, 0, (4,), (0,)), tensor()]
    )
    transposed, number, repeated, whole = loaded
    assert transposed.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert number.item() == 1
    assert repeated.tolist() == [0, 0, 0, 0]
    whole.numpy()[0, 1] = 70.0
    assert transposed.tolist()[1][0] == 70.0
    assert load(tensor(None, 6, (0, 3), (3, 1))).shape == (0, 3)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("Double", "f8"), ("Float", "f4"), ("Half", "f2"), ("Long", "i8"), ("Int", "i4"), ("Short", "i2"),
        ("Char", "i1"), ("Byte", "u1"), ("Bool", "?"), ("ComplexFloat", "c8"), ("ComplexDouble", "c16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["little", "big"])
def test_dtypes_and_byte_orders(load, kind, dtype, order):
    values = np.array([0, 1, 2, 3, 100, 1]).astype(dtype)
    data = values.astype(values.dtype.newbyteorder("<" if order == "little" else ">")).tobytes()
    loaded = load(tensor(storage(kind=f"torch.{kind}Storage")), {"0": data}, byteorder=order.encode())
    assert loaded.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(loaded.numpy().ravel(), values)
    assert (loaded + loaded).dtype == (np.dtype(dtype) if dtype != "?" else loaded.dtype)


def test_bfloat16_is_widened(load):
    exact = np.array([1.0, -2.5, 3e38, 1e-40, np.inf, np.nan], np.float32)
    upper = (exact.view(np.uint32) >> 16).astype("<u2")
    loaded = load(tensor(storage(kind="torch.BFloat16Storage")), {"0": upper.tobytes()})
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded.numpy().ravel(), exact, rtol=2**-7, atol=1e-41)


@pytest.mark.parametrize(
    ("name", "dtype"), [("uint16", "u2"), ("uint32", "u4"), ("uint64", "u8"), ("complex32", "c8")]
)
def test_dtypes_that_are_named_beside_untyped_memory(load, name, dtype):
    width = 4 if name == "complex32" else np.dtype(dtype).itemsize
    memory = storage(kind="torch.storage.UntypedStorage", numel=6 * width)
    hooks = Call(Global("collections.OrderedDict"), ())
    value = Call(
        Global("torch._utils._rebuild_tensor_v3"),
        (memory, 0, (2, 3), (3, 1), False, hooks, Global(f"torch.{name}")),
    )
    raw = np.arange(12, dtype="<f2") if name == "complex32" else np.arange(6).astype(dtype)
    loaded = load(value, {"0": raw.tobytes()})
    expected = np.arange(0, 12, 2) + 1j * np.arange(1, 12, 2) if name == "complex32" else np.arange(6)
    assert loaded.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(loaded.numpy().ravel(), expected)


def test_lazy_conjugates_and_signs_are_carried_out(load):
    data = np.array([1 + 2j, 3 - 4j, 5j, 0, 1, 2], np.complex64)
    memory = storage(kind="torch.ComplexFloatStorage")
    for marks, expected in [({"conj": True}, data.conj()), ({"neg": True}, -data), ({"conj": False}, data)]:
        loaded = load(tensor(memory, 0, (6,), (1,), marks), {"0": data.tobytes()})
        np.testing.assert_array_equal(loaded.numpy(), expected)


def test_parameters(load):
    value = Call(Global("torch._utils._rebuild_parameter"), (tensor(), True, None))
    assert load({"w": value})["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="no tensor"):
        load({"w": Call(Global("torch._utils._rebuild_parameter"), (3, True, None))})


# what is refused


@pytest.mark.parametrize(
    "value",
    [
        Call(Global("os.system"), ("touch it-ran",)),
        Call(Global("builtins.eval"), ("1/0",)),
        Call(Global("torch.nn.modules.linear.Linear"), ()),
        Raw(opcodes(Global("torch.nn.modules.linear.Linear")) + b")\x81"),
        Call(Global("numpy.core.multiarray.scalar"), ("f8", "x")),
        Call(Global("collections.OrderedDict"), ([("a", 1)],)),
        {"cls": Global("os.system")},
        [("a", {"b": (Global("os.system"),)})],
        {"memory": storage()},
    ],
)
def test_anything_that_is_no_plain_data_is_refused_by_name(load, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=r"model\.pt cannot be read: it holds a (os|builtins|torch|numpy|collections)"
    ):
        load(value)
    assert not (tmp_path / "it-ran").exists()


def test_an_object_with_attributes_is_refused(load):
    with pytest.raises(
        ValueError, match=r"it holds a torch\.nn\.modules\.linear\.Linear.*save\(model\.state_dict"
    ):
        load(
            Raw(
                opcodes(Call(Global("torch.nn.modules.linear.Linear"), ()))
                + opcodes({"training": True})
                + b"b"
            )
        )
    with pytest.raises(ValueError, match="gives attributes to an object"):
        load(Raw(opcodes([1]) + opcodes({}) + b"b"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"(S'os'\ni" + b"os\nsystem\n", "instruction STRING"),
        (b"\x81", "malformed"),
        (b"\x82\x01", "instruction EXT1"),
        (b"cos\n", "cannot be read"),
        (b"h\x05", "malformed"),
        (b"t", "malformed"),
        (b"(t" + b"R", "malformed|calls what is no function"),
        (b"}K\x01K\x02sK\x03", "something is left"),
        (b"](K\x01u", "no dict"),
        (b"}](K\x01s", "more from its stack"),
        (b"}(K\x01e", "no list"),
        (b"}](K\x01e" + b"K\x01s", "the key of a dict"),
        (b"K\x01K\x02R", "calls what is no function"),
        (b"\x93", "malformed"),
        (b"X\xff\xff\xff\xff", "cannot be read"),
        (b"NNQ", "another kind than tensors' memory"),
    ],
)
def test_malformed_pickles_are_refused(load, code, message):
    with pytest.raises(ValueError, match=message):
        load(Raw(code))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tensor(None, 1), r"reaches beyond its memory of 6 elements"),
        (tensor(None, 0, (10**6, 10**6), (10**6, 1)), "reaches beyond"),
        (tensor(None, 0, (2, 3), (3,)), "description of a tensor is malformed"),
        (tensor(None, -1, (2,), (1,)), "malformed"),
        (tensor(None, 0, (2,), (-1,)), "malformed"),
        (tensor(None, 0, (True,), (1,)), "malformed"),
        (tensor(None, 0, (2.0,), (1,)), "malformed"),
        (tensor(None, 0, [2], [1]), "malformed"),
        (tensor(3), "malformed"),
        (tensor(storage(numel=7), 0, (7,), (1,)), "has 24 bytes, and 28 are described"),
        (tensor(storage(numel=2**61), 0, (1,), (1,)), "are described"),
        (tensor(storage(numel=-1)), "malformed"),
        (tensor(storage(key="9")), "no entry 'data/9'"),
        (tensor(storage(key="../0")), "no entry"),
        (tensor(storage(kind="torch.QInt8Storage")), r"torch\.QInt8Storage, which is not read"),
        (tensor(storage(kind="evil.FloatStorage")), r"evil\.FloatStorage, which is not read"),
        (tensor(Outside(("module", 1, 2, 3, 4))), "another kind"),
        (Call(Global("torch._utils._rebuild_tensor_v2"), ()), "malformed"),
        (
            Call(Global("torch._utils._rebuild_sparse_tensor"), (1, 2)),
            r"_rebuild_sparse_tensor, and only tensors",
        ),
        (tensor(None, 0, (1,) * 100, (1,) * 100), "cannot be read"),
        (tensor(None, 0, (2**40, 2**40), (0, 0)), "cannot be read"),
    ],
)
def test_contradictory_tensors_are_refused(load, value, message):
    with pytest.raises(ValueError, match=message):
        load(value)


def test_files_of_other_kinds_are_refused_with_the_way_out(load, tmp_path):
    legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
    with pytest.raises(ValueError, match=r"before 1\.6; load it there and save it again: torch\.save"):
        load(legacy)
    pb.save({"a": pb.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a safetensors file is read by pb\.load"):
        nn.load_torch(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="TorchScript"):
        load(1, **{"constants.pkl": b""})
    with pytest.raises(ValueError, match=r"one data\.pkl"):
        load(b"PK\x05\x06" + bytes(18))
    with pytest.raises(ValueError, match="byte order"):
        load(1, byteorder=b"middle")
    with pytest.raises(FileNotFoundError):
        nn.load_torch(tmp_path / "missing.pt")
    (tmp_path / "b.pt").write_bytes(archive(1))
    with pytest.raises(ValueError, match=r"a file of torch\.save is read by pullback\.nn\.load_torch"):
        pb.load(tmp_path / "b.pt")


def test_an_archive_that_unfolds_is_refused(load):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(
            "archive/data.pkl", b"\x80\x02" + opcodes(tensor(storage(numel=10**7), 0, (1,), (1,))) + b"."
        )
        z.writestr("archive/data/0", bytes(4 * 10**7))
    with pytest.raises(ValueError, match="compressed or larger than the file"):
        load(file.getvalue())


def refused_or_read(path):
    """Any other exception than this one fails the test."""
    with contextlib.suppress(ValueError):
        nn.load_torch(path)


WHOLE = archive({"a": tensor(), "b": [tensor(None, 1, (2,), (2,)), 3]}, {"0": SIX.tobytes()})


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_files_raise_value_errors_only(tmp_path_factory, data):
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    path.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    refused_or_read(path)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_pickle_is_read_or_refused(tmp_path_factory, code):
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(archive(Raw(opcodes({"a": tensor()}) + code), {"0": SIX.tobytes()}))
    refused_or_read(path)
