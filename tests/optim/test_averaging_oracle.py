"""AveragedModel and update_bn against PyTorch."""

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


def make(library, how, use_buffers):
    nn, swa = library.nn, library.optim.swa_utils
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    functions = {
        "swa": {},
        "ema": {"avg_fn": swa.get_ema_avg_fn(0.8)},
        "multi": {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.8)},
    }[how]
    return model, swa.AveragedModel(model, use_buffers=use_buffers, **functions)


def loaded(library, rng, shapes):
    return {name: library.tensor(rng.normal(size=shape)) for name, shape in shapes.items()}


@pytest.mark.parametrize("how", ["swa", "ema", "multi"])
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averages(how, use_buffers):
    results = []
    for library in (pb, torch):
        rng = np.random.default_rng(0)
        model, averaged = make(library, how, use_buffers)
        shapes = {k: tuple(v.shape) for k, v in model.state_dict().items() if "num_batches" not in k}
        for _ in range(5):
            state = loaded(library, rng, shapes)
            state["1.running_var"] = abs(state["1.running_var"])
            model.load_state_dict(state, strict=False)
            averaged.update_parameters(model)
        library.optim.swa_utils.update_bn(
            [library.tensor(rng.normal(size=(6, 3))) for _ in range(3)], averaged
        )
        results.append({k: np.asarray(v.detach().numpy()) for k, v in averaged.state_dict().items()})
    assert list(results[0]) == list(results[1])
    for name, value in results[0].items():
        np.testing.assert_allclose(value, results[1][name], rtol=1e-10, err_msg=name)
