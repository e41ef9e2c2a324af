"""The demonstration that random search beats a grid where one hyper-parameter matters."""

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("random_vs_grid", ROOT / "examples" / "random_vs_grid.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class OneMatters:
    """The loss of a training in short: a valley in the rate, a breath of the weight decay."""

    def __init__(self, rng):
        self.best = rng.uniform(-2.5, 0.5)

    def __call__(self, trial):
        return (np.log10(trial["lr"]) - self.best) ** 2 + 1e-3 * np.log10(trial["weight_decay"]) ** 2


@pytest.mark.parametrize("points", [4, 5])
def test_where_one_parameter_matters_random_search_finds_better_values(points, example, monkeypatch):
    monkeypatch.setattr(example, "objective", OneMatters)
    result = example.compare(points, repetitions=80)
    gain = result["grid minus random"]
    assert gain["mean"] > 4 * gain["error"]
    assert result["random is better"] > 0.55


def test_where_both_matter_it_does_not(example, monkeypatch):
    """Else the comparison would favour random search by itself."""

    class BothMatter(OneMatters):
        def __call__(self, trial):
            return super().__call__(trial) + (np.log10(trial["weight_decay"]) + 7.5) ** 2

    monkeypatch.setattr(example, "objective", BothMatter)
    gain = example.compare(4, repetitions=80)["grid minus random"]
    assert gain["mean"] < 2 * gain["error"]


def test_trainings_are_measured(example):
    grid, random = example.best_values(points=2, seed=0)
    assert 0 < grid < 3
    assert 0 < random < 3
    assert (grid, random) == example.best_values(points=2, seed=0)


@pytest.mark.parametrize("library", ["joblib", "optuna", "matplotlib"])
def test_what_is_missing_is_said_in_one_line_before_anything_is_run(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr(sys, "argv", ["random_vs_grid.py"])
    message = f"this example needs {library}: pip install 'pullback\\[search,plots\\]'"
    with pytest.raises(SystemExit, match=message):
        runpy.run_path(str(ROOT / "examples" / "random_vs_grid.py"), run_name="__main__")


def test_the_page_shows_the_numbers_that_were_measured(example):
    results = json.loads((ROOT / "docs" / "images" / "random-vs-grid.json").read_text(encoding="utf-8"))
    assert example.table(results) in (ROOT / "docs" / "hyperparameter-search.md").read_text(encoding="utf-8")
    for result in results:
        gain = result["grid minus random"]
        assert result["repetitions"] == 100
        assert gain["mean"] > (1 if result["trials"] == 4 else 4) * gain["error"]
