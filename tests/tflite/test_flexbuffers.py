"""Flexbuffer maps: read back what the flatbuffers package writes, and nothing else crashes."""

from __future__ import annotations

from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import ModelFileError
from edgewb.tflite.flexbuffers import read_map

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
VALUES = st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=300) | st.floats(-1000, 1000)


@given(st.dictionaries(KEYS, VALUES, max_size=12))
def test_what_was_written_is_read(values) -> None:
    builder = flexbuffers.Builder()
    with builder.Map():
        for key, value in values.items():
            builder.Key(key)
            if isinstance(value, int):
                builder.Int(value)
            elif isinstance(value, bytes):
                builder.Blob(value)
            else:
                builder.Float(value)
    got = {key: bytes(value) if isinstance(value, memoryview) else value for key, value in read_map(bytes(builder.Finish())).items()}
    assert got == {key: value for key, value in values.items() if not isinstance(value, float)}


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_map(data)
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017 - the message is part of the promise
