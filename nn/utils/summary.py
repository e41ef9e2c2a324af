"""What a model is made of: layers, shapes, parameters, work and receptive fields, from one run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from weakref import ref

import numpy as np

from ...autograd import Tensor, asarray, no_grad, zeros
from ...autograd.extend import Op, observing
from ..functional.activated import parts
from ..module import Module
from ..parameter import UninitializedParameter
from .geometry import Field, widened, widened_by_transposed

Shape = tuple[int, ...]


@dataclass
class Row:
    """One module of a summary.

    Attributes:
        path: where it is; "" for the model itself. A shared module has one row, under its first path.
        kind: its class.
        depth: how many modules it is in.
        input_shapes: of the tensors that it got, in its first call.
        output_shapes: of the tensors that it gave; empty if it was not called.
        parameters: the number of elements in its own parameters, without those of its parts and without what another
            row has counted.
        trainable: how many of them require gradients.
        multiply_adds: of all its calls, without its parts.
        receptive_field: of an element of its output, for each spatial axis; None where the whole input mixes.
        calls: how often it was run.
    """

    path: str
    kind: str
    depth: int
    input_shapes: list[Shape] = field(default_factory=list)
    output_shapes: list[Shape] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    receptive_field: Shape | None = None
    calls: int = 0


@dataclass
class Summary:
    """A summary: `rows` in the order of the calls, and the totals. `str()` of it is a table."""

    rows: list[Row]
    parameters: int
    trainable: int
    buffers: int
    multiply_adds: int
    input_shapes: list[Shape]
    output_shapes: list[Shape]

    def __repr__(self) -> str:
        work = f"{self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds"
        return f"Summary({len(self.rows)} modules, {work})"

    def __str__(self) -> str:
        lines = [("layer", "output shape", "parameters", "multiply-adds", "receptive field")]
        lines += [_cells(row) for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        table = []
        for cells in lines:
            shown = [cells[0].ljust(widths[0]), cells[1].ljust(widths[1])]
            shown += [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
            table.append("  ".join(shown).rstrip())
        rule = "─" * max(map(len, table))
        frozen = self.parameters - self.trainable
        end = [
            f"parameters: {self.parameters:,}" + (f" ({frozen:,} of them frozen)" if frozen else ""),
            f"buffers: {self.buffers:,} elements" if self.buffers else "",
            f"multiply-adds: {self.multiply_adds:,} for input of shape {_shapes(self.input_shapes)}",
        ]
        return "\n".join([table[0], rule, *table[1:], rule, *filter(None, end)])


def summary(model: Module, input_shape: Any, *, dtypes: Any = None) -> Summary:
    """Run a model once, on zeros, and say what each of its modules did.

    The run is in evaluation mode and without gradients; the model is left as it was, except that lazy layers have
    their shapes afterwards. Work is counted in multiply-adds: of linear layers, convolutions, products of matrices,
    recurrent layers and attention; what is done element by element counts nothing. A receptive field is traced through
    everything that keeps the spatial axes, branches and sums among it.

    Args:
        model: the module.
        input_shape: the shape of one example, (3, 224, 224); a batch axis of length 1 is put in front. A model that
            does not take that gets the shape as it is, so that one with a batch axis is understood as well. A list of
            shapes for a model of several inputs; Tensors and arrays stand for themselves.
        dtypes: of the inputs, one for all or a list; that of the parameters if not given. A model that begins with an
            embedding takes "int64".

    Returns:
        A `Summary`: rows and totals as data, and `str()` of it as a table.

    Raises:
        TypeError: for what is no shape.
        Exception: what the model raises for such an input.

    >>> from pullback import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.ReLU())
    >>> print(nn.utils.summary(model, (3, 32, 32)))
    layer        output shape     parameters  multiply-adds  receptive field
    ────────────────────────────────────────────────────────────────────────
    Sequential   (1, 10, 32, 32)                                           5
      0: Conv2d  (1, 10, 32, 32)         760        768,000                5
      1: ReLU    (1, 10, 32, 32)                                           5
    ────────────────────────────────────────────────────────────────────────
    parameters: 760
    multiply-adds: 768,000 for input of shape (1, 3, 32, 32)
    """
    several = isinstance(input_shape, (list, tuple)) and not all(
        isinstance(n, (int, np.integer)) for n in input_shape
    )
    given = list(input_shape) if several else [input_shape]
    kinds = dtypes if isinstance(dtypes, (list, tuple)) else [dtypes] * len(given)
    if len(kinds) != len(given):
        raise ValueError(f"there are {len(given)} inputs and {len(kinds)} dtypes")
    usual = next((p.dtype for p in model.parameters()), np.dtype("float32"))
    pairs = [(one, np.dtype(usual if kind is None else kind)) for one, kind in zip(given, kinds, strict=True)]
    try:
        return _Run(model).summarise([_input(one, dtype, (1,)) for one, dtype in pairs])
    except Exception as first:
        if not all(_is_shape(one) for one, _ in pairs):
            raise
        try:
            return _Run(model).summarise([_input(one, dtype, ()) for one, dtype in pairs])
        except Exception:
            raise first from None


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _input(value: Any, dtype: np.dtype[Any], batch: Shape) -> Tensor:
    if isinstance(value, (Tensor, np.ndarray)):
        return asarray(value).detach()
    if not _is_shape(value) or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in value):
        raise TypeError(f"an input is given by its shape, a tuple of whole numbers, and not by {value!r}")
    return zeros((*batch, *map(int, value)), dtype=dtype)


class _Fields:
    """The receptive fields of living tensors; by identity, since comparing tensors is an operation."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[ref[Tensor], Field | None]] = {}

    def __setitem__(self, tensor: Tensor, field: Field | None) -> None:
        self.known[id(tensor)] = (ref(tensor), field)

    def __contains__(self, tensor: Tensor) -> bool:
        found = self.known.get(id(tensor))
        return found is not None and found[0]() is tensor

    def get(self, tensor: Tensor) -> Field | None:
        return self.known[id(tensor)][1] if tensor in self else None


