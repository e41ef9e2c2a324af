"""Every declared operation, tested from its declaration alone."""

import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import REGISTRY, Gate

OPERATIONS = [pytest.param(op, id=op.name) for op in REGISTRY.values() if op.module.startswith("pullback.")]
DIFFERENTIABLE = [p for p in OPERATIONS if p.values[0].rules]
REAL_ONLY = ("complex", "rfftn")  # their results are complex
COMPLEX = [p for p in DIFFERENTIABLE if p.values[0].complex and p.id not in REAL_ONLY]


def samples_of(op):
    found = list(op.samples(np.random.default_rng(7)))
    assert found, f"{op.name} has no samples"
    return found


def complex_samples_of(op):
    """The samples with an imaginary part for every floating input."""
    rng = np.random.default_rng(8)

    def turned(x):
        return x + 0.3j * rng.uniform(-1, 1, x.shape)

    for sample in samples_of(op):
        inputs = tuple(converted(value, turned) for value in sample.inputs)
        yield sample._replace(inputs=inputs, parameters=float_parameters(sample, np.complex128))


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def outputs_of(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def normal_like(y, rng):
    values = rng.normal(size=y.shape)
    return values + 1j * rng.normal(size=y.shape) if y.dtype.kind == "c" else values


def converted(value, convert):
    if isinstance(value, list):
        return [converted(item, convert) for item in value]
    return convert(value) if is_float(value) else value


def as_tensor(value, requires_grad):
    if isinstance(value, list):
        return [as_tensor(item, requires_grad) for item in value]
    if isinstance(value, np.ndarray):
        return pb.tensor(value, requires_grad=requires_grad and is_float(value))
    return value


def leaves_of(op, inputs):
    """The tracked leaves among the inputs that have a rule."""
    if op.variadic:
        return list(inputs[0])
    return [
        x
        for x, name in zip(inputs, op.inputs, strict=False)  # optional ones may be left out
        if name in op.rules and isinstance(x, pb.Tensor) and x.requires_grad
    ]


def tensors_for(op, sample, convert=lambda x: x):
    """The sample as tensors, tracked where the operation has a rule."""
    inputs = [converted(value, convert) for value in sample.inputs]
    if op.variadic:
        return [as_tensor(inputs[0], True)]
    return [as_tensor(value, name in op.rules) for value, name in zip(inputs, op.inputs, strict=False)]


def strided(x):
    """The same values with another memory layout: a negative stride where there is an axis."""
    if x.ndim == 0:
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x[..., ::-1]
    return wide[..., ::2][..., ::-1]


def as_function(op, sample):
    """The operation as a function of its differentiable inputs, for gradcheck."""
    if op.variadic:
        return lambda *xs: op.call(xs, **sample.parameters), sample.inputs[0]
    observe = op.observable or (lambda *outputs: outputs)
    names = list(op.inputs)[: len(sample.inputs)]
    free = [i for i, name in enumerate(names) if name in op.rules and is_float(sample.inputs[i])]

    def function(*values):
        inputs = list(sample.inputs)
        for i, value in zip(free, values, strict=True):
            inputs[i] = value
        return list(observe(*outputs_of(op.call(*inputs, **sample.parameters))))

    return function, [sample.inputs[i] for i in free]


def float_parameters(sample, dtype):
    return {key: dtype if key == "dtype" else value for key, value in sample.parameters.items()}


@pytest.mark.parametrize("op", OPERATIONS)
def test_the_declaration_is_complete(op):
    assert op.doc
    assert set(op.gates) == set(op.inputs)
    assert list(op.samples(np.random.default_rng(0)))
    plain_ufunc = isinstance(op.forward, np.ufunc)
    assert plain_ufunc or op.reference or op.rules or Gate.BLOCK in op.gates.values()


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forward_against_numpy(op, dtype):
    reference = op.reference or op.forward
    for sample in samples_of(op):
        inputs = [converted(value, lambda x: x.astype(dtype)) for value in sample.inputs]
        tensors = [as_tensor(value, False) for value in inputs]
        results = op.call(*tensors, **sample.parameters)
        assert isinstance(results, op.outputs or pb.Tensor)
        expected = reference(*inputs, **sample.parameters)
        for result, value in zip(outputs_of(results), map(np.asarray, outputs_of(expected)), strict=True):
            assert isinstance(result, pb.Tensor)
            assert result.shape == value.shape
            tolerance = 1e-5 if dtype == np.float32 else 1e-12
            np.testing.assert_allclose(result.numpy(), value, rtol=tolerance, atol=tolerance)
            if value.dtype.kind in "fc" and "dtype" not in sample.parameters:
                assert result.real.dtype == dtype, "floating results keep the precision of their inputs"


@pytest.mark.parametrize("op", OPERATIONS)
def test_memory_layout_and_inputs_are_respected(op):
    for sample in samples_of(op):
        plain = op.call(*[as_tensor(value, False) for value in sample.inputs], **sample.parameters)
        views = [converted(value, strided) for value in sample.inputs]
        before = [converted(value, np.copy) for value in views]
        tensors = [
            [pb.asarray(x) for x in v] if isinstance(v, list) else pb.asarray(v) if is_float(v) else v
            for v in views
        ]
        result = op.call(*tensors, **sample.parameters)
        for y, expected in zip(outputs_of(result), outputs_of(plain), strict=True):
            np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)
        for value, old in zip(views, before, strict=True):
            np.testing.assert_equal(value, old)


