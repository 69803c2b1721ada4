"""What four texts on edge AI claim, beside what holds (``data/claims.toml``); what can be computed is computed anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from edgewb.errors import unknown_name
from edgewb.lessons.hardware import read_toml
from edgewb.lessons.tables import WordTable
from edgewb.types import Basis, Jsonable

VERDICTS: Final = ("holds", "holds with conditions", "does not hold", "no source found", "not comparable")
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

    ``value`` is (), a figure, or its lowest and highest; ``basis`` is None without a figure; ``n`` counts ``of``.
    """

    id: str
    document: str
    topic: str
    says: str
    verdict: str
    holds: str
    source: str
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
    return tuple(
        Claim(**{**raw, "value": tuple(raw.get("value", ())), "basis": Basis(raw["basis"]) if "basis" in raw else None})
        for raw in read_toml("claims.toml")["claim"]
    )


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
    """A claim whose figure and verdict were computed anew. ``agrees``: both are as the file has them."""

    id: str
    agrees: bool
    stored: tuple[float, ...]
    found: tuple[float, ...]
    verdict: str
    found_verdict: str


def check_claims(ids: Sequence[str] = ()) -> tuple[CheckedClaim, ...]:
    """Compute anew what the library can compute, so that text and code say the same.

    Args:
        ids: of the claims; all that name a function by default.

    Raises:
        InputError: an unknown id, or one that names no function.
    """
    from edgewb.lessons.claim_checks import CHECKS

    checkable = {claim.id: claim for claim in claims() if claim.check}
    for given in ids:
        if given not in checkable:
            raise unknown_name("claim to compute", given, checkable)
    chosen = [checkable[given] for given in ids] if ids else list(checkable.values())
    answers = {name: CHECKS[name]() for name in dict.fromkeys(claim.check or "" for claim in chosen)}
    checked = []
    for claim in chosen:
        supports, found = answers[claim.check or ""]
        close = len(found) == len(claim.value) and all(
            abs(new - old) <= max(claim.tolerance * abs(old), 1e-9) for new, old in zip(found, claim.value, strict=True)
        )
        verdict = claim.verdict if claim.verdict in supports else supports[0]
        checked.append(
            CheckedClaim(
                id=claim.id,
                agrees=close and verdict == claim.verdict,
                stored=claim.value,
                found=found,
                verdict=claim.verdict,
                found_verdict=verdict,
            )
        )
    return tuple(checked)


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
