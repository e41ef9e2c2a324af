"""Workers inside this process: order, randomness, errors, and that none is left."""

import gc
import multiprocessing
import os
import sys
import threading

import numpy as np
import pytest

import pullback as pb
from pullback import data

MODULE = """
import os, signal, time
import numpy as np
import pullback as pb
from pullback import data


class Noisy(data.Dataset):
    def __init__(self, size=9):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index, pb.default_generator().random(2), {"pid": os.getpid()}


class Broken(Noisy):
    def __getitem__(self, index):
        if index == 5:
            raise KeyError("no such file")
        return index


class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


class Unreadable(Noisy):
    def __getitem__(self, index):
        raise Odd("this", "that")


class Graph(Noisy):
    def __getitem__(self, index):
        return pb.tensor([1.0], requires_grad=True) * 2


class Killed(Noisy):
    def __getitem__(self, index):
        if index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


class Leaving(Noisy):
    def __getitem__(self, index):
        if index == 3:
            os._exit(7)
        return index


class Slow(Noisy):
    def __getitem__(self, index):
        if index:
            time.sleep(600)
        return index


class Trap:
    def __reduce__(self):
        return exploding, ()


def exploding():
    raise ImportError("No module named 'notebook'")


def big(samples):
    return np.full((600, 600), float(sum(index for index, *_ in samples)))
"""


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A module that worker processes can import; they get this process's path."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "worker_sets.py").write_text(MODULE, encoding="utf-8")
    sys.path.insert(0, str(folder))
    import worker_sets

    yield worker_sets
    sys.path.remove(str(folder))
    del sys.modules["worker_sets"]


def worker_threads():
    """Those of loaders; the threads of compiled kernels wait for more work."""
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("pullback")]
    return [thread for thread in ours if thread.name != "pullback kernel"]


@pytest.fixture(autouse=True)
def no_workers_are_left():
    yield
    assert multiprocessing.active_children() == []
    assert worker_threads() == []


def plain(batches):
    return [(numbers.tolist(), noise.tolist()) for numbers, noise, _ in batches]


def test_any_number_of_workers_gives_the_same(sets):
    epochs = {}
    for name, workers in {
        "none": {},
        "one thread": {"num_workers": 1},
        "threads": {"num_workers": 3, "prefetch_factor": 1},
        "kept threads": {"num_workers": 2, "persistent_workers": True},
        "processes": {"num_workers": 2, "workers": "process", "persistent_workers": True},
    }.items():
        loader = data.DataLoader(sets.Noisy(), 2, True, rng=np.random.default_rng(0), **workers)
        first, second = list(loader), list(loader)
        epochs[name] = plain(first), plain(second)
        assert first[0][1].dtype == np.float32
        makers = {pid for batch in first + second for pid in batch[2]["pid"].tolist()}
        assert (os.getpid() in makers) == (name != "processes")
        assert len(makers) == (2 if name == "processes" else 1), "kept from one epoch to the next"
        del loader
    assert epochs["none"][0] != epochs["none"][1]
    assert all(given == epochs["none"] for given in epochs.values())


def test_batches_of_processes_can_be_written_and_hold_what_was_sent(sets):
    pb.set_default_dtype("float64")
    try:
        loader = data.DataLoader(
            sets.Noisy(8), 2, num_workers=2, workers="process", prefetch_factor=3, collate_fn=sets.big
        )
        for expected, batch in zip([1.0, 5.0, 9.0, 13.0], loader, strict=True):
            assert batch.shape == (600, 600)
            assert (batch == expected).all()
            batch += 1
        (noise,) = {b[1].dtype.name for b in data.DataLoader(sets.Noisy(2), num_workers=1, workers="process")}
        assert noise == "float64", "the default dtype goes with the job"
    finally:
        pb.set_default_dtype("float32")


@pytest.mark.parametrize("workers", ["thread", "process"])
def test_an_error_comes_when_its_batch_is_due_with_its_traceback(sets, workers):
    given = []
    loader = data.DataLoader(sets.Broken(), 2, num_workers=2, workers=workers)
    with pytest.raises(KeyError, match="no such file") as caught:
        given.extend(batch.tolist() for batch in loader)
    assert given == [[0, 1], [2, 3]]
    notes = "\n".join(caught.value.__notes__)
    assert "sample 5 of Broken was being read" in notes
    assert "batch 2 of the epoch was being made, of the samples 4, 5" in notes
    if workers == "process":
        assert "worker_sets.py" in notes
        assert 'raise KeyError("no such file")' in notes
        assert "pullback-loader-0 (process" in notes
    else:
        assert any("worker_sets" in str(entry.path) for entry in caught.traceback)


def test_errors_of_processes_that_cannot_be_sent_are_told(sets):
    loader = data.DataLoader(sets.Unreadable(), num_workers=1, workers="process")
    with pytest.raises(RuntimeError, match="Odd: this and that") as caught:
        next(iter(loader))
    assert 'raise Odd("this", "that")' in "\n".join(caught.value.__notes__)
    loader = data.DataLoader(sets.Graph(), num_workers=1, workers="process")
    with pytest.raises(RuntimeError, match="only leaves can be pickled") as caught:
        next(iter(loader))
    assert "the batch cannot be sent from a worker process" in "\n".join(caught.value.__notes__)


def test_what_cannot_be_pickled_is_refused_before_a_process_starts():
    dataset = data.TensorDataset(np.arange(3))
    loader = data.DataLoader(dataset, num_workers=1, workers="process", collate_fn=lambda samples: samples)
    with pytest.raises(TypeError, match=r"collate_fn cannot be sent to worker processes.*no lambda"):
        next(iter(loader))
    mapped = data.MapDataset(dataset, lambda sample: sample)
    with pytest.raises(TypeError, match=r"the data set cannot be sent to worker processes.*workers='thread'"):
        next(iter(data.DataLoader(mapped, num_workers=1, workers="process")))
    assert len(list(data.DataLoader(mapped, num_workers=1))) == 3


