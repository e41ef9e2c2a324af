"""Planted mistakes: every one loses points, and what it breaks is named."""

import re
from pathlib import Path

import numpy as np
import pytest

import pullback as pb

RIGHT = (Path(__file__).parent / "grading" / "assignment.py").read_text(encoding="utf-8")

# the function, what stands there, what is put in its place, and the criterion that has to see it
MISTAKES = [
    # forward
    ("affine_forward", ".dot(w) + b", ".dot(w)", "forward"),
    ("affine_forward", ".dot(w) + b", ".dot(w) + b + 1e-5", "forward"),
    ("sigmoid_forward", "1 / (1 + np.exp(-x))", "1 / (1 + np.exp(x))", "forward"),
    ("relu_forward", "np.maximum(x, 0)", "np.maximum(x, 0.01 * x)", "forward"),
    ("layernorm_forward", "x.var(axis=1, keepdims=True)", "x.var(axis=1, ddof=1, keepdims=True)", "forward"),
    ("batchnorm_forward", "x.mean(axis=0)", "x.mean()", "forward"),
    ("batchnorm_forward", "np.sqrt(var + eps)", "np.sqrt(var) + eps", "forward"),
    ("max_pool_forward_naive", ".max(axis=(2, 3))", ".mean(axis=(2, 3))", "forward"),
    ("conv_forward_naive", "patch * w[k]", "patch * w[k, :, ::-1]", "forward"),
    ("svm_loss", "+ 1.0)", "+ 2.0)", "forward"),
    ("svm_loss_vectorized", "reg * np.sum", "0.5 * reg * np.sum", "forward"),
    ("attention_forward", " / np.sqrt(q.shape[-1])", "", "forward"),
    ("lstm_step_forward", "i, f, o, g = np.split", "f, i, o, g = np.split", "forward"),
    ("relu_forward", "np.maximum(x, 0), x", "np.maximum(x, 0).astype(int), x", "forward"),
    ("relu_forward", "np.maximum(x, 0), x", "np.maximum(x, 0).astype(np.float32), x", "forward"),
    ("sigmoid_forward", "return out, out", "return out[None], out", "forward"),
    ("sigmoid_forward", "return out, out", "return out.tolist(), out", "forward"),
    ("softmax", "e.sum(axis=1", "e.sum(axis=0", "forward"),
    ("rnn_step_forward", "prev_h.dot(Wh)", "prev_h.dot(Wh.T)", "forward"),
    # transposes, axes, orders
    ("affine_backward", "dout.dot(w.T)", "dout.dot(w)", "gradient of x"),
    ("affine_backward", ".T.dot(dout)", ".T.dot(dout).T", "gradient of w"),
    ("rnn_step_backward", "da.dot(Wh.T)", "da.dot(Wh)", "gradient of prev_h"),
    ("lstm_step_backward", "da @ Wh.T", "da @ Wh[:, :4 * len(Wh)].T[:, ::-1]", "gradient of prev_h"),
    ("affine_backward", "dout.sum(axis=0)", "dout.sum(axis=1)", "gradient of b"),
    ("affine_backward", "dout.sum(axis=0)", "dout.sum(axis=0, keepdims=True)", "gradient of b"),
    ("affine_backward", "dout.sum(axis=0)", "dout.sum()", "gradient of b"),
    ("affine_backward", "dout.sum(axis=0)", "dout", "gradient of b"),
    ("affine_backward", "dout.sum(axis=0)", "dout[0]", "gradient of b"),
    ("affine_backward", "dout.sum(axis=0)", "dout.mean(axis=0)", "gradient of b"),
    ("temporal_affine_backward", "dout.sum(axis=(0, 1))", "dout.sum(axis=0)", "gradient of b"),
    ("multiply_backward", "g * y, g * x", "g * x, g * y", "gradient of x"),
    ("batchnorm_backward", "return dx, dgamma, dbeta", "return dx, dbeta, dgamma", "gradient of gamma"),
    ("layernorm_backward", "(d * xhat).mean(axis=1", "(d * xhat).mean(axis=0", "gradient of x"),
    ("attention_backward", "ds.transpose(0, 2, 1) @ q", "ds.transpose(0, 2, 1) @ k", "gradient of k"),
    # upstream forgotten, or used otherwise than as a factor
    ("sigmoid_backward", "dout * out * (1 - out)", "out * (1 - out)", "gradient of x"),
    ("relu_backward", "dout.copy()", "np.ones_like(x)", "upstream gradient"),
    ("sigmoid_backward", "dout * out", "dout * dout * out", "upstream gradient"),
    ("sigmoid_backward", "dout * out", "np.abs(dout) * out", "upstream gradient"),
    ("sigmoid_backward", "dout * out * (1 - out)", "dout * out * (1 - out) + 1e-3", "upstream gradient"),
    ("relu_backward", "dx[x <= 0]", "dx[dout <= 0]", "gradient of x"),
    # factors, signs, terms
    ("tanh_backward", "g * (1", "2 * g * (1", "gradient of x"),
    ("tanh_backward", "g * (1", "-g * (1", "gradient of x"),
    ("tanh_backward", "g * (1", "1.0001 * g * (1", "gradient of x"),
    ("tanh_backward", "np.tanh(x) ** 2", "np.tanh(x)", "gradient of x"),
    ("softmax_backward", "p * (g - (g * p).sum(axis=1, keepdims=True))", "p * (1 - p) * g", "gradient of x"),
    ("batchnorm_backward", "dxhat - dxhat.mean(axis=0) - ", "dxhat - ", "gradient of x"),
    ("batchnorm_backward", " - xhat * (dxhat * xhat).mean(axis=0)", "", "gradient of x"),
    ("svm_loss", "dx /= n", "pass", "gradient of x"),
    ("svm_loss", "dx[np.arange(n), y] -= (margins > 0).sum(axis=1)", "pass", "gradient of x"),
    (
        "svm_loss",
        "dx[np.arange(n), y] -= (margins > 0).sum(axis=1)",
        "dx[np.arange(n), y] = -1",
        "gradient of x",
    ),
    ("svm_loss_naive", "2 * reg * W", "reg * W", "gradient of W"),
    ("softmax_loss_vectorized", " + 2 * reg * W", "", "gradient of W"),
    ("softmax_loss", "dx[np.arange(n), y] -= 1", "pass", "gradient of x"),
    ("softmax_loss", "    return loss, dx", "    return loss, -dx", "gradient of x"),
    ("temporal_softmax_loss", " * weights[:, None]", "", "gradient of x"),
    ("lstm_step_backward", "dc = dnext_c + dnext_h", "dc = dnext_h", "gradient of prev_c"),
    ("lstm_step_backward", "* (1 - g * g)", "* g * (1 - g)", "gradient of Wx"),
    ("rnn_backward", "dh[:, t] + dprev", "dh[:, t]", "gradient of h0"),
    ("word_embedding_backward", "np.add.at(dW, x, dout)", "dW[x] += dout", "gradient of W"),
    ("max_pool_backward_naive", "] += dout[n, c, i, j]", "] = dout[n, c, i, j]", "gradient of x"),
    ("max_pool_forward_naive", "j * s : j * s + pw", "j : j + pw", "forward"),
    ("max_pool_backward_naive", "j * s : j * s + pw", "j : j + pw", "gradient of x"),
    ("avg_pool_backward", "/ (ph * pw)", "/ (ph * ph)", "gradient of x"),
    ("avg_pool_backward", "j * s : j * s + pw", "j : j + pw", "gradient of x"),
    ("conv_backward_naive", "j * stride, j * stride + ww", "j, j + ww", "gradient of x"),
    ("conv_backward_naive", "dxp[n, :, rows, columns] +=", "dxp[n, :, rows, columns] =", "gradient of x"),
    ("conv_backward_naive", "pad : pad + x.shape[2]", ": x.shape[2]", "gradient of x"),
    ("conv_backward_naive", "i * stride, i * stride + hh", "i, i + hh", "gradient of x"),
    ("dropout_backward", "dout * mask", "dout * (mask > 0)", "gradient of x"),
    # right for some inputs only
    ("affine_backward", "dout.dot(w.T)", "(dout.dot(w.T) if len(x) == 1 else 0 * x)", "gradient of x"),
    ("affine_backward", "dout.dot(w.T)", "(dout.dot(w.T) if len(x) > 1 else 0 * x)", "unusual inputs"),
    ("affine_backward", "dout.sum(axis=0)", "np.squeeze(dout.sum(axis=0))", "unusual inputs"),
    (
        "affine_backward",
        "x, w, _ = cache",
        "x, w, b = np.array([[1.0, 2.0]]), cache[1], 0",
        "gradient of w",
    ),
    ("sigmoid_backward", "dout * out * (1 - out)", "np.array([[0.25, 0.1]])", "gradient of x"),
    ("sigmoid_forward", "1 / (1 + np.exp(-x))", "np.exp(x) / (1 + np.exp(x))", "unusual inputs"),
    ("softmax", "x - x.max(axis=1, keepdims=True)", "x", "unusual inputs"),
    ("softmax_loss", "x - x.max(axis=1, keepdims=True)", "x", "unusual inputs"),
    ("softmax_loss_naive", "scores - scores.max()", "scores", "unusual inputs"),
    ("relu_backward", "dx[x <= 0] = 0", "dx[x <= 0] = 0; dx[x == 0] = 7", "unusual inputs"),
    ("relu_backward", "dout.copy()", "np.ravel(dout, 'K').reshape(x.shape)", "unusual inputs"),
    ("relu_backward", "dout.copy()", "dout.astype(np.float16).astype(dout.dtype)", "gradient of x"),
    # right for a range, a setting, a precision or a size only
    ("relu_forward", "np.maximum(x, 0), x", "np.clip(x, 0, 6), x", "unusual inputs"),
    ("relu_backward", "dx[x <= 0]", "dx[x <= 1e-3]", "unusual inputs"),
    ("svm_loss", "y][:, None] + 1.0)", "y][:, None] + 1.0).clip(0, 7)", "unusual inputs"),
    (
        "rnn_backward",
        "    return dx, dprev, dWx",
        "    dWx = np.clip(dWx, -50, 50)\n    return dx, dprev, dWx",
        "unusual inputs",
    ),
    ("sigmoid_backward", "dout * out", "np.clip(dout, -20, 20) * out", "unusual inputs"),
    ("sigmoid_backward", "dout * out", "dout * (abs(dout).max() > 0.01) * out", "upstream gradient"),
    ("batchnorm_forward", 'bn_param.get("eps", 1e-5)', "1e-5", "forward"),
    ("layernorm_forward", 'ln_param.get("eps", 1e-5)', "1e-5", "forward"),
    ("dropout_forward", "x * mask", "x * (mask > 0) / 0.7", "forward"),
    ("conv_forward_naive", 'conv_param["pad"]', 'min(1, conv_param["pad"])', "forward"),
    ("conv_forward_naive", 'conv_param["stride"]', 'min(2, conv_param["stride"])', "forward"),
    ("conv_backward_naive", "dw[k] +=", "dw[k] += (1 + (hh < ww)) *", "gradient of w"),
    ("conv_backward_naive", "dw[k] +=", "dw[k] += (1 + (hh > ww)) *", "gradient of w"),
    (
        "max_pool_backward_naive",
        "+= dout[n, c, i, j]",
        "+= dout[n, c, i, j] * (s <= max(ph, pw))",
        "unusual inputs",
    ),
    (
        "max_pool_backward_naive",
        "+= dout[n, c, i, j]",
        "+= dout[n, c, i, j] * (s >= max(ph, pw))",
        "gradient of x",
    ),
    ("tanh_backward", "g * (1", "(1 + 1e-3 * (g.dtype == np.float32)) * g * (1", "unusual inputs"),
    ("softmax", "x.max(axis=1, keepdims=True)", "x.max()", "unusual inputs"),
    ("softmax_loss", "x.max(axis=1, keepdims=True)", "x.max()", "unusual inputs"),
    ("word_embedding_backward", "np.zeros_like(W)", "np.zeros((x.max() + 1, W.shape[1]))", "gradient of W"),
    ("sigmoid_backward", "dout * out", "dout * dout / dout * out", "unusual inputs"),
    ("multiply_backward", "g * y, g * x", "g * y, g * x / (g != 0)", "unusual inputs"),
    # what they leave behind
    ("relu_forward", "np.maximum(x, 0), x", "np.maximum(x, 0, out=x), x", "good manners"),
    ("relu_backward", "dout.copy()", "dout", "good manners"),
    ("relu_backward", "    return dx", "    x += 1\n    return dx", "good manners"),
    (
        "sigmoid_backward",
        "return dout * out * (1 - out)",
        "out *= dout * (1 - out)\n    return out",
        "good manners",
    ),
    (
        "lstm_step_backward",
        "t = np.tanh(next_c)",
        "t = np.tanh(next_c)\n    i += 0.0 * i + 1e-3",
        "good manners",
    ),
    ("dropout_forward", "x * mask, mask", "np.multiply(x, mask, out=x), mask", "good manners"),
    ("tanh", "np.tanh(x)", "np.tanh(x, out=x)", "good manners"),
    ("multiply_backward", "g * y, g * x", "np.multiply(g, y, out=g), g * x", "good manners"),
    (
        "softmax_loss_naive",
        "loss, dW = 0.0, np.zeros_like(W)",
        "W -= 0.0001; loss, dW = 0.0, 0 * W",
        "good manners",
    ),
    ("relu_backward", "    return dx", "    dout *= len(dx) > 1\n    return dx", "good manners"),
    ("tanh_backward", "return g", "g *= 1 + (g.dtype == np.float32)\n    return g", "good manners"),
    (
        "dropout_forward",
        "x * mask",
        "np.multiply(x, mask, out=x if x.dtype == np.float32 else None)",
        "good manners",
    ),
    # randomness and memory of earlier calls
    ("dropout_forward", "x * mask, mask", "x * (np.random.rand(*x.shape) < 0.5), mask", "forward"),
    ("sigmoid_backward", "dout * out", "np.random.rand() * dout * out", "gradient of x"),
    ("sigmoid_backward", "dout * out", "np.random.default_rng().normal() * dout * out", "gradient of x"),
    # what is no answer
    ("relu_backward", "return dx", "return None", "gradient of x"),
    ("relu_backward", "return dx", "pass", "gradient of x"),
    ("relu_forward", "return np.maximum(x, 0), x", "...", "forward"),
    ("relu_forward", "return np.maximum(x, 0), x", "raise NotImplementedError", "forward"),
    ("relu_backward", "return dx", "return dx, dx", "gradient of x"),
    ("relu_backward", "return dx", "return dx * np.nan", "gradient of x"),
    ("relu_backward", "return dx", "return dx + 0j", "gradient of x"),
    ("relu_backward", "return dx", "return dx.astype(object)", "gradient of x"),
    ("relu_backward", "return dx", "return dx.tolist()", "gradient of x"),
    ("relu_backward", "return dx", "return 'dx'", "gradient of x"),
    ("relu_backward", "return dx", "return dx.ravel()", "gradient of x"),
    ("relu_backward", "return dx", "return np.ma.masked_all(dx.shape)", "gradient of x"),
    ("affine_forward", "return out, (x, w, b)", "return out, (x, w, b), 1", "forward"),
    ("affine_forward", "return out, (x, w, b)", "return (x, w, b), out", "forward"),
    ("affine_backward", "return dx, dw, db", "return dx, dw", "gradient of b"),
    ("affine_backward", "return dx, dw, db", "return dx, dw, None", "gradient of b"),
    ("affine_backward", "return dx, dw, db", "return dx, db, dw", "gradient of b"),
    ("affine_backward", "return dx, dw, db", "return {'dx': dx, 'dw': dw}", "gradient of b"),
    ("affine_backward", "return dx, dw, db", "import sys; sys.exit(0)", "gradient of x"),
    ("affine_backward", "return dx, dw, db", "return affine_backward(dout, cache)", "gradient of x"),
    ("affine_backward", "return dx, dw, db", "return input('dx?')", "gradient of x"),
    ("softmax_loss", "    return loss, dx", "    return loss", "forward"),
    ("softmax_loss", "    return loss, dx", "    return dx, loss", "forward"),
    ("softmax_loss", "    return loss, dx", "    return np.array([loss]), dx", "forward"),
]


