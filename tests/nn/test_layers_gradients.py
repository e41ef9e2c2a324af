"""Gradients of every layer and loss against differences: none is left out, and there is no false alarm."""

import inspect
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.autograd.gradcheck import Verdict

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


def positive(*shape):
    return RNG.uniform(0.2, 0.8, shape)


SEQUENCE = normal(3, 2, 4)  # time, batch, features
IMAGE, VOLUME, SIGNAL = normal(2, 4, 6, 6), normal(1, 2, 4, 4, 4), normal(2, 4, 8)
LOGITS, CLASSES = normal(3, 5), np.array([1, 0, 4])
SIGNS = np.array([1.0, -1.0, 1.0])


def case(module, *inputs, wrap=None):
    return module, inputs, wrap


def unpooled(dims, x):
    pool = getattr(nn, f"MaxPool{dims}d")(2, return_indices=True)
    return nn.Sequential(), (x,), lambda x: getattr(nn, f"MaxUnpool{dims}d")(2)(*pool(x))


def activations():
    plain = (
        "CELU ELU GELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid Mish PReLU ReLU ReLU6 SELU "
        "SiLU Sigmoid Softplus Softshrink Softsign Tanh Tanhshrink Identity"
    )
    yield from ((name, case(getattr(nn, name)(), normal(3, 4))) for name in plain.split())
    yield "Threshold", case(nn.Threshold(0.1, 2.0), normal(3, 4))
    yield "GLU", case(nn.GLU(), normal(3, 4))
    yield "RReLU", case(nn.RReLU().eval(), normal(3, 4))
    yield from (
        (name, case(getattr(nn, name)(dim=1), normal(3, 4))) for name in ("Softmax", "LogSoftmax", "Softmin")
    )
    yield "Softmax2d", case(nn.Softmax2d(), IMAGE)
    yield "Maxout", case(nn.Maxout(4, 3, 2), normal(3, 4))


def movement():
    yield "Flatten", case(nn.Flatten(), IMAGE)
    yield "Unflatten", case(nn.Unflatten(1, (2, 2)), normal(3, 4))
    yield "Fold", case(nn.Fold((4, 5), (2, 2)), normal(2, 8, 12))
    yield "Unfold", case(nn.Unfold((2, 3), padding=1), normal(1, 2, 4, 4))
    yield "PixelShuffle", case(nn.PixelShuffle(2), IMAGE)
    yield "PixelUnshuffle", case(nn.PixelUnshuffle(2), IMAGE)
    yield "ChannelShuffle", case(nn.ChannelShuffle(2), IMAGE)
    for mode in ("nearest", "bilinear", "bicubic"):
        yield "Upsample", case(nn.Upsample(scale_factor=1.5, mode=mode), normal(1, 2, 3, 3))
    yield "UpsamplingNearest2d", case(nn.UpsamplingNearest2d(scale_factor=2), normal(1, 2, 3, 3))
    yield "UpsamplingBilinear2d", case(nn.UpsamplingBilinear2d(scale_factor=2), normal(1, 2, 3, 3))
    for dims, x in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        for kind in ("Reflection", "Replication", "Circular", "Zero"):
            yield f"{kind}Pad{dims}d", case(getattr(nn, f"{kind}Pad{dims}d")(1), x)
        yield f"ConstantPad{dims}d", case(getattr(nn, f"ConstantPad{dims}d")(1, 2.0), x)


