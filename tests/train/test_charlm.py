"""Character language models: text in pieces, a state that is carried over, and the command, stopped and resumed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim, train
from pullback.__main__ import main
from pullback.train.charlm import CharLMOptions, activations, cross_entropy, run, split, steadiest
from pullback.train.text import Alphabet, Carried, Pieces, read_text

TEXT = "the quick brown fox jumps over the lazy dog; " * 30


def command(*arguments):
    return main(["charlm", *map(str, arguments)])


@pytest.fixture
def fox(tmp_path):
    path = tmp_path / "fox.txt"
    path.write_text(TEXT)
    return path


def test_hello():
    """The smallest example of the notes: h → e, e → l, l → l, l → o."""
    alphabet = Alphabet.of("hello")
    rng = np.random.default_rng(0)
    model = nn.models.CharRNN(len(alphabet), 8, rng=rng)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    pieces = Pieces(alphabet.encode("hello"), 1, 4)
    train.fit(Carried(model), cross_entropy, optimizer, pieces, epochs=100, progress=False)
    assert alphabet.decode(model.generate(alphabet.encode("h"), 4, temperature=0).tolist()) == "ello"
    logits, _ = model(alphabet.encode("hell"))
    p = pb.softmax(logits, axis=-1).numpy()
    assert [alphabet.letters[i] for i in p.argmax(axis=1)] == list("ello")
    assert p.max(axis=1).min() > 0.8  # the second l is told from the first by the state alone


def test_an_alphabet_of_many_letters_keeps_the_frequent_ones():
    text = "aaabbbcd"
    alphabet = Alphabet.of(text, most=3)
    assert alphabet.letters == "ab\ufffd"
    assert alphabet.decode(alphabet.encode("abcz")) == "ab\ufffd\ufffd"
    with pytest.raises(ValueError, match="without 'y', 'z'"):
        Alphabet.of("abc").encode("azyb")
    with pytest.raises(ValueError, match="each of them once"):
        Alphabet("aa")


@pytest.mark.parametrize(
    ("count", "batch", "length"), [(2, 32, 64), (50, 3, 4), (50, 1, 7), (1000, 8, 16), (9, 8, 1)]
)
def test_pieces_follow_one_another_in_each_row(count, batch, length):
    pieces = list(Pieces(np.arange(count), batch, length))
    assert [first for (_, first), _ in pieces] == [True] + [False] * (len(pieces) - 1)
    rows = np.concatenate([tokens.numpy() for (tokens, _), _ in pieces], axis=1)
    following = np.concatenate([target.numpy() for _, target in pieces], axis=1)
    np.testing.assert_array_equal(following, rows + 1)
    np.testing.assert_array_equal(np.diff(rows, axis=1), 1)
    assert len(np.unique(rows)) == rows.size  # no character twice
    assert rows.size > (count - 1) / 2
    assert rows.shape[0] <= batch


def test_pieces_of_nothing_are_refused():
    with pytest.raises(ValueError, match="two characters"):
        Pieces([1], 2, 3)
    with pytest.raises(ValueError, match="at least 1"):
        Pieces([1, 2], 0, 3)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_state_is_carried_over_and_gradients_are_not(cell):
    rng = np.random.default_rng(0)
    model = nn.models.CharRNN(7, 5, cell=cell, rng=rng).double()
    carried = Carried(model)
    tokens = rng.integers(0, 7, (2, 6))
    whole, _ = model(tokens)
    first, second = carried(tokens[:, :3], True), carried(tokens[:, 3:], False)
    np.testing.assert_allclose(first.detach().numpy(), whole.detach().numpy()[:, :3], rtol=1e-12)
    np.testing.assert_allclose(second.detach().numpy(), whole.detach().numpy()[:, 3:], rtol=1e-12)
    carried.zero_grad()
    second.sum().backward()  # of the second piece alone
    truncated = model.rnn.weight_hh_l0.grad.numpy().copy()
    carried.zero_grad()
    model(tokens)[0][:, 3:].sum().backward()
    assert not np.allclose(truncated, model.rnn.weight_hh_l0.grad.numpy())
    carried.zero_grad()
    _, state = model(tokens[:, :3])
    state = tuple(s.detach() for s in state) if cell == "lstm" else state.detach()
    model(tokens[:, 3:], state)[0].sum().backward()
    np.testing.assert_allclose(truncated, model.rnn.weight_hh_l0.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_validation_does_not_disturb_the_state_and_a_state_dict_has_it(cell):
    rng = np.random.default_rng(0)
    carried = Carried(nn.models.CharRNN(7, 5, cell=cell, rng=rng))
    tokens = rng.integers(0, 7, (2, 3))
    carried(tokens, True)
    saved = carried.state_dict()
    carried.eval()
    carried(tokens[:, ::-1].copy(), True)
    carried.train()
    twin = Carried(nn.models.CharRNN(7, 5, cell=cell, rng=rng))
    twin.load_state_dict(saved)
    expected = carried(tokens, False).detach().numpy()
    np.testing.assert_array_equal(twin(tokens, False).detach().numpy(), expected)
    assert not np.allclose(carried(tokens, True).detach().numpy(), expected)


def test_the_last_tenth_of_each_section_is_held_out():
    tokens = np.arange(100_000)
    training, held_out, words = split(tokens)
    assert sorted([*training, *held_out]) == tokens.tolist()
    assert len(held_out) == 10_000
    assert held_out[0] == 18_000
    assert "10,000 characters" in words
    assert split(np.arange(50))[1].tolist() == list(range(50))


def test_units_that_remember_are_found():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 6))
    values[:, 4] = np.sign(np.sin(np.arange(200) / 15))
    assert steadiest(values) == 4
    assert steadiest(values[:1]) == 0
    assert activations(nn.models.CharRNN(5, 3), np.array([1, 2, 0, 4])).shape == (4, 3)


def test_the_standard_library_is_a_corpus():
    text, name = read_text(None)
    assert len(text) > 1_000_000
    assert "modules of Python's standard library" in name
    assert "def " in text


def test_a_run_learns_and_says_what(fox, tmp_path, capsys):
    options = CharLMOptions(
        fox, tmp_path / "out", epochs=30, hidden=32, batch=4, length=30, lr=0.01, sample=20
    )
    result = run(options)
    assert result.perplexity < 3
    assert len(result.text) == 20
    shown = capsys.readouterr().out
    assert "1,350 characters, 28 different ones" in shown
    assert f"perplexity {result.perplexity:.3f} on" in shown
    assert result.model.exists()
    assert (tmp_path / "out" / "unit.svg").read_text().startswith("<?xml")


def files_of(folder):
    return (folder / "model.safetensors").read_bytes()


def test_the_command_repeats_itself_and_goes_on_exactly(fox, tmp_path, capsys):
    small = [fox, "--batch", 4, "--length", 16, "--sample", 30, "--seed", 3]
    form = ["--hidden", 8]
    assert command(*small, *form, "--epochs", 4, "--out", tmp_path / "a") == 0
    first = capsys.readouterr()
    assert first.err.count("/4: loss") == 4
    assert command(*small, *form, "--epochs", 2, "--out", tmp_path / "b") == 0
    capsys.readouterr()
    assert command(*small, *form, "--epochs", 4, "--out", tmp_path / "b") == 2
    assert "--resume goes on with it, --fresh removes it" in capsys.readouterr().err
    assert command(*small, "--epochs", 4, "--resume", "--out", tmp_path / "b") == 0  # the form is known
    rest = capsys.readouterr()
    assert rest.err.count("/4: loss") == 2
    assert rest.out.replace(str(tmp_path / "b"), "") == first.out.replace(str(tmp_path / "a"), "")
    assert files_of(tmp_path / "b") == files_of(tmp_path / "a")
    assert command(*small, "--resume", "--hidden", 9, "--out", tmp_path / "b") == 2
    assert "hidden 8" in capsys.readouterr().err
    options = ("--epochs", 4, "--fresh", "--temperature", 0, "--top-k", 3)
    assert command(*small, *form, *options, "--out", tmp_path / "b") == 0
    assert files_of(tmp_path / "b") == files_of(tmp_path / "a")


@pytest.mark.parametrize("mistake", [("--prime", "é"), ("--unit", 8), ("--resume",)])
def test_a_mistake_loses_no_earlier_training(fox, tmp_path, capsys, mistake):
    small = [fox, "--out", tmp_path / "out", "--hidden", 8, "--sample", 0, "--epochs"]
    assert command(*small, 1) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    try:
        status = command(*small, 2, "--fresh", *mistake)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\xff", b"[]", b"{}", b'{"letters": "aa"}', b'{"letters": 3}']
)
def test_a_training_whose_form_is_lost_is_not_guessed_at(fox, tmp_path, capsys, content):
    small = [fox, "--out", tmp_path, "--hidden", 8, "--sample", 0, "--epochs"]
    assert command(*small, 1) == 0
    path = tmp_path / "charlm.json"
    path.unlink() if content is None else path.write_bytes(content)
    capsys.readouterr()
    assert command(*small, 2, "--resume") == 2
    error = capsys.readouterr().err
    assert "charlm.json is not what tells of which form the model" in error
    assert len(error.splitlines()) == 1
    assert command(*small, 2, "--fresh") == 0


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_loses_nothing(fox, tmp_path):
    small = [fox, "--hidden", 8, "--batch", 1, "--length", 10, "--sample", 5, "--epochs", 4]
    assert command(*small, "--out", tmp_path / "a") == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "pullback", "charlm", *map(str, small), "--out", str(tmp_path / "b")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stderr.readline()  # the first epoch is done, or under way
        assert line.startswith("epoch 1/4"), line
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    if process.returncode != 0:  # else it was faster than the signal
        assert process.returncode == 130
        assert "Traceback" not in errors
        assert errors.rstrip().endswith("; --resume goes on from there")
    assert command(*small, "--resume", "--out", tmp_path / "b") == 0
    assert files_of(tmp_path / "b") == files_of(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, (), "No such file"),
        (b"", (), "has 0 characters"),
        (b"x", (), "has 1 characters"),
        (b"\xff\xfe\x00", (), "no text in UTF-8"),
        (b"hello", ("--prime", "hej"), "without 'j'"),
        (b"hello", ("--unit", "8", "--hidden", "8"), "units are 0 to 7"),
        (b"hello", ("--out", "text.txt"), "is a file"),
        (b"hello", ("--temperature", "-1"), "not a number from 0 on"),
        (b"hello", ("--hidden", "0"), "not a positive number"),
        (b"hello", ("--epochs", "two"), "argument --epochs: invalid whole number value: 'two'"),
        (b"hello", ("--lr", "low"), "argument --lr: invalid number value: 'low'"),
        (b"hello", ("--resume", "--fresh"), "not allowed with"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    try:
        status = command("text.txt", *arguments)
    except SystemExit as stop:  # argparse's way
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "pullback-charlm" / "checkpoints").exists()


@pytest.mark.parametrize("content", ["ab", "aaaaaaa", "日本語のテキスト\n" * 30, "\x00\x01\t\r\n" * 80])
def test_odd_texts_are_texts(tmp_path, content):
    path = tmp_path / "text.txt"
    path.write_bytes(content.encode())
    result = run(CharLMOptions(path, tmp_path / "out", epochs=1, hidden=4, sample=3))
    assert np.isfinite(result.perplexity)
    assert len(result.text) == 3
