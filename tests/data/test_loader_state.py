"""The loader's orders, seeds and state: what it draws, and that it goes on where it was."""

import json

import numpy as np
import pytest

import pullback as pb
from pullback import data


class Noisy(data.Dataset):
    """Samples with noise from the default generator."""

    def __init__(self, size=7):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index, pb.default_generator().random()


def given(batches):
    return [[part.tolist() for part in batch] for batch in batches]


class Foreign:
    """A sampler of somebody else's, which draws from the default generator."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __iter__(self):
        for _ in range(self.size):
            yield int(pb.default_generator().integers(self.size))


LOADERS = {
    "in order": lambda: data.DataLoader(Noisy(), 2),
    "in order, own generator": lambda: data.DataLoader(Noisy(), 2, rng=np.random.default_rng(1)),
    "shuffled": lambda: data.DataLoader(Noisy(), 2, True, rng=np.random.default_rng(1)),
    "shuffled by the default generator": lambda: data.DataLoader(Noisy(), 2, True, drop_last=True),
    "Philox": lambda: data.DataLoader(Noisy(), 2, True, rng=np.random.Generator(np.random.Philox(1))),
    "sampler": lambda: data.DataLoader(
        Noisy(), 2, sampler=data.RandomSampler(range(7), True, rng=np.random.default_rng(3))
    ),
    "both generators": lambda: data.DataLoader(
        Noisy(),
        2,
        sampler=data.WeightedRandomSampler(np.ones(7), 9, rng=np.random.default_rng(3)),
        rng=np.random.default_rng(4),
    ),
    "buckets": lambda: data.DataLoader(Noisy(), batch_sampler=data.BucketBatchSampler(range(7), 2, pool=2)),
    "stratified": lambda: data.DataLoader(
        Noisy(),
        batch_sampler=data.StratifiedBatchSampler([0, 1, 1, 0, 0, 0, 1], 2, rng=np.random.default_rng(0)),
    ),
    "somebody else's": lambda: data.DataLoader(Noisy(), 2, sampler=Foreign(7)),
}


@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("after", [0, 1, 3, 4, 5, 6])
def test_a_loader_goes_on_where_another_was(make, after):
    """Two epochs of four batches are interrupted after some; other code draws from the default generator."""
    pb.manual_seed(0)
    whole, state, generator = [], None, None
    loader = make()
    if after == 0:
        state, generator = loader.state_dict(), pb.default_generator().bit_generator.state
    for _ in range(2):
        for batch in loader:
            whole.append(batch)
            pb.rand(3)
            if len(whole) == after:
                state, generator = loader.state_dict(), pb.default_generator().bit_generator.state
    assert len({repr(batch) for batch in given(whole)}) == len(whole), "nothing repeats by itself"
    state = json.loads(json.dumps(state))

    pb.manual_seed(99)
    again = make()
    again.load_state_dict(state)
    assert again.state_dict() == state
    pb.default_generator().bit_generator.state = generator
    rest = []
    while len(rest) < len(whole) - after:
        for batch in again:
            rest.append(batch)
            pb.rand(3)
    assert given(rest) == given(whole[after:])


def test_an_epoch_whose_batches_were_all_given_ends():
    loader = data.DataLoader(Noisy(4), 2, True, rng=np.random.default_rng(0))
    iterator = iter(loader)
    next(iterator), next(iterator)
    state = loader.state_dict()
    assert state["epoch"]["given"] == 2
    assert list(iterator) == []
    assert loader.state_dict()["epoch"] is None
    again = data.DataLoader(Noisy(4), 2, True, rng=np.random.default_rng(9))
    again.load_state_dict(state)
    assert list(again) == []
    assert given(again) == given(loader), "and the next epoch is the next"


def test_after_a_break_the_next_iteration_is_a_new_epoch():
    loader = data.DataLoader(data.TensorDataset(np.arange(6)), 2)
    for _ in loader:
        break
    assert loader.state_dict()["epoch"]["given"] == 1
    assert [batch.tolist() for (batch,) in loader] == [[0, 1], [2, 3], [4, 5]]


def test_the_state_is_that_of_the_newest_iteration():
    loader = data.DataLoader(data.TensorDataset(np.arange(6)), 2)
    old = iter(loader)
    next(old)
    new = iter(loader)
    next(new), next(new)
    assert len(list(old)) == 2
    assert loader.state_dict()["epoch"]["given"] == 2


@pytest.mark.parametrize(
    "arguments", [{}, {"sampler": [2, 0]}, {"sampler": np.arange(3)}, {"batch_sampler": [[1, 2], [0]]}]
)
def test_a_loader_of_a_fixed_order_leaves_the_default_generator_alone(arguments):
    pb.manual_seed(1)
    expected = pb.rand(3).tolist()
    pb.manual_seed(1)
    loader = data.DataLoader(Noisy(), **arguments)
    assert given(loader) != given(loader), "its noise is another in every epoch all the same"
    assert pb.rand(3).tolist() == expected


def test_a_batch_has_the_same_noise_wherever_the_epoch_begins():
    state = None
    loader = data.DataLoader(Noisy(), 2, rng=np.random.default_rng(0))
    for _ in loader:
        state = loader.state_dict()
        break
    loader.load_state_dict(state)
    late = given(loader)
    loader.load_state_dict({**state, "epoch": {**state["epoch"], "given": 0}})
    assert given(loader)[1:] == late


def test_the_batch_size_may_change_between_two_epochs_only():
    loader = data.DataLoader(Noisy(), 2, True, rng=np.random.default_rng(0))
    larger = data.DataLoader(Noisy(), 3, True, rng=np.random.default_rng(1))
    larger.load_state_dict(loader.state_dict())
    assert len(given(larger)) == 3
    next(iter(loader))
    before = larger.state_dict()
    with pytest.raises(ValueError, match="saved loader had batch size 2, and this one has 3"):
        larger.load_state_dict(loader.state_dict())
    assert larger.state_dict() == before


def test_a_state_of_something_else_is_refused_and_changes_nothing():
    loader = data.DataLoader(Noisy(), 2, True, rng=np.random.default_rng(0))
    before = loader.state_dict()
    state = data.DataLoader(Noisy(), 2, True).state_dict()
    with pytest.raises(ValueError, match="saved loader had no generator of its own, and this one has one"):
        loader.load_state_dict(state)
    with pytest.raises(ValueError, match="has no 'epoch'"):
        loader.load_state_dict({"samples": 7, "batch_size": 2})
    with pytest.raises(
        ValueError, match="saved loader had samples 6, and this one has 7, so its batches are others"
    ):
        loader.load_state_dict({**before, "samples": 6})
    with pytest.raises(ValueError, match="saved generator is a Philox, and this one is a PCG64"):
        loader.load_state_dict(LOADERS["Philox"]().state_dict())
    with pytest.raises(ValueError, match="seed, order and given"):
        loader.load_state_dict({**before, "epoch": {"seed": 3, "order": 1, "given": -1}})
    assert loader.state_dict() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": [0], "shuffle": True}, "give one of the two"),
        ({"batch_sampler": [[0]], "shuffle": True}, "have no meaning"),
        ({"batch_sampler": [[0]], "batch_size": 3}, "have no meaning"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "have no meaning"),
        ({"batch_sampler": [[0]], "drop_last": True}, "have no meaning"),
    ],
)
def test_arguments_that_exclude_one_another(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.DataLoader(Noisy(), **arguments)


def test_samplers_of_ones_own():
    dataset = data.TensorDataset(np.arange(10))
    assert [b.tolist() for (b,) in data.DataLoader(dataset, 2, sampler=[5, 3, 1])] == [[5, 3], [1]]
    assert [b.tolist() for (b,) in data.DataLoader(dataset, batch_sampler=[[1, 2, 3], [9]])] == [
        [1, 2, 3],
        [9],
    ]
    assert len(data.DataLoader(dataset, batch_sampler=[[1, 2, 3], [9]])) == 2
    words = {"a": 1.0, "b": 2.0}
    assert [b.tolist() for b in data.DataLoader(words, 2, sampler=["b", "a"])] == [[2.0, 1.0]]


def test_an_error_says_which_sample_and_batch_it_was():
    class Broken(Noisy):
        def __getitem__(self, index):
            if index == 5:
                raise KeyError("no such file")
            return index

    with pytest.raises(KeyError) as caught:
        list(data.DataLoader(Broken(), 2))
    assert caught.value.__notes__ == [
        "sample 5 of Broken was being read",
        "batch 2 of the epoch was being made, of the samples 4, 5",
    ]
