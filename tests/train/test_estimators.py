"""PullbackClassifier and PullbackRegressor: scikit-learn's checks, and what they do not look at."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pullback as pb
from pullback import data, nn, optim
from pullback.train import PullbackClassifier, PullbackRegressor

CHECKS = """
import sys
from sklearn.utils.estimator_checks import check_estimator
from pullback import train
results = check_estimator(getattr(train, sys.argv[1])(), on_skip=None, on_fail=None)
print([(one["check_name"], one["status"], one["exception"]) for one in results if one["status"] != "passed"])
print(len(results))
"""


@pytest.mark.parametrize("name", ["PullbackClassifier", "PullbackRegressor"])
def test_all_of_scikit_learns_checks_pass_and_none_is_skipped(name):
    settings = {**os.environ, "SCIPY_ARRAY_API": "1"}  # without it, one of them skips itself
    result = subprocess.run(
        [sys.executable, "-c", CHECKS, name], capture_output=True, text=True, check=True, env=settings
    )
    others, count = result.stdout.splitlines()
    assert others == "[]"
    assert int(count) > 40


def clouds(count=90, seed=0):
    """Three clouds of points."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    return rng.normal(size=(count, 2)) * 0.3 + np.array([[0, 1], [1, -1], [-1, -1]])[y], y


def wave(count=80):
    x = np.linspace(-1, 1, count).reshape(-1, 1)
    return x, np.sin(3 * x[:, 0])


def parameters(estimator):
    return [p.detach().numpy().copy() for p in estimator.module_.parameters()]


def assert_equal_networks(one, other):
    for a, b in zip(parameters(one), parameters(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_digits_as_well_as_scikit_learns_own():
    images, labels = data.digits.load()
    X = images.reshape(-1, 64)
    options = {"hidden_layer_sizes": (64,), "max_iter": 12, "tol": 0, "random_state": 0}
    ours = PullbackClassifier(lr=1e-2, **options).fit(X[:1200], labels[:1200])
    theirs = MLPClassifier(learning_rate_init=1e-2, **options)
    with pytest.warns(match="Maximum iterations"):
        theirs.fit(X[:1200], labels[:1200])
    assert ours.score(X[1200:], labels[1200:]) > theirs.score(X[1200:], labels[1200:]) - 0.015
    assert ours.score(X[1200:], labels[1200:]) > 0.9
    np.testing.assert_allclose(ours.predict_proba(X[:9]).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X[:9])), ours.predict_proba(X[:9]), rtol=1e-5)


def test_the_same_seed_gives_the_same_network_and_leaves_the_programs_generator_alone():
    X, y = clouds()

    def network(features, outputs):
        return nn.Sequential(
            nn.Linear(features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, outputs)
        )

    estimator = PullbackClassifier(module=network, max_iter=4, batch_size=16, random_state=3)
    pb.manual_seed(0)
    expected = pb.rand(3).tolist()
    pb.manual_seed(0)
    first = clone(estimator).fit(X, y)
    assert pb.rand(3).tolist() == expected
    assert_equal_networks(first, clone(estimator).fit(X, y))
    threads = Parallel(n_jobs=4, backend="threading")(delayed(clone(estimator).fit)(X, y) for _ in range(4))
    for other in threads:
        assert_equal_networks(first, other)
    assert first.loss_curve_ != clone(estimator).set_params(random_state=4).fit(X, y).loss_curve_


def test_grid_search_and_cross_validation_in_processes():
    X, y = clouds()
    model = make_pipeline(StandardScaler(), PullbackClassifier(max_iter=15, random_state=0))
    grid = {"pullbackclassifier__lr": [1e-5, 0.05], "pullbackclassifier__hidden_layer_sizes": [(4,), (8, 4)]}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["pullbackclassifier__lr"] == 0.05
    assert search.score(X, y) > 0.95
    alone = GridSearchCV(model, grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert cross_val_score(search.best_estimator_, X, y, cv=3).min() > 0.9


def small_convolution(features, outputs):
    """A network for pictures, whose rows it brings into their shape."""
    side = int(features**0.5)
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        nn.Conv2d(1, 4, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 3 * 3, outputs),
    )


