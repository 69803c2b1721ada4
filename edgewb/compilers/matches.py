"""Does a compiled file hold a model? Its interface, the ops left on the CPU, and the parameters, encoded from the source and compared.

The verdict, in this order:

- ``differs``: the interface, an op on the CPU, or an op's bytes or requantisation differ.
- ``cannot_tell``: nothing differs, but an op whose constants come from training cannot be encoded, bytes are left over other than the
  source's ops would leave, or an op stands before one that feeds it.
- ``holds``: everything that can be compared agrees, and what cannot be encoded follows from shapes alone. Where no op agrees byte by
  byte this says no more than that nothing contradicts it.

What the file does not show in a form known today is listed as ``unchecked``.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Final

from edgewb.compilers.blobs import Blobs, TooMuchWorkError
from edgewb.compilers.flows import against_the_flow
from edgewb.compilers.interfaces import Interfaces, short
from edgewb.compilers.leftovers import LeftOver
from edgewb.compilers.packages import read_packages, read_programs
from edgewb.compilers.searches import Found, Search
from edgewb.errors import InputError
from edgewb.tflite.graphs import Graph, Op
from edgewb.types import Jsonable

UNCHECKED: Final = (
    "how ops are connected; strides, padding, dilation, pool sizes and axes; the kind, options and scales of ops without parameters; the "
    "instructions apart from multipliers and ranges"
)


class Verdict(StrEnum):
    """Of a whole file. Only ``HOLDS`` says that the compiled file was made from the source, as far as it can be seen."""

    HOLDS = "holds"
    DIFFERS = "differs"
    CANNOT_TELL = "cannot_tell"


class OpVerdict(StrEnum):
    """Of one op of the source."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_ENCODED = "not_encoded"
    NO_PARAMETERS = "no_parameters"
    ON_CPU = "on_cpu"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpMatch(Jsonable):
    """One op of the source in the compiled file. ``bytes`` at ``offset`` in the parameters of program ``program`` (its place in
    ``executables``) are the op's; None where no place can be named."""

    index: int
    op: str
    verdict: OpVerdict
    bytes: int | None = None
    program: int | None = None
    offset: int | None = None
    detail: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Match(Jsonable):
    """Whether a compiled file holds a source model. Invariants: the five counts add up to the number of the source's ops;
    explained_bytes + unexplained_bytes = parameter_bytes.

    ``interface`` has one sentence per difference in inputs, outputs, layers and ops on the CPU. ``requantisations_checked`` counts the ops
    whose multiplier and range were looked up in the instructions.
    """

    source: str
    source_sha256: str
    verdict: Verdict
    reason: str
    interface: tuple[str, ...]
    ops: tuple[OpMatch, ...]
    ops_agree: int
    ops_differ: int
    ops_not_encoded: int
    ops_no_parameters: int
    ops_on_cpu: int
    requantisations_checked: int
    parameter_bytes: int
    explained_bytes: int
    unexplained_bytes: int
    unchecked: str = UNCHECKED


