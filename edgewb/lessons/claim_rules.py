"""From figures to a verdict: what a text states, beside what was found. Pure functions, so that other figures can be tried on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HOLDS: Final = "holds"
CONDITIONS: Final = "holds with conditions"
NOT: Final = "does not hold"
NO_SOURCE: Final = "no source found"
NOT_COMPARABLE: Final = "not comparable"
ADVICE: Final = "advice"
VERDICTS: Final = (HOLDS, CONDITIONS, NOT, NO_SOURCE, NOT_COMPARABLE, ADVICE)
NEAR: Final = 0.15
"""Two published latencies of one network from one maker differ by about so much (standard deviation, see ESTIMATES.md): what lies closer
cannot be told from the published figure."""

Figures = tuple[float, ...]
Judge = Callable[[Figures, Figures], str]
"""From what a text states and what was found to a verdict."""


def span(found: Figures) -> Figures:
    """The lowest and the highest."""
    return min(found), max(found)


def as_found(found: Figures) -> Figures:
    """All of them."""
    return found


@dataclass(frozen=True, kw_only=True)
class Check:
    """How a claim's figures are found anew, and how they decide.

    Attributes:
        find: the figures, from the repository's data, a model or a measurement.
        judge: the verdict they support; None where a figure stands beside the claim and people judge.
        shown: which of the figures stand in the claim.
        recorded: they are of a recording that is made again now and then: the claim takes them from there whenever it is read.
    """

    find: Callable[[], Figures]
    judge: Judge | None = None
    shown: Callable[[Figures], Figures] = as_found
    recorded: bool = False


def close(stated: float, found: float, share: float = NEAR) -> bool:
    """Whether a stated figure is that far from a found one at most."""
    return abs(stated - found) <= share * abs(found)


def near_a_row(stated: Figures, found: Figures) -> str:
    """A figure said of a thing in general: of all published rows, of some, or of none."""
    hits = [close(stated[0], row) for row in found]
    return HOLDS if all(hits) else CONDITIONS if any(hits) else NOT


def in_range(stated: Figures, found: Figures) -> str:
    """A range said of a thing in general: all that was found lies in it, some, or nothing."""
    hits = [stated[0] <= row <= stated[1] for row in found]
    return HOLDS if all(hits) else CONDITIONS if any(hits) else NOT


def at_most(stated: Figures, found: Figures) -> str:
    """A limit: all that was found lies at or below it, some, or nothing."""
    hits = [row <= stated[0] for row in found]
    return HOLDS if all(hits) else CONDITIONS if any(hits) else NOT


def at_least(stated: Figures, found: Figures) -> str:
    """The same from above."""
    hits = [row >= stated[0] for row in found]
    return HOLDS if all(hits) else CONDITIONS if any(hits) else NOT


def same(stated: Figures, found: Figures) -> str:
    """Figures of a data sheet, one by one: the same, or not."""
    return HOLDS if len(stated) == len(found) and all(close(a, b, 0.02) for a, b in zip(stated, found, strict=True)) else NOT


def with_conditions(judge: Judge) -> Judge:
    """As another rule, where what it finds is true only under the conditions that the claim names beside it."""

    def judged(stated: Figures, found: Figures) -> str:
        verdict = judge(stated, found)
        return CONDITIONS if verdict == HOLDS else verdict

    return judged


def first_is_lowest(_stated: Figures, found: Figures) -> str:
    """What is called the lowest of all, at the head of the others."""
    return HOLDS if found[0] < min(found[1:]) else NOT


def first_is_highest(_stated: Figures, found: Figures) -> str:
    """What is called the highest of all, at the head of the others."""
    return HOLDS if found[0] > max(found[1:]) else NOT


def none_published(_stated: Figures, found: Figures) -> str:
    """The first figure counts what was published on it; with one, somebody has to look again."""
    return CONDITIONS if found[0] else NO_SOURCE