def test_networks_of_ones_own_learn_and_are_pickled():
    images, labels = data.digits.load()
    X = images.reshape(-1, 64)[:600]
    estimator = PullbackClassifier(
        module=small_convolution, lr=0.02, batch_size=32, max_iter=8, random_state=0
    )
    estimator.fit(X, labels[:600])
    assert estimator.score(X, labels[:600]) > 0.9
    assert parameters(estimator)[0].dtype == X.dtype
    twin = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))
    estimator.partial_fit(X, labels[:600])  # its optimiser is the twin's own, with the same state
    twin.partial_fit(X, labels[:600])
    assert_equal_networks(estimator, twin)
    assert len(twin.loss_curve_) == twin.n_iter_ == 9
    other = copy.deepcopy(estimator)
    other.partial_fit(X, labels[:600])
    assert not np.array_equal(parameters(other)[0], parameters(estimator)[0])


def test_calls_of_partial_fit_are_epochs_of_fit():
    X, y = clouds()
    whole = PullbackClassifier((5,), max_iter=3, random_state=0).fit(X, y)
    pieces = PullbackClassifier((5,), random_state=0)
    for _ in range(3):
        pieces.partial_fit(X, y, classes=[0, 1, 2])
    assert_equal_networks(whole, pieces)
    assert whole.loss_curve_ == pieces.loss_curve_


def test_partial_fit_knows_classes_that_come_later():
    X, y = clouds()
    names = np.array(["a", "b", "c"])[y]
    estimator = PullbackClassifier(lr=0.05, random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        estimator.partial_fit(X, names)
    for _ in range(20):
        for name in "abc":
            estimator.partial_fit(X[names == name], names[names == name], classes=["c", "a", "b"])
        estimator.partial_fit(X, names)
    assert estimator.classes_.tolist() == ["a", "b", "c"]
    assert estimator.score(X, names) > 0.9
    with pytest.raises(ValueError, match=r"holds .*d.* none of the classes"):
        estimator.partial_fit(X[:2], ["a", "d"])
    with pytest.raises(ValueError, match="are others than those of the first call"):
        estimator.partial_fit(X[:2], ["a", "b"], classes=["a", "b"])
    with pytest.raises(ValueError, match="early_stopping"):
        PullbackClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="balanced"):
        PullbackClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "csr_matrix", "coo_array"])
def test_sparse_rows_are_the_same_rows(kind):
    X, y = clouds()
    X = np.where(X > 0, X, 0)
    sparse = getattr(scipy.sparse, kind)(X)
    estimator = PullbackClassifier((5,), max_iter=3, batch_size=20, random_state=0)
    one, other = clone(estimator).fit(X, y), clone(estimator).fit(sparse, y, sample_weight=1.0)
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(sparse), rtol=1e-12)


def test_data_frames_bring_names():
    X, y = clouds()
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["width", "height"])
    estimator = PullbackClassifier((5,), max_iter=2, random_state=0).fit(frame, pd.Series(y, name="kind"))
    assert estimator.feature_names_in_.tolist() == ["width", "height"]
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(frame.rename(columns={"width": "length"}))


