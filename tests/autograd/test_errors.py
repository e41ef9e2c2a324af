"""What goes wrong inside NumPy is said in our words: the operation, both shapes, and the way out."""

import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import REGISTRY, SCALER, elementwise, op


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda a, b: a + b, r"^add: shapes \(2, 3\) and \(4,\) do not broadcast: along axis -1 they are 3 and 4 long"),
        (lambda a, b: b.numpy() * a, r"^multiply: shapes \(4,\) and \(2, 3\) do not broadcast"),
        (lambda a, b: pb.atan2(a, b), r"^atan2: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda a, b: a < b, r"^less: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda a, b: pb.where(a > 0, a, b), r"^where: shapes \(2, 3\) and \(2, 3\) and \(4,\) do not broadcast"),
        (lambda a, b: pb.xlogy(b[:, None], a), r"^xlogy: .*along axis -2 they are 4 and 2 long.*x\[:, None\]"),
        (lambda a, b: a @ a, r"^matmul: .*last axis of the first is 3 long and the last but one of the second 2.*\.mT"),
        (lambda a, b: a @ b, r"^matmul: .*last axis of the first is 3 long and the only one of the second 4"),
        (lambda a, b: a @ pb.tensor(2.0), r"^matmul: shapes \(2, 3\) and \(\): both sides need at least one axis"),
        (lambda a, b: pb.ones((2, 3, 4)) @ pb.ones((3, 4, 5)), r"^matmul: shapes .* do not broadcast: along axis -3"),
        (lambda a, b: pb.stack([a, b]), r"^stack.*\(2, 3\), \(4,\)"),
        (lambda a, b: pb.concat([a, pb.ones((2, 4))]), r"^concat.*\(2, 3\), \(2, 4\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tracked", [True, False])
def test_shapes_that_do_not_fit(compute, message, tracked):
    a, b = pb.ones((2, 3)), pb.ones(4)
    if tracked:
        a.requires_grad_()
    with pytest.raises(ValueError, match=message) as caught:
        compute(a, b)
    assert caught.value.__suppress_context__


def test_elements_for_which_an_operation_is_not_defined():
    with pytest.raises(
        TypeError, match=r"^bitwise_and is not defined for elements of float32 and int64; convert"
    ):
        pb.bitwise_and(pb.tensor([1.0]), pb.tensor([1]))


def test_what_a_forward_raises_itself_is_left_alone():
    def forward(x, /):
        raise ValueError("these operands could not be broadcast, says the author") from KeyError("inner")

    declared = op(
        forward, "x", x=lambda g: g, name="told", gate=SCALER, samples=elementwise(1), doc="For this test."
    )
    try:
        with pytest.raises(ValueError, match="says the author") as caught:
            declared(pb.ones(2))
        assert isinstance(caught.value.__cause__, KeyError)
    finally:
        REGISTRY.pop("told")


def test_the_gradient_of_a_computed_tensor_is_missed_aloud():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.sum().backward()
    with pytest.warns(UserWarning, match=r"computed \(by 'multiply'\).*retain_grad\(\)") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__


def test_no_warning_where_none_is_expected():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert x.grad is None
        assert x.detach().grad is None
        y = x * 2
        y.retain_grad()
        assert y.grad is None
        y.register_hook(lambda g: None)
        y.sum().backward()
        np.testing.assert_array_equal(y.grad.numpy(), [1, 1])
