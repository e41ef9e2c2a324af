"""The graph as JSON, for programs: every node and wire under documented keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .graph import Graph, GraphEdge, GraphNode, Group
from .numbers import Array, small
from .summary import norm_of


def graph_json(graph: Graph) -> str:
    """A graph as a JSON document; `Drawing.json` says what its keys are."""
    document = {
        "format": "pullback graph",
        "version": 1,
        "style": graph.style,
        "title": graph.title,
        "scopes": _scopes(graph),
        "nodes": [_node(node) for node in graph.nodes],
        "edges": [_edge(edge) for edge in graph.edges],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _scopes(graph: Graph) -> list[dict[str, str | int]]:
    """The modules that have nodes, and those around them, each after the one it is in."""
    return [
        {
            "path": scope.path,
            "parent": scope.parent,
            "caption": scope.caption,
            "module": scope.kind,
            "times": scope.times,
        }
        for scope in graph.scopes
    ]


def _node(node: GraphNode) -> dict[str, Any]:
    return {
        "key": node.key,
        "kind": node.kind,
        "name": node.name,
        "symbol": node.symbol,
        "operation": node.operation,
        "parameters": {name: _plain(value) for name, value in node.parameters.items()},
        "gate": node.role,
        "shape": _plain(node.shape),
        "dtype": node.dtype_text,
        "scope": node.scope,
        "source": node.source,
        "final": node.final,
        "incomplete": node.incomplete,
        "wrong": node.wrong,
        "error": node.error,
        "saved": None if node.saved is None else dict(node.saved),
        "times": node.times,
        "group": None if node.group is None else _group(node.group),
        **_numbers(node),
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "scope": group.scope,
        "what": group.what,
        "module": group.kind,
        "title": group.title,
        "operations": group.operations,
        "contents": group.contents,
        "parameters": group.parameters,
        "outputs": group.outputs,
        "parameter_gradient_norm": _plain(group.parameter_gradient),
        "alarms": group.alarms,
    }


def _edge(edge: GraphEdge) -> dict[str, Any]:
    return {
        "key": edge.key,
        "tail": edge.tail,
        "head": edge.head,
        "slot": edge.slot,
        "loop": edge.loop,
        "values": edge.values,
    } | _numbers(edge)


def _numbers(item: GraphNode | GraphEdge) -> dict[str, Any]:
    return {
        "value": _array(item.values_known),
        "gradient": _array(item.gradients_known),
        "gradient_state": item.state.name.lower(),
    }


def _array(arrays: Sequence[Array]) -> dict[str, Any] | None:
    """The numbers of a small array; of each array its extent."""
    if not arrays:
        return None
    first = arrays[0]
    known: dict[str, Any] = {"data": _plain(first) if len(arrays) == 1 and small(first) else None}
    if first.size and first.dtype.kind in "biuf":
        least, greatest = (function([function(array) for array in arrays]) for function in (np.min, np.max))
        known |= {"min": _plain(least), "max": _plain(greatest)}
    if first.dtype.kind in "biufc":
        known["norm"] = _plain(norm_of(arrays))
    return known


def _plain(value: Any) -> Any:
    """A value in JSON's own types; what has no such form by its kind, never by an address."""
    if isinstance(value, np.ndarray):
        if value.size > 100:
            return f"<array of shape {value.shape}, {value.dtype}>"
        return _plain(value.tolist()) if value.dtype.kind != "f" else _floats(value)
    if isinstance(value, np.generic):
        return _plain(_short(value) if value.dtype.kind == "f" else value.item())
    if isinstance(value, complex):
        return {"re": _plain(value.real), "im": _plain(value.imag)}
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, slice):
        return f"{'' if value.start is None else value.start}:{'' if value.stop is None else value.stop}" + (
            "" if value.step is None else f":{value.step}"
        )
    if isinstance(value, np.dtype):
        return str(value)
    return "..." if value is ... else f"<{type(value).__name__}>"


def _floats(array: Array) -> Any:
    return _plain(_short(array[()])) if array.ndim == 0 else [_floats(np.asarray(part)) for part in array]


def _short(value: Any) -> float:
    """The Python float of the fewest digits that is this number in its own precision."""
    return float(str(value))
