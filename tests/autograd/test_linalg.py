"""Linear algebra beyond what the declarations test: composed functions, singular points, errors, PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import linalg


@pytest.fixture
def regular(rng):
    return rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)


def turned(x, rng):
    return x + 0.4j * rng.normal(size=x.shape)


# composed functions


def tensordots(axes):
    return lambda x, y: pb.tensordot(x, y, axes=axes), lambda x, y: np.tensordot(x, y, axes)


def dots(x, y):
    return np.sum(x * y, -1)


COMPOSED = {
    "tensordot": (*tensordots(((1, 2), (0, 1))), (2, 3, 4), (3, 4, 2)),
    "tensordot of one axis": (*tensordots(1), (2, 3), (3, 2)),
    "tensordot of none": (*tensordots(0), (2,), (3,)),
    "inner": (pb.inner, np.inner, (2, 3), (4, 3)),
    "inner with a number": (pb.inner, np.inner, (2, 3), ()),
    "dot": (pb.dot, np.dot, (2, 3), (4, 3, 2)),
    "dot with a vector": (pb.dot, np.dot, (2, 3), (3,)),
    "outer": (pb.outer, np.outer, (2,), (3,)),
    "kron": (pb.kron, np.kron, (2, 3), (3, 1)),
    "kron of unequal axes": (pb.kron, np.kron, (2,), (2, 3)),
    "einsum with dots": (lambda x, y: pb.einsum("...ij,...jk->...ik", x, y), np.matmul, (2, 1, 2, 3), (4, 3, 2)),
    "einsum with dots of length 1": (lambda x, y: pb.einsum("...i,...i", x, y), dots, (4, 1, 3), (2, 3)),
    "einsum without an arrow": (lambda x, y: pb.einsum("ij, jk", x, y), np.matmul, (2, 3), (3, 2)),
    "einsum with dots and no arrow": (lambda x, y: pb.einsum("...j,j", x, y), np.matmul, (4, 2, 3), (3,)),
}  # fmt: skip


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("name", COMPOSED)
def test_composed_products(name, is_complex, rng):
    ours, numpys, *shapes = COMPOSED[name]
    inputs = [rng.normal(size=shape) for shape in shapes]
    inputs = [np.asarray(turned(x, rng)) for x in inputs] if is_complex else [np.asarray(x) for x in inputs]
    np.testing.assert_allclose(ours(*map(pb.tensor, inputs)).numpy(), numpys(*inputs), rtol=1e-12)
    pb.gradcheck(ours, inputs).assert_ok()


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_matrix_norms(ord, keepdims, rng):
    x = rng.normal(size=(2, 3, 4))
    ours = linalg.matrix_norm(pb.tensor(x), ord=ord, keepdims=keepdims)
    np.testing.assert_allclose(ours.numpy(), np.linalg.matrix_norm(x, ord=ord, keepdims=keepdims))
    pb.gradcheck(lambda x: linalg.matrix_norm(x, ord=ord), x).assert_ok()
    pb.gradcheck(lambda x: linalg.matrix_norm(x, ord=ord), turned(x, rng)).assert_ok()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axis": 1},
        {"axis": (0, 2), "keepdims": True},
        {"axis": (2, 0), "ord": "nuc"},
        {"axis": (-1, 0), "ord": 1, "keepdims": True},
        {"axis": 0, "ord": 3},
    ],
)
def test_norm_chooses_as_numpy_does(options, rng):
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(pb.norm(pb.tensor(x), **options).numpy(), np.linalg.norm(x, **options))
    np.testing.assert_allclose(np.linalg.norm(pb.tensor(x), **options).numpy(), np.linalg.norm(x, **options))
    pb.gradcheck(lambda x: pb.norm(x, **options), x).assert_ok()


def test_norm_understands_dim_and_refuses_the_rest():
    x = pb.ones((2, 3))
    assert pb.norm(x, dim=1, keepdim=True).shape == (2, 1)
    with pytest.raises(TypeError, match="unexpected"):
        pb.norm(x, axes=1)
    with pytest.raises(ValueError, match="matrices"):
        pb.norm(x, ord="fro", axis=0)
    with pytest.raises(ValueError, match="ord must be"):
        linalg.matrix_norm(x, ord=3)
    with pytest.raises(ValueError, match="one axis or two"):
        pb.norm(pb.ones((2, 2, 2)), axis=(0, 1, 2))


@pytest.mark.parametrize("ord", [1.5, 2, 3, np.inf])
def test_the_gradient_of_a_norm_of_zeros_is_zero(ord):
    x = pb.tensor(np.zeros(3), requires_grad=True)
    linalg.vector_norm(x, ord=ord).backward()
    np.testing.assert_array_equal(x.grad.numpy(), 0)


def test_diagonals_and_traces_under_numpys_axes(rng):
    x = rng.normal(size=(3, 4, 3))
    t = pb.tensor(x)
    np.testing.assert_array_equal(np.diagonal(t, 1).numpy(), np.diagonal(x, 1))
    np.testing.assert_allclose(np.trace(t, 0, 0, 2).numpy(), np.trace(x, 0, 0, 2))
    np.testing.assert_allclose(linalg.trace(t, offset=-1).numpy(), np.trace(x, -1, -2, -1))
    pb.gradcheck(lambda x: linalg.trace(x, offset=1), x).assert_ok()


def test_numpys_functions_take_tensors(rng):
    x = rng.normal(size=(3, 3)) + 3 * np.eye(3)
    t = pb.tensor(x, requires_grad=True)
    for function in (
        np.linalg.inv, np.linalg.det, np.linalg.pinv, np.linalg.cholesky, np.linalg.eigvalsh, np.linalg.svdvals,
        lambda x: np.linalg.svd(x, False)[1], lambda x: np.linalg.svd(x, compute_uv=False),
        lambda x: np.linalg.qr(x, "reduced")[1],
        lambda x: np.einsum("ij,ij->j", x, x), lambda x: np.kron(x, x), lambda x: np.dot(x, x), np.linalg.norm,
        lambda x: np.cross(x, x[0]), lambda x: np.tensordot(x, x, 1), lambda x: np.linalg.solve(x, x[0]),
        lambda x: np.linalg.slogdet(x).logabsdet, lambda x: np.linalg.matrix_power(x, 2), lambda x: np.vecdot(x, x),
    ):  # fmt: skip
        argument = (x + x.T) / 2
        result = function(pb.tensor(argument, requires_grad=True))
        assert result.requires_grad
        np.testing.assert_allclose(result.detach().numpy(), function(argument), rtol=1e-10)
    assert np.linalg.eigh(t).eigenvectors.requires_grad


# einsum


def test_einsum_of_one_operand_has_memory_of_its_own():
    x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = pb.einsum("ij->ji", x)
    y[0, 0] = 9.0
    assert x[0, 0].item() == 1.0


@pytest.mark.parametrize(
    ("subscripts", "message"),
    [
        ("ij,jk->ik", "2 operands"),
        ("ijk", "does not fit"),
        ("i", "does not fit"),
        ("i$", "letters"),
        ("ij->k", "no operand"),
        ("ij->ii", "repeats"),
        ("...->", "no place"),
        ("......", "at most one"),
    ],
)
def test_einsum_says_what_does_not_fit(subscripts, message):
    with pytest.raises(ValueError, match=message):
        pb.einsum(subscripts, pb.ones((2, 3)))


@settings(max_examples=30)
@given(st.lists(st.text("abc", min_size=0, max_size=3), min_size=1, max_size=3), st.data())
def test_einsum_of_any_subscripts(terms, data):
    sizes = {"a": 2, "b": 3, "c": 1}
    letters = sorted(set("".join(terms)))
    output = "".join(data.draw(st.permutations(letters)))[: data.draw(st.integers(0, 3))]
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=tuple(sizes[x] for x in term)) for term in terms]
    text = f"{','.join(terms)}->{output}"
    np.testing.assert_allclose(
        pb.einsum(text, *map(pb.tensor, operands)).numpy(), np.einsum(text, *operands), rtol=1e-9, atol=1e-12
    )
    pb.gradcheck(lambda *xs: pb.einsum(text, *xs), operands, tolerance=1e-4).assert_ok()


# points where something is singular


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_determinant_has_its_gradient_at_every_rank(rank, rng):
    x = rng.normal(size=(3, rank)) @ rng.normal(size=(rank, 3))

    def shifted(x):  # where the gradient of det is 0, that of the sum gives the scale
        return linalg.det(x) + x.sum()

    pb.gradcheck(shifted, x, elementwise=True).assert_ok()
    pb.gradcheck(shifted, turned(x, rng) if rank == 3 else x + 0j, elementwise=True).assert_ok()

    def slope(x):
        with pb.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            return pb.gradients(linalg.det(x), x, create_graph=True)[0] + x

    pb.gradcheck(slope, x, elementwise=True).assert_ok()


def test_the_determinant_at_third_order(regular):
    def f(x, v):
        g = pb.grad(linalg.det)
        return pb.grad(lambda x: (pb.grad(lambda x: (g(x) * v).sum())(x) * v).sum())(x)

    v = np.random.default_rng(2).normal(size=(3, 3))
    h = 1e-4
    x = regular[0]

    def second(x):
        g = pb.grad(linalg.det)
        return (pb.grad(lambda x: (g(x) * v).sum())(x) * v).sum().item()

    with pb.enable_grad():
        found = f(pb.tensor(x), v).numpy()
    i = (1, 2)
    step = np.zeros((3, 3))
    step[i] = h
    assert found[i] == pytest.approx((second(x + step) - second(x - step)) / (2 * h), rel=1e-5)


def test_slogdet_of_a_singular_matrix_has_no_gradient():
    x = pb.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    y = linalg.slogdet(x).logabsdet
    assert y.item() == -np.inf
    with pytest.raises(np.linalg.LinAlgError, match="slogdet has no derivative at a singular matrix"):
        y.backward()


def test_equal_eigenvalues_have_a_gradient_through_the_values_alone():
    x = pb.tensor(np.eye(3), requires_grad=True)
    values, vectors = linalg.eigh(x)
    (values**2).sum().backward(retain_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.eye(3))
    (g,) = pb.gradients((vectors[0] * np.arange(3.0)).sum(), x)
    assert not np.isfinite(g.numpy()).all()
    y = pb.tensor(np.eye(3), requires_grad=True)
    (linalg.svd(y).S ** 2).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), 2 * np.eye(3))
    pb.gradcheck(lambda x: (linalg.svdvals(x) ** 2).sum(), np.zeros((2, 3)) + 1.0).assert_ok()


def test_vectors_of_any_phase_are_refused_and_projections_are_not(regular, rng):
    z = turned(regular, rng)
    t = pb.tensor(z, requires_grad=True)
    with pytest.raises(RuntimeError, match="eigh in a way that depends on the phase"):
        pb.imag(linalg.eigh(t).eigenvectors[..., 0, :]).sum().backward()
    with pytest.raises(RuntimeError, match="svd in a way that depends on the phase"):
        pb.imag(linalg.svd(t).U[..., 1, :]).sum().backward()
    pb.gradcheck(lambda z: pb.abs(linalg.eigh(z).eigenvectors), z).assert_ok()

    def projection(z):
        u = linalg.svd(z).U[..., :1]
        return u @ pb.conj(u.mT)

    pb.gradcheck(projection, z).assert_ok()


def test_what_a_full_decomposition_leaves_open_is_refused(rng):
    x = pb.tensor(rng.normal(size=(4, 2)), requires_grad=True)
    with pytest.raises(RuntimeError, match="full_matrices=False"):
        linalg.svd(x).U.sum().backward()
    with pytest.raises(RuntimeError, match="mode='reduced'"):
        linalg.qr(x, mode="complete").R.sum().backward()
    u, s, vh = linalg.svd(x)
    pb.gradcheck(lambda x: linalg.svd(x).U[:, :2] ** 2 * linalg.svd(x).S, x).assert_ok()
    assert u.shape == (4, 4)
    assert (s.shape, vh.shape) == ((2,), (2, 2))


def test_qr_of_dependent_columns_has_no_gradient():
    x = pb.tensor([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]], requires_grad=True)
    y = linalg.qr(x).R.sum()
    with pytest.raises(np.linalg.LinAlgError, match="linearly dependent"):
        y.backward()
    with pytest.raises(ValueError, match="'reduced' or 'complete'"):
        linalg.qr(x, mode="r")


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="count the axis from the end"):
        pb.vecdot(pb.ones((2, 3)), pb.ones(2), axis=0)
    with pytest.raises(ValueError, match="differ in length"):
        pb.vecdot(pb.ones(2), pb.ones(3))
    with pytest.raises(ValueError, match="length 3"):
        linalg.cross(pb.ones(2), pb.ones(2))
    with pytest.raises(ValueError, match="two axes"):
        pb.matrix_transpose(pb.ones(2))
    with pytest.raises(ValueError, match="two axes"):
        linalg.diagonal(pb.ones(2))
    with pytest.raises(ValueError, match="tensordot"):
        pb.tensordot(pb.ones((2, 3)), pb.ones((2, 3)), axes=1)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        linalg.inv(pb.zeros((2, 2)))
    for function in (linalg.inv, linalg.det, linalg.slogdet, linalg.cholesky, linalg.eigh, linalg.eigvalsh):
        with pytest.raises(
            np.linalg.LinAlgError, match=rf"{function.op.name} takes square matrices.*\(2, 3\)"
        ):
            function(pb.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="solve takes square"):
        linalg.solve(pb.ones(2), pb.ones(2))
    with pytest.raises(ValueError, match=r"solve: x2 of shape \(3,\) does not fit x1 of shape \(2, 2\)"):
        linalg.solve(pb.eye(2), pb.ones(3))
    with pytest.raises(np.linalg.LinAlgError, match="matrix_power takes square"):
        linalg.matrix_power(pb.ones((2, 3)), 2)


def test_empty_matrices_and_batches():
    x = pb.tensor(np.zeros((2, 0, 0)), requires_grad=True)
    assert linalg.det(x).tolist() == [1.0, 1.0]
    linalg.det(x).sum().backward()
    assert x.grad.shape == (2, 0, 0)
    y = pb.tensor(np.zeros((0, 3, 3)), requires_grad=True)
    for function in (linalg.inv, linalg.cholesky, linalg.svdvals, linalg.pinv, lambda y: linalg.qr(y).R):
        (g,) = pb.gradients(function(y).sum(), y)
        assert g.shape == (0, 3, 3)


def test_single_precision_is_kept(regular):
    x = pb.tensor((regular + np.swapaxes(regular, -1, -2)).astype(np.float32), requires_grad=True)
    for function in (
        linalg.inv, linalg.det, linalg.cholesky, linalg.pinv, linalg.eigvalsh, linalg.svdvals, linalg.vector_norm,
        lambda x: linalg.eigh(x).eigenvectors, lambda x: linalg.svd(x).U, lambda x: linalg.qr(x).Q,
        lambda x: linalg.slogdet(x).logabsdet, lambda x: linalg.matrix_power(x, -2), lambda x: linalg.solve(x, x),
        linalg.matrix_norm, lambda x: pb.fft.fft(x).real,
    ):  # fmt: skip
        y = function(x)
        (g,) = pb.gradients(y, x, np.ones(y.shape, np.float32))
        assert y.dtype == g.dtype == np.float32


# PyTorch

ORACLE = {
    "inv": lambda m, x: m.inv(x),
    "det": lambda m, x: m.det(x),
    "slogdet": lambda m, x: m.slogdet(x)[1],
    "slogdet sign": lambda m, x: m.slogdet(x)[0],
    "solve": lambda m, x: m.solve(x, x[..., :2]),
    "pinv": lambda m, x: m.pinv(x[..., :2]),
    "matrix_power": lambda m, x: m.matrix_power(x, -3),
    "cholesky": lambda m, x: m.cholesky(x @ x.mT.conj()),
    "eigvalsh": lambda m, x: m.eigvalsh(x + x.mT.conj()),
    "eigh": lambda m, x: m.eigh(x + x.mT.conj())[1].abs(),
    "svd": lambda m, x: m.svd(x[..., :2], full_matrices=False)[0].abs() * m.svd(x)[1][..., :1, None],
    "svdvals": lambda m, x: m.svdvals(x),
    "qr": lambda m, x: m.qr(x[..., :2])[0],
    "qr wide": lambda m, x: m.qr(x[..., :2, :])[1],
    "vector_norm": lambda m, x: m.vector_norm(x, ord=3),
    "matrix_norm": lambda m, x: m.matrix_norm(x, ord="nuc"),
}  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("name", ORACLE)
def test_gradients_against_pytorch(name, is_complex, regular, rng):
    import torch

    x = turned(regular, rng) if is_complex else regular
    ours, theirs = pb.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, t = ORACLE[name](linalg, ours), ORACLE[name](torch.linalg, theirs)
    np.testing.assert_allclose(y.detach().numpy(), t.detach().numpy(), rtol=1e-8, atol=1e-10)
    g = rng.normal(size=y.shape) * (1 + (0.5j if y.dtype.kind == "c" else 0))
    t.backward(torch.tensor(g))
    expected = 0 if theirs.grad is None else theirs.grad.numpy()  # None: the sign of a real determinant
    np.testing.assert_allclose(pb.gradients(y, ours, g)[0].numpy(), expected, rtol=1e-7, atol=1e-9)
