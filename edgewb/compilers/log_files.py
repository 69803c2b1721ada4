"""Text out of whatever file a compiler log comes in: any encoding, a notebook, standard input."""

from __future__ import annotations

import codecs
import json
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from edgewb.errors import InputError

MAX_BYTES: Final = 16 * 2**20
_BEYOND_ASCII: Final = re.compile("[\x80-\ufffc\U00010000-\U0010ffff]")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def load_text(path: str | Path) -> str:
    """The text of a log, or of the outputs of a notebook; ``-`` is standard input.

    Raises:
        InputError: no such file, a folder, not readable, too long, or a model instead of a log.
    """
    if str(path) == "-":
        return decode(_read(sys.stdin.buffer, "standard input"), "standard input")
    name, place = repr(str(path)), Path(path)
    try:
        if place.is_dir():
            raise InputError(f"{name} is a folder: give the log itself, or - for standard input")
        if not place.exists():
            raise InputError(f"no such file: {name}; give a compiler log, or - for standard input")
        with place.open("rb") as file:
            raw = _read(file, name)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name} cannot be read ({why}): give a readable log, or - for standard input") from None
    return decode(raw, name)


def _read(file: BinaryIO, name: str) -> bytes:
    raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"{name} has more than {MAX_BYTES:,} bytes, so much is not read: give its last part, for instance `tail -c 1000000`"
        )
    return raw


def decode(raw: bytes, name: str = "the text") -> str:
    """Bytes as text: by their byte-order mark, else as the UTF-16, UTF-8 or Windows-1252 they look like; of a notebook, its cells' output.

    Raises:
        InputError: the bytes are a .tflite model.
    """
    if raw[4:8] == b"TFL3":
        raise InputError(f"{name} is a model, not a log: `edgewb inspect` reads models")
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, errors="replace")
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if 4 * raw[first:400:2].count(0) > 3 * len(raw[first:400:2]) > 0:
            # As some Windows shells write it, without a mark.
            return raw.decode(encoding, errors="replace")
    text = raw.decode("utf-8", errors="replace")
    if "\ufffd" in text and _BEYOND_ASCII.search(text) is None:
        text = raw.decode("cp1252", errors="replace")
    return _notebook_text(text) if text.lstrip().startswith("{") and '"cells"' in text else text


def _notebook_text(text: str) -> str:
    """What the cells of a notebook printed; the text itself when it is no notebook after all."""
    try:
        cells = json.loads(text)["cells"]
        outputs: list[dict[str, Any]] = [output for cell in cells for output in cell.get("outputs", ())]
        printed = [output.get("text") or output.get("traceback") or "" for output in outputs]
        return "\n".join(part if isinstance(part, str) else "".join(part) for part in printed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text
