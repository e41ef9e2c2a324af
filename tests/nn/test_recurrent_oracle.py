"""Recurrent layers, cells and packed sequences against PyTorch, all options by sampling."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


def close(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-11)


def copied(ours, theirs, rng):
    assert repr(ours) == repr(theirs)
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def leaves(*arrays):
    return [[make(x, requires_grad=True) for x in arrays] for make in (pb.tensor, torch.tensor)]


def same_gradients(ours, theirs, results, inputs, rng):
    weights = [rng.normal(size=y.shape) for y, _ in results]
    sum((y * w).sum() for (y, _), w in zip(results, weights, strict=True)).backward()
    sum((z * torch.tensor(w)).sum() for (_, z), w in zip(results, weights, strict=True)).backward()
    for y, z in [*results, *((a.grad, b.grad) for a, b in zip(*inputs, strict=True))]:
        close(y, z)
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(our.grad, their.grad)


@pytest.mark.parametrize("seed", range(60))
def test_layers(seed):
    rng = np.random.default_rng(seed)
    flip = lambda: bool(rng.integers(2))
    kind = ["RNN", "LSTM", "GRU"][seed % 3]
    options = {
        "num_layers": int(rng.integers(1, 3)),
        "bias": flip(),
        "batch_first": flip(),
        "bidirectional": flip(),
    }
    if kind == "RNN":
        options["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
    projected = kind == "LSTM" and flip()
    if projected:
        options["proj_size"] = 2
    ours, theirs = copied(getattr(nn, kind)(3, 4, **options), getattr(torch.nn, kind)(3, 4, **options), rng)
    layout = ["batch", "alone", "packed"][rng.integers(3)]
    n = 1 if layout == "alone" else 3
    shape = (5, 3) if layout == "alone" else (n, 5, 3) if options["batch_first"] else (5, n, 3)
    count = options["num_layers"] * (2 if options["bidirectional"] else 1)
    batch = () if layout == "alone" else (n,)
    states = [rng.normal(size=(count, *batch, 2 if projected else 4))]
    states += [rng.normal(size=(count, *batch, 4))] * (kind == "LSTM")
    states = states if flip() else []
    inputs = leaves(rng.normal(size=shape), *states)
    results = []
    for model, own, library in ((ours, inputs[0], nn), (theirs, inputs[1], torch.nn)):
        x, *start = own
        if layout == "packed":
            lengths = np.array([2, 5, 4])
            lengths = lengths if library is nn else torch.tensor(lengths)
            x = library.utils.rnn.pack_padded_sequence(
                x, lengths, options["batch_first"], enforce_sorted=False
            )
        output, last = model(x, (tuple(start) if kind == "LSTM" else start[0]) if start else None)
        if layout == "packed":
            output, sizes = library.utils.rnn.pad_packed_sequence(output, options["batch_first"], 9.0)
            assert sizes.tolist() == [2, 5, 4]
        results.append([output, *(last if kind == "LSTM" else [last])])
    same_gradients(ours, theirs, list(zip(*results, strict=True)), inputs, rng)


@pytest.mark.parametrize("seed", range(12))
def test_cells(seed):
    rng = np.random.default_rng(seed)
    kind = ["RNNCell", "LSTMCell", "GRUCell"][seed % 3]
    options = {"bias": bool(rng.integers(2))}
    if kind == "RNNCell":
        options["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
    ours, theirs = copied(getattr(nn, kind)(3, 4, **options), getattr(torch.nn, kind)(3, 4, **options), rng)
    batch = (2,) if rng.integers(2) else ()
    states = [rng.normal(size=(*batch, 4)) for _ in range(2 if kind == "LSTMCell" else 1)]
    inputs = leaves(rng.normal(size=(*batch, 3)), *(states if rng.integers(2) else []))
    results = []
    for model, (x, *start) in zip((ours, theirs), inputs, strict=True):
        found = model(x, (tuple(start) if kind == "LSTMCell" else start[0]) if start else None)
        results.append(found if isinstance(found, tuple) else (found,))
    same_gradients(ours, theirs, list(zip(*results, strict=True)), inputs, rng)


def test_packed_layouts_are_equal():
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(5, 4, 2)), [2, 5, 1, 5]
    ours = nn.utils.rnn.pack_padded_sequence(pb.tensor(x), lengths, enforce_sorted=False)
    theirs = torch.nn.utils.rnn.pack_padded_sequence(
        torch.tensor(x), torch.tensor(lengths), enforce_sorted=False
    )
    close(ours.data, theirs.data)
    assert ours.batch_sizes.tolist() == theirs.batch_sizes.tolist()
    # the order among sequences of one length is free
    assert np.array(lengths)[ours.sorted_indices.numpy()].tolist() == [5, 5, 2, 1]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "LSTMCell"])
def test_start_values_have_the_same_range(kind):
    ours, theirs = getattr(nn, kind)(30, 64), getattr(torch.nn, kind)(30, 64)
    for key, value in theirs.state_dict().items():
        own = ours.state_dict()[key].numpy()
        assert own.std() == pytest.approx(value.numpy().std(), rel=0.05 if own.ndim == 2 else 0.3)
        assert abs(own).max() == pytest.approx(1 / 8, rel=0.05)
