"""Muon: momentum made orthogonal, for weight matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor
from .base import Optimizer
from .checks import require, require_not_negative
from .program import Array, State


def muon(
    parameter: Any,
    gradient: Any,
    state: State,
    *,
    lr: Any,
    weight_decay: Any,
    momentum: Any,
    nesterov: bool,
    ns_coefficients: tuple[Any, Any, Any],
    eps: Any,
    ns_steps: int,
    adjust_lr_fn: str | None,
) -> tuple[Any, State]:
    """One step for one matrix: its new value, and its new state.

    With w the parameter of A rows and B columns, g its gradient and μ the momentum::

        m = m + (1 − μ)·(g − m)                     the running mean
        u = m, or for Nesterov μ·m + (1 − μ)·g
        w = w − lr·weight_decay·w
        w = w − lr·s·orthogonal(u)                  s = √max(1, A/B), or 0.2·√max(A, B) to match AdamW
    """
    before = state.get("momentum_buffer", 0)
    mean = before + (1 - momentum) * (gradient - before)
    update = mean + (1 - momentum) * (gradient - mean) if nesterov else mean
    rows, columns = parameter.shape
    if adjust_lr_fn == "match_rms_adamw":
        scale = 0.2 * max(rows, columns) ** 0.5
    else:
        scale = max(1, rows / columns) ** 0.5
    direction = orthogonal(update, ns_coefficients, ns_steps, eps)
    value = parameter * (1 - lr * weight_decay) - lr * scale * direction
    return value, state | {"momentum_buffer": mean}


def orthogonal(matrix: Any, coefficients: tuple[Any, Any, Any], steps: int, eps: Any) -> Any:
    """U·Vᵀ of a matrix U·S·Vᵀ, roughly: a few steps of a Newton-Schulz iteration bring S to between 0.7 and 1.2.

    The numbers are those of bfloat16, in which PyTorch computes it; a Tensor, which is differentiated through, keeps
    its own precision.

        x = x/‖x‖,  then  a·x + (b·x·xᵀ + c·(x·xᵀ)²)·x,  over and over
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    short = (lambda x: x) if isinstance(matrix, Tensor) else to_bfloat16
    x = short(matrix.T if tall else matrix)
    x = short(x / np.maximum(short(np.sqrt(np.sum(x * x))), short(eps)))
    for _ in range(steps):
        gram = short(x @ x.T)
        x = short(a * x + short(b * gram + c * (gram @ gram)) @ x)
    return (x.T if tall else x).astype(matrix.dtype)


def to_bfloat16(x: Any) -> Array:
    """The nearest numbers of bfloat16 (ties to even), as float32."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + (bits >> 16 & 1))) & np.uint32(0xFFFF0000)
    return np.asarray(rounded, np.uint32).view(np.float32)


class Muon(Optimizer):
    """Muon: the running mean of a matrix's gradient, with all its singular values brought near to one.

    For the weight matrices of hidden layers; biases, embeddings and the last layer take AdamW. Jordan et al., "Muon:
    an optimizer for hidden layers in neural networks", 2024 (https://kellerjordan.github.io/posts/muon/); the second
    scale of steps: Liu et al., "Muon is scalable for LLM training", 2025 (https://arxiv.org/abs/2502.16982).

    Args:
        params: an iterable of matrices, or of dicts that give groups of them their own options.
        lr: the learning rate.
        weight_decay: the share, times lr, by which a parameter shrinks in each step.
        momentum: the share of the running mean that is kept.
        nesterov: look ahead along it.
        ns_coefficients: of the iteration's polynomial.
        eps: the smallest norm that is divided by.
        ns_steps: how often the polynomial is applied, below 100.
        adjust_lr_fn: how steps are scaled by the matrix's shape: None or "original" with √max(1, A/B),
            "match_rms_adamw" with 0.2·√max(A, B).

    Raises:
        ValueError: for options out of range, and for a parameter that is no matrix.

    >>> import pullback as pb
    >>> w = pb.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> optimizer = pb.optim.Muon([w], lr=0.5, weight_decay=0.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach().round(1)
    tensor([[1.7, 0. ],
            [0. , 0.4]], dtype=float32)
    """

    update = staticmethod(muon)
    shapes_like_parameter = ("momentum_buffer",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
        }
        options |= {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps}
        super().__init__(params, options | {"adjust_lr_fn": adjust_lr_fn})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        require_not_negative(options, "lr", "momentum", "weight_decay")
        require(0 <= options["ns_steps"] < 100, "ns_steps", options["ns_steps"], "from 0 to 99")
        coefficients = tuple(options["ns_coefficients"])
        require(len(coefficients) == 3, "ns_coefficients", coefficients, "three numbers")
        known = (None, "original", "match_rms_adamw")
        law = "None, 'original' or 'match_rms_adamw'"
        require(options["adjust_lr_fn"] in known, "adjust_lr_fn", options["adjust_lr_fn"], law)

    def check_parameter(self, parameter: Tensor, where: str) -> None:
        """Raise an error for what is no matrix, too."""
        super().check_parameter(parameter, where)
        if parameter.ndim != 2:
            raise ValueError(
                f"{where} has shape {parameter.shape}, and Muon trains matrices only; give the others to AdamW"
            )
