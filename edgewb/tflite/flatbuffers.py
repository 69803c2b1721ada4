"""A bounded reader of flatbuffer tables over untrusted bytes.

Layout as in the FlatBuffers internals document (https://flatbuffers.dev/internals/): a table starts with a signed 32-bit distance
back to its vtable; the vtable holds its own size, the table's size, and one 16-bit field position per slot (0 = absent); strings,
vectors and sub-tables are reached by unsigned 32-bit forward distances. Every access is checked against the end of the data and paid
for out of a budget of work, so no file can make the reader loop, recurse or allocate beyond a bound set by its own size.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import ModelFileError

_MAX_UNITS: Final = 300_000
"""Enough for some 4,000 ops: MobileNetV2 needs 9,500, a YOLOv8n of 256 ops 18,000. At the ceiling, inspect takes half a second."""

_SCALARS: Final = {code: struct.Struct("<" + code) for code in "?bBhHiIqQfd"}
_MAX_NAME_BYTES: Final = 65_536


class TruncatedError(ModelFileError):
    """An offset points outside the data: the file ends early, or the offset is garbage."""


class Data:
    """Bytes with checked access and a budget of work.

    Args:
        data: the whole file.
        meter: how much work may be done, one number in a list that several readers may share; by default in proportion to the size
            of the data, with a ceiling.
    """

    __slots__ = ("meter", "size", "view")

    def __init__(self, data: bytes | memoryview, meter: list[int] | None = None) -> None:
        self.view = memoryview(data).cast("B").toreadonly()
        self.size = len(self.view)
        self.meter = [min(_MAX_UNITS, 10_000 + 4 * self.size)] if meter is None else meter

    def spend(self, units: int) -> None:
        """Pay for work. Raises ModelFileError when the budget is used up."""
        self.meter[0] -= units
        if self.meter[0] < 0:
            raise ModelFileError("it refers to the same bytes too often to be a real model")

    def check(self, start: int, length: int) -> None:
        """Raises TruncatedError unless bytes ``start`` .. ``start + length`` exist."""
        if start < 0 or length < 0 or start + length > self.size:
            raise TruncatedError(f"byte {start + max(length, 0)} is needed, there are {self.size}")

    def scalar(self, code: str, position: int) -> int | float | bool:
        """One little-endian number; ``code`` as in the struct module."""
        packer = _SCALARS[code]
        if position < 0 or position + packer.size > self.size:
            raise TruncatedError(f"byte {position + packer.size} is needed, there are {self.size}")
        value: int | float | bool = packer.unpack_from(self.view, position)[0]
        return value

    def unsigned(self, position: int) -> int:
        """A 32-bit unsigned number."""
        return int(self.scalar("I", position))

    def follow(self, position: int) -> int:
        """The position a forward distance leads to."""
        return position + self.unsigned(position)

    def table(self, position: int) -> Table:
        """The table at ``position``."""
        return Table(self, position)

    def root(self) -> Table:
        """The root table."""
        return Table(self, self.follow(0))


class Table:
    """One table. Absent fields give their default: 0, an empty vector, an empty string, or None for a sub-table."""

    __slots__ = ("_data", "_position", "_slots", "_table_size", "_vtable")

    def __init__(self, data: Data, position: int) -> None:
        data.spend(3)
        vtable = position - int(data.scalar("i", position))
        vtable_size = int(data.scalar("H", vtable))
        if vtable_size < 4 or vtable_size % 2:
            raise ModelFileError(f"a table of {vtable_size} bytes at byte {vtable} is none")
        data.check(vtable, vtable_size)
        table_size = int(data.scalar("H", vtable + 2))
        data.check(position, table_size)
        self._data, self._position, self._vtable, self._table_size = data, position, vtable, table_size
        self._slots = (vtable_size - 4) // 2

    def _field(self, slot: int, size: int) -> int | None:
        """Where a field is, or None when it is absent."""
        if slot >= self._slots:
            return None
        self._data.spend(1)
        offset = int(self._data.scalar("H", self._vtable + 4 + 2 * slot))
        if offset == 0:
            return None
        if offset < 4 or offset + size > self._table_size:
            raise ModelFileError(f"field {slot} lies outside its table at byte {self._position}")
        return self._position + offset

    def number(self, slot: int, code: str, default: float = 0) -> int | float | bool:
        """A scalar field; ``code`` as in the struct module."""
        position = self._field(slot, _SCALARS[code].size)
        return default if position is None else self._data.scalar(code, position)

    def integer(self, slot: int, code: str = "i", default: int = 0) -> int:
        """An integer field; ``code`` as in the struct module."""
        return int(self.number(slot, code, default))

    def table(self, slot: int) -> Table | None:
        """A sub-table field."""
        position = self._field(slot, 4)
        return None if position is None else Table(self._data, self._data.follow(position))

    def _vector(self, slot: int, item_bytes: int) -> tuple[int, int]:
        """Start and number of items of a vector, range-checked."""
        position = self._field(slot, 4)
        if position is None:
            return 0, 0
        start = self._data.follow(position)
        count = self._data.unsigned(start)
        self._data.check(start + 4, count * item_bytes)
        return start + 4, count

    def numbers(self, slot: int, dtype: str) -> npt.NDArray[np.generic]:
        """A vector of numbers as a read-only view on the file (shape ``[n]``, no copy); ``dtype`` such as ``"<i4"``."""
        kind = np.dtype(dtype)
        start, count = self._vector(slot, kind.itemsize)
        return np.frombuffer(self._data.view, dtype=kind, count=count, offset=start) if count else np.zeros(0, kind)

    def integers(self, slot: int, dtype: str = "<i4") -> tuple[int, ...]:
        """A short vector of integers as a tuple."""
        values = self.numbers(slot, dtype)
        self._data.spend(1 + len(values))
        return tuple(int(v) for v in values.tolist())

    def blob(self, slot: int) -> memoryview:
        """A vector of bytes as a view on the file."""
        start, count = self._vector(slot, 1)
        return self._data.view[start : start + count]

    def text(self, slot: int) -> str:
        """A string; bytes that are not UTF-8 become U+FFFD, and names beyond 64 KiB are refused."""
        start, count = self._vector(slot, 1)
        if count > _MAX_NAME_BYTES:
            raise ModelFileError(f"a name of {count} bytes is none")
        if start:
            # A string ends with a zero byte that its length does not count.
            self._data.check(start, count + 1)
        self._data.spend(1 + count // 8)
        return bytes(self._data.view[start : start + count]).decode("utf-8", errors="replace")

    def blobs(self, slot: int) -> list[memoryview]:
        """A vector of strings that hold bytes, as views on the file."""
        start, count = self._vector(slot, 4)
        self._data.spend(2 * count)
        views = []
        for i in range(count):
            place = self._data.follow(start + 4 * i)
            length = self._data.unsigned(place)
            self._data.check(place + 4, length)
            views.append(self._data.view[place + 4 : place + 4 + length])
        return views

    def count(self, slot: int) -> int:
        """How many tables a vector of tables holds, without opening them."""
        return self._vector(slot, 4)[1]

    def tables(self, slot: int) -> list[Table]:
        """A vector of tables."""
        start, count = self._vector(slot, 4)
        self._data.spend(count)
        return [Table(self._data, self._data.follow(start + 4 * i)) for i in range(count)]
