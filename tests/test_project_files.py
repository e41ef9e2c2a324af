"""The files around the code say what is so: versions, links, the map of folders, the form of the change log."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

import pullback

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob(".github/**/*.md"),
        *(page for folder in ("benchmarks", "examples", "notebooks") for page in ROOT.glob(f"{folder}/*.md")),
    ]
)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}  # of Keep a Changelog


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = page.parent / path if path else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
            }, target


def test_the_citation_names_the_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", text, re.MULTILINE)[1] == pullback.__version__


def test_the_change_log_has_the_form_it_says():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    for version in versions[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version)
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert kinds
    assert set(kinds) <= KINDS


def test_the_map_of_folders_is_whole():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w/]+)/` \|", text, re.MULTILINE))
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()]
    there = {path.parent.name for path in ROOT.glob("*/*") if not path.parent.name.startswith(".")}
    ours = {name for name in there if not any(fnmatch(name, pattern) for pattern in ignored)}
    assert listed - {"src/pullback"} == ours - {"src"}


def test_every_rule_of_a_page_names_files_that_are_there():
    for page in ("CONTRIBUTING.md", "RELEASING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for path in re.findall(
            r"`((?:autograd|nn|optim|viz|data|train|tests|docs|src|benchmarks)/[\w./-]+)`", text
        ):
            assert (ROOT / path).exists(), f"{page}: {path}"
