"""search: trials by plan and by sampler, stops, stages, storages, workers, and what the result can do."""

import contextlib
import gc
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import cloudpickle
import joblib
import numpy as np
import optuna
import psutil
import pytest

from pullback import data, nn, optim, train

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # worker processes cannot import a test file

# A pool of joblib's takes no function of a test file, unless its processes are copies of this one.
FORKING = multiprocessing.get_start_method() == "fork"
BACKENDS = ["sequential", "threading", "loky", *(["multiprocessing"] if FORKING else [])]

SPACE = {"lr": train.LogUniform(1e-4, 1.0), "width": train.Integer(1, 64), "act": ["relu", "tanh"]}


def bowl(trial):
    """Best at lr 0.01, width 32 and tanh."""
    away = abs(math.log10(trial["lr"]) + 2) + abs(trial["width"] - 32) / 32
    return away + (trial["act"] == "relu")


def search(objective=bowl, space=SPACE, **options):
    return train.search(objective, space, **{"seed": 0, "progress": False, **options})


def configs(result):
    return [trial.config for trial in result.trials]


def test_a_random_search_finds_and_repeats_itself():
    result = search(trials=40)
    assert len(result.trials) == 40
    assert result.best.value == min(trial.value for trial in result.trials) < 0.7
    assert result.config["act"] == "tanh"
    assert [trial.value for trial in result.ranked] == sorted(trial.value for trial in result.trials)
    assert configs(result) == configs(search(trials=40))
    assert configs(result)[:10] == configs(search(trials=10))
    assert configs(result) != configs(search(trials=40, seed=1))
    drawn = search(trials=3, seed=None)
    assert configs(drawn) == configs(search(trials=3, seed=drawn.seed))
    assert all(type(config["width"]) is int for config in configs(result))


def test_numbers_may_be_numpys(tmp_path):
    result = search(trials=np.int64(2), seed=np.int64(0), storage=tmp_path / "search.db")
    assert configs(result) == configs(search(trials=2))
    assert len(search(strategy="grid", points=np.int64(2)).trials) == 2 * 2 * 2


def test_an_objective_that_takes_its_configuration_apart_changes_no_result():
    result = search(lambda trial: trial.config.pop("lr"), trials=2)
    assert configs(result) == configs(search(trials=2))


def test_maximizing():
    result = search(lambda trial: -bowl(trial), trials=40, direction="maximize")
    assert result.config == search(trials=40).config


def test_a_grid_tries_every_point():
    result = search(strategy="grid", points={"lr": 5, "width": 3})
    assert len(result.trials) == 5 * 3 * 2
    assert sorted({config["width"] for config in configs(result)}) == [1, 33, 64]
    assert len({tuple(config.values()) for config in configs(result)}) == 30
    assert result.config["lr"] == pytest.approx(0.01)
    with pytest.raises(ValueError, match="as many trials as points"):
        search(strategy="grid", trials=3)


@pytest.mark.parametrize("make", [lambda: "tpe", lambda: optuna.samplers.TPESampler(seed=0)])
def test_strategies_that_learn_from_trials(make):
    result = search(trials=30, strategy=make())
    assert len(result.trials) == 30
    assert configs(result) == configs(search(trials=30, strategy=make()))
    values = [trial.value for trial in result.trials]
    assert np.mean(values[15:]) < np.mean(values[:15])


