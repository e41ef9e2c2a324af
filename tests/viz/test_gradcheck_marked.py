"""A gradient check that failed, painted on the graph."""

from typing import NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback import viz
from pullback.autograd.extend import MIXER, REGISTRY, elementwise, given, op


@pytest.fixture(autouse=True)
def forget_planted_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def planted(x):
    return op(
        lambda x, /: x**3, "x", x=lambda g, x: -g * 3 * x**2,
        name="planted", gate=MIXER, samples=elementwise(1), doc="For this test.",
    )(x)  # fmt: skip


def marked(picture):
    return [node.operation for node in picture.graph.nodes if node.wrong]


@pytest.mark.parametrize(("point", "style"), [(1.5, "circuit"), (np.ones((2, 2)), "tensor")])
def test_the_wrong_operation_is_marked(point, style):
    result = pb.gradcheck(lambda x: pb.sin(planted(pb.exp(x) * 2)).sum(), point)
    picture = viz.draw(result)
    assert picture.graph.style == style
    assert marked(picture) == ["planted"]
    assert "astype" not in {node.operation for node in picture.graph.nodes}
    text = picture.svg()
    assert text.count("✗ wrong gradient") >= 2, "in the picture and in the tooltip"
    assert "whose gradient is wrong" in text.split("</desc>")[0]
    assert "a gradient check found this rule wrong" in text
    assert "wrong gradient" in picture.dot()


class Pair(NamedTuple):
    total: pb.Tensor
    product: pb.Tensor


def test_it_is_found_among_operations_with_several_outputs_and_functions():
    def forward(x, y):
        """Sum and product."""
        return Pair(x + y, x * y)

    pair = op(
        forward, "x y", x=lambda g, y: g[0] + g[1] * y, y=lambda g, x: g[0] - g[1] * x, outputs=Pair,
        name="pair_for_test", gate=MIXER, samples=given((((2,), (2,)), {})),
    )  # fmt: skip

    class Two(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            return 2 * g + 3 * h

    def function(x):
        a, b = Two.apply(x)
        c, d = pair(a, b)
        return c * pb.tanh(d)

    result = pb.gradcheck(function, np.ones(2))
    assert result.culprit.input == "y"
    assert marked(viz.draw(result)) == ["pair_for_test"]


def test_a_cut_path_marks_nothing_and_still_draws():
    result = pb.gradcheck(lambda x: x * x.detach(), np.ones(2))
    picture = viz.draw(result)
    assert marked(picture) == []
    assert "✗" not in picture.svg()


def test_a_check_that_passed_has_nothing_to_show():
    with pytest.raises(ValueError, match="has not failed"):
        viz.draw(pb.gradcheck(pb.exp, 1.0))
