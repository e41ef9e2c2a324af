"""Large graphs: modules close by depth, by the caller's word and by a number of nodes; repetitions are drawn once."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import nn, viz
from pullback.viz.parts import name_range
from pullback.viz.repetition import runs


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.last = nn.Linear(width, width)

    def forward(self, x):
        return x + self.last(pb.relu(self.first(x)))


class Stack(nn.Module):
    def __init__(self, count, width=3):
        super().__init__()
        self.start = nn.Linear(2, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(count)])

    def forward(self, x):
        x = self.start(x)
        for block in self.blocks:
            x = block(x)
        return x


class Recurrent(nn.Module):
    """A cell whose output is used by the next step and by a linear layer, both shared by all steps."""

    def __init__(self, steps):
        super().__init__()
        self.cell = nn.RNNCell(2, 3)
        self.out = nn.Linear(3, 2)
        self.steps = steps

    def forward(self, x):
        h = pb.zeros((4, 3))
        results = []
        for step in range(self.steps):
            h = self.cell(x[:, step], h)
            results.append(self.out(h))
        return pb.stack(results)


def recorded(model, x):
    pb.manual_seed(0)
    with viz.record() as recording:
        (model(x) ** 2).mean().backward()
    return recording


@pytest.fixture(scope="module")
def stack():
    pb.manual_seed(0)
    return recorded(Stack(6), pb.randn(4, 2))


@pytest.fixture(scope="module")
def recurrent():
    pb.manual_seed(0)
    return recorded(Recurrent(5), pb.randn(4, 5, 2))


def groups(drawing):
    return {node.group.scope: node.group for node in drawing.graph.nodes if node.group}


def test_depth_closes_what_lies_deeper(stack):
    assert set(groups(viz.draw(stack, depth=0))) == {"start", "blocks"}
    found = groups(viz.draw(stack, depth=1))
    assert set(found) == {f"blocks.{i}" for i in range(6)}
    block = found["blocks.3"]
    assert (block.kind, block.operations, block.parameters, block.outputs) == ("Block", 4, 24, 1)
    assert block.contents == "2 linear, relu, add"
    assert not groups(viz.draw(stack, depth=5, max_nodes=None))


def test_the_caller_closes_and_opens_modules(stack):
    drawing = viz.draw(stack, closed=lambda scope: scope.kind == "Block", max_nodes=None)
    assert set(groups(drawing)) == {f"blocks.{i}" for i in range(6)}
    seen = []
    viz.draw(stack, closed=lambda scope: seen.append(scope.path), max_nodes=None)
    assert {"start", "blocks", "blocks.5", "blocks.5.last"} <= set(seen)
    # False opens whatever the number of nodes; None leaves it to the rest
    drawing = viz.draw(
        stack, max_nodes=8, rolled=False,
        closed=lambda scope: False if scope.path in ("blocks", "blocks.2", "blocks.2.first") else None,
    )  # fmt: skip
    assert "blocks.2.first" in {scope.path for scope in drawing.graph.scopes}
    assert "blocks.1" in groups(drawing)


@pytest.mark.parametrize("budget", [5, 8, 12, 20, 35, 60])
@pytest.mark.parametrize("rolled", [None, False])
def test_a_budget_is_never_exceeded_and_is_made_use_of(stack, budget, rolled):
    drawing = viz.draw(stack, max_nodes=budget, rolled=rolled)
    assert len(drawing.graph.nodes) <= budget
    assert len(drawing.whole.nodes) > 60
    shown = sum(
        (node.group.operations if node.group else node.operation is not None) * node.times
        for node in drawing.graph.nodes
    )
    assert shown == sum(node.operation is not None for node in drawing.whole.nodes)  # nothing is lost
    assert drawing.svg().count("<title>") > budget / 2
    if budget >= 20 and rolled is False:
        assert len(drawing.graph.nodes) > budget / 2


def test_small_graphs_are_drawn_whole(network):
    assert network.graph is network.whole


def test_what_is_not_finite_is_opened_first():
    model = Stack(6)
    with pb.no_grad():
        model.blocks[4].last.bias[0] = np.nan
    drawing = viz.draw(recorded(model, pb.ones((4, 2))), max_nodes=22, rolled=False)
    opened = {scope.path for scope in drawing.graph.scopes}
    assert "blocks.4.last" in opened
    closed = viz.draw(recorded(model, pb.ones((4, 2))), depth=0)
    assert groups(closed)["blocks"].alarms > 0
    assert "inside not finite or failed" in closed.svg()
    assert "values inside not finite or failed" in closed.outline()


def test_closed_modules_know_their_output_and_the_gradients_inside(stack):
    drawing = viz.draw(stack, depth=1)
    whole = drawing.whole
    (node,) = [node for node in drawing.graph.nodes if node.group and node.group.scope == "blocks.5"]
    (output,) = [n for n in whole.nodes if n.scope == "blocks.5" and n.operation == "add"]
    np.testing.assert_array_equal(node.value, output.value)
    np.testing.assert_array_equal(node.gradient, output.gradient)
    assert node.shape == output.shape
    inside = [n for n in whole.nodes if n.scope.startswith("blocks.5") and n.kind == "parameter"]
    expected = np.sqrt(sum(float((n.gradient.astype(float) ** 2).sum()) for n in inside))
    assert node.group.parameter_gradient == pytest.approx(expected, rel=1e-5)
    kept = [n.saved for n in whole.nodes if n.scope.startswith("blocks.5") and n.saved and n.kind != "adder"]
    assert sum(node.saved.values()) == sum(sum(saved.values()) for saved in kept) > 0


def test_wires_into_a_closed_module_merge_and_add_their_gradients(stack):
    drawing = viz.draw(stack, depth=1)  # a block uses its input twice: in the sum and in the first layer
    graph, whole = drawing.graph, drawing.whole
    nodes = {node.group.scope: node for node in graph.nodes if node.group}
    (wire,) = [e for e in graph.edges if e.head == nodes["blocks.1"].key]
    assert wire.tail == nodes["blocks.0"].key
    (source,) = [n for n in whole.nodes if n.scope == "blocks.0" and n.operation == "add"]
    np.testing.assert_allclose(wire.gradient, source.gradient, rtol=1e-5)
    np.testing.assert_array_equal(wire.value, source.value)


class Tied(nn.Module):
    """Two layers that share one weight."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 3, bias=False)
        self.two = nn.Linear(3, 3, bias=False)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.two(pb.tanh(self.one(x)))


