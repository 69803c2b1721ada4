"""Live: a classifier on what a visitor draws, shows to a camera or brings along, with what its answers cost.

Pictures are scaled by the browser and come one by one: ``live.js`` sends the next when an answer is there, so nothing queues up here.
No frame is kept: of each stays its answer.
"""

from __future__ import annotations

import os
import time
import zlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from edgewb.datasets import Split, as_inputs
from edgewb.errors import EdgewbError, InputError
from edgewb.intervals import wilson_interval
from edgewb.targets import TARGETS, split_target, target_form
from edgewb.views.widgets import live_charts
from edgewb.views.widgets.live_counts import Counts
from edgewb.views.widgets.live_models import Classifier, Range, check_test, decode_frame, describe_classifier
from edgewb.views.widgets.live_pictures import Pictures
from edgewb.views.widgets.live_sides import Answer, Side, targets_here
from edgewb.views.widgets.live_uploads import UploadedModels, trusted_here
from edgewb.views.widgets.pages import Reply, script, style
from edgewb.views.widgets.registry import PARTS
from edgewb.watermarks import watermark

MODEL_VARIABLE: Final = "EDGEWB_LIVE_MODEL"
LABELS_VARIABLE: Final = "EDGEWB_LIVE_LABELS"
SOURCES: Final = ("draw", "camera", "pictures", "video", "test")
_WAITING: Final = {
    "draw": "draw on the paper",
    "camera": "turn the camera on",
    "pictures": "choose pictures, or a folder of them",
    "video": "choose a video",
    "test": "press Stream, or Next one",
}
"""What a visitor has to do for an answer."""
_DRAW_EVERY_S: Final = 0.5
_KEPT: Final = 1_000


