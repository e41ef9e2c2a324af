"""Joint rules, residuals, and the composed twin that serves what they cannot."""

from typing import NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import (
    BLOCK,
    MIXER,
    REGISTRY,
    ROUTER,
    SCALER,
    check_operation,
    elementwise,
    given,
    op,
    writable,
)

calls = []


@pytest.fixture(autouse=True)
def forget_new_operations():
    known = dict(REGISTRY)
    calls.clear()
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def composed_standardise(x, scale=None, offset=None, *, eps=1e-5):
    centred = x - pb.mean(x, axis=-1, keepdims=True)
    y = centred / pb.sqrt(pb.mean(centred**2, axis=-1, keepdims=True) + eps)
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


def forward_standardise(x, scale=None, offset=None, *, eps=1e-5):
    """Zero mean and unit variance along the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    inverse = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    normal = centred * inverse
    y = normal if scale is None else normal * scale
    return (y if offset is None else y + offset), normal, inverse


def pull_standardise(g, scale, normal, inverse, needs):
    calls.append(needs)
    assert type(g) is np.ndarray or np.isscalar(g)
    inner = g if scale is None else g * scale
    x_gradient = None
    if needs.x:
        mean = inner.mean(-1, keepdims=True)
        x_gradient = inverse * (inner - mean - normal * (inner * normal).mean(-1, keepdims=True))
    return x_gradient, g * normal if needs.scale else None, g if needs.offset else None


def standardise_op(**changes):
    options = {
        "joint": pull_standardise,
        "residuals": "normal inverse",
        "composed": composed_standardise,
        "gate": MIXER,
        "name": "standardise_for_test",
        "samples": given(
            (((2, 4), (4,), (4,)), {}), (((2, 3, 4),), {"eps": 0.1}), (((0, 4), (4,)), {}), (((4,), (4,)), {})
        ),
    }
    return op(forward_standardise, "x scale offset", **options | changes)


def test_the_generated_checks_hold():
    check_operation(standardise_op())


def test_only_what_is_needed_is_asked_for():
    standardise = standardise_op()
    x, scale = pb.randn(2, 4), pb.ones(4).requires_grad_()
    standardise(x, scale).sum().backward()
    assert tuple(calls[-1]) == (False, True, False)
    assert scale.grad.shape == (4,)


def test_gradients_sum_over_broadcast_axes_and_keep_dtypes():
    standardise = standardise_op()
    x = pb.randn(5, 4).requires_grad_()
    scale = pb.tensor(np.ones(4, np.float32), requires_grad=True)
    standardise(x, scale, pb.zeros(4)).sum().backward()
    assert x.grad.dtype == scale.grad.dtype == np.float32
    assert scale.grad.shape == (4,)


def test_second_order_counts_what_comes_through_each_input_once():
    """One input is computed from another, so the twin's graph must end at its own inputs."""
    standardise = standardise_op()

    def function(x):
        return (standardise(x, pb.tanh(x[0]), x[1] ** 2) ** 2).sum()

    x = pb.tensor(np.random.default_rng(0).normal(size=(3, 4)), requires_grad=True)
    (g,) = pb.gradients(function(x), x, create_graph=True)
    expected = pb.grad(lambda x: (composed_standardise(x, pb.tanh(x[0]), x[1] ** 2) ** 2).sum())(x)
    np.testing.assert_allclose(g.detach().numpy(), expected.numpy())
    pb.gradcheck(pb.grad(function), (x.detach(),)).assert_ok()


def test_transforms_go_through_the_twin():
    standardise = standardise_op()
    rng = np.random.default_rng(1)
    x, scale, u = (pb.tensor(rng.normal(size=(3, 4))) for _ in range(3))
    _, slope = pb.jvp(lambda x: standardise(x, scale), (x,), (u,))
    expected = pb.jvp(lambda x: composed_standardise(x, scale), (x,), (u,))
    np.testing.assert_allclose(slope.numpy(), expected[1].numpy())
    rows = pb.vmap(standardise)(x, scale)
    np.testing.assert_allclose(rows.numpy(), standardise(x, scale).numpy())
    per_example = pb.vmap(pb.grad(lambda x, s: (standardise(x, s) ** 3).sum()))(x, scale)
    whole = pb.grad(lambda x: (standardise(x, scale) ** 3).sum())(x)
    np.testing.assert_allclose(per_example.numpy(), whole.numpy())
    jacobian = pb.jacobian(lambda x: standardise(x, scale[0]))(x)
    reference = pb.jacobian(lambda x: composed_standardise(x, scale[0]))(x)
    np.testing.assert_allclose(jacobian.numpy(), reference.numpy(), atol=1e-12)


