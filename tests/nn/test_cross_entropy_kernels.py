"""Cross entropy compiled, beside its reference in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import every_size
from pullback.nn.functional import cross_entropy

pytestmark = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture(autouse=True)
def settings_as_before():
    before = pb.config.fast, pb.config.threads
    yield
    pb.config._fast, pb.config.threads = before


def both_ways(x, target, weight, upstream, **options):
    """The loss, and the gradients of logits and probabilities, by the reference and by the kernel."""
    found = []
    for fast in (False, True):
        pb.config.fast = fast
        leaves = [pb.asarray(x.copy()).requires_grad_()]
        wanted = pb.asarray(target.copy())
        if target.dtype.kind == "f":
            leaves.append(wanted.requires_grad_())
        with every_size(), np.errstate(all="ignore"):
            loss = cross_entropy(leaves[0], wanted, weight, **options)
            loss.backward(pb.asarray(upstream) if loss.ndim else None)
        found.append([loss.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)])
    return zip(*found, strict=True)


@settings(deadline=None, max_examples=150)
@given(
    rows=st.integers(1, 40),
    classes=st.sampled_from([1, 2, 3, 10, 16, 33, 100]),
    dtype=st.sampled_from([np.float32, np.float64]),
    kind=st.sampled_from(["int64", "int32", "uint8", "shares", "one-hot"]),
    weighted=st.booleans(),
    smoothing=st.sampled_from([0, 0.1, 1.0]),
    ignored=st.sampled_from([-100, 0, 1]),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    special=st.sampled_from([None, np.nan, np.inf, -np.inf, 1e4, -1e4]),
    layout=st.sampled_from(["plain", "turned", "read-only"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_logits_and_targets(
    rows, classes, dtype, kind, weighted, smoothing, ignored, reduction, special, layout, seed
):
    rng = np.random.default_rng(seed)
    pb.config.threads = 3
    x = rng.normal(size=(rows, classes)).astype(dtype)
    if special is not None:
        x.flat[rng.integers(x.size)] = special
    x = np.ascontiguousarray(x.T).T if layout == "turned" else x
    x.flags.writeable = layout != "read-only"
    target = rng.integers(0, classes, rows)
    if kind == "shares":
        target = rng.dirichlet(np.ones(classes), rows).astype(dtype)
    else:
        target = np.eye(classes, dtype=dtype)[target] if kind == "one-hot" else target.astype(kind)
    weight = rng.integers(0, 3, classes).astype(dtype) if weighted else None
    options = {"label_smoothing": smoothing, "ignore_index": ignored, "reduction": reduction}
    eps = np.finfo(dtype).eps
    for reference, twin in both_ways(x, target, weight, rng.normal(size=rows).astype(dtype), **options):
        assert twin.dtype == reference.dtype == dtype
        assert twin.shape == reference.shape
        scale = np.abs(reference[np.isfinite(reference)]).max(initial=0)
        np.testing.assert_allclose(twin, reference, rtol=100 * eps, atol=30 * eps * (1 + scale))


@pytest.mark.parametrize("wrong", [3, -1, 2**40])
def test_targets_that_are_no_class_are_refused_in_the_same_words(wrong):
    x, target = pb.zeros((4, 3)), pb.tensor([0, 1, wrong, 2])
    with every_size(), pytest.raises(ValueError, match=f"target {wrong} is not a class"):
        cross_entropy(x, target)


def test_unsigned_targets_do_not_wrap_to_the_ignored_one():
    target = np.array([0, 2**64 - 100], np.uint64)
    with every_size(), pytest.raises(ValueError, match="is not a class"):
        cross_entropy(pb.zeros((2, 3)), target)


def test_the_mean_of_ignored_targets_only_is_nan():
    with every_size():
        assert np.isnan(cross_entropy(pb.zeros((2, 3)), pb.tensor([-100, -100])).item())


@pytest.mark.parametrize("kind", ["classes", "smoothed", "shares"])
@pytest.mark.parametrize("size", [1e3, 1e8, 1e30])
def test_logits_of_any_size(kind, size):
    """A large logit does not swallow the logarithm of the sum, which is log 64 where all are the same."""
    x = np.full((4, 64), size, np.float32)
    target = np.full_like(x, 1 / 64) if kind == "shares" else np.zeros(4, np.int64)
    wanted = np.full(64, 1 / 64) if kind == "shares" else np.eye(64)[0]
    smoothing = 0.5 if kind == "smoothed" else 0.0
    slope = 1 / 64 - (wanted * (1 - smoothing) + smoothing / 64)
    for found in zip(
        *both_ways(x, target, None, np.ones(4, np.float32), reduction="sum", label_smoothing=smoothing),
        strict=True,
    ):
        np.testing.assert_allclose(found[0], 4 * np.log(64), rtol=1e-5)
        np.testing.assert_allclose(found[1], np.broadcast_to(slope, x.shape), atol=1e-6)
        if kind == "shares":
            np.testing.assert_allclose(found[2], np.log(64), rtol=1e-5)