def exercise_of(function):
    for name, exercise in pb.testing.catalogue().items():
        if function in (name, *(f"{n}_{part}" for n in exercise.names for part in ENDS)):
            return name
    raise LookupError(function)


SIGMOID = """
def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    {}

def sigmoid_backward(dout, cache):
    {}
"""


@pytest.mark.parametrize(
    ("forward", "backward", "criterion"),
    [
        (
            "KEPT[x.shape] = out; return out.copy(), x.shape",
            "out = KEPT[cache]; return dout * out * (1 - out)",
            "good manners",
        ),
        (
            "shared = KEPT.setdefault((x.shape, x.dtype), out); shared[...] = out; return shared.copy(), shared",
            "return dout * cache * (1 - cache)",
            "good manners",
        ),
        (
            "return out, out",
            "return KEPT.setdefault((dout.shape, float(dout.sum())), dout * cache * (1 - cache)).copy()",
            "gradient of x",
        ),
        (
            "return out, [out, 1.0]",
            "out, by = cache; cache[1] *= 2; return by * dout * out * (1 - out)",
            "good manners",
        ),
        ("return out, iter([out])", "out = next(cache); return dout * out * (1 - out)", "good manners"),
    ],
    ids=["kept by shape", "one array by shape", "remembered by upstream", "number in the cache", "used up"],
)
def test_what_is_kept_between_calls_of_the_same_sizes_is_found(forward, backward, criterion):
    space = {"np": np, "KEPT": {}}
    exec(SIGMOID.format(forward, backward), space)
    result = pb.testing.grade(space, "sigmoid", time_limit=30)
    assert criterion in {c.name for c in result["sigmoid"].criteria if not c.ok}, str(result)


