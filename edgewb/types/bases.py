"""What every record is made of: how it becomes JSON, where a number comes from, what kind of answers it speaks of."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Any


class Basis(StrEnum):
    """Where a number comes from. No number is shown without one."""

    MEASURED = "measured"
    COMPILED = "compiled"
    PREDICTED = "predicted"
    ESTIMATED = "estimated"
    REPLAYED = "replayed"
    SIMULATED = "simulated"
    PUBLISHED = "published"


class Task(StrEnum):
    """What the answers of a data set are: one of some classes, or a number in a unit of its own."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jsonable:
    """A result whose ``to_dict()`` is exactly its JSON."""

    def to_dict(self) -> dict[str, Any]:
        import msgspec

        # Through JSON, so that it is what a reader of the JSON gets: lists for tuples, plain strings for enums.
        result: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return result
