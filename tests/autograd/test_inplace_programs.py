"""Random programs of views, writes in place and uses: values as NumPy's, and gradients exact.

A program runs on NumPy's own arrays, which define what it means. Its derivative is exact there, too: a complex step
x + ih has it as the imaginary part, because every statement is an analytic function or moves numbers. What is
written under `no_grad` replaces the real part only, and `detach` gives the real part of the memory.
"""

import contextlib
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.autograd import tape
from pullback.autograd.ops.index import assign

SHAPES = [[(2, 3), (3,), ()], [(3, 2), (2,)], [(2, 2, 2), (2, 2)]]
STEP = 1e-30


class Program:
    """Statements that follow from a seed and from the shapes alone, so that every run is the same."""

    def __init__(self, seed, outside_the_tape=False):
        self.seed = seed
        self.outside_the_tape = outside_the_tape

    def run(self, inputs):
        """The final value, which depends on every variable, and all variables."""
        self.rng = np.random.default_rng(self.seed)
        self.tensors = isinstance(inputs[0], pb.Tensor)
        self.pool = [self.kept(x * 1.0) for x in inputs]
        statements = [self.compute, self.view, self.view, self.write, self.write, self.augment]
        statements += [self.detach, self.write_untracked] if self.outside_the_tape else []
        for _ in range(self.rng.integers(3, 13)):
            self.chosen(statements)()
        rng = np.random.default_rng(self.seed)
        total = 0.0
        for x in self.pool:
            total = total + (np.sin(x) * rng.normal(size=x.shape)).sum()
        return total, self.pool

    def chosen(self, items):
        return items[self.rng.integers(len(items))]

    def kept(self, x):
        """NumPy's operations give scalars for 0-d results, which cannot be written."""
        return x if self.tensors else np.asarray(x)

    # statements

    def compute(self):
        x, y = self.chosen(self.pool), self.chosen(self.pool)
        y = y if fits(y.shape, x.shape) else x
        which = self.rng.integers(4)
        self.pool.append(self.kept([lambda: x * y, lambda: x + y, lambda: np.sin(x), lambda: x * x][which]()))

    def view(self):
        x = self.chosen(self.pool)
        which = self.rng.integers(9)
        if which < 4:
            found = x[self.slices(x.shape)]
        elif which == 4:
            found = x.reshape((1, *x.shape[:-1], *x.shape[-1:]))
        elif which == 5:
            found = x.swapaxes(0, x.ndim - 1) if x.ndim else x.T
        else:
            found = [np.squeeze, np.flip, lambda x: x.T][which - 6](x)
        self.pool.append(self.kept(found))

    def write(self):
        x = self.chosen(self.pool)
        index = self.slices(x.shape) if self.rng.random() < 0.5 else self.arrays(x.shape)
        value = self.value(np.zeros(x.shape)[index].shape, x)
        which = self.rng.integers(4)
        if which == 0:
            x[index] = value
        elif which == 1:
            x[index] += value
        elif which == 2:
            x[index] *= value
        else:
            x[index] -= value

    def augment(self):
        x = self.chosen(self.pool)
        value = self.value(x.shape, x)
        which = self.rng.integers(3)
        if which == 0:
            np.multiply(x, value, out=x)
        elif which == 1:
            x += value
        else:
            x -= value

    def detach(self):
        x = self.chosen(self.pool)
        self.pool.append(x.detach() if self.tensors else x.real)

    def write_untracked(self):
        x = self.chosen(self.pool)
        index, value = self.slices(x.shape), float(self.rng.normal())
        with pb.no_grad() if self.tensors else contextlib.nullcontext():
            (x if self.tensors else x.real)[index] = value

    # what they are made of

    def slices(self, shape):
        parts = []
        for n in shape:
            which = self.rng.random()
            if which < 0.4:
                start = int(self.rng.integers(0, n + 1))
                parts.append(
                    slice(start, int(self.rng.integers(start, n + 1)), 1 + int(self.rng.random() < 0.2))
                )
            elif which < 0.6 or not n:
                parts.append(slice(None, None, -1))
            elif which < 0.8:
                parts.append(slice(None))
            else:
                parts.append(int(self.rng.integers(-n, n)))
        if self.rng.random() < 0.2:
            parts.insert(int(self.rng.integers(len(parts) + 1)), None)
        if self.rng.random() < 0.2:
            parts.append(Ellipsis)
        return tuple(parts)

    def arrays(self, shape):
        """A mask, or integers, some of them twice."""
        if not shape or 0 in shape:
            return (Ellipsis,)
        which = self.rng.random()
        if which < 0.4:
            return (self.rng.random(shape) < 0.5,)
        rows = self.rng.integers(-shape[0], shape[0], 3)
        if len(shape) > 1 and which < 0.7:
            return rows, self.rng.integers(0, shape[1], 3)
        return (slice(None), self.rng.integers(0, shape[1], 2)) if len(shape) > 1 else (rows,)

    def value(self, shape, target):
        """What is written: a number, or what is computed from a variable that broadcasts."""
        source = self.chosen(self.pool)
        if (
            self.rng.random() < 0.3
            or not fits(source.shape, shape)
            or not same_kind(source, target, self.tensors)
        ):
            return float(self.rng.normal())
        return np.sin(source) if self.rng.random() < 0.7 else source * 1


