"""The inspector as code sees it: what each event changes, what each kind of bad input says, and that nothing of a visitor is run."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import builders
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewb
from edgewb.bundles import bundled_models
from edgewb.errors import InputError, ModelFileError
from edgewb.views.widgets import Inspector, inspector_mends, inspector_parts
from edgewb.views.widgets.uploads import PIECE_BYTES

ROOT = Path(__file__).parents[3]
LOG = Path(__file__).parents[2] / "compilers"
NASTY = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def can_be_closed_off() -> bool:
    """Whether this computer lets a user have namespaces; asked of another program than ours."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-Urpnf", "true"], capture_output=True).returncode == 0


def inside(process: psutil.Process) -> bool:
    """Whether a process has a network of its own, and the empty folder for its root."""
    try:
        root = Path(f"/proc/{process.pid}/root").readlink()
        return root != Path("/") and Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    except OSError:  # it has ended, or is not to be looked at
        return False


class Page:
    """An inspector, and what it sends to the browser."""

    def __init__(self, *arguments, **options) -> None:
        self.widget = Inspector(*arguments, **options)
        self.sent: list[tuple[dict, list]] = []
        self.widget.send = lambda content, buffers=None: self.sent.append((content, buffers or []))

    def event(self, name: str, value=None) -> dict[str, str]:
        """The regions drawn anew."""
        self.sent.clear()
        self.widget._handle_custom_msg({"event": name, "value": value, "number": 1}, [])
        return {region: html for content, _ in self.sent for region, html in content.get("regions", {}).items()}

    def mend(self) -> dict[str, str]:
        """As the page does it where the model is run for that: ask, and look now and then until it is there."""
        self.event("mend")
        until = time.monotonic() + 60
        while True:
            regions = self.event("look")
            if self.widget._mending is None:
                return regions
            assert time.monotonic() < until
            time.sleep(0.02)

    def give(self, content: bytes, name: str = "net.tflite", kind: str = "file") -> None:
        """As the script sends a file."""
        self.sent.clear()
        for offset in range(0, max(len(content), 1), PIECE_BYTES):
            value = {"id": "a", "kind": kind, "name": name, "size": len(content), "offset": offset, "index": 0, "count": 1}
            piece = memoryview(content[offset : offset + PIECE_BYTES])
            self.widget._handle_custom_msg({"event": "upload", "value": value, "number": -1}, [piece])

    def download(self) -> tuple[str, bytes]:
        """Name and content of the one file handed out."""
        ((content, buffers),) = [(content, buffers) for content, buffers in self.sent if "download" in content]
        return content["download"]["name"], bytes(buffers[0])


@pytest.fixture
def page() -> Page:
    return Page()


def renamed_net(text: str) -> bytes:
    """A net whose tensors and custom op are called so."""
    b = builders.Builder()
    source = b.tensor(text, (1, 8, 8, 3))
    x = b.conv(source, 4)
    result = b.tensor(text, (1, 8, 8, 4), "FLOAT32")
    b.op(text, [x], [result])
    return b.build([source], [result])


def test_it_begins_with_an_example_that_shows_a_blocker(page):
    widget = page.widget
    assert widget.alert == ""
    assert widget.inspection.first_blocker is not None
    assert widget.selected == widget.inspection.first_blocker.index
    assert "first blocker" in widget.markup
    assert list(widget.estimates) == inspector_parts.places_to_run()


def test_its_figures_are_those_of_the_library(tflite_file: Callable[[str], Path]):
    path = tflite_file("leaky_branches")
    widget = Inspector(path)
    expected = edgewb.inspect(path)
    assert widget.inspection.ops == expected.ops
    assert widget.inspection.first_blocker == expected.first_blocker
    assert widget.inspection.findings == expected.findings
    assert widget.estimates["pi4 usb3"].latency_ms == edgewb.estimate(path, host="pi4", bus="usb3").latency_ms


