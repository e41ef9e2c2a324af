"""cross_validate, bootstrap, outputs_of."""

import subprocess
import sys

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold

import pullback as pb
from pullback import data, nn, optim, train

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # worker processes cannot import a test file

METRICS = {"accuracy": train.accuracy}


def clouds(count=90):
    """Three clouds of points, of 3, 2 and 1 parts."""
    rng = np.random.default_rng(0)
    y = np.array([0, 0, 0, 1, 1, 2])[np.arange(count) % 6]
    return rng.normal(size=(count, 2)) * 0.3 + np.array([[0, 1], [1, -1], [-1, -1]])[y], y


def build(rng, lr=0.1, width=8):
    model = nn.Sequential(nn.Linear(2, width, rng=rng), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 3))
    return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr)


def validated(**options):
    options = {"metrics": METRICS, "epochs": 4, **options}
    return train.cross_validate(build, clouds(), **options)


def test_every_sample_is_held_out_once_and_scores_are_those_of_the_folds():
    result = validated(folds=4)
    assert [fold.number for fold in result.folds] == [0, 1, 2, 3]
    assert sorted(np.concatenate([fold.test for fold in result.folds])) == list(range(90))
    values = result.values("accuracy")
    assert result.mean("accuracy") == pytest.approx(values.mean())
    assert result.std("accuracy") == pytest.approx(values.std(ddof=1))
    assert result.mean("accuracy") > 0.9
    assert [row["accuracy"] for row in result.rows()] == values.tolist()
    assert str(result).startswith("4 folds: loss 0.")
    assert f"accuracy {result.mean('accuracy'):.4f} ± {result.std('accuracy'):.4f}" in str(result)
    assert all(len(fold.history) == 4 for fold in result.folds)
    with pytest.raises(KeyError, match="recall"):
        result.mean("recall")


def test_the_scores_are_those_of_a_training_by_hand():
    x, y = clouds()
    fold = validated(folds=KFold(3)).folds[1]
    np.testing.assert_array_equal(fold.test, np.arange(30, 60))
    rng = np.random.default_rng([0, 1])
    kept = np.r_[0:30, 60:90]
    with pb.autograd.extend.drawing_from(rng):
        model, loss, optimizer = build(rng)
        loader = data.DataLoader(data.TensorDataset(x[kept], y[kept]), 32, shuffle=True, rng=rng)
        train.fit(model, loss, optimizer, loader, epochs=4, progress=False)
    scores = train.evaluate(model, loss, data.DataLoader(data.TensorDataset(x[30:60], y[30:60]), 30))
    assert scores.loss == pytest.approx(fold.scores.loss, rel=1e-6)


def test_pooled_outputs_are_in_the_order_of_the_data():
    _, y = clouds()
    result = validated(folds=5)
    output, target = result.pooled()
    np.testing.assert_array_equal(target.numpy(), y)
    sizes = [len(fold.test) for fold in result.folds]
    assert train.accuracy(output, target) == pytest.approx(
        np.average(result.values("accuracy"), weights=sizes)
    )
    bars = train.bootstrap(train.accuracy, output, target, rng=0)
    assert bars.low <= bars.value <= bars.high
    assert bars.value == train.accuracy(output, target)
    again = validated(folds=2, repeats=2).pooled()
    first = validated(folds=2).pooled()
    np.testing.assert_array_equal(again.output.numpy(), first.output.numpy())


def test_workers_do_not_change_the_scores():
    alone = validated()
    for backend, workers in (("threading", 3), ("loky", 2)):
        with joblib.parallel_config(backend):
            result = validated(workers=workers)
        np.testing.assert_array_equal(result.values("loss"), alone.values("loss"))
        assert [f.number for f in result.folds] == [0, 1, 2, 3, 4]
    assert validated(seed=1).mean("loss") != alone.mean("loss")


