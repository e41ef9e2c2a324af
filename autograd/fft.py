"""Discrete Fourier transforms, the array API's `fft` extension, as `pullback.fft`.

>>> import pullback as pb
>>> x = pb.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
>>> pb.sum(pb.abs(pb.fft.fft(x, norm="ortho")) ** 2).backward()  # Σ x², by Parseval
>>> x.grad.numpy().round(4).tolist()
[2.0, 4.0, 6.0, 8.0]
"""

from .ops.fft import (
    fft,
    fftfreq,
    fftn,
    fftshift,
    hfft,
    ifft,
    ifftn,
    ifftshift,
    ihfft,
    irfft,
    irfftn,
    rfft,
    rfftfreq,
    rfftn,
)

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]
