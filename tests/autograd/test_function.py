"""`Function`: one's own gates by forward and backward, and the errors of those who write them."""

import gc
import weakref

import numpy as np
import pytest

import pullback as pb


def leaf(value, **options):
    return pb.tensor(value, requires_grad=True, dtype=pb.float64, **options)


class Multiply(pb.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved
        return g * y, g * x


class Exp(pb.Function):
    """Saves its output, under PyTorch's names."""

    @staticmethod
    def forward(ctx, x):
        y = np.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class SumAndProduct(pb.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return x + y, x * y

    @staticmethod
    def backward(ctx, gs, gp):
        x, y = ctx.saved
        return gs + gp * y, gs + gp * x


def function(forward, backward, **attributes):
    members = {"forward": staticmethod(forward), "backward": staticmethod(backward), **attributes}
    return type("Made", (pb.Function,), members)


def test_forward_and_backward_of_the_notes():
    x, y = leaf(-2.0), leaf(5.0)
    out = Multiply.apply(x, y)
    assert out.requires_grad
    assert not out.is_leaf
    out.backward()
    assert (x.grad.item(), y.grad.item()) == (5, -2)


@pytest.mark.parametrize("apply", [Multiply.apply, lambda x, y: Exp.apply(x) * Exp.apply(y)])
def test_gradcheck_at_first_and_second_order(apply, rng):
    inputs = [rng.normal(size=(2, 3)), rng.normal(size=3)]
    pb.gradcheck(apply, inputs, elementwise=True).assert_ok()

    def pulled(x, y):
        with pb.enable_grad():
            x, y = (t if t.requires_grad else t.detach().requires_grad_() for t in (x, y))
            return pb.gradients((apply(x, y) ** 2).sum(), [x, y], create_graph=True)

    pb.gradcheck(pulled, inputs, elementwise=True).assert_ok()


def test_third_order_through_a_saved_output():
    x = leaf(0.5)
    y = Exp.apply(x)
    for _ in range(3):
        (y,) = pb.gradients(y, x, create_graph=True)
        np.testing.assert_allclose(y.item(), np.exp(0.5))


def test_several_outputs_share_one_backward():
    calls = []

    def backward(ctx, gs, gp):
        calls.append((gs.item(), gp.item()))
        return SumAndProduct.backward(ctx, gs, gp)

    gate = function(SumAndProduct.forward, backward)
    x, y = leaf(2.0), leaf(3.0)
    s, p = gate.apply(x, y)
    (s * 10 + p).backward()
    assert calls == [(10, 1)]
    assert (x.grad.item(), y.grad.item()) == (13, 12)


def test_unused_outputs_get_zeros_and_the_rest_works_at_second_order():
    x, y = leaf([2.0, 1.0]), leaf([3.0, 5.0])
    _, p = SumAndProduct.apply(x, y)
    (gx,) = pb.gradients((p**2).sum(), x, create_graph=True)
    (gxx,) = pb.gradients(gx.sum(), x)
    np.testing.assert_allclose(gxx.numpy(), 2 * y.numpy() ** 2)
    pb.gradcheck(SumAndProduct.apply, ([2.0, 1.0], [3.0, 5.0]), elementwise=True).assert_ok()


def test_saved_outputs_of_several_at_second_order():
    def forward(ctx, x):
        a, b = np.exp(x), np.sin(x)
        ctx.save(a, x)
        return a, b

    def backward(ctx, ga, gb):
        a, x = ctx.saved
        return ga * a + gb * np.cos(x)

    gate = function(forward, backward)
    x = leaf(0.3)
    a, b = gate.apply(x)
    (g,) = pb.gradients(a * b, x, create_graph=True)
    (gg,) = pb.gradients(g, x)
    np.testing.assert_allclose(gg.item(), 2 * np.exp(0.3) * np.cos(0.3))


def test_integer_outputs_are_not_tracked():
    def forward(ctx, x):
        ctx.where = x.numpy().argmax()
        return x.numpy().max(), np.array(ctx.where)

    def backward(ctx, g, _):
        result = np.zeros(3)
        result[ctx.where] = g.item()
        return result

    x = leaf([1.0, 7.0, 3.0])
    top, where = function(forward, backward).apply(x)
    assert not where.requires_grad
    assert where.item() == 1
    top.backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_arguments_that_are_no_tensors():
    def forward(ctx, x, power, *, _unused=None):
        ctx.save(x, power)
        return x**power

    def backward(ctx, g):
        x, power = ctx.saved
        return g * power * x ** (power - 1), None

    x = leaf([1.0, 2.0])
    function(forward, backward).apply(x, 3).sum().backward()
    assert x.grad.tolist() == [3, 12]


def test_needs_grad_says_what_is_wanted():
    seen = []

    def forward(ctx, x, y, z):
        seen.append(ctx.needs_grad)
        return x * y

    def backward(ctx, g):
        seen.append(ctx.needs_input_grad)
        return g, None, None

    x, y = leaf(2.0), leaf(3.0)
    gate = function(forward, backward)
    out = gate.apply(x, y, 4)
    pb.gradients(out, x)
    assert seen == [(True, True, False), (True, False, False)]
    with pb.no_grad():
        assert not gate.apply(x, y, 4).requires_grad
    assert seen[-1] == (False, False, False)


def test_broadcast_gradients_are_summed_and_dtypes_kept():
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    w = pb.tensor(np.ones((3, 2)))
    Multiply.apply(x, w).sum().backward()
    assert x.grad.dtype == pb.float32
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("backward", "error", "message"),
    [
        (lambda ctx, g: (g,), RuntimeError, "returned 1 gradient, and forward took 2 arguments"),
        (lambda ctx, g: (g, g, g), RuntimeError, "returned 3 gradients"),
        (lambda ctx, g: (g[:1], g), RuntimeError, r"'Made' for 'x'.*shape \(1,\).*shape \(3,\)"),
        (lambda ctx, g: (g, "no"), TypeError, "returned a str for argument 1"),
    ],
)
def test_wrong_gradients_are_refused(backward, error, message):
    gate = function(lambda ctx, x, y: x + y, backward)
    x, y = leaf(np.ones(3)), leaf(np.ones(3))
    with pytest.raises(error, match=message):
        gate.apply(x, y).sum().backward()
    assert x.grad is None


def test_gradients_for_numbers_are_ignored_and_for_other_things_refused():
    x = leaf(2.0)
    Multiply.apply(x, 3.0).backward()
    Multiply.apply(np.array(4.0), x).backward()
    assert x.grad.item() == 7
    gate = function(lambda ctx, x, how: x * 2, lambda ctx, g: (g, g))
    with pytest.raises(RuntimeError, match="argument 1, which is a str"):
        gate.apply(x, "fast").backward()


def test_overwriting_a_saved_input_names_it():
    x = leaf([1.0, 2.0], name="weights")
    out = Multiply.apply(x, leaf([3.0, 4.0]))
    with pb.no_grad():
        x[0] = 5.0
    with pytest.raises(
        RuntimeError, match=r"'Multiply' needs its input 'x' \(the tensor 'weights'\).*test_function"
    ):
        out.sum().backward()


def test_overwriting_a_saved_output_or_its_own_tensor_is_seen():
    x = leaf([1.0, 2.0])
    y = Exp.apply(x)
    y.data[0] = 3.0
    with pytest.raises(RuntimeError, match="needs its result"):
        y.sum().backward()

    table = pb.tensor([1.0, 2.0])

    def forward(ctx, x):
        ctx.save(table)
        return x * table

    y = function(forward, lambda ctx, g: g * ctx.saved[0]).apply(x)
    table.data[0] = 9.0
    with pytest.raises(RuntimeError, match="a value that it saved"):
        y.sum().backward()


def test_a_part_of_an_input_that_was_saved_is_seen_too():
    def forward(ctx, x):
        ctx.save(x.numpy()[1:])
        return x[1:] * 2

    x = leaf([1.0, 2.0])
    y = function(forward, lambda ctx, g: np.zeros(2)).apply(x)
    with pb.no_grad():
        x[0] = 5.0
    with pytest.raises(RuntimeError, match="a value that it saved"):
        y.sum().backward()


def test_tracked_writes_after_the_use_leave_the_saved_values():
    x = leaf([1.0, 2.0])
    h = x * 1
    y = Multiply.apply(h, h)
    h[0] = 7.0
    y.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_nobody_writes_into_what_is_handed_in():
    x = leaf([1.0, 2.0])

    def forward(ctx, x):
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        function(forward, lambda ctx, g: g).apply(x)

    def backward(ctx, g):
        g *= 2
        return g

    with pytest.raises(ValueError, match="read-only"):
        function(lambda ctx, x: x * 2, backward).apply(x).sum().backward()
    assert x.tolist() == [1, 2]


def test_the_identity_gives_memory_of_its_own():
    reverse = function(lambda ctx, x: x, lambda ctx, g: -g)
    x = leaf([1.0, 2.0])
    y = reverse.apply(x)
    y[0] = 10.0
    assert x.tolist() == [1, 2]
    y.sum().backward()
    assert x.grad.tolist() == [0, -1]


def test_a_saved_value_that_is_neither_input_nor_output_has_no_second_derivative():
    def forward(ctx, x):
        slope = np.cos(x)
        ctx.save(slope)
        return np.sin(x)

    gate = function(forward, lambda ctx, g: g * ctx.saved[0])
    x = leaf(0.5)
    gate.apply(x).backward()
    np.testing.assert_allclose(x.grad.item(), np.cos(0.5))
    with pytest.raises(RuntimeError, match=r"neither its input nor its output.*once_differentiable"):
        pb.gradients(gate.apply(x), x, create_graph=True)


@pytest.mark.parametrize("value", [0.5, [0.5, 1.0]])
def test_the_array_of_an_input_is_that_input(value):
    def forward(ctx, x):
        a = x.numpy()
        ctx.save(a)
        return np.sin(a)

    def backward(ctx, g):
        (a,) = ctx.saved
        return g * np.cos(a)

    x = leaf(value)
    (g,) = pb.gradients(function(forward, backward).apply(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(pb.gradients(g.sum(), x)[0].numpy(), -np.sin(value))
    y = function(lambda ctx, x: x, lambda ctx, g: g).apply(x)
    y += 1.0
    assert x.tolist() == value


def test_a_plain_argument_that_is_saved_is_a_constant_of_every_order():
    class Times(pb.Function):
        @staticmethod
        def forward(ctx, x, c):
            ctx.save(x, c)
            return x * x * c

        @staticmethod
        def backward(ctx, g):
            x, c = ctx.saved
            return g * x * (2 * c), (g * x * x if ctx.needs_grad[1] else None)

    c = np.array([2.0, 3.0])
    x = np.array([1.0, -1.0])
    found = pb.hessian(lambda x: Times.apply(x, c).sum())(x)
    np.testing.assert_array_equal(found.numpy(), np.diag(2 * c))


def test_floating_attributes_have_no_second_derivative_and_others_do():
    def forward(ctx, x):
        ctx.positive, ctx.slope = x.numpy() > 0, np.cos(x)
        return np.sin(x)

    x = leaf([0.5, -0.5])
    gate = function(forward, lambda ctx, g: g * ctx.positive)
    pb.gradients(gate.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"ctx\.slope is a constant"):
        pb.gradients(function(forward, lambda ctx, g: g * ctx.slope).apply(x).sum(), x, create_graph=True)


def test_a_backward_that_leaves_the_tape_is_refused_at_second_order():
    gate = function(Multiply.forward, lambda ctx, g: (g.numpy() * ctx.saved[1].numpy(), None))
    x, y = leaf(2.0), leaf(3.0)
    assert pb.gradients(gate.apply(x, y), x)[0].item() == 3
    with pytest.raises(RuntimeError, match="reads a tracked value by numpy"):
        pb.gradients(gate.apply(x, y), x, create_graph=True)


def test_once_differentiable():
    class Sin(pb.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.slope = np.cos(x.numpy())
            return np.sin(x.numpy())

        @staticmethod
        @pb.once_differentiable
        def backward(ctx, g):
            assert not g.requires_grad
            return g.numpy() * ctx.slope

    x = leaf([0.5])
    (g,) = pb.gradients(Sin.apply(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.numpy(), np.cos([0.5]))
    with pytest.raises(RuntimeError, match=r"Sin\.backward is marked once_differentiable"):
        g.sum().backward()


def test_backward_twice():
    x, y = leaf(2.0), leaf(3.0)
    out = Multiply.apply(x, y)
    out.backward(retain_graph=True)
    out.backward()
    assert x.grad.item() == 6
    with pytest.raises(RuntimeError, match="already run"):
        out.backward()


def test_what_was_saved_is_freed_during_the_walk():
    big = []

    def forward(ctx, x):
        values = np.ones(1000)
        big.append(weakref.ref(values))
        ctx.save(values)
        return x * 2

    gc.disable()
    try:
        out = function(forward, lambda ctx, g: g * 2).apply(leaf(1.0))
        assert big[0]() is not None
        out.backward()
        assert big[0]() is None
        out = Multiply.apply(leaf(1.0) * 1, leaf(2.0))
        s, p = SumAndProduct.apply(leaf(1.0), out)
        reference = weakref.ref(s)
        (s * p).backward(create_graph=True)
        del s, p, out
        assert reference() is None
    finally:
        gc.enable()


def test_a_tracked_tensor_in_a_list_is_refused():
    gate = function(lambda ctx, xs: sum(xs), lambda ctx, g: None)
    with pytest.raises(TypeError, match="argument 0 is a list with a tensor that requires gradients"):
        gate.apply([leaf(1.0), leaf(2.0)])


def test_misuse_is_named():
    with pytest.raises(TypeError, match=r"Multiply\.apply"):
        Multiply()
    with pytest.raises(TypeError, match="returned None"):
        function(lambda ctx, x: None, lambda ctx, g: g).apply(leaf(1.0))
    with pytest.raises(AttributeError, match=r"kept as ctx\.nothing"):
        function(lambda ctx, x: ctx.nothing, lambda ctx, g: g).apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="backward"):
        type("NoBackward", (pb.Function,), {"forward": staticmethod(lambda ctx, x: x * 2)}).apply(
            leaf(1.0)
        ).backward()


def test_pictures_and_recordings_show_it():
    x = leaf(3.0, name="x")
    with pb.record() as recording:
        s, p = SumAndProduct.apply(x, 2.0)
        y = Multiply.apply(s, p)
        y.backward()
    names = [entry.operation.name for entry in recording.entries if entry.operation]
    assert names == ["SumAndProduct", "pick", "pick", "Multiply"]
    assert recording.find(x).gradient == 6 + 2 * 5
    assert "Multiply" in pb.viz.draw(recording).svg()
    assert "Multiply" not in pb.autograd.extend.REGISTRY


def test_two_functions_of_one_name_do_not_meet():
    def make(factor):
        class Scale(pb.Function):
            @staticmethod
            def forward(ctx, x):
                return x * factor

            @staticmethod
            def backward(ctx, g):
                return g * factor

        return Scale

    x = leaf(1.0)
    (make(2.0).apply(x) + make(5.0).apply(x)).backward()
    assert x.grad.item() == 7


def test_a_derived_function_has_an_operation_of_its_own():
    class Double(Multiply):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save(x, y)
            return 2 * x * y

    x = leaf(3.0)
    assert Multiply.apply(x, leaf(2.0)).item() == 6
    assert Double.apply(x, leaf(2.0)).item() == 12


def test_complex_numbers():
    class Product(pb.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save(x, y)
            return x * y, x + y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved
            return g * np.conj(y) + h, g * np.conj(x) + h

    inputs = [np.array([1.0 + 2.0j, -0.5j]), np.array([0.5, 2.0])]
    pb.gradcheck(Product.apply, inputs, elementwise=True).assert_ok()


@pytest.mark.parametrize(
    "read", [lambda x: np.cos(x.numpy()), lambda x: float(x.sum()) * 0 + 1, lambda x: np.cos(x.tolist())]
)
def test_a_backward_that_reads_values_has_no_silent_second_derivative(read):
    class ByNumPy(pb.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save(x)
            return np.sin(x.numpy())

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved
            return g * read(x)

    x = pb.tensor([0.5, 1.0], requires_grad=True, dtype=pb.float64)
    ByNumPy.apply(x).sum().backward()
    assert x.grad.shape == (2,)
    with pytest.raises(RuntimeError, match=r"ByNumPy\.backward reads a tracked value.*once_differentiable"):
        pb.gradients(ByNumPy.apply(x).sum(), x, create_graph=True)


@pytest.mark.parametrize(
    "keep", [lambda x: {"x": x}, lambda x: [x.numpy()], lambda x: float(x.sum()), lambda x: np.sum(x.numpy())]
)
def test_what_forward_computed_is_no_constant_at_second_order(keep):
    class Kept(pb.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.scale, ctx.settings, ctx.shape = scale, {"axis": 0}, x.shape
            ctx.kept = keep(x)
            return x * scale

        @staticmethod
        def backward(ctx, g):
            assert ctx.settings == {"axis": 0}
            assert ctx.shape == (2,)
            _ = ctx.kept
            return g * ctx.scale, None

    x = pb.tensor([0.5, 1.0], requires_grad=True, dtype=pb.float64)
    Kept.apply(x, 2.5).sum().backward()
    assert x.grad.tolist() == [2.5, 2.5]
    with pytest.raises(RuntimeError, match=r"ctx\.kept is a constant to a second derivative"):
        pb.gradients(Kept.apply(x, 2.5).sum(), x, create_graph=True)
