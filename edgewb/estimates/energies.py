"""Energy of one inference: an interval, from powers others measured. No energy per model of the stick was ever published."""

from __future__ import annotations

import dataclasses
from typing import Final

from edgewb.types import Jsonable

ACTIVE_W: Final = (0.58, 1.2)
"""What the stick draws beyond idling while it runs. Sources: 0.58 W (softserveinc-rnd/blog coral, USB 2 on a Raspberry Pi 3 B+), 1.0 to
1.2 W (f0cal/google-coral issue 15, by difference at the wall, USB 3)."""


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class EnergyRange(Jsonable):
    """Millijoules of the Edge TPU beyond idling, for one inference."""

    low: float
    high: float
    assumption: str

    def __repr__(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f} mJ per inference (estimated; {self.assumption})"


def energy(low_ms: float, high_ms: float, bus: str) -> EnergyRange:
    """From an interval of latency."""
    chip = "the stick" if bus != "pcie" else "the chip, taken to draw what the stick does,"
    return EnergyRange(
        low=ACTIVE_W[0] * low_ms,
        high=ACTIVE_W[1] * high_ms,
        assumption=f"{chip} draws {ACTIVE_W[0]} to {ACTIVE_W[1]} W more than idle during the whole inference (two published "
        "measurements of other nets); idling (0.3 W before first use, 0.9 to 1.0 W after) and the host are not in it",
    )
