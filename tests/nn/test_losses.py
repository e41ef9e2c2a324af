"""Losses and distances: the notes' numbers, edges, refusals with the fix, what the declarations' tests do not see."""

import itertools
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - the field's abbreviation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
Y = RNG.normal(size=(4, 3))
SIGNS = np.sign(Y)
P = RNG.uniform(0.1, 0.9, size=(4, 3))

# name: a call of two arrays of one shape
POINTWISE = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "huber_loss": F.huber_loss,
    "poisson_nll_loss": F.poisson_nll_loss,
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "kl_div": F.kl_div,
    "soft_margin_loss": F.soft_margin_loss,
    "multilabel_soft_margin_loss": F.multilabel_soft_margin_loss,
    "hinge_embedding_loss": F.hinge_embedding_loss,
}


# the notes' multiclass SVM


def test_the_hinge_of_the_notes():
    scores = pb.tensor([[13.0, -7.0, 11.0]], requires_grad=True)
    loss = nn.MulticlassHingeLoss(delta=10.0)(scores, pb.tensor([0]))
    assert loss.item() == 8
    loss.backward()
    assert scores.grad.tolist() == [[-1, 0, 1]]


def test_the_hinge_is_its_definition_at_every_rank():
    for shape in [(5, 4), (4,), (2, 4, 3)]:
        scores = RNG.normal(size=shape)
        axis = 1 if len(shape) > 1 else 0
        target = RNG.integers(0, 4, shape[:axis] + shape[axis + 1 :])
        rows, labels = np.moveaxis(scores, axis, -1).reshape(-1, 4), np.reshape(target, -1)
        expected = [
            sum(max(0, s[j] - s[y] + 0.7) for j in range(4) if j != y)
            for s, y in zip(rows, labels, strict=True)
        ]
        found = F.multiclass_hinge_loss(scores, target, 0.7, reduction="none").numpy()
        np.testing.assert_allclose(found.reshape(-1), expected)
        assert F.multiclass_hinge_loss(scores, target, 0.7).item() == pytest.approx(np.mean(expected))


def test_on_the_margin_nothing_pulls():
    scores = pb.tensor([[2.0, 1.0, 0.5]], requires_grad=True)
    F.multiclass_hinge_loss(scores, pb.tensor([0])).backward()
    assert scores.grad.tolist() == [[0, 0, 0]]


def test_multi_margin_is_the_hinge_by_the_number_of_classes():
    target = np.array([0, 2, 1, 1])
    np.testing.assert_allclose(
        F.multi_margin_loss(X, target).item() * 3, F.multiclass_hinge_loss(X, target).item()
    )


def test_scores_of_minus_infinity_cost_nothing():
    scores = pb.tensor([[0.0, -np.inf, 0.5]], requires_grad=True)
    loss = F.multiclass_hinge_loss(scores, pb.tensor([0]))
    loss.backward()
    assert loss.item() == 1.5
    assert scores.grad.tolist() == [[-1, 0, 1]]


# shapes and dtypes


@pytest.mark.parametrize("name", POINTWISE)
def test_a_column_against_a_row_is_refused_with_the_fix(name):
    column, row = pb.tensor(P[:, :1]), pb.tensor(P[:, 0])
    with pytest.raises(
        ValueError, match=rf"{name}.*\(4, 1\).*\(4,\).*broadcast to \(4, 4\); use .*squeeze\(-1\)"
    ):
        POINTWISE[name](column, row)
    with pytest.raises(ValueError, match=r"or \w+\[..., None\]"):
        POINTWISE[name](row, column)


@pytest.mark.parametrize("name", POINTWISE)
def test_the_fix_in_the_message_works(name):
    column, row = pb.tensor(P[:, :1]), pb.tensor(P[:, 0])
    assert POINTWISE[name](column.squeeze(-1), row).shape == ()
    assert POINTWISE[name](column, row[..., None]).shape == ()


@pytest.mark.parametrize("name", POINTWISE)
def test_other_shapes_that_would_broadcast_are_refused(name):
    with pytest.raises(ValueError, match="must have the same shape"):
        POINTWISE[name](pb.tensor(P), pb.tensor(P[:2]))
    with pytest.raises(ValueError, match=name):
        POINTWISE[name](pb.tensor(P), pb.tensor(0.5))


@pytest.mark.parametrize("name", POINTWISE)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_losses_keep_the_dtype_of_the_input(name, reduction):
    x = pb.tensor(P.astype(np.float32), requires_grad=True)
    for target in (np.round(P), np.round(P).astype(np.float32), np.round(P).astype(int), pb.tensor(P)):
        loss = POINTWISE[name](x, target, reduction=reduction)
        assert loss.dtype == np.float32
        assert pb.gradients(loss.sum(), [x])[0].dtype == np.float32