class _Run:
    """One run of a model, watched by hooks on its modules and by an observer of its operations."""

    def __init__(self, model: Module) -> None:
        self.model = model
        self.paths = {module: path for path, module in model.named_modules()}
        self.rows: dict[Module, Row] = {}
        self.inside: list[Module] = []
        self.elsewhere = 0  # work outside of all modules' calls
        self.fields = _Fields()

    def summarise(self, inputs: list[Tensor]) -> Summary:
        modes = {module: module.training for module in self.paths}
        handles = []
        for tensor in inputs:
            self.fields[tensor] = Field((), ())
        try:
            for module in self.paths:
                handles.append(module.register_forward_pre_hook(self.enter, with_kwargs=True, prepend=True))
                handles.append(module.register_forward_hook(self.leave))
            self.model.eval()
            with no_grad(), observing(self):
                output = self.model(*inputs)
        finally:
            for handle in handles:
                handle.remove()
            for module, training in modes.items():
                module.training = training
        return self.collected(inputs, output)

    def enter(self, module: Module, args: Any, kwargs: Any) -> None:
        self.inside.append(module)
        row = self.rows.get(module)
        if row is None:
            row = self.rows[module] = self.row(module)
            row.input_shapes = [tensor.shape for tensor in _tensors((args, tuple(kwargs.values())))]
        row.calls += 1

    def leave(self, module: Module, args: Any, output: Any) -> None:
        self.inside.pop()
        row = self.rows[module]
        if row.calls == 1 or not row.output_shapes:
            row.output_shapes = [tensor.shape for tensor in _tensors(output)]
        found = [self.fields.get(tensor) for tensor in _tensors(output)]
        known = [f.size for f in found if f is not None and f.size]
        row.receptive_field = max(known) if known and len(known) == len(found) else None

    def row(self, module: Module) -> Row:
        path = self.paths[module]
        return Row(path, type(module).__name__, path.count(".") + 1 if path else 0)

    # observing

    def on_forward(self, op: Op, inputs: tuple[Any, ...], parameters: tuple[Any, ...], output: Any) -> None:
        work = _WORK.get(parts(op.name)[0])
        outputs = output if isinstance(output, tuple) else (output,)
        if work is not None and self.inside:
            self.rows[self.inside[-1]].multiply_adds += work(inputs, outputs[0])
        elif work is not None:
            self.elsewhere += work(inputs, outputs[0])
        settings = dict(zip(op.parameters, parameters, strict=False))
        for result in outputs:
            self.fields[result] = self.traced(op, inputs, settings, result)

    def on_replace(self, old: Any, new: Any) -> None:
        if old in self.fields:
            self.fields[new] = self.fields.get(old)

    def on_backward(self, node: Any, gradient: Any, contributions: tuple[Any, ...]) -> None:
        """There is none."""

    def traced(
        self, op: Op, inputs: tuple[Any, ...], settings: dict[str, Any], output: Tensor
    ) -> Field | None:
        """The receptive field of a result; None where it is not that of a window any more."""
        sources = [x for x in inputs if isinstance(x, Tensor) and x in self.fields]
        before = [self.fields.get(x) for x in sources]
        if not before or None in before:
            return None
        widest = max((f for f in before if f is not None), key=lambda f: f.size)
        shape = sources[0].shape
        if op.name.startswith("convolution"):
            kernel, axes = inputs[1].shape[2:], len(inputs[1].shape) - 2
            start = widest if widest.size else Field((1,) * axes, (Fraction(1),) * axes)
            grow = widened_by_transposed if "transpose" in op.name else widened
            return grow(start, kernel, settings["stride"], settings["dilation"])
        if "maps" in settings:  # pooling and interpolation
            reach = [each.reach for each in settings["maps"]]
            axes = len(reach)
            start = widest if widest.size else Field((1,) * axes, (Fraction(1),) * axes)
            return widened(start, [span for span, _ in reach], [step for _, step in reach], [1] * axes)
        axes = len(widest.size)
        if parts(op.name)[0] in _WORK or output.ndim <= axes:
            return None
        if axes and op.name != "pad" and output.shape[-axes:] != shape[-axes:]:
            return None
        return widest

    # collecting

    def collected(self, inputs: list[Tensor], output: Any) -> Summary:
        rows = list(self.rows.values())
        rows += [self.row(module) for module in self.paths if module not in self.rows]
        by_path = {row.path: row for row in rows}
        seen: set[Tensor] = set()
        for module, path in self.paths.items():
            for _, parameter in module.named_parameters(recurse=False):
                if parameter not in seen and not isinstance(parameter, UninitializedParameter):
                    seen.add(parameter)
                    by_path[path].parameters += parameter.size
                    by_path[path].trainable += parameter.size * parameter.requires_grad
        return Summary(
            rows,
            sum(row.parameters for row in rows),
            sum(row.trainable for row in rows),
            sum(buffer.size for buffer in self.model.buffers()),
            sum(row.multiply_adds for row in rows) + self.elsewhere,
            [tensor.shape for tensor in inputs],
            [tensor.shape for tensor in _tensors(output)],
        )


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, (tuple, list)) else []


