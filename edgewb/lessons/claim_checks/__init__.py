"""How the figures and verdicts of claims are found anew, by the name that stands in ``check`` of ``data/claims.toml``."""

from __future__ import annotations

from typing import Final

from edgewb.lessons.claim_checks import devices, models, recordings, times
from edgewb.lessons.claim_rules import Check

CHECKS: Final[dict[str, Check]] = {**times.CHECKS, **devices.CHECKS, **models.CHECKS, **recordings.CHECKS}
