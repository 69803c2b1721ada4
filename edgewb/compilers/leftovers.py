"""Bytes of a compiled file that agree with no op of its source: would the ops that cannot be encoded leave just as many?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgewb.compilers.interfaces import short
from edgewb.compilers.parameters import lanes, round_up, store
from edgewb.tflite.graphs import Graph, Op

_GENERATIONS: Final = ("1.0", "14.1-15.0", "16.0")
"""One of each way of counting in ``parameters``."""


class LeftOver:
    """Bytes that agree with no op, and whether the ops that could not be encoded, and hold no trained constants, would leave as many.

    ``doubt`` says why not, "" where they would. ``said``: how exactly that is known.
    """

    def __init__(self, source: Graph, storing: Sequence[Op], count: int) -> None:
        self.count, self.doubt, self.said = count, "", ""
        kinds = ", ".join(sorted({short(op.name) for op in storing})[:4])
        if not count:
            return
        if not storing:
            self.doubt = f"{count:,} bytes of parameters belong to no op of the source that is known to store any"
            return
        stored = {generation: [store(source, op, generation) for op in storing] for generation in _GENERATIONS}
        sums = {sum(s.parameter_bytes + s.const_bytes for s in found) for found in stored.values()}
        unsure = [op for op, s in zip(storing, stored["16.0"], strict=True) if s.doubt]
        self.said = f"{count:,} more bytes are of {len(storing)} ops that cannot be encoded and hold no trained constants ({kinds})"
        if unsure:
            most = max(sums) + sum(_most(source, op) for op in unsure)
            if count > most:
                self.doubt = f"{count:,} bytes of parameters are left over, and {kinds} of the source would leave {most:,} at most"
            self.said += f", at most {most:,}: how many exactly is not known"
        elif count not in sums:
            wanted = " or ".join(f"{size:,}" for size in sorted(sums))
            self.doubt = f"{count:,} bytes of parameters are left over, and {kinds} of the source would leave {wanted}"


def _most(source: Graph, op: Op) -> int:
    """A bound for an op that moves channels in a way whose bytes are not known: a 1x1 convolution that moves them, for each part."""
    tensors = (*source.input_tensors(op), *source.output_tensors(op))
    channels = max((t.shape[-1] for t in tensors if t.shape and not t.is_constant), default=0)
    return max(0, len(tensors) - 1) * lanes(channels) * (round_up(channels, 4) + 4)
