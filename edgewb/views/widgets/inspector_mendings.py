"""Mends of the inspector's page that run the model: beside the page, which goes on meanwhile."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from edgewb.compilers.inspections import Inspection
from edgewb.errors import InputError
from edgewb.views.widgets.inspector_mends import SECONDS, end, mend_apart
from edgewb.views.widgets.pages import Reply
from edgewb.views.widgets.uploads import UploadPage

if TYPE_CHECKING:  # what mends is loaded with the first mend: most visitors of the page ask for none
    from edgewb.mends import Mended

TRUSTED_VARIABLE: Final = "EDGEWB_DASHBOARD_TRUSTED"


def mend_unchecked(content: bytes, file: str) -> tuple[dict[str, Any], bytes | None]:
    """What the page says of a mend that is verified by no run, and the mended file; None where none was made.

    Raises:
        ModelFileError: see ``mend_bytes``.
    """
    from edgewb.mends import mend_bytes

    return _said(*mend_bytes(content, file, run=False))


class Mending:
    """A mend that is verified by running the model: in a process of its own, for which a thread waits, so that the page goes on meanwhile.

    Args:
        limited: whether that process has limits, and is closed off: the model is a visitor's.
    """

    def __init__(self, content: bytes, file: str, *, limited: bool) -> None:
        self.file = file
        self.at_most = f", for {SECONDS:g} s at most" if limited else ""
        self._dropped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._made: Future[tuple[dict[str, Any], bytes | None]] = Future()
        threading.Thread(target=self._mend, args=(content, limited), name="mend", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether ``result()`` has it at once."""
        return self._made.done()

    def result(self) -> tuple[dict[str, Any], bytes | None]:
        """What the page says of the mend, and the mended file; None where none was made.

        Raises:
            ModelFileError, TargetError: see ``mend_apart``.
        """
        return self._made.result()

    def drop(self) -> None:
        """Nobody wants it any more: the process ends."""
        self._dropped.set()
        if self._process is not None:
            end(self._process)

    def _begun(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        if self._dropped.is_set():
            end(process)

    def _mend(self, content: bytes, limited: bool) -> None:
        try:
            self._made.set_result(_said(*mend_apart(content, self.file, limited=limited, begun=self._begun)))
        except BaseException as error:  # to be raised where somebody asks for the result
            self._made.set_exception(error)


def _said(mended: Mended, made: bytes) -> tuple[dict[str, Any], bytes | None]:
    from edgewb.mends.attempts import NOT_RUN
    from edgewb.mends.results import gain, verified

    said = {
        "result": mended,
        "gain": gain(mended.before, mended.after),
        "needs_a_run": any(NOT_RUN in entry.why for entry in mended.refused),
        "verified": None if mended.verification is None else verified(mended.verification),
    }
    return said, made if mended.mends else None


def plain_stem(file: str) -> str:
    """For the name of a download: plain letters alone of what the visitor called it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", re.sub(r"\.tflite$", "", file))[:60].strip("._-") or "model"


class MendsPage(UploadPage):
    """A page whose model can be mended.

    Attributes:
        inspection: of the model shown, or None. trusted: whether a visitor's is run to verify a mend.
    """

    inspection: Inspection | None
    trusted: bool
    _content: bytes
    _is_own: bool
    _mended: dict[str, Any] | None = None
    _mending: Mending | None = None

    def on_mend(self, _value: Any, _buffers: Sequence[memoryview]) -> None:
        """Mend the model, say what was done, and hand out the file where anything was. Where it is run for that, ``on_look`` sees to it."""
        if self.inspection is None:
            raise InputError("there is no model to mend: drop a .tflite file")
        if self._is_own or self.trusted:
            if self._mending is None:
                self._mended = None
                self._mending = Mending(self._content, self.inspection.file, limited=not self._is_own)
        else:
            self._hand_out(mend_unchecked(self._content, self.inspection.file), self.inspection.file)

    def on_look(self, _value: Any, _buffers: Sequence[memoryview]) -> Reply:
        """Whether the mend under way is there: then it is handed out. What was said meanwhile stays."""
        mending = self._mending
        if mending is not None and mending.done:
            self._mending = None
            self._hand_out(mending.result(), mending.file)
        return Reply({}, later=("mended", "summary"))

    def on_cancel(self, _value: Any, _buffers: Sequence[memoryview]) -> None:
        """The mend under way is wanted no longer."""
        self._stop_mending()

    def _handle(self, name: Any, value: Any, buffers: Sequence[memoryview]) -> Any:
        said = self.alert
        drawn = super()._handle(name, value, buffers)
        if name == "look" and not self.alert:  # the page asks by itself: that takes no message away
            self.alert = said
        return drawn

    def _stop_mending(self) -> None:
        if self._mending is not None:
            self._mending.drop()
            self._mending = None

    def _hand_out(self, mended: tuple[dict[str, Any], bytes | None], file: str) -> None:
        self._mended, content = mended
        if content is not None:
            self.download(f"{plain_stem(file)}_fixed.tflite", "application/octet-stream", content)

    def close(self) -> None:
        """Also end a mend under way."""
        self._stop_mending()
        super().close()
