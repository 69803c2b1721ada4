"""From figures to a verdict: each rule gives each of its answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.lessons import claim_rules as rules
from edgewb.lessons.claim_rules import CONDITIONS, HOLDS, NO_SOURCE, NOT


@pytest.mark.parametrize(
    ("rule", "stated", "found", "verdict"),
    [
        (rules.near_a_row, (3.0,), (2.9, 3.1), HOLDS),
        (rules.near_a_row, (3.0,), (2.9, 10.6), CONDITIONS),
        (rules.near_a_row, (6.0,), (2.9, 4.55, 10.6), NOT),
        (rules.in_range, (2.0, 4.0), (2.0, 3.9), HOLDS),
        (rules.in_range, (2.0, 4.0), (0.8, 2.5), CONDITIONS),
        (rules.in_range, (2.0, 4.0), (0.8, 1.3), NOT),
        (rules.at_most, (2.0,), (1.5, 2.0), HOLDS),
        (rules.at_most, (2.0,), (1.5, 2.2), CONDITIONS),
        (rules.at_most, (1.0,), (1.5, 2.2), NOT),
        (rules.at_least, (200.0,), (250.0, 300.0), HOLDS),
        (rules.at_least, (200.0,), (112.0, 328.0), CONDITIONS),
        (rules.at_least, (200.0,), (112.0, 128.0), NOT),
        (rules.same, (4.0, 8.0), (4.0, 8.0), HOLDS),
        (rules.same, (4.0, 8.0), (4.0, 16.0), NOT),
        (rules.same, (4.0,), (4.0, 8.0), NOT),
        (rules.first_is_lowest, (), (1.0, 2.0, 3.0), HOLDS),
        (rules.first_is_lowest, (), (2.0, 2.0), NOT),
        (rules.first_is_highest, (), (3.0, 2.0), HOLDS),
        (rules.first_is_highest, (), (2.0, 10.4), NOT),
        (rules.none_published, (), (0.0,), NO_SOURCE),
        (rules.none_published, (), (1.0,), CONDITIONS),
        (rules.with_conditions(rules.first_is_lowest), (), (1.0, 2.0), CONDITIONS),
        (rules.with_conditions(rules.first_is_lowest), (), (3.0, 2.0), NOT),
    ],
)
def test_answers(rule: rules.Judge, stated: rules.Figures, found: rules.Figures, verdict: str) -> None:
    assert rule(stated, found) == verdict


def test_near_is_measured_against_what_was_found() -> None:
    assert rules.close(12.0, 14.0)  # 2 of 14 are 14 %
    assert not rules.close(12.0, 14.2)


@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=5), st.floats(0.1, 1000))
def test_limits_mirror_each_other(found: list[float], limit: float) -> None:
    rows = tuple(found)
    mirrored = tuple(-row for row in rows)
    assert rules.at_most((limit,), rows) == rules.at_least((-limit,), mirrored)
    assert rules.span(rows) == (min(rows), max(rows))
