"""The knowledge base: what goes wrong between a model and an answer from the Edge TPU, and what helps. The entries are data."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from edgewb.types import Finding, Severity

_ANYTHING: Final = "{}"
_MAX_GAP: Final = 300
_QUOTES: Final = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """One entry of ``problems.toml``, whose head says what each field is."""

    id: str
    stage: str
    severity: Severity
    title: str
    cause: str
    fixes: tuple[str, ...]
    references: tuple[str, ...]
    texts: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    inspect: bool = False

    def to_finding(self, message: str | None = None, first_fix: str | None = None, severity: Severity | None = None) -> Finding:
        """A finding of this problem.

        Args:
            message: what it is like in this model or log; by default title and cause.
            first_fix: what to do here: one of the fixes, to be said first, or something more exact in place of the first.
            severity: where it weighs more or less than usual.
        """
        fixes = self.fixes
        if first_fix is not None:
            rest = fixes if first_fix in fixes else fixes[1:]
            fixes = (first_fix, *(fix for fix in rest if fix != first_fix))
        return Finding(
            id=self.id,
            severity=severity or self.severity,
            message=message or f"{self.title}. {self.cause}",
            fix=fixes[0],
            references=self.references,
            fixes=fixes,
        )


def _value(key: str, value: Any) -> Any:
    return Severity(value) if key == "severity" else tuple(value) if isinstance(value, list) else value


@cache
def problems() -> dict[str, Problem]:
    """All entries by id, in the order of the file."""
    content = tomllib.loads(Path(__file__).with_name("problems.toml").read_text(encoding="utf-8"))
    return {raw["id"]: Problem(**{key: _value(key, value) for key, value in raw.items()}) for raw in content["problem"]}


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = []
    for problem in problems().values():
        for text in problem.texts:
            words = f".{{0,{_MAX_GAP}}}?".join(re.escape(part) for part in text.split(_ANYTHING))
            # What stands at the end is the name of something: a word.
            found.append((problem.id, re.compile(words + (r"\S{0,100}" if text.endswith(_ANYTHING) else ""))))
    return tuple(found)


@cache
def by_status() -> dict[str, Problem]:
    """What the compiler's table says of an op -> the problem."""
    return {status: problem for problem in problems().values() for status in problem.statuses}


def match(lines: Iterable[str]) -> dict[str, str]:
    """The problems whose texts stand in these lines: id -> the words that matched. Neither white space nor the kind of quotes counts."""
    whole = " ".join(" ".join(line.split()) for line in lines).translate(_QUOTES)
    found: dict[str, str] = {}
    for name, pattern in _patterns():
        if name not in found and (hit := pattern.search(whole)):
            found[name] = hit[0]
    return found


def without_hidden(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Without the findings that another one explains, and the most severe first."""
    listed = list(found)
    hidden = {name for finding in listed for name in problems()[finding.id].hides}
    order = list(Severity)
    return tuple(sorted((f for f in listed if f.id not in hidden), key=lambda f: order.index(f.severity)))
