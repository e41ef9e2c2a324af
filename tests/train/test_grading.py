"""The grader of exercises: right answers in every style get full marks, and reports say what is wrong and where."""

import json
import math
import random
import re
import types
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.testing import Exercise, Input, choose, distinct, grade, labels, mask

ASSIGNMENT = Path(__file__).parent / "grading" / "assignment.py"
OTHER_STYLES = ASSIGNMENT.with_name("other_styles.py")
SPACE = {}
exec(ASSIGNMENT.read_text(encoding="utf-8"), SPACE)


@pytest.mark.parametrize("name", sorted(pb.testing.catalogue()))
def test_right_answers_get_full_marks(name):
    result = grade(SPACE, name, time_limit=60)
    assert result.ok, str(result)
    assert result.score == result.total == 10
    assert sum(c.points for c in result[name].criteria) == pytest.approx(10)


def test_right_answers_in_other_styles_get_full_marks():
    result = grade(OTHER_STYLES, time_limit=60)
    assert len(result.exercises) == 14
    assert result.ok, str(result)


@pytest.mark.parametrize("seed", [1, 2])
def test_right_answers_get_full_marks_whatever_the_seed(seed):
    names = ["affine", "max_pool", "svm_loss", "softmax_loss", "batchnorm", "relu", "lstm_step", "attention"]
    result = grade(SPACE, names, seed=seed, time_limit=60)
    assert result.ok, str(result)


class Static:
    @staticmethod
    def relu(x):
        return np.where(x > 0, x, 0.0)

    @staticmethod
    def relu_backward(g, x):
        return np.where(x > 0, g, 0.0)


class Methods:
    def relu_forward(self, x):
        return np.maximum(0, x), {"positive": x > 0}

    def relu_backward(self, dout, cache):
        return {"dx": dout * cache["positive"]}


def forward(x):
    return x * (x > 0), (x > 0,)


def backward(dout, cache):
    return [dout * cache[0]]


def relu(x):
    return np.maximum(x, 0), (x > 0) * 1.0


def at_zero_one(x):
    return np.maximum(x, 0), (x >= 0) * 1.0


def module():
    made = types.ModuleType("mine")
    made.relu_forward, made.relu_backward = SPACE["relu_forward"], SPACE["relu_backward"]
    return made


@pytest.mark.parametrize(
    "answers",
    [
        module(),
        types.SimpleNamespace(relu_forward=forward, relu_backward=backward),
        Static,
        Static(),
        Methods(),
        [forward, backward],
        (forward, backward),
        {"relu_forward": forward, "relu_backward": backward, "other": 3},
        relu,
        at_zero_one,
        ASSIGNMENT,
        str(ASSIGNMENT),
    ],
    ids=lambda answers: getattr(answers, "__name__", type(answers).__name__),
)
def test_answers_come_in_many_forms(answers):
    result = grade(answers, "relu")
    assert result.ok, str(result)


SQUARES = Exercise(
    "squares", lambda x, y: pb.sum(x * x * y) + 0 * pb.sum(y), {"x": "N D", "y": Input("D")}, ties=False
)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: (np.sum(x * x * y), 2 * x * y, (x * x).sum(axis=0)),
        lambda x, y: (float(np.sum(x * x * y)), (2 * x * y, (x * x).sum(axis=0))),
        lambda x, y: [np.sum(x * x * y), [2 * x * y, (x * x).sum(axis=0)]],
        lambda x, y: (np.sum(x * x * y), {"dy": (x * x).sum(axis=0), "dx": 2 * x * y}),
        lambda x, y: (np.sum(x * x * y), {"y": (x * x).sum(axis=0), "x": 2 * x * y}),
    ],
)
def test_functions_that_return_value_and_gradients(function):
    result = grade({"squares": function}, SQUARES)
    assert result.ok, str(result)


def test_numbers_as_inputs_by_hand():
    def by_hand(x, y):
        return math.exp(x) * y, math.exp(x) * y, math.exp(x)

    exercise = Exercise("by_hand", lambda x, y: pb.exp(x) * y, {"x": "", "y": ""}, points=4)
    result = grade(by_hand, exercise)
    assert (result.score, result.total, result.ok) == (4, 4, True), str(result)
    vector = Exercise("vector", lambda x, y: pb.exp(x) * y, {"x": "", "y": ""})
    assert grade(lambda x, y: (np.exp(x) * y, np.array([np.exp(x) * y, np.exp(x)])), vector).ok