def test_coarse_to_fine():
    def parabola(trial):
        return (math.log10(trial["lr"]) + 2) ** 2

    space = {"lr": train.LogUniform(1e-6, 1.0)}
    result = search(parabola, space, trials=8, stages=3, shrink=0.25)
    assert [trial.stage for trial in result.trials] == [1] * 8 + [2] * 8 + [3] * 8
    widths = [math.log(space["lr"].high / space["lr"].low) for space in result.spaces]
    assert widths[1:] == [pytest.approx(widths[0] / 4), pytest.approx(widths[0] / 16)]
    for stage in (2, 3):
        inner = result.spaces[stage - 1]["lr"]
        assert all(inner.low <= t.config["lr"] <= inner.high for t in result.trials if t.stage == stage)
    seeds = range(12)
    staged = [search(parabola, space, trials=8, stages=3, seed=seed).best.value for seed in seeds]
    coarse = [search(parabola, space, trials=24, seed=seed).best.value for seed in seeds]
    assert np.median(staged) < np.median(coarse) / 2
    narrowed = result.narrow(0.5)["lr"]
    assert math.log(narrowed.high / narrowed.low) == pytest.approx(widths[0] / 32)


# stops


def curve(trial):
    """Reports three losses; explodes where the rate is large."""
    for step in range(3):
        trial.report(1.0 if trial["lr"] < 0.1 else 2.0**step)
    return trial["lr"]


def test_a_trial_whose_loss_exceeds_three_times_its_first_value_is_stopped():
    result = search(curve, trials=30)
    stopped = [trial for trial in result.trials if trial.stopped is not None]
    assert 0 < len(stopped) < 30
    assert {trial.config["lr"] >= 0.1 for trial in stopped} == {True}
    assert all(trial.reports == [1.0, 2.0] for trial in stopped)
    assert all(math.isnan(trial.value) for trial in stopped)
    assert "the loss is 4, more than 3 times its first value 1" in stopped[0].stopped
    assert not any(trial.stopped for trial in search(curve, trials=30, explode=None).trials)
    assert not any(trial.stopped for trial in search(curve, trials=30, explode=4).trials)


@pytest.mark.parametrize(
    ("losses", "stopped"),
    [
        ((1.0, 3.0), False),
        ((1.0, 3.01), True),
        ((1.0, 0.1, 2.9, 3.1), True),
        ((-1.0, -4.0, 5.0), False),  # no loss in the sense of the rule
        ((0.0, 5.0), False),
        ((math.nan,), True),
        ((1.0, math.inf), True),
    ],
)
def test_the_rule_of_three(losses, stopped):
    trial = train.Trial({"lr": 1})

    def watch():
        for loss in losses:
            trial.watch(loss)

    if stopped:
        with pytest.raises(train.TrialStopped, match=r"three|3 times|nan|inf"):
            watch()
    else:
        watch()


def test_scores_that_are_maximized_are_no_losses():
    trial = train.Trial({}, minimize=False)
    for accuracy in (0.1, 0.9):
        trial.report(accuracy)
    trial.watch(1.0)
    with pytest.raises(train.TrialStopped):
        trial.watch(4.0)
    with pytest.raises(train.TrialStopped, match="the value is nan"):
        trial.report(math.nan)


@pytest.mark.parametrize("bad", [math.nan, math.inf, FloatingPointError("overflow")])
def test_trials_that_are_not_finite_are_stopped_and_none_left_is_said(bad):
    def objective(trial):
        if isinstance(bad, Exception):
            raise bad
        return bad

    result = search(objective, trials=3)
    assert [trial.stopped is not None for trial in result.trials] == [True] * 3
    with pytest.raises(ValueError, match="none of 3 trials came to its end"):
        result.best  # noqa: B018 - the access is the test
    with pytest.raises(ValueError, match="none of 3 trials"):
        result.narrow()
    assert str(result) == "3 trials, 3 of them stopped early"


