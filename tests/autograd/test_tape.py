"""Backward: order, accumulation, freeing, second order, memory."""

import cProfile
import gc
import pstats
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import pullback as pb


def leaf(value, **options):
    return pb.tensor(value, requires_grad=True, dtype=pb.float64, **options)


def test_a_diamond_needs_topological_order():
    x = leaf(2.0)
    a = x * 3
    b = a * a
    c = a + b
    c.backward()
    assert x.grad.item() == 3 * (1 + 2 * 6)


def test_backward_accumulates_into_grad():
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5, 5]
    assert x.grad is first


def test_grad_arrays_are_shared_with_nobody():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    g = np.ones(2)
    (x + y).backward(g)
    x.grad[0] = 100.0
    assert y.grad.tolist() == [1, 1]
    assert g.tolist() == [1, 1]


def test_the_gradient_of_a_broadcast_view_is_writable():
    x = leaf([1.0, 2.0])
    x.sum().backward()
    x.grad[0] = 5.0
    assert x.grad.tolist() == [5, 1]


def test_second_backward_needs_retain_graph():
    x = leaf(2.0)
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.item(), 2 * np.exp(2))
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    np.testing.assert_allclose(x.grad.item(), 2 * np.exp(2))


def test_second_backward_raises_where_nothing_was_saved_too():
    x = leaf(2.0)
    y = x + x
    y.backward()
    with pytest.raises(RuntimeError, match="already run"):
        y.backward()


def test_an_error_in_backward_changes_no_grad():
    x, y = leaf(2.0), leaf(3.0)
    shared = y.exp()
    shared.backward()
    y.grad = None
    with pytest.raises(RuntimeError, match="already run"):
        (x * 2 + shared).backward()
    assert x.grad is None
    assert y.grad is None


def test_backward_of_a_non_scalar_needs_a_gradient():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"shape \(2,\).*\.sum\(\)"):
        (x * 2).backward()


def test_the_given_gradient_must_fit():
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        (x * 2).backward([1.0, 2.0, 3.0])


def test_backward_without_a_graph():
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        pb.tensor(1.0).backward()
    x = leaf(1.0)
    with pb.no_grad():
        y = x * 2
    with pytest.raises(RuntimeError, match="no_grad"):
        y.backward()


def test_backward_for_some_inputs_only():
    x, y = leaf(2.0), leaf(3.0)
    (x * y).backward(inputs=[x])
    assert x.grad.item() == 3
    assert y.grad is None


def test_retain_grad_on_the_way():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    (y * y).backward()
    assert y.grad.item() == 12


def test_gradients_leave_grad_alone_and_reach_the_middle():
    x = leaf(2.0)
    y = x * 3
    gx, gy = pb.gradients(y * y, [x, y])
    assert (gx.item(), gy.item()) == (36, 12)
    assert x.grad is None


def test_gradients_of_several_outputs():
    x, y = leaf(2.0), leaf([1.0, 2.0])
    found = pb.gradients([x * x, x * y], [x, y], [None, np.array([1.0, 10.0])])
    assert found[0].item() == 4 + 1 + 20
    assert found[1].tolist() == [2, 20]


def test_gradients_of_unused_inputs():
    x, y = leaf(2.0), leaf(3.0)
    with pytest.raises(RuntimeError, match="input 1"):
        pb.gradients(x * x, [x, y])
    assert pb.gradients(x * x, [x, y], allow_unused=True)[1] is None


def test_third_derivative():
    x = leaf(2.0)
    y = x**4
    for expected in (32.0, 48.0, 48.0, 24.0):
        (y,) = pb.gradients(y, x, create_graph=True)
        np.testing.assert_allclose(y.item(), expected)


