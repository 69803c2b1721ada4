"""Applies mends to a file and verifies each by running both files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb import comparisons
from edgewb.comparisons import Verification
from edgewb.compilers.limits import version_rating
from edgewb.errors import ModelFileError
from edgewb.mends.results import AppliedMend, RefusedMend
from edgewb.tflite.graphs import Graph
from edgewb.tflite.mends import Mend, Runs
from edgewb.tflite.sizes import follow_sizes

COMPILER: Final = "16.0"
"""The generation for which versions are lowered and ops are counted: the last one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """A file on its way. ``origin`` gives for each of its ops the index in the source."""

    content: bytes
    origin: tuple[int, ...]
    applied: tuple[AppliedMend, ...] = ()
    refused: tuple[RefusedMend, ...] = ()
    verification: Verification | None = None


NOT_RUN: Final = "it would have to be run to tell, which is not done here: `edgewb fix` on a computer of your own does"


class _Runs:
    """Runs files for the mends."""

    def observe(self, content: bytes, tensors: Sequence[int]) -> tuple[dict[int, tuple[int, ...]], dict[int, npt.NDArray[np.generic]]]:
        return comparisons.observe(content, tensors)

    def differ(self, first: bytes, second: bytes) -> str | None:
        try:
            return comparisons.compare(first, second).why
        except ModelFileError as error:
            return str(error)


class _NoRuns:
    """Runs nothing: what does not follow from the file, and can be told from a run alone, is refused."""

    def observe(self, content: bytes, tensors: Sequence[int]) -> tuple[dict[int, tuple[int, ...]], dict[int, npt.NDArray[np.generic]]]:
        try:
            return follow_sizes(content, tensors)
        except ModelFileError as error:
            raise ModelFileError(f"what its sizes become is not known ({error}): {NOT_RUN}") from None

    def differ(self, first: bytes, second: bytes) -> str | None:
        return NOT_RUN


def attempt_mends(content: bytes, graph: Graph, mends: Sequence[Mend], run: bool = True) -> Attempt:
    """All mends at once; where the outputs are not identical then, one at a time, each verified.

    With ``run`` False nothing is run and nothing verified; a mend that rests on a run is refused.
    """
    start = Attempt(content=content, origin=tuple(range(len(graph.ops))))
    together = _apply(start, graph, mends, _Runs() if run else _NoRuns())
    if not together.applied or not run:
        return together
    verified = _verify(content, together)
    if isinstance(verified, Verification):
        return dataclasses.replace(together, verification=verified)
    made = {mend.id for mend in together.applied}
    if len(made) == 1:
        return dataclasses.replace(start, refused=(*together.refused, *(RefusedMend(id=name, why=verified) for name in made)))
    attempt = start
    for mend in mends:
        candidate = _apply(attempt, graph, [mend], _Runs())
        if len(candidate.applied) > len(attempt.applied):
            verified = _verify(content, candidate)
            if isinstance(verified, Verification):
                candidate = dataclasses.replace(candidate, verification=verified)
            else:
                candidate = dataclasses.replace(attempt, refused=(*candidate.refused, RefusedMend(id=mend.id, why=verified)))
        attempt = candidate
    return attempt


def _verify(original: bytes, attempt: Attempt) -> Verification | str:
    """The verification, or why it failed."""
    try:
        verification = comparisons.compare(original, attempt.content)
    except ModelFileError as error:
        return f"whether the outputs stay identical cannot be verified: {error}"
    return verification if verification.identical else f"the outputs would not be identical: {verification.why}"


def _apply(attempt: Attempt, source: Graph, mends: Sequence[Mend], runs: Runs) -> Attempt:
    """Mends one after the other, unverified."""
    for mend in mends:
        change = mend.apply(attempt.content, runs, _rate)
        applied = attempt.applied
        if change.applied:
            ops = [source.ops[attempt.origin[index]] for index in change.ops]
            names = tuple(f"{op.index} {op.name[:60]}" for op in ops)
            applied = (*applied, AppliedMend(id=mend.id, sentence=mend.sentence, ops=names))
        attempt = dataclasses.replace(
            attempt,
            content=change.content,
            origin=tuple(attempt.origin[index] for index in change.kept),
            applied=applied,
            refused=(*attempt.refused, *(RefusedMend(id=mend.id, why=why) for why in change.refused)),
        )
    return attempt


def _rate(op: str, version: int) -> int:
    return version_rating(op, version, COMPILER)
