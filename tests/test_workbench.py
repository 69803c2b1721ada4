"""The verb ``run``: one object that shows itself, a report beside the models, and nothing printed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dataset_helpers import make_folder
from model_zoo import zoo

import edgewb
import edgewb.studies
from edgewb.optimizers.training import TrainingSettings
from edgewb.optimizers.workers import Worker
from edgewb.workbench import Study

TINY = TrainingSettings(steps=6, fine_tune_steps=6, minimum_epochs=1)


class Counted(Worker):
    """Counts how often any worker was started."""

    all_starts = 0

    def start(self) -> None:
        before = self.starts
        super().start()
        Counted.all_starts += self.starts - before


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workbench")


@pytest.fixture(scope="module")
def first(folder: Path) -> Iterator[Study]:
    """A study of a user's model on a folder of pictures; two recipes of it fail."""
    make_folder(folder / "brightness", {"dark": 20, "grey": 20, "light": 20})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEWB_HOME", str(folder / "home"))
        patch.setattr(edgewb.studies, "FAST", TINY)
        patch.setattr(edgewb.studies, "Worker", Counted)
        yield again(folder)


@pytest.fixture(autouse=True)
def _one_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(folder / "home"))


def again(folder: Path, **options: object) -> Study:
    return edgewb.run(
        folder / "brightness",
        "ptq_int8,float16,qat_int8",
        model=zoo() / "keras3.keras",
        fast=True,
        out=folder / "out",
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.training
def test_a_study_is_one_object_whose_dictionary_is_its_json(first: Study) -> None:
    got = first.to_dict()
    assert got.keys() >= {"records", "recommendation", "report", "skipped", "context"}
    assert json.loads(json.dumps(got)) == got
    assert [r["recipe"] for r in got["records"]] == ["float32", "ptq_int8", "float16"]
    assert first.recommendation.recipe == "ptq_int8"
    assert first.context.model == "keras3.keras"
    assert first.context.splits == {"train": 30, "calibration": 6, "validation": 9, "test": 15}


@pytest.mark.training
def test_what_was_not_run_is_shown_with_its_reason(first: Study) -> None:
    assert [s.recipe for s in first.skipped] == ["qat_int8"]
    text = str(first)
    assert "qat_int8" in text
    assert "tf_keras" in text
    assert "Traceback" not in text
    assert "ptq_int8" in first._repr_html_()


@pytest.mark.training
def test_another_budget_has_a_report_of_its_own(first: Study, folder: Path) -> None:
    usual = Path(first.report).read_bytes()
    strict = again(folder, budget=0.25)
    assert Path(strict.report) == folder / "out" / "report-budget0.25.html"
    assert "At most 0.25 points lost" in Path(strict.report).read_text()
    assert Path(first.report).read_bytes() == usual


@pytest.mark.training
def test_the_report_lies_beside_the_models_and_names_no_folder(first: Study, folder: Path) -> None:
    report = Path(first.report)
    assert report == folder / "out" / "report.html"
    page = report.read_text()
    assert str(folder) not in page
    assert "keras3.keras" in page
    assert sorted(p.name for p in (folder / "out" / "models").iterdir()) == ["float16.tflite", "float32.tflite", "ptq_int8.tflite"]


@pytest.mark.training
def test_records_are_in_the_database_with_their_files(first: Study) -> None:
    import hashlib

    stored = edgewb.load_records()
    assert [r.key for r in stored] == [r.key for r in first.records]
    for record in stored:
        assert hashlib.sha256(Path(record.file).read_bytes()).hexdigest() == record.sha256
        assert record.settings["model_kind"] == "keras3"
        assert record.accuracy.n == 15
    frame = stored.to_frame()
    assert len(frame) == 3


@pytest.mark.training
def test_a_second_run_starts_no_worker_and_adds_no_record(first: Study, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    starts, before = Counted.all_starts, list(edgewb.load_records())
    assert starts == 1
    second = again(folder)
    assert Counted.all_starts == starts
    assert list(edgewb.load_records()) == before
    assert second.records == first.records
    assert second.context == first.context
    assert capfd.readouterr() == ("", ""), "the library prints nothing"


@pytest.mark.training
def test_another_budget_changes_the_recommendation_alone(first: Study, folder: Path) -> None:
    starts = Counted.all_starts
    second = again(folder, budget=50.0)
    assert second.recommendation.budget_points == 50.0
    assert second.records == first.records
    assert Counted.all_starts == starts


@pytest.mark.training
def test_another_output_folder_gets_the_same_files_without_work(first: Study, folder: Path) -> None:
    starts = Counted.all_starts
    study = edgewb.run(folder / "brightness", "ptq_int8,float16", model=zoo() / "keras3.keras", fast=True, out=folder / "elsewhere")
    assert Counted.all_starts == starts
    assert [r.sha256 for r in study.records] == [r.sha256 for r in first.records]
    assert all(Path(r.file).parent == folder / "elsewhere" / "models" for r in study.records)


@pytest.mark.training
def test_only_the_integer_variant_would_run_on_the_edge_tpu(first: Study) -> None:
    mapped = {r.recipe: r.placement.ops_edgetpu for r in first.records}
    assert mapped["float32"] == mapped["float16"] == 0
    assert mapped["ptq_int8"] == first.records[1].placement.ops_total


@pytest.mark.training
def test_an_estimate_stands_beside_what_was_measured(first: Study) -> None:
    """Of the integer variant; of the float one it says why there is none."""
    estimates = {record.recipe: record.estimate for record in first.records}
    integer, reference = estimates["ptq_int8"], estimates["float32"]
    assert integer is not None
    assert integer.latency_ms is not None
    assert 0 < integer.latency_ms.low < integer.latency_ms.mid < integer.latency_ms.high
    assert (integer.basis, integer.host, integer.target, integer.coverage) == ("estimated", "desktop", "edgetpu", 0.8)
    assert reference is not None
    assert reference.latency_ms is None
    assert "nothing runs on the Edge TPU" in str(reference.refused)
    listed = {record["recipe"]: record["latency"] for record in first.to_dict()["records"]}
    assert [entry["basis"] for entry in listed["ptq_int8"]] == [*["measured"] * 3, "estimated"]
    assert [entry["basis"] for entry in listed["float32"]] == ["measured"] * 3
    assert "ms on TPU" in first.to_text()
    assert "80 % interval; no Edge TPU was measured here" in first.to_text()
    page = Path(first.report).read_text(encoding="utf-8")
    assert "Estimate on an Edge TPU (desktop, usb3, max clock)" in page
