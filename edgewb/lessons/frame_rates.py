"""A camera and a model that does not keep up: which frames are answered, which are left out, and how old an answer is when it comes."""

from __future__ import annotations

import dataclasses

from edgewb.errors import InputError
from edgewb.types import Basis, Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameCount(Jsonable):
    """A second of a camera, on average: ``camera_fps`` frames come, ``answered_fps`` are answered, the others are left out.

    ``age_ms``: from the camera's picture to its answer, on average over the answered frames.
    """

    camera_fps: float
    answer_ms: float
    answered_fps: float
    dropped_fps: float
    age_ms: float
    basis: Basis = Basis.ESTIMATED


def count_frames(camera_fps: float, answer_ms: float, *, queue: bool = False, seconds: float = 10.0) -> FrameCount:
    """Follow a camera for some seconds, frame by frame, with one frame under way at a time.

    Args:
        camera_fps: frames a second, evenly spaced, up to 1,000.
        answer_ms: from sending a frame to its answer, the same for every frame.
        queue: keep every frame until its turn comes, instead of leaving it out: nothing is dropped, and answers grow old.
        seconds: how long, up to 600.

    Raises:
        InputError: numbers outside these bounds.
    """
    if not (0 < camera_fps <= 1000 and 0 < answer_ms <= 60_000 and 0 < seconds <= 600):
        raise InputError(
            f"{camera_fps!r} frames a second, {answer_ms!r} ms, {seconds!r} s: numbers above 0, up to 1,000, 60,000 and 600, are taken"
        )
    free_ms, ages = 0.0, []
    total = max(1, round(camera_fps * seconds))
    for number in range(total):
        came_ms = 1000 * number / camera_fps
        if queue or came_ms >= free_ms - 1e-9:
            free_ms = max(came_ms, free_ms) + answer_ms
            ages.append(free_ms - came_ms)
    answered = min(len(ages) * camera_fps / total, 1000 / answer_ms) if queue else len(ages) * camera_fps / total
    return FrameCount(
        camera_fps=camera_fps,
        answer_ms=answer_ms,
        answered_fps=answered,
        dropped_fps=0.0 if queue else camera_fps - answered,
        age_ms=sum(ages) / len(ages),
    )
