"""Tensors from shapes: how a shape may be written, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

MAKERS = [pb.zeros, pb.ones, pb.empty, pb.rand, pb.randn]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ((2, 3), (2, 3)),
        (((2, 3),), (2, 3)),
        (([2, 3],), (2, 3)),
        ((4,), (4,)),
        (((),), ()),
        ((np.int64(2), 0), (2, 0)),
    ],
)
def test_a_shape_is_one_tuple_or_lengths(make, written, shape):
    assert make(*written).shape == shape
    assert make(*written, dtype=pb.float64).dtype == pb.float64


@pytest.mark.parametrize("make", MAKERS[:3])
def test_a_shape_may_be_named(make):
    assert make(shape=(2, 3)).shape == (2, 3)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "written", [((2, 3), np.float64), (2, "float32"), (2.0, 3), (2.5,), (2, (3,)), ("ab",)]
)
def test_what_is_no_length_is_refused_with_the_way_out(make, written):
    with pytest.raises(TypeError, match=rf"{make.__name__}: a shape is .*dtype="):
        make(*written)


@pytest.mark.parametrize("make", MAKERS)
def test_a_negative_length_is_refused(make):
    with pytest.raises(ValueError, match=r"negative"):
        make(2, -1)
