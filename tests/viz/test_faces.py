"""The other faces of a captured graph: Mermaid, JSON, outline, web page, PNG and PDF."""

import json
import re
import sys

import numpy as np
import pytest

import pullback as pb
from pullback import viz

HOSTILE = "<script>&\"'`#;|\x00\u202e\ud800 --> end \\$"
FACES = ("mermaid", "json", "outline", "html")


def hostile():
    with viz.record() as recording:
        x = pb.tensor(1.0, requires_grad=True, name=HOSTILE)
        pb.exp(x) * 2
    return viz.draw(recording, title=HOSTILE)


@pytest.mark.parametrize("face", FACES)
def test_the_same_graph_gives_the_same_bytes_and_no_address(face, slide, network):
    for drawing in (slide, network, hostile()):
        text = getattr(drawing, face)()
        assert text == getattr(viz.Drawing(drawing.graph), face)()
        assert "0x" not in text
        text.encode()
        assert not set("\x00\u202e\ud800") & set(text)


@pytest.mark.parametrize("face", FACES)
def test_a_backward_that_has_not_run_is_no_obstacle(face):
    x = pb.tensor([1.0, 2.0], requires_grad=True, name="x")
    drawing = viz.draw((pb.exp(x) * 3).sum())
    assert "x" in getattr(drawing, face)()


def test_mermaid_has_the_same_nodes_wires_and_modules(slide, network):
    for drawing, direction in ((slide, "LR"), (network, "TD")):
        text = drawing.mermaid()
        assert text.startswith(f"flowchart {direction}\n")
        assert len(re.findall(r'^\s*n\d+[\[(]+/?".*"/?[\])]+:::\w+$', text, re.M)) == len(drawing.graph.nodes)
        assert text.count(" -->") == len(drawing.graph.edges)
        assert text.count("subgraph ") == len(re.findall(r"^\s*end$", text, re.M))
        used, defined = set(re.findall(r":::(\w+)", text)), set(re.findall(r"classDef (\w+)", text))
        assert used == defined
    assert 'n2(("#43;<br/>distributor"))' in slide.mermaid()
    assert '|"−2.00<br/>−4.00"|' in slide.mermaid()
    assert 'subgraph m1["module ' in network.mermaid()


def test_mermaid_frames_lie_in_one_another():
    model = pb.nn.Sequential(pb.nn.Sequential(pb.nn.Linear(2, 2)), pb.nn.ReLU())
    with viz.record() as recording:
        model(pb.ones((1, 2)))
    lines = viz.draw(recording).mermaid().splitlines()
    frames = [line for line in lines if "subgraph" in line]
    assert [frame.partition("module ")[2] for frame in frames] == ['0"]', '0.0"]', '1"]']
    outer, inner, _ = (lines.index(frame) for frame in frames)
    assert outer < inner < lines.index("    end") < lines.index("  end")


def test_mermaid_escapes_names_and_titles():
    text = hostile().mermaid()
    assert "<script>" not in text.split("---")[2]
    labels = re.findall(r'"(.*)"', text.split("---")[2])
    assert labels
    for label in labels:
        rest = re.sub(r"#\d+;|<br/>", "", label)
        assert not set(rest) & set('"#&<>`;|$\\-')
    assert text.splitlines()[1].startswith('title: "<script>&\\"')


def test_json_has_everything_the_graph_has(slide, network):
    for drawing in (slide, network):
        document = json.loads(drawing.json())
        assert document["version"] == 1
        assert document["style"] == drawing.graph.style
        assert [node["key"] for node in document["nodes"]] == list(range(len(drawing.graph.nodes)))
        for found, node in zip(document["nodes"], drawing.graph.nodes, strict=True):
            assert (found["name"], found["kind"], found["gate"]) == (node.name, node.kind, node.role)
            assert (found["scope"], found["source"]) == (node.scope, node.source)
            assert tuple(found["shape"]) == node.shape
            assert found["gradient_state"] == node.state.name.lower()
            assert (found["gradient"] is None) == (node.gradient is None)
        for found, edge in zip(document["edges"], drawing.graph.edges, strict=True):
            assert (found["tail"], found["head"], found["slot"]) == (edge.tail, edge.head, edge.slot)
    assert {scope["path"] for scope in json.loads(network.json())["scopes"]} >= {"0", "2", "4"}
    x = json.loads(slide.json())["nodes"][0]
    assert x["value"] == {"data": -2.0, "min": -2.0, "max": -2.0, "norm": 2.0}
    assert x["gradient"]["data"] == -4.0
    weight = next(node for node in json.loads(network.json())["nodes"] if node["name"] == "0.weight")
    assert weight["value"]["data"] is None
    assert weight["value"]["norm"] > 0


