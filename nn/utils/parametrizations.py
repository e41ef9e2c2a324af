"""Parametrisations that are known by name: weight norm and spectral norm."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ...autograd import Tensor, asarray, linalg, maximum
from ...autograd.extend import generator_of, writable
from ..functional.check import check_positive, whole
from ..module import Module
from .parametrize import register_parametrization, remove_parametrizations

M = TypeVar("M", bound=Module)


class _WeightNorm(Module):
    """From a length g and a direction v: w = g·v/‖v‖."""

    def __init__(self, dim: int | None, ndim: int) -> None:
        super().__init__()
        if dim is not None and dim != -1 and not 0 <= dim < ndim:
            raise ValueError(f"weight_norm: dim is None or an axis from 0 to {ndim - 1}, not {dim!r}")
        self.dim = None if dim == -1 else dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        """The weight."""
        return v * (g / self._norm(v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction of a weight."""
        return self._norm(weight), weight

    def _norm(self, v: Tensor) -> Tensor:
        if self.dim is None:
            return linalg.vector_norm(v)
        return linalg.vector_norm(v, axis=tuple(i for i in range(v.ndim) if i != self.dim), keepdims=True)

    def extra_repr(self) -> str:
        """The settings."""
        return f"dim={self.dim}"


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Let a weight be w = g·v/‖v‖, so that its length g and its direction v are trained apart.

    Salimans and Kingma, "Weight normalization", 2016. `parametrizations.weight.original0` is g, `original1` is v, and a
    state that calls them `weight_g` and `weight_v` is loaded as well; the weight is at first what it was.

    Args:
        module: the layer.
        name: of its weight.
        dim: each slice along this axis has a length of its own, (out, 1, ...) for 0; one length for all if None.

    Returns:
        The module.

    Raises:
        ValueError: for a name of no parameter, or an axis that it has not.

    >>> from pullback import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> {name: tensor.shape for name, tensor in layer.state_dict().items()}
    {'bias': (2,), 'parametrizations.weight.original0': (2, 1), 'parametrizations.weight.original1': (2, 3)}
    """
    register_parametrization(module, name, _WeightNorm(dim, _ndim(module, name)))
    return _formerly(module, name, g="original0", v="original1")


class _SpectralNorm(Module):
    """The weight divided by its largest singular value, which power iteration follows."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int, dim: int, eps: float, rng: np.random.Generator | None
    ) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise ValueError(f"spectral_norm: the weight has shape {weight.shape} and no axis {dim}")
        self.n_power_iterations = whole("n_power_iterations", n_power_iterations)
        self.dim = dim % weight.ndim
        self.eps = check_positive("spectral_norm", "eps", eps)
        if weight.ndim > 1:
            matrix = self._matrix(weight.detach()).numpy()
            generator = generator_of(rng)
            for name, length in zip(("_u", "_v"), matrix.shape, strict=True):
                start = self._unit(generator.standard_normal(length))
                self.register_buffer(name, asarray(start.astype(weight.dtype)))
            self._iterate(matrix, 15)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight divided by σ = uᵀ·W·v; in training, u and v come closer to the singular vectors first."""
        if weight.ndim == 1:
            return weight / maximum(linalg.vector_norm(weight), self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach().numpy(), self.n_power_iterations)
        u, v = (
            self._u.copy(),
            self._v.copy(),
        )  # they are overwritten in the next call, and backward needs these
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself: only its direction can be kept."""
        return value

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim:
            weight = weight.permute((self.dim, *(i for i in range(weight.ndim) if i != self.dim)))
        return weight.reshape((weight.shape[0], -1))

    def _iterate(self, matrix: np.ndarray[Any, Any], times: int) -> None:
        u, v = self._u.numpy().copy(), self._v.numpy().copy()
        for _ in range(times):
            u = self._unit(matrix @ v)
            v = self._unit(matrix.T @ u)
        writable(self._u)[...] = u
        writable(self._v)[...] = v

    def _unit(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        result: np.ndarray[Any, Any] = x / max(np.linalg.norm(x), self.eps)
        return result

    def extra_repr(self) -> str:
        """The settings."""
        return f"n_power_iterations={self.n_power_iterations}, dim={self.dim}, eps={self.eps}"


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    rng: np.random.Generator | None = None,
) -> M:
    """Divide a weight by its largest singular value, so that the layer stretches no input by more than 1.

    Miyato et al., "Spectral normalization for generative adversarial networks", 2018. The value is that of power
    iteration, which in training goes on at each reading of the weight: σ = uᵀ·W·v, with u and v as buffers
    `parametrizations.weight.0._u` and `_v`; they count as constants for the gradient. A weight of one axis is divided
    by its length.

    Args:
        module: the layer.
        name: of its weight.
        n_power_iterations: steps at each reading.
        eps: what a length is at least when something is divided by it.
        dim: the axis of the outputs; 0, or 1 for transposed convolutions, if not given.
        rng: the generator of the first vectors; the default one if not given.

    Returns:
        The module.

    Raises:
        ValueError: for a name of no parameter, an axis that it has not, or settings out of range.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2), n_power_iterations=50)
    >>> round(pb.linalg.matrix_norm(layer.weight, ord=2).item(), 4)
    1.0
    """
    if dim is None:
        dim = int(any(cls.__name__.startswith("ConvTranspose") for cls in type(module).__mro__))
    _ndim(module, name)
    weight = getattr(module, name)
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps, rng))
    return _formerly(module, name, orig="original", u="0._u", v="0._v")


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make a weight that is normalised by `weight_norm` an ordinary parameter again, of the value that it has."""
    return remove_parametrizations(module, name)


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make a weight that is normalised by `spectral_norm` an ordinary parameter again, of the value that it has."""
    return remove_parametrizations(module, name)


def _formerly(module: M, name: str, **parts: str) -> M:
    """Let files of PyTorch's older functions of the same names, with keys like "weight_g", be loaded."""
    new = {f"{name}_{old}": f"parametrizations.{name}.{now}" for old, now in parts.items()}
    module._old_names = {**module._old_names, **new}
    return module


def _ndim(module: Module, name: str) -> int:
    value = getattr(module, name, None)
    if not isinstance(value, Tensor):
        named = ", ".join(key for key, _ in module.named_parameters(recurse=False)) or "none"
        raise ValueError(f"{type(module).__name__} has no parameter {name!r}; it has {named}")
    return value.ndim
