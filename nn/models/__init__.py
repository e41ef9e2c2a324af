"""Models by name. Those for images have torchvision's keys and shapes, so that its published weights load:

`model.load_state_dict(nn.load_torch("resnet18.pth"))`, and then `model.eval()`.

One file for each family, made of the layers of `nn`. A layer that others can use does not live here, and neither does
what trains a model or reads its data.
"""

from .alexnet import AlexNet, alexnet
from .captioner import Captioner
from .char_rnn import CharRNN, char_lstm, char_rnn
from .decoder import AttentionDecoder, SoftAttention
from .decoding import Hypothesis, beam_search, sample_tokens
from .densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from .googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from .gpt import GPT
from .lenet import LeNet5, lenet5
from .mobilenetv2 import MobileNetV2, mobilenet_v2
from .resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
)
from .seq2seq import Seq2Seq
from .shufflenetv2 import (
    ShuffleNetV2,
    shufflenet_v2_x0_5,
    shufflenet_v2_x1_0,
    shufflenet_v2_x1_5,
    shufflenet_v2_x2_0,
)
from .squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from .vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn

__all__ = [
    "GPT",
    "VGG",
    "AlexNet",
    "AttentionDecoder",
    "BasicBlock",
    "Bottleneck",
    "Captioner",
    "CharRNN",
    "DenseNet",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "Hypothesis",
    "LeNet5",
    "MobileNetV2",
    "ResNet",
    "Seq2Seq",
    "ShuffleNetV2",
    "SoftAttention",
    "SqueezeNet",
    "alexnet",
    "beam_search",
    "char_lstm",
    "char_rnn",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "googlenet",
    "lenet5",
    "mobilenet_v2",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "sample_tokens",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
    "squeezenet1_0",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]
