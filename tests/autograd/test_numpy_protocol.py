"""NumPy functions on Tensors: tracked, or refused by name."""

import numpy as np
import pytest

import pullback as pb


@pytest.fixture
def x():
    return pb.tensor([[0.9, -2.0], [3.0, 0.5]], requires_grad=True, dtype=pb.float64)


@pytest.mark.parametrize(
    "function",
    [
        np.tanh,
        np.abs,
        np.sum,
        np.transpose,
        np.ravel,
        lambda a: np.mean(a, axis=0, keepdims=True),
        lambda a: np.var(a, axis=1, ddof=1),
        lambda a: np.std(a, 0),
        lambda a: np.clip(a, a_min=-1, a_max=1),
        lambda a: np.concatenate([a, np.ones((1, 2))]),
        lambda a: np.stack([a, a], axis=1),
        lambda a: np.where(a > 0, a, 0.0),
        lambda a: np.maximum(0, a),
        lambda a: np.reshape(a, (4, 1)),
        lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.matmul(a, np.ones(2)),
        lambda a: np.ones((2, 2)) @ a,
        lambda a: np.ones((2, 2)) - a,
        lambda a: np.float64(2) / (a * a + 1),
        lambda a: 2 ** (a * a),
        lambda a: np.add.reduce(a),
        lambda a: np.maximum.reduce(a, axis=1),
        lambda a: np.multiply.reduce(a, axis=None),
        lambda a: np.logaddexp.reduce(a, axis=1, keepdims=True),
        lambda a: np.add.accumulate(a),
        lambda a: np.multiply.accumulate(a, axis=1),
        lambda a: np.multiply.outer(a, np.array([1.0, 2.0])),
        lambda a: np.subtract.outer(np.array([1.0, 2.0]), a),
        lambda a: np.arctan2(a, 2.0),
        lambda a: np.cumsum(a),
        lambda a: np.cumprod(a, axis=1),
        lambda a: np.sort(a, axis=0),
        lambda a: np.sort(a, axis=None),
        lambda a: np.take(a, [3, 0, 0]),
        lambda a: np.take(a, [1, 1], axis=1),
        lambda a: np.take_along_axis(a, np.array([[1, 0], [0, 0]]), axis=1),
        lambda a: np.diff(a, 1, 0),
        lambda a: np.diff(a, prepend=0.0),
        lambda a: np.repeat(a, 2, axis=0),
        lambda a: np.tile(a, reps=(2, 1)),
        lambda a: np.roll(a, 1, axis=1),
        lambda a: np.pad(a, 1, mode="edge"),
        lambda a: np.tril(a, -1),
        lambda a: np.diagonal(a, 1),
        lambda a: np.hstack([a, a]),
        lambda a: np.vstack([a, np.ones(2)]),
        lambda a: np.dstack([a, a]),
        lambda a: np.column_stack([a, np.ones(2)]),
        lambda a: np.split(a, 2, axis=1)[1],
        lambda a: np.hsplit(a, 2)[1],
        lambda a: np.array_split(a, 3)[0],
        lambda a: np.broadcast_arrays(a, np.ones((3, 1, 1)))[0],
        lambda a: np.meshgrid(a[0], np.ones(3))[0],
        lambda a: np.rollaxis(a, 1),
        lambda a: np.prod(a, axis=1),
        lambda a: np.atleast_3d(a),
        lambda a: np.maximum.accumulate(a, axis=1),
        lambda a: np.minimum.accumulate(a),
        lambda a: np.logaddexp.accumulate(a, axis=1),
        lambda a: np.median(a, axis=1),
        lambda a: np.percentile(a, 30),
        lambda a: np.quantile(a, [0.2, 0.7], axis=0),
        lambda a: np.nansum(a, axis=0),
        lambda a: np.nanstd(a, ddof=1),
        lambda a: np.convolve(a[0], a[1]),
        lambda a: np.correlate(a[0], a[1], mode="full"),
        lambda a: np.interp(a, np.array([-3.0, 0.0, 4.0]), np.array([1.0, 0.0, 2.0])),
        lambda a: np.trapezoid(a, axis=0),
        lambda a: np.sinc(a),
        lambda a: np.average(a, axis=1, weights=np.array([1.0, 3.0])),
        lambda a: np.append(a, np.ones((1, 2)), axis=0),
        lambda a: np.flipud(a),
        lambda a: np.fliplr(a),
        lambda a: np.rot90(a, 3),
        lambda a: np.ptp(a, axis=0),
        lambda a: np.vsplit(a, 2)[0],
        lambda a: np.nan_to_num(a),
        lambda a: np.sum(a, axis=1, initial=3.0, where=np.array([True, False])),
        lambda a: np.prod(a, initial=2.0, where=a > 0),
        lambda a: np.max(a, axis=0, initial=0.7, where=np.array([[True], [False]])),
        lambda a: np.min(a, initial=-7.0),
        lambda a: np.mean(a, axis=1, where=np.array([[True, False], [True, True]])),
        lambda a: np.var(a, ddof=1, where=np.array([[True, False], [True, True]])),
        lambda a: np.std(a, axis=0, where=np.ones((2, 2), bool), keepdims=True),
        lambda a: np.add.reduce(a, axis=None, initial=2, where=a > 0),
        lambda a: np.mean(a, dtype=np.float64),
        lambda a: np.add(a, 1, dtype=np.float64, order="C", subok=True),
        lambda a: np.reshape(a, (4,), order="F"),
        lambda a: np.ravel(a, order="F"),
        lambda a: np.take(a, [5, -1], mode="wrap"),
        lambda a: np.take(a, [5, -1], axis=0, mode="clip"),
        lambda a: np.diag(a),
        lambda a: np.diag(a[0], k=-1),
        lambda a: np.diagflat(a, 1),
        lambda a: np.vdot(a, a + 1),
        lambda a: np.vecdot(a, a),
        lambda a: np.matvec(a, a[0]),
        lambda a: np.vecmat(a[0], a),
        lambda a: np.linalg.multi_dot([a, a, a[0]]),
        lambda a: np.linalg.cond(a),
        lambda a: np.linalg.cond(a, "fro"),
        lambda a: np.linalg.eigh(a, UPLO="U").eigenvalues,
        lambda a: np.linalg.eigvalsh(a, UPLO="L"),
        lambda a: np.abs(np.linalg.qr(a, mode="r")),
        lambda a: np.linalg.pinv(a, rcond=1e-9),
        lambda a: np.block([[a, a + 1], [np.ones((1, 2)), a[:1]]]),
        lambda a: np.block([a[0], 2.0]),
        lambda a: np.select([a > 2, a > 0.7], [a * a, a * 3], default=-1.0),
        lambda a: np.polyval([1.0, 2.0, 3.0], a),
        lambda a: np.polyval(a[0], 2.0),
        lambda a: np.vander(a[0], 3),
        lambda a: np.vander(a[0], increasing=True),
        lambda a: np.gradient(a[0]),
        lambda a: np.gradient(np.concatenate([a, a * a, a**3]), 0.5, axis=0, edge_order=2),
        lambda a: np.gradient(np.ravel(a), np.array([0.0, 1.0, 3.0, 3.5])),
        lambda a: np.gradient(a, 2.0, [0.0, 3.0])[1],
        lambda a: np.ediff1d(a, to_begin=[0.0], to_end=np.array([1.0])),
        lambda a: np.compress([True, False], a, axis=1),
        lambda a: np.extract(a > 0, a),
        lambda a: np.delete(a, 0, axis=1),
        lambda a: np.resize(a, (3, 3)),
        lambda a: np.cov(a),
        lambda a: np.cov(a, a[::-1], rowvar=False, bias=True),
        lambda a: np.cov(a, fweights=[2, 1], aweights=[0.3, 0.7]),
        lambda a: np.corrcoef(np.concatenate([a, a * a], axis=1)),
        lambda a: np.nancumsum(a),
        lambda a: np.nancumprod(a, axis=0),
        lambda a: np.partition(np.sort(a, axis=None), 2),
        lambda a: np.astype(a, np.float64),
        lambda a: np.modf(a + 0.25)[0],
        lambda a: np.divmod(a, 0.7)[1],
        lambda a: np.float_power(a, 2),
    ],
)
def test_numpy_functions_are_tracked(function, x):
    y = function(x)
    assert isinstance(y, pb.Tensor)
    assert y.requires_grad
    np.testing.assert_allclose(y.numpy(), function(x.detach().numpy()))
    pb.gradcheck(function, x).assert_ok()


