"""Any bytes give a Graph or a ModelFileError, quickly."""

import os
import time
import zlib

import builders
import flatbuffers
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewb.compilers.inspections import Inspection, inspect_graph
from edgewb.errors import ModelFileError
from edgewb.tflite.reader import read_graph

MODELS = {name: make() for name, make in builders.ALL.items()}
INTERESTING = [0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFE, 0xFF]
EXAMPLES = int(os.environ.get("EDGEWB_FUZZ_EXAMPLES", "300"))


def swallow(raw: bytes) -> Inspection | None:
    """Reads and inspects; everything but a Graph or a ModelFileError is a failure.

    Never more than two seconds of this process: what others do on a busy machine is not counted.
    """
    start = time.process_time()
    try:
        inspection = inspect_graph(read_graph(raw), "fuzz.tflite", "0" * 64)
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017 - the message is part of the promise
        inspection = None
    else:
        str(inspection), inspection._repr_html_(), inspection.to_dict()
    assert time.process_time() - start < 2
    return inspection


@st.composite
def mutated(draw) -> bytes:
    """A built model with some bytes or 32-bit words overwritten, perhaps cut or lengthened."""
    raw = bytearray(draw(st.sampled_from(sorted(MODELS.values()))))
    for _ in range(draw(st.integers(0, 8))):
        if draw(st.booleans()):
            raw[draw(st.integers(0, len(raw) - 1))] = draw(st.sampled_from(INTERESTING) | st.integers(0, 255))
        else:
            at = draw(st.integers(0, len(raw) // 4 - 1)) * 4
            raw[at : at + 4] = draw(st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**16]) | st.integers(0, len(raw))).to_bytes(4, "little")
    if draw(st.booleans()):
        raw = raw[: draw(st.integers(0, len(raw)))] + draw(st.binary(max_size=16))
    return bytes(raw)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(mutated())
def test_mutated_models(raw):
    swallow(raw)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_random_bytes(raw, with_identifier):
    swallow(b"\x08\x00\x00\x00TFL3" + raw if with_identifier else raw)


@pytest.mark.parametrize("name", MODELS)
def test_every_word_overwritten(name):
    """Each aligned 32-bit word in turn becomes 0, all ones and a small number: every offset of the file is hit."""
    raw, survived = MODELS[name], 0
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for at in rng.choice(len(raw) // 4, min(len(raw) // 4, 150), replace=False) * 4:
        for value in (0, 0xFFFFFFFF, 4):
            survived += swallow(raw[:at] + value.to_bytes(4, "little") + raw[at + 4 :]) is not None
    assert survived  # otherwise the files are refused for another reason and nothing is tested


def shared_tables(count: int, operators: bool, width: int) -> bytes:
    """A small file whose vector of ops (or tensors) holds one table ``count`` times, an op with ``width`` inputs."""
    b = flatbuffers.Builder(1024)

    def vector(offsets: list[int]) -> int:
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return b.EndVector()

    def table(**slots: tuple[str, int]) -> int:
        b.StartObject(12)
        for slot, (kind, value) in slots.items():
            getattr(b, f"Prepend{kind}Slot")(int(slot[1:]), value, 0 if kind != "Int32" else -1)
        return b.EndObject()

    b.StartVector(4, width, 4)
    for _ in range(width):
        b.PrependInt32(0)
    inputs = b.EndVector()
    name = b.CreateString("x" * 200)
    tensor = table(s3=("UOffsetTRelative", name), s1=("Int8", 9))
    op = table(s1=("UOffsetTRelative", inputs))
    tensors = vector([tensor] * (1 if operators else count))
    ops = vector([op] * (count if operators else 1))
    main = vector([table(s0=("UOffsetTRelative", tensors), s3=("UOffsetTRelative", ops))])
    code = vector([table(s3=("Int32", 2), s2=("Int32", 1))])
    buffers = vector([table()])
    fields = {f"s{slot}": ("UOffsetTRelative", value) for slot, value in ((1, code), (2, main), (4, buffers))}
    b.Finish(table(s0=("Uint32", 3), **fields), b"TFL3")
    return bytes(b.Output())


@pytest.mark.parametrize("operators", [True, False])
@pytest.mark.parametrize(("count", "width"), [(5, 2), (2_000, 2), (20_000, 2), (1_000_000, 0), (2_000, 100), (400, 1_000), (20, 200_000)])
def test_shared_tables_cannot_make_it_slow(operators, count, width):
    raw = shared_tables(count, operators, width)
    inspection = swallow(raw)
    if count == 5:
        assert inspection is not None
        assert inspection.ops_total == (5 if operators else 1)


def test_real_models_mutated(shared):
    """A few hundred mutations of real files, source and compiled."""
    files = sorted((shared / "oracle" / "models").glob("*/*.tflite"), key=lambda path: path.stat().st_size)[:40]
    assert files
    rng = np.random.default_rng(5)
    for path in files:
        raw = path.read_bytes()
        for _ in range(8):
            changed = bytearray(raw)
            for at in rng.integers(0, len(raw), 6):
                changed[at] = rng.integers(0, 256)
            swallow(bytes(changed[: rng.integers(len(raw) // 2, len(raw) + 1)]) if rng.random() < 0.3 else bytes(changed))
