"""Drawing tokens and searching sequences, against enumeration of all sequences and loops over single examples."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.nn.models import beam_search, sample_tokens

VOCABULARY, END, LONGEST = 3, 2, 4


def language(seed, vocabulary=VOCABULARY):
    """Logits of a next token that depend on the whole prefix, which is the state."""
    rng = np.random.default_rng(seed)
    table = {}

    def logits_of(prefix):
        if prefix not in table:
            table[prefix] = rng.normal(scale=2.0, size=vocabulary)
        return table[prefix]

    # in a fixed order, so that the table does not depend on what is asked first
    for length in range(1, LONGEST + 2):
        for prefix in itertools.product(range(vocabulary), repeat=length):
            logits_of(prefix)
    return logits_of


def stepping(*languages):
    """A step for a batch of examples, each with a language of its own."""

    def step(tokens, state):
        prefixes = [(*prefix, int(token)) for prefix, token in zip(state["prefix"], tokens, strict=True)]
        logits = np.stack([languages[i](p) for i, p in zip(state["example"].ravel(), prefixes, strict=True)])
        held = np.empty(len(prefixes), object)
        held[:] = prefixes
        weights = np.array([[i, len(p)] for i, p in zip(state["example"].ravel(), prefixes, strict=True)])
        return logits, {"prefix": held, "example": state["example"], "nothing": None}, weights

    held = np.empty(len(languages), object)
    held[:] = [()] * len(languages)
    return step, {"prefix": held, "example": np.arange(len(languages))[:, None], "nothing": None}


def searched(languages, width, length_penalty=1.0, start=None):
    step, state = stepping(*languages)
    first = np.zeros(len(languages), int) if start is None else start
    return beam_search(
        step, state, first, end=END, max_length=LONGEST, width=width, length_penalty=length_penalty
    )


def every(logits_of, length_penalty):
    """All sequences with their scores, by enumeration: ended ones, and those that are cut off."""
    found = {}
    for length in range(1, LONGEST + 1):
        for tokens in itertools.product(range(VOCABULARY), repeat=length):
            ended = tokens[-1] == END
            if END in tokens[:-1] or not (ended or length == LONGEST):
                continue
            total = 0.0
            for i, token in enumerate(tokens):
                logits = logits_of((0, *tokens[:i]))
                total += logits[token] - np.log(np.exp(logits).sum())
            found[tokens[:-1] if ended else tokens, ended] = total, total / length**length_penalty
    return found


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.6, 1.0, 2.0]))
@settings(max_examples=25, deadline=None)
def test_a_beam_of_full_width_is_exhaustive_search(seed, length_penalty):
    logits_of = language(seed)
    (found,) = searched([logits_of], VOCABULARY**LONGEST, length_penalty)
    expected = every(logits_of, length_penalty)
    assert {(one.tokens, one.ended) for one in found} == set(expected)
    assert len(found) == len(expected)
    for one in found:
        total, score = expected[one.tokens, one.ended]
        assert one.log_probability == pytest.approx(total, abs=1e-9)
        assert one.score == pytest.approx(score, abs=1e-9)
    ranked = sorted((score for _, score in expected.values()), reverse=True)
    assert [one.score for one in found] == pytest.approx(ranked)
    assert sum(np.exp(one.log_probability) for one in found) == pytest.approx(1.0)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_beam_of_one_is_greedy_search(seed):
    logits_of = language(seed)
    tokens, prefix = [], (0,)
    while len(tokens) < LONGEST and (not tokens or tokens[-1] != END):
        tokens.append(int(np.argmax(logits_of(prefix))))
        prefix = (*prefix, tokens[-1])
    ended = tokens[-1] == END
    ((best,),) = searched([logits_of], 1)
    assert best.tokens == tuple(tokens[:-1] if ended else tokens)
    assert best.ended == ended


@given(st.integers(0, 10**6), st.integers(1, 6))
@settings(max_examples=15, deadline=None)
def test_examples_of_a_batch_do_not_touch_each_other(seed, width):
    languages = [language(seed + i) for i in range(3)]
    together = searched(languages, width, start=np.array([0, 1, 0]))
    for i, logits_of in enumerate(languages):
        (alone,) = searched([logits_of], width, start=np.array([i % 2]))
        assert [one[:4] for one in alone] == [one[:4] for one in together[i]]
        for one in together[i]:
            steps = len(one.tokens) + one.ended
            np.testing.assert_array_equal(one.weights, [[i, k + 1] for k in range(steps)])


def test_a_wider_beam_finds_what_greed_misses():
    chain = np.log([[0.1, 0.6, 0.3], [0.5, 0.1, 0.4], [0.4, 0.1, 0.5]])

    def step(tokens, state):
        return pb.asarray(chain[tokens]), state, None

    narrow, wide = (
        beam_search(step, None, [0], end=2, max_length=3, width=w, length_penalty=0.0)[0][0] for w in (1, 2)
    )
    assert narrow.tokens == (1, 0, 1)
    assert not narrow.ended
    assert wide.tokens == ()
    assert wide.ended
    assert wide.weights is None


def test_equal_tokens_are_taken_in_order_and_impossible_ones_never():
    def step(tokens, state):
        return np.tile([-np.inf, 0.0, 0.0, -np.inf], (len(tokens), 1)), state, None

    (found,) = beam_search(step, None, [0], end=3, max_length=2, width=9)
    assert [one.tokens for one in found] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_searches_that_make_no_sense_are_refused():
    step = lambda tokens, state: (np.zeros((len(tokens), 3)), state, None)
    assert beam_search(step, None, np.zeros(0, int), end=2, max_length=3) == []
    for options, words in (
        ({"max_length": 0}, "max_length"),
        ({"max_length": 2, "width": 0}, "width"),
        ({"max_length": 2, "end": -1}, "end"),
        ({"max_length": 2, "length_penalty": -1.0}, "length_penalty"),
        ({"max_length": 2, "length_penalty": np.nan}, "length_penalty"),
    ):
        with pytest.raises(ValueError, match=words):
            beam_search(step, None, [0], **{"end": 2, **options})
    with pytest.raises(ValueError, match="one whole number for each"):
        beam_search(step, None, 0, end=2, max_length=3)
    with pytest.raises(ValueError, match=r"shape \(2, vocab_size\)"):
        beam_search(lambda t, s: (np.zeros(3), s, None), None, [0, 0], end=2, max_length=3)
    with pytest.raises(ValueError, match="nan among"):
        beam_search(lambda t, s: (np.full((1, 3), np.nan), s, None), None, [0], end=2, max_length=3)
    with pytest.raises(ValueError, match="no token is possible"):
        beam_search(lambda t, s: (np.full((1, 3), -np.inf), s, None), None, [0], end=2, max_length=3)


# drawing


def shares(drawn, size):
    return np.bincount(drawn, minlength=size) / len(drawn)


def test_tokens_are_drawn_from_the_softmax():
    rng = np.random.default_rng(0)
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    rows = np.tile(logits, (20000, 1))
    np.testing.assert_allclose(shares(sample_tokens(rows, rng=rng), 4), [0.5, 0.3, 0.15, 0.05], atol=0.015)
    hot = np.array([0.5, 0.3, 0.15, 0.05]) ** 0.5
    np.testing.assert_allclose(shares(sample_tokens(rows, 2.0, rng=rng), 4), hot / hot.sum(), atol=0.015)
    two = sample_tokens(rows, top_k=2, rng=rng)
    np.testing.assert_allclose(shares(two, 4), [0.625, 0.375, 0, 0], atol=0.015)
    three = sample_tokens(rows, top_p=0.9, rng=rng)  # 0.5 + 0.3 are too few, with 0.15 it is enough
    np.testing.assert_allclose(shares(three, 4), np.array([50, 30, 15, 0]) / 95, atol=0.015)


def test_the_likeliest_is_drawn_where_nothing_else_is_left():
    logits = pb.tensor(np.random.default_rng(0).normal(size=(4, 5, 7)), requires_grad=True)
    best = logits.detach().numpy().argmax(axis=-1)
    for options in (
        {"temperature": 0},
        {"top_k": 1},
        {"top_p": 1e-9},
        {"temperature": 1e-6},
        {"temperature": 5e-324},
    ):
        drawn = sample_tokens(logits, **options)
        assert drawn.dtype == np.int64
        np.testing.assert_array_equal(drawn, best)
    hot = sample_tokens(np.tile([0.0, 5.0, -np.inf], (100, 1)), np.inf, rng=np.random.default_rng(0))
    assert set(hot.tolist()) == {0, 1}
    ties = np.zeros((50, 4))
    assert set(sample_tokens(ties, top_k=2, rng=np.random.default_rng(0)).tolist()) == {0, 1}
    assert sample_tokens([0.0, 5.0], temperature=0).shape == ()


def test_what_cannot_be_drawn_is_refused():
    for options, words in (
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
    ):
        with pytest.raises(ValueError, match=words):
            sample_tokens([1.0, 2.0], **options)
    for row in ([np.nan, 0.0], [-np.inf, -np.inf], [np.inf, 0.0]):
        with pytest.raises(ValueError, match="finite maximum"):
            sample_tokens(row)
    with pytest.raises(ValueError, match="vocab_size"):
        sample_tokens(np.zeros((2, 0)))
