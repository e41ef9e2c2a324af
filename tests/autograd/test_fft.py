"""Fourier transforms of one axis, frequencies, NumPy's and PyTorch's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import fft

NORMS = ("backward", "ortho", "forward")
REAL_INPUT = ("rfft", "ihfft")
NAMES = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")


def signal(name, shape):
    rng = np.random.default_rng(4)
    x = rng.normal(size=shape)
    return x if name in REAL_INPUT else x + 1j * rng.normal(size=shape)


@settings(max_examples=25)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(NORMS),
    st.integers(2, 6),
    st.one_of(st.none(), st.integers(1, 8)),
    st.sampled_from([0, -1]),
)
def test_transforms_of_one_axis(name, norm, length, n, axis):
    x = signal(name, (length, length))
    ours, numpys = getattr(fft, name), getattr(np.fft, name)
    np.testing.assert_allclose(
        ours(pb.tensor(x), n=n, axis=axis, norm=norm).numpy(),
        numpys(x, n, axis, norm),
        rtol=1e-10,
        atol=1e-12,
    )
    pb.gradcheck(lambda x: ours(x, n=n, axis=axis, norm=norm), x, tolerance=1e-4).assert_ok()


@pytest.mark.parametrize("name", NAMES)
def test_numpys_functions_and_precision(name):
    x = signal(name, (4, 6)).astype(np.float32 if name in REAL_INPUT else np.complex64)
    t = pb.tensor(x, requires_grad=True)
    y = getattr(np.fft, name)(t, 5, 0, "ortho")
    expected = getattr(np.fft, name)(x, 5, 0, "ortho")
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert y.dtype == expected.dtype
    (g,) = pb.gradients(y, t, np.ones(y.shape, y.dtype))
    assert g.dtype == x.dtype


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"])
def test_numpys_functions_of_several_axes(name):
    x = signal("rfft" if name.startswith("rfft") else "fft", (2, 3, 4))
    np.testing.assert_allclose(
        getattr(np.fft, name)(pb.tensor(x)).numpy(), getattr(np.fft, name)(x), atol=1e-12
    )
    for shift in (np.fft.fftshift, np.fft.ifftshift):
        np.testing.assert_array_equal(shift(pb.tensor(x), 1).numpy(), shift(x, 1))


def test_frequencies():
    np.testing.assert_array_equal(fft.fftfreq(5, d=0.1, dtype=np.float64).numpy(), np.fft.fftfreq(5, 0.1))
    assert fft.rfftfreq(5).dtype == np.float32
    with pytest.raises(TypeError, match="floating"):
        fft.fftfreq(4, dtype=np.int64)
    with pytest.raises(ValueError, match="device"):
        fft.fftfreq(4, device="gpu")


def test_what_does_not_fit_is_named():
    x = pb.ones((2, 3))
    with pytest.raises(ValueError, match="norm must be"):
        fft.fft(x, norm="none")
    with pytest.raises(ValueError, match="norm must be"):
        fft.hfft(x, norm="none")
    with pytest.raises(ValueError, match="not all axes"):
        fft.fft(x, axis=2)
    with pytest.raises(ValueError, match="as many as the axes"):
        fft.fftn(x, s=(2,), axes=(0, 1))
    with pytest.raises(ValueError, match="as many as the axes"):
        fft.fftn(x, axes=(0, -2))
    with pytest.raises(TypeError, match="real numbers"):
        fft.rfft(x + 1j)


@pytest.mark.oracle
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_against_pytorch(name, norm):
    import torch

    x = signal(name, (3, 5))
    for n in (None, 4, 7):
        ours, theirs = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y = getattr(fft, name)(ours, n=n, norm=norm)
        t = getattr(torch.fft, name)(theirs, n=n, norm=norm)
        np.testing.assert_allclose(y.detach().numpy(), t.detach().resolve_conj().numpy(), atol=1e-12)
        g = np.random.default_rng(1).normal(size=y.shape) * (1 + (0.5j if y.dtype.kind == "c" else 0))
        t.backward(torch.tensor(g))
        np.testing.assert_allclose(
            pb.gradients(y, ours, g)[0].numpy(), theirs.grad.resolve_conj().numpy(), atol=1e-11
        )
