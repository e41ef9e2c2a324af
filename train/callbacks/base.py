"""Callback: what is called at the turns of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from ..trainer import Trainer


class Callback:
    """What is called at the turns of a training: derive from it, and write the methods that you need.

    Each gets the trainer, which says where the training stands (`trainer.epoch`, `trainer.batch`,
    `trainer.updates`, `trainer.loss_value`, `trainer.history`), holds what is trained (`trainer.model`,
    `trainer.optimizer`) and ends it (`trainer.stop(reason)`). Callbacks are called in the order in which they were
    given. One with a memory also writes `state_dict` and `load_state_dict`, so that checkpoints keep it.

    >>> import numpy as np
    >>> from pullback import data, nn, optim, train
    >>> class StopWhenGood(train.Callback):
    ...     def on_epoch_end(self, trainer):
    ...         if trainer.history[-1].loss < 0.1:
    ...             trainer.stop("good enough")
    >>> x = np.linspace(-1, 1, 32).reshape(32, 1)
    >>> loader = data.DataLoader(data.TensorDataset(x, 2 * x), batch_size=8)
    >>> model = nn.Linear(1, 1, rng=np.random.default_rng(0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.5)
    >>> history = train.fit(
    ...     model, nn.MSELoss(), optimizer, loader, epochs=100, callbacks=[StopWhenGood()], progress=False
    ... )
    >>> len(history) < 100, history.stopped
    (True, 'good enough')
    """

    last: ClassVar[bool] = False
    """Whether it is called after the others, because it saves what they remember."""

    def on_train_begin(self, trainer: Trainer) -> None:
        """Called before the first epoch, and when a training goes on from a checkpoint."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Called before the first batch of an epoch; not when one goes on in its middle."""

    def on_batch_begin(self, trainer: Trainer) -> None:
        """Called before a batch is computed; `trainer.input` and `trainer.target` hold it."""

    def on_gradients(self, trainer: Trainer) -> None:
        """Called when the gradients of an update are complete, before the optimiser's step."""

    def on_batch_end(self, trainer: Trainer) -> None:
        """Called after a batch, and after the update if the batch ends one (`trainer.updated`)."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Called after an epoch and its validation; `trainer.history[-1]` holds its scores."""

    def on_train_end(self, trainer: Trainer) -> None:
        """Called after the last epoch, or when the training was stopped; not after an error."""

    def on_error(self, trainer: Trainer, error: BaseException) -> None:
        """Called when an error ends the training, to clean up; the error is raised afterwards."""

    def state_dict(self) -> dict[str, Any]:
        """What the callback must remember to go on as if nothing had happened."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave."""
