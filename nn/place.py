"""Where in a model an error happened: the note that `Module.__call__` gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .module import Module


class Place(str):
    """The note on an error that says in which layer it happened; the callers above lengthen the path."""

    __slots__ = ("module",)
    module: Module


def locate(error: Exception, module: Module) -> None:
    """Note on an error that it came out of a module; the innermost one is named, by its path from the outermost."""
    notes: list[str] = getattr(error, "__notes__", [])
    index = next((i for i, note in enumerate(notes) if isinstance(note, Place)), None)
    if index is None:
        error.add_note(_place(module, ""))
        return
    failed = notes[index].module  # type: ignore[attr-defined]  # it is a Place
    path = next((path for path, part in module.named_modules() if part is failed), "")
    if path:
        notes[index] = _place(failed, path)


def _place(module: Module, path: str) -> Place:
    shown = f"{type(module).__name__}({', '.join(module.extra_repr().splitlines())})"
    place = Place(f"in layer {path!r}, {shown}" if path else f"in {shown}")
    place.module = module
    return place
