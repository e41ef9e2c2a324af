"""Preprocessing: what is learned from training data and then done to all data, with the way back.

Zero-centring, scaling and whitening after the CS231n notes, "Neural Networks Part 2", section "Data
Preprocessing" (https://cs231n.github.io/neural-networks-2/): the statistics come from the training data only, and
validation and test data are transformed with them. What is random does not live here but in `augment`.

>>> import numpy as np
>>> from pullback.data import preprocess
>>> training, test = np.array([[0.0, 10.0], [2.0, 30.0]]), np.array([[1.0, 50.0]])
>>> scaler = preprocess.Standardize().fit(training)
>>> scaler.transform(test)
array([[0., 3.]])
>>> scaler.inverse_transform(scaler.transform(test))
array([[ 1., 50.]])
"""

from .components import PCA, PCAWhitening, ZCAWhitening
from .compose import Compose
from .scaling import MinMax, Standardize, ZeroCenter
from .transformer import Transformer

__all__ = [
    "PCA",
    "Compose",
    "MinMax",
    "PCAWhitening",
    "Standardize",
    "Transformer",
    "ZCAWhitening",
    "ZeroCenter",
]
