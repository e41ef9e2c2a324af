"""vmap: every operation against a loop, from its declaration; compositions with the other transforms; refusals."""

import itertools

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import REGISTRY, SCALER, Family, given, op, own_operations
from pullback.nn.functional import cross_entropy, linear

OPERATIONS = [
    pytest.param(op, id=op.name)
    for op in own_operations()
    if not getattr(op.batch, "shape_depends_on_values", False)
]
SIZE = 3


def batches(operation):
    """Samples of equal shapes, as (list of inputs for each example, parameters)."""
    groups = zip(*(operation.samples(np.random.default_rng(seed)) for seed in range(SIZE)), strict=True)
    for group in groups:
        yield [sample.inputs for sample in group], group[0].parameters


def close(found, expected):
    parts = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    for x, y in parts:
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-9, atol=1e-12)


# inputs that are the same for all examples, since they decide about shapes
SHARED = {"repeat": 1}


def choices(operation, inputs, differentiable):
    """Every way to batch some of the inputs that are arrays, or of those that have a gradient."""
    shared = SHARED.get(operation.name)
    arrays = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and i != shared]
    if differentiable:
        names = operation.inputs * len(inputs) if operation.variadic else operation.inputs
        arrays = [i for i in arrays if names[i] in operation.rules and inputs[i].dtype.kind == "f"]
    return [way for n in range(1, len(arrays) + 1) for way in itertools.combinations(arrays, n)]


def cases(operation, differentiable=False):
    """A function of the batched inputs, the batched inputs, and what each example gets."""
    for examples, parameters in batches(operation):
        first = list(examples[0][0]) if operation.variadic else list(examples[0])
        lists = [list(inputs[0]) if operation.variadic else list(inputs) for inputs in examples]
        for way in choices(operation, first, differentiable):

            def function(*xs, way=way, first=first, parameters=parameters):
                inputs = list(first)
                for i, x in zip(way, xs, strict=True):
                    inputs[i] = x
                if operation.variadic:
                    return operation.call(inputs, **parameters)
                return operation.call(*inputs, **parameters)

            yield function, [np.stack([inputs[i] for inputs in lists]) for i in way]


def parts(result):
    return result if isinstance(result, tuple) else (result,)


def total(weights, result):
    """A real scalar that every floating element of a result has a part in."""
    terms = [
        (weight * (pb.real(y) + pb.imag(y) if y.dtype.kind == "c" else y)).sum()
        for weight, y in zip(weights, parts(result), strict=True)
        if y.dtype.kind in "fc"
    ]
    return sum(terms)


def stacked(results):
    if isinstance(results[0], tuple):
        return tuple(pb.stack(group) for group in zip(*results, strict=True))
    return pb.stack(results)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_against_a_loop(operation):
    for function, arrays in cases(operation):
        tensors = [pb.asarray(x) for x in arrays]
        close(pb.vmap(function)(*tensors), stacked([function(*xs) for xs in zip(*tensors, strict=True)]))


@pytest.mark.parametrize("operation", [p for p in OPERATIONS if p.values[0].rules])
def test_gradients_against_a_loop(operation):
    rng = np.random.default_rng(5)
    for function, arrays in cases(operation, differentiable=True):
        weight = tuple(rng.normal(size=y.shape) for y in parts(pb.vmap(function)(*arrays)))
        whole = lambda *xs, f=function, w=weight: total(w, pb.vmap(f)(*xs))
        looped = lambda *xs, f=function, w=weight: total(w, stacked([f(*x) for x in zip(*xs, strict=True)]))
        every = tuple(range(len(arrays)))
        expected = pb.grad(looped, every)(*map(pb.asarray, arrays))
        close(pb.grad(whole, every)(*map(pb.asarray, arrays)), expected)
        single = lambda w, *xs, f=function: total(w, f(*xs))
        close(pb.vmap(pb.grad(single, tuple(i + 1 for i in every)))(weight, *arrays), expected)


