"""A web page around a picture: one file that needs nothing else, with the graph in words beneath."""

from __future__ import annotations

from html import escape

from .graph import Graph
from .svg import picture_title, svg
from .text import outline
from .theme import DARK, FONTS, LIGHT

_STYLE = f"""
:root{{color-scheme:light dark}}
body{{margin:0 auto;padding:1rem;max-width:90rem;font:1rem/1.5 {FONTS};
color:{LIGHT.inks["ink"]};background:{LIGHT.paints["panel"].fill}}}
figure{{margin:1rem 0;text-align:center}}
h1{{font-size:1.3rem;overflow-wrap:anywhere}}
h2{{font-size:1.1rem}}
li{{overflow-wrap:anywhere}}
@media(prefers-color-scheme:dark){{body{{color:{DARK.inks["ink"]};background:{DARK.paints["panel"].fill}}}}}
""".strip()


def page(graph: Graph) -> str:
    """An HTML document with the picture and its outline; it runs no script and loads nothing."""
    title = escape(picture_title(graph))
    sentences = "\n".join(f"<li>{escape(line)}</li>" for line in outline(graph).splitlines())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<figure>
{svg(graph)}</figure>
<section aria-labelledby="outline">
<h2 id="outline">In words</h2>
<ul>
{sentences}
</ul>
</section>
</main>
</body>
</html>
"""