def windows():
    for dims, x in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        channels = x.shape[1]
        yield f"Conv{dims}d", case(getattr(nn, f"Conv{dims}d")(channels, 2, 3, stride=2, padding=1), x)
        yield (
            f"Conv{dims}d",
            case(getattr(nn, f"Conv{dims}d")(channels, channels, 2, groups=channels, dilation=2), x),
        )
        yield (
            f"ConvTranspose{dims}d",
            case(getattr(nn, f"ConvTranspose{dims}d")(channels, 2, 3, stride=2), x[..., :3]),
        )
        yield f"MaxPool{dims}d", case(getattr(nn, f"MaxPool{dims}d")(2), x)
        yield f"AvgPool{dims}d", case(getattr(nn, f"AvgPool{dims}d")(2), x)
        yield f"LPPool{dims}d", case(getattr(nn, f"LPPool{dims}d")(2, 2), x)
        yield f"AdaptiveMaxPool{dims}d", case(getattr(nn, f"AdaptiveMaxPool{dims}d")(3), x)
        yield f"AdaptiveAvgPool{dims}d", case(getattr(nn, f"AdaptiveAvgPool{dims}d")(3), x)
        yield f"MaxUnpool{dims}d", unpooled(dims, x)
    yield "FractionalMaxPool2d", case(nn.FractionalMaxPool2d(2, output_size=3).eval(), IMAGE)
    yield "FractionalMaxPool3d", case(nn.FractionalMaxPool3d(2, output_size=2).eval(), VOLUME)


def norms():
    for dims, x in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        channels = x.shape[1]
        yield f"BatchNorm{dims}d", case(getattr(nn, f"BatchNorm{dims}d")(channels), x)
        yield f"BatchNorm{dims}d", case(getattr(nn, f"BatchNorm{dims}d")(channels).eval(), x)
        yield f"InstanceNorm{dims}d", case(getattr(nn, f"InstanceNorm{dims}d")(channels, affine=True), x)
    yield "LayerNorm", case(nn.LayerNorm(4), normal(3, 4))
    yield "GroupNorm", case(nn.GroupNorm(2, 4), IMAGE)
    yield "RMSNorm", case(nn.RMSNorm(4), normal(3, 4))
    yield "LocalResponseNorm", case(nn.LocalResponseNorm(3), IMAGE)


def layers():
    yield "Linear", case(nn.Linear(4, 3), normal(2, 4))
    yield "LazyLinear", case(lazy_linear(), normal(2, 4))
    yield "Bilinear", case(nn.Bilinear(3, 4, 2), normal(2, 3), normal(2, 4))
    yield "Embedding", case(nn.Embedding(5, 3), np.array([[0, 4], [1, 1]]))
    yield "EmbeddingBag", case(nn.EmbeddingBag(5, 3), np.array([[0, 4], [1, 1]]))
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
        yield name, case(getattr(nn, name)(0.5).eval(), VOLUME if name.endswith("3d") else SIGNAL)
    yield "DropConnect", case(nn.DropConnect(nn.Linear(4, 3)).eval(), normal(2, 4))
    yield "StochasticDepth", case(nn.StochasticDepth(0.5, "row").eval(), normal(2, 4))
    for name in ("RNN", "LSTM", "GRU"):
        yield name, case(getattr(nn, name)(4, 3, num_layers=2, bidirectional=True), SEQUENCE)
        yield f"{name}Cell", case(getattr(nn, f"{name}Cell")(4, 3), normal(2, 4))
    yield "MultiheadAttention", case(nn.MultiheadAttention(4, 2), SEQUENCE, SEQUENCE, SEQUENCE)
    small = {"nhead": 2, "dim_feedforward": 5, "dropout": 0.0}
    yield "TransformerEncoderLayer", case(nn.TransformerEncoderLayer(4, **small), SEQUENCE)
    yield "TransformerDecoderLayer", case(nn.TransformerDecoderLayer(4, **small), SEQUENCE, SEQUENCE[:2])
    yield (
        "TransformerEncoder",
        case(nn.TransformerEncoder(nn.TransformerEncoderLayer(4, **small), 2), SEQUENCE),
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, **small), 1)
    yield "TransformerDecoder", case(decoder, SEQUENCE, SEQUENCE[:2])
    whole = nn.Transformer(4, num_encoder_layers=1, num_decoder_layers=1, **small)
    yield "Transformer", case(whole, SEQUENCE, SEQUENCE[:2])
    yield "LearnedPositionalEncoding", case(nn.LearnedPositionalEncoding(4, 5), SEQUENCE)
    yield "SinusoidalPositionalEncoding", case(nn.SinusoidalPositionalEncoding(4), SEQUENCE)
    yield "CosineSimilarity", case(nn.CosineSimilarity(), normal(3, 4), normal(3, 4))
    yield "PairwiseDistance", case(nn.PairwiseDistance(), normal(3, 4), normal(3, 4))


