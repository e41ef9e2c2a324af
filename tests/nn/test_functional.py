"""The declared operations of nn: values against plain formulas, gradients against numerical ones,
refusals."""

import numpy as np
import pytest

import pullback as pb
from pullback.nn import functional as F  # noqa: N812 - the field's abbreviation

RNG = np.random.default_rng(3)
LOGITS = RNG.normal(size=(5, 4))
TARGET = np.array([3, 0, 2, 2, 1])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.1])


def plain_cross_entropy(
    logits, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """Sample by sample and class by class, from the definition."""
    n, classes = logits.shape
    weight = np.ones(classes) if weight is None else weight
    losses, total = np.zeros(n), 0.0
    for i in range(n):
        if target[i] == ignore_index:
            continue
        p = np.exp(logits[i]) / np.exp(logits[i]).sum()
        for c in range(classes):
            share = (1 - label_smoothing) * (c == target[i]) + label_smoothing / classes
            losses[i] -= weight[c] * share * np.log(p[c])
        total += weight[target[i]]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]


def slope_of(function):
    """A function of the gradient of another, to check second derivatives with."""

    def slope(*inputs):
        with pb.enable_grad():
            for x in inputs:
                x.requires_grad_()
            gradients = pb.gradients(function(*inputs), inputs, create_graph=True)
            return sum(
                (g * pb.cos(pb.arange(g.size, dtype=g.dtype)).reshape(g.shape)).sum() for g in gradients
            )

    return slope


OPTIONS = [
    {},
    {"weight": WEIGHT},
    {"ignore_index": 2},
    {"label_smoothing": 0.3},
    {"weight": WEIGHT, "ignore_index": 2, "label_smoothing": 0.3},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_its_definition(options, reduction):
    loss = F.cross_entropy(LOGITS, TARGET, reduction=reduction, **options)
    expected = plain_cross_entropy(LOGITS, TARGET, reduction=reduction, **options)
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_gradient_of_cross_entropy_to_second_order(options, reduction):
    x = pb.tensor(LOGITS, requires_grad=True)
    upstream = RNG.normal(size=TARGET.shape if reduction == "none" else ())

    def loss(x):
        return (F.cross_entropy(x, TARGET, reduction=reduction, **options) * upstream).sum()

    pb.gradcheck(loss, (x,)).assert_ok()
    pb.gradcheck(slope_of(loss), (x,)).assert_ok()


def test_probabilities_as_targets():
    shares = RNG.dirichlet(np.ones(4), size=5)
    x = pb.tensor(LOGITS, requires_grad=True)
    q = pb.tensor(shares, requires_grad=True)
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(F.cross_entropy(x, q).item(), -(shares * log_p).sum() / 5)
    smoothed = 0.8 * shares + 0.2 / 4
    np.testing.assert_allclose(
        F.cross_entropy(x, q, WEIGHT, label_smoothing=0.2, reduction="none").detach().numpy(),
        -(WEIGHT * smoothed * log_p).sum(axis=1),
    )
    pb.gradcheck(lambda x, q: F.cross_entropy(x, q, WEIGHT, label_smoothing=0.2), (x, q)).assert_ok()


def test_one_hot_probabilities_equal_classes():
    np.testing.assert_allclose(
        F.cross_entropy(LOGITS, np.eye(4)[TARGET]).item(), F.cross_entropy(LOGITS, TARGET).item()
    )


def test_one_sample_and_further_axes():
    whole = F.cross_entropy(LOGITS, TARGET, reduction="none").numpy()
    np.testing.assert_allclose(F.cross_entropy(LOGITS[1], TARGET[1]).item(), whole[1])
    assert F.cross_entropy(pb.tensor(LOGITS[1]), 0).item() == pytest.approx(whole[1])
    images = np.moveaxis(LOGITS[:4].reshape(2, 2, 4), -1, 1)
    losses = F.cross_entropy(images, TARGET[:4].reshape(2, 2), reduction="none")
    np.testing.assert_allclose(losses.numpy(), whole[:4].reshape(2, 2))


def test_cross_entropy_stays_exact_for_huge_logits():
    x = pb.tensor(np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], np.float32), requires_grad=True)
    loss = F.cross_entropy(x, np.array([0, 0]), reduction="none")
    assert loss.tolist() == [0.0, 2e4]
    loss.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 0.0], [-1.0, 1.0, 0.0]]


def test_a_masked_class_gives_no_nan():
    x = pb.tensor([[0.0, -np.inf, 0.0]], requires_grad=True)
    loss = F.cross_entropy(x, np.array([0]))
    loss.backward()
    np.testing.assert_allclose([loss.item(), *x.grad.tolist()[0]], [np.log(2), -0.5, 0.0, 0.5], rtol=1e-6)


def test_a_masked_class_costs_a_soft_target_nothing():
    x = pb.tensor([[0.0, -np.inf, 0.0]], requires_grad=True)
    target = pb.tensor([[0.5, 0.0, 0.5]])
    loss = F.cross_entropy(x, target)
    np.testing.assert_allclose(loss.item(), np.log(2), rtol=1e-6)
    (g,) = pb.gradients(loss, [x], create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), 0, atol=1e-6)
    assert np.isfinite(pb.gradients((g * g).sum(), [x])[0].numpy()).all()


