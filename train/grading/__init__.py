"""An autograder for forward and backward functions that a learner writes by hand; users reach it as `pb.testing`.

`exercise.py` is what a teacher declares, `catalogue.py` and `catalogue_networks.py` the exercises of the course,
`cases.py` the inputs and the right results, `answers.py` finds a learner's functions, `calling.py` runs them within
limits, `belongings.py` has what they may not exchange, `trial.py` brings all conventions to one, `criteria.py` judges,
`subgradients.py` does where values meet, `hints.py` says what a wrong gradient looks like, `report.py` is the result,
`run.py` `grade` itself. Rules of operations do not live here: what is right comes from pullback.
"""

from .catalogue import catalogue
from .exercise import Exercise, Input, choose, distinct, labels, mask
from .report import Criterion, ExerciseGrade, Grade
from .run import grade

__all__ = [
    "Criterion",
    "Exercise",
    "ExerciseGrade",
    "Grade",
    "Input",
    "catalogue",
    "choose",
    "distinct",
    "grade",
    "labels",
    "mask",
]
