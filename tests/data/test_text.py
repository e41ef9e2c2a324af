"""Texts: vocabularies, windows, and contiguous batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import data


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(1, 3), st.none() | st.integers(2, 8))
def test_a_vocabulary_knows_what_is_frequent(text, min_count, max_size):
    vocabulary = data.Vocabulary.build(
        text, min_count=min_count, max_size=max_size, specials=["<pad>"], unknown="<unk>"
    )
    assert vocabulary.tokens[:2] == ("<pad>", "<unk>")
    assert max_size is None or len(vocabulary) <= max_size
    counts = [text.count(token) for token in vocabulary.tokens[2:]]
    assert counts == sorted(counts, reverse=True)
    assert all(count >= min_count for count in counts)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int64
    assert vocabulary.decode(ids) == [token if token in vocabulary else "<unk>" for token in text]


@settings(deadline=None)
@given(st.lists(st.text(max_size=4), max_size=9, unique=True), st.data())
def test_a_vocabulary_is_written_and_read(tmp_path_factory, tokens, drawn):
    unknown = drawn.draw(st.none() | st.sampled_from(tokens)) if tokens else None
    vocabulary = data.Vocabulary(tokens, unknown)
    path = tmp_path_factory.getbasetemp() / "vocabulary.json"
    vocabulary.save(path)
    again = data.Vocabulary.load(path)
    assert again == vocabulary
    assert hash(again) == hash(vocabulary)
    assert again.decode(again.encode(tokens)) == tokens


def test_unknown_tokens():
    vocabulary = data.Vocabulary("ab")
    with pytest.raises(ValueError, match="'c', token 2 of the text, is not in the vocabulary"):
        vocabulary.encode("abc")
    with pytest.raises(ValueError, match="'c', token 0"):
        vocabulary["c"]
    assert (vocabulary["b"], "b" in vocabulary, "c" in vocabulary, len(vocabulary)) == (1, True, False, 2)
    assert repr(vocabulary) == "Vocabulary(2 tokens: 'a', 'b')"
    assert vocabulary != "ab"
    with pytest.raises(ValueError, match="no token has the id -1; the ids are 0 to 1"):
        vocabulary.decode([-1])
    with pytest.raises(ValueError, match="no token has the id 2"):
        vocabulary.decode(pb.tensor([2]))
    with pytest.raises(TypeError, match="97 is a int; bytes are decoded first"):
        vocabulary.encode(b"ab")
    with pytest.raises(TypeError, match="flat sequence of integers, not float64"):
        vocabulary.decode([0.5])
    assert vocabulary.decode([]) == []


def test_vocabularies_that_mean_nothing():
    with pytest.raises(ValueError, match="'a' comes twice"):
        data.Vocabulary(["a", "b", "a"])
    with pytest.raises(ValueError, match="'<unk>' is not among the tokens"):
        data.Vocabulary(["a"], "<unk>")
    with pytest.raises(TypeError, match="3 is a int"):
        data.Vocabulary(["a", 3])
    with pytest.raises(ValueError, match="max_size=1 has no room for the 2 special tokens"):
        data.Vocabulary.build("abc", max_size=1, specials=["x"], unknown="y")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"tokens": "ab"}', b'{"tokens": [1]}', b"\xff", b"[" * 100_000]
)
def test_files_that_hold_no_vocabulary(tmp_path, content):
    path = tmp_path / "vocabulary.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no vocabulary") as caught:
        data.Vocabulary.load(path)
    assert str(path) in str(caught.value)


def test_reading_text(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("häuser\r\nbäume\n".encode())
    assert data.read_text(path) == "häuser\nbäume\n"
    path.write_bytes(b"\xef\xbb\xbfabc")
    assert data.read_text(path) == "abc"
    path.write_bytes("\ufeffabc".encode("utf-16-le"))
    assert data.read_text(path, "utf-16-le") == "abc"
    path.write_bytes(b"abc\xff")
    with pytest.raises(ValueError, match="is no utf-8 text: byte 3 invalid start byte"):
        data.read_text(path)


def test_words():
    assert data.words("O'Neil’s well-known Übung: x_1=2.") == [
        "o'neil’s", "well", "-", "known", "übung", ":", "x_1", "=", "2", ".",
    ]  # fmt: skip


@settings(deadline=None)
@given(st.integers(2, 30), st.integers(1, 6), st.integers(1, 4))
def test_windows(size, length, stride):
    ids = np.arange(size) * 10
    if size <= length:
        with pytest.raises(ValueError, match=f"windows of {length} ids, and one more"):
            data.TextWindows(ids, length, stride)
        return
    windows = data.TextWindows(ids, length, stride)
    starts = [start for start in range(0, size, stride) if start + length + 1 <= size]
    assert len(windows) == len(starts)
    for (inputs, targets), start in zip(windows, starts, strict=True):
        assert inputs.tolist() == ids[start : start + length].tolist()
        assert targets.tolist() == ids[start + 1 : start + length + 1].tolist()
    (batch,) = data.DataLoader(windows, len(starts))
    assert batch[1].tolist() == [targets.tolist() for _, targets in windows]
    assert windows[-1][0].tolist() == windows[len(windows) - 1][0].tolist()
    for index in (len(windows), -len(windows) - 1):
        with pytest.raises(IndexError, match="outside of the text"):
            windows[index]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 7))
def test_contiguous_batches_go_on_where_the_last_ended(size, batch_size, steps):
    if size // batch_size < 2:
        with pytest.raises(ValueError, match=r"makes no|nothing to predict"):
            data.ContiguousText(np.arange(size), batch_size, steps)
        return
    text = data.ContiguousText(np.arange(size), batch_size, steps)
    batches = list(data.DataLoader(text, text.batch_size))
    columns = size // batch_size
    assert sum(inputs.shape[1] for inputs, _ in batches) == columns - 1
    whole = np.concatenate([inputs.numpy() for inputs, _ in batches], axis=1)
    targets = np.concatenate([targets.numpy() for _, targets in batches], axis=1)
    assert np.array_equal(whole, data.batchify(np.arange(size), batch_size)[:, :-1])
    assert np.array_equal(targets, whole + 1)
    assert all(inputs.shape == (batch_size, steps) for inputs, _ in batches[:-1])
    with pytest.raises(IndexError, match=f"which has {len(text)}"):
        text[len(text)]


def test_ids_are_ids():
    for make in (lambda ids: data.TextWindows(ids, 2), lambda ids: data.batchify(ids, 1)):
        with pytest.raises(TypeError, match=r"Vocabulary\.encode makes ids"):
            make("some text")
        with pytest.raises(TypeError, match=r"not int64\[2, 2\]"):
            make(np.zeros((2, 2), int))
    assert data.batchify(pb.tensor([1, 2, 3]), 3).shape == (3, 1)
    for length, stride in ((0, 1), (1, 0), (1.5, 1), (True, 1)):
        with pytest.raises(ValueError, match="is a whole number from 1 on"):
            data.TextWindows([1, 2, 3], length, stride)
    with pytest.raises(ValueError, match="steps is a whole number"):
        data.ContiguousText([1, 2, 3], 1, 0)
    with pytest.raises(ValueError, match="batch_size is a whole number"):
        data.batchify([1, 2], 0)