@pytest.mark.parametrize("name", POINTWISE)
def test_integers_and_unknown_reductions_are_refused(name):
    with pytest.raises(TypeError, match="must be floating"):
        POINTWISE[name](pb.tensor([[1, 2]]), pb.tensor([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="reduction must be 'mean', 'sum'"):
        POINTWISE[name](X, Y, reduction="average")


@pytest.mark.parametrize(
    "name", [n for n in POINTWISE if n not in ("multilabel_soft_margin_loss", "hinge_embedding_loss")]
)
def test_the_mean_of_nothing_is_nan_and_its_sum_zero(name):
    nothing = np.zeros((0, 3))
    assert np.isnan(POINTWISE[name](nothing, nothing).item())
    assert POINTWISE[name](nothing, nothing, reduction="sum").item() == 0


def test_a_complex_target_is_refused():
    with pytest.raises(TypeError, match="takes real numbers"):
        F.mse_loss(X, Y + 1j)


@pytest.mark.parametrize("function", [F.mse_loss, F.l1_loss, F.binary_cross_entropy])
def test_weights_of_other_shapes_are_refused(function):
    with pytest.raises(ValueError, match="weight"):
        function(P, P, np.ones((2, 3)))


def test_weights_want_no_gradient():
    weight = pb.tensor(P, requires_grad=True)
    with pytest.raises(RuntimeError, match="no gradient with respect to 'weight'"):
        F.mse_loss(pb.tensor(X), Y, weight)


# probabilities and logits at their ends


def test_probabilities_of_zero_and_one():
    p = pb.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, pb.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0, 0, 100, 100]
    loss.sum().backward()
    assert np.isfinite(p.grad.numpy()).all()
    with pytest.raises(ValueError, match="binary_cross_entropy_with_logits"):
        F.binary_cross_entropy(pb.tensor([1.5]), pb.tensor([1.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_any_size(dtype):
    x = pb.tensor(np.array([1e4, -1e4, 1e4, -1e4], dtype), requires_grad=True)
    target = np.array([1, 1, 0, 0])
    loss = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    assert loss.tolist() == [0, 1e4, 1e4, 0]
    loss.sum().backward()
    assert x.grad.tolist() == [0, -1, 1, 0]
    assert F.soft_margin_loss(x.detach(), 2 * target - 1, reduction="none").tolist() == [0, 1e4, 1e4, 0]
    one = F.binary_cross_entropy_with_logits(pb.tensor(np.array([-30.0], dtype)), [0.0])
    np.testing.assert_allclose(one.item(), np.exp(-30.0), rtol=1e-6)


def test_pos_weight_counts_positive_answers():
    x = pb.tensor(X, requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, P, pos_weight=np.array([1.0, 2.0, 3.0]), reduction="none")
    sigma = 1 / (1 + np.exp(-X))
    expected = -(np.array([1.0, 2.0, 3.0]) * P * np.log(sigma) + (1 - P) * np.log(1 - sigma))
    np.testing.assert_allclose(loss.detach().numpy(), expected)


def test_divergence_counts_no_impossible_outcome():
    log_q = pb.log(pb.tensor([[0.5, 0.25, 0.25]]))
    p = pb.tensor([[0.0, 0.5, 0.5]])
    assert F.kl_div(log_q, p, reduction="sum").item() == pytest.approx(np.log(2))
    assert F.kl_div(log_q, p, reduction="batchmean").item() == pytest.approx(np.log(2))
    assert F.kl_div(pb.tensor([[-np.inf, 0.0]]), pb.tensor([[0.0, 1.0]]), reduction="sum").item() == 0


def test_a_negative_variance_is_refused():
    with pytest.raises(ValueError, match="a variance is negative"):
        F.gaussian_nll_loss(X, Y, -np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"var has shape \(3,\) and the input \(4, 3\)"):
        F.gaussian_nll_loss(X, Y, np.ones(3))
    with pytest.raises(ValueError, match=r"target has shape \(4,\) and the input \(4, 1\)"):
        F.gaussian_nll_loss(X[:, :1], Y[:, 0], np.ones((4, 1)))
    assert F.gaussian_nll_loss(X, Y, 1.0).item() == pytest.approx(((X - Y) ** 2).mean() / 2)


# classes


def test_nll_behind_log_softmax_is_cross_entropy():
    target = np.array([0, 2, 1, 1])
    log_p = pb.log_softmax(pb.tensor(X), -1)
    for options in ({}, {"weight": np.array([1.0, 2.0, 3.0])}, {"ignore_index": 1}):
        np.testing.assert_allclose(
            F.nll_loss(log_p, target, **options).item(), F.cross_entropy(X, target, **options).item()
        )
    assert np.isnan(F.nll_loss(log_p, target * 0, ignore_index=0).item())


@pytest.mark.parametrize(
    "function", [F.nll_loss, F.multi_margin_loss, F.multiclass_hinge_loss, F.cross_entropy]
)
def test_class_numbers_are_checked(function):
    with pytest.raises(ValueError, match="target 3 is not a class: the input has 3 of them"):
        function(X, np.array([0, 1, 2, 3]))
    with pytest.raises(ValueError, match=r"one axis too many: target\[:, 0\]"):
        function(X, np.array([[0], [1], [2], [2]]))
    with pytest.raises(TypeError, match="not bool"):
        function(X, np.array([True] * 4))


def test_float_classes_are_refused_with_the_fix():
    with pytest.raises(TypeError, match=r"convert it: target.astype\('int64'\)"):
        F.nll_loss(X, np.zeros(4))


def test_labels_are_checked():
    with pytest.raises(ValueError, match="labels go from 0 to 2"):
        F.multilabel_margin_loss(X, np.full((4, 3), 3))
    with pytest.raises(ValueError, match="the same shape"):
        F.multilabel_margin_loss(X, np.zeros((4, 2), int))
    assert F.multilabel_margin_loss(X, np.full((4, 3), -1)).item() == 0
    with pytest.raises(ValueError, match=r"must be \(N, C\) or \(C,\)"):
        F.multi_margin_loss(np.zeros((2, 3, 4)), np.zeros((2, 4), int))
    with pytest.raises(ValueError, match="p must be 1 or 2"):
        F.multi_margin_loss(X, np.zeros(4, int), p=3)


# CTC


def brute_force_ctc(log_p, labels, blank):
    """The sum over every path that comes to the labels."""
    steps, classes = log_p.shape
    total = -np.inf
    for path in itertools.product(range(classes), repeat=steps):
        merged = [c for c, _ in itertools.groupby(path)]
        if [c for c in merged if c != blank] == list(labels):
            total = np.logaddexp(total, sum(log_p[t, c] for t, c in enumerate(path)))
    return -total


@pytest.mark.parametrize("labels", [[], [1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 1]])
@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_is_the_sum_over_all_paths(labels, blank):
    rng = np.random.default_rng(len(labels))
    logits = rng.normal(size=(5, 4))
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    targets = np.array(labels + [7] * (3 - len(labels)))  # the padding may be anything
    loss = F.ctc_loss(log_p, targets, 5, len(labels), blank=blank, reduction="sum")
    assert loss.item() == pytest.approx(brute_force_ctc(log_p, labels, blank))


def test_ctc_lengths_cut_off():
    log_p = pb.log_softmax(pb.tensor(RNG.normal(size=(6, 2, 4))), -1)
    both = F.ctc_loss(log_p, [[1, 2, 3], [2, 1, 1]], [6, 3], [3, 1], reduction="none").numpy()
    first = F.ctc_loss(log_p[:, 0], [1, 2, 3], 6, 3, reduction="none").item()
    second = F.ctc_loss(log_p[:3, 1], [2], 3, 1, reduction="none").item()
    np.testing.assert_allclose(both, [first, second])
    mean = F.ctc_loss(log_p, [[1, 2, 3], [2, 1, 1]], [6, 3], [3, 1]).item()
    assert mean == pytest.approx((first / 3 + second) / 2)


def test_ctc_gradient_is_minus_the_share_of_alignments():
    log_p = pb.tensor(np.log(np.full((3, 1, 3), 1 / 3)), requires_grad=True)
    F.ctc_loss(log_p, [[1]], [3], [1], reduction="sum").backward()
    np.testing.assert_allclose(-log_p.grad.numpy().sum(-1), 1)
    assert not log_p.grad.numpy()[..., 2].any()


def test_ctc_in_single_precision_and_far_out():
    x = pb.tensor((RNG.normal(size=(40, 2, 5)) * 3000).astype(np.float32), requires_grad=True)
    loss = F.ctc_loss(pb.log_softmax(x, -1), RNG.integers(1, 5, (2, 6)), [40, 38], [6, 5])
    loss.backward()
    assert loss.dtype == x.grad.dtype == np.float32
    assert np.isfinite(loss.item())
    assert np.isfinite(x.grad.numpy()).all()


def test_ctc_under_vmap():
    log_p = pb.log_softmax(pb.tensor(RNG.normal(size=(3, 5, 2, 4))), -1)
    arguments = ([[1, 2], [3, 3]], [5, 4], [2, 2])
    together = pb.vmap(lambda x: F.ctc_loss(x, *arguments))(log_p).numpy()
    np.testing.assert_allclose(together, [F.ctc_loss(x, *arguments).item() for x in log_p])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1, 2]], [4], [2]), ValueError, r"input_lengths has shape \(1,\) and must be \(2,\)"),
        (([[1, 2], [1, 2]], [4, 6], [2, 2]), ValueError, "input_lengths go from 0 to T = 5"),
        (([[1, 2], [1, 2]], [4, 4], [2, 3]), ValueError, "target_lengths go from 0 to S = 2"),
        (([[1, 0], [1, 2]], [4, 4], [2, 2]), ValueError, "target 0 is no label"),
        (([[1, 4], [1, 2]], [4, 4], [2, 2]), ValueError, "target 4 is no label"),
        (([1, 2, 3], [4, 4], [2, 2]), ValueError, "are 3 labels, and target_lengths add up to 4"),
        (([[1.0, 2.0], [1.0, 2.0]], [4, 4], [2, 2]), TypeError, "targets must be integers"),
    ],
)
def test_ctc_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        F.ctc_loss(pb.zeros((5, 2, 4)), *arguments)
    with pytest.raises(ValueError, match="blank must be one of the 4 classes"):
        F.ctc_loss(pb.zeros((5, 2, 4)), [[1], [1]], [5, 5], [1, 1], blank=4)


