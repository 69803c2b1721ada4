import dataclasses
import html
import json
import subprocess
import sys
from pathlib import Path

import made_records
import pytest

from edgewb.records import Records, RecordStore, import_records, load_records
from edgewb.records.formats import points
from edgewb.records.labels import latency_labels
from edgewb.records.listings import listed
from edgewb.types import Conditions, Energy, TargetFacts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def two(make_record):
    return Records([make_record("a", "float32", accuracy_delta=None), make_record("b")])


def test_records_are_a_sequence(two):
    assert len(two) == 2
    assert two[0].recipe == "float32"
    assert isinstance(two[1:], Records)
    assert [r.key for r in two[1:]] == ["b"]
    assert two == Records(list(two))
    assert two[0] in two


def test_to_dict_is_the_json_of_the_records(two):
    assert two.to_dict() == {"records": [listed(r) for r in two]}
    for shown, record in zip(two.to_dict()["records"], two, strict=True):
        assert {**shown, "latency": shown["latency"][:1]} == record.to_dict()
    content = json.loads(json.dumps(two.to_dict()))["records"][1]
    interface = {"recipe", "file", "size_bytes", "accuracy", "accuracy_delta", "placement", "parameters", "latency", "environment"}
    interface |= {"seed", "created"}
    assert interface <= set(content)
    assert {"value", "n", "ci95", "basis"} <= set(content["accuracy"])
    assert {"points", "ci95", "p_value", "against"} <= set(content["accuracy_delta"])
    assert {"ops_total", "ops_edgetpu", "basis"} <= set(content["placement"])
    assert {"on_chip_bytes", "off_chip_bytes"} <= set(content["parameters"])
    assert {"target", "basis", "n", "latency_ms"} <= set(content["latency"][0])
    assert {"p50", "p90", "p99", "mean", "stdev"} == set(content["latency"][0]["latency_ms"])


def test_the_frame_is_flat_with_units_and_bases(two):
    frame = two.to_frame()
    assert list(frame["recipe"]) == ["float32", "ptq_int8"]
    row = frame.iloc[1]
    assert (row["accuracy"], row["accuracy_low"], row["accuracy_high"], row["n"]) == (0.9, *two[1].accuracy.ci95, 50)
    assert (row["delta_points"], row["delta_low_points"], row["delta_high_points"]) == (-4.0, *two[1].accuracy_delta.ci95)
    assert (row["latency_cpu_p50_ms"], row["latency_cpu_n"], row["latency_cpu_basis"]) == (pytest.approx(0.65), 4, "measured")
    assert row["ops_edgetpu"] + row["ops_cpu"] + row["ops_unknown"] == row["ops_total"]
    assert {c for c in frame.columns if c.endswith("_basis")} == {
        "accuracy_basis", "delta_basis", "size_basis", "ops_basis", "parameters_basis", "latency_cpu_basis",
        "estimate_edgetpu_basis",
    }  # fmt: skip
    assert frame["delta_points"].isna().tolist() == [True, False]
    assert (row["estimate_edgetpu_low_ms"], row["estimate_edgetpu_mid_ms"], row["estimate_edgetpu_high_ms"]) == (0.43, 0.56, 0.8)
    assert (row["estimate_edgetpu_host"], row["estimate_edgetpu_basis"]) == ("desktop", "estimated")
    assert "0.56 [0.43, 0.80]" in repr(two)
    assert "ms on TPU: estimated for desktop, usb3, max clock, 80 % interval; no Edge TPU was measured here" in repr(two)


def test_columns_nothing_fills_are_absent_from_frame_and_table(make_record):
    bare = Records([make_record(accuracy_delta=None, parameters=None, latency=(), estimate=None)])
    assert not [c for c in bare.to_frame().columns if c.startswith(("delta", "latency", "estimate", "on_chip", "parameters"))]
    assert "change" not in repr(bare)
    assert "ms on" not in repr(bare)
    assert "accuracy" in repr(bare)