def test_a_shared_parameter_is_one_node_whose_wires_carry_their_own_contributions():
    for options in ({}, {"depth": 0}):
        graph = viz.draw(recorded(Tied(), pb.ones((2, 3))), **options).graph
        (weight,) = [node for node in graph.nodes if node.kind == "parameter"]
        assert weight.name == "one.weight"
        (adder,) = [graph.nodes[edge.head] for edge in graph.edges if edge.tail == weight.key]
        parts = [edge.gradient for edge in graph.edges if edge.tail == adder.key]
        assert len(parts) == 2
        assert not np.allclose(parts[0], parts[1])
        np.testing.assert_allclose(sum(parts), weight.gradient, rtol=1e-5)


def test_equal_neighbours_fold_and_say_how_many_and_which(stack):
    drawing = viz.draw(stack, max_nodes=14)
    (frame,) = [scope for scope in drawing.graph.scopes if scope.times > 1]
    assert (frame.path, frame.caption, frame.kind, frame.times) == ("blocks.0", "0…5", "Block", 6)
    assert "0…5 · Block × 6" in drawing.svg()
    closed = viz.draw(stack, rolled=True, closed=lambda scope: scope.kind == "Block" or None)
    (group,) = [group for group in groups(closed).values() if group.kind == "Block"]
    assert (group.title, group.times, group.operations, group.parameters) == ("0…5", 6, 4, 24)
    for face in (closed.svg(), closed.outline(), closed.dot(), closed.mermaid()):
        assert "6" in face
    assert "× 6" in closed.svg()
    assert ", 6 times" in closed.outline()


def test_unequal_neighbours_do_not_fold():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4), nn.Linear(4, 5))
    graph = viz.draw(recorded(model, pb.ones((1, 2))), rolled=True).graph
    assert all(scope.times == 1 for scope in graph.scopes)


def test_a_recurrent_network_is_drawn_rolled(recurrent):
    drawing = viz.draw(recurrent, rolled=True)
    graph = drawing.graph
    (frame,) = [scope for scope in graph.scopes if scope.times > 1]
    assert frame.times == 5
    assert {scope.caption for scope in graph.scopes} == {
        "getitem, cell, out",
        "cell, call 1…5",
        "out, call 1…5",
    }
    cells = [node for node in graph.nodes if node.operation and "rnn" in node.operation]
    assert [cell.times for cell in cells] == [5]
    (loop,) = [edge for edge in graph.edges if edge.loop]
    assert loop.loop == 4  # from each step to the next
    assert loop.head == cells[0].key
    tail = graph.nodes[loop.tail]
    assert tail.kind == "adder"
    assert "4 ×" in drawing.svg()
    assert "from the 4 parts before" in drawing.outline()
    # the weights are no part of the steps, and what comes back to them is the sum over all steps
    (weight,) = [node for node in graph.nodes if node.name == "cell.weight_hh"]
    (wire,) = [edge for edge in graph.edges if edge.tail == weight.key]
    np.testing.assert_allclose(wire.gradient, weight.gradient, rtol=1e-4)
    # the states of all steps are there
    assert cells[0].value.shape == (5, 4, 3)
    whole = [n for n in drawing.whole.nodes if n.operation == cells[0].operation]
    np.testing.assert_array_equal(cells[0].value, np.stack([n.value for n in whole]))


