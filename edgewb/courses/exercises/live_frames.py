"""Judges of notebook 08: reading a histogram of calls, frames left out, what may be said of a simulated run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgewb.courses.checks import NotYet, exercise, expect_close, text_in
from edgewb.lessons.calibration_trials import study_record
from edgewb.lessons.frame_rates import count_frames
from edgewb.types import LatencySummary
from edgewb.views.live_plots import CallsInfo, recorded_info

RECORDED: Final = "prune80_ptq_int8"
CAMERA_FPS, ANSWER_MS = 30.0, 50.0
SENTENCES: Final = ("a", "b", "c")
QUOTES: Final = ("mean", "median")
WITHIN: Final = 0.15
_PULLED: Final = 1.3  # times the median: what is less was not pulled far
_SLOW: Final = 5  # times the median: the calls beyond the axis


@exercise("08.2")
def judge_histogram(median_ms: object, quote: object) -> str:
    """The median of a recorded histogram, and which figure a report should quote."""
    info = recorded_info(RECORDED)
    summary = info.summary
    hint = "Where is the bar that holds most of the calls?"
    expect_close(median_ms, summary.p50, "median_ms", relative=WITHIN, mistakes=misreadings(info), hint=hint)
    if text_in(quote, "quote", QUOTES) == "mean":
        samples = next(one.samples_ms for one in study_record(RECORDED).latency if one.samples_ms)
        raise NotYet(against_the_mean(summary, samples))
    return f"the median is {summary.p50:.3g} ms, the 90th percentile {summary.p90:.3g} ms: {what_the_tail_says(summary)}"


def misreadings(info: CallsInfo) -> dict[str, float]:
    """Sentence -> the wrong median it answers; what lies so near to the median that it would pass is none."""
    summary = info.summary
    wrong = {
        "that is the mean, which a few slow calls pull far to the right. In the middle of all calls is the tall bar.": summary.mean,
        "that is where the slowest tenth begins. In the middle of all calls is the tall bar.": summary.p90,
        "that is in microseconds; the axis is in milliseconds.": 1000 * summary.p50,
        "that is the place in the middle of the axis. Half of the calls, not half of the axis, lie left of the median.": (
            info.edges[0] + info.edges[-1]
        )
        / 2,
    }
    return {sentence: value for sentence, value in wrong.items() if value > (1 + 2 * WITHIN) * summary.p50}


def against_the_mean(summary: LatencySummary, samples_ms: Sequence[float]) -> str:
    """Why not to quote it: what it did in this sample, or, where nothing disturbed that, what it would do."""
    times = summary.mean / summary.p50
    if times < _PULLED:
        return (
            f"the mean is {summary.mean:.3g} ms here, near the median, as little disturbed these calls. One call that waits for another "
            "program moves the mean, and not the median: quote what holds for the next sample, too."
        )
    slow = sum(ms > _SLOW * summary.p50 for ms in samples_ms)
    return (
        f"the mean is {summary.mean:.3g} ms here, {times:.1f} times the median: {slow} of {len(samples_ms)} calls that took more than "
        f"{_SLOW} times the median decide it. The processor was busy with something else."
    )


def what_the_tail_says(summary: LatencySummary) -> str:
    """A sentence's end on median and 90th percentile."""
    if summary.p90 > _PULLED * summary.p50:
        return "together they say that there is a long tail."
    return "they are close, so nine calls in ten took about the same. The mean alone would not have told."


@exercise("08.1")
def judge_frames(answered: object, dropped: object) -> str:
    """A camera of 30 frames a second and answers of 50 ms, one frame under way."""
    right = count_frames(CAMERA_FPS, ANSWER_MS)
    free = 1000 / ANSWER_MS
    expect_close(
        answered,
        right.answered_fps,
        "answered",
        relative=0.02,
        mistakes={
            "so it would be if a frame were ready whenever an answer is done. After 50 ms the camera's next frame comes at 67 ms.": free,
            "that is what the camera gives.": CAMERA_FPS,
        },
        hint="Frames come at 0, 33, 67, 100 ms and so on. Which is the first one after the answer at 50 ms?",
    )
    expect_close(
        dropped,
        right.dropped_fps,
        "dropped",
        relative=0.02,
        mistakes={"that fits 20 answers a second, not yours.": CAMERA_FPS - free},
        hint="What the camera gives and nobody answers.",
    )
    return "every second frame is left out. A model of 33 ms would answer all of them; one of 34 ms again only half."


@exercise("08.3")
def judge_sentence(sentence: object) -> str:
    """Which sentence may be written about a simulated run."""
    said = text_in(sentence, "sentence", SENTENCES)
    if said == "a":
        raise NotYet("No Edge TPU took part in it: the pace was estimated, and nothing was measured.")
    if said == "b":
        raise NotYet("The pace is constant because it is made so. How a device's calls scatter is not known from this.")
    return "it names the basis, what it stands for, and what really answered."
