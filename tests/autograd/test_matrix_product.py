"""The product of two matrices: the compiled one beside BLAS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd.extend import every_size, matrix_product

needs_numba = pytest.mark.skipif(not pb.config.fast, reason="Numba is not installed")


@pytest.fixture(autouse=True)
def settings_as_before():
    before = pb.config.fast, pb.config.threads
    yield
    pb.config._fast, pb.config.threads = before


def drawn(rng, rows, columns, layout, dtype):
    """A matrix of normal numbers that lies in memory in some way."""
    if layout == "turned":
        return rng.normal(size=(columns, rows)).astype(dtype).T
    matrix = rng.normal(size=(rows, columns)).astype(dtype)
    if layout == "every other":
        return np.repeat(matrix, 2, axis=1)[:, ::2]
    if layout == "read-only":
        matrix.flags.writeable = False
    return matrix


@needs_numba
@settings(deadline=None, max_examples=120)
@given(
    rows=st.one_of(st.integers(1, 70), st.integers(500, 530)),
    columns=st.one_of(st.integers(1, 70), st.sampled_from([96, 97, 150])),
    depth=st.one_of(st.integers(1, 40), st.sampled_from([255, 256, 257, 513])),
    layouts=st.tuples(*[st.sampled_from(["plain", "turned", "every other", "read-only"])] * 2),
    dtype=st.sampled_from([np.float32, np.float64]),
    with_row=st.booleans(),
    threads=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_matrices(rows, columns, depth, layouts, dtype, with_row, threads, seed):
    rng = np.random.default_rng(seed)
    x, y = drawn(rng, rows, depth, layouts[0], dtype), drawn(rng, depth, columns, layouts[1], dtype)
    row = rng.normal(size=columns).astype(dtype) if with_row else None
    pb.config.threads = threads
    with every_size():
        found = matrix_product(x, y, row)
        out = np.full((rows, columns), np.nan, dtype)
        assert matrix_product(x, y, row, out) is out
        positive = matrix_product(x, y, row, rectified=True)
    exact = x.astype(np.float64) @ y + (0 if row is None else row)
    bound = np.abs(x).astype(np.float64) @ np.abs(y) + 1
    assert found.dtype == dtype
    assert (np.abs(found - exact) <= (4 + depth**0.5) * np.finfo(dtype).eps * bound).all()
    np.testing.assert_array_equal(out, found)
    np.testing.assert_array_equal(positive, np.maximum(found, 0))


@needs_numba
@settings(deadline=None, max_examples=80)
@given(
    count=st.integers(1, 5),
    sizes=st.tuples(*[st.integers(1, 60)] * 3),
    layouts=st.tuples(*[st.sampled_from(["plain", "turned", "part", "every other", "repeated"])] * 2),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_stacks_of_matrices(count, sizes, layouts, dtype, seed):
    rng = np.random.default_rng(seed)
    pb.config.threads = 3
    rows, depth, columns = sizes

    def stack(height, width, layout):
        array = rng.normal(size=(count + 2, height + 3, width + 5)).astype(dtype)
        if layout == "turned":
            return np.ascontiguousarray(array[:count, :height, :width].swapaxes(1, 2)).swapaxes(1, 2)
        if layout == "part":
            return array[1 : count + 1, 2 : height + 2, :width]
        if layout == "every other":
            return np.repeat(array, 2, axis=2)[1 : count + 1, :height, : 2 * width : 2]
        if layout == "repeated":
            return np.broadcast_to(array[0, :height, :width], (count, height, width))
        return np.ascontiguousarray(array[:count, :height, :width])

    x, y = stack(rows, depth, layouts[0]), stack(depth, columns, layouts[1])
    with every_size():
        found = matrix_product(x, y)
    assert found.dtype == dtype
    bound = (4 + depth**0.5) * np.finfo(dtype).eps * (np.abs(x).astype(np.float64) @ np.abs(y) + 1)
    assert (np.abs(found - x.astype(np.float64) @ y) <= bound).all()


@needs_numba
@pytest.mark.parametrize(("rows", "columns"), [(2, 96), (7, 96), (96, 2), (3, 3)])
def test_a_layer_with_few_outputs_leaves_its_products_to_the_kernel(rows, columns):
    from pullback.autograd.kernels import matrices

    if matrices.BYTES < 64:
        pytest.skip("the kernel is for vectors of 64 bytes")
    x, y = np.ones((rows, 200_000 // rows), np.float32), np.ones((200_000 // rows, columns), np.float32)
    found = matrices.matrix_product(x, y)
    assert found is not NotImplemented
    np.testing.assert_allclose(found, np.full((rows, columns), x.shape[1]), rtol=1e-5)


@needs_numba
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(special):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(19, 33)).astype(np.float32), rng.normal(size=(33, 37)).astype(np.float32)
    x[3, 5], y[7, 11] = special, special
    with every_size():
        found, positive = matrix_product(x, y), matrix_product(x, y, rectified=True)
    np.testing.assert_allclose(found, x @ y, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(positive, np.maximum(found, 0))


@pytest.mark.parametrize("shapes", [((0, 3), (3, 20)), ((9, 0), (0, 20)), ((9, 3), (3, 0))])
def test_nothing(shapes):
    x, y = (np.ones(shape, np.float32) for shape in shapes)
    with every_size():
        np.testing.assert_array_equal(matrix_product(x, y, np.ones(y.shape[1], np.float32)), x @ y + 1)


@pytest.mark.parametrize("fast", [False, True])
def test_dtypes_that_differ_are_promoted_as_ever(fast):
    if fast and not pb.config.fast:
        pytest.skip("Numba is not installed")
    pb.config._fast = fast
    x, y = np.ones((20, 30), np.float32), np.ones((30, 40))
    with every_size():
        assert matrix_product(x, y).dtype == np.float64
        assert matrix_product(x, x.T, np.ones(20)).dtype == np.float64
        assert matrix_product(x.astype(int), x.T.astype(int)).dtype == int


@pytest.mark.parametrize("fast", [False, True])
def test_shapes_that_do_not_fit(fast):
    if fast and not pb.config.fast:
        pytest.skip("Numba is not installed")
    pb.config._fast = fast
    x = np.ones((32, 32), np.float32)
    with every_size(), pytest.raises(ValueError, match="mismatch"):
        matrix_product(x, x[1:])
    with every_size(), pytest.raises(ValueError, match="broadcast"):
        matrix_product(x, x, x[0, 1:])


def test_tensors_are_recorded():
    x, y = pb.ones((2, 3), requires_grad=True), pb.ones((3, 4))
    matrix_product(x, y, pb.ones(4)).sum().backward()
    assert x.grad.tolist() == [[4.0] * 3] * 2


def test_a_linear_layer_of_many_axes_is_one_product():
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.normal(size=shape) for shape in ((4, 5, 6), (7, 6), (7,)))
    found = pb.nn.functional.linear(pb.asarray(x), pb.asarray(weight), pb.asarray(bias))
    np.testing.assert_allclose(found.numpy(), x @ weight.T + bias)


@needs_numba
@pytest.mark.parametrize(
    "shapes",
    [((40, 50), (50, 30)), ((3, 40, 50), (50, 30)), ((3, 40, 50), (3, 50, 30)), ((2, 1, 9, 20), (3, 20, 33))],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matmul_and_its_gradients(shapes, dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    found = []
    for fast in (False, True):
        pb.config._fast = fast
        leaves = [pb.asarray(x).requires_grad_(), pb.asarray(y).requires_grad_()]
        with every_size():
            out = leaves[0] @ leaves[1]
            (out * out).sum().backward()
        found.append([out.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)])
    for reference, twin in zip(*found, strict=True):
        assert twin.dtype == dtype
        np.testing.assert_allclose(
            twin, reference, rtol=1e-3, atol=100 * np.finfo(dtype).eps * np.abs(reference).max()
        )


@pytest.mark.parametrize("fast", [False, True])
def test_matmul_of_shapes_that_do_not_fit_says_what_it_ever_said(fast):
    if fast and not pb.config.fast:
        pytest.skip("Numba is not installed")
    pb.config._fast = fast
    with every_size(), pytest.raises(ValueError, match=r"matmul: shapes .* do not fit"):
        pb.ones((40, 50)) @ pb.ones((40, 50))
