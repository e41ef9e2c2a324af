"""Losses and distances against PyTorch: values, gradients of first and second order, all options, edges."""

import itertools
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - the field's abbreviation

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

REDUCTIONS = ("mean", "sum", "none")


def close(ours, theirs, rtol=1e-8, atol=1e-11):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(force=True), rtol=rtol, atol=atol)


def compare(our_loss, their_loss, differentiable, constants=(), second=True, **tolerances):
    """Values, gradients, and gradients of gradients of two losses of the same arrays."""
    ours = [pb.tensor(x, requires_grad=True) for x in differentiable]
    theirs = [torch.tensor(x, requires_grad=True) for x in differentiable]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's remark on the mean of kl_div
        y = our_loss(*ours, *map(pb.asarray, constants))
        z = their_loss(*theirs, *map(torch.tensor, constants))
    close(y, z, **tolerances)
    rng = np.random.default_rng(9)
    weights = rng.normal(size=tuple(z.shape))
    g = pb.gradients((y * weights).sum(), ours, create_graph=True)
    h = torch.autograd.grad((z * torch.tensor(weights)).sum(), theirs, create_graph=True)
    for a, b in zip(g, h, strict=True):
        close(a, b, **tolerances)
    if not second:
        return
    directions = [rng.normal(size=x.shape) for x in differentiable]
    our_sum = sum((a * d).sum() for a, d in zip(g, directions, strict=True))
    their_sum = sum((b * torch.tensor(d)).sum() for b, d in zip(h, directions, strict=True))
    if not their_sum.requires_grad:
        return
    expected = torch.autograd.grad(their_sum, theirs, allow_unused=True)
    found = [None] * len(ours)
    if our_sum.requires_grad:
        found = pb.gradients(our_sum, ours, allow_unused=True)
    for a, b, x in zip(found, expected, ours, strict=True):
        close(
            pb.zeros_like(x) if a is None else a,
            torch.zeros(x.shape) if b is None else b,
            rtol=1e-6,
            atol=1e-8,
        )


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 4, 3)) * 2
SIGNS = np.sign(RNG.normal(size=(4, 3)))
P, Q = RNG.uniform(0.05, 0.95, size=(2, 4, 3))
COUNTS = RNG.poisson(2.0, size=(4, 3)).astype(float)
W = RNG.uniform(0.2, 2, size=(4, 3))


def options(**choices):
    names = list(choices)
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*choices.values())]


POINTWISE = [
    *[("mse_loss", (X, Y), (), o) for o in options(weight=(None, W))],
    *[("l1_loss", (X, Y), (), o) for o in options(weight=(None, W))],
    *[("smooth_l1_loss", (X, Y), (), o) for o in options(beta=(0, 0.5, 1.0))],
    *[("huber_loss", (X, Y), (), o) for o in options(delta=(0.5, 2.0), weight=(None, W))],
    *[("poisson_nll_loss", (X, W), (), o) for o in options(full=(False, True))],
    *[
        ("poisson_nll_loss", (W, COUNTS + 0.1), (), o)
        for o in options(full=(False, True), log_input=(False,), eps=(1e-8, 0.1))
    ],
    *[("gaussian_nll_loss", (X, Y, W), (), o) for o in options(full=(False, True), eps=(1e-6, 0.1))],
    ("gaussian_nll_loss", (X, Y, W[:, 0]), (), {}),
    ("gaussian_nll_loss", (X, Y, W[:, :1]), (), {"full": True}),
    *[("binary_cross_entropy", (P, Q), (), o) for o in options(weight=(None, W, W[0]))],
    *[
        ("binary_cross_entropy_with_logits", (X, Q), (), o)
        for o in options(weight=(None, W[:, :1]), pos_weight=(None, W[0], W[1:2]))
    ],
    ("kl_div", (X, Q), (), {}),
    ("kl_div", (X, Y), (), {"log_target": True}),
    ("soft_margin_loss", (X,), (SIGNS,), {}),
    ("hinge_embedding_loss", (X,), (SIGNS,), {"margin": 1.5}),
    ("hinge_embedding_loss", (X,), (SIGNS * 2,), {}),
    ("margin_ranking_loss", (X, Y), (SIGNS,), {"margin": 0.3}),
    ("multilabel_soft_margin_loss", (X,), (np.abs(np.round(Q)),), {}),
    ("multilabel_soft_margin_loss", (X,), (Q,), {"weight": W[0]}),
    ("cosine_embedding_loss", (X, Y), (np.array([1, -1, -1, 1]),), {"margin": 0.2}),
    ("cosine_embedding_loss", (X[0], Y[0]), (np.array(-1),), {}),
    *[
        ("triplet_margin_loss", (X, Y, W), (), o)
        for o in options(p=(1.0, 2.0, 3.0), swap=(False, True), margin=(0.5, 4.0))
    ],
    ("triplet_margin_with_distance_loss", (X, Y, W), (), {"swap": True}),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "differentiable", "constants", "settings"), POINTWISE)
