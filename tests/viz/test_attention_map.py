"""The picture of attention: its data, its labels, and what it refuses."""

import numpy as np
import pytest

import pullback as pb
from pullback import viz
from pullback.viz import figures

WEIGHTS = np.array([[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])


@pytest.mark.parametrize("given", [WEIGHTS, WEIGHTS.tolist(), pb.tensor(WEIGHTS, requires_grad=True)])
def test_the_data_is_what_was_given(given):
    data = figures.attended(given, "ab", ["x", "y", 3])
    np.testing.assert_array_equal(data.weights, WEIGHTS)
    assert (data.written, data.read) == (("a", "b"), ("x", "y", "3"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_rows_are_written_columns_are_read_and_blanks_can_be_seen(theme, tmp_path):
    pytest.importorskip("matplotlib")
    plot = viz.attention_map(WEIGHTS, ["two", "end"], "a \n", title="looked", theme=theme)
    axes = plot.figure.axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), WEIGHTS)
    assert axes.images[0].get_clim() == (0, 1)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["two", "end"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "␣", "⏎"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title("left")) == ("read", "written", "looked")
    plot.save(tmp_path / "attention.png", dpi=30)


def test_a_long_text_stays_on_the_page():
    pytest.importorskip("matplotlib")
    plot = viz.attention_map(np.full((40, 90), 1 / 90), "w" * 40, "r" * 90)
    assert max(plot.figure.get_size_inches()) < 10


@pytest.mark.parametrize(
    ("weights", "written", "read", "message"),
    [
        (WEIGHTS, "abc", "xy", r"shape \(3, 2\) for these labels, not \(2, 3\)"),
        (WEIGHTS[0], "a", "xyz", r"not \(3,\)"),
        (np.empty((0, 3)), "", "xyz", r"not \(0, 3\)"),
        (WEIGHTS * 2, "ab", "xyz", "from 0 to 2"),
        (WEIGHTS * np.nan, "ab", "xyz", "in \\[0, 1\\]"),
    ],
)
def test_what_is_no_attention_is_refused(weights, written, read, message):
    with pytest.raises(ValueError, match=message):
        figures.attended(weights, written, read)


def test_without_matplotlib_it_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pullback\[plots\]"):
        viz.attention_map(WEIGHTS, "ab", "xyz")
