"""The user's own source line: the innermost frame that is not ours."""

from __future__ import annotations

import os
import sys
from types import FrameType


def user_line() -> str:
    """`file.py:12` of the code that called into the package; `<unknown>` when there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.split(".")[0] != "pullback":
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return "<unknown>"
