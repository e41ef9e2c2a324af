"""The other side of the tables in `docs/coming-from.md`: it runs in that library, and gives the same numbers."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.oracle


def load():
    specification = importlib.util.spec_from_file_location(
        "tables", Path(__file__).parent / "test_coming_from.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


TABLES = load()
PYTORCH = """
import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset
x = torch.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)
w = torch.tensor([0.5, 2.0], requires_grad=True)
v, labels, array = torch.tensor([3.0, -1.0]), torch.tensor([1, 0]), np.array([1.0, 2.0])
model = nn.Linear(2, 3)
_ = nn.init.constant_(model.weight, 0.5), nn.init.constant_(model.bias, 0.25)
f = lambda w: (w**3).sum()
loss = F.cross_entropy(model(x), labels)
optimizer = optim.Adam(model.parameters(), lr=0.1)
torch.save(model.state_dict(), "m.pt")
"""
AUTOGRAD = """
import autograd.numpy as np
from autograd import elementwise_grad, grad, hessian, jacobian, value_and_grad
from autograd import checkpoint, make_hvp, make_jvp, make_vjp
from autograd.extend import defvjp, primitive
from autograd.scipy.special import gammaln
v, u = np.array([0.5, 1.5]), np.array([1.0, 2.0])
f = lambda x: np.sum(np.tanh(x) * x)
g = lambda x: np.sin(x) * x
h = lambda x, y: x * y**2
"""
MYGRAD = """
import numpy as np
import mygrad as mg
from mygrad.nnet import multiclass_hinge, relu, softmax, softmax_crossentropy
x = mg.tensor([1.0, 2.0, -3.0])
scores = mg.tensor([[1.0, 2.0], [0.0, -1.0]])
labels = np.array([1, 0])
"""
MICROGRAD = """
from micrograd.engine import Value
from micrograd.nn import MLP
a, b = Value(2.0), Value(-3.0)
"""
LIBRARIES = {
    "PyTorch": ("torch", PYTORCH),
    "HIPS autograd": ("autograd", AUTOGRAD),
    "MyGrad": ("mygrad", MYGRAD),
    "micrograd": ("micrograd", MICROGRAD),
}


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize(
    ("section", "there", "here"), [row for row in TABLES.ROWS if row[0] in LIBRARIES], ids=lambda text: text
)
def test_there_and_here_are_the_same(section, there, here, tmp_path, monkeypatch):
    library, preparation = LIBRARIES[section]
    pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(preparation, names)
    theirs = TABLES.plain(TABLES.value_of(there, names))
    ours = TABLES.plain(TABLES.value_of(here, TABLES.prepared(section)))
    assert TABLES.same(theirs, ours), (theirs, ours)
