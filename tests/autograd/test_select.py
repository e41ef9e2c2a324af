"""The quick `np.where` of forwards and rules: the same bits as NumPy's, whatever it is given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import select

NUMBERS = st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45]))


@given(
    st.lists(st.tuples(st.booleans(), NUMBERS, NUMBERS), max_size=9),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(["arrays", "0", "1.5", "-0.0"]),
    st.booleans(),
)
def test_it_has_the_bits_of_where(rows, dtype, other, turned):
    condition = np.array([row[0] for row in rows], bool)
    x, y = (np.array([row[i] for row in rows], dtype) for i in (1, 2))
    arguments = (x, y) if other == "arrays" else (x, int(other) if other == "0" else float(other))
    arguments = arguments[::-1] if turned else arguments
    found, expected = select(condition, *arguments), np.where(condition, *arguments)
    assert found.dtype == expected.dtype == dtype
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("condition", "x", "y"),
    [
        (np.array([True, False]), np.ones((3, 2)), 0),
        (np.array([[True], [False]]), np.ones(3), np.zeros((2, 3))),
        (np.array([True, False]), np.ones(2, np.float32), np.zeros(2)),
        (np.array([True, False]), np.ones(2, np.float32), np.float64(2)),
        (np.array([1, 0]), np.ones(2), 0),
        (np.array([True, False]), np.array([1, 2]), 0),
        (np.array([True, False]), np.array([1, 2j]), 0.0),
        (np.True_, np.float32(1), 0),
        (True, 1.0, np.ones(2)),
        (np.array([True, False, True, False])[::-2], np.arange(4.0)[1::2], np.arange(4.0)[::2]),
    ],
)
def test_everything_else_is_left_to_numpy(condition, x, y):
    found, expected = select(condition, x, y), np.where(condition, x, y)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_inputs_are_left_as_they_were():
    condition, x, y = np.array([True, False]), np.ones(2), np.zeros(2)
    result = select(condition, x, y)
    result[:] = 7
    assert (condition.tolist(), x.tolist(), y.tolist()) == ([True, False], [1, 1], [0, 0])


def test_tensors_are_recorded():
    x = pb.tensor([1.0, -1.0], requires_grad=True)
    select(x > 0, x, 0).sum().backward()
    assert x.grad.tolist() == [1, 0]


def test_an_infinite_gradient_stops_at_relu():
    x = pb.tensor([-1.0, 2.0], requires_grad=True)
    pb.relu(x).backward(np.array([np.inf, 3.0], np.float32))
    assert x.grad.tolist() == [0, 3]
