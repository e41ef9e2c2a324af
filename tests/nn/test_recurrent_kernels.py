"""Recurrent layers by compiled kernels, beside the same by NumPy: sizes, packed sequences, options, threads."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import every_size
from pullback.nn.utils.rnn import pack_padded_sequence

pytestmark = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture(autouse=True)
def settings_as_before():
    fast, threads = pb.config.fast, pb.config.threads
    yield
    pb.config.fast, pb.config.threads = fast, threads


def everything(layer, x, lengths, states, fast):
    """Outputs, states and all gradients of a layer."""
    pb.config.fast = fast
    layer.zero_grad()
    x = pb.tensor(x, requires_grad=True)
    states = tuple(pb.tensor(state, requires_grad=True) for state in states)
    with every_size():
        given = x if lengths is None else pack_padded_sequence(x, lengths)
        out, last = layer(given, states if len(states) > 1 else states[0])
        out = out if lengths is None else out.data
        last = last if isinstance(last, tuple) else (last,)
        loss = (out * pb.asarray(np.cos(np.arange(out.size)).reshape(out.shape).astype(x.dtype))).sum()
        for k, state in enumerate(last):
            loss = loss + (k + 1) * (state * state).sum()
        loss.backward()
    gradients = [p.grad for p in (x, *states, *layer.parameters())]
    return [array.detach().numpy() for array in (out, *last, *gradients)]


def both_ways(layer, x, lengths, states):
    """By NumPy, by kernels."""
    return zip(
        *(everything(layer, x, lengths, states, fast) for fast in (False, True)),
        strict=True,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 70), st.integers(1, 40), st.integers(1, 9)),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    packed=st.booleans(),
    seed=st.integers(0, 9),
)
def test_kernels_agree_with_numpy(cell, dtype, sizes, layers, bidirectional, bias, packed, seed):
    features, hidden, sequences, length = sizes
    rng = np.random.default_rng(seed)
    options = {}
    if cell == "LSTM" and hidden > 1 and seed % 2:
        options["proj_size"] = int(rng.integers(1, hidden))
    if cell == "RNN":
        options["nonlinearity"] = ("tanh", "relu")[seed % 2]
    layer = getattr(pb.nn, cell)(
        features,
        hidden,
        layers,
        bias=bias,
        bidirectional=bidirectional,
        dtype=dtype,
        rng=np.random.default_rng(seed),
        **options,
    )
    x = rng.normal(size=(length, sequences, features)).astype(dtype)
    lengths = np.sort(rng.integers(1, length + 1, sequences))[::-1].copy() if packed else None
    directions = layers * (1 + bidirectional)
    widths = [options.get("proj_size", hidden), hidden][: 2 if cell == "LSTM" else 1]
    states = [rng.normal(size=(directions, sequences, width)).astype(dtype) for width in widths]
    pb.config.threads = 1 + seed % 3
    eps = np.finfo(dtype).eps
    for reference, twin in both_ways(layer, x, lengths, states):
        assert twin.dtype == reference.dtype == np.dtype(dtype)
        assert twin.shape == reference.shape
        scale = 1 + np.abs(reference).max()
        np.testing.assert_allclose(twin, reference, rtol=0, atol=60 * eps * scale)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_long_sequences_by_several_threads(cell):
    """Enough work for each thread to get some of it, and sequences that end at different times."""
    rng = np.random.default_rng(0)
    layer = getattr(pb.nn, cell)(33, 65, bidirectional=True, rng=rng)
    x = rng.normal(size=(50, 35, 33)).astype(np.float32)
    lengths = np.sort(rng.integers(1, 51, 35))[::-1].copy()
    states = [rng.normal(size=(2, 35, 65)).astype(np.float32) for _ in range(2 if cell == "LSTM" else 1)]
    pb.config.threads = 3
    for reference, twin in both_ways(layer, x, lengths, states):
        np.testing.assert_allclose(twin, reference, rtol=0, atol=2e-5 * (1 + np.abs(reference).max()))


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_what_needs_no_gradient_gets_none(cell):
    layer = getattr(pb.nn, cell)(4, 5)
    layer.weight_ih_l0.requires_grad_(False)
    layer.bias_hh_l0.requires_grad_(False)
    with every_size():
        layer(pb.ones((3, 2, 4)))[0].sum().backward()
    assert layer.weight_ih_l0.grad is None
    assert layer.bias_hh_l0.grad is None
    assert layer.weight_hh_l0.grad.shape == layer.weight_hh_l0.shape


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_nan_stays_with_its_sequence(cell):
    """What one thread computes for sequences side by side does not mix them."""
    layer = getattr(pb.nn, cell)(4, 5)
    x = np.ones((3, 9, 4), np.float32)
    x[1, 2] = np.nan
    with every_size():
        out = layer(pb.asarray(x))[0].detach().numpy()
    assert np.isnan(out[1:, 2]).all()
    assert np.isfinite(np.delete(out, 2, axis=1)).all()
    assert np.isfinite(out[0]).all()


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_weights_that_do_not_fit_a_cache_go_to_numpy(cell, monkeypatch):
    from pullback.autograd.kernels import sequences

    layer = getattr(pb.nn, cell)(4, 5)
    x = pb.ones((3, 2, 4))
    with every_size():
        expected = layer(x)[0].detach().numpy()
        monkeypatch.setattr(sequences, "LARGEST", 10)
        monkeypatch.setattr(sequences, "split", None)  # what would be called
        np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, rtol=1e-5)
