"""Optimizer: parameter groups with their options, state per parameter, and saving both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor, enable_grad, zeros_like
from ..autograd.extend import writable

Array = np.ndarray[Any, Any]
State = dict[str, Any]

SCHEDULED = "initial_lr"
"""What a scheduler adds to a group: the rate that its schedule starts from. A state may have it or not."""


class Optimizer:
    """What the optimisers share; a rule is a subclass with `update` and `check`.

    `param_groups` is a list of dicts: `"params"` holds a list of tensors, the other entries are the options
    of that group, which may be changed at any time (`optimizer.param_groups[0]["lr"] = 0.01`). `state` holds,
    for each parameter that has been updated, a dict of arrays and numbers; an update puts new arrays there
    and never writes into old ones, so what `state_dict()` has given stays as it was.

    Args:
        params: an iterable of leaf tensors, or of dicts with such an iterable under `"params"` and options of
            that group. Frozen ones (that do not require gradients) are left alone as long as they are.
        defaults: the options of groups that do not give their own.

    Raises:
        TypeError: for a single tensor, for what is no tensor, and for an unknown option.
        ValueError: for no parameters, a parameter given twice, one that was computed, and for options out of
            range.
    """

    shapes_like_parameter: ClassVar[tuple[str, ...]] = ()
    """The entries of a parameter's state that are arrays of its shape and dtype."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.state: dict[Tensor, State] = {}
        self.param_groups: list[dict[str, Any]] = []
        self.check(self.defaults)
        for group in _as_groups(params):
            self.add_param_group(group)

    # what a rule writes

    def update(
        self, parameter: Array, gradient: Array, state: State, options: Mapping[str, Any]
    ) -> tuple[Array, State]:
        """The new value and the new state of one parameter; changes none of its arguments."""
        raise NotImplementedError(
            f"{type(self).__name__} has no update: write the rule of one parameter there"
        )

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range."""

    # what a user calls

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient and is not frozen.

        Args:
            closure: computes the loss anew, with its gradients; called once, before the update.

        Returns:
            What the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None or not parameter.requires_grad:
                    continue
                target = writable(parameter)
                gradient = parameter.grad.numpy()
                target[...], self.state[parameter] = self.update(
                    target, gradient, self.state.get(parameter, {}), group
                )
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; `set_to_none=False` makes those that exist zero."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    parameter.grad = zeros_like(parameter)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, for example layers that are trained from now on.

        Args:
            param_group: `{"params": iterable of tensors or a tensor, ...options}`.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(
                "a parameter group is a dict such as {'params': [...], 'lr': 0.1}, "
                f"not {_shown(param_group)}"
            )
        given = {name: value for name, value in param_group.items() if name != "params"}
        for name in given:
            if name not in self.defaults and name != SCHEDULED:
                raise TypeError(
                    f"{type(self).__name__} has no option {name!r}; "
                    f"it has {', '.join(map(repr, self.defaults))}"
                )
        options = self.defaults | given
        self.check(options)
        params = param_group["params"]
        tensors = [params] if isinstance(params, Tensor) else _as_tensors(params)
        known = {id(parameter) for group in self.param_groups for parameter in group["params"]}
        for i, parameter in enumerate(tensors):
            _check_parameter(parameter, f"parameter {i} of group {len(self.param_groups)}")
            if id(parameter) in known:
                raise ValueError(
                    f"parameter {i} of group {len(self.param_groups)} (shape {parameter.shape}) was given "
                    "before; each parameter is optimised once"
                )
            known.add(id(parameter))
        self.param_groups.append({"params": tensors, **options})

    # saving

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later: options of the groups, and state by the parameter's number.

        Returns:
            `{"state": {0: {...}, ...}, "param_groups": [{..., "params": [0, 1]}, ...]}`, where parameters are
            numbered through the groups in order.
        """
        numbers = {parameter: number for number, parameter in enumerate(self._parameters())}
        groups = [group | {"params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        return {
            "state": {numbers[p]: dict(state) for p, state in self.state.items()},
            "param_groups": groups,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave; the arrays are copied.

        Raises:
            ValueError: when it does not fit these parameters, naming what; nothing is changed then.
        """
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= state_dict.keys():
            raise ValueError("an optimiser's state is a dict with the keys 'state' and 'param_groups'")
        options = self._checked_groups(state_dict["param_groups"])
        state = self._checked_state(state_dict["state"])
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)
        self.state = state

    def _checked_groups(self, groups: Any) -> list[dict[str, Any]]:
        if len(groups) != len(self.param_groups):
            raise ValueError(
                f"the state has {len(groups)} parameter groups, and the optimiser {len(self.param_groups)}"
            )
        first = 0
        result = []
        for number, (group, saved) in enumerate(zip(self.param_groups, groups, strict=True)):
            if saved.keys() - {SCHEDULED} != group.keys() - {SCHEDULED}:
                raise ValueError(
                    f"group {number} of the state has the options {sorted(saved)}, "
                    f"and {type(self).__name__} has {sorted(group)}"
                )
            expected = list(range(first, first + len(group["params"])))
            if list(saved["params"]) != expected:
                raise ValueError(
                    f"group {number} of the state is of the parameters {list(saved['params'])}, and the "
                    f"optimiser's is of {expected}; the same groups in the same order are needed"
                )
            first += len(expected)
            options = {name: value for name, value in saved.items() if name != "params"}
            self.check(options)
            result.append(options)
        return result

    def _checked_state(self, saved: Mapping[int, Mapping[str, Any]]) -> dict[Tensor, State]:
        parameters = list(self._parameters())
        result: dict[Tensor, State] = {}
        for number, entries in saved.items():
            if number not in range(len(parameters)):
                raise ValueError(
                    f"the state has a parameter {number!r}, and the optimiser {len(parameters)} in all"
                )
            parameter = parameters[number]
            result[parameter] = state = dict(entries)
            for name in self.shapes_like_parameter:
                if state.get(name) is None:
                    continue
                array = np.asarray(state[name])
                if array.shape != parameter.shape or array.dtype.kind != parameter.dtype.kind:
                    raise ValueError(
                        f"{name!r} of parameter {number} is {array.dtype}{list(array.shape)} in the state; "
                        f"the parameter is {parameter.dtype}{list(parameter.shape)}"
                    )
                state[name] = array.astype(parameter.dtype)
        return result

    def _parameters(self) -> Iterator[Tensor]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter group {number} ({len(group['params'])} tensors)")
            lines += [f"    {name}: {value}" for name, value in group.items() if name != "params"]
        return "\n".join([*lines, ")"])


def _as_groups(params: Any) -> list[dict[str, Any]]:
    tensors = _as_tensors(params)
    if not tensors:
        raise ValueError("the list of parameters is empty; pass for example model.parameters()")
    if all(isinstance(item, dict) for item in tensors):
        return tensors
    return [{"params": tensors}]


def _as_tensors(params: Any) -> list[Any]:
    unfit = (Tensor, str, bytes, dict, set, frozenset)
    if isinstance(params, unfit) or not isinstance(params, Iterable) or hasattr(params, "parameters"):
        raise TypeError(
            "parameters are given as an iterable of tensors in a fixed order, such as model.parameters() or "
            f"[w, b], not as {_shown(params)}"
        )
    return list(params)


def _check_parameter(parameter: Any, where: str) -> None:
    if not isinstance(parameter, Tensor):
        raise TypeError(f"{where} is {_shown(parameter)}; an optimiser changes Tensors only")
    if not parameter.is_leaf:
        raise ValueError(
            f"{where} was computed from other tensors, so it cannot be optimised; "
            "give the leaves that it was made of"
        )


def _shown(value: Any) -> str:
    return "a single Tensor" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def require(condition: bool, option: str, value: object, law: str) -> None:
    """Raise ValueError for an option out of its range."""
    if not condition:
        raise ValueError(f"{option} must be {law}, not {value!r}")
