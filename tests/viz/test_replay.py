"""The replay as data: its steps, formulas and numbers, and the page that they are in."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback import nn, viz
from pullback.autograd.extend import REGISTRY
from pullback.viz.replay import formulas

FOLDER = Path(formulas.__file__).parent


def leaf(value, name=None):
    return pb.tensor(value, requires_grad=True, name=name)


def backward(film):
    """For each backward step its terms, as (of what, upstream, local, downstream, formula)."""
    return [
        [(t.gradient, t.upstream, t.local, t.downstream, t.formula) for t in step.terms]
        for step in film.steps
        if step.phase == "backward"
    ]


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found[1])


def test_the_slide(slide):
    film = viz.Replay(slide.graph)
    assert [step.phase for step in film.steps] == [
        "start", "forward", "forward", "seed", "backward", "backward", "end",
    ]  # fmt: skip
    assert [step.title for step in film.steps][1:3] == ["v₃ = x + y", "f = v₃ × z"]
    assert [step.equation for step in film.steps][1:3] == ["−2.00 + 5.00", "3.00 × (−4.00)"]
    assert backward(film) == [
        [("∂f/∂v₃", 1, -4, -4, "z"), ("∂f/∂z", 1, 3, 3, "v₃")],
        [("∂f/∂x", -4, 1, -4, "1"), ("∂f/∂y", -4, 1, -4, "1")],
    ]
    assert all(term.product and term.agrees for step in film.steps for term in step.terms)
    assert "∂f/∂x = −4.00, ∂f/∂y = −4.00, ∂f/∂z = 3.00" in film.steps[-1].text


def test_the_sigmoid_neuron(neuron):
    film = viz.Replay(neuron(gates=True).graph)
    terms = [term for step in backward(film) for term in step]
    values = [round(float(term[3]), 2) for term in terms]
    assert values == [-0.53, -0.53, -0.20, 0.20, 0.20, 0.20, 0.20, 0.20, -0.39, -0.59, -0.20, 0.39]
    slopes = [term[4] for term in terms[:4]]
    assert slopes == ["−v₁₃ / v₁₂", "1", "v₁₁", "−1"]
    for _, upstream, local, downstream, _ in terms:
        assert float(upstream) * float(local) == pytest.approx(float(downstream), rel=1e-5)
    short = viz.Replay(neuron(gates=False).graph)
    assert next(term[4] for step in backward(short) for term in step) == "v₁₀ · (1 − v₁₀)"


def test_the_max_gate_routes():
    with viz.record() as recording:
        x, y, z, w = leaf(3.0, "x"), leaf(-4.0, "y"), leaf(2.0, "z"), leaf(-1.0, "w")
        f = (x * y + pb.maximum(z, w)) * 2
        f.backward()
    film = viz.replay(recording)
    route = next(step for step in film.steps if "maximum" in step.title and step.phase == "backward")
    assert [(float(t.local), float(t.downstream)) for t in route.terms] == [(1, 2), (0, 0)]
    assert route.terms[0].formula == "1 / 2 where z = w, else 0 where z < w, else 1"
    assert route.terms[0].rule == "np.where(x == y, g / 2, np.where(x < y, 0, g))"
    assert "one input" in route.gate


def test_gradients_add_at_a_fan_out():
    with viz.record() as recording:
        x = leaf(3.0, "x")
        f = x * x + pb.exp(x)
        f.backward()
    film = viz.replay(recording, names={"f": f})
    total = next(step for step in film.steps if step.phase == "sum")
    assert total.title == "x is used 3 times: gradients add"
    assert [float(term.downstream) for term in total.terms] == pytest.approx([3, 3, np.exp(3)])
    assert float(total.total) == pytest.approx(6 + np.exp(3))
    assert total.notes == ()
    positions = [i for i, step in enumerate(film.steps) if step.phase == "backward"]
    assert film.steps.index(total) > max(positions)


def test_a_broadcast_operand_gets_the_sum_over_its_axes():
    with viz.record() as recording:
        q = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "q")
        b, c = leaf([1.0, 2.0, 3.0], "b"), leaf([[1.0], [2.0]], "c")
        f = ((q + b) * c).sum()
        f.backward()
    film = viz.replay(recording, names={"f": f})
    terms = {term.gradient: term for step in film.steps if step.phase == "backward" for term in step.terms}
    assert terms["∂f/∂b"].summed == (0,)
    assert terms["∂f/∂c"].summed == (1,)
    assert terms["∂f/∂q"].summed == ()
    np.testing.assert_allclose(terms["∂f/∂c"].unsummed, (q + b).numpy())
    np.testing.assert_allclose(terms["∂f/∂c"].downstream, (q + b).numpy().sum(1, keepdims=True))
    assert "summed over axis 1" in film.outline()
    assert {"Σ over axis 0", "Σ over axis 1"} <= {
        term["summed"] for step in data_of(film.html())["steps"] for term in step.get("terms", ())
    }


def test_a_matrix_product_is_no_product_of_numbers():
    with viz.record() as recording:
        weight, x = leaf([[0.1, 0.5], [-0.3, 0.8]], "W"), leaf([0.2, 0.4], "x")
        f = (weight @ x).sum()
        f.backward()
    film = viz.replay(recording)
    step = next(step for step in film.steps if "@" in step.title and step.phase == "backward")
    assert [(term.product, term.formula) for term in step.terms] == [(False, "g @ xᵀ"), (False, "Wᵀ @ g")]
    assert step.text.count("vector–Jacobian product") == 2


def test_a_mixer_of_vectors_says_what_it_is_and_a_loss_is_a_product(network):
    film = viz.Replay(network.graph)
    by_operation = {film.graph.nodes[s.node].operation: s for s in film.steps if s.phase == "backward"}
    assert all(term.product for term in by_operation["cross_entropy"].terms)
    assert not any(term.product for term in by_operation["linear"].terms)
    with viz.record() as recording:
        (pb.softmax(leaf([1.0, 2.0, 4.0], "x")) * pb.tensor([1.0, 0.0, 0.0])).sum().backward()
    soft = next(s for s in viz.replay(recording).steps if s.phase == "backward" and "softmax" in s.title)
    assert not soft.terms[0].product
    assert soft.terms[0].formula == "v₂ · (g − sum(g · v₂, axis=−1))"


@pytest.mark.parametrize("where", ["nowhere", "tape", "middle"])
def test_what_has_not_run_or_was_not_recorded_is_missing_and_said(where):
    x = leaf(2.0, "x")
    with viz.record() as recording:
        h = pb.exp(x)
        f = pb.sin(h) * 3
        if where == "middle":
            h.backward()
    if where == "tape":
        f.backward()
    film = viz.replay(f if where == "tape" else recording, names={"h": h, "f": f})
    phases = [step.phase for step in film.steps]
    text = film.steps[-1].text
    if where == "nowhere":
        assert "backward" not in phases
        assert "Backward has not run" in text
    elif where == "tape":
        assert "backward" not in phases
        assert "not recorded" in text
        assert "∂L/∂x" in text
        assert "not recorded" in film.outline().splitlines()[1]
    else:
        assert phases.count("backward") == 1
        assert "∂h/∂x" in text
    assert "not recorded" in film.html() or where != "tape"


def test_a_backward_that_failed_is_shown_up_to_there():
    class Broken(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("no rule today")

    with viz.record() as recording:
        x = leaf(2.0, "x")
        f = pb.exp(Broken.apply(pb.sin(x)))
        with pytest.raises(ValueError, match="no rule today"):
            f.backward()
    film = viz.replay(recording, names={"f": f})
    assert [step.phase for step in film.steps][-3:] == ["backward", "failed", "end"]
    assert "no rule today" in film.steps[-2].text
    assert "are missing" in film.steps[-1].text


def test_numbers_that_are_not_finite_are_marked():
    with viz.record() as recording:
        x = leaf([0.0, 1.0], "x")
        pb.sqrt(x).sum().backward()
    data = data_of(viz.replay(recording).html())
    marked = [
        node["gradient"]["bad"] for node in data["nodes"] if node["gradient"] and "bad" in node["gradient"]
    ]
    assert "1 inf of 2" in marked


def test_small_arrays_are_whole_and_large_ones_described():
    with viz.record() as recording:
        small, large = leaf(np.arange(6.0).reshape(2, 3), "small"), leaf(np.arange(100.0), "large")
        (small.sum() + large.sum()).backward()
    nodes = {node["name"]: node for node in data_of(viz.replay(recording).html())["nodes"]}
    assert nodes["small"]["value"]["rows"] == [["0", "1.00", "2.00"], ["3.00", "4.00", "5.00"]]
    assert nodes["large"]["value"] == {
        "shape": "(100,)", "min": "0", "mean": "49.50", "max": "99.00", "norm": "573.02",
    }  # fmt: skip


def test_a_hook_that_changes_a_gradient_is_noticed():
    with viz.record() as recording:
        x = leaf(2.0, "x")
        h = pb.exp(x)
        h.register_hook(lambda g: g * 2)
        f = h * 3
        f.backward()
    film = viz.replay(recording, names={"h": h, "f": f})
    assert film.steps  # the numbers of each step are those that were recorded
    final = next(t for s in film.steps if s.phase == "backward" and "exp" in s.title for t in s.terms)
    assert float(final.downstream) == pytest.approx(6 * np.exp(2))


def test_the_same_graph_gives_the_same_bytes_and_no_address(slide, network):
    for drawing in (slide, network):
        page = viz.Replay(drawing.graph).html()
        assert page == viz.Replay(drawing.graph).html()
        assert "0x" not in page


def test_the_page_loads_nothing_and_no_name_breaks_out():
    hostile = "</script><script>alert(1)</script>&\"'<!--\x00\u202e\ud800"
    with viz.record() as recording:
        x = leaf(2.0, hostile)
        (x * x).backward()
    page = viz.replay(recording, title=hostile).html()
    page.encode()
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page
    for forbidden in ("http:", "https:", "//cdn", "@import", "src=", "href"):
        assert forbidden not in page.replace("http://www.w3.org/2000/svg", "")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert x.name == hostile


def box_path(boxes, key):
    """The boxes around something, without the whole picture."""
    return {key} | box_path(boxes, boxes[key]["parent"]) if key else set()


def test_every_wire_runs_from_its_tail_to_its_head(network):
    data = data_of(viz.Replay(network.graph).html())
    boxes, nodes = data["boxes"], [node["box"] for node in data["nodes"]]
    assert [box["path"] for box in boxes] == ["", "0", "1", "2", "3", "4"]
    for key, edge in enumerate(network.graph.edges):
        runs = [(box, run) for box in boxes for run in box["runs"] if key in run["edges"]]
        first = [(b, r) for b, r in runs if b["items"][r["tail"]] == {"kind": "node", "key": edge.tail}]
        last = [(b, r) for b, r in runs if b["items"][r["head"]] == {"kind": "node", "key": edge.head}]
        assert len(first) == len(last) == 1
        # from box to box: each border on the way is crossed once
        inside, outside = box_path(boxes, nodes[edge.head]), box_path(boxes, nodes[edge.tail])
        assert len(runs) == 1 + len(inside ^ outside)
        for box, run in runs:
            assert box["column"][run["tail"]] < box["column"][run["head"]]
            between = box["column"][run["head"]] - box["column"][run["tail"]] - 1
            assert len(run["passes"]) == between


def test_modules_are_open_as_long_as_the_budget_lets_them(network):
    assert data_of(viz.Replay(network.graph).html())["open"] == [1, 2, 3, 4, 5]
    assert data_of(viz.Replay(network.graph, max_nodes=7).html())["open"] == []


def test_it_saves_pages_only(slide, tmp_path):
    film = viz.Replay(slide.graph)
    assert film.save(tmp_path / "film.html").read_text("utf-8") == film.html()
    with pytest.raises(ValueError, match=r"film\.svg.*does not end in \.html"):
        film.save(tmp_path / "film.svg")
    with pytest.raises(OSError, match="cannot write the picture"):
        film.save(tmp_path / "nowhere" / "film.html")


def test_a_notebook_gets_a_frame_that_may_run_scripts_and_no_more(slide):
    frame = viz.Replay(slide.graph)._repr_html_()
    assert 'sandbox="allow-scripts"' in frame
    assert "<script" not in frame


def test_a_wrong_rule_is_pointed_at():
    from pullback.autograd.extend import SCALER, elementwise, op

    known = dict(REGISTRY)
    try:
        planted = op(
            lambda x, /: x**3, "x", x=lambda g, x: -g * 3 * x**2,
            name="planted", gate=SCALER, samples=elementwise(1), doc="For this test.",
        )  # fmt: skip
        film = viz.replay(pb.gradcheck(lambda x: planted(pb.exp(x)), 1.5))
    finally:
        REGISTRY.clear()
        REGISTRY.update(known)
    step = next(s for s in film.steps if "planted" in s.title and s.phase == "backward")
    assert step.notes == ("a gradient check has found this rule wrong",)
    assert step.terms[0].formula == "−3 · v₂²"


def test_every_declared_rule_has_a_formula():
    for op in REGISTRY.values():
        names = {name: name for name in (*op.inputs, *op.parameters)}
        for name in op.rules:
            text = formulas.pullback_formula(op, name, names, {})
            assert text, (op.name, name)
            assert "lambda" not in text
            slope = formulas.slope_formula(op, name, names, {})
            assert slope is None or not re.search(r"\bg\b", slope), (op.name, name, slope)


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_the_scripts_are_well_formed(script):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH")
    done = subprocess.run([node, "--check", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_list_of_modules_that_others_run_between_is_no_box():
    class Ladder(nn.Module):
        def __init__(self):
            super().__init__()
            self.rungs = nn.ModuleList([nn.Linear(2, 2) for _ in range(2)])
            self.turn = nn.Tanh()

        def forward(self, x):
            for rung in self.rungs:
                x = self.turn(rung(x)) + x
            return x

    with viz.record() as recording:
        Ladder()(pb.ones((1, 2))).sum().backward()
    boxes = data_of(viz.replay(recording).html())["boxes"]
    assert {box["path"] for box in boxes} == {"", "rungs.0", "rungs.1", "turn:1", "turn:2"}
    assert "rungs.0 · Linear" in {box["name"] for box in boxes}
    for box in boxes:
        for run in box["runs"]:
            assert box["column"][run["tail"]] < box["column"][run["head"]]


def test_a_module_that_is_called_twice_has_two_boxes():
    pb.manual_seed(0)
    cell = nn.Linear(2, 2)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            return self.cell(self.cell(x))

    with viz.record() as recording:
        Twice()(pb.ones((1, 2))).sum().backward()
    paths = [box["path"] for box in data_of(viz.replay(recording).html())["boxes"]]
    assert paths == ["", "cell:1", "cell:2"]


def tracked(value, name, op):
    """A sample's argument as Tensors, which want a gradient where there is a rule for it."""
    if isinstance(value, (list, tuple)):
        return [tracked(part, name, op) for part in value]
    if not isinstance(value, np.ndarray):
        return value
    return pb.tensor(value, requires_grad=value.dtype.kind == "f" and name in op.rules)


