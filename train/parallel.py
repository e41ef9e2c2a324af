"""What joblib's backends differ in."""

from __future__ import annotations


def as_they_come() -> str:
    """How joblib is to give results: one after the other where its backend can do that, else all at the end."""
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    return "generator_unordered" if backend.supports_return_generator else "list"