def _matmul_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    return output.size * int(np.shape(inputs[0])[-1])


def _linear_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    return output.size * int(inputs[1].shape[-1])


def _convolution_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    return output.size * int(math.prod(inputs[1].shape[1:]))


def _transposed_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    return int(inputs[0].size * math.prod(inputs[1].shape[1:]))


def _bilinear_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    return output.size * int(math.prod(inputs[2].shape[1:]))


def _attention_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    query, key, value = inputs[:3]
    rows = output.size // value.shape[-1] if value.shape[-1] else 0
    return rows * int(key.shape[-2]) * int(query.shape[-1] + value.shape[-1])


def _recurrent_work(inputs: tuple[Any, ...], output: Tensor) -> int:
    """Each row passes all matrices once; the states are matrices as well, and come before the weights."""
    states = 2 if len(inputs) > 6 else 1
    weights = sum(int(x.size) for x in inputs[1 + states :] if x is not None and x.ndim == 2)
    return int(inputs[0].shape[0]) * weights


_WORK: dict[str, Callable[[tuple[Any, ...], Tensor], int]] = {
    "linear": _linear_work,
    "scaled_dot_product_attention": _attention_work,
    "matmul": _matmul_work,
    "bilinear": _bilinear_work,
    "rnn_layer": _recurrent_work,
    "lstm_layer": _recurrent_work,
    "gru_layer": _recurrent_work,
    "convolution": _convolution_work,
    "convolution_transpose": _transposed_work,
}


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    name = row.path.rpartition(".")[2]
    label = (
        "  " * row.depth
        + (f"{name}: " if name else "")
        + row.kind
        + (f" ×{row.calls}" if row.calls > 1 else "")
    )
    numbers = [f"{n:,}" if n else "" for n in (row.parameters, row.multiply_adds)]
    seen = row.receptive_field or ()
    field = "×".join(map(str, seen[:1] if len(set(seen)) == 1 else seen))
    return label, _shapes(row.output_shapes) if row.calls else "not called", numbers[0], numbers[1], field


def _shapes(shapes: list[Shape]) -> str:
    return ", ".join(map(str, shapes))