class Live(UploadedModels):
    """A classifier, live.

    Args:
        model: a source .tflite that takes one picture; None: what ``edgewb dashboard live --model`` names, else the net for drawn and
            photographed digits that comes with the repository.
        labels: names of its classes, or a text file with one per line; None: those attached to the file, if any.
        input_range: what black and white become for the model; None: told from the file.
        compiled: the same model compiled for the Edge TPU; what a target "edgetpu" is given.
        targets: further targets that may be chosen, such as ``"ssh:pi@raspberrypi"``; a visitor cannot name any.
        target, beside: the ones to begin with; ``beside`` runs on the same frames, None: none.
        threads: of the processor.
        test: test images that fit the model, to be streamed.
        in_flight: how many frames of a stream may be under way at a time, 1 or 2; a second one only where it pays: not on this computer.
        trusted: whether visitors may have models of their own run here, each in a process with limits; None: what the environment
            variable EDGEWB_DASHBOARD_TRUSTED says, which ``edgewb dashboard --trusted`` sets.

    Attributes:
        answers: the last 1,000 ``Answer``s, of all targets. counts: frames, distinct and dropped ones, the time from page to page.
        sides: one per target, with its samples. classifier: what answers. source: where pictures come from, one of ``SOURCES``.
        pictures: what was answered to those a visitor brought.
    """

    template: ClassVar[str] = "live.html.j2"
    regions: ClassVar[tuple[str, ...]] = ("answers", "pictures", "model", "opening", "own", "figures", "charts")
    name: ClassVar[str] = "live"
    _esm = script(*PARTS["live"][0])
    _css = style(*PARTS["live"][1])

    def __init__(
        self,
        model: str | Path | None = None,
        labels: Sequence[str] | str | Path | None = None,
        input_range: Range | None = None,
        *,
        compiled: str | Path | None = None,
        targets: Sequence[str] = (),
        target: str | None = None,
        beside: str | None = None,
        threads: int = 1,
        test: Split | None = None,
        in_flight: int = 2,
        trusted: bool | None = None,
    ) -> None:
        if model is None and (named := os.environ.get(MODEL_VARIABLE)):
            model, labels = named, labels or os.environ.get(LABELS_VARIABLE) or None
        if model is None:
            from edgewb.bundles import bundled_model, bundled_test_images

            bundled = bundled_model("digits_sketch_int8")
            classifier = describe_classifier(bundled.path, labels or bundled.labels, bundled.input_range, sketched=True)
            test = bundled_test_images() if test is None else test
        else:
            classifier = describe_classifier(model, labels, input_range)
        self.classifier: Classifier = classifier
        self.compiled = None if compiled is None else Path(compiled)
        if in_flight not in (1, 2):
            raise InputError(f"in_flight {in_flight!r}: 1 or 2 frames may be under way, more would only wait in a queue")
        self.in_flight = in_flight
        self.threads = threads
        self.trusted = trusted_here() if trusted is None else trusted
        self.test = check_test(test, classifier)
        self.choices: tuple[str, ...] = tuple(dict.fromkeys([*targets_here(), *targets, *filter(None, (target, beside))]))
        self.sides: list[Side] = []
        self.source = SOURCES[0]
        self.pictures = Pictures()
        self.count_anew()
        first, failed = target or "cpu", ""
        if target is None and self.compiled is not None and "edgetpu" in self.choices:
            try:
                self.sides, first = [self._open("edgetpu")], "edgetpu"
            except EdgewbError as error:  # a device is there, and does not work: the page says so, and shows what the processor does
                failed = str(error)
        wanted = dict.fromkeys([first, beside or ("cpu" if first == "edgetpu" and target is None else first)])
        self.sides += [self._open(given) for given in list(wanted)[len(self.sides) :]]
        super().__init__()
        self.alert = failed

    # What code may read.

    @property
    def answers(self) -> tuple[Answer, ...]:
        return tuple(self._answers)

    @property
    def latencies_ms(self) -> tuple[float, ...]:
        """Milliseconds of the last 10,000 calls of ``target`` but the first."""
        return tuple(self.sides[0].samples_ms)

    @property
    def first_ms(self) -> float | None:
        """Of the first call of ``target`` after it was loaded."""
        return self.sides[0].first_ms

    @property
    def frames(self) -> int:
        """Answered since counting began."""
        return self.counts.frames

    @property
    def dropped(self) -> int:
        """Frames that the page left out, because an answer was still under way."""
        return self.counts.dropped

    # Events of the page.

    def on_frame(self, value: Any, buffers: Sequence[memoryview]) -> Reply:
        """One picture: ``{"source", "form", "dropped", "took", "name", "thumbnail"}`` and its bytes."""
        source = value.get("source") if isinstance(value, dict) else None
        if not isinstance(source, str) or source not in SOURCES or source == "test" or len(buffers) != 1:
            raise InputError("this frame cannot be read: load the page again")
        frame = decode_frame(memoryview(buffers[0]).cast("B"), self.classifier.frame_shape, str(value.get("form")))
        self._come_from(source)
        self._note(value, zlib.crc32(frame.tobytes()), streaming=source in ("camera", "video"))
        real = self.classifier.real_input(frame) if self.classifier.sketched else None
        nothing = self.classifier.sketched and real is None
        answered = [] if nothing else [self._ask(side, frame, real, source, None) for side in self.sides]
        if nothing:
            answered = [self._unread(side, source) for side in self.sides]
        if source == "pictures":
            self.pictures.add(value, answered)
        return self._conclude(answered, real, final=source == "draw")

    def on_example(self, value: Any, buffers: Sequence[memoryview]) -> Reply:
        """The next test image, of a stream or ``{"once": true}``; the page gets it beside the answer."""
        if self.test is None:
            raise InputError("there are no test images for this model: draw, or take the camera or pictures")
        self._come_from("test")
        self._note(value, self._example, streaming=True)
        number = self._example % len(self.test)
        self._example += 1
        example = as_inputs(self.test.x[number : number + 1], self.classifier.input_range)[0]
        truth = self.classifier.labels[int(self.test.y[number])]
        answered = [self._ask(side, None, example, "test", truth) for side in self.sides]
        low, high = self.classifier.input_range
        picture = np.round((example - low) / (high - low) * 255).astype(np.uint8)
        return self._conclude(answered, example, picture=picture, final=isinstance(value, dict) and value.get("once") is True)

    def on_stop(self, value: Any, buffers: Sequence[memoryview]) -> None:
        """A stream has ended: now there is time to look for lasting changes."""
        self.counts.hear(value)
        self.counts.end()
        self.drifts[:] = [(side.label, live_charts.read_drift(side)) for side in self.sides]
        for side in self.sides:
            side.run_back_to_back()

    def on_source(self, value: Any, buffers: Sequence[memoryview]) -> None:
        """Pictures come from elsewhere, or from the same source anew: what was answered before is no answer to them."""
        if value not in SOURCES:
            raise InputError("this source is not known here: load the page again")
        self.source = value
        self.count_anew()

    def on_clear(self, value: Any, buffers: Sequence[memoryview]) -> None:
        """Count anew."""
        self.pictures = Pictures()
        self.count_anew()

    def on_save(self, value: Any, buffers: Sequence[memoryview]) -> bool:
        """The answers to the visitor's pictures as CSV."""
        self.download("answers.csv", "text/csv", self.pictures.csv())
        return False

    def model_changed(self) -> None:
        """A visitor's model: nothing is known of digits, nor of right answers."""
        self.test = None
        self.pictures = Pictures()
        self.count_anew()
        self.send({"input": self.input_form})

    def labels_changed(self) -> None:
        """The same classes have other names, which must not stand beside the earlier ones in one list."""
        self.pictures = Pictures()
        self.count_anew()

    # What the template shows.

    @property
    def input_form(self) -> dict[str, Any]:
        """What the page must know to send frames."""
        height, width, channels = self.classifier.frame_shape
        shape = self.classifier.input.shape
        return {
            "height": height,
            "width": width,
            "channels": channels,
            "fed": [int(shape[1]), int(shape[2]), int(shape[3])],
            "in_flight": self.in_flight,
        }

    def context(self) -> dict[str, Any]:
        return {
            "live": self,
            "charts": live_charts,
            "digits": live_charts.digits,
            "watermark": watermark,
            "shown": target_form,
            "about": self._about,
            "score": self.read_score,
            "waiting": _WAITING[self.source],
        }

    def right_so_far(self, side: Side) -> str:
        """Of the test images, in words."""
        if not side.known:
            return ""
        low, high = wilson_interval(side.right, side.known)
        share = 100 * side.right / side.known
        return f"{side.right:,} of {side.known:,} test images right: {share:.1f} % [{100 * low:.1f}, {100 * high:.1f}], {side.basis}"

    def read_score(self, answer: Answer) -> str:
        """In words: near 1 without a figure."""
        return "" if answer.confidence is None else live_charts.read_share(answer.confidence)

    def _about(self, given: str) -> str:
        """A target in words."""
        return TARGETS[split_target(given)[0]].summary

    def count_anew(self) -> None:
        """Forget what was answered and what it took; the pictures' answers stay until they are cleared or other targets give others."""
        self.counts = Counts()
        self._answers: deque[Answer] = deque(maxlen=_KEPT)
        self.latest: list[Answer] = []
        self.drifts: list[tuple[str, str]] = []
        self._example = 0
        self._drawn_s = 0.0
        for side in self.sides:
            side.reset()

    # Within.

    def _exchange(self, chosen: tuple[str, str | None], opened: dict[str, Side]) -> None:
        super()._exchange(chosen, opened)
        self.pictures = Pictures()

    def _come_from(self, source: str) -> None:
        if source != self.source:
            self.source = source
            self.count_anew()

    def _note(self, value: Any, content: int, *, streaming: bool) -> None:
        self.counts.hear(value)
        self.counts.add(content, streaming=streaming)
        if streaming:
            self.drifts.clear()

    def _ask(
        self, side: Side, frame: npt.NDArray[np.uint8] | None, real: npt.NDArray[np.float32] | None, source: str, truth: str | None
    ) -> Answer:
        if real is not None:
            stored = side.spec.stored(real[np.newaxis])
        else:
            assert frame is not None
            stored = self.classifier.stored_input(side.spec, frame)
        return side.ask(stored, self.frames, source, truth)

    def _unread(self, side: Side, source: str) -> Answer:
        return Answer(
            frame=self.frames, source=source, target=side.label, basis=side.basis, label=None, confidence=None, top=(), latency_ms=None
        )

    def _conclude(
        self,
        answered: list[Answer],
        real: npt.NDArray[np.float32] | None,
        picture: npt.NDArray[np.uint8] | None = None,
        *,
        final: bool = False,
    ) -> Reply:
        """What has changed: the answers each time, figures and charts now and then; and the picture that was fed, for the page to show."""
        self._answers.extend(answered)
        self.latest = answered
        now, later = time.monotonic(), list[str]()
        if final or now - self._drawn_s >= _DRAW_EVERY_S:
            later, self._drawn_s = [region for region in self.regions if region != "answers"], now
        shown = picture
        if shown is None and real is not None and self.classifier.sketched:
            shown = np.round(real * 255).astype(np.uint8)
        content = {"answered": True, "regions": self.redraw("alert", "answers")}
        return Reply(content, () if shown is None else (shown.tobytes(),), tuple(later))
