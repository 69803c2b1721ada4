"""Which variant is taken for a budget, and what is said of it."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import build_regression

from edgewb.errors import InputError
from edgewb.intervals import tango_interval
from edgewb.recommendations import SAME_SPEED, check_budget, recommend, report_name
from edgewb.types import (
    Accuracy,
    AccuracyDelta,
    Basis,
    Environment,
    Latency,
    LatencySummary,
    PlacementSummary,
    Record,
)
from edgewb.verdicts import judge_losses

ENVIRONMENT = Environment(python="3.11.0", platform="Linux", machine="x86_64", cpu="test", cores=2, packages={})


def record(
    recipe: str,
    points: float | None = 0.0,
    *,
    low: float | None = None,
    mapped: int = 0,
    total: int = 10,
    p50: float | None = 1.0,
    compressed: int = 1000,
    value: float = 0.9,
    tested: float | None = None,
) -> Record:
    """``points`` and ``low`` are of the validation examples, by which variants are chosen; ``tested`` of the test, by default the same."""
    delta = None
    if points is not None:
        delta = AccuracyDelta(
            points=points,
            ci95=(points - 0.5 if low is None else low, points + 0.5),
            p_value=1.0,
            against="float32",
            n=500,
            gained=0,
            lost=0,
        )
    latency: tuple[Latency, ...] = ()
    if p50 is not None:
        summary = LatencySummary(p50=p50, p90=p50, p99=p50, mean=p50, stdev=0.0)
        latency = (
            Latency(
                target="cpu", basis=Basis.MEASURED, n=1, latency_ms=summary, first_ms=p50, warmup_runs=0, threads=1,
                kernels="xnnpack", samples_ms=(p50,),
            ),
        )  # fmt: skip
    return Record(
        key=recipe,
        recipe=recipe,
        dataset="d",
        dataset_fingerprint="f",
        model="m",
        file=f"{recipe}.tflite",
        sha256="0" * 64,
        size_bytes=2 * compressed,
        compressed_bytes=compressed,
        accuracy=Accuracy(value=value, n=500, ci95=(0.0, 1.0), correct=int(500 * value), target="cpu"),
        accuracy_delta=delta if tested is None or delta is None else dataclasses.replace(delta, points=tested, n=400),
        validation_delta=delta,
        placement=PlacementSummary(ops_total=total, ops_edgetpu=mapped, ops_cpu=total - mapped, ops_unknown=0, basis=Basis.PREDICTED),
        parameters=None,
        latency=latency,
        environment=ENVIRONMENT,
        seed=0,
        settings={},
        created="2026-01-01T00:00:00+00:00",
    )


FLOAT = record("float32", None, p50=0.1, compressed=1)


def test_most_ops_on_the_edge_tpu_come_first() -> None:
    mapped = record("mapped", -1.0, mapped=9, p50=5.0, compressed=5000, value=0.5)
    half = record("half", 0.0, mapped=5, p50=0.1, compressed=10)
    assert recommend([FLOAT, half, mapped], 1.0).recipe == "mapped"


def test_the_share_of_ops_counts_not_their_number() -> None:
    assert recommend([FLOAT, record("a", mapped=9, total=18), record("b", mapped=8, total=8)], 1.0).recipe == "b"


def test_then_the_fastest() -> None:
    slow, fast = record("slow", p50=1.0, compressed=10), record("fast", p50=0.5, compressed=5000)
    assert recommend([FLOAT, slow, fast], 1.0).recipe == "fast"


def test_fast_counts_on_the_first_target_alone() -> None:
    here = [record(name, p50=p50, compressed=10) for name, p50 in (("slow", 1.0), ("fast", 0.5))]
    elsewhere = [dataclasses.replace(r.latency[0], target="openvino", ratio=None) for r in reversed(here)]
    both = [dataclasses.replace(r, latency=(*r.latency, other)) for r, other in zip(here, elsewhere, strict=True)]
    said = recommend([FLOAT, *both], 1.0)
    assert said.recipe == "fast"
    assert "on cpu" in said.why
    # A variant that the first target did not take is not compared by its figure on another one.
    refused = dataclasses.replace(both[0], latency=both[0].latency[1:])
    assert "on openvino" not in recommend([FLOAT, refused], 1.0).why


def test_then_among_equally_fast_ones_the_smallest_compressed() -> None:
    fastest = record("fastest", p50=1.0, compressed=2000)
    at_the_edge = record("edge", p50=SAME_SPEED, compressed=1000)
    beyond = record("beyond", p50=math.nextafter(SAME_SPEED, 2), compressed=10)
    got = recommend([FLOAT, fastest, at_the_edge, beyond], 1.0)
    assert got.recipe == "edge"
    assert "2 within 15 %" in got.why
    assert "1.0 kB compressed" in got.why


def test_then_among_equally_fast_ones_those_whose_interval_stays_within_the_budget() -> None:
    doubtful = record("doubtful", 0.0, low=-2.0, compressed=10)
    sure, larger = record("sure", 0.0, low=-1.0, compressed=500), record("larger", 0.0, low=-0.2, compressed=900)
    got = recommend([FLOAT, doubtful, sure, larger], 1.0)
    assert got.recipe == "sure"
    assert "the fewest among the 2 whose validation interval rules out a loss beyond the budget" in got.why
    got = recommend([FLOAT, doubtful, larger], 1.0)
    assert got.recipe == "larger"
    assert "the only one whose validation interval rules out" in got.why
    got = recommend([FLOAT, doubtful, record("small", 0.0, low=-3.0, compressed=9)], 1.0)
    assert got.recipe == "doubtful"
    assert "leaves the least room for a loss" in got.why


def test_speed_comes_before_certainty_about_the_loss() -> None:
    assert recommend([FLOAT, record("fast", 0.0, low=-2.0, p50=0.5), record("sure", 0.0, low=-0.1, p50=1.0)], 1.0).recipe == "fast"


def test_at_last_the_name_and_never_the_accuracy_on_the_test_examples() -> None:
    assert recommend([FLOAT, record("a", value=0.8), record("b", value=0.9)], 1.0).recipe == "a"
    assert recommend([FLOAT, record("a", tested=0.0), record("b", tested=3.0)], 1.0).recipe == "a"


def test_the_test_examples_confirm_the_choice_or_refute_it_and_choose_nothing_else() -> None:
    got = recommend([FLOAT, record("chosen", 0.0, low=-0.9, tested=-0.9), record("other", 0.0, low=-5.0)], 1.0)
    assert got.recipe == "chosen"
    assert "on the validation examples, by which it is chosen, it loses nothing" in got.why
    assert "confirm it: there it loses 0.9 points against float32 (95 % interval -0.9 to +0.5, n = 400, measured)" in got.why
    got = recommend([FLOAT, record("chosen", 0.0, low=-0.9, tested=-1.2), record("other", 0.0, low=-5.0)], 1.0)
    assert got.recipe is None
    assert "chosen was chosen on the validation examples" in got.why
    assert "on the test examples it loses 1.2 points" in got.why
    # Beyond the budget on the validation examples, whatever the test examples say.
    assert recommend([FLOAT, record("refused", -1.5, tested=2.0)], 1.0).recipe is None


def test_a_record_without_validation_figures_is_no_candidate() -> None:
    assert recommend([FLOAT, dataclasses.replace(record("old"), validation_delta=None)], 1.0).recipe is None


@pytest.mark.parametrize("lost", [1.0, 0.6, 0.1 + 0.2, 100 * 3 / 500])
def test_a_loss_of_exactly_the_budget_is_within_it(lost: float) -> None:
    assert recommend([FLOAT, record("edge", -lost)], lost).recipe == "edge"
    assert recommend([FLOAT, record("edge", -lost - 0.01)], lost).recipe is None


def test_a_budget_of_nothing_takes_what_loses_nothing() -> None:
    got = recommend([FLOAT, record("loses", -0.2, mapped=10), record("keeps", 0.0, low=0.0), record("gains", 0.2, compressed=10)], 0.0)
    assert got.recipe == "keeps"
    assert got.budget_points == 0.0


def test_none_within_the_budget_names_the_nearest() -> None:
    got = recommend([FLOAT, record("far", -9.0), record("near", -2.5)], 1.0)
    assert got.recipe is None
    assert "no variant stays within it on the validation examples; near comes nearest, it loses 2.5 points against float32" in got.why
    assert "n = 500, measured" in got.why
    assert got.why.endswith(
        "; float32, against which losses are counted, remains: it loses nothing; 0 of its 10 ops would run on the Edge TPU (predicted)"
    )


def test_nothing_to_choose_from_is_said() -> None:
    for records in ([], [FLOAT]):
        got = recommend(records, 1.0)
        assert got.recipe is None
        assert "no variant beside float32" in got.why


def test_float32_itself_is_never_recommended() -> None:
    assert recommend([FLOAT, record("bad", -50.0)], 1.0).recipe is None


@pytest.mark.parametrize(
    ("gained", "lost", "n", "said"),
    [
        (1, 2, 1000, "confirm it: there it loses 0.1 points"),
        (1, 2, 1000, "with 95 % confidence the loss is below 1.0 point (one-sided upper limit 0.5 points, n = 1000, measured)."),
        (3, 5, 200, "do not refute it: there it loses 1.0 points"),
        (3, 5, 200, "n = 200 is too small to say whether the loss is below 1.0 point"),
    ],
)
def test_the_verdict_of_the_test_examples_is_said(gained: int, lost: int, n: int, said: str) -> None:
    only = record("only", -0.2)
    low, high = (100 * limit for limit in tango_interval(gained, lost, n))
    tested = AccuracyDelta(
        points=100 * (gained - lost) / n, ci95=(low, high), p_value=1.0, against="float32", n=n, gained=gained, lost=lost
    )
    got = recommend([FLOAT, dataclasses.replace(only, accuracy_delta=tested)], 1.0)
    assert said in got.why
    assert got.verdicts == judge_losses([dataclasses.replace(only, accuracy_delta=tested)], 1.0)


def test_verdicts_are_given_whatever_is_recommended() -> None:
    refused = recommend([FLOAT, record("a", -5.0), record("b", -9.0)], 1.0)
    assert refused.recipe is None
    assert [v.recipe for v in refused.verdicts] == ["a", "b"]
    assert recommend([FLOAT], 1.0).verdicts == ()


@pytest.mark.parametrize(
    ("mapped", "says"),
    [(7, "7 of its 10 ops would run on the Edge TPU (predicted)"), (0, "no variant within the budget")],
)
def test_why_says_what_would_map(mapped: int, says: str) -> None:
    assert says in recommend([FLOAT, record("only", mapped=mapped)], 1.0).why


def test_every_figure_in_why_names_its_basis() -> None:
    why = recommend([FLOAT, record("only", -0.4, mapped=7)], 1.0).why
    assert why.startswith(
        "At most 1.0 point lost: take only, because on the validation examples, by which it is chosen, it loses 0.4 points"
    )
    assert "(95 % interval -0.9 to +0.1, n = 500, measured)" in why
    assert "1 ms on cpu (p50, n = 1, measured)" in why
    assert "\n" not in why


def test_variants_without_a_latency_or_without_ops_are_chosen_among_too() -> None:
    assert recommend([FLOAT, record("no_latency", p50=None)], 1.0).recipe == "no_latency"
    assert recommend([FLOAT, record("no_ops", total=0)], 1.0).recipe == "no_ops"


@pytest.mark.parametrize("budget", [math.nan, math.inf, -math.inf, -0.1, 100.1, 1e9])
def test_a_budget_that_makes_no_sense_is_refused(budget: float) -> None:
    with pytest.raises(InputError, match="makes no sense"):
        check_budget(budget)
    with pytest.raises(InputError, match="makes no sense"):
        recommend([FLOAT, record("only")], budget)


VARIANTS = st.builds(
    record,
    st.uuids().map(lambda u: f"r{u.hex[:6]}"),
    st.floats(-10, 5),
    mapped=st.integers(0, 10),
    p50=st.none() | st.floats(0.01, 10),
    compressed=st.integers(1, 10**6),
    value=st.floats(0, 1),
)


@given(st.lists(VARIANTS, max_size=8), st.floats(0, 10), st.randoms())
def test_the_choice_is_within_the_budget_and_does_not_depend_on_the_order(variants: list[Record], budget: float, random: object) -> None:
    got = recommend([FLOAT, *variants], budget)
    within = [r for r in variants if r.validation_delta is not None and r.validation_delta.points >= -budget - 1e-9]
    if got.recipe is None:
        assert within == []
        return
    chosen = next(r for r in within if r.recipe == got.recipe)
    assert chosen.placement.ops_edgetpu == max(r.placement.ops_edgetpu for r in within)
    shuffled = list(variants)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert recommend([*shuffled, FLOAT], budget).recipe == got.recipe


def test_a_regression_is_chosen_by_points_of_r2() -> None:
    records = [build_regression("a", "float32"), build_regression("b", noise=0.3), build_regression("c", "qat_int8", bias=6.0)]
    found = recommend(records, 1.0)
    assert found.recipe == "ptq_int8"
    assert found.why.startswith("At most 1.0 point of R2 lost (R2 0.01 lower): take ptq_int8, because on the validation examples")
    assert "points of R2 against float32" in found.why
    assert [v.outcome for v in found.verdicts] == ["below", "above"]
    none = recommend([records[0], records[2]], 1.0)
    assert none.recipe is None
    assert "no variant stays within it" in none.why
    loss = -records[2].error_delta.points
    assert f"it loses {loss:.1f} points of R2" in none.why


def test_a_regression_that_the_test_examples_refute_is_not_recommended() -> None:
    good, bad = build_regression("b", noise=0.3), build_regression("c", bias=6.0)
    refuted = dataclasses.replace(good, errors=bad.errors, error_delta=bad.error_delta)
    found = recommend([build_regression("a", "float32"), refuted], 1.0)
    assert found.recipe is None
    assert "nothing is recommended. ptq_int8 was chosen on the validation examples" in found.why


def test_each_budget_has_a_report_of_its_own() -> None:
    assert [report_name(budget) for budget in (1, 1.0, 0.5, 0.0, 2.25)] == [
        *("report.html", "report.html", "report-budget0.5.html", "report-budget0.html", "report-budget2.25.html")
    ]
