"""What the functions that `source.py` makes call on the way: spellings of arguments, and results checked.

These run with every call of the operations that need them, and make no source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .op import Op


def respell(
    name: str, spelling: dict[str, Any], axis: Any, keepdims: Any = False, default: Any = None
) -> tuple[Any, Any]:
    """PyTorch's `dim` and `keepdim` as `axis` and `keepdims`."""
    for key, value in spelling.items():
        if key == "dim" and axis is default:
            axis = value
        elif key == "keepdim":
            keepdims = value
        else:
            raise TypeError(f"{name}() got an unexpected keyword argument {key!r}")
    return axis, keepdims


def checked_results(op: Op, out: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same for several outputs."""
    from .errors import checked_result

    names = getattr(op.outputs, "_fields", ())
    if not isinstance(out, tuple) or len(out) != len(names):
        what = f"a tuple of {len(out)}" if isinstance(out, tuple) else f"a {type(out).__name__}"
        raise TypeError(
            f"the forward of {op.name!r} must give a tuple ({', '.join(names)}), and it gave {what}"
        )
    results: list[Any] = []
    for x in out:
        x = x if isinstance(x, np.ndarray) else checked_result(op, x)
        results.append(own_memory(x, (*inputs, *results)) if isinstance(x, np.ndarray) else x)
    return tuple(results)


def with_residuals(op: Op, found: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a forward with residuals gave: the result, and each of them."""
    if not isinstance(found, tuple) or len(found) != 1 + len(op.residuals):
        what = f"a tuple of {len(found)}" if isinstance(found, tuple) else f"a {type(found).__name__}"
        raise TypeError(
            f"the forward of {op.name!r} must give a tuple (result, {', '.join(op.residuals)}), and it gave {what}"
        )
    # What is written into the result later must not reach a residual; inputs have seals where a twin has saved them.
    others = found[0] if isinstance(found[0], tuple) else found[:1]
    others = others if op.composed is not None else (*others, *inputs)
    kept = [own_memory(x, others) if isinstance(x, np.ndarray) else x for x in found[1:]]
    return (found[0], *kept)


def checked_joint(op: Op, found: Any, count: int) -> tuple[Any, ...]:
    """What a joint rule gave: one gradient per input."""
    if not isinstance(found, (tuple, list)) or len(found) != count:
        what = f"{len(found)}" if isinstance(found, (tuple, list)) else f"a {type(found).__name__}"
        raise TypeError(
            f"the joint rule of {op.name!r} must give a tuple with a gradient for each of its {count} inputs, None "
            f"for those that need none; it gave {what}"
        )
    return tuple(found)


def own_memory(out: np.ndarray, inputs: tuple[Any, ...]) -> np.ndarray:
    """A result that shares memory with an input would be written through it unseen, so it is copied."""
    shares = any(isinstance(x, np.ndarray) and np.may_share_memory(out, x) for x in inputs)
    return out.copy() if shares else out


def frozen(value: Any) -> Any:
    """Lists as tuples, arrays as copies."""
    if isinstance(value, np.ndarray):
        return value.copy()
    return tuple(map(frozen, value)) if isinstance(value, list) else value
