"""Special functions under the names of `torch.special` and `scipy.special`; `pullback.special` is this module."""

from .ops.arithmetic import exp2
from .ops.elementwise import expm1, log1p
from .ops.entropy import entr, logit, sinc, xlog1py, xlogy
from .ops.gamma import (
    digamma,
    erf,
    erfc,
    erfcx,
    erfinv,
    gamma,
    gammainc,
    gammaincc,
    i0,
    i0e,
    i1,
    i1e,
    lgamma,
    log_ndtr,
    ndtr,
    ndtri,
    polygamma,
)
from .ops.special import log_softmax, logsumexp, softmax
from .ops.special import sigmoid as expit

gammaln = lgamma
psi = digamma

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
]
