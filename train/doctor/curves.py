"""`diagnose`: what the curves of a training say, as a report."""

from __future__ import annotations

from typing import Any

from ...viz import figures
from .report import Finding, Report, Verdict, fine, problem, warning

SERIOUS = frozenset(("diverging", "initialisation", "rate too low"))
"""Curves of these kinds say that something should be mended before training longer."""


def diagnose(history: Any) -> Report:
    """Read the curves of a training as the CS231n notes do (https://cs231n.github.io/neural-networks-3/#loss).

    The rules stand in `viz.figures.diagnose`, and `viz.learning_curves` draws the curves with the same words.

    Args:
        history: what `train.fit` returned; or a dict of one value per epoch by name, such as
            `{"loss": [...], "validation loss": [...]}`.

    Returns:
        A report with a finding for each thing that stands out, named by its kind: "diverging", "initialisation" and
        "rate too low" are problems; "plateau", "overfitting", "underfitting" and "noisy" are warnings. A curve that
        still falls is fine. If nothing stands out, there is one finding "curves".

    Raises:
        ValueError: for no epochs, for curves of different lengths, and for no loss.

    >>> from pullback import train
    >>> report = train.diagnose({"loss": [2.3 - 0.004 * epoch for epoch in range(20)]})
    >>> print(report.problems[0])
    ✗ rate too low: problem. epochs 1 to 20: the loss goes from 2.3 to 2.22 → it falls slowly in a straight line: \
raise the learning rate
    """
    curves = figures.diagnose(history)
    loss = curves.training["loss"]
    findings = []
    for found in curves.diagnoses:
        first, last = found.first - 1, found.last - 1
        reason = (
            f"epochs {found.first} to {found.last}: the loss goes from {loss[first]:.3g} to {loss[last]:.3g}"
        )
        if found.kind in ("overfitting", "underfitting"):
            checked = curves.validation["loss"]
            reason += f", on validation from {checked[first]:.3g} to {checked[last]:.3g}"
        numbers = {"first": found.first, "last": found.last}
        if found.kind == "still improving":
            findings.append(Finding(found.kind, Verdict.OK, reason, found.advice, numbers))
        else:
            verdict = problem if found.kind in SERIOUS else warning
            findings.append(verdict(found.kind, reason, found.advice, **numbers))
    return Report(tuple(findings or [fine("curves", f"nothing stands out in {len(loss)} epochs")]))
