"""PNG and PDF of a picture, through CairoSVG."""

from __future__ import annotations

import re
from typing import Literal

_SCALE = 2.0  # pixels of a PNG to one of the SVG's, so that it is sharp on the usual screens


def rendered(svg: str, form: Literal["png", "pdf"]) -> bytes:
    """An SVG document as a PNG or PDF file, in the light colours.

    Raises:
        ImportError: without CairoSVG.
    """
    try:
        import cairosvg  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra
    except (ImportError, OSError) as error:  # OSError: the Cairo library itself is missing
        raise ImportError(
            f"a .{form} file needs CairoSVG, which is not here: pip install 'pullback[png]'; "
            "or save as .svg or .html, which need nothing"
        ) from error
    # the style sheet is for dark screens; the root's own style, for web pages, makes CairoSVG draw nothing
    light = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    light = re.sub(r'^(<svg[^>]*?) style="[^"]*"', r"\1", light)
    if form == "pdf":
        return bytes(cairosvg.svg2pdf(bytestring=light.encode()))
    return bytes(cairosvg.svg2png(bytestring=light.encode(), scale=_SCALE))
