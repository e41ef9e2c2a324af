"""Positions: nothing overlaps or leaves the picture, with Graphviz, without it, and for large graphs."""

import os
import signal
import subprocess
import sys
import time
from itertools import combinations

import pytest

import pullback as pb
from pullback import nn, viz
from pullback.viz import layout
from pullback.viz.layers import arrange_layers


def scalars(count):
    return [pb.tensor(0.1 * i + 0.5, requires_grad=True, name=f"x{i}") for i in range(count)]


def tangle():
    """Fan-outs, long wires, constants and a value beside the result."""
    xs = scalars(5)
    s = xs[0]
    for i, x in enumerate(xs[1:]):
        s = s * x + xs[0] - x / (xs[i] + 1.5)
    pb.exp(xs[2])
    return pb.tanh(s * 3.14159265)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.last = nn.Linear(4, 4)

    def forward(self, x):
        return x + self.last(self.first(x))


def residual():
    model = nn.Sequential(Residual(), Residual())
    return (model(pb.ones((3, 4))) ** 2).mean()


GRAPHS = {"tangle": tangle, "residual": residual, "stack": lambda: pb.stack(scalars(7)).sum()}


@pytest.fixture(params=GRAPHS)
def graph(request):
    pb.manual_seed(1)
    with viz.record() as recording:
        GRAPHS[request.param]().backward()
    return viz.capture(recording)


@pytest.fixture(params=["graphviz", "layers"])
def placed(request, graph, monkeypatch):
    if request.param == "graphviz":
        request.getfixturevalue("pygraphviz")
        monkeypatch.setattr(layout, "arrange_layers", None)  # would raise: Graphviz alone must do
    else:
        monkeypatch.setattr(layout, "GRAPHVIZ_LIMIT", 0)
    return graph, viz.positions(graph)


def boxes(placed):
    def box(point, shape):
        (x, y), w, h = point, shape.width / 2, shape.height / 2
        return x - w, y - h, x + w, y + h

    found = [box(p, s) for p, s in zip(placed.nodes, placed.shapes, strict=True)]
    return found + [box(point, placed.label_shapes[key]) for key, point in placed.labels.items()]


def overlap(a, b, slack=0.5):
    return a[0] < b[2] - slack and b[0] < a[2] - slack and a[1] < b[3] - slack and b[1] < a[3] - slack


def test_no_two_boxes_overlap_and_all_are_inside(placed):
    _, layout_ = placed
    found = boxes(layout_)
    assert not [pair for pair in combinations(found, 2) if overlap(*pair)]
    for left, top, right, bottom in found:
        assert left >= -0.01
        assert top >= -0.01
        assert right <= layout_.width + 0.01
        assert bottom <= layout_.height + 0.01


def points_on(wire, steps=16):
    for i in range(0, len(wire) - 1, 3):
        a, b, c, d = wire[i : i + 4]
        for k in range(steps + 1):
            t = k / steps
            w = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            yield tuple(
                w[0] * p + w[1] * q + w[2] * r + w[3] * s for p, q, r, s in zip(a, b, c, d, strict=True)
            )


def test_wires_join_their_ends_and_touch_no_other_box(placed):
    graph, layout_ = placed
    found = boxes(layout_)
    labels = dict(zip(layout_.labels, found[len(graph.nodes) :], strict=True))
    for edge, wire in zip(graph.edges, layout_.wires, strict=True):
        tail, head = layout_.shapes[edge.tail], layout_.shapes[edge.head]
        (x, y), (u, v) = layout_.nodes[edge.tail], layout_.nodes[edge.head]
        assert wire[0] == pytest.approx((x + tail.exit[0], y + tail.exit[1]))
        port = head.ports[edge.slot]
        assert wire[-1] == pytest.approx((u + port[0], v + port[1]))
        strangers = [
            box for i, box in enumerate(found[: len(graph.nodes)]) if i not in (edge.tail, edge.head)
        ]
        strangers += [box for key, box in labels.items() if key != edge.key]
        for px, py in points_on(wire):
            inside = [b for b in strangers if b[0] + 1 < px < b[2] - 1 and b[1] + 1 < py < b[3] - 1]
            assert not inside, (edge.key, px, py)


