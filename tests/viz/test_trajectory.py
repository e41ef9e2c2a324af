"""Paths of optimisers on loss surfaces: the notes' claims hold on the data, and the figures are drawn."""

import io
import sys

import numpy as np
import pytest

import pullback as pb
from pullback import optim, viz
from pullback.viz.figures import SURFACES, Surface, descend


def sgd(lr, **options):
    return lambda params: optim.SGD(params, lr=lr, **options)


def turns(values):
    """How often a path along one axis changes its direction."""
    moves = np.sign(np.diff(values))
    return int(np.sum(moves[1:] * moves[:-1] < 0))


# what the CS231n notes say, on the data


def test_the_taco_shell_has_condition_number_64():
    shell = SURFACES["taco shell"].function
    for place in ([0.3, -0.2], [-4.0, 1.0]):
        hessian = pb.hessian(lambda p: shell(p[0], p[1]))(pb.tensor(place))
        assert np.linalg.cond(hessian.numpy()) == pytest.approx(64)


def test_sgd_zigzags_along_the_steep_axis_and_crawls_along_the_flat_one():
    path = descend({"SGD": sgd(0.03)}, "taco shell", steps=60).paths["SGD"]
    assert turns(path.points[:, 1]) == 59  # across the valley: there and back at every step
    assert turns(path.points[:, 0]) == 0  # along it: straight to the minimum
    assert np.all(np.diff(np.abs(path.points[:, 0])) < 0)
    assert abs(path.points[20, 0]) > 0.5 * abs(path.points[0, 0])  # and slowly
    assert np.sum(np.abs(path.steps[:, 1])) > 2 * np.sum(np.abs(path.steps[:, 0]))


def test_momentum_overshoots_the_minimum_and_comes_back():
    paths = descend({"SGD": sgd(0.01), "momentum": sgd(0.01, momentum=0.9)}, "taco shell", steps=200).paths
    along = paths["momentum"].points[:, 0]
    beyond = int(np.argmax(along))
    assert along[beyond] > 0.5  # past the minimum at 0
    assert np.max(np.abs(along[-20:])) < 0.1  # and back
    assert np.max(paths["SGD"].points[:, 0]) < 0  # SGD never gets there
    assert paths["momentum"].losses[-1] < paths["SGD"].losses[-1] / 10


def test_rmsprop_corrects_per_axis():
    """It goes along both axes at one pace, though one is 64 times as steep as the other."""
    paths = descend(
        {"SGD": sgd(0.01), "RMSprop": lambda p: optim.RMSprop(p, lr=0.05)}, "taco shell", steps=40
    ).paths
    moves = {name: np.abs(path.steps[:5]) for name, path in paths.items()}
    np.testing.assert_allclose(moves["RMSprop"][0, 0], moves["RMSprop"][0, 1], rtol=1e-6)
    ratio = {name: steps[:, 1].sum() / steps[:, 0].sum() for name, steps in moves.items()}
    assert 0.5 < ratio["RMSprop"] < 1
    assert ratio["SGD"] > 2
    slopes = np.abs(paths["RMSprop"].gradients[0])
    assert slopes[1] > 10 * slopes[0]
    assert turns(paths["RMSprop"].points[:, 1]) == 0


def test_sgd_stalls_at_the_saddle_where_momentum_escapes():
    paths = descend({"SGD": sgd(0.03), "momentum": sgd(0.03, momentum=0.9)}, "saddle", steps=100).paths
    for name, path in paths.items():
        slow = np.linalg.norm(path.gradients, axis=1) < 0.1
        escaped = np.abs(path.points[:, 1]) > 0.5
        assert slow.any()
        assert escaped.any() == (name == "momentum")
    assert paths["SGD"].losses[-1] > -0.01
    assert paths["momentum"].losses[-1] < -0.2


class UncorrectedAdam:
    """Adam as it would be without the bias correction of its first moments."""

    def __init__(self, params, lr, beta1=0.9, beta2=0.999):
        [self.p] = params
        self.lr, self.beta1, self.beta2, self.m, self.v = lr, beta1, beta2, 0.0, 0.0

    def zero_grad(self):
        self.p.grad = None

    def step(self, closure):
        closure()
        g = self.p.grad.numpy()
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
        with pb.no_grad():
            self.p -= self.lr * self.m / (np.sqrt(self.v) + 1e-8)


