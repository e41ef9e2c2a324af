"""Every declared operation, tested from its declaration alone; and the checks themselves, on wrong declarations."""

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.checks import CHECKS
from pullback.autograd.extend import (
    DISTRIBUTOR,
    FLAT,
    MIXER,
    REGISTRY,
    RELAY,
    ROUTER,
    SCALER,
    SWITCHER,
    SingularPoint,
    check_operation,
    elementwise,
    op,
    own_operations,
)

OPERATIONS = [pytest.param(op, id=op.name) for op in own_operations()]


def test_of(check):
    @pytest.mark.parametrize("op", OPERATIONS)
    def test(op):
        check(op)

    return test


for check in CHECKS.values():  # test_first_order_gradients_agree[tanh] and so on
    globals()[f"test_{check.__name__}"] = test_of(check)

test_of.__test__ = False


def declared(**parts):
    """3x, declared with something else in some of its parts; None leaves one out."""
    right = {
        "x": lambda g: 3 * g,
        "name": "triple",
        "gate": SCALER,
        "samples": elementwise(1),
        "doc": "3x.",
        "reference": lambda x: x + x + x,
    }
    chosen = {key: value for key, value in (right | parts).items() if value is not None}
    return op(chosen.pop("forward", lambda x, /: 3 * x), "x", **chosen)


@pytest.fixture(autouse=True)
def forget_new_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def test_check_operation_passes_what_is_right():
    check_operation(declared())
    check_operation(pb.matmul.op)


def writes_into_its_input(x, /):
    if isinstance(x, np.ndarray) and x.ndim:
        x *= 3
        return x + 0
    return 3 * x


@pytest.mark.parametrize(
    ("parts", "check"),
    [
        ({"reference": lambda x: 2 * x}, "forward agrees with the reference"),
        ({"forward": lambda x, /: 3 * np.asarray(x, np.float64)}, "forward agrees with the reference"),
        ({"forward": writes_into_its_input}, "memory layout and inputs are respected"),
        ({"x": lambda g: 3.003 * g}, "first order gradients agree"),
        ({"forward": lambda x, /: x**3, "reference": None, "x": lambda g, x: 3 * g * at_first_order(x) ** 2},
         "second order gradients agree"),
        ({"singular": [SingularPoint((0.0,), (1.0,))]}, "singular points follow the documented convention"),
        ({"x": lambda g, x: 3 * g, "gate": DISTRIBUTOR}, "the law of its gate holds"),
        ({"gate": SWITCHER}, "the law of its gate holds"),
        ({"gate": ROUTER}, "the law of its gate holds"),
        ({"gate": RELAY}, "the law of its gate holds"),
        ({"gate": FLAT}, "the law of its gate holds"),
        ({"x": None, "gate": MIXER}, "without rules it blocks"),
        ({"samples": lambda rng: []}, "the declaration is complete"),
    ],
)  # fmt: skip
def test_check_operation_finds_what_is_wrong(parts, check):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - an assertion, or what the engine raises by itself
        check_operation(declared(**parts))
    assert caught.value.__notes__ == [f"in the check {check!r} of operation 'triple'"]


def at_first_order(x):
    """x without its graph: a rule that uses it has no second derivative."""
    return x.detach() if isinstance(x, pb.Tensor) else x


def test_check_operation_takes_operations_only():
    with pytest.raises(TypeError, match=r"what op\(\.\.\.\) returned"):
        check_operation(abs)
