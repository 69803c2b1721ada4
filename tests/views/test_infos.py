import dataclasses

import numpy as np
import pytest
from made_records import build_regression

from edgewb.types import Latency
from edgewb.views.infos import MAX_DRAWN_SAMPLES, accuracy_info, latency_info, loss_info, placement_info, size_info


def test_accuracy_against_size_is_what_the_records_hold(nine):
    info = accuracy_info(nine, "ptq_int8")
    assert (info.cost, info.cost_unit, info.cost_basis, info.accuracy_basis, info.n) == (
        "compressed size",
        "kB",
        "measured",
        "measured",
        "500",
    )
    for point, record in zip(info.points, nine, strict=True):
        assert point.recipe == record.recipe
        assert point.score == pytest.approx(100 * record.accuracy.value)
        assert (point.low, point.high) == pytest.approx(tuple(100 * v for v in record.accuracy.ci95))
        assert point.cost == record.compressed_bytes / 1000
        assert (point.cost_low, point.cost_high) == (None, None)
    assert [p.recipe for p in info.points if p.recommended] == ["ptq_int8"]


def test_accuracy_against_latency_has_its_10th_to_90th_percentile(nine):
    info = accuracy_info(nine, cost="latency")
    assert (info.cost, info.cost_unit) == ("latency on cpu, p50", "ms")
    for point, record in zip(info.points, nine, strict=True):
        samples = record.latency[0].samples_ms
        assert point.cost == record.latency[0].latency_ms.p50
        assert point.cost_low == pytest.approx(np.percentile(samples, 10))
        assert point.cost_low <= point.cost <= point.cost_high
        assert min(samples) <= point.cost_low <= point.cost_high <= max(samples)


def test_records_without_latency_are_left_out_of_latency_only(nine, make_record):
    records = [*nine, make_record("equalize_ptq_int8", latency=())]
    assert len(accuracy_info(records).points) == 10
    assert len(accuracy_info(records, cost="latency").points) == 9
    assert len(latency_info(records).rows) == 9
    assert latency_info([records[-1]]).rows == ()


def test_loss_leaves_out_the_reference(nine):
    info = loss_info(nine, "ptq_int8", 1.0)
    assert [r.recipe for r in info.rows] == [r.recipe for r in nine if r.recipe != "float32"]
    assert (info.against, info.budget_points, info.basis, info.n) == ("float32", 1.0, "measured", "500")
    for row in info.rows:
        assert row.low_points <= row.points <= row.high_points


def test_latency_draws_few_dots_and_keeps_the_extremes(nine, make_record):
    info = latency_info(nine)
    assert (info.target, info.basis, info.n, info.kernels, info.threads) == ("cpu", "measured", "400", "XNNPACK", "1")
    for row, record in zip(info.rows, nine, strict=True):
        sample: Latency = record.latency[0]
        assert len(row.drawn_ms) == MAX_DRAWN_SAMPLES
        assert set(row.drawn_ms) <= set(sample.samples_ms)
        assert (row.drawn_ms[0], row.drawn_ms[-1]) == (min(sample.samples_ms), max(sample.samples_ms))
        assert (row.p50_ms, row.p90_ms, row.p99_ms, row.n) == (sample.latency_ms.p50, sample.latency_ms.p90, sample.latency_ms.p99, 400)
    few = make_record("ptq_int8", calls=20)
    assert latency_info([few]).rows[0].drawn_ms == tuple(sorted(few.latency[0].samples_ms))


def test_latency_of_one_of_two_targets(make_record):
    record = make_record("ptq_int8")
    other = dataclasses.replace(record.latency[0], target="replay", samples_ms=record.latency[0].samples_ms[::-1])
    record = dataclasses.replace(record, latency=(record.latency[0], other))
    assert latency_info([record], target="replay").target == "replay"
    assert len(latency_info([record], target="replay").rows) == 1


def test_sizes_and_placement_are_the_records(nine):
    assert [(r.file_bytes, r.compressed_bytes) for r in size_info(nine).rows] == [(r.size_bytes, r.compressed_bytes) for r in nine]
    info = placement_info(nine)
    assert info.basis == "predicted"
    assert [r.ops_edgetpu + r.ops_cpu + r.ops_unknown for r in info.rows] == [r.placement.ops_total for r in nine]


def test_nothing_gives_nothing():
    assert accuracy_info([]).points == ()
    assert loss_info([]).rows == latency_info([]).rows == size_info([]).rows == placement_info([]).rows == ()


def test_a_regression_is_drawn_by_r2():
    records = [build_regression("a", "float32"), build_regression("b", noise=0.3), build_regression("c", "qat_int8", bias=6.0)]
    info = accuracy_info(records, "ptq_int8")
    assert (info.measure, info.unit, info.shown(0.4567)) == ("R2", "", "0.457")
    assert [(p.score, p.low, p.high) for p in info.points] == [(r.errors.r2, *r.errors.r2_ci95) for r in records]
    loss = loss_info(records, "ptq_int8", 1.0)
    assert (loss.measure, loss.test, loss.n) == ("R2", "Wilcoxon signed-rank, absolute errors", "110")
    assert [r.points for r in loss.rows] == [r.error_delta.points for r in records[1:]]


def test_r2_and_accuracy_do_not_share_an_axis(nine):
    assert len(accuracy_info([*nine, build_regression()]).points) == 9
    assert [p.recipe for p in accuracy_info([build_regression(), *nine]).points] == ["ptq_int8"]
    assert len(loss_info([*nine, build_regression()]).rows) == 8
