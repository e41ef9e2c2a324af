"""Layers with parameters refuse another dtype, are named by their paths, and keep single precision."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

LAYERS = [
    (lambda: nn.Linear(4, 3), [(5, 4)]),
    (lambda: nn.LazyLinear(3), [(5, 4)]),
    (lambda: nn.Bilinear(4, 3, 2), [(5, 4), (5, 3)]),
    (lambda: nn.Conv1d(4, 2, 3), [(2, 4, 9)]),
    (lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"), [(2, 4, 6, 7)]),
    (lambda: nn.Conv3d(4, 2, 2), [(2, 4, 3, 3, 3)]),
    (lambda: nn.ConvTranspose2d(4, 2, 3), [(2, 4, 6, 7)]),
    (lambda: nn.BatchNorm1d(4), [(5, 4)]),
    (lambda: nn.BatchNorm2d(4, affine=False), [(5, 4, 2, 2)]),
    (lambda: nn.LayerNorm(4), [(5, 4)]),
    (lambda: nn.GroupNorm(2, 4), [(5, 4, 3)]),
    (lambda: nn.InstanceNorm1d(4, affine=True), [(5, 4, 3)]),
    (lambda: nn.RMSNorm(4), [(5, 4)]),
    (lambda: nn.PReLU(4), [(5, 4)]),
    (lambda: nn.RNN(4, 3), [(6, 2, 4)]),
    (lambda: nn.LSTM(4, 3, num_layers=2), [(6, 2, 4)]),
    (lambda: nn.GRU(4, 3, bidirectional=True), [(6, 2, 4)]),
    (lambda: nn.LSTMCell(4, 3), [(2, 4)]),
    (lambda: nn.MultiheadAttention(4, 2), [(6, 2, 4)] * 3),
    (lambda: nn.TransformerEncoderLayer(4, 2, 8), [(6, 2, 4)]),
    (lambda: nn.utils.weight_norm(nn.Linear(4, 3)), [(5, 4)]),
    (lambda: nn.utils.spectral_norm(nn.Conv1d(4, 3, 2)), [(5, 4, 3)]),
]


class Outer(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.parts = nn.ModuleDict({"inner": nn.ModuleList([layer])})

    def forward(self, *inputs):
        return self.parts["inner"][0](*inputs)


def tensors(value):
    return [value] if isinstance(value, pb.Tensor) else [t for part in value for t in tensors(part)]


@pytest.mark.parametrize(("make", "shapes"), LAYERS, ids=[repr(make()).split("(")[0] for make, _ in LAYERS])
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "bool"])
def test_another_dtype_is_refused_with_the_fix_and_the_path(make, shapes, dtype):
    model = Outer(make())
    inputs = [pb.ones(shape).astype(dtype) for shape in shapes]
    with pytest.raises(TypeError, match=f"is {dtype} .*convert.*astype") as caught:
        model(*inputs)
    assert caught.value.__notes__[0].startswith("in layer 'parts.inner.0")


@pytest.mark.parametrize(("make", "shapes"), LAYERS, ids=[repr(make()).split("(")[0] for make, _ in LAYERS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_and_gradients_have_the_dtype_of_the_parameters(make, shapes, dtype):
    model = Outer(make()).to(dtype)
    inputs = [
        pb.tensor(np.random.default_rng(0).normal(size=shape).astype(dtype), requires_grad=True)
        for shape in shapes
    ]
    found = tensors(model(*inputs))
    assert {tensor.dtype for tensor in found} == {np.dtype(dtype)}
    sum((tensor * tensor).sum() for tensor in found).backward()
    assert {p.grad.dtype for p in (*inputs, *model.parameters())} == {np.dtype(dtype)}