def lazy_linear():
    layer = nn.LazyLinear(3)
    layer(pb.ones((1, 4)))
    return layer


def losses():
    same = "MSELoss L1Loss SmoothL1Loss HuberLoss"
    yield from ((name, case(getattr(nn, name)(), normal(3, 4), normal(3, 4))) for name in same.split())
    yield "CrossEntropyLoss", case(nn.CrossEntropyLoss(label_smoothing=0.1), LOGITS, CLASSES)
    yield "NLLLoss", case(nn.NLLLoss(), LOGITS, CLASSES)
    yield "MulticlassHingeLoss", case(nn.MulticlassHingeLoss(), LOGITS, CLASSES)
    yield "MultiMarginLoss", case(nn.MultiMarginLoss(), LOGITS, CLASSES)
    yield (
        "MultiLabelMarginLoss",
        case(nn.MultiLabelMarginLoss(), normal(2, 4), np.array([[3, 0, -1, 1], [2, -1, 0, 1]])),
    )
    yield "MultiLabelSoftMarginLoss", case(nn.MultiLabelSoftMarginLoss(), normal(3, 4), positive(3, 4))
    yield "BCELoss", case(nn.BCELoss(), positive(3, 4), positive(3, 4))
    yield "BCEWithLogitsLoss", case(nn.BCEWithLogitsLoss(), normal(3, 4), positive(3, 4))
    yield "KLDivLoss", case(nn.KLDivLoss(reduction="batchmean"), normal(3, 4), positive(3, 4))
    yield "HingeEmbeddingLoss", case(nn.HingeEmbeddingLoss(), normal(3), SIGNS)
    yield "SoftMarginLoss", case(nn.SoftMarginLoss(), normal(3), SIGNS)
    yield "MarginRankingLoss", case(nn.MarginRankingLoss(0.1), normal(3), normal(3), SIGNS)
    yield "CosineEmbeddingLoss", case(nn.CosineEmbeddingLoss(), normal(3, 4), normal(3, 4), SIGNS)
    yield "TripletMarginLoss", case(nn.TripletMarginLoss(), normal(3, 4), normal(3, 4), normal(3, 4))
    distance = nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance())
    yield "TripletMarginWithDistanceLoss", case(distance, normal(3, 4), normal(3, 4), normal(3, 4))
    yield "PoissonNLLLoss", case(nn.PoissonNLLLoss(), normal(3), positive(3))
    yield "GaussianNLLLoss", case(nn.GaussianNLLLoss(), normal(3), normal(3), positive(3))
    ctc = (normal(6, 2, 4), np.array([[1, 2, 3], [2, 2, 1]]), np.array([6, 5]), np.array([3, 2]))
    yield (
        "CTCLoss",
        case(nn.CTCLoss(), *ctc, wrap=lambda x, *rest: nn.CTCLoss()(pb.log_softmax(x, axis=-1), *rest)),
    )


# containers and bases have no gradient of their own
BASES = {"Module", "RNNBase", "RNNCellBase"}  # what layers derive from
EXEMPT = BASES | {"Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
CASES = [entry for group in (activations, movement, windows, norms, layers, losses) for entry in group()]


def test_every_module_has_an_entry():
    public = {
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
    }
    assert public - {name for name, _ in CASES} - EXEMPT == set()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "entry"), CASES, ids=[name for name, _ in CASES])
def test_its_gradients_agree(name, entry, dtype):
    module, inputs, wrap = entry
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        result = pb.gradcheck(wrap or module, inputs, dtype=dtype, directions=2, max_elements=20)
    assert result.verdict is not Verdict.FAIL, result
    assert dtype == np.float32 or result.ok, result
