"""What NumPy and PyTorch have beyond the standard and is made of several operations: values and gradients."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import REGISTRY


@pytest.fixture
def x(rng):
    return rng.permutation(12).reshape(3, 4) + rng.uniform(0, 0.5, (3, 4))


@pytest.fixture
def holes(x):
    x = x.copy()
    x[0, 1] = x[2, 2] = np.nan
    return x


# order


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), -1])
@pytest.mark.parametrize("q", [0.0, 0.3, 1.0, [0.25, 0.8], [[0.5], [0.1]]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_quantile_is_numpys(x, axis, q, keepdims):
    ours = pb.quantile(pb.tensor(x), q, axis, keepdims=keepdims)
    np.testing.assert_allclose(ours.numpy(), np.quantile(x, q, axis, keepdims=keepdims))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_nan_quantiles_are_numpys(holes, axis):
    tensor = pb.tensor(holes)
    for q in (0.0, 0.4, [0.5, 1.0]):
        np.testing.assert_allclose(pb.nanquantile(tensor, q, axis).numpy(), np.nanquantile(holes, q, axis))
        np.testing.assert_allclose(pb.quantile(tensor, q, axis).numpy(), np.quantile(holes, q, axis))
    np.testing.assert_allclose(pb.median(tensor, axis).numpy(), np.median(holes, axis))
    np.testing.assert_allclose(pb.nanmedian(tensor, axis).numpy(), np.nanmedian(holes, axis))
    np.testing.assert_allclose(pb.nanpercentile(tensor, 30, axis).numpy(), np.nanpercentile(holes, 30, axis))


def test_gradients_of_quantiles(x, holes):
    for function in (
        lambda a: pb.quantile(a, [0.3, 0.9], 1),
        lambda a: pb.percentile(a, 45, (0, 1)),
        lambda a: pb.median(a, dim=0, keepdim=True),
    ):
        pb.gradcheck(function, pb.tensor(x)).assert_ok()
    tensor = pb.tensor(holes, requires_grad=True)
    pb.nanmedian(tensor, 1).sum().backward()
    assert np.all(tensor.grad.numpy()[np.isnan(holes)] == 0)
    assert tensor.grad.numpy().sum() == pytest.approx(3)


def test_quantiles_beside_infinities_and_their_errors():
    x = pb.tensor([1.0, 2.0, np.inf])
    assert pb.quantile(x, 0.5).item() == 2.0
    with pytest.raises(ValueError, match="within 0 and 1"):
        pb.quantile(x, 1.5)
    with pytest.raises(ValueError, match="no elements"):
        pb.quantile(pb.zeros(0), 0.5)
    with pytest.raises(TypeError, match="real numbers"):
        pb.median(pb.tensor([1j]))
    with pytest.raises(RuntimeError, match="level of quantile"):
        pb.quantile(x, pb.tensor(0.5, requires_grad=True))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_running_extremes(values):
    for ours, theirs in ((pb.cummax, np.maximum), (pb.cummin, np.minimum)):
        found = ours(pb.asarray(values))
        expected = theirs.accumulate(values)
        assert found.values.tolist() == expected.tolist()
        for i, place in enumerate(found.indices.tolist()):
            assert place == max(j for j in range(i + 1) if values[j] == expected[i])


def test_running_extremes_keep_nan():
    found = pb.cummax(pb.tensor([1.0, np.nan, 3.0]))
    np.testing.assert_array_equal(found.values.numpy(), [1, np.nan, np.nan])
    assert found.indices.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="needs an axis"):
        pb.cummin(pb.ones((2, 2)))


# nan


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_without_nan(name, axis, keepdims, holes):
    tensor = pb.tensor(holes, requires_grad=True)
    y = getattr(pb, name)(tensor, axis, keepdims=keepdims)
    np.testing.assert_allclose(y.detach().numpy(), getattr(np, name)(holes, axis, keepdims=keepdims))
    y.sum().backward()
    assert np.all(tensor.grad.numpy()[np.isnan(holes)] == 0)
    assert np.all(np.isfinite(tensor.grad.numpy()))
    whole = pb.tensor(np.nan_to_num(holes, nan=20.5))
    pb.gradcheck(lambda a: getattr(pb, name)(a, axis, keepdims=keepdims), whole).assert_ok()
    assert getattr(pb, name)(pb.tensor(holes, dtype=pb.float32), axis).dtype == np.float32


def test_nothing_but_nan():
    x = pb.tensor([[np.nan, np.nan], [1.0, 1.0]], requires_grad=True)
    np.testing.assert_array_equal(pb.nanmean(x, 1).numpy(), [np.nan, 1])
    np.testing.assert_array_equal(pb.nanmax(x, 1).numpy(), [np.nan, 1])
    np.testing.assert_array_equal(pb.nanmedian(x, 1).numpy(), [np.nan, 1])
    np.testing.assert_array_equal(pb.nanvar(x, 1, correction=2).numpy(), [np.nan, np.nan])
    pb.nanstd(x, 1)[1].backward()
    assert x.grad.tolist() == [[0, 0], [0, 0]]


def test_nan_to_num_takes_its_numbers():
    x = pb.tensor([np.nan, np.inf, -np.inf, 1.0], requires_grad=True)
    y = pb.nan_to_num(x, nan=7, posinf=8, neginf=9)
    assert y.tolist() == [7, 8, 9, 1]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1]


# turning, filling, weighing


@pytest.mark.parametrize("k", range(-2, 5))
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (-1, 0)])
def test_quarter_turns_are_numpys(k, axes):
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(pb.rot90(pb.tensor(x), k, axes).numpy(), np.rot90(x, k, axes))
    with pytest.raises(ValueError, match="different axes"):
        pb.rot90(x, 1, (0, -3))


def test_average_is_numpys(x):
    for axis, weights in ((None, x), (0, np.array([1.0, 2.0, 4.0])), (1, np.abs(x)), (1, None)):
        np.testing.assert_allclose(
            pb.average(pb.tensor(x), axis, weights).numpy(), np.average(x, axis, weights)
        )
    pb.gradcheck(lambda a, w: pb.average(a, 0, w), (x, np.array([1.0, 2.0, 4.0]))).assert_ok()
    with pytest.raises(ValueError, match="fit neither"):
        pb.average(x, 0, [1.0, 2.0])
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        pb.average([1.0, 2.0], weights=[1.0, -1.0])


def test_masked_fill_sends_the_gradient_where_the_value_came_from():
    x, value = pb.tensor([1.0, 2.0], requires_grad=True), pb.tensor(5.0, requires_grad=True)
    pb.masked_fill(x, [True, False], value).sum().backward()
    assert (x.grad.tolist(), value.grad.item()) == ([0, 1], 1)


# sequences


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_correlate_is_numpys(mode, rng):
    x, y = rng.normal(size=6), rng.normal(size=3)
    ours = pb.correlate(pb.tensor(x), pb.tensor(y), mode)
    np.testing.assert_allclose(ours.numpy(), np.correlate(x, y, mode))
    pb.gradcheck(lambda a, b: pb.correlate(a, b, mode), (x, y)).assert_ok()
    x, y = x + 1j * rng.normal(size=6), y - 2j * rng.normal(size=3)
    ours = pb.correlate(pb.tensor(x), pb.tensor(y), mode)
    np.testing.assert_allclose(ours.numpy(), np.correlate(x, y, mode))
    pb.gradcheck(lambda a, b: pb.correlate(a, b, mode), (x, y)).assert_ok()


def test_sequences_are_checked():
    with pytest.raises(ValueError, match="one axis"):
        pb.convolve(pb.ones((2, 2)), pb.ones(2))
    with pytest.raises(ValueError, match="modes are"):
        pb.convolve(pb.ones(2), pb.ones(2), "middle")
    with pytest.raises(ValueError, match="longer than the first"):
        pb.correlate(pb.ones(2), pb.ones(3))
    with pytest.raises(ValueError, match="as many coordinates"):
        pb.interp(1.0, pb.ones(2), pb.ones(3))


@pytest.mark.parametrize("ends", [{}, {"left": -1.0}, {"left": 2.0, "right": 5.0}])
def test_interp_is_numpys(ends):
    xp, fp = np.array([0.0, 1.0, 2.5, 3.0]), np.array([1.0, -1.0, 2.0, 0.5])
    x = np.array([[-1.0, 0.0, 0.3], [2.5, 3.0, 4.0]])
    np.testing.assert_allclose(pb.interp(x, pb.tensor(xp), fp, **ends).numpy(), np.interp(x, xp, fp, **ends))
    inner = np.array([0.3, 0.7, 1.9, 2.7, 5.0, -2.0])
    pb.gradcheck(lambda *a: pb.interp(*a, **ends), (inner, xp, fp)).assert_ok()
    assert pb.interp(pb.tensor([-1.0, 2.0]), [0.0], [3.0]).tolist() == [3, 3]


def test_trapezoid_is_numpys(x, rng):
    for options in ({}, {"dx": 0.5}, {"axis": 0}, {"x": np.array([0.0, 1, 3, 4])}, {"x": x * 2, "axis": 0}):
        np.testing.assert_allclose(pb.trapezoid(pb.tensor(x), **options).numpy(), np.trapezoid(x, **options))
    places = np.array([0.0, 1.0, 3.0])
    pb.gradcheck(lambda y, s: pb.trapezoid(y, s, axis=0), (x, places)).assert_ok()


def test_logcumsumexp_far_from_zero():
    x = pb.tensor([-2000.0, 0.0, 2000.0], requires_grad=True)
    y = pb.logcumsumexp(x)
    assert y.tolist() == [-2000, 0, 2000]
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]
    empty = pb.tensor([-np.inf, 0.0], requires_grad=True)
    pb.logcumsumexp(empty)[1].backward()
    assert empty.grad.tolist() == [0, 1]


# special functions


def test_special_is_a_module_of_functions():
    assert pb.special.gammaln is pb.lgamma
    assert pb.special.expit is pb.sigmoid
    assert set(pb.special.__all__) <= set(dir(pb.special))


def test_scipys_functions_meet_tensors():
    from scipy import special

    x = pb.tensor([0.5, 1.5], requires_grad=True)
    special.gammaln(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), special.digamma(x.detach().numpy()))
    with pytest.raises(TypeError, match="spence"):
        special.spence(x)


def test_without_scipy_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ImportError, match=r"erf is computed by SciPy.*pullback\[special\]"):
        pb.erf(1.0)


def test_polygamma_has_no_gradient_for_its_order():
    with pytest.raises(RuntimeError, match="'n'"):
        pb.polygamma(pb.tensor(1.0, requires_grad=True), 2.0)


def test_slopes_near_zero_do_not_cancel():
    for at in (1e-6, 9e-3, 1.1e-2):
        x = pb.tensor(at, dtype=pb.float64, requires_grad=True)
        (slope,) = pb.gradients(pb.sinc(x), x, create_graph=True)
        assert slope.item() == pytest.approx(-(np.pi**2) / 3 * at + np.pi**4 / 30 * at**3, rel=1e-7)
        (curvature,) = pb.gradients(slope, x)
        assert curvature.item() == pytest.approx(-(np.pi**2) / 3 + np.pi**4 / 10 * at**2, rel=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("erf", (-1.0, 0.0, 2.0)),
        ("erfc", (0.5,)),
        ("erfcx", (0.5, 3.0)),
        ("erfinv", (-1.0, 0.3, 1.0)),
        ("gammaln", (0.0, 0.5, 7.0)),
        ("digamma", (0.5, 3.0)),
        ("ndtr", (-3.0, 1.0)),
        ("ndtri", (0.0, 0.2)),
        ("log_ndtr", (-50.0, 1.0)),
        ("i0", (0.0, 1.0)),
        ("i0e", (-1.0, 0.0)),
        ("i1", (0.0, 2.0)),
        ("i1e", (0.0, -2.0)),
        ("entr", (0.0, 0.5)),
        ("logit", (0.0, 0.5, 1.0)),
        ("sinc", (0.0, 0.5)),
    ],
)
def test_special_functions_agree_with_pytorch(name, points):
    import torch

    theirs = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    value = getattr(torch.special, name)(theirs)
    value.sum().backward()
    ours = pb.tensor(points, dtype=pb.float64, requires_grad=True)
    with np.errstate(all="ignore"):
        y = getattr(pb.special, name)(ours)
    y.backward(np.ones(len(points)))
    np.testing.assert_allclose(y.numpy(), value.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-9)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("quantile", (0.4, 1)),
        ("nanquantile", (0.4, 1)),
        ("logcumsumexp", (1,)),
        ("cumprod", (1,)),
        ("nansum", (0,)),
        ("nanmean", (0,)),
        ("diff", ()),
        ("trapezoid", ()),
        ("prod", ()),
    ],
)
def test_gradients_agree_with_pytorch(name, arguments, x):
    import torch

    theirs = torch.tensor(x / 6, requires_grad=True)
    value = getattr(torch, name)(theirs, *arguments)
    weight = np.random.default_rng(0).normal(size=tuple(value.shape))
    value.backward(torch.tensor(weight))
    ours = pb.tensor(x / 6, requires_grad=True)
    y = getattr(pb, name)(ours, *arguments)
    y.backward(weight)
    np.testing.assert_allclose(y.numpy(), value.detach().numpy())
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy())


def _in_pytorch(op):
    import torch

    return getattr(torch, op.name, None) or getattr(torch.special, op.name, None)


@pytest.mark.oracle
def test_singular_points_are_pytorchs():
    """Every convention that a declaration states, for the operations that PyTorch has by the same name."""
    import torch

    compared = 0
    for op in REGISTRY.values():
        theirs = _in_pytorch(op) if op.module.startswith("pullback.autograd") else None
        for point in op.singular if theirs else ():
            if any(np.iscomplexobj(value) for value in point.inputs):
                continue
            leaves = [torch.tensor(np.asarray(v, float).tolist(), dtype=torch.float64) for v in point.inputs]
            for leaf in leaves:
                leaf.requires_grad_()
            options = {"correction": 0} if op.name in ("std", "var") else {}
            theirs(*leaves, **options).sum().backward()
            for leaf, expected in zip(leaves, point.gradients, strict=True):
                found = 0.0 if leaf.grad is None else leaf.grad.numpy()
                np.testing.assert_array_equal(found, expected, err_msg=f"{op.name} at {point.inputs}")
            compared += 1
    assert compared > 30


OBSERVATIONS = np.array([[0.3, 1.0, 2.5, -1.0], [2.0, 1.1, 0.4, 0.0], [1.0, -1.0, 0.5, 2.0]])


@pytest.mark.parametrize(
    "options",
    [{}, {"correction": 0}, {"fweights": [1, 2, 1, 3]}, {"aweights": [0.5, 1.0, 2.0, 0.1]},
     {"fweights": [1, 2, 1, 3], "aweights": [0.5, 1.0, 2.0, 0.1], "correction": 2}],
)  # fmt: skip
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1), 0])
def test_covariances_are_numpys(options, rows):
    x = OBSERVATIONS[rows]
    theirs = {"ddof" if key == "correction" else key: value for key, value in options.items()}
    found = pb.cov(pb.tensor(x), **options)
    np.testing.assert_allclose(found.numpy(), np.cov(x, **theirs), rtol=1e-12)
    assert pb.cov(pb.tensor(x, dtype=pb.float32), **options).dtype == pb.float32
    pb.gradcheck(lambda x: pb.cov(x, **options), (x,), elementwise=True).assert_ok()


def test_correlations_are_numpys():
    np.testing.assert_allclose(pb.corrcoef(pb.tensor(OBSERVATIONS)).numpy(), np.corrcoef(OBSERVATIONS))
    assert pb.corrcoef(pb.tensor([1.0, 2.0])).item() == 1
    z = OBSERVATIONS + 1j * OBSERVATIONS[::-1]
    np.testing.assert_allclose(pb.cov(pb.tensor(z)).numpy(), np.cov(z))
    np.testing.assert_allclose(pb.corrcoef(pb.tensor(z)).numpy(), np.corrcoef(z))
    pb.gradcheck(pb.corrcoef, (OBSERVATIONS,)).assert_ok()
    with pytest.raises(ValueError, match="row of observations"):
        pb.cov(pb.ones((2, 2, 2)))


@pytest.mark.parametrize("k", [-2, -1, 0, 1, 3])
@pytest.mark.parametrize("x", [np.array([1.0, 2.0]), np.arange(6.0).reshape(2, 3)], ids=["vector", "matrix"])
def test_diag_is_numpys(x, k):
    np.testing.assert_array_equal(pb.diag(pb.tensor(x), k).numpy(), np.diag(x, k))
    pb.gradcheck(lambda x: pb.diag(x, k) * 3, (x,)).assert_ok()


def test_diag_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"vector or a matrix, and x has shape \(2, 2, 2\)"):
        pb.diag(pb.ones((2, 2, 2)))