def test_a_backward_may_name_the_inputs_it_needs():
    answers = {
        "affine": lambda x, w, b: x @ w + b,
        "affine_backward": lambda g, x, w: (g @ w.T, x.T @ g, g.sum(0)),
    }
    assert grade(answers, "affine").ok
    answers = {
        "dropout": lambda x, mask: x * mask,
        "dropout_backward": lambda g, x, mask: (g * mask, None),
    }
    assert grade(answers, "dropout").ok


def test_arguments_by_keyword_and_lists_for_results():
    def affine_forward(*, x, w, b):
        return [x @ w + b, {"x": x, "w": w}]

    def affine_backward(dout, cache):
        return [dout @ cache["w"].T, cache["x"].T @ dout, np.einsum("nm->m", dout)]

    assert grade([affine_forward, affine_backward], "affine").ok

    def affine(x, *, b, w):
        return x @ w + b

    def affine_backward_(g, *, w, x):
        return {"db": g.sum(0), "dw": x.T @ g, "dx": g @ w.T}

    assert grade({"affine": affine, "affine_backward": affine_backward_}, "affine").ok


@pytest.mark.parametrize("seed", range(6))
def test_inputs_of_one_exercise_meet_only_where_that_is_meant(seed):
    def larger(a, b):
        return np.maximum(a, b) * a

    def larger_backward(g, a, b):
        return g * (np.maximum(a, b) + a * (a >= b)), g * a * (a < b)

    exercise = Exercise("larger", lambda a, b: pb.maximum(a, b) * a, {"a": "N D", "b": "N D"})
    result = grade([larger, larger_backward], exercise, seed=seed)
    assert result.ok, str(result)


def test_an_exercise_whose_values_overflow_far_out_is_graded_where_it_is_finite():
    exercise = Exercise("tower", lambda x: pb.exp(pb.exp(x)), {"x": "N"})
    answers = {"tower": lambda x: np.exp(np.exp(x)), "tower_backward": lambda g, x: g * np.exp(np.exp(x) + x)}
    assert grade(answers, exercise).ok


def test_an_exercise_of_ones_own_with_every_kind_of_input():
    def reference(x, y, m, power):
        return pb.max(x, axis=1) ** power["p"] * m + 0 * y

    def mine(x, y, m, power):
        top = x.argmax(axis=1)
        return x.max(axis=1) ** power["p"] * m, (x, m, top, power["p"])

    def backward(dout, cache):
        x, m, top, p = cache
        dx = np.zeros_like(x)
        rows = np.arange(len(x))
        dx[rows, top] = dout * m * p * x[rows, top] ** (p - 1)
        return dx

    exercise = Exercise(
        "power",
        reference,
        {
            "x": distinct("N C"),
            "y": labels("N", classes="C"),
            "m": mask("N"),
            "power": choose(lambda rng, sizes: {"p": 2}),
        },
    )
    assert grade([mine, backward], exercise).ok


def test_results_that_are_views_where_the_exercise_is_one():
    answers = {"turned": lambda x: x.T, "turned_backward": lambda g, x: g.T}
    asked = {"reference": lambda x: x.T, "inputs": {"x": "N D"}}
    assert grade(answers, Exercise("turned", views=True, **asked)).ok
    result = grade(answers, Exercise("turned", **asked))
    assert [c.name for c in result["turned"].criteria if not c.ok] == ["good manners"]
    assert "view" in str(result)


def test_precision_that_is_not_kept_is_said_and_costs_where_asked():
    answers = {
        "double": lambda x: 2 * x.astype(np.float64),
        "double_backward": lambda g, x: 2.0 * g,
    }
    asked = {"reference": lambda x: 2 * x, "inputs": {"x": "N"}}
    result = grade(answers, Exercise("double", **asked))
    assert result.ok
    assert "float64" in result["double"].notes[0]
    strict = grade(answers, Exercise("double", keep_dtype=True, **asked))
    assert [c.name for c in strict["double"].criteria if not c.ok] == ["unusual inputs"]


def wrong(**functions):
    return {**SPACE, **functions}