def test_unknown_functions_are_refused_by_name(x):
    with pytest.raises(TypeError, match=r"np\.linalg\.eig "):
        np.linalg.eig(x)
    with pytest.raises(TypeError, match=r"np\.spacing"):
        np.spacing(x)
    with pytest.raises(TypeError, match=r"np\.multiply\.reduceat"):
        np.multiply.reduceat(x, [0])
    with pytest.raises(TypeError, match=r"np\.subtract\.reduce"):
        np.subtract.reduce(x)
    with pytest.raises(TypeError, match=r"np\.multiply\.at"):
        np.multiply.at(x * 1, 0, 2.0)
    with pytest.raises(TypeError, match=r"np\.add with casting="):
        np.add(x, 1, casting="no")
    with pytest.raises(TypeError, match=r"np\.histogram"):
        np.histogram(x)
    with pytest.raises(TypeError, match=r"spacing"):
        np.gradient([1.0, 2.0], x[0, 0])


def test_without_a_gradient_to_lose_numpy_computes(x):
    u = x.detach()
    counts, edges = np.histogram(u, bins=2)
    assert isinstance(counts, pb.Tensor)
    assert (counts.tolist(), edges.tolist()) == ([1, 3], [-2, 0.5, 3])
    assert np.frexp(u)[1].tolist() == np.frexp(u.numpy())[1].tolist()
    assert np.subtract.reduce(u).tolist() == np.subtract.reduce(u.numpy()).tolist()
    assert np.linalg.eig(u).eigenvalues.shape == (2,)
    assert np.gcd(pb.tensor([4]), 6).tolist() == [2]
    assert np.array_repr(u) == np.array_repr(u.numpy())
    with pb.no_grad():
        assert np.histogram(x.detach())[0].sum().item() == 4