def test_choosing_an_op_draws_its_details_alone(page):
    regions = page.event("select", "0")
    assert page.widget.selected == 0
    assert set(regions) == {"details"}
    assert "CONV_2D" in regions["details"]
    assert "scale" in regions["details"]


@pytest.mark.parametrize("value", ["99", "-1", "x", None, {}, 1e9])
def test_an_op_that_is_not_there(page, value):
    before = page.widget.selected
    page.event("select", value)
    assert re.match("no op|op .* is no number", page.widget.alert)
    assert page.widget.selected == before
    page.event("select", "1")
    assert page.widget.alert == ""


def test_code_can_choose_too(page):
    page.widget.selected = 2
    ((content, _),) = page.sent
    assert set(content["regions"]) == {"details"}
    with pytest.raises(InputError, match="no op 99"):
        page.widget.selected = 99
    with pytest.raises(InputError, match="unknown host and bus 'pi3 usb3'"):
        page.widget.place = "pi3 usb3"
    with pytest.raises(InputError, match="unknown clock"):
        page.widget.clock = "fast"
    with pytest.raises(InputError, match="compiler generation"):
        page.widget.compiler = "17"


def test_place_and_clock_change_the_estimate(page, tflite_bytes):
    page.give(tflite_bytes("int8_conv"))
    usual = page.widget.estimates["desktop usb3"].mid_ms
    regions = page.event("place", "pi3 usb2")
    assert set(regions) == {"estimate"}
    assert "Raspberry Pi 3 B+, USB 2: where the time goes" in regions["estimate"]
    page.event("clock", "std")
    assert page.widget.estimates["desktop usb3"].mid_ms > usual
    assert page.widget.estimates["desktop usb3"].clock == "std"


def test_another_compiler_generation_is_predicted(page, tflite_bytes):
    page.give(tflite_bytes("per_channel"))
    page.event("compiler", "1.0")
    assert page.widget.inspection.compiler == "1.0"
    page.event("compiler", "x" * 100)
    assert "compiler generation" in page.widget.alert
    assert page.widget.inspection.compiler == "1.0"


def test_a_compiled_file(page, tflite_bytes):
    page.give(tflite_bytes("compiled"), "net_edgetpu.tflite")
    widget = page.widget
    assert widget.inspection.kind == "compiled"
    markup = widget.render()
    assert "Compiled for the Edge TPU, 1 op is left on the CPU" in markup
    assert "PARAMETER_CACHING" in markup
    assert 'id="mend"' not in markup
    page.event("mend")
    assert "is compiled for the Edge TPU, its ops are gone" in widget.alert


def test_streamed_parameters_are_told_from_kept_ones():
    b = builders.Builder()
    source = b.tensor("x", (1, 1, 1, 2048))
    x = b.conv(source, 2048, kernel=1)
    x = b.conv(x, 2048, kernel=1)
    x = b.conv(x, 2048, kernel=1)
    page = Page(b.build([source], [x]))
    inspection = page.widget.inspection
    assert inspection.off_chip_bytes
    meter = inspector_parts.cache_meter(inspection)
    assert meter["kept_bytes"] + meter["streamed_bytes"] == inspection.parameter_bytes
    assert "Edge TPU, streamed" in page.widget.markup
    assert 'class="streamed"' in page.widget.markup


def test_a_pasted_log_is_explained_and_the_model_is_kept(page):
    text = "Edge TPU Compiler version 16.0.384591198\nInvalid model: m.tflite\nModel not quantized\n"
    page.give(text.encode(), "pasted text", kind="log")
    widget = page.widget
    assert widget.alert == ""
    assert widget.explanation.to_dict() == edgewb.explain(text).to_dict()
    assert widget.shown == "log"
    assert "What helps:" in widget.render()
    page.event("show", "model")
    assert "The graph, op by op" in widget.render()
    page.event("show", "<b>")
    assert "unknown view" in widget.alert


