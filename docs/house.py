"""Draw the house: which folders there are, and who imports whom: `python docs/house.py`.

The folders and the arrows are read from the code; where each stands is said here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

DOCS = Path(__file__).parent
ROOT = DOCS.parent
WIDTH, HEIGHT = 620, 752
FONTS = 'system-ui, -apple-system, "Segoe UI", Arial, sans-serif'
STYLE = """
text { font-family: FONTS; fill: #1a1c20 }
.name { font-size: 22px; font-weight: 600 }
.says { font-size: 16px; fill: #565d6b }
.room { font-size: 15px; font-style: italic }
.paper { fill: #ffffff; stroke: #d9dee6 }
.box { stroke-width: 1.5 }
.roof { fill: #f4eefc; stroke: #6d3fb0 } .upper { fill: #eef0ff; stroke: #4a4fc4 }
.middle { fill: #e9f6f3; stroke: #0f766e }
.engine { fill: #fff8e6; stroke: #9a7400 } .ground { fill: #f3f4f6; stroke: #6b7280; stroke-dasharray: 5 4 }
.arrow { fill: none; stroke: #3a4250; stroke-width: 1.6 } .head { fill: #3a4250 }
@media (prefers-color-scheme: dark) {
text { fill: #e6e9ef } .says { fill: #a6afbf } .paper { fill: #10151d; stroke: #2b3442 }
.roof { fill: #251a38; stroke: #b692f2 } .upper { fill: #1b1f3d; stroke: #979cf5 }
.middle { fill: #0d2a27; stroke: #4fc3b4 }
.engine { fill: #2c2408; stroke: #dcb53c } .ground { fill: #1c212a; stroke: #98a2b3 }
.arrow { stroke: #b4bdcb } .head { fill: #b4bdcb }
}
""".replace("FONTS", FONTS)


class Box(NamedTuple):
    """A folder, or what stands below all folders: its place, its look, and what is said of it."""

    x: int
    y: int
    width: int
    height: int
    look: str
    says: tuple[str, ...]


BOXES = {
    "pullback": Box(
        20,
        44,
        580,
        84,
        "roof",
        ("the import name: public names, written out", "by hand, and the command line"),
    ),
    "train": Box(64, 164, 492, 116, "upper", ("the training loop, and what watches it",)),
    "data": Box(64, 316, 114, 196, "middle", ("sets, loaders,", "preparation")),
    "optim": Box(190, 316, 114, 196, "middle", ("update rules,", "schedules")),
    "nn": Box(316, 316, 114, 196, "middle", ("layers,", "losses,", "models")),
    "viz": Box(442, 316, 114, 196, "middle", ("graphs,", "figures")),
    "autograd": Box(
        20,
        548,
        580,
        108,
        "engine",
        ("tensors, operations and their gradient rules,", "the tape, transforms, the checker"),
    ),
    "NumPy": Box(20, 692, 580, 40, "ground", ()),
}
HIDDEN = {
    ("pullback", name) for name in ("data", "optim", "nn", "viz")
}  # the roof hands out the names of all


def folders() -> list[str]:
    """The folders that are packages, and `pullback`, which stands under `src`."""
    return [
        "pullback",
        *sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name in BOXES),
    ]


def imports() -> set[tuple[str, str]]:
    """Which folder imports from which, as the code says it; the engine and NumPy too."""
    found = set()
    for folder in folders():
        home = ROOT / "src/pullback" if folder == "pullback" else ROOT / folder
        for path in home.rglob("*.py"):
            found |= {(folder, other) for other in _named(path, folder) if other != folder}
    return found & {(importer, other) for importer in BOXES for other in BOXES if importer != other}


def _named(path: Path, folder: str) -> Iterator[str]:
    """What a file imports by relative names: folders; and NumPy."""
    inside = ("pullback",) if folder == "pullback" else ("pullback", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = inside[: len(inside) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in names:
                parts = (*above, *name.split("."))
                if len(parts) > 1 and above:
                    yield parts[1]
        elif isinstance(node, ast.Import) and any(alias.name == "numpy" for alias in node.names):
            yield "NumPy"


def rooms(folder: str) -> list[str]:
    """The folders inside of a folder."""
    return sorted(path.parent.name for path in (ROOT / folder).glob("*/__init__.py"))


def picture() -> str:
    """The whole picture as SVG."""
    pairs = imports() - HIDDEN
    arrows = "\n".join(_arrow(*pair) for pair in sorted(pairs) if pair[1] != "NumPy" or pair[0] == "autograd")
    boxes = "\n".join(_box(name, box) for name, box in BOXES.items())
    label = "The house: pullback above train, train above data, optim, nn and viz, all of them above autograd and NumPy"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{label}">\n<style>{STYLE}</style>\n'
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>\n'
        f'<text class="says" x="20" y="29">An arrow leads from who imports to what is imported.</text>\n'
        f"{boxes}\n{arrows}\n</svg>\n"
    )


def _box(name: str, box: Box) -> str:
    middle = box.x + box.width / 2
    inside = (
        _lines(rooms(name), 48 if box.width > 200 else 1) if name.islower() and name != "pullback" else []
    )
    lines = [("says", text) for text in box.says] + [("room", text) for text in inside]
    title = f"{name}/" if inside else name
    top = box.y + 27
    shown = [f'<text class="name" x="{middle:g}" y="{top}" text-anchor="middle">{title}</text>']
    for place, (look, text) in enumerate(lines, 1):
        y = top + 1 + 22 * place
        shown.append(
            f'<text class="{look}" x="{middle:g}" y="{y}" text-anchor="middle">{escape(text)}</text>'
        )
    outline = f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="8"'
    return "\n".join([f'<rect class="box {box.look}" {outline}/>', *shown])


def _lines(names: list[str], longest: int) -> list[str]:
    """The rooms of a folder, in lines of a few letters at most, or one by one."""
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) < longest:
            lines[-1] += f" · {name}"
        else:
            lines.append(name)
    return lines


def _arrow(importer: str, other: str) -> str:
    above, below = BOXES[importer], BOXES[other]
    if importer == "pullback" and other == "autograd":
        points = [(42, above.y + above.height), (42, below.y)]
    elif importer == "train" and other == "autograd":
        y = above.y + above.height // 2
        points = [(above.x + above.width, y), (578, y), (578, below.y)]
    elif above.y < below.y and _next(importer, other):
        narrow = min(above, below, key=lambda box: box.width)
        middle = narrow.x + narrow.width // 2
        points = [(middle, above.y + above.height), (middle, below.y)]
    else:
        raise LookupError(f"{importer} imports {other}, and the house has no place for this arrow")
    x, y = points[-1]
    line = " ".join(f"{a},{b}" for a, b in [*points[:-1], (x, y - 7)])
    head = f"{x - 5},{y - 9} {x + 5},{y - 9} {x},{y}"
    return f'<polyline class="arrow" points="{line}"/><polygon class="head" points="{head}"/>'


def _next(importer: str, other: str) -> bool:
    """Whether no storey stands between two boxes."""
    storeys = sorted({box.y for box in BOXES.values()})
    return storeys.index(BOXES[other].y) - storeys.index(BOXES[importer].y) == 1


def main() -> None:
    """Write the picture to where the page shows it."""
    (DOCS / "images" / "house.svg").write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
