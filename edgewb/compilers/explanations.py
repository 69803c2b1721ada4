"""``explain``: what a compiler log, or an error of library and device, says, and what helps."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from edgewb.compilers.log_files import MAX_BYTES
from edgewb.compilers.log_findings import findings_of, from_texts
from edgewb.compilers.logs import LoggedCompilation, Outcome, read_log
from edgewb.compilers.problems import problems, without_hidden
from edgewb.errors import InputError
from edgewb.types import Basis, Finding

MAX_CHARACTERS: Final = MAX_BYTES


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainedCompilation(LoggedCompilation):
    """A compilation with what it means: ``basis`` of its figures, ``findings`` the most severe first."""

    basis: Basis
    findings: tuple[Finding, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explanation(ExplainedCompilation):
    """What a text says. ``compilations`` holds every compilation in it, in order; the other fields repeat the last one."""

    compilations: tuple[ExplainedCompilation, ...]

    def __str__(self) -> str:
        """A plain-text report."""
        from edgewb.compilers.log_reports import to_text

        return to_text(self)

    def _repr_html_(self) -> str:
        """The report for a notebook; every word from the log is escaped."""
        from edgewb.compilers.log_reports import to_html

        return to_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Exactly the JSON."""
        return _without_lines(super().to_dict())


def explain(text: str) -> Explanation:
    """Read what edgetpu_compiler printed, or an error of the Edge TPU's library, device or Python packages.

    Args:
        text: console output, an operation log, several of them, or a pasted fragment.

    Raises:
        InputError: the text is empty, is no text, or is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"the text has {len(text):,} characters, at most {MAX_CHARACTERS:,} are read: give its last part")
    if not text.replace("\ufeff", "").strip():
        raise InputError("the text is empty: give what edgetpu_compiler printed, or its operation log (NAME_edgetpu.log)")
    if "\0" in text[:4096] and text.count("\0") > len(text) // 50:
        raise InputError("this is no text (it is full of zero bytes): give a log; for a model there is `edgewb inspect`")
    logged, lines = read_log(text)
    compilations = tuple(one for one in map(_explained, logged) if not _is_of_another_program(one))
    if compilations:
        last = compilations[-1]
        elsewhere = [f for f in from_texts(lines) if problems()[f.id].stage in ("runtime", "python")]
        findings = without_hidden([*last.findings, *(f for f in elsewhere if f.id not in {g.id for g in last.findings})])
        return Explanation(**{**_fields(last), "findings": findings}, compilations=compilations)
    findings = without_hidden(from_texts(lines))
    outcome = Outcome.CRASHED if any(f.id == "compiler_crashed" for f in findings) else Outcome.UNKNOWN
    if not findings:
        findings = (problems()["not_a_log"].to_finding(),)
    return Explanation(compiler_version=None, outcome=outcome, basis=Basis.COMPILED, findings=findings, compilations=())


def _is_of_another_program(one: ExplainedCompilation) -> bool:
    """A crash, and nothing of the compiler's, with words of the library's or the converter's."""
    crashed = one.outcome is Outcome.CRASHED and one.compiler_version is None
    return crashed and any(problems()[finding.id].stage in ("runtime", "python") for finding in one.findings)


def _fields(result: LoggedCompilation) -> dict[str, Any]:
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}


def _without_lines(tree: dict[str, Any]) -> dict[str, Any]:
    """The lines are kept for the findings alone; they are not part of the answer."""
    tree.pop("lines", None)
    for key in ("compilations", "models"):
        for child in tree.get(key, ()):
            _without_lines(child)
    return tree


def _explained(logged: LoggedCompilation) -> ExplainedCompilation:
    basis = Basis.SIMULATED if logged.stand_in else Basis.COMPILED
    return ExplainedCompilation(**_fields(logged), basis=basis, findings=findings_of(logged))