def test_the_twin_gets_tensors_for_plain_numbers():
    def composed(x, times):
        assert isinstance(times, pb.Tensor)
        return x * times

    scaled = op(
        lambda x, times, /: (x * times, times),
        "x times",
        joint=lambda g, x, times, needs: (g * times, None),
        residuals="kept",
        composed=composed,
        gate={"x": SCALER, "times": BLOCK},
        name="scaled_for_test",
        doc="Times a number.",
        samples=elementwise(2),
    )
    x = pb.tensor(3.0, requires_grad=True)
    (g,) = pb.gradients(scaled(x, 2) ** 2, x, create_graph=True)
    assert g.item() == 24
    assert g.dtype == np.float32


def test_without_a_twin_higher_orders_raise():
    standardise = standardise_op(composed=None)
    check_operation(standardise)
    x = pb.randn(2, 4).requires_grad_()
    with pytest.raises(RuntimeError, match=r"'standardise_for_test' cannot be differentiated.*composed="):
        pb.gradients((standardise(x) ** 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="composed="):
        pb.jvp(standardise, (x,), (x,))


def test_an_overwritten_input_is_noticed():
    standardise = standardise_op()
    x, scale = pb.randn(2, 4).requires_grad_(), pb.ones(4)
    y = standardise(x, scale)
    writable(scale)[...] = 2
    with pytest.raises(RuntimeError, match=r"standardise_for_test.*overwritten"):
        y.sum().backward()


def test_checkpoint_restores_residuals():
    standardise = standardise_op()
    x = pb.tensor(np.random.default_rng(2).normal(size=(2, 4)), requires_grad=True)
    function = lambda x: (standardise(x) ** 3).sum()
    (plain,) = pb.gradients(function(x), x)
    (again,) = pb.gradients(pb.checkpoint(function, x), x)
    np.testing.assert_array_equal(plain.numpy(), again.numpy())


class Both(NamedTuple):
    total: pb.Tensor
    product: pb.Tensor


def test_several_outputs():
    def forward(x, y):
        """Sum and product."""
        return Both(x + y, x * y), x - y

    def pull(g, x, y, difference, needs):
        total, product = g
        assert np.array_equal(difference, x - y)
        return total + product * y, total + product * x

    both = op(
        forward,
        "x y",
        joint=pull,
        residuals="difference",
        composed=lambda x, y: Both(x + y, x * y),
        outputs=Both,
        gate=MIXER,
        name="both_for_test",
        samples=given((((3,), (3,)), {}), (((2, 3), (2, 3)), {})),
    )
    check_operation(both)
    x = pb.tensor([2.0, 3.0], requires_grad=True)
    _, product = both(x, x * 2)
    assert pb.hessian(lambda x: both(x, x * 2).product.sum())(x).tolist() == [[4, 0], [0, 4]]
    product.sum().backward()
    assert x.grad.tolist() == [8, 12]


def test_an_input_without_derivative():
    """Its gate is BLOCK, and a tracked tensor there is refused."""

    def forward(x, times):
        """Times a constant."""
        return x * times, times + 0

    scaled = op(
        forward,
        "x times",
        joint=lambda g, kept, needs: (g * kept, None),
        residuals="kept",
        composed=lambda x, times: x * times,
        gate={"x": SCALER, "times": BLOCK},
        name="scaled_for_test",
        samples=elementwise(2),
    )
    check_operation(scaled)
    x = pb.tensor(2.0, requires_grad=True)
    with pytest.raises(RuntimeError, match="no gradient with respect to 'times'"):
        scaled(1.0, x)


def test_a_sequence_of_inputs():
    def forward(xs):
        """Their product."""
        return np.prod(np.stack(xs), axis=0), [np.prod(np.stack(xs), axis=0) / x for x in xs]

    def composed(xs):
        result = xs[0]
        for x in xs[1:]:
            result = result * x
        return result

    product = op(
        forward,
        "*xs",
        joint=lambda g, others, needs: [
            g * other if need else None for other, need in zip(others, needs.xs, strict=True)
        ],
        residuals="others",
        composed=composed,
        gate=MIXER,
        name="product_for_test",
        samples=given(([[(3,), (3,)]], {}), ([[(2,), (2,), (2,)]], {})),
    )
    check_operation(product)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"residuals": "normal inverse eps"}, "a residual has the name"),
        ({"residuals": "normal inverse g"}, "means something else"),
        ({"x": lambda g: g}, "takes the place of x"),
        ({"joint": lambda g, mean: g}, "asks for mean"),
        ({"joint": None, "residuals": "", "x": lambda g: g}, "needs no composed="),
    ],
)
def test_contradictory_declarations_are_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        standardise_op(**changes)


