"""What a gradient check has found, as data and in words."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from ..io import write_atomically
from ..record import Entry, Recording
from .page import page
from .slopes import Step


class Verdict(Enum):
    """PASS, FAIL, or INCONCLUSIVE: the errors of the comparison are too large to tell."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Comparison:
    """The analytic and the numerical derivative, along one direction or for one element."""

    input: int | str
    """Which input, by name or position; "all" for a direction through all of them."""
    element: tuple[int, ...] | None
    """Which element of it; None for a random direction."""
    analytic: float
    numeric: float
    error: float
    """How far the two may be apart by rounding and curvature alone."""
    relative_error: float
    """How far they are apart, relative to the larger, or to what is negligible among the others, or to the error."""
    verdict: Verdict
    part: str | None = None
    """Of an element of a complex input, "real" or "imaginary"."""
    oracle: str = "central differences"
    kink: tuple[float, float] | None = None
    """At a kink, the slopes from both sides."""
    note: str = ""
    """What else is to be said: the operation that has the kink, or what would decide."""
    curve: tuple[Step, ...] = ()
    """Every step that was tried."""

    def __str__(self) -> str:
        where = (
            "a random direction" if self.element is None else f"input {self.input!r}, element {self.element}"
        )
        where += f", {self.part} part" if self.part else ""
        text = f"{where}: analytic {self.analytic:.10g}, numeric {self.numeric:.10g} ± {self.error:.1e}"
        if not math.isnan(self.relative_error):
            text += f", relative error {self.relative_error:.2e}"
        if self.kink is not None:
            text += f", a kink with slopes {self.kink[0]:.6g} and {self.kink[1]:.6g}"
        return text + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Culprit:
    """The first operation on the tape whose rule is wrong at the values that occurred."""

    operation: str
    input: str
    """The input whose gradient is wrong."""
    source: str
    """The user's line that called it, as in "model.py:12"."""
    layer: str
    """The path of the module that it ran in; "" outside of modules."""
    number: int
    """Which operation of the forward pass it is, counted from 0."""

    def __str__(self) -> str:
        layer = f" in layer {self.layer!r}" if self.layer else ""
        return f"the rule of {self.operation!r} for {self.input!r}, called at {self.source}{layer}"


@dataclass(frozen=True)
class Cause:
    """The likely cause of a wrong gradient."""

    kind: str
    """A short name, such as "sign", "factor", "transposed", "zero path"."""
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class GradcheckResult:
    """The verdict of `gradcheck`, and what it rests on; true if it is PASS."""

    verdict: Verdict
    max_relative_error: float
    tolerance: float
    checked: str
    """What was compared, in words."""
    oracle: str = "central differences"
    comparisons: tuple[Comparison, ...] = ()
    """All that were made."""
    causes: tuple[Cause, ...] = ()
    """The likely cause of a failure, the likeliest first."""
    culprit: Culprit | None = None
    advice: str = ""
    """What would decide, where the verdict is INCONCLUSIVE."""
    seed: int | None = None
    """What repeats the check."""
    recording: Recording | None = None
    """On a failure, the computation with its values; `viz.draw(result)` shows it, with the culprit marked."""
    entry: Entry | None = None
    """Of the recording, the culprit's."""

    @property
    def ok(self) -> bool:
        """Whether the gradients agree."""
        return self.verdict is Verdict.PASS

    @property
    def mismatches(self) -> tuple[Comparison, ...]:
        """The comparisons that did not pass, the surest and worst first; single elements before directions."""
        wrong = [c for c in self.comparisons if c.verdict is not Verdict.PASS]
        return tuple(
            sorted(
                wrong,
                key=lambda c: (
                    c.verdict is not Verdict.FAIL,
                    c.element is None,
                    -c.relative_error if c.relative_error == c.relative_error else -math.inf,
                ),
            )
        )

    @property
    def kinks(self) -> tuple[Comparison, ...]:
        """The comparisons that were made at a kink."""
        return tuple(c for c in self.comparisons if c.kink is not None)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        word = {Verdict.PASS: "PASSED", Verdict.FAIL: "FAILED"}.get(self.verdict, "INCONCLUSIVE")
        head = (
            f"gradcheck {word}: {self.checked}, {self.oracle}, "
            f"largest relative error {self.max_relative_error:.2e} (tolerance {self.tolerance:.0e})"
        )
        lines = [f"  {cause}" for cause in self.causes]
        if self.culprit is not None:
            lines.insert(0, f"  wrong: {self.culprit}")
        wrong = self.mismatches
        wrong = tuple(c for c in wrong if c.element is not None) or wrong
        lines += [f"  {comparison}" for comparison in wrong[:10]]
        if len(wrong) > 10:
            lines.append(f"  and {len(wrong) - 10} more")
        if self.ok and self.kinks:
            lines.append(f"  at a kink: {self.kinks[0]}")
        if self.advice:
            lines.append(f"  what would decide: {self.advice}")
        if not self.ok and self.seed is not None:
            lines.append(f"  repeat it with rng={self.seed}")
        return "\n".join([head, *lines])

    __repr__ = __str__

    def assert_ok(self) -> None:
        """Raise an AssertionError with the whole verdict unless the gradients agree."""
        if not self.ok:
            raise AssertionError(str(self))

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values: dicts, lists, strings and numbers."""
        plain: dict[str, Any] = _plain(asdict(replace(self, recording=None, entry=None)))
        del plain["recording"], plain["entry"]
        return plain

    def json(self) -> str:
        """The report as JSON; numbers that are not finite are strings."""
        return json.dumps(self.as_dict(), indent=2)

    def html(self) -> str:
        """The report as a page of HTML with the curves of the steps; it needs nothing else to be shown."""
        return page(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file, as HTML or JSON by its suffix, in one step.

        Raises:
            ValueError: for another suffix than `.html` and `.json`.
            OSError: where the file cannot be written.

        >>> import pullback as pb, tempfile, os
        >>> path = os.path.join(tempfile.mkdtemp(), "report.html")
        >>> pb.gradcheck(pb.sin, 1.0).save(path).name
        'report.html'
        """
        target = Path(path)
        if target.suffix not in (".html", ".json"):
            raise ValueError(f"a report is saved as .html or .json, and the name is {target.name!r}")
        write_atomically(target, (self.html() if target.suffix == ".html" else self.json()).encode())
        return target


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
