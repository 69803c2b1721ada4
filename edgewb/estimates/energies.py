"""Energy of one inference: an interval, from powers others measured. No energy per model of the stick was ever published."""

from __future__ import annotations

from typing import Final

from edgewb.types import EnergyRange, LatencyRange

ACTIVE_W: Final = (0.58, 1.2)
"""What the stick draws beyond idling while it runs. Sources: 0.58 W (softserveinc-rnd/blog coral, USB 2 on a Raspberry Pi 3 B+), 1.0 to
1.2 W (f0cal/google-coral issue 15, by difference at the wall, USB 3)."""
MIDDLE_W: Final = sum(ACTIVE_W) / 2


def energy(latency: LatencyRange, bus: str) -> EnergyRange:
    """From an interval of latency. The middle is the middle power for the middle latency: of two nets it says no more than latency does."""
    chip = "the stick" if bus != "pcie" else "the chip, taken to draw what the stick does,"
    return EnergyRange(
        low=ACTIVE_W[0] * latency.low,
        mid=MIDDLE_W * latency.mid,
        high=ACTIVE_W[1] * latency.high,
        assumption=f"{chip} draws {ACTIVE_W[0]} to {ACTIVE_W[1]} W more than idle during the whole inference (two published "
        "measurements of other nets); idling (0.3 W before first use, 0.9 to 1.0 W after) and the host are not in it",
    )
