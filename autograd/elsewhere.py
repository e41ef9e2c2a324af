"""PyTorch's names that are not here: asking for one is an AttributeError that says what to write instead.

They are descriptors and no `__getattr__`, which would make every other attribute of a tensor slower; `hasattr` is
False for them, as for any name that is missing.
"""

from __future__ import annotations

from typing import NoReturn

METHODS = {
    "add_": "x += y",
    "allclose": "pb.allclose(x, y)",
    "bmm": "x @ y",
    "bool": 'x.astype("bool")',
    "chunk": "pb.split(x, 2)",
    "clamp": "x.clip(0, 1)",
    "clone": "x.copy()",
    "contiguous": "x",
    "cpu": "x",
    "cuda": "x; there is no device but the CPU",
    "detach_": "x.detach()",
    "dim": "x.ndim",
    "div_": "x /= y",
    "double": 'x.astype("float64")',
    "equal": "pb.array_equal(x, y)",
    "expand": "pb.broadcast_to(x, (3, 2, 2))",
    "fill_": "x[...] = 1",
    "float": 'x.astype("float32")',
    "grad_fn": "x.is_leaf; pb.record() and pb.viz.draw show the graph",
    "half": 'x.astype("float16")',
    "index_select": "pb.take(x, [0], axis=0)",
    "int": 'x.astype("int32")',
    "isinf": "pb.isinf(x)",
    "isnan": "pb.isnan(x)",
    "long": 'x.astype("int64")',
    "masked_fill": "pb.masked_fill(x, x > 0, 0)",
    "masked_fill_": "x[x > 0] = 0",
    "mm": "x @ y",
    "mul_": "x *= y",
    "mv": "x @ y",
    "nelement": "x.size",
    "new_zeros": "pb.zeros((2, 3), dtype=x.dtype)",
    "nonzero": "pb.nonzero(x)",
    "norm": "pb.norm(x)",
    "numel": "x.size",
    "pow": "x ** 2",
    "repeat": "pb.tile(x, (2, 1))",
    "rsqrt": "1 / pb.sqrt(x)",
    "scatter_add": "pb.scatter_add",
    "sort": "pb.sort(x, axis=-1); the places are pb.argsort(x, axis=-1)",
    "split": "pb.split(x, 2); it takes the number of parts, as NumPy's",
    "sub_": "x -= y",
    "t": "x.T",
    "to": 'x.astype("float64"); there is no device but the CPU',
    "topk": "pb.topk(x, 1)",
    "type": "x.dtype; x.astype converts",
    "type_as": "x.astype(y.dtype)",
    "unbind": "pb.unstack(x)",
    "unsqueeze": "x[None]; pb.expand_dims(x, axis=0) for any axis",
    "view": "x.reshape(4)",
    "view_as": "x.reshape(y.shape)",
    "zero_": "x[...] = 0",
}

FUNCTIONS = {
    "FloatTensor": "pb.tensor",
    "LongTensor": "pb.tensor",
    "arccos": "pb.acos",
    "arcsin": "pb.asin",
    "arctan": "pb.atan",
    "as_tensor": "pb.asarray, which shares memory, or pb.tensor, which copies",
    "bmm": "pb.matmul",
    "cat": "pb.concat",
    "chunk": "pb.split",
    "clamp": "pb.clip",
    "clone": "x.copy()",
    "concatenate": "pb.concat",
    "cuda": "nothing: there is no device but the CPU",
    "device": 'nothing, or "cpu": there is no other',
    "double": "pb.float64",
    "expand_as": "pb.broadcast_to",
    "float": "pb.float32",
    "from_numpy": "pb.asarray, which shares memory",
    "half": 'the dtype "float16"',
    "inference_mode": "pb.no_grad",
    "invert": "pb.bitwise_invert",
    "long": "pb.int64",
    "mm": "pb.matmul",
    "mv": "pb.matmul",
    "numel": "x.size",
    "permute": "pb.permute_dims",
    "power": "pb.pow",
    "randint": "pb.default_generator().integers",
    "randperm": "pb.default_generator().permutation",
    "rsqrt": "1 / pb.sqrt(x)",
    "set_grad_enabled": "pb.enable_grad and pb.no_grad",
    "transpose": "pb.permute_dims, pb.swapaxes or x.mT",
    "unbind": "pb.unstack",
    "unsqueeze": "pb.expand_dims",
}


class Elsewhere:
    """A method of PyTorch's tensors that `Tensor` does not have."""

    def __init__(self, name: str, instead: str) -> None:
        self.name = name
        self.instead = instead

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(
            f"a {owner.__name__} has no {self.name!r}; write {self.instead}", name=self.name, obj=instance
        )


def of_module(module: str, name: str) -> AttributeError:
    """The error for a name that the package does not have, with what to write instead where that is known."""
    instead = f"; write {FUNCTIONS[name]}" if name in FUNCTIONS else ""
    return AttributeError(f"module {module!r} has no attribute {name!r}{instead}", name=name)
