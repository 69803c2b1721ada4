"""Logs of the stand-in: marked, and read back as what they say."""

from __future__ import annotations

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.compilers.explanations import explain
from edgewb.compilers.inspections import inspect
from edgewb.compilers.stand_in_texts import VERSIONS
from edgewb.errors import InputError, ModelFileError
from edgewb.lessons.compiler_logs import stand_in_log


@pytest.mark.parametrize("version", list(VERSIONS))
def test_says_what_inspect_predicts_and_that_nothing_was_compiled(version: str) -> None:
    path = bundled_model("digits_cnn_int8").path
    log = stand_in_log(path, version)
    assert "stand-in" in log.splitlines()[0]
    assert "nothing is compiled" in log.splitlines()[-1]
    read = explain(log)
    assert read.basis == "simulated"
    assert read.compiler_version == VERSIONS[version]
    assert str(path.parent) not in log
    if version == "16.0":
        assert (read.ops_edgetpu, read.ops_total) == ((seen := inspect(path)).ops_edgetpu, seen.ops_total)


def test_a_float_model_is_called_a_success_with_nothing_mapped() -> None:
    log = stand_in_log(bundled_studies()[0].records[0].file)
    assert "Model compiled successfully" in log
    assert explain(log).outcome == "nothing_mapped"


def test_a_failure_has_its_words() -> None:
    log = stand_in_log(bundled_studies()[0].records[0].file, "2.1")
    assert explain(log).outcome == "failed"


def test_bad_input(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"compiler version '17\.0'"):
        stand_in_log(bundled_model("elu_branch").path, "17.0")
    with pytest.raises(ModelFileError):
        stand_in_log(tmp_path / "none.tflite")
