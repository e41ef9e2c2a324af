"""The report as one HTML page: it needs no network and no script, and follows the reader's colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from .slopes import Step

if TYPE_CHECKING:
    from .report import Comparison, GradcheckResult

SHOWN = 12  # comparisons with a curve
WIDTH, HEIGHT, MARGIN = 300.0, 170.0, 34.0

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1c20; --muted: #565d6b; --line: #c3cbd8; --panel: #f4f6fa;
  --good: #0b6b3a; --bad: #b3261e; --open: #7a5200; --curve: #2b5fb8; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e8ebf0; --muted: #a9b0bd; --line: #3a4352;
  --panel: #1a1e25; --good: #6fdc9f; --bad: #ff9a92; --open: #e2bd54; --curve: #7fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.PASS { color: var(--good); } .FAIL { color: var(--bad); } .INCONCLUSIVE { color: var(--open); }
.box { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .9rem; margin: .8rem 0; }
ul { list-style: none; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
li { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .8rem; margin: .4rem 0; }
dt { color: var(--muted); } dd { margin: 0; }
svg { width: 100%; height: auto; } svg text { fill: var(--muted); font: 10px system-ui, sans-serif; }
.muted { color: var(--muted); } .wire { fill: none; stroke: var(--curve); stroke-width: 1.8; }
.rounding { fill: none; stroke: var(--muted); stroke-width: 1.2; stroke-dasharray: 5 3; } .axis { stroke: var(--line); }
.dot { fill: var(--curve); } .chosen { fill: var(--paper); stroke: var(--bad); stroke-width: 2.5; }
"""


def page(result: GradcheckResult) -> str:
    """The whole page; the same report gives the same bytes."""
    verdict = result.verdict.value
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Gradient check: {verdict}</title><style>{STYLE}</style></head><body>",
        f'<h1>Gradient check: <span class="{verdict}">{verdict}</span></h1>',
        f"<p>{escape(result.checked)}; {escape(result.oracle)}. Largest relative error "
        f"{result.max_relative_error:.2e}, tolerance {result.tolerance:.0e}.</p>",
        *_findings(result),
        *_list(result),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _findings(result: GradcheckResult) -> Iterator[str]:
    if result.culprit is not None:
        yield f'<p class="box"><strong>Wrong:</strong> {escape(str(result.culprit))}</p>'
    for cause in result.causes:
        yield f'<p class="box"><strong>Likely cause ({escape(cause.kind)}):</strong> {escape(str(cause))}</p>'
    if result.advice:
        yield f'<p class="box"><strong>What would decide:</strong> {escape(result.advice)}</p>'
    if not result.ok and result.seed is not None:
        yield f'<p class="muted">Repeat it with <code>rng={result.seed}</code>.</p>'


def _list(result: GradcheckResult) -> Iterator[str]:
    """The comparisons, those that did not pass first, each with its curve."""
    ordered = list(result.mismatches)
    ordered += [c for c in result.comparisons if all(c is not other for other in ordered)]
    if not ordered:
        return
    more = f" ({SHOWN} of {len(ordered)})" if len(ordered) > SHOWN else ""
    yield f"<h2>Comparisons{more}</h2>"
    yield (
        '<p class="muted">Each curve is how far the estimate at a step lies from the analytic derivative; the '
        "broken line is the rounding error at that step, and the ring the step that was taken. Long steps err by "
        "curvature, short ones by rounding.</p><ul>"
    )
    for comparison in ordered[:SHOWN]:
        yield from _item(comparison)
    yield "</ul>"


def _item(c: Comparison) -> Iterator[str]:
    where = "a random direction" if c.element is None else f"{c.input}, element {c.element}"
    where += f", {c.part} part" if c.part else ""
    rows = {
        "verdict": f'<span class="{c.verdict.value}">{c.verdict.value}</span>',
        "analytic": f"{c.analytic:.10g}",
        "numeric": f"{c.numeric:.10g} ± {c.error:.1e}",
        "relative error": f"{c.relative_error:.2e}",
        "by": escape(c.oracle),
    }
    if c.kink is not None:
        rows["kink"] = f"slopes {c.kink[0]:.6g} and {c.kink[1]:.6g}"
    if c.note:
        rows["note"] = escape(c.note)
    yield f"<li><strong>{escape(where)}</strong><dl>"
    yield from (f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items())
    yield "</dl>"
    yield from _curve(c)
    yield "</li>"


def _curve(c: Comparison) -> Iterator[str]:
    """|estimate − analytic| and the rounding error against the step, both axes logarithmic."""
    points = [s for s in c.curve if math.isfinite(s.estimate) and math.isfinite(c.analytic)]
    if len(points) < 2:
        return
    floor = min(s.rounding for s in points) / 10 or 1e-300
    errors = [max(abs(s.estimate - c.analytic), floor) for s in points]
    heights = [math.log10(y) for y in (*errors, *(max(s.rounding, floor) for s in points))]
    places = [math.log10(s.step) for s in points]
    low, high = math.floor(min(heights)), math.ceil(max(heights)) + (min(heights) == max(heights))
    left, right = math.floor(min(places)), math.ceil(max(places))

    def at(step: float, error: float) -> tuple[float, float]:
        x = MARGIN + (math.log10(step) - left) / (right - left) * (WIDTH - MARGIN - 8)
        y = 8 + (high - math.log10(error)) / (high - low) * (HEIGHT - MARGIN - 8)
        return x, y

    line = [at(s.step, error) for s, error in zip(points, errors, strict=True)]
    rounding = [at(s.step, max(s.rounding, floor)) for s in points]
    label = f"error against step, from {min(errors):.0e} to {max(errors):.0e}"
    yield f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{label}">'
    base, top = HEIGHT - MARGIN, 8
    yield f'<path class="axis" fill="none" d="M{MARGIN:g},{top} V{base:g} H{WIDTH - 8:g}"/>'
    for exponent, y in ((high, top + 4), (low, base)):
        yield f'<text x="{MARGIN - 4:g}" y="{y:g}" text-anchor="end">1e{exponent}</text>'
    for exponent, x, anchor in ((left, MARGIN, "start"), (right, WIDTH - 8, "end")):
        yield f'<text x="{x:g}" y="{base + 14:g}" text-anchor="{anchor}">1e{exponent}</text>'
    yield f'<text x="{(MARGIN + WIDTH) / 2:g}" y="{HEIGHT - 4:g}" text-anchor="middle">step</text>'
    yield f'<path class="rounding" d="{_path(rounding)}"/><path class="wire" d="{_path(line)}"/>'
    chosen = min(range(len(points)), key=lambda i: _distance(points[i], c))
    for i, (x, y) in enumerate(line):
        kind, radius = ("chosen", 5) if i == chosen and c.oracle.startswith("central") else ("dot", 2.5)
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'
    yield "</svg>"


def _distance(step: Step, c: Comparison) -> float:
    """How far an estimate is from the one that was taken."""
    return abs(step.estimate - c.numeric)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
