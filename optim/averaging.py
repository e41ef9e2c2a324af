"""Averages of a model's parameters along a training: equal (Polyak, SWA) or exponential, and their batch statistics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..autograd import Tensor, no_grad, tensor
from ..autograd.extend import writable, writable_arrays
from .checks import require

AverageOne = Callable[[Tensor, Tensor, int], Any]
AverageAll = Callable[[list[Tensor], list[Tensor], int], None]


def get_ema_avg_fn(decay: float = 0.999) -> AverageOne:
    """The exponential average: decay·average + (1 − decay)·parameter, for `AveragedModel(avg_fn=...)`.

    Args:
        decay: the share of the average that is kept at each update, in [0, 1]; 1/(1 − decay) is about the
            number of updates that it looks back.

    Raises:
        ValueError: for a decay out of range.
    """
    require(0 <= decay <= 1, "decay", decay, "in [0, 1]")
    return partial(_ema, decay)


def get_swa_avg_fn() -> AverageOne:
    """The mean of all parameters so far: average + (parameter − average)/(count + 1)."""
    return _mean


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageAll:
    """`get_ema_avg_fn` for a list of parameters, in place, for `AveragedModel(multi_avg_fn=...)`."""
    require(0 <= decay <= 1, "decay", decay, "in [0, 1]")
    return partial(_ema_of_all, decay)


def get_swa_multi_avg_fn() -> AverageAll:
    """`get_swa_avg_fn` for a list of parameters, in place."""
    return _mean_of_all


def _ema(decay: float, average: Any, parameter: Any, count: int) -> Any:
    return decay * average + (1 - decay) * parameter


def _mean(average: Any, parameter: Any, count: int) -> Any:
    return average + (parameter - average) / (count + 1)


def _ema_of_all(decay: float, averages: list[Tensor], parameters: list[Tensor], count: int) -> None:
    for mine, theirs in _arrays(averages, parameters):
        mine *= decay
        mine += (1 - decay) * theirs


def _mean_of_all(averages: list[Tensor], parameters: list[Tensor], count: int) -> None:
    for mine, theirs in _arrays(averages, parameters):
        mine += (theirs - mine) / (count + 1)


def _one_by_one(average: AverageOne, averages: list[Tensor], parameters: list[Tensor], count: int) -> None:
    for mine, theirs in zip(averages, parameters, strict=True):
        new = average(mine, theirs, count)
        writable(mine)[...] = new.detach().numpy() if isinstance(new, Tensor) else np.asarray(new)


def _arrays(
    averages: list[Tensor], parameters: list[Tensor]
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """The arrays of the averages, to be written, and those of the parameters."""
    return zip(writable_arrays(averages), (one.detach().numpy() for one in parameters), strict=True)


class AveragedModel:
    """A copy of a model whose parameters are averages over those that the model has had.

    By default it is their mean: Polyak's average, or stochastic weight averaging where it is updated once per
    epoch of a training with a high constant rate (Polyak and Juditsky, 1992; Izmailov et al., "Averaging weights
    leads to wider optima and better generalization", UAI 2018, https://arxiv.org/abs/1803.05407). With
    `multi_avg_fn=get_ema_multi_avg_fn(0.999)` it is an exponential average. The first update copies.

    It is called, moved between training and evaluation, saved and loaded like the model; `module` is the copy
    itself. Batch statistics do not belong to averaged parameters: compute them anew with `update_bn`.

    Args:
        model: the model to copy; it is left as it is.
        device: PyTorch's; there is one device here, the "cpu".
        avg_fn: gives the new average of a parameter, from (average, parameter, number of updates so far).
        multi_avg_fn: changes a list of averages in place, from (averages, parameters, number of updates so far).
        use_buffers: average the floating buffers too, instead of copying them.

    Raises:
        ValueError: for both functions at once, and for another device.

    >>> import pullback as pb
    >>> from pullback import nn, optim
    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = optim.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = model.load_state_dict({"weight": pb.tensor([[value]])})
    ...     averaged.update_parameters(model)
    >>> averaged(pb.tensor([10.0])).item(), averaged.n_averaged
    (30.0, 3)
    """

    def __init__(
        self,
        model: Any,
        device: str | None = None,
        avg_fn: AverageOne | None = None,
        multi_avg_fn: AverageAll | None = None,
        use_buffers: bool = False,
    ) -> None:
        _check_device(device)
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("give avg_fn, for one parameter, or multi_avg_fn, for all of them; not both")
        self.module = copy.deepcopy(model)
        self.n_averaged = 0
        self.use_buffers = use_buffers
        self._average = multi_avg_fn or (partial(_one_by_one, avg_fn) if avg_fn else _mean_of_all)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the model with the averaged parameters gives."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Any) -> None:
        """Take the model's present parameters into the averages; after `optimizer.step()`, or once per epoch.

        Raises:
            ValueError: for a model with other parameters; nothing is changed then.
        """
        parameters = self._pairs("parameter", self.module.named_parameters(), model.named_parameters())
        buffers = self._pairs("buffer", self.module.named_buffers(), model.named_buffers())
        averaged = list(parameters)
        copied: list[tuple[Tensor, Tensor]] = []
        for pair in buffers:
            floating = pair[0].dtype.kind in "fc"
            (averaged if self.use_buffers and floating else copied).append(pair)
        if self.n_averaged == 0:
            copied += averaged
        elif averaged:
            with no_grad():
                averages, present = zip(*averaged, strict=True)
                self._average([a.detach() for a in averages], [p.detach() for p in present], self.n_averaged)
        for mine, theirs in copied:
            writable(mine)[...] = theirs.detach().numpy()
        self.n_averaged += 1

    @staticmethod
    def _pairs(
        kind: str, mine: Iterator[tuple[str, Tensor]], theirs: Iterator[tuple[str, Tensor]]
    ) -> list[tuple[Tensor, Tensor]]:
        own, other = dict(mine), dict(theirs)
        if own.keys() != other.keys():
            odd = sorted(own.keys() ^ other.keys())
            raise ValueError(f"the averages are of another model: only one of them has the {kind} {odd[0]!r}")
        for name in own:
            if own[name].shape != other[name].shape:
                raise ValueError(
                    f"the average of {name!r} has shape {own[name].shape}, and the model's {kind} {other[name].shape}"
                )
        return [(own[name], other[name]) for name in own]

    # the model's face

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """The averages."""
        return iter(self.module.parameters(recurse))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """The averages, with their paths."""
        return ((f"module.{name}", parameter) for name, parameter in self.module.named_parameters())

    def modules(self) -> Iterator[Any]:
        """The modules of the copy."""
        return iter(self.module.modules())

    @property
    def training(self) -> bool:
        """Whether the copy is in training mode."""
        return bool(self.module.training)

    def train(self, mode: bool = True) -> AveragedModel:
        """Put the copy into training mode, or into evaluation mode."""
        self.module.train(mode)
        return self

    def eval(self) -> AveragedModel:
        """Put the copy into evaluation mode."""
        return self.train(False)

    def state_dict(self) -> dict[str, Tensor]:
        """The number of updates under `n_averaged`, and the state of the copy under names that start with `module.`."""
        return {
            "n_averaged": tensor(self.n_averaged),
            **{f"module.{name}": value for name, value in self.module.state_dict().items()},
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave.

        Raises:
            RuntimeError: for names and shapes that do not fit; nothing is changed then.
            ValueError: for a state without `n_averaged`, or with names that do not start with `module.`.
        """
        state = dict(state_dict)
        if "n_averaged" not in state:
            raise ValueError("the state of an AveragedModel has its number of updates under 'n_averaged'")
        count = int(state.pop("n_averaged"))
        odd = [name for name in state if not name.startswith("module.")]
        if odd:
            raise ValueError(
                f"the names in the state of an AveragedModel start with 'module.', and not {odd[0]!r}"
            )
        self.module.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
        self.n_averaged = count

    def __repr__(self) -> str:
        return f"AveragedModel(n_averaged={self.n_averaged}, module={self.module!r})"


def update_bn(loader: Iterable[Any], model: Any, device: str | None = None) -> None:
    """Compute the running statistics of all batch normalisations anew, as means over the batches of a loader.

    Averaged parameters give other activations than any model that was trained, so the statistics of the
    training are not theirs. Momenta and modes are afterwards what they were.

    Args:
        loader: yields batches: inputs, or tuples and lists that begin with the inputs.
        model: a module or an `AveragedModel`; run in training mode, without gradients.
        device: PyTorch's; there is one device here, the "cpu".

    Raises:
        ValueError: for a loader without batches; nothing is changed then.
    """
    _check_device(device)
    norms = [module for module in model.modules() if _is_batch_norm(module)]
    if not norms:
        return
    modes = [(module, module.training) for module in model.modules()]
    momenta = [norm.momentum for norm in norms]
    fresh = True
    try:
        model.train()
        with no_grad():
            for batch in loader:
                if fresh:
                    for norm in norms:
                        norm.reset_running_stats()
                        norm.momentum = None  # the mean of all batches
                    fresh = False
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for module, mode in modes:
            module.training = mode
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    if fresh:
        raise ValueError("the loader gave no batches, so there are no statistics to be computed")


def _is_batch_norm(module: Any) -> bool:
    """Told by what it has, since this folder knows no modules; instance norms average in another way."""
    has_all = callable(getattr(module, "reset_running_stats", None)) and hasattr(module, "momentum")
    tracked = getattr(module, "num_batches_tracked", None) is not None
    return has_all and tracked and not any("InstanceNorm" in kind.__name__ for kind in type(module).__mro__)


def _check_device(device: str | None) -> None:
    if device is not None and str(device) != "cpu":
        raise ValueError(f"there is one device here, the 'cpu', and not {device!r}")
