"""The same search, cross-validation and estimators on a Dask cluster, as a backend of joblib."""

import os

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold

from pullback import nn, optim, train

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'dask[distributed]'")
# A cluster leaves sockets to the garbage collector when it closes, and warns of ports that are taken.
pytestmark = [pytest.mark.dask, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def pids(client):
    return set(client.run(os.getpid).values())


def noted(folder):
    """The processes that have worked."""
    return {int(path.name) for path in folder.iterdir()}


def waves():
    x = np.linspace(-1, 1, 96).reshape(-1, 1)
    return (x[::2], np.sin(3 * x[::2])), (x[1::2], np.sin(3 * x[1::2]))


@pytest.fixture
def build(tmp_path):
    def build(rng, lr, width=8):
        (tmp_path / str(os.getpid())).touch()
        model = nn.Sequential(nn.Linear(1, width, rng=rng), nn.Tanh(), nn.Linear(width, 1, rng=rng))
        return model, nn.MSELoss(), optim.SGD(model.parameters(), lr=lr)

    return build


@pytest.mark.parametrize("pruner", [None, "median"])
def test_a_search(pruner, cluster, build, tmp_path):
    objective = train.TrainingObjective(build, *waves(), epochs=4)
    space = {"lr": train.LogUniform(1e-4, 1.0), "width": train.Integer(2, 16)}
    options = {"trials": 16, "seed": 0, "pruner": pruner, "progress": False}
    with joblib.parallel_config("dask"):
        result = train.search(objective, space, **options)
    assert noted(tmp_path) == pids(cluster)
    alone = train.search(objective, space, **options)
    assert [trial.config for trial in result.trials] == [trial.config for trial in alone.trials]
    if pruner is None:
        assert str([trial.reports for trial in result.trials]) == str([t.reports for t in alone.trials])
    else:
        assert any(trial.stopped and "pruned" in trial.stopped for trial in result.trials)


def test_a_cross_validation(cluster, build, tmp_path):
    options = {"folds": 6, "config": {"lr": 0.1}, "epochs": 3}
    with joblib.parallel_config("dask"):
        result = train.cross_validate(build, waves()[0], **options)
    assert noted(tmp_path) == pids(cluster)
    alone = train.cross_validate(build, waves()[0], **options)
    np.testing.assert_array_equal(result.values(), alone.values())
    np.testing.assert_array_equal(result.pooled().output.numpy(), alone.pooled().output.numpy())


def test_estimators(cluster):
    x, y = waves()[0]
    grid = GridSearchCV(
        train.PullbackRegressor(max_iter=20, random_state=0),
        {"lr": [1e-6, 0.05]},
        cv=KFold(3, shuffle=True, random_state=0),
    )
    with joblib.parallel_config("dask"):
        grid.fit(x, y[:, 0])
    assert grid.best_params_ == {"lr": 0.05}
