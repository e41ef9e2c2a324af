"""A replay as one web page: markup, style, script and data in a single file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from ..graph import Graph, GraphNode
from ..legend import legend_items
from ..shapes import Shape
from ..svg import PREFIX, Writer, item_width, picture_title
from ..theme import DARK, FONTS, LIGHT, Theme, dark_rules
from .boxes import Boxes, boxed
from .page_data import page_data
from .steps import Told
from .telling import told

_SCRIPTS = ("layout.js", "picture.js", "view.js", "panel.js", "player.js")


_CLASSES = "pb"  # the page is a document of its own, so its class names need no more


def page(graph: Graph, max_nodes: int) -> str:
    """An HTML document with the replay of a graph; the same graph gives the same bytes."""
    steps, boxes = told(graph), boxed(graph, max_nodes)
    title = escape(picture_title(graph))
    style = f"{_variables()}\n{_asset('page.css')}{dark_rules(_CLASSES)}"
    script = "'use strict';\n" + "".join(map(_asset, _SCRIPTS))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    sentences = "\n".join(f"<li>{escape(step.text)}</li>" for step in steps.steps)
    data = json.dumps(
        page_data(graph, steps, boxes), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    data = data.replace("<", "\\u003c")  # so that no text in it ends the element
    modules = len(boxes.boxes) > 1
    notes = "".join(f'<p class="warning">{escape(note)}</p>' for note in steps.notes)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}: replay</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<search><label class="hidden" for="search">Search by name</label>
<input id="search" type="search" placeholder="Search by name ( / )" autocomplete="off" spellcheck="false">
<output id="answer" for="search"></output></search>
</header>
<div id="player" role="group" aria-label="Replay">
{_player()}
</div>
<main>
<section class="stage" aria-label="The picture">
<svg id="canvas" role="group" aria-label="Graph: forward values, then gradients, as far as they are known">
<g id="world">
<g id="boxes"></g><g id="wires"></g><g id="captions"></g>
{_labels(graph, boxes)}
{_nodes(graph, steps, boxes)}
</g>
</svg>
<div class="tools" role="group" aria-label="View">
{_tools(modules)}
</div>
</section>
<div class="side">
{notes}<section id="panel" aria-label="This step" tabindex="0"></section>
<section id="details" aria-label="Details"></section>
</div>
</main>
<div id="live" class="hidden" role="status" aria-live="polite"></div>
<div class="below">
<div class="legend" role="img" aria-label="Legend">{_legend(graph)}</div>
<p class="keys"><kbd>←</kbd> <kbd>→</kbd> step, <kbd>Home</kbd> <kbd>End</kbd> first and last, <kbd>space</kbd> play,
<kbd>/</kbd> search, <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom, <kbd>shift</kbd> and arrows move the picture;
<kbd>tab</kbd> walks through values and modules, <kbd>enter</kbd> opens and closes a module.</p>
<noscript><p class="warning">The steps need JavaScript; here they are in words.</p></noscript>
<details id="words" open><summary>All steps in words</summary>
<ol>
{sentences}
</ol>
</details>
</div>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _variables() -> str:
    """The theme's colours as properties, light and dark."""

    def properties(theme: Theme, focus: str, search: str) -> str:
        found = {**theme.inks, **theme.lines, "focus": focus, "search": search}
        found |= {"panel": theme.paints["panel"].fill, "panel-edge": theme.paints["panel"].stroke}
        found |= {"frame": theme.paints["frame"].fill, "frame-edge": theme.paints["frame"].stroke}
        found |= {"edge": theme.paints["frame"].stroke, "gate-edge": theme.paints["gate"].stroke}
        return "".join(f"--{name}:{colour};" for name, colour in found.items())

    light, dark = properties(LIGHT, "#c2410c", "#7c3aed"), properties(DARK, "#ffb454", "#c4a1ff")
    fonts = f"--fonts:{FONTS}"
    return f":root{{color-scheme:light dark;{light}{fonts}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