@pytest.mark.parametrize("surface", SURFACES)
def test_adams_bias_correction_prevents_the_huge_first_step(surface):
    lr = 0.01
    paths = descend(
        {"Adam": lambda p: optim.Adam(p, lr=lr), "uncorrected": lambda p: UncorrectedAdam(p, lr)},
        surface,
        start=(0.7, 0.9),
        steps=10,
    ).paths
    first = {name: np.abs(path.steps[0]) for name, path in paths.items()}
    np.testing.assert_allclose(first["Adam"], lr, rtol=1e-5)
    np.testing.assert_allclose(first["uncorrected"], lr * 0.1 / np.sqrt(0.001), rtol=1e-5)
    assert np.abs(paths["uncorrected"].steps).max() > 3 * np.abs(paths["Adam"].steps).max()


# surfaces


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_minima_and_saddles_are_where_they_are_said_to_be(surface):
    def loss(p):
        return surface.function(p[0], p[1])

    x, y, heights = surface.grid(101)
    assert heights.shape == (101, 101)
    assert np.isfinite(heights).all()
    for points, curvatures in ((surface.minima, (1, 1)), (surface.saddles, (-1, 1))):
        for point in points:
            place = pb.tensor(point, dtype="float64")
            np.testing.assert_allclose(pb.grad(loss)(place).numpy(), 0, atol=1e-12)
            eigenvalues = np.linalg.eigvalsh(pb.hessian(loss)(place).numpy())
            assert tuple(np.sign(eigenvalues)) == curvatures
            assert x.min() <= point[0] <= x.max()
            assert y.min() <= point[1] <= y.max()
    if surface.minima:
        assert heights.min() >= loss(pb.tensor(surface.minima[0], dtype="float64")).item() - 1e-12
    assert surface.x[0] <= surface.start[0] <= surface.x[1]
    assert surface.y[0] <= surface.start[1] <= surface.y[1]


# data


def test_a_path_has_the_losses_and_gradients_at_its_points():
    data = descend({"SGD": sgd(1e-3)}, "Rosenbrock", steps=7)
    path = data.paths["SGD"]
    assert path.points.shape == path.gradients.shape == (8, 2)
    assert tuple(path.points[0]) == data.start == data.surface.start
    np.testing.assert_allclose(path.losses, data.surface(*path.points.T))
    np.testing.assert_allclose(path.steps, -1e-3 * path.gradients[:-1], rtol=1e-9)


def test_rules_that_call_the_closure_themselves():
    """Newton's method is at the bottom of a bowl of any shape after one step, L-BFGS soon."""
    paths = descend(
        {"Newton": optim.Newton, "L-BFGS": optim.LBFGS, "Hessian-free": optim.HessianFree},
        "taco shell",
        steps=12,
    ).paths
    np.testing.assert_allclose(paths["Newton"].points[1], 0, atol=1e-9)
    assert paths["L-BFGS"].losses[-1] < 1e-4
    assert paths["Hessian-free"].losses[-1] < 1e-2


def test_a_path_that_leaves_the_numbers_ends():
    path = descend({"SGD": sgd(1e3)}, "Beale", steps=50).paths["SGD"]
    assert len(path.points) < 51
    assert np.isfinite(path.points).all()
    assert np.isfinite(path.losses).all()


def test_a_function_of_ones_own():
    def bowl(x, y):
        return pb.cosh(x) + y**2

    data = descend({"SGD": sgd(0.1)}, bowl, start=(1.0, -1.0), steps=3)
    assert data.surface.name == "bowl"
    assert data.surface.x == (-1.0, 3.0)
    assert data.paths["SGD"].points[1] == pytest.approx([1 - 0.1 * np.sinh(1), -0.8])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (({},), ValueError, "no optimiser to follow"),
        ((optim.SGD,), TypeError, "given by name, as functions"),
        (({"SGD": 0.1},), TypeError, "given by name, as functions"),
        (({"SGD": sgd(0.1)}, "bowl"), ValueError, "no surface 'bowl'; there are 'taco shell'"),
        (({"SGD": sgd(0.1)}, 3), TypeError, "a surface is a name, a Surface or a function"),
        (({"SGD": sgd(0.1)}, "saddle", {"steps": 0}), ValueError, "steps is a whole number"),
        (({"SGD": sgd(0.1)}, "saddle", {"start": (1, 2, 3)}), ValueError, "a start is a point"),
        (({"SGD": sgd(0.1)}, "saddle", {"start": (1, np.nan)}), ValueError, "a start is a point"),
    ],
)
def test_what_cannot_be_walked(arguments, error, message):
    keywords = arguments[-1] if isinstance(arguments[-1], dict) and len(arguments) == 3 else {}
    with pytest.raises(error, match=message):
        descend(*arguments[: 2 if keywords else None], **keywords)


