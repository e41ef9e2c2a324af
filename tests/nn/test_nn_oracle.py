"""Layers, losses and initialisers against PyTorch."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)) * 3
TARGET = np.array([3, 0, 2, 2, 1, 3])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.1])


def close(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape, bias):
    ours, theirs = nn.Linear(3, 2, bias, dtype="float64"), torch.nn.Linear(3, 2, bias, dtype=torch.float64)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = RNG.normal(size=shape)
    a, b = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    close(y, z)
    y.tanh().sum().backward()
    z.tanh().sum().backward()
    close(a.grad, b.grad)
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(our.grad, their.grad)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight": WEIGHT},
        {"ignore_index": 2},
        {"label_smoothing": 0.3},
        {"weight": WEIGHT, "ignore_index": 2, "label_smoothing": 0.3},
    ],
)
@pytest.mark.parametrize("case", ["classes", "probabilities", "images", "one"])
def test_cross_entropy(case, options, reduction):
    logits, target = {
        "classes": (LOGITS, TARGET),
        "probabilities": (LOGITS, RNG.dirichlet(np.ones(4), size=6)),
        "images": (RNG.normal(size=(2, 4, 3)), TARGET.reshape(2, 3)),
        "one": (LOGITS[0], TARGET[0]),
    }[case]
    if case == "probabilities":
        options = {key: value for key, value in options.items() if key != "ignore_index"}
    theirs_options = {key: torch.tensor(v) if key == "weight" else v for key, v in options.items()}
    a, b = pb.tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    soft = case == "probabilities"
    t, u = pb.tensor(target, requires_grad=soft), torch.tensor(target, requires_grad=soft)
    ours = nn.CrossEntropyLoss(reduction=reduction, **options)(a, t)
    theirs = torch.nn.CrossEntropyLoss(reduction=reduction, **theirs_options)(b, u)
    close(ours, theirs)
    (ours * ours).sum().backward()
    (theirs * theirs).sum().backward()
    close(a.grad, b.grad)
    if soft:
        close(t.grad, u.grad)


def test_cross_entropy_of_ignored_targets_only():
    a, b = pb.tensor(LOGITS, requires_grad=True), torch.tensor(LOGITS, requires_grad=True)
    ours = nn.functional.cross_entropy(a, np.full(6, -100))
    theirs = torch.nn.functional.cross_entropy(b, torch.full((6,), -100))
    ours.backward()
    theirs.backward()
    assert np.isnan(ours.item())
    assert np.isnan(theirs.item())
    close(a.grad, b.grad)


INITIALISERS = [
    ("uniform_", (-2, 3)),
    ("normal_", (1, 2)),
    ("xavier_uniform_", (2.0,)),
    ("xavier_normal_", ()),
    ("kaiming_uniform_", (5**0.5,)),
    ("kaiming_normal_", (0, "fan_out", "relu")),
]


@pytest.mark.parametrize("shape", [(120, 250), (40, 30, 5, 5)])
@pytest.mark.parametrize(("name", "arguments"), INITIALISERS)
def test_initialisers_have_the_same_moments(name, arguments, shape):
    torch.manual_seed(0)
    ours = getattr(nn.init, name)(pb.zeros(shape), *arguments).numpy().astype(float)
    theirs = getattr(torch.nn.init, name)(torch.zeros(shape), *arguments).numpy().astype(float)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.03 * theirs.std())
    assert ours.std() == pytest.approx(theirs.std(), rel=0.03)
    if "uniform" in name:
        assert (ours.min(), ours.max()) == pytest.approx((theirs.min(), theirs.max()), rel=0.01)


@pytest.mark.parametrize("name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"])
def test_gains(name):
    assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))


def test_a_model_trains_as_in_pytorch():
    ours = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).double()
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    x, y = RNG.normal(size=(20, 4)), RNG.integers(3, size=20)
    our_rule = pb.optim.Adam(ours.parameters(), lr=0.01)
    their_rule = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(50):
        our_rule.zero_grad()
        nn.CrossEntropyLoss()(ours(pb.tensor(x)), y).backward()
        our_rule.step()
        their_rule.zero_grad()
        torch.nn.CrossEntropyLoss()(theirs(torch.tensor(x)), torch.tensor(y)).backward()
        their_rule.step()
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(our.detach().numpy(), their.detach().numpy(), rtol=1e-8, atol=1e-10)


def test_initialisers_with_a_structure():
    for shape, groups in [((6, 2, 3, 4), 2), ((4, 8, 5), 1), ((3, 1, 2, 2, 2), 3)]:
        ours, theirs = nn.init.dirac_(pb.ones(shape), groups), torch.nn.init.dirac_(torch.ones(shape), groups)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    ours, theirs = (
        nn.init.trunc_normal_(pb.zeros(9999), 1, 2),
        torch.nn.init.trunc_normal_(torch.zeros(9999), 1, 2),
    )
    assert ours.numpy().mean() == pytest.approx(theirs.numpy().mean(), abs=0.05)
    assert ours.numpy().std() == pytest.approx(theirs.numpy().std(), rel=0.05)


@pytest.mark.parametrize("shape", [(), (4,), (2, 4)])
def test_bilinear(shape):
    ours = nn.Bilinear(3, 5, 2, dtype="float64")
    theirs = torch.nn.Bilinear(3, 5, 2, dtype=torch.float64)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    inputs = [RNG.normal(size=(*shape, n)) for n in (3, 5)]
    a, b = ([module(x, requires_grad=True) for x in inputs] for module in (pb.tensor, torch.tensor))
    y, z = ours(*a), theirs(*b)
    close(y, z)
    y.tanh().sum().backward()
    z.tanh().sum().backward()
    for our, their in zip([*a, *ours.parameters()], [*b, *theirs.parameters()], strict=True):
        close(our.grad, their.grad)


def test_containers_have_pytorchs_keys_after_editing():
    def edited(nn):
        model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(2, 2), nn.Linear(3, 3))
        model.insert(1, nn.Linear(4, 4))
        del model[2]
        layers = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.Linear(2, 2)])
        layers.insert(0, nn.Linear(5, 5))
        layers.pop(1)
        layers += [nn.ReLU(), nn.Linear(1, 1)]
        named = nn.ModuleDict({"b": model, "a": layers})
        named["w"] = nn.Sequential(nn.Linear(1, 2)) * 2
        return named

    ours, theirs = edited(nn), edited(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
