"""Metrics that are gathered over batches, against scikit-learn and by their definitions."""

import itertools
import math
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train

sklearn = pytest.importorskip("sklearn.metrics")


def batches(*arrays, seed=0):
    """The arrays in uneven pieces, one of them empty."""
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(arrays[0]), 4))
    cuts = [0, *cuts, cuts[-1], len(arrays[0])]
    return [tuple(a[i:j] for a in arrays) for i, j in itertools.pairwise(cuts)]


def gathered(metric, output, target):
    for o, t in batches(output, target):
        metric.update(pb.asarray(o), pb.asarray(t))
    return metric.compute()


def case(seed=0, classes=5, count=61, missing=()):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(count, classes))
    scores[:, list(missing)] -= 100  # never predicted
    target = rng.integers(0, classes, count)
    for one in missing:
        target[target == one] = 0
    return scores, target


KINDS = [(train.Precision, "precision_score"), (train.Recall, "recall_score"), (train.F1, "f1_score")]


@pytest.mark.parametrize(("kind", "theirs"), KINDS)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("zero", [0.0, 1.0, math.nan])
@pytest.mark.parametrize("missing", [(), (2,), (0, 4)])
def test_rates_of_classes(kind, theirs, average, zero, missing):
    scores, target = case(missing=missing)
    predicted = scores.argmax(1)
    predicted[predicted == 1] = 3  # a class that is there and never predicted
    scores = np.eye(5)[predicted]
    score = getattr(sklearn, theirs)
    ours = gathered(kind(average, zero_division=zero), scores, target)
    assert ours == pytest.approx(
        score(target, predicted, average=average, zero_division=zero), rel=1e-12, nan_ok=True
    )
    ours = gathered(kind(average, classes=5, zero_division=zero), predicted, target)
    expected = score(target, predicted, average=average, zero_division=zero, labels=range(5))
    assert ours == pytest.approx(expected, rel=1e-12, nan_ok=True)
    ours = gathered(kind(None, zero_division=zero), scores, target)
    expected = score(target, predicted, average=None, zero_division=zero, labels=range(5))
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


