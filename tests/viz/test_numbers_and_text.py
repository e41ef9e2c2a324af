"""Numbers in few characters, and texts measured, cut and cleaned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.viz.glyphs import clean, fit, subscripted, text_width
from pullback.viz.numbers import (
    GradientState,
    bad_numbers,
    exact,
    gradient_state,
    in_bytes,
    norm,
    number,
    numbers,
)
from pullback.viz.shapes import parameter_text
from pullback.viz.summary import _known, bad_in, described, histogram, norm_of, spread, summary


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-2.0, "−2.00"),
        (0.39322, "0.39"),
        (-0.1, "−0.10"),
        (0.0123456, "0.0123"),
        (1.2e-5, "1.2e−5"),
        (-3.14159e-12, "−3.14e−12"),
        (999.994, "999.99"),
        (1797.4, "1797"),
        (123456.0, "123456"),
        (1.5e9, "1.5e9"),
        (float("nan"), "nan"),
        (float("-inf"), "−inf"),
        (np.float32(0.1), "0.10"),
        (5e-324, "4.94e−324"),
        (np.int64(-7), "−7"),
        (True, "True"),
        (1 - 2j, "1.00−2.00i"),
        (10**30, "1e30"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_only_zero_looks_like_zero():
    rng = np.random.default_rng(0)
    for value in np.exp(rng.uniform(-740, 700, 2000)):
        text = number(value)
        assert text.strip("0.") != ""
        assert float(text.replace("−", "-")) == pytest.approx(value, rel=0.05)


def test_exact_numbers_tell_float32_from_float64():
    assert exact(np.float32(0.1)) == "0.1"
    assert exact(-1.0) == "−1"


def test_small_arrays_are_nested():
    assert numbers(np.array([[1.0, 0.0], [0.5, -2.0]])) == "[[1.00, 0], [0.50, −2.00]]"
    assert numbers(np.array(3)) == "3"


def test_norm_neither_overflows_nor_underflows():
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert norm(np.array([3e-200, 4e-200])) == pytest.approx(5e-200)
    assert norm(np.array([3 + 4j])) == pytest.approx(5.0)
    assert norm(np.zeros((0, 3))) == 0.0


def test_bad_numbers_are_counted():
    assert bad_numbers(np.array(np.nan)) == "nan"
    assert bad_numbers(np.array([np.nan, 1.0, np.inf, -np.inf])) == "1 nan, 2 inf of 4"


def test_large_arrays_are_described_by_range_mean_and_norm():
    assert described([np.arange(8.0)]) == "from 0 to 7, mean 3.50, norm 11.83"
    assert described([np.array([np.nan] * 7)]) == "7 nan of 7 not finite"
    assert described([np.zeros((0, 2))]) == "empty"
    assert described([np.full(7, 1e308)]).startswith("from 1e+308 to 1e+308")
    assert described([np.array([0, 1, 2, 3, 4, 5, 2**63 - 1])]).startswith(
        "from 0 to 9223372036854775807, mean"
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_several_arrays_are_summed_up_as_one(data):
    numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)
    parts = [np.array(data.draw(st.lists(numbers, min_size=1, max_size=9)), np.float32) for _ in range(3)]
    together, one = summary(parts), summary([np.concatenate(parts)])
    assert together[:3] == one[:3]
    assert together.finite == one.finite
    np.testing.assert_allclose(together[3:5], one[3:5])
    np.testing.assert_allclose(together.norm, one.norm, rtol=1e-6)
    if one.finite:
        finite = np.concatenate(parts).astype(np.float64)
        finite = finite[np.isfinite(finite)]
        for known in (together, one):
            np.testing.assert_allclose(known.mean, finite.mean(), rtol=1e-6, atol=1e-6 * abs(finite).max())
        np.testing.assert_allclose(one.norm, norm(finite), rtol=1e-6)
        assert histogram(together, 8) == histogram(one, 8)
        assert max(histogram(one, 8), default=1.0) == 1.0


def test_a_summary_of_a_large_array_is_kept_as_long_as_the_array_and_is_that_of_all_of_it():
    array = np.linspace(-1, 3, 300_001)
    known = summary([array])
    assert summary([array]) is known
    assert (known.low, known.high) == (-1, 3)
    assert known.mean == pytest.approx(1)
    assert known.norm == pytest.approx(np.linalg.norm(array))
    before = len(_known)
    del array
    assert len(_known) == before - 1
    assert len(known.sample) <= 4096
    assert min(histogram(known, 16)) > 0.9  # spread evenly


def test_spread_of_numbers():
    assert spread(summary([np.arange(8.0)])) == "0 … 7.00, mean 3.50"
    assert spread(summary([np.full(9, 2.0)])) == "all 2.00"
    assert spread(summary([np.full(9, np.nan)])) == ""
    assert histogram(summary([np.full(9, 2.0)]), 4) == ()
    assert histogram(summary([np.arange(8)]), 4) == (1, 1, 1, 1)
    assert norm_of([np.array([3.0]), np.array([4.0])]) == 5
    assert norm_of([np.array([3 + 4j])]) == 5
    assert bad_in([np.array([np.nan, 1]), np.array([np.inf, 1])]) == "1 nan, 1 inf of 4"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_500_000, "2.5 MB"), (3 * 10**12, "3000 GB")],
)
def test_bytes(size, text):
    assert in_bytes(size) == text


def test_states():
    assert gradient_state(None, True) is GradientState.NOT_COMPUTED
    assert gradient_state(None, False) is GradientState.NOT_REQUIRED
    assert gradient_state(np.zeros(3), True) is GradientState.ZERO
    assert gradient_state(np.array([0, 1e-300]), True) is GradientState.NUMBER
    assert gradient_state(np.array([0, np.inf]), True) is GradientState.NOT_FINITE


def test_clean_drops_what_xml_forbids():
    assert clean("a\x00b\x1bc\ud800d\u202ee\ufffff\nline\ttab") == "abcdef line tab"


def test_fit_never_exceeds_its_limit():
    for text in ("short", "W" * 100, "iiiiiiii" * 30, "名前" * 40, ""):
        assert text_width(fit(text, 12, 80), 12) <= 80
    assert fit("short", 12, 80) == "short"
    assert fit("W" * 100, 12, 80).endswith("…")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("w0", "w₀"), ("x_12", "x₁₂"), ("layer1", "layer1"), ("0.weight", "0.weight"), ("σ2", "σ₂")],
)
def test_subscripts(name, shown):
    assert subscripted(name) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        ((1, 2), "(1, 2)"),
        ((3,), "(3,)"),
        (((0, 0), (1, 1)), "((0, 0), (1, 1))"),
        (slice(None), ":"),
        ((slice(1, None), ..., None), "(1:, ..., None)"),
        (slice(None, None, -1), "::-1"),
        ([1, "a"], "[1, 'a']"),
        (object(), "<object>"),
        ((1, object()), "<tuple>"),
    ],
)
def test_parameters_are_written_as_in_a_call(value, text):
    assert parameter_text({"p": value}) == f"p={text}"