# penalties


def test_penalties_and_their_gradients():
    model = nn.Sequential(nn.Linear(3, 2, dtype="float64"), nn.Linear(2, 1, dtype="float64"))
    flat = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    assert F.l1_penalty(model.parameters(), 0.3).item() == pytest.approx(0.3 * np.abs(flat).sum())
    loss = F.l2_penalty(model.parameters(), 0.3)
    assert loss.item() == pytest.approx(0.15 * (flat**2).sum())
    loss.backward()
    for p in model.parameters():
        np.testing.assert_allclose(p.grad.numpy(), 0.3 * p.detach().numpy())
    both = F.elastic_net_penalty(model.parameters(), 0.2, 0.3).item()
    assert both == pytest.approx(0.2 * np.abs(flat).sum() + 0.15 * (flat**2).sum())


@pytest.mark.parametrize("penalty", [F.l1_penalty, F.l2_penalty, F.elastic_net_penalty])
def test_penalties_refuse(penalty):
    used_up = nn.Linear(2, 2).parameters()
    list(used_up)
    with pytest.raises(ValueError, match="used up after one pass"):
        penalty(used_up)
    with pytest.raises(ValueError, match="must not be negative"):
        penalty([pb.ones(2)], -1.0)
    with pytest.raises(TypeError, match="must be floating"):
        penalty([pb.tensor([1, 2])])


