"""Losses and gradients that are not finite: nothing is updated with them, and the report says where they come from."""

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train


@pytest.fixture(autouse=True)
def numpy_is_silent():
    with np.errstate(all="ignore"):
        yield


class Log(nn.Module):
    """A layer whose logarithm goes wrong for what is not positive."""

    def forward(self, x):
        return pb.log(x)


class Root(nn.Module):
    """A layer whose gradient is infinite at 0, where its value is finite."""

    def forward(self, x):
        return pb.sqrt(x * (x.detach().numpy() > 0).astype(np.float32))


def parts(middle=None, rows=12, bad=None, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 1.0, size=(rows, 3)).astype(np.float32)
    if bad is not None:
        x[bad] = -1.0
    model = nn.Sequential(
        nn.Linear(3, 4, rng=rng),
        nn.Sequential(nn.Identity() if isinstance(middle, Root) else nn.ReLU(), middle or nn.ReLU()),
        nn.Linear(4, 1, rng=rng),
    )
    with pb.no_grad():
        model[0].weight[...] = pb.tensor(np.abs(rng.normal(size=(4, 3))))
    loader = data.DataLoader(data.TensorDataset(x, np.ones((rows, 1), np.float32)), 3)
    return model, nn.MSELoss(), optim.SGD(model.parameters(), lr=1e-3, momentum=0.9), loader


def weights(model):
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


class Last(train.Callback):
    """Keeps the weights before each batch."""

    def on_batch_begin(self, trainer):
        self.weights = weights(trainer.model)


def fails(*training, **options):
    last = Last()
    with pytest.raises(FloatingPointError) as caught:
        train.fit(*training, epochs=3, progress=False, callbacks=[last], **options)
    for name, value in weights(training[0]).items():
        np.testing.assert_array_equal(value, last.weights[name])
    return str(caught.value)


def test_an_operation_in_a_layer_is_named():
    message = fails(*parts(Log(), bad=7))
    assert " in epoch 1, batch 3, and the parameters were not updated with it. " in message
    assert "It comes from the forward: 'log' at test_guard.py:" in message
    assert "in layer '1.1' gave inf in" in message
    assert "from finite inputs" in message


def test_what_the_bad_batch_leaves_in_statistics_is_not_taken_for_the_cause():
    model, loss, optimizer, loader = parts(Log(), bad=7)
    model = nn.Sequential(model[0], model[1], nn.BatchNorm1d(4), model[2])
    with pytest.raises(
        FloatingPointError, match=r"It comes from the forward: 'log' .* in layer '1\.1' gave inf"
    ):
        train.fit(model, loss, optimizer, loader, epochs=1, progress=False)


def test_a_gradient_that_is_not_finite_with_a_finite_loss():
    message = fails(*parts(Root(), bad=7))
    assert message.startswith("the gradient of the parameter '0.weight' is not finite in epoch 1, batch 3")
    assert "It comes from the backward: the gradient of 'sqrt', called at test_guard.py:" in message
    assert "in layer '1.1'" in message


def test_the_input_and_the_target_are_named():
    model, loss, optimizer, loader = parts()
    x, y = (tensor.numpy().copy() for tensor in loader.dataset.tensors)
    x[4, 2] = np.nan
    broken = data.DataLoader(data.TensorDataset(x, y), 3)
    assert "The input holds values that are not finite, the first in sample 1, at [1, 2]." in fails(
        model, loss, optimizer, broken
    )
    y[8] = np.inf
    broken = data.DataLoader(data.TensorDataset(np.ones_like(x), y), 3)
    assert "The target holds values that are not finite, the first in sample 2, at [2, 0]." in fails(
        model, loss, optimizer, broken
    )


def test_a_parameter_that_was_broken_before_is_named():
    training = parts()
    with pb.no_grad():
        training[0][2].weight[0, 1] = np.nan
    last = Last()
    with pytest.raises(
        FloatingPointError, match=r"The parameter '2\.weight' is not finite, so something before this"
    ):
        train.fit(*training, epochs=1, progress=False, callbacks=[last])


