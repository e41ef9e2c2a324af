"""For tests and teachers: gradients asserted, operations checked, strategies for inputs, and the grader of exercises.

>>> import pullback as pb
>>> pb.testing.assert_gradients(pb.tanh, [0.5, -1.0]).ok
True
>>> pb.testing.grade({"tanh": pb.tanh}, "tanh").score
0
"""

from .autograd.testing import (
    assert_gradients,
    broadcastable_shapes,
    check_operation,
    distinct_values,
    tensors,
    well_conditioned_matrices,
)
from .train.grading import (
    Criterion,
    Exercise,
    ExerciseGrade,
    Grade,
    Input,
    catalogue,
    choose,
    distinct,
    grade,
    labels,
    mask,
)

__all__ = [
    "Criterion",
    "Exercise",
    "ExerciseGrade",
    "Grade",
    "Input",
    "assert_gradients",
    "broadcastable_shapes",
    "catalogue",
    "check_operation",
    "choose",
    "distinct",
    "distinct_values",
    "grade",
    "labels",
    "mask",
    "tensors",
    "well_conditioned_matrices",
]
