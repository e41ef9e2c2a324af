"""PullbackRegressor: a network as a regressor of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d, validate_data

from ... import nn
from . import settings
from .base import Estimator
from .rows import Array

LOSSES: dict[str, Callable[[], Any]] = {
    "squared_error": nn.MSELoss,
    "absolute_error": nn.L1Loss,
    "huber": nn.HuberLoss,
}


class PullbackRegressor(MultiOutputMixin, RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network that learns numbers, one or several for each row, with scikit-learn's methods.

    Bring rows and targets to the order of 1, as for any network: in a `Pipeline` with a `StandardScaler`, within a
    `TransformedTargetRegressor`. The network computes in the dtype of the rows: float32 for float32, else float64.

    Args:
        hidden_layer_sizes: the widths of the hidden layers of a perceptron.
        activation: between its layers: "relu", "tanh", "logistic", "identity", "elu", "gelu", "leaky_relu", "silu", or
            what makes a module when it is called.
        module: another network: a function of (n_features, n_outputs) that makes a new `nn.Module`, such as
            `nn.Linear`.
        loss: "squared_error", "absolute_error", "huber"; or a function of (output, target), both of shape
            (N, n_outputs), such as `nn.SmoothL1Loss(beta=0.1)`.
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
        validation_fraction: the size of that part.
        warm_start: let `fit` go on from the parameters of the last one.
        verbose: report every epoch on standard error.

    Attributes:
        module_: the network.
        optimizer_: the optimiser.
        history_: what each epoch gave, a `train.History`.
        loss_curve_: the loss of each epoch; `loss_` is the last of them.
        best_loss_: the least loss of the last fit, on the part that was put aside if there was one.
        validation_loss_curve_: the loss on that part after each epoch of the last fit.
        n_iter_: the number of epochs.
        n_features_in_, feature_names_in_: the columns of the rows.
        n_outputs_: the number of targets for each row.

    >>> import numpy as np
    >>> from pullback import train
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> y = np.sin(3 * X[:, 0])
    >>> regressor = train.PullbackRegressor(activation="tanh", lr=0.01, random_state=0).fit(X, y)
    >>> bool(regressor.score(X, y) > 0.98)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        module: Callable[[int, int], nn.Module] | None = None,
        loss: Any = "squared_error",
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
        self.verbose = verbose

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through these rows once, from where the last call ended, with the optimiser of the first.

        Args:
            X: samples as rows.
            y: their targets.
            sample_weight: as for `fit`.

        Returns:
            This estimator.

        Raises:
            ValueError: for another number of targets than before, and with `early_stopping`.
        """
        settings.check_incremental(self)
        fresh = not hasattr(self, "module_")
        self._train(X, y, sample_weight, lambda y: self._learn(y, fresh), fresh, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The number, or the numbers, for each row.

        Args:
            X: samples as rows.

        Returns:
            An array of the shape that the targets had.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=[np.float64, np.float32],
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _learn(self, y: Array, fresh: bool) -> Array:
        targets = y.reshape(len(y), -1).astype(np.float64, copy=False)
        if fresh:
            self.n_outputs_ = targets.shape[1]
            self._flat = y.ndim == 1
        elif targets.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {targets.shape[1]} targets for each row, and the network was made for {self.n_outputs_}"
            )
        return targets

    def _loss(self) -> Callable[[Any, Any], Any]:
        return settings.criterion(self.loss, LOSSES)
