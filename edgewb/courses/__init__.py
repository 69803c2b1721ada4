"""What stands behind the notebooks of the course: ``check`` looks at the answer to an exercise and says what is wrong with it."""

from edgewb.courses.checks import CheckResult, check

__all__ = ["CheckResult", "check"]
