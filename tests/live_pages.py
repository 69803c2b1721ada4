"""A live widget driven as its page drives it, without a browser."""

from __future__ import annotations

import time

import numpy as np

from edgewb.sketches import SIDE
from edgewb.views.widgets import Live


class Driven:
    """A live widget whose messages are kept, and the page's part in few words."""

    def __init__(self, *arguments, **options):
        self.live = Live(*arguments, **options)
        self.sent = []
        self.live.send = lambda content, buffers=None: self.sent.append((content, buffers or []))

    def event(self, name, value=None, buffers=()):
        self.sent.clear()
        self.live._receive(self.live, {"event": name, "value": value, "number": -7}, [memoryview(buffer) for buffer in buffers])
        assert sum("done" in content for content, _ in self.sent) == 1
        return sorted(self.sent, key=lambda message: "done" not in message[0])  # the reply first

    def frame(self, picture, source="camera", **more):
        return self.event("frame", {"source": source, "form": "raw", **more}, [np.ascontiguousarray(picture).tobytes()])

    def until_opened(self, seconds=60):
        """What the page does: ask until nothing is being opened any more."""
        until = time.monotonic() + seconds
        while self.live.openings:
            assert time.monotonic() < until
            time.sleep(0.02)
            self.event("look")

    def shown(self, region):
        """What a region looks like after the last message."""
        return self.live._sent[region]


def one():
    """An upright stroke."""
    picture = np.full((SIDE, SIDE), 235, np.uint8)
    picture[30:95, 58:72] = 25
    return picture
