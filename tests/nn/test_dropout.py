"""Dropout and its relatives: what is dropped, how often, how the rest is scaled, and what evaluation does."""

import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - the field's abbreviation


def seeded(seed=0):
    return np.random.default_rng(seed)


KINDS = [
    (nn.Dropout, (50, 40), None),
    (nn.Dropout1d, (50, 40, 3), 2),
    (nn.Dropout1d, (400, 3), 1),
    (nn.Dropout2d, (50, 40, 3, 2), 2),
    (nn.Dropout2d, (50, 40, 3), 2),
    (nn.Dropout3d, (50, 40, 3, 2, 2), 2),
    (nn.Dropout3d, (400, 3, 2, 2), 1),
]


@pytest.mark.parametrize(("kind", "shape", "leading"), KINDS)
def test_the_share_of_zeros_and_the_scale_of_the_rest(kind, shape, leading):
    y = kind(0.3, rng=seeded())(pb.ones(shape)).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)}
    units = y.reshape(shape[:leading] + (-1,)) if leading else y
    if leading:
        assert (units == units[..., :1]).all(), "a channel is dropped as a whole"
        units = units[..., 0]
    assert (units == 0).mean() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(("kind", "shape", "leading"), KINDS)
def test_evaluation_changes_nothing(kind, shape, leading):
    x = pb.ones(shape)
    assert (kind(0.3).eval()(x).numpy() == 1).all()
    np.testing.assert_array_equal(kind(0.0)(x).numpy(), x.numpy())
    assert not kind(1.0)(x).numpy().any()


def test_the_gradient_passes_where_the_value_does():
    x = pb.tensor(np.random.default_rng(1).normal(size=(6, 5)), requires_grad=True)
    y = F.dropout(x, 0.4, rng=seeded())
    (y**2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy() * x.detach().numpy(), 2 * y.detach().numpy() ** 2)
    pb.gradcheck(lambda x: F.dropout(x, 0.4, rng=seeded()) ** 2, (x.detach(),)).assert_ok()
    dropped = F.dropout(x, 1.0)
    assert not pb.gradients(dropped.sum(), [x])[0].numpy().any()


@pytest.mark.parametrize("inverted", [True, False])
def test_both_kinds_have_the_same_mean_in_training_and_evaluation(inverted):
    layer = nn.Dropout(0.25, inverted=inverted, rng=seeded())
    x = pb.ones(40000)
    training, evaluation = layer(x).numpy(), layer.eval()(x).numpy()
    assert training.mean() == pytest.approx(evaluation.mean(), rel=0.02)
    assert training.max() == pytest.approx(1 / 0.75 if inverted else 1)
    assert evaluation[0] == pytest.approx(1 if inverted else 0.75)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "function",
    [
        F.dropout,
        F.alpha_dropout,
        F.feature_alpha_dropout,
        lambda x, p, **kw: F.stochastic_depth(x, p, "row", **kw),
    ],
)
def test_dtypes_stay_and_the_mask_does_not_depend_on_them(function, dtype):
    x = pb.ones((30, 4), dtype=dtype)
    y = function(x, 0.5, training=True, rng=seeded())
    assert y.dtype == dtype
    reference = function(pb.ones((30, 4), dtype="float64"), 0.5, training=True, rng=seeded())
    np.testing.assert_allclose(y.numpy(), reference.numpy(), rtol=1e-6)


@pytest.mark.parametrize("function", [F.alpha_dropout, F.feature_alpha_dropout])
def test_alpha_dropout_keeps_mean_and_variance(function):
    x = pb.tensor(np.random.default_rng(2).normal(size=(40000, 1)))
    y = function(x, 0.3, training=True, rng=seeded()).numpy()
    assert y.mean() == pytest.approx(0, abs=0.03)
    assert y.var() == pytest.approx(1, abs=0.03)
    assert not function(x, 1.0, training=True).numpy().any()
    assert (function(x, 0.3).numpy() == x.numpy()).all()


