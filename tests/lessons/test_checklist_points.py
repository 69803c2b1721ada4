"""Points that a person's word can settle, and the formats of a compiled file."""

from __future__ import annotations

import pytest

from edgewb.compilers.inspections import inspect, inspect_bytes
from edgewb.errors import InputError
from edgewb.lessons.checklist_points import ANSWERED, NOT_NEEDED, OPEN, formats
from edgewb.lessons.checklists import fill_checklist


def test_a_compiled_file_with_ops_on_the_cpu_is_open_until_they_are_accepted(tflite_bytes) -> None:
    seen = inspect_bytes(tflite_bytes("compiled"), "m_edgetpu.tflite")  # its DEQUANTIZE is left
    found = formats(seen, accepted=False)
    assert found.state == OPEN
    assert "1 op(s) left on the CPU (compiled, n = 1 file)" in found.answer
    assert "accept=[2]" in found.to_do
    accepted = formats(seen, accepted=True)
    assert accepted.state == ANSWERED
    assert "You said: the rest may run on the CPU" in accepted.answer
    assert "1 op(s)" in accepted.answer


def test_a_model_that_maps_whole_needs_no_word(tflite_file) -> None:
    seen = inspect(tflite_file("int8_conv"))
    assert formats(seen, accepted=False) == formats(seen, accepted=True)
    assert formats(seen, accepted=False).state == ANSWERED


def test_a_file_of_which_nothing_runs_there_cannot_be_accepted_away(tmp_path, tflite_bytes) -> None:
    import dataclasses

    seen = inspect_bytes(tflite_bytes("compiled"), "m_edgetpu.tflite")
    assert formats(dataclasses.replace(seen, subgraphs=0), accepted=True).state == OPEN


def test_a_heated_room(tflite_file) -> None:
    found = fill_checklist(tflite_file("int8_conv"), accept=[8])
    assert found.points[7].state == NOT_NEEDED
    assert 8 not in found.open_points
    with pytest.raises(InputError, match="accept 6: your word settles 2 and 8 only"):
        fill_checklist(tflite_file("int8_conv"), accept=[6])


def test_a_model_of_which_nothing_maps_is_accepted_for_another_processor_alone(tflite_file) -> None:
    seen = inspect(tflite_file("float"))
    assert seen.ops_edgetpu == 0
    assert formats(seen, accepted=True).state == OPEN
    assert formats(seen, accepted=True, field="cpu").state == ANSWERED


@pytest.mark.parametrize("points", [float("nan"), -1.0, 101.0])
def test_a_budget_that_makes_no_sense(tflite_file, points: float) -> None:
    with pytest.raises(InputError, match="makes no sense"):
        fill_checklist(tflite_file("int8_conv"), budget_points=points)
