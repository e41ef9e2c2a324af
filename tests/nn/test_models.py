"""The models: published numbers of parameters, torchvision's keys and shapes, training, generation."""

import hashlib

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import models

# Parameters as published, and a digest of torchvision's state: "key shape" of each entry, in order.
PUBLISHED = [
    ("alexnet", 61_100_840, "9c198ebdae1863e4"),
    ("vgg11", 132_863_336, "cb3dc23f2a13e182"),
    ("vgg13", 133_047_848, "67c1dc8b57fde74b"),
    ("vgg16", 138_357_544, "35c4623e0cd4a39d"),
    ("vgg19", 143_667_240, "4723255af8f6c485"),
    ("vgg11_bn", 132_868_840, "8b6717e727c0ecf9"),
    ("vgg13_bn", 133_053_736, "f6b0597d18a7e4d2"),
    ("vgg16_bn", 138_365_992, "347371586a8ea365"),
    ("vgg19_bn", 143_678_248, "fc3ff6fab2b5cc09"),
    ("resnet18", 11_689_512, "84fb10d9c6905a1c"),
    ("resnet34", 21_797_672, "28f9096d51307499"),
    ("resnet50", 25_557_032, "d7e4f8bb0a536344"),
    ("resnet101", 44_549_160, "02c0f34f4842751f"),
    ("resnet152", 60_192_808, "685c66205bc823aa"),
    ("resnext50_32x4d", 25_028_904, "e3bad165c034e60f"),
    ("googlenet", 13_004_888, "7f541ca29410efb1"),
    ("squeezenet1_0", 1_248_424, "4654d26ad581241f"),
    ("squeezenet1_1", 1_235_496, "1d365589393f9c1e"),
    ("densenet121", 7_978_856, "aa0fd9923b0003b8"),
    ("densenet161", 28_681_000, "82d337d48f910d3a"),
    ("densenet169", 14_149_480, "e2d0f02d9c0ce650"),
    ("densenet201", 20_013_928, "0d234ad7e9a31b95"),
    ("shufflenet_v2_x0_5", 1_366_792, "f0a5936e646f1bd4"),
    ("shufflenet_v2_x1_0", 2_278_604, "81b349bc1cbbbc7a"),
    ("shufflenet_v2_x1_5", 3_503_624, "506b4de341bf52b3"),
    ("shufflenet_v2_x2_0", 7_393_996, "0c033bd0cd72af37"),
    ("mobilenet_v2", 3_504_872, "37bbbce8932fd0c4"),
]


@pytest.fixture
def nothing_drawn(monkeypatch):
    """Start values take longer than all the rest."""
    for module in (nn.init.fill, nn.init.structure):
        monkeypatch.setattr(module, "write", lambda tensor, values: tensor)


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize(("name", "parameters", "digest"), PUBLISHED, ids=[name for name, *_ in PUBLISHED])
def test_published_sizes_and_keys(name, parameters, digest):
    model = getattr(models, name)()
    assert nn.utils.count_parameters(model) == parameters
    described = "\n".join(f"{key} {tensor.shape}" for key, tensor in model.state_dict().items())
    assert hashlib.sha256(described.encode()).hexdigest()[:16] == digest


def test_sizes_of_the_small_ones():
    assert nn.utils.count_parameters(models.lenet5()) == 61_706
    assert nn.utils.count_parameters(models.googlenet(aux_logits=False)) == 6_624_904
    assert nn.utils.count_parameters(models.char_rnn(50, 100)) == 50 * 100 + 100 * 100 + 200 + 100 * 50 + 50


@pytest.mark.usefixtures("nothing_drawn")
def test_the_smallest_gpt2_has_its_size():
    model = models.GPT(50257, 1024, 12, 12, 768)
    assert nn.utils.count_parameters(model) == 124_439_808


SMALL = [
    ("squeezenet1_1", (2, 3, 32, 32)),
    ("shufflenet_v2_x0_5", (2, 3, 32, 32)),
    ("mobilenet_v2", (2, 3, 32, 32)),
    ("resnet18", (2, 3, 32, 32)),
    ("densenet121", (2, 3, 32, 32)),
    ("lenet5", (2, 1, 32, 32)),
]


