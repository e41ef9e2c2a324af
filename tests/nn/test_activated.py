"""Layers that end in an activation are the layer and the activation, as one node."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn, viz
from pullback.autograd.extend import REGISTRY, every_size
from pullback.nn.functional import channel_norm
from pullback.nn.functional.activated import ACTIVATIONS, activated
from pullback.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval
from pullback.train import preflight

F = nn.functional
RNG = np.random.default_rng(0)

PLAIN = {
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "silu": F.silu,
    "tanh": F.tanh,
}


def statistics(channels, dtype):
    return pb.tensor(np.linspace(-0.5, 0.5, channels), dtype=dtype), pb.tensor(
        np.linspace(0.5, 2, channels), dtype=dtype
    )


def batch_norm(training):
    def call(x, w, b, **options):
        mean, variance = statistics(len(w), x.dtype)
        return F.batch_norm(x, mean, variance, w, b, training, **options)

    return call


CALLS = {
    "linear": lambda x, w, b, **o: F.linear(x, w[:, None] * pb.ones(x.shape[-1], dtype=w.dtype), b, **o),
    "layer norm": lambda x, w, b, **o: F.layer_norm(x, 6, w[:1] + pb.zeros(6, dtype=w.dtype), **o),
    "batch norm": batch_norm(training=True),
    "batch norm in evaluation": batch_norm(training=False),
    "group norm": lambda x, w, b, **o: F.group_norm(x, 2, w, b, **o),
    "instance norm": lambda x, w, b, **o: F.instance_norm(x, None, None, w, b, **o),
    "instance norm in evaluation": lambda x, w, b, **o: F.instance_norm(
        x, *statistics(4, x.dtype), w, b, use_input_stats=False, **o
    ),
}


@pytest.fixture(params=["NumPy", "compiled"])
def fast(request):
    """Both kinds of kernels, for small arrays, too."""
    before = pb.config.fast
    if request.param == "compiled" and not before:
        pytest.skip("Numba is not installed")
    pb.config.fast = request.param == "compiled"
    with every_size():
        yield request.param
    pb.config.fast = before


def everything(function, arrays, g):
    """The result and all gradients."""
    inputs = [pb.tensor(x, requires_grad=True) for x in arrays]
    with np.errstate(all="ignore"):
        y = function(*inputs)
        y.backward(pb.asarray(g))
    return [y.detach().numpy(), *(x.grad.numpy() for x in inputs if x.grad is not None)]


def arrays(dtype, shape=(3, 4, 5, 6)):
    x = RNG.normal(size=shape).astype(dtype)
    return x, RNG.normal(size=4).astype(dtype), RNG.normal(size=4).astype(dtype)


def gradient_of(call, dtype):
    return RNG.normal(size=(3, 4, 5, 4 if call is CALLS["linear"] else 6)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_is_the_operation_and_then_the_activation(call, name, dtype, fast):
    x, w, b = arrays(dtype)
    g = gradient_of(call, dtype)
    one = everything(lambda *xs: call(*xs, activation=name), (x, w, b), g)
    two = everything(lambda *xs: PLAIN[name](call(*xs)), (x, w, b), g)
    assert len(one) == len(two)
    eps = np.finfo(dtype).eps
    for ours, plain in zip(one, two, strict=True):
        assert ours.dtype == plain.dtype == dtype
        np.testing.assert_allclose(ours, plain, rtol=30 * eps, atol=30 * eps * np.abs(plain).max())


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_numbers_that_are_not_finite_come_out_as_of_the_two(call, name, fast):
    x, w, b = arrays("float32")
    g = gradient_of(call, "float32")
    for special in (np.nan, np.inf, -np.inf):
        x[1, 2, 3, 4] = special
        one = everything(lambda *xs: call(*xs, activation=name), (x, w, b), g)
        two = everything(lambda *xs: PLAIN[name](call(*xs)), (x, w, b), g)
        for ours, plain in zip(one, two, strict=True):
            np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)


def test_relu_at_zero_is_closed(fast):
    x = pb.zeros((2, 3), requires_grad=True)
    w, b = pb.ones((4, 3), requires_grad=True), pb.zeros(4, requires_grad=True)
    F.linear(x, w, b, activation="relu").sum().backward()
    for leaf in (x, w, b):
        assert not leaf.grad.numpy().any()


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_examples(call, name):
    if call is CALLS["batch norm"]:
        pytest.skip("it needs a batch for its statistics")
    x, w, b = arrays("float32", (0, 4, 5, 6))
    y = call(*map(pb.asarray, (x, w, b)), activation=name)
    assert y.shape == call(*map(pb.asarray, (x, w, b))).shape


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("wrong", ["ReLU", "selu", "", 3, ["relu"], F.relu])
def test_an_unknown_name_is_refused_with_those_that_are_known(call, wrong):
    with pytest.raises(ValueError, match=r"activation must be 'gelu', .*'tanh' or None, not"):
        call(*map(pb.asarray, arrays("float32")), activation=wrong)


def test_what_is_refused_is_refused_before_statistics_move():
    norm = nn.BatchNorm1d(2)
    norm.activation = "softplus"
    with pytest.raises(ValueError, match="batch_norm: activation"):
        norm(pb.randn(5, 2))
    assert norm.running_mean.tolist() == [0, 0]
    assert norm.num_batches_tracked.item() == 0


def test_running_statistics_are_those_before_the_activation():
    plain, fused = nn.BatchNorm2d(3), nn.BatchNorm2d(3, activation="relu")
    x = pb.asarray(RNG.normal(2, 3, size=(4, 3, 5, 5)).astype("float32"))
    for _ in range(2):
        np.testing.assert_array_equal(F.relu(plain(x)).detach().numpy(), fused(x).detach().numpy())
    for name, buffer in plain.named_buffers():
        np.testing.assert_array_equal(buffer.numpy(), fused.get_buffer(name).numpy())
    np.testing.assert_array_equal(F.relu(plain.eval()(x)).detach().numpy(), fused.eval()(x).detach().numpy())


def test_complex_numbers_and_other_dtypes_are_refused():
    x, w = pb.asarray(np.ones((2, 3), "complex64")), pb.asarray(np.ones((4, 3), "complex64"))
    assert F.linear(x, w).dtype == np.complex64
    with pytest.raises(TypeError, match="complex"):
        F.linear(x, w, activation="tanh")
    with pytest.raises(TypeError, match=r"linear: the input is float64 and the parameters float32"):
        F.linear(np.ones((2, 3)), pb.ones((4, 3)), activation="relu")
    with pytest.raises(ValueError, match="linear: input of shape"):
        F.linear(pb.ones((2, 5)), pb.ones((4, 3)), activation="relu")


MODULES = {
    "Linear": lambda **o: nn.Linear(4, 3, **o),
    "LayerNorm": lambda **o: nn.LayerNorm(4, **o),
    "GroupNorm": lambda **o: nn.GroupNorm(2, 4, **o),
    "BatchNorm1d": lambda **o: nn.BatchNorm1d(4, **o),
    "BatchNorm2d": lambda **o: nn.BatchNorm2d(4, **o),
    "BatchNorm3d": lambda **o: nn.BatchNorm3d(4, **o),
    "InstanceNorm1d": lambda **o: nn.InstanceNorm1d(4, **o),
    "InstanceNorm2d": lambda **o: nn.InstanceNorm2d(4, **o),
    "InstanceNorm3d": lambda **o: nn.InstanceNorm3d(4, **o),
}


def input_for(name):
    last = name[-2:]
    return pb.asarray(
        RNG.normal(size=(5, 4, *(3,) * int(last[0])) if last.endswith("d") else (5, 4)).astype("float32")
    )


@pytest.mark.parametrize("name", MODULES)
class TestModules:
    def test_it_is_the_layer_and_then_the_activation(self, name):
        plain, fused, x = MODULES[name](), MODULES[name](activation="silu"), input_for(name)
        fused.load_state_dict(plain.state_dict())
        for mode in (True, False):
            expected = F.silu(plain.train(mode)(x)).detach().numpy()
            np.testing.assert_allclose(fused.train(mode)(x).detach().numpy(), expected, rtol=1e-6)

    def test_state_and_settings(self, name):
        plain, fused = MODULES[name](), MODULES[name](activation="gelu_tanh")
        assert list(plain.state_dict()) == list(fused.state_dict())
        assert "activation" not in repr(plain)
        assert repr(fused) == f"{repr(plain)[:-1]}, activation='gelu_tanh')"

    def test_copies_and_pickles(self, name, tmp_path):
        fused, x = MODULES[name](activation="tanh"), input_for(name)
        expected = fused.eval()(x).detach().numpy()
        for other in (copy.deepcopy(fused), pickle.loads(pickle.dumps(fused))):
            np.testing.assert_array_equal(other(x).detach().numpy(), expected)
        older = MODULES[name]()
        del vars(older)["activation"]  # pickled before there were any
        assert pickle.loads(pickle.dumps(older))(x).shape == expected.shape

    def test_an_unknown_name(self, name):
        with pytest.raises(ValueError, match=f"{name}: activation must be 'gelu'"):
            MODULES[name](activation="softplus")

    def test_hooks_see_the_activated_result(self, name):
        fused, seen = MODULES[name](activation="relu"), []
        fused.register_forward_hook(lambda module, inputs, output: seen.append(output))
        y = fused(input_for(name))
        assert seen == [y]
        assert y.numpy().min() >= 0


def test_a_lazy_layer_becomes_a_linear_one_with_its_activation():
    layer = nn.LazyLinear(3, activation="relu")
    x = pb.randn(5, 4)
    y = layer(x)
    assert repr(layer) == "Linear(in_features=4, out_features=3, bias=True, activation='relu')"
    np.testing.assert_array_equal(y.numpy(), F.relu(F.linear(x, layer.weight, layer.bias)).numpy())
    with pytest.raises(ValueError, match="LazyLinear: activation"):
        nn.LazyLinear(3, activation="no")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_kept_for_backward(name):
    """The result where the slope is computed from it, else what was before it; nothing twice."""
    saved = REGISTRY[f"linear_{name}"].saved_names
    alone = {"relu": {"out"}, "sigmoid": {"out"}, "tanh": {"out"}, "silu": {"before"}}
    assert set(saved) - {"input", "weight", "bias"} == alone.get(name, {"before", "cdf"})


@pytest.mark.parametrize("norm", ["batch_norm", "group_norm", "instance_norm"])
def test_a_norm_with_a_relu_keeps_nothing_more_than_the_norm(norm):
    saved, alone = REGISTRY[f"{norm}_relu"].saved_names, REGISTRY[norm].saved_names
    assert set(saved) == set(alone)


def test_one_node_one_entry_one_glyph():
    layer = nn.Linear(3, 2, activation="relu")
    with pb.record() as recording:
        layer(pb.ones((4, 3))).sum().backward()
    names = [entry.operation.name for entry in recording.entries if entry.operation is not None]
    assert names == ["linear_relu", "sum"]
    assert "relu(x·Wᵀ+b)" in viz.draw(recording).svg()


def test_the_program_of_a_drawing_gives_the_same_numbers():
    x, w = pb.tensor([[1.0, -2.0]]), pb.tensor([[1.0, 1.0], [0.5, -3.0]], requires_grad=True)
    with pb.record() as recording:
        F.linear(x, w, activation="relu").sum().backward()
    found = {}
    exec(viz.draw(recording).code(), found)
    assert any(
        np.array_equal(value, w.grad.numpy()) for value in found.values() if isinstance(value, np.ndarray)
    )


def test_nothing_is_recorded_without_gradients():
    layer = nn.Linear(3, 2, activation="gelu")
    with pb.no_grad():
        assert not layer(pb.ones((4, 3))).requires_grad
    assert layer(pb.ones((4, 3))).requires_grad


def test_examples_by_vmap():
    w, b = pb.randn(2, 3), pb.randn(2)
    x = pb.randn(5, 3)
    one = pb.vmap(lambda row: F.linear(row, w, b, activation="gelu"))(x)
    np.testing.assert_allclose(one.numpy(), F.gelu(F.linear(x, w, b)).numpy(), rtol=1e-5, atol=1e-6)
    slopes = pb.vmap(pb.grad(lambda row: F.layer_norm(row, 3, activation="silu").sum()))(x)
    each = [pb.grad(lambda row: F.silu(F.layer_norm(row, 3)).sum())(row) for row in x]
    np.testing.assert_allclose(slopes.numpy(), [g.numpy() for g in each], rtol=1e-4, atol=1e-5)


def test_second_derivatives():
    x, v = pb.tensor([[0.3, -0.8, 1.1]], dtype="float64"), pb.tensor([[1.0, 2.0, -1.0]], dtype="float64")

    def loss(x, function):
        return (function(x) ** 3).sum()

    one = pb.hvp(lambda x: loss(x, lambda x: F.layer_norm(x, 3, activation="tanh")), x, v)
    two = pb.hvp(lambda x: loss(x, lambda x: F.tanh(F.layer_norm(x, 3))), x, v)
    for ours, plain in zip(one, two, strict=True):
        np.testing.assert_allclose(ours.numpy(), plain.numpy(), rtol=1e-10)


def test_a_checkpoint_computes_it_again():
    layer, x = nn.Linear(3, 3, activation="relu"), pb.randn(4, 3, requires_grad=True)
    layer(layer(x)).sum().backward()
    expected = x.grad.numpy().copy()
    x.grad = None
    pb.checkpoint(lambda x: layer(layer(x)), x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_anomaly_mode_names_it():
    x = pb.tensor([[1e38, 1.0]], requires_grad=True)
    with (
        np.errstate(over="ignore"),
        pytest.raises(RuntimeError, match=r"forward: .linear_relu. .* gave inf"),
        pb.detect_anomaly(),
    ):
        F.linear(x, pb.tensor([[100.0, 1.0]]), activation="relu")


@pytest.mark.parametrize("name", PLAIN)
def test_writes_into_the_result_leave_the_gradient_right(name):
    x, w = RNG.normal(size=(4, 3)), pb.tensor(RNG.normal(size=(2, 3)))
    gradients = []
    for function in (lambda x: F.linear(x, w, activation=name), lambda x: PLAIN[name](F.linear(x, w))):
        leaf = pb.tensor(x, requires_grad=True)
        y = function(leaf)
        y *= 2
        y[0] = 7.0
        y.sum().backward()
        gradients.append(leaf.grad.numpy())
    assert not gradients[0][0].any()
    np.testing.assert_allclose(*gradients, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_and_backward_agree_where_a_relu_is_open(dtype, fast):
    """Where (x − mean)·scale + offset is 0 but for rounding, a product that is added without rounding has a sign."""
    x, means, scales = (RNG.uniform(1, 2, 500).astype(dtype) for _ in range(3))
    planes = np.repeat(x[:, None], 40, axis=1)
    offsets = -((x - means) * scales)
    zeros, ones = np.zeros_like(x), np.ones_like(x)
    for shift in (0, 1, -1):
        offset = np.nextafter(offsets, offsets + shift).astype(dtype)
        out = channel_norm._scaled(planes, means, scales, offset, True)
        y = (planes - means[:, None]) * scales[:, None] + offset[:, None]
        np.testing.assert_array_equal(out, np.maximum(y, 0))
        g = np.ones_like(planes)
        passed = channel_norm._opened_slopes(planes, g, means, scales, offset, ones, zeros, zeros)
        np.testing.assert_array_equal(passed > 0, out > 0)
        sums, _ = channel_norm._opened_sums(planes, g, means, scales, offset)
        np.testing.assert_array_equal(sums, (out > 0).sum(axis=1))


def test_an_operation_whose_rule_asks_for_its_result_is_refused():
    with pytest.raises(TypeError, match="a rule of 'tanh' asks for its result"):
        activated(pb.tanh)


@pytest.mark.parametrize("dtype", ["float16", "longdouble"])
@pytest.mark.parametrize("name", PLAIN)
def test_other_precisions(name, dtype):
    x = RNG.normal(size=(5, 4)).astype(dtype)
    w = np.ones(4, dtype)
    for call in (
        lambda x, **o: F.linear(x, pb.asarray(np.diag(w)), **o),
        lambda x, **o: F.layer_norm(x, 4, **o),
        lambda x, **o: F.group_norm(x, 2, pb.asarray(w), **o),
    ):
        one = everything(lambda x, call=call: call(x, activation=name), [x], np.ones_like(x))
        two = everything(lambda x, call=call: PLAIN[name](call(x)), [x], np.ones_like(x))
        for ours, plain in zip(one, two, strict=True):
            assert ours.dtype == plain.dtype == dtype
            np.testing.assert_allclose(ours, plain, rtol=0.01, atol=0.01)


class TestElsewhere:
    def test_the_summary_counts_its_products(self):
        one = nn.Sequential(nn.Linear(4, 8, activation="relu"), nn.BatchNorm1d(8, activation="tanh")).summary(
            (4,)
        )
        two = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)).summary((4,))
        assert one.multiply_adds == two.multiply_adds == 32
        assert [row.receptive_field for row in one.rows] == [row.receptive_field for row in two.rows]

    def test_a_new_head_has_the_activation_of_the_old_one(self):
        model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2, activation="sigmoid"))
        nn.utils.replace_head(model, 5)
        assert model[1].activation == "sigmoid"

    def test_a_batch_norm_with_an_activation_is_folded_with_it(self):
        linear, bn = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4, activation="relu").eval()
        bn.running_mean.copy_(pb.tensor([0.5, -0.5, 0.0, 0.1]))
        x = pb.randn(6, 3)
        fused = fuse_linear_bn_eval(linear, bn)
        assert fused.activation == "relu"
        np.testing.assert_allclose(
            fused(x).detach().numpy(), bn(linear(x)).detach().numpy(), rtol=1e-5, atol=1e-6
        )
        with pytest.raises(ValueError, match="which a convolution has not"):
            fuse_conv_bn_eval(nn.Conv2d(3, 4, 1).eval(), nn.BatchNorm2d(4, activation="relu").eval())

    def test_an_activation_before_a_batch_norm_cannot_be_folded(self):
        with pytest.raises(ValueError, match="ends in activation='relu'"):
            fuse_linear_bn_eval(nn.Linear(3, 4, activation="relu").eval(), nn.BatchNorm1d(4).eval())

    @pytest.mark.parametrize("norm", [False, True])
    def test_the_doctor_sees_dead_units(self, norm):
        last = nn.Linear(8, 2)
        hidden = (
            nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, activation="relu"))
            if norm
            else nn.Linear(4, 8, activation="relu")
        )
        model = nn.Sequential(hidden, last)
        bias = (hidden[1] if norm else hidden).bias
        bias.data.copy_(pb.full(8, -50.0))
        x, y = pb.randn(16, 4), pb.asarray(RNG.integers(0, 2, 16))
        found = preflight(model, nn.CrossEntropyLoss(), (x, y))
        assert found["dead units"].verdict == "problem"
