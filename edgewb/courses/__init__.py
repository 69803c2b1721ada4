"""What stands behind the notebooks of the course: ``check`` looks at the answer to an exercise and says what is wrong with it.

``needs`` says at the head of a notebook what is missing here.
"""

from edgewb.courses.checks import CheckResult, check
from edgewb.courses.computers import Computer, describe_computer
from edgewb.courses.prerequisites import Missing, needs

__all__ = ["CheckResult", "Computer", "Missing", "check", "describe_computer", "needs"]
