"""The benchmark of optimisers runs, at a size that says nothing, and without PyTorch."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "optim.py"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(PATH.parent))  # gives sys.path back as it was
    specification = importlib.util.spec_from_file_location("optim_benchmark", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_measures_and_prints_a_table(benchmark, capsys):
    benchmark.main(["--tiny", "--only", "pullback"])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.split("|")[2] == " pullback "
    assert len(rows) == len(benchmark.ROWS)
    for row in rows:
        _, _, ours, *others, _ = row.split("|")
        assert float(ours) > 0
        assert [cell.strip() for cell in others] == ["–"] * 3


def test_ratios_are_of_pullback(benchmark):
    figures = [{"pullback": 5.0, "torch fused": 2.5}] + [{}] * (len(benchmark.ROWS) - 1)
    row = benchmark.table(figures).splitlines()[2]
    assert row.split("|")[2:] == [" 5.00 ", " – ", " – ", " 2.50 (2.00×) ", ""]


def test_every_version_of_pytorch_is_a_column(benchmark):
    assert {column.split()[1] for column in benchmark.COLUMNS if " " in column} == set(benchmark.FLAGS)


def test_a_missing_library_is_noticed(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    benchmark.serve("torch", len)
    assert capsys.readouterr().out == "missing\n"