@pytest.mark.parametrize("operation", [p for p in OPERATIONS if p.values[0].rules])
def test_a_batch_of_gradients_pulled_back_together(operation):
    rng = np.random.default_rng(6)
    for function, arrays in cases(operation, differentiable=True):
        out, pull = pb.vjp(function, *[x[0] for x in arrays])
        g = tuple(rng.normal(size=(SIZE, *y.shape)) for y in parts(out))
        if not isinstance(out, tuple):
            close(pb.vmap(pull)(g[0]), stacked([pull(each) for each in g[0]]))
            continue
        each = [type(out)(*gs) for gs in zip(*g, strict=True)]
        close(pb.vmap(pull)(type(out)(*g)), stacked([pull(one) for one in each]))


# axes and trees


def test_axes(rng):
    x, y = rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4))
    f = lambda x, y: pb.concat([x * y, x], axis=0)
    for axis, out in itertools.product((0, 1, 2, -1), (0, 1, -1)):
        own = np.moveaxis(np.broadcast_to(rng.normal(size=(5, 2, 3)), (5, 2, 3)), 0, axis)
        expected = np.stack([f(a, y[:, :1].T).numpy() for a in np.moveaxis(own, axis, 0)], out)
        found = pb.vmap(lambda a: f(a, y[:, :1].T), in_axes=axis, out_axes=out)(own)
        np.testing.assert_allclose(found.numpy(), expected)
    np.testing.assert_allclose(pb.vmap(pb.multiply, in_axes=(0, None))(x, y).numpy(), x * y)


def test_trees_of_arguments_and_results(rng):
    batch = {"x": rng.normal(size=(5, 3)), "scale": 2.0, "pair": (np.arange(5.0), rng.normal(size=(3, 5)))}
    axes = {"x": 0, "scale": None, "pair": (0, 1)}

    def f(b):
        return {"y": b["x"] * b["scale"] + b["pair"][1], "n": [b["pair"][0], pb.tensor(7)], "none": None}

    found = pb.vmap(f, in_axes=(axes,), out_axes={"y": 1, "n": 0, "none": None})(batch)
    np.testing.assert_allclose(found["y"].numpy(), (batch["x"] * 2 + batch["pair"][1].T).T)
    assert found["n"][0].tolist() == [0, 1, 2, 3, 4]
    assert found["n"][1].tolist() == [7] * 5
    assert found["none"] is None
    same = pb.vmap(lambda x, c: (x, c), in_axes=(0, None), out_axes=(0, None))(np.ones(2), np.ones(3))
    assert [part.shape for part in same] == [(2,), (3,)]


def test_the_function_sees_one_example():
    def f(x, flag):
        assert flag
        assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((3, 2), 2, 6, 3, np.float32)
        assert "each of 4 examples" in repr(x)
        rows = [row.sum() for row in x]
        return pb.stack(rows) + x.mT[0] + pb.zeros_like(x)[:, 0]

    x = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    found = pb.vmap(f, in_axes=(0, None))(x, True)
    np.testing.assert_array_equal(found.numpy(), x.sum(2) + x[:, :, 0])


def test_zero_examples_and_zero_sizes():
    assert pb.vmap(lambda x: pb.argmax(x @ x))(np.ones((0, 3))).shape == (0,)
    assert pb.vmap(lambda x: x.sum())(np.ones((4, 0))).tolist() == [0] * 4
    assert pb.vmap(pb.grad(lambda x: (x**2).sum()))(np.ones((0, 3))).shape == (0, 3)
    assert pb.vmap(lambda x: x.reshape(-1))(np.ones((0, 2, 3))).shape == (0, 6)


# compositions


def quadratic(a):
    return lambda x: pb.tanh(a @ x)