@pytest.mark.parametrize("how", [True, "classes"])
def test_stratified_folds_have_the_same_shares(how):
    x, y = clouds()
    dataset = data.TensorDataset(x, y)
    if how == "classes":
        dataset = data.Subset(dataset, np.arange(90))
        result = train.cross_validate(build, dataset, folds=5, stratified=y, epochs=1)
        again = train.cross_validate(build, dataset, folds=5, stratified=True, epochs=1)
        np.testing.assert_array_equal(result.values(), again.values())
    else:
        result = train.cross_validate(build, dataset, folds=5, stratified=True, epochs=1)
    for fold in result.folds:
        assert np.bincount(y[fold.test]).tolist() == [9, 6, 3]
    plain = train.cross_validate(build, dataset, folds=5, epochs=1)
    assert any(np.bincount(y[fold.test], minlength=3).tolist() != [9, 6, 3] for fold in plain.folds)


def test_leave_one_out_repetitions_and_groups():
    x, y = clouds(12)
    result = train.cross_validate(build, (x, y), folds="leave-one-out", epochs=1, metrics=METRICS)
    assert [fold.test.tolist() for fold in result.folds] == [[i] for i in range(12)]
    assert set(result.values("accuracy")) <= {0.0, 1.0}
    repeated = train.cross_validate(build, (x, y), folds=2, repeats=3, epochs=1, stratified=True)
    assert len(repeated.folds) == 6
    tests = [frozenset(fold.test.tolist()) for fold in repeated.folds]
    assert len(set(tests)) > 3
    groups = np.arange(12) // 3
    grouped = train.cross_validate(build, (x, y), folds=GroupKFold(4), groups=groups, epochs=1)
    assert all(len(set(groups[fold.test])) == 1 for fold in grouped.folds)


def test_what_is_prepared_learns_from_the_training_part_alone():
    x, y = clouds()
    x = 100 * x + 1000
    seen = []

    def prepare(training, held_out):
        rows = training.batch(np.arange(len(training)))[0].numpy()
        seen.append(len(rows))
        mean, spread = rows.mean(axis=0), rows.std(axis=0)

        def scaled(part):
            inputs, targets = part.batch(np.arange(len(part)))
            return data.TensorDataset((inputs.numpy() - mean) / spread, targets)

        return scaled(training), scaled(held_out)

    options = {"folds": 3, "epochs": 10, "metrics": METRICS}
    prepared = train.cross_validate(build, (x, y), prepare=prepare, **options)
    assert seen == [60, 60, 60]
    assert prepared.mean("accuracy") > 0.9


def test_the_configuration_and_further_arguments_of_fit():
    steps = []

    class Steps(train.Callback):
        def on_gradients(self, trainer):
            steps.append(trainer.optimizer.param_groups[0]["lr"])

    def scheduled(rng, lr):
        model, loss, optimizer = build(rng, lr)
        scheduler = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        return model, loss, optimizer, {"scheduler": scheduler, "callbacks": [Steps()]}

    config = {"lr": 0.08, "epochs": 3, "batch_size": 60}
    result = train.cross_validate(scheduled, clouds(), folds=KFold(3), config=config)
    assert [len(fold.history) for fold in result.folds] == [3, 3, 3]
    assert steps == [0.08, 0.04, 0.02] * 3
    with pytest.raises(TypeError, match="and not a tuple of 2"):
        train.cross_validate(lambda rng: build(rng)[:2], clouds())


def test_progress_and_error_bars_of_folds(capsys):
    result = validated(folds=3, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line[:11] for line in lines] == ["fold 0, 1/3", "fold 1, 2/3", "fold 2, 3/3"]
    bars = result.interval("loss", rng=0)
    assert bars.value == pytest.approx(result.mean("loss"))
    assert result.values().min() <= bars.low < bars.value < bars.high <= result.values().max()
    assert bars == result.interval("loss", rng=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "divided into 2 to 90 folds, and not into 1"),
        ({"folds": 91}, "divided into 2 to 90 folds"),
        ({"folds": "loo"}, "folds is a number, 'leave-one-out' or a splitter"),
        ({"repeats": 0}, "repeats is a whole number"),
        ({"folds": "leave-one-out", "repeats": 2}, "a splitter says itself how often"),
        ({"stratified": [0, 1]}, r"one class for each of the 90 samples"),
    ],
)
def test_folds_that_cannot_be_made(options, message):
    with pytest.raises(ValueError, match=message):
        validated(**options)