def slow(trial):
    for step in range(1, 9):
        trial.report(1 / step + trial["x"])
    return trial["x"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of the backend multiprocessing
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pruner", ["median", "hyperband", optuna.pruners.ThresholdPruner(upper=1.5)])
def test_pruners_stop_what_is_worse(pruner, backend):
    space = {"x": train.Uniform(0, 1)}
    with joblib.parallel_config(backend, n_jobs=2):
        result = search(slow, space, trials=16, pruner=pruner)
    pruned = [trial for trial in result.trials if trial.stopped is not None]
    assert all(f"pruned after report {len(trial.reports)}" == trial.stopped for trial in pruned)
    kept = [trial.config["x"] for trial in result.trials if trial.stopped is None]
    stopped = [trial.config["x"] for trial in pruned]
    assert result.best.value == min(kept)
    if not isinstance(pruner, str):
        assert sorted(stopped) == sorted(x for x in kept + stopped if 1 + x > 1.5)
    elif backend != "sequential":  # whom these two stop depends on which of the workers reports first
        return
    assert stopped
    assert min(stopped) > min(kept)
    assert np.mean(stopped) > np.mean(kept)


# workers and storages


def test_the_configurations_do_not_depend_on_the_workers():
    alone = search(trials=12)
    for backend, workers in (("threading", 3), ("loky", 2)):
        with joblib.parallel_config(backend):
            result = search(trials=12, workers=workers)
        assert configs(result) == configs(alone)
        assert [t.value for t in result.trials] == [t.value for t in alone.trials]
    with joblib.parallel_config("threading", n_jobs=2):
        grid = search(strategy="grid", points=2)
    assert configs(grid) == configs(search(strategy="grid", points=2))


def broken_at_the_end(trial):
    if trial.number == 7:
        time.sleep(1)  # while the parent hears of the others
        raise ZeroDivisionError
    return 0.0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of the backend multiprocessing
@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_kept_before_the_last_trial_is_done(backend, tmp_path):
    options = {"trials": 8, "storage": tmp_path / "trials.journal"}
    with joblib.parallel_config(backend, n_jobs=2), pytest.raises(ZeroDivisionError):
        search(broken_at_the_end, **options)
    calls = []
    result = search(lambda trial: calls.append(trial.number) or 0.0, **options)
    assert len(result.trials) == 8
    assert calls in ([7], [6, 7])


@pytest.mark.skipif(os.name == "nt", reason="Windows has a program of its own that ends processes")
def test_processes_that_could_not_be_ended_are_not_started(monkeypatch):
    monkeypatch.setenv("PATH", "")  # no pgrep
    monkeypatch.setitem(sys.modules, "psutil", None)
    with joblib.parallel_config("loky"):
        with pytest.raises(
            ImportError, match=r"pip install psutil .*'search'.*parallel_config\(\"threading\"\)"
        ):
            search(trials=2, workers=2)
        assert len(search(trials=2, workers=1).trials) == 2
    with joblib.parallel_config("threading"):
        assert len(search(trials=2, workers=2).trials) == 2


def test_workers_work_at_the_same_time():
    barrier = threading.Barrier(3, timeout=30)  # broken unless three trials wait at it

    def objective(trial):
        barrier.wait()
        return 0.0

    with joblib.parallel_config("threading"):
        assert len(search(objective, trials=6, workers=3).trials) == 6


@pytest.mark.parametrize("name", ["trials.db", "trials.sqlite3", "trials.journal"])
def test_a_storage_goes_on(name, tmp_path):
    calls = []

    def objective(trial):
        calls.append(trial.number)
        for loss in (1.0, 0.5, 9.0 if trial.number == 2 else 0.1):
            trial.report(loss)
        return bowl(trial)

    first = search(objective, trials=5, storage=tmp_path / name, seed=None)
    assert first.trials[2].stopped is not None
    again = search(objective, trials=8, storage=tmp_path / name, seed=None)
    assert calls == list(range(8))
    assert again.seed == first.seed
    assert again.trials[2].reports == [1.0, 0.5]
    assert str(again.trials[:5]) == str(first.trials)  # nan included
    whole = search(objective, trials=8, seed=first.seed)
    assert configs(again) == configs(whole)
    assert [t.number for t in again.trials] == list(range(8))
    assert len(search(objective, trials=3, storage=tmp_path / name, seed=None).trials) == 8
    # another one in the same file
    other = search(objective, trials=2, storage=tmp_path / name, name="other", seed=5)
    assert len(other.trials) == 2


def test_a_storage_knows_what_it_holds(tmp_path):
    storage = tmp_path / "trials.db"
    search(trials=2, storage=storage)
    with pytest.raises(ValueError, match="with another space"):
        search(trials=2, storage=storage, space={"lr": SPACE["lr"]}, objective=lambda trial: 0.0)
    with pytest.raises(ValueError, match=r"with another seed; .* seed=0"):
        search(trials=2, storage=storage, seed=1)
    with pytest.raises(ValueError, match="with another strategy"):
        search(storage=storage, strategy="tpe")
    with pytest.raises(ValueError, match="an SQLite file"):
        search(storage=tmp_path / "trials.txt")
    opened = optuna.storages.RDBStorage(f"sqlite:///{storage}")
    study = optuna.create_study(storage=opened, study_name="theirs")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    opened.remove_session()
    opened.engine.dispose()  # which Optuna leaves to the garbage collector
    with pytest.raises(ValueError, match="not one of pullback's"):
        search(storage=storage, name="theirs")


@pytest.mark.parametrize("name", ["trials.db", "trials.journal"])
@pytest.mark.parametrize("backend", ["sequential", "threading"])
@pytest.mark.parametrize("broken", [False, True])
def test_a_search_lets_go_of_its_storage(broken, backend, name, tmp_path):
    def objective(trial):
        trial.report(1.0)  # the pruner is asked through the storage
        return {}["lr"] if broken and trial.number == 2 else bowl(trial)

    raises = pytest.raises(KeyError) if broken else contextlib.nullcontext()
    gc.collect()
    gc.disable()  # which would tidy up after us
    try:
        with joblib.parallel_config(backend, n_jobs=2), raises:
            search(objective, trials=4, storage=tmp_path / name, pruner="median")
        held = [file.path for file in psutil.Process().open_files() if str(tmp_path) in file.path]
    finally:
        gc.enable()
    assert not held


def test_stages_and_samplers_go_on(tmp_path):
    storage = tmp_path / "trials.journal"

    def broken(trial):
        if calls.append(trial.number) is None and len(calls) == 7:
            raise ZeroDivisionError
        return bowl(trial)

    for strategy in ("random", "tpe"):
        calls = []
        options = {"trials": 5, "stages": 2, "storage": storage, "strategy": strategy, "name": strategy}
        with pytest.raises(ZeroDivisionError):
            search(broken, **options)
        result = search(broken, **options)
        assert calls == [0, 1, 2, 3, 4, 0, 1, 1, 2, 3, 4]
        if strategy == "random":
            assert configs(result) == configs(search(trials=5, stages=2))
        assert len({trial.config["lr"] for trial in result.trials}) == 10
    with pytest.raises(ValueError, match=r"with another trials; .* trials=5"):
        search(**{**options, "trials": 6})


PROGRAM = """
import sys, time
from pullback import train

def objective(trial):
    print("began", flush=True)
    time.sleep(float(sys.argv[2]))
    return trial["lr"]

if __name__ == "__main__":
    space = {"lr": train.LogUniform(1e-4, 1.0)}
    options = {"trials": 8, "seed": 0, "storage": sys.argv[1], "workers": int(sys.argv[3])}
    result = train.search(objective, space, **options)
    print(len(result.trials), result.interrupted)
"""


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_lines(stream, count):
    for _ in range(count):
        assert stream.readline()


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize(("suffix", "workers"), [("db", 1), ("journal", 2)])
def test_a_killed_search_goes_on(suffix, workers, tmp_path):
    program, storage = tmp_path / "program.py", tmp_path / f"trials.{suffix}"
    program.write_text(PROGRAM, encoding="utf-8")
    process = start(program, storage, 0.3, workers)
    wait_for_lines(process.stderr, 3)  # one for each trial that is done
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    process = start(program, storage, 0, 1)
    out, _ = process.communicate(timeout=120)
    began = out.count("began")
    assert 1 <= began <= 8 - 3
    assert out.endswith("8 False\n")
    result = search(lambda trial: 0.0, {"lr": SPACE["lr"]}, trials=8, storage=storage)
    assert configs(result) == configs(search(lambda trial: 0.0, {"lr": SPACE["lr"]}, trials=8))
    assert all(trial.value == trial.config["lr"] for trial in result.trials)


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_what_is_done(workers, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    process = start(program, tmp_path / "trials.db", 0.5, workers)
    wait_for_lines(process.stderr, 2)
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert "trials are done" in errors
    count, interrupted = out.splitlines()[-1].split()
    assert interrupted == "True"
    assert 2 <= int(count) < 8
    assert process.returncode == 0


def test_an_interrupted_search_returns_its_trials():
    def objective(trial):
        if trial.number == 3:
            raise KeyboardInterrupt
        return bowl(trial)

    result = search(objective, trials=9, stages=2)
    assert result.interrupted
    assert configs(result) == configs(search(trials=3))
    assert str(result).endswith("; interrupted")


def test_errors_are_raised_and_the_rest_is_kept(tmp_path):
    def objective(trial):
        return {}["lr"] if trial.number == 2 else bowl(trial)

    with pytest.raises(KeyError):
        search(objective, trials=4, storage=tmp_path / "trials.db")
    calls = []
    result = search(
        lambda trial: calls.append(trial.number) or bowl(trial), trials=4, storage=tmp_path / "trials.db"
    )
    assert calls == [2, 3]
    assert len(result.trials) == 4
    with pytest.raises(TypeError, match="an objective returns one number"):
        search(lambda trial: "good", trials=1)
    with pytest.raises(
        KeyError, match="'rate' is none of the hyper-parameters of this search: lr, width, act"
    ):
        search(lambda trial: trial["rate"], trials=1)


# the result


def test_the_result_as_words_rows_json_and_picture(tmp_path, capsys):
    result = search(trials=12, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 12
    assert lines[3].startswith("trial 3, 4/12: ")
    assert "(best " in lines[3]
    assert "lr=" in lines[3]
    assert str(result).startswith("12 trials; best value ")
    result.save(tmp_path / "best.json")
    assert json.loads((tmp_path / "best.json").read_text()) == result.config
    rows = result.rows()
    assert rows[3]["lr"] == result.trials[3].config["lr"]
    assert rows[3]["value"] == result.trials[3].value
    figure, drawn = result.plot()
    assert drawn.x.tolist() == [row["lr"] for row in rows]
    assert drawn.y.tolist() == [row["width"] for row in rows]
    assert drawn.best == result.best.number
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("log", "linear")
    _, drawn = result.plot("width")
    assert drawn.y.tolist() == [row["lr"] for row in rows]
    with pytest.raises(ValueError, match="'act' is none; there are lr, width"):
        result.plot("act")


def test_the_picture_of_one_number_with_stopped_trials():
    result = search(curve, {"lr": SPACE["lr"], "act": ["relu"]}, trials=12)
    figure, drawn = result.plot()
    assert figure.axes[0].get_ylabel() == "value"
    assert np.isnan(drawn.scores).sum() == sum(t.stopped is not None for t in result.trials) > 0
    with pytest.raises(ValueError, match="there is none in this space"):
        search(lambda trial: 0.0, {"act": ["relu", "tanh"]}, trials=2).plot()


# trainings as objectives


def build(rng, lr, width=8):
    model = nn.Sequential(nn.Linear(1, width, rng=rng), nn.Tanh(), nn.Dropout(0.05), nn.Linear(width, 1))
    return model, nn.MSELoss(), optim.SGD(model.parameters(), lr=lr)


def waves():
    x = np.linspace(-1, 1, 96).reshape(-1, 1)
    y = np.sin(3 * x)
    return (x[::2], y[::2]), (x[1::2], y[1::2])


def test_a_training_is_an_objective_that_repeats_itself():
    objective = train.TrainingObjective(build, *waves(), epochs=4)
    space = {"lr": train.LogUniform(1e-3, 1e3), "width": train.Integer(2, 16), "batch_size": [8, 48]}
    result = search(objective, space, trials=10)
    assert 0.005 < result.config["lr"] < 2
    stopped = [trial for trial in result.trials if trial.stopped is not None]
    assert stopped
    assert min(trial.config["lr"] for trial in stopped) > result.config["lr"]
    for trial in result.trials:
        if trial.stopped is None:
            assert len(trial.reports) == 4
            assert trial.reports[-1] == trial.value
    with joblib.parallel_config("threading", n_jobs=2):
        again = search(objective, space, trials=10)
    assert str(again.ranked[0].reports) == str(result.ranked[0].reports)
    trial = train.Trial({"lr": 0.1, "epochs": 2})
    objective(trial)
    assert len(trial.reports) == 2


def test_a_training_that_overflows_is_stopped_without_a_warning():
    objective = train.TrainingObjective(build, *waves(), epochs=20)
    result = search(objective, {"lr": [1e4, 0.1]}, strategy="grid", explode=None)
    assert [trial.stopped is None for trial in result.trials] == [False, True]


def test_the_score_may_be_a_metric():
    images, labels = data.digits.load()
    rows = images.reshape(-1, 64)

    def linear(rng, lr):
        model = nn.Linear(64, 10, rng=rng)
        return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr)

    objective = train.TrainingObjective(
        linear,
        data.TensorDataset(rows[:300], labels[:300]),
        data.TensorDataset(rows[300:500], labels[300:500]),
        epochs=3,
        score="validation accuracy",
        metrics={"accuracy": train.accuracy},
    )
    result = search(objective, {"lr": train.LogUniform(1e-6, 1e-1)}, trials=6, direction="maximize")
    assert result.best.value > 0.8
    assert result.config["lr"] > 1e-4
    with pytest.raises(TypeError, match="a build function gives"):
        train.TrainingObjective(lambda rng, lr: 1, *waves())(train.Trial({"lr": 1}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials is a whole number"),
        ({"direction": "down"}, "direction is 'minimize' or 'maximize'"),
        ({"stages": 0}, "stages is a whole number"),
        ({"shrink": 0}, "shrink is above 0"),
        ({"seed": 0.5}, "seed is a whole number from 0 on, not 0.5"),
        ({"seed": -1}, "seed is a whole number from 0 on, not -1"),
        ({"explode": 1}, "explode is a number above 1"),
        ({"strategy": "genetic"}, "strategy is 'random', 'grid', 'tpe'"),
        ({"pruner": "mean"}, "pruner is 'median', 'hyperband'"),
        ({"space": {}}, "nothing to search in"),
    ],
)
def test_arguments_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        search(**options)


def test_a_notebook_without_widgets_gets_no_warning():
    code = (
        "import sys, types\n"
        "sys.modules['ipykernel.zmqshell'] = types.ModuleType('a notebook')\n"
        "sys.modules['IPython'] = types.SimpleNamespace(get_ipython=lambda: None)\n"
        "sys.modules['ipywidgets'] = None\n"
        "from pullback import train\n"
        "train.search(lambda trial: 0.0, {'x': [1]}, trials=1, progress=False)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == ""


@pytest.mark.parametrize("library", ["optuna", "joblib"])
def test_what_is_missing_is_named(library):
    code = (
        f"import sys; sys.modules['{library}'] = None\n"
        "from pullback import train\n"
        "try:\n    train.search(lambda trial: 0.0, {'x': [1]})\nexcept ImportError as error:\n    print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("the search needs Optuna and joblib")
    assert "pip install 'pullback[search]'" in result.stdout
