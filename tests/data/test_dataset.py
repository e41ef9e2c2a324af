"""Data sets: tensors side by side, subsets, random splits, the shipped digits."""

import numpy as np
import pytest

import pullback as pb
from pullback import data


def test_tensor_dataset_gives_samples():
    dataset = data.TensorDataset(np.arange(6.0).reshape(3, 2), np.array([5, 6, 7]))
    assert len(dataset) == 3
    x, y = dataset[1]
    assert x.tolist() == [2.0, 3.0]
    assert y.item() == 6
    assert [y.item() for _, y in dataset] == [5, 6, 7]
    assert dataset[-1][1].item() == 7
    with pytest.raises(IndexError):
        dataset[3]


def test_arrays_arrive_in_the_default_dtype_and_tensors_keep_theirs():
    arrays = np.zeros(2), np.zeros(2, np.float16), np.zeros(2, np.uint8)
    dataset = data.TensorDataset(*arrays, pb.tensor(arrays[0]))
    assert [x.dtype for x in dataset.tensors] == [np.float32, np.float32, np.uint8, np.float64]
    pb.set_default_dtype("float64")
    try:
        assert data.TensorDataset(np.zeros(2, np.float32)).tensors[0].dtype == np.float64
    finally:
        pb.set_default_dtype("float32")


def test_gradients_pass_through_a_dataset_of_tracked_tensors():
    x = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (batch,) = data.TensorDataset(x).batch(np.array([2, 0]))
    (batch * pb.tensor([10.0, 1.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 10.0]


def test_tensors_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match=r"shapes are \(3,\), \(2, 3\)"):
        data.TensorDataset(np.zeros(3), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="at least one tensor"):
        data.TensorDataset()
    with pytest.raises(ValueError, match="0-d tensor holds no samples"):
        data.TensorDataset(np.float32(1.0))


def test_subset_of_a_subset():
    dataset = data.TensorDataset(np.arange(10))
    subset = data.Subset(data.Subset(dataset, [9, 8, 7, -10]), [3, 0])
    assert [x.item() for (x,) in subset] == [0, 9]
    assert subset.batch(np.array([1, 0, 1]))[0].tolist() == [9, 0, 9]
    assert len(data.Subset(dataset, [])) == 0


def test_subset_refuses_bad_indices():
    dataset = data.TensorDataset(np.arange(10))
    with pytest.raises(IndexError, match="index 10 is outside of the data set, which has 10 samples"):
        data.Subset(dataset, [3, 10])
    with pytest.raises(IndexError, match="-11"):
        data.Subset(dataset, [-11])
    with pytest.raises(TypeError, match="flat sequence of integers"):
        data.Subset(dataset, [0.5])


def test_random_split_covers_everything_once():
    parts = data.random_split(data.TensorDataset(np.arange(50)), [30, 15, 5], np.random.default_rng(0))
    seen = [x.item() for part in parts for (x,) in part]
    assert [len(part) for part in parts] == [30, 15, 5]
    assert sorted(seen) == list(range(50))
    assert seen != sorted(seen)


def test_random_split_by_fractions_and_by_seed():
    dataset = data.TensorDataset(np.arange(11))
    parts = data.random_split(dataset, [0.5, 0.25, 0.25], np.random.default_rng(0))
    assert [len(part) for part in parts] == [6, 3, 2]
    again = data.random_split(dataset, [0.5, 0.25, 0.25], np.random.default_rng(0))
    assert [list(part.indices) for part in parts] == [list(part.indices) for part in again]
    pb.manual_seed(4)
    first = data.random_split(dataset, [11])[0].indices
    pb.manual_seed(4)
    assert np.array_equal(data.random_split(dataset, [11])[0].indices, first)


@pytest.mark.parametrize("lengths", [[5, 4], [0.5, 0.4], [], [12, -1], [0.5, 0.7, -0.2], [5.5, 5.5]])
def test_random_split_refuses_lengths_that_are_not_the_whole(lengths):
    with pytest.raises(ValueError, match="length"):
        data.random_split(data.TensorDataset(np.arange(11)), lengths)


@pytest.mark.parametrize("size", [7, 29, 100, 1000])
def test_fractions_give_the_counts_that_they_mean(size):
    dataset = data.TensorDataset(np.arange(size))
    for percent in range(101):
        first, second = data.random_split(dataset, [percent / 100, 1 - percent / 100])
        assert len(first) == size * percent // 100 + (size * percent % 100 > 0)
        assert len(first) + len(second) == size


def test_a_stratified_split_keeps_the_shares():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    parts = data.random_split(
        data.TensorDataset(labels), [0.7, 0.2, 0.1], np.random.default_rng(0), stratify=labels
    )
    assert [np.bincount(labels[part.indices]).tolist() for part in parts] == [
        [35, 21, 14],
        [10, 6, 4],
        [5, 3, 2],
    ]
    assert sorted(np.concatenate([part.indices for part in parts])) == list(range(100))
    assert any(np.diff(parts[0].indices) < 0), "the classes are mixed"
    with pytest.raises(ValueError, match="one label for each of the 100 samples"):
        data.random_split(data.TensorDataset(labels), [0.5, 0.5], stratify=labels[:50])


def test_split_refuses_a_seed_for_a_generator():
    with pytest.raises(TypeError, match="default_rng"):
        data.random_split([1, 2], [1, 1], 0)


def test_concatenated_datasets_are_one():
    dataset = data.TensorDataset(np.arange(3)) + data.TensorDataset(np.arange(0)) + [(10,), (11,)]
    assert [int(x) for (x,) in dataset] == [0, 1, 2, 10, 11]
    assert [int(dataset[i][0]) for i in (-1, -5, 4, 3)] == [11, 0, 11, 10]
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"index {index} is outside of the data set, which has 5"):
            dataset[index]
    assert [batch.tolist() for (batch,) in data.DataLoader(dataset, 3)] == [[0, 1, 2], [10, 11]]
    with pytest.raises(ValueError, match="at least one"):
        data.ConcatDataset([])
    with pytest.raises(TypeError, match="int has not"):
        data.ConcatDataset([3])


