"""What the layers of a model give and get, by hooks on its modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ...autograd import Tensor, asarray, no_grad
from ...autograd.extend import writable
from .surfaces import Array


def layer_outputs(model: Any, input: Any, layers: Iterable[str]) -> dict[str, Array]:
    """What some layers give for an input, as arrays by path; without gradients.

    Raises:
        ValueError: for a layer that the model has not, that was not used, or that gives no single tensor.
    """
    caught: dict[str, Tensor] = {}
    with ExitStack() as stack, unmoved(model), no_grad():
        for path in layers:
            stack.enter_context(hook(model, path, caught))
        model(asarray(input))
    return {path: array(used(caught, path)) for path in layers}


@contextmanager
def unmoved(model: Any) -> Iterator[None]:
    """Leave a model's buffers as they are: running statistics would follow what is only looked at, too."""
    known = list(model.buffers()) if callable(getattr(model, "buffers", None)) else []
    before = [array(buffer) for buffer in known]
    try:
        yield
    finally:
        for buffer, values in zip(known, before, strict=True):
            if not np.array_equal(buffer.detach().numpy(), values, equal_nan=values.dtype.kind in "fc"):
                writable(buffer)[...] = values


def hook(model: Any, path: str, caught: dict[str, Tensor]) -> Any:
    """Catch what a layer gives, by its path; a handle that takes the hook away."""
    modules = dict(model.named_modules())
    if path not in modules:
        known = ", ".join(repr(name) for name in modules if name)
        raise ValueError(f"the model has no layer {path!r}; it has {known or 'none'}")

    def catch(module: Any, args: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            caught[path] = output

    return modules[path].register_forward_hook(catch)


def used(caught: dict[str, Tensor], path: str) -> Tensor:
    """What a layer has given; ValueError if nothing."""
    if path not in caught:
        raise ValueError(f"the layer {path!r} was not used for this input, or gives more than one tensor")
    return caught[path]


def fitting(model: Any, values: Any) -> Array:
    """Values as a floating array of the dtype of a model's parameters; if it has none, of their own."""
    known = np.asarray(values.detach().numpy() if isinstance(values, Tensor) else values)
    parameters = model.parameters() if callable(getattr(model, "parameters", None)) else ()
    of_model = next((p.dtype for p in parameters if p.dtype.kind == "f"), None)
    own = known.dtype if known.dtype.kind == "f" else np.dtype(np.float32)
    return np.array(known, of_model or own)


def array(tensor: Tensor) -> Array:
    """A copy of a tensor's values."""
    return np.array(tensor.detach().numpy())


def leaves(model: Any) -> list[str]:
    """The paths of the modules that have no modules within, each once."""
    return [
        path for path, module in model.named_modules() if path and not any(True for _ in module.children())
    ]