@pytest.mark.usefixtures("pygraphviz")
def test_frames_hold_their_module_and_no_one_else(network):
    layout_ = viz.positions(network.graph)
    assert {frame.scope for frame in layout_.frames} == {"0", "1", "2", "3", "4"}
    for frame in layout_.frames:
        for node, (x, y) in zip(network.graph.nodes, layout_.nodes, strict=True):
            inside = frame.left < x < frame.right and frame.top < y < frame.bottom
            assert inside == (node.scope == frame.scope)


def test_texts_stay_in_the_outlines_of_their_cards(network, graph):
    for drawn in (network.graph, graph):
        for node, shape in zip(drawn.nodes, viz.positions(drawn).shapes, strict=True):
            for text in shape.texts:
                left = text.x - {"start": 0, "middle": 0.5, "end": 1}[text.anchor] * text.width
                assert -shape.width / 2 <= left + 0.01, (node.name, text)
                assert left + text.width <= shape.width / 2 + 0.01, (node.name, text)


def test_long_names_are_cut_and_kept_whole_in_the_tooltip(parse):
    name = "W" * 300
    with viz.record() as recording:
        pb.exp(pb.tensor(1.0, requires_grad=True, name=name))
    picture = parse(viz.draw(recording).svg())
    assert name not in picture.texts
    assert any(text.startswith("WWW") and text.endswith("…") for text in picture.texts)
    assert any(name in tip for tip in picture.tooltips)


def test_operands_come_in_order_from_top_to_bottom(slide):
    layout_ = viz.positions(slide.graph)
    times = next(node for node in slide.graph.nodes if node.operation == "multiply")
    first, second = layout_.shapes[times.key].ports
    assert first[1] < second[1]
    x, y = (layout_.nodes[node.key][1] for node in slide.graph.nodes if node.name in ("x", "y"))
    assert x < y


@pytest.mark.usefixtures("pygraphviz")
def test_the_main_line_of_the_network_is_straight(network):
    layout_ = viz.positions(network.graph)
    line = [layout_.nodes[n.key][0] for n in network.graph.nodes if n.operation and n.kind == "operation"]
    assert max(line) - min(line) < 1


DRAWS = (
    "import sys, warnings; warnings.simplefilter('error')\n"
    "import pullback as pb\n"
    "from pullback.viz import layout\n"
    "layout.arrange_layers = None\n"
    "with pb.viz.record() as r:\n"
    "    x = pb.tensor(2.0, requires_grad=True); (x * x + 1 / x).backward()\n"
    "assert '<svg' in pb.viz.draw(r).svg()\n"
)


@pytest.mark.usefixtures("pygraphviz")
def test_graphviz_needs_no_program_on_the_path_and_says_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DRAWS],
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_pygraphviz_a_system_dot_arranges(slide, monkeypatch, pygraphviz):
    expected = slide.svg()
    asked = []

    class Source:
        def __init__(self, source):
            self.source = source

        def pipe(self, format, quiet):
            asked.append(format)
            return pygraphviz.AGraph(string=self.source).draw(format=format, prog="dot")

    def absent(source):
        raise ImportError("no pygraphviz here")

    monkeypatch.setattr("graphviz.Source", Source)
    monkeypatch.setattr(layout, "_bundled_graphviz", absent)
    assert viz.Drawing(slide.graph).svg() == expected
    assert asked == ["json0"]


def test_without_any_graphviz_a_picture_comes_all_the_same(slide, monkeypatch, parse):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")
    calls = []

    def spy(blocks, links):
        calls.append(len(blocks))
        return arrange_layers(blocks, links)

    monkeypatch.setattr(layout, "arrange_layers", spy)
    texts = parse(viz.Drawing(slide.graph).svg()).texts
    assert calls == [6]
    assert "−12.00" in texts


@pytest.mark.parametrize("shape", ["chain", "skips", "wide"])
def test_large_graphs_are_laid_out_without_graphviz(shape, monkeypatch):
    """It takes minutes for them, holding the interpreter."""
    monkeypatch.setattr(layout, "_dot_source", lambda *args: pytest.fail("Graphviz was asked"))
    with viz.record() as recording:
        x = pb.tensor(0.5, requires_grad=True)
        y = x
        for _ in range({"chain": 1500, "skips": 500, "wide": 900}[shape]):
            if shape == "wide":
                y = y + pb.tensor(0.1, requires_grad=True)
            else:
                y = pb.sin(y) + x if shape == "skips" else pb.sin(y)
    assert viz.draw(recording, max_nodes=None).svg().endswith("</svg>\n")