# error bars


def test_the_bars_cover_the_truth_as_often_as_they_say():
    """The accuracy of a coin with a share of 0.8 heads, over many test sets."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(150):
        right = rng.random(60) < 0.8
        bars = train.bootstrap(
            lambda o, t: float(np.mean(o == t)), right, np.ones(60, bool), resamples=300, rng=rng
        )
        covered += bars.low <= 0.8 <= bars.high
    assert 0.88 <= covered / 150 <= 0.99


def test_the_standard_error_is_that_of_a_mean():
    values = np.random.default_rng(0).normal(size=400)
    bars = train.bootstrap(lambda o, t: float(np.mean(o)), values, values, rng=1)
    assert bars.standard_error == pytest.approx(values.std() / 20, rel=0.1)
    assert bars.high - bars.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    wide = train.bootstrap(lambda o, t: float(np.mean(o)), values, values, rng=1, confidence=0.99)
    assert wide.low < bars.low < bars.high < wide.high
    for method in ("basic", "percentile"):
        other = train.bootstrap(lambda o, t: float(np.mean(o)), values, values, rng=1, method=method)
        assert other.low == pytest.approx(bars.low, abs=0.05)


def test_a_score_that_never_moves_has_no_bars():
    bars = train.bootstrap(train.accuracy, np.eye(3), np.arange(3), rng=0)
    assert (bars.value, bars.low, bars.high, bars.standard_error) == (1.0, 1.0, 1.0, 0.0)


def test_metrics_that_are_no_means_have_bars_too():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 200)
    output = np.eye(2)[np.where(rng.random(200) < 0.8, target, 1 - target)]
    bars = train.bootstrap(train.F1(average="macro"), pb.asarray(output), pb.asarray(target), rng=0)
    assert 0.65 < bars.low < bars.value < bars.high < 0.85


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.0}, "confidence is between 0 and 1"),
        ({"resamples": 0}, "resamples is a whole number"),
        ({"method": "t"}, "method is one of BCa"),
        ({"target": np.zeros(3, int)}, "4 outputs and 3 targets"),
        ({"output": np.eye(1), "target": np.zeros(1, int)}, "at least two samples"),
    ],
)
def test_bars_that_make_no_sense(options, message):
    arguments = {"output": np.eye(4), "target": np.arange(4), **options}
    with pytest.raises(ValueError, match=message):
        train.bootstrap(train.accuracy, **arguments)


def test_outputs_of_a_data_set():
    x, y = clouds(20)
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
    output, target = train.outputs_of(model, data.DataLoader(data.TensorDataset(x, y), 6))
    model.eval()
    np.testing.assert_allclose(
        output.numpy(), model(pb.asarray(x).astype("float32")).detach().numpy(), rtol=1e-6
    )
    np.testing.assert_array_equal(target.numpy(), y)
    assert not output.requires_grad
    with pytest.raises(ValueError, match="no batches"):
        train.outputs_of(model, [])
    with pytest.raises(TypeError, match="this is a list"):
        train.outputs_of(model, [(pb.zeros((1, 2)), ["a"])])


@pytest.mark.parametrize("library", ["sklearn", "scipy"])
def test_what_is_missing_is_named(library):
    code = (
        f"import sys; sys.modules['{library}'] = None\n"
        "from pullback import train\n"
        "for call in (lambda: train.cross_validate(None, ([0], [0])), lambda: train.bootstrap(None, [0], [0])):\n"
        "    try:\n        call()\n    except ImportError as error:\n        print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.count("pip install 'pullback[sklearn]'") == 2
