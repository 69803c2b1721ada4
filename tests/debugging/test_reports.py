"""A diagnosis in words: one table of the rungs, and below it what is to be said of them."""

from __future__ import annotations

import dataclasses

from edgewb.courses.recorded import debug_or_recall
from edgewb.debugging.reports import html_fragment, text
from edgewb.debugging.results import Diagnosis

REASON = "there is no Edge TPU here <b>and the way to one is long</b>, " * 3


def recalled() -> Diagnosis:
    return debug_or_recall("digits_hard", recorded=True)


def test_a_rung_that_was_not_run_is_told_below_the_one_table() -> None:
    found = recalled()
    *before, last = found.rungs
    assert before
    skipped = dataclasses.replace(last, skipped=REASON, accuracy=None, delta=None)
    changed = dataclasses.replace(found, rungs=(*before, skipped))
    said = text(changed).splitlines()
    rules = [line for line in said if line and set(line) == {"-"}]
    assert len(rules) == 2  # the rungs, the layers
    assert all(len(line) <= 140 for line in said)
    start = said.index("On the rungs:")
    assert any(line.startswith(last.name) and line.endswith("not run") for line in (row.rstrip() for row in said[:start]))
    assert f"  {last.name}: not run: {REASON[:20]}" in "\n".join(said[start:])
    page = html_fragment(changed)
    assert page.count("<table") == html_fragment(found).count("<table")
    assert "<b>and" not in page
    assert f"<strong>{last.name}</strong>: not run:" in page


def test_the_rung_that_falls_is_named_below_the_table() -> None:
    found = recalled()
    fallen = dataclasses.replace(found, first_fall=found.rungs[1].name)
    assert f"{found.rungs[1].name}: accuracy falls here" in text(fallen)
    nothing = dataclasses.replace(found, first_fall=None, rungs=tuple(rung for rung in found.rungs if rung.skipped is None))
    assert "On the rungs:" not in text(nothing)
    assert "On the rungs:" not in html_fragment(nothing)