def test_per_example_gradients_of_a_model(rng):
    model = pb.nn.Sequential(pb.nn.Linear(3, 4), pb.nn.Tanh(), pb.nn.Linear(4, 2))
    x, target = rng.normal(size=(5, 3)).astype(np.float32), np.array([0, 1, 1, 0, 1])

    def loss(model, x, target):
        decay = sum((p**2).sum() for p in model.parameters())
        return cross_entropy(model(x), target) + 0.1 * decay

    found = pb.vmap(pb.grad(loss), in_axes=(None, 0, 0))(model, x, target)
    for i in range(5):
        for name, gradient in pb.grad(loss)(model, x[i], target[i]).items():
            np.testing.assert_allclose(found[name].numpy()[i], gradient.numpy(), rtol=1e-5, atol=1e-6)
    assert type(model[0].weight) is pb.nn.Parameter


def test_second_derivatives_of_a_model_per_example(rng):
    model = pb.nn.Sequential(
        pb.nn.Linear(2, 2, dtype="float64"), pb.nn.Tanh(), pb.nn.Linear(2, 1, dtype="float64")
    )
    x = rng.normal(size=(3, 2))
    loss = lambda model, x: (model(x) ** 2).sum()
    found = pb.vmap(pb.hessian(loss), in_axes=(None, 0))(model, x)
    for i in range(3):
        expected = pb.hessian(loss)(model, x[i])
        for a, row in expected.items():
            for b, block in row.items():
                np.testing.assert_allclose(found[a][b].numpy()[i], block.numpy(), atol=1e-12)
    assert type(model[0].weight) is pb.nn.Parameter


def test_gradient_of_vmap_with_a_shared_weight(rng):
    w, x = rng.normal(size=3), rng.normal(size=(5, 3))
    f = lambda w: pb.vmap(lambda x: pb.tanh(w @ x))(x).sum()
    np.testing.assert_allclose(pb.grad(f)(w).numpy(), ((1 - np.tanh(x @ w) ** 2)[:, None] * x).sum(0))
    leaf = pb.tensor(w, requires_grad=True)
    f(leaf).backward()  # through what the function closes over
    np.testing.assert_allclose(leaf.grad.numpy(), pb.grad(f)(w).numpy())
    second = pb.grad(lambda w: (pb.grad(f)(w) ** 2).sum())
    pb.gradcheck(second, [w]).assert_ok()


