import pytest

from edgewb.records.columns import summary_columns
from edgewb.records.tables import render_text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_table_keeps_to_its_width(make_record, width):
    records = [make_record("a", "float32", accuracy_delta=None), make_record("b")]
    lines = render_text(summary_columns(records), width).splitlines()
    assert max(map(len, lines)) <= width
    assert any("0.65" in line for line in lines)
