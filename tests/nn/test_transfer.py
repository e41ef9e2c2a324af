"""New heads for all models of the zoo, and features below them."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import models
from pullback.nn.utils import features, replace_head

ZOO = {
    "alexnet": (lambda: models.AlexNet(4), ["classifier.6"]),
    "vgg11": (lambda: models.vgg11(4), ["classifier.6"]),
    "resnet18": (lambda: models.resnet18(4), ["fc"]),
    "googlenet": (lambda: models.googlenet(4), ["fc", "aux1.fc2", "aux2.fc2"]),
    "googlenet alone": (lambda: models.googlenet(4, aux_logits=False), ["fc"]),
    "squeezenet1_1": (lambda: models.squeezenet1_1(4), ["classifier.1"]),
    "densenet": (lambda: models.DenseNet(4, (1, 1), 8, num_classes=4), ["classifier"]),
    "shufflenet": (lambda: models.shufflenet_v2_x0_5(4), ["fc"]),
    "mobilenet": (lambda: models.mobilenet_v2(4), ["classifier.1"]),
    "lenet": (lambda: models.lenet5(4), ["fc3"]),
    "char": (lambda: models.char_rnn(4, 3), ["head"]),
    "seq2seq": (lambda: models.Seq2Seq(5, 4, 3, 4), ["decoder.head"]),
    "captioner": (lambda: models.Captioner(4, 3, 4, grid=2), ["decoder.head"]),
    "sequential": (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4), nn.ReLU()), ["2"]),
}


@pytest.fixture
def nothing_drawn(monkeypatch):
    """Start values take longer than all the rest."""
    for module in (nn.init.fill, nn.init.structure):
        monkeypatch.setattr(module, "write", lambda tensor, values: tensor)


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize("name", ZOO)
def test_the_head_of_every_model_is_replaced_and_nothing_else(name):
    make, heads = ZOO[name]
    model = make().eval()
    before = dict(model.named_parameters())
    assert replace_head(model, 7) is model
    after = dict(model.named_parameters())
    assert list(after) == list(before)
    changed = [path for path in after if after[path] is not before[path]]
    assert sorted(changed) == sorted(f"{head}.{part}" for head in heads for part in ("weight", "bias"))
    for path in changed:
        assert after[path].shape == (7, *before[path].shape[1:])
        assert after[path].requires_grad
    assert not any(module.training for module in model.modules())


def test_a_new_head_is_drawn_from_the_generator_and_has_the_old_ones_form():
    def fresh(seed):
        base = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4, bias=False)).double()
        return replace_head(base, 5, rng=np.random.default_rng(seed))

    first, again, other = fresh(1), fresh(1), fresh(2)
    assert first[1].weight.dtype == np.float64
    assert first[1].bias is None
    np.testing.assert_array_equal(first[1].weight.detach().numpy(), again[1].weight.detach().numpy())
    assert not np.array_equal(first[1].weight.detach().numpy(), other[1].weight.detach().numpy())
    assert first(pb.ones((1, 2), dtype="float64")).shape == (1, 5)


def test_heads_that_cannot_be_replaced_are_left():
    with pytest.raises(ValueError, match="make a new one"):
        replace_head(nn.Linear(2, 3), 5)
    with pytest.raises(ValueError, match="has no parameters"):
        replace_head(nn.Sequential(nn.ReLU()), 5)
    with pytest.raises(ValueError, match="'1', a BatchNorm1d"):
        replace_head(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), 5)
    with pytest.raises(ValueError, match="num_classes"):
        replace_head(nn.Sequential(nn.Linear(2, 3)), 0)
    gpt = models.GPT(5, 8, 1, 1, 4)
    table = gpt.lm_head.weight
    with pytest.raises(ValueError, match=r"that of 'transformer.wte.weight' as well"):
        replace_head(gpt, 6)
    assert gpt.lm_head.weight is table


def test_features_are_what_goes_into_the_head():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(4, 6, rng=rng), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3, rng=rng)
    )
    model[1].eval()
    x = pb.tensor(rng.normal(size=(10, 4)).astype(np.float32))
    found = features(model, x, batch_size=3)
    assert found.shape == (10, 6)
    assert not found.requires_grad
    modes = [module.training for module in model.modules()]
    assert modes == [True, True, False, True, True]
    model.eval()
    np.testing.assert_allclose(found.numpy(), model[1](model[0](x)).detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(model[3](found).detach().numpy(), model(x).detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(
        features(model, x.numpy(), "0").numpy(), model[0](x).detach().numpy(), rtol=1e-6
    )
    assert model[0]._forward_hooks is None or not model[0]._forward_hooks.after


def test_features_of_the_zoo():
    model = models.LeNet5(image_size=28, rng=np.random.default_rng(0))
    x = pb.zeros((3, 1, 28, 28))
    assert features(model, x).shape == (3, 84)
    assert features(model, x, "conv2").shape == (3, 1600)
    squeeze = models.squeezenet1_1(4)
    assert features(squeeze, pb.zeros((2, 3, 32, 32))).shape[0] == 2


def test_features_that_are_none_are_refused():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    with pytest.raises(ValueError, match="no layer 'top'; its layers are 0, 1"):
        features(model, pb.zeros((1, 2)), "top")
    with pytest.raises(ValueError, match="at least one"):
        features(model, pb.zeros((0, 2)))
    recurrent = nn.Sequential(nn.LSTM(2, 3))
    with pytest.raises(ValueError, match="gave a tuple for 4 inputs"):
        features(recurrent, pb.zeros((4, 1, 2)), "0")

    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    model = Idle()
    with pytest.raises(ValueError, match="'idle' did not run"):
        features(model, pb.zeros((1, 2)))
    assert not model.idle._forward_hooks.before
