"""The records that cross from one part of edgewb to the next: frozen dataclasses, units in the names, a basis beside each figure."""

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


class Placement(StrEnum):
    """Where the Edge TPU compiler puts an op. ``UNKNOWN`` is an answer: nothing like it was ever observed."""

    EDGETPU = "edgetpu"
    CPU = "cpu"
    UNKNOWN = "unknown"


class Task(StrEnum):
    """What the answers of a data set are: one of some classes, or a number in a unit of its own."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jsonable:
    """A result whose ``to_dict()`` is exactly its JSON."""

    def to_dict(self) -> dict[str, Any]:
        import msgspec

        # Through JSON, so that it is what a reader of the JSON gets: lists for tuples, plain strings for enums.
        result: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return result


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding(Jsonable):
    """Something a person should know about a model, and what helps: ``fix`` the likeliest, ``fixes`` all, in order of likelihood."""

    id: str
    severity: Severity
    message: str
    fix: str
    references: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpPlacement(Jsonable):
    """One op of a model and where it goes. ``index`` is its position in the file's main subgraph.

    ``parameter_bytes`` (as the device stores them) and ``memory`` ("on_chip": cached, "off_chip": streamed at each inference) are of ops on
    the Edge TPU only. ``macs``: multiply-accumulate operations of one inference; None where the source's op is gone. ``refuses_file``:
    because of this op the compiler would compile nothing at all.
    """

    index: int
    op: str
    version: int
    placement: Placement
    reason: str | None = None
    detail: str | None = None
    parameter_bytes: int | None = None
    memory: str | None = None
    macs: int | None = None
    refuses_file: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blocker(Jsonable):
    """The first op that keeps others off the Edge TPU, and how many more ops map once it is mended (itself included if it then maps)."""

    index: int
    op: str
    reason: str
    detail: str
    ops_gained_if_fixed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacementSummary(Jsonable):
    """How many ops go where. Invariant: edgetpu + cpu + unknown = total."""

    ops_total: int
    ops_edgetpu: int
    ops_cpu: int
    ops_unknown: int
    basis: Basis


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters(Jsonable):
    """Parameter bytes as the device stores them."""

    on_chip_bytes: int
    off_chip_bytes: int
    basis: Basis


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accuracy(Jsonable):
    """Share of right answers, 0..1, over ``n`` examples, with a 95 % Wilson interval."""

    value: float
    n: int
    ci95: tuple[float, float]
    correct: int
    target: str
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccuracyDelta(Jsonable):
    """Paired difference on the same examples, in points (100 * (variant - float); a loss is negative).

    ``gained`` and ``lost`` count the examples only the variant, or only the reference, got right (McNemar's discordant pairs).
    """

    points: float
    ci95: tuple[float, float]
    p_value: float
    against: str
    n: int
    gained: int
    lost: int
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegressionErrors(Jsonable):
    """How far a regression's outputs lie from the truth over ``n`` examples, each with a 95 % interval (see ``residuals``).

    ``mae`` and ``rmse`` (mean absolute and root mean squared error) are in the unit of y as the data give it, and so is ``truth_stdev``,
    the standard deviation of these examples' y; ``r2`` = 1 - (rmse / truth_stdev)^2. ``resamples``: of the bootstrap.
    """

    mae: float
    mae_ci95: tuple[float, float]
    rmse: float
    rmse_ci95: tuple[float, float]
    r2: float
    r2_ci95: tuple[float, float]
    n: int
    truth_stdev: float
    resamples: int
    target: str
    basis: Basis = Basis.MEASURED

    @property
    def value(self) -> float:
        """R2: what takes the place of the accuracy where either can stand."""
        return self.r2

    @property
    def ci95(self) -> tuple[float, float]:
        return self.r2_ci95


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorDelta(Jsonable):
    """Paired difference of two regressions on the same examples, in points of R2 (100 * (variant - float); a loss is negative).

    ``ci90``: its ends are one-sided 95 % limits. ``mae_change`` (a loss is positive) is in the unit of y. ``p_value`` is of absolute
    errors, by the test that ``test`` names.
    """

    points: float
    ci95: tuple[float, float]
    ci90: tuple[float, float]
    mae_change: float
    mae_change_ci95: tuple[float, float]
    p_value: float
    test: str
    against: str
    n: int
    resamples: int
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassAccuracy(Jsonable):
    """One class of a data set: how many test examples it has, how many were answered right, and the 95 % Wilson interval of the share.

    A class without test examples has no interval and is not listed.
    """

    name: str
    n: int
    correct: int
    ci95: tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confused(Jsonable):
    """``n`` test examples of class ``truth`` were answered ``answer``. Both are positions in ``Answers.class_names``."""

    truth: int
    answer: int
    n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flip(Jsonable):
    """A test example to which a variant gives another answer than its reference: classes by position, scores as the files give them.

    ``index`` is the example's position in the test split, from 0.
    """

    index: int
    truth: int
    reference: int
    variant: int
    reference_score: float
    variant_score: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flips(Jsonable):
    """The examples that flipped, ``lost`` ones first, then ``gained``, then those wrong in both: at most ``answers.MAX_FLIPS`` are listed.

    Attributes:
        lost, gained: right only by the reference, only by the variant; ``otherwise_wrong``: wrong by both, in different ways.
    """

    against: str
    lost: int
    gained: int
    otherwise_wrong: int
    listed: tuple[Flip, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answers(Jsonable):
    """How the answers to the test examples spread over the classes.

    Attributes:
        top5: the share whose class is among the five highest scores, ties counted against it; None with five classes or fewer.
        classes: per class, in the order of the data set; a class without test examples is absent.
        confusion: the mistakes alone, by truth, then answer; None where there are more kinds than ``answers.MAX_CONFUSED``.
        flips: against float; None where there was nothing to compare with.
    """

    class_names: tuple[str, ...]
    n: int
    top5: Accuracy | None
    classes: tuple[ClassAccuracy, ...]
    confusion: tuple[Confused, ...] | None
    flips: Flips | None
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencySummary(Jsonable):
    """Milliseconds per call over a sample without its first call."""

    p50: float
    p90: float
    p99: float
    mean: float
    stdev: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetFacts(Jsonable):
    """What ran a model, as far as it changes what a call takes. No user name, no host name, no path.

    ``runtime`` is the library and its version, ``device`` what it ran on ("cpu", "usb:0", "CPUExecutionProvider"), ``bus`` one of "usb3",
    "usb2", "pcie" and ``clock`` "max" or "std" where a bus and a clock are known. ``stands_for`` is what a replayed or simulated figure was
    taken from; None where the device itself was there. ``notes`` are sentences for the reader of the figure.
    """

    runtime: str
    device: str
    bus: str | None = None
    clock: str | None = None
    stands_for: str | None = None
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change(Jsonable):
    """A moment within a sample at which calls became slower or faster for good: ``ratio`` = after / before.

    ``before_ms`` and ``after_ms`` are what the same percentile of calls typically was, in short windows before and after: ``percentile`` is
    50, their medians, unless calls come in several speeds and the median jumps between these. ``ratio_ci95`` is an interval for the ratio
    from how the windows vary; a slow drift beside the step is not in it.
    """

    at_s: float
    before_ms: float
    after_ms: float
    ratio: float
    n_before: int
    n_after: int
    ratio_ci95: tuple[float, float] | None = None
    percentile: int = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sensitivity(Jsonable):
    """A slow-down of ``percent`` put into a sample by arithmetic, at ``tried`` places, one at a time, was found at ``found`` of them."""

    percent: int
    tried: int
    found: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drift(Jsonable):
    """Whether calls got slower or faster while they were measured: the medians of the first and last third of a sample, and changes.

    ``ratio`` is last / first; ``n_per_third`` samples are in each; all None for fewer than 3 samples. ``changes`` is None where nothing
    was looked for, because the sample was too short to tell a change from noise. ``sensitivity``: what would have been found, where none
    was.
    """

    first_third_median_ms: float | None
    last_third_median_ms: float | None
    ratio: float | None
    n_per_third: int
    changes: tuple[Change, ...] | None = None
    sensitivity: Sensitivity | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jitter(Jsonable):
    """How much calls differ from each other: ranges between percentiles, which one long call does not decide (as RFC 5481 describes delay
    variation by them). From the median to the 99th; from the 25th to the 75th; the latter over the median, None where that is 0.
    """

    p50_to_p99_ms: float
    p25_to_p75_ms: float
    p25_to_p75_over_p50: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window(Jsonable):
    """Percentiles of the ``n`` kept calls that ended within a window of a sustained run; it began ``start_s`` after the run."""

    start_s: float
    n: int
    p10_ms: float
    p50_ms: float
    p90_ms: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sustained(Jsonable):
    """A run of ``wanted_s`` seconds that lasted ``lasted_s``: ``calls`` in all, of which one in ``one_in`` is kept as a sample.

    ``back_to_back``: only durations are known, since another computer or a recording timed the calls; moments are then sums of them.
    ``windows`` of ``window_s`` each, those left out in which no kept call ended.
    """

    wanted_s: float
    lasted_s: float
    calls: int
    kept: int
    one_in: int
    back_to_back: bool
    window_s: float
    windows: tuple[Window, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conditions(Jsonable):
    """What else went on while a sample was taken; None where this system does not tell.

    ``governor``: the processor's frequency governor. ``load_before``: runnable processes per core, averaged over the minute before.
    ``others_share``: share of the processor time of all cores that other processes took meanwhile, 0..1. ``stolen_share``: share that the
    machine's own host took (virtual machines). ``beside``: other measurements of edgewb that ran meanwhile, by target. ``notes``:
    sentences on what of this makes the figures less trustworthy; empty where nothing does.
    """

    governor: str | None = None
    load_before: float | None = None
    others_share: float | None = None
    stolen_share: float | None = None
    beside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory(Jsonable):
    """Bytes of the process that ran the model, all of it: Python, libraries, weights, the runtime's arena; None: the system does not tell.

    ``process_before_bytes`` with the runtime imported and the model not yet loaded, ``process_peak_bytes`` at most from then until the last
    call of warming up. The difference is the model's, and some 10 MB more for the first model of a process; a later one can seem to take
    less, in memory an earlier one gave back.
    """

    file_bytes: int
    process_before_bytes: int | None = None
    process_peak_bytes: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase(Jsonable):
    """A part of an energy measurement: seconds since the first one began, mean watts with a 95 % interval, and ``n`` readings."""

    name: str
    start_s: float
    end_s: float
    watts: float
    watts_ci95: tuple[float, float]
    n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Energy(Jsonable):
    """What a meter showed while a sample was taken, and what that makes for one call.

    ``source`` names the meter, ``covers`` what its watts are the power of. ``total_mj`` is the mean power times the time from one call to
    the next, in millijoules; ``above_idle_mj`` leaves out ``idle_watts`` (model loaded and called once, then nothing), None where that was
    not measured. Intervals are of 95 %, from means of batches of the ``n`` readings; the meter's own error is not in them.
    ``protocol``, ``steps`` and ``ambient_c`` are what the person was asked to do and said; temperatures are the computer's own zones.
    """

    source: str
    covers: str
    watts: float
    watts_ci95: tuple[float, float]
    n: int
    calls: int
    total_mj: float
    total_mj_ci95: tuple[float, float]
    idle_watts: float | None = None
    idle_watts_ci95: tuple[float, float] | None = None
    above_idle_mj: float | None = None
    above_idle_mj_ci95: tuple[float, float] | None = None
    phases: tuple[Phase, ...] = ()
    protocol: str | None = None
    steps: tuple[str, ...] = ()
    ambient_c: float | None = None
    temperatures_before_c: dict[str, float] = dataclasses.field(default_factory=dict)
    temperatures_after_c: dict[str, float] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latency(Jsonable):
    """A latency sample on one target. ``n`` counts ``samples_ms``; ``first_ms`` and the warm-up are not in it.

    ``ratio`` is its median over that of a reference measured in turns with it, so that a clock or a load that changes between two
    variants does not count for one of them; None where nothing was measured beside it. ``facts`` and ``conditions`` are None in records
    older than these fields, ``energy`` where nothing measured it.
    """

    target: str
    basis: Basis
    n: int
    latency_ms: LatencySummary
    first_ms: float
    warmup_runs: int
    threads: int
    kernels: str
    samples_ms: tuple[float, ...]
    ratio: float | None = None
    facts: TargetFacts | None = None
    conditions: Conditions | None = None
    energy: Energy | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencyRange(Jsonable):
    """Milliseconds of one inference: an estimate and the interval around it."""

    low: float
    mid: float
    high: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class EstimatedLatency(Jsonable):
    """What one inference would take on a device nobody measured. ``latency_ms`` is None where no estimate is given: ``refused`` says why.

    ``coverage`` is how often such an interval should hold, ``held_out`` how often it did for ``n`` nets left out of the fit; None: too few.
    """

    target: str
    host: str
    bus: str
    clock: str
    basis: Basis
    n: int
    latency_ms: LatencyRange | None
    coverage: float | None
    held_out: float | None
    refused: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment(Jsonable):
    """What a result was made with. No user name, no host name, no path."""

    python: str
    platform: str
    machine: str
    cpu: str
    cores: int
    packages: dict[str, str]


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossVerdict(Jsonable):
    """What the test examples say, each side with 95 % confidence, on whether a variant loses less than a budget (see ``verdicts``).

    Attributes:
        outcome: "below" the budget, "above" it, or "open": too few examples to say.
        loss_low_points, loss_high_points: one-sided 95 % limits of the loss in points, each by itself; a loss is positive here.
        p_value: of a loss of the budget or more; ``holm_p_value`` the same, corrected for all variants judged on the same examples.
        n_needed: examples for an answer with 80 % power, were gains and losses as frequent as here; None unless open, or none helps.
        measure: what the points are of, "accuracy" or "R2".
    """

    recipe: str
    outcome: str
    budget_points: float
    loss_low_points: float
    loss_high_points: float
    p_value: float
    holm_p_value: float
    against: str
    n: int
    n_needed: int | None
    basis: Basis
    measure: str = "accuracy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recommendation(Jsonable):
    """The variant to take for an accuracy budget; ``recipe`` is None when none stays within it.

    ``verdicts`` are of the test examples, one for each variant that was compared with float; they have no part in the choice.
    """

    recipe: str | None
    why: str
    budget_points: float
    verdicts: tuple[LossVerdict, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped(Jsonable):
    """A recipe that was not run, and why."""

    recipe: str
    reason: str
