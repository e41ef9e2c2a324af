"""Transformer: fit, transform and back, and a state to be saved; what all preprocessing shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ...autograd import Tensor, asarray, get_default_dtype
from ..description import Described

Array = np.ndarray[Any, Any]
State = dict[str, Array]


class Transformer(Described):
    """Something that learns statistics from samples, and transforms samples with them and back.

    Samples are a Tensor or an array of shape (N, ...). What comes out is of the same kind, and of the same dtype if
    that is a floating one, else of the default dtype. Statistics are computed and kept in float64, and so is the
    arithmetic with them, whatever the dtype of the samples. A Tensor's gradient passes through `transform` and
    `inverse_transform`.

    Derive from it with `names`, the names of the statistics, and the methods `_learned`, `_checked`, `_forward` and
    `_backward`.
    """

    names: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._state: State | None = None

    @property
    def fitted(self) -> bool:
        """Whether there are statistics, by `fit`, `partial_fit` or `load_state_dict`."""
        return self._state is not None

    def fit(self, x: Any) -> Self:
        """Learn the statistics of samples, instead of those that were known.

        Args:
            x: the samples, of shape (N, ...).

        Raises:
            ValueError: for no samples, values that are not finite, and a shape that does not fit.
            TypeError: for values that are no real numbers.
        """
        state = self._learned(None, samples(x, type(self).__name__))
        if state is None:
            raise ValueError(
                f"{type(self).__name__} learns nothing from no samples: x has shape {np.shape(x)}"
            )
        self._state = self._trimmed(state)
        return self

    def partial_fit(self, x: Any) -> Self:
        """Take one more batch into the statistics; after all batches they are those of all samples at once.

        An empty batch changes nothing.

        Raises:
            ValueError: for values that are not finite, and other features than before; nothing is changed then.
            TypeError: for values that are no real numbers.
        """
        self._state = self._learned(self._state, samples(x, type(self).__name__))
        return self

    def transform(self, x: Any) -> Any:
        """The samples, transformed with the statistics.

        Raises:
            RuntimeError: before `fit`.
            ValueError: for other features than those that were fitted.
        """
        return self._through(self._forward, x)

    def fit_transform(self, x: Any) -> Any:
        """Learn the statistics of samples and transform them."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x: Any) -> Any:
        """The way back: samples as they were before `transform`.

        Raises:
            RuntimeError: before `fit`.
            ValueError: for other features than `transform` gives.
        """
        return self._through(self._backward, x)

    __call__ = transform

    def state_dict(self) -> dict[str, Tensor]:
        """The statistics by name, to be saved by `pullback.save`; options such as `epsilon` are not among them.

        Raises:
            RuntimeError: before `fit`.
        """
        return {name: asarray(value.copy()) for name, value in self._statistics().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` of a transformer with the same options gave.

        Raises:
            ValueError: for names and shapes that do not fit; nothing is changed then.
        """
        self._take(self._parsed(state_dict))

    def _parsed(self, state_dict: Mapping[str, Any]) -> Any:
        if set(state_dict) != set(self.names):
            raise ValueError(
                f"the state of {type(self).__name__} has the names {', '.join(self.names)}, and this one has "
                f"{', '.join(map(str, state_dict)) or 'none'}"
            )
        state = {}
        for name in self.names:
            value = np.array(plain(state_dict[name]))
            state[name] = value if value.dtype.kind in "iu" else value.astype(np.float64)
        self._checked(state)
        return state

    def _current(self) -> Any:
        return self._state

    def _take(self, state: Any) -> None:
        self._state = state

    # what each kind of transformer says

    def _learned(self, state: State | None, x: Array) -> State | None:
        """The statistics with these samples taken in, or of them alone for None; x is float64, and may be changed."""
        raise NotImplementedError

    def _trimmed(self, state: State) -> State:
        """What `fit` keeps of the statistics."""
        return state

    def _checked(self, state: State) -> None:
        """Raise ValueError for a loaded state that does not fit to the options or in itself."""
        raise NotImplementedError

    def _forward(self, x: Any, state: State) -> Any:
        """The transformation of a float64 Tensor."""
        raise NotImplementedError

    def _backward(self, x: Any, state: State) -> Any:
        """The way back for a float64 Tensor."""
        raise NotImplementedError

    # shared

    def _statistics(self) -> Any:
        if self._state is None:
            raise RuntimeError(
                f"this {type(self).__name__} has no statistics yet: call fit(x) with the training data, or "
                "load_state_dict"
            )
        return self._state

    def _statistic(self, name: str) -> Array:
        return np.array(self._statistics()[name])

    def _through(self, function: Any, x: Any) -> Any:
        state = self._statistics()
        values = x if isinstance(x, Tensor) else asarray(np.asarray(x))
        require_samples(values, type(self).__name__)
        dtype = values.dtype if values.dtype.kind == "f" else get_default_dtype()
        result = function(values.astype(np.float64), state).astype(dtype)
        return result if isinstance(x, Tensor) else result.numpy()

    def _refuse(self, found: tuple[int, ...], expected: str) -> ValueError:
        return ValueError(
            f"{type(self).__name__} takes samples of shape {expected}, as it was fitted, and these have shape {found}"
        )


def plain(x: Any) -> Array:
    """The values as an array."""
    return x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)


def require_samples(x: Any, name: str) -> None:
    """Refuse what is no real numbers with a batch axis."""
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{name} takes real numbers, not {x.dtype}")
    if x.ndim == 0:
        raise ValueError(f"{name} takes samples of shape (N, ...), not a single number")


def samples(x: Any, name: str) -> Array:
    """Samples as finite float64 values."""
    array = plain(x)
    require_samples(array, name)
    values: Array = array.astype(np.float64)
    if not np.isfinite(values).all():
        where = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
        raise ValueError(
            f"the samples hold values that are not finite, first x{list(where)} = {values[where]}; {name} cannot "
            "learn from them, so leave those samples out or fill them in"
        )
    return values