@pytest.mark.parametrize("batch_size", ["auto", 7])
def test_weights_of_classes_are_weights_of_their_samples(batch_size):
    X, y = clouds()
    factors = {0: 3.0, 1: 1.0, 2: 0.5}
    options = {"max_iter": 4, "batch_size": batch_size, "random_state": 0}
    by_class = PullbackClassifier((5,), class_weight=factors, **options).fit(X, y)
    by_sample = PullbackClassifier((5,), **options).fit(X, y, sample_weight=[factors[label] for label in y])
    assert_equal_networks(by_class, by_sample)
    both = PullbackClassifier((5,), class_weight={0: 9.0}, **options)
    both.fit(X, y, sample_weight=np.where(y == 0, 1 / 3, [factors[label] for label in y]))
    for one, other in zip(parameters(both), parameters(by_class), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    plain = PullbackClassifier((5,), **options).fit(X, y)
    assert not np.array_equal(parameters(plain)[0], parameters(by_class)[0])


def test_the_weighted_loss_is_that_of_repeated_samples():
    X, y = wave(20)
    weights = np.arange(20) % 3
    once = PullbackRegressor(max_iter=1, random_state=0).fit(X, y, sample_weight=weights)
    often = PullbackRegressor(max_iter=1, random_state=0).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    assert once.loss_ == pytest.approx(often.loss_, rel=1e-12)
    # in batches, the weighted loss of the epoch is that of the whole
    options = {"max_iter": 1, "random_state": 0, "lr": 0}
    batches = PullbackRegressor(batch_size=3, **options).fit(X, y, sample_weight=weights)
    assert batches.loss_ == pytest.approx(once.loss_, rel=1e-12)


def test_weights_that_count_nothing():
    X, y = clouds()
    balanced = PullbackClassifier(class_weight="balanced", max_iter=2, random_state=0)
    balanced.fit(X[y < 2][:31], y[y < 2][:31])
    with pytest.raises(ValueError, match="negative"):
        PullbackClassifier().fit(X, y, sample_weight=-np.ones(len(y)))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        PullbackClassifier().fit(X, y, sample_weight=[1, 2, 3])
    with pytest.raises(ValueError, match="all samples are zero"):
        PullbackClassifier().fit(X, y, sample_weight=0.0)
    with pytest.raises(TypeError, match="attribute `reduction`"):
        PullbackRegressor(loss=lambda output, target: ((output - target) ** 2).mean()).fit(
            *wave(), sample_weight=1.0
        )


def test_early_stopping_keeps_the_best_network():
    X, y = clouds(60)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(60) < 0.3, rng.integers(0, 3, 60), y)  # with noise, it overfits
    estimator = PullbackClassifier(
        (64,), lr=0.05, early_stopping=True, validation_fraction=0.3, n_iter_no_change=5, random_state=0
    ).fit(X, y)
    curve = estimator.validation_loss_curve_
    assert len(curve) == estimator.n_iter_ < estimator.max_iter
    assert estimator.best_loss_ == min(curve) < curve[-1]
    assert "has not become better" in estimator.history_.stopped
    part = put_aside(estimator, X, y)
    logits = estimator.module_(pb.asarray(X[part]))
    assert nn.CrossEntropyLoss()(logits, y[part]).item() == pytest.approx(min(curve), rel=1e-9)


def put_aside(estimator, X, y):
    """The rows that such an estimator puts aside for its validation."""
    original, parts = type(estimator)._split, []

    def split(self, rows):
        training, validation = original(self, rows)
        assert (len(training), len(validation)) == (42, 18)
        parts.append([np.flatnonzero((row == X).all(axis=1))[0] for row in validation.x])
        return training, validation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(estimator), "_split", split)
        clone(estimator).set_params(max_iter=1).fit(X, y)
    return np.array(parts[0])


@pytest.mark.parametrize(
    ("members", "stratified"), [([20, 10, 10], True), ([38, 1, 1], False), ([4, 3, 3], False)]
)
def test_the_part_put_aside_has_its_share_of_each_class_where_there_are_enough(members, stratified):
    y = np.repeat([0, 1, 2], members)
    X = np.random.default_rng(0).normal(size=(len(y), 2))
    estimator = PullbackClassifier(
        (3,), max_iter=2, early_stopping=True, validation_fraction=0.2, random_state=0
    )
    assert estimator.fit(X, y).n_iter_ == 2
    if stratified:
        original, seen = type(estimator)._split, []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                type(estimator), "_split", lambda self, rows: seen.append(original(self, rows)) or seen[0]
            )
            estimator.fit(X, y)
        assert np.bincount(seen[0][1].y).tolist() == [4, 2, 2]


