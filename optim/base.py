"""Optimizer: parameter groups with their options, state per parameter, and the step."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor, enable_grad, zeros_like
from ..autograd.extend import gradient_arrays, writable, writable_arrays
from .checks import EMPTY, as_groups, as_tensors, is_named, shown
from .packing import Pack, pack
from .program import Array, State
from .saving import checked_groups, checked_state, copied
from .scalars import number

KEPT_OPTIONS = frozenset(
    ("base_momentum", "initial_lr", "max_lr", "max_momentum", "min_lr", "name", "param_names", "swa_lr")
)
"""What a group may hold besides the options of its rule: the notes of schedules, and names."""


def no_update(parameter: Any, gradient: Any, state: State, **options: Any) -> tuple[Any, State]:
    """What stands for the rule of an optimiser that has none."""
    raise NotImplementedError(
        "this optimiser has no update: write the rule of one parameter there, "
        "update(parameter, gradient, state, **options) -> (new parameter, new state)"
    )


class Optimizer:
    """What the optimisers share; a rule is a subclass with `update` and `check`.

    `param_groups` is a list of dicts: `"params"` holds a list of tensors, the other entries are the options
    of that group, which may be changed at any time (`optimizer.param_groups[0]["lr"] = 0.01`). `state` holds,
    for each parameter that has been updated, a dict of arrays and numbers with PyTorch's names.

    Every rule is one pure function, `update(parameter, gradient, state, **options)`, which gives the new parameter
    and the new state. It is made of operations that arrays and Tensors both have, so that one can also differentiate
    through a training loop that calls it; `optim/__init__.py` has an example.

    Args:
        params: an iterable of leaf tensors, or of `(name, tensor)` pairs such as `model.named_parameters()`, or
            of dicts with such an iterable under `"params"` and options of that group. Frozen ones (that do not
            require gradients) are left alone as long as they are.
        defaults: the options of groups that do not give their own.

    Raises:
        TypeError: for a single tensor, for what is no tensor, and for an unknown option.
        ValueError: for no parameters, a parameter given twice, one that was computed or is complex, and for
            options out of range.
    """

    update: ClassVar[Callable[..., tuple[Any, State]]] = staticmethod(no_update)
    """The rule: `update(parameter, gradient, state, **options)` gives the new value and the new state of one
    parameter, and changes none of its arguments. The first step has an empty state."""

    elementwise: ClassVar[bool] = False
    """Whether the rule treats each element on its own, so that parameters may be updated as one long array."""

    shapes_like_parameter: ClassVar[tuple[str, ...]] = ()
    """The entries of a parameter's state that are arrays of its shape and dtype."""

    skip_nonfinite: bool = False
    """Whether a step with a gradient that is not finite is skipped, with a warning, instead of made."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._packs: dict[int, tuple[list[Tensor], list[Pack]]] = {}
        # Of the last step: the norms of its updates and of what they moved, and packs that know theirs.
        self._moved: dict[Tensor, tuple[float, float]] | None = None
        self._stepped: list[Pack] = []
        self.check(self.defaults)
        groups = as_groups(params)
        for group in groups:
            self.add_param_group(group)
        if not any(group["params"] for group in self.param_groups):
            raise ValueError(EMPTY)

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError for options out of range; a rule overrides it."""

    def check_parameter(self, parameter: Tensor, where: str) -> None:
        """Raise an error for a parameter that the rule cannot train; a rule may add to it."""
        if not parameter.is_leaf:
            raise ValueError(
                f"{where} was computed from other tensors, so it cannot be optimised; "
                "give the leaves that it was made of"
            )
        if parameter.dtype.kind != "f":
            raise ValueError(
                f"{where} is {parameter.dtype}, and optimisers change real floating numbers only; a complex "
                "parameter can be given as its real and its imaginary part, which pb.complex puts together"
            )
        if not parameter.detach().numpy().flags.writeable:
            raise ValueError(
                f"{where} has memory that is read-only, so it cannot be optimised; make a tensor of its own: "
                "pb.tensor(data, requires_grad=True)"
            )

    def state_shapes(self, parameter: Tensor) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays in a parameter's state, by name."""
        return dict.fromkeys(self.shapes_like_parameter, parameter.shape)

    def gradients_of(self, parameters: Iterable[Tensor]) -> list[Any]:
        """The parameters' gradients, as arrays that are not written to; None for one that is frozen or has none."""
        return gradient_arrays(parameters)

    def step_alone(self, parameter: Tensor, gradient: Any, options: Mapping[str, Any]) -> None:
        """Update one parameter and its state, for a rule that is not elementwise."""
        target = writable(parameter)
        value, state = self.update(target, gradient, self.state[parameter], **options)
        self.note(parameter, target, value, target)
        target[...], self.state[parameter] = value, state

    def note(self, parameter: Tensor, before: Array, after: Array, whole: Array) -> None:
        """Remember for `update_ratios` how a parameter, or a part of it, moves, and how large the whole is."""
        if self._moved is not None:
            self._moved[parameter] = (
                float(np.linalg.norm((after - before).reshape(-1))),
                float(np.linalg.norm(whole.reshape(-1))),
            )

    # the step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient and is not frozen; the others are left alone.

        Args:
            closure: computes the loss anew, with its gradients; called once, before the update.

        Returns:
            What the closure returned, or None.

        Raises:
            RuntimeError: no parameter has a gradient.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        gradients = [self.gradients_of(group["params"]) for group in self.param_groups]
        self.require_some(gradients)
        if self.skip_nonfinite and self.report_nonfinite(gradients):
            return loss
        self._moved, self._stepped = {}, []
        with np.errstate(all="ignore"):
            for place, (group, of_group) in enumerate(zip(self.param_groups, gradients, strict=True)):
                live = [(p, g) for p, g in zip(group["params"], of_group, strict=True) if g is not None]
                if live:
                    self._step_group(place, group, [p for p, _ in live], [g for _, g in live])
        return loss

    def _step_group(
        self, place: int, group: dict[str, Any], parameters: list[Tensor], gradients: list[Any]
    ) -> None:
        options = {name: number(group[name]) for name in self.defaults}
        if not self.elementwise:
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if parameter.size:
                    self.step_alone(parameter, gradient, options)
            return
        arrays = writable_arrays(parameters)
        states = [self.state[parameter] for parameter in parameters]
        known, packs = self._packs.get(place, ([], []))
        if (
            len(known) != len(parameters)
            or any(a is not b for a, b in zip(known, parameters, strict=True))
            or not all(
                one.is_current([arrays[i] for i in one.positions], [states[i] for i in one.positions])
                for one in packs
            )
        ):
            packs = pack(parameters, arrays, states, self.shapes_like_parameter)
        self._packs[place] = parameters, packs
        self._stepped += packs
        for one in packs:
            one.step(self.update, [gradients[i] for i in one.positions], options)

    def require_some(self, gradients: list[list[Any]]) -> None:
        """Raise RuntimeError if there is no gradient at all."""
        if all(gradient is None for of_group in gradients for gradient in of_group):
            frozen = sum(not parameter.requires_grad for parameter in self._parameters())
            raise RuntimeError(
                "no parameter has a gradient, so there is nothing to step along; call loss.backward() first"
                + (f" ({frozen} of the parameters are frozen: requires_grad is False)" if frozen else "")
            )

    def report_nonfinite(self, gradients: list[list[Any]]) -> bool:
        """Warn of the first gradient that is not finite, if there is one, and say whether."""
        every = [gradient for of_group in gradients for gradient in of_group]
        for place, (parameter, gradient) in enumerate(zip(self._parameters(), every, strict=True)):
            values = getattr(gradient, "values", gradient)  # the rows of a sparse one
            if values is not None and not np.isfinite(values).all():
                count = int(np.size(values) - np.isfinite(values).sum())
                called = f" ({parameter.name!r})" if parameter.name else ""
                warnings.warn(
                    f"the step was skipped and nothing was changed: the gradient of parameter {place}{called}, of "
                    f"shape {parameter.shape}, has {count} elements that are not finite",
                    RuntimeWarning,
                    stacklevel=3,
                )
                return True
        return False

    def update_ratios(self) -> dict[Tensor, float]:
        """How far the last step moved each parameter, relative to its size: ‖update‖ / ‖parameter before‖.

        The notes advise to watch it: about 1e-3 is healthy, much more is a rate too high, much less one too low
        (https://cs231n.github.io/neural-networks-3/#ratio). A parameter that was all zeros has the ratio inf, or nan
        if it did not move.

        Returns:
            The ratio by parameter, for those that the last step has updated.

        Raises:
            RuntimeError: no step has been made.

        >>> import pullback as pb
        >>> w = pb.tensor([3.0, 4.0], requires_grad=True)
        >>> optimizer = pb.optim.SGD([w], lr=0.001)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> f"{optimizer.update_ratios()[w]:.4f}"
        '0.0020'
        """
        if self._moved is None:
            raise RuntimeError("no step has been made yet; the ratios are those of the last step")
        sizes = dict(self._moved)
        for one in self._stepped:
            sizes |= {parameter: (changed, size) for parameter, changed, size in one.ratios()}
        with np.errstate(all="ignore"):
            return {p: float(np.divide(*sizes[p])) for p in self._parameters() if p in sizes}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; `set_to_none=False` makes those that exist zero."""
        for parameter in self._parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = zeros_like(parameter)

    # groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, for example layers that are trained from now on.

        Args:
            param_group: `{"params": iterable of tensors or a tensor, ...options}`.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(
                "a parameter group is a dict such as {'params': [...], 'lr': 0.1}, "
                f"not {shown(param_group)}"
            )
        given = {name: value for name, value in param_group.items() if name != "params"}
        for name in given:
            if name not in self.defaults and name not in KEPT_OPTIONS:
                raise TypeError(
                    f"{type(self).__name__} has no option {name!r}; "
                    f"it has {', '.join(map(repr, self.defaults))}"
                )
        options = self.defaults | given
        self.check(options)
        params = param_group["params"]
        tensors = [params] if isinstance(params, Tensor) else as_tensors(params)
        group = f"of group {len(self.param_groups)}"
        names = [item[0] for item in tensors if is_named(item)]
        if names and len(names) < len(tensors):
            raise TypeError(f"some parameters {group} have names and others have none; give all or none")
        if names:
            tensors, options = [tensor for _, tensor in tensors], options | {"param_names": names}
        known = {id(parameter) for parameter in self._parameters()}
        for i, parameter in enumerate(tensors):
            if not isinstance(parameter, Tensor):
                raise TypeError(
                    f"parameter {i} {group} is {shown(parameter)}; an optimiser changes Tensors only"
                )
            self.check_parameter(parameter, f"parameter {i} {group}")
            if id(parameter) in known:
                raise ValueError(
                    f"parameter {i} {group} (shape {parameter.shape}) was given before; each parameter is "
                    "optimised once"
                )
            known.add(id(parameter))
        self.param_groups.append({"params": tensors, **options})

    def _parameters(self) -> Iterator[Tensor]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    # saving

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later: options of the groups, and state by the parameter's number.

        `optim.flatten_state` makes a dict of tensors of it that `pb.save` writes.

        Returns:
            `{"state": {0: {...}, ...}, "param_groups": [{..., "params": [0, 1]}, ...]}`, where parameters are
            numbered through the groups in order; the arrays are copies.
        """
        numbers = {parameter: place for place, parameter in enumerate(self._parameters())}
        groups = [group | {"params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        state = {numbers[p]: copied(self.state[p]) for p in self._parameters() if self.state.get(p)}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` gave, here or in PyTorch (with arrays for its tensors); arrays are copied.

        Raises:
            ValueError: when it does not fit these parameters, naming what; nothing is changed then.
        """
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= state_dict.keys():
            raise ValueError("an optimiser's state is a dict with the keys 'state' and 'param_groups'")
        options = checked_groups(self, state_dict["param_groups"])
        state = checked_state(self, state_dict["state"])
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)
        self.state = defaultdict(dict, state)

    def __getstate__(self) -> dict[str, Any]:
        """A copy packs anew: its arrays are others."""
        return vars(self) | {"_packs": {}, "_stepped": [], "_moved": None}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for place, group in enumerate(self.param_groups):
            lines.append(f"Parameter group {place} ({len(group['params'])} tensors)")
            lines += [f"    {name}: {value}" for name, value in group.items() if name != "params"]
        return "\n".join([*lines, ")"])
