"""The report, and what curves say."""

import numpy as np
import pytest

from pullback import train
from pullback.train import Finding, Report, Verdict
from pullback.viz import figures


@pytest.fixture
def report():
    return Report(
        (
            Finding("labels", Verdict.OK, "3 classes", numbers={"classes": 3}),
            Finding("inputs", Verdict.PROBLEM, "2 <nan>", "remove them"),
            Finding("rate", Verdict.WARNING, "word " * 40, "lower it"),
            Finding("overlap", Verdict.NOT_APPLICABLE, "nothing given"),
        )
    )


def test_it_is_looked_up_by_name(report):
    assert report["labels"].numbers["classes"] == 3
    assert "labels" in report
    assert "other" not in report
    assert len(report) == 4
    assert [finding.check for finding in report] == ["labels", "inputs", "rate", "overlap"]
    with pytest.raises(KeyError, match="no check 'other'; it has 'labels'"):
        report["other"]


def test_problems_and_warnings(report):
    assert [finding.check for finding in report.problems] == ["inputs"]
    assert [finding.check for finding in report.warnings] == ["rate"]
    assert not report.ok
    assert Report((report["labels"], report["overlap"])).ok
    assert not Report((report["rate"],)).ok


def test_it_prints_with_marks_and_words(report):
    lines = str(report).splitlines()
    assert lines[0] == "✓ labels   ok              3 classes"
    assert lines[1] == "✗ inputs   problem         2 <nan>"
    assert lines[2].strip() == "→ remove them"
    assert lines[3].startswith("! rate     warning         word")
    assert any(line.startswith("– overlap  not applicable") for line in lines)
    assert lines[-1] == "1 problem, 1 warning, 1 ok, 1 not applicable"
    assert max(map(len, lines)) <= 110
    assert repr(report) == "<Report: 1 problem, 1 warning, 1 ok, 1 not applicable>"
    assert str(report["inputs"]) == "✗ inputs: problem. 2 <nan> → remove them"


def test_in_a_notebook_and_as_dicts(report):
    page = report._repr_html_()
    assert page.count("<tr>") == 5
    assert "2 &lt;nan&gt;<br>→ remove them" in page
    assert report.to_dict()["inputs"] == {
        "verdict": "problem",
        "reason": "2 <nan>",
        "remedy": "remove them",
        "numbers": {},
    }


t = np.arange(60.0)


@pytest.mark.parametrize(
    ("training", "validation", "verdicts"),
    [
        (np.where(t < 20, 2.3, 2.3 * 0.9 ** (t - 20)), None, {"initialisation": "problem"}),
        (1.0 + 1.3 * 0.7**t, None, {"plateau": "warning"}),
        (2.3 * 0.93**t, 2.3 * 0.95**t + 4e-4 * t**2, {"overfitting": "warning"}),
        (1.5 + 0.8 * 0.8**t, 1.51 + 0.8 * 0.8**t, {"plateau": "warning", "underfitting": "warning"}),
        (1 + t / 60, None, {"diverging": "problem"}),
        (np.where(t < 30, 2.0, np.nan), None, {"diverging": "problem"}),
        (2.3 - t / 60, None, {"still improving": "ok"}),
        (2.3 - t / 600, None, {"rate too low": "problem"}),
        (1.0 + 0.5 * 0.8**t + 0.2 * (-1) ** t, None, {"plateau": "warning", "noisy": "warning"}),
        (2.3 * 0.8**t, 0.1 + 2.3 * 0.8**t, {"curves": "ok"}),
    ],
)
def test_what_curves_say(training, validation, verdicts):
    history = {"loss": training} | ({} if validation is None else {"validation loss": validation})
    report = train.diagnose(history)
    assert {finding.check: finding.verdict.value for finding in report} == verdicts
    said = {found.kind for found in figures.diagnose(history).diagnoses}
    assert said == set(verdicts) - {"curves"}  # there is one place for the rules


def test_no_curves():
    with pytest.raises(ValueError, match="one value per epoch"):
        train.diagnose([])
