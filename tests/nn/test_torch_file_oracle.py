"""Files that PyTorch and its users write are read, and they read ours."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

DTYPES = [
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "complex64", "complex128", "complex32",
]  # fmt: skip


def values(dtype):
    numbers = torch.tensor([[0.0, 1.0, 2.5], [3.0, 100.0, 7.0]])
    return numbers.to(getattr(torch, dtype))


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_under_every_protocol(tmp_path, dtype, protocol):
    base = values(dtype)
    saved = {"plain": base, "turned": base.T, "part": base[1:, ::2], "number": base[0, 1], "none": base[:0]}
    torch.save(saved, tmp_path / "x.pt", pickle_protocol=protocol)
    loaded = nn.load_torch(tmp_path / "x.pt")
    wide = {"bfloat16": torch.float32, "complex32": torch.complex64}.get(dtype, base.dtype)
    for name, tensor in saved.items():
        np.testing.assert_array_equal(loaded[name].numpy(), tensor.to(wide).numpy())
        assert loaded[name].dtype == tensor.to(wide).numpy().dtype


def test_a_checkpoint_of_a_model_and_an_optimiser(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 4))
    model[2].weight = model[2].weight
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "loss": 0.25}
    torch.save(checkpoint, tmp_path / "c.pt")
    loaded = nn.load_torch(tmp_path / "c.pt")
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
    ours.load_state_dict(loaded["model"])
    assert loaded["epoch"] == 3
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].numpy(), tensor.numpy())
    np.testing.assert_array_equal(
        loaded["optimizer"]["state"][0]["exp_avg"].numpy(),
        optimizer.state_dict()["state"][0]["exp_avg"].numpy(),
    )


def test_conjugates_signs_parameters_and_shared_memory(tmp_path):
    z = torch.tensor([1 + 2j, 3 - 4j])
    weight = torch.nn.Parameter(torch.ones(2))
    torch.save({"conj": z.conj(), "p": weight, "q": weight[:1].detach()}, tmp_path / "x.pt")
    loaded = nn.load_torch(tmp_path / "x.pt")
    assert loaded["conj"].tolist() == [1 - 2j, 3 + 4j]
    loaded["p"].numpy()[0] = 5.0
    assert loaded["q"].tolist() == [5.0]


def test_whole_modules_programs_and_old_files_are_refused(tmp_path):
    path, model = tmp_path / "x.pt", torch.nn.Linear(2, 2)
    torch.save(model, path)
    with pytest.raises(ValueError, match=r"state_dict"):
        nn.load_torch(path)
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match=r"before 1\.6"):
        nn.load_torch(path)
    torch.save(torch.eye(2).to_sparse(), path)
    with pytest.raises(ValueError, match="sparse"):
        nn.load_torch(path)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "int64", "uint8", "bool"])
def test_safetensors_of_pytorchs_users_are_read(tmp_path, dtype):
    safetensors_torch.save_file(
        {"w": values(dtype), "s": values(dtype)[0, 2].clone()}, tmp_path / "x.safetensors"
    )
    loaded = pb.load(tmp_path / "x.safetensors")
    wide = torch.float32 if dtype == "bfloat16" else values(dtype).dtype
    np.testing.assert_array_equal(loaded["w"].numpy(), values(dtype).to(wide).numpy())
    assert loaded["s"].shape == ()


def test_pytorchs_users_read_our_safetensors(tmp_path):
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    ours(pb.ones((2, 3)))
    pb.save(ours.state_dict(), tmp_path / "x.safetensors")
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "x.safetensors"))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(pb.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
