"""Answers to exercises, looked at: right, or what is wrong with them.

A judge is a function in ``courses/exercises`` that takes the answers as they were typed, whatever they are, and raises
:class:`NotYet` with a sentence for the reader. It computes the right answer with the library and trains nothing.
"""

from __future__ import annotations

import html
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

JudgeFunction = TypeVar("JudgeFunction", bound=Callable[..., str | None])
MIME = "application/vnd.edgewb.check+json"


class NotYet(Exception):
    """An answer that is not right; the sentence says what is wrong, and gives a hint without giving the answer away."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What :func:`check` found.

    Attributes:
        exercise: its number, such as "03.1".
        passed: the answer is right.
        message: one or two sentences for the reader.
    """

    exercise: str
    passed: bool
    message: str

    @property
    def verdict(self) -> str:
        """ "Right" or "Not yet"."""
        return "Right" if self.passed else "Not yet"

    def __repr__(self) -> str:
        return f"{self.verdict} ({self.exercise}): {self.message}"

    def _repr_html_(self) -> str:
        colour, sign = ("#009e73", "✓") if self.passed else ("#d55e00", "○")  # Okabe-Ito; the words say it, too
        return (
            f'<div style="border-left: 5px solid {colour}; padding: .4em .8em; margin: .2em 0">'
            f"<strong>{sign} {self.verdict}</strong> <small>({html.escape(self.exercise)})</small> {html.escape(self.message)}</div>"
        )

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
            MIME: {"exercise": self.exercise, "passed": self.passed, "message": self.message},
        }


@dataclass(frozen=True)
class _Exercise:
    judge: Callable[..., str | None]
    names: tuple[str, ...]


_EXERCISES: dict[str, _Exercise] = {}


def exercise(number: str) -> Callable[[JudgeFunction], JudgeFunction]:
    """Make a function the judge of an exercise.

    Args:
        number: of the notebook, a dot, of the exercise in it: "03.1".

    The function's parameters are the answers in their order; their names are shown to a reader who gives too few. It returns the
    sentence shown beside "Right", or None for a plain one, and raises :class:`NotYet` for anything else.
    """

    def register(judge: JudgeFunction) -> JudgeFunction:
        if number in _EXERCISES and _EXERCISES[number].judge.__qualname__ != judge.__qualname__:
            raise ValueError(f"exercise {number} has two judges: {_EXERCISES[number].judge.__qualname__} and {judge.__qualname__}")
        _EXERCISES[number] = _Exercise(judge, tuple(inspect.signature(judge).parameters))
        return judge

    return register


def list_exercises() -> tuple[str, ...]:
    """The numbers of all exercises, in the order of the course."""
    from edgewb.courses import exercises

    exercises.load_all()
    return tuple(sorted(_EXERCISES))


def check(number: str, *answers: object) -> CheckResult:
    """Look at the answers to one exercise.

    Args:
        number: of the exercise, such as "03.1"; it stands in the notebook's cell.
        answers: what the reader worked out; ``...`` is taken as not answered.

    Returns:
        Right, or what is wrong. It raises nothing, whatever it is given: a wrong answer must not stop a notebook.
    """
    from edgewb.courses import exercises

    exercises.load_for(str(number))
    known = _EXERCISES.get(str(number))
    if known is None:
        return CheckResult(
            exercise=str(number), passed=False, message=f"there is no such exercise; there are {', '.join(list_exercises()) or 'none'}."
        )
    if len(answers) != len(known.names):
        wanted = f"{len(known.names)} answer{'s' * (len(known.names) != 1)} ({', '.join(known.names)})"
        return CheckResult(exercise=number, passed=False, message=f"this check takes {wanted}; {len(answers)} came.")
    try:
        for name, answer in zip(known.names, answers, strict=True):
            if answer is ...:
                raise NotYet(
                    f"{name} is still open: put your answer in the place of the dots in the cell above, run it, and then this one."
                )
        said = known.judge(*answers)
    except NotYet as reason:
        return CheckResult(exercise=number, passed=False, message=str(reason))
    except Exception as error:  # a judge that an odd answer surprises must not end in a traceback either
        return CheckResult(
            exercise=number,
            passed=False,
            message=f"this answer could not be looked at ({type(error).__name__}: {error}). Is it of the kind asked for?",
        )
    return CheckResult(exercise=number, passed=True, message=said or "well done.")


def number_in(answer: object, name: str) -> float:
    """The answer as a number.

    Raises:
        NotYet: it is none, or not finite.
    """
    if isinstance(answer, bool | str | bytes) or answer is None:
        raise NotYet(f"{name} is {answer!r}; a number is asked for.")
    try:
        value = float(answer)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise NotYet(f"{name} is a {type(answer).__name__}; a single number is asked for.") from None
    except OverflowError:
        raise NotYet(f"{name} is far too large.") from None
    if not math.isfinite(value):
        raise NotYet(f"{name} is {value}; a finite number is asked for. Was something divided by zero?")
    return value


def whole_number_in(answer: object, name: str) -> int:
    """The answer as a whole number (5.0 is one).

    Raises:
        NotYet: it is none.
    """
    value = number_in(answer, name)
    if value != int(value):
        raise NotYet(f"{name} is {value:.12g}; a whole number is asked for.")
    return int(value)


def text_in(answer: object, name: str, allowed: tuple[str, ...] = ()) -> str:
    """The answer as a text without blanks around it; one of ``allowed``, where there are any, in any case.

    Raises:
        NotYet: it is none.
    """
    if not isinstance(answer, str):
        raise NotYet(
            f"{name} is {answer!r}; a text in quotes is asked for" + (f": one of {', '.join(map(repr, allowed))}." if allowed else ".")
        )
    said = answer.strip()
    if not allowed:
        return said
    for one in allowed:
        if said.lower() == one.lower():
            return one
    raise NotYet(f"{name} is {answer!r}; one of {', '.join(map(repr, allowed))} is asked for.")


def expect_close(
    answer: object,
    right: float,
    name: str,
    *,
    relative: float = 0.01,
    absolute: float = 0.0,
    mistakes: Mapping[str, float] | None = None,
    hint: str = "",
) -> float:
    """Hold a number to the right one.

    Args:
        answer: as it was typed.
        right: what it should be; it is not told to the reader.
        name: of the answer.
        relative: tolerance as a share of ``right``. absolute: tolerance in its unit; the larger of the two counts.
        mistakes: sentence -> value that somebody gets who makes this mistake.
        hint: added where the value is none of these.

    Returns:
        The answer.

    Raises:
        NotYet: with the sentence of the mistake, or whether the value is too large or too small.
    """
    value = number_in(answer, name)
    within = max(abs(right) * relative, absolute)
    if abs(value - right) <= within:
        return value
    for sentence, wrong in (mistakes or {}).items():
        if abs(value - wrong) <= max(abs(wrong) * relative, absolute):
            raise NotYet(f"{name} is {value:g}: {sentence}")
    tail = f" {hint}" if hint else ""
    raise NotYet(f"{name} is {value:g}, which is too {'large' if value > right else 'small'}.{tail}")
