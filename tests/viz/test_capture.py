"""What the graph holds: kinds, gates, fan-outs, folded constants, states of gradients, names."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn, viz
from pullback.viz import GradientState


def kinds(graph):
    return [node.kind for node in graph.nodes]


def symbols(graph):
    return [node.symbol for node in graph.nodes if node.kind == "operation"]


def test_slide_has_the_gates_values_and_gradients_of_the_notes(slide):
    graph = slide.graph
    assert graph.style == "circuit"
    seen = [(n.kind, n.symbol, float(n.value), float(n.gradient), n.role) for n in graph.nodes]
    assert seen == [
        ("parameter", "x", -2.0, -4.0, None),
        ("parameter", "y", 5.0, -4.0, None),
        ("operation", "+", 3.0, -4.0, "distributor"),
        ("parameter", "z", -4.0, 3.0, None),
        ("operation", "×", -12.0, 1.0, "switcher"),
        ("output", "f", -12.0, 1.0, None),
    ]


def test_neuron_in_small_gates_reads_as_on_the_slide(neuron):
    graph = neuron(gates=True).graph
    assert symbols(graph) == ["×", "×", "+", "+", "×−1", "exp", "+1", "1/x"]
    gradients = {node.name: round(float(node.gradient), 2) for node in graph.nodes if node.name}
    assert gradients == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}
    assert "constant" not in kinds(graph)  # both ones are in their gates


def test_neuron_with_one_sigmoid_gate_has_the_same_gradients(neuron):
    many, one = neuron(gates=True).graph, neuron(gates=False).graph
    assert symbols(one) == ["×", "×", "+", "+", "σ"]
    for a, b in zip(many.nodes, one.nodes, strict=False):
        if a.name:
            assert a.name == b.name
            assert a.gradient == pytest.approx(b.gradient)


def test_fan_out_gets_an_adder_whose_wires_carry_their_own_gradients():
    with viz.record() as recording:
        x = pb.tensor(3.0, requires_grad=True, name="x")
        (x * x + x).backward()
    graph = viz.capture(recording)
    (adder,) = [node for node in graph.nodes if node.kind == "adder"]
    into = [edge for edge in graph.edges if edge.head == adder.key]
    out = [edge for edge in graph.edges if edge.tail == adder.key]
    assert [float(edge.gradient) for edge in into] == [7.0]
    assert sorted(float(edge.gradient) for edge in out) == [1.0, 3.0, 3.0]
    assert all(float(edge.value) == 3.0 for edge in out)


def test_fan_out_without_gradient_is_a_copy_and_no_adder():
    with viz.record() as recording:
        data = pb.tensor(3.0, name="data")
        data * data
    assert "copy" in kinds(viz.capture(recording))
    assert "adder" not in kinds(viz.capture(recording))


@pytest.mark.parametrize(
    ("formula", "symbol", "role"),
    [
        (lambda x: x + 2, "+2", "distributor"),
        (lambda x: 2 + x, "+2", "distributor"),
        (lambda x: x - 2, "−2", "distributor"),
        (lambda x: 2 - x, "2−x", "distributor"),
        (lambda x: x * 0.5, "×0.5", "scaler"),
        (lambda x: x * -1, "×−1", "scaler"),
        (lambda x: x / 2, "÷2", "scaler"),
        (lambda x: 1 / x, "1/x", "scaler"),
        (lambda x: x**3, "x³", "scaler"),
        (lambda x: x**-0.5, "x^−0.5", "scaler"),
        (lambda x: pb.maximum(x, 0), "max(x, 0)", "router"),
    ],
)
def test_a_plain_number_is_folded_into_its_gate(formula, symbol, role):
    with viz.record() as recording:
        formula(pb.tensor(1.5, requires_grad=True))
    graph = viz.capture(recording)
    gate = graph.nodes[-1]
    assert (gate.symbol, gate.role) == (symbol, role)
    assert kinds(graph) == ["parameter", "operation"]


def test_numbers_that_cannot_be_written_whole_or_have_a_name_stay_in_boxes():
    with viz.record() as recording:
        x = pb.tensor(1.5, requires_grad=True)
        c = pb.tensor(2.0, name="c")
        (x * 3.14159265) * c
    graph = viz.capture(recording)
    assert kinds(graph) == ["parameter", "constant", "operation", "input", "operation"]
    assert symbols(graph) == ["×", "×"]


def test_states_of_gradients_are_told_apart():
    with viz.record() as recording:
        a = pb.tensor(0.0, requires_grad=True, name="a")
        b = pb.tensor(2.0, requires_grad=True, name="b")
        c = pb.tensor(1.0, requires_grad=True, name="c")
        d = pb.tensor(1.0, name="d")
        pb.exp(c)
        (pb.sqrt(a) + 0 * b * d).backward()
    graph = viz.capture(recording)
    states = {node.name: node.state for node in graph.nodes if node.name}
    assert states == {
        "a": GradientState.NOT_FINITE,
        "b": GradientState.ZERO,
        "c": GradientState.NOT_COMPUTED,
        "d": GradientState.NOT_REQUIRED,
    }


def test_a_picture_of_the_tape_alone_says_what_it_lacks():
    x = pb.tensor(2.0, requires_grad=True, name="x")
    graph = viz.capture(pb.exp(x * 3.0) + x)
    (times,) = [node for node in graph.nodes if node.operation == "multiply"]
    assert times.incomplete
    assert not any(node.incomplete for node in graph.nodes if node is not times)
    text = viz.draw(pb.exp(x * 3.0) + x).svg()
    assert "× ?" in text
    assert "pb.record()" in text


def test_gradients_on_the_tape_alone_are_those_of_the_leaves():
    x = pb.tensor(2.0, requires_grad=True, name="x")
    y = pb.exp(x)
    y.backward(retain_graph=True)
    leaf, gate = viz.capture(y).nodes
    assert float(leaf.gradient) == pytest.approx(np.exp(2.0))
    assert gate.state is GradientState.NOT_COMPUTED


def test_style_follows_the_shapes(slide, network):
    assert slide.graph.style == "circuit"
    assert network.graph.style == "tensor"


def test_tensor_style_knows_modules_parameters_and_results(network):
    nodes = {node.name or node.operation: node for node in network.graph.nodes}
    assert nodes["2.weight"].kind == "parameter"
    assert nodes["2.weight"].scope == "2"
    assert nodes["images"].kind == "input"
    assert nodes["images"].scope == ""
    assert nodes["loss"].kind == "output"
    assert nodes["relu"].scope in ("1", "3")


def test_names_may_be_all_local_variables_and_hide_nothing():
    with viz.record() as recording:
        alpha = pb.tensor(1.0, requires_grad=True)
        beta = alpha * 2.5
    other, number = pb.tensor(7.0), 3  # not in the picture
    graph = viz.capture(recording, names=locals())
    assert [node.name for node in graph.nodes] == ["alpha", "beta", "beta"]
    del other, number


def test_circuit_style_refuses_arrays_and_names_the_culprit():
    with viz.record() as recording:
        pb.tensor([1.0, 2.0], requires_grad=True, name="weights").sum()
    with pytest.raises(ValueError, match=r"'weights' has shape \(2,\); use style='tensor'"):
        viz.draw(recording, style="circuit")


def test_scalars_can_be_drawn_in_tensor_style(slide):
    with viz.record() as recording:
        pb.exp(pb.tensor(1.0, requires_grad=True))
    assert viz.draw(recording, style="tensor").graph.style == "tensor"


@pytest.mark.parametrize("tensor", [pb.tensor(1.0), pb.tensor(1.0, requires_grad=True)])
def test_a_tensor_without_graph_is_refused_with_the_way_out(tensor):
    with pytest.raises(ValueError, match=r"no graph.*record\(\)"):
        viz.draw(tensor)


def test_an_empty_recording_is_refused():
    with viz.record() as recording:
        pass
    with pytest.raises(ValueError, match="recording is empty"):
        viz.draw(recording)


def test_other_targets_and_styles_are_refused(slide):
    with pytest.raises(TypeError, match="Tensor, a Recording or the result of a gradient check, not ndarray"):
        viz.draw(np.ones(3))
    with pytest.raises(ValueError, match="'auto', 'circuit' or 'tensor'"):
        viz.draw(pb.tensor(1.0), style="round")


class Step(nn.Module):
    """A cell that is called once for each step."""

    def __init__(self, steps=3):
        super().__init__()
        self.cell = nn.RNNCell(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.steps = steps

    def forward(self, x):
        h = None
        for _ in range(self.steps):
            h = self.cell(x, h)
        return self.norm(h)


def test_runs_of_one_module_are_scopes_of_their_own_and_share_its_parameters():
    with viz.record() as recording:
        Step()(pb.ones((4, 2))).sum().backward()
    graph = viz.capture(recording)
    scopes = {scope.path: scope for scope in graph.scopes}
    assert list(scopes) == ["cell:1", "cell:2", "cell:3", "norm"]
    assert (scopes["cell:2"].caption, scopes["cell:2"].kind) == ("cell, call 2", "RNNCell")
    (weight,) = [node for node in graph.nodes if node.name == "cell.weight_hh" and node.kind == "parameter"]
    assert weight.scope == ""
    (adder,) = [graph.nodes[e.head] for e in graph.edges if e.tail == weight.key]
    sent = [edge.gradient for edge in graph.edges if edge.tail == adder.key]
    assert len(sent) == 3
    np.testing.assert_allclose(sum(sent), weight.gradient, rtol=1e-5, atol=1e-9)


def test_modules_of_several_outermost_ones_are_told_apart():
    first, second = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with viz.record() as recording:
        x = pb.ones((3, 2), requires_grad=True)
        nn.MSELoss()(second(first(first(x))), pb.zeros((3, 2)))
    graph = viz.capture(recording, names={"x": x})
    paths = [scope.path for scope in graph.scopes]
    assert {node.name: node.scope for node in graph.nodes if node.kind == "parameter"}["x"] == ""
    assert sorted(n.scope for n in graph.nodes if n.name == "0.weight" and n.kind == "parameter") == [
        "",
        "Sequential 2.0",
    ]
    assert [path for path in paths if "." not in path] == ["Sequential:1", "Sequential:2", "Sequential 2"]
    assert "Sequential:2.0" in paths


def test_lists_of_modules_are_scopes_too_and_modules_know_their_class():
    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    with viz.record() as recording:
        Stack()(pb.ones((1, 2)))
    scopes = viz.capture(recording).scopes
    assert [(s.path, s.parent, s.kind) for s in scopes] == [
        ("layers", "", ""), ("layers.0", "layers", "Linear"), ("layers.1", "layers", "Linear"),
    ]  # fmt: skip


def test_buffers_are_told_from_inputs():
    model = nn.Sequential(nn.BatchNorm1d(2)).eval()
    with viz.record() as recording:
        model(pb.ones((3, 2)))
    graph = viz.capture(recording)
    found = {node.name: (node.kind, node.scope) for node in graph.nodes if node.operation is None}
    assert found["0.running_mean"] == ("buffer", "0")
    assert found[None] == ("input", "")
    assert "buffer of a module" in viz.draw(recording).svg()


class Broken(pb.Function):
    """Its backward raises."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise ArithmeticError("no luck with <this>")


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("point", [1.0, [1.0, 2.0]])
def test_a_backward_that_failed_is_drawn_partly_and_marked(recorded, point):
    with viz.record() as recording:
        x = pb.tensor(point, requires_grad=True, name="x")
        y = pb.exp(Broken.apply(pb.sin(x))).sum()
        with pytest.raises(ArithmeticError):
            y.backward()
    drawing = viz.draw(recording if recorded else y)
    nodes = {node.operation or node.name: node for node in drawing.graph.nodes}
    assert [name for name, node in nodes.items() if node.failed] == ["Broken"]
    assert nodes["sin"].state is GradientState.NOT_COMPUTED
    assert nodes["x"].state is GradientState.NOT_COMPUTED
    if recorded:
        assert nodes["exp"].state is GradientState.NUMBER
    text = drawing.svg()
    assert "✗ backward failed" in text
    assert "ArithmeticError: no luck with &lt;this&gt;" in text
    assert "whose backward failed (ArithmeticError: no luck with <this>)" in drawing.outline()
    assert '"error": "ArithmeticError: no luck with <this>"' in drawing.json()
    assert "backward failed" in drawing.dot()
