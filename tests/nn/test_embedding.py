"""Looking rows up, alone and in bags."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import nn
from pullback.autograd.extend import sparse_grad

F = nn.functional


def table(rng, rows=5, width=3):
    return pb.tensor(rng.normal(size=(rows, width)), requires_grad=True)


def test_the_gradient_stays_rows_until_it_is_read(rng):
    weight = table(rng, 1000)
    F.embedding(pb.tensor([7, 3, 7]), weight, padding_idx=3).sum().backward()
    rows = sparse_grad(weight)
    assert rows.indices.tolist() == [7]
    assert rows.values.tolist() == [[2, 2, 2]]
    assert weight.grad.numpy()[7].tolist() == [2, 2, 2]
    assert np.count_nonzero(weight.grad.numpy()) == 3


def test_gradients_by_frequency_and_without_padding(rng):
    weight = table(rng)
    F.embedding(pb.tensor([1, 1, 4, 0]), weight, padding_idx=-1, scale_grad_by_freq=True).sum().backward()
    assert weight.grad.numpy()[:, 0].tolist() == [1, 1, 0, 0, 0]


def test_second_order(rng):
    numbers = np.array([[1, 1, 4], [0, 2, 1]])

    def cubes(weight):
        bags = [F.embedding_bag(numbers, weight, mode=mode) for mode in ("sum", "mean", "max")]
        return sum((y**3).sum() for y in (F.embedding(numbers, weight), *bags))

    weight = rng.normal(size=(5, 2))
    pb.gradcheck(pb.grad(cubes), [weight]).assert_ok()
    hessian = pb.hessian(lambda w: (F.embedding(numbers, w) ** 3).sum())(pb.tensor(weight))
    counts = np.array([1, 3, 1, 0, 1])
    expected = np.diag((6 * weight * counts[:, None]).ravel()).reshape(hessian.shape)
    np.testing.assert_allclose(hessian.numpy(), expected, atol=1e-12)


def test_long_rows_are_shortened_in_place_where_they_are_read():
    layer = nn.Embedding(4, 2, max_norm=1.0)
    nn.init.constant_(layer.weight, 3.0)
    y = layer(pb.tensor([1, 1, 3]))
    np.testing.assert_allclose(np.linalg.norm(y.detach().numpy(), axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(layer.weight.detach().numpy()[[0, 2]], 3)
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().numpy()[[1, 3]], axis=1), 1, rtol=1e-6)
    y.sum().backward()
    assert layer.weight.grad.numpy()[:, 0].tolist() == [0, 2, 0, 1]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=5),
    st.sampled_from(["sum", "mean", "max"]),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_bags_are_what_their_rows_give(lists, mode, padding_idx, include_last):
    weight = table(np.random.default_rng(0))
    numbers = np.array([i for bag in lists for i in bag], dtype=np.int64)
    offsets = np.cumsum([0, *map(len, lists)])
    offsets = offsets if include_last else offsets[:-1]
    bags = F.embedding_bag(
        numbers, weight, offsets, mode=mode, include_last_offset=include_last, padding_idx=padding_idx
    )
    reduce = {"sum": pb.sum, "mean": pb.mean, "max": pb.max}[mode]
    picked = [np.array([i for i in bag if i != padding_idx], dtype=np.int64) for bag in lists]
    rows = [reduce(weight[own], axis=0) if len(own) else pb.zeros(3, dtype="float64") for own in picked]
    assert bags.shape == (len(lists), 3)
    if rows:
        expected = pb.stack(rows)
        np.testing.assert_allclose(bags.detach().numpy(), expected.detach().numpy())
        (g,) = pb.gradients((bags**2).sum(), weight, allow_unused=True)
        (h,) = (
            pb.gradients((expected**2).sum(), weight, allow_unused=True)
            if expected.requires_grad
            else (None,)
        )
        np.testing.assert_allclose(
            np.zeros((5, 3)) if g is None else g.numpy(), np.zeros((5, 3)) if h is None else h.numpy()
        )


def test_frequencies_in_bags(rng):
    weight = table(rng)
    F.embedding_bag(
        np.array([[1, 1, 4], [0, 1, 4]]), weight, mode="sum", scale_grad_by_freq=True
    ).sum().backward()
    np.testing.assert_allclose(weight.grad.numpy()[:, 0], [1, 1, 0, 0, 1])


def test_weights_in_bags_are_trained(rng):
    numbers = np.array([[1, 1, 4], [0, 2, 1]])
    pb.gradcheck(
        lambda w, s: F.embedding_bag(numbers, w, mode="sum", per_sample_weights=s, padding_idx=None),
        [rng.normal(size=(5, 2)), rng.normal(size=(2, 3))],
    ).assert_ok()


def test_from_pretrained():
    values = np.arange(6.0).reshape(3, 2)
    frozen = nn.Embedding.from_pretrained(values, padding_idx=1)
    assert not frozen.weight.requires_grad
    assert frozen(pb.tensor([2])).tolist() == [[4, 5]]
    assert frozen.padding_idx == 1
    values[:] = 0
    assert frozen.weight.tolist()[2] == [4, 5]
    assert nn.EmbeddingBag.from_pretrained(np.ones((2, 2)), freeze=False, mode="sum").weight.requires_grad


def test_vmap(rng):
    weight, numbers = table(rng), pb.tensor(rng.integers(5, size=(4, 2)))
    y = pb.vmap(lambda n: F.embedding(n, weight, padding_idx=1))(numbers)
    np.testing.assert_array_equal(y.detach().numpy(), weight.detach().numpy()[numbers.numpy()])
    tables = pb.tensor(rng.normal(size=(4, 5, 3)))
    z = pb.vmap(lambda n, w: F.embedding(n, w))(numbers, tables)
    expected = [own[n] for own, n in zip(tables.numpy(), numbers.numpy(), strict=True)]
    np.testing.assert_array_equal(z.numpy(), np.stack(expected))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: F.embedding(pb.tensor([5]), w), IndexError, "no row 5; the table has 5"),
        (lambda w: F.embedding(pb.tensor([0, -1]), w), IndexError, "no row -1"),
        (lambda w: F.embedding(pb.tensor([0.5]), w), TypeError, r"numbers of rows.*\.astype\('int64'\)"),
        (lambda w: F.embedding(pb.tensor([0]), w[0]), ValueError, r"is a matrix.*\(3,\)"),
        (lambda w: F.embedding(pb.tensor([0]), w, padding_idx=5), ValueError, "from -5 to 4"),
        (lambda w: F.embedding_bag(pb.tensor([0]), w), ValueError, r"\(N,\) with offsets"),
        (lambda w: F.embedding_bag(pb.tensor([[0]]), w, [0]), ValueError, "must be left out"),
        (lambda w: F.embedding_bag(pb.tensor([0, 1]), w, [0, 3]), ValueError, "not go beyond"),
        (lambda w: F.embedding_bag(pb.tensor([0, 1]), w, [1]), ValueError, "begin with 0"),
        (lambda w: F.embedding_bag(pb.tensor([[0]]), w, mode="min"), ValueError, "'sum', 'mean' or 'max'"),
        (
            lambda w: F.embedding_bag(pb.tensor([[0]]), w, per_sample_weights=np.ones((1, 1))),
            ValueError,
            "mode 'sum' only",
        ),
        (lambda w: nn.Embedding(2, 3, _weight=w), ValueError, r"\(5, 3\) and must have \(2, 3\)"),
        (lambda w: nn.Embedding(0, 3), ValueError, "num_embeddings is a whole number"),
    ],
)
def test_errors(rng, call, error, message):
    with pytest.raises(error, match=message):
        call(table(rng))


def test_representations_and_defaults():
    assert (
        repr(nn.Embedding(10, 3, padding_idx=-1, max_norm=2.0))
        == "Embedding(10, 3, padding_idx=9, max_norm=2.0)"
    )
    assert repr(nn.EmbeddingBag(10, 3, padding_idx=0)) == "EmbeddingBag(10, 3, mode='mean', padding_idx=0)"
    weight = nn.Embedding(2000, 10).weight.numpy()
    assert abs(weight.mean()) < 0.03
    assert abs(weight.std() - 1) < 0.03
    assert weight.dtype == np.float32
