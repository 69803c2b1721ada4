"""Tells what a compiler printed from what was made up about it, or written around it."""

from __future__ import annotations

import re
from typing import Final

from edgewb.compilers.log_lines import STATUSES

_VERSION: Final = re.compile(r"(\d{1,2})\.\d{1,2}\.\d{6,12}")
_LAST_VERSION: Final = 16


def is_version(version: str) -> bool:
    """A version as the compiler prints it: major, minor, and the number of the change it was built from; none followed 16.0."""
    match = _VERSION.fullmatch(version)
    return match is not None and 1 <= int(match[1]) <= _LAST_VERSION


def is_old(version: str | None) -> bool:
    """Before 14: versions whose counts were seen not to add up (1 + 962 of 962 in a thread)."""
    return version is not None and version.split(".")[0] in ("1", "2")


_ODD_STATUS: Final = re.compile(
    r"(?i)^(?:(?:not |un)?(?:mapped|supported)\b|(?:runs?|running|falls?|fallback|placed|executed|delegated)\b|"
    r"(?:cpu|edge ?tpu|tpu|ok|yes|no)\b)|[%\u2713\u2705\u274c]"
)


def is_odd_status(status: str) -> bool:
    """A status in words that no table of the compiler has; other unknown ones may be from a case we have not met."""
    return status not in STATUSES and _ODD_STATUS.search(status) is not None


_COMMAND: Final = re.compile(
    r"(?i)edgetpu[_-]compiler|\bapt(?:-get)?\b|\bpip3?\b|https?://|^[$#!+%]|\bexport(?:ing)?\b|\bsaved? (?:as|to)\b|\bstarting\b"
)
_PROSE: Final = re.compile(
    r"(?i)\b(?:i|i'm|i've|my|we|our|you|your|he|she|they|it's|me|us|is there|does|do|did|can|could|why|how|what|please|thanks|but|however|"
    r"because|tried|trying|should|would|hope|here|this|these|that|when|after|before|then)\b|\?"
)
_CLAIM: Final = re.compile(
    r"(?i)\b(?:ops?|operations?|operators?|layers?|nodes?|subgraphs?|segments?|parameters?|weights?|tensors?|model|compil\w+|delegat\w+|mapping|memory|"
    r"sram|cache|quanti[sz]\w+|latency|inference|utili[sz]ation|edge ?tpu|cpu)\b"
)
_RESULT: Final = re.compile(
    r"(?i)\d|\b(?:success\w*|complet\w*|fail\w*|mapped|supported|unsupported|finished|done|passed|ok|yes|no|none|all|partial\w*|fallback|"
    r"compiled|generated|optimi[sz]\w+|loaded|detected|found|int8|uint8|float)\b"
)


def is_claim(text: str) -> bool:
    """A line that speaks of the result of a compilation in words that no version of the compiler uses.

    Commands, paths and what people write around a log are none: sentences, questions, anything with "I", "my", "this" and the like.
    """
    if len(text) > 160 or len(text.split()) > 16 or _COMMAND.search(text) or _PROSE.search(text):
        return False
    return _CLAIM.search(text) is not None and _RESULT.search(text) is not None
