"""The picture of methods over seeds: means, standard errors, every value, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import viz
from pullback.viz import figures

SCORES = {"plain": [7.0, 9.0], "dropout": pb.tensor([6.0, 6.0, 9.0]), "once": [4.0]}


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20))
def test_the_standard_error_is_that_of_a_mean(values):
    data = figures.compare({"a": values})
    n = len(values)
    mean = sum(values) / n
    assert data.means["a"] == pytest.approx(mean, abs=1e-9)
    expected = (sum((value - mean) ** 2 for value in values) / (n - 1) / n) ** 0.5
    assert data.standard_errors["a"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_score_and_the_numbers_are_there(theme, tmp_path):
    pytest.importorskip("matplotlib")
    plot = viz.comparison(SCORES, title="seeds", x="errors", digits=1, theme=theme)
    axes = plot.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(SCORES)
    assert [text.get_text() for text in axes.texts] == ["8.0 ± 1.0", "7.0 ± 1.0", "4.0"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in dots] == [[7, 9], [6, 6, 9], [4]]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first is at the top
    plot.save(tmp_path / "comparison.png", dpi=30)


def test_a_single_value_has_no_error():
    assert np.isnan(figures.compare(SCORES).standard_errors["once"])


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        ([1.0, 2.0], TypeError, "as a dict, and not as a list"),
        ({}, ValueError, "no scores"),
        ({"a": [1.0], "b": []}, ValueError, "'b'"),
        ({"a": [1.0, np.nan]}, ValueError, "'a' should be some finite numbers"),
        ({"a": 3.0}, ValueError, "of shape \\(\\)"),
    ],
)
def test_what_are_no_scores_is_refused(scores, error, message):
    with pytest.raises(error, match=message):
        figures.compare(scores)


def test_without_matplotlib_it_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pullback\[plots\]"):
        viz.comparison(SCORES)
