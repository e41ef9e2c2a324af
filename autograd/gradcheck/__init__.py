"""Checking gradients against numerical differentiation, with a reason for every verdict.

What stands where: `problem.py` the function at a point, `slopes.py` numerical slopes with their errors,
`comparing.py` the verdict on one derivative, `patterns.py` and `neighbours.py` kinks and branches, `oracles.py` the
complex step and the double backward, `layouts.py` other memory, `localise.py` the operation that is wrong,
`diagnosis.py`, `lookalikes.py` and `experiments.py` the likely cause, `report.py` and `page.py` what is found,
`run.py` `gradcheck` itself. Rules and operations do not live here.
"""

from .report import Cause, Comparison, Culprit, GradcheckResult, Verdict
from .run import assert_gradients, gradcheck

__all__ = ["Cause", "Comparison", "Culprit", "GradcheckResult", "Verdict", "assert_gradients", "gradcheck"]
