"""The rules of the house: who imports whom, what is public, docstrings that run, stubs that are current."""

import ast
import configparser
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pullback as pb
from pullback.autograd.extend import REGISTRY, Op, own_operations

ROOT = Path(__file__).parent.parent
FOLDERS = {"autograd", "nn", "optim", "viz", "data", "train"}
MAY_IMPORT = {
    "autograd": set(),
    "nn": {"autograd"},
    "optim": {"autograd"},
    "viz": {"autograd"},
    "data": {"autograd"},
    "train": {"autograd", "nn", "optim", "viz", "data"},
}
ALLOWED_LIBRARIES = {
    "autograd": {"numpy", "safetensors", "numba", "llvmlite"},
    "nn": {"numpy"},
    "optim": {"numpy"},
    "viz": {"numpy", "cairosvg", "graphviz", "pygraphviz", "matplotlib", "PIL"},
    "data": {"numpy", "PIL", "pooch"},
    "train": {"IPython", "joblib", "numpy", "optuna", "scipy", "sklearn", "tqdm"},
}
FOR_TESTS = {"autograd/pytest_plugin.py": {"pytest"}, "autograd/strategies.py": {"hypothesis"}}
SOURCES = [path for folder in sorted(FOLDERS) for path in sorted((ROOT / folder).rglob("*.py"))]
MODULES = ["pullback", *(module.name for module in pkgutil.walk_packages(pb.__path__, "pullback."))]


def imported_by(path):
    """The absolute names of what a file imports; relative ones as `pullback.…`."""
    parts = ("pullback", *path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            here = parts if path.stem != "__init__" else (*parts[:-1], "")
            base = ".".join(here[: len(here) - node.level])
            yield from (f"{base}.{node.module or alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_import_rule(path):
    folder = path.relative_to(ROOT).parts[0]
    for name in imported_by(path):
        first, _, rest = name.partition(".")
        if first != "pullback":
            standard = first in __import__("sys").stdlib_module_names
            allowed = ALLOWED_LIBRARIES[folder] | FOR_TESTS.get(str(path.relative_to(ROOT)), set())
            assert standard or first in allowed, f"{folder} may not import {first}"
            continue
        other = rest.split(".")[0]
        assert other == folder or other in MAY_IMPORT[folder], f"{folder} may not import {other}"
        if folder in ("nn", "optim", "viz", "data") and other == "autograd":
            inside = rest.split(".")[1:]
            public = not inside or inside == ["extend"]
            assert public or hasattr(pb.autograd, inside[0]), f"{name}: reach the engine by its public names"


def test_the_engine_loads_none_of_the_other_folders():
    import subprocess
    import sys

    code = "import sys, pullback.autograd.tensor; print(sorted(m for m in sys.modules if m.startswith('pullback.nn')))"
    # importing pullback itself brings everything; the engine alone is a package of its own
    blocked = (
        "import importlib.util, sys, types\n"
        "spec = importlib.util.find_spec('pullback')\n"
        "package = types.ModuleType('pullback'); package.__path__ = list(spec.submodule_search_locations)\n"
        "sys.modules['pullback'] = package\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_setup_cfg_lists_every_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    found = {"pullback"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join(("pullback", *init.parent.relative_to(ROOT).parts)))
    assert listed == found
    mapped = {line.split("=")[0].strip() for line in setup["options"]["package_dir"].strip().splitlines()}
    assert mapped == found


@pytest.fixture
def forget_new_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


@pytest.mark.usefixtures("forget_new_operations")
@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    if name.endswith("__main__"):
        return
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what lives there"
    declared = dict(REGISTRY)
    try:
        assert doctest.testmod(module).failed == 0
    finally:  # an example may declare an operation
        for added in REGISTRY.keys() - declared.keys():
            del REGISTRY[added]


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in own_operations()])
def test_doctests_of_operations(op):
    """Their functions are made at run time, where doctest does not look."""
    test = doctest.DocTestParser().get_doctest(op.call.__doc__, {}, op.name, None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_public_names_exist_and_are_documented():
    for module in (pb, pb.autograd, pb.nn, pb.nn.functional, pb.optim, pb.viz, pb.data, pb.train, pb.testing):
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value):
                assert value.__doc__, f"{module.__name__}.{name} has no docstring"


def test_operations_are_known_by_their_public_names():
    for name in pb.__all__:
        op = getattr(getattr(pb, name), "op", None)
        if isinstance(op, Op):
            assert op.name == name
            assert REGISTRY[name] is op


def test_the_generators_see_every_folder_also_in_a_fresh_process():
    """Also where the installation is editable, and nobody has asked for a folder before."""
    program = (
        "from pullback.autograd.extend import own_operations\n"
        "print(*sorted({op.module.split('.')[1] for op in own_operations()}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["autograd", "nn"]


def test_the_operation_of_contributing_can_be_added_as_it_stands_there():
    """In a process of its own, which keeps it; a name that another operation has would be refused."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    declaration = text.partition("```python\n")[2].partition("```")[0]
    program = f"""
import pullback as pb
from pullback.autograd.extend import own_operations
from pullback.autograd.ops import elementwise
own_operations()
names = {{**vars(elementwise), "__name__": "contributed"}}
exec({declaration!r}, names)
pb.testing.check_operation(names["sech"])
assert not hasattr(pb, "sech") and not hasattr(pb.nn.functional, "sech")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_stubs_are_current():
    from pullback.autograd.stubs import stubs

    for path, text in stubs().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"run `python -m pullback.autograd.stubs` ({path.name} is old)"
        )


def test_the_page_of_vmap_is_current():
    from pullback.autograd.vmap_page import page

    text = (ROOT / "docs" / "vmap.md").read_text(encoding="utf-8")
    assert text == page(), "run `python -m pullback.autograd.vmap_page` (docs/vmap.md is old)"


def test_readme_examples(tmp_path, monkeypatch):
    """The README is for readers first; its Python examples run all the same."""
    monkeypatch.chdir(tmp_path)  # one of them writes a file
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0
