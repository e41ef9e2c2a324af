"""Packs: parameters that are updated as one, so that a thousand small ones do not cost a thousand calls.

The parameters stay where they are, in memory that views, state dicts and other names of theirs may share. Small ones
are gathered into one flat buffer for each step and their new values are written back; large ones are updated where
they lie. The state of the small ones does live in flat buffers, and each parameter's own state holds slices of these.
Whatever is no longer as a pack left it (other arrays, dtypes, gradients or groups, a state that was loaded or
assigned) is noticed at the next step, which then packs anew from what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..autograd import Tensor
from .program import Array, Job, Program, State, Update
from .scalars import number

LARGE = 1 << 13  # elements from which on a parameter is worth calls of its own
DIRECT = 1 << 14  # elements up to which a program is not worth writing down


class Pack:
    """Parameters of one group with the same dtype, step count and entries of state.

    Args:
        positions: of the parameters among those of the group that have gradients.
        arrays: the parameters' own.
        states: the parameters' own, which are changed to hold slices of this pack's buffers.
        entries: the names of what is an array of the parameter's shape in the states.
    """

    def __init__(
        self,
        positions: list[int],
        parameters: list[Tensor],
        arrays: list[Array],
        states: list[State],
        entries: Sequence[str],
    ) -> None:
        self.positions, self.parameters, self.arrays, self.states = positions, parameters, arrays, states
        self.dtype = arrays[0].dtype
        self._names = tuple(entries)
        self._small = [i for i, a in enumerate(arrays) if a.size < LARGE or not a.flags.c_contiguous]
        self._large = sorted(set(range(len(arrays))) - set(self._small))
        self._bounds = np.cumsum([0, *(arrays[i].size for i in self._small)])
        self._old, self._old_views = self._buffer()
        self._new, self._new_views = self._buffer()
        self._gradient, self._gradient_views = self._buffer()
        self._small_arrays = [arrays[i] for i in self._small]
        self._flat: dict[str, Array] = {}
        self._flat_large: list[tuple[Array, dict[str, Array]]] | None = (
            None  # views, made when they are needed
        )
        self._entries: dict[str, list[Array]] = {}
        self.numbers = {name: value for name, value in states[0].items() if name not in entries}
        for name in states[0]:
            if name in entries:
                for place, state in zip(self._add(name), states, strict=True):
                    place[...] = state[name]
                    state[name] = place
        self._squares: dict[int, tuple[float, float]] = {}
        self._made: tuple[Any, Program] | None = None

    def _buffer(self) -> tuple[Array, list[Array]]:
        """Memory for all small parameters, and the part of each."""
        flat = np.empty(self._bounds[-1], self.dtype)
        bounds = self._bounds.tolist()
        views = [
            flat[start:stop].reshape(self.arrays[i].shape)
            for i, start, stop in zip(self._small, bounds, bounds[1:], strict=False)
        ]
        return flat, views

    def _add(self, name: str) -> list[Array]:
        """Memory for an entry of the state."""
        if name not in self._names:
            raise TypeError(
                f"the rule's state has an array {name!r} that shapes_like_parameter does not name; it names "
                f"{', '.join(map(repr, self._names)) or 'none'}"
            )
        self._flat_large = None
        flat, views = self._buffer()
        of_small = dict(zip(self._small, views, strict=True))
        self._flat[name] = flat
        self._entries[name] = [
            of_small[i] if i in of_small else np.empty(a.shape, self.dtype) for i, a in enumerate(self.arrays)
        ]
        return self._entries[name]

    def is_current(self, arrays: Sequence[Array], states: Sequence[State]) -> bool:
        """Whether arrays and states are those that the pack knows."""
        count = len(self._entries) + len(self.numbers)
        return (
            _same(arrays, self.arrays)
            and _same(states, self.states)
            and list(map(len, states)) == [count] * len(states)
            and all(_same([s.get(name) for s in states], known) for name, known in self._entries.items())
            and all([s.get(n) for s in states] == [value] * len(states) for n, value in self.numbers.items())
        )

    def step(self, update: Update, gradients: Sequence[Array], options: Mapping[str, Any]) -> None:
        """Update all parameters and states, in place."""
        for view, i in zip(self._gradient_views, self._small, strict=True):
            view[()] = gradients[i]  # all of it, as [...] is, which takes three times as long for a number
        for view, array in zip(self._old_views, self._small_arrays, strict=True):
            view[()] = array
        if not self._large and len(self._old) <= DIRECT:
            entries = self._call(update, options)
        else:
            entries = self._run(update, gradients, options)
        for array, view in zip(self._small_arrays, self._new_views, strict=True):
            array[()] = view
        if entries != tuple(self.states[0]):
            self._renew(entries)
        elif self.numbers:
            for state in self.states:
                state.update(self.numbers)

    def _call(self, update: Update, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Apply the rule as it is to the flat buffers."""
        given = {n: self._flat[n] if n in self._flat else self.numbers[n] for n in self.states[0]}
        value, state = update(self._old, self._gradient, given, **options)
        self._new[...] = value
        mine = list(map(id, (self._old, self._gradient, *self._flat.values())))
        moved = {name: entry.copy() for name, entry in state.items() if id(entry) in mine}
        for name, entry in (state | moved).items():
            if not isinstance(entry, np.ndarray):
                self.numbers[name] = entry
            else:
                if name not in self._flat:
                    self._add(name)
                self._flat[name][...] = entry
        return tuple(state)

    def _run(self, update: Update, gradients: Sequence[Array], options: Mapping[str, Any]) -> tuple[str, ...]:
        """Apply the rule as a program to the flat buffers and to each large parameter."""
        made_for = (update, tuple(self.states[0]), self.numbers, dict(options))
        if self._made is None or self._made[0] != made_for:  # step counts change the program of most rules
            self._made = made_for, Program(*made_for, self.dtype)
        program = self._made[1]
        for name in program.entries:
            if name not in self._entries and name not in program.numbers:
                self._add(name)
        if self._flat_large is None:
            self._flat_large = [
                (self.arrays[i].reshape(-1), {name: of[i].reshape(-1) for name, of in self._entries.items()})
                for i in self._large
            ]
        jobs = [Job(self._old, self._gradient, self._flat, self._new)]
        for i, (parameter, state) in zip(self._large, self._flat_large, strict=True):
            jobs.append(Job(parameter, gradients[i].reshape(-1), state, parameter))
        _, *squares = program.run(jobs)
        self._squares = dict(zip(self._large, squares, strict=True))
        self.numbers = program.numbers
        return program.entries

    def _renew(self, entries: Sequence[str]) -> None:
        """Fill the states with the entries that the rule gives, in its order."""
        for i, state in enumerate(self.states):
            state.clear()
            for name in entries:
                state[name] = self._entries[name][i] if name in self._entries else self.numbers[name]

    def ratios(self) -> Iterator[tuple[Tensor, float, float]]:
        """For each parameter the norm of the last update, and of the parameter before it."""
        for i, old, new in zip(self._small, self._old_views, self._new_views, strict=True):
            yield self.parameters[i], float(np.linalg.norm(new - old)), float(np.linalg.norm(old))
        for i, (changed, size) in self._squares.items():
            yield self.parameters[i], changed**0.5, size**0.5


