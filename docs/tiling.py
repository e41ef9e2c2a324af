"""Draw how the compiled convolution cuts its work: `python docs/pictures.py` writes `images/convolution-tiling.svg`."""

from __future__ import annotations

from html import escape

STYLE = """
text{font:14px system-ui,-apple-system,"Segoe UI",Arial,"Liberation Sans","DejaVu Sans",sans-serif;fill:#1d2330}
.title{font-weight:600;font-size:16px}.small{font-size:12px;fill:#566074}
.cell{fill:#fff;stroke:#9aa3b2}.zero{fill:#eceff4;stroke:#9aa3b2}
.one{fill:#cfe3ff;stroke:#2f6fd0}.two{fill:#ffe3bf;stroke:#c77700}.both{fill:#e6d9f5;stroke:#7a4fb5}
.frame-one{fill:none;stroke:#2f6fd0;stroke-width:3}.frame-two{fill:none;stroke:#c77700;stroke-width:3}
.line{fill:none;stroke:#566074;stroke-width:1.5}.tip{fill:#566074}
@media(prefers-color-scheme:dark){text{fill:#e8ebf0}.small{fill:#a9b0bd}
.cell{fill:#1b2028;stroke:#6f7888}.zero{fill:#2a303b;stroke:#6f7888}
.one{fill:#1d3b66;stroke:#7fb2ff}.two{fill:#573a0d;stroke:#ffb454}.both{fill:#43305e;stroke:#c3a2f0}
.frame-one{stroke:#7fb2ff}.frame-two{stroke:#ffb454}.line{stroke:#a9b0bd}.tip{fill:#a9b0bd}}
"""
DESCRIPTION = (
    "Three parts. A convolution by definition: the rows of an image with a border of zeros lie one after another, and "
    "each element of all windows is the same run of numbers, moved. At Winograd's points: tiles of 4 by 4 numbers that "
    "overlap by two are brought to 16 points, where matrices are multiplied, and come back as tiles of 2 by 2. In the "
    "registers: 8 filters by 3 vectors of sums."
)


def box(x: float, y: float, width: float, height: float, kind: str, text: str = "") -> str:
    """A rectangle with a word in its middle."""
    drawn = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"/>'
    return drawn + (says(x + width / 2, y + height / 2 + 5, text, "middle") if text else "")


