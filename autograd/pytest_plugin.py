"""The pytest plugin: a `gradcheck` fixture, and `--gradcheck-seed`. Installed with the package, nothing to import.

def test_my_operation(gradcheck):
    gradcheck(my_operation, x, y)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .gradcheck import GradcheckResult
from .testing import assert_gradients


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the seed of directions and weights."""
    group = parser.getgroup("pullback")
    group.addoption(
        "--gradcheck-seed", type=int, default=0, help="seed of the random directions of gradient checks"
    )


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., GradcheckResult]:
    """`assert_gradients` with the seed of the command line; the report of the last check is shown if the test fails."""
    seed = request.config.getoption("--gradcheck-seed")

    def check(function: Callable[..., Any], *inputs: Any, **options: Any) -> GradcheckResult:
        __tracebackhide__ = True
        return assert_gradients(function, *inputs, **({"rng": seed} | options))

    return check
