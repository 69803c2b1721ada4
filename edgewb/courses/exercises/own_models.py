"""Judges of notebook 12: they look at the reader's own model, whatever it is."""

from __future__ import annotations

import math
from typing import Final

from edgewb.compilers.inspections import Inspection
from edgewb.courses.checks import NotYet, exercise, expect_close, number_in, text_in, whole_number_in
from edgewb.lessons.remedies import REMEDIES, find_remedy

_STEPS: Final = tuple(REMEDIES)


def _inspection_in(inspection: object) -> Inspection:
    if not isinstance(inspection, Inspection):
        raise NotYet(f"the first answer is a {type(inspection).__name__}; what edgewb.inspect(MODEL) gives is asked for.")
    return inspection


@exercise("12.1")
def judge_share_and_blocker(inspection: object, share: object, blocker: object) -> str:
    seen = _inspection_in(inspection)
    if seen.kind == "compiled" or not seen.ops_total:
        return _of_compiled(share, blocker)
    mapped, total = seen.ops_edgetpu or 0, seen.ops_total
    value = number_in(share, "share")
    if mapped and math.isclose(value, 100 * mapped / total, rel_tol=0.01):
        raise NotYet(f"share is {value:g}, which is in percent; a share lies between 0 and 1.")
    macs = (seen.macs_edgetpu or 0) / seen.macs_total if seen.macs_total else math.inf
    expect_close(
        share,
        mapped / total,
        "share",
        relative=0.01,
        absolute=0.005,
        mistakes={
            "that is the share that stays on the CPU.": 1 - mapped / total,
            "that is the share of the multiplications. Ops are asked for, each counting one.": macs,
            "that is how many ops map; divide by how many there are.": mapped,
        },
        hint=f"The row *ops* of the inspection has both numbers; {total} is the lower one of the fraction.",
    )
    right = seen.first_blocker
    if right is None:
        if blocker is not None:
            raise NotYet("no op of this model is called a first blocker: the answer is None.")
        return f"{mapped} of {total} ops map (predicted), and no op holds others back."
    if blocker is None:
        raise NotYet("this model has a first blocker; the inspection names it.")
    if isinstance(blocker, str):
        raise NotYet(f"blocker is {blocker!r}; the number of the op is asked for, as several can be of that kind.")
    number = whole_number_in(blocker, "blocker")
    if number != right.index:
        op = seen.ops[number] if 0 <= number < len(seen.ops) else None
        if op is None:
            raise NotYet(f"there is no op {number}; they are numbered 0 to {len(seen.ops) - 1}.")
        other = "it only waits" if op.reason == "downstream" else "mending another op brings more"
        why = "it runs on the Edge TPU" if op.placement == "edgetpu" else other
        raise NotYet(f"op {number}, {op.op}, is not the first blocker: {why}. The map frames the right one.")
    return f"{mapped} of {total} ops map, and mending op {number} would bring {right.ops_gained_if_fixed} more (predicted)."


def _of_compiled(share: object, blocker: object) -> str:
    other = "Set MODEL to the file it was compiled from, and count there."
    if share is not None or blocker is not None:
        raise NotYet(f"of a compiled file the ops are gone, and nobody can count them: both answers are None. {other}")
    return f"the ops of a compiled file are gone, so no share and no blocker can be told. {other}"


@exercise("12.2")
def judge_next_step(inspection: object, step: object) -> str:
    seen = _inspection_in(inspection)
    said = text_in(step, "step", _STEPS)
    right = find_remedy(seen.file)
    if said != right.name:
        raise NotYet(f"{said!r} is not what helps this model first. {_HINTS[right.name]}")
    return right.advice


_HINTS: Final = {
    "nothing": "Does any of its ops hold others back?",
    "fix": "Did `edgewb.fix` find something to mend?",
    "convert": "Which type has most of what flows through it?",
    "change a layer": "`edgewb.fix` brings no more ops onto the chip, and most values are 8-bit already. What stands in the way, then?",
    "use it": "What kind of file is it: source or compiled?",
}
