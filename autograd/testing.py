"""For tests: gradients asserted, operations of one's own checked, and Hypothesis strategies for inputs.

With the package comes a pytest plugin, which has `assert_gradients` as the fixture `gradcheck`.
"""

from .checks import check_operation
from .gradcheck import assert_gradients
from .strategies import broadcastable_shapes, distinct_values, tensors, well_conditioned_matrices

__all__ = [
    "assert_gradients",
    "broadcastable_shapes",
    "check_operation",
    "distinct_values",
    "tensors",
    "well_conditioned_matrices",
]
