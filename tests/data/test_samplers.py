"""Samplers: what they cover, how often, and that a generator decides everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import data
from pullback.data.shares import even_shares


def seeded(seed=0):
    return np.random.default_rng(seed)


SAMPLERS = {
    "random": lambda rng: data.RandomSampler(range(9), rng=rng),
    "more than all": lambda rng: data.RandomSampler(range(9), num_samples=20, rng=rng),
    "replaced": lambda rng: data.RandomSampler(range(9), replacement=True, rng=rng),
    "subset": lambda rng: data.SubsetRandomSampler([3, 1, 4, 1, 5], rng),
    "weighted": lambda rng: data.WeightedRandomSampler(np.arange(9), 30, rng=rng),
    "weighted, each once": lambda rng: data.WeightedRandomSampler(np.arange(9), 8, False, rng),
    "batches": lambda rng: data.BatchSampler(data.RandomSampler(range(9), rng=rng), 2),
    "stratified": lambda rng: data.StratifiedBatchSampler([0, 1, 1] * 5, 4, rng=rng),
    "balanced": lambda rng: data.BalancedBatchSampler([0, 1, 1] * 5, 4, rng=rng),
    "buckets": lambda rng: data.BucketBatchSampler(np.arange(20) % 7, 3, pool=2, rng=rng),
}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_a_generator_decides_the_order_and_the_length_is_right(make):
    sampler = make(seeded())
    first, second = list(sampler), list(sampler)
    assert len(first) == len(second) == len(sampler)
    assert first != second, "every iteration draws anew"
    again = make(seeded())
    assert [list(again), list(again)] == [first, second]


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_without_a_generator_the_default_one_serves(make):
    pb.manual_seed(5)
    first = list(make(None))
    pb.manual_seed(5)
    assert list(make(None)) == first


def test_random_sampler_counts():
    assert list(data.RandomSampler([])) == []
    assert sorted(data.RandomSampler(range(5))) == [0, 1, 2, 3, 4]
    drawn = list(data.RandomSampler(range(5), num_samples=12))
    assert len(drawn) == 12
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == [0, 1, 2, 3, 4]
    assert len(set(drawn[10:])) == 2
    assert len(data.RandomSampler(range(5), True, 3)) == 3
    growing = [1]
    sampler = data.RandomSampler(growing)
    growing.append(2)
    assert len(sampler) == 2, "the length is that of the data set now"


@pytest.mark.parametrize("number", [-1, 2.5, True, "3"])
def test_bad_counts_are_refused(number):
    with pytest.raises(ValueError, match="num_samples is a whole number from 0 on"):
        data.RandomSampler(range(3), num_samples=number)
    with pytest.raises(ValueError, match="num_samples is a whole number from 0 on"):
        data.WeightedRandomSampler([1.0], number)


def test_nothing_is_drawn_from_nothing():
    with pytest.raises(ValueError, match="a data set that has none"):
        data.RandomSampler([], num_samples=3)
    with pytest.raises(ValueError, match="weights are 0"):
        data.WeightedRandomSampler([0.0, 0.0], 3)
    assert list(data.WeightedRandomSampler([], 0)) == []


def test_weights_are_probabilities():
    drawn = list(data.WeightedRandomSampler([1, 0, 3], 40_000, rng=seeded()))
    counts = np.bincount(drawn, minlength=3) / len(drawn)
    assert counts[1] == 0
    assert abs(counts[0] - 0.25) < 0.01
    assert sorted(data.WeightedRandomSampler([1e300, 1e300, 0], 2, replacement=False)) == [0, 1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1], "that of sample 1 is -1"),
        ([np.nan, 1], "that of sample 0 is nan"),
        ([[1, 2]], r"one number per sample, not an array \[1, 2\]"),
        ([1, 0, 0], "only 1 have a weight above 0"),
    ],
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        data.WeightedRandomSampler(weights, 2, replacement=False)


def test_batch_sampler_takes_any_iterable():
    assert list(data.BatchSampler([3, 1, 2], 2)) == [[3, 1], [2]]
    assert list(data.BatchSampler([3, 1, 2], 2, drop_last=True)) == [[3, 1]]
    assert len(data.BatchSampler([3, 1, 2], 2, drop_last=True)) == 1
    with pytest.raises(TypeError, match="generator has no length"):
        len(data.BatchSampler((x for x in [1]), 2))
    with pytest.raises(ValueError, match="batch_size is a whole number from 1 on, not 0"):
        data.BatchSampler([1], 0)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.integers(1, 12),
    st.integers(0, 99),
    st.booleans(),
)
def test_stratified_batches_have_the_shares_of_the_whole(labels, size, seed, drop_last):
    labels = np.array(labels)
    sampler = data.StratifiedBatchSampler(labels, size, drop_last, seeded(seed))
    batches = list(sampler)
    assert len(batches) == len(sampler)
    seen = [index for batch in batches for index in batch]
    assert len(set(seen)) == len(seen)
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    if not drop_last:
        assert sorted(seen) == list(range(len(labels)))
    for batch in batches:
        for label in set(labels):
            share = len(batch) * np.mean(labels == label)
            assert abs(np.sum(labels[batch] == label) - share) <= 1


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=6),
    st.lists(st.integers(0, 30), min_size=1, max_size=6),
)
def test_shares_are_exact_in_both_directions(counts, sizes):
    sizes[-1] += max(sum(counts) - sum(sizes), 0)
    counts[-1] += max(sum(sizes) - sum(counts), 0)
    shares = even_shares(counts, sizes)
    assert (shares >= 0).all()
    assert shares.sum(axis=0).tolist() == sizes
    assert shares.sum(axis=1).tolist() == counts
    exact = np.outer(counts, sizes) / max(sum(counts), 1)
    assert (abs(shares - exact) <= 1).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 9), st.integers(0, 99))
def test_balanced_batches_have_all_classes_alike(labels, size, seed):
    labels = np.array(labels)
    classes = len(set(labels))
    sampler = data.BalancedBatchSampler(labels, size, rng=seeded(seed))
    batches = list(sampler)
    assert len(batches) == len(sampler) == -(-len(labels) // size)
    totals = np.zeros(4, int)
    for batch in batches:
        assert len(batch) == size
        counts = np.bincount(labels[batch], minlength=4)
        totals += counts
        assert counts.max() - counts[sorted(set(labels))].min() <= 1
    assert totals.max() - totals[sorted(set(labels))].min() <= 1, "the classes take turns"
    assert (totals > 0).sum() == min(classes, size * len(batches))


def test_balanced_batches_go_through_a_class_before_they_repeat():
    labels = np.array([0] * 3 + [1] * 9)
    seen = [i for batch in data.BalancedBatchSampler(labels, 6, 2, seeded()) for i in batch if i < 3]
    assert np.bincount(seen).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="no classes to balance"):
        data.BalancedBatchSampler([], 2)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 50), max_size=50),
    st.integers(1, 7),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
)
def test_buckets_cover_everything_once_and_sort_their_pools(lengths, size, pool, shuffle, drop_last):
    sampler = data.BucketBatchSampler(
        lengths, size, pool=pool, shuffle=shuffle, drop_last=drop_last, rng=seeded()
    )
    batches = list(sampler)
    assert len(batches) == len(sampler)
    seen = sorted(index for batch in batches for index in batch)
    assert len(set(seen)) == len(seen)
    if drop_last:
        assert all(len(batch) == size for batch in batches)
    else:
        assert seen == list(range(len(lengths)))
        assert sum(len(batch) < size for batch in batches) <= 1
    for batch in batches:
        assert sorted(lengths[i] for i in batch) == [lengths[i] for i in batch]
    if not shuffle:
        assert [lengths[i] for batch in batches for i in batch] == sorted(lengths)[: len(seen)]


def test_buckets_pad_less_than_chance():
    lengths = seeded().integers(1, 100, 1000)

    def padding(sampler):
        return sum(lengths[batch].max() * len(batch) - lengths[batch].sum() for batch in sampler)

    random = data.BatchSampler(data.RandomSampler(lengths, rng=seeded()), 10)
    assert padding(data.BucketBatchSampler(lengths, 10, rng=seeded())) < padding(random) / 10


@pytest.mark.parametrize("kind", [data.StratifiedBatchSampler, data.BalancedBatchSampler])
def test_labels_are_one_per_sample(kind):
    with pytest.raises(ValueError, match=r"one label per sample, not an array \[2, 2\]"):
        kind(np.zeros((2, 2)), 2)
    assert len(kind(pb.tensor([1, 2, 1]), 2)) == 2
    assert len(kind(["cat", "dog"], 1)) == 2


def test_lengths_are_one_per_sample():
    with pytest.raises(ValueError, match="one number per sample"):
        data.BucketBatchSampler([[1, 2]], 2)
    with pytest.raises(ValueError, match="pool is a number of batches from 1 on"):
        data.BucketBatchSampler([1, 2], 2, pool=0)


def test_a_generator_is_a_generator():
    with pytest.raises(TypeError, match=r"use np.random.default_rng\(seed\)"):
        data.RandomSampler(range(3), rng=0)


def test_the_base_says_what_to_write():
    with pytest.raises(NotImplementedError, match="Sampler has no indices"):
        list(data.Sampler())
    with pytest.raises(NotImplementedError, match="Sampler has no __len__"):
        len(data.Sampler())


@pytest.mark.parametrize("lengths", [[3, -1], [2.0, float("nan")]])
def test_lengths_that_are_none(lengths):
    with pytest.raises(ValueError, match=r"lengths are numbers from 0 on, and there is a (-1|nan)"):
        data.BucketBatchSampler(lengths, 2)


def test_indices_that_are_none():
    with pytest.raises(TypeError, match="indices are a flat sequence of integers"):
        data.SubsetRandomSampler([3.7])
