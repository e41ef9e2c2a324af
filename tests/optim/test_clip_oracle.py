"""Clipping against PyTorch."""

import math

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")


@pytest.mark.parametrize("order", [0.0, 0.7, 1.0, 2.0, 4.0, math.inf])
@pytest.mark.parametrize("limit", [0.0, 0.3, 5.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norms(order, limit, dtype):
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in ((3, 4), (5,), (), (2, 1, 3))]
    results = []
    for library in (pb, torch):
        params = [library.zeros(a.shape, dtype=getattr(library, np.dtype(dtype).name)) for a in arrays]
        for p, a in zip(params, arrays, strict=True):
            p.requires_grad_()
            p.grad = library.tensor(a)
        norm = library.nn.utils.clip_grad_norm_(params, limit, order)
        again = library.nn.utils.get_total_norm([p.grad for p in params], order)
        library.nn.utils.clip_grads_with_norm_(params, limit / 2, again)
        grads = [np.asarray(p.grad.detach().numpy()).ravel() for p in params]
        library.nn.utils.clip_grad_value_(params, 0.01)
        clipped = [np.asarray(p.grad.detach().numpy()).ravel() for p in params]
        results.append(np.concatenate([[norm.item(), again.item()], *grads, *clipped]))
    np.testing.assert_allclose(*results, rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(
    "name", ["clip_grad_norm_", "clip_grads_with_norm_", "clip_grad_value_", "get_total_norm"]
)
def test_the_arguments_have_the_same_names_defaults_and_order(name):
    import inspect

    ours, theirs = (inspect.signature(getattr(library.nn.utils, name)).parameters for library in (pb, torch))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