def test_nested_vmap(rng):
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    table = pb.vmap(pb.vmap(lambda a, b: a @ b, in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_allclose(table(x, y).numpy(), x @ y.T)
    g = pb.grad(lambda x: (table(x, y) ** 2).sum())(x)
    np.testing.assert_allclose(g.numpy(), 2 * x @ y.T @ y)
    z = rng.normal(size=(2, 4, 3))
    np.testing.assert_allclose(
        pb.vmap(pb.vmap(lambda v: v / v.sum()))(z).numpy(), z / z.sum(-1, keepdims=True)
    )
    per = pb.vmap(pb.vmap(pb.grad(lambda v: (v**3).sum())), in_axes=1, out_axes=1)(z)
    np.testing.assert_allclose(per.numpy(), 3 * z**2)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobian_and_vmap(rng, mode):
    a, x = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    slopes = 1 - np.tanh(x @ a.T) ** 2
    found = pb.vmap(pb.jacobian(quadratic(a), mode=mode))(x)
    np.testing.assert_allclose(found.numpy(), slopes[:, :, None] * a)
    whole = pb.jacobian(pb.vmap(quadratic(a)), mode=mode)(x)
    np.testing.assert_allclose(whole.numpy(), np.einsum("bij,bc->bicj", found.numpy(), np.eye(5)))


def test_hessians_per_example(rng):
    x = rng.normal(size=(4, 3))
    f = lambda v: pb.exp(v[0]) * v[1] ** 2 + v[2] ** 3
    found = pb.vmap(pb.hessian(f))(x)
    close(found, pb.stack([pb.hessian(f)(row) for row in x]))
    u = rng.normal(size=(4, 3))
    close(pb.vmap(lambda x, u: pb.hvp(f, x, u))(x, u), pb.asarray(np.einsum("bij,bj->bi", found.numpy(), u)))


def test_jvp_and_vmap(rng):
    a, x, u = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    f = quadratic(a)
    expected = pb.stack([pb.jvp(f, (xi,), (ui,))[1] for xi, ui in zip(x, u, strict=True)])
    close(pb.vmap(lambda x, u: pb.jvp(f, (x,), (u,))[1])(x, u), expected)
    close(pb.jvp(pb.vmap(f), (x,), (u,))[1], expected)
    several = pb.vmap(lambda u: pb.jvp(f, (x[0],), (u,))[1])(u)  # one point, many tangents
    close(several, pb.stack([pb.jvp(f, (x[0],), (ui,))[1] for ui in u]))


def test_pulls_inside_and_outside(rng):
    a, x, g = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    expected = pb.stack([pb.vjp(quadratic(a), xi)[1](gi)[0] for xi, gi in zip(x, g, strict=True)])
    close(pb.vmap(lambda x, g: pb.vjp(quadratic(a), x)[1](g)[0])(x, g), expected)
    jacobians = pb.vmap(lambda x: pb.vmap(pb.vjp(quadratic(a), x)[1])(np.eye(4))[0])(x)
    close(jacobians, pb.vmap(pb.jacobian(quadratic(a)))(x))


def test_gradient_through_a_batch_of_pulled_gradients(rng):
    a, x = rng.normal(size=(4, 3)), rng.normal(size=3)

    def squared_jacobian(x):
        _, pull = pb.vjp(quadratic(a), x)
        return (pb.vmap(pull)(np.eye(4))[0] ** 2).sum()

    close(pb.grad(squared_jacobian)(x), pb.grad(lambda x: (pb.jacobian(quadratic(a))(x) ** 2).sum())(x))


def test_elementwise_grad_and_vmap(rng):
    x = rng.normal(size=(4, 3))
    close(pb.vmap(pb.elementwise_grad(pb.sin))(x), pb.cos(x))


def test_under_no_grad():
    with pb.no_grad():
        assert pb.vmap(pb.grad(lambda x: x**3))(np.array([1.0, 2.0])).tolist() == [3, 12]


# indexing

INDICES = [
    lambda i: (i,),
    lambda i: (i, slice(None, None, -1)),
    lambda i: (slice(None), i),
    lambda i: (0, slice(None), i),
    lambda i: (i, slice(1, 3), np.array([0, 1])),
    lambda i: (slice(None), i, np.array([[0], [1]])),
    lambda i: (Ellipsis, i),
    lambda i: (None, Ellipsis, i, None),
    lambda i: (np.array([True, False, True]), i),
    lambda i: (i, i),
]


@pytest.mark.parametrize("make", INDICES)
@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("shared", [True, False])
def test_an_index_for_each_example(rng, make, shape, shared):
    index = rng.integers(-2, 2, (5, *shape))
    x = rng.normal(size=(3, 3, 3) if shared else (5, 3, 3, 3))
    f = lambda x, i: x[make(i)]
    expected = np.stack([f(x if shared else x[k], index[k]) for k in range(5)])
    axes = (None if shared else 0, 0)
    np.testing.assert_array_equal(pb.vmap(f, in_axes=axes)(pb.asarray(x), index).numpy(), expected)
    weight = rng.normal(size=expected.shape)
    found = pb.grad(lambda x: (weight * pb.vmap(f, in_axes=axes)(x, index)).sum())(x)
    looped = lambda x: sum((weight[k] * f(x if shared else x[k], index[k])).sum() for k in range(5))
    np.testing.assert_allclose(found.numpy(), pb.grad(looped)(x).numpy())


@pytest.mark.parametrize(
    "index",
    [
        (np.array([0, 2]), slice(None), np.array([1, 0])),
        (0, slice(None), np.array([1, 0])),
        (None, np.array([2])),
    ],
)
def test_arrays_apart_in_an_index(rng, index):
    x = rng.normal(size=(5, 3, 3, 3))
    found = pb.vmap(lambda x: x[index])(x)
    np.testing.assert_array_equal(found.numpy(), np.stack([each[index] for each in x]))

    def written(x, v):
        y = x.copy()
        y[index] = v
        return y

    values = rng.normal(size=found.shape)
    expected = x.copy()
    for each, value in zip(expected, values, strict=True):
        each[index] = value
    np.testing.assert_array_equal(pb.vmap(written)(x, values).numpy(), expected)
    same = pb.vmap(written, in_axes=(0, None))(x, values[0])
    assert np.array_equal(same.numpy()[0], expected[0])
    _, pull = pb.vjp(lambda x: x[index], x[0])
    close(pb.vmap(pull)(values), stacked([pull(v) for v in values]))


# writes in place


@pytest.mark.parametrize("make", INDICES)
@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("value", ["number", "shared", "own", "broadcast"])
def test_writes_at_an_index_for_each_example(rng, make, shape, value):
    index = np.stack([rng.permutation(3)[: shape[0]] if shape else rng.integers(-3, 3) for _ in range(5)])
    x = rng.normal(size=(5, 3, 3, 3))
    part = x[0][make(index[0])].shape
    v = {
        "number": np.asarray(7.0),
        "shared": rng.normal(size=part),
        "own": rng.normal(size=(5, *part)),
        "broadcast": rng.normal(size=(5, *part[1:])),
    }[value]
    own = v.ndim and value in ("own", "broadcast")

    def f(x, i, v):
        y = x * 1
        y[make(i)] = v
        y[make(i)] *= 2
        return y

    expected = x.copy()
    for k in range(5):
        expected[k][make(index[k])] = 2 * (v[k] if own else v)
    axes = (0, 0, 0 if own else None)
    found = pb.vmap(f, in_axes=axes)(pb.asarray(x), index, v)
    np.testing.assert_array_equal(found.numpy(), expected)
    weight = rng.normal(size=x.shape)
    gradient = pb.grad(lambda x, v: (weight * pb.vmap(f, axes)(x, index, v)).sum(), (0, 1))(x, v)
    looped = lambda x, v: sum((weight[k] * f(x[k], index[k], v[k] if own else v)).sum() for k in range(5))
    close(gradient, pb.grad(looped, (0, 1))(x, v))
    twice = pb.vmap(pb.vmap(f, in_axes=axes), in_axes=(0, None, None))  # the index of the inner vmap alone
    np.testing.assert_array_equal(twice(np.stack([x, x]), index, v).numpy()[1], expected)
    turned = pb.vmap(pb.vmap(f, in_axes=(0, None, None)), in_axes=axes)  # and of the outer one
    np.testing.assert_array_equal(turned(np.stack([x, x], 1), index, v).numpy()[:, 1], expected)
    with pytest.raises(RuntimeError, match="zeros_like"):  # x is the same for all of the inner examples
        pb.vmap(pb.vmap(lambda x, i: x.__setitem__(make(i), 0.0), (None, 0)), (0, None))(x, index)


def test_writes_in_place(rng):
    x = rng.normal(size=(4, 3))

    def f(x):
        y = x * 1
        y[0] = x[1]
        y[1:] += x[:2] * 2
        part = y[2:]
        part *= 3  # a view: y sees it
        return (y**2).sum()

    single = lambda x: f(pb.asarray(x))
    np.testing.assert_allclose(pb.vmap(f)(x).numpy(), [single(row).item() for row in x])
    close(pb.vmap(pb.grad(f))(x), pb.stack([pb.grad(f)(row) for row in x]))

    def filled(x):
        out = pb.zeros_like(x)
        for i in range(len(x)):
            out[i] = x[i] * i
        return out

    np.testing.assert_array_equal(pb.vmap(filled)(x).numpy(), x * np.arange(3))


def test_a_batched_value_in_a_shared_tensor_is_refused():
    def f(x):
        total = pb.zeros(3)
        total[0] = x
        return total

    def g(x):
        total = pb.zeros(())
        total += x
        return total

    for function in (f, g):
        with pytest.raises(RuntimeError, match="zeros_like"):
            pb.vmap(function)(np.ones(2))
    with pytest.raises(RuntimeError, match="at an index that differs"):
        pb.vmap(lambda i: pb.zeros(3).__setitem__(i, 0))(np.array([0, 1]))
    with pytest.raises(ValueError, match="cannot be written"):
        pb.vmap(lambda x: x.__iadd__(pb.ones((2, 3))))(np.ones((2, 3)))


# refusals


@pytest.mark.parametrize(
    "function",
    [
        bool,
        float,
        int,
        lambda x: x.item(),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        np.asarray,
        lambda x: 1 if x > 0 else 0,
        lambda x: pb.arange(3.0)[x > 0],
        lambda x: f"{x:.3f}",
        lambda x: pb.ones(6).reshape((pb.astype(x, "int64"), -1)),
        lambda x: x.reshape((pb.astype(x, "int64"), -1)),
        lambda x: pb.sum(pb.ones((2, 2)), axis=pb.astype(x, "int64")),
        lambda x: range(pb.astype(x, "int64")),
    ],
)
def test_reading_values_is_refused(function):
    with pytest.raises(RuntimeError, match="stands for all examples at once"):
        pb.vmap(function)(np.array([1.0, 2.0]))


def test_a_tensor_that_escapes_is_refused():
    kept = []
    pb.vmap(lambda x: kept.append(x) or x)(np.ones(2))
    for use in (lambda: kept[0] + 1, lambda: pb.vmap(lambda y: y + kept[0])(np.ones(2)), kept[0].item):
        with pytest.raises(RuntimeError, match="vmap that has ended"):
            use()
    with pytest.raises(RuntimeError, match="vmap that has ended"):
        pb.vmap(lambda x: kept[0])(np.ones(2))


def test_backward_and_gradients_of_what_is_shared_are_refused():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="add up"):
        pb.vmap(lambda x: (w * x).sum().backward())(np.ones((3, 2)))
    with pytest.raises(RuntimeError, match="add up"):
        pb.vmap(lambda g: (w * w).backward(g))(np.ones((3, 2)))
    assert w.grad is None
    with pytest.raises(RuntimeError, match="make it an argument"):
        pb.vmap(lambda x: pb.gradients((w * x).sum(), w)[0])(np.ones((3, 2)))
    with pytest.raises(RuntimeError, match="backward"):
        pb.vmap(lambda x: x.retain_grad())(np.ones(3))
    shared = pb.vmap(lambda x: pb.gradients((w * w).sum(), w)[0] * x)(np.ones(3))
    assert shared.tolist() == [[2, 4]] * 3
    with pytest.raises(RuntimeError, match="do not depend on input 0"):
        pb.vmap(lambda x: pb.gradients((w * w).sum(), x)[0])(pb.ones(3, requires_grad=True))


NUMPY_FUNCTIONS = [
    lambda x: np.sum(x, axis=1, where=x > 0),
    lambda x: np.prod(x, initial=2.0, where=x > 0),
    lambda x: np.mean(x, axis=0, where=np.abs(x) < 9),
    lambda x: np.var(x, ddof=1, where=np.abs(x) < 9),
    lambda x: np.add.reduce(x, axis=None, initial=2, where=x > 0),
    lambda x: np.reshape(x, (3, 2), order="F"),
    lambda x: np.ravel(x, order="F"),
    lambda x: np.compress([True, False, True], x, axis=1),
    lambda x: np.delete(x, 0, axis=1),
    lambda x: np.resize(x, (3, 3)),
    lambda x: np.take(x, pb.argsort(x[0]) + 2, axis=1, mode="wrap"),
    lambda x: np.maximum.accumulate(x, axis=1),
    lambda x: np.multiply.outer(x, x[0]),
    lambda x: np.divmod(x, 2.0)[1],
]


@pytest.mark.parametrize("function", NUMPY_FUNCTIONS)
def test_numpys_functions(function, rng):
    x = pb.asarray(rng.normal(size=(4, 2, 3)))
    close(pb.vmap(function)(x), pb.stack([function(each) for each in x]))


def test_errors():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"2 \(argument 0\), 3 \(argument 1\)"):
        pb.vmap(pb.add)(x, x.T)
    with pytest.raises(ValueError, match="argument 1 of vmap has no axis 0"):
        pb.vmap(pb.add)(x, 2.0)
    with pytest.raises(ValueError, match="at least one argument"):
        pb.vmap(pb.sin, in_axes=(None,))(x)
    with pytest.raises(TypeError, match="2 entries, and 1 arguments"):
        pb.vmap(pb.sin, in_axes=(0, 0))(x)
    with pytest.raises(TypeError, match="in_axes is an integer or a tuple"):
        pb.vmap(pb.sin, in_axes="0")(x)
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        pb.vmap(pb.sin, in_axes=2)(x)
    with pytest.raises(TypeError, match="must return Tensors, not str"):
        pb.vmap(lambda x: "x")(x)
    with pytest.raises(ValueError, match="out_axes is None"):
        pb.vmap(pb.sin, out_axes=None)(x)
    with pytest.raises(ValueError, match="axis 1 is out of bounds"):
        pb.vmap(lambda x: pb.sum(x, axis=1))(x)
    with pytest.raises(ValueError, match=r"\(3,\) cannot be reshaped to \(2, -1\)"):
        pb.vmap(lambda x: x.reshape(2, -1))(x)
    with pytest.raises(ValueError, match="does not fit weight"):
        pb.vmap(lambda x, w: linear(x, w))(x, np.ones((2, 4, 5)))
    with pytest.raises(TypeError, match="module"):
        pb.vmap(lambda m, x: m(x))(pb.nn.Linear(3, 2), x)
    assert pb.is_grad_enabled()