def test_a_log_dropped_as_a_file_is_told_from_a_model(page):
    page.give("Edge TPU Compiler version 16.0.384591198\n\nModel compiled successfully in 12 ms.\n".encode("utf-16"), "a.log")
    assert (page.widget.shown, page.widget.alert) == ("log", "")
    assert page.widget.explanation.compiler_version.startswith("16.0")


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.json", "{}")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "empty.tflite", "'empty.tflite' is empty (0 bytes)"),
        (builders.int8_conv_net()[:300], "cut.tflite", "'cut.tflite' is truncated or corrupted"),
        (zipped(), "model.keras", "'model.keras' is not a .tflite file (no TFL3 at byte 4), it looks like a zip archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "cat.png", "'cat.png' is not a .tflite file (no TFL3 at byte 4), it looks like a PNG image"),
        (b"Dear all,\nthe meeting is at ten.\n", "letter.txt", "'letter.txt' is neither a .tflite model nor a compiler log"),
        (b"<html>" + NASTY.encode(), NASTY, f"{NASTY!r} is neither a .tflite model nor a compiler log"),
        (b"x" * (3 * 2**20), "long.log", "'long.log' has 3,145,728 bytes, of a log 2,097,152 are read here: give its last part"),
    ],
)
def test_bad_files_are_one_good_line_and_the_page_goes_on(page, content, name, says):
    before = page.widget.inspection
    page.give(content, name)
    assert page.widget.alert.startswith(says)
    assert "\n" not in page.widget.alert
    assert page.widget.inspection is before
    assert "<script>" not in page.widget.render()
    page.give(builders.int8_conv_net())
    assert (page.widget.alert, len(page.widget.inspection.ops)) == ("", 5)


def test_files_that_are_too_large_are_refused_before_they_are_sent(page):
    for kind, size, says in (("file", 200_000_000, "at most 67,108,864"), ("log", 50_000_000, "at most 2,097,152")):
        value = {"id": "a", "kind": kind, "name": "big", "size": size, "offset": 0, "index": 0, "count": 1}
        page.widget._handle_custom_msg({"event": "upload", "value": value, "number": -1}, [memoryview(bytes(PIECE_BYTES))])
        assert f"big has {size:,} bytes, {says} are taken here" in page.widget.alert


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x1c\x00\x00\x00TFL3"]))
def test_any_bytes_are_a_line_or_a_picture(content, head):
    page = shared_page()
    page.give(head + content, "any")
    assert page.widget.alert == "" or page.widget.alert.count("\n") == 0
    assert not page.widget.alert.startswith("something went wrong")


NETS = [make() for make in builders.ALL.values()]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NETS), st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=12), st.booleans())
def test_damaged_models_are_shown_or_refused_and_every_click_answered(content, damages, html):
    raw = bytearray(content)
    for place, value in damages:
        raw[place % len(raw)] = value
    page = shared_page()
    page.give(bytes(raw), "damaged.tflite")
    if page.widget.alert:
        assert not page.widget.alert.startswith("something went wrong")
        return
    for index in range(len(page.widget.inspection.ops)):
        page.event("select", str(index))
        assert page.widget.alert == ""
    for event, value in (("report", "html" if html else "json"), ("mend", None)):
        page.event(event, value)
        assert not page.widget.alert.startswith("something went wrong")


def shared_page(made: list[Page] = []) -> Page:  # noqa: B006 - one page for all examples is meant
    if not made:
        made.append(Page())
    return made[0]


def test_names_from_the_file_are_escaped_everywhere(page):
    page.give(renamed_net(NASTY), NASTY + ".tflite")
    widget = page.widget
    for index in range(len(widget.inspection.ops)):
        page.event("select", str(index))
    markup = widget.render()
    assert "onerror=alert(1)&gt;" in markup
    assert "<img src=x" not in markup
    assert "<script" not in markup
    page.event("report", "html")
    name, report = page.download()
    assert re.fullmatch(r"[A-Za-z0-9._-]+_inspection\.html", name)
    assert b"<img src=x" not in report
    assert b"<script" not in report
    assert b"onerror=alert(1)" in report


