"""The Tensor itself: making one, Python's protocols, bad input."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb


def test_default_dtypes():
    assert pb.tensor(3.0).dtype == pb.float32
    assert pb.tensor([1.5, 2]).dtype == pb.float32
    assert pb.tensor([[1, 2]]).dtype == pb.int64
    assert pb.tensor(True).dtype == pb.bool
    assert pb.tensor(np.ones(2)).dtype == pb.float64
    assert pb.tensor(np.float64(1)).dtype == pb.float64
    assert pb.tensor([np.float64(1)]).dtype == pb.float64
    assert pb.tensor([0.1], dtype=pb.float64).item() == 0.1
    assert pb.where(pb.tensor([True]), 1.0, 0.0).dtype == pb.float32
    assert pb.exp(1.0).dtype == pb.float32


def test_the_default_dtype_can_be_set():
    pb.set_default_dtype(pb.float64)
    try:
        assert pb.tensor(0.5).dtype == pb.float64
        assert pb.zeros(2).dtype == pb.float64
    finally:
        pb.set_default_dtype(pb.float32)
    with pytest.raises(ValueError, match="float32 or float64"):
        pb.set_default_dtype(np.int64)


def test_tensor_copies_and_asarray_shares():
    data = np.ones(2)
    t, shared = pb.tensor(data), pb.asarray(data)
    data[0] = 5
    assert t.tolist() == [1, 1]
    assert shared.tolist() == [5, 1]
    assert pb.asarray(shared) is shared
    with pytest.raises(ValueError, match="copy=False"):
        pb.asarray([1.0], copy=False)


@pytest.mark.parametrize("data", [np.array([object()]), "text", ["a"], {"a": 1}, None, [None]])
def test_what_is_no_number_is_refused(data):
    with pytest.raises(TypeError, match="numbers"):
        pb.tensor(data)


def test_ragged_lists_are_refused():
    with pytest.raises(ValueError, match="unequal lengths"):
        pb.tensor([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("dtype", [pb.int64, pb.bool])
def test_only_floating_tensors_require_gradients(dtype):
    with pytest.raises(TypeError, match="floating"):
        pb.tensor([1, 0], dtype=dtype, requires_grad=True)


def test_numpy_gives_a_read_only_array_of_a_tracked_tensor():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 3
    assert x.detach().numpy().flags.writeable
    with pytest.raises(RuntimeError, match=r"\.detach\(\)"):
        np.asarray(x)
    np.testing.assert_array_equal(np.asarray(x.detach()), [1, 2])


def test_lists_of_tracked_tensors_are_refused_with_the_way_out():
    x = pb.tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="stack"):
        pb.tensor([x, x])
    assert pb.tensor([pb.tensor(1.0), pb.tensor(2.0)]).tolist() == [1, 2]


def test_python_protocols():
    t = pb.tensor([1.5, 2.5])
    assert len(t) == 2
    assert [x.item() for x in t] == [1.5, 2.5]
    assert float(t[0]) == 1.5
    assert int(t[1]) == 2
    assert complex(t[0]) == 1.5
    assert f"{t[0]:.2f}" == "1.50"
    assert [10, 20, 30][pb.tensor(2)] == 30
    assert hash(t) == hash(t)
    assert t in {t}
    assert bool(pb.tensor(1))
    assert 1.5 in t
    for bad, message in [
        (lambda: bool(t), "ambiguous"),
        (lambda: t.item(), "one element"),
        (lambda: len(t[0]), "0-d"),
        (lambda: iter(t[0]), "0-d"),
        (lambda: [1][t[0]], "index"),
        (lambda: t[pb.tensor([0.0])], "index"),
    ]:
        with pytest.raises((ValueError, TypeError, IndexError), match=message):
            bad()


def test_repr():
    assert repr(pb.tensor([1.0, 2.0])) == "tensor([1., 2.], dtype=float32)"
    x = pb.tensor(1.0, requires_grad=True)
    assert repr(x) == "tensor(1., dtype=float32, requires_grad=True)"
    assert repr(x * 2) == "tensor(2., dtype=float32, op=multiply)"


def test_copy_and_pickle():
    x = pb.tensor([1.0, 2.0], requires_grad=True, name="x")
    (x * x).sum().backward()
    twin = copy.deepcopy(x)
    assert twin.grad.tolist() == [2, 4]
    assert twin.requires_grad
    assert twin.name == "x"
    with pb.no_grad():
        twin[0] = 5.0
    assert x.tolist() == [1, 2]
    again = pickle.loads(pickle.dumps(x))
    assert again.requires_grad
    assert again.tolist() == [1, 2]
    for action in (copy.deepcopy, pickle.dumps):
        with pytest.raises(RuntimeError, match="detach"):
            action(x * 2)


def test_comparison_is_elementwise_and_none_is_not_equal():
    t = pb.tensor([1.0, 2.0])
    assert (t == 1).tolist() == [True, False]
    assert (t != np.array([1.0, 3.0])).tolist() == [False, True]
    assert (t == None) is False  # noqa: E711 - the point of the test
    with pytest.raises(TypeError):
        t < "a"  # noqa: B015 - the comparison itself raises


def test_grad_can_be_assigned_and_is_checked():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    x.grad = pb.tensor([1.0, 1.0])
    x.grad = None
    with pytest.raises(ValueError, match="shape and dtype"):
        x.grad = pb.tensor([1.0])
    with pytest.raises(ValueError, match="float64"):
        x.grad = pb.tensor(np.ones(2))
    with pytest.raises(TypeError, match="Tensor"):
        x.grad = np.ones(2)


def test_requires_grad_can_be_switched_for_leaves_only():
    x = pb.tensor([1.0], requires_grad=True)
    assert not x.requires_grad_(False).requires_grad
    y = x.requires_grad_() * 2
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="retain_grad"):
        pb.tensor(1.0).retain_grad()


def test_operations_refuse_what_is_no_array():
    with pytest.raises(TypeError, match="add: y must be"):
        pb.add(pb.tensor(1.0), "a")
    with pytest.raises(TypeError):
        pb.tensor(1.0) + "a"
    with pytest.raises(TypeError, match="object"):
        pb.add(pb.tensor(1.0), np.array([None]))
    with pytest.raises(TypeError, match="concat"):
        pb.concat([pb.tensor([1.0]), "a"])


def test_dim_and_keepdim_are_understood():
    x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.sum(dim=0).tolist() == [4, 6]
    assert x.sum(dim=1, keepdim=True).tolist() == [[3], [7]]
    assert pb.log_softmax(x, dim=0).tolist() == pb.log_softmax(x, 0).tolist()
    with pytest.raises(TypeError, match="'dims'"):
        x.sum(dims=0)


def test_methods_that_are_spelled_otherwise():
    x = pb.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == (3, 2)
    assert x.permute(1, 0).tolist() == x.T.tolist() == x.mT.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.flatten().shape == (6,)
    with pytest.raises(ValueError, match="two axes"):
        _ = x[0].mT


def test_methods_that_numpy_users_reach_for():
    data = np.arange(6.0).reshape(2, 3)
    x = pb.tensor(data, requires_grad=True)
    for method, arguments in (
        ("ravel", ()),
        ("transpose", ()),
        ("transpose", (1, 0)),
        ("transpose", ((1, 0),)),
        ("cumsum", (1,)),
        ("cumprod", ()),
        ("diagonal", (1,)),
        ("prod", (0,)),
        ("argsort", (0,)),
    ):
        result = getattr(x, method)(*arguments)
        np.testing.assert_array_equal(result.detach().numpy(), getattr(data, method)(*arguments))
    assert x.diff(axis=0).tolist() == [[3, 3, 3]]
    assert x.median().item() == 2.5
    assert x.quantile(0.5, 1).tolist() == [1, 4]
    assert x.gather(1, pb.asarray([[2], [0]])).tolist() == [[2], [3]]


def test_python_protocols_that_numpy_arrays_have_too():
    import copy
    import math

    x = pb.tensor([1.26, -2.5], requires_grad=True)
    twin = copy.copy(x)
    twin.sum().backward()
    assert x.grad.tolist() == [1, 1]
    assert not np.shares_memory(twin.detach().numpy(), x.detach().numpy())
    assert -2.5 in x
    assert 3.0 not in x
    assert round(x, 1).tolist() == pytest.approx([1.3, -2.5])
    assert round(x).tolist() == [1, -2]
    assert abs(x).tolist() == pytest.approx([1.26, 2.5])
    assert [float(v) for v in reversed(x)] == pytest.approx([-2.5, 1.26])
    assert math.floor(x[0]) == 1
    assert divmod(pb.tensor(7), 2)[1].item() == 1
    assert f"{x[1]:+.2f}" == "-2.50"
    assert f"{x:>80}".endswith(str(x))
    with pytest.raises(TypeError, match=r"format '\.2f' is for one number, and this tensor has shape \(2,\)"):
        f"{x:.2f}"


def test_python_floats_lose_nothing_beside_float64():
    x = pb.tensor(np.ones(2), requires_grad=True)
    (x * [0.1, 0.1]).backward([0.1, 0.1])
    assert x.grad.tolist() == [0.1 * 0.1] * 2
    assert pb.add(0.1, np.zeros(2)).tolist() == [0.1, 0.1]
    y = pb.zeros(2, dtype=pb.float64)
    y[...] = [0.1, 0.1]
    assert y.tolist() == [0.1, 0.1]


def test_numbers_are_weak_everywhere():
    x = pb.tensor([1.0], requires_grad=True)
    assert (x * np.longdouble(2)).dtype == pb.float32
    assert pb.stack([x[0], 0.5]).dtype == pb.float32
    assert pb.concat([x, [0.5]]).dtype == pb.float32
    assert (x * [0.5]).dtype == pb.float32


def test_masked_arrays_are_refused():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(TypeError, match="mask"):
        pb.tensor(masked)
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    for operation in (lambda: x * masked, lambda: masked * x, lambda: masked + x, lambda: masked**x):
        with pytest.raises((TypeError, RuntimeError)):
            operation()


@pytest.mark.parametrize(
    "make",
    [lambda t: t.astype("U1"), lambda t: pb.asarray(t, dtype=object), lambda t: pb.zeros(2, dtype=object)],
)
def test_tensors_hold_numbers_only(make):
    with pytest.raises(TypeError, match="not a numeric dtype"):
        make(pb.tensor([1.0]))


def test_subclasses_keep_their_attributes():
    class Named(pb.Tensor):
        pass

    x = Named([1.0], requires_grad=True)
    x.note = ["a"]
    assert copy.deepcopy(x).note == ["a"]
    assert copy.deepcopy(x).note is not x.note


def test_a_list_of_integers_is_as_weak_as_one_of_floats():
    t = pb.tensor([1.0, -2.0], requires_grad=True)
    for y in (t * [1, 2], [3, 4] - t, t ** [2, 3], t @ [1, 2], pb.maximum(t, [1, 0]), np.vander(t)):
        assert y.dtype == pb.float32
    assert (pb.tensor([1, 2]) * [3, 4]).dtype == pb.int64
    assert (t ** [2, 3]).tolist() == [1, -8]
    assert (t * np.array([1, 2])).dtype == pb.float64  # an array has a dtype of its own