def test_the_report_says_what_is_wrong_where_and_how_to_mend_it():
    def affine_backward(dout, cache):
        x, w, _ = cache
        return dout.dot(w.T), x.T.dot(dout), dout

    result = grade(wrong(affine_backward=affine_backward), "affine")
    (bad, *_) = [c for c in result["affine"].criteria if not c.ok]
    assert bad.name == "gradient of b"
    assert "db has shape" in bad.finding
    assert "x (" in bad.finding
    assert bad.mend.startswith("sum over the axes")
    assert set(bad.inputs) == {"x", "w", "b"}
    assert "✗ gradient of b: 0 of 1" in str(result)
    assert "✓ gradient of x: 1 of 1" in str(result)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dx: -dx, "wrong sign"),
        (lambda dx: 2 * dx, "times 2: a factor"),
        (lambda dx: 0 * dx, "all zeros"),
        (lambda dx: dx * np.inf, "not finite"),
        (lambda dx: dx / len(dx), "which is N: there is a mean too many"),
        (lambda dx: dx[:, :1], "lacks elements"),
        (lambda dx: dx.T, "transposed"),
    ],
)
def test_likely_mistakes_are_named(change, words):
    def softmax_backward(g, x):
        return change(SPACE["softmax_backward"](g, x))

    result = grade(wrong(softmax_backward=softmax_backward), "softmax")
    assert words in result["softmax"].criteria[1].mend, str(result)


def test_an_ignored_upstream_gradient_and_exchanged_gradients_are_named():
    result = grade(wrong(tanh_backward=lambda g, x: 1 - np.tanh(x) ** 2), "tanh")
    assert "upstream gradient is not used" in result["tanh"].criteria[1].mend
    result = grade(wrong(multiply_backward=lambda g, x, y: (g * x, g * y)), "multiply")
    assert "the gradient of y: return" in result["multiply"].criteria[1].mend


def test_partial_credit():
    result = grade(wrong(affine_backward=lambda dout, cache: (None, None, dout.sum(axis=0))), "affine")
    assert result.score == 3 + 1 + 1  # the forward, one of three gradients, and manners
    nothing = grade(
        wrong(affine_forward=lambda x, w, b: (0 * b, x), affine_backward=lambda g, x: None), "affine"
    )
    assert nothing.score == 0


def test_an_error_names_the_line():
    space = {}
    exec("def relu_forward(x):\n    y = x\n    return y.nonsense, x", space)
    result = grade(wrong(relu_forward=space["relu_forward"]), "relu")
    assert "AttributeError" in result["relu"].criteria[0].finding
    assert "(line 3 of relu_forward)" in result["relu"].criteria[0].finding


def test_json_is_complete_and_the_same_every_time(tmp_path):
    def relu_backward(g, x):
        return np.random.default_rng().random(g.shape)

    answers = wrong(tanh_backward=lambda g, x: g, relu_backward=relu_backward)
    one, two = (grade(answers, ["tanh", "relu", "conv"], seed=5) for _ in range(2))
    assert one.json() == two.json()
    plain = json.loads(one.json())
    assert plain == one.as_dict() == json.loads(one.save(tmp_path / "grade.json").read_text("utf-8"))
    assert plain["seed"] == 5
    assert plain["score"] < plain["total"] == 30
    criterion = plain["exercises"][0]["criteria"][1]
    assert criterion["name"] == "gradient of x"
    assert not criterion["ok"]
    assert np.shape(criterion["inputs"]["x"]["values"]) == tuple(criterion["inputs"]["x"]["shape"])


def test_the_generators_and_the_output_of_the_caller_are_left_alone(capsys):
    def relu_forward(x):
        print("looking at", x)
        np.random.seed(3)  # noqa: NPY002 - which others may use
        random.seed(3)
        return np.maximum(x, 0), x

    before, state = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002 - which others may use
    assert grade(wrong(relu_forward=relu_forward), "relu").ok
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002 - which others may use
    assert random.getstate() == state
    assert capsys.readouterr().out == ""


def test_global_state_instead_of_a_cache_is_found():
    kept = {}

    def relu_forward(x):
        kept["x"] = x
        return np.maximum(x, 0), None

    result = grade(wrong(relu_forward=relu_forward, relu_backward=lambda g, _: g * (kept["x"] > 0)), "relu")
    assert [c.name for c in result["relu"].criteria if not c.ok] == ["good manners"]


