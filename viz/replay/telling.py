"""From a graph to the steps of its replay: the forward pass, where backward began, and how gradients came back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...autograd import Entry
from ...autograd.extend import Family, Op
from ..fanout import is_place
from ..glyphs import subscripted
from ..graph import Graph, GraphEdge, GraphNode
from ..numbers import Array, GradientState, numbers
from .formulas import Extent, declared_rule, helper_notes, pullback_formula, result_formula, slope_formula
from .rerun import is_product, near, projected, run_again, stretched
from .speech import law_of, listing, literal, settings, several, short, spoken, times
from .steps import Step, Term, Told


def told(graph: Graph) -> Told:
    """The steps of a graph."""
    return _Teller(graph).told()


class _Teller:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.incoming = graph.incoming()
        self.outgoing: list[list[GraphEdge]] = [[] for _ in graph.nodes]
        for edge in graph.edges:
            self.outgoing[edge.tail].append(edge)
        self.names = self._names()
        self.by_entry = {
            id(graph.entries[node.entry][0]): node for node in reversed(graph.nodes) if node.entry >= 0
        }
        for entry, _ in graph.entries:  # the one result that is used of several stands for the operation
            if id(entry) not in self.by_entry and entry.inputs and id(entry.inputs[0]) in self.by_entry:
                self.by_entry[id(entry)] = self.by_entry[id(entry.inputs[0])]
        self.seeds = self._seeds()
        named = [self.names[key] for key in self.seeds if graph.nodes[key].name]
        self.loss = named[0] if len(self.seeds) == 1 and named else "L"
        self.steps: list[Step] = []
        self.value_at = [0] * len(graph.nodes)
        self.gradient_at: list[int | None] = [None] * len(graph.nodes)
        self.wire_at: list[int | None] = [None] * len(graph.edges)

    def told(self) -> Told:
        self._forward()
        missing = self._backward()
        end = len(self.steps)
        notes = self._notes(missing)
        self._end(notes)
        return Told(
            tuple(self.steps),
            tuple(self.value_at),
            tuple(end if at is None else at for at in self.gradient_at),
            tuple(end if at is None else at for at in self.wire_at),
            tuple(self.names),
            tuple(map(self._partial, self.graph.nodes)),
            notes,
        )

    # names

    def _names(self) -> list[str]:
        """A short name for every node: its own, the number of a constant, else "v₃" by its place."""
        names: list[str] = []
        count = 0
        for node in self.graph.nodes:
            if is_place(node):
                names.append(names[self.incoming[node.key][0].tail])
                continue
            count += 1
            if node.name:
                names.append(subscripted(node.name))
            elif node.kind == "constant" and node.value is not None and node.value.ndim == 0:
                names.append(literal(node.value))
            else:
                names.append(subscripted(f"v{count}") if count < 1000 else f"v{count}")
        return names

    def _source(self, node: GraphNode) -> GraphNode:
        """The node that puts a value out, for any of its places."""
        while is_place(node):
            node = self.graph.nodes[self.incoming[node.key][0].tail]
        return node

    def _entry(self, node: GraphNode) -> Entry:
        return self.graph.entries[node.entry][0]

    def _called(self, entry: Entry) -> str:
        """The name of an operand; a number that its gate has taken in is that number."""
        node = self.by_entry.get(id(entry))
        if node is not None:
            return self.names[node.key]
        return literal(entry.value) if entry.value is not None and entry.value.ndim == 0 else "?"

    def _partial(self, node: GraphNode) -> str:
        return f"∂{self.loss}/∂{self.names[node.key]}"

    # forward

    def _forward(self) -> None:
        given = [node for node in self.graph.nodes if node.operation is None and not is_place(node)]
        listed = [node for node in given if node.kind != "constant"]
        text = (
            f"Given: {listing(list(map(self._given, listed)))}."
            if listed
            else "Nothing is given from outside."
        )
        leaves = tuple(node.key for node in listed)
        self.steps.append(Step("start", None, "What is given", text, leaves=leaves))
        for node in self.graph.nodes:
            if node.operation is not None:
                self.value_at[node.key] = len(self.steps)
                self.steps.append(self._forward_step(node))
            elif is_place(node):
                self.value_at[node.key] = self.value_at[self.incoming[node.key][0].tail]

    def _given(self, node: GraphNode) -> str:
        return f"{self.names[node.key]} = {spoken(node.value)}"

    def _forward_step(self, node: GraphNode) -> Step:
        entry, own = self._entry(node), self.names[node.key]
        assert entry.operation is not None
        setting = settings(node)
        operands = [self._called(operand) for operand in entry.inputs]
        formula = result_formula(entry.operation, operands, setting)
        title = f"{own} = {formula}"
        equation = None
        if node.shape == () and all(e.shape == () and e.value is not None for e in entry.inputs):
            given = [numbers(e.value) for e in entry.inputs if e.value is not None]
            equation = result_formula(entry.operation, given, setting)
        value = spoken(node.value)
        notes = ("an operand that needs no gradient is not on the tape",) if node.incomplete else ()
        return Step(
            "forward",
            node.key,
            title,
            f"{title}, which is {equation} = {value}." if equation else f"{title}, which is {value}.",
            equation,
            wires=tuple(edge.key for edge in self.incoming[node.key]),
            total=node.value,
            notes=notes,
        )

    # backward

    def _ran(self, node: GraphNode) -> bool:
        """Whether backward is known to have gone through an operation."""
        if node.operation is None or node.error is not None:
            return False
        entry = self._entry(node)
        return any(sent is not None for sent in entry.contributions) or (
            node.gradient is not None and node.required
        )

    def _seeds(self) -> list[int]:
        """Where backward began: gradients that no consumer has sent."""
        seeds = []
        for node in self.graph.nodes:
            if node.operation is None or not self._ran(node):
                continue
            if not any(self._ran(user) for user in self._users(node)):
                seeds.append(node.key)
        return seeds

    def _backward(self) -> list[GraphNode]:
        """The steps of backward; returns the operations that a gradient should have reached and has not."""
        missing = []
        for node in reversed(self.graph.nodes):
            if node.key in self.seeds:
                self._seed_step(node)
            if node.kind == "adder":
                self._sum_step(node)
            elif node.error is not None:
                self._failed_step(node)
            elif node.operation is not None and self._ran(node):
                self._backward_step(node)
            elif node.operation is not None and self._awaited(node):
                missing.append(node)
        return missing

    def _awaited(self, node: GraphNode) -> bool:
        """Whether a gradient should have come to an operation: from one that uses it, or because none came anywhere."""
        if node.state is GradientState.NOT_REQUIRED:
            return False
        return not self.seeds or any(self._ran(user) for user in self._users(node))

    def _users(self, node: GraphNode) -> list[GraphNode]:
        """The operations that take a value, by way of its fan-out if it has one."""
        heads = [self.graph.nodes[edge.head] for edge in self.outgoing[node.key]]
        behind = [
            self.graph.nodes[e.head] for head in heads if is_place(head) for e in self.outgoing[head.key]
        ]
        return [head for head in (*heads, *behind) if head.operation is not None]

    def _seed_step(self, node: GraphNode) -> None:
        own = self._partial(node)
        gradient = node.gradient
        ones = gradient is not None and bool(np.all(gradient == 1))
        why = "the change of a result with itself" if ones else "the gradient that backward was given"
        text = f"Backward begins: {own} = {spoken(gradient)}, {why}."
        self.gradient_at[node.key] = len(self.steps)
        ends = [edge.key for edge in self.outgoing[node.key]]
        for key in ends:
            self.wire_at[key] = len(self.steps)
        self.steps.append(
            Step(
                "seed", node.key, "Backward begins", text, total=gradient, wires=tuple(ends), own=own, why=why
            )
        )

    def _failed_step(self, node: GraphNode) -> None:
        title = f"Backward failed at {self.names[node.key]} = {self._formula(node)}"
        own, gradient = self._partial(node), node.gradient
        text = f"{title}: {node.error}. It had got {own} = {spoken(gradient)}. What comes before it has no gradient."
        self.steps.append(
            Step("failed", node.key, title, text, total=gradient, notes=(str(node.error),), own=own)
        )

    def _sum_step(self, node: GraphNode) -> None:
        """At a fan-out the gradients of all ways add."""
        source = self._source(node)
        own = self._partial(source)
        terms = []
        for edge in self.outgoing[node.key]:
            head = self.graph.nodes[edge.head]
            sent = edge.gradient
            if sent is None or not self._ran(self._source(head)):
                continue
            by = f"by way of {self.names[head.key]}"
            terms.append(Term(edge.key, head.key, own, None, None, sent, by, None, False))
        if not terms:
            return
        total = source.gradient
        title = f"{self.names[source.key]} is used {times(len(self.outgoing[node.key]))}: gradients add"
        parts = " plus ".join(f"{spoken(term.downstream)} {term.formula}" for term in terms)
        text = f"{title}. {own} = {parts} = {spoken(total)}."
        notes: tuple[str, ...] = ()
        sent_sum = sum(term.downstream for term in terms if term.downstream is not None)
        if total is not None and source.key not in self.seeds and not near(sent_sum, total):
            notes = ("the recorded sum differs: a hook changed it, or backward ran more than once",)
        self._arrived(source, node)
        wires = tuple(term.edge for term in terms)
        self.steps.append(
            Step("sum", node.key, title, text, None, "adder", tuple(terms), total, wires, notes, own)
        )

    def _arrived(self, source: GraphNode, place: GraphNode) -> None:
        """From now on the whole gradient of a value is known."""
        now = len(self.steps)
        self.gradient_at[source.key] = self.gradient_at[place.key] = now
        for edge in self.incoming[place.key]:
            if self.wire_at[edge.key] is None:
                self.wire_at[edge.key] = now

    def _backward_step(self, node: GraphNode) -> None:
        entry, own = self._entry(node), self.names[node.key]
        operation = entry.operation
        assert operation is not None
        # numbers that the gate has taken in have no wire
        places = [place for place, operand in enumerate(entry.inputs) if id(operand) in self.by_entry]
        found = [
            self._term(entry, operation, place, edge)
            for place, edge in zip(places, self.incoming[node.key], strict=True)
            if entry.inputs[place].requires_grad
        ]
        terms = [term for term in found if term is not None]
        for term in terms:
            self.wire_at[term.edge] = len(self.steps)
            target = self.graph.nodes[term.operand]
            if self.graph.nodes[self.graph.edges[term.edge].tail].kind != "adder":
                self.gradient_at[target.key] = len(self.steps)
        law = law_of(node, operation)
        words = "; ".join(self._in_words(term) for term in terms)
        title = f"Back through {own} = {self._formula(node)}"
        notes = ("a gradient check has found this rule wrong",) if node.wrong else ()
        text = (
            f"{title}. "
            + (f"It {law}. " if law else "")
            + (f"{words}." if words else "It sends nothing back.")
        )
        self.steps.append(
            Step(
                "backward", node.key, title, text, None, law, tuple(terms), entry.gradient,
                tuple(term.edge for term in terms), notes, self._partial(node),
            )
        )  # fmt: skip

    def _formula(self, node: GraphNode) -> str:
        entry = self._entry(node)
        assert entry.operation is not None
        operands = [self._called(operand) for operand in entry.inputs]
        return result_formula(entry.operation, operands, settings(node))

    def _in_words(self, term: Term) -> str:
        down = spoken(term.downstream)
        over = f", summed over {term.summed_text}" if term.summed else ""
        if not term.product:
            return f"{term.gradient} = {down}, by the vector–Jacobian product {term.formula}{over}"
        local = spoken(term.local)
        factor = f"{term.formula} = {local}" if term.formula not in ("", "1", "−1") else local
        return f"{term.gradient} = upstream {spoken(term.upstream)} times local {factor}, is {down}{over}"

    def _term(self, entry: Entry, operation: Op, place: int, edge: GraphEdge) -> Term | None:
        """What an operation has sent to one of its operands."""
        operand = entry.inputs[place]
        slot = entry.slots[place]
        name = operation.inputs[0 if operation.variadic else slot]
        if name not in operation.rules:
            return None
        sent = entry.contributions[place] if entry.contributions else edge.gradient
        if sent is None:
            return None
        target = self._source(self.graph.nodes[edge.tail])
        family = getattr(operation.samples, "family", None)
        scalars = all(other.shape == () for other in (entry, *entry.inputs))
        alone = entry.shape == ()
        real = all(part.dtype.kind != "c" for part in (sent, np.empty((), operand.dtype)))
        product = real and (alone or scalars or family is Family.ELEMENTWISE) and entry.gradient is not None
        names, known = self._bindings(entry, operation)
        term = Term(
            edge.key,
            target.key,
            self._partial(target),
            entry.gradient,
            None,
            sent,
            pullback_formula(operation, name, names, known),
            declared_rule(operation, name),
            False,
            notes=helper_notes(operation, name),
            local_name=f"∂{names['out']}/∂{self.names[target.key]}",
            part=self.graph.nodes[edge.tail].kind == "adder",
        )
        if several(entry):
            return replace(term, upstream=self._of_results(entry))
        ran = run_again(entry, operation, name, slot)
        if ran is not None:
            whole, local = ran
            if whole.dtype.kind == "c" and sent.dtype.kind != "c":
                whole = whole.real  # as the engine does for a real operand
            term = replace(term, agrees=near(projected(whole, sent.shape), sent))
            if whole.shape != sent.shape and whole.size > sent.size:
                term = replace(term, summed=stretched(whole.shape, sent.shape), unsummed=whole)
            if product and term.agrees and is_product(local, entry.gradient, whole):
                return self._as_product(term, operation, name, names, known, local)
        elif alone and product and entry.gradient is not None and entry.gradient.all():
            with np.errstate(all="ignore"):
                local = np.asarray(sent / entry.gradient)
            if np.isfinite(local).all():
                return self._as_product(term, operation, name, names, known, local)
        return term

    def _of_results(self, entry: Entry) -> Array | None:
        """The gradient of the one of several results that has one."""
        parts = [
            other.gradient for other, _ in self.graph.entries if other.inputs and other.inputs[0] is entry
        ]
        known = [part for part in parts if part is not None]
        return known[0] if len(known) == 1 else None

    def _as_product(
        self, term: Term, operation: Op, name: str, names: dict[str, str], known: dict[str, Any], local: Array
    ) -> Term:
        slope = slope_formula(operation, name, names, known)
        return replace(term, product=True, local=local, formula=slope or "")

    def _bindings(self, entry: Entry, operation: Op) -> tuple[dict[str, str], dict[str, Any]]:
        """What stands in formulas for the parameters of a rule, and what is known without numbers."""
        names: dict[str, str] = {"out": "", **{key: short(value) for key, value in entry.parameters.items()}}
        known: dict[str, Any] = dict(entry.parameters)
        node = self.by_entry.get(id(entry))
        names["out"] = self.names[node.key] if node is not None else "out"
        if operation.variadic:
            called = ", ".join(self._called(operand) for operand in entry.inputs)
            return names | {operation.inputs[0]: f"({called})"}, known
        for slot, operand in zip(entry.slots, entry.inputs, strict=True):
            name = operation.inputs[slot]
            names[name] = self._called(operand)
            names[f"{name}_shape"] = str(operand.shape)
            known |= {f"{name}_shape": operand.shape, name: Extent(operand.shape)}
        return names, known

    # the end

    def _notes(self, missing: list[GraphNode]) -> tuple[str, ...]:
        notes = []
        if any(node.value is None and not several(node) for node in self.graph.nodes):
            notes.append(
                "Some values were not recorded and are unknown: compute inside “with pb.record() as recording:” "
                "and replay the recording."
            )
        failed = [self.names[node.key] for node in self.graph.nodes if node.error is not None]
        if failed:
            notes.append(f"Backward failed at {listing(failed)}: the steps that would follow are missing.")
        elif missing and not self.seeds:
            known = any(node.gradient is not None for node in self.graph.nodes)
            notes.append(
                "Gradients on the way were not recorded, so there are no steps of backward: call backward inside "
                "“with pb.record() as recording:”."
                if known
                else "Backward has not run: there are no gradients yet."
            )
        elif missing:
            some = listing([self.names[node.key] for node in reversed(missing)])
            notes.append(f"Backward did not come to {some}: their steps are missing.")
        return tuple(notes)

    def _end(self, notes: tuple[str, ...]) -> None:
        leaves = [node for node in self.graph.nodes if node.kind == "parameter" and node.gradient is not None]
        found = [f"{self._partial(node)} = {spoken(node.gradient)}" for node in leaves]
        text = f"Done: {listing(found)}." if found else "Done."
        title = "All gradients of the leaves" if found else "The end"
        keys = tuple(node.key for node in leaves)
        self.steps.append(Step("end", None, title, " ".join([text, *notes]), notes=notes, leaves=keys))
