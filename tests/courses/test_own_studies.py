"""What is missing for a study is said in a line; where all is there, it runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.courses.own_studies import NothingRun, study_own_model


def test_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there are no data" in repr(study_own_model(bundled_model("elu_branch").path, None))
    assert "quantised already" in repr(study_own_model(bundled_model("elu_branch").path, tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    nothing = study_own_model(bundled_studies()[0].records[0].file, tmp_path)
    assert isinstance(nothing, NothingRun)
    assert "TensorFlow" in nothing._repr_html_()


@pytest.mark.training
def test_a_float_model_becomes_int8(tmp_path: Path) -> None:
    study = study_own_model(bundled_studies()[0].records[0].file, "digits", out=str(tmp_path / "own"))
    assert not isinstance(study, NothingRun)
    assert [record.recipe for record in study.records] == ["float32", "ptq_int8"]
    assert (tmp_path / "own" / "report.html").exists()
    nothing = study_own_model(bundled_studies()[0].records[0].file, tmp_path / "none", out=str(tmp_path / "out"))
    assert isinstance(nothing, NothingRun)
    assert "no such file" in repr(nothing)
