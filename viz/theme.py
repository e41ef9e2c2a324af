"""The colours of a picture, light and dark, with contrast after WCAG AA (a test holds it)."""

from __future__ import annotations

from typing import NamedTuple

FONTS = 'system-ui,-apple-system,"Segoe UI",Arial,"Liberation Sans","DejaVu Sans",sans-serif'


class Paint(NamedTuple):
    """Fill and outline of an area, or "none"."""

    fill: str
    stroke: str


class Theme(NamedTuple):
    """One set of colours: of texts, of lines and of areas, by name."""

    inks: dict[str, str]
    lines: dict[str, str]
    paints: dict[str, Paint]


LIGHT = Theme(
    inks={
        "ink": "#1a1c20",
        "muted": "#565d6b",
        "value": "#0b6b3a",
        "gradient": "#b3261e",
        "alarm": "#ffffff",
    },
    lines={"wire": "#3a4250", "faint": "#8a93a3"},
    paints={
        "panel": Paint("#ffffff", "#d9dee6"),
        "frame": Paint("#f4f6fa", "#c3cbd8"),
        "caption": Paint("#f4f6fa", "none"),
        "gate": Paint("#eef3fb", "#2b5fb8"),
        "output": Paint("#f4eefc", "#6d3fb0"),
        "parameter": Paint("#fff8e6", "#9a7400"),
        "input": Paint("#e9f6f3", "#0f766e"),
        "buffer": Paint("#f1f3e4", "#5f6f1f"),
        "constant": Paint("#f3f4f6", "#6b7280"),
        "module": Paint("#eef0ff", "#4a4fc4"),
        "adder": Paint("#fdeeed", "#b3261e"),
        "wrong": Paint("#fdeeed", "#b3261e"),
        "copy": Paint("#3a4250", "#3a4250"),
        "badge": Paint("#b3261e", "none"),
    },
)

DARK = Theme(
    inks={
        "ink": "#e8ebf0",
        "muted": "#a9b0bd",
        "value": "#6fdc9f",
        "gradient": "#ff9a92",
        "alarm": "#14171c",
    },
    lines={"wire": "#b9c0cc", "faint": "#6f7888"},
    paints={
        "panel": Paint("#14171c", "#2c323c"),
        "frame": Paint("#1a1e25", "#3a4352"),
        "caption": Paint("#1a1e25", "none"),
        "gate": Paint("#1e2a40", "#7fb0ff"),
        "output": Paint("#291f3d", "#c3a3ff"),
        "parameter": Paint("#2c2612", "#e2bd54"),
        "input": Paint("#122c28", "#5fd0c2"),
        "buffer": Paint("#262b15", "#bccf6b"),
        "constant": Paint("#22262d", "#9aa3b2"),
        "module": Paint("#20223f", "#a5a9ff"),
        "adder": Paint("#391f1e", "#ff9a92"),
        "wrong": Paint("#391f1e", "#ff9a92"),
        "copy": Paint("#b9c0cc", "#b9c0cc"),
        "badge": Paint("#ff9a92", "none"),
    },
)


def dark_rules(prefix: str) -> str:
    """The style sheet for readers who prefer dark; light colours stand in the elements themselves."""
    rules = [f".{prefix}-{name}{{fill:{colour}}}" for name, colour in DARK.inks.items()]
    rules += [f".{prefix}-{name}{{stroke:{colour}}}" for name, colour in DARK.lines.items()]
    rules += [f".{prefix}-{name}-tip{{fill:{colour}}}" for name, colour in DARK.lines.items()]
    rules += [
        f".{prefix}-{name}{{fill:{fill};stroke:{stroke}}}" for name, (fill, stroke) in DARK.paints.items()
    ]
    # the names of areas and of inks are distinct but for these lines of an area's colour
    rules += [f".{prefix}-{name}-edge{{fill:{stroke}}}" for name, (_, stroke) in DARK.paints.items()]
    return "@media(prefers-color-scheme:dark){" + "".join(rules) + "}"
