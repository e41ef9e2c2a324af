"""The activations with PyTorch's argument `inplace`: the operation, and then a write over its input.

Such a write is tracked like `x[...] = y`: gradients stay right, and what cannot be overwritten is refused. It saves
no memory where backward needs the old values.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ...autograd import Tensor
from ...autograd import relu as new_relu
from .activation import mish as new_mish
from .activation import silu as new_silu
from .rectifier import celu as new_celu
from .rectifier import elu as new_elu
from .rectifier import hardsigmoid as new_hardsigmoid
from .rectifier import hardswish as new_hardswish
from .rectifier import hardtanh as new_hardtanh
from .rectifier import leaky_relu as new_leaky_relu
from .rectifier import relu6 as new_relu6
from .rectifier import rrelu as new_rrelu
from .rectifier import selu as new_selu
from .rectifier import threshold as new_threshold


def allowing_inplace(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of one input, with a last argument `inplace` that writes the result over the input.

    Args:
        function: the operation, or a function that ends in one.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> x = pb.tensor([-1.0, 2.0])
    >>> F.relu(x, inplace=True) is x, x.tolist()
    (True, [0.0, 2.0])
    """
    signature = inspect.signature(function)
    own = list(signature.parameters.values())
    positional = [parameter for parameter in own if parameter.kind is not parameter.KEYWORD_ONLY]
    place = len(positional) - 1

    @functools.wraps(function)
    def call(input: Any, *args: Any, inplace: bool = False, **kwargs: Any) -> Tensor:
        if len(args) == place + 1:
            args, inplace = args[:place], *args[place:]
        result = function(input, *args, **kwargs)
        return overwritten(function.__name__, input, result) if inplace else result

    call.__module__ = __name__  # where pickle finds it
    flag = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]  # functions take attributes
        parameters=[*(p.replace(kind=flag.kind) for p in positional), flag, *own[len(positional) :]]
    )
    return call


def overwritten(where: str, input: Any, result: Tensor) -> Tensor:
    """The input with a result in the place of its values.

    Raises:
        TypeError: for an input that is no Tensor.
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{where}: inplace=True writes into its input, which must be a Tensor and not "
            f"{type(input).__name__}; leave it out"
        )
    input[...] = result
    return input


relu = allowing_inplace(new_relu)
celu = allowing_inplace(new_celu)
elu = allowing_inplace(new_elu)
hardsigmoid = allowing_inplace(new_hardsigmoid)
hardswish = allowing_inplace(new_hardswish)
hardtanh = allowing_inplace(new_hardtanh)
leaky_relu = allowing_inplace(new_leaky_relu)
relu6 = allowing_inplace(new_relu6)
rrelu = allowing_inplace(new_rrelu)
selu = allowing_inplace(new_selu)
threshold = allowing_inplace(new_threshold)
mish = allowing_inplace(new_mish)
silu = allowing_inplace(new_silu)
