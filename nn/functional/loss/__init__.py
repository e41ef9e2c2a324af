"""Losses: each kind has its file; `reduction.py` has what they share.

The arguments are PyTorch's without its deprecated `size_average` and `reduce`; what stands behind these in PyTorch's
order is given by name. Targets and weights are converted to the dtype of the input. The modules made of these do not
live here but in `nn`, and numbers for people, without gradients, in `train.metrics`.
"""

from .binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    kl_div,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from .classes import check_options, cross_entropy
from .ctc import ctc_loss
from .embedding import cosine_embedding_loss, triplet_margin_loss, triplet_margin_with_distance_loss
from .margin import (
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multiclass_hinge_loss,
    multilabel_margin_loss,
)
from .nll import nll_loss
from .penalty import elastic_net_penalty, l1_penalty, l2_penalty
from .regression import gaussian_nll_loss, huber_loss, l1_loss, mse_loss, poisson_nll_loss, smooth_l1_loss

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check_options",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "elastic_net_penalty",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "l1_penalty",
    "l2_penalty",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multiclass_hinge_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]