def check_first_order(op, samples):
    for sample in samples:
        function, inputs = as_function(op, sample)
        if inputs:
            pb.gradcheck(function, inputs, elementwise=True, tolerance=1e-6).assert_ok()


def check_second_order(op, samples):
    """The vector–Jacobian product, as a function of inputs and vector, is differentiated once more."""
    for sample in samples:
        function, inputs = as_function(op, sample)
        if not inputs:
            continue
        rng = np.random.default_rng(3)
        with pb.enable_grad():
            ys = outputs_of(function(*[pb.tensor(x, requires_grad=True) for x in inputs]))
        kept = [i for i, y in enumerate(ys) if y.requires_grad]
        weights = [normal_like(ys[i], rng) for i in kept]

        def pulled(*arguments, function=function, kept=kept):
            ws, xs = arguments[: len(kept)], arguments[len(kept) :]
            tracked = [x if x.requires_grad else x.detach().requires_grad_() for x in xs]
            ys = outputs_of(function(*tracked))
            return pb.gradients([ys[i] for i in kept], tracked, ws, create_graph=True, allow_unused=True)

        def present(*arguments, pulled=pulled):
            with pb.enable_grad():
                return [g for g in pulled(*arguments) if g is not None]

        pb.gradcheck(present, [*weights, *inputs], tolerance=1e-5).assert_ok()


@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_first_order_gradient(op):
    check_first_order(op, samples_of(op))


@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_second_order_gradient(op):
    check_second_order(op, samples_of(op))


@pytest.mark.parametrize("op", COMPLEX)
def test_first_order_gradient_for_complex_numbers(op):
    check_first_order(op, complex_samples_of(op))


@pytest.mark.parametrize("op", COMPLEX)
def test_second_order_gradient_for_complex_numbers(op):
    check_second_order(op, complex_samples_of(op))


