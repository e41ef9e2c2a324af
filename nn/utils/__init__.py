"""Tools around modules, by PyTorch's names."""

from .convert_parameters import parameters_to_vector, vector_to_parameters
from .functional_call import functional_call

__all__ = ["functional_call", "parameters_to_vector", "vector_to_parameters"]