@pytest.mark.parametrize(("kind", "theirs"), KINDS)
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_rates_of_two_classes_by_a_threshold(kind, theirs, shape):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=40), rng.integers(0, 2, 40)
    expected = getattr(sklearn, theirs)(target, logits >= 0)
    metric = kind("binary", threshold=0.0)
    assert gathered(metric, logits.reshape(shape), target.reshape(shape)) == pytest.approx(
        expected, rel=1e-12
    )
    metric = kind("binary", threshold=0.5)
    probabilities = 1 / (1 + np.exp(-logits))
    assert gathered(metric, probabilities, target.astype(float)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("truth", [0, 1])
@pytest.mark.parametrize("guess", [0, 1])
@pytest.mark.parametrize(("kind", "theirs"), KINDS)
@pytest.mark.parametrize("zero", [0.0, 1.0])
def test_rates_where_only_one_class_is_there(kind, theirs, truth, guess, zero):
    target, predicted = np.full(4, truth), np.full(4, guess)
    ours = gathered(kind("binary", zero_division=zero), predicted, target)
    assert ours == getattr(sklearn, theirs)(target, predicted, zero_division=zero)


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@pytest.mark.parametrize("missing", [(), (2,)])
def test_confusion_matrices(normalize, missing):
    scores, target = case(missing=missing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.confusion_matrix(target, scores.argmax(1), labels=range(5), normalize=normalize)
    np.testing.assert_allclose(gathered(train.ConfusionMatrix(normalize=normalize), scores, target), expected)
    np.testing.assert_allclose(
        gathered(train.ConfusionMatrix(5, normalize), scores.argmax(1), target), expected
    )


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_top_k(k):
    scores, target = case()
    expected = sklearn.top_k_accuracy_score(target, scores, k=k, labels=range(5)) if k < 5 else 1.0
    assert gathered(train.TopK(k), scores, target) == pytest.approx(expected, rel=1e-12)
    if k == 1:
        assert train.accuracy(scores, target) == pytest.approx(expected)


def test_top_k_of_equal_and_missing_scores():
    assert (
        train.TopK(1)(np.zeros((2, 3)), np.array([0, 1]))
        == train.accuracy(np.zeros((2, 3)), np.array([0, 1]))
        == 0.5
    )
    assert train.TopK(2)(np.zeros((3, 3)), np.array([0, 1, 2])) == pytest.approx(2 / 3)
    assert train.TopK(2)(np.array([[np.nan, 0.0, 1.0]]), np.array([0])) == 0
    assert train.TopK(1)(np.array([[np.nan, 0.0, 1.0]]), np.array([2])) == 0
    assert train.TopK(2)(np.array([[np.nan, 0.0, 1.0]]), np.array([2])) == 1


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_squared_errors_and_r2(shape):
    rng = np.random.default_rng(0)
    target = rng.normal(size=(31, *shape)) + 1e4  # a mean that is large beside the spread
    output = target + 0.3 * rng.normal(size=target.shape)
    flat = target.reshape(31, -1), output.reshape(31, -1)
    assert gathered(train.MeanSquaredError(), output, target) == pytest.approx(
        sklearn.mean_squared_error(*flat), rel=1e-9
    )
    assert gathered(train.R2(), output, target) == pytest.approx(sklearn.r2_score(*flat), rel=1e-9)


def test_r2_of_constant_targets_and_of_few():
    right, wrong = np.ones(4), np.array([1.0, 1.0, 1.0, 2.0])
    assert gathered(train.R2(), right, right) == sklearn.r2_score(right, right) == 1.0
    assert gathered(train.R2(), wrong, right) == sklearn.r2_score(right, wrong) == 0.0
    assert math.isnan(train.R2()(np.ones(1), np.ones(1)))


def test_perplexity():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(20, 7)) * 3, rng.integers(0, 7, 20)
    expected = math.exp(
        sklearn.log_loss(target, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels=range(7))
    )
    assert gathered(train.Perplexity(), logits, target) == pytest.approx(expected, rel=1e-12)
    padded, more = np.concatenate([logits, logits]), np.concatenate([target, np.full(20, -100)])
    assert gathered(train.Perplexity(), padded, more) == pytest.approx(expected, rel=1e-12)
    sequences = padded.reshape(4, 10, 7).swapaxes(1, 2)
    assert gathered(train.Perplexity(), sequences, more.reshape(4, 10)) == pytest.approx(expected, rel=1e-12)
    assert train.Perplexity()(np.array([[1e4, 0.0]]), np.array([0])) == 1
    assert train.Perplexity()(np.array([[1e4, 0.0]]), np.array([1])) == math.inf


def test_padding_does_not_count():
    scores, target = case()
    padded = np.concatenate([scores, scores]), np.concatenate([target, np.full(61, -1)])
    for kind in (train.F1, train.ConfusionMatrix, lambda **o: train.TopK(2, **o)):
        np.testing.assert_allclose(
            gathered(kind(ignore_index=-1), *padded), gathered(kind(ignore_index=None), scores, target)
        )


EVERY = [
    lambda: train.F1(),
    lambda: train.F1(None, classes=3),
    lambda: train.F1("micro"),
    lambda: train.TopK(2),
    lambda: train.Perplexity(),
    lambda: train.MeanSquaredError(),
    lambda: train.R2(),
]


@pytest.mark.parametrize("make", EVERY)
def test_no_samples_give_nan(make):
    assert np.isnan(make().compute()).all()


@pytest.mark.parametrize("make", [*EVERY, train.ConfusionMatrix])
def test_states_and_resets(make):
    rng = np.random.default_rng(0)
    numbers = isinstance(make(), (train.MeanSquaredError, train.R2))
    output = rng.normal(size=(12,) if numbers else (12, 3))
    target = rng.normal(size=12) if numbers else rng.integers(0, 3, 12)
    whole, first, second = make(), make(), make()
    whole.update(output, target)
    first.update(output[:5], target[:5])
    state = optim.unflatten_state(optim.flatten_state(first.state_dict()))
    first.update(output, target)  # what was given is a copy
    second.load_state_dict(state)
    second.update(output[5:], target[5:])
    np.testing.assert_allclose(second.compute(), whole.compute(), rtol=1e-12)
    kept = whole.compute()
    np.testing.assert_array_equal(whole(output, target), kept)
    np.testing.assert_array_equal(whole.compute(), kept)
    whole.reset()
    whole.update(output, target)
    np.testing.assert_array_equal(whole.compute(), kept)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train.F1("mean"), "average is one of"),
        (lambda: train.TopK(0), "k is a whole number from 1 on, not 0"),
        (lambda: train.ConfusionMatrix(0), "classes is how many there are"),
        (lambda: train.ConfusionMatrix(normalize="rows"), "normalize is"),
        (lambda: train.F1()(np.ones(3), np.ones(3, int)), "from where on it means class 1"),
        (lambda: train.F1(threshold=0)(np.ones((3, 2)), np.ones(3, int)), "one number for each target"),
        (lambda: train.F1()(np.ones((3, 2)), np.ones(3)), "classes that are integers, and not float64"),
        (lambda: train.F1()(np.ones((3, 2)), np.ones((3, 1), int)), "F1 takes scores of shape"),
        (lambda: train.F1(classes=2)(np.array([2]), np.array([0])), "there are 2 classes"),
        (lambda: train.F1()(np.array([0]), np.array([-1])), "counted from 0, and there is a -1"),
        (lambda: train.F1("binary")(np.array([2]), np.array([0])), "'binary' is for two classes"),
        (
            lambda: train.TopK(1)(np.ones((3, 2)), np.array([0, 1, 2])),
            "got 2 scores per sample, and a sample of class 2",
        ),
        (lambda: train.R2()(np.ones((3, 1)), np.ones(3)), "takes outputs and targets of one shape"),
        (
            lambda: train.MeanSquaredError()(np.ones((3, 1)), np.ones(3)),
            "takes outputs and targets of one shape",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# in the loop


def test_metrics_of_a_training_are_those_of_the_whole_data_set():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 3)), rng.integers(0, 4, 23)
    model = nn.Linear(3, 4, rng=rng)
    metrics = {"f1": train.F1(), "matrix": train.ConfusionMatrix(), "accuracy": train.accuracy}
    held = data.DataLoader(data.TensorDataset(x, y), 5)
    history = train.fit(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=1e-9),
        data.DataLoader(data.TensorDataset(x, y), 4),
        epochs=2,
        validation=held,
        metrics=metrics,
        progress=False,
    )
    predicted = model(pb.tensor(x, dtype="float32")).detach().numpy().argmax(1)
    for scores in (history[1].metrics, history[1].validation.metrics):
        assert scores["f1"] == pytest.approx(sklearn.f1_score(y, predicted, average="macro"))
        np.testing.assert_array_equal(
            scores["matrix"], sklearn.confusion_matrix(y, predicted, labels=range(4))
        )
        assert scores["accuracy"] == pytest.approx(np.mean(predicted == y))
    assert metrics["f1"].sums["counts"].sum() == 0  # the loop has used copies
    assert "matrix" not in str(history[0])
    alone = train.evaluate(model, nn.CrossEntropyLoss(), held, metrics=metrics)
    assert alone.metrics["f1"] == history[1].validation.metrics["f1"]


