"""Module: a part of a model that computes, with its parameters, its buffers and its sub-modules."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..autograd import Tensor, zeros_like
from ..autograd.extend import RemovableHandle, module_scope
from .hooks import ForwardHooks
from .parameter import Parameter
from .place import locate
from .state import IncompatibleKeys, load, named_extra, named_state
from .tree import Tree, child_modules, own_buffers, parts, warn_of_hidden

if TYPE_CHECKING:
    from .utils.summary import Summary


class Module(Tree):
    """The base of all layers and models: derive from it, assign parts in `__init__`, and write `forward`.

    Attributes that are Parameters or Modules belong to the module, and so do buffers (`register_buffer`):
    tensors that are saved with it and not trained. A plain list or dict of modules is an ordinary attribute and is
    not searched: use `ModuleList` and `ModuleDict`. A part that is reachable by several paths is counted once, and
    appears in `state_dict()` under each name.

    >>> import pullback as pb
    >>> from pullback import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(factor)
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale(2.0)
    >>> scale(pb.tensor([1.0, 3.0])).tolist()
    [2.0, 6.0]
    >>> [name for name, _ in scale.named_parameters()]
    ['factor']
    """

    training: bool
    _optional_state: frozenset[str] = frozenset()  # what a state may lack, as older files do
    _old_names: Mapping[str, str] = {}  # what older files call a part of the state, and its name now
    _folds = False  # whether equal neighbours are shown as one
    _heads: tuple[
        str, ...
    ] = ()  # paths of the layers that give the classes, where they are not simply the last
    _forward_hooks: ForwardHooks | None = None  # most modules have none

    def __init__(self) -> None:
        self.training = True
        self._buffers = {}

    # calling

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's result; every module writes its own."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: write `def forward(self, x): ...`, where it computes"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`; an error that passes through is given a note that names the layer."""
        parts(self)
        try:
            with module_scope(self):
                if self._forward_hooks is not None:
                    return self._forward_hooks.run(self, args, kwargs)
                return self.forward(*args, **kwargs)
        except Exception as error:
            locate(error, self)
            raise

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each forward; what it returns, if anything, replaces the arguments.

        Args:
            hook: gets the module and the tuple of positional arguments. It may return None, new arguments as a
                tuple, or one argument.
            prepend: run it before the hooks that are there already.
            with_kwargs: call `hook(module, args, kwargs)` instead, which returns None or `(args, kwargs)`.

        Returns:
            A handle; `handle.remove()` takes the hook away.
        """
        hooks = self._hooks()
        return hooks.add(hooks.before, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each forward; what it returns, if anything, is the output.

        See `register_forward_pre_hook`; with `with_kwargs` it is `hook(module, args, kwargs, output)`.

        >>> import pullback as pb
        >>> from pullback import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> shapes = []
        >>> handle = model[0].register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = model(pb.ones((4, 2)))
        >>> shapes
        [(4, 3)]
        """
        hooks = self._hooks()
        return hooks.add(hooks.after, hook, prepend, with_kwargs)

    def _hooks(self) -> ForwardHooks:
        parts(self)
        if self._forward_hooks is None:
            self._forward_hooks = ForwardHooks()
        return self._forward_hooks

    # state

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by path, detached; they share the module's memory.

        A module that has methods `get_extra_state()` and `set_extra_state(state)` saves what the first gives, under
        the key `_extra_state` behind its path, and gets it back through the second.

        Args:
            prefix: what the paths start with.
            keep_vars: give the parameters and buffers themselves.

        >>> from pullback import nn
        >>> {name: tensor.shape for name, tensor in nn.Linear(2, 3).state_dict().items()}
        {'weight': (3, 2), 'bias': (3,)}
        """
        warn_of_hidden(self)
        state: dict[str, Any] = {
            prefix + name: tensor if keep_vars else tensor.detach() for name, tensor in named_state(self)
        }
        state.update((prefix + name, part.get_extra_state()) for name, part in named_extra(self))
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and persistent buffers.

        Args:
            state_dict: Tensors or ndarrays by path; they are copied and converted to the dtypes of the
                module.
            strict: refuse missing and unexpected keys, instead of returning them.

        Returns:
            A named tuple `(missing_keys, unexpected_keys)`.

        Raises:
            RuntimeError: naming all keys that do not fit, with both shapes; nothing is changed then.
        """
        return load(self, state_dict, strict)

    # switches

    def train(self, mode: bool = True) -> Self:
        """Set `training` here and in all modules within; some layers behave otherwise in training."""
        if not isinstance(mode, bool):
            raise ValueError(f"train(mode) takes True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch the gradients of all parameters on or off, for example to freeze a part of a model."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def freeze(self, *patterns: str) -> Self:
        """Switch off the gradients of parameters by name, as fine-tuning does with all but the last layers.

        Their gradients so far are forgotten, so that an optimiser leaves them as they are. Running statistics of
        normalisation layers are no parameters: `eval()` on those layers stops them.

        Args:
            *patterns: paths of parameters or of modules, with `*`, `?` and `[...]` as in file names (`*` also
                stands for dots): "features", "layer1.*", "*.bias". All parameters if none is given.

        Raises:
            ValueError: for a pattern that matches nothing; nothing is changed then.

        >>> from pullback import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).freeze("0")
        >>> [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        ['2.weight', '2.bias']
        """
        for parameter in _matching(self, patterns):
            parameter.requires_grad_(False)
            parameter.grad = None
        return self

    def unfreeze(self, *patterns: str) -> Self:
        """Switch on the gradients of parameters by name; the patterns are those of `freeze`.

        >>> from pullback import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).freeze().unfreeze("2", "*.bias")
        >>> [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        ['0.bias', '2.weight', '2.bias']
        """
        for parameter in _matching(self, patterns):
            parameter.requires_grad_()
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; `set_to_none=False` makes those that exist zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = zeros_like(parameter)

    def to(self, dtype: Any) -> Self:
        """Convert all floating parameters (in place, with their gradients) and floating buffers to a dtype.

        Args:
            dtype: float16, float32 or float64. "cpu", where everything lives, is understood and does nothing.

        Raises:
            TypeError: for a dtype that is not floating.

        >>> from pullback import nn
        >>> nn.Linear(2, 3).to("float64").weight.dtype
        dtype('float64')
        """
        if isinstance(dtype, str) and dtype == "cpu":
            return self
        if isinstance(dtype, str) and dtype.startswith(("cuda", "mps", "xpu")):
            raise ValueError(
                f"there is no device {dtype!r}: everything is computed on the CPU; leave this .to() out"
            )
        wanted = np.dtype(dtype)
        if wanted.kind != "f":
            raise TypeError(f"a module converts to floating dtypes only, not to {wanted}")
        for parameter in self.parameters():
            parameter.convert_(wanted)
        converted: dict[Tensor, Tensor] = {}
        for module in self.modules():
            for name, buffer in own_buffers(module):
                if buffer.dtype.kind == "f":
                    vars(module)[name] = converted.setdefault(buffer, buffer.astype(wanted))
        return self

    def float(self) -> Self:
        """Convert to float32; see `to`."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64; see `to`."""
        return self.to(np.float64)

    def half(self) -> Self:
        """Convert to float16; see `to`. NumPy computes slowly in it: it saves memory and not time."""
        return self.to(np.float16)

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call a function with every module in this one, children before parents, and with this one.

        >>> from pullback import nn
        >>> def clear(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.zeros_(module.bias)
        >>> model = nn.Sequential(nn.Linear(2, 3)).apply(clear)
        >>> model[0].bias.tolist()
        [0.0, 0.0, 0.0]
        """
        _apply(self, fn, set())
        return self

    # showing

    def summary(self, input_shape: Any, *, dtypes: Any = None) -> Summary:
        """Print the layers with their output shapes, parameters, multiply-adds and receptive fields; return them.

        See `nn.utils.summary` for the arguments and for what is counted.

        >>> from pullback import nn
        >>> nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)).summary((4,))
        layer        output shape  parameters  multiply-adds  receptive field
        ─────────────────────────────────────────────────────────────────────
        Sequential   (1, 2)
          0: Linear  (1, 3)                15             12
          1: Linear  (1, 2)                 8              6
        ─────────────────────────────────────────────────────────────────────
        parameters: 23
        multiply-adds: 18 for input of shape (1, 4)
        Summary(3 modules, 23 parameters, 18 multiply-adds)
        """
        from .utils.summary import summary

        result = summary(self, input_shape, dtypes=dtypes)
        print(result)
        return result

    def extra_repr(self) -> str:
        """What stands in the parentheses of the representation; layers write their settings here."""
        return ""

    def __repr__(self) -> str:
        return _represent(self, ())


def _apply(module: Module, fn: Callable[[Module], object], seen: set[Module]) -> None:
    seen.add(module)
    for _, child in child_modules(module):
        if child not in seen:
            _apply(child, fn, seen)
    fn(module)


def _matching(module: Module, patterns: tuple[str, ...]) -> list[Parameter]:
    """The parameters whose path, or the path of a module that they are in, matches one of the patterns."""
    if not patterns:
        return list(module.parameters())
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"parameters are chosen by patterns of their names, and this is {pattern!r}")
    named = list(module.named_parameters(remove_duplicate=False))
    found: dict[Parameter, None] = {}
    for pattern in patterns:
        matching = [p for name, p in named if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")]
        if not matching:
            raise ValueError(
                f"no parameter of {type(module).__name__} matches {pattern!r}; their names are "
                + (", ".join(name for name, _ in named) or "none, since it has no parameters")
            )
        found.update(dict.fromkeys(matching))
    return list(found)


def _represent(module: Module, above: tuple[Module, ...]) -> str:
    name = type(module).__name__
    if module in above:
        return f"{name}(...)"
    settings = module.extra_repr().splitlines()
    children = [(key, _represent(child, (*above, module))) for key, child in child_modules(module)]
    if len(settings) < 2 and not children:
        return f"{name}({''.join(settings)})"
    lines = [f"({key}): {text}" for key, text in (_folded(children) if module._folds else children)]
    return f"{name}(\n  " + "\n".join([*settings, *lines]).replace("\n", "\n  ") + "\n)"


def _folded(children: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Neighbours that look the same as one: "(0-2): 3 x Linear(...)"."""
    for text, group in itertools.groupby(children, key=lambda child: child[1]):
        keys = [key for key, _ in group]
        yield (keys[0], text) if len(keys) == 1 else (f"{keys[0]}-{keys[-1]}", f"{len(keys)} x {text}")
