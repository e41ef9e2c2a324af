"""The benchmark of pictures runs, at a size that says nothing."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "pictures.py"


@pytest.fixture
def pictures():
    specification = importlib.util.spec_from_file_location("pictures", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_measures_and_prints_a_table(pictures, capsys):
    pictures.main(["--tiny"])
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(pictures.ROWS) == 4
    for row in rows:
        _, nodes, shown, *seconds = (cell.strip() for cell in row.split("|")[1:-1])
        assert int(nodes.replace(",", "")) > 60 >= int(shown)
        assert all(float(second) >= 0 for second in seconds)
        assert len(seconds) == 3
