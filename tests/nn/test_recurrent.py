"""Recurrent layers and cells: layouts, states, packing, errors; their gradients are checked from the declarations."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import nn
from pullback.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]


def parts(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize(("layer_type", "cell_type"), list(zip(LAYERS, CELLS, strict=True)))
def test_a_layer_is_its_cell_step_by_step(rng, layer_type, cell_type):
    layer, cell = layer_type(3, 4).double(), cell_type(3, 4).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = pb.tensor(rng.normal(size=(5, 2, 3)))
    output, last = layer(x)
    state, states = None, []
    for step in x:
        state = cell(step, state)
        states.append(parts(state)[0].detach().numpy())
    np.testing.assert_allclose(output.detach().numpy(), states)
    for own, other in zip(parts(last), parts(state), strict=True):
        np.testing.assert_allclose(own.detach().numpy()[0], other.detach().numpy())
    alone = cell(x[0, 0])
    np.testing.assert_allclose(parts(alone)[0].detach().numpy(), output.detach().numpy()[0, 0])


@pytest.mark.parametrize("layer_type", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_as_one_by_one(rng, layer_type, bidirectional):
    layer = layer_type(3, 4, num_layers=2, bidirectional=bidirectional).double()
    sequences = [pb.tensor(rng.normal(size=(n, 3))) for n in (2, 5, 1, 5)]
    start = tuple(
        pb.tensor(rng.normal(size=(4 if bidirectional else 2, 4, 4)))
        for _ in range(2 if layer_type is nn.LSTM else 1)
    )
    packed = pack_sequence(sequences, enforce_sorted=False)
    output, last = layer(packed, start if len(start) == 2 else start[0])
    assert isinstance(output, PackedSequence)
    for i, (sequence, own) in enumerate(zip(sequences, unpack_sequence(output), strict=True)):
        first = tuple(state[:, i] for state in start)
        expected, states = layer(sequence, first if len(first) == 2 else first[0])
        np.testing.assert_allclose(own.detach().numpy(), expected.detach().numpy())
        for state, packed_state in zip(parts(states), parts(last), strict=True):
            np.testing.assert_allclose(state.detach().numpy(), packed_state.detach().numpy()[:, i])


@pytest.mark.parametrize("layer_type", LAYERS)
def test_a_detached_state_truncates(rng, layer_type):
    layer = layer_type(3, 4).double()
    pieces = [pb.tensor(rng.normal(size=(2, 1, 3)), requires_grad=True) for _ in range(2)]
    _, state = layer(pieces[0])
    output, _ = layer(pieces[1], copy.copy(state))
    assert pb.gradients(output.sum(), pieces)[0].numpy().any()
    cut = tuple(part.detach() for part in parts(state))
    output, _ = layer(pieces[1], cut if len(cut) == 2 else cut[0])
    first, second = pb.gradients(output.sum(), pieces, allow_unused=True)
    assert first is None
    assert second.numpy().any()


def test_a_learnable_initial_state_gets_a_gradient(rng):
    layer, start = nn.GRU(3, 4), nn.Parameter(np.zeros((1, 1, 4), np.float32))
    output, _ = layer(pb.randn(5, 2, 3), pb.broadcast_to(start, (1, 2, 4)))
    output.sum().backward()
    assert start.grad.numpy().all()


@pytest.mark.parametrize("layer_type", LAYERS)
def test_second_order_and_vmap(rng, layer_type):
    layer = layer_type(2, 2).double()
    x = rng.normal(size=(3, 2, 2))
    pb.gradcheck(pb.grad(lambda x: (layer(x)[0] ** 2).sum()), [x]).assert_ok()
    together = pb.vmap(lambda x: layer(x)[0], in_axes=1, out_axes=1)(pb.tensor(x))
    np.testing.assert_allclose(together.detach().numpy(), layer(pb.tensor(x))[0].detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("layer_type", LAYERS)
def test_layouts(rng, layer_type):
    layer = layer_type(3, 4, batch_first=True).double()
    x = rng.normal(size=(2, 5, 3))
    output, last = layer(pb.tensor(x))
    assert output.shape == (2, 5, 4)
    one, state = layer(pb.tensor(x[1]))
    np.testing.assert_allclose(one.detach().numpy(), output.detach().numpy()[1], atol=1e-12)
    assert parts(state)[0].shape == (1, 4)
    np.testing.assert_allclose(parts(state)[0].detach().numpy(), parts(last)[0].detach().numpy()[:, 1])


def test_dropout_between_layers_in_training_only(rng):
    layer = nn.RNN(3, 40, num_layers=2, dropout=0.5)
    x = pb.tensor(rng.normal(size=(5, 2, 3)).astype(np.float32))
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    layer.eval()
    assert layer(x)[0].tolist() == layer(x)[0].tolist()
    with pytest.warns(UserWarning, match="stands between layers"):
        nn.LSTM(3, 4, dropout=0.5)


@pytest.mark.parametrize("layer_type", LAYERS)
def test_float32_stays_and_float64_is_refused(rng, layer_type):
    layer = layer_type(3, 4, 2)
    x = pb.tensor(rng.normal(size=(5, 2, 3)).astype(np.float32), requires_grad=True)
    output, last = layer(x)
    assert output.dtype == parts(last)[0].dtype == np.float32
    output.sum().backward()
    assert x.grad.dtype == layer.weight_ih_l0.grad.dtype == np.float32
    with pytest.raises(TypeError, match=r"\.astype\('float32'\)"):
        layer(x.astype("float64"))
    with pytest.raises(TypeError, match=r"input float32, h0 float64\); convert"):
        nn.RNN(3, 4)(x, pb.zeros((1, 2, 4), dtype="float64"))


def test_extreme_inputs_give_no_warnings():
    for layer_type in LAYERS:
        layer, x = layer_type(1, 2), pb.tensor(np.full((3, 1, 1), 1e30, np.float32), requires_grad=True)
        output, _ = layer(x)
        output.sum().backward()
        assert np.isfinite(output.detach().numpy()).all()
        assert np.isfinite(x.grad.numpy()).all()


def test_names_and_representations():
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2, bias=False)
    assert list(layer.state_dict()) == [
        f"weight_{what}_l{k}{way}"
        for k in range(2)
        for way in ("", "_reverse")
        for what in ("ih", "hh", "hr")
    ]
    assert layer.weight_ih_l1.shape == (16, 4)
    assert layer.weight_hr_l0.shape == (2, 4)
    assert repr(layer) == "LSTM(3, 4, proj_size=2, num_layers=2, bias=False, bidirectional=True)"
    assert repr(nn.RNNCell(3, 4, False, "relu")) == "RNNCell(3, 4, bias=False, nonlinearity=relu)"


def layer_of(x, kind, rows, width, *batch_sizes):
    function = getattr(nn.functional, f"{kind}_layer")
    return function(
        x[0], pb.zeros((2, 4)), pb.zeros((rows, 3)), pb.zeros((rows, width)), batch_sizes=batch_sizes
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: nn.RNN(4, 2)(x), ValueError, r"\(5, 2, 3\) and must be \(length, N, 4\)"),
        (lambda x: nn.GRU(4, 2, batch_first=True)(x), ValueError, r"must be \(N, length, 4\)"),
        (lambda x: nn.RNN(3, 2)(x[:0]), ValueError, "one step or more"),
        (lambda x: nn.LSTM(3, 4)(x, pb.zeros((1, 2, 4))), ValueError, r"a pair \(h_0, c_0\)"),
        (lambda x: nn.GRU(3, 4)(x, pb.zeros((1, 3, 4))), ValueError, r"h0 has shape .* must have \(1, 2, 4\)"),
        (lambda x: nn.LSTM(3, 4, proj_size=4), ValueError, "less than hidden_size"),
        (lambda x: nn.RNN(3, 4, nonlinearity="sigmoid"), ValueError, "'tanh' or 'relu'"),
        (lambda x: nn.GRUCell(4, 4)(x[0]), ValueError, r"\(2, 3\) and must be \(N, 4\)"),
        (lambda x: nn.LSTMCell(3, 4)(x[0], pb.zeros((2, 4))), ValueError, "a pair"),
        (lambda x: nn.RNNCell(3, 4)(x[0], pb.zeros((3, 4))), ValueError, "the state has shape"),
        (lambda x: nn.GRU(2, 4)(pack_sequence([x[:, 0]])), ValueError, r"\(elements, 2\)"),
        (lambda x: layer_of(x, "gru", 12, 3, 2), ValueError, r"weight_hh has shape \(12, 3\) and must have \(12, 4\)"),
        (lambda x: layer_of(x, "rnn", 4, 4, 1, 1), ValueError, r"h0 has shape \(2, 4\) and must have \(1, 4\)"),
        (lambda x: layer_of(x, "rnn", 4, 4, 0, 2), ValueError, "do not rise"),
    ],
)  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(pb.zeros((5, 2, 3)))


# sequences of several lengths


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.booleans(), st.sampled_from([(), (2,)]))
def test_packing_and_padding_are_inverse(lengths, batch_first, trailing):
    rng = np.random.default_rng(len(lengths))
    sequences = [pb.tensor(rng.normal(size=(n, *trailing)), requires_grad=True) for n in lengths]
    padded = pad_sequence(sequences, batch_first, padding_value=7.0)
    packed = pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=False)
    assert packed.data.shape == (sum(lengths), *trailing)
    assert packed.batch_sizes.tolist() == [sum(n > step for n in lengths) for step in range(max(lengths))]
    back, sizes = pad_packed_sequence(packed, batch_first, padding_value=7.0)
    np.testing.assert_array_equal(back.detach().numpy(), padded.detach().numpy())
    assert sizes.tolist() == lengths
    for own, sequence in zip(unpad_sequence(back, sizes, batch_first), sequences, strict=True):
        np.testing.assert_array_equal(own.detach().numpy(), sequence.detach().numpy())
    weights = rng.normal(size=back.shape)
    (back * weights).sum().backward()
    for own, sequence in zip(unpad_sequence(weights, lengths, batch_first), sequences, strict=True):
        np.testing.assert_allclose(sequence.grad.numpy(), own.numpy())


def test_padding_options():
    sequences = [pb.tensor([1, 2]), pb.tensor([3])]
    assert pad_sequence(sequences, True, padding_side="left").tolist() == [[1, 2], [0, 3]]
    padded, lengths = pad_packed_sequence(pack_sequence(sequences), True, padding_value=-1, total_length=3)
    assert padded.tolist() == [[1, 2, -1], [3, -1, -1]]
    assert lengths.tolist() == [2, 1]
    assert pack_sequence(sequences).sorted_indices is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pack_sequence([pb.tensor([1]), pb.tensor([2, 3])]), "enforce_sorted=False"),
        (lambda: pack_padded_sequence(pb.zeros((3, 2)), [3]), "for each of 2 sequences"),
        (lambda: pack_padded_sequence(pb.zeros((3, 2)), [4, 1]), "from 1 to 3"),
        (lambda: pack_padded_sequence(pb.zeros((3, 2)), [3, 0]), "from 1 to 3"),
        (lambda: pack_padded_sequence(pb.zeros((3, 2)), [3.0, 1.0]), "lengths are integers"),
        (lambda: pack_padded_sequence(pb.zeros(3), [3]), r"must be \(T, B, \*\)"),
        (lambda: pad_packed_sequence(pack_sequence([pb.tensor([1, 2])]), total_length=1), "shorter"),
        (lambda: pad_sequence([]), "at least one"),
        (lambda: pad_sequence([pb.zeros((1, 2)), pb.zeros((1, 3))]), "first axis only"),
        (lambda: pad_sequence([pb.zeros(1)], padding_side="top"), "'right' or 'left'"),
    ],
)
def test_errors_of_packing(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_no_sequences_give_no_outputs(kind):
    layer = kind(3, 2, num_layers=2, bidirectional=True, batch_first=True)
    x = pb.zeros((0, 5, 3), requires_grad=True)
    output, state = layer(x)
    output.sum().backward()
    assert output.shape == (0, 5, 4)
    assert (state[0] if kind is nn.LSTM else state).shape == (4, 0, 2)
    assert x.grad.shape == (0, 5, 3)
    assert all(not p.grad.numpy().any() for p in layer.parameters())
    with pytest.raises(ValueError, match="one step or more"):
        layer(pb.zeros((5, 0, 3)))
