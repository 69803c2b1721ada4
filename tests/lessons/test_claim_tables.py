"""The texts' own tables, as data."""

from __future__ import annotations

import pytest

from edgewb.errors import InputError
from edgewb.lessons.claim_tables import claim_table, claim_tables
from edgewb.lessons.claims import documents


@pytest.mark.parametrize("table", claim_tables().values(), ids=lambda table: table.name)
def test_fields(table) -> None:
    assert table.document in {"", *documents()}
    assert table.about
    assert table.source
    assert len(table.rows) >= 2
    assert all(value > 0 for row in table.rows.values() for value in row.values())


def test_columns_leave_out_what_a_row_does_not_have() -> None:
    hardware = claim_table("guide_hardware")
    assert hardware.column("tops") == (100.0, 4.0, 26.0)
    assert len(hardware.column("price")) == len(hardware.rows)
    with pytest.raises(InputError, match="unknown table of a text 'guide_latencies': did you mean 'guide_latency'"):
        claim_table("guide_latencies")
