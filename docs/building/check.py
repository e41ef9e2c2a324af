"""A look at the site that was built: nothing is fetched from elsewhere, links lead somewhere, no name is missing.

What is found is a warning, which the command makes an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from . import reference

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class _Page(HTMLParser):
    """What one page fetches, what it links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if given.get("src"):
            self.fetched.append(str(given["src"]))
        if given.get("href"):
            (self.fetched if tag == "link" else self.links).append(str(given["href"]))


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with a site, in words.

    Args:
        folder: where it was built to.
    """
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        for link in [*page.fetched, *page.links]:
            parts = urlsplit(link)
            if parts.scheme == "data" or (parts.scheme and link not in page.fetched):
                continue
            if parts.scheme or parts.netloc:
                yield f"{name} fetches {link} from elsewhere"
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.exists():
                yield f"{name} leads to {link}, and there is no such page"
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors:
                yield f"{name} leads to {link}, and there is no such place in it"
    for sheet in sorted(folder.rglob("*.css")):
        if "url(http" in sheet.read_text(encoding="utf-8").replace('"', "").replace("'", ""):
            yield f"{sheet.name} fetches something from elsewhere"


def missing_names(known: set[str]) -> Iterator[str]:
    """The public names that a site does not have.

    Args:
        known: the full names that it has.
    """
    for namespace in reference.NAMESPACES:
        for name in reference.names_of(namespace):
            if f"{namespace.name}.{name}" not in known:
                yield f"{namespace.name}.{name} is not in the reference"


def built(app: Sphinx, exception: Exception | None) -> None:
    """Look at the site when it has been built."""
    from sphinx.util import logging

    if exception is not None or app.builder.name != "html":
        return
    known = set(app.env.domains.python_domain.objects)
    for fault in [*faults(Path(app.outdir)), *missing_names(known)]:
        logging.getLogger(__name__).warning(fault)
