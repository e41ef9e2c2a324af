"""Rules that see a parameter's shape: Adafactor, Muon, SparseAdam."""

import numpy as np
import pytest

import pullback as pb
from pullback import optim
from pullback.optim.muon import orthogonal, to_bfloat16


def matrix(rng, *shape):
    return pb.tensor(rng.normal(size=shape), requires_grad=True)


# Adafactor


def test_adafactor_keeps_a_row_and_a_column_for_each_matrix(rng):
    stack, vector = matrix(rng, 2, 3, 4), matrix(rng, 5)
    optimizer = optim.Adafactor([stack, vector])
    (stack.sum() + (vector * vector).sum()).backward()
    optimizer.step()
    shapes = {name: np.shape(entry) for name, entry in optimizer.state[stack].items()}
    assert shapes == {"step": (), "row_var": (2, 3, 1), "col_var": (2, 1, 4)}
    assert list(optimizer.state[vector]) == ["step", "variance"]
    again = optim.Adafactor([stack, vector])
    again.load_state_dict(optimizer.state_dict())
    saved = optimizer.state_dict()
    saved["state"][0]["row_var"] = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"'row_var' of parameter 0 is .*needs \[2, 3, 1\]"):
        again.load_state_dict(saved)


def test_adafactor_moves_relative_to_the_size_of_the_parameter(rng):
    small, large = matrix(rng, 4, 4), matrix(rng, 4, 4)
    with pb.no_grad():
        large *= 1000.0
    optimizer = optim.Adafactor([small, large], lr=0.01)
    small.grad = large.grad = pb.tensor(rng.normal(size=(4, 4)))
    optimizer.step()
    ratios = optimizer.update_ratios()
    assert ratios[small] == pytest.approx(0.01, rel=0.2)
    assert ratios[large] == pytest.approx(ratios[small])


# Muon


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (9, 2), (1, 5)])
def test_the_direction_of_muon_is_nearly_orthogonal(shape, rng):
    x = rng.normal(size=shape)
    found = orthogonal(x, (3.4445, -4.7750, 2.0315), 5, 1e-7)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    inside = np.diag(u.T @ found @ v.T)
    assert (inside > 0.5).all()
    assert (inside < 1.3).all()
    exact = orthogonal(pb.tensor(x), (3.4445, -4.7750, 2.0315), 5, 1e-7)
    np.testing.assert_allclose(found, exact.numpy(), atol=0.05)
    assert found.dtype == exact.dtype == np.float64


def test_rounding_to_bfloat16():
    numbers = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -3.14159, 0.0, 1e30], np.float32)
    expected = [1.0, 1.0, 1 + 2**-6, 1 + 2**-7, -3.140625, 0.0]
    assert to_bfloat16(numbers)[:6].tolist() == expected
    assert to_bfloat16(numbers)[6] == pytest.approx(1e30, rel=2**-8)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
def test_muon_takes_matrices_only(shape):
    with pytest.raises(ValueError, match=r"parameter 0 of group 0 has shape .*matrices only"):
        optim.Muon([pb.ones(shape, requires_grad=True)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "lr must be"),
        ({"ns_steps": 100}, "ns_steps must be from 0 to 99"),
        ({"ns_coefficients": (1.0, 2.0)}, "ns_coefficients must be three numbers"),
        ({"adjust_lr_fn": "other"}, "adjust_lr_fn must be None, 'original' or"),
    ],
)
def test_options_of_muon_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        optim.Muon([pb.ones((2, 2), requires_grad=True)], **options)


# SparseAdam


def test_only_rows_that_were_read_are_touched(rng):
    table = matrix(rng, 6, 2)
    before = table.detach().numpy().copy()
    optimizer = optim.SparseAdam([table], lr=0.1)
    for rows in ([1, 4, 1], [4]):
        optimizer.zero_grad()
        (table[pb.tensor(rows)] ** 2).sum().backward()
        optimizer.step()
    moved = np.abs(table.detach().numpy() - before).max(axis=1)
    assert (moved > 0).tolist() == [False, True, False, False, True, False]
    state = optimizer.state[table]
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"]
    assert (state["exp_avg_sq"] > 0).any(axis=1).tolist() == [False, True, False, False, True, False]
    assert state["step"] == 2
    ratio = optimizer.update_ratios()[table]
    assert 0 < ratio < 0.1


def test_the_first_step_on_all_rows_is_adams(rng):
    start = rng.normal(size=(4, 3))
    sparse, dense = pb.tensor(start, requires_grad=True), pb.tensor(start, requires_grad=True)
    for table, optimizer in (
        (sparse, optim.SparseAdam([sparse], eps=1e-30)),
        (dense, optim.Adam([dense], eps=1e-30)),
    ):
        for _ in range(3):
            optimizer.zero_grad()
            (table[pb.arange(4)] ** 2).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(sparse.detach().numpy(), dense.detach().numpy(), rtol=1e-12)


def test_whole_gradients_are_refused_before_anything_changes(rng):
    table, whole = matrix(rng, 4, 2), matrix(rng, 3, 2)
    before = table.tolist()
    optimizer = optim.SparseAdam([table, whole], lr=0.1)
    (table[pb.tensor([1])].sum() + whole.sum()).backward()
    with pytest.raises(
        RuntimeError, match=r"updates rows, and the gradient of a parameter of shape \(3, 2\)"
    ):
        optimizer.step()
    assert table.tolist() == before
    optimizer.zero_grad()
    with pytest.raises(RuntimeError, match="no parameter has a gradient"):
        optimizer.step()


def test_rows_that_are_not_finite_are_skipped_if_asked(rng):
    table = matrix(rng, 4, 2)
    before = table.tolist()
    optimizer = optim.SparseAdam([table])
    optimizer.skip_nonfinite = True
    (table[pb.tensor([1])] * np.inf).sum().backward()
    with pytest.warns(RuntimeWarning, match="2 elements that are not finite"):
        optimizer.step()
    assert table.tolist() == before


def test_sparse_training_goes_on_from_a_saved_state(rng, tmp_path):
    start, rows = rng.normal(size=(8, 2)), rng.integers(0, 8, (10, 3))

    def train(table, optimizer, steps):
        for step in steps:
            optimizer.zero_grad()
            (table[pb.asarray(rows[step])] ** 2).sum().backward()
            optimizer.step()

    table = pb.tensor(start, requires_grad=True)
    optimizer = optim.SparseAdam([table], lr=0.1)
    train(table, optimizer, range(5))
    again = pb.tensor(table.detach().numpy(), requires_grad=True)
    resumed = optim.SparseAdam([again])
    pb.save(optim.flatten_state(optimizer.state_dict()), tmp_path / "state")
    resumed.load_state_dict(optim.unflatten_state(pb.load(tmp_path / "state")))
    train(table, optimizer, range(5, 10))
    train(again, resumed, range(5, 10))
    assert table.tolist() == again.tolist()


def test_an_embedding_is_trained_by_its_rows():
    embedding = pb.nn.Embedding(50, 4, padding_idx=0, sparse=True)
    before = embedding.weight.detach().numpy().copy()
    optimizer = optim.SparseAdam(embedding.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (embedding(pb.tensor([[3, 0], [7, 3]])) ** 2).sum().backward()
        optimizer.step()
    moved = np.abs(embedding.weight.detach().numpy() - before).max(axis=1) > 0
    assert np.flatnonzero(moved).tolist() == [3, 7]