def test_feature_alpha_dropout_drops_whole_channels():
    y = F.feature_alpha_dropout(pb.zeros((20, 10, 7)), 0.5, training=True, rng=seeded()).numpy()
    assert (y == y[:, :, :1]).all()
    assert len(np.unique(y)) == 2


def test_stochastic_depth():
    x = pb.ones((2000, 3))
    rows = F.stochastic_depth(x, 0.25, "row", rng=seeded()).numpy()
    assert (rows == rows[:, :1]).all()
    assert set(np.unique(rows)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (rows == 0).mean() == pytest.approx(0.25, abs=0.04)
    rng = seeded()
    whole = np.array(
        [F.stochastic_depth(pb.ones((2, 2)), 0.25, "batch", rng=rng).numpy() for _ in range(400)]
    )
    assert (whole == whole[:, :1, :1]).all()
    assert (whole[:, 0, 0] == 0).mean() == pytest.approx(0.25, abs=0.07)
    assert not F.stochastic_depth(x, 1.0, "row").numpy().any()
    assert repr(nn.StochasticDepth(0.5, "row")) == "StochasticDepth(p=0.5, mode=row)"
    assert (nn.StochasticDepth(0.5, "batch").eval()(x).numpy() == 1).all()
    with pytest.raises(ValueError, match="mode must be"):
        nn.StochasticDepth(0.5, "rows")
    with pytest.raises(ValueError, match="an axis of samples"):
        F.stochastic_depth(pb.tensor(1.0), 0.5, "row")


def test_random_numbers_come_from_the_program_or_from_rng():
    x = pb.ones(100)
    pb.manual_seed(3)
    first = nn.Dropout()(x).tolist()
    assert nn.Dropout()(x).tolist() != first
    pb.manual_seed(3)
    assert nn.Dropout()(x).tolist() == first
    assert nn.Dropout(rng=seeded())(x).tolist() == nn.Dropout(rng=seeded())(x).tolist()


def test_a_checkpoint_draws_the_same_mask_again():
    layer = nn.Sequential(nn.Linear(4, 50, dtype="float64"), nn.Dropout(0.5), nn.AlphaDropout(0.2))
    x = pb.tensor(np.random.default_rng(3).normal(size=(3, 4)), requires_grad=True)
    pb.manual_seed(5)
    (plain,) = pb.gradients((layer(x) ** 2).sum(), [x])
    pb.manual_seed(5)
    (again,) = pb.gradients((pb.checkpoint(layer, x) ** 2).sum(), [x])
    np.testing.assert_allclose(again.numpy(), plain.numpy())


def test_vmap_uses_one_mask_for_all_examples():
    y = pb.vmap(lambda x: F.dropout(x, 0.5, rng=seeded()))(pb.ones((5, 20))).numpy()
    assert (y == y[0]).all()
    assert (y == 0).any()


def test_in_place():
    x = pb.ones(10)
    assert F.dropout(x, 0.5, True, True) is x
    assert (x.numpy() != 1).all()
    assert nn.Dropout2d(0.5, inplace=True)(y := pb.ones((2, 2, 2, 2))) is y


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, True, "a"])
def test_p_is_a_probability(p):
    with pytest.raises(ValueError, match="p is a number from 0 to 1"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match="p is a number from 0 to 1"):
        F.dropout1d(pb.ones((2, 2)), p)


def test_other_shapes_and_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"dropout1d: the input has shape \(2,\)"):
        F.dropout1d(pb.ones(2))
    with pytest.raises(ValueError, match="dropout2d"):
        F.dropout2d(pb.ones((2, 2)))
    with pytest.raises(ValueError, match="dropout3d"):
        F.dropout3d(pb.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="feature_alpha_dropout"):
        F.feature_alpha_dropout(pb.ones(2))
    with pytest.raises(TypeError, match="must be floating"):
        F.dropout(pb.tensor([1, 2]))


