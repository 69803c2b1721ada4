"""An explanation as text and HTML."""

import html

from made_logs import KIND, MAPPED, STRANDED, V16, Made, large_activations, timer

from edgewb.compilers.explanations import explain
from edgewb.compilers.log_reports import ticked

PARTLY = Made(rows=(("CONV_2D", 3, MAPPED), ("LEAKY_RELU", 1, KIND), ("CONV_2D", 4, STRANDED)), off_chip="1.50MiB")


def test_figures_stand_with_their_basis():
    text = str(explain(PARTLY.console(show=True)))
    assert "3 of 8 on the Edge TPU (37.5 %), 5 on the CPU (compiled)" in text
    assert "1.25 MiB used on the chip, 5.50 MiB left on the chip, 1.50 MiB streamed at each inference (compiled)" in text
    assert "1,234 ms (measured by the compiler)" in text
    assert "LEAKY_RELU" in text
    assert "  1. Replace LEAKY_RELU by RELU or PRELU" in text


def test_the_stand_in_is_named_and_its_figures_are_simulated():
    text = str(explain(PARTLY.console().replace(V16, f"{V16} (edgewb stand-in)")))
    assert "nothing was compiled" in text
    assert "(simulated)" in text
    assert "(compiled)" not in text


def test_several_compilations_are_counted():
    text = str(explain(PARTLY.console() + "\n" + large_activations()))
    assert text.index("Compilation 1 of 2") < text.index("Compilation 2 of 2") < text.index("Activations are too large")


def test_each_outcome_is_said():
    said = {
        "compiled": Made().console(),
        "FAILED": large_activations(),
        "CRASHED": Made().banner + "Segmentation fault\n",
        "TIMED OUT": Made().banner + timer() + "Compilation timeout.\n",
        "incomplete": Made().banner,
        "unknown": Made().console() + "Mapped: 100%\n",
        "words that are known": "ValueError: Failed to load delegate from libedgetpu.so.1\n",
        "NOTHING maps": Made(rows=(("ADD", 2, KIND),), subgraphs=0).console(show=True),
    }
    for words, log in said.items():
        read = explain(log)
        assert words in str(read).splitlines()[0]
        assert html.escape(words) in read._repr_html_()


NASTY = "<script>alert('x')</script>&\x1b[31m\x07\u202e"


def test_markup_and_control_characters_from_a_log_are_harmless():
    log = Made(model=f"{NASTY}.tflite", rows=(("ADD", 1, MAPPED), ("MUL", 1, "Operation of a kind <img src=x onerror=alert(1)>"))).console(
        show=True
    )
    failed = f"Edge TPU Compiler version {V16}\nERROR: Encountered unresolved custom op: {NASTY}.\nCompilation failed!\n"
    for text in (log, failed, f"{Made().console()}Mapped {NASTY}: 100%\n"):
        read = explain(text)
        page = read._repr_html_()
        assert "<script" not in page
        assert "<img" not in page
        for shown in (str(read), page):
            assert all(char.isprintable() or char == "\n" for char in shown)
    assert "&lt;script&gt;" in explain(log)._repr_html_()


def test_a_huge_table_is_shown_in_part():
    rows = "".join(f"ADD                            1          Operation of kind {i} is not known\n" for i in range(1000))
    assert len(str(explain(Made().operation_log() + rows)).splitlines()) < 500


def test_what_is_to_be_typed_looks_so():
    assert ticked("Run `edgewb fix <b>` & wait") == "Run <code>edgewb fix &lt;b&gt;</code> &amp; wait"
    assert ticked("one ` alone") == "one ` alone"


def test_counts_without_a_total_are_shown():
    assert "6 on the Edge TPU (compiled)" in str(explain("Number of operations that will run on Edge TPU: 6"))
    assert "18 on the CPU (compiled)" in explain("Number of operations that will run on CPU: 18")._repr_html_()


def test_a_table_that_may_be_cut_does_not_speak_for_the_model():
    head = "Operator                       Count      Status\nADD                            2          Operation not supported\n"
    assert "as far as this table shows" in str(explain(head)).splitlines()[0]
