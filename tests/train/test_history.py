"""Histories as files, early stopping, live curves."""

import csv
import json
import math
import sys
import types

import numpy as np
import pytest

from pullback import data, nn, optim, train


def history():
    matrix = np.array([[3, 1], [0, 2]])
    return train.History(
        [
            train.Epoch(
                1, 0.1 + 0.2, {"f1": 1 / 3, "matrix": matrix}, train.Scores(math.inf, {"f1": math.nan}), 1.5
            ),
            train.Epoch(2, 1e-300, {"f1": 1.0, "matrix": matrix / 7}, None, 2.0),
        ],
        "the time budget of 3 s is spent",
    )


def test_json_and_back(tmp_path):
    path = tmp_path / "history.json"
    history().save(path)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    back = train.History.from_json(path)
    for a, b in zip(back, history(), strict=True):
        np.testing.assert_equal(a.scores(), b.scores())
        assert (a.number, a.seconds) == (b.number, b.seconds)
    assert back.stopped == history().stopped
    assert back[1].metrics["matrix"].dtype == np.float64
    assert back[0].metrics["matrix"].dtype.kind == "i"


def test_csv(tmp_path):
    path = tmp_path / "history.csv"
    history().save(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "f1", "validation loss", "validation f1", "seconds"]
    assert float(rows[0]["loss"]) == 0.1 + 0.2
    assert float(rows[0]["validation loss"]) == math.inf
    assert rows[1]["validation loss"] == ""
    assert rows[1]["epoch"] == "2"


def test_an_empty_history(tmp_path):
    for name in ("a.json", "a.csv"):
        train.History().save(tmp_path / name)
    assert len(train.History.from_json(tmp_path / "a.json")) == 0
    assert (tmp_path / "a.csv").read_text() == "epoch,seconds\n"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "pullback training history"}', '{"kind": 1, "epochs": []}']
)
def test_what_is_no_history_is_refused(tmp_path, text):
    path = tmp_path / "history.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"history\.json is no history of a training"):
        train.History.from_json(path)


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"as \.json or \.csv"):
        history().save(tmp_path / "history.pickle")
    with pytest.raises(ValueError, match=r"as \.json or \.csv"):
        train.HistoryFile("history.txt")


def training(epochs=4, callbacks=(), losses=None, **options):
    """A training whose validation losses are given."""
    model = nn.Linear(2, 1, rng=np.random.default_rng(0))
    x = np.random.default_rng(0).normal(size=(8, 2))
    loader = data.DataLoader(data.TensorDataset(x, x[:, :1]), 4)
    given = iter(losses or [1.0] * epochs)
    criterion = nn.MSELoss()

    def loss(output, target):
        value = criterion(output, target)
        return value if model.training else value * 0 + next(given)

    held = [next(iter(loader))]
    return model, train.fit(
        model,
        loss,
        optim.SGD(model.parameters(), lr=0.1),
        loader,
        epochs=epochs,
        validation=held,
        callbacks=callbacks,
        progress=False,
        **options,
    )


def test_a_file_that_is_always_up_to_date(tmp_path):
    lengths = []

    class Look(train.Callback):
        def on_epoch_end(self, trainer):
            lengths.append(len(train.History.from_json(tmp_path / "h.json")))

    _, result = training(callbacks=[train.HistoryFile(tmp_path / "h.json"), Look()])
    assert lengths == [1, 2, 3, 4]
    assert train.History.from_json(tmp_path / "h.json") == result


# early stopping


class Keep(train.Callback):
    def __init__(self):
        self.kept = []

    def on_epoch_end(self, trainer):
        self.kept.append(trainer.model.weight.detach().numpy().copy())


@pytest.mark.parametrize(
    ("losses", "options", "epochs", "best"),
    [
        ([5, 4, 3, 4, 4, 4, 4], {"patience": 3}, 6, 3),
        ([5, 4, 3, 4, 2, 4, 4, 4, 1], {"patience": 3}, 8, 5),
        ([5, 4.9, 4.8, 4.7, 4.6], {"patience": 2, "min_delta": 0.5}, 3, 1),
        ([1, 2, 3, 3, 2, 1], {"patience": 2, "mode": "max", "monitor": "validation loss"}, 5, 3),
        ([math.nan, math.nan, 1, math.nan], {"patience": 2}, 2, 0),
        ([5, 4, 3, 2], {"patience": 1}, 4, 4),
        ([2, 2, 2], {"patience": 1}, 2, 1),
    ],
)
def test_when_it_stops_and_what_it_restores(losses, options, epochs, best):
    keep, stopping = Keep(), train.EarlyStopping(**options)
    model, result = training(len(losses), [stopping, keep], losses)
    assert len(result) == epochs
    assert stopping.best_epoch == best
    expected = keep.kept[best - 1] if best else keep.kept[-1]
    np.testing.assert_array_equal(model.weight.detach().numpy(), expected)
    if epochs < len(losses):
        assert "has not become better" in result.stopped


def test_the_last_weights_stay_if_one_says_so():
    keep = Keep()
    model, _ = training(5, [train.EarlyStopping(patience=2, restore=False), keep], [3, 2, 4, 4, 4])
    np.testing.assert_array_equal(model.weight.detach().numpy(), keep.kept[-1])


def test_a_stopped_training_stays_stopped(tmp_path):
    for _ in range(2):
        _, result = training(9, [train.EarlyStopping(patience=2)], [1] * 9, checkpoint=tmp_path, resume=True)
        assert len(result) == 3
        assert "has not become better than 1.0 since epoch 1" in result.stopped


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience is a whole number of epochs from 1 on, not 0"),
        ({"monitor": "validation f1"}, "mode='min' or mode='max'"),
        ({"mode": "auto"}, "mode is 'min' or 'max'"),
        ({"min_delta": -1}, "min_delta is a number from 0 on"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        train.EarlyStopping(**options)


# live curves


def test_live_curves_are_drawn_and_drawn_anew(monkeypatch):
    pytest.importorskip("matplotlib")
    shown = []

    class Handle:
        def update(self, plot):
            shown.append(("update", plot))

    def display(plot, display_id):
        shown.append(("display", plot))
        return Handle()

    module = types.ModuleType("IPython.display")
    module.display = display
    package = types.ModuleType("IPython")
    package.display = module
    package.version_info, package.get_ipython = (9, 0, 0), lambda: None  # what matplotlib asks for
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    training(4, [train.LiveCurves(every=0)])
    assert [how for how, _ in shown] == ["display", *["update"] * 4]
    assert [len(plot.data.training["loss"]) for _, plot in shown] == [1, 2, 3, 4, 4]
    assert shown[-1][1]._repr_png_().startswith(b"\x89PNG")
    shown.clear()
    training(4, [train.LiveCurves(every=1e9)])
    assert [len(plot.data.training["loss"]) for _, plot in shown] == [1, 4]


def test_without_ipython_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(ImportError, match="live curves are shown in notebooks"):
        training(1, [train.LiveCurves()])
