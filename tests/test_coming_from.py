"""The tables of `docs/coming-from.md`: every line runs here, and beside the other library if it is installed."""

import ast
import doctest
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parent.parent / "docs" / "coming-from.md"
SECTIONS = dict(
    re.findall(
        r"^## From (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
)


def rows(section):
    """The lines of a section's table, as (what one writes there, what one writes here)."""
    for line in SECTIONS[section].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            yield tuple(cell.strip("`") for cell in cells[:2])


ROWS = [(section, *row) for section in SECTIONS for row in rows(section)]


def prepared(section):
    """The names that the section's first block makes."""
    test = doctest.DocTestParser().get_doctest(SECTIONS[section], {}, section, str(PAGE), 0)
    doctest.DocTestRunner().run(test, clear_globs=False)
    return test.globs


def value_of(code, names):
    """The value of the last statement, if it is an expression."""
    tree = ast.parse(code)
    if not isinstance(tree.body[-1], ast.Expr):
        exec(code, names)
        return None
    last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "<line>", "exec"), names)
    return eval(compile(last, "<line>", "eval"), names)


def plain(value):
    """Numbers in tuples and dicts, whichever library they are from; None for what is not made of numbers."""
    if isinstance(value, (tuple, list)):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, str):
        return value
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    elif type(value).__module__.startswith("mygrad"):
        value = value.data
    array = np.asarray(value)
    return None if array.dtype == object else array


def same(first, second):
    """Whether two values are the same but for rounding in single precision."""
    if isinstance(first, (tuple, list)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if first is None or second is None or isinstance(first, str):
        return first == second or not isinstance(first, str)
    return first.shape == second.shape and np.allclose(first, second, rtol=1e-5, atol=1e-6)


def test_there_are_lines_for_every_library():
    assert {section: len(list(rows(section))) > 5 for section in SECTIONS} == dict.fromkeys(
        ("PyTorch", "HIPS autograd", "MyGrad", "micrograd", "NumPy"), True
    )


@pytest.mark.parametrize(("section", "there", "here"), ROWS)
def test_what_stands_for_pullback_runs(section, there, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "load_torch" in here:
        pytest.skip("the file is written by PyTorch: test_coming_from_oracle.py")
    value_of(here, prepared(section))


@pytest.mark.parametrize(("there", "here"), list(rows("NumPy")))
def test_numpy_gives_the_same(there, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert same(plain(value_of(there, prepared("NumPy"))), plain(value_of(here, prepared("NumPy"))))
