"""What ``debug_model`` found: the rungs of the ladder, the layers by what they cost, findings, a verdict."""

from __future__ import annotations

import dataclasses

from edgewb.types import Accuracy, AccuracyDelta, Basis, Environment, ErrorDelta, Finding, Jsonable, RegressionErrors


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rung(Jsonable):
    """One rung of the ladder from the float model to the device, on the validation split.

    ``delta`` is against the rung before it that was run, in points; ``falls``: its whole 95 % interval lies below 0 (of R2
    it is 0.1 points at least, too). ``skipped`` says why
    there are no figures. Of a regression ``errors`` and ``error_delta``, in points of R2, are filled in their place.
    """

    name: str
    accuracy: Accuracy | None = None
    delta: AccuracyDelta | None = None
    errors: RegressionErrors | None = None
    error_delta: ErrorDelta | None = None
    falls: bool = False
    skipped: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightRange(Jsonable):
    """Largest sizes of the float weights of each output channel: the smallest, median and largest of them.

    ``differing``: share of the int8 file's weights that are more than one step away from the float file's, ``channel_differing`` that of
    the output channel with most of them; ``bias_differing``: the same of its biases, by more than a hundredth of the largest.
    """

    channels: int
    smallest: float
    median: float
    largest: float
    per_channel: bool
    differing: float
    channel_differing: float
    bias_differing: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActivationRange(Jsonable):
    """What an op's result can hold in the int8 file (``low``..``high``), and what the float net gives there.

    ``percentiles``: the 0.1th, 50th and 99.9th. ``used``: share of low..high between the outer two. ``channel_ratio``: size of the
    largest channel over the median one's, None for a single channel.
    """

    low: float
    high: float
    true_low: float
    true_high: float
    percentiles: tuple[float, float, float]
    used: float
    channel_ratio: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer(Jsonable):
    """One op of the int8 file, over ``n`` examples; -1 is the storing of the input.

    ``output_sqnr_db`` is what the op's own error makes of the model's outputs (before a last softmax): signal to noise, in decibels,
    None behind them; layers are ranked by it. ``sqnr_db``, ``mse``, ``cosine`` and ``saturated`` (share beyond the range) are of its own
    error in its own result, ``accumulated_sqnr_db`` of the error of all ops up to it. ``flips``: share of answers its own error changes;
    None, too, of a regression.
    """

    op: int
    kind: str
    name: str
    n: int
    output_sqnr_db: float | None
    flips: float | None
    sqnr_db: float
    mse: float
    cosine: float
    saturated: float
    accumulated_sqnr_db: float
    weights: WeightRange | None
    activations: ActivationRange
    cause: str
    says: str
    remedy: str
    basis: Basis = Basis.MEASURED

    @property
    def label(self) -> str:
        """For tables and figures: the op's number and kind."""
        return "input" if self.op < 0 else f"{self.op} {self.kind}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diagnosis(Jsonable):
    """What ``debug_model`` found. ``culprit`` is None where no layer costs more than rounding does.

    ``layers`` are ranked, the costliest first. ``smallest_fall_points``: a fall of fewer points could not have been told from chance with
    this many validation examples, had no example been gained; None of a regression, where that depends on the errors.
    """

    model: str
    int8_file: str
    int8_sha256: str
    dataset: str
    dataset_fingerprint: str
    seed: int
    n: int
    input_range: tuple[float, float]
    rungs: tuple[Rung, ...]
    first_fall: str | None
    smallest_fall_points: float | None
    layers: tuple[Layer, ...]
    unmatched_ops: tuple[int, ...]
    culprit: Layer | None
    verdict: str
    findings: tuple[Finding, ...]
    environment: Environment

    def __repr__(self) -> str:
        from edgewb.debugging.reports import text

        return text(self)

    def _repr_html_(self) -> str:
        from edgewb.debugging.reports import html_fragment

        return html_fragment(self)