def test_answers_that_have_no_gradient(x):
    assert np.digitize(x, [0.0, 1.0]).tolist() == [[1, 0], [2, 1]]
    assert np.argpartition(x, 0, axis=1).tolist() == np.argpartition(x.detach().numpy(), 0, axis=1).tolist()
    assert np.result_type(x, np.float32) == np.float64
    assert np.shares_memory(x, x.detach())
    assert np.unique(x, return_counts=True)[1].tolist() == [1, 1, 1, 1]
    assert np.size(x, 1) == 2


def test_untracked_tensors_go_into_arrays(x):
    total = np.ones((2, 2))
    total += x.detach()
    assert type(total) is np.ndarray
    np.testing.assert_array_equal(total, x.detach().numpy() + 1)
    np.sum(x.detach(), axis=0, out=total[0])
    np.testing.assert_array_equal(total[0], x.detach().numpy().sum(axis=0))
    with pytest.raises(TypeError, match="out= must be a Tensor"):
        total += x


@pytest.mark.parametrize(
    "write",
    [
        lambda a, v: np.copyto(a, v),
        lambda a, v: np.copyto(a, v[0], where=np.array([[True], [False]])),
        lambda a, v: np.put(a, [1, -1, 1], v[0]),
        lambda a, v: np.put(a, [7], 3.0, mode="wrap"),
        lambda a, v: np.putmask(a, np.array([[True, False], [True, True]]), v[0]),
        lambda a, v: np.place(a, np.array([[False, True], [True, True]]), v[0]),
        lambda a, v: np.fill_diagonal(a, v[1]),
        lambda a, v: np.put_along_axis(a, np.array([[1], [0]]), v[:, :1], axis=1),
        lambda a, v: np.add.at(a, ([0, 0, 1], [1, 1, 0]), v[0, 0]),
        lambda a, v: np.subtract.at(a, [1, 1], v[0]),
        lambda a, v: np.add.at(a, np.array([True, False]), 2.0),
    ],
)
def test_functions_that_write_are_tracked_writes(write, x):
    def function(a, v):
        target = a * 1
        assert write(target, v) is None
        return target

    v = pb.tensor([[5.0, 6.0], [7.0, 8.0]], requires_grad=True, dtype=pb.float64)
    expected = x.detach().numpy().copy()
    write(expected, v.detach().numpy())
    np.testing.assert_array_equal(function(x, v).numpy(), expected)
    pb.gradcheck(function, (x, v)).assert_ok()


