"""The case that is examined: model, loss and data, and what every check asks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...autograd import Recording, Tensor, get_default_dtype, no_grad, record, tensor
from ...autograd.record import Entry
from ...nn.functional.activated import parts
from ..evaluation import mode
from .keeping import Keeper

Array = np.ndarray[Any, Any]
RECORDED = 128  # examples that are enough to look at every value of
MOVING = frozenset(("reshape", "squeeze", "getitem", "pick", "permute_dims", "swapaxes", "matrix_transpose"))
ROWS, BATCHES = 2000, 200  # how much of a loader is looked at


@dataclass
class Run:
    """One forward and backward pass, with everything that was computed."""

    recording: Recording
    output: Any
    loss: Any
    input: Any
    target: Any
    gradients: dict[str, Array | None] = field(default_factory=dict)
    """Of the parameters, by name; None where none came."""
    names: dict[Entry, str] = field(default_factory=dict)
    """The parameters that were used, frozen ones too, and what they are called."""


@dataclass
class Case:
    """What `preflight` was given; nothing in it is changed outside of `trial`."""

    model: Any
    loss: Callable[[Any, Any], Any]
    input: Any
    target: Any
    optimizer: Any
    loader: Any
    validation: Any
    regulariser: Callable[..., Any] | None
    step: Callable[..., Any] | None
    evaluate: Callable[..., Any] | None
    seed: int
    steps: int
    keeper: Keeper
    kind: Any = None
    """What the loss turned out to be, a `losses.Kind`; None as long as it is not known."""
    _run: Run | None = None

    @contextmanager
    def trial(self, training: bool = True) -> Iterator[None]:
        """Do anything with the model in this mode; everything is put back afterwards."""
        with self.keeper.trial(), mode(self.model, training):
            yield

    def rng(self) -> np.random.Generator:
        """A generator for a check's own choices; the same in every run."""
        return np.random.default_rng(self.seed)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters by name."""
        return dict(self.model.named_parameters())

    @property
    def trainable(self) -> list[Any]:
        """The parameters that are not frozen."""
        return [parameter for parameter in self.parameters.values() if parameter.requires_grad]

    @cached_property
    def size(self) -> int | None:
        """How many examples the batch has; None if input and target do not agree about it."""
        lengths = {len(part) for part in (*arrays_in(self.input), *arrays_in(self.target)) if part.ndim}
        return lengths.pop() if len(lengths) == 1 else None

    def rows(self, chosen: Any) -> tuple[Any, Any]:
        """Some examples of the batch, by index; all of them if the batch cannot be taken apart."""
        if self.size is None:
            return self.input, self.target
        return rows_of(self.input, chosen), rows_of(self.target, chosen)

    def value(self, input: Any, target: Any) -> Any:
        """The loss of the model."""
        return self.loss(self.model(input), target)

    @cached_property
    def output(self) -> Any:
        """What the model gives for the batch, in training."""
        with self.trial(), no_grad():
            return self.model(self.input)

    @cached_property
    def scores(self) -> Array | None:
        """The output as an array; None if it is not one floating tensor."""
        if not isinstance(self.output, Tensor) or self.output.dtype.kind != "f":
            return None
        return np.array(self.output.detach().numpy())

    @property
    def run(self) -> Run:
        """One forward and backward pass in training, recorded."""
        if self._run is None:  # functools.cached_property would be taken for the user's line
            self._run = self._recorded()
        return self._run

    def _recorded(self) -> Run:
        few = np.arange(min(self.size or 0, RECORDED))
        input, target = self.rows(few)
        with self.trial(), record() as recording:
            output = self.model(input)
            value = self.loss(output, target)
            value.backward()
            found = {
                name: None if p.grad is None else np.array(p.grad.detach().numpy())
                for name, p in self.parameters.items()
            }
        names = {}
        for name, p in self.parameters.items():
            with suppress(KeyError):  # it was not used
                names[recording.find(p)] = name
        return Run(recording, output, value, input, target, found, names)

    @cached_property
    def last_operation(self) -> str:
        """The operation that gave the output, behind changes of shape; empty if there is none."""
        with self.trial(), record() as recording:
            output = self.model(self.input)
        try:
            entry = recording.find(output)
        except KeyError:
            return ""
        while entry.operation is not None and entry.operation.name in MOVING:
            entry = entry.inputs[0]
        return "" if entry.operation is None else parts(entry.operation.name)[1]

    @cached_property
    def inputs_seen(self) -> Array | None:
        """The inputs of the batch and of some batches of the loader, row by row; None if they are no single array."""
        return _joined([self.input, *(input for input, _ in self.batches)])

    @cached_property
    def targets_seen(self) -> Array | None:
        """The targets that belong to `inputs_seen`."""
        return _joined([self.target, *(target for _, target in self.batches)])

    @cached_property
    def batches(self) -> list[tuple[Any, Any]]:
        """Some batches of the loader's first epoch."""
        return self.epoch_of(self.loader)

    @property
    def iterates_anew(self) -> bool:
        """Whether the loader can be looked at without using it up."""
        return self.loader is not None and iter_is_new(self.loader)

    def epoch_of(self, loader: Any, most: int = BATCHES) -> list[tuple[Any, Any]]:
        """Some batches of one epoch of a loader, or the batch itself if it is given as a pair."""
        if loader is None or not iter_is_new(loader):
            return []
        with self.keeper.trial():
            return list(first_batches(loader, most))

    def trained(self, optimizer: Any, steps: int, input: Any, target: Any) -> list[float]:
        """Train inside a trial; the loss before each step and after the last, and inf once it is not finite."""
        losses: list[float] = []

        def closure() -> Any:
            optimizer.zero_grad()
            value = self.value(input, target)
            seen.append(float(value.item()))
            value.backward()
            return value

        for _ in range(steps):
            seen: list[float] = []
            with np.errstate(all="ignore"):
                optimizer.step(closure)
            losses.append(seen[0])
            if not np.isfinite(losses[-1]):
                return [*losses[:-1], float("inf")]
        with no_grad(), np.errstate(all="ignore"):
            last = float(self.value(input, target).item())
        return [*losses, last if np.isfinite(last) else float("inf")]


