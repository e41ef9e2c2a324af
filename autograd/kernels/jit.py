"""How kernels are compiled: without the interpreter's lock, kept on disk, by IEEE's rules unless said otherwise."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import event

from .sharing import kept, shared

Array = np.ndarray[Any, Any]
F = TypeVar("F", bound=Callable[..., Any])

_FOLDER = tuple(
    (file.name, file.stat().st_mtime, file.stat().st_size)
    for file in sorted(Path(__file__).parent.glob("*.py"))
)
_REORDERED = {"reassoc", "contract", "nsz"}
_REFINED = {"contract", "arcp"}


def jit(*, reordered: bool = False, refined: bool = False, inside: bool = False) -> Callable[[F], F]:
    """Compile a function at its first call; later processes load the result from disk.

    Args:
        reordered: sums may be taken in any order, and products added without rounding in between; without it a sum
            cannot use vector units. Inf and nan count as ever.
        refined: products are added without rounding in between, and divisions are products with the estimated
            reciprocal, refined, where the processor has one; divisors must be neither 0 nor inf nor near to them.
        inside: put the function into those that call it, so that their loops use vector units.
    """
    rules = (_REORDERED if reordered else set()) | (_REFINED if refined else set())

    def compiled(function: F) -> F:
        made: F = _compiled(function, cache=True, fastmath=rules or False, forceinline=inside)
        return made

    return compiled


def _compiled(function: Callable[..., Any], cache: bool, **options: Any) -> Any:
    """A function compiled by Numba; where the last parameters are `start` and `stop`, also what threads share.

    What is kept on disk is made anew when a file of this folder has changed; Numba looks at the function's own file,
    and not at those of the functions that it has taken in.
    """
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    in_pieces = names[-2:] == ("start", "stop")
    on_disk = made = kept(function, cache and not in_pieces, error_model="numpy", **options)
    if in_pieces:
        on_disk = made.shared = shared(function, made, cache)
    file = getattr(on_disk._cache, "_cache_file", None)
    if file is not None:
        file._source_stamp = (file._source_stamp, _FOLDER)
        file.save = _saved_apart(file, file.save)
    return made


def _saved_apart(file: Any, save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Keep what is compiled for other types, of another source or by another Numba in a file of another name.

    Numba numbers the files, and writes a number down before the file: two processes that compile at once give two files
    the same number, and one that is killed in between leaves the number of a file from before.
    """
    pattern = file._data_name_pattern

    def saved(key: Any, data: Any) -> None:
        content = repr((key, file._source_stamp, numba.__version__))
        file._data_name_pattern = f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.{pattern}"
        save(key, data)

    return saved


def jit_text(name: str, text: str) -> Callable[..., Any]:
    """Compile the function `name` of a Python source, which becomes a file for Numba to keep the result beside.

    The source knows NumPy as `np`, and `sum_of_squares`.
    """
    text = f"import numpy as np\nfrom {__name__} import sum_of_squares\n\n\n{text}"
    made = f"pullback_{name}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    module = ModuleType(made)
    file = Path(f"{made}.py")
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pullback"
        file = folder / file
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(f".{os.getpid()}")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(file)
        cache = True
    except (OSError, RuntimeError):  # a home that cannot be written to, or none: compile in each process
        cache = False
    sys.modules[made] = module  # where Numba looks for what it has kept
    exec(compile(text, str(file), "exec"), vars(module))
    compiled: Callable[..., Any] = _compiled(getattr(module, name), cache)
    return compiled


def plain(array: Array) -> Array:
    """The array in C order and writable: the one layout that kernels are compiled for."""
    array = np.ascontiguousarray(array)
    return array if array.flags.writeable else array.copy()


@jit(reordered=True)
def sum_of_squares(x: Array) -> Any:
    """Of a few elements: in their own precision."""
    total = x.dtype.type(0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return total


class _Announcement(event.Listener):  # type: ignore[misc]  # Numba is taken to have no types
    """A line on a terminal when a kernel is compiled, which takes a moment and happens once; none for what it calls.

    Numba compiles one function at a time, and what that calls in between.
    """

    def __init__(self) -> None:
        self.inside = 0  # of how many that are being compiled

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if (
            not self.inside
            and (function.__module__ or "").startswith("pullback")
            and sys.stderr is not None
            and sys.stderr.isatty()
        ):
            print(
                f"pullback: compiling {function.__name__.lstrip('_')}, once for this machine",
                file=sys.stderr,
                flush=True,
            )
        self.inside += 1

    def on_end(self, event: Any) -> None:
        self.inside -= 1


event.register("numba:compile", _Announcement())
