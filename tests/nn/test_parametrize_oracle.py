"""Weight norm and spectral norm against PyTorch."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn.utils import parametrizations

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def close(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("weight_norm", {}),
        ("weight_norm", {"dim": 1}),
        ("weight_norm", {"dim": None}),
        ("spectral_norm", {}),
        ("spectral_norm", {"dim": 1, "n_power_iterations": 3}),
        ("spectral_norm", {"name": "bias"}),
    ],
)
def test_values_gradients_and_keys(name, options):
    ours = getattr(parametrizations, name)(nn.Linear(3, 4, dtype="float64"), **options)
    theirs = getattr(torch.nn.utils.parametrizations, name)(
        torch.nn.Linear(3, 4, dtype=torch.float64), **options
    )
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for mode in (True, True, False):
        ours.train(mode)
        theirs.train(mode)
        ours.zero_grad()
        theirs.zero_grad()
        x = RNG.normal(size=(5, 3))
        y, z = ours(pb.tensor(x)), theirs(torch.tensor(x))
        close(y, z)
        y.tanh().sum().backward()
        z.tanh().sum().backward()
        for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert our.shape == their.shape
            close(our.grad, their.grad)
        for our, their in zip(ours.buffers(), theirs.buffers(), strict=True):
            close(our, their)


@pytest.mark.filterwarnings("ignore:.*is deprecated")
@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_states_of_the_older_functions_are_loaded(name):
    theirs = torch.nn.Sequential(getattr(torch.nn.utils, name)(torch.nn.Linear(3, 4, dtype=torch.float64)))
    state = {key: value.numpy() for key, value in theirs.state_dict().items()}
    ours = nn.Sequential(getattr(parametrizations, name)(nn.Linear(3, 4, dtype="float64")))
    ours.load_state_dict(state)
    x = RNG.normal(size=(5, 3))
    close(ours.eval()(pb.tensor(x)), theirs.eval()(torch.tensor(x)))
    with pytest.raises(RuntimeError, match="missing: "):
        ours.load_state_dict({key: value for key, value in state.items() if key[-2:] not in ("_g", "ig")})
