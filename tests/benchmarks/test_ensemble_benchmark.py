"""The benchmark of ensembles runs, at a size that says nothing; a stopped run goes on."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "ensembles.py"


@pytest.fixture
def benchmark():
    specification = importlib.util.spec_from_file_location("ensemble_benchmark", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_measures_and_goes_on_where_it_was_stopped(benchmark, tmp_path, capsys, monkeypatch):
    results = tmp_path / "results.jsonl"
    benchmark.main(["--seeds", "1", "--epochs", "2", "--results", str(results)])
    first = json.loads(results.read_text())
    assert first["scores"].keys() == benchmark.ROWS.keys()
    assert all(0 < error < 100 and loss > 0 for error, loss in first["scores"].values())
    assert first["scores"]["independent"][1] < first["scores"]["one"][1]
    measured = []
    monkeypatch.setattr(benchmark, "measure", lambda seed, epochs: measured.append(seed) or first["scores"])
    with results.open("a") as file:
        file.write('{"seed": 1, "epochs": 2, "sco')  # killed while it wrote
    benchmark.main(
        ["--seeds", "3", "--epochs", "2", "--results", str(results), "--figure", str(tmp_path / "f.png")]
    )
    benchmark.main(["--seeds", "3", "--epochs", "2", "--results", str(results)])
    assert measured == [1, 2]
    assert (tmp_path / "f.png").stat().st_size > 1000
    head, _, *rows = capsys.readouterr().out.splitlines()[-len(benchmark.ROWS) - 2 :]
    assert head.count("|") == 6
    assert len(rows) == len(benchmark.ROWS)


def test_gains_are_compared_seed_by_seed(benchmark):
    scores = []
    for seed in range(4):
        values = dict.fromkeys(benchmark.ROWS, (10.0 * seed, 1.0 * seed))
        scores.append(values | {"independent": (10.0 * seed - 1, 1.0 * seed - 0.5)})
    row = benchmark.table(scores).splitlines()[3]
    assert "+1.00 ± 0.00" in row
    assert "+0.5000 ± 0.0000" in row
    mean, error = benchmark.summary(np.array([1.0, 3.0]))
    assert (mean, error) == (2.0, 1.0)