@pytest.mark.parametrize(("name", "shape"), SMALL)
def test_every_parameter_gets_a_gradient(name, shape):
    model = getattr(models, name)(10, rng=np.random.default_rng(0))
    x = pb.tensor(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    logits = model(x)
    assert logits.shape == (2, 10)
    assert logits.dtype == np.float32
    nn.functional.cross_entropy(logits, np.array([1, 7])).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or p.grad.dtype != np.float32]
    assert without == []


def test_googlenet_has_two_more_classifiers_in_training():
    model = models.googlenet(5, transform_input=True, rng=np.random.default_rng(0))
    x = pb.tensor(np.random.default_rng(1).normal(size=(2, 3, 64, 64)).astype(np.float32))
    found = model(x)
    assert [logits.shape for logits in found] == [(2, 5)] * 3
    (found.logits.sum() + 0.3 * (found.aux_logits1.sum() + found.aux_logits2.sum())).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.eval()(x).shape == (2, 5)
    assert models.googlenet(5, aux_logits=False, init_weights=False).eval()(x).shape == (2, 5)


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_0", "shufflenet_v2_x0_5", "lenet5"])
def test_start_values_come_from_the_given_generator(name):
    first, again, other = (getattr(models, name)(3, rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    differ = 0
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
        differ += not np.array_equal(a.detach().numpy(), c.detach().numpy())
    assert differ > 5


def test_filters_of_a_resnet_start_as_he_proposed():
    model = models.resnet18(10, rng=np.random.default_rng(0))
    weight = model.layer3[1].conv1.weight.detach().numpy()
    assert weight.std() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)
    zero = models.ResNet(models.BasicBlock, (1, 1, 1, 1), 4, zero_init_residual=True)
    assert not zero.layer2[0].bn2.weight.detach().numpy().any()
    x = pb.tensor(np.random.default_rng(0).normal(size=(1, 64, 4, 4)).astype(np.float32))
    np.testing.assert_array_equal(zero.layer1[0].eval()(x).detach().numpy(), pb.relu(x).numpy())


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="11, 13, 16 or 19 layers, not 12"):
        models.VGG(12)
    with pytest.raises(ValueError, match="'1_0' and '1_1', not '2_0'"):
        models.SqueezeNet("2_0")
    with pytest.raises(ValueError, match="three stages"):
        models.ShuffleNetV2((1, 1), (1, 2, 3, 4, 5))
    with pytest.raises(ValueError, match="groups=1"):
        models.BasicBlock(8, 8, groups=2)
    with pytest.raises(ValueError, match="32 or 28 pixels"):
        models.LeNet5(image_size=30)
    with pytest.raises(ValueError, match="'rnn', 'lstm' or 'gru'"):
        models.CharRNN(5, cell="tree")
    with pytest.raises(ValueError, match="do not divide into 3 heads"):
        models.GPT(5, 8, n_head=3, n_embd=8)


def test_older_names_of_densenets_files_are_understood():
    model, other = (
        models.DenseNet(4, (2, 2), 8, num_classes=3, rng=np.random.default_rng(i)) for i in (0, 1)
    )
    old = {}
    for name, tensor in model.state_dict().items():
        for part in ("norm", "conv"):
            for i in "12":
                if "denselayer" in name:
                    name = name.replace(f".{part}{i}.", f".{part}.{i}.")
        old[name] = tensor
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    other.load_state_dict(old)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_a_resnet_in_numbers():
    found = nn.utils.summary(models.resnet18(), (3, 224, 224))
    rows = {row.path: row for row in found.rows}
    assert found.parameters == 11_689_512
    assert found.multiply_adds == 1_814_073_344
    assert rows["layer4"].receptive_field == (435, 435)
    assert rows["layer4"].output_shapes == [(1, 512, 7, 7)]


def test_batch_norms_of_a_model_fold_into_its_convolutions():
    model = models.resnet18(10, rng=np.random.default_rng(0))
    x = pb.tensor(np.random.default_rng(1).normal(size=(4, 3, 32, 32)).astype(np.float32))
    model(x)  # moves the statistics
    model.eval()
    expected = model(x).detach().numpy()
    for module in list(model.modules()):
        for i in ("1", "2"):
            if hasattr(module, f"bn{i}"):
                fused = nn.utils.fuse_conv_bn_eval(getattr(module, f"conv{i}"), getattr(module, f"bn{i}"))
                setattr(module, f"conv{i}", fused)
                setattr(module, f"bn{i}", nn.Identity())
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-3, atol=1e-4)


# text