@pytest.mark.parametrize(
    "op",
    [
        pytest.param(op, id=op.name)
        for op in REGISTRY.values()
        if op.rules and op.module.startswith("pullback.")
    ],
)
def test_every_operation_replays_with_the_numbers_of_its_rules(op):
    told = 0
    for sample in itertools.islice(op.samples(np.random.default_rng(0)), 4):
        with viz.record() as recording:
            names = op.inputs * len(sample.inputs) if op.variadic else op.inputs
            inputs = [tracked(value, name, op) for value, name in zip(sample.inputs, names, strict=False)]
            result = op.call(*inputs, **sample.parameters)
            results = [
                part
                for part in (result if isinstance(result, tuple) else (result,))
                if part.requires_grad and part.dtype.kind == "f"
            ]
            if results:
                sum((part * 1.5).sum() for part in results).backward()
        if not results:
            continue
        film = viz.replay(recording)
        terms = [term for step in film.steps for term in step.terms]
        assert all(term.agrees for term in terms)
        json.dumps(data_of(film.html()))
        told += any(
            film.graph.nodes[s.node].operation == op.name for s in film.steps if s.phase == "backward"
        )
    # what has complex numbers alone for its samples, or results, is left out here
    assert told or not results


def test_the_budget_of_a_replay_is_a_number_of_nodes_or_none():
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(3)))
    with viz.record() as recording:
        model(pb.ones((1, 2))).sum().backward()
    with pytest.raises(ValueError, match="max_nodes must be at least 1"):
        viz.replay(recording, max_nodes=0)
    whole = viz.replay(recording, max_nodes=None)
    assert (
        whole.html()
        == viz.replay(recording, max_nodes=1000).html()
        != viz.replay(recording, max_nodes=4).html()
    )