def test_create_graph_leaves_a_gradient_that_can_be_differentiated():
    x = leaf([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)
    (second,) = pb.gradients(x.grad.sum(), x)
    np.testing.assert_allclose(second.numpy(), [6, 12])


def test_detach_cuts_and_no_grad_does_not_record():
    x = leaf(3.0)
    (x.detach() * x).backward()
    assert x.grad.item() == 3
    with pb.no_grad():
        assert not (x * 2).requires_grad
        with pb.enable_grad():
            assert (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_modes_decorate_functions_and_refuse_generators():
    @pb.no_grad()
    def f(x):
        return x * 2

    assert not f(leaf(1.0)).requires_grad
    with pytest.raises(TypeError, match="generator"):

        @pb.no_grad()
        def g():
            yield 1


def test_modes_decorate_coroutines():
    import asyncio

    @pb.no_grad()
    async def f(x):
        await asyncio.sleep(0)
        return x * 2

    assert not asyncio.run(f(leaf(1.0))).requires_grad


def test_modes_are_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), pb.no_grad():
        raise ZeroDivisionError
    assert pb.is_grad_enabled()


def test_modes_are_per_thread():
    import threading

    seen = []
    with pb.no_grad():
        thread = threading.Thread(target=lambda: seen.append(pb.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_only_what_a_rule_names_is_saved():
    x, y = leaf(np.ones(3)), pb.tensor(np.ones(3))
    assert (x + y)._node.saved == ()
    only_y = (x * y)._node
    assert [value is None for value in only_y.saved] == [False, True]  # y for x's rule; x is needed by nobody


def test_float32_stays_float32():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = (x * np.float64(2) * np.sqrt(2) + 1.5).mean()
    assert y.dtype == pb.float32
    y.backward()
    assert x.grad.dtype == pb.float32


def test_a_float32_input_of_a_float64_computation_gets_a_float32_gradient():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    (x * np.array([1.0, 3.0])).sum().backward()
    assert x.grad.dtype == pb.float32
    assert x.grad.tolist() == [1, 3]


def chain(length):
    x = pb.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * 1.00001
    return x, y


def test_a_chain_of_200_000_operations_needs_no_recursion():
    x, y = chain(200_000)
    y.backward()
    del y
    np.testing.assert_allclose(x.grad.item(), 1.00001**200_000, rtol=0.02)  # float32, rounded 200,000 times


def test_the_work_of_a_chain_is_linear():
    def calls(length):
        profile = cProfile.Profile()
        profile.enable()
        _, y = chain(length)
        y.backward()
        profile.disable()
        return pstats.Stats(profile).total_calls

    assert calls(4000) - calls(2000) == pytest.approx(calls(2000), rel=0.1)


def test_memory_returns_without_the_garbage_collector():
    def differentiate():
        x, y = chain(1000)
        y.backward()
        (second,) = pb.gradients((x**3).sum(), x, create_graph=True)
        second.backward()

    differentiate()  # what is loaded at first use stays
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        x, y = chain(1000)
        node = weakref.ref(y)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            differentiate()
        del x, y
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    finally:
        gc.enable()
    assert node() is None
    assert after < before


def test_backward_with_create_graph_makes_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = pb.tensor([1.0, 2.0], requires_grad=True)
        (x**3).sum().backward(create_graph=True)
        reference = weakref.ref(x)
        x.grad = None
        del x
        assert reference() is None
        y = pb.tensor([1.0, 2.0], requires_grad=True)
        (y**3).sum().backward(create_graph=True)
        reference = weakref.ref(y)
        del y
        assert reference() is None, "a gradient with a graph keeps its leaf alive"
    finally:
        gc.enable()


def test_thousands_of_scalar_nodes():
    xs = [pb.tensor(float(i), requires_grad=True) for i in range(3000)]
    total = xs[0]
    for x in xs[1:]:
        total = total + x * 2
    total.backward()
    assert [x.grad.item() for x in xs[:3]] == [1, 2, 2]


def test_threads_build_separate_graphs():
    from concurrent.futures import ThreadPoolExecutor

    def work(seed):
        x = leaf(np.full(50, float(seed)))
        for _ in range(20):
            y = (x * x).sum()
            x.grad = None
            y.backward()
        return x.grad.tolist() == [2.0 * seed] * 50

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


def test_leaves_do_not_share_a_recorded_gradient():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    z = x + y
    (z * z).sum().backward(create_graph=True)
    with pb.no_grad():
        x.grad *= 0.5
    assert y.grad.tolist() == [8, 12]
    x.grad = y.grad = None
    x.sum().backward(create_graph=True)
    with pb.no_grad():
        x.grad *= 0.5
    assert x.grad.tolist() == [0.5, 0.5]


def test_a_read_only_gradient_can_be_added_to():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    fixed = np.ones(2)
    fixed.flags.writeable = False
    y.grad = pb.asarray(fixed)
    (x + y).sum().backward()
    assert y.grad.tolist() == [2, 2]
    assert fixed.tolist() == [1, 1]


def test_many_threads_add_to_one_leaf():
    from concurrent.futures import ThreadPoolExecutor

    w = leaf(np.ones(3))

    def work(_):
        for _ in range(100):
            (w * 1.0).sum().backward()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert w.grad.tolist() == [800] * 3


def test_gradients_stop_at_their_inputs():
    x = leaf([1.0, 2.0])
    h = x * x
    k = h * 3
    assert pb.gradients(k.sum(), k)[0].tolist() == [1, 1]
    assert pb.gradients(k.sum(), x)[0].tolist() == [6, 12]


def test_backward_takes_one_input():
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    (x.sum() * y).backward(inputs=x)
    assert x.grad.tolist() == [3, 3]
    assert y.grad is None


def test_float16_counts_do_not_overflow():
    x = pb.zeros(100_000, dtype=np.float16, requires_grad=True)
    x.mean().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1e-5, rtol=0.02)
    x.grad = None
    x.max().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1e-5, rtol=0.02)


def test_reductions_of_scalars_along_axis_0():
    for function in (pb.sum, pb.max, pb.min):
        x = leaf(3.0)
        function(x, axis=0).backward()
        assert x.grad.item() == 1


@pytest.mark.parametrize("shapes", [((5, 2, 0), (0, 4)), ((5, 2, 3), (3, 0)), ((0, 2, 3), (3, 4))])
def test_matmul_of_zero_size(shapes):
    x, y = (leaf(np.ones(shape)) for shape in shapes)
    (x @ y).sum().backward()
    assert (x.grad.shape, y.grad.shape) == shapes
    assert not y.grad.numpy().any()


def test_max_routes_to_nan():
    x = leaf([1.0, np.nan, 3.0])
    x.max().backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_indices_of_other_kinds_count_twice():
    import array

    x = leaf([1.0, 2.0, 3.0])
    x[array.array("l", [0, 0, 1])].sum().backward()
    assert x.grad.tolist() == [2, 1, 0]


def test_parameters_that_change_later_do_not_change_the_gradient():
    x, axes = leaf(np.arange(6.0).reshape(1, 2, 3)), [2, 0, 1]
    y = pb.permute_dims(x, axes)
    axes[:] = [0, 1, 2]
    g = np.arange(6.0).reshape(3, 1, 2)
    y.backward(g)
    np.testing.assert_array_equal(x.grad.numpy(), g.transpose(1, 2, 0))


def test_blocks_that_are_not_left_in_the_order_of_their_entry():
    def quiet():
        with pb.no_grad():
            yield

    def loud():
        with pb.enable_grad():
            yield

    first, second, third = quiet(), loud(), quiet()
    seen = []
    for step in (first.__next__, second.__next__, third.__next__, first.close, third.close, second.close):
        step()
        seen.append(pb.is_grad_enabled())
    assert seen == [False, True, False, False, True, True]


def test_an_observer_that_has_gone_sees_nothing_though_a_later_block_is_open():
    def recorded():
        with pb.record() as recording:
            yield recording

    block = recorded()
    recording = next(block)
    later = pb.no_grad()
    with later:
        pb.exp(pb.tensor(1.0))
        block.close()
        pb.exp(pb.tensor(1.0))
    assert [entry.operation.name for entry in recording.entries if entry.operation] == ["exp"]
    assert pb.is_grad_enabled()


def test_one_object_for_the_blocks_of_two_threads():
    mode, entered, left = pb.no_grad(), threading.Event(), threading.Event()
    seen = []

    def work():
        with mode:
            entered.set()
            left.wait()
            seen.append(pb.is_grad_enabled())
        seen.append(pb.is_grad_enabled())

    other = threading.Thread(target=work)
    with mode:
        other.start()
        entered.wait()
    seen.append(pb.is_grad_enabled())
    left.set()
    other.join()
    assert seen == [True, False, True]


def test_one_object_for_two_blocks_in_each_other():
    mode = pb.no_grad()
    with mode:
        with mode:
            pass
        assert not pb.is_grad_enabled()
    assert pb.is_grad_enabled()