def test_losses(name, differentiable, constants, settings, reduction):
    theirs = {
        key: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for key, value in settings.items()
    }
    compare(
        lambda *xs: getattr(F, name)(*xs, reduction=reduction, **settings),
        lambda *xs: getattr(torch.nn.functional, name)(*xs, reduction=reduction, **theirs),
        differentiable,
        constants,
    )


def test_kl_div_batchmean():
    compare(
        lambda *xs: F.kl_div(*xs, reduction="batchmean"),
        lambda *xs: torch.nn.functional.kl_div(*xs, reduction="batchmean"),
        (X, Q),
    )


SHAPES = {
    "rows": ((5, 4), (5,)),
    "one": ((4,), ()),
    "images": ((2, 4, 3), (2, 3)),
    "volumes": ((2, 4, 3, 2), (2, 3, 2)),
}
CLASS_WEIGHT = np.array([0.5, 1.0, 2.0, 0.1])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("settings", options(weight=(None, CLASS_WEIGHT), ignore_index=(-100, 2)))
def test_losses_of_classes(case, settings, reduction):
    scores, labels = SHAPES[case]
    rng = np.random.default_rng(1)
    x, target = rng.normal(size=scores), rng.integers(0, 4, labels)
    theirs = {
        key: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for key, value in settings.items()
    }
    for name in ("nll_loss", "cross_entropy"):
        compare(
            lambda x, t, name=name: getattr(F, name)(x, t, reduction=reduction, **settings),
            lambda x, t, name=name: getattr(torch.nn.functional, name)(x, t, reduction=reduction, **theirs),
            (x,),
            (target,),
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_soft_targets_at_every_rank(case, smoothing, reduction):
    rng = np.random.default_rng(2)
    x, target = rng.normal(size=SHAPES[case][0]), rng.uniform(size=SHAPES[case][0])
    settings = {"reduction": reduction, "label_smoothing": smoothing}
    compare(
        lambda x, t: F.cross_entropy(x, t, pb.tensor(CLASS_WEIGHT), **settings),
        lambda x, t: torch.nn.functional.cross_entropy(x, t, torch.tensor(CLASS_WEIGHT), **settings),
        (x, target),
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("settings", options(p=(1, 2), margin=(0.5, 1.0), weight=(None, CLASS_WEIGHT)))
@pytest.mark.parametrize("case", ["rows", "one"])
def test_multi_margin(case, settings, reduction):
    scores, labels = SHAPES[case]
    rng = np.random.default_rng(3)
    theirs = {
        key: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for key, value in settings.items()
    }
    compare(
        lambda x, t: F.multi_margin_loss(x, t, reduction=reduction, **settings),
        lambda x, t: torch.nn.functional.multi_margin_loss(x, t, reduction=reduction, **theirs),
        (rng.normal(size=scores),),
        (rng.integers(0, 4, labels),),
        second=False,  # PyTorch has none
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "target", [[[3, 0, -1, 1], [1, 2, 3, 0], [-1, 0, 0, 0], [2, -1, -1, -1]], [1, 2, -1, 3], [1, 1, -1, 0]]
)
def test_multilabel_margin(target, reduction):
    target = np.array(target)
    compare(
        lambda x, t: F.multilabel_margin_loss(x, t, reduction=reduction),
        lambda x, t: torch.nn.functional.multilabel_margin_loss(x, t, reduction=reduction),
        (np.random.default_rng(4).normal(size=target.shape),),
        (target,),
        second=False,  # PyTorch has none
    )


# corners, where the derivative does not exist


ONE = np.ones((1, 1))


@pytest.mark.parametrize(
    ("name", "differentiable", "constants", "settings"),
    [
        ("l1_loss", (X, X), (), {}),
        ("smooth_l1_loss", (X, X + 1), (), {}),
        ("smooth_l1_loss", (X, X), (), {"beta": 0}),
        ("huber_loss", (X, X - 1), (), {}),
        ("hinge_embedding_loss", (ONE,), (-ONE,), {}),
        ("margin_ranking_loss", (ONE, ONE), (ONE,), {}),
        ("multi_margin_loss", (np.array([[0.0, 1.0, 2.0]]),), (np.array([2]),), {}),
        ("multilabel_margin_loss", (np.array([[0.0, 1.0, 2.0]]),), (np.array([[2, -1, 0]]),), {}),
        ("cosine_embedding_loss", (np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])), (np.array([-1]),), {}),
        ("cosine_embedding_loss", (np.zeros((1, 2)), np.array([[0.0, 2.0]])), (np.array([1]),), {}),
        (
            "triplet_margin_loss",
            (np.zeros((1, 2)), np.array([[3.0, 0.0]]), np.array([[4.0, 0.0]])),
            (),
            {"eps": 0.0},
        ),
        ("triplet_margin_loss", (np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2))), (), {"eps": 0.0}),
        ("binary_cross_entropy", (np.array([0.0, 1.0, 0.0, 1.0]),), (np.array([0.0, 0.0, 1.0, 1.0]),), {}),
        ("gaussian_nll_loss", (X, Y, W * 0), (), {}),
        ("kl_div", (X,), (np.round(Q),), {}),
        ("poisson_nll_loss", (X,), (np.array([[1.0, 0.0, 2.0]] * 4),), {"full": True}),
    ],
)
def test_corners(name, differentiable, constants, settings):
    compare(
        lambda *xs: getattr(F, name)(*xs, **settings),
        lambda *xs: getattr(torch.nn.functional, name)(*xs, **settings),
        differentiable,
        constants,
        second=False,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits(dtype):
    x = np.array([1e4, -1e4, 1e4, -1e4, 40.0, -40.0], dtype)
    target = np.array([1, 1, 0, 0, 1, 0], dtype)
    for name in ("binary_cross_entropy_with_logits", "multilabel_soft_margin_loss"):
        for reduction in ("none", "mean"):
            compare(
                lambda *xs, n=name, r=reduction: getattr(F, n)(*xs, reduction=r),
                lambda *xs, n=name, r=reduction: getattr(torch.nn.functional, n)(*xs, reduction=r),
                (x,),
                (target,),
                second=False,
                rtol=1e-6,
                atol=1e-6 if dtype == np.float32 else 1e-12,
            )


# CTC


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("blank", [0, 3])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("layout", ["padded", "joined"])
def test_ctc(reduction, blank, seed, layout):
    rng = np.random.default_rng(seed)
    steps, count, classes = 9, 4, 5
    logits = rng.normal(size=(steps, count, classes)) * 2
    target_lengths = rng.integers(1, 5, count)
    input_lengths = rng.integers(8, steps + 1, count)
    labels = [c for c in range(classes) if c != blank]
    targets = rng.choice(labels, size=(count, 4))
    if layout == "joined":
        targets = np.concatenate([row[:n] for row, n in zip(targets, target_lengths, strict=True)])
    settings = {"blank": blank, "reduction": reduction, "zero_infinity": True}
    compare(
        lambda x: F.ctc_loss(pb.log_softmax(x, -1), targets, input_lengths, target_lengths, **settings),
        lambda x: torch.nn.functional.ctc_loss(
            torch.log_softmax(x, -1),
            torch.tensor(targets),
            torch.tensor(input_lengths),
            torch.tensor(target_lengths),
            **settings,
        ),
        (logits,),
        second=False,  # PyTorch has none
    )


@pytest.mark.parametrize("zero_infinity", [True, False])
def test_ctc_without_an_alignment(zero_infinity):
    logits = np.random.default_rng(5).normal(size=(3, 2, 3))
    arguments = ([[1, 1, 1], [1, 2, 1]], [3, 3], [3, 3])
    settings = {"reduction": "none", "zero_infinity": zero_infinity}
    a, b = pb.tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    ours = F.ctc_loss(pb.log_softmax(a, -1), *arguments, **settings)
    theirs = torch.nn.functional.ctc_loss(torch.log_softmax(b, -1), *map(torch.tensor, arguments), **settings)
    close(ours, theirs)
    ours.sum().backward()
    theirs.sum().backward()
    close(a.grad, b.grad)


def test_ctc_of_one_sequence_and_of_no_labels():
    logits = np.random.default_rng(6).normal(size=(5, 3))
    for reduction in REDUCTIONS:
        compare(
            lambda x, r=reduction: F.ctc_loss(pb.log_softmax(x, -1), [1, 2], 5, 2, reduction=r),
            lambda x, r=reduction: torch.nn.functional.ctc_loss(
                torch.log_softmax(x, -1), torch.tensor([1, 2]), torch.tensor(5), torch.tensor(2), reduction=r
            ),
            (logits,),
            second=False,
        )
    ours = F.ctc_loss(pb.log_softmax(pb.tensor(logits[:, None]), -1), [[1]], [5], [0], reduction="none")
    theirs = torch.nn.functional.ctc_loss(
        torch.log_softmax(torch.tensor(logits[:, None]), -1),
        torch.tensor([[1]]), torch.tensor([5]), torch.tensor([0]), reduction="none",
    )  # fmt: skip
    close(ours, theirs)


# modules


MODULES = [
    ("NLLLoss", {"weight": CLASS_WEIGHT}),
    ("BCELoss", {"weight": W}),
    ("BCEWithLogitsLoss", {"weight": W, "pos_weight": W[0]}),
    ("MultiLabelSoftMarginLoss", {"weight": CLASS_WEIGHT}),
    ("MultiMarginLoss", {"p": 2, "weight": CLASS_WEIGHT}),
    ("CrossEntropyLoss", {"weight": CLASS_WEIGHT}),
    ("MSELoss", {}),
    ("KLDivLoss", {"log_target": True}),
    ("CTCLoss", {"blank": 1}),
    ("TripletMarginLoss", {"p": 1.0}),
]


@pytest.mark.parametrize(("name", "settings"), MODULES)
def test_state_dicts_of_losses(name, settings):
    theirs = {
        key: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for key, value in settings.items()
    }
    ours = getattr(nn, name)(**settings).state_dict()
    expected = getattr(torch.nn, name)(**theirs).state_dict()
    assert list(ours) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(ours[key].numpy(), value.numpy())


# distances


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim):
    compare(
        lambda *xs: F.cosine_similarity(*xs, dim=dim),
        lambda *xs: torch.cosine_similarity(*xs, dim=dim),
        (X, Y),
    )
    compare(lambda *xs: nn.CosineSimilarity(dim)(*xs), torch.nn.CosineSimilarity(dim), (X[None, 0], Y))