def test_without_progress_the_training_ends():
    X, y = wave()
    estimator = PullbackRegressor(lr=0, n_iter_no_change=3, random_state=0).fit(X, y)
    assert estimator.n_iter_ == 4  # the first, and three without progress
    assert PullbackRegressor(max_iter=7, n_iter_no_change=7, lr=0).fit(X, y).n_iter_ == 7


def test_warm_start_goes_on():
    X, y = clouds()
    estimator = PullbackClassifier((5,), max_iter=3, warm_start=True, random_state=0).fit(X, y)
    before = estimator.module_
    first = estimator.loss_
    estimator.fit(X, y)
    assert estimator.module_ is before
    assert estimator.loss_ < first
    assert len(estimator.loss_curve_) == 6
    with pytest.raises(ValueError, match="the same classes"):
        estimator.fit(X, y % 2)
    assert PullbackClassifier((5,), max_iter=3, random_state=0).fit(X, y).fit(X, y).n_iter_ == 3


def test_several_numbers_for_each_row():
    X, y = wave()
    both = np.column_stack([y, -2 * y])
    estimator = PullbackRegressor(activation="tanh", lr=0.02, random_state=0).fit(X, both)
    assert estimator.predict(X).shape == (80, 2)
    assert estimator.score(X, both) > 0.95
    with pytest.raises(ValueError, match="1 targets for each row"):
        PullbackRegressor(max_iter=1, warm_start=True).fit(X, both).fit(X, y)
    far = TransformedTargetRegressor(clone(estimator), transformer=StandardScaler())
    assert far.fit(X, 1e6 + 1e4 * y).score(X, 1e6 + 1e4 * y) > 0.95


@pytest.mark.parametrize("sparse", [False, True])
def test_several_labels_for_each_row(sparse):
    X, _ = clouds()
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    y = scipy.sparse.csr_array(labels) if sparse else labels
    estimator = PullbackClassifier(lr=0.05, max_iter=60, random_state=0).fit(X, y)
    assert estimator.score(X, y) > 0.9
    assert estimator.predict_proba(X).shape == (90, 2)
    np.testing.assert_array_equal(estimator.predict_proba(X) > 0.5, estimator.decision_function(X) > 0)
    np.testing.assert_allclose(np.exp(estimator.predict_log_proba(X)), estimator.predict_proba(X))
    assert scipy.sparse.issparse(estimator.predict(X)) == sparse
    again = PullbackClassifier(random_state=0).partial_fit(X, y).partial_fit(X, y)
    assert again.n_iter_ == 2


def test_single_precision_stays():
    X, y = wave()
    estimator = PullbackRegressor(max_iter=2).fit(X.astype(np.float32), y.astype(np.float32))
    assert {p.dtype for p in parameters(estimator)} == {np.dtype(np.float32)}
    assert estimator.predict(X).dtype == np.float32
    assert PullbackRegressor(max_iter=2).fit(X, y).predict(X.astype(np.float32)).dtype == np.float64


