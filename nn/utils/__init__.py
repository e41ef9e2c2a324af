"""Tools around modules, by PyTorch's names."""

from ...autograd.extend import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from . import parametrizations, parametrize
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .functional_call import functional_call
from .fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval, fuse_linear_bn_weights
from .monte_carlo import MonteCarlo, mc_dropout, mc_predict
from .parametrizations import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = [
    "MonteCarlo",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "functional_call",
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
    "get_total_norm",
    "mc_dropout",
    "mc_predict",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "remove_spectral_norm",
    "remove_weight_norm",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]