def fits(shape, whole):
    try:
        return np.broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False


def same_kind(source, target, tensors):
    """What is tracked is not written into what is detached; in the reference, complex numbers into real memory."""
    if tensors:
        return target.requires_grad or not source.requires_grad
    return target.dtype.kind == "c" or source.dtype.kind == "f"


def inputs_of(seed, size=None):
    rng = np.random.default_rng(seed)
    lead = () if size is None else (size,)
    return [rng.normal(size=lead + shape) / 2 for shape in SHAPES[seed % 3]]


def slopes_by_complex_steps(program, inputs):
    """The derivative of the final value in every element of every input."""
    found = []
    for n, x in enumerate(inputs):
        slope = np.zeros(x.shape)
        for place in np.ndindex(*x.shape):
            arrays = [np.array(each, complex) for each in inputs]
            arrays[n][place] += 1j * STEP
            slope[place] = np.imag(program.run(arrays)[0]) / STEP
        found.append(slope)
    return found


@pytest.fixture(autouse=True)
def large_numbers_are_no_concern():
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=RuntimeWarning
        )  # programs that grow without bound are left out
        yield


def tame(value):
    return np.isfinite(value) and np.abs(value) < 1e6


def unless_refused(function, words):
    """What a function gives; None if it raises the error that is allowed."""
    try:
        return function()
    except RuntimeError as error:
        if words not in str(error):
            raise
        return None


