"""The benchmark of layers runs, at a size that says nothing, and without the other library."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "layers.py"


@pytest.fixture
def layers():
    specification = importlib.util.spec_from_file_location("layers", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_measures_and_prints_a_table(layers, capsys):
    layers.main(["--tiny", "--only", "pullback", "--layers", "conv 1×1"])
    _, _, row = capsys.readouterr().out.splitlines()
    name, ours, *others = (cell.strip() for cell in row.split("|")[1:-1])
    assert name.startswith("conv 1×1")
    assert float(ours) >= 0
    assert others == ["–"] * 3


def test_every_layer_makes_a_step(layers):
    for case in layers.CASES.values():
        layers.step_of("pullback", case, layers.TINY)()


def test_ratios_are_to_pytorch(layers):
    figures = {"x": {"time": {"pullback": 2.5, "torch": 5.0}, "memory": {"pullback": 3.0, "torch": 2.0}}}
    assert layers.table(figures).splitlines()[2] == "| x | 2.50 | 5.00 | 0.50× | 1.50× |"
