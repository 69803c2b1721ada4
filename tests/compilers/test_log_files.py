"""Text out of whatever a log comes in."""

import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_logs import Made, search

from edgewb.compilers.explanations import MAX_CHARACTERS, explain
from edgewb.compilers.log_files import MAX_BYTES, decode, load_text
from edgewb.errors import InputError

LOG = Made().console(show=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_any_encoding(encoding):
    text = LOG.replace("bird_net", "vögel_größer") if encoding != "utf-16-be" else LOG
    assert explain(decode(text.encode(encoding))).model == ("bird_net.tflite" if encoding == "utf-16-be" else "vögel_größer.tflite")


def test_a_tail_that_starts_within_a_character_is_still_utf_8():
    assert decode("größer als".encode()[3:]) == "\ufffdßer als"


def test_the_outputs_of_a_notebook(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["Edge TPU"]},
        {"cell_type": "code", "outputs": [{"output_type": "stream", "text": LOG.splitlines(keepends=True)}]},
        {"cell_type": "code", "outputs": [{"output_type": "error", "traceback": ["ValueError: x"]}]},
    ]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    assert explain(load_text(path)).ops_total == 28
    for broken in ('{"cells": [', '{"cells": 3}', '{"cells": [{"outputs": [7]}]}', '{"cells": ' + "[" * 100_000):
        assert decode(broken.encode()) == broken


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOG.encode())))
    assert load_text("-") == LOG


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: f / "missing.log", "no such file"),
        (lambda f: f, "is a folder"),
        (lambda f: f / "a\0b", "a.x00b"),
        (lambda f: (f / "m.log", b"\x1c\0\0\0TFL3" + bytes(99)), "edgewb inspect"),
        (lambda f: (f / "big.log", b"x" * (MAX_BYTES + 1)), "give its last part"),
    ],
)
def test_what_is_no_log(make, says, tmp_path):
    given = make(tmp_path)
    if isinstance(given, tuple):
        given, content = given
        given.write_bytes(content)
    with pytest.raises(InputError, match=says):
        load_text(given)


@pytest.mark.parametrize("text", ["", " \n\t", "\ufeff", "\0" * 100, "x" * (MAX_CHARACTERS + 1)])
def test_texts_that_are_refused(text):
    with pytest.raises(InputError):
        explain(text)


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_some_text(raw):
    try:
        assert isinstance(decode(raw), str)
    except InputError:
        assert raw[4:8] == b"TFL3"


N = 200_000
HOSTILE = {
    "digits": "1" * N,
    "blanks": " " * N + "x",
    "line ends": "\n" * N + "x",
    "quotes": ("        >" * 20 + "x\n") * (N // 181),
    "bars": "| " * (N // 2),
    "half rows": "CONV_2D 1\n" * (N // 10),
    "wide rows": ("CONV_2D" + " " * 199 + "1" + " " * 199 + "Mapped to Edge\n") * (N // 420),
    "version lines": "Edge TPU Compiler version 16.0.384591198\n" * (N // 41),
    "versions on a line": "x Edge TPU Compiler version 16.0.384591198 " * (N // 43),
    "open paths": "Input model:\n" * (N // 13),
    "long paths": ("Input model: " + "a b " * 200 + "\n") * (N // 813),
    "tensors": "Intermediate tensors: " + "a," * (N // 2),
    "half sentences": "Model successfully compiled but not all operations are supported by the\n" * (N // 73),
    "joined": "size: 1.00MiB Input size: 1.00MiB " * (N // 35),
    "errors": "".join(f"ERROR: x{i} failed\n" for i in range(N // 18)),
    "checks": "F " * (N // 2),
    "colours": "\x1b[" * (N // 2),
    "titles": "\x1b]" * (N // 2),
    "tags": "<pre " * (N // 5),
    "ticks": "`" * N,
    "huge numbers": ("Total number of operations: " + "9" * 30 + "\n") * (N // 59),
    "surrogates": "\ud800" * N,
    "emoji": "\U0001f600 mapped 100%\n" * (N // 15),
    "opcodes": "Didn't find op for builtin opcode '" * (N // 35),
    "nodes": "Node number 1 (" * (N // 15),
    "claims": ("Edge TPU Compiler version 16.0.384591198\n\n" + "- " * 90 + "mapped " * 3 + "\n") * (N // 245),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_takes_long(kind):
    start = time.process_time()
    explanation = explain(HOSTILE[kind])
    str(explanation), explanation._repr_html_()
    assert time.process_time() - start < 2


def test_a_megabyte_of_search(tmp_path):
    text = search(2000)
    assert len(text) > 10**6
    (tmp_path / "search.log").write_text(text)
    start = time.process_time()
    read = explain(load_text(tmp_path / "search.log"))
    taken = time.process_time() - start
    assert (read.outcome.value, read.segments_tried) == ("failed", 2000)
    assert taken < 1.5, "0.3 s where this was written"
