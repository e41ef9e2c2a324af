"""Lines for people, from jobs that go on where nobody listens any more."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO


def say(line: str, stream: TextIO | None = None) -> None:
    """Write a line on a stream, standard error if not given; a closed pipe or file is no reason to end."""
    stream = sys.stderr if stream is None else stream
    if stream is not None:  # a program may have no standard error
        with suppress(OSError, ValueError):
            print(line, file=stream, flush=True)
