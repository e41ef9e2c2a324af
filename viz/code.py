"""A computation and its backward pass as flat Python, one line after the other, as the CS231n notes write it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Entry
from ..autograd.extend import REGISTRY, Op
from .graph import Graph
from .lift import Lifter, Names, NotPlainError
from .numbers import Array

_MOST_NUMBERS = 100_000
_FIT = '''def fit(g, x):
    """The gradient g in the shape and dtype of x: what was broadcast is summed."""
    g = np.asarray(g)
    extra = g.ndim - np.ndim(x)
    stretched = [extra + i for i, n in enumerate(np.shape(x)) if n != g.shape[extra + i]]
    g = g.sum(axis=(*range(extra), *stretched), keepdims=True).reshape(np.shape(x))
    return g.astype(x.dtype)'''

_BORROWING = """import pullback.nn
from pullback.autograd.extend import REGISTRY

# more than a few lines of NumPy, so taken from pullback"""


def code(graph: Graph) -> str:
    """The text of a program; `Drawing.code` says what it is."""
    return _Program(graph).text()


class _Program:
    """Writes the lines of one program."""

    def __init__(self, graph: Graph) -> None:
        self.title = graph.title
        self.entries = [entry for entry, _ in graph.entries]
        self.given = {id(entry): name for entry, name in graph.entries}
        self.names = Names()
        self.lifter = Lifter(self.names)
        self.variables: dict[int, str] = {}
        self.residuals: dict[int, dict[str, str]] = {}
        self.literals: dict[int, str] = {}  # constants that stand in the formulas
        self.gradients: dict[int, str] = {}
        self.borrowed: dict[
            tuple[str, str], str
        ] = {}  # what is taken from pullback, and its name in the text
        self.fits = False
        self.check()

    def text(self) -> str:
        for place, entry in enumerate(self.entries):
            self.variables[id(entry)] = self.names.new(self.given[id(entry)] or f"v{place}")
        for entry in self.entries:
            if entry.requires_grad:
                self.gradients[id(entry)] = self.names.new(f"d{self.variables[id(entry)]}")
        forward = [line for entry in self.entries for line in self.forward(entry)]
        backward = self.backward()
        parts = [f"# {self.title}"] if self.title else []
        sources = [*([_FIT] if self.fits else []), *self.lifter.sources]
        imports = (
            "import math\n\n" if any("math." in source for source in (*sources, *forward, *backward)) else ""
        )
        parts.append(f"{imports}import numpy as np")
        if self.borrowed:
            parts += [
                _BORROWING,
                *(f"{name} = REGISTRY[{of!r}].{what}" for (of, what), name in self.borrowed.items()),
            ]
        parts += [f"\n{source}\n" for source in sources]
        parts += ["\n# forward pass", *forward]
        if backward:
            parts += ["\n# backward pass, in the opposite order", *backward]
        text = "\n".join(parts) + "\n"
        self.try_out(text)
        return text

    def try_out(self, text: str) -> None:
        """Run the program once, so that no text is given whose numbers are not those that were recorded."""
        found: dict[str, Any] = {}
        with np.errstate(all="ignore"):
            exec(compile(text, "<code of a drawing>", "exec"), found)
        for entry in self.entries:
            value = found.get(self.variables[id(entry)], entry.value)
            if not _agree(value, entry.value):
                raise ValueError(f"code() cannot write {self.what(entry)}: the program gives another value")
            gradient = found.get(self.gradients.get(id(entry), ""))
            if entry.gradient is not None and not _agree(gradient, entry.gradient):
                raise ValueError(
                    f"code() gives another gradient of {self.what(entry)} than was recorded: a hook has changed it, "
                    "or backward has run several times; record one backward, without hooks"
                )

    def check(self) -> None:
        """Refuse what cannot be written, before anything is."""
        numbers = 0
        for entry in self.entries:
            what = self.what(entry)
            if isinstance(entry.shape, tuple) and entry.shape and isinstance(entry.shape[0], tuple):
                raise ValueError(f"code() cannot write {what}: it has several results")
            if entry.value is None:
                raise ValueError(
                    f"code() needs every value, and that of {what} is not known: compute inside "
                    "`with pb.record() as recording:` and draw the recording"
                )
            if entry.value.dtype.kind not in "biuf":
                raise ValueError(f"code() writes real numbers only, and {what} is {entry.value.dtype}")
            if entry.operation is None:
                numbers += entry.value.size
            else:
                self.parameters(entry)
        if numbers > _MOST_NUMBERS:
            raise ValueError(
                f"code() would write {numbers:,} numbers of parameters and data, more than {_MOST_NUMBERS:,}: "
                "record a smaller example"
            )

    def what(self, entry: Entry) -> str:
        """What messages call a value."""
        name = self.given[id(entry)]
        kind = f"the result of {entry.operation.name!r}" if entry.operation is not None else "a leaf"
        return f"{name!r}" if name else kind

    # forward

    def forward(self, entry: Entry) -> list[str]:
        """The line that computes a value, or gives it."""
        variable, operation, value = self.variables[id(entry)], entry.operation, entry.value
        assert value is not None
        if operation is None:
            if self.is_number(entry):
                self.literals[id(entry)] = _literal(value)
                return []
            name = self.given[id(entry)]
            note = f"  # {name}" if name and name != variable else ""
            return [f"{variable} = {_array(value)}{note}"]
        lines = self.confirm(entry)
        arguments = self.operands(entry) | self.parameters(entry)
        ordered = {name: arguments[name] for name in operation.signature.parameters}
        try:
            if operation.infix and isinstance(operation.forward, np.ufunc):
                texts = list(ordered.values())
                text = (
                    f" {operation.infix} ".join(texts) if len(texts) > 1 else f"{operation.infix}{texts[0]}"
                )
            else:
                text = self.call(operation, operation.forward, "forward", ordered)
        except NotPlainError as error:
            raise _refusal(operation, error) from None
        self.residuals[id(entry)] = {
            name: self.names.new(f"{variable}_{name}") for name in operation.residuals
        }
        targets = ", ".join([variable, *self.residuals[id(entry)].values()])
        return [*lines, f"{targets} = {text}"]

    def call(self, operation: Op, function: Any, what: str, arguments: Mapping[str, str]) -> str:
        """A call as text; where the function is more than NumPy, and pullback's, a call of it as it is."""
        before = self.lifter.state()
        try:
            return self.lifter.call(function, arguments)
        except NotPlainError:
            if REGISTRY.get(operation.name) is not operation or not operation.module.startswith("pullback."):
                raise
        self.lifter.restore(before)
        key = operation.name, what
        if key not in self.borrowed:
            self.borrowed[key] = self.names.new(operation.name + ("" if what == "forward" else "_rule"))
        kinds = inspect.signature(function).parameters
        parts = (
            f"{name}={text}" if kinds[name].kind is inspect.Parameter.KEYWORD_ONLY else text
            for name, text in arguments.items()
        )
        return f"{self.borrowed[key]}({', '.join(parts)})"

    def is_number(self, entry: Entry) -> bool:
        """Whether a constant may have been a Python number, which has no dtype of its own."""
        value = entry.value
        assert value is not None
        plain = value.dtype in (np.dtype(bool), np.dtype(np.int64), np.dtype(np.float64))
        return plain and value.shape == () and not entry.requires_grad and not self.given[id(entry)]

    def confirm(self, entry: Entry) -> list[str]:
        """Compute a value again and compare; the lines of constants that were arrays after all.

        What the tape has not kept and what is drawn by chance must not lead to other numbers in silence.
        """
        assert entry.operation is not None
        numbers = [operand for operand in entry.inputs if id(operand) in self.literals]
        if self.same(entry, weak=True):
            return []
        if numbers and self.same(entry, weak=False):
            for operand in numbers:
                del self.literals[id(operand)]
            return [f"{self.variables[id(operand)]} = {_array(operand.value)}" for operand in numbers]
        raise ValueError(
            f"code() cannot write {self.what(entry)}: {entry.operation.name!r} gives another value when it is "
            "computed again from what is known; draw a recording, of operations that nothing random is in"
        )

    def same(self, entry: Entry, *, weak: bool) -> bool:
        operation = entry.operation
        assert operation is not None
        values: list[Any] = [None] * (len(entry.inputs) if operation.variadic else len(operation.inputs))
        for slot, operand in zip(entry.slots, entry.inputs, strict=True):
            assert operand.value is not None
            values[slot] = operand.value.item() if weak and id(operand) in self.literals else operand.value
        positional, named = operation.bind(values, entry.parameters)
        with np.errstate(all="ignore"):
            try:
                again = np.asarray(operation.raw(*positional, **named))
            except (TypeError, ValueError, AttributeError):
                return False
        assert entry.value is not None
        return (again.shape, again.dtype) == (entry.shape, entry.dtype) and np.array_equal(
            again, entry.value, equal_nan=again.dtype.kind == "f"
        )

    def text_of(self, entry: Entry) -> str:
        return self.literals.get(id(entry)) or self.variables[id(entry)]

    def operands(self, entry: Entry) -> dict[str, str]:
        """The inputs of an operation as texts, by name."""
        operation = entry.operation
        assert operation is not None
        texts = [self.text_of(operand) for operand in entry.inputs]
        if operation.variadic:
            return {operation.inputs[0]: f"[{', '.join(texts)}]"}
        given = dict(zip(entry.slots, texts, strict=True))
        return {name: given.get(slot, "None") for slot, name in enumerate(operation.inputs)}

    def parameters(self, entry: Entry) -> dict[str, str]:
        assert entry.operation is not None
        try:
            return {name: _plain(value) for name, value in entry.parameters.items()}
        except NotPlainError as error:
            raise _refusal(entry.operation, error) from None

    # backward

    def backward(self) -> list[str]:
        lines: list[str] = []
        reached: set[int] = set()
        seeds = self.seeds()
        for entry in reversed(self.entries):
            own = self.gradients.get(id(entry), "")
            if id(entry) in seeds:
                start = seeds[id(entry)]
                lines.append(f"{own} = {own} + {start}" if id(entry) in reached else f"{own} = {start}")
                reached.add(id(entry))
            if entry.operation is not None and id(entry) in reached:
                try:
                    lines += self.contributions(entry, own, reached)
                except NotPlainError as error:
                    raise _refusal(entry.operation, error) from None
        return lines

    def seeds(self) -> dict[int, str]:
        """Where backward began and with what; if it has not run, at the one result, with 1."""
        consumers: dict[int, list[Entry]] = {id(entry): [] for entry in self.entries}
        for entry in self.entries:
            for operand in entry.inputs:
                if entry.requires_grad and operand.requires_grad:
                    consumers[id(operand)].append(entry)
        wanted = [entry for entry in self.entries if entry.requires_grad and entry.operation is not None]
        known = [entry for entry in wanted if entry.gradient is not None]
        starts = [entry for entry in known if all(user.gradient is None for user in consumers[id(entry)])]
        if starts:
            return {id(entry): _array(_known(entry.gradient)) for entry in starts}
        ends = [entry for entry in wanted if not consumers[id(entry)]]
        if len(ends) == 1 and ends[0].shape == ():
            return {id(ends[0]): _array(np.ones((), ends[0].dtype))}
        if not ends:
            return {}
        raise ValueError(
            f"code() does not know where backward begins: there are {len(ends)} results, and not one number; "
            "call backward inside `with pb.record() as recording:`"
        )

    def contributions(self, entry: Entry, own: str, reached: set[int]) -> list[str]:
        """What an operation sends to each of its inputs."""
        operation = entry.operation
        assert operation is not None
        wanted = [
            (slot, operand, operation.inputs[0 if operation.variadic else slot])
            for slot, operand in zip(entry.slots, entry.inputs, strict=True)
            if operand.requires_grad
        ]
        wanted = [item for item in wanted if item[2] in operation.rules]
        lines = []
        texts: list[str] = []
        if operation.joint is not None:
            count = len(entry.inputs) if operation.variadic else len(operation.inputs)
            slots = {slot for slot, _, _ in wanted}
            targets = {slot: self.names.new(f"{own}_{slot}") for slot in slots}
            known = self.known(entry, own) | {"needs": _needs(operation, slots, count)}
            arguments = (
                {name: known[name] for name in operation.rule_arguments[wanted[0][2]]} if wanted else {}
            )
            if wanted:
                left = ", ".join(targets.get(slot, "_") for slot in range(count))
                lines.append(
                    f"{left}{',' if count == 1 else ''} = {self.call(operation, operation.joint, 'joint', arguments)}"
                )
            texts = [targets[slot] for slot, _, _ in wanted]
        else:
            for slot, _, name in wanted:
                known = self.known(entry, own) | {"i": str(slot)}
                arguments = {argument: known[argument] for argument in operation.rule_arguments[name]}
                texts.append(self.call(operation, operation.rules[name], f"rules[{name!r}]", arguments))
        for (_, operand, _), text in zip(wanted, texts, strict=True):
            lines.append(self.accumulate(entry, operand, text, reached))
        return lines

    def accumulate(self, entry: Entry, operand: Entry, text: str, reached: set[int]) -> str:
        assert entry.operation is not None
        target = self.gradients[id(operand)]
        dtypes = {other.dtype for other in (entry, *entry.inputs) if id(other) not in self.literals}
        if (
            not isinstance(entry.operation.forward, np.ufunc)
            or operand.shape != entry.shape
            or len(dtypes) > 1
        ):
            self.fits = True
            text = f"fit({text}, {self.variables[id(operand)]})"
        # not +=, which would change an array that another gradient may share
        line = f"{target} = {target} + {_bracketed(text)}" if id(operand) in reached else f"{target} = {text}"
        reached.add(id(operand))
        return line

    def known(self, entry: Entry, own: str) -> dict[str, str]:
        """What a rule may name, as texts."""
        operation = entry.operation
        assert operation is not None
        known = self.operands(entry) | self.parameters(entry) | self.residuals[id(entry)]
        known |= {"g": own, "out": self.variables[id(entry)]}
        if not operation.variadic:
            for slot, operand in zip(entry.slots, entry.inputs, strict=True):
                name = operation.inputs[slot]
                known |= {f"{name}_shape": str(operand.shape), f"{name}_dtype": _plain(operand.dtype)}
            for name in operation.inputs:
                known = {f"{name}_shape": "None", f"{name}_dtype": "None"} | known
        else:
            name = operation.inputs[0]
            known |= {
                f"{name}_shape": str([operand.shape for operand in entry.inputs]),
                f"{name}_dtype": f"[{', '.join(_plain(operand.dtype) for operand in entry.inputs)}]",
            }
        return known


