"""The figures of training: what they show is right, and they are drawn in both themes."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import data, nn, optim, train, viz
from pullback.viz import figures


def net(*layers):
    pb.manual_seed(0)
    return nn.Sequential(*layers)


def small():
    return net(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def batch(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def curves_of(*shapes):
    return figures.diagnose(dict(zip(("loss", "validation loss"), shapes, strict=False)))


def kinds(*shapes):
    return [found.kind for found in curves_of(*shapes).diagnoses]


# learning curves

t = np.arange(60.0)


@pytest.mark.parametrize(
    ("training", "validation", "expected"),
    [
        (np.where(t < 20, 2.3, 2.3 * 0.9 ** (t - 20)), None, ["initialisation"]),
        (1.0 + 1.3 * 0.7**t, None, ["plateau"]),
        (2.3 * 0.7**t, None, []),  # it has come down to nothing
        (2.3 * 0.93**t, 2.3 * 0.95**t + 4e-4 * t**2, ["overfitting"]),
        (1.5 + 0.8 * 0.8**t, 1.51 + 0.8 * 0.8**t, ["plateau", "underfitting"]),
        (1 + t / 60, None, ["diverging"]),
        (np.where(t < 30, 2.0, np.nan), None, ["diverging"]),
        (2.3 - t / 60, None, ["still improving"]),
        (2.3 * 0.8**t, 0.1 + 2.3 * 0.8**t, []),
    ],
)
@pytest.mark.parametrize("noise", [0, 0.003])
def test_the_notes_diagnoses(training, validation, expected, noise):
    rng = np.random.default_rng(0)
    noisy = [c + noise * rng.normal(size=60) for c in (training, validation) if c is not None]
    assert kinds(*noisy) == expected


def test_a_diagnosis_says_where():
    [found] = curves_of(2.3 * 0.93**t, 2.3 * 0.95**t + 4e-4 * t**2).diagnoses
    best = int(np.argmin(2.3 * 0.95**t + 4e-4 * t**2)) + 1
    assert abs(found.first - best) <= 2
    assert found.last == 60
    assert "stop at the best epoch" in found.advice
    [bad] = curves_of(np.where(t < 30, 2.0, np.nan)).diagnoses
    assert (bad.first, bad.last) == (31, 60)


@given(st.lists(st.floats(-1e3, 1e3) | st.just(np.nan), min_size=1, max_size=30))
def test_any_curve_is_taken(losses):
    result = curves_of(losses, losses)
    assert all(1 <= found.first <= found.last <= len(losses) for found in result.diagnoses)


def test_the_history_of_a_training(rng):
    x, y = batch(rng, 32, 4), rng.integers(0, 3, 32)
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=16)
    model = small()
    history = train.fit(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=0.1),
        loader,
        epochs=3,
        validation=loader,
        metrics={"accuracy": train.accuracy},
        progress=False,
    )
    curves = figures.diagnose(history)
    assert curves.training["loss"].tolist() == [epoch.loss for epoch in history]
    assert curves.validation["accuracy"].tolist() == [
        epoch.validation.metrics["accuracy"] for epoch in history
    ]


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({}, "have a 'loss', and these have none"),
        ({"accuracy": [1.0]}, "have a 'loss', and these have 'accuracy'"),
        ({"loss": []}, "one value per epoch"),
        ({"loss": [1.0, 2.0], "accuracy": [1.0]}, "one value per epoch"),
        ([], "one value per epoch"),
    ],
)
def test_no_curves(history, message):
    with pytest.raises(ValueError, match=message):
        figures.diagnose(history)


# layers


def test_what_passes_through_the_layers(rng):
    model, x, y = small(), batch(rng, 20, 4), pb.asarray(rng.integers(0, 3, 20))
    loss = nn.CrossEntropyLoss()
    measured = figures.measure(model, x, lambda output: loss(output, y), bins=7)
    assert all(parameter.grad is None for parameter in model.parameters())
    hidden = model[1](model[0](pb.asarray(x)))
    hidden = hidden.detach().requires_grad_()
    value = loss(model[2](hidden), y)
    value.backward()
    assert measured.loss == pytest.approx(value.item())
    assert list(measured.layers) == ["0", "1", "2"]
    layer = measured.layers["1"]
    assert layer.kind == "ReLU"
    for spread, values in ((layer.activations, hidden.detach()), (layer.gradients, hidden.grad)):
        counts, edges = np.histogram(values.numpy(), 7)
        np.testing.assert_array_equal(spread.counts, counts)
        np.testing.assert_allclose(spread.edges, edges, rtol=1e-6)
        assert spread.mean == pytest.approx(values.numpy().mean(), rel=1e-4)
        assert spread.std == pytest.approx(values.numpy().std(), rel=1e-4)
    assert not model[0]._forward_hooks or not model[0]._forward_hooks.after  # the hooks are gone


def test_running_statistics_do_not_follow_what_is_looked_at(rng):
    model, x = net(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), batch(rng, 20, 4)
    before = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    figures.measure(model, x, lambda output: (output**2).sum())
    figures.decide(net(nn.BatchNorm1d(2)), batch(rng, 9, 2), 4)
    flat = net(nn.BatchNorm1d(2), nn.Linear(2, 2))
    figures.decide(flat, batch(rng, 9, 2), 4)
    assert flat[0].num_batches_tracked.item() == 0
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == before
    assert model.training


def test_without_a_loss_there_are_no_gradients(rng):
    measured = figures.measure(small(), batch(rng, 5, 4))
    assert measured.loss is None
    assert all(layer.gradients is None for layer in measured.layers.values())


@pytest.mark.parametrize("dead", [0, 2, 6])
def test_dead_units_are_counted(dead, rng):
    model = small()
    with pb.no_grad():
        model[0].bias[:dead] = -1e3
        model[0].bias[dead:] = 1e2
    shares = viz.figures.measure(model, batch(rng, 30, 4)).layers
    assert shares["1"].dead == pytest.approx(dead / 6)
    assert shares["0"].dead == 0


def test_dead_channels_of_images(rng):
    class Channels(nn.Module):
        def forward(self, x):
            return x * pb.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)

    measured = figures.measure(net(Channels()), batch(rng, 2, 3, 4, 4))
    assert measured.layers["0"].dead == pytest.approx(2 / 3)


class Kill(nn.Module):
    """Sets the first units along an axis to zero."""

    def __init__(self, axis):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        mask = np.ones(
            [n if place == self.axis % x.ndim else 1 for place, n in enumerate(x.shape)], np.float32
        )
        mask[(slice(None),) * (self.axis % x.ndim) + (slice(0, 2),)] = 0
        return x * pb.asarray(mask)


@pytest.mark.parametrize(
    ("layers", "shape", "expected"),
    [
        ((nn.Conv1d(3, 4, 1), Kill(1)), (5, 3, 8), 0.5),  # channels behind the batch
        ((nn.Linear(3, 8), Kill(-1)), (5, 6, 3), 0.25),  # features of a sequence
        ((nn.LayerNorm(8), Kill(-1)), (5, 6, 8), 0.25),
        ((nn.Conv2d(3, 8, 1), Kill(1)), (5, 3, 4, 4), 0.25),
        ((nn.Conv1d(3, 4, 1), nn.Flatten(), Kill(1)), (5, 3, 8), 2 / 32),
    ],
)
def test_units_stand_where_the_layer_has_them(layers, shape, expected, rng):
    shares = figures.measure(net(*layers), batch(rng, *shape)).layers
    assert list(shares.values())[-1].dead == pytest.approx(expected)


def test_layers_that_give_several_tensors_are_left_out(rng):
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.LSTM(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.rnn(x)[0][-1])

    measured = figures.measure(Last(), batch(rng, 7, 5, 3), lambda output: (output**2).sum())
    assert list(measured.layers) == ["head"]


def test_values_that_are_not_finite_are_counted():
    spread = figures.layers.spread(np.array([1.0, 2.0, np.nan, np.inf]))
    assert spread.finite == 0.5
    assert spread.mean == 1.5
    assert spread.counts.sum() == 2


def test_layers_that_there_are_not(rng):
    with pytest.raises(ValueError, match="the model has no layer '7'; it has '0', '1', '2'"):
        figures.measure(small(), batch(rng, 5, 4), layers=["7"])
    first, second = (
        figures.measure(small(), batch(rng, 5, 4)),
        figures.measure(net(nn.Linear(4, 2)), batch(rng, 5, 4)),
    )
    for draw in (viz.histograms, viz.dead_units):
        with pytest.raises(ValueError, match="different layers"):
            draw([first, second])
        with pytest.raises(ValueError, match="nothing measured"):
            draw([])


# images


def test_weights_as_images(rng):
    filters = rng.normal(size=(5, 3, 4, 6))
    coloured = figures.tile(filters, titles="abcde")
    assert coloured.tiles.shape == (5, 4, 6, 3)
    assert coloured.titles == tuple("abcde")
    for image, weights in zip(coloured.tiles, filters, strict=True):
        expected = (weights - weights.min()) / np.ptp(weights)
        np.testing.assert_allclose(image, np.moveaxis(expected, 0, -1))
    split = figures.tile(rng.normal(size=(2, 5, 3, 3)))
    assert split.tiles.shape == (10, 3, 3)
    assert split.titles[6] == "1, 1"
    layer = nn.Linear(12, 4)
    flat = figures.tile(layer.weight, (3, 4))
    np.testing.assert_allclose(flat.tiles[2].ravel(), layer.weight.detach().numpy()[2])
    assert figures.tile(np.ones((2, 12)), (3, 2, 2)).tiles.shape == (2, 2, 2, 3)
    assert np.isfinite(figures.tile(np.ones((2, 12)), (3, 2, 2)).tiles).all()


@pytest.mark.parametrize(
    ("weight", "shape", "message"),
    [
        (np.ones((2, 12)), None, "need the shape of its inputs"),
        (np.ones((2, 12)), (3, 5), r"no images of shape \(3, 5\)"),
        (np.ones((2, 3, 4, 4)), (4, 4), "no images"),
        (np.ones(12), None, "not of shape"),
        (np.ones((0, 3, 4, 4)), None, "not of shape"),
    ],
)
def test_weights_that_are_no_images(weight, shape, message):
    with pytest.raises(ValueError, match=message):
        figures.tile(weight, shape)


def test_titles_of_another_number():
    with pytest.raises(ValueError, match="2 units have 2 titles, not 3"):
        figures.tile(np.ones((2, 4)), (2, 2), titles="abc")


def image_net():
    class Image(nn.Module):
        def forward(self, x):
            return pb.relu(x.reshape(-1, 4, 4, 4))

    return net(nn.Linear(16, 64), Image(), nn.Flatten(), nn.Linear(64, 3))


def test_activation_maps_are_what_the_layer_gave(rng):
    pytest.importorskip("matplotlib")
    model, x = image_net(), batch(rng, 1, 16)
    plot = viz.activation_maps(model, x, "1")
    expected = model[1](model[0](pb.asarray(x)))
    np.testing.assert_array_equal(plot.data.tiles, expected.detach().numpy()[0])
    assert len(plot.figure.axes) == 4
    with pytest.raises(ValueError, match="shape \\(1, C, H, W\\); '0' gave \\(1, 64\\)"):
        viz.activation_maps(model, x, "0")


# inputs


def test_saliency_is_the_gradient_of_the_score(rng):
    model, x = image_net(), batch(rng, 1, 16)
    found = figures.attribute(model, x, 2)
    assert all(parameter.grad is None for parameter in model.parameters())
    leaf = pb.tensor(x, requires_grad=True)
    model(leaf)[0, 2].backward()
    np.testing.assert_allclose(found.gradient, leaf.grad.numpy(), rtol=1e-6)
    np.testing.assert_allclose(found.saliency, np.abs(leaf.grad.numpy()).reshape(4, 4), rtol=1e-6)
    best = int(model(pb.asarray(x)).detach().numpy().argmax())
    assert figures.attribute(model, x).target == best


def test_saliency_of_colours_takes_the_largest_channel(rng):
    model = net(nn.Flatten(), nn.Linear(12, 2)).double()
    found = figures.attribute(model, batch(rng, 1, 3, 2, 2), 0)
    weight = np.abs(model[1].weight.detach().numpy()[0].reshape(3, 2, 2))
    np.testing.assert_allclose(found.saliency, weight.max(0))
    assert found.image.shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        (np.ones((2, 16)), None, r"one input with its batch axis, shape \(1, ...\), not of shape \(2, 16\)"),
        (np.ones((1, 16)), 3, "no class 3 among 3"),
        (np.ones((1, 15)), None, "is flat and square"),
    ],
)
def test_saliency_of_what_it_cannot_be(x, target, message):
    with pytest.raises(ValueError, match=message):
        figures.attribute(image_net(), x, target)


def test_the_maximal_input_of_a_linear_unit_is_its_weight():
    model = net(nn.Linear(9, 3))
    found = figures.climb(model, (9,), 1, steps=400, lr=0.05, l2=0.5, rng=np.random.default_rng(0))
    weight = model[0].weight.detach().numpy()[1]
    np.testing.assert_allclose(
        found.input[0], weight / 0.5, atol=0.08
    )  # where the gradient of w·x − l2/2·x² is zero
    assert found.activations[-1] > found.activations[0]
    assert found.image.shape == (3, 3)
    assert len(found.activations) == 401


def test_the_maximal_input_of_a_channel_within():
    model = image_net()
    found = figures.climb(model, (16,), 2, layer="1", steps=30, rng=np.random.default_rng(0))
    assert found.activations[-1] > 10 * abs(found.activations[0])
    with pytest.raises(ValueError, match="no unit 4 in an output of shape"):
        figures.climb(model, (16,), 4, layer="1")
    with pytest.raises(ValueError, match="an image has shape"):
        figures.climb(model, (15,), 0)


# evaluation


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_the_confusion_matrix_counts_pairs(pairs):
    guess, truth = np.transpose(pairs)
    found = figures.confuse(guess, truth)
    for a in range(len(found.classes)):
        for b in range(len(found.classes)):
            assert found.counts[a, b] == sum(pair == (b, a) for pair in pairs)
    assert found.accuracy == pytest.approx(np.mean(guess == truth))


def test_scores_are_taken_for_predictions():
    found = figures.confuse(pb.tensor([[0.1, 0.9, 0.0], [2.0, 1.0, 0.0]]), [1, 2], ["a", "b", "c"])
    assert found.counts.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("guess", "truth", "classes", "message"),
    [
        ([0, 1], [0], None, "are no pairs"),
        ([], [], None, "are no pairs"),
        ([0.5], [0], None, "whole numbers from 0 on"),
        ([-1], [0], None, "whole numbers from 0 on"),
        ([2], [0], ["a"], "3 classes and 1 names"),
    ],
)
def test_no_confusion(guess, truth, classes, message):
    with pytest.raises(ValueError, match=message):
        figures.confuse(guess, truth, classes)


def test_the_boundary_is_where_the_model_changes_its_mind(rng):
    points = batch(rng, 40, 2)
    by_score = figures.decide(lambda x: x[:, 0] - x[:, 1], points, 30)
    by_class = figures.decide(lambda x: pb.stack([x[:, 1], x[:, 0]], axis=1), points, 30)
    np.testing.assert_array_equal(by_score.decisions, (by_score.x > by_score.y).astype(int))
    np.testing.assert_array_equal(by_class.decisions, by_score.decisions)
    assert by_score.x.min() < points[:, 0].min() < points[:, 0].max() < by_score.x.max()
    with pytest.raises(ValueError, match=r"points of shape \(N, 2\), not \(40, 3\)"):
        figures.decide(lambda x: x, batch(rng, 40, 3))
    with pytest.raises(ValueError, match=r"gave shape \(\)"):
        figures.decide(lambda x: x.sum(), points)


# text and search


def test_lines_of_text_hold_every_character_once():
    text = "a\n\nbcdefgh\nij"
    lines = figures.shade(text, np.zeros(len(text)), width=4).lines
    assert [text[start:end] for start, end in lines] == ["a\n", "\n", "bcde", "fgh\n", "ij"]
    with pytest.raises(ValueError, match=r"3 characters have values of shape \(3,\), not \(2,\)"):
        figures.shade("abc", [1, 2])
    with pytest.raises(ValueError, match="0 characters"):
        figures.shade("", [])
    with pytest.raises(ValueError, match="at least one character"):
        figures.shade("a", [1], width=0)


TRIALS = [
    {"lr": 10.0**-i, "reg": 10.0 ** (-j), "score": -((i - 2) ** 2) - j} for i in range(5) for j in range(3)
]


def test_the_best_trial_and_the_edge():
    pytest.importorskip("matplotlib")
    plot = viz.hyperparameters(TRIALS, "lr", "reg")
    assert (plot.data.x[plot.data.best], plot.data.y[plot.data.best]) == (1e-2, 1.0)
    assert "at the edge of reg: widen the range" in plot.figure.axes[0].get_title(loc="left")
    lost = figures.collect(
        [{**trial, "loss": -trial["score"]} for trial in TRIALS], "lr", "reg", "loss", larger_is_better=False
    )
    assert lost.best == plot.data.best
    failed = figures.collect(
        [{"lr": 1, "reg": 1, "score": np.nan}, {"lr": 2, "reg": 1, "score": -3}], "lr", "reg"
    )
    assert failed.best == 1
    with pytest.raises(ValueError, match="no trial has a finite score"):
        figures.collect([{"lr": 1, "reg": 1, "score": np.nan}], "lr", "reg")
    with pytest.raises(ValueError, match="pass log=False"):
        viz.hyperparameters([{"lr": 0, "reg": 1, "score": 1}], "lr", "reg")
    for log in (["reg"], [], False, True):
        figure, _ = viz.hyperparameters(TRIALS, "lr", "reg", log=log)
        named = ("lr", "reg") if log is True else log or ()
        scales = (figure.axes[0].get_xscale(), figure.axes[0].get_yscale())
        assert scales == tuple("log" if name in named else "linear" for name in ("lr", "reg"))
    with pytest.raises(KeyError, match="decay"):
        figures.collect(TRIALS, "lr", "decay")


# drawing


def drawings():
    rng = np.random.default_rng(0)
    model, x = small(), batch(rng, 20, 4)
    measured = [figures.measure(model, x, lambda output: (output**2).mean()) for _ in range(3)]
    points, labels = batch(rng, 12, 2), np.arange(12) % 3
    yield "learning_curves", ({"loss": 1 + 0.5**t, "validation loss": 1.01 + 0.5**t, "accuracy": t},), {}
    yield "learning_curves", ({"loss": [1.0]},), {}
    yield "histograms", (measured[0],), {}
    yield "histograms", (measured,), {}
    yield "histograms", (figures.measure(model, x),), {}
    yield "dead_units", (measured[0],), {}
    yield "dead_units", (measured,), {}
    yield "weight_images", (rng.normal(size=(7, 3, 5, 5)),), {"columns": 3}
    yield "weight_images", (model[0].weight, (2, 2)), {}
    yield "activation_maps", (image_net(), batch(rng, 1, 16), "1"), {}
    yield "saliency", (image_net(), batch(rng, 1, 16)), {}
    yield "maximal_input", (image_net(), (16,), 1), {"steps": 3}
    yield "confusion_matrix", (labels, labels[::-1], ["cat", "horse", "ship"]), {}
    yield "hidden_text", ('"Sir," she said.\n\tYes.', rng.normal(size=22)), {"width": 10, "title": "unit 3"}
    yield "hidden_text", ("flat", np.zeros(4)), {}
    yield "decision_boundary", (nn.Linear(2, 3), points, labels), {"resolution": 20}
    yield (
        "decision_boundary",
        (lambda x: x[:, 0] * 0 + 1, points, labels % 2),
        {"resolution": 20, "classes": "ab"},
    )
    yield "hyperparameters", (TRIALS, "lr", "reg"), {}
    yield (
        "hyperparameters",
        ([{"lr": 1, "reg": 2, "score": 3}], "lr", "reg"),
        {"larger_is_better": False, "log": False},
    )


CASES = list(drawings())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "arguments", "keywords"),
    CASES,
    ids=[f"{name}-{number}" for number, (name, *_) in enumerate(CASES)],
)
def test_every_figure_is_drawn(name, arguments, keywords, theme, tmp_path):
    pytest.importorskip("matplotlib")
    plot = getattr(viz, name)(*arguments, theme=theme, **keywords)
    plot.save(tmp_path / "figure.png", dpi=30)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert plot.figure.get_facecolor()[:3] == pytest.approx(
        (1, 1, 1) if theme == "light" else (0.078, 0.09, 0.11), abs=0.01
    )


def test_every_figure_has_a_theme_and_says_what_is_missing(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name, arguments, keywords in CASES:
        assert inspect.signature(getattr(viz, name)).parameters["theme"].default == "light"
        with pytest.raises(ImportError, match=r"pullback\[plots\]"):
            getattr(viz, name)(*arguments, **keywords)


def test_what_is_no_history_no_trial_and_no_point_is_named():
    with pytest.raises(TypeError, match="a History, or of a dict of lists"):
        viz.learning_curves([2.3, 1.7])
    with pytest.raises(KeyError, match="a trial has no 'decay'; it has 'lr', 'score'"):
        viz.hyperparameters([{"lr": 0.1, "score": 1.0}], "lr", "decay")
    with pytest.raises(ValueError, match="some of these are not finite"):
        viz.decision_boundary(lambda x: x, np.array([[0.0, np.nan]]), [0])
