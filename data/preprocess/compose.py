"""Compose: transformers one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from ...autograd import Tensor
from .transformer import Array, Transformer, samples


class Compose(Transformer):
    """Transformers one after the other; each is fitted to what those before it give.

    The way back runs through them from the last to the first. There is no `partial_fit`, since the later ones would
    learn from what the unfinished earlier ones give.

    Args:
        steps: the transformers, in order.

    State: those of the steps, under names that start with their number, such as `0.mean`.

    Raises:
        TypeError: for a step that is no transformer.

    >>> import numpy as np
    >>> from pullback.data import preprocess
    >>> x = np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 10.0, 100.0]
    >>> pipeline = preprocess.Compose([preprocess.Standardize(), preprocess.PCA(2)])
    >>> pipeline.fit_transform(x).shape
    (40, 2)
    >>> sorted(pipeline.state_dict())[:3]
    ['0.count', '0.m2', '0.mean']
    """

    def __init__(self, steps: Sequence[Any]) -> None:
        super().__init__()
        self.steps = list(steps)
        for step in self.steps:
            if not isinstance(step, Transformer):
                raise TypeError(
                    f"the steps are transformers such as Standardize(), not a {type(step).__name__}; derive your own "
                    "from preprocess.Transformer"
                )

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Any:
        return self.steps[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.steps)

    @property
    def fitted(self) -> bool:
        """Whether all steps are."""
        return all(step.fitted for step in self.steps)

    def fit(self, x: Any) -> Self:
        """Fit each step to what those before it give; see `Transformer.fit`. If one refuses, none is changed."""
        before = self._current()
        values = samples(x, type(self).__name__)
        try:
            self._fit_steps(values)
        except BaseException:
            self._take(before)
            raise
        return self

    def _fit_steps(self, values: Array) -> None:
        for step in self.steps:
            values = step.fit_transform(values)

    def partial_fit(self, x: Any) -> Self:
        """There is none for several steps.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "a later step would learn from what the unfinished earlier ones give; fit the first step with "
            "partial_fit on all batches, then the next one on what it gives, and put them together afterwards"
        )

    def state_dict(self) -> dict[str, Tensor]:
        """The statistics of all steps.

        Raises:
            RuntimeError: before `fit`.
        """
        return {
            f"{number}.{name}": value
            for number, step in enumerate(self.steps)
            for name, value in step.state_dict().items()
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` of the same steps gave.

        Raises:
            ValueError: for names and shapes that do not fit; nothing is changed then.
        """
        self._take(self._parsed(state_dict))

    def _parsed(self, state_dict: Mapping[str, Any]) -> Any:
        parts: list[dict[str, Any]] = [{} for _ in self.steps]
        for name, value in state_dict.items():
            number, _, rest = name.partition(".")
            if not (number.isdecimal() and int(number) < len(parts) and rest):
                raise ValueError(f"the state has the name {name!r}, and there are {len(parts)} steps")
            parts[int(number)][rest] = value
        return [step._parsed(part) for step, part in zip(self.steps, parts, strict=True)]

    def _statistics(self) -> Any:
        return [step._statistics() for step in self.steps]

    def _forward(self, x: Any, state: Any) -> Any:
        for step, own in zip(self.steps, state, strict=True):
            x = step._forward(x, own)
        return x

    def _backward(self, x: Any, state: Any) -> Any:
        for step, own in zip(reversed(self.steps), reversed(state), strict=True):
            x = step._backward(x, own)
        return x

    def _current(self) -> Any:
        return [step._current() for step in self.steps]

    def _take(self, states: Any) -> None:
        for step, state in zip(self.steps, states, strict=True):
            step._take(state)
