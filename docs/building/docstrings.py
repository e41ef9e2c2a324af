"""Docstrings as Sphinx wants them: ours say `name` for code and leave *, _ and | as they are, as Markdown does."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_CODE = re.compile(r"(`[^`]+`)")
_MARKS = re.compile(r"[*|\\]|(?<=\w)_(?!\w)")
_HEAD = re.compile(r"^( {4}[\w*, ]+(?: \([^)]*\))?:)(.*)$")
_SEVERAL = re.compile(r"^ {4}(\w+(?:, \w+)+):(.*)$")
_SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:", "Yields:", "Warns:")


def to_markup(lines: list[str]) -> list[str]:
    """The lines of a docstring in Google style, with code and marks as reStructuredText has them."""
    result: list[str] = []
    in_example = False
    for line in _one_name_each(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if in_example or line in _SECTIONS:
            result.append(line)
        elif head := _HEAD.match(line):
            result.append(head[1] + escape(head[2]))
        else:
            result.append(escape(line))
    return result


def _one_name_each(lines: list[str]) -> Iterator[str]:
    """Where several names share a description, each gets it: `x, y: of shape (N,).`."""
    waiting = list(lines)
    named = False
    while waiting:
        line = waiting.pop(0)
        named = line in ("Args:", "Attributes:") or (named and (line.startswith(" ") or not line))
        head = _SEVERAL.match(line) if named else None
        if head is None:
            yield line
            continue
        rest = list(itertools.takewhile(lambda line: line.startswith(" " * 8), waiting))
        del waiting[: len(rest)]
        for name in head[1].split(", "):
            yield from (f"    {name}:{head[2]}", *rest)


def escape(line: str) -> str:
    """One line of a docstring as reStructuredText."""
    margin = line[: len(line) - len(line.lstrip())]
    bullet = "* " if line.lstrip().startswith("* ") else ""
    parts = _CODE.split(line[len(margin + bullet) :])
    parts[::2] = (_MARKS.sub(lambda mark: "\\" + mark[0], part) for part in parts[::2])
    parts[1::2] = (f"`{part}`" for part in parts[1::2])
    for place in range(2, len(parts), 2):
        if parts[place][:1].isalnum():
            parts[place] = "\\ " + parts[place]  # the end of code is only seen in front of a space
    return margin + bullet + "".join(parts)
