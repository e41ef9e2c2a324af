"""The pages for users: their examples run, every block of code is one, and what they name is there."""

import doctest
import re
import runpy
from pathlib import Path

import pytest

from pullback.autograd.extend import REGISTRY

DOCS = Path(__file__).parent.parent / "docs"
MADE_BY_A_BUILD = ("course", "project", "reference")
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] not in MADE_BY_A_BUILD)
NO_EXAMPLES = {  # page, or folder of pages: why its blocks of code are not run here
    "gallery.md": "tests/viz/test_gallery.py runs the functions whose bodies these are",
    "derivatives.md": "rules as they stand in their files, which tests/autograd/test_derivatives.py compares",
    "derivatives": "the same",
}
NO_EXAMPLE = {"import joblib": "needs a cluster"}  # first line of a block: why it is not run


def name_of(page):
    return page.relative_to(DOCS).as_posix()


@pytest.fixture
def forget_new_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


@pytest.mark.usefixtures("forget_new_operations")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_examples(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "a_users_program"}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_python_is_an_example_that_runs(page):
    if name_of(page).split("/")[0] in NO_EXAMPLES:
        return
    blocks = re.compile(r"^```(?:python|pycon|py)\n(.*?)^```", re.DOTALL | re.MULTILINE)
    for block in blocks.findall(page.read_text(encoding="utf-8")):
        assert block.startswith(">>> ") or block.splitlines()[0] in NO_EXAMPLE, block


def test_the_tiling_of_convolutions_is_as_its_script_draws_it():
    drawn = runpy.run_path(str(DOCS / "tiling.py"))["tiling"]()
    assert (DOCS / "images" / "convolution-tiling.svg").read_text(encoding="utf-8") == drawn


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pictures_and_pages_that_are_named_are_there(page):
    prose = re.sub(
        r"^```.*?^```|`[^`\n]+`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    for name in re.findall(r"\]\(([^)#\s]+)", prose):
        assert "://" in name or (page.parent / name).exists(), name
