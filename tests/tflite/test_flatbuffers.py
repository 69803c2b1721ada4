"""The bounded flatbuffer reader, against the flatbuffers package and against nonsense."""

import flatbuffers as package
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import ModelFileError
from edgewb.tflite.flatbuffers import Data, TruncatedError


def one_table(number: int, text: str, numbers: list[int]) -> bytes:
    """A table with an int32, a string, an int32 vector, and a sub-table holding the number again; slot 3 is absent."""
    b = package.Builder(16)
    b.StartObject(1)
    b.PrependInt32Slot(0, number, 0)
    sub = b.EndObject()
    string = b.CreateString(text)
    b.StartVector(4, len(numbers), 4)
    for value in reversed(numbers):
        b.PrependInt32(value)
    vector = b.EndVector()
    b.StartObject(6)
    b.PrependInt32Slot(0, number, 0)
    b.PrependUOffsetTRelativeSlot(1, string, 0)
    b.PrependUOffsetTRelativeSlot(2, vector, 0)
    b.PrependUOffsetTRelativeSlot(4, sub, 0)
    b.Finish(b.EndObject())
    return bytes(b.Output())


INT32 = st.integers(-(2**31), 2**31 - 1)


@given(INT32, st.text(max_size=20), st.lists(INT32, max_size=20))
def test_reads_what_the_flatbuffers_package_wrote(number, text, numbers):
    root = Data(one_table(number, text, numbers)).root()
    assert root.integer(0) == number
    assert root.text(1) == text
    assert root.integers(2) == tuple(numbers)
    assert root.numbers(2, "<i4").tolist() == numbers
    assert root.integer(3, default=7) == 7
    sub = root.table(4)
    assert sub is not None
    assert sub.integer(0) == number
    assert root.table(5) is None
    assert root.tables(9) == []


@given(st.binary(max_size=200))
def test_any_bytes_give_values_or_a_model_file_error(raw):
    try:
        root = Data(raw).root()
        for slot in range(6):
            for read in (root.integer, root.text, root.integers, root.table, root.tables, root.blob, root.count):
                read(slot)
    except ModelFileError:
        pass


def test_every_truncation_is_an_error():
    raw = one_table(5, "name", [1, 2, 3])
    for length in range(len(raw)):
        with pytest.raises(ModelFileError):
            read_all(raw[:length])


def read_all(raw: bytes) -> None:
    root = Data(raw).root()
    root.integer(0), root.text(1), root.integers(2), root.table(4).integer(0)


def test_work_is_bounded():
    raw = one_table(5, "name", list(range(100)))
    root = Data(raw, meter=[300]).root()
    assert len(root.integers(2)) == len(root.integers(2)) == 100
    with pytest.raises(ModelFileError, match="too often"):
        root.integers(2)


def test_a_vector_longer_than_the_file_is_an_error_without_an_allocation():
    raw = bytearray(one_table(5, "name", [1, 2, 3]))
    position = raw.index((3).to_bytes(4, "little") + (1).to_bytes(4, "little"))
    raw[position : position + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(TruncatedError):
        Data(bytes(raw)).root().numbers(2, "<i4")


def test_numbers_are_views_that_cannot_be_written():
    numbers = Data(one_table(5, "name", [1, 2, 3])).root().numbers(2, "<i4")
    assert not numbers.flags.writeable
    assert not numbers.flags.owndata