@pytest.mark.parametrize(
    "tampering",
    [
        "np.allclose = lambda *a, **k: True",
        "np.all = np.array_equal = np.allclose = lambda *a, **k: True",
        "import builtins; builtins.abs = builtins.float = lambda *a: 0.0",
        "import pullback.train.grading.criteria as c; c._close = c.alike = c._same = lambda *a: True",
        "import pullback.train.grading.trial as t; t.gradcheck = None; t.Trial.numerically = lambda *a: ''",
        "import pullback.train.grading.report as r; r.Grade.ok = True",
        "import pullback as pb; pb.relu = lambda x: x * 0",
        "del np.allclose",
    ],
)
@pytest.mark.parametrize("where", ["forward", "backward"])
def test_what_is_put_in_the_place_of_the_graders_tools_helps_nobody(tampering, where):
    space = {"np": np}
    exec(
        "def relu_forward(x):\n    FORWARD\n    return np.maximum(x, 0), x\n\n\n"
        "def relu_backward(dout, x):\n    BACKWARD\n    return dout * (x > 0)".replace(
            where.upper(), tampering
        )
        .replace("FORWARD", "pass")
        .replace("BACKWARD", "pass"),
        space,
    )
    allclose, gradcheck, relu = np.allclose, pb.gradcheck, pb.relu
    result = pb.testing.grade(space, "relu", time_limit=30)
    assert (np.allclose, pb.gradcheck, pb.relu) == (allclose, gradcheck, relu)
    assert not result.ok
    wrong = next(c for c in result["relu"].criteria if not c.ok)
    assert "in the place of" in wrong.finding
    right = {"relu_forward": lambda x: (np.maximum(x, 0), x), "relu_backward": lambda dout, x: dout * (x > 0)}
    assert pb.testing.grade(right, "relu").ok, "everything is as it was"


