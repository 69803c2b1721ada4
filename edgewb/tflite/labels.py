"""Names of classes: from a text file, or from the zip that TFLite metadata puts behind a model.

https://www.tensorflow.org/lite/models/convert/metadata
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final, NamedTuple

MOST_BYTES: Final = 2**20
"""Of a file of labels: a hundred times what those of ImageNet take."""
_MOST_FILES: Final = 16
_MOST_CHARACTERS: Final = 100
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others set aside as much memory as the file says


class AttachedLabels(NamedTuple):
    """A file of labels behind a model: its name there, and what it holds."""

    file: str
    labels: tuple[str, ...]


def parse_labels(content: bytes) -> tuple[str, ...]:
    """One name per line, empty lines left out; each of printable characters, 100 at most.

    Raises:
        ValueError: longer than ``MOST_BYTES``, or not UTF-8.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"longer than {MOST_BYTES:,} bytes")
    lines = (line.strip()[:_MOST_CHARACTERS] for line in content.decode("utf-8-sig").splitlines())
    return tuple("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines if line)


def read_attached_labels(content: bytes) -> tuple[AttachedLabels, ...]:
    """The text files attached to a model, in the archive's order; none where nothing is attached or it cannot be read.

    Args:
        content: of a .tflite. Looked at are the last ``MOST_BYTES`` of it, and 16 files at most, none longer than that once unpacked.
    """
    tail = content[-MOST_BYTES:]  # a directory of files as long as the model would take a multiple of it
    found = []
    try:
        with zipfile.ZipFile(io.BytesIO(tail)) as archive:
            for entry in [each for each in archive.infolist() if each.filename.lower().endswith(".txt")][:_MOST_FILES]:
                if entry.compress_type not in _METHODS or entry.file_size > MOST_BYTES:
                    continue
                with archive.open(entry) as stream:
                    labels = parse_labels(stream.read(MOST_BYTES + 1))
                name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in entry.filename[-_MOST_CHARACTERS:])
                found.append(AttachedLabels(name, labels))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError, OverflowError, OSError, EOFError):
        return tuple(found)
    return tuple(found)
