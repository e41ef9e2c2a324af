"""Op: the declaration of an operation, a NumPy function with one gradient rule per differentiable input.

From one declaration come the public function, the Tensor method, the operator, the NumPy override, the
set of saved values, the picture's glyph, the typing stub and the generated tests.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

import numpy as np

from . import source
from .family import BatchRule
from .gate import Gate
from .methods import OperationMethods

if TYPE_CHECKING:
    from .node import Node

P = ParamSpec("P")
R = TypeVar("R", covariant=True)  # a Tensor, or a named tuple of them

ComplexRules = Literal["holomorphic", "written", "values"]


class Operation(Protocol[P, R]):
    """The public function of a declared operation."""

    op: Op
    raw: Callable[..., Any]
    """The same on whatever it is given: arrays give an array."""
    source: Callable[[], str]
    """The source of the call path that was made for it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute, record and return a Tensor, or several."""


REGISTRY: dict[str, Op] = {}
"""Every declared operation by name."""


def own_operations() -> list[Op]:
    """The operations that this package declares, in whichever folder; the folders are loaded for it."""
    root = __name__.partition(".")[0]
    package = importlib.import_module(root)
    for name in dir(package):  # asking for a folder loads it; an editable installation lists none on its path
        getattr(package, name)
    return [op for op in REGISTRY.values() if op.module.startswith(f"{root}.")]


NUMPY_OVERRIDES: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What runs when a NumPy function meets a Tensor."""


class Sample(NamedTuple):
    """Arguments on which the generated tests run an operation."""

    inputs: tuple[Any, ...]
    parameters: dict[str, Any]


class SingularPoint(NamedTuple):
    """A point where the derivative does not exist, and the gradient (for g = 1) that is chosen there."""

    inputs: tuple[Any, ...]
    gradients: tuple[Any, ...]


Samples = Callable[[np.random.Generator], Iterable[Sample]]

# what a rule may name besides the inputs and the parameters
_SPECIAL = ("g", "out", "i")


