"""Declaring an operation: what comes from it, and what is refused."""

import numpy as np
import pytest

import pullback as pb
from pullback.autograd.extend import REGISTRY, SCALER, SWITCHER, elementwise, given, op


@pytest.fixture(autouse=True)
def forget_new_operations():
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def test_one_declaration_is_enough():
    @op("x", x=lambda g, x, power: g * power * x ** (power - 1), gate=SCALER, samples=elementwise(1))
    def power_of(x, /, power=3):
        """x to a fixed power."""
        return x**power

    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = power_of(x, power=2)
    y.sum().backward()
    assert x.grad.tolist() == [2, 4]
    assert power_of(np.array([2.0])).tolist() == [8]
    assert power_of.raw(2.0) == 8
    assert REGISTRY["power_of"].call is power_of
    assert power_of.__doc__.startswith("x to a fixed power.\n\nWorks on each element")
    assert "def pull(" in power_of.source()
    pb.gradcheck(power_of, ([1.0, 2.0],)).assert_ok()
    with pytest.raises(TypeError, match=r"power_of: power must be plain values.*\.item\(\)"):
        power_of(x, pb.tensor(2.0, requires_grad=True))


def test_tracebacks_show_the_made_source():
    import traceback

    x = pb.tensor(np.ones(2), requires_grad=True)

    @op("x", x=lambda g: [][0], gate=SCALER, samples=elementwise(1))
    def failing(x, /):
        """For this test."""
        return x + 0

    with pytest.raises(IndexError) as caught:
        failing(x).sum().backward()
    assert "x_gradient = x_rule(g)" in "".join(traceback.format_exception(caught.value))
    assert x.grad is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": lambda g, y: g}, "asks for y"),
        ({"z": lambda g: g}, "no input 'z'"),
        ({"x": lambda g, i: g}, "not variadic"),
        ({"gate": {}}, "no gate"),
        ({"doc": ""}, "docstring"),
    ],
)
def test_bad_declarations_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        op(
            lambda x, /: x,
            "x",
            **({"name": "bad", "gate": SCALER, "samples": elementwise(1), "doc": "d"} | options),
        )
    assert "bad" not in REGISTRY


def test_the_forward_must_take_the_declared_inputs():
    with pytest.raises(TypeError, match="declared inputs"):
        op(lambda a, /: a, "x", gate=SCALER, samples=elementwise(1), doc="d")


def test_an_input_without_a_rule_refuses_tracked_tensors():
    scaled = op(
        lambda x, factor, /: x * factor, "x factor", x=lambda g, factor: g * factor, name="scaled",
        gate=SWITCHER, samples=given((((2,), (2,)), {})), doc="x times a constant.",
    )  # fmt: skip
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    assert scaled(x, [2.0, 3.0]).tolist() == [2, 6]
    with pytest.raises(RuntimeError, match=r"no gradient with respect to 'factor'.*detach"):
        scaled(x, x)


def declare(forward, **options):
    common = {"name": "tried", "gate": SCALER, "samples": elementwise(1), "doc": "For this test."}
    return op(forward, "x", x=lambda g: g, **common | options)


def test_a_forward_that_returns_its_input_gives_memory_of_its_own():
    same, part = declare(lambda x, /: x), declare(lambda x, /: x[:1], name="part")
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    for y in (same(x), part(x)):
        y[0] = 9.0
    assert x.tolist() == [1, 2]


def test_forwards_and_rules_must_give_arrays():
    assert declare(lambda x, /: float(x.sum()), name="number")(pb.tensor([1.0, 2.0])).item() == 3
    with pytest.raises(TypeError, match="must give an array, and it gave a tuple"):
        declare(lambda x, /: (x, x))(pb.tensor([1.0]))
    wrong = op(
        lambda x, /: x * 1, "x", x=lambda g: [g], name="listed", gate=SCALER, samples=elementwise(1), doc="d"
    )
    with pytest.raises(TypeError, match="'listed' for 'x' must give an array, not a list"):
        wrong(pb.tensor(1.0, requires_grad=True)).backward()


def test_names_that_the_call_path_uses_are_refused():
    for name in ("current", "node", "out", "_x"):
        with pytest.raises(TypeError, match="choose other names"):
            exec(f"declare(lambda x, /, {name}=1: x)", {"declare": declare})


def test_a_name_in_pictures_and_tables_is_that_of_the_public_function():
    at_work = {"einsum"}  # the public function only writes the subscripts out first
    for name, declared in REGISTRY.items():
        if declared.module.startswith("pullback.autograd") and name not in at_work:
            public = [getattr(room, name, None) for room in (pb, pb.linalg, pb.fft, pb.special)]
            assert declared.call in public or not any(public), name


def test_an_operation_of_the_package_is_not_replaced():
    with pytest.raises(TypeError, match=r"declared already, in pullback\.autograd"):
        declare(lambda x, /: x, name="exp")


def test_a_ufunc_that_an_operation_has_already_stays_its_own():
    """The rule of cos calls np.sin, so another operation on np.sin must not change second derivatives of cos."""
    wrong = op(
        np.sin, "x", x=lambda g, x: -g * np.cos(x), name="tried", gate=SCALER, samples=elementwise(1), doc="d"
    )
    x = pb.tensor([0.3, 2.0], requires_grad=True)
    assert pb.grad(lambda x: wrong(x).sum())(x).tolist() == (-np.cos(x.detach().numpy())).tolist()
    assert np.sin(x).tolist() == pb.sin(x).tolist()
    np.testing.assert_array_equal(pb.grad(lambda x: np.sin(x).sum())(x).numpy(), np.cos(x.detach().numpy()))
    pb.gradcheck(pb.grad(lambda x: pb.cos(x).sum()), ([0.3, 2.0],)).assert_ok()
