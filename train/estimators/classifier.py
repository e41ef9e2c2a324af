"""PullbackClassifier: a network as a classifier of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import column_or_1d, validate_data

from ... import nn
from ...autograd import asarray, no_grad
from . import settings
from .base import Estimator
from .rows import Array


class PullbackClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network that learns classes, with scikit-learn's methods: for pipelines, grids and cross-validation.

    Labels are whatever scikit-learn takes: numbers, strings, or for several labels per sample a matrix of zeros and
    ones. The network computes in the dtype of the rows: float32 for float32, else float64.

    Args:
        hidden_layer_sizes: the widths of the hidden layers of a perceptron.
        activation: between its layers: "relu", "tanh", "logistic", "identity", "elu", "gelu", "leaky_relu", "silu", or
            what makes a module when it is called.
        module: another network: a function of (n_features, n_outputs) that makes a new `nn.Module`, such as
            `nn.Linear`. Its outputs are the logits of the classes (two for two classes), or of the labels.
        loss: "log_loss", the cross-entropy; or a function of (logits, target), such as
            `nn.CrossEntropyLoss(label_smoothing=0.1)`. Targets are the numbers of the classes, or zeros and ones.
        optimizer: the name of a class in `optim`, or what makes an optimiser of (parameters, lr=...).
        lr: the learning rate.
        weight_decay: given to the optimiser unless it is 0.
        batch_size: samples per update; "auto" is all of them, but at most 200.
        max_iter: the largest number of epochs.
        shuffle: draw a new order in every epoch.
        random_state: None, a number or a RandomState; a number makes every `fit` the same.
        tol: what counts as progress of the loss.
        n_iter_no_change: the training ends after so many epochs without progress.
        early_stopping: look for progress in the loss on a part that is put aside, and keep the best parameters.
        validation_fraction: the size of that part, which has its share of each class where there are enough of them.
        warm_start: let `fit` go on from the parameters of the last one.
        class_weight: a factor for the loss of each class by its label, or "balanced" for the inverse of its frequency.
        verbose: report every epoch on standard error.

    Attributes:
        classes_: the labels.
        module_: the network.
        optimizer_: the optimiser.
        history_: what each epoch gave, a `train.History`.
        loss_curve_: the loss of each epoch; `loss_` is the last of them.
        best_loss_: the least loss of the last fit, on the part that was put aside if there was one.
        validation_loss_curve_: the loss on that part after each epoch of the last fit.
        n_iter_: the number of epochs.
        n_features_in_, feature_names_in_: the columns of the rows.
        n_outputs_: the number of logits.

    >>> from pullback import data, train
    >>> images, labels = data.digits.load()
    >>> X = images.reshape(-1, 64)
    >>> classifier = train.PullbackClassifier(max_iter=20, lr=3e-3, random_state=0).fit(X[:1200], labels[:1200])
    >>> bool(classifier.score(X[1200:], labels[1200:]) > 0.9)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        module: Callable[[int, int], nn.Module] | None = None,
        loss: Any = "log_loss",
        optimizer: Any = "Adam",
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: Any = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        class_weight: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.module = module
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.verbose = verbose

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go through these rows once, from where the last call ended, with the optimiser of the first.

        Args:
            X: samples as rows.
            y: their labels.
            sample_weight: as for `fit`.
            classes: all labels that there will be; for the first call only. Not for several labels per sample, where
                the columns of `y` say it.

        Returns:
            This estimator.

        Raises:
            ValueError: for a first call without classes, labels that are none of them, and settings that need all
                data at once (`early_stopping`, balanced classes).
        """
        settings.check_incremental(self)
        fresh = not hasattr(self, "module_")
        multilabel = type_of_target(y).startswith("multilabel")
        if fresh and classes is None and not multilabel:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all labels that there will be"
            )
        if not fresh and classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(
                f"classes={classes!r} are others than those of the first call to partial_fit, {self.classes_}"
            )

        def encode(y: Any) -> Array:
            if fresh:
                self._know(y if multilabel else unique_labels(classes))
            return self._encoded(y)

        self._train(X, y, sample_weight, encode, fresh, incremental=True)
        return self

    def predict(self, X: Any) -> Any:
        """The most probable label of each row; for several labels per sample those that are more likely than not.

        Args:
            X: samples as rows.
        """
        logits = self._outputs(X)
        if self._multilabel():
            return self._binarizer.inverse_transform((logits > 0).astype(int))
        return self.classes_[logits.argmax(axis=1)]

    def decision_function(self, X: Any) -> Array:
        """The logits, a column for each class or label; for two classes the logarithm of the odds of the second.

        Args:
            X: samples as rows.
        """
        logits = self._outputs(X)
        if self._multilabel() or len(self.classes_) != 2:
            return logits
        return logits[:, 1] - logits[:, 0]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, as rows that sum to 1; or of each label.

        Args:
            X: samples as rows.
        """
        logits = asarray(self._outputs(X))
        with no_grad():
            probabilities = logits.sigmoid() if self._multilabel() else nn.functional.softmax(logits, dim=1)
        return probabilities.numpy()

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`, exact where that rounds to 0.

        Args:
            X: samples as rows.
        """
        logits = asarray(self._outputs(X))
        with no_grad():
            if self._multilabel():
                return nn.functional.logsigmoid(logits).numpy()
            return nn.functional.log_softmax(logits, dim=1).numpy()

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, reset=reset, accept_sparse="csr", multi_output=True, dtype=[np.float64, np.float32]
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return X, y

    def _learn(self, y: Any, fresh: bool) -> Array:
        if fresh:
            self._know(y)
        elif not np.array_equal(unique_labels(y), self.classes_):
            raise ValueError(
                "with warm_start, fit goes on with the same classes: they were "
                f"{self.classes_}, and are {unique_labels(y)}"
            )
        return self._encoded(y)

    def _know(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._binarizer.classes_
        self.n_outputs_ = len(self.classes_)

    def _encoded(self, y: Any) -> Array:
        """The numbers of the classes, or zeros and ones."""
        if self._multilabel():
            marks = self._binarizer.transform(y)
            return np.asarray(marks.toarray() if hasattr(marks, "toarray") else marks, dtype=np.float64)
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if unknown.size:
            raise ValueError(f"y holds {unknown}, which are none of the classes {self.classes_}")
        numbers: Array = np.searchsorted(self.classes_, y)
        return numbers

    def _multilabel(self) -> bool:
        return bool(self._binarizer.y_type_.startswith("multilabel"))

    def _loss(self) -> Callable[[Any, Any], Any]:
        known = nn.BCEWithLogitsLoss if self._multilabel() else nn.CrossEntropyLoss
        return settings.criterion(self.loss, {"log_loss": known})

    def _weights(self, y: Any, sample_weight: Any) -> Array | None:
        weights = super()._weights(y, sample_weight)
        if self.class_weight is None:
            return weights
        factors: Array = compute_sample_weight(self.class_weight, y)
        return factors if weights is None else weights * factors

    def _strata(self, targets: Array) -> Array | None:
        return None if self._multilabel() else targets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