def test_json_writes_what_json_lacks_as_text():
    with viz.record() as recording:
        x = pb.tensor([0.0, float("nan"), -1.0, 0.1], requires_grad=True, name="x")
        with np.errstate(all="ignore"):
            pb.log(x)[1:3]
        pb.tensor(1 - 2j) * 2
    nodes = json.loads(viz.draw(recording).json(), parse_constant=pytest.fail)["nodes"]
    assert nodes[0]["value"] == {"data": [0.0, "nan", -1.0, 0.1], "min": "nan", "max": "nan", "norm": "nan"}
    assert nodes[1]["value"]["data"] == ["-inf", "nan", "nan", pytest.approx(-2.302585)]
    assert "1:3" in json.dumps(nodes[2]["parameters"])
    assert nodes[3]["value"]["data"] == {"re": 1.0, "im": -2.0}


def test_outline_has_a_line_for_each_value_and_the_picture_begins_with_it():
    with viz.record() as recording:
        x = pb.tensor(0.5, requires_grad=True, name="x")
        for _ in range(80):
            x = pb.sin(x)
    drawing = viz.draw(recording, max_nodes=None)
    assert len(drawing.outline().splitlines()) == 81
    description = drawing.svg().split("<desc")[1].split(">", 1)[1].split("</desc>")[0].splitlines()
    assert description[:60] == drawing.outline().splitlines()[:60]
    assert description[60:] == ["and 21 more values."]


def test_the_page_is_whole_and_loads_nothing(slide, network):
    for drawing in (slide, network, hostile()):
        text = drawing.html()
        assert text.startswith("<!doctype html>")
        assert drawing.svg() in text
        assert text.count("<li>") == len(drawing.outline().splitlines())
        for forbidden in ("<script", "href", "src=", "url(", "@import", "<link"):
            assert forbidden not in text
        assert "prefers-color-scheme:dark" in text.split("</style>")[0]
        assert 'name="viewport"' in text


@pytest.mark.parametrize(("suffix", "face"), [("mmd", "mermaid"), ("json", "json"), ("html", "html")])
def test_save_writes_the_face_of_the_suffix(slide, tmp_path, suffix, face):
    path = slide.save(tmp_path / f"graph.{suffix}")
    assert path.read_text("utf-8") == getattr(slide, face)()


def test_save_writes_the_outline(slide, tmp_path):
    assert slide.save(tmp_path / "graph.txt").read_text("utf-8") == slide.outline() + "\n"


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-")])
def test_save_renders_pictures(slide, tmp_path, suffix, start):
    pytest.importorskip("cairosvg", exc_type=ImportError)
    path = slide.save(tmp_path / f"picture.{suffix}")
    assert path.read_bytes().startswith(start)
    if suffix == "png":
        width = float(re.search(r'width="([\d.]+)"', slide.svg())[1])
        pixels = pytest.importorskip("matplotlib.image").imread(path)
        assert pixels.shape[1] == pytest.approx(2 * width, abs=1)
        assert (pixels[..., :3].mean(-1) < 0.5).sum() > 2000  # gates and letters are there


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_missing_renderer_is_named_with_the_way_out(slide, tmp_path, suffix, monkeypatch):
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(ImportError, match=rf"\.{suffix} file needs CairoSVG.*pullback\[png\]"):
        slide.save(tmp_path / f"picture.{suffix}")
    assert not list(tmp_path.iterdir())
