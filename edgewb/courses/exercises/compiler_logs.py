"""Judges of notebook 06: the cut, the reasons, a log, bytes by hand, what helps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.explanations import explain
from edgewb.compilers.inspections import inspect
from edgewb.courses.checks import NotYet, exercise, expect_close, text_in, whole_number_in
from edgewb.lessons.caches import HEADER_BYTES, convolution_bytes, layers_that_fit
from edgewb.lessons.compiler_logs import stand_in_log
from edgewb.lessons.remedies import REMEDIES, find_remedy

REASONS: Final = ("unsupported_op", "float", "dtype", "not_constant", "downstream", "shape", "op_version", "dynamic", "rank")
WAITS: Final = "More than one subgraph is not supported"
SIDE, INPUTS, OUTPUTS, WIDE = 3, 30, 40, 256
"""The convolutions of exercise 06.4."""
MODELS: Final = ("digits_cnn_int8", "dynamic_batch", "float32", "elu_branch")
"""Those of exercise 06.5."""


@exercise("06.1")
def judge_blocker(blocker: object, gained: object) -> str:
    inspection = inspect(bundled_model("dynamic_batch").path)
    right = inspection.first_blocker
    assert right is not None
    number = whole_number_in(blocker, "blocker")
    if not 0 <= number < len(inspection.ops):
        raise NotYet(f"blocker is {number}; the ops are numbered 0 to {len(inspection.ops) - 1}.")
    op = inspection.ops[number]
    if op.placement == "edgetpu":
        raise NotYet(f"op {number}, {op.op}, runs on the Edge TPU: it has a circle, and blocks nothing.")
    if op.reason == "downstream":
        raise NotYet(f"op {number}, {op.op}, could run there: it only waits for one above it. Follow its line upwards to the first square.")
    if number < right.index:
        raise NotYet(
            f"op {number}, {op.op}, is the first op on the CPU or one of the first, but with it mended alone no other op would map: what "
            "hangs on it is on the CPU for a reason of its own. Which square has ops below it that only wait?"
        )
    if number != right.index:
        raise NotYet(f"op {number}, {op.op}, is not it: follow the lines up to the first square that other ops wait for.")
    waiting = sum(one.reason == "downstream" for one in inspection.ops)
    expect_close(
        gained,
        right.ops_gained_if_fixed,
        "gained",
        relative=0,
        mistakes={
            "those wait for it, and the op itself maps then, too.": waiting,
            "that is how many would map in all; how many more is that than now?": (inspection.ops_edgetpu or 0) + right.ops_gained_if_fixed,
            "not all of the ops on the CPU hang on it: some stay there for reasons of their own.": inspection.ops_cpu or 0,
        },
        hint="Count the op itself and those that only wait for it.",
    )
    return f"op {right.index}, {right.op}: with it mended, {right.ops_gained_if_fixed} more ops map (predicted)."


@exercise("06.2")
def judge_reasons(why_conv: object, why_shape: object) -> str:
    conv = inspect(bundled_model("elu_branch").path).ops[9]
    shape = inspect(bundled_model("dynamic_batch").path).ops[7]
    said = _reason_in(why_conv, "why_conv")
    if said != conv.reason:
        if said == "unsupported_op":
            raise NotYet(f"op 9 is a {conv.op}, and other ops of this kind map in the same file: the kind is supported.")
        if said in ("float", "dtype"):
            raise NotYet("what flows through op 9 is int8: the floating-point values end at op 5, the QUANTIZE.")
        raise NotYet(f"why_conv is {said!r}. Nothing is wrong with op 9 itself: what does it wait for?")
    said = _reason_in(why_shape, "why_shape")
    if said != shape.reason:
        if said == "downstream":
            raise NotYet("the op above SHAPE runs on the Edge TPU: SHAPE waits for nothing.")
        raise NotYet(f"why_shape is {said!r}. Is SHAPE among the ops that the Edge TPU has at all? (`edgewb rules` lists them.)")
    return "one op is of the wrong kind; the other is fine and sits behind the cut."


def _reason_in(answer: object, name: str) -> str:
    """One of ``REASONS``, also as the map writes it: with a blank for the underscore."""
    return text_in("_".join(answer.split()) if isinstance(answer, str) else answer, name, REASONS)


@exercise("06.3")
def judge_log(waiting: object, guilty: object) -> str:
    log = explain(stand_in_log(bundled_model("elu_branch").path))
    right = sum(row.count for row in log.ops if row.status == WAITS)
    expect_close(
        waiting,
        right,
        "waiting",
        relative=0,
        mistakes={
            "that is all the ops on the CPU; some of them are there for a reason of their own.": log.ops_cpu or 0,
            "those are the lines of the table; the second column counts the ops of each.": sum(row.status == WAITS for row in log.ops),
            "those run on the Edge TPU.": log.ops_edgetpu or 0,
        },
        hint=f"Add up the counts of the lines that say {WAITS!r}.",
    )
    kind = text_in(guilty, "guilty").upper().replace(" ", "_")
    if kind in ("QUANTIZE", "DEQUANTIZE"):
        raise NotYet(f"{kind} only converts values for the op that works on floating-point numbers, and goes when that one goes.")
    if kind != "ELU":
        known = {row.op for row in log.ops}
        raise NotYet(
            f"{guilty!r} is not in the table." if kind not in known else f"{kind} is an op that the Edge TPU has: which kind is it without?"
        )
    return f"{right} ops wait, and all for one ELU."


@exercise("06.4")
def judge_bytes(layer_bytes: object, layers: object) -> str:
    right = convolution_bytes(SIDE, INPUTS, OUTPUTS)
    taps, padded = SIDE * SIDE, 4 * -(-INPUTS // 4)
    expect_close(
        layer_bytes,
        right,
        "layer_bytes",
        relative=0,
        mistakes={
            "these are the weights in the file; on the chip they are padded.": taps * INPUTS * OUTPUTS,
            f"the {INPUTS} input channels are padded to a multiple of 4.": 48 * (taps * INPUTS + HEADER_BYTES),
            f"the {OUTPUTS} output channels are padded to lanes, in groups of 16.": OUTPUTS * (taps * padded + HEADER_BYTES),
            "lanes come in groups of 64 only beyond 64 channels; up to there in groups of 16.": 64 * (taps * padded + HEADER_BYTES),
            f"each lane has a header of {HEADER_BYTES} bytes besides its weights.": 48 * taps * padded,
            "the header stands before each lane, not once before the layer.": 48 * taps * padded + HEADER_BYTES,
        },
        hint="It is lanes × (3 × 3 × input channels padded to 4, plus 12).",
    )
    wide = convolution_bytes(SIDE, WIDE, WIDE)
    expect_close(
        layers,
        layers_that_fit(wide),
        "layers",
        relative=0,
        mistakes={
            "a layer is kept whole or not at all: round down.": -(-CACHE_BYTES // wide),
            "a layer is kept whole or not at all: it is a whole number.": round(CACHE_BYTES / wide, 1),
            f"that is for the small layer; the wide one has {WIDE} channels in and out.": layers_that_fit(right),
        },
        hint="Work out the bytes of one such layer first: 256 is a multiple of 64 and of 4, so nothing is padded.",
    )
    return f"{right:,} bytes against {taps * INPUTS * OUTPUTS:,} in the file; {layers_that_fit(wide)} of the wide ones fit."


@exercise("06.5")
def judge_remedies(remedies: object) -> str:
    if not isinstance(remedies, Mapping):
        raise NotYet(f"remedies is of type {type(remedies).__name__}; a dictionary from the name of a model to what helps is asked for.")
    allowed = tuple(name for name in REMEDIES if name != "use it")
    for name in MODELS:
        if name not in remedies:
            raise NotYet(f"{name!r} is missing from remedies.")
        if remedies[name] is ...:
            raise NotYet(f"{name!r} is still open.")
        said = text_in(remedies[name], f"remedies[{name!r}]", allowed)
        if said != _remedy(name):
            raise NotYet(f"{name}: {said!r} {_objection(name, said)}")
    return "the cheapest cure first: a fix costs nothing, another conversion minutes, another layer a training."


@cache
def _remedy(name: str) -> str:
    """What helps one of ``MODELS``; a mend is run to verify it, so each is looked at once."""
    if name != "float32":
        return find_remedy(bundled_model(name).path).name
    return find_remedy(next(record.file for record in bundled_studies()[0].records if record.recipe == name)).name


def _objection(name: str, said: str) -> str:
    """Why this is not what helps here."""
    if name == "digits_cnn_int8":
        return "has nothing to do: all of its ops map."
    if said == "nothing":
        return "would leave ops on the CPU that need not be there."
    if name == "float32":
        return "is not what it lacks: its layers are all of kinds that map, and all of its values are floating-point numbers."
    if name == "dynamic_batch":
        return "is more than it takes: nothing is wrong with its layers, only its batch is not fixed. What mends a file without training?"
    return (
        "does not help here: `edgewb fix` finds nothing to mend, and the converter was asked for int8 already. Which op stands in the way?"
    )
