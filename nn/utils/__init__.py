"""Tools around modules, by PyTorch's names.

What looks at a module, changes it or counts in it lives here, one theme per file. Layers and the functions behind them
do not, and nothing here trains.
"""

from ...autograd.extend import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from . import parametrizations, parametrize, rnn
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .functional_call import functional_call
from .fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval, fuse_linear_bn_weights
from .geometry import ConvGeometry, conv_geometry, conv_output_size, count_parameters, receptive_field
from .monte_carlo import MonteCarlo, mc_dropout, mc_predict
from .parametrizations import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm
from .summary import Summary, summary
from .transfer import features, replace_head

__all__ = [
    "ConvGeometry",
    "MonteCarlo",
    "Summary",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "conv_geometry",
    "conv_output_size",
    "count_parameters",
    "features",
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
    "receptive_field",
    "remove_spectral_norm",
    "remove_weight_norm",
    "replace_head",
    "rnn",
    "spectral_norm",
    "summary",
    "vector_to_parameters",
    "weight_norm",
]