def test_a_metric_that_is_none_is_refused():
    for wrong in (train.F1, 3, None):
        with pytest.raises(
            TypeError, match=r"the metric 'f1' is a function of \(output, target\), or an object"
        ):
            train.evaluate(nn.Identity(), nn.MSELoss(), [], metrics={"f1": wrong})


def test_curves_leave_out_what_is_no_curve():
    from pullback.viz.figures import diagnose

    scores = train.Scores(1.0, {"accuracy": 0.5, "matrix": np.eye(2)})
    epochs = [train.Epoch(i, 1.0, scores.metrics, scores, 0.1) for i in (1, 2)]
    assert set(diagnose(epochs).training) == {"loss", "accuracy"}


def test_class_probabilities_count_by_the_most_probable_class():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    soft = np.array([[0.7, 0.3, 0.0], [0.4, 0.6, 0.0], [0.5, 0.1, 0.4]], np.float32)
    assert train.accuracy(pb.tensor(scores), pb.tensor(soft)) == pytest.approx(1 / 3)
    top = train.TopK(2)
    top.update(scores, soft)
    assert top.compute() == pytest.approx(2 / 3)


@pytest.mark.parametrize("targets", [np.zeros((4, 1)), np.full((4, 2), 2.0), np.array([[1.5, -0.5]] * 4)])
def test_what_are_no_class_probabilities_is_refused(targets):
    with pytest.raises(ValueError, match="accuracy takes scores of shape"):
        train.accuracy(np.zeros(targets.shape), targets)
