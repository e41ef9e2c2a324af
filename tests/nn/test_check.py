"""The checks that the layers' functions share."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn.functional import check


def array(dtype, shape=(2, 3)):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_floating_dtype_passes(dtype):
    check.check_dtypes("f", array(dtype), weight=array(dtype), bias=None)
    check.check_dtypes("f", array(dtype))


@pytest.mark.parametrize(
    ("input", "weight", "bias", "message"),
    [
        ("float64", "float32", "float32", r"the input is float64 and the parameters float32; convert the input "
         r"with \.astype\('float32'\), or the module with \.to\('float64'\) \(gradcheck"),
        ("float32", "float64", None, r"with \.astype\('float64'\), or the module with \.to\('float32'\)$"),
        ("int64", "float32", None, r"the input is int64 and the parameters float32; convert the input with "
         r"\.astype\('float32'\)$"),
        ("bool", "float64", None, r"convert the input with \.astype\('float64'\)$"),
        ("complex64", "float32", None, r"which are real; give real and imaginary part"),
        ("float32", "float32", "float64", r"different dtypes \(weight float32, bias float64\); give the module one"),
        ("int64", "int64", None, r"weight is int64 and must be floating"),
        ("int64", None, None, r"the input is int64 and must be floating; convert it with \.astype\('float32'\)"),
        ("complex64", None, None, r"the input is complex64, and only real numbers"),
    ],
)  # fmt: skip
def test_dtypes_that_do_not_fit_are_refused_with_the_fix(input, weight, bias, message):
    parameters = {"weight": weight and array(weight), "bias": bias and array(bias)}
    with pytest.raises(TypeError, match="^f: .*" + message):
        check.check_dtypes("f", array(input), **parameters)


@pytest.mark.parametrize("dtype", ["int64", "bool", "float64", "float16"])
def test_the_fix_of_the_message_works(dtype):
    layer = nn.Linear(3, 2)
    x = pb.ones((2, 3)).astype(dtype)
    with pytest.raises(TypeError, match=r"astype\('float32'\)"):
        layer(x)
    assert layer(x.astype("float32")).dtype == np.float32
    if dtype.startswith("float"):
        assert layer.to(dtype)(x).dtype == dtype


def test_gradcheck_of_a_single_precision_layer_says_what_to_convert():
    layer = nn.Linear(3, 2)
    with pytest.raises(TypeError, match=r"gradcheck computes in float64, so there it is the module"):
        pb.gradcheck(lambda x: layer(x), (pb.ones((2, 3), requires_grad=True),))
    pb.gradcheck(layer.double(), (pb.tensor(np.ones((2, 3)), requires_grad=True),)).assert_ok()


def test_axes():
    check.check_axes("conv1d", array("f"), ["(C, L)", "(N, C, L)"])
    with pytest.raises(
        ValueError, match=r"^conv1d: .*shape \(2,\), 1 axis, and must be \(C, L\) or \(N, C, L\)"
    ):
        check.check_axes("conv1d", array("f", (2,)), ["(C, L)", "(N, C, L)"])


def test_shapes():
    check.check_shape("f", "weight", None, (3,))
    check.check_shape("f", "weight", array("f", (3,)), (3,))
    with pytest.raises(
        ValueError, match=r"^f: weight has shape \(2, 3\) and must have \(3,\) \(one per channel\)"
    ):
        check.check_shape("f", "weight", array("f"), (3,), "one per channel")


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None])
def test_whole_numbers(value):
    with pytest.raises(ValueError, match="stride is a whole number from 1 on"):
        check.whole("stride", value)
    with pytest.raises(ValueError, match="stride is a whole number from 1 on"):
        check.whole_per_axis("stride", (1, value), 2)


def test_whole_numbers_for_each_axis():
    assert check.whole_per_axis("padding", 0, 2, least=0) == (0, 0)
    assert check.whole_per_axis("padding", [np.int64(1), 2], 2) == (1, 2)
    with pytest.raises(ValueError, match=r"padding has one number, or 2 \(one for each axis\), and not 3"):
        check.whole_per_axis("padding", (1, 2, 3), 2)


def test_numbers_in_range():
    assert check.check_positive("f", "eps", 1) == 1.0
    assert check.check_probability("f", "p", np.float32(0.5)) == 0.5
    for value in (0, -1.0, np.nan, np.inf, True, "x"):
        with pytest.raises(ValueError, match="f: eps is a positive number"):
            check.check_positive("f", "eps", value)
    for value in (-0.1, 1.1, np.nan, True, None):
        with pytest.raises(ValueError, match="f: p is a number from 0 to 1"):
            check.check_probability("f", "p", value)
