"""The progress of a training: bars on a terminal, plain lines elsewhere."""

import io
import sys

import numpy as np
import pytest

from pullback import data, nn, optim, train
from pullback.train.callbacks import progress as module


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Stream:
    """A loader that does not know its length."""

    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return iter(self.loader)


def training(loader=None, callbacks=(), **options):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    loader = loader or data.DataLoader(data.TensorDataset(x, np.arange(40) % 3), 10)
    model = nn.Linear(2, 3, rng=rng)
    options = {"epochs": 2, "progress": False, **options}
    return train.fit(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=0.1),
        loader,
        callbacks=callbacks,
        **options,
    ), loader


def test_plain_lines_where_there_is_no_terminal(capsys):
    training(epochs=10, metrics={"accuracy": train.accuracy}, progress=True)
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1/10: loss ")
    assert lines[9].startswith("epoch 10/10: loss ")
    assert "accuracy" in lines[9]
    assert "\r" not in captured.err


def test_silence(capsys):
    training(progress=False)
    assert capsys.readouterr() == ("", "")


class ClosedPipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def closed_file():
    file = Terminal()
    file.close()
    return file


@pytest.mark.parametrize("stream", [ClosedPipe(), closed_file()], ids=["pipe", "file"])
def test_the_training_goes_on_where_nobody_listens(stream):
    history, _ = training(callbacks=[train.Progress(stream)])
    assert len(history) == 2


def test_a_program_without_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    history, _ = training(progress=True)
    assert len(history) == 2


def test_a_bar_on_a_terminal():
    stream = Terminal()
    training(callbacks=[train.Progress(stream)])
    text = stream.getvalue()
    assert "epoch 2/2" in text
    assert "/4" in text
    assert "loss" in text
    assert text.splitlines()[-1].split("\r")[-1].startswith("epoch 2/2: loss ")


def test_a_bar_without_an_end_for_a_loader_without_a_length():
    stream = Terminal()
    training(Stream(training()[1]), callbacks=[train.Progress(stream)])
    assert "4it" in stream.getvalue() or "it/s" in stream.getvalue()


def test_a_long_epoch_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    stream = io.StringIO()
    _, loader = training(callbacks=[train.Progress(stream)], epochs=1)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("epoch 1/1: batch 2/4, loss ")
    stream = io.StringIO()
    training(Stream(loader), callbacks=[train.Progress(stream)], epochs=1)
    assert stream.getvalue().splitlines()[1].startswith("epoch 1/1: batch 2, loss ")


def test_where_a_training_goes_on_is_said(tmp_path):
    class Stop(train.Callback):
        def on_batch_end(self, trainer):
            if trainer.epoch == 2 and trainer.batch == 3:
                trainer.stop("enough")

    stream = io.StringIO()
    training(callbacks=[Stop()], checkpoint=tmp_path)
    training(callbacks=[train.Progress(stream)], checkpoint=tmp_path, resume=True)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "going on in epoch 2, after batch 3"
    assert lines[1].startswith("epoch 2/2: loss")


def test_the_bar_is_taken_away_by_an_error():
    class Broken(train.Callback):
        def on_batch_begin(self, trainer):
            if trainer.batch == 3:
                raise ZeroDivisionError

    progress = train.Progress(Terminal())
    with pytest.raises(ZeroDivisionError):
        training(callbacks=[progress, Broken()])
    assert progress._bar is None