@pytest.mark.parametrize("op", DIFFERENTIABLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", [np.asarray, strided])
def test_gradients_have_the_shape_and_dtype_of_their_inputs(op, dtype, layout):
    for sample in samples_of(op):
        tensors = tensors_for(op, sample, lambda x: layout(x.astype(dtype)))
        parameters = float_parameters(sample, dtype)
        ys = [y for y in outputs_of(op.call(*tensors, **parameters)) if y.requires_grad]
        if not ys:
            continue
        for y in ys:
            y.backward(np.ones(y.shape, dtype), retain_graph=True)
        reference = tensors_for(op, sample)
        for z in outputs_of(op.call(*reference, **parameters)):
            if z.requires_grad:
                z.backward(np.ones(z.shape), retain_graph=True)
        for x, x64 in zip(leaves_of(op, tensors), leaves_of(op, reference), strict=True):
            assert x.grad.shape == x.shape
            assert x.grad.dtype == dtype
            assert x.grad.numpy().flags.writeable
            np.testing.assert_allclose(x.grad.numpy(), x64.grad.numpy(), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("op", [p for p in DIFFERENTIABLE if p.values[0].singular])
def test_singular_points_follow_the_documented_convention(op):
    for point in op.singular:
        inputs = [pb.tensor(np.asarray(value), requires_grad=True) for value in point.inputs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # log(0) warns in NumPy, too
            y = op.call(*inputs)
        y.backward(np.ones(y.shape))
        for x, expected in zip(inputs, point.gradients, strict=True):
            np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("op", [p for p in OPERATIONS if not p.values[0].rules])
def test_operations_without_rules_block(op):
    assert set(op.gates.values()) == {Gate.BLOCK}
    for sample in samples_of(op):
        tensors = [
            pb.tensor(value, requires_grad=is_float(value)) if isinstance(value, np.ndarray) else value
            for value in sample.inputs
        ]
        assert not op.call(*tensors, **sample.parameters).requires_grad


# the law of each gate


def pulled_back(op, sample, seed=5):
    """The sample's tracked inputs, the upstream gradient and what came back."""
    tensors = tensors_for(op, sample)
    y = outputs_of(op.call(*tensors, **sample.parameters))[0]
    g = np.random.default_rng(seed).normal(size=y.shape)
    leaves = leaves_of(op, tensors)
    return g, [x.numpy() for x in pb.gradients(y, leaves, g)]


def with_gate(gate):
    return [p for p in DIFFERENTIABLE if gate in p.values[0].gates.values()]


@pytest.mark.parametrize("op", with_gate(Gate.DISTRIBUTOR))
def test_distributors_ask_for_no_value(op):
    for name, arguments in op.rule_arguments.items():
        if op.gates[name] is Gate.DISTRIBUTOR:
            assert not {*op.inputs, "out"} & set(arguments)


@pytest.mark.parametrize("op", with_gate(Gate.SWITCHER))
def test_switchers_name_the_other_input(op):
    for name, gate in op.gates.items():
        if (
            gate is Gate.SWITCHER and not op.variadic
        ):  # whose rules get all inputs, and the index of their own
            arguments = op.rule_arguments[name]
            assert name not in arguments
            assert (set(op.inputs) - {name}) & set(arguments)


# routers whose gradient may go to what is no input: the constant 0, or an element that a later one overwrote
LOSSY_ROUTERS = ("relu", "assign")


@pytest.mark.parametrize("op", with_gate(Gate.ROUTER))
def test_routers_partition_the_gradient(op):
    for sample in samples_of(op):
        g, parts = pulled_back(op, sample)
        assert sum(np.abs(part).sum() for part in parts) <= np.abs(g).sum() + 1e-12
        if op.name not in LOSSY_ROUTERS:
            np.testing.assert_allclose(sum(part.sum() for part in parts), g.sum(), atol=1e-12)


@pytest.mark.parametrize("op", with_gate(Gate.RELAY))
def test_relays_move_the_same_numbers(op):
    for sample in samples_of(op):
        g, parts = pulled_back(op, sample)
        moved = np.concatenate([part.ravel() for part in parts])
        np.testing.assert_array_equal(np.sort(moved), np.sort(g.ravel()))


@pytest.mark.parametrize("op", with_gate(Gate.ADDER))
def test_adders_sum_what_comes_in(op):
    for sample in samples_of(op):
        g, parts = pulled_back(op, sample)
        np.testing.assert_allclose(sum(part.sum() for part in parts), g.sum(), atol=1e-12)


@pytest.mark.parametrize("op", with_gate(Gate.SCALER))
def test_scalers_multiply_by_a_local_slope(op):
    """g times a slope that does not depend on g: element by element where the shape is kept."""
    for sample in samples_of(op):
        g, parts = pulled_back(op, sample)
        _, twice = pulled_back(op, sample, seed=6)
        other = np.random.default_rng(6).normal(size=g.shape)
        for part, part2 in zip(parts, twice, strict=True):
            if part.shape == g.shape:
                np.testing.assert_allclose(part * other, part2 * g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("op", with_gate(Gate.FLAT))
def test_flat_operations_are_tracked_and_give_zero(op):
    for sample in samples_of(op):
        _, parts = pulled_back(op, sample)
        for part in parts:
            np.testing.assert_array_equal(part, 0)


@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_every_rule_is_linear_in_g(op):
    for sample in samples_of(op):
        g, parts = pulled_back(op, sample)
        tensors = tensors_for(op, sample)
        y = outputs_of(op.call(*tensors, **sample.parameters))[0]
        scaled = pb.gradients(y, leaves_of(op, tensors), -2.5 * g)
        for part, part2 in zip(parts, scaled, strict=True):
            np.testing.assert_allclose(part2.numpy(), -2.5 * part, rtol=1e-9, atol=1e-12)
