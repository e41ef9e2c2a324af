"""The documentation site: what its own code does, without Sphinx, which only the build itself needs."""

import doctest
import importlib.util
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import pullback as pb

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def building():
    """The folder `docs/building` as a package."""
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("building.repository"), importlib.import_module("building.reference")
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def house():
    """The script `docs/house.py`."""
    specification = importlib.util.spec_from_file_location("house", DOCS / "house.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference(building):
    return building[1]


@pytest.fixture(scope="module")
def repository(building):
    return building[0]


@pytest.fixture(scope="module")
def written(reference):
    return dict(reference.sources())


def test_every_public_name_has_an_entry(reference, written):
    entries = {}
    for text in written.values():
        here = None
        for line in text.splitlines():
            if match := re.match(r"\.\. py:(?:current)?module:: (\S+)", line):
                here = match[1]
            elif match := re.match(r"\.\. (auto\w+|py:\w+):: (\S+)", line):
                name = match[2] if match[1].startswith("auto") else f"{here}.{match[2]}"
                entries[name] = entries.get(name, 0) + 1
    for namespace in reference.NAMESPACES:
        for name in reference.names_of(namespace):
            assert entries.pop(f"{namespace.name}.{name}", 0) == 1, f"{namespace.name}.{name}"
    assert not entries


def test_every_module_that_a_user_reaches_by_public_names_is_in_the_reference(reference):
    listed = {reference.module_of(namespace).__name__ for namespace in reference.NAMESPACES}
    handed_on = {
        id(thing): thing
        for namespace in reference.NAMESPACES
        for thing in (getattr(reference.module_of(namespace), name) for name in reference.names_of(namespace))
    }
    waiting, seen = [pb], set()
    while waiting:
        module = waiting.pop()
        seen.add(module.__name__)
        for name in module.__all__ if hasattr(module, "__all__") else ():
            thing = getattr(module, name)
            if inspect.ismodule(thing) and thing.__name__ not in seen:
                waiting.append(thing)
            elif not inspect.ismodule(thing) and module.__name__ not in listed:
                assert id(thing) in handed_on, f"{module.__name__}.{name} stands on no page"
    assert seen >= {"pullback", "pullback.nn.utils.rnn", "pullback.optim.schedules"}


def test_public_packages_are_listed_or_hand_on_their_names(reference):
    """Also those that are no public name of another, such as `train.metrics`."""
    known = {
        id(thing): thing  # which keeps it alive, and the number its own
        for namespace in reference.NAMESPACES
        for thing in (getattr(reference.module_of(namespace), name) for name in reference.names_of(namespace))
    }
    packages = [m.name for m in pkgutil.walk_packages(pb.__path__, "pullback.") if m.ispkg]
    for package in packages:
        if package.startswith(("pullback.autograd.", "pullback.data.workers", "pullback.nn.functional.loss")):
            continue  # rooms of the engine, of the loader and of the losses
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            assert inspect.ismodule(thing) or id(thing) in known, f"{package}.{name} stands on no page"


def test_a_name_that_no_page_takes_is_an_error(reference):
    one = reference.Namespace("pullback.linalg", "title", (reference.Page("Some", "decompose"),))
    with pytest.raises(LookupError, match=r"no page of pullback.linalg takes \w+, which comes from"):
        reference.divided(one)
    more = reference.Namespace(
        "pullback.nn.init", "title", (reference.Page("All", "fill structure"), reference.Page("None", "x"))
    )
    with pytest.raises(LookupError, match="nothing for its pages"):
        reference.divided(more)


def test_links_lead_to_the_pages_that_files_become(repository):
    point = repository.point_links
    assert (
        point("[a](optim.md#x) [b](#y) [c](https://z.org)", "models.md")
        == "[a](optim.md#x) [b](#y) [c](https://z.org)"
    )
    assert (
        point("see [a](../CONTRIBUTING.md#commands)", "models.md")
        == "see [a](project/contributing.md#commands)"
    )
    assert point("[a](../examples)", "models.md") == "[a](project/examples.md)"
    assert point("[a](docs/optim.md)", "project/readme.md") == "[a](../optim.md)"


def test_code_is_no_link(repository):
    text = "`f[0](x)` and\n\n```python\nf[0](x)\n```\n"
    assert repository.point_links(text, "models.md") == text


def test_a_link_to_nothing_is_an_error(repository):
    with pytest.raises(FileNotFoundError, match=r"docs/models.md links to nowhere.md"):
        repository.point_links("[a](nowhere.md)", "models.md")


def test_links_in_notebooks(repository):
    cells = [{"cell_type": kind, "source": ["[a](../docs/optim.md)"]} for kind in ("markdown", "code")]
    text = repository.point_links(json.dumps({"cells": cells}), "course/01_computational_graphs.ipynb")
    assert [cell["source"] for cell in json.loads(text)["cells"]] == [
        "[a](../optim.md)",
        ["[a](../docs/optim.md)"],
    ]


def test_solutions_are_folded_away(repository):
    cells = [
        {"cell_type": "code", "source": [], "metadata": {"tags": ["solution"]}},
        {"cell_type": "code", "source": []},
    ]
    text = repository.point_links(json.dumps({"cells": cells}), "course/01_computational_graphs.ipynb")
    assert [cell.get("metadata") for cell in json.loads(text)["cells"]] == [
        {"tags": ["solution", "hide-input"]},
        None,
    ]


def test_docstrings_as_markup(building):
    markup = importlib.import_module("building.docstrings")
    lines = [
        "`x`s and *args, w_, |x|.",
        "",
        "Args:",
        "    *rest: the `others`.",
        "    a, b: both.",
        "        More.",
    ]
    assert markup.to_markup([*lines, "", ">>> f(*x_)", "a_ *", "", "a*b"]) == [
        "``x``\\ s and \\*args, w\\_, \\|x\\|.",
        "",
        "Args:",
        "    *rest: the ``others``.",
        *("    a: both.", "        More."),
        *("    b: both.", "        More."),
        "",
        *(">>> f(*x_)", "a_ *"),  # an example is left as it is
        "",
        "a\\*b",
    ]


def test_the_picture_of_the_house_is_current(house):
    assert (DOCS / "images" / "house.svg").read_text(encoding="utf-8") == house.picture(), (
        "run `python docs/house.py`"
    )


def test_the_picture_of_the_house_has_every_folder_and_every_import(house):
    folders = {path.parent.name for path in DOCS.parent.glob("*/__init__.py")} - {
        "tests",
        "benchmarks",
        "examples",
    }
    assert {*folders, "pullback"} == set(house.folders())
    assert ("nn", "autograd") in house.imports()
    assert ("nn", "optim") not in house.imports()
    with pytest.raises(LookupError, match="viz imports optim"):
        house._arrow("viz", "optim")


def things(reference):
    """The classes and functions of the reference, by the names under which they stand in full."""
    for namespace in reference.NAMESPACES:
        for name in reference.names_of(namespace):
            thing = getattr(reference.module_of(namespace), name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                yield reference.full_name(thing), thing


def test_every_class_and_function_has_an_example(reference):
    own = {name: ">>> " in (inspect.getdoc(thing) or "") for name, thing in things(reference)}
    given = reference.examples()
    missing = [name for name, has_one in own.items() if not has_one and name not in given]
    assert not missing, "give their docstrings an example (`>>> ...`), or docs/building/examples.txt"
    spare = [name for name in given if own.get(name, True)]
    assert not spare, (
        "their docstrings have examples, or they are gone: take them out of docs/building/examples.txt"
    )
    for name, text in given.items():
        place = text.removeprefix("see ")
        if place.startswith("pullback."):
            assert own[place], f"{name} says to look at {place}, which has no example"
        elif place != text:
            assert (DOCS / f"{place.partition('#')[0]}.md").exists(), name


class Close(doctest.OutputChecker):
    """Numbers may differ by rounding: processors do."""

    NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]\d+)?")

    def check_output(self, want, got, optionflags):
        wanted, found = (self.NUMBER.findall(text) for text in (want, got))
        words = [re.sub(r"[\s+]", "", self.NUMBER.sub("0", text)) for text in (want, got)]
        return words[0] == words[1] and np.allclose(
            [*map(float, wanted)], [*map(float, found)], rtol=1e-5, atol=1e-8
        )


