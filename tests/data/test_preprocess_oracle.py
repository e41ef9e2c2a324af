"""Preprocessing against scikit-learn."""

import numpy as np
import pytest

from pullback.data import preprocess

pytestmark = pytest.mark.oracle
decomposition = pytest.importorskip("sklearn.decomposition")
scaling = pytest.importorskip("sklearn.preprocessing")


@pytest.fixture
def x(rng):
    x = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)) + 3
    x[:, 2] = 1.5
    return x


def test_scalers(x):
    pairs = [
        (preprocess.Standardize(), scaling.StandardScaler()),
        (preprocess.ZeroCenter(), scaling.StandardScaler(with_std=False)),
        (preprocess.MinMax(-1, 2), scaling.MinMaxScaler((-1, 2))),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours.fit(x[:30]).transform(x), theirs.fit(x[:30]).transform(x), atol=1e-12)


@pytest.mark.parametrize("components", [None, 3, 0.9])
@pytest.mark.parametrize("count", [5, 30])
def test_components(x, components, count):
    if components == 0.9 or components is None or count > components:
        ours = preprocess.PCA(components).fit(x[:count])
        theirs = decomposition.PCA(components, svd_solver="full").fit(x[:count])
        keep = len(ours.components) if components is not None else min(count - 1, 5)
        np.testing.assert_allclose(ours.components[:keep], theirs.components_[:keep], atol=1e-8)
        np.testing.assert_allclose(
            ours.explained_variance[:keep] * count / (count - 1), theirs.explained_variance_[:keep]
        )
        np.testing.assert_allclose(
            ours.explained_variance_ratio[:keep], theirs.explained_variance_ratio_[:keep]
        )
        np.testing.assert_allclose(ours.transform(x)[:, :keep], theirs.transform(x)[:, :keep], atol=1e-8)


def test_whitening(x):
    ours = preprocess.PCAWhitening(4, epsilon=0).fit_transform(x)
    theirs = decomposition.PCA(4, whiten=True, svd_solver="full").fit_transform(x)
    np.testing.assert_allclose(ours, theirs * np.sqrt(len(x) / (len(x) - 1)), atol=1e-9)
