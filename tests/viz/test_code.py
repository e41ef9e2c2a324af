"""The code of a drawing: it runs, mostly without the engine, and gives the recorded values and gradients."""

import ast
import subprocess
import sys

import numpy as np
import pytest

import pullback as pb
from pullback import nn, viz


def run(drawing):
    """The variables that the program leaves; nothing of the engine may be in it."""
    text = drawing.code()
    assert "pullback" not in text
    found = {}
    with np.errstate(all="ignore"):
        exec(text, found)
    return found


def leaf(value, name):
    return pb.tensor(value, requires_grad=True, name=name)


def test_the_slide_reads_as_in_the_notes(slide):
    lines = slide.code().splitlines()
    assert lines[-12:] == [
        "x = np.array(-2.0, dtype='float32')",
        "y = np.array(5.0, dtype='float32')",
        "v2 = x + y",
        "z = np.array(-4.0, dtype='float32')",
        "f = v2 * z",
        "",
        "# backward pass, in the opposite order",
        "df = np.array(1.0, dtype='float32')",
        "dv2 = df * z",
        "dz = df * v2",
        "dx = dv2",
        "dy = dv2",
    ]
    found = run(slide)
    assert (found["f"], found["dx"], found["dy"], found["dz"]) == (-12, -4, -4, 3)


@pytest.mark.parametrize("gates", [True, False])
def test_the_neuron(neuron, gates):
    found = run(neuron(gates=gates))
    gradients = {name: round(float(found[f"d{name}"]), 2) for name in ("w0", "x0", "w1", "x1", "w2")}
    assert gradients == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}


def test_the_staged_example_of_the_notes():
    with viz.record() as recording:
        x, y = leaf(3.0, "x"), leaf(-4.0, "y")
        f = (x + pb.sigmoid(y)) / (pb.sigmoid(x) + (x + y) ** 2)
        f.backward()
    found = run(viz.draw(recording, names={"f": f}))
    assert found["f"] == f.numpy()
    assert found["dx"] == pytest.approx(x.grad.item(), rel=1e-6)
    assert found["dy"] == pytest.approx(y.grad.item(), rel=1e-6)