DRAWS_WITHOUT_END = (
    "import pullback as pb\n"
    "x = pb.tensor([0.5, 1.0], requires_grad=True)\n"
    "y, graphs = x, []\n"
    "for i in range(4000):\n"
    "    y = pb.sin(y) + x\n"
    "    graphs += [y] if i in (130, 3999) else []\n"
    "print('drawing', flush=True)\n"
    "while True:\n"
    "    for graph in graphs:\n"
    "        pb.viz.draw(graph, max_nodes=None).svg()\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT")
def test_ctrl_c_ends_a_large_drawing():
    """Half a minute of Graphviz for the smaller of these graphs would hold it up."""
    with subprocess.Popen(
        [sys.executable, "-c", DRAWS_WITHOUT_END], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "drawing\n"
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("length", [20, 140])
def test_graphviz_is_asked_only_where_wires_cross_few_columns(length, monkeypatch):
    asked = []
    monkeypatch.setattr(layout, "_dot_source", lambda *args: asked.append(args) or "graph {}")
    x = pb.tensor([0.5, 1.0], requires_grad=True)
    y = x
    for _ in range(length):
        y = pb.sin(y) + x
    viz.draw(y, max_nodes=None).svg()
    assert bool(asked) == (length == 20)


def test_graphviz_ranks_all_at_once_where_clusters_hinder_it():
    """A cell that runs step after step, all with the same weights: clusters ranked as one would stand side by side."""
    cell = nn.RNNCell(2, 3)
    with viz.record() as recording:
        h = pb.zeros((1, 3))
        for _ in range(6):
            h = cell(pb.ones((1, 2)), h)
    drawing = viz.draw(recording, max_nodes=None, rolled=False)
    layout_ = viz.positions(drawing.graph)
    for edge in drawing.graph.edges:
        assert layout_.nodes[edge.tail][1] < layout_.nodes[edge.head][1]


def test_wires_of_loops_touch_no_box():
    cell = nn.RNNCell(2, 3)
    with viz.record() as recording:
        h = pb.zeros((1, 3))
        for _ in range(4):
            h = pb.tanh(cell(pb.ones((1, 2)), h)) * 2.5
    graph = viz.draw(recording, rolled=True).graph
    layout_ = viz.positions(graph)
    (loop,) = [edge for edge in graph.edges if edge.loop]
    assert set(layout_.loops) == {loop.key}
    found = boxes(layout_)
    for px, py in points_on(layout_.wires[loop.key]):
        assert -0.01 <= px <= layout_.width + 0.01
        assert -0.01 <= py <= layout_.height + 0.01
        assert not [b for b in found if b[0] + 1 < px < b[2] - 1 and b[1] + 1 < py < b[3] - 1]


def test_graphviz_is_kept_from_its_slow_cases(slide, monkeypatch):
    """Without limits on its network simplex, 90 chained sin(y) + x take it a quarter of a minute."""
    sources = []
    bundled = layout._bundled_graphviz
    monkeypatch.setattr(layout, "_bundled_graphviz", lambda source: sources.append(source) or bundled(source))
    viz.positions(slide.graph)
    assert "nslimit=4; nslimit1=4;" in sources[0]


def test_wires_from_the_side_bend_before_they_meet_the_name_of_a_frame():
    cell = nn.RNNCell(2, 3)
    with viz.record() as recording:
        h = pb.zeros((1, 3))
        for _ in range(4):
            h = pb.tanh(cell(pb.ones((1, 2)), h)) * 2.5
    graph = viz.draw(recording, rolled=True).graph
    layout_ = viz.positions(graph)
    outside = [edge for edge in graph.edges if not graph.nodes[edge.tail].scope and not edge.loop]
    frames = {frame.scope: frame for frame in layout_.frames}
    met = 0
    for edge in outside:
        frame, wire = frames[graph.nodes[edge.head].scope], layout_.wires[edge.key]
        inside = [point for point in points_on(wire) if point[1] > frame.top + 0.5]
        assert {round(x, 1) for x, _ in inside} == {round(wire[-1][0], 1)}
        met += bool(inside)
    assert met >= 2
