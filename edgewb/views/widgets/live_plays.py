"""The part of the page, played by code: test images answered by a live widget where no browser is at hand, or none is wanted."""

from __future__ import annotations

from edgewb.errors import InputError
from edgewb.views.widgets.live import Live

_MOST = 10_000


def play_test_images(live: Live, frames: int = 200) -> Live:
    """Answer the next test images as fast as it goes, just as the page's button "Stream" has them answered; then look for drift.

    What it counts and keeps is what the page would show: ``live.sides``, ``live.answers``, ``live.drifts``.

    Args:
        live: with test images, as the bundled classifier has them.
        frames: 1 to 10,000; after the last test image the first one comes again.

    Returns:
        The widget given, to be shown.

    Raises:
        InputError: no test images, or another number of frames. EdgewbError: a target failed.
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or not 1 <= frames <= _MOST:
        raise InputError(f"{frames!r:.40} frames: 1 to {_MOST:,} are taken")
    for _ in range(frames):
        live.on_example({}, ())
    live.on_stop(None, ())
    live.markup = live.render()
    live.refresh()
    return live
