"""Samplers, batches and splits as PyTorch has them."""

import numpy as np
import pytest

from pullback import data

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")
utils = torch.utils.data


def plain(batch):
    if isinstance(batch, dict):
        return {key: plain(entry) for key, entry in batch.items()}
    if isinstance(batch, (tuple, list)):
        return [plain(entry) for entry in batch]
    return batch if isinstance(batch, str) else batch.tolist()


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5, 6])
def test_batches(size, drop_last):
    ours = data.BatchSampler(data.SequentialSampler(range(size)), 3, drop_last)
    theirs = utils.BatchSampler(utils.SequentialSampler(range(size)), 3, drop_last)
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    "arguments", [{}, {"num_samples": 7}, {"replacement": True}, {"replacement": True, "num_samples": 2}]
)
def test_counts_of_random_samplers(arguments):
    ours, theirs = data.RandomSampler(range(3), **arguments), utils.RandomSampler(range(3), **arguments)
    assert len(ours) == len(theirs) == len(list(ours)) == len(list(theirs))
    if not arguments.get("replacement"):
        for start in range(0, len(ours), 3):
            assert len(set(list(ours)[start : start + 3])) == len(set(list(theirs)[start : start + 3]))


def test_frequencies_of_weights():
    weights = [0.1, 0.0, 2.0, 0.9]
    ours = np.bincount(
        list(data.WeightedRandomSampler(weights, 30_000, rng=np.random.default_rng(0))), minlength=4
    )
    generator = torch.Generator().manual_seed(0)
    theirs = np.bincount(list(utils.WeightedRandomSampler(weights, 30_000, generator=generator)), minlength=4)
    assert abs(ours - theirs).max() < 450  # five standard deviations


def test_collated_structures():
    samples = [{"x": np.float32([1, 2]), "y": (i, 0.5 * i, [True, "a"]), "z": np.int16(i)} for i in range(3)]
    assert plain(data.collate(samples)) == plain(utils.default_collate(samples))


@pytest.mark.parametrize("lengths", [[0.5, 0.5], [0.5, 0.3, 0.2], [0.34, 0.66], [3, 4, 4]])
def test_lengths_of_splits(lengths):
    generator = torch.Generator().manual_seed(0)
    ours = data.random_split(range(11), lengths, np.random.default_rng(0))
    theirs = utils.random_split(range(11), lengths, generator)
    assert [len(part) for part in ours] == [len(part) for part in theirs]


def test_lengths_of_concatenated_sets_and_loaders():
    ours, theirs = data.ConcatDataset([range(3), range(2)]), utils.ConcatDataset([range(3), range(2)])
    assert ours.cumulative_sizes == theirs.cumulative_sizes
    for drop_last in (False, True):
        loaders = (
            data.DataLoader(ours, 2, drop_last=drop_last),
            utils.DataLoader(theirs, 2, drop_last=drop_last),
        )
        assert len(loaders[0]) == len(loaders[1])
        assert [plain(batch) for batch in loaders[0]] == [plain(batch) for batch in loaders[1]]