# distances


def test_cdist_is_exact_for_near_points_far_from_the_origin():
    x = pb.tensor(1e4 + RNG.normal(size=(40, 3)))
    direct = np.sqrt(((x.numpy()[:, None] - x.numpy()) ** 2).sum(-1))
    np.testing.assert_allclose(F.cdist(x, x + 0.0).numpy(), direct, atol=1e-6)
    np.testing.assert_allclose(
        F.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").numpy(), direct, rtol=1e-14
    )


def test_cdist_refuses():
    with pytest.raises(ValueError, match="with the same M"):
        F.cdist(pb.ones((2, 3)), pb.ones((2, 4)))
    with pytest.raises(ValueError, match="compute_mode must be"):
        F.cdist(pb.ones((2, 3)), pb.ones((2, 3)), compute_mode="fast")
    with pytest.raises(TypeError, match="float64"):
        F.cdist(pb.ones((2, 3)), pb.ones((2, 3), dtype="float64"))
    with pytest.raises(ValueError, match="p must not be negative"):
        F.cdist(pb.ones((2, 3)), pb.ones((2, 3)), -1.0)


def test_pdist_is_the_upper_triangle_of_cdist():
    whole = F.cdist(X, X, 3.0).numpy()
    np.testing.assert_allclose(F.pdist(X, 3.0).numpy(), whole[np.triu_indices(4, 1)])
    assert F.pdist(X[:1]).shape == (0,)


