"""What a visitor of the explorer saves: the variant's file, the report, the code."""

import dataclasses
import hashlib

import pytest

from edgewb.errors import EdgewbError, InputError
from edgewb.views.widgets.explorer_downloads import find_model, find_report, make_report, read_model


@pytest.fixture
def kept(make_record, tmp_path):
    """A record whose file is where it says."""
    path = tmp_path / "run" / "models" / "ptq_int8.tflite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a model")
    return make_record("ptq_int8", file=str(path), size_bytes=7, sha256=hashlib.sha256(b"a model").hexdigest())


def test_the_very_file_that_was_recorded_is_given(kept):
    assert find_model(kept) is not None
    assert read_model(kept) == b"a model"


def test_another_file_in_its_place_is_refused(kept, tmp_path):
    (tmp_path / "run" / "models" / "ptq_int8.tflite").write_bytes(b"another")
    assert find_model(kept) is not None  # of the same size: only its content tells
    with pytest.raises(InputError, match="has changed"):
        read_model(kept)


def test_a_file_that_has_gone_or_is_only_a_name_is_refused(kept, make_record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "run" / "models")
    for record in (
        dataclasses.replace(kept, file="ptq_int8.tflite"),
        dataclasses.replace(kept, file=str(tmp_path / "gone")),
        make_record("x"),
    ):
        assert find_model(record) is None
        with pytest.raises(InputError, match="no longer where it was made"):
            read_model(record)


def test_a_report_is_taken_only_if_it_is_of_these_files_and_of_this_budget(kept, tmp_path):
    assert find_report([kept], 1.0) is None
    page = tmp_path / "run" / "report.html"
    page.write_text("about other files")
    assert find_report([kept], 1.0) is None
    page.write_text(f"about {kept.sha256}")
    assert find_report([kept], 1.0) == page.read_bytes()
    assert find_report([kept, dataclasses.replace(kept, sha256="b" * 64)], 1.0) is None
    assert find_report([kept], 0.5) is None
    other = tmp_path / "run" / "report-budget0.5.html"
    other.write_text(f"half a point, {kept.sha256}")
    assert find_report([kept], 0.5) == other.read_bytes()


def test_a_report_is_made_anew_from_the_records(nine):
    records = [dataclasses.replace(r, validation_delta=r.accuracy_delta) for r in nine]
    page = make_report(records, 2.0, ["recorded elsewhere"], {}).decode()
    assert page.startswith("<!DOCTYPE html>")
    assert "At most 2.0 points lost" in page
    assert "recorded elsewhere" in page
    assert all(record.sha256 in page for record in records)


def test_a_report_that_cannot_be_made_says_why(nine):
    with pytest.raises(EdgewbError, match=r"a budget of 200\.0 points makes no sense"):
        make_report(nine, 200.0, [], {})
