"""The benchmark of convolutions runs, at a size that says nothing, and without the other library."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "conv.py"


@pytest.fixture
def conv():
    specification = importlib.util.spec_from_file_location("conv", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_measures_and_prints_a_table(conv, capsys):
    conv.main(["--tiny", "--only", "pullback", "--layers", "16×16"])
    _, _, row = capsys.readouterr().out.splitlines()
    name, *times = (cell.strip() for cell in row.split("|")[1:-1])
    assert name == "3×3 32→64, 64×16×16"
    assert all(float(time) >= 0 for time in times[:2])
    assert times[2:] == ["–"] * 4


def test_every_layer_makes_a_step(conv):
    for case in conv.CASES.values():
        small = case._replace(input=(1, case.input[1], min(case.input[2], 28)))
        assert len(conv.step_of("pullback", small, conv.TINY)()) == 2


def test_ratios_are_to_the_default_layout(conv):
    figures = {"x": {"pullback": [1.0, 3.0], "torch": [2.0, 2.0], "torch last": [4.0, 1.0]}}
    assert conv.table(figures).splitlines()[2] == (
        "| x | 1.00 (0.50×) | 3.00 (1.50×) | 2.00 | 2.00 | 4.00 (2.00×) | 1.00 (0.50×) |"
    )
