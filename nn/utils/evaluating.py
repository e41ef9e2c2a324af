"""Evaluation for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...autograd import no_grad
from ..module import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode without gradients for a while; each module gets its own mode back."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in before:
            module.training = training