def _agree(found: Any, recorded: Array | None) -> bool:
    """Whether numbers are the same but for rounding, which other memory may change."""
    if found is None or recorded is None:
        return False
    found = np.asarray(found)
    if (found.shape, found.dtype) != (recorded.shape, recorded.dtype):
        return False
    if recorded.dtype.kind != "f":
        return bool(np.array_equal(found, recorded))
    finite = np.abs(recorded[np.isfinite(recorded)])
    near = 64 * float(np.finfo(recorded.dtype).eps) * float(finite.max(initial=0.0))
    return bool(np.allclose(found, recorded, rtol=0, atol=near, equal_nan=True))


def _needs(operation: Op, slots: set[int], count: int) -> str:
    wants = [slot in slots for slot in range(count)]
    if operation.variadic:
        return repr(tuple(wants))
    fields = ", ".join(f"{name!r}: {want}" for name, want in zip(operation.inputs, wants, strict=True))
    return f"type('Needs', (), {{{fields}}})"


def _refusal(operation: Op, error: NotPlainError) -> ValueError:
    return ValueError(f"code() cannot write {operation.name!r} in NumPy alone: it uses {error}")


def _known(gradient: Array | None) -> Array:
    assert gradient is not None
    return gradient


def _bracketed(text: str) -> str:
    return text if text.isidentifier() or text.startswith("fit(") else f"({text})"