def test_the_mean_of_no_samples_is_nan_and_its_gradient_zero():
    x = pb.tensor(LOGITS, requires_grad=True)
    loss = F.cross_entropy(x, np.full(5, 7), ignore_index=7)
    loss.backward()
    assert np.isnan(loss.item())
    assert not x.grad.numpy().any()
    assert np.isnan(F.cross_entropy(pb.zeros((0, 3)), np.zeros(0, int)).item())
    assert F.cross_entropy(pb.zeros((0, 3)), np.zeros(0, int), reduction="sum").item() == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_keeps_the_dtype(dtype):
    x = pb.tensor(LOGITS.astype(dtype), requires_grad=True)
    for options in ({}, {"weight": WEIGHT}, {"label_smoothing": 0.1, "weight": WEIGHT}):
        for reduction in ("mean", "none"):
            loss = F.cross_entropy(x, TARGET.astype(np.uint8), reduction=reduction, **options)
            assert loss.dtype == dtype
    assert F.cross_entropy(x, np.eye(4)[TARGET]).dtype == dtype


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((LOGITS, TARGET[:, None]), {}, ValueError, r"shape \(5,\), not \(5, 1\); it has one axis too many"),
        ((LOGITS, np.eye(4, dtype=int)[TARGET]), {}, ValueError, "one-hot rows as floating numbers"),
        ((LOGITS, TARGET[:3]), {}, ValueError, r"input of shape \(5, 4\) have shape \(5,\), not \(3,\)"),
        ((LOGITS, TARGET + 1), {}, ValueError, "target 4 is not a class: the input has 4 of them"),
        ((LOGITS, TARGET - 1), {}, ValueError, "target -1 is not a class"),
        (
            (LOGITS, TARGET.astype(float)),
            {},
            ValueError,
            r"class numbers are integers: target.astype\('int64'\)",
        ),
        ((LOGITS, TARGET > 1), {}, TypeError, "not bool"),
        ((LOGITS.astype(int), TARGET), {}, TypeError, "floating logits"),
        ((LOGITS, TARGET, WEIGHT[:3]), {}, ValueError, r"weight must have shape \(4,\), not \(3,\)"),
        ((LOGITS, TARGET), {"reduction": "avg"}, ValueError, "reduction must be"),
        ((LOGITS, TARGET), {"label_smoothing": -0.1}, ValueError, "label_smoothing must lie"),
    ],
)
def test_cross_entropy_refuses(arguments, options, error, message):
    with pytest.raises(error, match=message):
        F.cross_entropy(*arguments, **options)


def test_class_weights_that_want_a_gradient_are_refused():
    weight = pb.tensor(WEIGHT, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"no gradient with respect to 'weight'"):
        F.cross_entropy(pb.tensor(LOGITS, requires_grad=True), TARGET, weight)


# linear


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_is_its_formula_to_second_order(shape, with_bias):
    values = [RNG.normal(size=s) for s in (shape, (2, 3), (2,))][: 3 if with_bias else 2]
    expected = values[0] @ values[1].T + (values[2] if with_bias else 0)
    inputs = tuple(pb.tensor(v, requires_grad=True) for v in values)
    result = F.linear(*inputs)
    assert result.shape == (*shape[:-1], 2)
    np.testing.assert_allclose(result.detach().numpy(), expected)

    def squares(*inputs):
        return (F.linear(*inputs) ** 2).sum()

    pb.gradcheck(squares, inputs).assert_ok()
    pb.gradcheck(slope_of(squares), inputs).assert_ok()


def test_linear_names_both_shapes():
    with pytest.raises(ValueError, match=r"\(4, 2\) does not fit weight of shape \(2, 3\)"):
        F.linear(pb.zeros((4, 2)), pb.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"weight of shape \(3,\)"):
        F.linear(pb.zeros((4, 3)), pb.zeros(3))
    with pytest.raises(ValueError, match=r"bias of shape \(3,\) does not fit weight of shape \(2, 3\)"):
        F.linear(pb.zeros((4, 3)), pb.zeros((2, 3)), pb.zeros(3))
    with pytest.raises(ValueError, match=r"input of shape \(\)"):
        F.linear(pb.tensor(1.0), pb.zeros((2, 3)))


def test_linear_refuses_mixed_dtypes_with_the_fix():
    weight = pb.zeros((2, 3))
    with pytest.raises(
        TypeError, match=r"input is float64 .* float32; .*astype\('float32'\).*to\('float64'\)"
    ):
        F.linear(np.zeros((4, 3)), weight)
    with pytest.raises(TypeError, match="int64"):
        F.linear(np.zeros((4, 3), int), weight)


def test_what_the_engine_has_is_passed_on():
    assert F.sigmoid is pb.sigmoid
    assert F.relu.op is pb.relu.op
    assert F.tanh is pb.tanh


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_shares_name_their_axis_and_convert_first(name):
    function = getattr(F, name)
    x = pb.tensor(np.array([[1.0, 2.0, 300.0]], np.float16), requires_grad=True)
    y = function(input=x, dim=-1, dtype="float32")
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.numpy(), function(x.astype("float32")).numpy())
    y.sum().backward()
    assert x.grad.dtype == np.float16
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\) needs its axis: dim=1"):
        function(pb.zeros((2, 3, 4)))
