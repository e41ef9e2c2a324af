"""PadCollate: sequences of different lengths in one batch."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import data


class Pair(NamedTuple):
    tokens: list
    label: int


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=5), st.integers(1, 4))
def test_nothing_is_lost_and_the_rest_is_padding(sequences, multiple):
    padded = data.PadCollate(-1, multiple_of=multiple)(sequences)
    longest = max(map(len, sequences))
    assert padded.values.shape == (len(sequences), -(-longest // multiple) * multiple)
    assert padded.values.dtype == padded.lengths.dtype == np.int64
    for row, length, mask, sequence in zip(
        padded.values.tolist(), padded.lengths.tolist(), padded.mask.tolist(), sequences, strict=True
    ):
        assert row[:length] == sequence
        assert set(row[length:]) <= {-1}
        assert [token for token, kept in zip(row, mask, strict=True) if kept] == sequence


def test_structures_are_kept():
    batch = data.PadCollate()([Pair([1, 2, 3], 0), Pair([4], 1)])
    assert isinstance(batch, Pair)
    assert batch.tokens.values.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert batch.label.tolist() == [0, 1]
    batch = data.PadCollate()([{"a": (np.ones(2), "x")}, {"a": (np.ones(1), "y")}])
    values, names = batch["a"]
    assert values.values.tolist() == [[1, 1], [1, 0]]
    assert values.values.dtype == np.float32
    assert names == ["x", "y"]


def test_further_axes_are_kept_and_gradients_pass():
    x = pb.tensor(np.ones((2, 3)), requires_grad=True)
    values, lengths = data.PadCollate(7.0)([x, pb.tensor(np.zeros((1, 3)))])
    assert values.shape == (2, 2, 3)
    assert values[1, 1].tolist() == [7.0, 7.0, 7.0]
    assert lengths.tolist() == [2, 1]
    values.sum().backward()
    assert x.grad.tolist() == [[1.0] * 3] * 2


def test_chosen_entries():
    samples = [(np.array([1, 2]), np.array([1, 0]), np.zeros(2)), (np.array([3]), np.array([1]), np.ones(2))]
    tokens, targets, fixed = data.PadCollate({0: 0, 1: -100})(samples)
    assert tokens.values.tolist() == [[1, 2], [3, 0]]
    assert targets.values.tolist() == [[1, 0], [1, -100]]
    assert fixed.tolist() == [[0.0, 0.0], [1.0, 1.0]]
    batch = data.PadCollate({"x": 0})([{"x": [1], "y": [1, 2]}, {"x": [1, 2], "y": [3, 4]}])
    assert batch["x"].values.tolist() == [[1, 0], [1, 2]]
    assert [column.tolist() for column in batch["y"]] == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("collate", "samples", "error", "message"),
    [
        (data.PadCollate(), [], ValueError, "no samples"),
        (data.PadCollate({2: 0}), [([1], 1)], ValueError, r"no entry 2 to pad; theirs are \[0, 1\]"),
        (data.PadCollate({"x": 0}), [[1]], ValueError, "no entry 'x'"),
        (data.PadCollate(0.5), [np.array([1])], ValueError, "int64, which cannot hold the padding value 0.5"),
        (data.PadCollate(np.nan), [[1]], ValueError, "cannot hold the padding value nan"),
        (data.PadCollate(-1), [np.array([1], np.uint8)], ValueError, "uint8, which cannot hold"),
        (data.PadCollate(), [(["a"], 1)], TypeError, r"sample\[0\] holds <U1.*turn words into ids"),
        (data.PadCollate(), [np.ones((2, 3)), np.ones((2, 4))], ValueError, r"\(2, 3\), \(2, 4\)"),
        (data.PadCollate(), [np.ones(2), np.float64(1)], ValueError, r"first axis of sample .*\(2,\), \(\)"),
        (data.PadCollate(), [([1], 2), ([1], 2, 3)], ValueError, "differ in their lengths"),
    ],
)
def test_what_makes_no_batch(collate, samples, error, message):
    with pytest.raises(error, match=message):
        collate(samples)


@pytest.mark.parametrize("multiple", [0, -2, 1.5, True])
def test_bad_multiples(multiple):
    with pytest.raises(ValueError, match="multiple_of is a whole number from 1 on"):
        data.PadCollate(multiple_of=multiple)


def test_a_list_of_uneven_entries_is_no_sequence():
    with pytest.raises(ValueError, match=r"sample\[0\] is a list whose entries have different shapes"):
        data.PadCollate()([([[1, 2], [3]], 0), ([[5, 6]], 1)])