def arrays_in(value: Any) -> Iterator[Array]:
    """The arrays in a tensor, an array, or a container of them."""
    if isinstance(value, Tensor):
        yield value.detach().numpy()
    elif isinstance(value, (np.ndarray, np.generic)):
        yield np.asarray(value)
    elif isinstance(value, dict):
        for entry in value.values():
            yield from arrays_in(entry)
    elif isinstance(value, (tuple, list)):
        for entry in value:
            yield from arrays_in(entry)


def rows_of(value: Any, chosen: Any) -> Any:
    """Some rows of every array in a value."""
    if isinstance(value, (Tensor, np.ndarray)):
        return value[chosen] if value.ndim else value
    if isinstance(value, dict):
        return {name: rows_of(entry, chosen) for name, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(rows_of(entry, chosen) for entry in value)
    return value


def prepared(value: Any, dtype: Any = None) -> Any:
    """Arrays and lists of numbers as tensors, as a loader gives them: floating ones of the default dtype or of this."""
    if isinstance(value, (np.ndarray, np.generic)):
        wanted = dtype or get_default_dtype()
        return tensor(value, dtype=wanted) if value.dtype.kind == "f" else tensor(value)
    if isinstance(value, list) and value and _is_of_numbers(value):
        return prepared(np.asarray(value), dtype)
    if isinstance(value, dict):
        return {name: prepared(entry, dtype) for name, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(prepared(entry, dtype) for entry in value)
    return value


def _is_of_numbers(value: Any) -> bool:
    """Whether it is a number, or nested lists of numbers."""
    if isinstance(value, list):
        return bool(value) and all(map(_is_of_numbers, value))
    return isinstance(value, (bool, int, float))


def first_batches(loader: Iterable[Any], most: int) -> Iterator[tuple[Any, Any]]:
    """The first pairs that a loader gives, up to a number of batches and of rows; the iteration is closed then."""
    rows = 0
    batches = iter(loader)
    try:
        for _ in range(most):
            try:
                batch = next(batches)
            except StopIteration:
                return
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                return
            yield batch[0], batch[1]
            rows += max((len(part) for part in arrays_in(batch[1]) if part.ndim), default=1)
            if rows >= ROWS:
                return
    finally:
        close = getattr(batches, "close", None)
        if callable(close):
            close()


def iter_is_new(loader: Any) -> bool:
    """Whether each iteration starts anew; a generator would be used up."""
    return hasattr(loader, "__iter__") and not hasattr(loader, "__next__")


def _joined(values: list[Any]) -> Array | None:
    parts = [list(arrays_in(value)) for value in values]
    if any(len(part) != 1 or not part[0].ndim for part in parts):
        return None
    found = [part[0] for part in parts]
    if len({(part.shape[1:], part.dtype) for part in found}) != 1:
        return None
    return np.concatenate(found[1:] if len(found) > 1 else found)


def without_dropout(case: Case) -> None:
    """Switch off what drops at random, inside a trial: some checks are made without regularisation."""
    for module in case.model.modules():
        if "Drop" in type(module).__name__ or type(module).__name__ == "StochasticDepth":
            module.training = False


def short(number: float) -> str:
    """A number in three digits."""
    return f"{number:.3g}"