def test_the_same_mask_is_drawn_when_the_batch_is_computed_again():
    """The logarithm only meets a zero where dropout made one."""
    pb.manual_seed(0)
    model, loss, optimizer, loader = parts()
    model = nn.Sequential(model[0], nn.Dropout(0.05), Log(), model[2])
    message = fails(model, loss, optimizer, loader)
    assert "in layer '2' gave inf in" in message


def test_micro_batches_of_an_update_count_together():
    message = fails(*parts(Log(), bad=7), accumulate=4)
    assert "in epoch 1, batch 3" in message


def test_bad_updates_are_skipped_with_a_warning():
    training = parts(Log(), bad=7)
    with pytest.warns(RuntimeWarning, match=r"skipped an update: the loss is .* in epoch \d, batch 3.*'log'"):
        history = train.fit(*training, epochs=2, progress=False, nonfinite="skip", metrics={"r2": train.R2()})
    assert len(history) == 2
    assert all(np.isfinite(value).all() for value in weights(training[0]).values())
    assert np.isfinite(history[1].loss)


def test_a_skipped_update_leaves_no_trace():
    """Batches that are skipped could as well not be there, but for their numbers."""

    def training(bad):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(12, 3)).astype(np.float32)
        x[6:9] = np.inf if bad else x[6:9]
        model = nn.Sequential(
            nn.Linear(3, 4, rng=rng), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1, rng=rng)
        )
        batches = list(data.DataLoader(data.TensorDataset(x, np.ones((12, 1), np.float32)), 3))
        return (
            model,
            nn.MSELoss(),
            optim.Adam(model.parameters(), lr=0.01),
            batches if bad else batches[:2] + batches[3:],
        )

    broken, clean = training(True), training(False)
    with pytest.warns(RuntimeWarning, match="skipped an update"):
        a = train.fit(*broken, epochs=3, progress=False, nonfinite="skip")
    b = train.fit(*clean, epochs=3, progress=False)
    assert [epoch.loss for epoch in a] == [epoch.loss for epoch in b]
    other = weights(clean[0])
    for name, value in weights(broken[0]).items():
        np.testing.assert_array_equal(value, other[name])


def test_many_in_a_row_end_the_training():
    model, _, optimizer, loader = parts()

    def loss(output, target):
        return output.sum() * np.inf

    with (
        pytest.warns(RuntimeWarning, match="skipped an update"),
        pytest.raises(FloatingPointError, match="every update of epoch 1 was skipped"),
    ):
        train.fit(model, loss, optimizer, loader, epochs=9, progress=False, nonfinite="skip")
    with (
        pytest.warns(RuntimeWarning, match="skipped an update"),
        pytest.raises(FloatingPointError, match="20 updates in a row were skipped; the loss is"),
    ):
        train.fit(model, loss, optimizer, list(loader) * 9, epochs=9, progress=False, nonfinite="skip")


def test_an_optimiser_that_looks_itself_is_left_to_it():
    model, loss, _, loader = parts(Root(), bad=7)
    optimizer = optim.SGD(model.parameters(), lr=1e-3)
    optimizer.skip_nonfinite = True
    with pytest.warns(RuntimeWarning, match="the step was skipped and nothing was changed"):
        train.fit(model, loss, optimizer, loader, epochs=1, progress=False)


def test_large_gradients_are_no_error():
    w = pb.tensor([1.0, -1.0, 1.0, -1.0])

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(w)

        def forward(self, x):
            return (self.w * x).sum()

    model = Model()
    history = train.fit(
        model,
        lambda output, target: output * 1.0,
        optim.SGD(model.parameters(), lr=1e-30),
        [(pb.full((4,), 3e38), pb.zeros(4))],  # the gradients, whose sum overflows
        epochs=1,
        progress=False,
    )
    assert np.isfinite(history[0].loss)


def test_bad_options():
    with pytest.raises(ValueError, match="nonfinite is 'raise' or 'skip', not 'ignore'"):
        train.fit(*parts(), epochs=1, nonfinite="ignore")
