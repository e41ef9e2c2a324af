"""The doctor on a collection of set-ups: what is broken is recognised, and what is healthy raises no alarm.

Every set-up is a function of a generator and a width. Thresholds were chosen on the seeds 0 to 3 and the widths 16 and
32; the tests run on others. The set-ups of `doctor_afterwards` were written when the thresholds had been chosen.
"""

import doctor_afterwards
import doctor_broken
import doctor_healthy
import numpy as np
import pytest
from doctor_parts import BROKEN, HEALTHY

import pullback as pb
from pullback import train

HELD_OUT = [(101, 24), (102, 40)]
AFTERWARDS = [(103, 20)]  # they are many, so that one has to be enough


def places(make):
    return AFTERWARDS if make.__module__ == doctor_afterwards.__name__ else HELD_OUT


def examine(make, seed, width):
    rng = np.random.default_rng((seed, width))
    pb.manual_seed(seed)
    return train.preflight(**make(rng, width))


@pytest.mark.parametrize("name", HEALTHY)
def test_no_alarm_on_what_is_healthy(name):
    for seed, width in places(HEALTHY[name]):
        report = examine(HEALTHY[name], seed, width)
        assert report.ok, f"seed {seed}, width {width}:\n{report}"


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_recognised(name):
    make, expected = BROKEN[name]
    for seed, width in places(make):
        report = examine(make, seed, width)
        alarms = {finding.check for finding in (*report.problems, *report.warnings)}
        assert alarms & expected, f"seed {seed}, width {width}:\n{report}"


def test_the_collection_is_large_enough():
    assert len([make for make, _ in BROKEN.values() if make.__module__ == doctor_broken.__name__]) >= 20
    assert len([make for make in HEALTHY.values() if make.__module__ == doctor_healthy.__name__]) >= 10
