"""The compiled convolution against PyTorch: random shapes and options, results and all gradients."""

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import every_size
from pullback.nn import functional as F  # noqa: N812 - as everyone calls it

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed"),
]
torch = pytest.importorskip("torch")


def drawn(seed):
    """Shapes and options of a convolution that has at least one place; every third one has filters of 3 × 3."""
    rng = np.random.default_rng(seed)
    pairs = lambda low, high: tuple(int(n) for n in rng.integers(low, high, 2))
    groups = int(rng.choice([1, 1, 1, 2, 4]))
    channels, filters = (groups * int(n) for n in rng.choice([1, 3, 8, 13, 24], 2))
    if seed % 3 == 0:
        kernel, options = (3, 3), {"padding": pairs(0, 4)}
    else:
        groups = channels if seed % 3 == 1 and seed % 2 else groups
        filters = channels * int(rng.integers(1, 3)) if groups == channels else filters
        kernel = pairs(1, 6)
        options = {"stride": pairs(1, 4), "padding": pairs(0, 3), "dilation": pairs(1, 3), "groups": groups}
    dilation = options.get("dilation", (1, 1))
    size = tuple(
        (k - 1) * d + int(n) for k, d, n in zip(kernel, dilation, rng.integers(1, 30, 2), strict=True)
    )
    shapes = (
        (int(rng.integers(1, 6)), channels, *size),
        (filters, channels // options.get("groups", 1), *kernel),
        (filters,),
    )
    return rng, shapes, options


def results(library, function, arrays, options, g):
    """The result and the gradients of images, filters and bias."""
    if library is torch:
        leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
        y = getattr(torch.nn.functional, function)(*leaves, **options)
        y.backward(torch.from_numpy(g))
        return [y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]
    leaves = [pb.asarray(array).requires_grad_() for array in arrays]
    with every_size():
        y = getattr(F, function)(*leaves, **options)
        y.backward(pb.asarray(g))
    return [y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(30))
def test_convolutions(dtype, seed):
    rng, shapes, options = drawn(seed)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    y = torch.nn.functional.conv2d(*(torch.zeros(shape) for shape in shapes), **options)
    g = rng.normal(size=y.shape).astype(dtype)
    compare("conv2d", arrays, options, g, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(15))
def test_transposed_convolutions(dtype, seed):
    rng, (images, (filters, _, *kernel), _), options = drawn(seed)
    groups = options.get("groups", 1)
    channels = images[1]
    shapes = (images, (channels, -(-filters // groups), *kernel), (-(-filters // groups) * groups,))
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    try:
        y = torch.nn.functional.conv_transpose2d(*(torch.zeros(shape) for shape in shapes), **options)
    except RuntimeError:
        pytest.skip("the border cuts all of it off")
    g = rng.normal(size=y.shape).astype(dtype)
    compare("conv_transpose2d", arrays, options, g, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(8))
def test_volumes(dtype, seed):
    rng = np.random.default_rng(seed)
    triple = lambda low, high: tuple(int(n) for n in rng.integers(low, high, 3))
    kernel, groups = ((3, 3, 3), triple(1, 4))[seed % 2], int(rng.choice([1, 2]))
    options = {"stride": (1, triple(1, 3))[seed % 2], "padding": triple(0, 2), "groups": groups}
    size = tuple(k + n for k, n in zip(kernel, triple(0, 9), strict=True))
    shapes = ((2, 8 * groups, *size), (9 * groups, 8, *kernel), (9 * groups,))
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    y = torch.nn.functional.conv3d(*(torch.zeros(shape) for shape in shapes), **options)
    compare("conv3d", arrays, options, rng.normal(size=y.shape).astype(dtype), dtype)


def compare(function, arrays, options, g, dtype):
    theirs, ours = (results(library, function, arrays, options, g) for library in (torch, pb))
    for exact, found in zip(theirs, ours, strict=True):
        bound = (1e-5 if dtype == np.float32 else 1e-13) * max(np.abs(exact).max(), 1e-30)
        assert found.dtype == dtype
        assert np.abs(found - exact).max() <= bound, (arrays[0].shape, arrays[1].shape, options)