def test_what_is_missing_is_said():
    assert "no function affine_forward" in str(grade({}, "affine"))
    assert "no function affine_backward" in str(
        grade({"affine_forward": len}, Exercise("affine", lambda x: x, {"x": "N"}, style="pair"))
    )
    assert "no function svm_loss," in str(grade({}, "svm_loss"))
    nothing = grade({})
    assert not nothing.ok
    assert nothing.exercises == ()
    assert "affine_forward and affine_backward" in str(nothing)


def test_left_out_exercises_are_those_of_which_there_are_functions():
    found = grade({name: SPACE[name] for name in ("relu_forward", "relu_backward", "svm_loss", "softmax")})
    assert [e.name for e in found.exercises] == ["relu", "svm_loss"]


def test_files_that_do_not_run(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def relu_forward(x:\n", encoding="utf-8")
    result = grade(path, ["relu", "tanh"])
    assert (result.score, result.total) == (0, 20)
    assert "SyntaxError" in str(result)
    path.write_text("while True: pass", encoding="utf-8")
    assert "did not end" in str(grade(path, time_limit=0.2))
    with pytest.raises(OSError, match="nowhere"):
        grade(tmp_path / "nowhere.py")


def test_a_file_may_import_its_neighbours(tmp_path):
    (tmp_path / "neighbour_of_mine.py").write_text("def slope(x): return (x > 0) * 1.0", encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom neighbour_of_mine import slope\n"
        "@dataclass\nclass Cache:\n    x: object\n"
        "def relu_forward(x): return x * slope(x), Cache(x)\n"
        "def relu_backward(dout, cache): return dout * slope(cache.x)\n",
        encoding="utf-8",
    )
    assert grade(tmp_path / "mine.py").ok


class Pretender:
    shape = (3,)

    def __array__(self, *arguments, **options):
        raise ZeroDivisionError


class Lenient(np.ndarray):
    """Agrees with everything."""

    def __le__(self, other):
        return np.ones(self.shape, bool)

    def __abs__(self):
        return np.zeros(self.shape)


@pytest.mark.parametrize(
    "thing", [Pretender(), [[1], [2, 3]], {}, "text", object(), np.zeros(3).view(Lenient), iter(()), float]
)
def test_whatever_is_returned_nothing_is_raised(thing):
    for forward, backward in ((thing, thing), ((thing, 1), thing), ((thing, thing), (thing, thing))):
        answers = {"relu": lambda x, it=forward: it, "relu_backward": lambda g, x, it=backward: it}
        assert grade(answers, "relu").score == 0
    right = {"relu_forward": SPACE["relu_forward"], "relu_backward": lambda g, x: thing}
    assert grade(right, "relu").score <= 5
    one = Exercise("one", pb.exp, {"x": ""})
    assert grade(lambda x: (thing, thing), one).score == 0


def test_two_functions_are_taken_by_place_where_names_say_nothing():
    assert grade([np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)], "tanh").ok


def test_a_tiny_mistake_is_shown_with_enough_digits():
    result = grade(wrong(tanh_backward=lambda g, x: 1.00001 * g * (1 - np.tanh(x) ** 2)), "tanh")
    first, second = re.findall(r"(?:is|and) (-?[\d.e-]+)", result["tanh"].criteria[1].finding)[:2]
    assert first != second


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="time_limit is 0 seconds"):
        grade({}, "relu", time_limit=0)
    with pytest.raises(ValueError, match=r"no exercise 'afine'; it has affine, attention"):
        grade({}, "afine")
    with pytest.raises(TypeError, match="is no exercise"):
        grade({}, [3])
    with pytest.raises(TypeError, match="takes a module"):
        grade(None)
    with pytest.raises(TypeError, match="holds functions"):
        grade([1, 2], "relu")
    with pytest.raises(KeyError, match="was graded"):
        grade({}, "relu")["tanh"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": 0}, "worth 0 points"),
        ({"style": "cache"}, "style"),
        ({"wrt": ["z"]}, "wrt names"),
        ({"large": ["z"]}, "large names"),
        ({"empty": "Z"}, "empty names"),
        ({"wrt": []}, "asks for no gradient"),
        ({"inputs": {"y": labels("N", "C")}}, "asks for no gradient"),
    ],
)
def test_bad_exercises_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Exercise(**({"name": "e", "reference": pb.exp, "inputs": {"x": "N"}} | changes))


def test_a_reference_that_is_not_pullbacks_is_refused():
    with pytest.raises(TypeError, match="write it in pullback's operations"):
        grade(relu, Exercise("relu", lambda x: np.ones(3), {"x": "N"}))
