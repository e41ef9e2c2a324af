"""What the script of a page reads: nodes, wires, boxes and steps in JSON's own types."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..glyphs import text_width
from ..graph import Graph, GraphNode
from ..numbers import Array, bad_numbers, exact, norm, number, numbers
from ..shapes import Shape, parameter_text
from ..summary import summary
from .boxes import Box, Boxes, closed_name, closed_text
from .steps import Step, Term, Told

_WHOLE = 24
"""Arrays of at most so many numbers are shown in full."""


def page_data(graph: Graph, steps: Told, boxes: Boxes) -> dict[str, Any]:
    """Everything about a graph that the page needs besides its markup."""
    return {
        "style": graph.style,
        "nodes": [_node_data(node, graph, steps, boxes) for node in graph.nodes],
        "edges": [
            {
                "tail": edge.tail,
                "head": edge.head,
                "slot": edge.slot,
                "way": boxes.ways[edge.key],
                "required": edge.required,
                "gradient_at": steps.wire_at[edge.key],
            }
            for edge in graph.edges
        ],
        "labels": {key: _shape_data(shape) for key, shape in boxes.labels.items()},
        "boxes": [_box_data(box) for box in boxes.boxes],
        "open": [box.key for box in boxes.boxes[1:] if box.opened],
        "steps": [_step_data(step, graph, steps) for step in steps.steps],
    }


def _shape_data(shape: Shape) -> dict[str, Any]:
    return {
        "width": _short(shape.width),
        "height": _short(shape.height),
        "ports": [list(map(_short, port)) for port in shape.ports],
        "exit": list(map(_short, shape.exit)),
    }


def _short(x: float) -> float:
    return round(x, 2)


def _node_data(node: GraphNode, graph: Graph, steps: Told, boxes: Boxes) -> dict[str, Any]:
    facts = [["kind", node.operation or node.kind]]
    facts += [["role", node.role]] if node.role else []
    facts += [["shape", f"{node.shape or 'scalar'}, {node.dtype_text}"]]
    facts += [["settings", parameter_text(node.parameters)]] if node.parameters else []
    facts += [["module", node.scope]] if node.scope else []
    facts += [["at", node.source]] if node.source else []
    names = {"forward": "its forward step", "seed": "where backward begins", "backward": "its backward step"}
    found = [
        [names.get(step.phase, "where its gradients add"), index]
        for index, step in enumerate(steps.steps)
        if step.node == node.key
    ]
    return {
        "name": steps.names[node.key],
        "partial": steps.partials[node.key],
        "leaf": node.kind == "parameter",
        "words": [word for word in (node.name, steps.names[node.key], node.operation, node.scope) if word],
        "box": boxes.box_of[node.key],
        "shape": _shape_data(boxes.shapes[node.key]),
        "facts": facts,
        "value": _shown(node.value),
        "gradient": _shown(node.gradient),
        "state": node.state.value,
        "required": node.required,
        "value_at": steps.value_at[node.key],
        "gradient_at": steps.gradient_at[node.key],
        "steps": found,
    }


def _box_data(box: Box) -> dict[str, Any]:
    name = closed_name(box)
    return {
        "key": box.key,
        "parent": box.parent,
        "name": name,
        "path": box.path,
        "what": box.what,
        "text": closed_text(box),
        "width": _short(box.width),
        "height": _short(box.height),
        "captionWidth": _short(text_width(f"{box.what} {name}", 13.0, bold=True) + 44),
        "enters": {key: _short(at) for key, at in box.enters.items()},
        "leaves": {key: _short(at) for key, at in box.leaves.items()},
        "items": [{"kind": item.kind, "key": item.key} for item in box.items],
        "column": box.column,
        "place": [_short(at) for at in box.place],
        "runs": [
            {
                "tail": run.tail,
                "head": run.head,
                "edges": run.edges,
                "passes": [_short(at) for at in run.passes],
            }
            for run in box.runs
        ],
    }


def _step_data(step: Step, graph: Graph, steps: Told) -> dict[str, Any]:
    node = None if step.node is None else graph.nodes[step.node]
    data: dict[str, Any] = {
        "phase": step.phase,
        "node": step.node,
        "title": step.title,
        "equation": step.equation,
        "wires": step.wires,
        "notes": step.notes,
        "leaves": step.leaves,
    }
    if node is not None:
        data |= {
            "name": steps.names[node.key],
            "own": step.own,
            "why": step.why,
            "role": node.role,
            "gate": step.gate,
            "total": _shown(step.total),
            "terms": [_term_data(term, steps) for term in step.terms],
        }
    return data


def _term_data(term: Term, steps: Told) -> dict[str, Any]:
    notes = [*term.notes]
    if not term.agrees:
        notes.append("what was recorded differs from what the rule gives: a hook has changed it")
    return {
        "edge": term.edge,
        "name": steps.names[term.operand],
        "gradient": term.gradient,
        "local_name": term.local_name,
        "part": term.part,
        "upstream": _shown(term.upstream),
        "local": _shown(term.local),
        "downstream": _shown(term.downstream),
        "formula": term.formula,
        "rule": term.rule,
        "product": term.product,
        "summed": f"Σ over {term.summed_text}" if term.summed else None,
        "unsummed": _shown(term.unsummed),
        "notes": notes,
    }


def _shown(array: Array | None) -> dict[str, Any] | None:
    """An array for the panel: whole where it is small, else its shape and what its numbers are like."""
    if array is None:
        return None
    shown: dict[str, Any] = {}
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        shown["bad"] = bad_numbers(array)
    if array.size == 1:
        shown |= {"text": number(array.reshape(())[()]), "exact": exact(array.reshape(())[()])}
        if array.ndim:
            shown["text"] = numbers(array)
    elif 0 < array.size <= _WHOLE and array.ndim == 2:
        shown |= {"rows": [[number(x) for x in row] for row in array], "shape": str(array.shape)}
    elif 0 < array.size <= _WHOLE and array.ndim == 1:
        shown |= {"list": [number(x) for x in array]}
    elif 0 < array.size <= _WHOLE:
        shown |= {"text": numbers(array)}
    else:
        shown |= {"shape": str(array.shape)}
        if array.dtype.kind in "biuf":
            whole = summary([array])
            if whole.finite:
                shown |= {"min": number(whole.low), "mean": number(whole.mean), "max": number(whole.high)}
                shown |= {"norm": number(whole.norm)}
        elif array.size:
            shown["norm"] = number(norm(array))
    return shown