def test_losses_optimisers_and_activations_by_name_and_by_function():
    X, y = clouds()
    smooth = PullbackClassifier(loss=nn.CrossEntropyLoss(label_smoothing=0.5), max_iter=150, lr=0.02).fit(
        X, y
    )
    assert smooth.predict_proba(X).max() < 0.9
    assert clone(smooth).loss is not smooth.loss
    for name in ("absolute_error", "huber", nn.SmoothL1Loss(beta=0.1)):
        regressor = PullbackRegressor(loss=name, activation=nn.Tanh, lr=0.02, random_state=0).fit(*wave())
        assert regressor.score(*wave()) > 0.9

    def momentum(parameters, lr):
        return optim.SGD(parameters, lr=lr, momentum=0.9)

    for rule in ("SGD", "RMSprop", momentum):
        estimator = PullbackClassifier(optimizer=rule, lr=0.05, max_iter=60, random_state=0).fit(X, y)
        assert estimator.score(X, y) > 0.9
    decayed = PullbackClassifier(weight_decay=1.0, lr=0.05, max_iter=60, random_state=0).fit(X, y)
    assert np.abs(parameters(decayed)[0]).max() < np.abs(parameters(estimator)[0]).max()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes are whole numbers from 1 on"),
        ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes are whole numbers from 1 on"),
        ({"activation": "step"}, "activation is one of"),
        ({"optimizer": "Adm"}, "optimizer is the name of a class in optim"),
        ({"optimizer": "clip_grad_norm_"}, "optimizer is the name of a class in optim"),
        ({"loss": "hinge"}, "loss is one of log_loss"),
        ({"lr": -1.0}, "lr is a number from 0 on"),
        ({"lr": float("nan")}, "lr is a number from 0 on"),
        ({"tol": "0"}, "tol is a number from 0 on"),
        ({"batch_size": 0}, "batch_size is a whole number from 1 on"),
        ({"max_iter": 0}, "max_iter is a whole number from 1 on"),
        ({"max_iter": True}, "max_iter is a whole number from 1 on"),
        ({"n_iter_no_change": 1.5}, "n_iter_no_change is a whole number from 1 on"),
        ({"early_stopping": True, "validation_fraction": 1.0}, "validation_fraction is between 0 and 1"),
    ],
)
def test_settings_that_make_no_sense(setting, message):
    with pytest.raises(ValueError, match=message):
        PullbackClassifier(**setting).fit(*clouds())


def test_settings_may_be_numpys_numbers():
    """As grids of scikit-learn give them."""
    counts = {
        name: np.int64(3) for name in ("max_iter", "batch_size", "n_iter_no_change", "hidden_layer_sizes")
    }
    rates = {name: np.float32(0.01) for name in ("lr", "tol", "weight_decay", "validation_fraction")}
    flags = {"early_stopping": np.True_, "shuffle": np.True_, "verbose": np.int64(0)}
    settings = {**counts, **rates, **flags, "validation_fraction": np.float32(0.2)}
    assert PullbackClassifier(**settings, random_state=np.int64(1)).fit(*clouds()).n_iter_ == 3


def test_modules_that_are_none():
    with pytest.raises(TypeError, match=r"makes a new nn\.Module, so that every fit starts afresh"):
        PullbackClassifier(module=nn.Linear(2, 3)).fit(*clouds())
    with pytest.raises(TypeError, match=r"module\(2, 3\) gives an nn\.Module, not a int"):
        PullbackClassifier(module=lambda features, outputs: 1).fit(*clouds())


def test_modules_with_too_many_outputs_are_refused():
    classifier = PullbackClassifier(module=lambda features, outputs: nn.Linear(features, outputs + 4))
    with pytest.raises(ValueError, match=r"an output of shape \(1, 7\), and it is to be .*\(1, 3\)"):
        classifier.fit(*clouds())
    assert not hasattr(classifier, "module_")
    flat = PullbackRegressor(
        module=lambda features, outputs: nn.Sequential(nn.Linear(features, 1), nn.Flatten(0))
    )
    with pytest.raises(ValueError, match=r"an output of shape \(1,\)"):
        flat.fit(*clouds())


def test_verbose_speaks(capsys):
    PullbackClassifier(max_iter=2).fit(*clouds())
    assert capsys.readouterr().err == ""
    PullbackClassifier(max_iter=2, verbose=True).fit(*clouds())
    assert "epoch 2/2: loss" in capsys.readouterr().err


def test_what_is_missing_is_named():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from pullback import train\nfrom pullback.train import *\n"
        "try:\n    train.PullbackClassifier\nexcept ImportError as error:\n    print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("the estimators need scikit-learn")
    assert "pip install 'pullback[sklearn]'" in result.stdout
    assert len(result.stdout.splitlines()) == 1
    code = "import sys, pullback; print('sklearn' in sys.modules, 'joblib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