def test_two_samples_on_one_target_get_columns_of_their_own(make_record):
    first = make_record().latency[0]
    both = Records([make_record(latency=(first, dataclasses.replace(first, threads=2)))])
    columns = both.to_frame().columns
    assert "latency_cpu_1threads_XNNPACK_p50_ms" in columns
    assert "latency_cpu_2threads_XNNPACK_p50_ms" in columns


def test_samples_that_share_a_target_are_told_apart_and_none_is_lost(make_record):
    first = make_record().latency[0]

    def on(device, bus=None):
        return dataclasses.replace(first, target="edgetpu", facts=TargetFacts(runtime="r", device=device, bus=bus))

    def labels(*latency):
        return list(latency_labels([make_record(latency=latency), make_record("k2", latency=(first,))]))

    assert labels(first, on("usb:0"), on("usb:1")) == ["cpu", "edgetpu_usb:0", "edgetpu_usb:1"]
    assert labels(on("usb:0", "usb3"), on("usb:0", "usb2")) == ["edgetpu_usb3", "edgetpu_usb2", "cpu"]
    assert labels(on("usb:0"), on("usb:0"), on("usb:0")) == ["edgetpu", "edgetpu_2", "edgetpu_3", "cpu"]
    assert labels(on("usb:0")) == ["edgetpu", "cpu"]
    three = [make_record(latency=(on("usb:0"), on("usb:0"))), make_record("k2", latency=(on("usb:0"),))]
    assert [[s is not None for s in samples] for samples in latency_labels(three).values()] == [[True, True], [True, False]]


def test_what_is_printed_carries_basis_and_n(two):
    text = repr(two)
    assert text.startswith("Records: 2 records\n")
    assert "90.0 [78.6, 95.7]" in text
    assert "-4.0 [-14.6, +5.4]" in text
    assert "n = 50 test examples, 95 % Wilson interval" in text
    assert "predicted; not compiled, not run on an Edge TPU" in text
    assert "measured, n = 4 calls" in text
    assert "29/31" in text
    assert repr(Records()) == "Records: 0 records"


def test_imported_records_are_told_from_measured_ones(tmp_path, two):
    measured, other = two[0], dataclasses.replace(two[1], key="c")
    Records([other]).export(tmp_path / "others.jsonl")
    with RecordStore(tmp_path / "r.sqlite") as store:
        store.add(measured)
        import_records(tmp_path / "others.jsonl", store)
    records = load_records(tmp_path / "r.sqlite")
    for shown in (repr(records), html.unescape(records._repr_html_())):
        assert "ptq_int8 ^" in shown
        assert "float32 ^" not in shown
        assert shown.count("^ imported: its maker's word, not measured here") == 1
    assert records.to_frame()["origin"].tolist() == ["local", "imported"]
    assert [r["origin"] for r in records.to_dict()["records"]] == ["local", "imported"]
    assert [r.origin for r in records[1:]] == ["imported"]
    # With nothing imported there is nothing to tell apart.
    assert "imported" not in repr(two)
    assert "^" not in repr(two)


def test_html_is_escaped(make_record):
    page = Records([make_record(recipe="<script>alert(1)</script>")])._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_control_characters_never_reach_a_terminal(make_record):
    assert "\x1b" not in repr(Records([make_record(recipe="a\x1b[31mb", file="x.tflite")]))


def test_records_need_no_pandas_until_a_frame_is_asked_for():
    heavy = ["pandas", "numpy", "plotly", "rich", "tensorflow"]
    code = f"import sys, edgewb.records; found = set({heavy!r}) & set(sys.modules); assert not found, found"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_estimate_stands_among_the_latencies_of_the_json_alone(make_record):
    (shown,) = Records([make_record()]).to_list()
    assert [entry["basis"] for entry in shown["latency"]] == ["measured", "estimated"]
    assert shown["latency"][1]["latency_ms"] == {"low": 0.43, "mid": 0.56, "high": 0.8}
    assert len(make_record().to_dict()["latency"]) == 1