def test_unrolled_it_has_every_step(recurrent):
    graph = viz.draw(recurrent, rolled=False, max_nodes=None).graph
    assert sum(bool(node.operation and "rnn" in node.operation) for node in graph.nodes) == 5
    assert not any(edge.loop for edge in graph.edges)
    assert {"cell:1", "cell:5", "out:5"} <= {scope.path for scope in graph.scopes}


def chain(count):
    x = pb.tensor([0.5, 0.25], requires_grad=True, name="x")
    y = x
    for i in range(count):
        y = pb.sin(y) * x if i % 3 == 0 else pb.cos(y) if i % 7 == 0 else pb.tanh(y)
    return y


@pytest.mark.parametrize("rolled", [None, False])
def test_without_modules_stretches_of_operations_close(rolled):
    drawing = viz.draw(chain(700), rolled=rolled)
    assert len(drawing.graph.nodes) <= 60
    assert drawing.svg().endswith("</svg>\n")
    found = {group.what for group in groups(drawing).values()}
    assert found <= {"stretch", "repetition"}
    if rolled is False:
        assert "stretch" in found


def test_circuits_close_too():
    x = pb.tensor(0.5, requires_grad=True, name="x")
    y = x
    for i in range(300):
        y = pb.sin(y) if i % 2 else y * x + i % 11
    y.backward(retain_graph=True)
    for rolled in (None, False):
        drawing = viz.draw(y, rolled=rolled)
        assert drawing.graph.style == "circuit"
        assert len(drawing.graph.nodes) <= 60
        assert drawing.svg().endswith("</svg>\n")
        assert len(drawing.svg()) < 200_000


@pytest.mark.parametrize("budget", [4, 10, 60])
def test_many_shared_leaves_stay_within_the_budget(budget):
    leaves = [pb.tensor([float(i), 1.0], requires_grad=True) for i in range(60)]
    y = leaves[0]
    for i in range(180):
        y = pb.sin(y) * leaves[(i * 7) % 60]
    drawing = viz.draw(y, max_nodes=budget, rolled=False)
    assert len(drawing.graph.nodes) <= budget


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_graph_keeps_its_wires_and_gets_no_larger_than_the_budget(data):
    count = data.draw(st.integers(1, 40))
    budget = data.draw(st.integers(3, 30))
    values = [pb.tensor([1.0, 2.0], requires_grad=True) for _ in range(data.draw(st.integers(1, 4)))]
    with viz.record() as recording:
        for _ in range(count):
            one, other = (values[data.draw(st.integers(0, len(values) - 1))] for _ in range(2))
            values.append(data.draw(st.sampled_from([pb.add, pb.multiply]))(one, other))
    drawing = viz.draw(recording, max_nodes=budget, rolled=data.draw(st.sampled_from([None, False])))
    graph = drawing.graph
    assert len(graph.nodes) <= budget
    assert [node.key for node in graph.nodes] == list(range(len(graph.nodes)))
    for edge in graph.edges:
        assert edge.loop or edge.tail < edge.head
    hidden = sum(
        (node.group.operations if node.group else bool(node.operation)) * node.times for node in graph.nodes
    )
    assert hidden == count
    viz.positions(graph)


FACES = ("svg", "html", "dot", "mermaid", "json", "outline")


@pytest.mark.parametrize("face", FACES)
def test_all_faces_show_the_collapsed_graph_and_always_the_same(stack, recurrent, face):
    for recording, options in (
        (stack, {"max_nodes": 14}),
        (recurrent, {"rolled": True}),
        (stack, {"depth": 1}),
    ):
        one, other = (getattr(viz.draw(recording, **options), face)() for _ in range(2))
        assert one == other
        assert "0x" not in one
    text = getattr(viz.draw(stack, depth=0), face)()
    assert "blocks" in text
    assert "blocks.2.first" not in text