def says(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    """A line of text."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def arrow(x: float, y: float, to_x: float) -> str:
    """A line to the right, with a tip."""
    return (
        f'<path class="line" d="M{x} {y}H{to_x - 7}"/>'
        f'<path class="tip" d="M{to_x - 8} {y - 5}L{to_x} {y}L{to_x - 8} {y + 5}Z"/>'
    )


def flat(top: float) -> list[str]:
    """An image of 3 × 4 with a border of 1, and where its windows' elements lie."""
    letters = ["·····", "·abcd", "·efgh", "·ijkl", "·····"]
    size = 24
    parts = [says(20, top, "By definition: a channel lies flat, with its border of zeros", kind="title")]
    parts += [
        box(30 + j * size, top + 18 + i * size, size, size, "zero" if letter == "·" else "cell", letter)
        for i, row in enumerate(letters)
        for j, letter in enumerate(row)
    ]
    left, y = 208, top + 18
    parts.append(arrow(160, y + 60, 196))
    parts += [
        box(left + k * size, y, size, size, "zero" if letter == "·" else "cell", letter)
        for k, letter in enumerate("".join(letters))
    ]
    for k, (start, word, kind) in enumerate(
        ((0, "(0, 0)", "one"), (1, "(0, 1)", "two"), (6, "(1, 1)", "both"))
    ):
        row = y + 34 + k * 28
        parts.append(box(left + start * size, row, 14 * size, 20, kind, f"element {word} of all windows"))
    note = "the same run of 14 numbers, moved by rows of 5 and by numbers; where a row ends, some are in vain"
    parts.append(says(left, y + 138, note, kind="small"))
    parts.append(says(30, y + 138, "no border at the right:", kind="small"))
    parts.append(says(30, y + 154, "the next row begins with it", kind="small"))
    return parts


def tiles(top: float) -> list[str]:
    """Two tiles, the 16 points, and what comes back."""
    size = 24
    parts = [says(20, top, "At Winograd's points: 3 × 3 filters with a stride of 1", kind="title")]
    for i in range(4):
        for j in range(6):
            kind = "both" if j in (2, 3) else "one" if j < 2 else "two"
            parts.append(box(30 + j * size, top + 24 + i * size, size, size, kind))
    parts.append(box(30, top + 24, 4 * size, 4 * size, "frame-one"))
    parts.append(box(30 + 2 * size, top + 24, 4 * size, 4 * size, "frame-two"))
    parts.append(says(102, top + 140, "tiles of 4 × 4 numbers,", "middle", "small"))
    parts.append(says(102, top + 156, "two columns in common", "middle", "small"))
    parts.append(arrow(184, top + 72, 214))

    def stack(x: float, width: float, height: float, kind: str, lines: tuple[str, ...]) -> None:
        for k in range(4):
            parts.append(box(x + 18 - 6 * k, top + 24 + 6 * k, width, height, kind))
        for k, line in enumerate(lines):
            parts.append(says(x + width / 2 + 9, top + 140 + 16 * k, line, "middle", "small"))

    stack(226, 64, 72, "cell", ("filters × channels", "at 16 points"))
    parts.append(says(322, top + 80, "×", "middle", "title"))
    stack(336, 140, 72, "one", ("channels × tiles", "at 16 points"))
    parts.append(says(510, top + 80, "=", "middle", "title"))
    stack(526, 140, 72, "two", ("filters × tiles", "at 16 points"))
    parts.append(arrow(696, top + 72, 726))
    for i in range(2):
        for j in range(4):
            parts.append(box(738 + j * size, top + 48 + i * size, size, size, "one" if j < 2 else "two"))
    parts.append(says(786, top + 140, "2 × 2 places", "middle", "small"))
    parts.append(says(786, top + 156, "of each tile", "middle", "small"))
    return parts


def registers(top: float) -> list[str]:
    """The block of sums."""
    parts = [says(20, top, "In the registers: 24 vectors of sums", kind="title")]
    lane, height, left, y = 8, 20, 190, top + 62
    for v in range(3):
        x = left + v * (16 * lane + 8)
        parts.append(says(x + 8 * lane, top + 30, f"vector {v + 1}", "middle", "small"))
        parts += [box(x + k * lane, top + 36, lane, 14, "two") for k in range(16)]
        for f in range(8):
            parts.append(box(x, y + f * height, 16 * lane, height - 3, "cell"))
            parts += [
                f'<path class="line" style="stroke-width:.4" d="M{x + k * lane} {y + f * height}v{height - 3}"/>'
                for k in range(1, 16)
            ]
    for f in range(8):
        parts.append(box(150, y + f * height, 24, height - 3, "one"))
        parts.append(says(140, y + f * height + 13, f"filter {f + 1}", "end", "small"))
    lines = (
        "For each channel (and element of the window):",
        "load 3 vectors of 16 neighbouring tiles or places,",
        "and each of 8 weights into a whole vector;",
        "24 products are added, and none of the sums",
        "leaves its register before all are.",
        "",
        "11 loads serve 24 products, so that the two units",
        "that multiply and add seldom wait for the cache.",
    )
    parts += [says(620, top + 50 + 22 * k, line) for k, line in enumerate(lines)]
    return parts


def tiling() -> str:
    """The picture, light or dark as its reader is."""
    width, height = 960, 664
    parts = [*flat(30), *tiles(228), *registers(430)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" style="max-width:100%;height:auto"><title>How a convolution is cut</title>'
        f"<desc>{DESCRIPTION}</desc><style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )
