"""Learning-rate schedules as a figure."""

import numpy as np
import pytest

import pullback as pb
from pullback import optim, viz
from pullback.optim import lr_scheduler, schedules
from pullback.viz.figures import sample


def test_the_data_is_what_the_schedules_say():
    cosine, one = schedules.Cosine(10, lr=0.1), schedules.OneCycle(0.5, 30)
    data = sample({"cosine": cosine, "one": one, "own": lambda t: 1 / (1 + t)}, 25)
    assert data.steps.tolist() == list(range(25))
    assert data.rates["cosine"].tolist() == [cosine(t) for t in range(25)]
    assert data.rates["own"].tolist() == [1 / (1 + t) for t in range(25)]
    assert list(data.momenta) == ["one"]
    assert data.momenta["one"].tolist() == [one.momentum(t) for t in range(25)]


def test_a_scheduler_of_several_groups_gives_several_lines():
    leaves = [pb.tensor(1.0, requires_grad=True) for _ in range(2)]
    optimizer = optim.SGD([{"params": leaves[:1]}, {"params": leaves[1:], "lr": 0.5}], lr=0.1)
    data = sample({"step": lr_scheduler.StepLR(optimizer, 2)}, 3)
    assert {name: values.tolist() for name, values in data.rates.items()} == {
        "step, group 0": pytest.approx([0.1, 0.1, 0.01]),
        "step, group 1": pytest.approx([0.5, 0.5, 0.05]),
    }
    alone = lr_scheduler.StepLR(optim.SGD([pb.tensor(1.0, requires_grad=True)], lr=0.1), 2)
    assert list(sample(alone, 3).rates) == ["StepLR"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("log", [False, True])
def test_the_figure_shows_the_data(theme, log):
    pytest.importorskip("matplotlib")
    named = {"cyclic": schedules.Cyclic(0.1, 0.2, 5), "decay": schedules.Exponential(0.9)}
    figure, data = viz.schedule(named, 20, log=log, theme=theme)
    rates, momenta = figure.axes
    assert {line.get_label(): list(line.get_ydata()) for line in rates.get_lines()} == {
        name: list(values) for name, values in data.rates.items()
    }
    np.testing.assert_array_equal(momenta.get_lines()[0].get_ydata(), data.momenta["cyclic"])
    assert momenta.get_lines()[0].get_color() == rates.get_lines()[0].get_color()
    assert rates.get_yscale() == ("log" if log else "linear")
    assert len(viz.schedule(lambda t: 0.1 * t, 5).figure.axes) == 1


@pytest.mark.parametrize(
    ("given", "steps", "error", "message"),
    [
        ({}, 10, ValueError, "no schedule to draw"),
        ({"a": 0.1}, 10, TypeError, "'a' is a float"),
        (0.1, 10, TypeError, "a schedule is a function of the step"),
        (lambda t: t, 1, ValueError, "steps is a whole number from 2 on, not 1"),
    ],
)
def test_what_cannot_be_drawn(given, steps, error, message):
    with pytest.raises(error, match=message):
        sample(given, steps)
