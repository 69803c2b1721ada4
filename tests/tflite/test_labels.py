"""Labels behind a model: as the metadata writer puts them there, damaged, and made to take memory."""

from __future__ import annotations

import struct
import zipfile
import zlib

import pytest
from attachments import attach
from hypothesis import given
from hypothesis import strategies as st

from edgewb.tflite.labels import MOST_BYTES, parse_labels, read_attached_labels


def test_a_model_without_attached_files_has_no_labels(tflite_bytes):
    assert read_attached_labels(tflite_bytes("int8_conv")) == ()
    assert read_attached_labels(b"") == ()


@pytest.mark.parametrize("front", [0, 3 * MOST_BYTES])
def test_labels_behind_a_model_are_read_also_behind_a_large_one(front, tflite_bytes):
    content = attach(tflite_bytes("int8_conv") + bytes(front), labels_dot_txt="a\n\n b \r\nc\n", anchors_dot_bin=b"\xff", two_dot_TXT="x")
    assert read_attached_labels(content) == (("labels.txt", ("a", "b", "c")), ("two.TXT", ("x",)))


def test_a_label_is_printable_and_short():
    assert parse_labels("\ufeff<b>\x07</b>\n".encode() + b"x" * 500) == ("<b>\N{REPLACEMENT CHARACTER}</b>", "x" * 100)
    for content in (b"\xff\xfe\x00", bytes(MOST_BYTES + 1)):
        with pytest.raises(ValueError, match=r"utf-8|longer"):
            parse_labels(content)


def test_what_would_take_much_memory_is_left_out(tflite_bytes):
    model = tflite_bytes("int8_conv")
    assert read_attached_labels(attach(model, zipfile.ZIP_DEFLATED, bomb_dot_txt=bytes(50 * MOST_BYTES))) == ()
    assert read_attached_labels(attach(model, zipfile.ZIP_LZMA, labels_dot_txt="a\nb")) == ()
    many = attach(model, **{f"n{number}_dot_txt": "a" for number in range(40)})
    assert len(read_attached_labels(many)) == 16


def test_an_entry_that_says_it_stands_beyond_any_file():
    """A zip64 entry at 2**64 - 1."""
    name, text = b"a.txt", b"x\n"
    sizes = struct.pack("<III", zlib.crc32(text), len(text), len(text))
    entry = b"PK\3\4" + struct.pack("<HHHHH", 45, 0, 0, 0, 0) + sizes + struct.pack("<HH", len(name), 0) + name + text
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    head = b"PK\1\2" + struct.pack("<HHHHHH", 45, 45, 0, 0, 0, 0) + sizes
    head += struct.pack("<HHHHHII", len(name), len(extra), 0, 0, 0, 0, 2**32 - 1) + name + extra
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(head), len(entry), 0)
    assert read_attached_labels(entry + head + end) == ()


@given(st.data())
def test_damaged_files_give_labels_or_none(data):
    content = bytearray(attach(b"TFL3" * 8, zipfile.ZIP_DEFLATED, labels_dot_txt="one\ntwo\nthree"))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for each in (bytes(content), bytes(content[:cut])):
        assert isinstance(read_attached_labels(each), tuple)
