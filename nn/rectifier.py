"""Activations made of pieces as modules: rectifiers and their relatives, and shrinkage."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, get_default_dtype
from ..autograd.extend import check_generator
from . import functional as F  # noqa: N812 - the field's abbreviation
from .activation import Activation
from .functional.check import whole
from .module import Module
from .parameter import Parameter


class ReLU(Activation):
    """max(0, x), element by element; the gradient at 0 is 0.

    Args:
        inplace: write the result over the input. Gradients stay right, and what cannot be overwritten is refused.

    >>> import pullback as pb
    >>> pb.nn.ReLU()(pb.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.relu(input, inplace=self.inplace)


class LeakyReLU(Activation):
    """x where it is positive, else `negative_slope`·x; see `functional.leaky_relu`.

    Args:
        negative_slope: the slope on the left.
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.LeakyReLU(0.5)(pb.tensor([-1.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(Module):
    """x where it is positive, else weight·x, with a weight that is learned; see `functional.prelu`.

    Args:
        num_parameters: 1, or the number of channels, the length of the input's second axis.
        init: what the weights start from.
        dtype: of the parameter; the default dtype if not given.

    Raises:
        ValueError: for a number of parameters below 1.

    >>> import pullback as pb
    >>> pb.nn.PReLU()(pb.tensor([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = whole("num_parameters", num_parameters)
        self.init = init
        dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
        self.weight = Parameter(np.full(self.num_parameters, init, dtype))

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The settings."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Activation):
    """The leaky rectifier with random slopes in training, and their mean in evaluation; see `functional.rrelu`.

    Args:
        lower: the least slope.
        upper: the greatest.
        inplace: write the result over the input.
        rng: the generator of the slopes; the program's if not given.

    Raises:
        ValueError: for `lower` above `upper`.

    >>> import pullback as pb
    >>> pb.nn.RReLU(0.5, 1.0).eval()(pb.tensor([-1.0, 2.0])).tolist()
    [-0.75, 2.0]
    """

    _shown = ("lower", "upper")

    def __init__(
        self,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        inplace: bool = False,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        if not lower <= upper:
            raise ValueError(f"RReLU: lower must not be above upper, and they are {lower!r} and {upper!r}")
        self.lower = lower
        self.upper = upper
        self.inplace = inplace
        self.rng = check_generator(rng)

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace, rng=self.rng)


class ELU(Activation):
    """x where it is positive, else α·(eˣ − 1); see `functional.elu`.

    Args:
        alpha: α, minus the limit on the left.
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.ELU()(pb.tensor([-10000.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.elu(input, self.alpha, self.inplace)


class SELU(Activation):
    """A scaled ELU under which activations drift to mean 0 and variance 1; see `functional.selu`.

    Args:
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> round(pb.nn.SELU()(pb.tensor(1.0)).item(), 4)
    1.0507
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.selu(input, inplace=self.inplace)


class CELU(Activation):
    """x where it is positive, else α·(e^(x/α) − 1); see `functional.celu`.

    Args:
        alpha: α, minus the limit on the left; not 0.
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.CELU(2.0)(pb.tensor([-10000.0, 2.0])).tolist()
    [-2.0, 2.0]
    """

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.celu(input, self.alpha, self.inplace)


class Threshold(Activation):
    """x where it is above a threshold, else a value; see `functional.threshold`.

    Args:
        threshold: above it the input is kept.
        value: what stands in the other places.
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.Threshold(1.0, -1.0)(pb.tensor([0.5, 2.0])).tolist()
    [-1.0, 2.0]
    """

    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.threshold(input, self.threshold, self.value, self.inplace)


class Hardtanh(Activation):
    """x limited to [min_val, max_val]; see `functional.hardtanh`.

    Args:
        min_val: the lower limit.
        max_val: the upper.
        inplace: write the result over the input.

    Raises:
        ValueError: for limits that are not in order.

    >>> import pullback as pb
    >>> pb.nn.Hardtanh()(pb.tensor([-3.0, 0.5])).tolist()
    [-1.0, 0.5]
    """

    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not min_val < max_val:
            raise ValueError(
                f"Hardtanh: min_val must be below max_val, and they are {min_val!r} and {max_val!r}"
            )
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class ReLU6(Activation):
    """min(max(0, x), 6); see `functional.relu6`.

    Args:
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.ReLU6()(pb.tensor([-1.0, 7.0])).tolist()
    [0.0, 6.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.relu6(input, inplace=self.inplace)


class Hardsigmoid(Activation):
    """0 up to −3, 1 from 3 on, and x/6 + 1/2 between; see `functional.hardsigmoid`.

    Args:
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.Hardsigmoid()(pb.tensor([-4.0, 0.0])).tolist()
    [0.0, 0.5]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.hardsigmoid(input, inplace=self.inplace)


class Hardswish(Activation):
    """0 up to −3, x from 3 on, and x·(x + 3)/6 between; see `functional.hardswish`.

    Args:
        inplace: write the result over the input.

    >>> import pullback as pb
    >>> pb.nn.Hardswish()(pb.tensor([0.0, 4.0])).tolist()
    [0.0, 4.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.hardswish(input, inplace=self.inplace)


class _Shrink(Activation):
    """Shrinkage by λ."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """λ."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| is above λ, else 0; see `functional.hardshrink`.

    Args:
        lambd: λ.

    >>> import pullback as pb
    >>> pb.nn.Hardshrink()(pb.tensor([0.5, 2.0])).tolist()
    [0.0, 2.0]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x drawn towards 0 by λ, and 0 where |x| is at most λ; see `functional.softshrink`.

    Args:
        lambd: λ, not negative.

    >>> import pullback as pb
    >>> pb.nn.Softshrink()(pb.tensor([0.5, 2.0])).tolist()
    [0.0, 1.5]
    """

    def forward(self, input: Any) -> Tensor:
        """Apply the function."""
        return F.softshrink(input, self.lambd)