def test_a_function_of_each_sample():
    asked = []
    dataset = data.MapDataset([1, 2, 3], lambda sample: asked.append(sample) or sample**2)
    assert asked == []
    assert [batch.tolist() for batch in data.DataLoader(dataset, 2)] == [[1, 4], [9]]
    assert asked == [1, 2, 3]
    with pytest.raises(TypeError, match="generator has not"):
        data.MapDataset((x for x in []), str)


def test_the_base_says_what_to_write():
    with pytest.raises(NotImplementedError, match="Dataset has no __len__"):
        len(data.Dataset())
    with pytest.raises(NotImplementedError, match="Dataset has no __getitem__"):
        data.Dataset()[0]


# digits


def test_digits_are_whole():
    images, labels = data.digits.load()
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.float32)
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert np.array_equal(images * 16, np.round(images * 16))
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_look_like_digits():
    images, labels = data.digits.load()
    zero, one = (images[labels == digit].mean(axis=0) for digit in (0, 1))
    assert zero[3:5, 3:5].mean() < 0.3 < one[3:5, 3:5].mean()


def test_a_damaged_archive_is_noticed():
    pixels, labels = np.zeros((1797, 8, 8), np.uint8), (np.arange(1797) % 10).astype(np.uint8)
    with pytest.raises(ValueError, match="install the package again"):
        data.digits._check(pixels, labels)
    pixels[0, 0, 0] = 16
    data.digits._check(pixels, labels)
    with pytest.raises(ValueError, match=r"uint8\[1000, 8, 8\]"):
        data.digits._check(pixels[:1000], labels[:1000])
