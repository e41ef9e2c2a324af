"""Attention and transformers against PyTorch, all options by sampling."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


def close(ours, theirs, tolerance=1e-10):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def both(*values):
    return [
        [make(x, requires_grad=x.dtype == np.float64) for x in values] for make in (pb.tensor, torch.tensor)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_scaled_dot_product_attention(seed):
    rng = np.random.default_rng(seed)
    flip = lambda: bool(rng.integers(2))
    grouped = flip()
    lead, shared = (
        ((2, 4), (2, 2)) if grouped else [((2, 3), (2, 3)), ((3,), (3,)), ((2, 3), (1, 3))][seed % 3]
    )
    length, keys = (int(n) for n in rng.integers(1, 6, size=2))
    shapes = [(*lead, length, 4), (*shared, keys, 4), (*shared, keys, 5)]
    inputs = [rng.normal(size=shape) for shape in shapes]
    options = {"scale": 0.3 if flip() else None, "is_causal": flip(), "enable_gqa": grouped}
    if not options["is_causal"] and flip():
        wide = (*lead[:1], *(1,) * (len(lead) - 1), length, keys)
        mask = rng.normal(size=(length, keys)) if flip() else rng.random(wide) < 0.7
        inputs.append(mask)
    a, b = both(*inputs)
    y = nn.functional.scaled_dot_product_attention(*a, **options)
    z = torch.nn.functional.scaled_dot_product_attention(*b, **options)
    close(y, z)
    weights = rng.normal(size=y.shape)
    (y * weights).sum().backward()
    (z * torch.tensor(weights)).sum().backward()
    for ours, theirs in zip(a, b, strict=True):
        if theirs.requires_grad:
            close(ours.grad, theirs.grad)


def copied(ours, theirs, rng):
    """Both in float64 with the same values."""
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape) / 2))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def same_gradients(ours, theirs, y, z, leaves, rng):
    close(y, z, 1e-9)
    weights = rng.normal(size=y.shape)
    (y * weights).sum().backward()
    (z * torch.tensor(weights)).sum().backward()
    for our, their in leaves:
        close(our.grad, their.grad, 1e-8)
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(our.grad, their.grad, 1e-8)


def masks(rng, n, heads, length, keys):
    """Masks that leave each query something to see."""
    own = rng.random((n * heads, length, keys)) < 0.4
    plain = rng.random((length, keys)) < 0.4
    attention = [None, plain, rng.normal(size=(length, keys)), own][rng.integers(4)]
    padding = [None, rng.random((n, keys)) < 0.4, rng.normal(size=(n, keys))][rng.integers(3)]
    if attention is not None and padding is not None and attention.dtype != padding.dtype:
        padding = None  # PyTorch warns of such a pair
    if attention is not None and attention.dtype == bool:
        attention[..., 0] = False
    if padding is not None and padding.dtype == bool:
        padding[..., 0] = False
    return attention, padding


def given(make, x):
    return None if x is None else make(x)


@pytest.mark.parametrize("seed", range(60))
def test_multihead_attention(seed):
    rng = np.random.default_rng(seed)
    flip = lambda: bool(rng.integers(2))
    options = {"bias": flip(), "add_bias_kv": flip(), "add_zero_attn": flip(), "batch_first": flip()}
    if flip():
        options |= {"kdim": 3, "vdim": 5}
    ours, theirs = copied(
        nn.MultiheadAttention(8, 2, **options), torch.nn.MultiheadAttention(8, 2, **options), rng
    )
    n, length, keys = int(rng.integers(1, 3)), 3, int(rng.integers(1, 5))
    layout = (lambda s: (n, s)) if options["batch_first"] else (lambda s: (s, n))
    alone = flip()
    if alone:
        n, layout = 1, lambda s: (s,)
    attention, padding = masks(rng, n, 2, length, keys)
    query = rng.normal(size=(*layout(length), 8))
    key = rng.normal(size=(*layout(keys), options.get("kdim", 8)))
    value = rng.normal(size=(*layout(keys), options.get("vdim", 8)))
    padding = padding[0] if alone and padding is not None else padding
    if not options["add_bias_kv"] and not options.get("kdim") and keys == length and flip():
        value = key
    a, b = both(query, key, value)
    if value is key:
        a[2], b[2] = a[1], b[1]
    settings = {"need_weights": flip(), "average_attn_weights": flip()}
    y, w = ours(*a, given(pb.tensor, padding), attn_mask=given(pb.tensor, attention), **settings)
    z, v = theirs(*b, given(torch.tensor, padding), attn_mask=given(torch.tensor, attention), **settings)
    assert (w is None) == (v is None)
    if w is not None:
        close(w, v)
    same_gradients(ours, theirs, y, z, list(zip(a, b, strict=True)), rng)


def layer_options(rng):
    flip = lambda: bool(rng.integers(2))
    return {
        "dim_feedforward": 6,
        "dropout": 0.0,
        "activation": str(rng.choice(["relu", "gelu"])),
        "layer_norm_eps": 1e-3,
        "batch_first": flip(),
        "norm_first": flip(),
        "bias": flip(),
    }


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["encoder", "decoder", "both"])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_transformers(kind, seed):
    rng = np.random.default_rng(seed)
    options = layer_options(rng)
    n, length, keys = 2, 3, 4
    layout = (lambda s: (n, s, 4)) if options["batch_first"] else (lambda s: (s, n, 4))
    mask, padding = masks(rng, n, 2, length, length)
    memory_mask, memory_padding = masks(rng, n, 2, length, keys)
    tgt, src = rng.normal(size=layout(length)), rng.normal(size=layout(keys))

    def built(library):
        if kind == "both":
            return library.Transformer(4, 2, 1, 2, **options)
        if kind == "encoder":
            return library.TransformerEncoder(
                library.TransformerEncoderLayer(4, 2, **options),
                2,
                library.LayerNorm(4) if seed % 2 else None,
            )
        return library.TransformerDecoder(
            library.TransformerDecoderLayer(4, 2, **options), 2, library.LayerNorm(4) if seed % 2 else None
        )

    ours, theirs = copied(built(nn), built(torch.nn), rng)
    a, b = both(tgt, src)
    results = []
    for model, make, (own_tgt, own_src) in ((ours, pb.tensor, a), (theirs, torch.tensor, b)):
        m, p, mm, mp = (given(make, x) for x in (mask, padding, memory_mask, memory_padding))
        if kind == "encoder":
            results.append(model(own_tgt, m, p))
        elif kind == "decoder":
            results.append(model(own_tgt, own_src, m, mm, p, mp))
        else:
            results.append(model(own_src, own_tgt, None, m, mm, None, p, mp))
    leaves = [(a[0], b[0])] if kind == "encoder" else list(zip(a, b, strict=True))
    same_gradients(ours, theirs, *results, leaves, rng)


def test_second_order():
    rng = np.random.default_rng(0)
    ours, theirs = copied(nn.MultiheadAttention(4, 2), torch.nn.MultiheadAttention(4, 2), rng)
    x = rng.normal(size=(3, 2, 4))
    a, b = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    for need in (True, False):
        a.grad = b.grad = None
        (g,) = pb.gradients((ours(a, a, a, need_weights=need)[0] ** 2).sum(), a, create_graph=True)
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            (h,) = torch.autograd.grad(
                (theirs(b, b, b, need_weights=need)[0] ** 2).sum(), b, create_graph=True
            )
        (g * g).sum().backward()
        (h * h).sum().backward()
        close(a.grad, b.grad, 1e-8)


@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer", "MultiheadAttention"])
def test_start_values_have_the_same_spread(name):
    torch.manual_seed(1)  # the biases are few, so their spread varies
    arguments = (64, 4) if name == "MultiheadAttention" else (64, 4, 128)
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    for key, value in theirs.state_dict().items():
        own = ours.state_dict()[key].numpy()
        assert own.std() == pytest.approx(value.numpy().std(), rel=0.15, abs=1e-9), key


def test_the_sinusoidal_mask():
    theirs = torch.nn.Transformer.generate_square_subsequent_mask(4)
    np.testing.assert_array_equal(nn.Transformer.generate_square_subsequent_mask(4).numpy(), theirs.numpy())
