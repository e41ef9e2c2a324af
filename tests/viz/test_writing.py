"""The SVG and DOT texts: valid, escaped, repeatable, accessible, and with all numbers in them."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import pullback as pb
from pullback import nn, viz
from pullback.viz.theme import DARK, LIGHT

HOSTILE = "<script>&\"'\x00\x08\u202e]]>\ud800 --"


def test_slide_shows_values_above_gradients_below_and_roles(slide, parse):
    texts = parse(slide.svg()).texts
    for expected in ("x", "y", "z", "f", "+", "×", "−2.00", "5.00", "−4.00", "3.00", "−12.00", "1.00"):
        assert expected in texts
    assert {"distributor", "switcher"} <= set(texts)
    assert texts.count("−4.00") == 4  # gradients of x, y and x + y, value of z


def test_neuron_shows_the_numbers_of_the_notes(neuron, parse):
    texts = parse(neuron(gates=True).svg()).texts
    for expected in ("w₀", "x₀", "6.00", "4.00", "0.37", "1.37", "0.73", "−0.53", "0.20", "0.39", "−0.59"):
        assert expected in texts


def test_values_stand_above_and_gradients_below_their_wire(neuron):
    for shape in viz.positions(neuron(gates=True).graph).shapes:
        heights = {text.ink: text.y for text in shape.texts}
        assert ("value" in heights) == ("gradient" in heights) == (shape.stub is not None)
        if shape.stub:
            assert heights["value"] < 0 < heights["gradient"] - 9  # a line of text is 9 pixels high


def test_network_shows_names_shapes_norms_and_frames(network, parse):
    picture = parse(network.svg())
    for expected in (
        "images",
        "0.weight",
        "4.bias",
        "loss = cross_entropy",
        "module 2 · Linear",
        "(4, 16) · float32",
    ):
        assert expected in picture.texts, expected
    weight = next(node for node in network.graph.nodes if node.name == "2.weight")
    norm = float((weight.gradient.astype(float) ** 2).sum() ** 0.5)
    assert any(text.startswith("‖∇‖") for text in picture.texts)
    assert any(f"norm {norm:.2f}" in tip or f"norm {norm:.3g}" in tip for tip in picture.tooltips)


def test_each_state_of_a_gradient_has_words_of_its_own(parse):
    with viz.record() as recording:
        a, b, c = (pb.tensor(v, requires_grad=True) for v in (0.0, 2.0, 1.0))
        pb.exp(c)
        (pb.sqrt(a) + 0 * b * pb.tensor(1.0, name="d")).backward()
    texts = parse(viz.draw(recording).svg()).texts
    assert {"! inf", "0", "∇ —", "no ∇"} <= set(texts)
    for meaning in ("exactly zero", "not computed", "no gradient required", "not finite"):
        assert any(meaning in text for text in texts)


def test_hostile_names_and_titles_are_escaped(parse):
    with viz.record() as recording:
        x = pb.tensor(1.0, requires_grad=True, name=HOSTILE)
        pb.exp(x) * 2
    drawing = viz.draw(recording, title=HOSTILE)
    picture = parse(drawing.svg())
    assert not list(picture.root.iter("script"))
    assert "<script>" not in drawing.svg()
    assert any(text.startswith("<script>&\"'") for text in picture.texts)
    drawing.svg().encode("utf-8")
    for forbidden in "\x00\x08\u202e\ud800":
        assert forbidden not in drawing.svg()
        assert forbidden not in drawing.dot()


def test_modules_with_hostile_names_are_escaped(parse):
    class Odd(pb.nn.Module):
        def __init__(self):
            super().__init__()
            setattr(self, "a<b&", pb.nn.Linear(2, 2))

        def forward(self, x):
            return getattr(self, "a<b&")(x)

    with viz.record() as recording:
        Odd()(pb.ones((1, 2)))
    assert "module a<b& · Linear" in parse(viz.draw(recording).svg()).texts


def test_same_graph_same_bytes(neuron, network):
    assert neuron(gates=True).svg() == neuron(gates=True).svg()
    assert network.svg() == viz.Drawing(network.graph).svg()


def test_bytes_do_not_depend_on_the_process_or_its_hash_seed(tmp_path):
    script = tmp_path / "draw.py"
    script.write_text(
        "import sys, pullback as pb\n"
        "with pb.viz.record() as r:\n"
        "    x = pb.tensor([1.0, 2.0], requires_grad=True, name='x'); (x * x).sum().backward()\n"
        "sys.stdout.buffer.write(pb.viz.draw(r).svg().encode())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, script],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert b"0x" not in outputs.pop()


def test_document_is_accessible_and_self_contained(slide, network, parse):
    for drawing in (slide, network):
        root = parse(drawing.svg()).root
        assert root.get("role") == "img"
        _, _, width, height = map(float, root.get("viewBox").split())
        assert (width, height) == (float(root.get("width")), float(root.get("height")))
        labels = root.get("aria-labelledby").split()
        ids = {element.get("id"): element for element in root.iter() if element.get("id")}
        assert set(labels) == set(ids)
        assert all(ids[label].text for label in labels)
        assert "prefers-color-scheme:dark" in drawing.svg()
        for forbidden in ("<script", "href", "url(", "@import", "<image", "onload"):
            assert forbidden not in drawing.svg()


def test_description_tells_the_computation_in_words(slide, parse):
    root = parse(slide.svg()).root
    description = root.find("{http://www.w3.org/2000/svg}desc").text
    assert "x, parameter, value −2.00, gradient −4.00." in description
    assert "f = multiply [×](value 3, z), value −12.00, gradient 1.00." in description


def test_tooltips_have_all_digits(neuron, parse):
    tips = "\n".join(parse(neuron(gates=False).svg()).tooltips)
    assert re.search(r"sigmoid: scaler\n.*\nvalue 0\.7310\d{3,}", tips)
    assert "test" in tips or "conftest" in tips  # the source line


def test_two_pictures_on_a_page_share_no_ids_and_no_classes(slide, network):
    def own(drawing):
        text = drawing.svg()
        return set(re.findall(r'id="([^"]+)"', text)), set(re.findall(r'class="([^"]+)"', text))

    (ids, classes), (other_ids, other_classes) = own(slide), own(network)
    assert ids
    assert classes
    assert not ids & other_ids
    assert not classes & other_classes


def test_every_rule_of_the_style_sheet_names_its_own_picture(slide):
    prefix = re.search(r'id="(pb[0-9a-f]+)-title"', slide.svg())[1]
    style = re.search(r"<style>(.*)</style>", slide.svg())[1]
    assert all(rule.startswith(f".{prefix}-") for rule in re.findall(r"\.[^{}]+(?=\{)", style))


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_is_that_of_wcag_aa(theme):
    grounds = ["panel", "frame", "gate", "output", "parameter", "buffer", "input", "constant", "module"]
    for ink in ("ink", "muted", "value", "gradient"):
        for ground in grounds:
            assert contrast(theme.inks[ink], theme.paints[ground].fill) >= 4.5, (ink, ground)
    assert contrast(theme.inks["alarm"], theme.paints["badge"].fill) >= 4.5
    assert contrast(theme.inks["ink"], theme.paints["adder"].fill) >= 4.5
    for line in theme.lines.values():
        assert contrast(line, theme.paints["panel"].fill) >= 3
    for ground in grounds[2:]:
        assert contrast(theme.paints[ground].stroke, theme.paints["panel"].fill) >= 3, ground


def test_dark_colours_cover_every_class(slide, network):
    for drawing in (slide, network):
        used = set(re.findall(r'class="pb[0-9a-f]+-([^"]+)"', drawing.svg()))
        styled = set(re.findall(r"\.pb[0-9a-f]+-([\w-]+)\{", drawing.svg()))
        assert used <= styled


def test_dot_has_the_same_graph(slide, network):
    for drawing in (slide, network):
        text = drawing.dot()
        assert len(re.findall(r"^\s*n\d+ \[", text, re.M)) == len(drawing.graph.nodes)
        assert text.count("->") == len(drawing.graph.edges)
    assert "rankdir=LR" in slide.dot()
    assert "−12.00" in slide.dot()


def test_dot_is_read_by_graphviz(pygraphviz):
    with viz.record() as recording:
        x = pb.tensor(1.0, requires_grad=True, name='quo"te\\n <b> {|}')
        pb.exp(x)
    graph = pygraphviz.AGraph(string=viz.draw(recording, title="a\\lb").dot())
    assert len(graph.nodes()) == 2


def test_notebook_and_repr(slide):
    assert slide._repr_svg_() == slide.svg()
    assert repr(slide) == "<Drawing: Computational graph of f, circuit style, 6 nodes, 5 wires>"


def test_save_writes_what_the_suffix_says(slide, tmp_path):
    svg = slide.save(tmp_path / "picture.SVG")
    ElementTree.parse(svg)
    assert svg.read_text("utf-8") == slide.svg()
    assert slide.save(str(tmp_path / "graph.dot")).read_text("utf-8") == slide.dot()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.dot", "picture.SVG"]


def test_save_follows_links_and_replaces_whole_files(slide, tmp_path):
    target = tmp_path / "real.svg"
    target.write_text("old")
    link = tmp_path / "link.svg"
    link.symlink_to(target)
    slide.save(link)
    assert link.is_symlink()
    assert target.read_text("utf-8") == slide.svg()


@pytest.mark.parametrize("name", ["picture.gif", "picture", ".svg"])
def test_save_refuses_other_suffixes(slide, tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.svg, .* or \.pdf"):
        slide.save(tmp_path / name)


def test_save_to_where_nothing_can_be_written_says_so(slide, tmp_path):
    missing = tmp_path / "no" / "such" / "picture.svg"
    with pytest.raises(FileNotFoundError, match=r"cannot write .*picture\.svg': No such file"):
        slide.save(missing)
    folder = tmp_path / "folder.svg"
    folder.mkdir()
    with pytest.raises(OSError, match=r"cannot write the picture to '.*folder\.svg'"):
        slide.save(folder)
    assert list(tmp_path.iterdir()) == [folder]  # nothing half written is left


def test_dtypes_of_several_results_are_told_by_name():
    with viz.record() as recording:
        nn.LSTM(2, 3)(pb.ones((2, 1, 2)))
    drawing = viz.draw(recording)
    assert {node.dtype_text for node in drawing.graph.nodes if len(node.shape) == 3} == {"float32"}
    for face in (drawing.dot(), drawing.mermaid(), drawing.svg(), drawing.json(), drawing.outline()):
        assert "dtype(" not in face