# operations without a batching rule, and random numbers


@pytest.fixture
def own():
    declared = op(
        lambda x, /, *, n=1: np.sort(x, axis=-1)[..., :n],
        "x",
        x=lambda g, x, n: np.zeros_like(x),
        gate=SCALER,
        samples=given((((3,),), {})),
        name="test_smallest",
        doc="The n smallest.",
    )
    yield declared
    del REGISTRY["test_smallest"]


def test_an_operation_without_a_rule_is_called_for_each_example(own, rng):
    x = rng.normal(size=(4, 5))
    assert own.op.batch is None
    found = pb.vmap(lambda x: own(x, n=2))(x)
    np.testing.assert_array_equal(found.numpy(), np.sort(x)[:, :2])
    assert pb.vmap(lambda x: own(x, n=2))(np.ones((0, 5))).shape == (0, 2)
    nested = pb.vmap(pb.vmap(lambda x: own(x, n=2)))(x[None])
    np.testing.assert_array_equal(nested.numpy()[0], found.numpy())


@pytest.mark.parametrize(
    ("forward", "family", "names", "shapes"),
    [
        (lambda x, /: np.linalg.inv(x), Family.LEADING, "x", [(3, 3)]),
        (lambda x, y, /: np.linalg.solve(x, y), Family.LEADING, "x y", [(3, 3), (3, 2)]),
        (lambda x, y, /: np.linalg.solve(x, y), Family.LEADING, "x y", [(2, 3, 3), (3, 2)]),
        (lambda x, /, axis=-1: np.cumsum(x, axis), Family.ALONG, "x", [(3, 4)]),
        (lambda x, /, axis=None: np.cumsum(x, axis), Family.ALONG, "x", [(4,)]),
        (lambda x, /, axis=None: np.cumsum(x, axis), Family.ALONG, "x", [(3, 4)]),
    ],
)
def test_families_of_operations_of_ones_own(rng, forward, family, names, shapes):
    rules = {name: lambda g: g for name in names.split()}
    samples = given((shapes, {}), family=family)
    declared = op(
        forward, names, gate=pb.Gate.MIXER, samples=samples, name="test_own", doc="For this test.", **rules
    )
    try:
        x = [rng.normal(size=(SIZE, *shape)) for shape in shapes]
        ways = list(itertools.product((0, None), repeat=len(x)))[:-1]
        for axes in ways:
            inputs = [each if axis == 0 else each[0] for each, axis in zip(x, axes, strict=True)]
            found = pb.vmap(declared, in_axes=axes)(*inputs).numpy()
            for i in range(SIZE):
                one = [each[i] if axis == 0 else each for each, axis in zip(inputs, axes, strict=True)]
                np.testing.assert_allclose(found[i], forward(*one))
    finally:
        del REGISTRY["test_own"]