def test_a_network_alone_in_a_process(network, tmp_path):
    path = network.save(tmp_path / "network.py")
    graph = network.graph
    script = path.read_text("utf-8") + "\nimport sys\nassert 'pullback' not in sys.modules\n"
    script += "np.savez('found.npz', loss=loss, w=dp0_weight, b=dp4_bias)\n"
    subprocess.run([sys.executable, "-I", "-c", script], check=True, cwd=tmp_path)
    gradients = {node.name: node.gradient for node in graph.nodes}
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_allclose(found["w"], gradients["0.weight"], rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(found["b"], gradients["4.bias"], rtol=1e-5, atol=1e-8)
        assert found["w"].dtype == np.float32


def test_a_network_with_the_loss_of_the_notes():
    pb.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    with viz.record() as recording:
        scores = model(pb.randn(5, 3))
        loss = (
            nn.functional.multiclass_hinge_loss(scores, pb.tensor([0, 1, 2, 1, 0]))
            + 0.5 * (model[0].weight ** 2).sum()
        )
        loss.backward()
    found = run(viz.draw(recording))
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(
            found[f"dp{name.replace('.', '_')}"], parameter.grad.numpy(), rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x[1:, [0, 2, 0]].sum(),
        lambda x: (x - x.mean(axis=1, keepdims=True)).std(),
        lambda x: pb.concat([x, 2 * x], axis=0).prod(axis=0).sum(),
        lambda x: pb.softmax(x, 1).max(),
        lambda x: (x.T @ x).sum(),
        lambda x: (x * np.float64(2.0)).sum(),
        lambda x: pb.where(x > 0, x, 0.1 * x).sum(),
        lambda x: pb.logsumexp(x.reshape(-1), 0),
        lambda x: nn.functional.layer_norm(x, (3,)).square().sum(),
        lambda x: pb.log(x - x).sum(),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_numbers(formula, dtype, rng):
    with viz.record() as recording, np.errstate(all="ignore"):
        x = pb.tensor(rng.normal(size=(2, 3)), dtype=dtype, requires_grad=True, name="x")
        formula(x).backward()
    drawing = viz.draw(recording)
    found = run(drawing)
    np.testing.assert_allclose(found["dx"], x.grad.numpy(), rtol=1e-5, atol=1e-6)
    assert found["dx"].dtype == dtype
    assert drawing.code() == viz.Drawing(drawing.graph).code()


def test_without_backward_it_begins_at_the_result():
    with viz.record() as recording:
        x = leaf(3.0, "x")
        _ = x * x
    assert run(viz.draw(recording))["dx"] == 6


def test_names_become_identifiers_that_hide_nothing():
    with viz.record() as recording:
        values = [
            leaf(float(i), name) for i, name in enumerate(("np", "fit", "a b", "a_b", "class", "1\n", "sum"))
        ]
        sum((v * v for v in values), start=leaf(0.0, "import os #")).backward()
    found = run(viz.draw(recording))
    assert (found["np_2"], found["a_b"], found["a_b_2"], found["sum_2"]) == (0, 2, 3, 6)
    assert found["dsum_2"] == 12


def test_what_is_not_known_or_not_plain_is_refused():
    x = leaf(2.0, "x")
    with pytest.raises(ValueError, match=r"needs every value, and that of .* is not known.*record\(\)"):
        viz.draw(pb.exp(x + 1) + x).code()
    with viz.record() as recording:
        pb.tensor(1 + 2j, requires_grad=True) * 2
    with pytest.raises(ValueError, match="real numbers only, and a leaf is complex64"):
        viz.draw(recording).code()
    with viz.record() as recording:
        x * x
        x + x
    with pytest.raises(ValueError, match="where backward begins: there are 2 results"):
        viz.draw(recording).code()
    with viz.record() as recording:
        pb.ones((400, 300), requires_grad=True) * 2
    with pytest.raises(ValueError, match="would write 120,001 numbers"):
        viz.draw(recording).code()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: nn.functional.conv2d(x, pb.ones((2, 1, 2, 2), dtype=pb.float64), padding=1).sum(),
        lambda x: nn.functional.conv_transpose2d(x, pb.ones((1, 2, 2, 2), dtype=pb.float64), stride=2).sum(),
        lambda x: (pb.special.i1(x) * pb.special.gammaln(x + 3)).sum(),
    ],
)
def test_what_is_more_than_numpy_is_taken_from_pullback(function, rng, tmp_path):
    x = pb.tensor(rng.random((1, 1, 3, 3)), requires_grad=True, name="x")
    with viz.record() as recording:
        function(x).backward()
    text = viz.draw(recording).code()
    assert "from pullback.autograd.extend import REGISTRY" in text
    program = tmp_path / "program.py"
    program.write_text(text + "print(dx.tolist())\n")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(ast.literal_eval(done.stdout), x.grad.numpy(), rtol=1e-12)


def test_a_function_of_ones_own_is_refused():
    class Double(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    with viz.record() as recording:
        Double.apply(leaf(2.0, "x")).backward()
    with pytest.raises(ValueError, match="cannot write 'Double' in NumPy alone"):
        viz.draw(recording).code()


def test_an_operand_that_the_tape_does_not_know_is_not_left_out_in_silence():
    x = pb.tensor([1.0, 2.0], requires_grad=True, name="x")
    weight = pb.tensor([[1.0, 1.0]], requires_grad=True, name="w")
    y = nn.functional.linear(x, weight, pb.tensor([0.5]))
    with pytest.raises(ValueError, match="'linear' gives another value when it is computed again"):
        viz.draw(y).code()


def test_a_gradient_that_a_hook_changed_is_refused():
    with viz.record() as recording:
        x = leaf(3.0, "x")
        y = x * x
        y.register_hook(lambda g: g * 2)
        (y * 1.5).backward()
    with pytest.raises(ValueError, match=r"another gradient of .* than was recorded: a hook"):
        viz.draw(recording).code()
