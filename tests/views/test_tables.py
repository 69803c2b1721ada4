import html
import re

import pytest

from edgewb.types import Recommendation, Skipped
from edgewb.views.tables import summary_html, table_text


def test_nine_variants_fit_a_hundred_columns_in_one_table(nine, recommendation):
    text = table_text(nine, recommendation, [Skipped(recipe="distill_ptq_int8", reason="needs a tf_keras model")])
    assert max(map(len, text.splitlines())) <= 100
    assert sum(line.startswith("recipe ") for line in text.splitlines()) == 1
    assert "\x1b" not in text
    row = next(line for line in text.splitlines() if line.startswith("ptq_int8 *"))
    assert row.split() == (
        ["ptq_int8", "*", "98.4", "[96.9,", "99.2]", "-0.2", "[-1.0,", "+0.6]", "1.000", "63.3/47.9", "31/31"]
        + [f"{getattr(nine[3].latency[0].latency_ms, name):.3f}" for name in ("p50", "p90", "p99")]
    )
    for part in ("n = 500 test examples, 95 % Wilson", "McNemar", "ops on TPU: predicted; not compiled", "n = 400 calls", "* recommended"):
        assert part in text
    assert text.index("Recommended: ptq_int8") < text.index("Not run") < text.index("distill_ptq_int8: needs a tf_keras model")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_any_width_keeps_every_column(nine, recommendation, width):
    text = table_text(nine, recommendation, width=width)
    assert max(map(len, text.splitlines())) <= width
    for title in ("accuracy %", "change", "file/comp", "on TPU", "p50 p90 p99"):
        assert title in text


def test_colour_changes_nothing_but_colour(nine, recommendation):
    skipped = [Skipped(recipe="a", reason="b [bold]c[/bold]")]
    coloured = table_text(nine, recommendation, skipped, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).rstrip("\n") == table_text(nine, recommendation, skipped).rstrip("\n")


def test_columns_nothing_fills_are_absent(make_record):
    text = table_text([make_record("float32", latency=())])
    assert "change" not in text
    assert "p50" not in text
    assert "McNemar" not in text


def test_no_recommendation_says_so(nine):
    text = table_text(nine, Recommendation(recipe=None, why="none stays within it", budget_points=0.1))
    assert "No variant is recommended\n  none stays within it" in text
    assert " * " not in text


def test_differing_n_gets_a_column(make_record):
    text = table_text([make_record("float32"), make_record("ptq_int8", n=100)])
    assert "n = 100 to 500 test examples" in text
    assert re.search(r"ptq_int8 .*\] +100 ", text)


def test_summary_for_a_notebook_is_escaped(nine, make_record):
    bad = "<img src=x onerror=alert(1)>"
    page = summary_html([*nine, make_record(bad)], Recommendation(recipe=bad, why=bad, budget_points=1.0))
    assert "<img" not in page
    assert page.count("&lt;img") >= 3
    assert "n = 500 test examples" in page
    assert '<tr class="marked">' in page


def test_imported_rows_are_marked_in_text_and_html(make_record, recommendation):
    records = [make_record("float32"), make_record("ptq_int8", origin="imported"), make_record("qat_int8", origin="imported")]
    note = "^ imported: its maker's word, not measured here"
    text = table_text(records, recommendation)
    assert [line.split("  ")[0] for line in text.splitlines()[3:6]] == ["float32", "ptq_int8 ^ *", "qat_int8 ^"]
    assert text.count(note) == 1
    page = html.unescape(summary_html(records, recommendation))
    assert ">ptq_int8 ^ *</th>" in page
    assert ">qat_int8 ^</th>" in page
    assert ">float32</th>" in page
    assert page.count(note) == 1
    assert "imported" not in table_text(records[:1], recommendation) + summary_html(records[:1], recommendation)


def test_nothing_to_show():
    assert "no records" in table_text([])
    assert "no records" in summary_html([])
