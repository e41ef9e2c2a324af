"""How Sphinx builds the site: `sphinx-build -W --keep-going -b html docs build/docs`, without a network."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

import pullback

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from building import check, reference, repository  # noqa: E402
from building.docstrings import to_markup  # noqa: E402

project = "pullback"
author = "the authors of pullback"
release = version = pullback.__version__
copyright = "MIT licence"

extensions = [
    "myst_nb",  # pages in Markdown, and the notebooks with the outputs that they hold
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "building.mathml",
]
exclude_patterns = ["building", "images/*.html"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show a solution"
nb_code_prompt_hide = "Hide it"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
suppress_warnings = ["ref.python"]  # a name that two namespaces hand out is one thing: either place will do
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = "pullback"
html_static_path = ["building/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

CHILDREN = {  # page: what stands below it in the menu
    "index": {
        "Begin": ["first-steps", "coming-from", "troubleshooting", "limits"],
        "Guide": [
            "own-gates", "vmap", "gradient-checking", "grading", "replay", "gallery", "models", "sequences", "transfer",
            "optim", "data", "augmentation", "training", "doctor", "figures", "ensembles", "hyperparameter-search",
            "scikit-learn",
        ],
        "Course": ["course/index", "course/*", "project/examples"],
        "Reference": ["reference/index", "derivatives", "array-api"],
        "Behind it": ["design", "extending", "performance", "convolution", "growth"],
    },
    "derivatives": {"Files": ["derivatives/*"]},
}  # fmt: skip
LISTED = {name for children in CHILDREN["index"].values() for name in children}
CHILDREN["index"]["Guide"] += sorted({page.stem for page in HERE.glob("*.md")} - LISTED - {"index"})
OTHERS = {place.removesuffix(".md") for place in repository.copies().values() if place.startswith("project/")}
CHILDREN["index"]["Behind it"] += sorted(OTHERS - LISTED)


def _before_reading(app: Sphinx) -> None:
    repository.bring()
    reference.write(HERE / "reference")


def _as_read(app: Sphinx, page: str, text: list[str]) -> None:
    source = Path(app.env.doc2path(page))
    if source.suffix in (".md", ".ipynb"):
        try:
            text[0] = repository.point_links(text[0], source.relative_to(HERE).as_posix())
        except FileNotFoundError as missing:
            logging.getLogger(__name__).warning(missing)
    if source.suffix == ".md":
        # a doctest ends with an empty line, which readers need not see
        text[0] = re.sub(r"\n+\n```$", "\n```", text[0], flags=re.MULTILINE)
    for caption, children in CHILDREN.get(page, {}).items():
        inside = "\n".join(children)
        text[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{inside}\n```\n"


def _docstring(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    lines[:] = to_markup(lines)
    if what == "attribute":
        lines[:0] = ["..", ""]  # or napoleon takes what stands in front of a colon for a type


def _signature(
    app: Sphinx, what: str, name: str, thing: object, options: object, text: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Without what says nothing: a parameter of any type."""
    text = text and re.sub(r": (~?typing\.)?Any(?=[,)=\s])", "", text)
    return text, None if returned in ("Any", "~typing.Any", "None") else returned


def _finish(app: Sphinx, tree: nodes.document) -> None:
    """Pictures that a cell made say so; `bool` in a signature is Python's, and no link to the dtype of that name."""
    for picture in tree.findall(nodes.image):
        picture.setdefault("alt", "what the code above draws")
    for link in list(tree.findall(addnodes.pending_xref)):
        if link.get("reftype") == "class" and link.get("reftarget") in vars(builtins):
            link.replace_self(link.children)


def _open_replays(app: Sphinx, page: str, template: str, context: dict[str, object], tree: object) -> None:
    """A replay is a page to open, and not a file to save."""
    if "body" in context:
        context["body"] = re.sub(r' download=""(?= href="[^"]+\.html")', "", str(context["body"]))


def setup(app: Sphinx) -> None:
    """What happens when."""
    app.connect("builder-inited", _before_reading)
    app.connect("source-read", _as_read)
    app.connect("autodoc-process-docstring", _docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", _signature)
    app.connect("doctree-read", _finish)
    app.connect("html-page-context", _open_replays)
    app.connect("build-finished", check.built)
