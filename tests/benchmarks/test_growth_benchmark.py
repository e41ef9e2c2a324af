"""The benchmark of growth runs; and what it measures grows as said, in calls, which no clock disturbs."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

import pullback

PATH = Path(__file__).parents[2] / "benchmarks" / "growth.py"
BY_OPERATIONS = ("depth", "recurrent", "chain", "fan-out", "writes", "parameters")
BY_NUMBERS = ("batch", "width", "table")  # in the same operations


def load():
    specification = importlib.util.spec_from_file_location("growth_benchmark", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def growth(monkeypatch):
    monkeypatch.syspath_prepend(str(PATH.parent))  # gives sys.path back as it was
    yield load()
    sys.modules.pop("children", None)


def test_it_measures_saves_and_draws(growth, tmp_path, capsys):
    picture, saved = tmp_path / "growth.png", tmp_path / "growth.json"
    growth.main(
        [
            "--tiny",
            "--only",
            "pullback",
            "--cases",
            "chain",
            "table",
            "--save",
            str(saved),
            "--picture",
            str(picture),
        ]
    )
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert "PyTorch" not in head
    assert [row.split("|")[1].strip() for row in rows] == [
        growth.CASES[name].title for name in ("chain", "table")
    ]
    seconds, memory = json.loads(saved.read_text())["chain"]["pullback"]
    assert len(seconds) == len(memory) == 2
    assert min(seconds) > 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_exponents_are_slopes_of_the_upper_half(growth):
    sizes = [1, 2, 4, 8, 16, 32]
    assert growth.exponent(sizes, [9.0, 9.0, 9.0, 64.0, 256.0, 1024.0]) == pytest.approx(2)
    assert growth.exponent(sizes, [0.0, 0.0, 0.0, 5.0, 5.0, 5.0]) == pytest.approx(0)
    assert growth.exponent(sizes, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]) != growth.exponent(sizes, [1.0] * 6)  # nan


def calls(step):
    """How many functions a step calls, of Python and of C."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    step()
    sys.setprofile(counted)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "name", ["batch", "depth", "width", "recurrent", "chain", "fan-out", "writes", "parameters", "table"]
)
def test_the_engine_does_no_more_than_the_operations_ask_for(growth, name):
    case = growth.CASES[name]
    small, large = (calls(case.make(pullback, factor * case.sizes[0])) for factor in (1, 4))
    if name in BY_OPERATIONS:
        assert small < large < 4.2 * small
    else:
        assert large < 1.2 * small
