"""Series of numbers as lines, and networks side by side as rows of histograms."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn, viz
from pullback.viz.figures import collect_lines, measure

pytest.importorskip("matplotlib")


def test_values_stand_at_their_numbers_or_where_they_are_said_to():
    data = collect_lines({"a": [3, 1], "b": (np.array([1.0, 10.0]), pb.tensor([0.5, 0.25])), "c": (4.0, 5.0)})
    found = {name: (x.tolist(), y.tolist()) for name, (x, y) in data.panels[""].items()}
    assert found == {
        "a": ([0, 1], [3, 1]),
        "b": ([1, 10], [0.5, 0.25]),
        "c": ([0, 1], [4, 5]),  # a tuple of two numbers is a sequence of numbers
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_name_looks_the_same_in_every_panel(theme):
    figure, data = viz.lines(
        {"left": {"a": [1, 2], "b": [2, 3]}, "right": {"b": [5, 6], "c": [7, 8]}},
        x="t",
        y="value",
        theme=theme,
    )
    left, right = figure.axes
    drawn = [{line.get_label(): line for line in axes.get_lines()} for axes in (left, right)]
    assert drawn[0]["b"].get_color() == drawn[1]["b"].get_color() != drawn[0]["a"].get_color()
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["left", "right"]
    assert left.get_ylim() == right.get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    np.testing.assert_array_equal(drawn[1]["c"].get_ydata(), data.panels["right"]["c"][1])


def test_long_names_stay_on_the_paper():
    names = [f"a name that takes its room, number {number}" for number in range(4)]
    figure, _ = viz.lines({name: [1, 2] for name in names})
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_titles_and_flat_images_have_room():
    figure, _ = viz.weight_images(np.ones((1, 1, 16, 36)), titles=["the convolution as a matrix"])
    figure.canvas.draw()
    [axes] = figure.axes
    title, image = axes.title.get_window_extent(), axes.get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.x1
    assert image.width > 0.7 * figure.bbox.width
    assert image.height > 0.6 * figure.bbox.height


def test_pictures_of_many_pixels_are_larger():
    widths = [viz.image_grid(np.ones((2, 8, side)), columns=2).figure.get_figwidth() for side in (8, 40, 400)]
    assert widths == [2.3, pytest.approx(5.6), 7.0]


def test_panels_may_have_scales_of_their_own():
    figure, _ = viz.lines({"small": {"a": [1, 2]}, "large": {"a": [100, 200]}}, share=False)
    assert figure.axes[0].get_ylim() != figure.axes[1].get_ylim()


def test_what_a_scale_cannot_show_is_a_gap():
    line = viz.lines({"a": [1.0, np.inf, 0.0, 2.0]}, log="y").figure.axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [1, np.nan, np.nan, 2])
    line = viz.lines({"a": [1.0, np.inf, 0.0, 2.0]}).figure.axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [1, np.nan, 0, 2])
    line = viz.lines({"a": ([0.0, 1.0], [3.0, 4.0])}, log="x").figure.axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [np.nan, 4])


@pytest.mark.parametrize(
    ("series", "log", "error", "message"),
    [
        ({}, "", ValueError, "no series"),
        ({"p": {}}, "", ValueError, "no series"),
        ([1, 2], "", TypeError, "as a dict, and not as a list"),
        ({"p": {"a": [1]}, "b": [1]}, "", ValueError, "all sequences, or all dicts"),
        ({"a": ([1, 2], [1])}, "", ValueError, r"'a' should be numbers.*\(1,\) for \(2,\) places"),
        ({"a": 3.0}, "", ValueError, r"'a' should be numbers"),
        ({"a": []}, "", ValueError, r"'a' should be numbers"),
        ({"a": [1]}, "z", ValueError, "logarithmic axes"),
    ],
)
def test_what_cannot_be_drawn(series, log, error, message):
    with pytest.raises(error, match=message):
        viz.lines(series, log=log)


def networks():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8)).astype(np.float32)
    found = {}
    for name, std in (("small", 0.01), ("large", 1.0)):
        model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        for layer in (model[0], model[2]):
            nn.init.normal_(layer.weight, 0, std, rng=rng)
        found[name] = measure(model, x, lambda out: (out * out).sum(), layers=["1", "3"])
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("gradients", [False, True])
def test_a_row_for_each_network_and_a_column_for_each_layer(gradients, theme):
    measured = networks()
    figure, data = viz.depth_histograms(measured, gradients=gradients, theme=theme)
    field = "gradients" if gradients else "activations"
    assert {n: [s.std for s in row] for n, row in data.items()} == {
        name: [getattr(layer, field).std for layer in one.layers.values()] for name, one in measured.items()
    }
    assert len(figure.axes) == 4
    assert figure.axes[0].get_ylabel() == "small"
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim() != figure.axes[2].get_xlim()
    assert f"std {data['large'][1].std:.3g}" in figure.axes[3].get_title()
    assert figure.axes[1].get_title().startswith("3\n")


def test_layers_of_other_paths_are_numbered():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    x = pb.randn(8, 2)
    figure, _ = viz.depth_histograms(
        {"one": measure(model, x, layers=["0"]), "two": measure(model, x, layers=["1"])}
    )
    assert figure.axes[0].get_title().startswith("layer 1\n")


def test_the_zeros_of_a_relu_do_not_hide_the_rest():
    values = np.random.default_rng(0).normal(size=(4000, 1)).astype(np.float32)
    spreads = measure(nn.Sequential(nn.ReLU()), values)
    figure, data = viz.depth_histograms({"relu": spreads})
    zeros, second = np.sort(data["relu"][0].counts)[:-3:-1]
    assert second < figure.axes[0].get_ylim()[1] < 2 * second < zeros
    figure, data = viz.depth_histograms(
        {"a spike": measure(nn.Sequential(nn.ReLU()), np.where(values < 2.5, 0, values))}
    )
    assert figure.axes[0].get_ylim()[1] > data["a spike"][0].counts.max()


def test_networks_that_cannot_be_compared():
    with pytest.raises(ValueError, match="nothing measured"):
        viz.depth_histograms({})
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    x = pb.ones((4, 2))
    one, two = measure(model, x, layers=["0"]), measure(model, x)
    with pytest.raises(ValueError, match="different numbers of layers"):
        viz.depth_histograms({"one": one, "two": two})
    with pytest.raises(ValueError, match="no gradients"):
        viz.depth_histograms({"one": one}, gradients=True)


@pytest.mark.parametrize(("x", "whole"), [([1, 2, 3, 4], True), ([0.5, 1, 1.5, 2], False)])
def test_whole_numbers_have_no_ticks_between_them(x, whole):
    figure, _ = viz.lines({"a": (x, [3, 2, 1, 0])})
    figure.draw_without_rendering()
    ticks = figure.axes[0].get_xticks()
    assert np.array_equal(ticks, np.round(ticks)) == whole


def test_few_points_on_a_logarithmic_axis_have_a_tick_each():
    figure, _ = viz.lines({"a": ([1, 3, 50], [3, 2, 1]), "b": ([0, 3, 800], [1, 1, 1])}, log="x")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3", "50", "800"]
    assert len(axes.get_xticks(minor=True)) == 0
    figure, _ = viz.lines({"a": (np.geomspace(1, 1000, 40), np.arange(40))}, log="x")
    figure.draw_without_rendering()
    assert {1, 10, 100, 1000} <= set(np.round(figure.axes[0].get_xticks()).tolist())
    assert not any(tick.label1.get_visible() for tick in figure.axes[0].xaxis.get_minor_ticks())