def test_what_went_on_meanwhile_stands_under_the_table(make_record):
    def sampled(key, **conditions):
        record = make_record(key)
        sample = dataclasses.replace(record.latency[0], conditions=Conditions(**conditions))
        return dataclasses.replace(record, latency=(sample,))

    quiet = Records([sampled("a", governor="performance"), sampled("b")])
    assert "beside another measurement" not in repr(quiet)
    assert "conditions" not in repr(quiet)
    busy = Records([
        sampled("a"), sampled("b", beside=("cpu", "edgetpu"), notes=("beside",)), sampled("c", notes=("load 3.0 per core: wait",)),
    ])  # fmt: skip
    text = repr(busy)
    assert "ms: 1 of 3 samples were taken beside another measurement of edgewb (cpu, edgetpu)" in text
    assert "ms: 1 more of 3 samples were taken under conditions that can change them, such as: load 3.0 per core: wait" in text


def test_conditions_and_energy_come_back_and_nonsense_does_not(make_record, tmp_path):
    record = make_record("a")
    energy = Energy(source="rapl", covers="p", watts=2.0, watts_ci95=(1.9, 2.1), n=9, calls=5, total_mj=3.0, total_mj_ci95=(2.8, 3.2))
    for good, sample in [
        (True, {"conditions": Conditions(others_share=0.5, beside=("cpu",), notes=("a",)), "energy": energy}),
        (False, {"conditions": Conditions(others_share=1.5)}),
        (False, {"conditions": Conditions(load_before=-1.0)}),
        (False, {"energy": dataclasses.replace(energy, watts=-1.0)}),
        (False, {"energy": dataclasses.replace(energy, total_mj=4.0)}),
        (False, {"energy": dataclasses.replace(energy, calls=0)}),
    ]:
        changed = dataclasses.replace(record, latency=(dataclasses.replace(record.latency[0], **sample),))
        path = Records([changed]).export(tmp_path / "out.jsonl")
        with RecordStore(tmp_path / f"{len(list(tmp_path.iterdir()))}.db") as store:
            imported = import_records(path, store)
            assert (imported.added, len(imported.rejected)) == ((1, 0) if good else (0, 1))
            if good:
                assert store.query()[0].latency == changed.latency


def test_a_regression_shows_r2_mae_and_rmse():
    records = Records([made_records.build_regression("a", "float32"), made_records.build_regression("b")])
    text = repr(records)
    errors, delta = records[1].errors, records[1].error_delta
    assert f"{errors.r2:.3f} [{errors.r2_ci95[0]:.3f}, {errors.r2_ci95[1]:.3f}]" in text
    assert f"{errors.mae:.2f} [{errors.mae_ci95[0]:.2f}, {errors.mae_ci95[1]:.2f}]" in text
    assert f"{errors.rmse:.2f} [{errors.rmse_ci95[0]:.2f}, {errors.rmse_ci95[1]:.2f}]" in text
    assert points(delta.points) in text
    assert "accuracy" not in text
    assert "R2, MAE and RMSE: measured on cpu, n = 110 test examples, MAE and RMSE in the unit of y, 95 % bootstrap interval" in text
    assert "change of R2 (100 points are 1): measured, against float32 on the same n = 110 examples" in text
    assert "p: Wilcoxon signed-rank, absolute errors" in text
    frame = records.to_frame()
    assert frame["r2"].tolist() == [r.errors.r2 for r in records]
    assert frame["mae_low"].tolist() == [r.errors.mae_ci95[0] for r in records]
    assert frame["rmse_high"].tolist() == [r.errors.rmse_ci95[1] for r in records]
    assert frame["delta_points"].tolist()[1] == delta.points
    assert frame["delta_mae"].tolist()[1] == delta.mae_change
    assert frame["n"].tolist() == [110, 110]
    assert not {"accuracy", "delta_gained", "top5"} & set(frame)


def test_classes_and_a_regression_stand_in_one_table(make_record):
    both = Records([make_record("a"), made_records.build_regression("b")])
    text = repr(both)
    assert all(title in text for title in ("accuracy %", "R2", "MAE", "data set"))
    assert "change: measured" in text
    assert "change of R2" in text
    frame = both.to_frame()
    assert frame["accuracy"].isna().tolist() == [False, True]
    assert frame["r2"].isna().tolist() == [True, False]