def test_functions_that_write_refuse_what_would_lose_a_gradient(x):
    with pytest.raises(RuntimeError, match="requires gradients and cannot be written"):
        np.copyto(x, 1.0)
    with pytest.raises(TypeError, match=r"np\.copyto writes into a ndarray"):
        np.copyto(np.ones((2, 2)), x)
    with pytest.raises(TypeError, match="cannot become int64"):
        np.copyto(pb.zeros((2, 2), dtype=pb.int64), x)
    saved = pb.tensor([1.0, 2.0], requires_grad=True) * 1
    y = saved * saved
    np.put(saved, [0], 9.0)
    y.sum().backward()


def test_a_declaration_of_the_users_overrides_our_table(x):
    import subprocess
    import sys

    program = (
        "import numpy as np, pullback as pb\n"
        "from pullback.autograd.extend import op, elementwise, SCALER\n"
        "op(lambda x, /: x * 7, 'x', x=lambda g: g * 7, name='mine', gate=SCALER, samples=elementwise(1), doc='d',\n"
        "   numpy=(np.median,))\n"
        "print(np.median(pb.tensor([1.0, 2.0])).tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[7.0, 14.0]"


def test_where_without_out_is_refused(x):
    with pytest.raises(TypeError, match="needs out="):
        np.add(x, 1, where=np.array(True))


def test_where_writes_what_the_mask_picks_and_computes_nothing_else(x):
    """log of a negative number would be nan, and its gradient, too."""

    def function(a):
        out = pb.zeros((2, 2), dtype=pb.float64)
        return np.log(a, out=out, where=a > 0)

    expected = np.zeros((2, 2))
    np.log(x.detach().numpy(), out=expected, where=x.detach().numpy() > 0)
    np.testing.assert_allclose(function(x).numpy(), expected)
    function(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1 / 0.9, 0], [1 / 3, 2]])


def test_out_takes_the_result_and_its_gradient(x):
    out = pb.zeros((2, 2), dtype=pb.float64)
    assert np.multiply(x, 3.0, out=out) is out
    out.sum().backward()
    assert x.grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    with pytest.raises(TypeError, match="out= must be a Tensor"):
        np.multiply(x, 3.0, out=np.zeros((2, 2)))


def test_helpers_that_need_no_gradient(x):
    assert np.shape(x) == (2, 2)
    assert np.ndim(x) == 2
    assert np.size(x) == 4
    assert np.zeros_like(x).tolist() == [[0, 0], [0, 0]]
    assert not np.ones_like(x).requires_grad


def test_comparisons_give_plain_answers(x):
    assert np.allclose(x, x.detach().numpy()) is True
    assert np.array_equal(x, np.array([[0.9, -2.0], [3.0, 0.5]])) is True
    assert np.isclose(x, 3.0).tolist() == [[False, False], [True, False]]
    assert np.isin(x, [3.0, 0.5]).tolist() == [[False, False], [True, True]]
    assert np.argwhere(x > 2).tolist() == [[1, 0]]
    assert np.flatnonzero(x > 0.6).tolist() == [0, 2]
