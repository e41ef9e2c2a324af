"""Formulas as MathML, made when the site is built: browsers set it themselves, so no script and no font is fetched."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    formula = convert(node.astext(), display="block")
    writer.body.append(f'<div class="math" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def _done(writer: Any, node: nodes.Element) -> None:
    """Nothing is left to do: both visits skip the departure."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Make this the renderer that `html_math_renderer = "mathml"` names."""
    app.add_html_math_renderer("mathml", (_inline, _done), (_block, _done))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
