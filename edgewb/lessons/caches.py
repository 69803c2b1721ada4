"""How many bytes a layer takes on the chip, and how many such layers fit, by the rules that ``inspect`` goes by."""

from __future__ import annotations

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.parameters import lanes, round_up
from edgewb.errors import InputError

HEADER_BYTES = 12
"""Per output channel: 4 of bias, 4 of zero point, 4 of multiplier; so it is with per-channel weights whose scales differ."""


def convolution_bytes(side: int, inputs: int, outputs: int, header: int = HEADER_BYTES) -> int:
    """Bytes a square CONV_2D takes on the chip: lanes × (side × side × input channels padded to 4, plus the header).

    Source: see ``edgewb rules``, "Parameter bytes".

    Args:
        side: of the kernel, in pixels.
        inputs, outputs: channels.
        header: bytes before each lane's weights.

    Raises:
        InputError: a number below 1 (below 0 for the header).
    """
    if min(side, inputs, outputs) < 1 or header < 0:
        raise InputError(f"a {side} x {side} kernel from {inputs} to {outputs} channels, header {header}: sizes of 1 or more are wanted")
    count = 4 if outputs <= 4 else lanes(outputs)
    return round_up(count * (side * side * round_up(inputs, 4) + header), 64)


def layers_that_fit(layer_bytes: int) -> int:
    """How many layers of so many bytes the chip keeps: whole layers in 7.75 MiB."""
    if layer_bytes < 1:
        raise InputError(f"a layer of {layer_bytes} bytes: 1 or more is wanted")
    return CACHE_BYTES // layer_bytes
