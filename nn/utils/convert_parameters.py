"""The parameters of a model as one long vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ...autograd import Tensor, concat
from ...autograd.extend import writable


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened in row-major order, one after the other; the graph reaches back to each.

    Args:
        parameters: the tensors, for example `model.parameters()`.

    Returns:
        A tensor of shape (number of elements,).

    Raises:
        ValueError: for no parameters, or parameters of different dtypes.

    >>> import pullback as pb
    >>> pb.nn.utils.parameters_to_vector(pb.nn.Linear(3, 2).parameters()).shape
    (8,)
    """
    tensors = _tensors(parameters)
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) != 1:
        found = ", ".join(sorted(map(str, dtypes))) or "none at all"
        raise ValueError(
            f"a vector is made of parameters of one dtype, and these are {found}; convert the model with "
            ".float() or .double(), or give its parameters"
        )
    return concat([tensor.reshape((-1,)) for tensor in tensors])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the pieces of a vector into parameters, in the order of `parameters_to_vector`.

    Args:
        vec: shape (number of elements,); its values are copied, its graph is not.
        parameters: the tensors to overwrite.

    Raises:
        TypeError: for a vector that is no Tensor.
        ValueError: for a vector of another length; nothing is changed then.

    >>> import pullback as pb
    >>> layer = pb.nn.Linear(2, 1)
    >>> pb.nn.utils.vector_to_parameters(pb.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"the vector is a Tensor, not {type(vec).__name__}; wrap it with pb.asarray")
    tensors = _tensors(parameters)
    needed = sum(tensor.size for tensor in tensors)
    if vec.shape != (needed,):
        raise ValueError(f"the vector has shape {vec.shape}, and the parameters take ({needed},)")
    values, start = vec.detach().numpy().copy(), 0  # a copy: the vector may be a view of a parameter
    for tensor in tensors:
        writable(tensor)[...] = values[start : start + tensor.size].reshape(tensor.shape)
        start += tensor.size


def _tensors(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list; one tensor alone is refused, since its rows would be taken for parameters."""
    if isinstance(parameters, Tensor):
        raise TypeError("give the parameters as a list, also one alone: [parameter]")
    return list(parameters)
