import dataclasses
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from made_records import build_regression

from edgewb.errors import StorageError
from edgewb.recommendations import recommend
from edgewb.types import Basis, Recommendation, Skipped
from edgewb.views.report import render_report, write_report

ROOT = Path(__file__).parents[2]


def without_scripts(page):
    return re.sub(r"<script>.*?</script>", "", page, flags=re.S)


@pytest.fixture
def page(nine, recommendation, context):
    return render_report(nine, recommendation, [Skipped(recipe="distill_ptq_int8", reason="needs a tf_keras model")], context)


def test_the_page_holds_what_was_studied_and_found(page, nine, recommendation):
    text = without_scripts(page)
    for part in (
        "digits, 10 classes",
        "897 train, 200 calibration, 200 validation, 500 test",
        "38,346 parameters",
        "2026-01-02",
        "Test Processor 9000, 2 cores",
        "edgewb demo --seed 0",
        "0" * 64,
        "distill_ptq_int8",
        "was run on an Edge TPU",
        "ai-edge-litert",
        "n = 500 test examples",
    ):
        assert part in text, part
    for record in nine:
        assert record.sha256 in text
    assert text.index("Recommended: <code>ptq_int8</code>") < text.index("All variants")
    assert recommendation.why in text


def test_each_variant_says_what_its_recipe_buys(make_record, recommendation, context):
    records = [make_record("prune50_ptq_int8"), make_record("ptq_int8_float_io"), make_record("somebody_elses")]
    text = without_scripts(render_report(records, recommendation, [], context))
    assert "50 % of each layer&#39;s weights pruned to zero" in text
    assert "on an Edge TPU a zero takes its byte and its multiplication like any other weight" in text
    assert "a DEQUANTIZE op stay on the CPU" in text
    assert text.count("What it buys on an Edge TPU") == 2


def test_the_page_asks_nothing_from_outside(page):
    text = without_scripts(page)
    assert page.count("<script>") == 2
    assert "http://" not in text
    assert "https://" not in text
    assert not re.search(r"<(link|img|iframe|script)[^>]*(src|href)=(?!\"data:)", text)
    assert "default-src 'none'" in text


def test_the_scripts_that_may_run_are_the_two_of_the_page(page):
    import base64
    import hashlib

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    script_rule = re.search(r"script-src ([^;]*)", policy).group(1)
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts]
    assert script_rule.split() == hashes


def test_five_figures_with_a_reading_of_their_own(page):
    data = re.findall(r'<script type="application/json" data-figure="figure-\d">(.*?)</script>', page, flags=re.S)
    assert len(data) == 5
    assert all("data" in json.loads(figure) for figure in data)
    readings = re.findall(r"<figcaption><h3>.*?</h3><p>(.*?)</p>", page)
    assert len(set(readings)) == 5
    assert "22.3 kB" in readings[0]


def test_readings_follow_the_numbers(nine, recommendation, context, page):
    changed = [dataclasses.replace(r, compressed_bytes=r.compressed_bytes * 2) for r in nine]
    other = render_report(changed, recommendation, [], context)
    assert "44.7 kB" in other
    assert "44.7 kB" not in page


def test_what_a_record_says_is_only_ever_text(make_record, context):
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    record = make_record(bad, model=bad, settings={bad: bad}, file="x.tflite")
    recommendation = Recommendation(recipe=bad, why=bad, budget_points=1.0)
    context = dataclasses.replace(context, dataset=bad, command=bad, model_description=bad, notes=(bad,), splits={bad: 1})
    page = render_report([make_record("float32"), record], recommendation, [Skipped(recipe=bad, reason=bad)], context)
    assert "<script>alert" not in page
    assert "<img" not in without_scripts(page)
    assert page.count("<script>") == 2


def test_an_inspection_is_shown_as_html(nine, recommendation, context):
    context = dataclasses.replace(context, inspections={"ptq_int8": "<table><tr><td>first blocker: none</td></tr></table>"})
    assert "<td>first blocker: none</td>" in render_report(nine, recommendation, [], context)


def test_what_nothing_fills_is_absent(make_record, context):
    context = dataclasses.replace(context, parameters=None)
    page = render_report([make_record("float32", latency=())], Recommendation(recipe=None, why="one only", budget_points=1.0), [], context)
    text = without_scripts(page)
    assert "No variant is recommended" in text
    assert "Latency on" not in text
    assert "under the load it had at the time" not in text
    assert " parameters" not in text
    assert "None" not in text
    assert text.count("<figure>") == 3


def test_it_says_nothing_ran_on_an_edge_tpu_only_as_long_as_that_is_so(make_record, recommendation, context):
    record = make_record("ptq_int8")
    claim = "was run on an Edge TPU"
    assert claim in render_report([record], recommendation, [], context)
    for basis, expected in ((Basis.MEASURED, False), (Basis.REPLAYED, True)):
        there = dataclasses.replace(record.latency[0], target="edgetpu", basis=basis)
        page = render_report([dataclasses.replace(record, latency=(there,))], recommendation, [], context)
        assert (claim in page) is expected


def test_no_records_make_a_page(context):
    assert "no records" in render_report([], Recommendation(recipe=None, why="nothing ran", budget_points=1.0), [], context)


def test_the_file_is_written_whole_or_not_at_all(tmp_path, nine, recommendation, context):
    out = write_report(tmp_path / "out" / "report.html", nine[:2], recommendation, [], context)
    assert out.read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(StorageError, match="it is a folder"):
        write_report(tmp_path, nine[:2], recommendation, [], context)
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("helper", {str(Path(__file__).parent / "conftest.py")!r})
helper = importlib.util.module_from_spec(spec); spec.loader.exec_module(helper)
from edgewb.errors import StorageError
from edgewb.types import Recommendation
from edgewb.views.report import write_report
try:
    none = Recommendation(recipe=None, why="w", budget_points=1)
    write_report(sys.argv[1], [helper.build_record("float32")], none, [], helper.build_context())
except StorageError as error:
    print(error)
    sys.exit(2)
"""
    before = out.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 2, done.stderr
    assert "free some space" in done.stdout
    assert out.read_bytes() == before
    assert [p.name for p in out.parent.iterdir()] == ["report.html"]


def test_a_regression_is_told_in_r2_and_mae(context):
    records = [build_regression("a", "float32"), build_regression("b", noise=0.3)]
    about = dataclasses.replace(context, dataset="diabetes", classes=0, output_scale=(150.0, 77.0))
    text = without_scripts(render_report(records, recommend(records, 1.0), [], about))
    errors, delta = records[1].errors, records[1].error_delta
    for part in (
        "diabetes, a regression",
        "one, times 77 plus 150: standard deviation and mean of the train split&#39;s y",
        f"<dt>R2</dt><dd>{errors.r2:.3f} [{errors.r2_ci95[0]:.3f}, {errors.r2_ci95[1]:.3f}], n = 110 on cpu (measured)</dd>",
        f"<dt>MAE</dt><dd>{errors.mae:.2f} [",
        f"<dt>RMSE</dt><dd>{errors.rmse:.2f} [",
        f"<dt>Against float32</dt><dd>MAE {delta.mae_change:+.3g} [",
        "R2 and errors are those of 110 test examples",
        "with 95 % confidence the loss is below 1.0 point of R2",
    ):
        assert part in text, part
    for part in ("classes</dd>", "Correct", "Answers", "Wilson", "McNemar", "accuracy %"):
        assert part not in text, part
