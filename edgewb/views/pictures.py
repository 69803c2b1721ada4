"""Examples as small pictures inside a page, kept for pages that are made later."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.bundles import bundled_studies
from edgewb.errors import StorageError
from edgewb.locations import home, write_whole
from edgewb.types import Record

THUMBNAIL = 96
"""Longest side in pixels: what is larger is reduced, and then kept as JPEG, at some 3 kB instead of 20."""
MAX_KEPT_BYTES = 4 * 1024 * 1024
"""Of the pictures kept of one data set, some thousand: the first, and those of later studies as long as there is room."""
_MAX_URI = 64 * 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/]+={0,2}", re.ASCII)


def can_draw() -> bool:
    """Whether pillow is there; without it the page only misses its pictures."""
    return importlib.util.find_spec("PIL") is not None


def picture_uri(example: npt.NDArray[Any]) -> str:
    """An image example as a ``data:`` address.

    Args:
        example: (height, width, channels) of uint8 0..255 or floats 0..1; of other than 1 or 3 channels the first is shown, in grey.
    """
    from PIL import Image

    values = example if example.dtype == np.uint8 else np.round(np.clip(example, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(values if values.shape[-1] == 3 else values[..., 0]))
    small = max(picture.size) <= THUMBNAIL
    if not small:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    # Small ones without loss: a digit of 32 pixels would only get JPEG's blocks.
    picture.save(stream, "PNG" if small else "JPEG", quality=80)
    return f"data:image/{'png' if small else 'jpeg'};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def keep_pictures(dataset_fingerprint: str, pictures: Mapping[int, str]) -> None:
    """Keep pictures of test examples in the home, by the data set they are of; where that cannot be, pages only miss them.

    Args:
        dataset_fingerprint: of the data set with its splits, which says what an index means.
        pictures: index of a test example -> ``data:`` address.
    """
    kept = _kept(dataset_fingerprint)
    before, room = len(kept), MAX_KEPT_BYTES - sum(map(len, kept.values()))
    for index, uri in sorted(pictures.items()):
        if index not in kept and len(uri) <= min(room, _MAX_URI):
            kept[index] = uri
            room -= len(uri)
    if len(kept) > before and _FINGERPRINT.fullmatch(dataset_fingerprint):
        import msgspec

        with contextlib.suppress(StorageError):
            write_whole(_file(dataset_fingerprint), msgspec.json.encode(kept))


def pictures_for(record: Record) -> dict[int, str]:
    """Pictures of the examples that flipped from the reference to this record, as far as a study here or a bundled one showed them.

    Returns:
        Index of a test example -> ``data:`` address; empty where nothing is known.
    """
    if record.answers is None or record.answers.flips is None:
        return {}
    pictures: dict[int, str] = {}
    with contextlib.suppress(StorageError):  # no repository beside this package
        for study in bundled_studies():
            if study.records[0].dataset_fingerprint == record.dataset_fingerprint:
                pictures |= study.pictures
    pictures |= _kept(record.dataset_fingerprint)
    return {flip.index: pictures[flip.index] for flip in record.answers.flips.listed if flip.index in pictures}


def _file(dataset_fingerprint: str) -> Path:
    return home() / "pictures" / f"{dataset_fingerprint}.json"


def _kept(dataset_fingerprint: str) -> dict[int, str]:
    """What is kept and is a picture; an imported record may name anything as its data set."""
    import msgspec

    if not _FINGERPRINT.fullmatch(dataset_fingerprint):
        return {}
    try:
        with _file(dataset_fingerprint).open("rb") as stream:
            kept = msgspec.json.decode(stream.read(2 * MAX_KEPT_BYTES), type=dict[int, str])
    except (OSError, ValueError, StorageError, RecursionError):
        return {}
    return {index: uri for index, uri in kept.items() if len(uri) <= _MAX_URI and _PICTURE.fullmatch(uri)}
