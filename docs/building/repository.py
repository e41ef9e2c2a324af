"""The repository as a site: which files outside of `docs` are pages too, and where every link leads.

A page links by paths in the repository, so that it reads well where the repository is shown as it is. While the site is
built, the files that `PAGES` names are copied to where it says, and every link is pointed at the page that its file has
become; a file that is no page can be downloaded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path, PurePosixPath

DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent

PAGES = {  # in the repository: on the site
    "notebooks/*.ipynb": "course",
    "notebooks/README.md": "course/index.md",
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "RELEASING.md": "project/releasing.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "examples/README.md": "project/examples.md",
}
MADE = ("course", "project", "reference")  # folders of `docs` that hold nothing but what a build writes

_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")


def copies() -> dict[str, str]:
    """Where each page outside of `docs` stands on the site, both as paths."""
    found = {}
    for pattern, place in PAGES.items():
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            found[name] = place if place.endswith(path.suffix) else f"{place}/{path.name}"
    return found


def bring() -> None:
    """Copy the pages outside of `docs` to where the site wants them, and forget those of the last build."""
    for folder in MADE:
        shutil.rmtree(DOCS / folder, ignore_errors=True)
    for name, place in copies().items():
        (DOCS / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, DOCS / place)


def point_links(text: str, page: str) -> str:
    """The text of a page with its links as the site needs them; code is left as it is.

    Args:
        text: Markdown, or a notebook with Markdown in it.
        page: where the page stands on the site, such as "project/readme.md".

    Raises:
        FileNotFoundError: for a link to what is not in the repository.
    """
    if not page.endswith(".ipynb"):
        return _outside_of_code(text, page)
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if "solution" in cell.get("metadata", {}).get("tags", ()):
            cell["metadata"]["tags"].append(
                "hide-input"
            )  # what the site folds away; Jupyter goes by `source_hidden`
        if cell["cell_type"] == "markdown":
            cell["source"] = _outside_of_code("".join(cell["source"]), page)
    return json.dumps(notebook)


def _outside_of_code(text: str, page: str) -> str:
    places = copies()
    home = {place: name for name, place in places.items()}.get(page, f"docs/{page}")
    parts = _CODE.split(text)  # prose, code, prose, ...
    parts[::2] = (_LINK.sub(lambda link: _pointed(link[0], home, page, places), part) for part in parts[::2])
    return "".join(parts)


def _pointed(link: str, home: str, page: str, places: dict[str, str]) -> str:
    """One link of the page that stands at `home` in the repository and at `page` on the site."""
    target, mark, anchor = link.partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return link
    name = os.path.normpath(PurePosixPath(home).parent / target)
    if (ROOT / name).is_dir():
        name += "/README.md"
    if not (ROOT / name).exists():
        raise FileNotFoundError(f"{home} links to {target}, and there is no {name}")
    if name in places:
        place = places[name]
    elif name.startswith("docs/"):
        place = name.removeprefix("docs/")
    else:
        place = f"project/files/{name}"
        (DOCS / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, DOCS / place)
    return os.path.relpath(place, PurePosixPath(page).parent) + mark + anchor
