"""Tells what a compiler printed from what was made up about it.

A line right among the compiler's lines that is not one of them counts as made up, unless another program or a person may have put it
there. In a paragraph of its own only what reads like a program's result does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from edgewb.compilers.log_lines import KNOWN_ERROR, STATUSES, Line
from edgewb.compilers.log_surroundings import has_label, is_fence, is_foreign, is_person, is_prompt, is_prose, is_sentence
from edgewb.tflite.schemas import op_names

_VERSION: Final = re.compile(r"(\d{1,2}\.\d)\.(\d{9})")
_BUILDS: Final = {
    "1.0": (200_000_000, 258_810_406),
    "2.0": (258_810_407, 302_470_887),
    "2.1": (302_470_888, 317_412_891),
    "14.1": (317_412_892, 340_273_434),
    "15.0": (340_273_435, 384_591_197),
    "16.0": (340_273_436, 384_591_198),
}
"""The releases there were, and between which numbers their builds lie: numbers grow with time, and 16.0.384591198 is the last."""


def is_version(version: str) -> bool:
    """A version there was: one of the releases, and the number of the change it was built from."""
    match = _VERSION.fullmatch(version)
    first, last = _BUILDS.get(match[1], (1, 0)) if match else (1, 0)
    return match is not None and first <= int(match[2]) <= last


def is_old(version: str | None) -> bool:
    """Before 14: versions whose counts were seen not to add up (1 + 962 of 962 in a thread)."""
    return version is not None and version.split(".")[0] in ("1", "2")


_ODD_STATUS: Final = re.compile(
    r"(?i)^(?:(?:not |un)?(?:mapped|supported)\b|(?:runs?|running|falls?|placed|ok|yes|no)\b|edge ?tpu|tpu\b)|"
    r"\b(?:cpu|fall(?:s|ing)?[ -]?back|fused?|delegated?|executed|offloaded|optimi[sz]ed|partial(?:ly)?|fully mapped)\b|[%\u2600-\u27bf]"
)


def is_odd_row(op: str, status: str) -> bool:
    """A row no table of the compiler has: of no op of TensorFlow Lite, or with such words. Others may be from a case not met before."""
    return op not in op_names().values() or (status not in STATUSES and _ODD_STATUS.search(status) is not None)


def is_cut_row(line: Line) -> bool:
    """A row without the first letters of its op, as at the start of a paste."""
    op, names = line.values.get("row_op", ""), op_names().values()
    return line.kind == "row" and op not in names and any(name.endswith(op) for name in names)


_ODD_ERROR: Final = re.compile(
    r"(?i)\b(?:edge ?tpu|coral|compiler|quanti[sz]ed|quanti[sz]e the)\b|\b(?:un|not )supported (?:op|operation|operator|layer)s?\b|"
    r"\b(?:op|operation|operator|layer)s? \S{1,40} (?:(?:is|are) )?(?:not |un)supported|\bat layer\b|\blayer \d"
)


def is_odd_error(text: str) -> bool:
    """An error in words TensorFlow Lite does not use: it knows nothing of the Edge TPU."""
    return KNOWN_ERROR.match(text) is None and _ODD_ERROR.search(text) is not None


_ALMOST_A_VERSION: Final = re.compile(r"(?i)^\W*edge ?tpu ?compiler\W+(?:v|version|\d)")
_NOUN: Final = (
    r"(?:ops?|operations?|operators?|layers?|nodes?|sub-?graphs?|partitions?|edge ?tpu|tpu|cpu|sram|on-chip|off-chip|memory|cache|"
    r"(?:un)?mapped|delegat\w+|fallbacks?|utili[sz]ation|coverage|compil\w+|model|quanti[sz]\w+)"
)
_ENOUGH: Final = 300
_NAMED: Final = re.compile(rf"(?i)\b{_NOUN}\b")
_KEY: Final = (
    r"(?:un)?mapped|delegated?|sub-?graphs?|partitions?|utili[sz]ation|sram|on-chip|off-chip|memory usage|fallbacks?|ops?|"
    r"operations|operators|layers|throughput|cycles|peak|estimated|predicted|theoretical|projected|simulated|"
    r"compil\w+ (?:status|result)|quanti[sz]ation check|status|result"
)
_VALUE: Final = r"~?\d|yes|no|none|ok|pass|success|fail|full|all|true|false|n/a|on-chip|(?:edge)? ?tpu"
_MACHINE: Final = re.compile(
    "(?i)"
    rf"^(?=.*\b{_NOUN}\b)(?:.*\d\s?%|.*\b\d+\s?(?:/|of|out of)\s?\d+\b|.*[\u2600-\u27bf\U0001f300-\U0001faff]|"
    r"\[(?:info|warn\w*|error|ok|debug)\])|"
    rf"^[-*\u2022\s]*[\w/() -]{{0,40}}\b(?:{_KEY})\b[\w/() -]{{0,40}}\s*[:=]\s*(?:{_VALUE})|"
    r"^[-*\u2022\s]*(?:expected \w+(?: time)?\s*[:=]\s*\d|[\w ]{0,20}\b(?:fallback|unmapped|delegated)\b[\w ]{0,20}:)|"
    r"^(?:warning|info|note|summary|conclusion|result)s?:.*\b(?:delegated|fall(?:s|ing)? ?back|mapped|fits?)\b|"
    rf"^\|.*\b{_NOUN}\b.*\|\s*\d|^(?:all )?\d+ (?:ops|operations|operators|layers|nodes)\b.*\b(?:tpu|cpu|mapped)\b|"
    r"^(?:model compiled|successfully compiled|operator\s+count|on-chip memory|off-chip memory|total (?:number|operations|ops)|"
    r"number of (?:operations|edge tpu|cpu)|compilation (?:success\w*|complete\w*|finished|aborted|done))\b"
)
_PROGRESS: Final = re.compile(
    r"(?i)^\W*(?:parsing|loading|analy[sz]ing|optimi[sz]ing|quanti[sz]ing|mapping|generating|partitioning|checking|verifying|validating|allocating|"
    r"delegating|scheduling|compiling|building|lowering|fusing)\b"
)
_OP_LINE: Final = re.compile(r"\b([A-Z][A-Z0-9_]{2,40})\b(?=.*(?i:\b(?:edge ?tpu|tpu|cpu|mapped|supported|unsupported)\b))")


def _is_result(text: str) -> bool:
    """Something a program would print as a result, in words no version of the compiler uses."""
    if len(text) >= _ENOUGH or is_person(text) or is_foreign(text):
        return False
    if len(text.split()) <= 8 and any(match[1] in op_names().values() for match in _OP_LINE.finditer(text)):
        return True
    return _MACHINE.search(text) is not None and not is_sentence(text)


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    paragraph: list[Line] = []
    for line in lines:
        if paragraph and (line.apart or (line.kind == "other" and is_fence(line.text))):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    yield paragraph


def made_up(lines: Sequence[Line]) -> list[str]:
    """The lines among a compilation's that no version of the compiler prints. What stands before its first line is not looked at."""
    known = [i for i, line in enumerate(lines) if line.kind not in ("other", "note", "error")]
    if not known:
        return []
    only_a_version = len(known) == 1 and lines[known[0]].kind == "banner"
    found: list[str] = []
    above = lines[known[0] - 1].text[:_ENOUGH] if known[0] and not lines[known[0]].apart else ""
    if _ALMOST_A_VERSION.search(above) and not is_foreign(above):
        found.append(above)
    last = lines[known[-1]]
    ended = False
    for paragraph in _paragraphs(lines[known[0] :]):
        of_the_compiler = any(line.kind not in ("other", "note") for line in paragraph)
        typed, before = False, paragraph[0]
        for line in paragraph:
            typed = line.kind in ("other", "note", "error") and (typed or (line.kind == "other" and is_prompt(line.text[:_ENOUGH])))
            # Below its last line other programs go on, whose words may be any: there only what speaks of a result counts.
            tells = (
                not ended or only_a_version or line.kind != "other" or has_label(line.text[:_ENOUGH]) or _NAMED.search(line.text[:_ENOUGH])
            )
            if not typed and tells and _is_made_up(line, before, of_the_compiler, only_a_version):
                found.append(line.text)
            before = before if line.kind == "other" else line
            ended = ended or line is last
    return found


def _is_made_up(line: Line, before: Line, of_the_compiler: bool, only_a_version: bool) -> bool:
    text = line.text[:_ENOUGH]
    if line.kind == "row":
        return is_odd_row(line.values["row_op"], " ".join(line.values["row_status"].split()))
    if line.kind in ("error", "failed_why"):
        return is_odd_error(text.split(":", 1)[-1].strip())
    if line.kind == "note":
        return not is_foreign(text) and (_NAMED.search(text) is not None if of_the_compiler else _is_result(text))
    if line.kind != "other":
        return False
    if only_a_version and _PROGRESS.match(text) and not is_person(text):
        return True
    if not of_the_compiler:
        return _is_result(text)
    # What is longer than a line goes on in the next; a crash may print what it likes.
    long = before.kind == "error" or (before.kind in ("note", "failed_why") and len(before.text) > 30)
    goes_on = before.kind == "crash" or (long and not text[0].isupper() and _NAMED.search(text) is None)
    return not (goes_on or is_foreign(text) or is_prose(text))
