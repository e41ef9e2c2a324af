"""The tree of modules: which run of which module each value belongs to, under paths of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..autograd import Entry
from ..autograd.extend import ModuleCall
from .glyphs import clean
from .graph import ModuleScope


class _Part(NamedTuple):
    """One step from a scope to the next inside."""

    name: str
    kind: str


class Scopes:
    """The scopes of a computation, by path; each after the one that it is in.

    A path is that of the module, as in "layer1.0". Where a module runs several times inside the same run of
    another, its runs are told apart by numbers: "cell:1", "cell:2". The outermost module has the path "", unless
    several of them run: then their classes come first in the paths.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        chains = dict.fromkeys(
            entry.calls for entry in entries if entry.operation is not None and entry.calls
        )
        runs: dict[ModuleCall, dict[int, list[ModuleCall]]] = {}  # in a call, by module, its calls in order
        roots: dict[int, list[ModuleCall]] = {}
        for chain in chains:
            inside = roots
            for call in chain:
                calls = inside.setdefault(call.module, [])
                if call not in calls[-1:]:
                    calls.append(call)
                inside = runs.setdefault(call, {})
        self.all: dict[str, ModuleScope] = {}
        self._paths: dict[ModuleCall, str] = {}
        self._modules: dict[str, str] = {"": ""}
        self._name_roots(roots)
        for chain in chains:
            for outer, call in pairwise(chain):
                if call not in self._paths:
                    self._add(call, outer, runs[outer][call.module])

    def path(self, calls: Sequence[ModuleCall]) -> str:
        """The path of the scope in which something was computed."""
        return self._paths.get(calls[-1], "") if calls else ""

    def holds(self, path: str, entry: Entry) -> bool:
        """Whether a leaf is a parameter or buffer of the module of a scope."""
        module = self._modules.get(path, "")
        return entry.owned and (not module or (entry.name or "").startswith(f"{module}."))

    def _name_roots(self, roots: dict[int, list[ModuleCall]]) -> None:
        """The outermost modules need names only if there are several runs that have parts or parameters."""
        named = [calls for calls in roots.values() if not calls[0].bare]
        several = sum(map(len, named)) > 1
        taken: list[str] = []
        for calls in roots.values():
            kind = calls[0].kind
            if several and not calls[0].bare:
                taken.append(kind)
            alike = taken.count(kind)
            for number, call in enumerate(calls, 1):
                path = ""
                if several and not call.bare:
                    name = kind if alike == 1 else f"{kind} {alike}"
                    path = self._enter("", _Part(name, kind), number, len(calls))
                self._paths[call] = path

    def _add(self, call: ModuleCall, outer: ModuleCall, calls: list[ModuleCall]) -> None:
        path = self._paths[outer]
        if outer.path and not call.path.startswith(f"{outer.path}."):
            names = [call.path.replace(".", "/") or call.kind]  # a module from elsewhere
        else:
            names = call.path[len(outer.path) :].strip(".").split(".")
        for name in names[:-1]:  # lists of modules, which do not run themselves
            path = self._enter(path, _Part(name, ""))
        number = calls.index(call) + 1
        path = self._enter(path, _Part(names[-1], call.kind), number, len(calls))
        self._paths[call] = path
        self._modules[path] = call.path

    def _enter(self, parent: str, part: _Part, number: int = 1, count: int = 1) -> str:
        name = clean(part.name).replace(".", "/").replace(":", "∶")  # dots and colons have a meaning in paths
        own = f"{name}:{number}" if count > 1 else name
        path = f"{parent}.{own}" if parent else own
        caption = f"{name}, call {number}" if count > 1 else name
        self.all.setdefault(path, ModuleScope(path, parent, caption, clean(part.kind)))
        return path


def around(path: str) -> list[str]:
    """The path of a scope and of all scopes around it, the outermost first, without the top."""
    parts = path.split(".") if path else []
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def common(paths: Iterable[str]) -> str:
    """The innermost scope that all of these lie in."""
    shared: list[str] | None = None
    for path in paths:
        parts = path.split(".") if path else []
        if shared is None:
            shared = parts
        else:
            same = 0
            while same < min(len(shared), len(parts)) and shared[same] == parts[same]:
                same += 1
            shared = shared[:same]
    return ".".join(shared or [])
