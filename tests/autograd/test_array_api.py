"""The array API standard: names, dtypes, inspection, exchange, and what the conformance suite cannot know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pullback as pb

STANDARD_DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
)


def test_the_namespace_names_its_version_and_its_dtypes():
    assert pb.__array_api_version__ == "2024.12"
    for name in STANDARD_DTYPES.split():
        assert getattr(pb, name) == np.dtype(name)
        assert isinstance(getattr(pb, name), np.dtype)


def test_a_tensor_names_its_namespace():
    x = pb.ones(3)
    assert x.__array_namespace__() is pb
    assert x.__array_namespace__(api_version="2023.12") is pb
    with pytest.raises(ValueError, match=r"2012\.12.*versions are"):
        x.__array_namespace__(api_version="2012.12")


def test_inspection():
    info = pb.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"]
    assert info.default_device() == "cpu"
    assert info.devices() == ["cpu"]
    assert info.default_dtypes()["real floating"] == pb.get_default_dtype()
    assert list(info.dtypes()) == STANDARD_DTYPES.split()
    assert list(info.dtypes(kind="complex floating")) == ["complex64", "complex128"]
    assert list(info.dtypes(kind=("bool", "signed integer"))) == ["bool", "int8", "int16", "int32", "int64"]
    with pytest.raises(ValueError, match="gpu"):
        info.dtypes(device="gpu")


def test_the_one_device():
    x = pb.ones(2, device="cpu")
    assert x.to_device("cpu") is x
    assert x.device == "cpu"
    for make in (
        lambda: x.to_device("cuda"),
        lambda: pb.zeros(2, device="cuda"),
        lambda: pb.asarray([1.0], device="cuda"),
        lambda: x.astype(pb.float64, device="cuda"),
        lambda: x.to_device("cpu", stream=1),
    ):
        with pytest.raises(ValueError, match=r"cuda|streams"):
            make()


def test_limits_are_python_numbers():
    info = pb.finfo(pb.complex64)
    assert (info.bits, info.dtype) == (32, np.float32)
    assert all(type(value) is float for value in (info.eps, info.max, info.min, info.smallest_normal))
    assert pb.finfo(pb.ones(2, dtype=pb.float64)).eps == 2.0**-52
    assert (pb.iinfo(pb.uint8).min, pb.iinfo(pb.uint8).max, pb.iinfo(pb.uint8).bits) == (0, 255, 8)
    with pytest.raises(ValueError, match="float32"):
        pb.iinfo(pb.float32)


def test_kinds_of_dtypes():
    assert pb.isdtype(pb.float32, "numeric")
    assert not pb.isdtype(pb.bool, "numeric")
    assert pb.isdtype(pb.float32, ("bool", "real floating"))
    assert pb.isdtype(pb.float32, pb.float32)
    with pytest.raises(ValueError, match="unknown kind"):
        pb.isdtype(pb.float32, "floating")


def test_result_type_takes_tensors_dtypes_and_weak_numbers():
    assert pb.result_type(pb.ones(2), pb.float64) == np.float64
    assert pb.result_type(pb.tensor(1.0), 3) == np.float32
    assert pb.result_type(pb.int8, pb.uint8) == np.int16


def test_dlpack_shares_memory_with_numpy_in_both_directions():
    array = np.arange(4.0)
    x = pb.from_dlpack(array)
    array[0] = 9
    assert x.tolist() == [9, 1, 2, 3]
    back = np.from_dlpack(pb.asarray(array))
    assert np.shares_memory(back, array)
    assert pb.from_dlpack(pb.tensor(2.5)).item() == 2.5
    assert not np.shares_memory(pb.from_dlpack(array, copy=True).numpy(), array)
    assert x.__dlpack_device__() == array.__dlpack_device__()


def test_a_tracked_tensor_is_not_exported():
    x = pb.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="exported by DLPack"):
        np.from_dlpack(x)
    with pytest.raises(TypeError, match="__dlpack__"):
        pb.from_dlpack([1.0])


@pytest.mark.oracle
def test_dlpack_with_pytorch():
    import torch

    theirs = torch.arange(3.0)
    ours = pb.from_dlpack(theirs)
    theirs[1] = 7
    assert ours.tolist() == [0, 7, 2]
    assert torch.from_dlpack(pb.tensor([1.0, 2.0])).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (np.inf, 2.0, np.inf),
        (-np.inf, 2.0, -np.inf),
        (np.inf, np.inf, np.nan),
        (1.0, -np.inf, -0.0),
        (-1.0, np.inf, -0.0),
        (-7.0, 2.0, -4.0),
    ],
)
def test_floor_divide_beside_infinities(x, y, expected):
    result = pb.tensor(x) // pb.tensor(y)
    np.testing.assert_array_equal(result.numpy(), np.float32(expected))
    assert np.signbit(result.numpy()) == np.signbit(np.float32(expected)) or np.isnan(expected)


def test_complex_expm1_at_infinity():
    with np.errstate(invalid="ignore"):
        assert pb.expm1(pb.tensor(complex(np.inf, 0.0))).item() == complex(np.inf, 0.0)
        assert pb.expm1(pb.tensor(complex(-np.inf, np.inf))).item() == -1


def test_astype_without_copy_is_a_view_that_writes_follow():
    x = pb.tensor([1.0, 2.0])
    same = x.astype(pb.float32, copy=False)
    x[0] = 5.0
    assert same.tolist() == [5.0, 2.0]
    w = pb.tensor(3.0, requires_grad=True)
    x[1] = w
    (same * same).sum().backward()
    assert w.grad.item() == 6.0


def test_a_write_by_integers_through_an_uncopied_conversion_has_its_gradient():
    x, w = pb.zeros((2, 2)), pb.tensor([3.0, 4.0], requires_grad=True)
    same = x.astype(pb.float32, copy=False)
    same[pb.asarray([1, 1]), pb.asarray([0, 0])] = w
    assert x.tolist() == [[0, 0], [4, 0]]
    (x * 5).sum().backward()
    assert w.grad.tolist() == [0, 5]


def test_an_index_that_is_overwritten_later_does_not_change_the_gradient():
    x, index = pb.tensor([1.0, 2.0], requires_grad=True), pb.asarray([0, 0])
    y = pb.gather(x, 0, index)
    z = pb.take(x, index)
    index[0] = 1
    y.sum().backward()
    z.sum().backward()
    assert x.grad.tolist() == [4, 0]


# indexing and order


def test_take_needs_integers_and_an_axis():
    x = pb.ones((2, 2))
    with pytest.raises(ValueError, match="axis"):
        pb.take(x, [0])
    with pytest.raises(TypeError, match="integers"):
        pb.take(x, [0.5], axis=0)
    with pytest.raises(IndexError, match="axis 2"):
        pb.take(x, [0], axis=2)
    with pytest.raises(ValueError, match="as many"):
        pb.take_along_axis(x, pb.asarray([0]))


@given(hnp.arrays(np.int64, st.integers(0, 12), elements=st.integers(-3, 3)))
def test_descending_order_is_stable(values):
    order = pb.argsort(pb.asarray(values), descending=True).tolist()
    assert order == sorted(range(len(values)), key=lambda i: -values[i])


def test_nan_sorts_last_and_first_when_descending():
    x = pb.tensor([np.nan, 1.0, 2.0])
    assert pb.argsort(x).tolist() == [1, 2, 0]
    assert pb.argsort(x, descending=True).tolist() == [0, 2, 1]


def test_the_gradient_of_sort_follows_equal_elements():
    x = pb.tensor([2.0, 1.0, 2.0], requires_grad=True)
    (pb.sort(x, descending=True) * pb.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 100.0, 10.0]


def test_topk():
    x = pb.tensor([[1.0, 5.0, 3.0], [9.0, 7.0, 8.0]], requires_grad=True)
    values, indices = pb.topk(x, 2)
    assert values.tolist() == [[5, 3], [9, 8]]
    assert indices.tolist() == [[1, 2], [0, 2]]
    values.sum().backward()
    assert x.grad.tolist() == [[0, 1, 1], [1, 0, 1]]
    assert pb.topk(x, 1, dim=0, largest=False).values.tolist() == [[1, 5, 3]]
    with pytest.raises(ValueError, match="no 4 elements"):
        pb.topk(x, 4)


def test_distinct_values_let_no_gradient_pass():
    x = pb.tensor([3.0, 1.0, 3.0], requires_grad=True)
    values, indices, inverse, counts = pb.unique_all(x)
    assert [part.tolist() for part in (values, indices, inverse, counts)] == [
        [1, 3],
        [1, 0],
        [1, 0, 1],
        [1, 2],
    ]
    assert not values.requires_grad
    assert pb.unique_counts(x).counts.tolist() == [1, 2]
    assert pb.unique_inverse(x).inverse_indices.tolist() == [1, 0, 1]
    assert len(pb.unique_values(pb.tensor([np.nan, np.nan]))) == 2


def test_nonzero_gives_an_index():
    x = pb.tensor([[0.0, 2.0], [3.0, 0.0]])
    assert x[pb.nonzero(x)].tolist() == [2, 3]
    with pytest.raises(ValueError, match="at least one axis"):
        pb.nonzero(pb.tensor(1.0))


# gather and scatter


def test_scatter_keeps_the_last_value_and_gives_only_it_a_gradient():
    src = pb.tensor([5.0, 7.0, 9.0], requires_grad=True)
    x = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = pb.scatter(x, 0, pb.asarray([2, 0, 2]), src)
    assert y.tolist() == [7, 2, 9]
    (y * pb.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [0, 10, 0]
    assert src.grad.tolist() == [0, 1, 100]


def test_gather_and_scatter_add_are_each_others_gradients():
    index = pb.asarray([[0, 0], [2, 1]])
    x = pb.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    g = pb.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=pb.float64)
    pb.gather(x, 0, index).backward(g)
    assert x.grad.tolist() == pb.scatter_add(pb.zeros((3, 2)), 0, index, g).tolist()
    pb.gradcheck(lambda x: pb.gather(x, dim=1, index=pb.asarray([[1], [0]])), x).assert_ok()
    pb.gradcheck(lambda x, s: pb.scatter_add(x, 0, index, s), (x, g)).assert_ok()


def test_gather_checks_its_index():
    x = pb.ones((2, 2))
    for index, error, text in (
        ([0], ValueError, "as many"),
        ([[2, 0]], IndexError, "beyond axis 0"),
        ([[0, 0, 0]], ValueError, "reaches beyond"),
        ([[0.5, 0.5]], TypeError, "integers"),
    ):
        with pytest.raises(error, match=text):
            pb.gather(x, 0, pb.asarray(index))
    with pytest.raises(TypeError, match="needs an axis"):
        pb.gather(x, index=pb.asarray([[0, 0]]))
    with pytest.raises(ValueError, match="does not cover"):
        pb.scatter(x, 0, pb.asarray([[0, 0]]), pb.ones((1, 1)))


@pytest.mark.oracle
def test_gather_and_scatter_agree_with_pytorch(rng):
    import torch

    x, src = rng.normal(size=(3, 4)), rng.normal(size=(2, 5))
    index = rng.integers(0, 4, size=(2, 3))
    for name, arguments in (("gather", ()), ("scatter", (src,)), ("scatter_add", (src,))):
        theirs = getattr(torch, name)(
            torch.tensor(x), 1, torch.tensor(index), *(torch.tensor(a) for a in arguments)
        )
        ours = getattr(pb, name)(pb.tensor(x), 1, pb.tensor(index), *(pb.tensor(a) for a in arguments))
        np.testing.assert_allclose(ours.numpy(), theirs.numpy())


# joining and parting


def test_parts():
    x = pb.tensor(np.arange(10.0).reshape(5, 2))
    assert [part.shape for part in pb.array_split(x, 3)] == [(2, 2), (2, 2), (1, 2)]
    assert [part.shape for part in pb.split(x, (1, 4))] == [(1, 2), (3, 2), (1, 2)]
    assert [part.tolist() for part in pb.unstack(x, axis=1)] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    with pytest.raises(ValueError, match="equal parts"):
        pb.split(x, 2)
    with pytest.raises(ValueError, match="at least one part"):
        pb.array_split(x, 0)


def test_a_write_into_a_part_is_a_write_into_the_whole():
    w = pb.tensor(3.0, requires_grad=True)
    x = pb.zeros(4) + 0
    pb.split(x, 2)[1][0] = w
    (x * pb.tensor([1.0, 2.0, 5.0, 7.0])).sum().backward()
    assert w.grad.item() == 5.0


@given(
    st.integers(-3, 3),
    hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=4),
)
def test_diagonals_are_numpys(offset, shape):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(
        pb.diagonal(pb.tensor(x), offset, -1, 0).numpy(), np.diagonal(x, offset, -1, 0)
    )


@pytest.mark.parametrize(
    "options", [{}, {"n": 2}, {"n": 0}, {"axis": 0, "prepend": 1.0}, {"append": 2.0, "n": 3}]
)
def test_diff_is_numpys(options, rng):
    x = rng.normal(size=(3, 4))
    np.testing.assert_allclose(pb.diff(pb.tensor(x), **options).numpy(), np.diff(x, **options), atol=1e-12)
    pb.gradcheck(lambda a: pb.diff(a, **options), pb.tensor(x)).assert_ok()


def test_diff_of_booleans_and_ends_as_tensors():
    assert pb.diff(pb.asarray([True, False, False])).tolist() == [True, False]
    end = pb.tensor([2.0], requires_grad=True)
    pb.diff(pb.tensor([1.0]), append=end).sum().backward()
    assert end.grad.tolist() == [1.0]
    with pytest.raises(ValueError, match="not be negative"):
        pb.diff(end, n=-1)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_meshgrid_is_numpys(indexing, count):
    vectors = [np.arange(float(n + 2)) for n in range(count)]
    expected = np.meshgrid(*vectors, indexing=indexing)
    for ours, theirs in zip(pb.meshgrid(*map(pb.tensor, vectors), indexing=indexing), expected, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    with pytest.raises(ValueError, match="indexing"):
        pb.meshgrid(pb.ones(2), indexing="yx")
