"""Tables of sentences: names of usual length stay whole, longer ones may break."""

from __future__ import annotations

import re

from edgewb.lessons.tables import WordTable


def least_widths(*rows: tuple[str, ...]) -> list[float]:
    page = WordTable(columns=tuple("abc"[: len(rows[0])]), rows=rows)._repr_html_()
    head = page.split("</tr>")[0]
    return [float(found) for found in re.findall(r"min-width: ([\d.]+)em", head)]


def test_a_name_of_usual_length_stays_whole() -> None:
    name, short = least_widths(("ptq_int8_per_tensor", "no"))
    assert name >= 0.55 * len("ptq_int8_per_tensor")
    assert short == 2


def test_a_long_name_squeezes_no_other_column() -> None:
    long, sentence = least_widths(("x" * 60, "a sentence " * 10))
    assert long == 8
    assert sentence == 11