def _literal(value: Array) -> str:
    """One number, so that it can stand in a formula."""
    text = _numbers(value)
    return f"({text})" if text.startswith("-") else text


def _numbers(value: Array) -> str:
    if value.ndim:
        return f"[{', '.join(_numbers(np.asarray(part)) for part in value)}]"
    text = str(value[()])
    return text.replace("nan", "np.nan").replace("inf", "np.inf") if value.dtype.kind == "f" else text


def _array(value: Array | None) -> str:
    """An array with all digits."""
    assert value is not None
    if value.size == 0:
        return f"np.zeros({value.shape}, dtype={str(value.dtype)!r})"
    return f"np.array({_numbers(value)}, dtype={str(value.dtype)!r})"


def _plain(value: Any) -> str:
    """A parameter of an operation as an expression."""
    if value is ...:
        return "..."
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if isinstance(value, type) and issubclass(value, np.generic):
        return f"np.{value.__name__}"
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return _array(value)
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return f"{_array(np.asarray(value))}[()]"
    if isinstance(value, float):
        return _literal(np.asarray(value))
    if value is None or isinstance(value, (bool, int, str)):
        return repr(value)
    if isinstance(value, slice):
        return f"slice({_plain(value.start)}, {_plain(value.stop)}, {_plain(value.step)})"
    if type(value) in (tuple, list):
        return _sequence(value)
    raise NotPlainError(f"a parameter of type {type(value).__name__}")


def _sequence(value: Sequence[Any]) -> str:
    inside = ", ".join(map(_plain, value))
    if isinstance(value, list):
        return f"[{inside}]"
    return f"({inside},)" if len(value) == 1 else f"({inside})"
