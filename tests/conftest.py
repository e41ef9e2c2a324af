"""Shared fixtures: no test may leak global state, and randomness is seeded."""

import numpy as np
import pytest
from hypothesis import settings

import pullback as pb

settings.register_profile("no time limits", deadline=None)  # the machine may have other work
settings.load_profile("no time limits")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1234)


@pytest.fixture(autouse=True)
def no_leaked_state():
    pb.manual_seed(0)
    yield
    assert pb.get_default_dtype() == np.float32, "a test changed the default dtype"
    assert pb.is_grad_enabled(), "a test left no_grad on"
