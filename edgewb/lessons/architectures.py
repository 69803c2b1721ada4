"""Published accuracies of well-known nets in float and on an Edge TPU, with the time they took there (``data/accuracy``)."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass

from edgewb.errors import StorageError
from edgewb.intervals import wilson_interval
from edgewb.locations import data_folder, storage_error
from edgewb.types import Jsonable


@dataclass(frozen=True, kw_only=True)
class Architecture(Jsonable):
    """One net; all of it published, nothing measured by us.

    Attributes:
        float_percent: top-1 accuracy of the float net on a processor; ``edgetpu_percent`` of its compiled int8 file on an Edge TPU.
        low_percent, high_percent: 95 % Wilson interval of ``edgetpu_percent``.
        edgetpu_ms: milliseconds per image on the Edge TPU.
        n: images.
    """

    name: str
    float_percent: float
    edgetpu_percent: float
    low_percent: float
    high_percent: float
    edgetpu_ms: float
    n: int
    source: str

    @property
    def lost_points(self) -> float:
        """Accuracy lost on the way from float to the Edge TPU, in percentage points."""
        return self.float_percent - self.edgetpu_percent


@functools.cache
def list_architectures() -> tuple[Architecture, ...]:
    """The nets of ``data/accuracy/imagenet.json``, the fastest first.

    Raises:
        StorageError: the file is not there, or damaged.
    """
    path = data_folder() / "accuracy" / "imagenet.json"
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise storage_error(path, "read", error) from None
    except ValueError as error:
        raise StorageError(f"{str(path)!r} is damaged ({error}): take it from the repository again") from None
    n = content["n"]
    found = []
    for name, float_percent, edgetpu_percent, ms in content["rows"]:
        low, high = wilson_interval(round(n * edgetpu_percent / 100), n)
        found.append(
            Architecture(
                name=name,
                float_percent=float_percent,
                edgetpu_percent=edgetpu_percent,
                low_percent=100 * low,
                high_percent=100 * high,
                edgetpu_ms=ms,
                n=n,
                source=content["source"],
            )
        )
    return tuple(sorted(found, key=lambda one: one.edgetpu_ms))
