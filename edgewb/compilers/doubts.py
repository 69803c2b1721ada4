"""Other bytes than expected stand in an op's place: do they differ, or may they be the same numbers in a form that is not known?"""

from __future__ import annotations

from typing import Final

from edgewb.compilers.blobs import Comparison
from edgewb.compilers.layouts import Encoding, Plan

ALIKE: Final = 0.5
"""So much of an op's bytes must agree for a place to count as its own where the room does not say so."""
_ALIGNED_WEIGHTS: Final = 0.9
"""So much of an op's weights must agree for it to be stored in the known form, with some numbers changed."""
SCATTERED: Final = "; the same numbers stand among the bytes that are left over"
_PART_NAMES: Final = {"multipliers": "multipliers (scales)"}


def doubt_of(kind: str, made: Plan, encoding: Encoding, compared: Comparison, *, scattered: bool, shows: bool) -> str:
    """Why other bytes than expected may be the same numbers in a form that is not known; "" where they cannot.

    ``scattered``: the weights of all ops that were not found stand among the bytes that are left over. ``shows``: the net has a layer or
    two, and the instructions hold this op's multiplier and range.
    """
    if not made.sure:
        return f"other bytes than expected stand there, and this form of {kind} was seen in one pair only"
    if compared.rearranged:
        return f"the same {len(encoding.data):,} bytes stand there in an order that is not known"
    if not compared.channels and not encoding.bias_lost:
        return "nothing but padding differs"
    if compared.foreign:
        return "what stands there for its bias or its multipliers can be neither"
    if encoding.bias_lost and compared.header_differs:
        return "its bias is not where it should be, nor are its scales"
    if compared.rounded:
        return "nothing but the last places of its multipliers differ"
    if scattered and compared.weights_alike < _ALIGNED_WEIGHTS:
        return f"other bytes than expected stand there{SCATTERED}"
    if compared.alike < ALIKE and shows:
        return "other bytes than expected stand there, but its multiplier and range are in the instructions"
    return ""


def describe(compared: Comparison) -> str:
    """How much of which part differs, and in which output channels."""
    parts, same = [], []
    for name, total in compared.totals.items():
        shown = _PART_NAMES.get(name, name)
        count = compared.differing[name]
        if count:
            parts.append(f"{count:,} of {total:,} bytes of its {shown} differ")
        else:
            same.append(shown)
    channels = compared.channels
    where = (
        f", in output channel {channels[0]}"
        if len(channels) == 1
        else f", in {len(channels):,} output channels, first {channels[0]}"
        if channels
        else ""
    )
    agree = f"{' and '.join(same)} agree" if same else ""
    return "; ".join(filter(None, ("; ".join(parts) + where, agree)))
