"""What the classifier and the regressor share: settings, data, training, outputs."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ...autograd import no_grad
from ...autograd.extend import drawing_from
from ...data import DataLoader
from ..callbacks import EarlyStopping
from ..evaluation import mode
from ..history import History
from ..loop import fit
from . import settings
from .rows import Array, Rows, dense, weighted

ROWS_AT_ONCE = 1024  # of a prediction


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network with scikit-learn's methods; the two kinds say what targets and losses are."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network, from the beginning unless `warm_start` is set.

        Args:
            X: samples as rows of an array, a data frame or a sparse array.
            y: their targets.
            sample_weight: a number from 0 on for each sample, by which its loss is multiplied: 2 is as good as having
                it twice. Only the proportions count.

        Returns:
            This estimator.

        Raises:
            ValueError: for settings and data that make no sense, naming them.
            FloatingPointError: for a loss that is infinite or nan.
        """
        fresh = not (self.warm_start and hasattr(self, "module_"))
        self._train(X, y, sample_weight, lambda y: self._learn(y, fresh), fresh, incremental=False)
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        encode: Callable[[Any], Array],
        fresh: bool,
        *,
        incremental: bool,
    ) -> None:
        """Train on these rows: one epoch from where the last call ended, or up to `max_iter` with a new optimiser."""
        settings.check(self)
        X, y = self._checked(X, y, reset=fresh)
        weights = self._weights(y, sample_weight)
        targets = encode(y)
        if fresh or not incremental:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            self._generator = np.random.default_rng(seed)
        with drawing_from(self._generator):
            if fresh:
                module = settings.network(self, self.n_features_in_, self.n_outputs_).to(X.dtype)
                settings.check_outputs(module, dense(X[:1]), self.n_outputs_)
                self.module_ = module
                self.history_ = History()
            if fresh or not incremental:
                self.optimizer_ = settings.optimizer(self, self.module_)
            rows = self._rows(X, targets, weights)
            training, validation = (rows, None) if not self.early_stopping else self._split(rows)
            loss = self._loss()
            stopping = EarlyStopping(
                patience=int(self.n_iter_no_change),
                min_delta=float(self.tol),
                restore=validation is not None,
            )
            history = fit(
                self.module_,
                loss if weights is None else weighted(loss),
                self.optimizer_,
                self._loader(training),
                epochs=1 if incremental else int(self.max_iter),
                validation=None if validation is None else DataLoader(validation, ROWS_AT_ONCE),
                callbacks=[stopping],
                progress=bool(self.verbose),
            )
        self.module_.eval()
        self.history_ = History([*self.history_, *history], history.stopped)
        self.n_iter_ = len(self.history_)
        self.loss_curve_ = [epoch.loss for epoch in self.history_]
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = min(epoch.score() for epoch in history)
        if validation is not None:
            self.validation_loss_curve_ = [epoch.score() for epoch in history]

    # targets and losses

    @abstractmethod
    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Rows and targets as arrays."""

    @abstractmethod
    def _learn(self, y: Any, fresh: bool) -> Array:
        """What the loss takes for these targets; what is known of targets is learnt afresh, or compared."""

    @abstractmethod
    def _loss(self) -> Callable[[Any, Any], Any]:
        """The loss, without weights."""

    def _strata(self, targets: Array) -> Array | None:
        """What a validation part shall have in the same proportions."""
        return None

    # rows

    def _weights(self, y: Any, sample_weight: Any) -> Array | None:
        """The weights of the rows, or None where there are none."""
        if sample_weight is None:
            return None
        count = y.shape[0]
        if isinstance(sample_weight, numbers.Real):
            sample_weight = np.full(count, sample_weight)
        weights: Array = check_array(
            sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
        )
        if weights.shape != (count,):
            raise ValueError(
                f"sample_weight has the shape {weights.shape} and not {(count,)}, one for each sample"
            )
        if (weights < 0).any():
            raise ValueError("sample_weight holds negative numbers; how much a sample counts is 0 or more")
        return weights

    def _rows(self, X: Any, targets: Array, weights: Array | None) -> Rows:
        """The rows in the dtype of the network, without those that count nothing; weights have the mean 1."""
        dtype = self._dtype()
        if targets.dtype.kind == "f":
            targets = targets.astype(dtype, copy=False)
        X = X.astype(dtype, copy=False)
        if weights is None:
            return Rows(X, targets)
        kept = np.flatnonzero(weights)
        if not kept.size:
            raise ValueError("the weights of all samples are zero, so there is nothing to learn from")
        scaled = weights[kept] / weights[kept].mean()
        return Rows(X[kept], targets[kept], scaled.astype(dtype))

    def _split(self, rows: Rows) -> tuple[Rows, Rows]:
        """A part to train on and one to validate, drawn at random; with each class in both where there are enough."""
        fraction = float(self.validation_fraction)
        strata = self._strata(rows.y)
        if strata is not None:
            members = np.unique(strata, return_counts=True)[1]
            smaller = np.ceil(min(fraction, 1 - fraction) * len(rows))
            if members.min() < 2 or smaller - 1 < len(members):
                strata = None
        training, validation = train_test_split(
            np.arange(len(rows)),
            test_size=fraction,
            random_state=int(self._generator.integers(np.iinfo(np.int32).max)),
            stratify=strata,
        )
        return rows.part(training), rows.part(validation)

    def _loader(self, rows: Rows) -> DataLoader:
        size = min(200, len(rows)) if self.batch_size == "auto" else int(self.batch_size)
        # The order within a single batch changes nothing but rounding.
        shuffle = bool(self.shuffle) and size < len(rows)
        return DataLoader(rows, size, shuffle=shuffle, rng=self._generator)

    # outputs

    def _outputs(self, X: Any) -> Array:
        """What the network gives for these rows."""
        check_is_fitted(self, "module_")
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]).astype(
            self._dtype(), copy=False
        )
        with mode(self.module_, False), no_grad():
            parts = [
                self.module_(dense(X[start : start + ROWS_AT_ONCE])).numpy()
                for start in range(0, X.shape[0], ROWS_AT_ONCE)
            ]
        return np.concatenate(parts)

    def _dtype(self) -> np.dtype[Any]:
        return next(p.dtype for p in self.module_.parameters() if p.dtype.kind == "f")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
