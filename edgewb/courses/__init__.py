"""What stands behind the notebooks of the course: ``check`` looks at the answer to an exercise and says what is wrong with it."""

from edgewb.courses.checks import CheckResult, check
from edgewb.courses.computers import Computer, describe_computer

__all__ = ["CheckResult", "Computer", "check", "describe_computer"]