def pack(
    parameters: Sequence[Tensor], arrays: Sequence[Array], states: Sequence[State], entries: Sequence[str]
) -> list[Pack]:
    """Sort parameters into packs; one that shares memory with another comes into a pack of its own."""
    for state in states:
        state |= {name: number(value) for name, value in state.items() if name not in entries}
    sharing = _sharing(arrays)
    together: dict[Any, list[int]] = {}
    for position, (array, state) in enumerate(zip(arrays, states, strict=True)):
        numbers = tuple((name, None if name in entries else value) for name, value in state.items())
        alone = position if position in sharing else None
        together.setdefault((array.dtype, numbers, alone), []).append(position)
    return [
        Pack(
            positions,
            [parameters[i] for i in positions],
            [arrays[i] for i in positions],
            [states[i] for i in positions],
            entries,
        )
        for positions in together.values()
    ]


def _sharing(arrays: Sequence[Array]) -> set[int]:
    """Which arrays reach into memory of one before them."""
    spans = sorted((*byte_bounds(array), position) for position, array in enumerate(arrays) if array.size)
    found, end = set(), 0
    for start, stop, position in spans:
        if start < end:
            found.add(position)
        end = max(end, stop)
    return found


def _same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Whether two sequences hold the same objects."""
    return len(first) == len(second) and all(map(is_, first, second))
