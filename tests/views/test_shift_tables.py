"""The report's table of variants under shifts: a row per variant, the sentence from the same figures, marks that are not colour alone."""

import dataclasses

import numpy as np
import pytest

from edgewb.measurements import accuracy, accuracy_delta
from edgewb.robustness import NO_SHIFT, ShiftedAccuracy
from edgewb.views.report import render_report
from edgewb.views.shift_tables import shift_table


def answers(right, n=200):
    return np.arange(n) < right


def row(recipe, shift, right, reference=None):
    delta = None if reference is None else accuracy_delta(answers(right), answers(reference), "float32")
    return ShiftedAccuracy(recipe=recipe, shift=shift, accuracy=accuracy(answers(right), "cpu"), delta=delta)


@pytest.fixture
def rows():
    return (
        row("float32", NO_SHIFT, 190),
        row("ptq_int8", NO_SHIFT, 189, 190),
        row("float32", "noise3", 150),
        row("ptq_int8", "noise3", 110, 150),
    )


def test_rows_columns_and_what_is_worse(rows):
    table = shift_table(rows)
    assert table.shifts == ("as they are", "noise3")
    assert [recipe for recipe, _ in table.rows] == ["float32", "ptq_int8"]
    (float_cells, int8_cells) = (cells for _, cells in table.rows)
    assert [cell.share for cell in float_cells] == ["95.0", "75.0"]
    assert [cell.delta for cell in float_cells] == ["", ""]
    assert [cell.worse for cell in int8_cells] == [False, True]
    assert int8_cells[1].delta.startswith("-20.0 (")
    assert "n = 200" in table.caption
    assert "measured" in table.caption
    assert table.reading == "noise3 takes float32 from 95.0 to 75.0 % right. Below float32 with the whole interval: ptq_int8 under noise3."


def test_the_sentence_claims_no_loss_where_none_is_shown(rows):
    table = shift_table((*rows[:3], row("ptq_int8", "noise3", 149, 150)))
    assert "No variant loses more than float32 does there, as far as these images can tell." in table.reading


def test_many_losses_are_counted(rows):
    shifts = ("blur1", "blur2", "blur3", "blur4")
    more = [part for shift in shifts for part in (row("float32", shift, 150), row("ptq_int8", shift, 110, 150))]
    assert shift_table((*rows, *more)).reading.endswith("5 of 5 differences lie below zero with the whole interval (▼).")


def test_without_float32_and_without_shifts():
    table = shift_table((row("mine", NO_SHIFT, 100), row("mine", "blur1", 90)))
    assert table.reading == "blur1 takes mine from 50.0 to 45.0 % right."
    assert shift_table(()) is None


def test_the_report_holds_the_table(nine, recommendation, context, rows):
    page = render_report(nine, recommendation, [], dataclasses.replace(context, shifts=rows))
    assert "<h2>Under shifts</h2>" in page
    assert "▼ -20.0" in page
    assert "Under shifts" not in render_report(nine, recommendation, [], context)