def test_the_batch_axis_makes_no_matrix_of_a_vector():
    for function in (pb.tril, pb.linalg.det, pb.linalg.inv, pb.linalg.diagonal, pb.linalg.svdvals):
        with pytest.raises(ValueError, match=r"axes|matrices|array"):
            function(pb.ones(3))
        with pytest.raises(ValueError, match=r"axes|matrices|array"):
            pb.vmap(function)(pb.ones((3, 3)))


def test_repetitions_for_each_example_are_refused():
    with pytest.raises(RuntimeError, match="the same for all examples"):
        pb.vmap(pb.repeat)(np.ones((2, 2)), np.array([[1, 1], [2, 0]]))


def test_shapes_that_depend_on_values_are_refused():
    declared = op(
        lambda x, /: x[x > 0],
        "x",
        gate=pb.Gate.BLOCK,
        samples=given((((3,),), {})),
        name="test_positive_ones",
        doc="The positive elements.",
    )
    try:
        with pytest.raises(RuntimeError, match="depend on the values"):
            pb.vmap(declared)(np.array([[1.0, -1.0], [1.0, 1.0]]))
    finally:
        del REGISTRY["test_positive_ones"]


def test_an_operation_that_is_not_declared_any_more_is_refused(own, rng):
    hidden = REGISTRY.pop("test_smallest")
    try:
        with pytest.raises(RuntimeError, match="not a declared operation"):
            pb.vmap(own)(rng.normal(size=(4, 5)))
    finally:
        REGISTRY["test_smallest"] = hidden


