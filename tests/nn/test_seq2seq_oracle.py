"""The encoder–decoder against the same network in PyTorch: logits and gradients of all parameters."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

SOURCE = np.array([[3, 4, 5, 6], [7, 3, 0, 0], [4, 8, 5, 0]])
TARGET = np.array([[1, 3, 4], [1, 5, 2], [1, 4, 3]])


def in_torch(model, attention, layers, cell):
    """The logits in PyTorch, and its parameters by our names."""
    weights = {
        name: torch.tensor(p.detach().numpy().copy(), requires_grad=True)
        for name, p in model.named_parameters()
    }
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
    encoder = kind(3, 4, layers, batch_first=True, bidirectional=True, dtype=torch.float64)
    decoder = kind(3, 4, layers, batch_first=True, dtype=torch.float64)

    def run(layer, prefix, x, state=None):
        inside = {n: weights[f"{prefix}.{n}"] for n, _ in layer.named_parameters()}
        return torch.func.functional_call(layer, inside, (x,) if state is None else (x, state))

    source, target = torch.tensor(SOURCE), torch.tensor(TARGET)
    mask = source != 0
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        weights["embedding.weight"][source], mask.sum(1), batch_first=True, enforce_sorted=False
    )
    outputs, last = run(encoder, "encoder", packed)
    memory, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=4)

    def bridged(state):
        forwards, backwards = state.reshape(layers, 2, 3, 4).unbind(1)
        both = torch.cat([forwards, backwards], -1)
        return torch.tanh(both @ weights["bridge.weight"].T + weights["bridge.bias"])

    state = tuple(map(bridged, last)) if cell == "lstm" else bridged(last)
    h, _ = run(decoder, "decoder.rnn", weights["decoder.embedding.weight"][target], state)
    if attention is not None:
        query = h @ weights["decoder.attention.query.weight"].T
        if attention == "additive":
            query = query + weights["decoder.attention.query.bias"]
            keys = memory @ weights["decoder.attention.key.weight"].T
            hidden = torch.tanh(query[:, :, None] + keys[:, None])
            scores = hidden @ weights["decoder.attention.direction"]
        else:
            scores = query @ memory.transpose(1, 2)
        scores = scores.masked_fill(~mask[:, None], -torch.inf)
        context = torch.softmax(scores, -1) @ memory
        joined = torch.cat([context, h], -1)
        h = torch.tanh(joined @ weights["decoder.combine.weight"].T + weights["decoder.combine.bias"])
    return h @ weights["decoder.head.weight"].T + weights["decoder.head.bias"], weights


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("attention", ["additive", "general", None])
def test_logits_and_gradients(attention, layers, cell):
    rng = np.random.default_rng(0)
    model = nn.models.Seq2Seq(9, 7, 3, 4, layers, cell, attention, rng=rng).double()
    logits = model(SOURCE, TARGET)
    expected, weights = in_torch(model, attention, layers, cell)
    np.testing.assert_allclose(logits.detach().numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    upstream = rng.normal(size=logits.shape)
    (logits * pb.asarray(upstream)).sum().backward()
    (expected * torch.tensor(upstream)).sum().backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(
            p.grad.numpy(), weights[name].grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name
        )
