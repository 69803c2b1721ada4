"""What ``fix`` answers, and how it reads."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence

from edgewb.comparisons import Verification
from edgewb.types import Finding, Jsonable, PlacementSummary


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppliedMend(Jsonable):
    """A mend that was made. ``ops`` are the ops it changed or took out, numbered as in the source file; none where only tensors change."""

    id: str
    sentence: str
    ops: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RefusedMend(Jsonable):
    """A mend, or a part of one, that was not made, and why."""

    id: str
    why: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversion(Jsonable):
    """What the caller converts from now on: real = scale * (stored - zero_point). ``position`` counts inputs (or outputs) from 0."""

    role: str
    position: int
    name: str
    dtype: str
    scale: float
    zero_point: int

    @property
    def advice(self) -> str:
        """What to do, with the numbers."""
        if self.role == "input":
            plus = f"{'-' if self.zero_point < 0 else '+'} {abs(self.zero_point)}"
            return f"input {self.position}: give {self.dtype}, clip(round(real / {self.scale!r}) {plus}), halves to even"
        minus = f"{'+' if self.zero_point < 0 else '-'} {abs(self.zero_point)}"
        return f"output {self.position}: is {self.dtype}, real = {self.scale!r} * (stored {minus})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mended(Jsonable):
    """What ``fix`` did to a file. ``out`` is None when nothing was written: no mend was made, or ``mend_bytes`` made it.

    ``before`` and ``after`` count ops (predicted); ``conversions`` say what the caller does outside from now on; ``verification`` is of the
    mended file against the source, None where nothing was run. ``replaced``: another file stood at ``out`` before.
    """

    file: str
    sha256: str
    out: str | None
    mends: tuple[AppliedMend, ...]
    refused: tuple[RefusedMend, ...]
    conversions: tuple[Conversion, ...]
    before: PlacementSummary
    after: PlacementSummary
    verification: Verification | None
    findings: tuple[Finding, ...]
    replaced: bool = False

    def _repr_html_(self) -> str:
        """The report for a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def __str__(self) -> str:
        """A plain-text report."""
        lines = [_printable(self.file)]
        for mend in self.mends:
            lines.append(f"  mended   {mend.id}: {mend.sentence}")
            if mend.ops:
                lines.append(f"           {len(mend.ops)} ops: {_some(mend.ops)}")
        lines += [f"  left     {entry.id}: {_printable(entry.why)}" for entry in self.refused]
        if self.conversions:
            lines.append("  from now on, outside the model (edgewb.tflite.quantization does this arithmetic):")
            lines += [f"           {conversion.advice}" for conversion in self.conversions]
        lines += [f"  {finding.severity:<8} {finding.message} {finding.fix}" for finding in self.findings]
        if self.verification is not None:
            lines.append(f"  verified {verified(self.verification)}")
        if not self.mends:
            return "\n".join([*lines, f"  nothing mended, nothing written; {_counts(self.before)}"])
        if self.verification is None:
            lines.append("  verified not at all: neither file was run")
        if self.out is None:
            return "\n".join([*lines, f"  {gain(self.before, self.after)}"])
        return "\n".join(
            [
                *lines,
                f"  {gain(self.before, self.after)}",
                f"  written to {_printable(self.out)}{', in place of the file that was there' if self.replaced else ''}",
            ]
        )


def _printable(text: str) -> str:
    """Names come from the file: control characters are shown."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _some(names: Sequence[str], shown: int = 6) -> str:
    return ", ".join(names[:shown]) + (", ..." if len(names) > shown else "")


def _counts(summary: PlacementSummary) -> str:
    unknown = f", {summary.ops_unknown} not known" if summary.ops_unknown else ""
    return f"{summary.ops_edgetpu} of {summary.ops_total} ops on the Edge TPU{unknown} ({summary.basis})"


def gain(before: PlacementSummary, after: PlacementSummary) -> str:
    """How many ops map, before and after."""
    was = f"{before.ops_edgetpu}" + (f" of {before.ops_total}" if before.ops_total != after.ops_total else "")
    return f"{was} -> {_counts(after)}"


def verified(verification: Verification) -> str:
    """What the comparison of the two files says."""
    within = f" (and {verification.inner_tensors} tensors within)" if verification.inner_tensors else ""
    text = f"identical outputs{within}, bit for bit, on n = {verification.inputs} random inputs"
    text += f" ({verification.basis}, {verification.kernels} kernels)"
    if verification.dequantized_alike is False:
        text += "; dequantised as the built-in kernel does, whose last bits differ from LiteRT's default"
    return text
