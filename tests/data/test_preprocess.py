"""Preprocessing: what the statistics make of the data, the way back, batches, states and refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pullback as pb
from pullback.data import preprocess

ALL = {
    "centre": lambda: preprocess.ZeroCenter(),
    "centre channels": lambda: preprocess.ZeroCenter("channel"),
    "standardise": lambda: preprocess.Standardize(),
    "standardise channels": lambda: preprocess.Standardize(per="channel", epsilon=1e-3),
    "standardise all": lambda: preprocess.Standardize(per="all"),
    "min-max": lambda: preprocess.MinMax(),
    "min-max channels": lambda: preprocess.MinMax(-1, 1, per="channel"),
    "PCA": lambda: preprocess.PCA(),
    "PCA whitening": lambda: preprocess.PCAWhitening(),
    "ZCA whitening": lambda: preprocess.ZCAWhitening(),
    "pipeline": lambda: preprocess.Compose(
        [preprocess.Standardize(per="channel"), preprocess.PCAWhitening()]
    ),
}
STREAMS = [name for name in ALL if name != "pipeline"]
every = pytest.mark.parametrize("name", ALL)


@pytest.fixture
def images(rng):
    """More samples than the 18 features, correlated, and far from zero."""
    mixing = rng.normal(size=(18, 18))
    return (rng.normal(size=(60, 18)) @ mixing + 5).reshape(60, 2, 3, 3)


def flat(x):
    return x.reshape(len(x), -1)


@every
def test_the_inverse_brings_the_samples_back(name, images, rng):
    transformer = ALL[name]().fit(images)
    new = rng.normal(size=(7, 2, 3, 3))
    for x in (images, new, new[:0]):
        np.testing.assert_allclose(transformer.inverse_transform(transformer.transform(x)), x, atol=1e-9)


@every
def test_the_state_is_exact_after_a_file(name, images, tmp_path):
    transformer = ALL[name]().fit(images)
    pb.save(transformer.state_dict(), tmp_path / "state.safetensors")
    twin = ALL[name]()
    assert not twin.fitted
    twin.load_state_dict(pb.load(tmp_path / "state.safetensors"))
    assert twin.fitted
    x = images.astype(np.float32)
    assert np.array_equal(twin.transform(x), transformer.transform(x))
    z = transformer.transform(x)
    assert np.array_equal(twin.inverse_transform(z), transformer.inverse_transform(z))


@every
def test_kinds_and_dtypes(name, images):
    transformer = ALL[name]().fit(images.astype(np.float32))
    statistics = transformer.state_dict()
    assert {str(value.dtype) for value in statistics.values()} <= {"float64", "int64"}
    exact = transformer.transform(images.astype(np.float32).astype(np.float64))
    for dtype in (np.float16, np.float32, np.float64):
        x = images.astype(dtype)
        array, tensor = transformer.transform(x), transformer.transform(pb.asarray(x))
        assert isinstance(array, np.ndarray)
        assert isinstance(tensor, pb.Tensor)
        assert array.dtype == tensor.dtype == dtype
        assert np.array_equal(array, tensor.numpy())
        assert transformer.inverse_transform(array).dtype == dtype
    np.testing.assert_allclose(transformer.transform(images.astype(np.float32)), exact, rtol=1e-6, atol=1e-6)
    whole = (images * 10).astype(np.int64)
    assert ALL[name]().fit_transform(whole).dtype == np.float32
    assert ALL[name]().fit_transform(images.tolist()).dtype == np.float64


@every
def test_samples_are_left_as_they_are(name, images):
    before = images.copy()
    transformer = ALL[name]().fit(images)
    z = transformer.transform(images)
    kept = z.copy()
    transformer.inverse_transform(z)
    z[...] = 0
    assert np.array_equal(images, before)
    assert np.array_equal(transformer.transform(images), kept)


@every
def test_a_gradient_passes_through(name, images, rng):
    transformer = ALL[name]().fit(images)
    weights = rng.normal(size=transformer.transform(images[:2]).shape)
    pb.gradcheck(lambda x: (transformer.transform(x) * weights).sum(), [pb.asarray(images[:2])])


@every
def test_not_fitted(name, images):
    transformer = ALL[name]()
    for use in (transformer.transform, transformer.inverse_transform, transformer):
        with pytest.raises(RuntimeError, match="no statistics yet: call fit"):
            use(images)
    with pytest.raises(RuntimeError, match="no statistics yet"):
        transformer.state_dict()


@every
def test_other_features_are_refused(name, images):
    transformer = ALL[name]().fit(images)
    if "all" in name:
        return
    with pytest.raises(ValueError, match=r"takes samples of shape \(N, 2"):
        transformer.transform(images[:, :1])


@every
def test_what_cannot_be_learned_from_changes_nothing(name, images):
    transformer = ALL[name]().fit(images)
    before = transformer.transform(images)
    broken = images.copy()
    broken[3, 1, 0, 2] = np.nan
    with pytest.raises(ValueError, match=r"not finite, first x\[3, 1, 0, 2\] = nan"):
        transformer.fit(broken)
    with pytest.raises(ValueError, match="no samples"):
        transformer.fit(images[:0])
    with pytest.raises(TypeError, match="real numbers, not complex128"):
        transformer.fit(images * 1j)
    with pytest.raises(ValueError, match="not a single number"):
        transformer.fit(3.0)
    assert np.array_equal(transformer.transform(images), before)


@pytest.mark.parametrize("name", STREAMS)
def test_batches_give_the_statistics_of_the_whole(name, images):
    whole, stream = ALL[name]().fit(images), ALL[name]()
    stream.partial_fit(images[:0])
    assert not stream.fitted
    for start, stop in ((0, 1), (1, 2), (2, 30), (30, 30), (30, 60)):
        stream.partial_fit(images[start:stop])
    for key, value in whole.state_dict().items():
        np.testing.assert_allclose(stream.state_dict()[key].numpy(), value.numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(stream.transform(images), whole.transform(images), rtol=1e-6, atol=1e-8)
    if "all" not in name:
        with pytest.raises(ValueError, match="takes samples of shape"):
            stream.partial_fit(images[:, :1])


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_goes_on_after_a_file(name, images):
    whole, half = ALL[name]().fit(images), ALL[name]().partial_fit(images[:31])
    twin = ALL[name]()
    twin.load_state_dict(half.state_dict())
    twin.partial_fit(images[31:])
    np.testing.assert_allclose(twin.transform(images), whole.transform(images), rtol=1e-6, atol=1e-8)


def test_centring_and_standardising_by_the_notes_formulas(images):
    centred = images - np.mean(images, axis=0)
    np.testing.assert_allclose(preprocess.ZeroCenter().fit_transform(images), centred, atol=1e-12)
    expected = centred / np.std(images, axis=0)
    np.testing.assert_allclose(preprocess.Standardize().fit_transform(images), expected, atol=1e-12)
    axes = (0, 2, 3)
    expected = (images - images.mean(axes, keepdims=True)) / images.std(axes, keepdims=True)
    channels = preprocess.Standardize(per="channel").fit(images)
    np.testing.assert_allclose(channels.transform(images), expected, atol=1e-12)
    np.testing.assert_allclose(channels.mean, images.mean(axes))
    np.testing.assert_allclose(channels.std, images.std(axes))
    np.testing.assert_allclose(
        preprocess.Standardize(per="all").fit_transform(images), (images - images.mean()) / images.std()
    )
    assert preprocess.ZeroCenter().fit(images).mean.shape == (2, 3, 3)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_chans_merge_is_that_of_the_whole(sample):
    values = hnp.arrays(np.float64, (9, 2), elements=st.floats(-1e6, 1e6, allow_subnormal=False))
    x = sample.draw(values)
    cuts = sorted(sample.draw(st.lists(st.integers(0, 9), max_size=4)))
    stream = preprocess.Standardize()
    for part in np.split(x, cuts):
        stream.partial_fit(part)
    scale = 1 + np.abs(x).max()
    np.testing.assert_allclose(stream.mean, x.mean(0), atol=1e-13 * scale)
    np.testing.assert_allclose(stream.std, x.std(0), atol=1e-7 * scale)
    assert stream.state_dict()["count"].item() == 9


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=st.floats(-100, 100, width=32)
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_samples_the_way_back_leads_to_them(x):
    for transformer in (
        preprocess.ZeroCenter(),
        preprocess.Standardize(),
        preprocess.MinMax(),
        preprocess.PCA(),
        preprocess.PCAWhitening(),
        preprocess.ZCAWhitening(),
    ):
        back = transformer.inverse_transform(transformer.fit_transform(x))
        assert back.dtype == np.float32
        np.testing.assert_allclose(back, x, atol=1e-3)


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -3e-9, 0.0])
@pytest.mark.parametrize("per", ["feature", "channel", "all"])
def test_constant_features_are_only_centred(value, per):
    x = np.full((7, 3, 2), value)
    scaler = preprocess.Standardize(per=per)
    for part in (x[:3], x[3:4], x[4:]):
        scaler.partial_fit(part)
    assert (scaler.std == 0).all()
    assert np.array_equal(scaler.transform(x), np.zeros_like(x))
    assert np.array_equal(scaler.transform(x + 1), (x + 1) - value)
    assert (preprocess.MinMax(2, 3, per=per).fit_transform(x) == 2).all()


def test_what_differs_by_rounding_is_constant():
    x = np.array([[0.3], [0.1 + 0.2], [0.3]])
    assert x[0] != x[1]
    assert np.abs(preprocess.Standardize().fit_transform(x)).max() < 1e-15


def test_large_offsets_cost_no_digits(rng):
    x = rng.normal(size=(1000, 1))
    scaler = preprocess.Standardize().fit(x + 1e8)
    np.testing.assert_allclose(scaler.std, x.std(0), rtol=1e-7)


def test_min_max_fills_the_range_exactly(rng):
    x = rng.normal(size=(50, 4)).astype(np.float32)
    assert -0.7 + (0.1 - -0.7) != 0.1
    for dtype in (np.float32, np.float64):
        z = preprocess.MinMax(-0.7, 0.1).fit_transform(x.astype(dtype))
        assert (z.min(0) == dtype(-0.7)).all()
        assert (z.max(0) == dtype(0.1)).all()


def test_whitened_data_have_the_identity_as_covariance(images):
    white = preprocess.PCAWhitening(epsilon=0).fit_transform(images)
    np.testing.assert_allclose(np.cov(white.T, ddof=0), np.eye(18), atol=1e-9)
    zca = preprocess.ZCAWhitening(epsilon=0).fit_transform(images)
    assert zca.shape == images.shape
    np.testing.assert_allclose(np.cov(flat(zca).T, ddof=0), np.eye(18), atol=1e-9)
    rotated = preprocess.PCA().fit_transform(images)
    covariance = np.cov(rotated.T, ddof=0)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
    assert (np.diff(np.diag(covariance)) <= 0).all()


def test_whitening_by_the_notes_formulas(images):
    x = flat(images) - flat(images).mean(0)
    u, s, _ = np.linalg.svd(x.T @ x / len(x))
    zca = x @ u / np.sqrt(s + 0.1) @ u.T
    np.testing.assert_allclose(
        flat(preprocess.ZCAWhitening(epsilon=0.1).fit_transform(images)), zca, atol=1e-9
    )
    white = preprocess.PCAWhitening(5, epsilon=0.1).fit_transform(images)
    np.testing.assert_allclose(np.abs(white), np.abs(x @ u[:, :5] / np.sqrt(s[:5] + 0.1)), atol=1e-9)


def test_zca_whitening_of_fewer_samples_than_features_keeps_to_the_formula(rng):
    x, new = rng.normal(size=(5, 12)), rng.normal(size=(3, 12))
    u, s, _ = np.linalg.svd(np.cov(x.T, ddof=0))
    zca = preprocess.ZCAWhitening(epsilon=0.01).fit(x)
    expected = (new - x.mean(0)) @ u / np.sqrt(s + 0.01) @ u.T
    np.testing.assert_allclose(zca.transform(new), expected, atol=1e-9)
    np.testing.assert_allclose(zca.inverse_transform(expected), new, atol=1e-9)


@pytest.mark.parametrize("count", [5, 300])
def test_components_do_not_depend_on_the_way_they_are_computed(count, rng):
    """Few samples take the singular values, many the covariance matrix; signs are settled."""
    x = rng.normal(size=(count, 8)) @ rng.normal(size=(8, 8))
    pca = preprocess.PCA().fit(x)
    assert pca.components.shape == (min(count - 1, 8), 8)
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(len(pca.components)), atol=1e-10)
    largest = np.take_along_axis(pca.components, np.abs(pca.components).argmax(1)[:, None], 1)
    assert (largest > 0).all()
    shuffled = preprocess.PCA().fit(x[rng.permutation(count)])
    np.testing.assert_allclose(shuffled.components, pca.components, atol=1e-8)


def test_a_share_of_the_variance():
    x = np.concatenate([np.diag([4.0, 2.0, 1.0, 0.0]), -np.diag([4.0, 2.0, 1.0, 0.0])])
    shares = np.array([16, 4, 1]) / 21
    for wanted, keep in ((0.5, 1), (16 / 21, 1), (0.8, 2), (20 / 21, 2), (0.96, 3), (1.0, 3)):
        pca = preprocess.PCA(wanted).fit(x)
        np.testing.assert_allclose(pca.explained_variance_ratio, shares[:keep], atol=1e-12)
        assert pca.transform(x).shape == (8, keep)
        assert pca.state_dict()["components"].shape == (keep, 4)
    constant = preprocess.PCA(0.9).fit(np.ones((5, 3)))
    assert constant.explained_variance_ratio.tolist() == [0.0]


def test_what_pca_drops_is_the_least(images):
    pca = preprocess.PCA(6).fit(images)
    back = pca.inverse_transform(pca.transform(images))
    assert back.shape == images.shape
    lost = np.sum((images - back) ** 2) / len(images)
    all_variances = preprocess.PCA().fit(images).explained_variance
    np.testing.assert_allclose(lost, all_variances[6:].sum(), rtol=1e-9)


def test_components_that_cannot_be_had():
    x = np.random.default_rng(0).normal(size=(4, 6))
    with pytest.raises(ValueError, match=r"5 components were asked for, and 4 samples of 6 features have 3"):
        preprocess.PCA(5).fit(x)
    for wrong in (0, -1, True, 0.0, 1.5, "mle"):
        with pytest.raises(ValueError, match="components"):
            preprocess.PCA(wrong)
    early = preprocess.PCA(3).partial_fit(x[:2])
    with pytest.raises(ValueError, match="3 components were asked for"):
        early.transform(x)
    assert early.partial_fit(x[2:]).transform(x).shape == (4, 3)


def test_no_batch_is_added_to_what_fit_has_cut(images):
    pca = preprocess.PCA(3).fit(images)
    before = pca.components
    with pytest.raises(RuntimeError, match="kept 3 components only"):
        pca.partial_fit(images)
    assert np.array_equal(pca.components, before)


def test_whitening_of_what_does_not_vary_needs_an_epsilon(rng):
    x = rng.normal(size=(50, 3)) * [1, 1, 0]
    with pytest.raises(ValueError, match="do not vary in 1 of the directions"):
        preprocess.PCAWhitening(epsilon=0).fit_transform(x)
    with pytest.raises(ValueError, match="do not vary in directions"):
        preprocess.ZCAWhitening(epsilon=0).fit_transform(rng.normal(size=(4, 9)))
    assert np.isfinite(preprocess.PCAWhitening().fit_transform(x)).all()
    assert preprocess.PCAWhitening(2, epsilon=0).fit_transform(x).shape == (50, 2)


def test_a_pipeline_fits_each_step_to_what_comes_before(images):
    steps = preprocess.MinMax(), preprocess.PCA(4), preprocess.Standardize()
    pipeline = preprocess.Compose([steps[0], preprocess.Compose(steps[1:])])
    z, by_hand = pipeline.fit(images).transform(images), images
    for step in (preprocess.MinMax(), preprocess.PCA(4), preprocess.Standardize()):
        by_hand = step.fit_transform(by_hand)
    np.testing.assert_allclose(z, by_hand)
    assert "1.0.components" in pipeline.state_dict()
    assert [type(step).__name__ for step in pipeline] == ["MinMax", "Compose"]
    assert len(pipeline) == 2
    assert np.array_equal(preprocess.Compose([]).fit_transform(images), images)


def test_a_pipeline_that_fails_stays_as_it_was(images):
    pipeline = preprocess.Compose([preprocess.MinMax(), preprocess.PCA(4)]).fit(images)
    before = pipeline.transform(images)
    with pytest.raises(ValueError, match="4 components were asked for"):
        pipeline.fit(images[:3])
    state = pipeline.state_dict()
    with pytest.raises(ValueError, match="has the names"):
        pipeline.load_state_dict({name: value for name, value in state.items() if name != "1.mean"})
    with pytest.raises(ValueError, match="there are 2 steps"):
        pipeline.load_state_dict(state | {"2.mean": 1})
    assert np.array_equal(pipeline.transform(images), before)
    with pytest.raises(TypeError, match="transformers such as"):
        preprocess.Compose([np.sqrt])


def test_states_that_do_not_fit(images):
    channels = preprocess.Standardize(per="channel").fit(images)
    with pytest.raises(ValueError, match="was it another `per`"):
        preprocess.Standardize(per="all").load_state_dict(channels.state_dict())
    with pytest.raises(ValueError, match="has the names"):
        preprocess.MinMax().load_state_dict(channels.state_dict())
    with pytest.raises(ValueError, match="differ in their shapes"):
        channels.load_state_dict(channels.state_dict() | {"m2": np.ones(3)})
    with pytest.raises(ValueError, match="count"):
        channels.load_state_dict(channels.state_dict() | {"count": np.array(0)})
    pca = preprocess.PCA(3).fit(images)
    with pytest.raises(ValueError, match="4 components were asked for"):
        preprocess.PCA(4).load_state_dict(pca.state_dict())
    with pytest.raises(ValueError, match="do not fit"):
        pca.load_state_dict(pca.state_dict() | {"variances": np.ones(2)})
    low = preprocess.MinMax().fit(images)
    with pytest.raises(ValueError, match="above its maximum"):
        low.load_state_dict({"minimum": low.maximum, "maximum": low.minimum})


@pytest.mark.parametrize(
    "make",
    [
        lambda: preprocess.ZeroCenter("row"),
        lambda: preprocess.Standardize(epsilon=-1),
        lambda: preprocess.PCAWhitening(epsilon=np.nan),
        lambda: preprocess.MinMax(1, 1),
        lambda: preprocess.MinMax(0, np.inf),
    ],
)
def test_options_out_of_range(make):
    with pytest.raises(ValueError, match=r"per is|epsilon is|the range goes"):
        make()


def test_channels_need_an_axis():
    with pytest.raises(ValueError, match=r"have shape \(N, C, ...\), not \(3,\)"):
        preprocess.ZeroCenter("channel").fit(np.ones(3))


def test_the_shipped_digits():
    images, _ = pb.data.digits.load()
    white = preprocess.ZCAWhitening(epsilon=1e-2).fit(images[:1200])
    assert white.transform(images).shape == images.shape
    pca = preprocess.PCA(0.9).fit(images[:1200])
    assert 10 < len(pca.components) < 30
    rest = images[1200:] - pca.inverse_transform(pca.transform(images[1200:]))
    assert rest.var() < 0.15 * images.var()


def test_a_pipeline_takes_no_batches(images):
    with pytest.raises(NotImplementedError, match="fit the first step"):
        ALL["pipeline"]().partial_fit(images)


def test_transformers_say_what_they_were_made_with():
    steps = preprocess.Compose([preprocess.Standardize(per="all"), preprocess.PCA(0.9)])
    assert repr(steps) == "Compose(steps=[Standardize(per='all'), PCA(n_components=0.9)])"