def test_numbers_are_compared():
    close = Close()
    assert close.check_output("tensor([1.       , 0.5403023])\n", "tensor([1.        , 0.54030233])\n", 0)
    assert not close.check_output("tensor([1., 0.54])\n", "tensor([1., 0.55])\n", 0)
    assert not close.check_output("tensor([1., 2.])\n", "array([1., 2.])\n", 0)


def test_the_examples_of_the_reference_run(reference):
    names = {"np": np, "pb": pb} | {
        name: getattr(pb, name) for name in ("data", "nn", "optim", "train", "viz")
    }
    for name, text in reference.examples().items():
        if not text.startswith("see "):
            test = doctest.DocTestParser().get_doctest(f"{text}\n", dict(names), name, name, 0)
            assert test.examples, name
            assert doctest.DocTestRunner(checker=Close()).run(test).failed == 0, name


def test_faults_of_a_site_are_found(building, tmp_path):
    check = importlib.import_module("building.check")
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html#there">b</a><a href="#here">up</a></p>')
    (tmp_path / "b.html").write_text(
        '<p id="there"><a href="https://example.org">out</a><img src="data:x"></p>'
    )
    assert list(check.faults(tmp_path)) == []
    (tmp_path / "c.html").write_text(
        '<a href="b.html#nowhere">b</a><script src="https://cdn.org/x.js"></script>'
    )
    (tmp_path / "d.html").write_text('<a href="gone.html">b</a><link href="//fonts.org/f.css">')
    (tmp_path / "e.css").write_text('@font-face { src: url("https://fonts.org/f.woff") }')
    assert sorted(check.faults(tmp_path)) == [
        "c.html fetches https://cdn.org/x.js from elsewhere",
        "c.html leads to b.html#nowhere, and there is no such place in it",
        "d.html fetches //fonts.org/f.css from elsewhere",
        "d.html leads to gone.html, and there is no such page",
        "e.css fetches something from elsewhere",
    ]
    assert set(check.missing_names(set())) >= {"pullback.softmax is not in the reference"}
