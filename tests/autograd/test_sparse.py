"""Gradients of indexing stay sparse until somebody needs the whole array."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import sparse_grad

INDICES = [
    1,
    -1,
    slice(0, 2),
    (slice(None), 1),
    (0, slice(None, None, -1)),
    np.array([0, 2, 0]),
    np.array([[0, -1], [2, 2]]),
    (np.array([0, 1, 0]), np.array([1, 1, 1])),
    np.array([True, False, True]),
    (Ellipsis, None, 2),
    np.zeros(0, np.int64),
    (),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(INDICES) - 1), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_any_mixture_of_reads_equals_the_dense_gradient(chosen, computed, whole):
    rng = np.random.default_rng(len(chosen))
    x = pb.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    source = x * 2 if computed else x
    loss, expected = 0, np.zeros((3, 4))
    for number in chosen:
        part = source[INDICES[number]]
        weight = rng.normal(size=part.shape)
        loss = loss + (part * weight).sum()
        np.add.at(expected, INDICES[number], weight)
    if whole:
        loss = loss + source.sum()
        expected += 1
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), expected * (2 if computed else 1), atol=1e-12)
    (again,) = pb.gradients((x[INDICES[chosen[0]]] * 3).sum(), x)
    assert again.shape == x.shape


def test_rows_are_handed_to_optimisers():
    table = pb.tensor(np.zeros((5, 2), np.float32), requires_grad=True)
    for rows in ([4, 0, 4], [-1]):
        table[pb.asarray(rows)].sum().backward()
    table[2].sum().backward()
    found = sparse_grad(table)
    assert found.indices.tolist() == [0, 2, 4]
    assert found.values.tolist() == [[1, 1], [1, 1], [3, 3]]
    assert found.values.dtype == np.float32
    assert table.grad.tolist() == [[1, 1], [0, 0], [1, 1], [0, 0], [3, 3]]
    assert sparse_grad(table) is None, "who has read .grad may have changed it"
    table.grad = None
    assert sparse_grad(table) is None


@pytest.mark.parametrize("index", [(slice(None), 1), np.array([True, False, True]), slice(0, 2)])
def test_what_is_not_made_of_rows_is_no_sparse_gradient(index):
    x = pb.ones((3, 2)).requires_grad_()
    x[index].sum().backward()
    assert sparse_grad(x) is None
    assert x.grad.numpy()[index].min() == 1


def test_the_table_is_never_allocated():
    table = pb.zeros((200_000, 16)).requires_grad_()
    tracemalloc.start()
    for _ in range(3):
        table[pb.asarray([3, 5])].sum().backward()
    assert sparse_grad(table).indices.tolist() == [3, 5]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < table.size * 4 / 50


def test_many_reads_of_a_computed_tensor_make_one_array():
    x = pb.zeros((400, 1000)).requires_grad_()
    y = x + 0
    loss = sum((y[i].sum() for i in range(400)), pb.zeros(()))
    tracemalloc.start()
    loss.backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert x.grad.numpy().min() == 1
    assert peak < 4 * x.size * 4


def test_a_kept_gradient_is_nobody_elses():
    x = pb.ones(3).requires_grad_()
    g = pb.tensor(np.ones(2, np.float32))
    y = x[1:]
    y.retain_grad()
    (y * 1).backward(g)
    y.grad.numpy()[...] = 7
    with pb.no_grad():
        g += 5
    assert x.grad.tolist() == [0, 1, 1]


def test_hooks_and_recordings_see_arrays():
    x = pb.ones(3).requires_grad_()
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    with pb.record() as recording:
        x[0].backward()
    assert seen == [[1, 0, 0]]
    assert recording.find(x).gradient.tolist() == [1, 0, 0]


def test_a_change_of_dtype_and_a_copy_keep_it():
    import copy

    x = pb.ones((3, 2)).requires_grad_()
    x[1].sum().backward()
    assert copy.deepcopy(x).grad.tolist() == [[0, 0], [1, 1], [0, 0]]
    layer = pb.nn.Linear(2, 3)
    layer.weight[1].sum().backward()
    layer.double()
    assert layer.weight.grad.dtype == np.float64
    assert layer.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0]]


def test_second_order_through_reads():
    pb.gradcheck(pb.grad(lambda x: (x[pb.asarray([0, 0, 2])] ** 3).sum()), ([1.0, 2.0, 3.0],)).assert_ok()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 5, -1, -4]), max_size=60), st.sampled_from([(), (3,), (2, 3)]))
def test_rows_that_are_read_often_add_up(numbers, trailing):
    x = pb.tensor(np.zeros((7, *trailing)), requires_grad=True)
    index = np.array(numbers, dtype=np.int64)
    weights = np.random.default_rng(len(numbers)).normal(size=(len(numbers), *trailing))
    (x[index] * weights).sum().backward()
    expected = np.zeros(x.shape)
    np.add.at(expected, index, weights)
    rows = sparse_grad(x)
    np.testing.assert_allclose(rows.values, expected[rows.indices], atol=1e-12)
    assert rows.indices.tolist() == sorted({i % 7 for i in numbers})
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_numbers_of_rows_may_be_of_a_small_dtype(dtype):
    """The length of the table need not fit into it."""
    x = pb.ones((40_000, 2)).requires_grad_()
    index = np.array([7, 3, 7], dtype)
    x[index].sum().backward()
    assert x.grad[np.array([7, 3, 0])].tolist() == [[2, 2], [1, 1], [0, 0]]


@pytest.mark.parametrize("index", [np.array([0, 2, 0]), (slice(None), 1), 2])
def test_a_gradient_that_nobody_reads_does_not_grow_for_ever(index):
    x = pb.ones((3, 2)).requires_grad_()
    for _ in range(100):
        x[index].sum().backward()
    assert x._grad.nbytes <= 3 * x.detach().numpy().nbytes
    rows = sparse_grad(x)
    expected = np.zeros((3, 2))
    np.add.at(expected, index, 100)
    if rows is not None:
        found = np.zeros((3, 2))
        found[rows.indices] = rows.values
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(x.grad.numpy(), expected)
