"""Encoder–decoder and captioner: shapes, gradients, padding, teacher forcing against steps, search, learning."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import models

F = nn.functional
ATTENTIONS = ["additive", "general", "dot", None]
SOURCE = np.array([[3, 4, 5, 6], [7, 3, 0, 0], [4, 0, 0, 0]])
TARGET = np.array([[1, 3, 4, 5], [1, 5, 2, 0], [1, 4, 3, 2]])


def translator(attention="additive", cell="gru", seed=0, **options):
    settings = {"embedding_size": 3, "hidden_size": 4, "bidirectional": attention != "dot"} | options
    return models.Seq2Seq(
        9, 7, cell=cell, attention=attention, rng=np.random.default_rng(seed), **settings
    ).double()


def captioner(attention="additive", cell="gru", **options):
    cnn = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, rng=np.random.default_rng(9)), nn.Tanh())
    settings = {"embedding_size": 3, "hidden_size": 3 if attention == "dot" else 4, "grid": 2} | options
    return models.Captioner(
        7, cnn=cnn, channels=3, cell=cell, attention=attention, rng=np.random.default_rng(0), **settings
    ).double()


IMAGES = np.random.default_rng(5).normal(size=(3, 2, 6, 6))


def checked(model, loss):
    """Every parameter gets a gradient, and it agrees with differences."""
    loss(model).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    names = [name for name, _ in model.named_parameters()]

    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self):
            return loss(self.model)

    whole = Loss()

    def of(*values):
        return nn.functional_call(whole, {f"model.{n}": v for n, v in zip(names, values, strict=True)}, ())

    result = pb.gradcheck(of, [p for _, p in model.named_parameters()], directions=2, max_elements=6)
    assert result.ok, result


def cross_entropy(logits, target):
    wanted = np.concatenate([target[:, 1:], np.full((len(target), 1), 2)], axis=1)
    return F.cross_entropy(logits.reshape((-1, logits.shape[-1])), wanted.ravel(), ignore_index=0)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradients_of_an_encoder_decoder(attention):
    checked(translator(attention), lambda model: cross_entropy(model(SOURCE, TARGET), TARGET))


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradients_of_a_captioner(attention):
    checked(captioner(attention), lambda model: cross_entropy(model(IMAGES, TARGET), TARGET))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("attention", ["general", None])
@pytest.mark.parametrize("layers", [1, 2])
def test_shapes(cell, attention, layers):
    model = translator(attention, cell, num_layers=layers, hidden_size=5)
    logits = model(SOURCE, TARGET)
    assert logits.shape == (3, 4, 7)
    found = model.generate(SOURCE, max_length=5, width=3)
    assert [len(each) for each in found] == [3, 3, 3]
    for one in (one for each in found for one in each):
        steps = len(one.tokens) + one.ended
        assert 1 <= steps <= 5
        if attention is None:
            assert one.weights is None
        else:
            assert one.weights.shape == (steps, 4)
            np.testing.assert_allclose(one.weights.sum(axis=1), 1)
    images = captioner(attention, cell, num_layers=layers)
    assert images(IMAGES, TARGET).shape == (3, 4, 7)
    (best, *_), *_ = images.generate(IMAGES, max_length=5, width=2)
    assert (best.weights is None) == (attention is None)
    assert attention is None or best.weights.shape[1] == 4


def test_single_precision_stays():
    model = models.Seq2Seq(9, 7, 3, 4)
    logits = model(SOURCE, TARGET)
    assert logits.dtype == np.float32
    logits.sum().backward()
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    images = models.Captioner(7, 3, 4, grid=2)
    assert images(pb.randn(2, 3, 12, 10), TARGET[:2]).dtype == np.float32


@pytest.mark.parametrize("attention", ["additive", "general", None])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_padding_has_no_effect(attention, cell):
    model = translator(attention, cell)
    whole = model(SOURCE, TARGET).numpy()
    longer = np.pad(SOURCE, ((0, 0), (0, 3)))
    np.testing.assert_allclose(model(longer, TARGET).numpy(), whole, rtol=1e-9)
    for row, length in enumerate((4, 2, 1)):
        alone = model(SOURCE[row : row + 1, :length], TARGET[row : row + 1]).numpy()
        np.testing.assert_allclose(alone[0], whole[row], rtol=1e-9)


def test_without_a_token_for_padding_every_token_is_read():
    model, other = translator(pad=None), translator(pad=8)
    zeros = np.zeros((2, 3), int)
    np.testing.assert_array_equal(model(zeros, TARGET[:2]).numpy(), other(zeros, TARGET[:2]).numpy())
    found = nn.utils.summary(models.Seq2Seq(9, 7, 3, 4, pad=None), [(5,), (4,)], dtypes="int64")
    assert found.parameters == nn.utils.count_parameters(models.Seq2Seq(9, 7, 3, 4))
    assert found.rows[0].output_shapes == [(1, 4, 7)]


def test_attention_does_not_look_at_padding_and_all_targets_look_back_only():
    model = translator()
    for found, length in zip(model.generate(SOURCE, 5, width=2), (4, 2, 1), strict=True):
        for one in found:
            assert not one.weights[:, length:].any()
    changed = TARGET.copy()
    changed[:, 3] = 6
    before, after = model(SOURCE, TARGET).numpy(), model(SOURCE, changed).numpy()
    np.testing.assert_allclose(before[:, :3], after[:, :3], rtol=1e-10)
    assert not np.allclose(before[:, 3], after[:, 3])


@pytest.mark.parametrize("attention", ["additive", None])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("kind", ["sequences", "images"])
def test_search_agrees_with_teacher_forcing(kind, attention, cell):
    model = (translator if kind == "sequences" else captioner)(attention, cell, num_layers=2)
    inputs = SOURCE if kind == "sequences" else IMAGES
    greedy = model.generate(inputs, max_length=4)
    full = model.generate(inputs, max_length=4, width=7**4, length_penalty=0.0)
    for row, ((one,), many) in enumerate(zip(greedy, full, strict=True)):
        assert one.log_probability <= many[0].log_probability + 1e-12
        assert sum(np.exp(each.log_probability) for each in many) == pytest.approx(1.0)
        for each in (one, many[0], many[17]):
            tokens = [1, *each.tokens]
            logits = model(inputs[row : row + 1], np.array([tokens])).numpy()[0]
            log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            following = [*each.tokens, 2] if each.ended else list(each.tokens)
            total = sum(log_p[i, token] for i, token in enumerate(following))
            assert total == pytest.approx(each.log_probability, abs=1e-9)
        written = [1]
        while len(written) <= len(one.tokens):
            written.append(int(model(inputs[row : row + 1], np.array([written])).numpy()[0, -1].argmax()))
        assert tuple(written[1:]) == one.tokens


def test_generation_leaves_modes_and_gradients_as_they_were():
    model = translator(dropout=0.5)
    model.encoder.eval()
    first, again = (model.generate(SOURCE, 4, width=2) for _ in range(2))
    assert [[one[:4] for one in each] for each in first] == [[one[:4] for one in each] for each in again]
    assert model.training
    assert model.decoder.dropout.training
    assert not model.encoder.training
    assert all(p.grad is None for p in model.parameters())


def test_scores_of_attention_by_hand():
    rng = np.random.default_rng(0)
    query, keys = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))
    for score in ("dot", "general", "additive"):
        attention = models.SoftAttention(4, 4, score, rng=rng).double()
        context, weights = attention(pb.asarray(query), pb.asarray(keys))
        for n, t in np.ndindex(2, 3):
            q = query[n, t]
            if score == "general":
                q = attention.query.weight.detach().numpy() @ q
            scores = keys[n] @ q
            if score == "additive":
                q = attention.query.weight.detach().numpy() @ q + attention.query.bias.detach().numpy()
                hidden = np.tanh(q + keys[n] @ attention.key.weight.detach().numpy().T)
                scores = hidden @ attention.direction.detach().numpy()
            p = np.exp(scores) / np.exp(scores).sum()
            np.testing.assert_allclose(weights.numpy()[n, t], p, rtol=1e-10)
            np.testing.assert_allclose(context.numpy()[n, t], p @ keys[n], rtol=1e-10)


def test_start_values_come_from_the_given_generator():
    for make in (translator, lambda seed: models.Captioner(7, rng=np.random.default_rng(seed))):
        first, again, other = make(seed=0), make(seed=0), make(seed=1)
        differ = 0
        for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
            differ += not np.array_equal(a.detach().numpy(), c.detach().numpy())
        assert differ > 12  # all but normalisations and their like


def test_a_larger_vocabulary_takes_a_head_and_a_table():
    model = nn.utils.replace_head(models.Captioner(7, 4, 6), 11)
    images = np.zeros((1, 3, 16, 16), np.float32)
    with pytest.raises(ValueError, match="lie from 0 to 6"):
        model(images, [[1, 10]])
    model.decoder.embedding = nn.Embedding(11, 4)
    assert model(images, [[1, 10]]).shape == (1, 2, 11)
    assert len(model.generate(images, max_length=3, width=11)[0]) == 11


def test_mistakes_are_named():
    model = translator()
    with pytest.raises(ValueError, match="additive"):
        translator("bilinear")
    with pytest.raises(ValueError, match="'rnn', 'lstm' or 'gru'"):
        translator(cell="tree")
    with pytest.raises(ValueError, match="use 'general'"):
        translator("dot", bidirectional=True)
    with pytest.raises(ValueError, match="two of the target's 7"):
        translator(end=7)
    with pytest.raises(ValueError, match="two of the 7 tokens"):
        models.Captioner(7, start=2)
    with pytest.raises(ValueError, match="lie from 0 to 8, and these from 3 to 9"):
        model([[3, 9]], [[1]])
    with pytest.raises(TypeError, match="integers, not float64"):
        model(np.ones((1, 2)), [[1]])
    with pytest.raises(ValueError, match="rows \\[1\\]"):
        model([[3, 4], [0, 4]], [[1], [1]])
    with pytest.raises(ValueError, match="rows \\[0\\]"):
        model([[0, 0], [3, 4]], [[1], [1]])
    with pytest.raises(ValueError, match=r"\(N, length\)"):
        model([3, 4], [[1]])
    with pytest.raises(ValueError, match="tokens of 1 sequences, and what they are about is of 2"):
        model([[3], [4]], [[1]])
    with pytest.raises(ValueError, match="tokens of 2 sequences, and what they are about is of 1"):
        models.Captioner(7)(np.zeros((1, 3, 8, 8), np.float32), [[1], [1]])
    with pytest.raises(ValueError, match="needs a memory"):
        model.decoder([[1]])
    with pytest.raises(ValueError, match="a key at least"):
        model.decoder.attention(
            pb.zeros((1, 1, 4), dtype="float64"), pb.zeros((1, 2, 8), dtype="float64"), [[0, 0]]
        )
    with pytest.raises(ValueError, match=r"\(channels\)"):
        models.Captioner(7, cnn=nn.Identity(), channels=4)(pb.zeros((1, 3, 4, 4)), [[1]])


@pytest.mark.parametrize("attention", ["additive", None])
def test_an_encoder_decoder_learns_to_reverse(attention):
    rng = np.random.default_rng(0)
    digits = rng.integers(3, 7, (256, 4))
    source, target = digits, np.concatenate([np.ones((256, 1), int), digits[:, ::-1]], axis=1)
    model = models.Seq2Seq(7, 7, 8, 24, attention=attention, rng=rng)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(90 if attention else 140):
        rows = rng.permutation(256)[:64]
        loss = cross_entropy(model(source[rows], target[rows]), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = model.generate(source[:50], max_length=6)
    exact = np.mean([best.tokens == tuple(row[1:]) for (best,), row in zip(found, target, strict=False)])
    assert exact > 0.9


def test_a_captioner_says_where_the_light_is():
    rng = np.random.default_rng(0)
    places = rng.integers(0, 4, 64)
    images = rng.normal(scale=0.1, size=(64, 1, 4, 4)).astype(np.float32)
    for image, place in zip(images, places, strict=True):
        image[0, place // 2 * 2 : place // 2 * 2 + 2, place % 2 * 2 : place % 2 * 2 + 2] += 1
    captions = np.stack([np.ones(64, int), 3 + places // 2, 5 + places % 2], axis=1)
    cnn = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, rng=rng), nn.ReLU())
    model = models.Captioner(7, 8, 16, cnn=cnn, channels=4, grid=2, rng=rng)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        loss = cross_entropy(model(images, captions), captions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = [best.tokens for (best, *_) in model.generate(images, max_length=4, width=3)]
    assert found == [tuple(row[1:]) for row in captions.tolist()]
