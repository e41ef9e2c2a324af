"""The notes' examples, recorded, and a reader for the pictures."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import pullback as pb
from pullback import nn, viz

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Picture:
    """A parsed SVG."""

    root: ElementTree.Element
    texts: list[str] = field(default_factory=list)
    tooltips: list[str] = field(default_factory=list)

    def count(self, tag: str) -> int:
        return sum(1 for _ in self.root.iter(SVG + tag))


@pytest.fixture(scope="session")
def parse():
    """Reads an SVG document; anything that is no XML raises."""

    def read(svg: str) -> Picture:
        root = ElementTree.fromstring(svg)
        return Picture(
            root,
            [element.text or "" for element in root.iter(SVG + "text")],
            [element.text or "" for element in root.iter(SVG + "title")],
        )

    return read


def leaf(value: float, name: str | None = None) -> pb.Tensor:
    return pb.tensor(value, requires_grad=True, name=name)


@pytest.fixture
def slide():
    """f = (x + y)·z at x = −2, y = 5, z = −4."""
    with viz.record() as recording:
        x, y, z = leaf(-2.0, "x"), leaf(5.0, "y"), leaf(-4.0, "z")
        f = (x + y) * z
        f.backward()
    return viz.draw(recording, names={"f": f})


@pytest.fixture
def neuron():
    """Draws the sigmoid neuron of the notes, in small gates or with one sigmoid gate."""

    def make(*, gates: bool) -> viz.Drawing:
        with viz.record() as recording:
            w0, x0, w1, x1, w2 = leaf(2.0), leaf(-1.0), leaf(-3.0), leaf(-2.0), leaf(-3.0)
            s = w0 * x0 + w1 * x1 + w2
            f = 1 / (1 + pb.exp(-s)) if gates else pb.sigmoid(s)
            f.backward()
        return viz.draw(recording, names={"w0": w0, "x0": x0, "w1": w1, "x1": x1, "w2": w2})

    return make


@pytest.fixture
def network():
    """A network of three layers with its loss."""
    pb.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 5))
    images = pb.randn(4, 16)
    labels = pb.tensor([0, 1, 2, 3])
    with viz.record() as recording:
        loss = nn.CrossEntropyLoss()(model(images), labels)
        loss.backward()
    return viz.draw(recording, names={"images": images, "labels": labels, "loss": loss})


def _browser_module():
    """The driver beside this file; pytest's import mode leaves folders of tests off the path."""
    specification = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
    module = importlib.util.module_from_spec(specification)
    sys.modules["browser"] = module  # its classes look up their names there
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A running browser; tests that need one are skipped where there is none."""
    module = _browser_module()
    if module.BROWSER is None:
        pytest.skip("no Chromium or Chrome on the PATH")
    running = module.Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture
def pygraphviz():
    """The library; tests of Graphviz's arrangement are skipped without it, or without what it needs of the system."""
    return pytest.importorskip("pygraphviz", exc_type=ImportError)
