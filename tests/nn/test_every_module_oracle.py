"""Every module beside PyTorch's: keys, shapes, settings; outputs and gradients in double precision with one state."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

IMAGE, VOLUME, SIGNAL, ROWS = (2, 4, 6, 7), (2, 4, 5, 4, 6), (2, 4, 9), (5, 4)

# name, arguments, options, shapes of the inputs
MODULES = [
    ("Linear", (4, 3), {}, [ROWS]),
    ("Linear", (4, 3), {"bias": False}, [(2, 5, 4)]),
    ("Bilinear", (4, 3, 2), {}, [ROWS, (5, 3)]),
    ("Identity", (), {}, [ROWS]),
    ("Flatten", (1, 2), {}, [IMAGE]),
    ("Unflatten", (1, (2, 2)), {}, [IMAGE]),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "dilation": 2}, [SIGNAL]),
    ("Conv1d", (4, 6, 3), {"padding": "same", "padding_mode": "circular"}, [SIGNAL]),
    ("Conv2d", (4, 6, 3), {"stride": (2, 1), "padding": (1, 0), "groups": 2}, [IMAGE]),
    ("Conv2d", (4, 6, (3, 2)), {"padding": 1, "padding_mode": "reflect", "bias": False}, [IMAGE]),
    ("Conv2d", (4, 8, 3), {"groups": 4, "padding": "valid"}, [IMAGE]),
    ("Conv2d", (4, 5, 1), {}, [IMAGE]),
    ("Conv3d", (4, 2, 3), {"padding": 1, "padding_mode": "replicate"}, [VOLUME]),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}, [SIGNAL]),
    ("ConvTranspose2d", (4, 6, 3), {"stride": (2, 1), "groups": 2, "dilation": 2}, [IMAGE]),
    ("ConvTranspose3d", (4, 2, 2), {"bias": False}, [VOLUME]),
    ("Fold", ((4, 5), 2), {}, [(2, 8, 12)]),
    ("Unfold", ((2, 3),), {"padding": 1}, [IMAGE]),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, [SIGNAL]),
    ("MaxPool2d", (3,), {"stride": 2, "ceil_mode": True}, [IMAGE]),
    ("MaxPool3d", (2,), {"dilation": 2}, [VOLUME]),
    ("AvgPool1d", (3,), {"padding": 1}, [SIGNAL]),
    ("AvgPool2d", (3, 2), {"padding": 1, "count_include_pad": False}, [IMAGE]),
    ("AvgPool3d", (2,), {"divisor_override": 3}, [VOLUME]),
    ("LPPool1d", (2, 3), {}, [SIGNAL]),
    ("LPPool2d", (2, 2), {"stride": 1}, [IMAGE]),
    ("LPPool3d", (2, 2), {}, [VOLUME]),
    ("AdaptiveAvgPool1d", (4,), {}, [SIGNAL]),
    ("AdaptiveAvgPool2d", ((3, None),), {}, [IMAGE]),
    ("AdaptiveAvgPool3d", (2,), {}, [VOLUME]),
    ("AdaptiveMaxPool1d", (4,), {}, [SIGNAL]),
    ("AdaptiveMaxPool2d", (3,), {}, [IMAGE]),
    ("AdaptiveMaxPool3d", (2,), {}, [VOLUME]),
    ("BatchNorm1d", (4,), {}, [ROWS]),
    ("BatchNorm1d", (4,), {"momentum": None}, [SIGNAL]),
    ("BatchNorm2d", (4,), {"affine": False}, [IMAGE]),
    ("BatchNorm3d", (4,), {"track_running_stats": False}, [VOLUME]),
    ("LayerNorm", (7,), {}, [IMAGE]),
    ("LayerNorm", ((6, 7),), {"bias": False, "eps": 0.1}, [IMAGE]),
    ("GroupNorm", (2, 4), {}, [IMAGE]),
    ("InstanceNorm1d", (4,), {}, [SIGNAL]),
    ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, [IMAGE]),
    ("InstanceNorm3d", (4,), {}, [VOLUME]),
    ("RMSNorm", (7,), {}, [IMAGE]),
    ("LocalResponseNorm", (3,), {"k": 2.0}, [IMAGE]),
    ("Sigmoid", (), {}, [ROWS]),
    ("Tanh", (), {}, [ROWS]),
    ("ReLU", (), {}, [ROWS]),
    ("LeakyReLU", (0.2,), {}, [ROWS]),
    ("PReLU", (4,), {}, [ROWS]),
    ("ELU", (0.5,), {}, [ROWS]),
    ("SELU", (), {}, [ROWS]),
    ("CELU", (0.5,), {}, [ROWS]),
    ("GELU", (), {}, [ROWS]),
    ("GELU", ("tanh",), {}, [ROWS]),
    ("SiLU", (), {}, [ROWS]),
    ("Mish", (), {}, [ROWS]),
    ("Softplus", (2.0,), {"threshold": 1.0}, [ROWS]),
    ("Softsign", (), {}, [ROWS]),
    ("Hardtanh", (-0.5, 0.7), {}, [ROWS]),
    ("Hardsigmoid", (), {}, [ROWS]),
    ("Hardswish", (), {}, [ROWS]),
    ("ReLU6", (), {}, [ROWS]),
    ("Softmax", (1,), {}, [IMAGE]),
    ("Softmax2d", (), {}, [IMAGE]),
    ("Softmin", (0,), {}, [ROWS]),
    ("LogSoftmax", (1,), {}, [IMAGE]),
    ("LogSigmoid", (), {}, [ROWS]),
    ("GLU", (1,), {}, [IMAGE]),
    ("Threshold", (0.1, 2.0), {}, [ROWS]),
    ("Softshrink", (0.3,), {}, [ROWS]),
    ("Hardshrink", (0.3,), {}, [ROWS]),
    ("Tanhshrink", (), {}, [ROWS]),
    ("RNN", (4, 3), {"num_layers": 2, "nonlinearity": "relu", "bidirectional": True}, [(6, 2, 4)]),
    ("RNN", (4, 3), {"bias": False}, [(6, 4)]),
    ("LSTM", (4, 5), {"num_layers": 2, "batch_first": True, "proj_size": 3}, [(2, 6, 4)]),
    ("GRU", (4, 3), {"bidirectional": True}, [(6, 2, 4)]),
    ("RNNCell", (4, 3), {}, [ROWS]),
    ("LSTMCell", (4, 3), {}, [ROWS]),
    ("GRUCell", (4, 3), {"bias": False}, [ROWS]),
    ("MultiheadAttention", (4, 2), {}, [(5, 2, 4), (6, 2, 4), (6, 2, 4)]),
    ("MultiheadAttention", (4, 2), {"kdim": 3, "vdim": 5, "add_bias_kv": True, "batch_first": True},
     [(2, 5, 4), (2, 6, 3), (2, 6, 5)]),
    ("TransformerEncoderLayer", (4, 2, 8), {"dropout": 0.0}, [(5, 2, 4)]),
    ("TransformerDecoderLayer", (4, 2, 8), {"dropout": 0.0, "norm_first": True}, [(5, 2, 4), (6, 2, 4)]),
    ("Transformer", (4, 2, 1, 1, 8, 0.0), {"activation": "gelu"}, [(5, 2, 4), (6, 2, 4)]),
    ("ZeroPad1d", (1,), {}, [SIGNAL]),
    ("ZeroPad2d", ((1, 2, 0, 1),), {}, [IMAGE]),
    ("ZeroPad3d", (1,), {}, [VOLUME]),
    ("ConstantPad1d", (2, 3.5), {}, [SIGNAL]),
    ("ConstantPad2d", (1, 3.5), {}, [IMAGE]),
    ("ConstantPad3d", (1, 3.5), {}, [VOLUME]),
    ("ReflectionPad1d", (2,), {}, [SIGNAL]),
    ("ReflectionPad2d", (2,), {}, [IMAGE]),
    ("ReflectionPad3d", (1,), {}, [VOLUME]),
    ("ReplicationPad1d", (2,), {}, [SIGNAL]),
    ("ReplicationPad2d", (2,), {}, [IMAGE]),
    ("ReplicationPad3d", (1,), {}, [VOLUME]),
    ("CircularPad1d", (2,), {}, [SIGNAL]),
    ("CircularPad2d", (2,), {}, [IMAGE]),
    ("CircularPad3d", (1,), {}, [VOLUME]),
    ("PixelShuffle", (2,), {}, [IMAGE]),
    ("PixelUnshuffle", (2,), {}, [(2, 4, 6, 8)]),
    ("ChannelShuffle", (2,), {}, [IMAGE]),
    ("Upsample", (), {"scale_factor": 2}, [IMAGE]),
    ("Upsample", (), {"size": (4, 9), "mode": "bilinear", "align_corners": True}, [IMAGE]),
    ("Upsample", (), {"scale_factor": 1.5, "mode": "bicubic"}, [IMAGE]),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, [IMAGE]),
    ("UpsamplingBilinear2d", (), {"scale_factor": 2}, [IMAGE]),
    ("CosineSimilarity", (1,), {}, [ROWS, ROWS]),
    ("PairwiseDistance", (), {}, [ROWS, ROWS]),
    ("Dropout", (0.0,), {}, [ROWS]),
    ("Dropout1d", (0.0,), {}, [SIGNAL]),
    ("Dropout2d", (0.0,), {}, [IMAGE]),
    ("Dropout3d", (0.0,), {}, [VOLUME]),
    ("AlphaDropout", (0.0,), {}, [ROWS]),
    ("FeatureAlphaDropout", (0.0,), {}, [ROWS]),
    ("MSELoss", (), {}, [ROWS, ROWS]),
    ("L1Loss", (), {"reduction": "sum"}, [ROWS, ROWS]),
    ("SmoothL1Loss", (), {"beta": 0.5}, [ROWS, ROWS]),
    ("HuberLoss", (), {"delta": 0.5}, [ROWS, ROWS]),
    ("BCEWithLogitsLoss", (), {}, [ROWS, ROWS]),
    ("PoissonNLLLoss", (), {}, [ROWS, ROWS]),
    ("SoftMarginLoss", (), {}, [ROWS, ROWS]),
    ("CosineEmbeddingLoss", (), {"margin": 0.2}, [ROWS, ROWS, (5,)]),
    ("MarginRankingLoss", (), {"margin": 0.2}, [(5,), (5,), (5,)]),
    ("TripletMarginLoss", (), {}, [ROWS, ROWS, ROWS]),
    ("HingeEmbeddingLoss", (), {}, [ROWS, ROWS]),
    ("KLDivLoss", (), {"reduction": "batchmean", "log_target": True}, [ROWS, ROWS]),
    ("MultiLabelSoftMarginLoss", (), {}, [ROWS, ROWS]),
    ("CrossEntropyLoss", (), {"label_smoothing": 0.1}, [ROWS, ROWS]),
]  # fmt: skip

ROUGH = {"Hardsigmoid": 1e-7}  # PyTorch's kernel has its slope of 1/6 in single precision


def flat(value):
    if isinstance(value, (tuple, list)):
        return [part for item in value for part in flat(item)]
    return [] if value is None else [value]


def made(name, arguments, options):
    ours, theirs = (getattr(package, name)(*arguments, **options) for package in (nn, torch.nn))
    return ours.double(), theirs.double()


def inputs_for(name, shapes):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    if name in ("CosineEmbeddingLoss", "MarginRankingLoss", "SoftMarginLoss", "HingeEmbeddingLoss"):
        arrays[-1] = np.sign(arrays[-1])
    elif name in ("BCEWithLogitsLoss", "MultiLabelSoftMarginLoss", "PoissonNLLLoss"):
        arrays[-1] = (arrays[-1] > 0).astype(float)
    elif name == "CrossEntropyLoss":
        arrays[-1] = np.abs(arrays[-1]) / np.abs(arrays[-1]).sum(axis=1, keepdims=True)
    return arrays


pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")]


@pytest.mark.parametrize(
    ("name", "arguments", "options", "shapes"),
    MODULES,
    ids=[f"{i}-{case[0]}" for i, case in enumerate(MODULES)],
)
def test_module(tmp_path, name, arguments, options, shapes):
    ours, theirs = made(name, arguments, options)
    state = theirs.state_dict()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: tuple(v.shape) for k, v in state.items()}
    assert list(ours.state_dict()) == list(state)
    safetensors_torch.save_file(state, tmp_path / "theirs.safetensors")
    ours.load_state_dict(pb.load(tmp_path / "theirs.safetensors"))
    arrays = inputs_for(name, shapes)
    tracked = arrays[:-1] if name.endswith("Loss") and len(arrays) > 1 else arrays
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        a = [pb.tensor(x, requires_grad=i < len(tracked)) for i, x in enumerate(arrays)]
        b = [torch.tensor(x, requires_grad=i < len(tracked)) for i, x in enumerate(arrays)]
        y, z = flat(ours(*a)), flat(theirs(*b))
        assert len(y) == len(z)
        for our, their in zip(y, z, strict=True):
            np.testing.assert_allclose(our.detach().numpy(), their.detach().numpy(), rtol=1e-9, atol=1e-11)
        ours.zero_grad()
        theirs.zero_grad()
        weights = [np.random.default_rng(i).normal(size=part.shape) for i, part in enumerate(y)]
        sum((our * w).sum() for our, w in zip(y, weights, strict=True)).backward()
        sum((their * torch.tensor(w)).sum() for their, w in zip(z, weights, strict=True)).backward()
        pairs = [*zip(a[: len(tracked)], b[: len(tracked)], strict=True)]
        pairs += [*zip(ours.parameters(), theirs.parameters(), strict=True)]
        for our, their in pairs:
            expected = np.zeros(our.shape) if their.grad is None else their.grad.numpy()
            found = np.zeros(our.shape) if our.grad is None else our.grad.numpy()
            np.testing.assert_allclose(found, expected, rtol=ROUGH.get(name, 1e-8), atol=1e-10)
    for (key, our), their in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=1e-10, atol=1e-12, err_msg=key)
    pb.save(ours.state_dict(), tmp_path / "ours.safetensors")
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "ours.safetensors"))


def test_settings_are_shown_as_in_pytorch():
    different = []
    for name, arguments, options, _ in MODULES:
        ours, theirs = made(name, arguments, options)
        shows_more = name.endswith("Loss") or "MultiheadAttention" in repr(
            theirs
        )  # of which PyTorch shows nothing
        if repr(ours) != repr(theirs) and not shows_more:
            different.append(f"{ours!r}  |  {theirs!r}")
    assert not different, "\n".join(different)


LARGE = [
    ("Linear", (100, 200)), ("Bilinear", (20, 30, 40)), ("Conv1d", (30, 40, 5)), ("Conv2d", (20, 40, 3)),
    ("Conv3d", (10, 20, 3)), ("ConvTranspose1d", (30, 40, 5)), ("ConvTranspose2d", (20, 40, 3)),
    ("ConvTranspose3d", (10, 20, 3)), ("Embedding", (200, 100)), ("EmbeddingBag", (200, 100)), ("RNN", (40, 100)),
    ("LSTM", (40, 60)), ("GRU", (40, 60)), ("RNNCell", (40, 100)), ("LSTMCell", (40, 60)), ("GRUCell", (40, 60)),
    ("MultiheadAttention", (100, 2)), ("TransformerEncoderLayer", (60, 2, 100)), ("Transformer", (40, 2, 1, 1, 80)),
    ("BatchNorm2d", (50,)), ("LayerNorm", (50,)), ("GroupNorm", (5, 50)), ("RMSNorm", (50,)), ("PReLU", (50,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), LARGE, ids=[name for name, _ in LARGE])
def test_start_values_have_the_same_distribution(name, arguments):
    torch.manual_seed(0)
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    at = np.linspace(0, 1, 21)[1:-1]
    for (key, our), (other, their) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert key == other
        a, b = our.detach().numpy().ravel(), their.detach().numpy().ravel()
        spread = b.std()
        if spread < 1e-7:
            np.testing.assert_array_equal(a, b, err_msg=key)
            continue
        slack = 4 * spread / np.sqrt(a.size)
        np.testing.assert_allclose(
            np.quantile(a, at), np.quantile(b, at), atol=2 * slack, rtol=0, err_msg=key
        )
        if abs(b).max() < 1.8 * spread:  # a uniform distribution has sharp ends
            assert abs(abs(a).max() - abs(b).max()) < slack, key