def test_what_a_process_cannot_import_is_explained(sets):
    loader = data.DataLoader([sets.Trap()], num_workers=1, workers="process")
    with pytest.raises(ImportError, match="No module named 'notebook'") as caught:
        next(iter(loader))
    assert "define it in a module, and not in a notebook" in "\n".join(caught.value.__notes__)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("Killed", "which was to make batch 2, was killed by SIGKILL; .*fewer workers, smaller batches"),
        ("Leaving", "which was to make batch 1, ended by itself with exit code 7"),
    ],
)
def test_a_worker_that_dies_is_an_error_and_not_a_wait(sets, kind, message):
    given = []
    loader = data.DataLoader(getattr(sets, kind)(), 2, num_workers=2, workers="process", prefetch_factor=1)
    with pytest.raises(RuntimeError, match=message):
        given.extend(batch.tolist() for batch in loader)
    assert given == [[0, 1], [2, 3]][: len(given)]
    assert given


def test_leaving_early_sends_the_workers_home(sets):
    for workers in ({"num_workers": 2}, {"num_workers": 1, "workers": "process"}):
        for _ in data.DataLoader(sets.Noisy(), 2, **workers, persistent_workers=True):
            break
        assert multiprocessing.active_children() == []
    iterator = iter(data.DataLoader(sets.Noisy(), 2, num_workers=1, workers="process"))
    next(iterator)
    assert len(multiprocessing.active_children()) == 1
    del iterator
    gc.collect()
    assert multiprocessing.active_children() == []


def test_a_worker_that_takes_too_long_is_ended(sets, monkeypatch):
    monkeypatch.setattr("pullback.data.workers.processes.GRACE", 0.2)
    iterator = iter(data.DataLoader(sets.Slow(), num_workers=1, workers="process"))
    next(iterator)
    iterator.close()
    assert multiprocessing.active_children() == []


def test_kept_workers_end_with_their_loader(sets):
    loader = data.DataLoader(sets.Noisy(), 4, num_workers=2, workers="process", persistent_workers=True)
    assert len(list(loader)) == 3
    assert len(multiprocessing.active_children()) == 2
    one, two = iter(loader), iter(loader)
    assert plain(one)[-1][0] == plain(two)[-1][0] == [8], "a second iteration has workers of its own"
    assert len(multiprocessing.active_children()) == 2
    assert len(list(__import__("copy").deepcopy(loader))) == 3
    del loader, one, two
    gc.collect()


def test_threads_are_collected_from_inside():
    """The garbage collector may find a forgotten iteration while it runs in one of its own threads."""
    step = threading.Event()

    class Collecting(data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index:
                step.wait()
                gc.collect()
            return index

    gc.disable()
    try:
        iterator = iter(data.DataLoader(Collecting(), num_workers=1, prefetch_factor=1))
        next(iterator)
        circle = [iterator]
        circle.append(circle)
        del iterator, circle
        step.set()
        for thread in worker_threads():
            thread.join(60)
    finally:
        gc.enable()
    gc.collect()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_error_of_the_sampler_comes_after_the_batches_before_it(workers):
    def batches():
        yield [0, 1]
        yield [2]
        raise OSError("the sampler failed")

    given = []
    loader = data.DataLoader(range(9), batch_sampler=batches(), num_workers=workers)
    with pytest.raises(OSError, match="the sampler failed"):
        given.extend(batch.tolist() for batch in loader)
    assert given == [[0, 1], [2]]


def test_the_next_batch_is_made_while_one_is_used():
    begun = threading.Event()

    class Told(data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 1:
                begun.set()
            return index

    iterator = iter(data.DataLoader(Told(), num_workers=1, prefetch_factor=1))
    next(iterator)
    assert begun.wait(60)
    iterator.close()


def test_few_batches_are_made_ahead():
    asked = []

    class Counted(data.Dataset):
        def __len__(self):
            return 100

        def __getitem__(self, index):
            asked.append(index)
            return index

    iterator = iter(data.DataLoader(Counted(), num_workers=2, prefetch_factor=3))
    assert asked == [], "nothing is read before it is asked for"
    next(iterator)
    iterator.close()
    assert len(asked) <= 7


def test_gradients_are_off_in_threads_where_they_are_off_here():
    class Computed(data.Dataset):
        weight = pb.tensor([2.0], requires_grad=True)

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return self.weight * index

    loader = data.DataLoader(Computed(), 2, num_workers=1)
    assert next(iter(loader)).requires_grad
    with pb.no_grad():
        assert not next(iter(loader)).requires_grad


def test_a_loader_with_workers_goes_on_in_the_middle(sets):
    loader = data.DataLoader(sets.Noisy(20), 2, True, num_workers=3, rng=np.random.default_rng(0))
    iterator = iter(loader)
    for _ in range(4):
        next(iterator)
    state = loader.state_dict()
    assert state["epoch"]["given"] == 4, "and not those that are made already"
    again = data.DataLoader(sets.Noisy(20), 2, True, rng=np.random.default_rng(5))
    again.load_state_dict(state)
    assert plain(again) == plain(iterator)


@pytest.mark.parametrize(
    "arguments", [{"workers": "fork"}, {"prefetch_factor": 0}, {"num_workers": -1}, {"num_workers": 1.5}]
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="workers"):
        data.DataLoader([1], **arguments)