def compare(source: Graph, compiled: Graph, file: str = "", sha256: str = "") -> Match:
    """Compare a compiled file with the model it may have been made from; ``file`` and ``sha256`` of the source are passed on.

    Raises:
        InputError: ``source`` is compiled itself, or ``compiled`` is not.
        ModelFileError: a package is corrupted, or too large to be compared.
    """
    name = f" ({file!r})" if file else ""
    if not compiled.is_compiled:
        raise InputError(
            "a source model cannot be compared with another: give the file the Edge TPU compiler made first, its source after --against"
        )
    if source.is_compiled:
        raise InputError(f"the model to compare with{name} is compiled itself, its weights are gone: give the .tflite it was compiled from")
    interfaces = Interfaces(source, compiled, read_packages(compiled))
    programs = read_programs(compiled)
    blobs = Blobs(programs)
    search = Search(source, programs, blobs, frozenset(interfaces.left))
    try:
        search.run()
    except TooMuchWorkError:
        search.give_up()
    ops = tuple(_op(op, interfaces, search) for op in source.ops)
    total, explained = sum(blobs.sizes), blobs.explained_bytes
    counts = {verdict: sum(op.verdict is verdict for op in ops) for verdict in OpVerdict}
    storing = [source.ops[op.index] for op in ops if op.verdict is OpVerdict.NOT_ENCODED]
    verdict, reason = _judge(source, interfaces, search, ops, LeftOver(source, storing, total - explained))
    return Match(
        source=file,
        source_sha256=sha256,
        verdict=verdict,
        reason=reason,
        interface=tuple(interfaces.differences),
        ops=ops,
        ops_agree=counts[OpVerdict.AGREES],
        ops_differ=counts[OpVerdict.DIFFERS],
        ops_not_encoded=counts[OpVerdict.NOT_ENCODED],
        ops_no_parameters=counts[OpVerdict.NO_PARAMETERS],
        ops_on_cpu=counts[OpVerdict.ON_CPU],
        requantisations_checked=search.checked,
        parameter_bytes=total,
        explained_bytes=explained,
        unexplained_bytes=total - explained,
    )


def _op(op: Op, interfaces: Interfaces, search: Search) -> OpMatch:
    if op.index in interfaces.left:
        problem = interfaces.left[op.index]
        return OpMatch(
            index=op.index,
            op=op.name,
            verdict=OpVerdict.DIFFERS if problem else OpVerdict.ON_CPU,
            detail=f"left on the CPU: {problem or 'the same kind, tensors and constants as in the source'}",
        )
    found: Found = search.found[op.index]
    place = found.place
    return OpMatch(
        index=op.index,
        op=op.name,
        verdict=OpVerdict(found.verdict),
        bytes=found.bytes,
        program=None if place is None else place.program,
        offset=None if place is None else place.offset,
        detail=found.detail,
    )


def _judge(source: Graph, interfaces: Interfaces, search: Search, ops: tuple[OpMatch, ...], left_over: LeftOver) -> tuple[Verdict, str]:
    wrong = [op for op in ops if op.verdict is OpVerdict.DIFFERS]
    agreeing = sum(op.verdict is OpVerdict.AGREES for op in ops)
    if interfaces.differences:
        more = len(interfaces.differences) - 1 + len(wrong)
        return Verdict.DIFFERS, interfaces.differences[0] + (f"; and {more} more differences" if more else "")
    if wrong:
        first = wrong[0]
        comparable = agreeing + len(wrong)
        return (
            Verdict.DIFFERS,
            f"{len(wrong)} of {comparable} ops that can be compared differ, first op {first.index}, {short(first.op)}: {first.detail}",
        )
    missing = [op for op in ops if op.verdict is OpVerdict.NOT_ENCODED]
    trained = [op for op in missing if search.found[op.index].trained]
    said = f"{agreeing} ops agree byte by byte" if agreeing else "no op has parameters that can be compared, and the interface agrees"
    if trained:
        first = trained[0]
        return (
            Verdict.CANNOT_TELL,
            f"{agreeing or 'no'} ops agree byte by byte, and {len(trained)} cannot be told, first op {first.index}, {short(first.op)}: "
            f"{first.detail}",
        )
    if left_over.doubt:
        return Verdict.CANNOT_TELL, f"{said}, but {left_over.doubt}"
    agreed = {index: found.place for index, found in search.found.items() if found.verdict == "agrees" and found.place is not None}
    if order := against_the_flow(source, {index: place for index, place in agreed.items() if not search.found[index].shared}):
        return Verdict.CANNOT_TELL, f"{said}, but {order}"
    if left_over.count:
        return Verdict.HOLDS, f"{said}; {left_over.said}"
    return Verdict.HOLDS, f"{said}, and they are all the bytes there are" if agreeing else f"{said}; nothing contradicts it"
