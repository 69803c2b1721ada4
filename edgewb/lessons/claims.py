"""What four texts on edge AI claim, beside what holds (``data/claims.toml``); what can be computed is computed anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from edgewb.errors import unknown_name
from edgewb.lessons.claim_rules import Check
from edgewb.lessons.hardware import read_toml
from edgewb.lessons.tables import WordTable
from edgewb.types import Basis, Jsonable

TOLERANCE: Final = 0.02


@dataclass(frozen=True, kw_only=True)
class Document(Jsonable):
    """A text: its title and author as it gives them, and "not stated" where it does not."""

    id: str
    title: str
    author: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Claim(Jsonable):
    """One claim in our own words, and what holds. The head of ``data/claims.toml`` says what each field is.

    ``value`` is (), a figure, or its lowest and highest; ``basis`` is None without a figure; ``n`` counts ``of``. ``claimed`` has the
    figures that the text itself states.
    """

    id: str
    document: str
    topic: str
    says: str
    verdict: str
    holds: str
    source: str
    claimed: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    unit: str = ""
    basis: Basis | None = None
    n: int = 0
    of: str = ""
    check: str | None = None
    tolerance: float = TOLERANCE

    @property
    def figure(self) -> str:
        """ "2.29 to 10.61 ms (published, n = 5 published latencies of one network)", or "" without one."""
        if not self.value:
            return ""
        two_things = re.search(r"\(.*,.*\)", self.unit) is not None  # "ms (FP16, FP32)": no range
        shown = (" and " if two_things else " to ").join(f"{value:,.10g}" for value in self.value)
        return f"{shown} {self.unit} ({self.basis}, n = {self.n:,} {self.of})"


@cache
def documents() -> dict[str, Document]:
    """The texts by id.

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    return {raw["id"]: Document(**raw) for raw in read_toml("claims.toml")["document"]}


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, in the order of the file.

    Raises:
        StorageError: as above.
    """
    return tuple(_read_claim(raw) for raw in read_toml("claims.toml")["claim"])


def _read_claim(raw: dict[str, Any]) -> Claim:
    value, holds = tuple(raw.get("value", ())), raw["holds"]
    check = _check(raw["check"]) if "check" in raw else None
    if check is not None and check.recorded:
        value = tuple(float(f"{figure:.3g}") for figure in check.shown(check.find()))
        holds = holds.format(*value)
    basis = Basis(raw["basis"]) if "basis" in raw else None
    return Claim(**{**raw, "holds": holds, "value": value, "claimed": tuple(raw.get("claimed", ())), "basis": basis})


def _check(name: str) -> Check:
    from edgewb.lessons.claim_checks import CHECKS

    return CHECKS[name]


def topics() -> tuple[str, ...]:
    """What the claims are about, in alphabetical order."""
    return tuple(sorted({claim.topic for claim in claims()}))


def claims_about(topic: str) -> tuple[Claim, ...]:
    """The claims on one topic.

    Raises:
        InputError: an unknown topic.
    """
    if topic not in topics():
        raise unknown_name("topic", topic, topics())
    return tuple(claim for claim in claims() if claim.topic == topic)


@dataclass(frozen=True, kw_only=True)
class CheckedClaim(Jsonable):
    """A claim whose figure was found anew. ``agrees``: it is as the file has it, and so is the verdict where that is computed.

    ``verdict_by``: "computed" from the figures, or "judged" by people: then ``found_verdict`` is the file's.
    """

    id: str
    agrees: bool
    stored: tuple[float, ...]
    found: tuple[float, ...]
    verdict: str
    found_verdict: str
    verdict_by: str


def check_claims(ids: Sequence[str] = ()) -> tuple[CheckedClaim, ...]:
    """Compute anew what the library can compute, so that text and code say the same.

    Args:
        ids: of the claims; all that name a check by default.

    Raises:
        InputError: an unknown id, or one that names no check.
    """
    checkable = {claim.id: claim for claim in claims() if claim.check}
    for given in ids:
        if given not in checkable:
            raise unknown_name("claim to compute", given, checkable)
    chosen = [checkable[given] for given in ids] if ids else list(checkable.values())
    rows: dict[Callable[[], tuple[float, ...]], tuple[float, ...]] = {}  # some figures take seconds, and serve several claims
    checked = []
    for claim in chosen:
        check = _check(claim.check or "")
        if check.find not in rows:
            rows[check.find] = check.find()
        found = check.shown(rows[check.find])
        tolerance = max(claim.tolerance, 0.005) if check.recorded else claim.tolerance  # recorded ones are shown rounded
        alike = len(found) == len(claim.value) and all(
            abs(new - old) <= max(tolerance * abs(old), 1e-9) for new, old in zip(found, claim.value, strict=True)
        )
        verdict = check.judge(claim.claimed, rows[check.find]) if check.judge else claim.verdict
        checked.append(
            CheckedClaim(
                id=claim.id,
                agrees=alike and verdict == claim.verdict,
                stored=claim.value,
                found=found,
                verdict=claim.verdict,
                found_verdict=verdict,
                verdict_by="computed" if check.judge else "judged",
            )
        )
    return tuple(checked)


def checked_text(chosen: Sequence[Claim], checked: Sequence[CheckedClaim]) -> str:
    """One sentence under a check: how many figures were found anew, and which verdicts rest on that."""
    computed = sum(one.verdict_by == "computed" for one in checked)
    wrong = sum(not one.agrees for one in checked)
    agree = "all as the file has them" if not wrong else f"{wrong} of them not as the file has them"
    return (
        f"{len(chosen)} {'claim' if len(chosen) == 1 else 'claims'}: {len(checked)} figures found anew, {agree}. "
        f"Verdicts: {computed} computed from these figures, {len(chosen) - computed} judged by people "
        f"({len(chosen) - len(checked)} of them on what a source says, without a figure found anew)."
    )


def claims_table(chosen: Sequence[Claim]) -> WordTable:
    """Claims as a table for people."""
    known = documents()
    used = list(dict.fromkeys(claim.document for claim in chosen))
    letters = {document: chr(ord("A") + list(known).index(document)) for document in used}
    rows = [
        (f"{claim.says} [{letters[claim.document]}]", claim.verdict, claim.holds, " · ".join(filter(None, (claim.figure, claim.source))))
        for claim in chosen
    ]
    texts = "; ".join(f"[{letters[one]}] {known[one].title} (author: {known[one].author}; date: {known[one].date})" for one in used)
    return WordTable(columns=("claim, in our words", "verdict", "what holds", "figure and source"), rows=tuple(rows), note=texts)


def show_claims(*about: str) -> WordTable:
    """The claims on these topics, beside what holds.

    Args:
        about: topics, see ``topics()``, or ids of single claims; all claims by default.

    Raises:
        InputError: neither a topic nor an id.
    """
    by_id = {claim.id: claim for claim in claims()}
    chosen: list[Claim] = []
    for given in about:
        chosen += [by_id[given]] if given in by_id else claims_about(given)
    return claims_table(chosen if about else claims())
