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


def refuse_complex(op: Op) -> Exception:
    """For complex numbers in an operation of real ones, or tracked ones where the rules are for real ones."""
    if op.complex is None:
        return TypeError(
            f"{op.name} takes real numbers, and complex ones were given; compute with their parts or sizes "
            "(pb.real, pb.imag, pb.abs)"
        )
    return NotImplementedError(
        f"{op.name} has no gradient for complex numbers; compute with real and imaginary parts "
        "(pb.real, pb.imag), or detach the tensors first with .detach()"
    )


def explained(op: Op, error: Exception, arrays: tuple[Any, ...]) -> Exception:
    """What a forward raised; where NumPy's words for it do not name the operation and the shapes, in ours."""
    text = str(error)
    shapes = [np.shape(x) for x in arrays if x is not None]
    listed = " and ".join(map(str, shapes))
    if text.startswith(op.name) and "operand" not in text:
        return error
    product = op.name == "matmul"
    if "broadcast" in text and (unequal := _unequal(shapes, 2 if product else 0)):
        axis, lengths = unequal
        ours: Exception = ValueError(
            f"{op.name}: shapes {listed} do not broadcast: along axis {axis} they are {lengths} long, and lengths "
            "must be equal or 1; insert an axis of length 1 (x[:, None]) or transpose one of them, if that is meant"
        )
    elif product and () in shapes:
        ours = ValueError(
            f"matmul: shapes {listed}: both sides need at least one axis; multiply by a number with *"
        )
    elif product and "core dimension" in text:
        first, second = shapes
        which = "only one" if len(second) == 1 else "last but one"
        ours = ValueError(
            f"matmul: shapes {listed} do not fit: the last axis of the first is {first[-1]} long and the "
            f"{which} of the second {second[-min(2, len(second))]}, and they must be equal; a transpose (x.mT) may be "
            "missing"
        )
    elif isinstance(error, TypeError) and "not supported for the input types" in text:
        kinds = " and ".join(str(np.result_type(x)) for x in arrays if x is not None)
        ours = TypeError(f"{op.name} is not defined for elements of {kinds}; convert them with .astype(...)")
    elif op.variadic and len(shapes) > 1:
        ours = type(error)(f"{op.name}: the arrays have shapes {', '.join(map(str, shapes))}: {text}")
    else:
        return error
    ours.__suppress_context__ = True
    return ours


def _unequal(shapes: list[tuple[int, ...]], core: int) -> tuple[int, str] | None:
    """The last axis before the `core` ones along which shapes do not broadcast, and their lengths there."""
    for axis in range(-1 - core, -1 - max(map(len, shapes), default=0), -1):
        lengths = [shape[axis] for shape in shapes if len(shape) >= -axis]
        if len({length for length in lengths if length != 1}) > 1:
            return axis, " and ".join(map(str, lengths))
    return None
