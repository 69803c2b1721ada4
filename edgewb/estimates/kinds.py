"""What kind of net it is: one the measured ones speak for, one they say little about, or one that is refused. By structure alone."""

from __future__ import annotations

import dataclasses
from typing import Final

from edgewb.estimates.forms import DETECTIONS
from edgewb.estimates.works import CpuOp, Work

MANY_OPS: Final = 300
LARGE_OUTPUT_BYTES: Final = 1_000_000
NORM_SHARE: Final = 0.4
ABSORBED: Final = ("PosenetDecoderOp",)
"""Its time is inside the measured rows of PoseNet and BodyPix; nothing is added for it."""
PER_ELEMENT: Final = ("QUANTIZE", "DEQUANTIZE", "CAST", "RESHAPE", "SQUEEZE", "EXPAND_DIMS")
FEW_ELEMENTS: Final = 20_000
"""Other ops that touch no more values than this take less than a tenth of a millisecond on a desktop and are counted like those above."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """``refused``: the reason, or None. ``doubts``: why the interval is wide; none for a net like the measured ones."""

    refused: str | None
    doubts: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """The measured nets speak for it."""
        return self.refused is None and not self.doubts


def judge(work: Work) -> Kind:
    """The rule, by structure that is seen beforehand. Refused: nothing on the Edge TPU; multiplications or unknown ops left on the CPU;
    ops whose placement is not known; TRANSPOSE_CONV; LSTM; a streamed layer whose weights are sent in several passes. In doubt: more
    than 300 ops, outputs above 1 MB, stand-alone constants over the channels (batch norm that was not folded) beside more than two in
    five matrix products, more other ops than matrix products."""
    matrix = [layer for layer in work.layers if layer.kind != "other"]
    refused = _refusal(work, len(matrix))
    doubts = []
    if work.ops > MANY_OPS:
        doubts.append(f"more than {MANY_OPS} ops ({work.ops})")
    if work.output_bytes > LARGE_OUTPUT_BYTES:
        doubts.append(f"a large output ({work.output_bytes / 1e6:.1f} MB)")
    if work.norm_constants > max(4, NORM_SHARE * len(matrix)):
        doubts.append(f"{work.norm_constants} stand-alone constants over channels, as of batch norm that was not folded")
    if work.ops > 2 * len(matrix) and work.ops > len(matrix) + 20:
        doubts.append(f"only {len(matrix)} of {work.ops} ops are matrix products: the measured nets have more")
    return Kind(refused, tuple(doubts))


def _refusal(work: Work, matrix: int) -> str | None:
    if not work.ops:
        return "nothing runs on the Edge TPU"
    if work.unknown_ops:
        return f"of {work.unknown_ops} op(s) it is not known where the compiler puts them"
    heavy = [op for op in work.cpu if op.macs or unknown_cost(op)]
    if heavy:
        names = ", ".join(dict.fromkeys(op.op[:40] for op in heavy))
        share = sum(op.macs for op in heavy)
        part = f"{len(heavy)} op(s) with {share:,} multiplications" if share else f"{len(heavy)} op(s)"
        return f"a heavy or unknown part is left on the CPU: {part} ({names[:160]})"
    transposed = sum(layer.kind == "tconv" for layer in work.layers)
    if transposed:
        return f"{transposed} TRANSPOSE_CONV: measured nets with it took 0.7 to 3 times what the model says"
    if any(layer.kind == "lstm" for layer in work.layers):
        return "an LSTM: no measured net has one"
    several = [layer for layer in work.layers if layer.streamed and layer.passes > 1]
    if several:
        most = max(layer.passes for layer in several)
        return f"{len(several)} streamed layer(s) are sent in several passes (about {most}): their number is known for one sweep only"
    return None


def unknown_cost(op: CpuOp) -> bool:
    """Whether its time on the host's processor is neither fitted nor small."""
    if op.is_custom:
        return op.op not in (*DETECTIONS, *ABSORBED)
    return op.op not in PER_ELEMENT and op.elements > FEW_ELEMENTS


def signature(work: Work) -> dict[str, float]:
    """What says whether a net is like another: how many layers, how much they compute, how much of it depthwise, how much streamed."""
    matrix = [layer for layer in work.layers if layer.kind != "other"]
    total = work.cached_bytes + work.streamed_bytes
    return {
        "layers": float(max(1, len(matrix))),
        "cycles": max(1.0, work.cycles),
        "depthwise": sum(layer.kind == "dw" for layer in matrix) / max(1, len(matrix)),
        "streamed": work.streamed_bytes / max(1, total),
    }


def resembles(one: dict[str, float], other: dict[str, float]) -> bool:
    """Layers within a factor of 1.5, cycles within 2.5, the shares within 0.15 and 0.25."""
    return (
        max(one["layers"], other["layers"]) <= 1.5 * min(one["layers"], other["layers"])
        and max(one["cycles"], other["cycles"]) <= 2.5 * min(one["cycles"], other["cycles"])
        and abs(one["depthwise"] - other["depthwise"]) <= 0.15
        and abs(one["streamed"] - other["streamed"]) <= 0.25
    )