@pytest.mark.parametrize(
    "function",
    [
        F.cosine_similarity,
        lambda x, y: F.cosine_similarity(x, y, dim=-1),
        F.pairwise_distance,
        F.cdist,
        lambda x, y: F.normalize(x) + F.pdist(y).sum(),
        lambda x, y: F.triplet_margin_loss(x, y, x * y),
        lambda x, y: F.margin_ranking_loss(x, y, SIGNS, 0.3, reduction="none"),
        lambda x, y: F.cosine_embedding_loss(x, y, SIGNS[:, 0]),
        lambda x, y: F.multilabel_soft_margin_loss(x + y, np.abs(SIGNS)),
        lambda x, y: F.hinge_embedding_loss(x + y, SIGNS),
    ],
)
def test_under_vmap_as_for_each_example(function):
    x, y = pb.tensor(RNG.normal(size=(2, 5, 4, 3)))
    np.testing.assert_allclose(
        pb.vmap(function)(x, y).numpy(), np.stack([function(a, b).numpy() for a, b in zip(x, y, strict=True)])
    )
    one = pb.vmap(function, in_axes=(0, None))(x, y[0]).numpy()
    np.testing.assert_allclose(one, np.stack([function(a, y[0]).numpy() for a in x]))


def test_one_hot():
    assert F.one_hot(pb.tensor([[1], [0]]), 3).tolist() == [[[0, 1, 0]], [[1, 0, 0]]]
    assert F.one_hot(pb.tensor([2])).dtype == np.int64
    for wrong, message in (([3], "go from 0 to 2"), ([-1], "go from 0 to 2")):
        with pytest.raises(ValueError, match=message):
            F.one_hot(pb.tensor(wrong), 3)
    with pytest.raises(TypeError, match="are integers"):
        F.one_hot(pb.tensor([1.0]))
    with pytest.raises(ValueError, match="num_classes"):
        F.one_hot(pb.zeros(0, dtype="int64"))
    with pytest.raises(RuntimeError, match="the number of classes must be given"):
        pb.vmap(F.one_hot)(pb.tensor([[1], [0]]))


# modules


@pytest.mark.parametrize(
    ("loss", "inputs"),
    [
        (nn.MSELoss(), (X, Y)),
        (nn.L1Loss(reduction="sum"), (X, Y)),
        (nn.SmoothL1Loss(beta=0.5), (X, Y)),
        (nn.HuberLoss("none", 2.0), (X, Y)),
        (nn.PoissonNLLLoss(full=True), (X, P)),
        (nn.GaussianNLLLoss(full=True), (X, Y, P)),
        (nn.BCELoss(P), (P, 1 - P)),
        (nn.BCEWithLogitsLoss(pos_weight=P), (X, P)),
        (nn.KLDivLoss(reduction="batchmean"), (X, P)),
        (nn.SoftMarginLoss(), (X, SIGNS)),
        (nn.MultiLabelSoftMarginLoss(), (X, P)),
        (nn.HingeEmbeddingLoss(), (X, SIGNS)),
        (nn.MarginRankingLoss(), (X, Y, SIGNS)),
        (nn.CosineEmbeddingLoss(), (X, Y, SIGNS[:, 0])),
        (nn.TripletMarginLoss(swap=True), (X, Y, P)),
        (nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance(1.0)), (X, Y, P)),
    ],
)
def test_modules_differentiate_and_pickle(loss, inputs):
    floats = [pb.tensor(x) for x in inputs]
    last = inputs[-1] if inputs[-1] is not SIGNS else None
    pb.gradcheck(lambda x: loss(x, *inputs[1:]), (floats[0],)).assert_ok()
    again = pickle.loads(pickle.dumps(loss))
    np.testing.assert_array_equal(again(*floats).numpy(), loss(*floats).numpy())
    assert last is None or repr(loss).startswith(type(loss).__name__ + "(")


def test_representations_show_what_is_not_usual():
    assert repr(nn.MSELoss()) == "MSELoss()"
    assert repr(nn.HuberLoss("sum", 2.0)) == "HuberLoss(reduction='sum', delta=2.0)"
    assert repr(nn.BCELoss([1.0, 2.0])) == "BCELoss()"
    assert repr(nn.CTCLoss(zero_infinity=True)) == "CTCLoss(zero_infinity=True)"


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.CTCLoss, nn.TripletMarginLoss, nn.NLLLoss, nn.KLDivLoss])
def test_modules_refuse_unknown_reductions_at_once(loss):
    with pytest.raises(ValueError, match="reduction must be"):
        loss(reduction="average")


def test_an_error_in_a_loss_names_it():
    with pytest.raises(ValueError, match="mse_loss") as caught:
        nn.MSELoss()(pb.ones((2, 1)), pb.ones(2))
    assert "in MSELoss()" in caught.value.__notes__
