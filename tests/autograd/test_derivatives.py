"""The table of derivatives is current, complete, and says what the rules say."""

from functools import cache

import pytest

from pullback.autograd import derivatives
from pullback.autograd.extend import own_operations

OPERATIONS = own_operations()


@cache
def pages():
    return derivatives.pages()


def entry(name):
    (text,) = (
        text for page, text in pages().items() if page != "derivatives.md" and f"\n## {name}\n" in text
    )
    start = text.index(f"\n## {name}\n")
    return text[start : text.find("\n\n##", start)]


def test_the_pages_are_current():
    folder = derivatives.destination()
    written = [folder / "derivatives.md", *sorted((folder / "derivatives").iterdir())]
    assert {path.relative_to(folder).as_posix() for path in written} == set(pages())
    for path in written:
        text = pages()[path.relative_to(folder).as_posix()]
        assert path.read_text(encoding="utf-8") == text, "run `python -m pullback.autograd.derivatives`"


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
def test_every_operation_has_its_line(op):
    (line,) = (
        line for line in pages()["derivatives.md"].splitlines() if line.startswith(f"| [`{op.name}`](")
    )
    page, _, place = line.split("](")[1].split(")")[0].partition("#")
    assert f"\n## {op.name}\n" in pages()[page]
    assert place == op.name.lower()
    assert all(f"{name}" in line for name in op.rules)


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
def test_every_operation_has_its_entry(op):
    text = entry(op.name)
    if op.joint is None:
        assert all(f"gradient for `{name}`" in text for name in op.rules)
    else:
        assert f"gradients for {', '.join(f'`{name}`' for name in op.rules)}, together" in text
    assert all(f"`{name}`" in text for name in op.saved_names)
    assert text.count("- at ") == len(op.singular)


def test_an_entry_says_what_the_rule_says():
    text = entry("divide")
    assert "`divide(x, y, /)`" in text
    assert "- gradient for `x`: `g / y`" in text
    assert "- gradient for `y`: `-g * out / y`" in text
    assert "- gate: switcher for `x`, scaler for `y`" in text
    assert "- saved: `y`, `out` (for `y`)" in text
    assert "- at x = 0.0: 0.0" in entry("abs")


def test_two_rules_on_one_line_are_told_apart():
    rules = (lambda g: g, lambda g: -g)
    assert [derivatives._formula(rule) for rule in rules] == ["`g`", "`-g`"]


def test_helpers_are_shown_once():
    assert sum(text.count("def _share_among_ties(") for text in pages().values()) == 1
