"""The commands as a user runs them: real processes, real files, one clear line for bad input."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import pullback as pb


def run(*arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pullback", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_graph(tmp_path):
    result = run("graph", "(x + y) * z", "x=-2", "y=5", "z=-4", "-o", "f.svg", cwd=tmp_path, PATH="")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "(x + y) * z = -12",
        "d/dx = -4",
        "d/dy = -4",
        "d/dz = 3",
        "graph: f.svg",
    ]
    texts = [
        "".join(e.itertext()) for e in ElementTree.parse(tmp_path / "f.svg").iter() if e.tag.endswith("text")
    ]
    assert {"x", "y", "z", "+", "×", "−12.00", "3.00", "−4.00", "1.00"} <= {text.strip() for text in texts}


def test_graph_as_a_replay(tmp_path):
    result = run("graph", "(x + y) * z", "x=-2", "y=5", "z=-4", "--replay", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "graph: graph.html"
    assert "upstream −4.00 times local 1.00" in (tmp_path / "graph.html").read_text("utf-8")


def test_graph_of_the_sigmoid_neuron(tmp_path):
    values = ["w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3"]
    result = run("graph", "1/(1+exp(-(w0*x0+w1*x1+w2)))", *values, "-o", str(tmp_path / "s.dot"))
    assert result.returncode == 0, result.stderr
    assert "= 0.731059" in result.stdout
    assert "digraph" in (tmp_path / "s.dot").read_text()


def test_check():
    result = run("check", "-x**2 + max(x, y) / sigmoid(y)", "x=1.5", "y=-2")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("gradcheck PASSED")


def test_check_writes_its_report(tmp_path):
    path = tmp_path / "report.html"
    result = run("check", "-tanh(x)", "x=1", "--order", "2", "-o", str(path))
    assert result.returncode == 0, result.stderr
    assert "double backward" in result.stdout
    assert "<svg" in path.read_text()
    assert run("check", "tanh(x)", "x=1", "-o", str(tmp_path / "report.pdf")).returncode == 2


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("abs(x)**0.5", "no finite one"),
        ("sqrt(x)", "the edge of the function's domain"),
        ("log(x)", "not finite"),
    ],
)
def test_check_says_where_nothing_can_be_decided(expression, why):
    result = run("check", expression, "x=0")
    assert result.returncode == 1
    assert "INCONCLUSIVE" in result.stdout
    assert why in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["graph", "(x + y", "x=1"], "not an expression"),
        (["graph", "", "x=1"], "not an expression"),
        (["graph", "x + y", "x=1"], "no value for y"),
        (["graph", "x + 1", "x=1", "y=2"], "y does not occur"),
        (["graph", "x + 1", "x=one"], "'one' is not a number"),
        (["graph", "x + 1", "x"], "write name=number"),
        (["graph", "x + 1", "x=1", "x=2"], "given twice"),
        (["graph", "foo(x)", "x=1"], "'foo' is not a known function"),
        (["graph", "exp(x, x)", "x=1"], "1 argument(s)"),
        (["graph", "__import__('os').system('true')", "x=1"], "not allowed"),
        (["graph", "x.real", "x=1"], "not allowed"),
        (["graph", "x if x else 1", "x=1"], "not allowed"),
        (["graph", "x", "x=1"], "no graph"),
        (["graph", "x + 1", "x=1", "-o", "missing/folder/f.svg"], "missing"),
        (["graph", "x + 1", "x=1", "-o", "f.tex"], ".svg"),
        (["check", "1 + 2"], "no names"),
        (["demo", "--epochs", "0"], "not a positive number"),
        (["demo", "--epochs", "many"], "invalid"),
        (["demo", "--out", "/dev/null/folder"], "/dev/null"),
        (["graph", "x + 1", "x=1", "--ouput", "f.svg"], "'--ouput' is no option"),
        (["paint"], "invalid choice"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(arguments, message, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len([line for line in result.stderr.splitlines() if not line.startswith("usage")]) <= 3
    assert not list(tmp_path.iterdir())


def test_long_and_deep_expressions():
    long = " + ".join(["x"] * 300)
    x = pb.tensor(2.0, requires_grad=True, dtype=pb.float64)
    pb.Expression(long)({"x": x}).backward()
    assert x.grad.item() == 300
    for deep in ("(" * 10_000 + "x" + ")" * 10_000, "-" * 50_000 + "x"):
        with pytest.raises(ValueError, match="nested") as caught:
            pb.Expression(deep)
        assert len(str(caught.value)) < 200
    try:  # how deep Python's parser goes depends on its version and the size of the stack
        sum_of_many = pb.Expression("x" + " + x" * 50_000)
    except ValueError as error:
        outcome = str(error)
    else:
        x = pb.tensor(2.0, requires_grad=True, dtype=pb.float64)
        sum_of_many({"x": x}).backward()
        outcome = x.grad.item()
    assert outcome in (50_001, "the expression is nested too deeply; write it in parts")


def test_demo(tmp_path):
    result = run("demo", "--out", "out", "--seed", "3", cwd=tmp_path, PATH="")
    assert result.returncode == 0, result.stderr
    assert "gradcheck PASSED" in result.stdout
    tested = [line for line in result.stdout.splitlines() if line.startswith(("train", "model"))]
    accuracies = [float(line.split("accuracy ")[1].split(",")[0]) for line in tested]
    assert accuracies[0] == accuracies[1] >= 0.97
    assert sorted(os.listdir(tmp_path / "out")) == ["graph.svg", "model.safetensors"]
    ElementTree.parse(tmp_path / "out" / "graph.svg")
    assert pb.load(tmp_path / "out" / "model.safetensors")["0.weight"].shape == (128, 64)
    assert "epoch  1/30" in result.stderr, "plain lines where there is no terminal"


def test_the_demo_repeats_exactly(tmp_path):
    first, again = (run("demo", "--epochs", "2", "--out", name, cwd=tmp_path) for name in "ab")
    assert first.returncode == again.returncode == 0
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert a == b


def test_the_demo_goes_on_where_it_was(tmp_path):
    whole = run("demo", "--epochs", "3", "--out", "a", cwd=tmp_path)
    again = ("demo", "--out", "b", "--checkpoint", "state")
    part = run(*again, "--epochs", "1", cwd=tmp_path)
    rest = run(*again, "--epochs", "3", "--resume", cwd=tmp_path)
    assert whole.returncode == part.returncode == rest.returncode == 0
    assert "epoch 2/3" in rest.stderr
    assert "epoch 1/3" not in rest.stderr
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert a == b


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "taken").write_text("mine")
    result = run("demo", "--out", "taken", cwd=tmp_path)
    assert result.returncode == 2
    assert "taken is a file" in result.stderr
    assert (tmp_path / "taken").read_text() == "mine"


def test_grade(tmp_path):
    (tmp_path / "mine.py").write_text(
        "def relu_forward(x): return x * (x > 0), x\n"
        "def relu_backward(dout, x): return dout\n"
        "def tanh(x): return 1\n"
    )
    result = run("grade", "mine.py", "--json", "grade.json", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert result.stdout.startswith("relu: 5 of 10 points")
    assert "✗ gradient of x: 0 of 3" in result.stdout
    assert '"score": 5' in (tmp_path / "grade.json").read_text("utf-8")
    assert run("grade", "mine.py", "tanh", cwd=tmp_path).stdout.startswith("tanh: 0 of 10 points")
    nowhere = run("grade", "nowhere.py", cwd=tmp_path)
    assert (nowhere.returncode, nowhere.stderr.strip()) == (
        2,
        "pullback grade: nowhere.py: No such file or directory",
    )
    unknown = run("grade", "mine.py", "rely", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "no exercise 'rely'" in unknown.stderr
