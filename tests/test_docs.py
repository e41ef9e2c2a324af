"""The examples in the documentation run."""

import doctest
import re
from pathlib import Path

import pytest

from pullback.autograd.extend import REGISTRY

PAGES = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))


@pytest.fixture
def forget_new_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


@pytest.mark.usefixtures("forget_new_operations")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page):
    text = page.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "a_users_program"}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_pages_that_are_named_are_there(page):
    for name in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert "://" in name or (page.parent / name).exists(), name
