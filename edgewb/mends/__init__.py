"""``fix``: a .tflite that maps better and computes the same, bit for bit; or a reason why not."""

from __future__ import annotations

from edgewb.mends.fixing import fix, mend_bytes
from edgewb.mends.results import AppliedMend, Conversion, Mended, RefusedMend

__all__ = ["AppliedMend", "Conversion", "Mended", "RefusedMend", "fix", "mend_bytes"]
