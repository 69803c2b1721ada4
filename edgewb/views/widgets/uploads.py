"""Files a visitor gives, taken in pieces: bounded in size and number, kept in memory alone, the newest in place of an unfinished one."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from edgewb.errors import EdgewbError, InputError
from edgewb.views.widgets.pages import Page

PIECE_BYTES: Final = 1_000_000
"""Bytes of one piece at most; ``uploads.js`` cuts to this size. A message with it stays below 1 MiB."""
_NAME_CHARACTERS: Final = 200
_UNREADABLE: Final = "this upload cannot be read: load the page again"


@dataclasses.dataclass(frozen=True, kw_only=True)
class UploadLimit:
    """What is taken of one kind: bytes of one file, and files given at once."""

    max_bytes: int = 64 * 2**20
    max_files: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Upload:
    """A file a visitor gave. ``name`` is the visitor's: shown escaped, never part of a path. ``index`` counts the files given at once."""

    kind: str
    name: str
    content: bytes
    index: int = 0
    count: int = 1


@dataclasses.dataclass
class _Unfinished:
    id: str
    kind: str
    name: str
    size: int
    index: int
    count: int
    in_place_of: str | None
    content: io.BytesIO = dataclasses.field(default_factory=io.BytesIO)  # which gives out its bytes without a copy


class UploadPage(Page):
    """A page that takes files: by ``<input type="file" data-upload="KIND">``, a drop zone ``data-drop="KIND"`` (files, or text dragged
    there), or a form ``data-upload="KIND"`` whose textarea holds the file. Put ``"uploads"`` before a widget's own script in PARTS, and
    call ``acceptUploads({model, root})`` in its ``enhance``; it fills any ``<progress data-upload-progress="KIND">``.

    ``upload_limits`` names the kinds; ``receive_upload`` gets each file when it is complete.
    """

    upload_limits: ClassVar[Mapping[str, UploadLimit]] = {}
    _unfinished: _Unfinished | None = None
    _refused: tuple[str, str] = ("", "")

    def receive_upload(self, upload: Upload) -> None:
        """What becomes of a file. An EdgewbError is shown on the page."""
        raise NotImplementedError

    def on_upload(self, value: Any, buffers: Sequence[memoryview]) -> bool | None:
        """One piece of a file. The page is drawn again when the file is complete or refused."""
        identity = str(value.get("id"))[:40] if isinstance(value, dict) else ""
        if identity and identity == self._refused[0] and value.get("offset") != 0:  # it was on its way already: what was said stands
            self.alert = self._refused[1]
            self.send({"upload": {"id": identity, "refused": True}})
            return False
        try:
            complete = self._take(identity, value, buffers)
            if complete is not None:
                given_up = self._unfinished.in_place_of if self._unfinished is not None else None
                self._unfinished = None
                if given_up is not None:
                    self.alert = f"{given_up} was given up, {complete.name} came before it was complete: give one after the other"
                self.receive_upload(complete)
        except Exception as error:
            if self._unfinished is not None and self._unfinished.id == identity:
                self._unfinished = None
            self._refused = identity, str(error) if isinstance(error, EdgewbError) else ""
            self.send({"upload": {"id": identity, "refused": True}})
            raise
        self.send({"upload": {"id": identity}})
        return None if complete is not None else False

    def _take(self, identity: str, value: Any, buffers: Sequence[memoryview]) -> Upload | None:
        """The file, once its last piece is there. Raises InputError when it is not taken."""
        if not isinstance(value, dict) or len(buffers) > 1:
            raise InputError(_UNREADABLE)
        if value.get("offset") == 0:
            self._unfinished = self._begin(identity, value)
        name = _clean(value.get("name"))
        if value.get("unreadable"):
            raise InputError(f"{name} could not be read by the browser: give a file, not a folder, and one that does not change meanwhile")
        at = self._unfinished
        if at is None or at.id != identity:
            raise InputError(f"{name} was given up, another file came before it was complete: give one after the other")
        piece = buffers[0] if buffers else memoryview(b"")
        begun = at.content.tell()
        if value.get("offset") != begun or piece.nbytes > PIECE_BYTES or begun + piece.nbytes > at.size:
            raise InputError(f"{name} did not arrive as it was sent: give it again")
        at.content.write(piece)
        if at.content.tell() < at.size:
            if not piece.nbytes:
                raise InputError(f"{name} ended early, after {begun:,} of {at.size:,} bytes: give it again")
            return None
        return Upload(kind=at.kind, name=at.name, content=at.content.getvalue(), index=at.index, count=at.count)

    def _begin(self, identity: str, value: Mapping[str, Any]) -> _Unfinished:
        kind, name = value.get("kind"), _clean(value.get("name"))
        size, index, count = (_whole(value.get(key)) for key in ("size", "index", "count"))
        limit = self.upload_limits.get(kind) if isinstance(kind, str) else None
        if limit is None or not isinstance(kind, str):
            raise InputError(f"uploads of the kind {str(kind)[:40]!r} are not taken here: {', '.join(self.upload_limits) or 'none'}")
        if count > limit.max_files:
            files = f"one file is taken at a time, {count:,} were given" if limit.max_files == 1 else f"{count:,} files were given"
            raise InputError(f"{files}: give " + ("one" if limit.max_files == 1 else f"at most {limit.max_files:,} at once"))
        if size > limit.max_bytes:
            raise InputError(f"{name} has {size:,} bytes, at most {limit.max_bytes:,} are taken here: give a smaller file")
        before = self._unfinished
        in_place_of = None if before is None or before.id == identity else before.name
        return _Unfinished(identity, kind, name, size, index, count, in_place_of)


def _whole(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise InputError(_UNREADABLE)
    return number


def _clean(name: Any) -> str:
    """A visitor's file name for people: printable, not too long."""
    text = name if isinstance(name, str) else "the file"
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:_NAME_CHARACTERS])
    return text or "the file"
