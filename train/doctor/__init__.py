"""The doctor: checks before a training, and what its curves say afterwards.

`preflight.py` has the order of the checks; each group of them is a file: the values that go in (`inputs`), the targets
(`labels`), how data arrives (`order`), the first pass (`start`), what passes through the layers (`depth`), the
gradient's way (`flow`), what an answer depends on (`mixing`), a few examples (`by_heart`), the rate (`rate`), and the
user's own habits (`habits`). A check is a function of a `Case` that gives a `Finding`. `keeping.py` puts everything
back. Nothing here mends what it finds, and pictures of it live in `viz.figures`.
"""

from .curves import diagnose
from .preflight import preflight
from .report import Finding, Report, Verdict

__all__ = ["Finding", "Report", "Verdict", "diagnose", "preflight"]