def test_representations_and_pickles():
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"
    assert repr(nn.Dropout(0.2, inverted=False)) == "Dropout(p=0.2, inplace=False, inverted=False)"
    copy = pickle.loads(pickle.dumps(nn.Dropout(0.2, rng=seeded())))
    assert copy(pb.ones(9)).tolist() == nn.Dropout(0.2, rng=seeded())(pb.ones(9)).tolist()


# DropConnect


@pytest.mark.parametrize("inverted", [True, False])
def test_drop_connect_drops_weights_in_training_and_averages_in_evaluation(inverted):
    inner = nn.Linear(4, 3, dtype="float64", rng=seeded())
    layer = nn.DropConnect(inner, 0.4, inverted=inverted, rng=seeded(1))
    x = np.eye(4)  # so that the outputs are the weights
    weight, bias = inner.weight.detach().numpy().copy(), inner.bias.detach().numpy()
    scale = 1 / 0.6 if inverted else 1
    passes = np.array([layer(pb.tensor(x)).detach().numpy() for _ in range(400)]) - bias
    kept = np.abs(passes) > 1e-12
    np.testing.assert_allclose(passes, np.where(kept, weight.T * scale, 0), atol=1e-12)
    assert kept.mean() == pytest.approx(0.6, abs=0.03)
    average = layer.eval()(pb.tensor(x)).detach().numpy() - bias
    np.testing.assert_allclose(average, weight.T * (1 if inverted else 0.6))
    np.testing.assert_array_equal(inner.weight.detach().numpy(), weight)
    assert list(layer.state_dict()) == ["module.weight", "module.bias"]


def test_drop_connect_gives_gradients_to_the_weights_that_stayed():
    layer = nn.DropConnect(nn.Linear(5, 4, rng=seeded()), 0.5, rng=seeded(1))
    layer(pb.ones((2, 5))).sum().backward()
    assert set(np.unique(layer.module.weight.grad.numpy())) == {np.float32(0), np.float32(4)}


def test_drop_connect_reaches_into_a_module():
    model = nn.DropConnect(
        nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)), 1.0, ["0.weight", "2.bias"]
    )
    y = model(pb.ones((1, 2)))
    inner = model.module
    expected = F.relu(inner[0].bias.detach()) @ inner[2].weight.detach()[0]
    np.testing.assert_allclose(y.item(), expected.item(), rtol=1e-6)
    with pytest.raises(AttributeError, match=r"no parameter 'w'; it has weight, bias"):
        nn.DropConnect(nn.Linear(2, 2), names="w")


# Monte-Carlo averaging


def test_monte_carlo_keeps_dropout_random_and_restores_the_modes():
    class Own(nn.Module):
        dropout = 0.1

        def forward(self, x):
            return x

    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Sequential(nn.ReLU(), nn.AlphaDropout()), Own())
    model.eval()
    model[2].train()
    before = [module.training for module in model.modules()]
    with nn.utils.mc_dropout(model):
        assert [type(module).__name__ for module in model.modules() if module.training] == [
            "Dropout",
            "AlphaDropout",
            "Own",
        ]
    assert [module.training for module in model.modules()] == before


def test_monte_carlo_predictions_tend_to_the_expected_output():
    model = nn.Sequential(nn.Dropout(0.5, rng=seeded()), nn.Linear(3, 2, dtype="float64")).eval()
    x = pb.tensor(np.random.default_rng(4).normal(size=(2, 3)))
    found = nn.utils.mc_predict(model, x, samples=4000)
    exact = model(x).detach().numpy()
    weight = model[1].weight.detach().numpy()
    spread = np.sqrt((x.numpy() ** 2) @ (weight**2).T)  # of independent halves and doubles
    np.testing.assert_allclose(found.mean.detach().numpy(), exact, atol=5 * spread.max() / 4000**0.5)
    np.testing.assert_allclose(found.std.detach().numpy(), spread, rtol=0.1)
    with pytest.raises(ValueError, match="samples is a whole number"):
        nn.utils.mc_predict(model, x, samples=0)


def test_monte_carlo_wants_one_tensor():
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(TypeError, match="not tuple; run it under mc_dropout"):
        nn.utils.mc_predict(Two(), pb.ones(2))