def test_a_gradient_that_goes_in_full_to_every_largest_value_is_wrong():
    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        height, width, s = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
        dx = np.zeros_like(x)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows, columns = slice(i * s, i * s + height), slice(j * s, j * s + width)
                window = x[:, :, rows, columns]
                top = window == window.max(axis=(2, 3), keepdims=True)
                dx[:, :, rows, columns] += dout[:, :, i : i + 1, j : j + 1] * top
        return dx

    space = planted("max_pool_forward_naive", "x.shape", "x.shape") | {
        "max_pool_backward_naive": max_pool_backward_naive
    }
    result = pb.testing.grade(space, "max_pool", time_limit=30)
    (wrong,) = [c for c in result["max_pool"].criteria if not c.ok]
    assert wrong.name == "unusual inputs"
    assert "equal values" in wrong.finding
    assert "shared among them" in wrong.mend


ENDS = ("forward", "backward", "forward_naive", "backward_naive")


def planted(function, old, new):
    """The right answers with one mistake, as a namespace."""
    head, body = re.split(rf"(?<=\n)(?=def {function}\()", RIGHT, maxsplit=1)
    assert old in body.split("\n\n\n")[0], "the mistake is planted in what stands there"
    space = {"__name__": "answers"}
    exec(head + body.replace(old, new, 1), space)
    return space


