"""Reads one flexbuffer map from untrusted bytes: the form in which custom ops carry their options.

Layout as in the FlatBuffers internals document (https://flatbuffers.dev/internals/, "FlexBuffers"): the last byte is the width of the
root in bytes, the one before it the root's packed type, and before these stands the root itself, an unsigned distance back. A map is a
vector of values, each followed (after the last value) by its packed type, with the distance to a vector of keys in front.
"""

from __future__ import annotations

from typing import Final

from edgewb.errors import ModelFileError
from edgewb.tflite.flatbuffers import Data

_MAP: Final = 9
_MAX_KEYS: Final = 1_000
_MAX_KEY_BYTES: Final = 256
_WIDTHS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
_INTEGERS: Final = {1: {1: "b", 2: "h", 4: "i", 8: "q"}, 2: _WIDTHS, 26: _WIDTHS}
"""Packed types of numbers stored in place: int, uint, bool."""
_BYTES: Final = (5, 25)
"""Packed types of string and blob."""


def read_map(options: bytes | memoryview, meter: list[int] | None = None) -> dict[str, int | memoryview]:
    """The integers, strings and blobs of a flexbuffer whose root is a map; values of other types are left out.

    Args:
        meter: see ``flatbuffers.Data``.

    Returns:
        Key -> integer, or a view on the bytes of a string or blob (no copy).

    Raises:
        ModelFileError: it is no flexbuffer map, or it is corrupted.
    """
    data = Data(options, meter)
    if data.size < 3:
        raise ModelFileError(f"{data.size} bytes are no flexbuffer")
    root_width = int(data.scalar("B", data.size - 1))
    packed = int(data.scalar("B", data.size - 2))
    if packed >> 2 != _MAP:
        raise ModelFileError(f"a flexbuffer of type {packed >> 2}, a map (type {_MAP}) is needed")
    width = 1 << (packed & 3)
    values = _follow(data, data.size - 2 - root_width, root_width)
    count = _unsigned(data, values - width, width)
    if count > _MAX_KEYS:
        raise ModelFileError(f"a flexbuffer map of {count} keys")
    key_width = _unsigned(data, values - 2 * width, width)
    keys = _follow(data, values - 3 * width, width)
    result: dict[str, int | memoryview] = {}
    for i in range(count):
        data.spend(4)
        key = _key(data, _follow(data, keys + i * key_width, key_width))
        kind = int(data.scalar("B", values + count * width + i))
        place = values + i * width
        if kind >> 2 in _INTEGERS:
            result[key] = int(data.scalar(_INTEGERS[kind >> 2][width], place))
        elif kind >> 2 in _BYTES:
            start, size_width = _follow(data, place, width), 1 << (kind & 3)
            length = _unsigned(data, start - size_width, size_width)
            data.check(start, length)
            result[key] = data.view[start : start + length]
    return result


def _unsigned(data: Data, position: int, width: int) -> int:
    code = _WIDTHS.get(width)
    if code is None:
        raise ModelFileError(f"a flexbuffer number of {width} bytes")
    return int(data.scalar(code, position))


def _follow(data: Data, position: int, width: int) -> int:
    """Distances point backwards."""
    return position - _unsigned(data, position, width)


def _key(data: Data, start: int) -> str:
    data.check(start, 1)
    text = bytes(data.view[start : start + _MAX_KEY_BYTES])
    end = text.find(b"\0")
    if end < 0:
        raise ModelFileError("a flexbuffer key without an end")
    data.spend(1 + end // 8)
    return text[:end].decode("utf-8", errors="replace")
