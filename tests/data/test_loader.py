"""DataLoader and collate: batches, orders, dtypes, refusals."""

import numpy as np
import pytest

import pullback as pb
from pullback import data


def batches(loader):
    return [batch.tolist() for (batch,) in loader]


def numbers(count):
    return data.TensorDataset(np.arange(count))


def test_batches_in_order():
    loader = data.DataLoader(numbers(5), batch_size=2)
    assert batches(loader) == [[0, 1], [2, 3], [4]]
    assert len(loader) == 3
    assert batches(loader) == [[0, 1], [2, 3], [4]]
    assert batches(data.DataLoader(numbers(2))) == [[0], [1]]


def test_the_last_small_batch_may_be_dropped():
    loader = data.DataLoader(numbers(5), batch_size=2, drop_last=True)
    assert batches(loader) == [[0, 1], [2, 3]]
    assert len(loader) == 2
    assert len(data.DataLoader(numbers(4), batch_size=2, drop_last=True)) == 2
    assert batches(data.DataLoader(numbers(1), batch_size=2, drop_last=True)) == []
    assert batches(data.DataLoader(numbers(0), batch_size=2)) == []


def test_every_epoch_has_a_new_order_from_the_generator():
    loader = data.DataLoader(numbers(20), 20, shuffle=True, rng=np.random.default_rng(0))
    (first,), (second,) = batches(loader), batches(loader)
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    again = data.DataLoader(numbers(20), 20, shuffle=True, rng=np.random.default_rng(0))
    assert [batches(again), batches(again)] == [[first], [second]]


def test_the_default_generator_serves():
    loader = data.DataLoader(numbers(20), 20, shuffle=True)
    pb.manual_seed(3)
    first = batches(loader)
    pb.manual_seed(3)
    assert batches(loader) == first


def test_two_iterations_at_once_do_not_meet():
    loader = data.DataLoader(numbers(4), 2)
    one, two = iter(loader), iter(loader)
    assert next(one)[0].tolist() == next(two)[0].tolist() == [0, 1]
    assert next(one)[0].tolist() == [2, 3]


class Counted(data.TensorDataset):
    """Counts how it is asked."""

    def __init__(self, *tensors):
        super().__init__(*tensors)
        self.calls = 0

    def batch(self, indices):
        self.calls += 1
        return super().batch(indices)


def test_a_dataset_that_batches_is_asked_once_per_batch():
    dataset = Counted(np.arange(10.0))
    assert batches(data.DataLoader(data.Subset(dataset, range(1, 9)), 4)) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert dataset.calls == 2


def test_a_subclass_that_changes_samples_is_respected():
    class Doubled(data.TensorDataset):
        def __getitem__(self, index):
            return (super().__getitem__(index)[0] * 2,)

    dataset = Doubled(np.arange(4))
    assert batches(data.DataLoader(dataset, 4)) == [[0, 2, 4, 6]]
    assert batches(data.DataLoader(data.Subset(dataset, [3, 1]), 4)) == [[6, 2]]


def test_the_quick_way_and_the_slow_way_agree():
    x, y = np.random.default_rng(0).normal(size=(7, 2, 3)), np.arange(7)
    quick = data.TensorDataset(x, y)
    slow = list(zip(x, y, strict=True))
    for (a, b), (c, d) in zip(data.DataLoader(quick, 3), data.DataLoader(slow, 3), strict=True):
        assert a.dtype == c.dtype == np.float32
        assert b.dtype == d.dtype == np.int64
        assert (a.tolist(), b.tolist()) == (c.tolist(), d.tolist())


def test_a_collate_function_of_ones_own():
    loader = data.DataLoader(numbers(5), 2, collate_fn=lambda samples: sum(x.item() for (x,) in samples))
    assert list(loader) == [1, 5, 4]


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, None])
def test_bad_batch_sizes_are_refused(batch_size):
    with pytest.raises(ValueError, match="batch_size is a whole number from 1 on"):
        data.DataLoader(numbers(3), batch_size)


def test_what_is_no_dataset_or_generator_is_refused():
    with pytest.raises(TypeError, match=r"generator has not; wrap arrays as TensorDataset"):
        data.DataLoader(x for x in range(3))
    with pytest.raises(TypeError, match=r"use np.random.default_rng\(seed\)"):
        data.DataLoader(numbers(3), rng=0)


# collate


def test_collate_numbers_arrays_and_tensors():
    assert data.collate([1, 2]).dtype == np.int64
    assert data.collate([True, False]).dtype == np.bool_
    assert data.collate([0.5, 1.5]).dtype == np.float32
    assert data.collate([np.float64(0.5)]).dtype == np.float32
    assert data.collate([np.zeros((2, 3)), np.ones((2, 3))]).shape == (2, 2, 3)
    assert data.collate([pb.tensor(np.zeros(2)), pb.tensor(np.ones(2))]).dtype == np.float64


def test_collate_structures():
    batch = data.collate([{"x": [1.0, (2, "a")]}, {"x": [3.0, (4, "b")]}])
    first, (second, third) = batch["x"]
    assert first.tolist() == [1.0, 3.0]
    assert second.tolist() == [2, 4]
    assert third == ["a", "b"]


def test_collate_keeps_named_tuples():
    from typing import NamedTuple

    class Pair(NamedTuple):
        x: float
        y: int

    batch = data.collate([Pair(1.0, 2), Pair(3.0, 4)])
    assert isinstance(batch, Pair)
    assert (batch.x.tolist(), batch.y.tolist()) == ([1.0, 3.0], [2, 4])


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([], ValueError, "no samples"),
        (
            [(np.zeros(2), 1), (np.zeros(3), 1)],
            ValueError,
            r"sample\[0\] has different shapes .*\(2,\), \(3,\)",
        ),
        ([(1, 2), (1,)], ValueError, "tuples of sample differ in their lengths"),
        ([{"a": 1}, {"b": 1}], ValueError, "differ in their keys"),
        ([{"a": [object()]}], TypeError, r"sample\['a'\]\[0\] is a object.*collate_fn"),
        ([1, "two"], TypeError, "sample is a str"),
        ([(1, 2), 3], ValueError, "tuples of sample"),
    ],
)
def test_collate_refuses(samples, error, message):
    with pytest.raises(error, match=message):
        data.collate(samples)
