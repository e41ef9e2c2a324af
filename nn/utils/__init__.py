"""Tools around modules, by PyTorch's names."""

from ...autograd.extend import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .functional_call import functional_call
from .monte_carlo import MonteCarlo, mc_dropout, mc_predict

__all__ = [
    "MonteCarlo",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "functional_call",
    "get_total_norm",
    "mc_dropout",
    "mc_predict",
    "parameters_to_vector",
    "vector_to_parameters",
]