BIDI = "a\x1b[31m\u202eb\x00c\u2066d\u200be"


def test_control_characters_are_shown_not_sent(page):
    page.give(renamed_net(BIDI), BIDI)
    page.event("mend")
    assert not UNSEEN.search(page.widget.render())


@pytest.mark.parametrize("kind", ["html", "json"])
def test_control_characters_are_shown_in_the_reports(page, kind):
    page.give(renamed_net(BIDI), BIDI)
    page.event("report", kind)
    content = page.download()[1].decode()
    told = json.dumps(json.loads(content), ensure_ascii=False) if kind == "json" else content
    assert not UNSEEN.search(told)
    assert "u202e" in told
    page.give(f"Edge TPU Compiler version 16.0.384591198\nInvalid model: {BIDI}.tflite\nModel not quantized\n".encode(), kind="log")
    page.event("report", kind)
    assert not UNSEEN.search(page.download()[1].decode())


UNSEEN = re.compile("[\x00-\x08\x1b\u200b\u202e\u2066]")


def test_what_a_visitor_gives_is_mended_without_running_it(page, tflite_bytes, monkeypatch):
    def no_process(*_arguments, **_options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    page.give(tflite_bytes("float_io"), "my model.tflite")
    regions = page.event("mend")
    name, mended = page.download()
    assert name == "my_model_fixed.tflite"
    assert "Not checked" in regions["mended"]
    assert "<code>edgewb fix &#39;my model.tflite&#39;</code>" in regions["mended"]
    assert "edgewb dashboard --trusted</code>" in regions["mended"]
    monkeypatch.undo()
    assert edgewb.inspect(written(mended)).ops_edgetpu == 1
    assert len(edgewb.inspect(written(mended)).ops) == 1


def test_a_batch_is_fixed_without_a_run_where_all_sizes_follow_from_the_file(page, monkeypatch):
    from edgewb.mends import mend_bytes

    content = bundled_models()["dynamic_batch"].path.read_bytes()
    _, verified = mend_bytes(content, "net.tflite", run=True)

    def no_process(*_arguments, **_options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    page.give(content, "net.tflite")
    assert "Mend unchecked and download" in page.widget.render()
    regions = page.event("mend")
    assert page.download() == ("net_fixed.tflite", verified)
    assert "Not checked" in regions["mended"]


def test_what_only_a_run_can_mend_says_so_and_what_to_type(page):
    from edgewb.tflite.edits import Edit
    from edgewb.tflite.rewriter import pack

    edit = Edit(bundled_models()["dynamic_batch"].path.read_bytes())
    made = edit.main.tensors[next(op.outputs[0] for op in edit.graph.ops if op.name == "CONV_2D")]
    made.shapeSignature = [-1] * len(made.shape)  # its size is not written in the file any more
    page.give(pack(edit.model, edit.content), "-odd;name.tflite")
    markup = page.widget.render()
    assert "which this page does not do with files that visitors bring" in markup
    regions = page.event("mend")
    assert "Not mended here: that takes a run" in regions["mended"]
    assert "<code>edgewb fix &#39;./-odd;name.tflite&#39;</code>" in regions["mended"]
    assert "edgewb dashboard --trusted</code>" in regions["mended"]
    assert "Nothing" not in regions["mended"]
    assert not [content for content, _ in page.sent if "download" in content]


def test_where_the_server_was_started_for_it_a_visitors_file_is_mended_and_verified(monkeypatch):
    monkeypatch.setenv("EDGEWB_DASHBOARD_TRUSTED", "1")
    monkeypatch.setenv("EDGEWB_SECRET", "hunter2")
    page = Page()
    page.give(bundled_models()["dynamic_batch"].path.read_bytes(), "mine.tflite")
    assert "Mend and download" in page.widget.render()
    regions = page.mend()
    assert page.widget.alert == ""
    assert "identical outputs" in regions["mended"]
    assert "Not checked" not in regions["mended"]
    assert edgewb.inspect(written(page.download()[1])).ops_edgetpu == 10


@pytest.mark.skipif(not can_be_closed_off(), reason="this system gives users no namespaces of their own")
def test_what_runs_a_visitors_file_for_a_mend_is_closed_off_and_ends_with_who_asked(tmp_path):
    content = bundled_models()["dynamic_batch"].path.read_bytes()
    code = (
        "import sys\nfrom pathlib import Path\nfrom edgewb.views.widgets.inspector_mends import mend_apart\n"
        "mend_apart(Path(sys.argv[1]).read_bytes(), 'mine.tflite')"
    )
    (tmp_path / "mine.tflite").write_bytes(content)
    asking = psutil.Popen([sys.executable, "-c", code, str(tmp_path / "mine.tflite")], env={**os.environ, "PYTHONPATH": str(ROOT)})
    until = time.monotonic() + 180
    while not any(inside(process) for process in asking.children(recursive=True)):
        assert time.monotonic() < until
        assert asking.poll() is None, "it was mended without"
    family = asking.children(recursive=True)
    family[0].kill()  # the one that mends
    asking.wait(120)
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_the_page_answers_while_a_model_is_mended_and_the_file_comes_when_it_is_there():
    page = Page(trusted=True)
    page.give(bundled_models()["dynamic_batch"].path.read_bytes(), "mine.tflite")
    began = time.thread_time()
    regions = page.event("mend")
    assert time.thread_time() - began < 0.5
    assert "Mending mine.tflite, and running it before and after, for 90 s at most" in regions["mended"]
    mending = page.widget._mending
    page.event("mend")  # an impatient second click
    assert page.widget._mending is mending
    page.event("select", "99999")
    assert "no op 99999" in page.widget.alert
    assert "alert" not in page.event("look"), "the page asks by itself: that takes no message away"
    assert "no op 99999" in page.widget.alert
    page.event("select", "3")
    assert page.widget.selected == 3
    assert page.widget.alert == ""
    page.event("compiler", "15.0")
    assert page.widget._mending is mending, "the same model"
    took = []
    while page.widget._mending is not None:
        began = time.monotonic()
        page.event("place", "pi4 usb3")
        took.append(time.monotonic() - began)
        regions = page.event("look")
    assert len(took) > 3
    assert "Mending" not in regions["mended"]
    assert edgewb.inspect(written(page.download()[1])).ops_edgetpu == 10
    assert page.event("look") == {}, "one that was on its way already"


@pytest.mark.parametrize("how", ["cancel", "another", "close"])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_mend_nobody_waits_for_is_ended_with_all_it_started(tmp_path, tflite_bytes, how, trusted):
    content = bundled_models()["dynamic_batch"].path.read_bytes()
    page = Page(None if trusted else content, trusted=trusted)
    if trusted:
        page.give(content, "mine.tflite")
    page.event("mend")
    until = time.monotonic() + 20
    while len(family := psutil.Process().children(recursive=True)) < 2:  # the one that mends, and the one that runs the model
        assert time.monotonic() < until
        time.sleep(0.01)
    if how == "cancel":
        assert "Mending" not in page.event("cancel")["mended"]
    elif how == "another":
        page.give(tflite_bytes("int8_conv"), "other.tflite")
    else:
        page.widget.close()
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert page.widget._mending is None
    if how != "close":
        page.event("look")
        assert not [content for content, _ in page.sent if "download" in content]
        assert page.widget.alert == ""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a process with its parent")
def test_a_mend_ends_with_a_page_that_is_killed(tmp_path):
    code = (
        "import sys, time\nfrom edgewb.bundles import bundled_models\nfrom edgewb.views.widgets import Inspector\n"
        "page = Inspector(bundled_models()['dynamic_batch'].path)\npage.on_mend(None, [])\nprint('begun', flush=True)\ntime.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with psutil.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as kernel:
        kernel.stdout.readline()
        until = time.monotonic() + 20
        while len(family := kernel.children(recursive=True)) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        kernel.kill()
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_model_that_takes_too_much_is_ended_and_the_page_goes_on(monkeypatch):
    monkeypatch.setattr(inspector_mends, "SECONDS", 0.05)
    page = Page(trusted=True)
    page.give(bundled_models()["dynamic_batch"].path.read_bytes(), "slow.tflite")
    page.mend()
    assert page.widget.alert == "'slow.tflite' could not be mended within 0.05 s: mend it on a computer of your own"
    page.event("select", "0")
    assert page.widget.alert == ""


def test_what_a_mend_may_take_at_most_is_said_as_it_is_in_force():
    code = """
import resource, sys
from edgewb.bundles import bundled_models
from edgewb.views.widgets.inspector_mends import mend_apart
content = bundled_models()["dynamic_batch"].path.read_bytes()
import edgewb.mends
resource.setrlimit(resource.RLIMIT_DATA, (20 * 2**20, resource.RLIM_INFINITY))
try:
    mend_apart(content, "mine.tflite")
except Exception as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "'mine.tflite' could not be mended here, where it may take 20 MB of memory and 60 s" in done.stdout, done.stderr


def test_a_compiled_file_of_a_visitor_is_refused_by_the_process_too():
    with pytest.raises(ModelFileError, match="is compiled for the Edge TPU, its ops are gone"):
        inspector_mends.mend_apart(builders.compiled_net(), "net_edgetpu.tflite")


@pytest.mark.parametrize(
    ("name", "offered"), [("int8_conv", False), ("leaky_branches", False), ("float", False), ("float_io", True), ("compiled", False)]
)
def test_mending_is_offered_where_it_is_known_to_help(page, tflite_bytes, name, offered):
    page.give(tflite_bytes(name))
    markup = page.widget.render()
    assert ('id="mend"' in markup) is offered
    assert ("No mend is known" in markup) is (name in ("leaky_branches", "float"))


def test_what_is_mended_unchecked_is_called_so_and_not_offered_first(page, tflite_bytes):
    page.give(tflite_bytes("float_io"))
    markup = page.widget.render()
    assert "Mend unchecked and download" in markup
    assert markup.index('id="report-html"') < markup.index('id="mend"')
    page.event("example", "dynamic_batch")
    markup = page.widget.render()
    assert "Mend unchecked" not in markup
    assert markup.index('id="report-html"') > markup.index('id="mend"')


def test_a_result_that_stays_after_a_bad_file_is_named(page):
    page.give(builders.int8_conv_net(), "good.tflite")
    assert "What is shown below is still" not in page.widget.render()
    page.give(b"\x89PNG\r\n\x1a\n" + bytes(50), "cat.png")
    markup = page.widget.render()
    assert "'cat.png' is not a .tflite" in page.widget.alert
    assert "What is shown below is still <b>good.tflite</b>." in markup
    page.event("select", "1")
    assert "What is shown below is still" not in page.widget.render()
    page.give(b"Edge TPU Compiler version 16.0.384591198\n", "pasted", kind="log")
    page.give(b"", "empty.tflite")
    assert "What is shown below is still <b>the log given before</b>." in page.widget.render()


def test_the_memory_panel_has_one_unit(page):
    page.give(bundled_models()["digits_cnn_int8"].path.read_bytes())
    memory = page.widget.render().split('data-region="memory"')[1].split('data-region="estimate"')[0]
    text = re.sub("<[^>]*>", " ", memory)
    assert set(re.findall(r"[0-9.,]+ (bytes|kB|KiB|MB|MiB)", text)) == {"MiB"}
    assert set(re.findall(r"7\.75 (\w+)|8\.13 (\w+)", text)) == {("MiB", "")}
    assert "0.05 MiB, 0.7 % of the 7.75 MiB that parameters can have" in text


def written(content: bytes) -> Path:
    import tempfile

    path = Path(tempfile.mkdtemp()) / "m.tflite"
    path.write_bytes(content)
    return path


def test_ones_own_model_is_mended_and_verified(tflite_file):
    page = Page(tflite_file("float_io"))
    regions = page.mend()
    assert "identical outputs" in regions["mended"]
    assert page.download()[0] == "float_io_fixed.tflite"


def test_nothing_to_mend_hands_out_nothing(page, tflite_bytes):
    page.give(tflite_bytes("int8_conv"))
    assert "Nothing to mend" in page.event("mend")["mended"]
    assert not [content for content, _ in page.sent if "download" in content]


def test_the_json_report_is_what_the_commands_print(page, tflite_file, tflite_bytes):
    page.give(tflite_bytes("leaky_branches"), "leaky.tflite")
    page.event("report", "json")
    name, content = page.download()
    told = json.loads(content)
    assert name == "leaky_inspection.json"
    expected = edgewb.inspect(tflite_file("leaky_branches")).to_dict()
    assert {**told["inspection"], "file": ""} == {**expected, "file": ""}
    assert [(e["host"], e["bus"]) for e in told["estimates"]] == [tuple(place.split()) for place in inspector_parts.places_to_run()]
    assert told["explanation"] is None


def test_examples_by_name(page):
    names = [name for name, *_ in inspector_parts.examples()]
    assert len(names) >= 2
    for name in names:
        page.event("example", name)
        assert page.widget.inspection.file == f"{name}.tflite"
    page.event("example", "../../etc/passwd")
    assert page.widget.alert.startswith("unknown example")


def test_runs_of_many_ops_open_and_close(page):
    b = builders.Builder()
    source = b.tensor("image", (1, 4, 4, 4))
    x = source
    for _ in range(150):
        x = b.same("RELU", x)
    page.give(b.build([source], [x]))
    few = page.widget.render().count("<li")
    regions = page.event("open", "0")
    assert set(regions) == {"plot"}
    assert page.widget.render().count("<li") == few + 100
    page.event("open", "0")
    assert page.widget.render().count("<li") == few
    page.event("open", "1000000")
    assert "no run of ops" in page.widget.alert


def test_given_by_path_bytes_or_log(tflite_file, tflite_bytes):
    path = tflite_file("int8_conv")
    assert Inspector(str(path)).inspection.file == "int8_conv.tflite"
    assert Inspector(tflite_bytes("int8_conv")).inspection.ops_total == 5
    log = Inspector(log="Edge TPU Compiler version 16.0.384591198\n")
    assert (log.shown, log.inspection) == ("log", None)
    with pytest.raises(ModelFileError, match="no such file"):
        Inspector("/no/such.tflite")
    page = Page()
    page.widget.show_model(path)
    assert page.widget.inspection.ops_total == 5
    page.widget.show_log("Edge TPU Compiler version 16.0.384591198\n")
    assert page.widget.shown == "log"


def test_without_the_repositorys_data_it_begins_empty(monkeypatch):
    monkeypatch.setattr(inspector_parts, "examples", list)
    widget = Inspector()
    assert widget.inspection is None
    assert "No model yet" in widget.markup
    page = Page()
    for event, value in (("mend", None), ("report", "html"), ("select", "0"), ("open", "0"), ("clock", "std"), ("compiler", "1.0")):
        page.event(event, value)
    assert "something went wrong" not in page.widget.alert


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_the_axis_holds_the_value_and_is_not_much_longer(highest):
    end, ticks = inspector_parts.axis(highest)
    assert highest <= end * (1 + 1e-9)
    assert end <= 2.6 * highest or end <= 4e-6 * 1.01
    assert [float(tick) for tick in ticks] == pytest.approx([end * i / 4 for i in range(5)])


def test_nothing_heavy_is_imported_for_it():
    code = "import sys; from edgewb.views.widgets import Inspector; Inspector(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    heavy = {"tensorflow", "tf_keras", "sklearn", "pandas", "plotly", "PIL", "scipy", "onnxruntime", "openvino"}
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}
    assert "ai_edge_litert.interpreter" not in done.stdout.split()