def test_wrong_results_are_named():
    x = pb.randn(2, 4).requires_grad_()
    few = standardise_op(residuals="normal inverse more", joint=lambda g, more: (g, g, g))
    with pytest.raises(TypeError, match=r"must give a tuple \(result, normal, inverse, more\).*a tuple of 3"):
        few(x)
    short = standardise_op(joint=lambda g: (g,))
    with pytest.raises(TypeError, match=r"gradient for each of its 3 inputs.*gave 1"):
        short(x).sum().backward()


def halves(**changes):
    """x at the even places and y at the odd ones; the rule for owned gradients writes zeros into g."""

    def owned(g, needs, even):
        calls.append(g)
        part = np.where(even, 0, g) if needs.y else None
        g *= even
        return g, part

    options = {
        "x": lambda g, even: np.where(even, g, 0),
        "y": lambda g, even: np.where(even, 0, g),
        "owned": owned,
        "gate": ROUTER,
        "samples": given((((4,), (4,)), {"even": (1, 0, 1, 0)})),
        "complex": "written",
        "name": "test_halves",
        "doc": "For this test.",
    }

    def forward(x, y, /, even):
        return np.where(even, x, y)

    return op(forward, "x y", **(options | changes))


def test_a_rule_for_owned_gradients_writes_into_what_nobody_sees():
    function, start = halves(), np.arange(1.0, 5)
    x, y = (pb.tensor(np.ones(4), requires_grad=True) for _ in range(2))
    inner = function(x, y, (1, 0, 1, 0))
    function(inner, y, (1, 1, 0, 0)).backward(start, retain_graph=True)
    assert x.grad.tolist() == [1, 0, 0, 0]
    assert y.grad.tolist() == [0, 2, 3, 4]
    assert start.tolist() == [1, 2, 3, 4]
    assert len(calls) == 2
    assert calls[0] is calls[1]
    assert not any(np.shares_memory(calls[0], other) for other in (start, y.grad.numpy()))
    check_operation(function)


def test_owned_gradients_are_asked_for_only_where_they_serve():
    function = halves()
    x, y = (pb.tensor(np.ones(4), requires_grad=True) for _ in range(2))
    function(pb.ones(4, dtype="float64"), y, (1, 0, 1, 0)).sum().backward()  # nothing goes on
    pb.gradients(function(x, y, (1, 0, 1, 0)).sum(), x, create_graph=True)
    with pb.record():
        function(x, y, (1, 0, 1, 0)).sum().backward()
    pb.vmap(pb.grad(lambda x: (function(x, y, (1, 0, 1, 0)) ** 2).sum()))(pb.ones((3, 4), dtype="float64"))
    assert not calls


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"owned": lambda g, x: (g, g)}, "asks for x, which no other rule has had saved"),
        ({"owned": lambda g, z: (g, g)}, "asks for z"),
        ({"complex": "holomorphic"}, "one rule for each input"),
    ],
)
def test_a_rule_for_owned_gradients_is_checked(changes, message):
    with pytest.raises(TypeError, match=message):
        halves(**changes)


@pytest.mark.parametrize("of", ["result", "input"])
def test_residuals_that_share_memory_with_what_can_be_written_are_copied(of):
    def forward(x):
        out = np.exp(x)
        return out, out if of == "result" else x

    operation = op(
        forward,
        "x",
        x=(lambda g, kept: g * kept) if of == "result" else (lambda g, kept: g * np.exp(kept)),
        residuals="kept",
        name=f"exponential_that_keeps_its_{of}",
        gate=SCALER,
        samples=elementwise(1),
        doc="exp(x)",
    )
    x = pb.tensor([0.0, 1.0], requires_grad=True, dtype="float64")
    inner = x * 1
    y = operation(inner)
    total = y.sum()
    y *= 3
    inner[...] = 5
    total.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([0.0, 1.0]))


def test_a_joint_rule_of_a_holomorphic_operation_meets_the_conjugate_of_the_slope():
    product = op(
        lambda x, y, /: x * y,
        "x y",
        joint=lambda g, x, y, needs: (g * y, g * x if needs.y else None),
        complex="holomorphic",
        gate=SCALER,
        name="product_for_test",
        samples=elementwise(2),
        doc="x·y.",
    )
    x, y = (pb.tensor([z, 1.0], requires_grad=True) for z in (1 + 2j, 3 - 1j))
    for inputs in ([x, y], [x]):
        found = pb.gradients(product(x, y), inputs, pb.tensor([1 + 1j, 1j]))
        wanted = pb.gradients(x * y, inputs, pb.tensor([1 + 1j, 1j]))
        assert [z.tolist() for z in found] == [z.tolist() for z in wanted]
