"""Attention with several heads, transformers and positional encodings as modules."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn


def test_dropout_is_on_in_training_only(rng):
    x = pb.tensor(rng.normal(size=(3, 2, 4)).astype(np.float32))
    for make in (
        lambda: nn.MultiheadAttention(4, 2, dropout=0.5),
        lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5),
    ):
        layer = make()
        arguments = (x, x, x) if isinstance(layer, nn.MultiheadAttention) else (x,)
        run = lambda layer=layer, arguments=arguments: pb.asarray(
            layer(*arguments)[0] if len(arguments) == 3 else layer(*arguments)
        ).tolist()
        assert run() != run()
        layer.eval()
        assert run() == run()


def test_dropped_weights_are_returned(rng):
    x = pb.tensor(rng.normal(size=(20, 3, 4)).astype(np.float32))
    _, weights = nn.MultiheadAttention(4, 2, dropout=0.5)(x, x, x, average_attn_weights=False)
    assert 0.4 < (weights.detach().numpy() == 0).mean() < 0.6


def test_the_same_with_and_without_weights(rng):
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, dtype="float64")
    x, padding = pb.tensor(rng.normal(size=(3, 2, 4))), np.array([[False, True, True], [True, True, True]])
    y, weights = layer(x, x, x, padding)
    z, none = layer(x, x, x, padding, need_weights=False)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), atol=1e-12)
    assert none is None
    np.testing.assert_allclose(weights.detach().numpy().sum(axis=-1), 1)
    assert not weights.detach().numpy()[0, :, 1:3].any()


def test_one_projection_serves_what_is_the_same(rng):
    layer = nn.MultiheadAttention(4, 2, dtype="float64")
    x = pb.tensor(rng.normal(size=(3, 2, 4)))
    y, _ = layer(x, x, x)
    z, _ = layer(x, x.copy(), x.copy())
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), atol=1e-12)


def test_a_causal_model_does_not_see_ahead(rng):
    model = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), 2
    ).double()
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype="float64")
    x = rng.normal(size=(1, 5, 4))
    before = model(pb.tensor(x), mask, is_causal=True).detach().numpy()
    x[0, 3:] = 9
    after = model(pb.tensor(x), mask).detach().numpy()
    np.testing.assert_allclose(before[0, :3], after[0, :3])
    assert not np.allclose(before[0, 3:], after[0, 3:])


def test_vmap_over_examples(rng):
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0).double()
    x = pb.tensor(rng.normal(size=(3, 5, 4)))
    together = pb.vmap(layer)(x)
    np.testing.assert_allclose(
        together.detach().numpy(), np.stack([layer(one).detach().numpy() for one in x]), atol=1e-12
    )


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    stack = nn.TransformerEncoder(layer, 2)
    first, second = stack.layers
    assert first is not layer
    assert first.linear1.weight is not second.linear1.weight
    np.testing.assert_array_equal(
        first.linear1.weight.detach().numpy(), second.linear1.weight.detach().numpy()
    )
    assert len(list(copy.deepcopy(stack).parameters())) == 24


@pytest.mark.parametrize("activation", ["relu", "gelu", nn.functional.relu, nn.functional.elu])
def test_models_are_pickled(rng, activation):
    model = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation=activation)
    x = pb.tensor(rng.normal(size=(3, 2, 4)).astype(np.float32))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model(x).detach().numpy(), again(x).detach().numpy())


def test_float32_stays_and_float64_is_refused(rng):
    model = nn.Transformer(4, 2, 1, 1, 8)
    x = pb.tensor(rng.normal(size=(3, 2, 4)).astype(np.float32), requires_grad=True)
    y = model(x, x)
    assert y.dtype == np.float32
    y.sum().backward()
    assert all(parameter.grad.dtype == np.float32 for parameter in model.parameters())
    with pytest.raises(TypeError, match="float32") as caught:
        model(x.astype("float64"), x)
    assert "encoder.layers.0.self_attn" in caught.value.__notes__[-1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: nn.MultiheadAttention(5, 2), ValueError, "do not divide into 2 heads"),
        (lambda x: nn.MultiheadAttention(6, 2)(x, x, x), ValueError, r"must have 6 features \(embed_dim\)"),
        (lambda x: nn.MultiheadAttention(4, 2)(x, x, x[0]), ValueError, "all have three axes"),
        (lambda x: nn.MultiheadAttention(4, 2)(x, x[:2], x), ValueError, "the same length"),
        (lambda x: nn.MultiheadAttention(4, 2)(x, x, x, is_causal=True), ValueError, "generate_square"),
        (
            lambda x: nn.MultiheadAttention(4, 2)(x, x, x, attn_mask=np.ones((2, 2), bool)),
            ValueError,
            r"\(2, 2\) and must have \(3, 3\)",
        ),
        (
            lambda x: nn.MultiheadAttention(4, 2)(x, x, x, np.ones((3, 2), bool)),
            ValueError,
            r"key_padding_mask has shape \(3, 2\) and must have \(2, 3\)",
        ),
        (lambda x: nn.MultiheadAttention(4, 2)(x, x, x, np.ones((2, 3), int)), TypeError, "must be bool or"),
        (lambda x: nn.TransformerEncoderLayer(4, 2, activation="tanh"), ValueError, "'relu', 'gelu'"),
        (lambda x: nn.Transformer(4, 2, 1, 1, 8)(x, x[:, :1]), ValueError, "as many examples"),
        (lambda x: nn.SinusoidalPositionalEncoding(4, 2)(x), ValueError, "max_len=2"),
        (lambda x: nn.LearnedPositionalEncoding(6, 9)(x), ValueError, r"must be \(L, N, 6\)"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(pb.zeros((3, 2, 4)))


def test_positional_encodings():
    waves = nn.SinusoidalPositionalEncoding(6, 50, dtype="float64")
    table = waves(pb.zeros((50, 6), dtype="float64")).numpy()
    place, pair = 7, 2
    angle = place / 10000 ** (2 * pair / 6)
    np.testing.assert_allclose(table[place, 2 * pair : 2 * pair + 2], [np.sin(angle), np.cos(angle)])
    assert list(waves.state_dict()) == []
    assert waves.float().pe.dtype == np.float32
    batch = nn.SinusoidalPositionalEncoding(6, 50, batch_first=True)(pb.zeros((2, 50, 6))).numpy()
    np.testing.assert_allclose(batch[1], table, atol=1e-5)
    turned = nn.SinusoidalPositionalEncoding(6, 50)(pb.zeros((50, 2, 6))).numpy()
    np.testing.assert_allclose(turned[:, 1], table, atol=1e-5)
    learned = nn.LearnedPositionalEncoding(6, 5)
    learned(pb.zeros((3, 2, 6))).sum().backward()
    assert learned.weight.grad.tolist() == [[2.0] * 6] * 3 + [[0.0] * 6] * 2
    odd = nn.SinusoidalPositionalEncoding(3, 4)(pb.zeros((1, 3))).tolist()
    assert odd == [[0.0, 1.0, 0.0]]
