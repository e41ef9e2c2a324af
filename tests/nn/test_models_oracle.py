"""The models against torchvision's: keys, shapes, and outputs with the same weights."""

import numpy as np
import pytest

import pullback as pb
from pullback.nn import models

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")
torchvision_models = pytest.importorskip("torchvision.models")

NAMES = [
    "alexnet", "vgg11", "vgg11_bn", "resnet18", "resnet50", "resnext50_32x4d", "googlenet", "squeezenet1_0",
    "squeezenet1_1", "densenet121", "densenet161", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "mobilenet_v2",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:The default weight initialization of GoogleNet")
@pytest.mark.parametrize("name", NAMES)
def test_outputs_with_the_same_weights(name):
    theirs = getattr(torchvision_models, name)().eval()
    for key, value in theirs.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    ours = getattr(models, name)().eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(2, 3, 96, 96)).astype(np.float32)
    with torch.no_grad(), pb.no_grad():
        expected, found = theirs(torch.tensor(x)).numpy(), ours(pb.tensor(x)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