def test_no_loop_over_the_batch():
    """The operations that run are as many for a thousand examples as for two."""

    def count(size):
        x, y = np.ones((size, 6)), np.zeros(size, int)
        model = pb.nn.Sequential(pb.nn.Linear(6, 4, dtype="float64"), pb.nn.ReLU())

        def loss(model, x, y):
            z = pb.softmax(model(x)).reshape(2, 2).mT.flatten()[y] + pb.where(x > 0, x, 0).max()
            return cross_entropy(model(x), y) + pb.concat([z.reshape(1), x]).sum()

        with pb.record() as recording:
            pb.vmap(pb.grad(loss), in_axes=(None, 0, 0))(model, x, y)
        return len(recording.entries)

    assert count(2) == count(1000) > 20


def test_random_numbers_are_the_same_for_all_examples():
    found = pb.vmap(lambda x: x * pb.rand(3))(np.ones((4, 3)))
    assert (found.numpy() == found.numpy()[0]).all()


def test_hooks_inside_are_refused_as_hooks():
    for register in ("register_hook", "register_post_accumulate_grad_hook"):
        with pytest.raises(RuntimeError, match="a hook inside vmap"):
            pb.vmap(lambda x, register=register: getattr(x * 2, register)(print))(np.ones((2, 3)))
