"""One variant with everything measured of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgewb.types.bases import Basis, Jsonable, Task
from edgewb.types.latencies import EstimatedLatency, Latency
from edgewb.types.placements import Parameters, PlacementSummary
from edgewb.types.scores import Accuracy, AccuracyDelta, Answers, ErrorDelta, RegressionErrors
from edgewb.types.surroundings import Environment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record(Jsonable):
    """One variant of one model on one data set, with everything measured of it.

    ``key`` identifies what was done (data, model, recipe, seed, versions, machine); the same key is never stored twice.
    ``accuracy`` and ``accuracy_delta`` are of the test split; ``validation_delta`` is the same difference on the validation split, by
    which a variant is chosen. ``estimate`` is of an Edge TPU on a desktop computer. Deltas, ``parameters`` and ``estimate`` are None where
    they do not apply or nothing can fill them, and ``answers`` (of the test split, too) in records older than it. ``not_measured``: by
    target, why it could not take this file. Of a regression ``errors``, ``error_delta`` and ``validation_error_delta`` are filled in
    the place of ``accuracy``, ``accuracy_delta`` and ``validation_delta``; ``score``, ``delta`` and ``validated`` are whichever there is.
    """

    key: str
    recipe: str
    dataset: str
    dataset_fingerprint: str
    model: str
    file: str
    sha256: str
    size_bytes: int
    compressed_bytes: int
    size_basis: Basis = Basis.MEASURED
    accuracy: Accuracy | None
    accuracy_delta: AccuracyDelta | None
    validation_delta: AccuracyDelta | None = None
    errors: RegressionErrors | None = None
    error_delta: ErrorDelta | None = None
    validation_error_delta: ErrorDelta | None = None
    placement: PlacementSummary
    parameters: Parameters | None
    latency: tuple[Latency, ...]
    estimate: EstimatedLatency | None = None
    environment: Environment
    seed: int
    settings: dict[str, Any]
    created: str
    origin: str = "local"
    not_measured: dict[str, str] = dataclasses.field(default_factory=dict)
    answers: Answers | None = None

    @property
    def task(self) -> Task:
        return Task.CLASSIFICATION if self.errors is None else Task.REGRESSION

    @property
    def score(self) -> Accuracy | RegressionErrors:
        """What the test examples say of it: value (share of right answers, or R2), ci95, n, target, basis."""
        score = self.accuracy if self.errors is None else self.errors
        assert score is not None  # no record without either is kept or read, see ``records.checks``
        return score

    @property
    def delta(self) -> AccuracyDelta | ErrorDelta | None:
        """Its difference from float on the test examples, in points."""
        return self.accuracy_delta if self.errors is None else self.error_delta

    @property
    def validated(self) -> AccuracyDelta | ErrorDelta | None:
        """The same on the validation examples."""
        return self.validation_delta if self.errors is None else self.validation_error_delta
