"""What is read from a log: any version, any way it was pasted. Fixtures are written by ``made_logs``; real logs where they are."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import (
    DISTURBED,
    ENDED,
    FAILED,
    KIND,
    LIMIT,
    MAPPED,
    STRANDED,
    TYPE,
    V10,
    V14,
    V15,
    V16,
    V20,
    VERSIONS,
    Made,
    large_activations,
    refused,
    search,
    timer,
    together,
    wrapper_line,
)  # fmt: skip

from edgewb.compilers.explanations import Explanation, explain
from edgewb.compilers.log_files import decode, load_text
from edgewb.errors import InputError

PARTLY = Made(
    rows=(("CONV_2D", 12, MAPPED), ("LEAKY_RELU", 9, KIND), ("CONV_2D", 8, STRANDED), ("CONCATENATION", 2, LIMIT), ("DEQUANTIZE", 1, TYPE)),
    off_chip="1.50MiB",
    remaining="2.00KiB",
)
NOTHING = Made(rows=(("FULLY_CONNECTED", 3, TYPE), ("RELU", 2, TYPE)), used="0.00B", remaining="0.00B", subgraphs=0)
UNITS = {"B": 1, "KiB": 1024, "MiB": 2**20}


def size(printed: str) -> int:
    return round(float(re.match(r"[\d.]+", printed)[0]) * UNITS[re.search(r"[KMG]?i?B$", printed)[0]])


def holds(read: Explanation, made: Made, console: bool) -> None:
    """All that was written is read, and nothing else."""
    assert read.strange == ()
    assert (read.compiler_version, read.model, read.outcome.value) == (
        made.version,
        made.model,
        "success" if made.on_device else "nothing_mapped",
    )
    assert (read.ops_total, read.ops_edgetpu, read.ops_cpu) == (made.total, made.on_device, made.total - made.on_device)
    if read.ops or not console:
        assert sorted((row.op, row.count, row.status) for row in read.ops) == sorted(made.rows)
    old = made.version in (V10, V20)
    figures = (read.compile_ms, read.subgraphs, read.on_chip_used_bytes, read.off_chip_bytes)
    room = (read.on_chip_available_bytes, read.on_chip_remaining_bytes)
    if console:
        assert figures == (made.ms, made.subgraphs, size(made.used), size(made.off_chip))
        assert room == ((size(made.remaining), None) if old else (None, size(made.remaining)))
    else:
        assert (*figures, *room) == (None,) * 6


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("made", [Made(), PARTLY, NOTHING], ids=["all", "partly", "nothing"])
def test_every_version_prints_what_is_read(version, made):
    import dataclasses

    made = dataclasses.replace(made, version=version)
    holds(explain(made.console()), made, True)
    holds(explain(made.console(show=True)), made, True)
    holds(explain(made.operation_log()), made, False)


@pytest.mark.parametrize("way", DISTURBED)
@pytest.mark.parametrize("made", [Made(), PARTLY, NOTHING], ids=["all", "partly", "nothing"])
def test_a_log_says_the_same_however_it_was_pasted(way, made):
    holds(explain(decode(DISTURBED[way](made.console(show=True)).encode())), made, True)
    holds(explain(DISTURBED[way](made.operation_log())), made, False)


COUNT = st.integers(1, 999)
SIZE = st.builds(lambda n, unit: f"{n / 100:.2f}{unit}", st.integers(0, 399), st.sampled_from(["B", "KiB", "MiB"]))
OP = st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "L2_NORMALIZATION", "CUSTOM"])
ROW = st.tuples(OP, COUNT, st.sampled_from([MAPPED, LIMIT, STRANDED, KIND, TYPE]))
COMPILATION = st.builds(
    Made,
    version=st.sampled_from(VERSIONS),
    model=st.from_regex(r"[a-z]{1,12}(/[a-zA-Z0-9_.-]{1,12})?[a-z]\.tflite", fullmatch=True),
    rows=st.lists(ROW, min_size=1, max_size=12, unique_by=lambda row: (row[0], row[2])).map(tuple),
    ms=st.integers(1, 10**6),
    used=SIZE,
    remaining=SIZE,
    off_chip=SIZE,
    subgraphs=st.just(1),
).filter(lambda made: made.on_device > 0)


@settings(max_examples=120, deadline=None)
@given(made=COMPILATION, way=st.sampled_from([way for way in DISTURBED if "paragraph" not in way]), show=st.booleans(), log=st.booleans())
def test_any_compilation_is_read_back_exactly(made, way, show, log):
    text = made.operation_log() if log else made.console(show)
    if "cut" in way and any(len(line) in (79, 80) for line in text.split("\n")):
        return
    holds(explain(DISTURBED[way](text)), made, not log)


@settings(max_examples=60, deadline=None)
@given(made=COMPILATION, where=st.floats(0, 1))
def test_a_log_cut_off_anywhere_is_never_called_made_up(made, where):
    text = made.console(show=True)
    kept = text[: max(len(made.banner) - 1, int(where * len(text)))]
    assert explain(kept).outcome.value != "unknown"
    assert explain(kept).compiler_version == made.version


GRAMMAR = st.lists(
    st.one_of(
        st.sampled_from(
            ["Edge TPU Compiler version ", "16.0.384591198", "\n", " ", "> ", "CONV_2D", " 3 ", MAPPED, "ERROR: ", "Compilation failed!"]
        ),
        st.text(max_size=8),
    ),
    max_size=40,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.text(max_size=400), GRAMMAR))
def test_any_text_gives_an_explanation_or_one_error(text):
    try:
        explanation = explain(text)
    except InputError:
        return
    json.dumps(explanation.to_dict())
    str(explanation).encode("utf-8", "backslashreplace")
    assert "<script" not in explanation._repr_html_()


def test_several_logs_are_compilations_in_their_order():
    read = explain(Made(model="a.tflite").console() + "\n" + large_activations() + "$ cat b_edgetpu.log\n" + PARTLY.operation_log())
    assert [one.outcome.value for one in read.compilations] == ["success", "failed", "success"]
    assert (read.ops_total, read.model) == (PARTLY.total, PARTLY.model)


def test_models_compiled_together_have_an_entry_each():
    a, b = Made(model="a.tflite"), Made(model="b.tflite", rows=(("ADD", 4, MAPPED), ("CUSTOM", 1, TYPE)), used="0.50MiB")
    for show in (False, True):
        read = explain(together(a, b, show=show))
        assert [(one.model, one.ops_total, one.on_chip_used_bytes) for one in read.models] == [
            ("a.tflite", 28, size("1.25MiB")),
            ("b.tflite", 5, size("0.50MiB")),
        ]
        assert (read.outcome.value, read.model, read.strange) == ("success", "b.tflite", ())


def test_segments_are_runs_under_one_version_line():
    first, second = Made(model="net_segment_0_of_2.tflite"), Made(model="net_segment_1_of_2.tflite", ms=77)
    read = explain(first.banner + first.run() + "\n" + second.run())
    assert (len(read.compilations), [one.model for one in read.models]) == (1, [first.model, second.model])
    assert (read.outcome.value, read.compile_ms) == ("success", 77)
    assert explain(first.banner + first.run() + "\n" + timer() + FAILED).outcome.value == "failed"


@pytest.mark.parametrize(
    ("last", "outcome", "more"),
    [
        ("", "failed", 0),
        (f"Try to compile segment with 9 ops\n{Made().run()}", "success", 1),
        (f"Try to compile segment with 9 ops\n{timer()}", "incomplete", 1),
        (f"Try to compile segment with 9 ops\n{timer()}Compilation timeout. This is usually caused by large activations.\n", "timeout", 1),
        (f"Try to compile segment with 9 ops\n{timer()}Killed\n", "crashed", 1),
    ],
)
def test_a_search_is_judged_by_its_end(last, outcome, more):
    read = explain(search(20, last))
    assert (read.outcome.value, read.segments_tried) == (outcome, 20 + more)


CRASHES = ("Segmentation fault", "Illegal instruction", "Bus error", "Aborted", "Floating point exception")


@pytest.mark.parametrize(
    "words",
    [
        *(f"{words} (core dumped)\n" for words in CRASHES),
        *(wrapper_line(f"{words}      (core dumped)") for words in CRASHES),
        wrapper_line("Killed                 "),
        "Segmentation fault\n",
        "Killed\n",
        "terminating with uncaught exception of type std::out_of_range: vector\n\nInternal compiler error. Aborting!\n",
        "terminate called after throwing an instance of 'std::length_error'\n  what():  vector\nAborted (core dumped)\n",
        "F0408 12:00:00.0 1234 a.cc:72] Check failed: a == b (1 vs. 2)\n*** Check failure stack trace: ***\n"
        "    @ 0x7f12 Fail()\n    @ 0x7f main\n",
        "subprocess.CalledProcessError: Command '['edgetpu_compiler']' died with <Signals.SIGSEGV: 11>.\n",
        "subprocess.CalledProcessError: Command '['edgetpu_compiler']' returned non-zero exit status 139.\n",
        "subprocess.CalledProcessError: Command '['edgetpu_compiler']' returned non-zero exit status -11.\n",
    ],
)
def test_what_a_shell_or_python_says_of_a_crash(words):
    read = explain(f"Edge TPU Compiler version {V16}\n{timer()}{words}")
    assert (read.outcome.value, read.compiler_version) == ("crashed", V16)
    assert read.findings[0].id == ("out_of_memory" if "Killed" in words else "compiler_crashed")


@pytest.mark.parametrize(
    "below", ["\nBut running it gives Segmentation fault (core dumped).\n", "$ python3 run.py\nSegmentation fault (core dumped)\n"]
)
def test_a_crash_of_something_else_is_not_the_compilers(below):
    assert explain(Made().console() + below).outcome.value == "success"


TRACEBACK = (
    'Traceback (most recent call last):\n  File "c.py", line 12, in <module>\n    raise CalledProcessError(retcode, process.args,\n'
    "subprocess.CalledProcessError: Command '['edgetpu_compiler', 'm.tflite']' returned non-zero exit status 1.\n"
)


@pytest.mark.parametrize(
    ("text", "outcome", "version"),
    [
        (f"Edge TPU Compiler version {V15}\n", "incomplete", V15),
        (
            f"$ edgetpu_compiler m.tflite\nEdge TPU Compiler version {V15}\n\nand then nothing happens, no file is written.\n",
            "incomplete",
            V15,
        ),
        (f"Edge TPU Compiler version {V16}\n{timer()}", "incomplete", V16),
        (f"Edge TPU Compiler version {V14}\n\nInternal compiler error. Aborting! \n", "failed", V14),
        (large_activations() + TRACEBACK, "failed", V16),
        (large_activations() + "make: *** [Makefile:12: m_edgetpu.tflite] Error 1\n", "failed", V16),
        (refused(), "failed", V16),
        (refused("RELU", 2, V20), "failed", V20),
        (f"_{timer()}{ENDED}Compilation failed!_\n\nMy model looks like this, how can it compile?\n", "failed", None),
        (f"```Edge TPU Compiler version {V16}\n{wrapper_line('Segmentation fault')}```\n", "crashed", V16),
        (f"$ edgetpu_compiler --version\nEdge TPU Compiler version {V16}\n$ edgetpu_compiler m\n{PARTLY.console()}", "success", V16),
        (f"{PARTLY.console()}$ edgetpu_compiler -v\nEdge TPU Compiler version {V16}\n", "success", V16),
        (f"{PARTLY.console()}\nMy set-up:\nEdge TPU Compiler version {V16}\nTensorFlow 2.5.0\n", "success", V16),
        (f"I use Edge TPU Compiler version {V16} and TF 2.5.\n\n{PARTLY.console()}", "success", V16),
        ("Number of operations that will run on Edge TPU: 1\nNumber of operations that will run on CPU: 293\n", "success", None),
        ("Number of operations that will run on Edge TPU: 0\nNumber of operations that will run on CPU: 293\n", "nothing_mapped", None),
        ("CONV_2D\n3\nMapped to Edge TPU\nLEAKY_RELU\n2\nOperation not supported\n", "success", None),
        ("Invalid model: a.tflite\nModel not quantized\n", "failed", None),
        (
            f"{Made(version=V15).console(show=True)}Error opening file for writing: out/a.tflite\n\nInternal compiler error. Aborting! \n",
            "failed",
            V15,
        ),
        (
            PARTLY.operation_log() + "GATHER                         2          Operation is dynamic and cannot be compiled\n",
            "success",
            V16,
        ),
    ],
)
def test_fragments_failures_and_what_stands_around_them(text, outcome, version):
    read = explain(text)
    assert (read.outcome.value, read.compiler_version) == (outcome, version)


@pytest.mark.parametrize(
    "below",
    [
        "\nWith TF 2.4 it was 70/72 ops.\n",
        "Downloading bird_net_edgetpu.tflite...\n",
        "\nUpdate: solved by TF 2.5, now 72 ops instead of 80.\n",
        "\nExpected behavior: all 28 ops run on the TPU.\nActual behavior: segfault at invoke.\n",
        "\nBenchmarks:\nUSB 2: 12.1 ms\nUSB 3: 4.5 ms\n",
        "Finished at 12:03\n",
        "[19:03] alice: looks ok\n",
        "Removing intermediate container 3b1c2d\n ---> 9a8b7c\n",
        "\n@somebody any update? 2 ops on CPU is fine for me.\n",
        "\nbird_net_edgetpu.tflite  100%  4173KB  1.2MB/s  00:03\n",
        "\nOn Mon, Jan 3, 2022 at 5:11 PM Foo Bar <foo@example.com> wrote:\n\n> Can you share the model?\n>\n",
    ],
)
def test_what_people_and_other_programs_write_below_changes_nothing(below):
    holds(explain(Made().console() + below), Made(), True)


def test_old_compilers_count_the_edge_tpu_twice():
    text = f"Edge TPU Compiler version {VERSIONS[2]}\nTotal number of operations: 962\n"
    text += "Number of operations that will run on Edge TPU: 1\nNumber of operations that will run on CPU: 962\n"
    read = explain(text)
    assert (read.outcome.value, read.ops_edgetpu, read.ops_cpu, read.ops_total) == ("success", 1, 962, 962)
    assert "log_contradicts_itself" in {finding.id for finding in read.findings}
    assert explain(text.replace(VERSIONS[2], V16)).outcome.value == "unknown"


OUTCOMES = {
    "nothing": "nothing_mapped", "success": "success", "killed": "incomplete", "crash": "crashed", "timeout": "timeout",
}  # fmt: skip


def outcome_of(entry):
    if "nothing_mapped" in entry["outcome"] and "almost" not in entry["outcome"]:
        return "nothing_mapped"
    return next((ours for start, ours in OUTCOMES.items() if entry["outcome"].startswith(start)), "failed")


def test_real_logs_say_what_their_index_says(shared):
    folder = shared / "compiler_logs"
    logs = json.loads((folder / "INDEX.json").read_text())["logs"]
    figures = {
        "on_used": "on_chip_used_bytes",
        "on_remaining": "on_chip_remaining_bytes",
        "on_available": "on_chip_available_bytes",
        "off_chip": "off_chip_bytes",
    }
    numbers = {"ms": "compile_ms", "subgraphs": "subgraphs", "ops_total": "ops_total", "ops_tpu": "ops_edgetpu", "ops_cpu": "ops_cpu"}
    for entry in logs:
        text = load_text(folder / entry["file"])
        plain = text.replace("\r\n", "\n").rstrip("\n") + "\n"
        for way in DISTURBED:
            given = text if way == "as it is" else DISTURBED[way](plain)
            read = explain(given)
            name = (entry["file"], way)
            assert read.outcome.value == outcome_of(entry), name
            assert read.compiler_version == entry["compiler_version"], name
            for key, field in figures.items():
                if key in entry:
                    assert getattr(read, field) == size(entry[key]), (*name, key)
            for key, field in numbers.items():
                if key in entry:
                    assert getattr(read, field) == int(entry[key]), (*name, key)
            if "table_rows" in entry:
                rows = [row for one in read.compilations for row in one.ops]
                assert len(rows) == entry["table_rows"], name
                assert sum(row.count for row in rows if row.mapped) == entry["table_mapped"], name
                assert sum(row.count for row in rows if not row.mapped) == entry["table_unmapped"], name
                assert {row.status for row in rows} == set(entry["statuses"]), name
    assert len(logs) > 50


def test_operation_logs_of_real_pairs(shared):
    seen = 0
    for record in json.loads((shared / "oracle" / "oracle.json").read_text()):
        path = shared / "oracle" / "models" / record["id"] / "compiler.log"
        if not path.is_file():
            continue
        seen += 1
        read, truth = explain(load_text(path)), record["compiler_log"]
        assert [[row.op, row.count, row.status] for row in read.ops] == truth["raw_ops"]
        assert (read.compiler_version, read.ops_edgetpu, read.ops_total) == (truth["compiler"], truth["mapped"], truth["total"])
    assert seen == 43
