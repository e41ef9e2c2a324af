"""What runs in a worker process, and the messages that go through its pipe."""

from __future__ import annotations

import pickle
import signal
import threading
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple

from ...autograd import set_default_dtype


class Failure(NamedTuple):
    """An error of a worker, with its traceback as text."""

    exception: bytes | None
    """Pickled, if that is possible."""
    name: str
    message: str
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What can be sent of an error."""
        try:
            content = pickle.dumps(error)
            pickle.loads(content)  # some exceptions can be written and not read
        except Exception:
            content = None
        trace = "".join(traceback.format_exception(error))
        return cls(content, type(error).__qualname__, str(error), trace)

    def error(self, where: str) -> BaseException:
        """The error for raising it here: the same one if it could be sent, with the traceback as a note."""
        try:
            error = RuntimeError(f"{self.name}: {self.message}") if self.exception is None else None
            error = error or pickle.loads(self.exception or b"")
        except Exception:
            error = RuntimeError(f"{self.name}: {self.message}")
        error.add_note(f"it was raised in {where}:\n\n{self.trace}")
        return error


class Answer(NamedTuple):
    """What a worker sends for a job: a batch, or a Failure."""

    content: Any


def work(pipe: Connection, content: bytes, dtype: str) -> None:
    """Make batches until the pipe is closed. Ctrl-C is the main process's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_default_dtype(dtype)
    answers: SimpleQueue[list[Any]] = SimpleQueue()
    # Sending has a thread of its own: the pipe is always read, so that both sides never wait for one another.
    threading.Thread(target=_send_all, args=(pipe, answers), daemon=True).start()
    fetch = _unpickled(content)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        answers.put(_packed(_attempt(fetch, job)))


def _unpickled(content: bytes) -> Any:
    try:
        return pickle.loads(content)
    except Exception as error:
        error.add_note(
            "the data set or collate_fn could not be read in a worker process, which imports what they are made of: "
            "define it in a module, and not in a notebook or in an interactive session, or use workers='thread'"
        )
        return Failure.of(error)


def _attempt(fetch: Any, job: tuple[int, int, Any]) -> Any:
    if isinstance(fetch, Failure):
        return fetch
    try:
        return fetch(*job)
    except BaseException as error:  # also SystemExit: the loader's user has to hear of it
        return Failure.of(error)


def _packed(content: Any) -> list[Any]:
    """The messages of an answer: its structure, and the arrays' memory without a copy."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        head = pickle.dumps(Answer(content), 5, buffer_callback=buffers.append)
    except Exception as error:
        error.add_note(
            "the batch cannot be sent from a worker process; it may hold arrays, tensors without a graph, "
            "strings, and tuples, lists and dicts of them, or use workers='thread'"
        )
        buffers = []
        head = pickle.dumps(Answer(Failure.of(error)), 5)
    parts = [buffer.raw() for buffer in buffers]
    return [pickle.dumps([part.nbytes for part in parts]), head, *parts]


def _send_all(pipe: Connection, answers: SimpleQueue[list[Any]]) -> None:
    while True:
        for message in answers.get():
            try:
                pipe.send_bytes(message)
            except OSError:  # the other side is gone
                return


def receive(pipe: Connection) -> Answer:
    """The next answer of a worker, in memory that can be written."""
    sizes = pickle.loads(pipe.recv_bytes())
    head = pipe.recv_bytes()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        pipe.recv_bytes_into(buffer)
    answer: Answer = pickle.loads(head, buffers=buffers)
    return answer
