"""The gallery: its page is what the script makes, its files are there and small, and every exhibit still runs."""

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pullback import viz
from pullback.autograd.extend import REGISTRY

DOCS = Path(__file__).parent.parent.parent / "docs"


def load():
    specification = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


GALLERY = load()


@pytest.fixture
def forget_new_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def test_the_page_is_current():
    assert (DOCS / "gallery.md").read_text("utf-8") == GALLERY.page(), "run `python docs/gallery.py`"


@pytest.mark.usefixtures("forget_new_operations")
@pytest.mark.parametrize("exhibit", GALLERY.EXHIBITS, ids=lambda exhibit: exhibit.__name__)
def test_every_exhibit_runs_and_its_file_is_there(exhibit, request):
    shown = exhibit()
    file = DOCS / GALLERY.file_of(exhibit)
    if isinstance(shown, viz.Replay):
        assert file.suffix == ".html"
        assert file.stat().st_size < 300_000
        assert len(shown.html()) < 300_000
    else:
        assert file.stat().st_size < 200_000
        request.getfixturevalue("pygraphviz")  # which arranged what is stored
        stored, fresh = (ElementTree.fromstring(text) for text in (file.read_text("utf-8"), shown.svg()))
        groups = [sum(1 for _ in root.iter("{http://www.w3.org/2000/svg}g")) for root in (stored, fresh)]
        assert groups[0] == groups[1], "run `python docs/gallery.py`"