def test_cosine_similarity_of_nothing():
    zeros = np.zeros((2, 3))
    for pair in ((zeros, Y[:2]), (Y[:2], zeros), (zeros, zeros)):
        compare(F.cosine_similarity, torch.cosine_similarity, pair, second=False)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, np.inf])
@pytest.mark.parametrize("keepdim", [True, False])
def test_pairwise_distance(p, keepdim):
    compare(
        lambda *xs: nn.PairwiseDistance(p, keepdim=keepdim)(*xs),
        torch.nn.PairwiseDistance(p, keepdim=keepdim),
        (X, Y),
    )


@pytest.mark.parametrize(("p", "dim"), [(1.0, 0), (2.0, 0), (3.0, 0), (1.0, 1), (2.0, -1), (2.0, (0, 1))])
def test_normalize(p, dim):
    compare(lambda x: F.normalize(x, p, dim), lambda x: torch.nn.functional.normalize(x, p, dim), (X,))
    compare(
        lambda x: F.normalize(x, p), lambda x: torch.nn.functional.normalize(x, p), (X * 0,), second=False
    )


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize(
    "shapes", [((4, 3), (5, 3)), ((2, 4, 3), (1, 2, 3)), ((30, 2), (28, 2)), ((0, 3), (2, 3))]
)
def test_cdist(p, shapes):
    rng = np.random.default_rng(7)
    arrays = [rng.normal(size=shape) for shape in shapes]
    compare(
        lambda *xs: F.cdist(*xs, p=p),
        lambda *xs: torch.cdist(*xs, p=p),
        arrays,
        second=p == 2 and len(arrays[0]) == 30,
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_pdist(p):
    compare(lambda x: F.pdist(x, p), lambda x: torch.pdist(x, p), (X,), second=False)


def test_distances_of_equal_points():
    same = np.ones((2, 3))
    for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        compare(
            lambda *xs, m=mode: F.cdist(*xs, compute_mode=m),
            lambda *xs, m=mode: torch.cdist(*xs, compute_mode=m),
            (same, same),
            second=False,
        )
    compare(F.pdist, torch.pdist, (same,), second=False)


def test_one_hot():
    x = np.array([[0, 3], [1, 1]])
    for classes in (-1, 5):
        close(F.one_hot(x, classes), torch.nn.functional.one_hot(torch.tensor(x), classes))