@pytest.mark.parametrize("outside_the_tape", [False, True])
@pytest.mark.parametrize("seed", range(150))
def test_values_and_gradients(seed, outside_the_tape):
    program, inputs = Program(seed, outside_the_tape), inputs_of(seed)
    total, variables = program.run([x.astype(complex) for x in inputs])
    if not tame(total):
        return
    tensors = [pb.tensor(x, requires_grad=True) for x in inputs]
    value, found = program.run(tensors)
    for x, y in zip(variables, found, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), np.real(x), rtol=1e-9, atol=1e-9)
    walk = lambda: pb.gradients(value, tensors, allow_unused=True)
    gradients = unless_refused(walk, "overwritten at") if outside_the_tape else walk()
    if gradients is None:  # a write that the tape did not see has destroyed what backward needs
        return
    for gradient, slope in zip(gradients, slopes_by_complex_steps(program, inputs), strict=True):
        found = 0 if gradient is None else gradient.numpy()
        np.testing.assert_allclose(found, slope, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("seed", range(150))
def test_what_backward_does_in_place_is_not_seen(seed, monkeypatch):
    """The same program with gradients that are copied at every step, and much that is looked at on the way."""
    program, inputs = Program(seed), inputs_of(seed)
    rng = np.random.default_rng(seed)
    how = rng.integers(4)

    def differentiated():
        leaves = [pb.tensor(x, requires_grad=True) for x in inputs]
        total, variables = program.run(leaves)
        kept = [x for x in variables if x.requires_grad][:: 1 + seed % 3]
        seen, holders, start = [], list(leaves), np.array(1.0)
        for number, x in enumerate(kept):
            if how == 1 or (how == 3 and number % 2):
                x.retain_grad()
                holders.append(x)
            if how == 2 or (how == 3 and number % 3 == 0):
                x.register_hook(seen.append)
        asked = pb.gradients(total, [*kept, *leaves], start, retain_graph=True, allow_unused=True)
        given = [None if x is None else x.numpy() for x in asked] + [x.numpy() for x in seen]
        before = [None if x is None else x.copy() for x in given]
        total.backward(start, retain_graph=bool(seed % 2))
        for x, y in zip(given, before, strict=True):
            np.testing.assert_array_equal(x, y)
        assert start == 1
        return before + [None if x.grad is None else x.grad.numpy() for x in holders]

    found = differentiated()
    monkeypatch.setattr(assign.op, "pull_owned", None)
    monkeypatch.setattr(tape, "_is_ours", lambda found, at: False)
    for x, y in zip(found, differentiated(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_many_writes_hand_one_gradient_on(monkeypatch):
    """Each takes its part out of it, so the way back through n writes does not copy n times."""
    arrays, pull = [], assign.op.pull_owned
    monkeypatch.setattr(
        assign.op,
        "pull_owned",
        lambda node, parents, saved, g: arrays.append(g) or pull(node, parents, saved, g),
    )
    x = pb.tensor(np.ones(3), requires_grad=True)
    for start in (
        pb.zeros((20, 3), dtype="float64"),
        pb.zeros((20, 3), dtype="float64").requires_grad_() * 2,
    ):
        arrays.clear()
        x.grad = None
        rows = start
        for number in range(20):
            rows[number] = x * number
        rows.sum().backward()
        assert x.grad.tolist() == [190] * 3
        assert len(arrays) >= 19
        assert all(array is arrays[0] for array in arrays)


def test_a_gradient_that_has_come_there_already_is_not_written():
    """Behind the write another gradient waits, which is the caller's."""
    x, start = pb.tensor(np.ones(3), requires_grad=True), np.arange(3.0)
    rows = x * 1.0
    old = pb.tensor(np.ones(3))
    old._node = rows._node
    rows[1] = 7.0
    (found,) = pb.gradients([(rows * rows).sum(), old], x, [None, start])
    assert found.tolist() == [2, 1, 4]
    assert start.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "index",
    [
        ([0, 2, 3],),
        ([3, -1, 0],),  # two names of one row
        ([-1, -2, 0],),
        ([1, 1, 2],),
        ([[0], [1]], [0, 2]),
        ([0, 1], [2, 2]),
        ([1, 1], [2, 2]),
        (slice(1, 3), [0, 2]),
        ([0, 3], None, [1, 0]),
        ([],),
    ],
)
def test_the_last_that_is_written_to_a_place_counts(index):
    index = tuple(np.array(part, int) if isinstance(part, list) else part for part in index)
    shape = np.zeros((4, 3))[index].shape
    numbers = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    plain, weights = np.zeros((4, 3)), np.random.default_rng(0).normal(size=(4, 3))
    plain[index] = numbers
    value, rows = (
        pb.tensor(numbers, requires_grad=True),
        pb.ones((4, 3), dtype="float64").requires_grad_() * 1,
    )
    rows[index] = value
    (rows * weights).sum().backward()
    expected = np.array([weights[plain == number].sum() for number in numbers.ravel()])
    np.testing.assert_array_equal(value.grad.numpy().ravel(), expected)


@pytest.mark.parametrize("keeps", ["retained", "hook", "asked", "used"])
def test_a_gradient_that_is_kept_on_the_way_is_not_written(keeps):
    x = pb.tensor(np.ones(3), requires_grad=True)
    rows = x * 1.0
    rows[0] = x[1]
    seen, half = [], rows.copy() if keeps == "used" else rows[...]
    middle = rows._node
    if keeps == "retained":
        half.retain_grad()
    elif keeps == "hook":
        rows.register_hook(seen.append)
    rows[1] = x[2]
    total = (rows * rows).sum()
    if keeps == "asked":
        old = pb.tensor(np.ones(3))
        old._node = middle
        (found,) = pb.gradients(total, old, retain_graph=True)
        assert found.tolist() == [2, 0, 2]
    if keeps == "used":
        total = total + half.sum()
    total.backward()
    assert x.grad.tolist() == ([0, 4, 5] if keeps == "used" else [0, 2, 4])
    for gradient in seen:
        assert gradient.tolist() == [2, 0, 2]


@pytest.mark.parametrize("seed", range(100))
def test_under_vmap(seed):
    program, batches = Program(seed), inputs_of(seed, size=2)
    function = lambda *xs: program.run(list(xs))[0]
    every = tuple(range(len(batches)))
    each = [[pb.asarray(x[i]) for x in batches] for i in range(2)]
    expected = [function(*xs).item() for xs in each]
    if not all(map(tame, expected)):
        return
    found = unless_refused(
        lambda: pb.vmap(function)(*map(pb.asarray, batches)), "write into one that has the batch"
    )
    if found is None:
        return
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    inside = pb.vmap(pb.grad(function, every))(*batches)
    outside = pb.grad(lambda *xs: pb.vmap(function)(*xs).sum(), every)(*batches)
    for i, xs in enumerate(each):
        for a, b, c in zip(inside, outside, pb.grad(function, every)(*xs), strict=True):
            np.testing.assert_allclose(a.numpy()[i], c.numpy(), rtol=1e-8, atol=1e-9)
            np.testing.assert_allclose(b.numpy()[i], c.numpy(), rtol=1e-8, atol=1e-9)
