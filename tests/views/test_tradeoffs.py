"""The data behind the trade-off explorer's picture."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.estimates.energies import energy
from edgewb.types import Basis, Energy, EstimatedLatency, LatencyRange, TargetFacts
from edgewb.views.tradeoffs import energy_missing, list_costs, pareto_front, read_tradeoff, references_of, score_of, tradeoff_info

ESTIMATE = EstimatedLatency(
    target="edgetpu",
    host="desktop",
    bus="usb3",
    clock="max",
    basis=Basis.ESTIMATED,
    n=43,
    latency_ms=LatencyRange(low=0.4, mid=0.5, high=0.8),
    coverage=0.8,
    held_out=0.81,
    refused=None,
)


def costs_of(records):
    return {cost.id: cost for cost in list_costs(records)}


def test_each_target_has_an_axis_of_its_own(make_record):
    (sample,) = make_record("float32").latency
    replayed = dataclasses.replace(
        sample,
        target="replay",
        basis=Basis.REPLAYED,
        facts=TargetFacts(runtime="a recording", device="usb:0", stands_for="a stick measured elsewhere"),
    )
    costs = costs_of([make_record("float32"), make_record("ptq_int8", latency=(sample, replayed), estimate=ESTIMATE)])
    assert list(costs) == ["latency:cpu", "latency:replay", "estimate", "file", "compressed"]
    assert (costs["latency:cpu"].basis, costs["latency:cpu"].stamp) == ("measured", "")
    assert (costs["latency:replay"].basis, costs["latency:replay"].stamp) == ("replayed", "REPLAYED")
    assert "a stick measured elsewhere" in costs["latency:replay"].note
    assert costs["latency:replay"].amounts[0] is None
    assert costs["estimate"].basis == "estimated"
    assert "80 %" in costs["estimate"].range


def test_a_latency_is_its_median_with_its_10th_to_90th_percentile(make_record):
    record = make_record("ptq_int8")
    amount = costs_of([record])["latency:cpu"].amounts[0]
    assert amount.value == record.latency[0].latency_ms.p50
    assert amount.high == record.latency[0].latency_ms.p90
    assert amount.low < amount.value < amount.high
    assert amount.n == record.latency[0].n


def test_energy_is_there_where_it_was_measured(make_record):
    record = make_record("ptq_int8")
    spent = Energy(
        source="a meter", covers="the stick", watts=2.0, watts_ci95=(1.9, 2.1), n=50, calls=100, total_mj=4.0, total_mj_ci95=(3.8, 4.2)
    )
    measured = dataclasses.replace(record, latency=(dataclasses.replace(record.latency[0], energy=spent),))
    assert "energy:cpu" not in costs_of([record])
    cost = costs_of([make_record("float32"), measured])["energy:cpu"]
    assert [amount and amount.value for amount in cost.amounts] == [None, 4.0]
    assert "a meter" in cost.note
    assert cost.unit == "mJ/inference"


def estimated(record, latency_ms, bus="usb3"):
    guess = dataclasses.replace(ESTIMATE, latency_ms=latency_ms, energy_mj=energy(latency_ms, bus))
    return dataclasses.replace(record, estimate=guess)


def test_energy_is_estimated_where_nothing_measured_it(make_record):
    fast, slow = LatencyRange(low=0.4, mid=0.5, high=0.8), LatencyRange(low=1.0, mid=2.0, high=3.0)
    records = [estimated(make_record("float32"), slow), estimated(make_record("ptq_int8"), fast), make_record("qat_int8")]
    cost = costs_of(records)["energy_estimate"]
    assert (cost.kind, cost.basis, cost.unit, cost.stamp) == ("Energy", "estimated", "mJ/inference", "")
    one, two, none = cost.amounts
    assert (one.low, one.value, one.high) == pytest.approx((0.58 * 1.0, 0.89 * 2.0, 1.2 * 3.0))
    assert (two.low, two.value, two.high) == pytest.approx((0.58 * 0.4, 0.89 * 0.5, 1.2 * 0.8))
    assert none is None
    assert "desktop, usb3, max clock" in cost.note
    assert "0.58 to 1.2 W more than idle" in cost.note
    info = tradeoff_info(records, cost, 1.0, "ptq_int8")
    assert info.left_out == ("qat_int8",)
    assert [point.recipe for point in info.points if point.recommended] == ["ptq_int8"]
    assert energy_missing(records) == ""


def test_where_no_energy_is_known_the_reason_is(make_record):
    old = dataclasses.replace(make_record("ptq_int8"), estimate=ESTIMATE)
    assert not [cost for cost in list_costs([old]) if cost.kind == "Energy"]
    assert "older than estimates of energy" in energy_missing([old])
    assert "no meter was named" in energy_missing([old])
    refused = dataclasses.replace(old, estimate=dataclasses.replace(ESTIMATE, latency_ms=None, refused="a heavy CPU part"))
    assert "Estimated: a heavy CPU part." in energy_missing([refused])
    unread = dataclasses.replace(old, latency=(dataclasses.replace(old.latency[0], energy_missing="the meter went away"),))
    assert "Measured: the meter went away." in energy_missing([unread])


def test_the_picture_holds_the_figures_of_the_records(nine):
    info = tradeoff_info(nine, costs_of(nine)["compressed"], 1.0, "ptq_int8")
    assert [point.recipe for point in info.points] == [record.recipe for record in nine]
    by_recipe = {record.recipe: record for record in nine}
    for point in info.points:
        record = by_recipe[point.recipe]
        assert point.cost.value == record.compressed_bytes / 1000
        assert point.score == score_of(record)
        assert (point.score.percent, point.score.low_percent) == (100 * record.accuracy.value, 100 * record.accuracy.ci95[0])
    assert [p.recipe for p in info.points if p.recommended] == ["ptq_int8"]
    assert [p.recipe for p in info.points if p.reference] == ["float32"] == sorted(references_of(nine))
    assert info.floor_percent == 100 * by_recipe["float32"].accuracy.value - 1.0
    assert (info.measure, info.n, info.score_basis, info.stamp) == ("accuracy", "500", "measured", "")


def test_what_has_no_such_figure_is_left_out_and_said(nine):
    records = [*nine[:-1], dataclasses.replace(nine[-1], latency=())]
    info = tradeoff_info(records, costs_of(records)["latency:cpu"], 1.0)
    assert info.left_out == (nine[-1].recipe,)
    assert f"Not drawn, for want of this figure: {nine[-1].recipe}" in read_tradeoff(info)


def test_accuracy_that_was_not_measured_stamps_every_picture(nine):
    played = [dataclasses.replace(r, accuracy=dataclasses.replace(r.accuracy, basis=Basis.SIMULATED)) for r in nine]
    assert tradeoff_info(played, costs_of(played)["file"], 1.0).stamp == "SIMULATED"


def test_the_front_of_a_known_case():
    #          beaten      front       equal twice              dearer, as good as another
    points = [(2.0, 90.0), (1.0, 95.0), (3.0, 97.0), (3.0, 97.0), (4.0, 97.0)]
    assert pareto_front(points) == [False, True, True, True, False]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_everything_off_the_front_is_beaten_by_something_on_it(points):
    front = pareto_front(points)
    assert any(front)
    best = [point for point, on in zip(points, front, strict=True) if on]
    for cost, score in best:
        assert not any((c < cost and s >= score) or (c <= cost and s > score) for c, s in points)
    for (cost, score), on in zip(points, front, strict=True):
        if not on:
            assert any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in best)
