"""What the explorer says about one variant and about two side by side."""

import dataclasses

from edgewb.recommendations import recommend
from edgewb.records.columns import summary_columns
from edgewb.types import Answers, Basis, ClassAccuracy, Confused, Flip, Flips, Parameters, PlacementSummary
from edgewb.views.widgets.explorer_details import figure_rows, make_overview, make_panel


def answered(record, correct, flips=None, confusion=()):
    """Two classes of 250 examples each; the mistakes are all of class "1"."""
    answers = Answers(
        class_names=("0", "1"),
        n=500,
        top5=None,
        classes=(
            ClassAccuracy(name="0", n=250, correct=250, ci95=(0.98, 1.0)),
            ClassAccuracy(name="1", n=250, correct=correct - 250, ci95=(0.9, 1.0)),
        ),
        confusion=confusion,
        flips=flips,
    )
    return dataclasses.replace(record, answers=answers)


def test_two_side_by_side_have_the_cells_of_the_table(nine):
    overview = make_overview(nine)
    shown = [nine[5], nine[0]]
    rows = {" ".join(filter(None, (row.name, row.detail))): row.cells for row in figure_rows(shown, nine, overview.columns)}
    for column in summary_columns(nine)[1:]:
        cells = (column.cells[5], column.cells[0])
        assert rows.get(" ".join(column.title), ("", "")) == cells
    assert rows["change in points [95 %]"][1] == ""  # the reference has none
    assert "ops on TPU" in rows


def test_placement_adds_up_and_is_said_in_words(make_record):
    placed = PlacementSummary(ops_total=20, ops_edgetpu=15, ops_cpu=4, ops_unknown=1, basis=Basis.PREDICTED)
    record = make_record("ptq_int8", placement=placed, parameters=Parameters(on_chip_bytes=5_000, off_chip_bytes=70, basis=Basis.PREDICTED))
    panel = make_panel(record, [record], None, {})
    assert [(s.kind, s.count, s.start, s.share) for s in panel.segments] == [
        ("edgetpu", 15, 0.0, 75.0),
        ("cpu", 4, 75.0, 20.0),
        ("unknown", 1, 95.0, 5.0),
    ]
    assert panel.placement == (
        "15 of 20 ops would run on the Edge TPU, 4 on the CPU, 1 are unknown (predicted); 5,000 bytes of parameters on the chip, "
        "70 streamed (predicted)."
    )


def test_roles_and_verdict_are_those_of_the_recommendation(nine):
    records = [dataclasses.replace(r, validation_delta=r.accuracy_delta) for r in nine]
    chosen = recommend(records, 1.0)
    panels = {r.recipe: make_panel(r, records, chosen, {}) for r in records}
    assert panels["float32"].roles == ("the reference",)
    assert panels[chosen.recipe].roles == ("recommended",)
    assert panels["float32"].verdict == ""
    assert "1.0 point" in panels["prune80_ptq_int8"].verdict


def test_flips_and_confusion_come_from_the_record_and_only_known_pictures_are_shown(nine):
    reference = answered(nine[0], 493, confusion=(Confused(truth=1, answer=0, n=7),))
    flips = Flips(
        against="float32",
        lost=2,
        gained=0,
        otherwise_wrong=0,
        listed=tuple(Flip(index=i, truth=1, reference=1, variant=0, reference_score=0.9, variant_score=0.6) for i in (3, 8)),
    )
    variant = answered(nine[3], 491, flips, (Confused(truth=1, answer=0, n=9),))
    panel = make_panel(variant, [reference, variant], None, {8: "data:image/png;base64,AA=="})
    assert [card.index for card in panel.answers.cards] == [3, 8]
    assert [card.index for card in panel.pictured] == [8]
    assert [(p.truth, p.answer, p.change) for p in panel.answers.pairs] == [("1", "0", 2)]
    assert "2 lost, 0 gained" in panel.reading


def test_everything_in_the_record_is_listed(make_record):
    record = make_record("ptq_int8", not_measured={"openvino": "it takes no int8 input"})
    facts = dict(make_panel(record, [record], None, {}).facts)
    assert facts["sha256"] == record.sha256
    assert facts["Seed"] == "0"
    assert "Test Processor 9000" in facts["Made"]
    assert facts["Setting epochs"] == "12"
    assert facts["Not measured on openvino"] == "it takes no int8 input"
    assert "n = 400 calls" in facts["Latency on cpu"]
    assert "numpy 2.4.6" in facts["Versions"]
