"""Libraries that only some need: what is missing is said in one line."""

from __future__ import annotations

import importlib


def require_sklearn(what: str) -> None:
    """Raise ImportError with the way to mend it, where scikit-learn or SciPy is missing.

    Args:
        what: what needs it.
    """
    try:
        for library in ("sklearn", "scipy", "joblib"):
            importlib.import_module(library)
    except ImportError as error:
        raise ImportError(
            f"{what} need scikit-learn and SciPy, which the extra 'sklearn' brings: pip install 'pullback[sklearn]'"
        ) from error