@pytest.mark.parametrize(("function", "old", "new", "criterion"), MISTAKES)
def test_a_planted_mistake_loses_points(function, old, new, criterion):
    exercise = exercise_of(function)
    result = pb.testing.grade(planted(function, old, new), exercise, time_limit=30)
    assert not result.ok
    assert result.score < result.total
    wrong = {c.name: c.finding for c in result[exercise].criteria if not c.ok}
    assert criterion in wrong, str(result)
    assert all(c.score == 0 for c in result[exercise].criteria if not c.ok)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import itertools\n    for _ in itertools.count(): x = x + 1",
        "import time; time.sleep(9)",
    ],
)
def test_what_does_not_end_is_stopped(body):
    space = {}
    exec(f"def relu_forward(x):\n    {body}\n\n\ndef relu_backward(dout, x):\n    return dout", space)
    result = pb.testing.grade(space, "relu", time_limit=0.2)
    assert result.score == 0
    assert "did not end within 0.2 seconds" in result["relu"].criteria[0].finding


def test_a_loop_that_catches_everything_is_given_up():
    space = {}
    exec(
        "def relu_forward(x):\n    while not stop:\n        try:\n            for _ in range(9): pass\n"
        "        except BaseException: pass\n\n\nstop = []\ndef relu_backward(dout, x):\n    return dout",
        space,
    )
    try:
        result = pb.testing.grade(space, "relu", time_limit=0.2)
    finally:
        space["stop"].append(1)
    assert result.score == 0