TEXT = "a quick brown fox jumps. "
VOCABULARY = sorted(set(TEXT))
TOKENS = np.array([VOCABULARY.index(c) for c in TEXT * 4])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_character_model_learns_a_sentence_piece_by_piece(cell):
    rng = np.random.default_rng(0)
    model = models.CharRNN(
        len(VOCABULARY), 32, cell=cell, embedding_size=None if cell == "rnn" else 8, rng=rng
    )
    optimizer = pb.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        state = None
        for start in range(0, 75, 25):
            x, y = TOKENS[start : start + 25], TOKENS[start + 1 : start + 26]
            logits, state = model(x, state)
            loss = nn.functional.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
    assert loss.item() < 0.3
    written = model.generate(TOKENS[:3], 10, temperature=0)
    assert "".join(VOCABULARY[i] for i in written.tolist()) == TEXT[3:13]
    assert model.training


def test_a_state_that_is_handed_on_is_one_run():
    model = models.char_lstm(7, 8, num_layers=2, rng=np.random.default_rng(0))
    tokens = np.arange(12).reshape(2, 6) % 7
    whole, _ = model(tokens)
    first, state = model(tokens[:, :4])
    second, _ = model(tokens[:, 4:], state)
    np.testing.assert_allclose(
        np.concatenate([first.detach().numpy(), second.detach().numpy()], axis=1),
        whole.detach().numpy(),
        rtol=1e-5,
    )


def test_characters_that_do_not_exist_are_refused():
    model = models.char_rnn(5, 4)
    with pytest.raises(ValueError, match="from 0 to 4"):
        model([0, 5])
    with pytest.raises(TypeError, match="integers, not float32"):
        model(pb.ones(3))
    with pytest.raises(ValueError, match="temperature"):
        model.generate([1], 2, temperature=-1.0)
    for tokens in ([], [[1, 2]], 1):
        with pytest.raises(ValueError, match=r"has the shape \(length,\)"):
            model.generate(tokens, 2)


def small_gpt(**options):
    return models.GPT(len(VOCABULARY), 16, 2, 2, 32, rng=np.random.default_rng(0), **options)


def test_a_gpt_sees_nothing_of_the_future():
    model = small_gpt().double()
    tokens = np.array([[1, 2, 3, 4, 5, 6]])
    changed = np.array([[1, 2, 3, 7, 8, 9]])
    np.testing.assert_allclose(model(tokens).numpy()[:, :3], model(changed).numpy()[:, :3], rtol=1e-10)
    assert not np.allclose(model(tokens).numpy()[:, 3:], model(changed).numpy()[:, 3:])


def test_a_gpt_shares_its_table_of_tokens():
    model = small_gpt()
    assert model.lm_head.weight is model.transformer.wte.weight
    state = model.state_dict()
    assert "transformer.h.1.mlp.c_proj.bias" in state
    assert "lm_head.weight" in state
    other = small_gpt()
    other.load_state_dict(state)
    assert other.lm_head.weight is other.transformer.wte.weight
    assert "transformer.ln_f.bias" not in small_gpt(bias=False).state_dict()


def test_a_gpt_learns_a_sentence():
    model = small_gpt(dropout=0.1)
    optimizer = pb.optim.Adam(model.parameters(), lr=3e-3)
    starts = np.random.default_rng(1)
    for _ in range(120):
        batch = np.stack([TOKENS[i : i + 17] for i in starts.integers(0, len(TOKENS) - 17, 8)])
        logits = model(batch[:, :-1])
        loss = nn.functional.cross_entropy(logits.reshape((-1, len(VOCABULARY))), batch[:, 1:].ravel())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.6
    written = model.generate(TOKENS[None, :8], 12, temperature=0)
    assert "".join(VOCABULARY[i] for i in written.tolist()[0]) == TEXT[:20]


def test_generation_is_drawn_from_the_given_generator_and_the_likeliest():
    model = small_gpt()
    texts = np.array([[1, 2], [3, 4]])
    first, again = (model.generate(texts, 20, rng=np.random.default_rng(5)).tolist() for _ in range(2))
    assert first == again
    assert np.shape(first) == (2, 22)  # longer than the 16 that it sees at once
    greedy = model.generate(texts, 5, temperature=0).tolist()
    assert model.generate(texts, 5, top_k=1).tolist() == greedy
    with pytest.raises(ValueError, match="block_size"):
        model(np.zeros((1, 17), int))
