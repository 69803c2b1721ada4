"""Frames of a camera, answered or left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import InputError
from edgewb.lessons.frame_rates import count_frames


@pytest.mark.parametrize(("ms", "answered"), [(1, 30), (33, 30), (34, 15), (50, 15), (66, 15), (67, 10), (101, 7.5)])
def test_the_rate_falls_in_stairs(ms, answered):
    found = count_frames(30, ms, seconds=60)
    assert found.answered_fps == pytest.approx(answered, abs=0.05)
    assert found.answered_fps + found.dropped_fps == pytest.approx(30)
    assert found.age_ms == pytest.approx(ms)


@given(st.floats(1, 120), st.floats(0.5, 400))
def test_never_more_than_the_camera_gives_or_the_model_takes(fps, ms):
    found = count_frames(fps, ms)
    assert 0 < found.answered_fps <= fps * (1 + 1e-9)
    assert found.answered_fps <= 1000 / ms + 0.2  # one more at the end of ten seconds


def test_a_queue_drops_nothing_and_grows_old():
    queued, fresh = (count_frames(30, 50, queue=queue, seconds=5) for queue in (True, False))
    assert queued.dropped_fps == 0
    assert queued.age_ms > 10 * fresh.age_ms
    assert count_frames(30, 20, queue=True).age_ms == pytest.approx(20)


@pytest.mark.parametrize(("fps", "ms"), [(0, 10), (30, 0), (5000, 1), (30, 1e9)])
def test_impossible_numbers_are_refused(fps, ms):
    with pytest.raises(InputError, match="frames a second"):
        count_frames(fps, ms)