@pytest.mark.parametrize("name", ["taco_shell", "Taco-Shell", "TACO SHELL"])
def test_names_of_surfaces_are_taken_in_any_case(name):
    assert descend({"SGD": sgd(0.01)}, name, steps=1).surface is SURFACES["taco shell"]


def test_a_surface_that_is_not_one_loss_per_point():
    surface = Surface("sum", lambda x, y: (x + y).sum(), (0, 0), (-1, 1), (-1, 1))
    with pytest.raises(ValueError, match=r"the surface 'sum' gave shape \(\)"):
        surface.grid()


# figures


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("surface", [*SURFACES, lambda x, y: x * 0 + 1.0])
def test_the_figure_shows_the_data(surface, theme):
    pytest.importorskip("matplotlib")
    plot = viz.trajectory({"a": sgd(1e-3), "b": sgd(1e-3, momentum=0.5)}, surface, steps=5, theme=theme)
    figure, data = plot
    ground, losses = figure.axes
    lines = {line.get_label(): line for line in ground.get_lines()}
    for number, (name, path) in enumerate(data.paths.items()):
        np.testing.assert_array_equal(np.transpose(lines[name].get_data()), path.points)
        np.testing.assert_array_equal(losses.get_lines()[number].get_ydata(), path.losses)
    styles = {(line.get_color(), str(line.get_linestyle()), line.get_marker()) for line in lines.values()}
    assert len(styles) == len({color for color, _, _ in styles}) == 2
    assert "Trajectories" in repr(plot)


def test_saving_gives_the_same_bytes_and_leaves_matplotlib_alone(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    before = {name: value for name, value in matplotlib.rcParams.items() if name != "backend"}
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        written = []
        for number in range(2):
            path = tmp_path / f"{number}.{kind}"
            viz.trajectory({"SGD": sgd(0.03)}, steps=3).save(path, dpi=50)
            written.append(path.read_bytes())
        assert written[0].startswith(start)
        assert written[0] == written[1]
    assert {name: matplotlib.rcParams[name] for name in before} == before
    plot = viz.trajectory({"SGD": sgd(0.03)}, steps=3)
    assert plot._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"saved as \.png, \.svg or \.pdf"):
        plot.save(tmp_path / "figure.bmp")
    with pytest.raises(ValueError, match="theme is 'light' or 'dark', not 'sepia'"):
        viz.trajectory({"SGD": sgd(0.03)}, theme="sepia")


@pytest.mark.parametrize(
    "draw", [lambda: viz.trajectory({"SGD": sgd(0.1)}), lambda: viz.schedule(lambda t: 0.1)]
)
def test_without_matplotlib_the_extra_is_named(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'pullback\[plots\]'"):
        draw()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_text_stand_out_from_the_paper(theme):
    pytest.importorskip("matplotlib")
    from pullback.viz.figures.plot import drawing, luminance

    assert (luminance("white"), luminance("black")) == (1.0, 0.0)
    assert luminance("#808080") == pytest.approx(0.2158605, rel=1e-5)
    with drawing(theme) as look:
        styles = [style for style, _ in zip(look.styles(), range(8), strict=False)]
        for color in (look.ink, look.muted, *(style.color for style in styles)):
            low, high = sorted((luminance(color), luminance(look.paper)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, color
        assert len({style.marker for style in styles}) == len({style.color for style in styles}) == 8


def test_losses_that_reach_zero_are_drawn_on_a_logarithmic_axis():
    pytest.importorskip("matplotlib")
    rules = {"there at once": sgd(0.5), "slowly": sgd(0.01)}
    figure, data = viz.trajectory(rules, lambda x, y: x**2 + y**2, start=(1.0, 1.0), steps=5)
    assert data.paths["there at once"].losses[-1] == 0
    assert figure.axes[1].get_yscale() == "log"
    for surface, steps in (("saddle", 200), (lambda x, y: 0 * x * y, 3)):  # below zero, and nowhere above it
        figure, _ = viz.trajectory({"SGD": sgd(0.1)}, surface, steps=steps)
        assert figure.axes[1].get_yscale() == "linear"


def test_what_a_notebook_stores_is_small_and_looks_the_same():
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    plot = viz.trajectory({"SGD": sgd(0.03)}, steps=20)
    full, stored = (
        np.asarray(image.open(io.BytesIO(png)).convert("RGB"), float)
        for png in (plot._rendered("png", 80), plot._repr_png_())
    )
    assert len(plot._repr_png_()) < 0.6 * len(plot._rendered("png", 80))
    assert np.abs(full - stored).mean() < 1
    colours = np.random.default_rng(0).uniform(size=(4, 3, 40, 40))  # more than a palette holds
    grid = viz.image_grid(colours)
    assert grid._repr_png_() == grid._rendered("png", 80)
