"""What was answered to the pictures a visitor brought: a row for each, and all of them as CSV. The pictures stay in the browser."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections import deque
from typing import Any, Final

from edgewb.views.widgets.live_sides import Answer

LISTED: Final = 60
KEPT: Final = 5_000
_NAME_CHARACTERS: Final = 200
_SHOWN_CHARACTERS: Final = 40
_COLUMNS: Final = ("number", "picture", "target", "basis", "answer", "score", "call_ms")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture. ``thumbnail`` is the page's own number of what it shows beside the answers."""

    number: int
    name: str
    answers: tuple[Answer, ...]
    thumbnail: int | None

    @property
    def short(self) -> str:
        """The name, its middle left out where it is long: beginnings and endings tell files apart."""
        if len(self.name) <= _SHOWN_CHARACTERS:
            return self.name
        half = _SHOWN_CHARACTERS // 2
        return f"{self.name[: half - 1]}…{self.name[-half:]}"


class Pictures:
    """As they came. ``count`` counts all, the last 5,000 are kept, the last 60 of them listed."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[Picture] = deque(maxlen=KEPT)

    def add(self, told: dict[str, Any], answers: list[Answer]) -> None:
        """One more; ``told`` is what the page says of it: ``{"name", "thumbnail"}``, a visitor's, hence never trusted."""
        self.count += 1
        name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(told.get("name", ""))[:_NAME_CHARACTERS])
        thumbnail = told.get("thumbnail")
        if isinstance(thumbnail, bool) or not isinstance(thumbnail, int) or not 0 <= thumbnail < 2**31:
            thumbnail = None
        slim = tuple(dataclasses.replace(answer, top=answer.top[:1]) for answer in answers)
        self._kept.append(Picture(number=self.count, name=name or "picture", answers=slim, thumbnail=thumbnail))

    @property
    def listed(self) -> list[Picture]:
        """The last 60, as they came."""
        return list(self._kept)[-LISTED:]

    def csv(self) -> bytes:
        """A line per picture and target, as they came; where nothing could be read, the last three columns are empty."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for picture in self._kept:
            for answer in picture.answers:
                score = "" if answer.confidence is None else f"{answer.confidence:.4f}"
                took = "" if answer.latency_ms is None else f"{answer.latency_ms:.4f}"
                words = [_text(word) for word in (picture.name, answer.target, answer.basis, answer.label or "")]
                writer.writerow([picture.number, *words, score, took])
        return stream.getvalue().encode()


def _text(word: str) -> str:
    """A cell that no spreadsheet takes for a formula, whoever chose the name."""
    return f"'{word}" if word.startswith(_FORMULAS) else word
