"""The benchmark of training steps runs, at a size that says nothing, and without the other libraries."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def steps(monkeypatch):
    """Its modules, which it finds beside itself."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "steps"))
    import compare

    yield compare
    for name in ("compare", "work", "both", "functional", "formulas", "toolkits", "scalars", "children"):
        sys.modules.pop(name, None)


def test_the_command_measures_prints_and_saves(tmp_path):
    saved = tmp_path / "figures.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks",
            "--tiny",
            "--only",
            "pullback",
            "--workloads",
            "W2",
            "W10",
            "W11",
        ]
        + ["--save", str(saved)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    rows = [line for line in done.stdout.splitlines() if line.startswith("| W")]
    assert [row.split(":")[0] for row in rows[:3]] == ["| W2", "| W10", "| W11"]
    figures = json.loads(saved.read_text())["figures"]
    assert figures["W2"]["time"]["pullback"] > 0
    assert figures["W11"]["time"]["pullback"] > 0


def test_every_workload_makes_a_step(steps):
    for name in steps.TITLES:
        step = steps.step_of("pullback", name, True)
        first, second = step(), step()
        assert math.isfinite(first)
        if name in ("W1", "W3", "W4", "W5", "W5r", "W6"):
            assert second < first, name


def test_a_library_without_a_text_is_a_dash(steps):
    assert steps.step_of("micrograd", "W4", True) is None
    measuring = steps.Measuring("micrograd", steps.Sizes(tiny=True))
    assert measuring("losses W4") == []
    assert math.isnan(measuring("time W4"))


def test_losses_that_differ_are_refused(steps):
    steps.check_losses("W3", {"pullback": [2.5, 2.4, 2.3], "torch": [2.5001, 2.4, 2.3]})
    with pytest.raises(RuntimeError, match=r"W3: torch computes \[2\.5, 2\.6"):
        steps.check_losses("W3", {"pullback": [2.5, 2.4, 2.3], "torch": [2.5, 2.6, 2.3]})


@pytest.mark.oracle
@pytest.mark.parametrize("library", ["torch", "jax", "autograd", "mygrad", "micrograd"])
def test_peers_compute_the_same_losses(steps, library):
    pytest.importorskip(library)
    for name in steps.TITLES:
        step, ours = steps.step_of(library, name, True), steps.step_of("pullback", name, True)
        if step is not None:
            found = [step() for _ in range(steps.FIRST)]
            steps.check_losses(name, {library: found, "pullback": [ours() for _ in range(steps.FIRST)]})
        else:
            assert (library, name) in {("micrograd", name) for name in steps.TITLES if name != "W1"}


def test_ratios_are_to_pytorch(steps):
    figures = {"W3": {"time": {"pullback": 2.5, "torch": 5.0}, "memory": {}}}
    row = steps.table(figures, list(steps.LIBRARIES), "time").splitlines()[2]
    assert row.endswith("| 2.50 (**0.50**) | 5.00 (**1.00**) |")
