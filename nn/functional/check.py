"""Checks that the layers' functions share: dtypes, shapes and settings, with errors that say how to mend them.

Each raises before anything is computed. `where` is the function's public name, with which every message begins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def check_floating(where: str, name: str, array: Any, kinds: str = "f") -> None:
    """Raise TypeError for an array that does not hold floating numbers.

    Args:
        where: the function.
        name: what the array is called.
        array: the array, or None for one that is left out.
        kinds: NumPy's letters for what is allowed; "fc" where complex numbers are, too.
    """
    if array is None or array.dtype.kind in kinds:
        return
    if array.dtype.kind == "c":
        raise TypeError(
            f"{where}: {name} is {array.dtype}, and only real numbers can be computed with here; give real and "
            "imaginary part (.real, .imag) separately"
        )
    raise TypeError(
        f"{where}: {name} is {array.dtype} and must be floating; convert it with .astype('float32')"
    )


def check_dtypes(where: str, input: Any, *, kinds: str = "f", **parameters: Any) -> None:
    """Raise TypeError unless the input and the parameters are floating and of one dtype.

    A float64 input would otherwise promote a float32 layer without a word, and cost twice the time and memory.

    Args:
        where: the function.
        input: the input array.
        kinds: as for `check_floating`.
        **parameters: the weight, the bias, the running statistics, ... by name; None for what is left out.
    """
    dtypes = {name: array.dtype for name, array in parameters.items() if array is not None}
    distinct = set(dtypes.values())
    if len(distinct) > 1:
        shown = ", ".join(f"{name} {dtype}" for name, dtype in dtypes.items())
        raise TypeError(
            f"{where}: the parameters have different dtypes ({shown}); give the module one dtype with .float() or "
            ".double()"
        )
    for name in dtypes:
        check_floating(where, name, parameters[name], kinds)
    wanted = next(iter(distinct), None)
    if wanted is None or input.dtype == wanted:
        check_floating(where, "the input", input, kinds)
        return
    mismatch = f"{where}: the input is {input.dtype} and the parameters {wanted}"
    if input.dtype.kind == "c":
        raise TypeError(f"{mismatch}, which are real; give real and imaginary part (.real, .imag) separately")
    convert = f"convert the input with .astype({str(wanted)!r})"
    if input.dtype.kind != "f":
        raise TypeError(f"{mismatch}; {convert}")
    hint = " (gradcheck computes in float64, so there it is the module)" if input.dtype == np.float64 else ""
    raise TypeError(f"{mismatch}; {convert}, or the module with .to({str(input.dtype)!r}){hint}")


def check_one_dtype(where: str, **arrays: Any) -> None:
    """Raise TypeError unless the arrays are floating and of one dtype, none of them being a parameter."""
    for name, array in arrays.items():
        check_floating(where, name, array)
    if len({array.dtype for array in arrays.values()}) > 1:
        shown = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        first = next(iter(arrays.values())).dtype
        raise TypeError(
            f"{where}: the dtypes differ ({shown}); convert with .astype({str(first)!r}), for example"
        )


def check_axes(where: str, input: Any, layouts: Sequence[str]) -> None:
    """Raise ValueError unless the input has the axes of one of the layouts, such as ("(C, L)", "(N, C, L)")."""
    allowed = [layout.count(",") + 1 for layout in layouts]
    if input.ndim not in allowed:
        raise ValueError(
            f"{where}: the input has shape {input.shape}, {count(input.ndim, 'axis', 'axes')}, and must be "
            + " or ".join(layouts)
        )


def check_shape(where: str, name: str, array: Any, shape: tuple[int, ...], why: str = "") -> None:
    """Raise ValueError unless an array, if there is one, has exactly this shape; `why` says where it comes from."""
    if array is not None and tuple(array.shape) != tuple(shape):
        reason = f" ({why})" if why else ""
        raise ValueError(
            f"{where}: {name} has shape {tuple(array.shape)} and must have {tuple(shape)}{reason}"
        )


def check_positive(where: str, name: str, value: Any) -> float:
    """A finite number above zero as a float, such as an ε; raise ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < math.inf:
        raise ValueError(f"{where}: {name} is a positive number, not {value!r}")
    return float(value)


def check_probability(where: str, name: str, value: Any) -> float:
    """A number from 0 to 1 as a float; raise ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise ValueError(f"{where}: {name} is a number from 0 to 1, not {value!r}")
    return float(value)


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number from `least` on as an int; raise ValueError for anything else, True and 2.0 among it."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} is a whole number from {least} on, not {value!r}")
    return int(value)


def whole_per_axis(name: str, value: Any, axes: int, least: int = 1) -> tuple[int, ...]:
    """One whole number for each axis, from one for all of them or from a sequence of that length.

    Raises:
        ValueError: for anything else, with the name of the setting.
    """
    if isinstance(value, (tuple, list)):
        if len(value) != axes:
            raise ValueError(
                f"{name} has one number, or {axes} (one for each axis), and not {len(value)}: {value!r}"
            )
        return tuple(whole(name, number, least) for number in value)
    return (whole(name, value, least),) * axes


def count(number: int, one: str, several: str) -> str:
    """A number with its noun: "1 axis", "2 axes"."""
    return f"{number} {one if number == 1 else several}"
