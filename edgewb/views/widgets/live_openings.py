"""Targets of a live page that take seconds to open: done beside it, so that those before go on answering meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from edgewb.errors import EdgewbError
from edgewb.targets import Converts, Target, open_target, split_target, target_form
from edgewb.views.widgets.live_models import Classifier
from edgewb.views.widgets.live_sides import Side

_SLOW: Final = frozenset({"onnxruntime", "openvino", "edgetpu", "ssh"})


def opens_slowly(given: str) -> bool:
    """Whether a target imports a large library, converts the model, or asks a device or another computer; the others take milliseconds."""
    return split_target(given)[0] in _SLOW


class Opening:
    """One target being opened on a thread: most of the time it waits for another process or for a library that leaves Python alone.

    ``done`` says when ``result()`` has it at once.
    """

    def __init__(self, given: str, classifier: Classifier, path: Path, threads: int) -> None:
        self.given = given
        self.converting = False
        self._began = time.monotonic()
        self._dropped = threading.Event()
        self._opened: Future[Side] = Future()
        # A daemon: a kernel that is told to end does not wait for a conversion, and the process that converts ends with its parent.
        threading.Thread(target=self._open, args=(classifier, path, threads), name=f"open {given}", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._opened.done()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    @property
    def words(self) -> str:
        """What is being done, for people."""
        name = target_form(self.given)
        return f"Converting the model for {name}, once: some ten seconds or more" if self.converting else f"Getting {name} ready"

    def result(self) -> Side:
        """The target with the model loaded.

        Raises:
            EdgewbError: it cannot be used here, does not take the file, or the model could not be converted.
        """
        return self._opened.result()

    def drop(self) -> None:
        """Nobody wants it any more: a conversion is ended, and what is opened is given back, now or when it is there."""
        self._dropped.set()
        self._opened.add_done_callback(_close)

    def _open(self, classifier: Classifier, path: Path, threads: int) -> None:
        try:
            target = open_target(self.given, threads=threads)
            try:
                if isinstance(target, Converts):
                    self._convert(target, path)
                target.load(path)
            except BaseException:
                target.close()
                raise
            self._opened.set_result(Side(self.given, target, classifier))
        except BaseException as error:  # to be raised where somebody asks for the result
            self._opened.set_exception(error)

    def _convert(self, target: Target, path: Path) -> None:
        from edgewb.optimizers.workers import Worker

        assert isinstance(target, Converts)
        self.converting = True
        with Worker() as worker:
            worker.is_cancelled = self._dropped.is_set
            target.convert(path, worker)
        self.converting = False


def _close(opened: Future[Side]) -> None:
    if opened.exception() is None:
        opened.result().close()


def take(openings: list[Opening]) -> dict[str, Side]:
    """What was opened, by name; of one that failed the reason, and the others are given back.

    Raises:
        EdgewbError: see ``Opening.result``.
    """
    try:
        return {opening.given: opening.result() for opening in openings}
    except EdgewbError:
        for opening in openings:
            opening.drop()
        raise
