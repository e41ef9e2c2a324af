"""The engine's error messages that more than one place raises: what, where, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .bundle import Bundle
from .tensor import Tensor

if TYPE_CHECKING:
    from .op import Op


def refuse_operand(op: Op, name: str, value: Any) -> TypeError:
    """For an argument that is no array of numbers."""
    return TypeError(
        f"{op.name}: {name} must be a Tensor, a numeric array or a number, not {type(value).__name__}"
        + (f" of dtype {value.dtype}" if hasattr(value, "dtype") else "")
    )


def refuse_parameter(op: Op) -> TypeError:
    """For a Tensor where an operation takes a plain value."""
    return TypeError(
        f"{op.name}: {', '.join(op.parameters)} must be plain values, and a Tensor was given for one of them; "
        "use .item() or .numpy() if its gradient is not wanted"
    )


def checked_result(op: Op, out: Any) -> Any:
    """A forward's result that is no ndarray: NumPy's scalars pass, Python's numbers become such."""
    if isinstance(out, (np.generic, Tensor, Bundle)):
        return out
    if isinstance(out, (bool, int, float, complex)):
        return np.asarray(out)[()]
    raise TypeError(f"the forward of {op.name!r} must give an array, and it gave a {type(out).__name__}")


def no_rule(op: Op, name: str) -> RuntimeError:
    """For a tracked input in which an operation cannot be differentiated."""
    return RuntimeError(
        f"{op.name} has no gradient with respect to {name!r}, and the tensor given there requires one; "
        "pass it as .detach() if its gradient is not wanted"
    )


def untracked(op: Op, dtype: np.dtype[Any]) -> None:
    """What the tape keeps of a result that the rules are not for: nothing for integers and booleans."""
    if dtype.kind == "c":
        raise refuse_complex(op)


def refuse_complex(op: Op) -> NotImplementedError:
    """For tracked complex numbers in an operation whose rules are for real ones."""
    return NotImplementedError(
        f"{op.name} has no gradient for complex numbers; compute with real and imaginary parts "
        "(pb.real, pb.imag), or detach the tensors first with .detach()"
    )