def test_json_tells_of_closed_parts(stack, recurrent):
    drawing = viz.draw(stack, rolled=True, closed=lambda scope: scope.kind == "Block" or None)
    document = json.loads(drawing.json())
    assert len(document["nodes"]) == len(drawing.graph.nodes)
    (block,) = [node for node in document["nodes"] if node["group"] and node["group"]["module"] == "Block"]
    assert block["times"] == 6
    assert block["kind"] == "module"
    assert block["group"]["what"] == "repetition"
    assert block["group"]["operations"] == 4
    rolled = json.loads(viz.draw(recurrent, rolled=True).json())
    assert sum(edge["loop"] > 0 for edge in rolled["edges"]) == 1
    assert [scope["times"] for scope in rolled["scopes"] if scope["times"] > 1] == [5]


def test_code_is_that_of_the_whole_computation():
    with viz.record() as recording:
        x = pb.tensor(0.5, requires_grad=True, name="x")
        y = x
        for _ in range(80):
            y = pb.sin(y)
        y.backward()
    assert viz.draw(recording).code() == viz.draw(recording, max_nodes=None).code()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_nodes": 0}, "max_nodes must be at least 1, or None"),
        ({"depth": -1}, "depth must not be negative"),
    ],
)
def test_impossible_wishes_are_refused(stack, options, message):
    with pytest.raises(ValueError, match=message):
        viz.draw(stack, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_nodes": 2.5}, "max_nodes must be a whole number, or None for all nodes, not 2.5"),
        ({"closed": ["0"]}, "closed must be a function of a ModuleScope, not list"),
        ({"names": ["x"]}, "names must be a dict from names to Tensors, not list"),
        ({"title": 3}, "title must be a text, not int"),
    ],
)
def test_options_of_other_kinds_are_refused(options, message):
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=message):
        viz.draw(x * 2, **options)


def test_far_too_many_nodes_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(sys.modules["pullback.viz.draw"], "MOST_NODES", 500)
    with pytest.raises(ValueError, match=r"701 nodes, more than 500.*max_nodes=200"):
        viz.draw(straight(700), max_nodes=None)


def straight(count):
    y = pb.tensor([0.5], requires_grad=True)
    for _ in range(count):
        y = pb.sin(y)
    return y


def test_runs_cover_what_repeats():
    assert [tuple(run) for run in runs("aaaa")] == [(0, 1, 4)]
    assert [tuple(run) for run in runs("abcabcabcx")] == [(0, 3, 3), (9, 1, 1)]
    assert [tuple(run) for run in runs("abcd")] == [(i, 1, 1) for i in range(4)]
    assert list(runs("")) == []


@given(st.text("abc", max_size=30))
def test_runs_divide_the_whole(text):
    found = list(runs(text))
    assert "".join(text[r.start : r.start + r.length] * r.times for r in found) == text


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["0", "1", "2"], "0…2"),
        (["cell, call 10", "cell, call 11", "cell, call 19"], "cell, call 10…19"),
        (["a", "a"], "a"),
        (["a1b", "c"], "a1b … c"),
    ],
)
def test_ranges_of_names(names, shown):
    assert name_range(names) == shown


def test_large_arrays_of_repeated_parts_are_not_copied_and_their_numbers_are_those_of_all():
    pb.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(200, 200) for _ in range(4)))
    drawing = viz.draw(recorded(model, pb.randn(3, 200)), rolled=True)
    (weight,) = [
        node for node in drawing.graph.nodes if node.kind == "parameter" and node.shape == (200, 200)
    ]
    whole = [n for n in drawing.whole.nodes if n.kind == "parameter" and n.shape == (200, 200)]
    assert weight.value is None
    assert weight.state is viz.GradientState.NUMBER
    for part, node in zip(weight.value_parts, whole, strict=True):
        assert part is node.value
    norm = np.sqrt(sum(float((n.gradient.astype(float) ** 2).sum()) for n in whole))
    found = next(n for n in json.loads(drawing.json())["nodes"] if n["key"] == weight.key)
    assert found["gradient"]["norm"] == pytest.approx(norm, rel=1e-6)
    assert found["value"]["min"] == pytest.approx(min(float(n.value.min()) for n in whole))
    assert f"‖∇‖ {norm:.3g}" in drawing.svg() or f"‖∇‖ {norm:.2f}" in drawing.svg()


def test_names_with_the_signs_of_paths_stay_names_and_drawings_say_what_they_leave_out():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            setattr(self, "cell:2", nn.Linear(2, 2))
            self.cell = nn.Linear(2, 2)

        def forward(self, x):
            return getattr(self, "cell:2")(self.cell(self.cell(x)))

    drawing = viz.draw(recorded(Odd(), pb.ones((1, 2))), closed=lambda scope: np.bool_(True))
    assert sorted(groups(drawing)) == ["cell:1", "cell:2", "cell∶2"]
    assert f"{len(drawing.graph.nodes)} nodes (of {len(drawing.whole.nodes)})" in repr(drawing)
