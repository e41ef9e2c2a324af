"""Principal components: PCA, and whitening in their axes or in those of the data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .scaling import require_epsilon
from .transformer import Array, State, Transformer


class PCA(Transformer):
    """Samples in the axes of greatest variance: x ↦ (x − mean)·Vᵀ, where V holds the components as rows.

    The components are the eigenvectors of the covariance matrix XᵀX/N of the centred data (the notes' `cov`), by
    descending variance. Each has its largest entry, by size, positive, so that they do not depend on the library
    that computes them. N samples have at most N − 1 components.

    Samples (N, ...) are flattened, and become (N, k); the way back gives them their shape again, and what lay outside
    of the components is lost.

    Args:
        n_components: how many components are kept: all (None); so many (an int); or as many as have at least this
            share of the variance (a float in (0, 1]).

    State: `count` (samples), `mean` (of the shape of a sample), `components`, `variances` and `total_variance`.

    Raises:
        ValueError: for a number of components below 1, or a share out of range.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> points = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]])
    >>> pca = preprocess.PCA(1).fit(points)
    >>> pca.components.round(4), pca.explained_variance_ratio.round(4)
    (array([[0.7071, 0.7071]]), array([1.]))
    >>> pca.inverse_transform(pca.transform(points)).round(4)
    array([[0., 0.],
           [2., 2.],
           [4., 4.]])
    """

    names = ("count", "mean", "components", "variances", "total_variance")

    def __init__(self, n_components: int | float | None = None) -> None:
        _require_components(n_components)
        super().__init__()
        self.n_components = n_components

    @property
    def mean(self) -> Array:
        """The mean sample."""
        return self._statistic("mean")

    @property
    def components(self) -> Array:
        """The components that are kept, of shape (k, features)."""
        return self._kept(self._statistics())[0].copy()

    @property
    def explained_variance(self) -> Array:
        """The variance of the training data along each component that is kept, over N."""
        return self._kept(self._statistics())[1].copy()

    @property
    def explained_variance_ratio(self) -> Array:
        """The share of the whole variance that each component has; zeros if there is none."""
        state = self._statistics()
        ratio: Array = self._kept(state)[1] / (state["total_variance"] or 1.0)
        return ratio

    def _learned(self, state: State | None, x: Array) -> State | None:
        shape = x.shape[1:]
        if state is not None and shape != state["mean"].shape:
            raise self._refuse(x.shape, f"(N, {', '.join(map(str, state['mean'].shape))})")
        if not len(x):
            return state
        rows, count = x.reshape(len(x), math.prod(shape)), len(x)
        first = rows[0].copy()
        rows -= first  # so that the mean of constants is exact
        shift = rows.mean(0)
        rows -= shift
        mean = first + shift
        if state is not None:
            rows, mean, count = self._with_earlier(state, rows, mean)
        components, scatter = _principal(rows)
        most = min(count - 1, rows.shape[1])
        return {
            "count": np.array(count, np.int64),
            "mean": mean.reshape(shape),
            "components": components[:most],
            "variances": scatter[:most] / count,
            "total_variance": np.array(np.vdot(rows, rows) / count),
        }

    def _with_earlier(self, state: State, rows: Array, mean: Array) -> tuple[Array, Array, int]:
        """Rows with the scatter matrix of all samples so far, their mean and number.

        Ross, Lim, Lin and Yang, "Incremental learning for robust visual tracking", 2008, section 2.1; exact here,
        since no component is dropped on the way.
        """
        earlier, new = int(state["count"]), len(rows)
        if len(state["variances"]) < min(earlier - 1, rows.shape[1]):
            raise RuntimeError(
                f"fit has kept {len(state['variances'])} components only, to which no batch can be added honestly; "
                f"use a new {type(self).__name__} and partial_fit for all batches"
            )
        count = earlier + new
        roots = np.sqrt(state["variances"] * earlier)[:, None] * state["components"]
        between = mean - state["mean"].reshape(-1)
        gap = math.sqrt(earlier * new / count) * between
        return (
            np.concatenate([roots, rows, gap[None]]),
            state["mean"].reshape(-1) + between * (new / count),
            count,
        )

    def _trimmed(self, state: State) -> State:
        components, variances = self._kept(state)
        return state | {"components": components.copy(), "variances": variances.copy()}

    def _kept(self, state: State) -> tuple[Array, Array]:
        """The components that the options ask for, and their variances."""
        known, wanted = len(state["variances"]), self.n_components
        if wanted is None:
            keep = known
        elif isinstance(wanted, (int, np.integer)):
            keep = int(wanted)
            if keep > known:
                raise ValueError(
                    f"{keep} components were asked for, and {int(state['count'])} samples of "
                    f"{state['mean'].size} features have {known}"
                )
        else:
            gathered = np.cumsum(state["variances"])
            enough = np.flatnonzero(gathered >= wanted * (1 - 1e-12) * state["total_variance"])
            keep = int(enough[0]) + 1 if len(enough) else known
        return state["components"][:keep], state["variances"][:keep]

    def _checked(self, state: State) -> None:
        components, variances = state["components"], state["variances"]
        if state["count"].ndim or state["count"] < 1 or state["total_variance"].ndim:
            raise ValueError("the state of principal components has a count from 1 on and one total variance")
        if variances.ndim != 1 or components.shape != (len(variances), state["mean"].size):
            raise ValueError(
                f"components of shape {components.shape} do not fit to {variances.shape} variances and "
                f"{state['mean'].size} features"
            )
        self._kept(state)

    def _centred(self, x: Any, state: State) -> Any:
        mean = state["mean"]
        if x.shape[1:] != mean.shape:
            raise self._refuse(x.shape, f"(N, {', '.join(map(str, mean.shape))})")
        return (x - mean).reshape((len(x), mean.size))

    def _scores(self, x: Any, state: State) -> Any:
        """What is to be brought back, checked."""
        keep = len(self._kept(state)[0])
        if x.shape[1:] != (keep,):
            raise self._refuse(x.shape, f"(N, {keep}) on the way back")
        return x

    def _uncentred(self, flat: Any, state: State) -> Any:
        return flat.reshape((len(flat), *state["mean"].shape)) + state["mean"]

    def _forward(self, x: Any, state: State) -> Any:
        return self._centred(x, state) @ self._kept(state)[0].T

    def _backward(self, x: Any, state: State) -> Any:
        return self._uncentred(self._scores(x, state) @ self._kept(state)[0], state)


class PCAWhitening(PCA):
    """Samples in their principal axes, each divided by its spread: x ↦ (x − mean)·Vᵀ / √(variance + epsilon).

    The notes' `Xwhite = Xrot / np.sqrt(S + 1e-5)`: with a small epsilon the covariance becomes the identity. A larger
    one keeps directions of little variance, which are mostly noise, from being blown up.

    Args:
        n_components: as for `PCA`.
        epsilon: is added to the variances. With 0, all directions that are kept must have variance.

    State: that of `PCA`.

    Raises:
        ValueError: for a negative epsilon; and in `transform` for directions without variance and epsilon 0.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> x = np.random.default_rng(0).normal(size=(100, 2)) @ np.array([[3.0, 1.0], [0.0, 0.5]])
    >>> white = preprocess.PCAWhitening(epsilon=0).fit_transform(x)
    >>> np.abs(np.cov(white.T, ddof=0) - np.eye(2)).max() < 1e-12
    np.True_
    """

    def __init__(self, n_components: int | float | None = None, *, epsilon: float = 1e-5) -> None:
        super().__init__(n_components)
        self.epsilon = require_epsilon(epsilon)

    def _forward(self, x: Any, state: State) -> Any:
        scale = _scale(self._kept(state)[1], state, self.epsilon)
        return super()._forward(x, state) / scale

    def _backward(self, x: Any, state: State) -> Any:
        scale = _scale(self._kept(state)[1], state, self.epsilon)
        return super()._backward(self._scores(x, state) * scale, state)


class ZCAWhitening(PCA):
    """Whitened samples, turned back into the axes of the data: x ↦ (x − mean)·V·(variance + epsilon)^(−½)·Vᵀ.

    Of all whitenings it changes the samples least, so that images stay images (Bell and Sejnowski, 1997; Krizhevsky,
    "Learning multiple layers of features from tiny images", 2009, appendix A). Samples keep their shape. Directions
    in which the training data do not vary are divided by √epsilon, as the formula has it.

    Args:
        epsilon: is added to the variances. With 0, all directions must have variance.

    State: that of `PCA`.

    Raises:
        ValueError: for a negative epsilon; and in `transform` for directions without variance and epsilon 0.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> images = np.random.default_rng(0).random((50, 1, 4, 4), dtype=np.float32)
    >>> zca = preprocess.ZCAWhitening(epsilon=1e-3).fit(images)
    >>> white = zca.transform(images)
    >>> white.shape, white.dtype
    ((50, 1, 4, 4), dtype('float32'))
    >>> np.allclose(zca.inverse_transform(white), images, atol=1e-6)
    True
    """

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = require_epsilon(epsilon)

    def _forward(self, x: Any, state: State) -> Any:
        flat = self._centred(x, state)
        white = self._stretched(flat, state, back=False)
        return white.reshape(x.shape)

    def _backward(self, x: Any, state: State) -> Any:
        if x.shape[1:] != state["mean"].shape:
            raise self._refuse(x.shape, f"(N, {', '.join(map(str, state['mean'].shape))})")
        flat = x.reshape((len(x), state["mean"].size))
        return self._uncentred(self._stretched(flat, state, back=True), state)

    def _stretched(self, flat: Any, state: State, *, back: bool) -> Any:
        components, variances = state["components"], state["variances"]
        complete = len(variances) == state["mean"].size
        scale = _scale(variances, state, self.epsilon, complete=complete)
        scores = flat @ components.T
        result = (scores * scale if back else scores / scale) @ components
        if complete:
            return result
        rest = flat - scores @ components
        return result + (rest * math.sqrt(self.epsilon) if back else rest / math.sqrt(self.epsilon))


def _principal(rows: Array) -> tuple[Array, Array]:
    """The eigenvectors of rowsᵀ·rows as rows, and the eigenvalues, from the largest on."""
    if len(rows) <= 4 * rows.shape[1]:
        _, singular, vectors = np.linalg.svd(rows, full_matrices=False)
        values = singular**2
    else:  # many samples: the matrix of the notes is small, and costs one product
        ascending, columns = np.linalg.eigh(rows.T @ rows)
        values, vectors = np.maximum(ascending[::-1], 0.0), columns.T[::-1]
    largest = np.argmax(np.abs(vectors), axis=1) if vectors.shape[1] else np.zeros(0, int)
    signs = np.sign(vectors[np.arange(len(largest)), largest])
    return vectors * np.where(signs == 0, 1.0, signs)[:, None], values


def _scale(variances: Array, state: State, epsilon: float, *, complete: bool = True) -> Array:
    if epsilon == 0:
        least = (
            state["total_variance"] * np.finfo(np.float64).eps * max(int(state["count"]), state["mean"].size)
        )
        empty = int(np.sum(variances <= least))
        if empty or not complete:
            where = f"{empty} of the directions" if empty else "directions"
            raise ValueError(
                f"the training data do not vary in {where}, which cannot be brought to variance 1; "
                "give an epsilon above 0, or keep fewer components"
            )
    return np.sqrt(variances + epsilon)


def _require_components(wanted: Any) -> None:
    if wanted is None:
        return
    if isinstance(wanted, (int, np.integer)) and not isinstance(wanted, bool):
        if wanted < 1:
            raise ValueError(f"the number of components is a whole number from 1 on, not {wanted}")
    elif not isinstance(wanted, (float, np.floating)) or not 0 < wanted <= 1:
        raise ValueError(
            f"n_components is None, a whole number from 1 on, or a share of the variance in (0, 1], not {wanted!r}"
        )
