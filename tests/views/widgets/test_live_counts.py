"""What a live page counts, and what it does not believe."""

from __future__ import annotations

import time

import pytest

from edgewb.views.widgets.live_counts import Counts


def test_frames_are_counted_and_distinct_ones_by_what_they_hold():
    counts = Counts()
    for content in (1, 1, 2, 2, 1):
        counts.add(content, streaming=False)
    assert (counts.frames, counts.distinct, counts.per_second) == (5, 3, None)


def test_the_rate_is_of_distinct_frames_of_a_stream_until_it_ends(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    counts = Counts()
    for number in range(200):
        now = 100 + number / 40
        counts.add(number // 2, streaming=True)  # every frame comes twice: 20 distinct ones a second
    assert counts.per_second == pytest.approx(20)
    counts.end()
    assert counts.per_second is None


def test_what_a_page_tells_is_added_up():
    counts = Counts()
    counts.hear({"dropped": 3, "took": [30.0, 31, 32.5]})
    counts.hear({"dropped": 0, "took": []})
    counts.hear({"dropped": 2})
    assert counts.dropped == 5
    assert list(counts.end_to_end_ms) == [30, 31, 32.5]
    assert counts.end_to_end is None  # too few to tell
    counts.hear({"took": list(range(1, 98))})
    assert counts.end_to_end == (47.5, 92)


@pytest.mark.parametrize(
    "told",
    [None, 7, [], {"dropped": -1}, {"dropped": 10**9}, {"dropped": True}, {"dropped": "3"}, {"took": 3}, {"took": {"a": 1}},
     {"took": ["x", None, -1, float("nan"), float("inf"), 10**12, [], {}]}],
    ids=repr,
)  # fmt: skip
def test_nonsense_is_left_alone(told):
    counts = Counts()
    counts.hear(told)
    assert (counts.dropped, list(counts.end_to_end_ms)) == (0, [])


def test_what_is_kept_is_bounded():
    counts = Counts()
    for _ in range(5):
        counts.hear({"took": [1.0] * 100_000})
    assert len(counts.end_to_end_ms) == 1_000
