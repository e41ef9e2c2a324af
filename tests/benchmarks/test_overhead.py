"""The benchmark of overhead runs, at a size that says nothing, and without the other libraries."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "overhead.py"


@pytest.fixture
def overhead():
    specification = importlib.util.spec_from_file_location("overhead", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_measures_and_prints_a_table(overhead, capsys):
    overhead.main(["--tiny", "--only", "pullback"])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.split("|")[2:4] == [" pullback ", " PyTorch "]
    assert len(rows) == len(overhead.ROWS)
    for row in rows[:2]:
        _, _, ours, *others, _ = row.split("|")
        assert float(ours) > 0
        assert [cell.strip() for cell in others] == ["–"] * 3


def test_ratios_are_to_pytorch(overhead):
    figures = {row: {} for row in overhead.ROWS} | {"array": {"pullback": 2.5, "torch": 5.0}}
    row = overhead.table(figures).splitlines()[2]
    assert row.split("|")[2:] == [" 2.50 (0.50×) ", " 5.00 (1.00×) ", " – ", " – ", ""]


def test_a_missing_library_is_noticed(overhead, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    overhead.serve("torch", len)
    assert capsys.readouterr().out == "missing\n"
