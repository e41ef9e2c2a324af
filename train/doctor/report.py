"""What the doctor answers: a verdict for each check, with its reason and how to mend what is wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from typing import Any

WIDTH = 110


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"

    @property
    def mark(self) -> str:
        """One character that says it without colour."""
        return {"ok": "✓", "warning": "!", "problem": "✗"}.get(self.value, "–")


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    check: str
    """The name of the check, such as "initial loss"."""
    verdict: Verdict
    reason: str
    """What was seen, with the numbers."""
    remedy: str = ""
    """How to mend it; empty if nothing is to be mended."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, by name."""

    def __str__(self) -> str:
        text = f"{self.verdict.mark} {self.check}: {self.verdict}. {self.reason}"
        return f"{text} → {self.remedy}" if self.remedy else text


def fine(check: str, reason: str, **numbers: Any) -> Finding:
    """A check that found nothing wrong."""
    return Finding(check, Verdict.OK, reason, "", numbers)


def warning(check: str, reason: str, remedy: str, **numbers: Any) -> Finding:
    """A check that found something that is often a fault."""
    return Finding(check, Verdict.WARNING, reason, remedy, numbers)


def problem(check: str, reason: str, remedy: str, **numbers: Any) -> Finding:
    """A check that found a fault."""
    return Finding(check, Verdict.PROBLEM, reason, remedy, numbers)


def silent(check: str, reason: str) -> Finding:
    """A check that has nothing to say here, and why."""
    return Finding(check, Verdict.NOT_APPLICABLE, reason)


@dataclass(frozen=True)
class Report:
    """The findings of an examination, causes before their effects.

    It prints as a table, shows itself in a notebook, and gives a finding by the name of its check.

    >>> from pullback.train import Finding, Report, Verdict
    >>> report = Report((Finding("labels", Verdict.OK, "3 classes"), Finding("inputs", Verdict.PROBLEM, "2 are nan")))
    >>> report.ok, [finding.check for finding in report.problems]
    (False, ['inputs'])
    >>> print(report)
    ✓ labels  ok       3 classes
    ✗ inputs  problem  2 are nan
    1 problem, 0 warnings, 1 ok, 0 not applicable
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is neither a problem nor a warning."""
        return not self.problems and not self.warnings

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that are faults."""
        return self._with(Verdict.PROBLEM)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are often faults."""
        return self._with(Verdict.WARNING)

    def _with(self, verdict: Verdict) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __contains__(self, check: object) -> bool:
        return any(finding.check == check for finding in self.findings)

    def __getitem__(self, check: str) -> Finding:
        """The finding of a check.

        Raises:
            KeyError: for a check that the report has not, with the names that it has.
        """
        for finding in self.findings:
            if finding.check == check:
                return finding
        names = ", ".join(repr(finding.check) for finding in self.findings) or "none"
        raise KeyError(f"the report has no check {check!r}; it has {names}")

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Everything as plain dicts, by the name of the check."""
        return {
            finding.check: {
                "verdict": finding.verdict.value,
                "reason": finding.reason,
                "remedy": finding.remedy,
                "numbers": dict(finding.numbers),
            }
            for finding in self.findings
        }

    def __str__(self) -> str:
        names = max((len(finding.check) for finding in self.findings), default=0)
        verdicts = max((len(finding.verdict) for finding in self.findings), default=0)
        lines = []
        for finding in self.findings:
            start = f"{finding.verdict.mark} {finding.check:<{names}}  {finding.verdict:<{verdicts}}  "
            rest = " " * len(start)
            lines.append(textwrap.fill(finding.reason, WIDTH, initial_indent=start, subsequent_indent=rest))
            if finding.remedy:
                lines.append(
                    textwrap.fill(f"→ {finding.remedy}", WIDTH, initial_indent=rest, subsequent_indent=rest)
                )
        return "\n".join([*lines, self.summary])

    @property
    def summary(self) -> str:
        """How many findings there are of each kind, in one line."""
        counts = {verdict: len(self._with(verdict)) for verdict in Verdict}
        problems, warnings = counts[Verdict.PROBLEM], counts[Verdict.WARNING]
        return (
            f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}, "
            f"{counts[Verdict.OK]} ok, {counts[Verdict.NOT_APPLICABLE]} not applicable"
        )

    def __repr__(self) -> str:
        return f"<Report: {self.summary}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{finding.verdict.mark}</td><td>{escape(finding.check)}</td><td>{finding.verdict}</td>"
            f'<td style="text-align:left">{escape(finding.reason)}'
            + (f"<br>→ {escape(finding.remedy)}" if finding.remedy else "")
            + "</td></tr>"
            for finding in self.findings
        )
        head = "<tr><th></th><th>check</th><th>verdict</th><th style='text-align:left'>reason and remedy</th></tr>"
        return f"<table>{head}{rows}</table><p>{escape(self.summary)}</p>"