class Op:
    """One declared operation; see `op` for the meaning of its parts."""

    def __init__(
        self,
        forward: Callable[..., Any],
        inputs: str,
        rules: Mapping[str, Callable[..., Any]],
        *,
        name: str | None,
        gate: Gate | Mapping[str, Gate],
        samples: Samples,
        doc: str | None,
        symbol: str | None,
        infix: str | None,
        method: bool | str,
        numpy: Sequence[Callable[..., Any]],
        reference: Callable[..., Any] | None,
        singular: Sequence[SingularPoint],
        view: bool,
        batch: BatchRule | None,
        complex: ComplexRules | None,
        outputs: type[tuple[Any, ...]] | None,
        observable: Callable[..., Any] | None,
        joint: Callable[..., Any] | None,
        owned: Callable[..., Any] | None,
        residuals: str,
        composed: Callable[..., Any] | None,
        module: str,
    ) -> None:
        self.module = module
        twin = getattr(forward, "kernel", None)
        self.fast_forward = None if twin is None else forward
        if twin is not None and isinstance(twin.reference, np.ufunc):
            forward = twin.reference
        self.forward = forward
        self.name = name or forward.__name__
        self.doc = inspect.cleandoc(doc or ("" if isinstance(forward, np.ufunc) else forward.__doc__) or "")
        self.infix = infix
        self.symbol = symbol or self.name
        self.samples = samples
        self.reference = reference
        self.singular = tuple(singular)
        self.view = view
        family = getattr(samples, "family", None)
        self.batch = batch if batch or family is None else family.batch
        self.complex = complex
        self.outputs = outputs
        self.observable = observable
        self.joint = joint
        self.owned = owned
        self.residuals = tuple(residuals.split())
        self.composed = composed
        self.method = self.name if method is True else method or None
        self.numpy_functions = (*((forward,) if isinstance(forward, np.ufunc) else ()), *numpy)

        names = inputs.split()
        self.variadic = names[0].startswith("*")
        self.inputs = tuple(name.lstrip("*") for name in names)
        self.signature = _signature(forward, self.inputs)
        self.parameters = tuple(p for p in self.signature.parameters if p not in self.inputs)
        self.gates = dict(gate) if isinstance(gate, Mapping) else dict.fromkeys(self.inputs, gate)
        if joint is not None:
            if rules:
                raise TypeError(
                    f"operation {self.name!r}: a joint rule takes the place of {', '.join(rules)}"
                )
            rules = {name: joint for name in self.inputs if self.gates.get(name) is not Gate.BLOCK}
        self.rules = dict(rules)
        self.rule_arguments = {name: self._arguments(name, rule) for name, rule in rules.items()}
        self.owned_arguments = () if owned is None else self._arguments(self.inputs[0], owned)
        self.saved_names = self._saved_names()
        self._check()
        self.call, self.raw, self.pull, self.pull_owned = source.build(self)

    @property
    def documentation(self) -> str:
        """The docstring of the public function: what was declared, the law of shapes, and the gate."""
        law = getattr(self.samples, "law", None)
        gates = "; ".join(f"{gate.label}: it {gate.value}" for gate in dict.fromkeys(self.gates.values()))
        return "\n\n".join([self.doc, *([law] if law else []), f"In backward: {gates}."])

    @property
    def gate_label(self) -> str:
        """The role for pictures and tables: "switcher", or "switcher/scaler" where the inputs differ."""
        return "/".join(dict.fromkeys(gate.label for gate in self.gates.values()))

    @property
    def complex_rules(self) -> bool:
        """Whether its rules serve complex numbers."""
        return self.complex in ("holomorphic", "written")

    def optional(self, name: str) -> bool:
        """Whether an input may be left out (None)."""
        return self.signature.parameters[name].default is None

    @property
    def first_order_only(self) -> bool:
        """Whether its rules read values that are constants to the tape, so that a twin serves higher orders."""
        return self.joint is not None or bool(self.residuals)

    def bind(self, inputs: Sequence[Any], parameters: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call, by position and by name, as the signature wants them."""
        values = (inputs,) if self.variadic else inputs
        given: dict[str, Any] = dict(zip(self.inputs, values, strict=True)) | dict(parameters)
        positional, named = [], {}
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                named[name] = given[name]
            else:
                positional.append(given[name])
        return positional, named

    def needed_by(self, saved_name: str) -> tuple[str, ...]:
        """The inputs whose rules name a value: it is saved if one of them wants a gradient."""
        if self.composed is not None and saved_name in self.inputs:
            return tuple(self.rules)  # the twin begins with the inputs
        return tuple(name for name, arguments in self.rule_arguments.items() if saved_name in arguments)

    def input_name(self, node: Node, place: int) -> str:
        """What messages call one of a node's inputs."""
        return f"{self.inputs[0]}[{place}]" if self.variadic else self.inputs[place]

    def kept(self, node: Node) -> list[tuple[str, Any]]:
        """What a node keeps for backward, by name; an input of several arrays is a tuple."""
        return list(zip(self.saved_names, node.saved, strict=True))

    def sealed_values(self, node: Node) -> list[tuple[str, Node | None]]:
        """For each of a node's seals, what was sealed, in words, and the parent that it came from, if one."""
        names = [name for name in self.saved_names if name in self.inputs or name == "out"]
        return [
            ("its result", None)
            if name == "out"
            else (f"its input {name!r}", None if self.variadic else node.parents[self.inputs.index(name)])
            for name in names
        ]

    def _arguments(self, name: str, rule: Callable[..., Any]) -> tuple[str, ...]:
        arguments = tuple(inspect.signature(rule).parameters)
        known = {*_SPECIAL, *self.inputs, *self.parameters}
        known |= {f"{i}_{what}" for i in self.inputs for what in ("shape", "dtype")}
        known |= {*self.residuals, *(("needs",) if rule in (self.joint, self.owned) else ())}
        unknown = [argument for argument in arguments if argument not in known]
        if unknown:
            raise TypeError(
                f"the rule of operation {self.name!r} for {name!r} asks for {', '.join(unknown)}; "
                f"a rule may name {', '.join(sorted(known))}"
            )
        if "i" in arguments and not self.variadic:
            raise TypeError(f"operation {self.name!r} is not variadic, so its rules have no index i")
        return arguments

    def _saved_names(self) -> tuple[str, ...]:
        """The values that the tape keeps: inputs, `out`, and shapes and dtypes that no node has."""
        saved: dict[str, None] = {}
        for name, arguments in self.rule_arguments.items():
            own = () if self.variadic or self.joint else (f"{name}_shape", f"{name}_dtype")
            for argument in arguments:
                if argument not in ("g", "i", "needs", *self.parameters, *own):
                    saved[argument] = None
        if self.composed is not None:
            saved |= dict.fromkeys(self.inputs)
        return tuple(saved)

    def _check(self) -> None:
        what = f"operation {self.name!r}"
        names = (*self.signature.parameters, *self.residuals)
        reserved = [name for name in names if name in source.RESERVED or name[0] == "_"]
        if reserved:
            raise TypeError(
                f"{what}: {', '.join(reserved)} means something else in its call path; choose other names"
            )
        if len(set(names)) < len(names):
            raise TypeError(f"{what}: a residual has the name of an input, a parameter or another residual")
        if self.owned is not None and (
            self.outputs or self.variadic or self.first_order_only or self.complex == "holomorphic"
        ):
            raise TypeError(
                f"{what}: a rule for owned gradients stands beside one rule for each input, for one output, and "
                "complex rules that are written out (complex='written')"
            )
        unsaved = {*self.owned_arguments} - {"g", "needs", *self.parameters, *self.saved_names}
        if unsaved:
            raise TypeError(
                f"{what}: its rule for owned gradients asks for {', '.join(sorted(unsaved))}, which no other rule "
                "has had saved"
            )
        if self.composed is not None and not self.first_order_only:
            raise TypeError(
                f"{what} needs no composed=: its rules are right at every order; it serves joint rules and residuals"
            )
        known = REGISTRY.get(self.name)
        if known is not None and known.module != self.module:
            raise TypeError(f"{what} is declared already, in {known.module}; choose another name")
        if self.variadic and len(self.inputs) > 1:
            raise TypeError(f"{what}: a variadic input must be the only one")
        for name in (*self.rules, *self.gates):
            if name not in self.inputs:
                raise TypeError(f"{what} has no input {name!r}; its inputs are {', '.join(self.inputs)}")
        missing = [name for name in self.inputs if name not in self.gates]
        if missing:
            raise TypeError(f"{what} declares no gate for {', '.join(missing)}")
        if not self.doc:
            raise TypeError(f"{what} has no docstring; give its forward one, or doc=...")
        if self.complex not in (None, "holomorphic", "written", "values"):
            raise TypeError(
                f"{what}: complex must be 'holomorphic', 'written', 'values' or None, not {self.complex!r}"
            )
        if self.outputs and (self.view or self.complex == "holomorphic"):
            raise TypeError(
                f"{what} has several outputs: they need memory of their own (no view=True), and complex rules "
                "that are written out (complex='written')"
            )

    def attach(self) -> None:
        """Make the operation known: to the registry, to Tensor and to NumPy's protocols."""
        REGISTRY[self.name] = self
        for function in self.numpy_functions:
            # The rules of other operations call NumPy's functions, so a second operation with the same ufunc as its
            # forward must not take them over by the way.
            known = getattr(NUMPY_OVERRIDES.get(function), "op", None)
            if function is not self.forward or known is None or known.name == self.name:
                NUMPY_OVERRIDES[function] = self.call
        if self.method:
            setattr(OperationMethods, self.method, self.call)

    def __repr__(self) -> str:
        return f"<operation {self.name}({', '.join(self.inputs)})>"


class UnlistedOp(Op):
    """An operation that serves inside the engine or a user's class: it has no public name and no samples."""

    def __init__(
        self,
        forward: Callable[..., Any],
        inputs: str,
        rules: Mapping[str, Callable[..., Any]],
        *,
        name: str,
        gate: Gate,
        doc: str,
        symbol: str | None = None,
        module: str = __name__,
    ) -> None:
        options: dict[str, Any] = {
            parameter.name: parameter.default
            for parameter in inspect.signature(op).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
        }
        options |= {"name": name, "gate": gate, "doc": doc, "symbol": symbol, "module": module}
        options["complex"] = (
            "written"  # a Function's backward is right for complex numbers if its author says so
        )
        super().__init__(forward, inputs, rules, samples=lambda rng: (), **options)


def op(
    forward: Callable[..., Any] | str,
    inputs: str | None = None,
    /,
    *,
    gate: Gate | Mapping[str, Gate],
    samples: Samples,
    name: str | None = None,
    doc: str | None = None,
    symbol: str | None = None,
    infix: str | None = None,
    method: bool | str = False,
    numpy: Sequence[Callable[..., Any]] = (),
    reference: Callable[..., Any] | None = None,
    singular: Sequence[SingularPoint] = (),
    view: bool = False,
    batch: BatchRule | None = None,
    complex: ComplexRules | None = None,
    outputs: type[tuple[Any, ...]] | None = None,
    observable: Callable[..., Any] | None = None,
    joint: Callable[..., Any] | None = None,
    owned: Callable[..., Any] | None = None,
    residuals: str = "",
    composed: Callable[..., Any] | None = None,
    **rules: Callable[..., Any],
) -> Any:
    """Declare an operation: `op(forward, "x y", x=rule, y=rule, ...)`, or as a decorator `@op("x", ...)`.

    Args:
        forward: a NumPy ufunc, or a Python function on arrays whose signature becomes the public one.
        inputs: the names of the array inputs, in order, other than the arguments here; `"*xs"` for a sequence of
            arrays. An input whose default is None may be left out.
        **rules: per differentiable input, its pullback: a function that names what it needs among `g` (the
            gradient of the result), `out` (the result), the inputs, the parameters, `<input>_shape`,
            `<input>_dtype`, and for variadic operations the index `i`. What it names is what the tape saves.
            It is ordinary NumPy; un-broadcasting and dtypes are the engine's business. Operations inside a
            rule are called by their `.raw`, which gives arrays for arrays.
        gate: the law of backward that it obeys, or one per input.
        samples: a function of a random generator that yields `Sample`s for the generated tests.
        name: the public name, if not that of `forward`.
        doc: the docstring, if `forward` has none of ours.
        symbol: the glyph in pictures.
        infix: the Python operator, which it then also implements (a prefix operator for one input).
        method: also a method of Tensor, under its own or the given name.
        numpy: NumPy functions that it overrides, besides a ufunc given as `forward` that no other operation has.
        reference: an independent implementation on arrays that the tests compare with.
        singular: the conventions at points where the derivative does not exist.
        view: whether the result may share the memory of the first input.
        batch: how `vmap` computes a whole batch at once (`autograd/family.py`), where the family that the
            samples name does not say it; without either, `vmap` computes each example by itself.
        complex: what the rules are for complex numbers, whose gradient is ∂/∂Re + i·∂/∂Im. "holomorphic": the
            operation has a complex derivative and the rules are the real ones, g times the slope; the engine
            conjugates, so that g meets the conjugate of the slope. "written": the rules are right as they
            stand, because they only move or scale g by real numbers, or conjugate themselves. "values": the
            forward is right for complex numbers, and tracked ones are refused. None: the operation is one of real
            numbers, and complex ones are refused (unless it has no rules at all).
        outputs: the named tuple class of the results, for an operation with several. Its forward gives a tuple
            of arrays, and in its rules `g` and `out` are tuples; a result that nothing depends on has zeros in g.
        observable: of the outputs, what is determined where they themselves are not (an eigenvector has any
            phase); the tests compare this.
        joint: one rule for all inputs, where their gradients share work. It names what it needs as the others do,
            and may name `needs`, a named tuple of booleans by input: which gradients are wanted. It returns one
            gradient per input, in order (None where it is not wanted, or where the input's gate is BLOCK). It is
            only ever fed arrays, so it may be an opaque kernel.
        owned: one more rule for all inputs, which takes the place of the others where the gradient is an array that
            nobody else knows: it may write into `g` and return it as the gradient of the first input. What it returns
            for the others shares no memory with g. It names what a joint rule may, as far as the other rules have it
            saved.
        residuals: names of values that the forward returns behind its result, `(out, mean, spread)`, and that the
            rules may name. They are constants to the tape, so the rules are right at first order only.
        composed: the same function with the same signature, written in operations. With a joint rule or residuals
            it serves what those cannot: higher orders, forward mode, batched gradients and `vmap`. Without it,
            these raise.

    Returns:
        The public function. It takes and returns Tensors; its `.op` is the `Op`, its `.raw` computes on
        whatever it is given, and its `.source()` shows the call path that was made for it.

    >>> import numpy as np, pullback as pb
    >>> from pullback.autograd.extend import op, elementwise, SCALER
    >>> cube = op(lambda x, /: x**3, "x", x=lambda g, x: g * 3 * x**2, name="cube",
    ...           gate=SCALER, samples=elementwise(1), doc="x³ element by element.")
    >>> x = pb.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12., dtype=float32)
    """
    module = sys._getframe(1).f_globals["__name__"]
    parts = {
        "name": name,
        "gate": gate,
        "samples": samples,
        "doc": doc,
        "symbol": symbol,
        "infix": infix,
        "method": method,
        "numpy": numpy,
        "reference": reference,
        "singular": singular,
        "view": view,
        "batch": batch,
        "complex": complex,
        "outputs": outputs,
        "observable": observable,
        "joint": joint,
        "owned": owned,
        "residuals": residuals,
        "composed": composed,
        "module": module,
    }

    def declare(function: Callable[..., Any], names: str) -> Callable[..., Any]:
        operation = Op(function, names, rules, **parts)
        operation.attach()
        return operation.call

    if isinstance(forward, str):
        if inputs is not None:
            raise TypeError("as a decorator, op takes the input names only: @op('x y', ...)")
        return functools.partial(declare, names=forward)
    if inputs is None:
        raise TypeError("op needs the names of the inputs: op(forward, 'x y', ...)")
    return declare(forward, inputs)


def _signature(forward: Callable[..., Any], inputs: tuple[str, ...]) -> inspect.Signature:
    """The public signature: of the Python forward, or positional-only inputs for a ufunc."""
    if isinstance(forward, np.ufunc):
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in inputs]
        return inspect.Signature(parameters)
    signature = inspect.signature(forward)
    if tuple(signature.parameters)[: len(inputs)] != inputs:
        raise TypeError(
            f"the forward of operation {forward.__name__!r} takes {tuple(signature.parameters)}, "
            f"and its first arguments must be the declared inputs {inputs}"
        )
    return signature
