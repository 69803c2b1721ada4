"""A live widget played by code shows what a page's stream would."""

import pytest

from edgewb.errors import InputError
from edgewb.views.widgets import Live
from edgewb.views.widgets.live_plays import play_test_images


def test_frames_are_answered_counted_and_drawn():
    live = play_test_images(Live(target="cpu"), 60)
    assert (live.frames, live.dropped) == (60, 0)
    assert len(live.latencies_ms) == 59
    assert live.first_ms is not None
    assert {answer.source for answer in live.answers} == {"test"}
    assert "60 frames answered" in live.markup
    assert len(live.drifts) == 1
    again = play_test_images(live, 5)
    assert again is live
    assert live.frames == 65


def test_what_cannot_be_played_is_refused(tflite_file):
    for wrong in (0, 10_001, True, "5"):
        with pytest.raises(InputError, match="1 to 10,000"):
            play_test_images(Live(target="cpu"), wrong)
    with pytest.raises(InputError, match="no test images"):
        play_test_images(Live(tflite_file("int8_conv")), 1)
