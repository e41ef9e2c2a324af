"""Writes in place: NumPy's values, exact gradients, and no silent mistakes."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb


def leaf(value, **options):
    return pb.tensor(value, requires_grad=True, dtype=pb.float64, **options)


def test_writing_an_element_routes_the_gradient():
    x, v = leaf([1.0, 2.0, 3.0]), leaf(10.0)
    y = x * 2
    y[1] = v
    (y * np.array([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [2, 0, 200]
    assert v.grad.item() == 10


def test_augmented_assignment():
    x = leaf([1.0, 2.0])
    y = x * 2
    y += x
    y *= 3
    y.sum().backward()
    assert x.grad.tolist() == [9, 9]


def test_a_saved_value_is_left_alone_by_a_tracked_write():
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y  # saves y
    y[0] = 100.0
    (z.sum() + y.sum()).backward()
    assert x.grad.tolist() == [2, 5]
    assert y.tolist() == [100, 2]


def test_a_write_through_a_view_is_a_write_to_the_base():
    x, v = leaf(np.ones((2, 3))), leaf(5.0)
    y = x * 2
    row = y[1]
    column = y.T[0]
    row[0] = v
    assert y.tolist() == [[2, 2, 2], [5, 2, 2]]
    assert column.tolist() == [2, 5]
    (y.sum() + 10 * column.sum() + 100 * row.sum()).backward()
    assert v.grad.item() == 111
    assert x.grad.tolist() == [[22, 2, 2], [0, 202, 202]]


def test_views_of_a_base_that_moved_follow_it():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 1
    view = y[1:]
    z = y.exp() + y * y  # saves y, so the write moves it
    y[2] = 7.0
    assert view.tolist() == [2, 7]
    view[0] = 5.0
    assert y.tolist() == [1, 5, 7]
    (z.sum() * 0 + (view * view).sum() + y[0]).backward()
    assert x.grad.tolist() == [1, 0, 0]


def test_reading_a_reshaped_transpose_is_no_view_and_stays_apart():
    x = leaf(np.arange(6.0).reshape(2, 3))
    y = x * 1
    flat = y.T.reshape(-1)  # a copy in NumPy
    flat[0] = 100.0
    assert y[0, 0].item() == 0
    (y.sum() + flat.sum()).backward()
    assert x.grad.tolist() == [[1, 2, 2], [2, 2, 2]]


def test_writing_through_a_view_of_a_base_with_other_memory_order():
    x = leaf(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    y = x * 1  # column-major, too
    flat = y.T.reshape(-1)
    keep = y * y  # saves y
    flat[1] = 50.0
    assert y.tolist() == [[0, 1, 2], [50, 4, 5]]
    (y.sum() + keep.sum() * 0).backward()
    assert x.grad.tolist() == [[1, 1, 1], [0, 1, 1]]


def test_masks_and_repeated_indices():
    x, v = leaf([1.0, 2.0, 3.0]), leaf([10.0, 20.0, 30.0])
    y = x * 1
    y[pb.tensor([True, False, False])] = 0.0
    y[[1, 2, 1]] = v
    assert y.tolist() == [0, 30, 20]
    (y * np.array([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [0, 0, 0]
    assert v.grad.tolist() == [0, 100, 10]


def test_a_tracked_value_written_into_an_untracked_tensor_makes_it_tracked():
    x = leaf([1.0, 2.0])
    buffer = pb.zeros((2, 2), dtype=pb.float64)
    row = buffer[0]
    buffer[0] = x * 3
    assert buffer.requires_grad
    assert row.requires_grad
    row.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_an_index_array_that_changes_later_does_not_change_the_gradient():
    x, index = leaf([1.0, 2.0, 3.0]), np.array([0, 0])
    y = x[index]
    index[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [2, 0, 0]


def test_leaves_refuse_and_nothing_changes():
    x = leaf([1.0, 2.0], name="w")
    for write in (lambda: x.__setitem__(0, 5.0), lambda: x.__iadd__(1), lambda: x[0:1].__setitem__(0, 5.0)):
        with pytest.raises(RuntimeError, match=r"'w'.*no_grad"):
            write()
    assert x.tolist() == [1, 2]


def test_leaves_can_be_written_under_no_grad():
    x = leaf([1.0, 2.0])
    with pb.no_grad():
        x -= 0.5
        x[0] = 9.0
    assert x.tolist() == [9, 1.5]
    assert x.is_leaf
    assert x.requires_grad


@pytest.mark.parametrize("through", ["no_grad", "data", "detached view"])
def test_overwriting_a_saved_value_behind_the_tape_is_caught(through):
    w = leaf([1.0, 2.0], name="w")
    y = (w * w).sum()
    if through == "no_grad":
        with pb.no_grad():
            w[0] = 7.0
    elif through == "data":
        w.data.copy_([7.0, 2.0])
    else:
        with pb.no_grad():
            w.detach()[0:1][0] = 7.0
    with pytest.raises(RuntimeError, match=r"'multiply'.*'w'.*test_inplace.py:\d+.*copy\(\)"):
        y.backward()
    assert w.grad is None


def test_overwriting_is_caught_at_second_order():
    w = leaf([1.0, 2.0], name="w")
    (g,) = pb.gradients((w**3).sum(), w, create_graph=True)
    with pb.no_grad():
        w[0] = 7.0
    with pytest.raises(RuntimeError, match="overwritten"):
        g.sum().backward()


def test_overwriting_what_no_rule_needs_is_fine():
    w = leaf([1.0, 2.0])
    y = (w + 1).sum()
    with pb.no_grad():
        w[0] = 7.0
    y.backward()
    assert w.grad.tolist() == [1, 1]


def test_an_untracked_write_after_use_is_exact():
    w, x = leaf([1.0, 2.0]), pb.tensor(np.array([3.0, 4.0]))
    y = (w * x).sum()
    x[0] = 100.0
    y.backward()
    assert w.grad.tolist() == [3, 4]
    assert x.tolist() == [100, 4]


def test_tracked_values_do_not_vanish_in_detached_tensors():
    x = leaf([1.0, 2.0])
    y = x * 2
    with pytest.raises(RuntimeError, match="detached"):
        y.detach()[0] = x[1]


def test_out_of_numpy_functions():
    x = leaf([1.0, 2.0])
    out = pb.zeros(2, dtype=pb.float64)
    assert np.add(x, 1, out=out) is out
    (out * out).sum().backward()
    assert x.grad.tolist() == [4, 6]
    with pytest.raises(TypeError, match="gradient would be lost"):
        np.add(x, 1, out=np.zeros(2))


def test_dtypes_and_shapes_are_checked_before_anything_changes():
    x = pb.tensor([1, 2])
    with pytest.raises(TypeError, match="int64"):
        x[0] = 1.5
    with pytest.raises(TypeError, match="int64"):
        x += 1.5
    y = leaf([1.0, 2.0]) * 1
    with pytest.raises(ValueError, match="shape"):
        y[:] = [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="shape"):
        y += np.ones((2, 2))
    assert x.tolist() == [1, 2]
    assert y.tolist() == [1, 2]


def test_zero_dimensional_tensors():
    x = leaf(2.0)
    y = x * 1
    y += 1
    y[...] = y * x
    y.backward()
    assert x.grad.item() == 5  # (x + 1)·x
    flat = (x * 1).reshape(1)
    flat[0] = 5.0
    assert flat.tolist() == [5]


def test_numbers_beside_numbers_are_saved_by_value():
    """A write between use and backward leaves the gradient of what was used, at both orders."""
    x, w = leaf(2.0), leaf(3.0)
    with pb.no_grad():
        w.copy_(5.0)  # now it has memory
    y = w * x * x
    with pb.no_grad():
        w.copy_(7.0)
    (slope,) = pb.gradients(y, x, create_graph=True)
    assert slope.item() == 2 * 5 * 2
    slope.backward()
    assert (x.grad.item(), w.grad.item()) == (2 * 5, 2 * 2)
    assert w.item() == 7


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("other", [2, 2.0, 2j, np.float64(2), np.int8(2)])
@pytest.mark.parametrize("operation", ["add", "mul", "truediv", "pow", "eq", "sub"])
def test_a_number_in_memory_counts_as_the_number(dtype, other, operation):
    """Values and dtypes are those of a scalar that has none, whether the other is a number or a tensor."""
    number = pb.tensor(1, dtype=dtype)
    in_memory = pb.tensor(0, dtype=dtype)
    in_memory[...] = number
    assert type(in_memory._array) is np.ndarray
    apply = getattr(operator, operation)
    for beside in (other, pb.tensor(other)):
        for first, second in (
            ((number, beside), (in_memory, beside)),
            ((beside, number), (beside, in_memory)),
        ):
            try:
                wanted = apply(*first)
            except TypeError:  # booleans have no difference
                with pytest.raises(TypeError):
                    apply(*second)
                continue
            found = apply(*second)
            assert (found.dtype, found.item()) == (wanted.dtype, wanted.item())


def test_a_loop_of_writes_stays_in_place():
    x = leaf(np.ones(1000))
    buffer = pb.zeros(1000, dtype=pb.float64)
    buffer[0] = x[0]
    memory = buffer._array
    for i in range(1, 1000):
        buffer[i] = x[i] * i
    assert buffer._array is memory
    buffer.sum().backward()
    assert x.grad.tolist() == [1, *range(1, 1000)]


# random programs of views and writes against NumPy for values, against a copying program for gradients

WRITES = st.tuples(
    st.sampled_from(["row", "column", "all", "transposed", "flat", "diagonal", "mask"]),
    st.sampled_from(["set", "add", "times"]),
    st.floats(0.5, 2),
    st.booleans(),
)


def run(program, base, scale):
    """The same statements for arrays and tensors; uses in between make some values saved."""
    y = base * scale
    uses = []
    for where, how, value, use in program:
        v = value * scale
        if use:
            uses.append((y * y).sum())
        if where == "diagonal":
            region, index = y, (np.array([0, 1, 0]), np.array([0, 1, 0]))
        elif where == "mask":
            region, index = y, np.array([[True, False, True], [False, True, False]])
        else:
            region = {
                "row": y[1],
                "column": y[:, 0],
                "all": y,
                "transposed": y.T[1:],
                "flat": y.reshape(-1)[::2],
            }[where]
            index = slice(None)
        if how == "set":
            region[index] = v
        elif how == "add":
            region[index] += v
        else:
            region[index] *= v
    total = (y * np.arange(1.0, 7).reshape(2, 3)).sum()
    for use in uses:
        total = total + use
    return total


@settings(max_examples=60, deadline=None)
@given(st.lists(WRITES, max_size=6))
def test_random_programs_of_writes(program):
    base = np.arange(1.0, 7).reshape(2, 3)
    expected = run(program, base.copy(), 1.5)
    x, scale = leaf(base), leaf(1.5)
    total = run(program, x, scale)
    np.testing.assert_allclose(total.item(), expected, rtol=1e-12)
    total.backward()
    h = 1e-6
    slope = (run(program, base.copy(), 1.5 + h) - run(program, base.copy(), 1.5 - h)) / (2 * h)
    np.testing.assert_allclose(scale.grad.item(), slope, rtol=1e-6, atol=1e-6)
    direction = np.random.default_rng(0).normal(size=base.shape)
    slope = (run(program, base + h * direction, 1.5) - run(program, base - h * direction, 1.5)) / (2 * h)
    np.testing.assert_allclose((x.grad.numpy() * direction).sum(), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("flat", ["flatten", "ravel"])
@pytest.mark.parametrize(
    "part", [lambda y: y, lambda y: y[1], lambda y: y[1, ::-1], lambda y: y.T, lambda y: y[:, ::2]]
)
def test_what_is_flat_shares_memory_as_in_numpy(flat, part):
    expected = np.arange(6.0).reshape(2, 3)
    y = leaf(expected) * 1
    for x in (expected, y):
        getattr(part(x), flat)()[1] = 100.0
    assert y.tolist() == expected.tolist()


# views, leaves and detached tensors that share memory


def test_a_view_made_a_leaf_stays_one_when_the_memory_is_written():
    x, w = pb.tensor([1.0, 2.0, 3.0, 4.0]), leaf(5.0)
    v = x[0:2].requires_grad_()
    half = v.reshape(2, 1)
    x[3] = w
    ((v * v).sum() + half.sum()).backward()
    assert v.is_leaf
    assert v.grad.tolist() == [3, 5]


def test_parameters_in_one_flat_buffer_stay_leaves():
    flat = pb.zeros(4)
    a = flat[0:2].requires_grad_()
    flat[...] = 1.0
    (a * a).sum().backward()
    assert a.grad.tolist() == [2, 2]


def test_a_view_of_a_detached_leaf_refuses_writes():
    w = pb.tensor([1.0, 2.0, 3.0])
    d = w.detach().requires_grad_()
    with pytest.raises(RuntimeError, match="leaf"):
        d[0:2][0] = 5.0
    assert w.tolist() == [1, 2, 3]


def test_astype_without_a_copy_is_a_view():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    z = (h * h).sum()
    h.astype("float32", copy=False)[0] = 100.0
    z.backward()
    assert x.grad.tolist() == [8, 16]
    with pytest.raises(RuntimeError, match="leaf"):
        x.astype("float32", copy=False)[0] = 99.0


def test_overwriting_an_untracked_value_is_caught_at_second_order():
    x, u, c = leaf([1.0, 2.0]), leaf([1.0, 1.0]), pb.tensor(np.array([3.0, 4.0]))
    (g,) = pb.gradients(((x * c) * u).sum(), x, create_graph=True)
    with pb.no_grad():
        c[...] = 0.0
    with pytest.raises(RuntimeError, match="overwritten"):
        pb.gradients(g.sum(), u)


def test_a_write_that_moves_memory_keeps_column_major_views_views():
    x = pb.asarray(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    v = pb.reshape(x.T, 6)
    y = x * leaf(2.0)
    x[0, 0] = 50.0
    x[0, 1] = 70.0
    v[5] = -1.0
    assert v.tolist() == [50, 3, 70, 4, 2, -1]
    assert x.tolist() == [[50, 70, 2], [3, 4, -1]]
    assert y.sum().item() == 30


def test_a_value_may_have_extra_axes_of_length_1():
    w = leaf([[1.0, 2.0, 3.0, 4.0]])
    x = pb.zeros(4, dtype=pb.float64)
    x[...] = w
    (x * x).sum().backward()
    assert w.grad.tolist() == [[2, 4, 6, 8]]


def test_a_value_that_overlaps_its_target_is_read_first():
    h = pb.tensor([1.0, 2.0, 3.0, 4.0])
    h[1:] = h[:-1]
    assert h.tolist() == [1, 1, 2, 3]
    v = pb.flip(h)
    v[pb.tensor([True, True, True, True])] = h
    assert v.tolist() == [1, 1, 2, 3]


def test_a_retained_view_gets_its_gradient_after_a_write_elsewhere():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2
    v = y[0:2]
    v.retain_grad()
    y[2] = 7.0
    (v * v).sum().backward()
    assert v.grad.tolist() == [4, 8]


def test_detached_tensors_keep_no_graph_alive():
    import gc
    import weakref

    x = leaf(np.ones(3))
    y = x * 2
    kept, node = y.detach(), weakref.ref(y)
    gc.disable()
    try:
        del y
        assert node() is None
        x.grad = x.detach()
        reference = weakref.ref(x)
        del x
        assert reference() is None
    finally:
        gc.enable()
    assert kept.tolist() == [2, 2, 2]


def test_long_chains_of_views_are_linear():
    y = x = leaf(np.ones(4))
    y = x * 1
    for _ in range(20_000):
        y = y[...]
    y[0] = 5.0
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1]


def fixed():
    array = np.arange(3.0)
    array.flags.writeable = False
    return pb.asarray(array)


@pytest.mark.parametrize("make", [lambda: pb.broadcast_to(leaf([1.0, 2.0]) * 1, (3, 2)), fixed])
@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize(
    "write", [lambda x: x.__setitem__(0, 7.0), lambda x: x.__iadd__(1.0), lambda x: np.exp(x, out=x)]
)
def test_repeated_elements_and_memory_of_others_are_read_only(make, saved, write):
    x = make()
    before, kept = x.tolist(), x * x if saved else None
    with pytest.raises(ValueError, match=r"read-only.*x\.copy\(\)"):
        write(x)
    assert x.tolist() == before
    assert kept is None or kept.tolist() == (np.asarray(before) ** 2).tolist()
