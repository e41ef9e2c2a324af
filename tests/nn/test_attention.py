"""Attention: tiles, masks, dropout, errors; its gradients are checked from the declaration."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import nn
from pullback.nn.functional import attention_tiles

F = nn.functional
attend = F.scaled_dot_product_attention


def plain(query, key, value, mask=None, scale=None):
    scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores + (np.where(mask, 0, -np.inf) if mask.dtype == bool else mask)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ value


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 7, 24, 1 << 17]), st.sampled_from([1, 2, 128]))
def test_the_size_of_the_tiles_does_not_matter(seed, scores, rows):
    rng = np.random.default_rng(seed)
    batch = [(), (3,), (2, 3)][seed % 3]
    length, keys, causal = rng.integers(1, 7), rng.integers(1, 7), bool(rng.integers(2))
    query = rng.normal(size=(*batch, length, 4))
    key, value = rng.normal(size=(*batch, keys, 4)), rng.normal(size=(*batch, keys, 3))
    kinds = [
        None,
        rng.normal(size=(length, keys)),
        rng.normal(size=(*batch[:1], *(1,) * len(batch[1:]), 1, keys)),
    ]
    mask = None if causal else kinds[rng.integers(3)]
    leaves = [pb.tensor(x, requires_grad=True) for x in (query, key, value, mask) if x is not None]
    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(attention_tiles, "TILE_SCORES", scores)
        context.setattr(attention_tiles, "CAUSAL_ROWS", rows)
        y = attend(*leaves, is_causal=causal)
        expected = plain(query, key, value, np.tri(length, keys, dtype=bool) if causal else mask)
        np.testing.assert_allclose(y.detach().numpy(), expected, atol=1e-12)
        g = rng.normal(size=y.shape)
        found = pb.gradients(y, leaves, g)
    arguments = [*leaves, *[None] * (4 - len(leaves)), None]
    twin = attend.__globals__["_composed"](*arguments, is_causal=causal, scale=0.5, dropout_p=0.0)
    for gradient, other in zip(found, pb.gradients(twin, leaves, g), strict=True):
        np.testing.assert_allclose(gradient.numpy(), other.numpy(), atol=1e-12)


def test_large_scores_do_not_overflow():
    query = pb.tensor([[1e4, 0.0]], requires_grad=True)
    y = attend(query, pb.tensor([[1e4, 0.0], [0.0, 1e4]]), pb.tensor([[1.0], [2.0]]))
    assert y.tolist() == [[1.0]]
    y.sum().backward()
    assert query.grad.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("boolean", [True, False])
def test_a_query_that_sees_no_key_gets_zeros_and_no_gradient(rng, boolean):
    mask = np.array([[True, True], [False, False]])
    mask = mask if boolean else np.where(mask, 0.0, -np.inf)
    leaves = [pb.tensor(rng.normal(size=(2, 2)), requires_grad=True) for _ in range(3)]
    y = attend(*leaves, mask)
    assert y.tolist()[1] == [0, 0]
    y.sum().backward()
    assert leaves[0].grad.tolist()[1] == [0, 0]
    assert all(np.isfinite(leaf.grad.numpy()).all() for leaf in leaves)
    (g,) = pb.gradients((attend(*leaves, mask) ** 2).sum(), leaves[0], create_graph=True)
    g.sum().backward()
    assert np.isfinite(leaves[0].grad.numpy()).all()


def test_dropout_keeps_the_mean_and_repeats_its_mask_in_backward(rng):
    key, query = pb.tensor(rng.normal(size=(4000, 1, 4))), pb.tensor(rng.normal(size=(4000, 1, 4)))
    value = pb.tensor(np.ones((4000, 1, 1)), requires_grad=True)
    y = attend(query, key, value, dropout_p=0.25)
    assert set(np.round(y.detach().numpy().ravel(), 6).tolist()) == {0.0, round(4 / 3, 6)}
    assert abs(y.mean().item() - 1) < 0.05
    y.sum().backward()
    np.testing.assert_array_equal(value.grad.numpy(), y.detach().numpy())
    twice = [
        attend(query, key, value, dropout_p=0.5, rng=np.random.default_rng(3)).tolist() for _ in range(2)
    ]
    assert twice[0] == twice[1]
    assert not attend(query, key, value, dropout_p=1.0).detach().numpy().any()


def test_a_mask_of_keys_only(rng):
    query, key = pb.tensor(rng.normal(size=(2, 3, 4))), pb.tensor(rng.normal(size=(5, 4)))
    seen = np.array([True, False, True, True, False])
    found = attend(query, key, key, seen)
    np.testing.assert_allclose(found.numpy(), attend(query, key[seen], key[seen]).numpy())


def test_the_scores_are_never_held_as_a_whole(rng):
    length = 2048
    query = pb.tensor(rng.normal(size=(length, 4)).astype(np.float32), requires_grad=True)
    for causal in (False, True):
        attend(query, query, query, is_causal=causal).sum().backward()  # what is loaded once does not count
        tracemalloc.start()
        attend(query, query, query, is_causal=causal).sum().backward()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < length * length  # a quarter of the scores' bytes


def test_groups_of_query_heads_share_keys(rng):
    query, key = rng.normal(size=(2, 6, 3, 4)), rng.normal(size=(2, 2, 5, 4))
    value = rng.normal(size=(2, 2, 5, 4))
    y = attend(pb.tensor(query), pb.tensor(key), pb.tensor(value), enable_gqa=True)
    expected = plain(query, np.repeat(key, 3, 1), np.repeat(value, 3, 1))
    np.testing.assert_allclose(y.numpy(), expected)


def test_vmap(rng):
    query, key = pb.tensor(rng.normal(size=(3, 2, 4, 5))), pb.tensor(rng.normal(size=(2, 6, 5)))
    value, mask = pb.tensor(rng.normal(size=(3, 6, 2))), pb.tensor(rng.normal(size=(3, 4, 6)))
    found = pb.vmap(lambda q, v, m: attend(q, key, v, m))(query, value, mask)
    expected = [attend(q, key, v, m).numpy() for q, v, m in zip(query, value, mask, strict=True)]
    np.testing.assert_allclose(found.numpy(), np.stack(expected))


def test_float32_stays(rng):
    query = pb.tensor(rng.normal(size=(2, 3, 4)).astype(np.float32), requires_grad=True)
    y = attend(query, query, query, is_causal=True)
    y.sum().backward()
    assert y.dtype == query.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (((3, 4), (3, 5), (3, 5)), {}, ValueError, r"query \(3, 4\), key \(3, 5\)"),
        (((4,), (3, 4), (3, 4)), {}, ValueError, "two axes or more"),
        (((2, 3, 4), (3, 3, 4), (3, 3, 4)), {}, ValueError, "do not broadcast"),
        (((3, 4),) * 3, {"attn_mask": np.ones((3, 3), bool), "is_causal": True}, ValueError, "not both"),
        (((3, 4),) * 3, {"attn_mask": np.ones((2, 3), bool)}, ValueError, r"here \(\.\.\., 3, 3\)"),
        (((3, 4),) * 3, {"attn_mask": np.ones((3, 3), int)}, TypeError, "must be bool or float32"),
        (((3, 4),) * 3, {"dropout_p": 1.5}, ValueError, "from 0 to 1"),
        (((3, 3, 4), (2, 3, 4), (2, 3, 4)), {"enable_gqa": True}, ValueError, "multiple"),
    ],
)
def test_errors(arguments, options, error, message):
    with pytest.raises(error, match=message):
        attend(*map(pb.zeros, arguments), **options)


def test_dtypes_that_differ():
    with pytest.raises(TypeError, match=r"query float64, key float32, value float32\); convert"):
        attend(pb.zeros((3, 4), dtype="float64"), pb.zeros((3, 4)), pb.zeros((3, 4)))