_ICONS = {
    "first": "M3 3h2v14H3zM17 3v14L6 10z",
    "back": "M14 3v14L4 10z",
    "next": "M6 3v14l10-7z",
    "last": "M15 3h2v14h-2zM3 3v14l11-7z",
}


def _icon(path: str, kind: str = "") -> str:
    return (
        f'<svg viewBox="0 0 20 20" aria-hidden="true"{kind and f" class={kind!r}"}><path d="{path}"/></svg>'
    )


def _player() -> str:
    play = _icon("M5 2v16l12-8z", "go") + _icon("M4 3h4v14H4zM12 3h4v14h-4z", "pause")
    return "\n".join(
        [
            f'<button id="first" type="button" aria-label="First step">{_icon(_ICONS["first"])}</button>',
            f'<button id="back" type="button" aria-label="Step back">{_icon(_ICONS["back"])}</button>',
            f'<button id="play" type="button" aria-label="Play">{play}</button>',
            f'<button id="next" type="button" aria-label="Step on">{_icon(_ICONS["next"])}</button>',
            f'<button id="last" type="button" aria-label="Last step">{_icon(_ICONS["last"])}</button>',
            '<input id="slider" type="range" min="0" value="0" step="1" aria-label="Step">',
            '<output id="count"></output>',
        ]
    )


def _tools(modules: bool) -> str:
    buttons = [("zoom-in", "Zoom in", "+"), ("zoom-out", "Zoom out", "−"), ("fit", "Show all", "fit")]
    if modules:
        buttons += [
            ("open-all", "Open all modules", "open all"),
            ("close-all", "Close all modules", "close all"),
        ]
    return "\n".join(
        f'<button id="{key}" type="button" aria-label="{name}">{text}</button>' for key, name, text in buttons
    )


def _drawn(lines: Iterable[str]) -> str:
    return "".join(lines).replace(PREFIX, _CLASSES)


def _nodes(graph: Graph, steps: Told, boxes: Boxes) -> str:
    """Every node as `draw` draws it, about its own centre; the script puts it in its place."""
    parts = []
    for node, shape in zip(graph.nodes, boxes.shapes, strict=True):
        writer = Writer(graph)
        writer.node(node, (0.0, 0.0), shape, tooltip=False)
        label = escape(_spoken_name(node, steps.names[node.key]), quote=True)
        parts.append(
            f'<g id="n{node.key}" class="node" tabindex="0" role="img" aria-label="{label}">'
            f"{_halo(shape)}{_drawn(writer.lines)}</g>"
        )
    return "\n".join(parts)


def _halo(shape: Shape) -> str:
    """What is painted around a node when the replay comes to it."""
    (x, y), (width, height) = shape.centre, shape.extent
    radius = min(width, height) / 2 + 3.5 if shape.outline in ("circle", "pill") else 13
    return (
        f'<rect class="halo" x="{x - width / 2 - 3.5:g}" y="{y - height / 2 - 3.5:g}" '
        f'width="{width + 7:g}" height="{height + 7:g}" rx="{radius:g}"/>'
    )


def _spoken_name(node: GraphNode, name: str) -> str:
    if node.kind in ("adder", "copy"):
        return f"fan-out of {name}"
    return f"{name}, {node.operation or node.kind}" + (f", {node.role}" if node.role else "")


def _labels(graph: Graph, boxes: Boxes) -> str:
    parts = []
    for key, shape in boxes.labels.items():
        writer = Writer(graph)
        for text in shape.texts:
            writer.text(text, (0.0, 0.0))
        parts.append(f'<g id="l{key}" class="node label">{_drawn(writer.lines)}</g>')
    return "\n".join(parts)


def _legend(graph: Graph) -> str:
    """Each sign with its meaning, as pieces that wrap."""
    pieces = []
    for item in legend_items(graph):
        writer = Writer(graph)
        writer.legend_row([item], 4.0, 15.0)
        size = f'viewBox="0 0 {item_width(item):g} 22" width="{item_width(item):g}" height="22"'
        pieces.append(f'<svg {size} aria-hidden="true">{_drawn(writer.lines)}</svg>')
    return "".join(pieces)
