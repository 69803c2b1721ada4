"""The live widget without a browser: events with binary frames, bad ones, targets, counters, uploads where they are trusted."""

from __future__ import annotations

import csv
import importlib.util
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from attachments import attach
from live_pages import Driven, one

from edgewb.datasets import Split
from edgewb.errors import InputError, ModelFileError
from edgewb.sketches import SIDE
from edgewb.types import Basis
from edgewb.views.widgets import Live
from edgewb.views.widgets.live_sides import KEPT


@pytest.fixture
def digits():
    return Driven()


@pytest.fixture
def tiny(tflite_file):
    return Driven(tflite_file("int8_conv"), [f"<b>{number}</b>" for number in range(10)])


def test_a_frame_is_answered_in_one_message_with_what_was_fed(digits):
    (content, buffers), *later = digits.frame(one(), took=[20.5], dropped=4)
    assert (content["answered"], content["done"]) == (True, -7)
    assert list(content["regions"]) == ["answers"]
    assert [set(message["regions"]) for message, _ in later] == [{"figures"}]  # drawn when the reply is on its way, and not each time
    assert digits.frame(one())[1:] == []
    digits.event("clear")
    digits.frame(one(), dropped=4)
    assert len(buffers[0]) == 32 * 32
    live = digits.live
    assert (live.frames, live.dropped, live.target, live.beside) == (1, 4, "cpu", None)
    (answer,) = live.answers
    assert (answer.label, answer.source, answer.basis, answer.truth) == ("1", "camera", Basis.MEASURED, None)
    assert answer.top[0] == ("1", answer.confidence)
    assert live.latencies_ms == (answer.latency_ms,)
    digits.frame(one())
    assert len(live.latencies_ms) == 2
    assert (live.frames, live.counts.distinct) == (2, 1)
    assert live.first_ms is not None


def test_the_first_call_after_loading_stands_apart(digits):
    digits.frame(one())
    assert digits.live.latencies_ms == ()
    assert digits.live.first_ms == digits.live.answers[0].latency_ms
    digits.frame(one())
    assert digits.live.latencies_ms == (digits.live.answers[1].latency_ms,)


def test_a_frame_without_a_digit_gets_no_made_up_answer(digits):
    digits.frame(np.full((SIDE, SIDE), 200, np.uint8))
    (answer,) = digits.live.answers
    assert (answer.label, answer.confidence, answer.latency_ms, answer.top) == (None, None, None, ())
    assert digits.live.first_ms is None
    assert "Nothing here stands out" in digits.shown("answers")


def test_no_frame_is_kept(digits):
    import gc

    digits.frame(one())
    gc.collect()
    held = [
        o
        for o in gc.get_objects()
        if isinstance(o, bytes | np.ndarray) and getattr(o, "nbytes", len(o) if isinstance(o, bytes) else 0) == SIDE**2
    ]
    assert held == []


def test_any_classifier_is_fed_the_pixels_it_takes(tiny, tflite_file):
    from edgewb.targets import open_target

    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    (content, buffers), *_ = tiny.frame(picture)
    assert content["answered"] is True
    assert buffers == []
    with open_target("cpu") as target:
        target.load(tflite_file("int8_conv"))
        spec = target.inputs[0]
        result = target.run([spec.stored(picture[np.newaxis] / np.float32(127.5) - 1)])[0]
    assert tiny.live.answers[0].label == f"<b>{int(result.argmax())}</b>"
    assert "<b>" not in tiny.shown("answers")  # labels are text, whoever wrote them
    assert "&lt;b&gt;" in tiny.shown("answers")


@pytest.mark.parametrize(
    ("value", "buffers"),
    [
        ({"source": "camera", "form": "raw"}, [b""]),
        ({"source": "camera", "form": "raw"}, [bytes(SIDE * SIDE - 1)]),
        ({"source": "camera", "form": "raw"}, [bytes(20_000_000)]),
        ({"source": "camera", "form": "raw"}, []),
        ({"source": "camera", "form": "raw"}, [bytes(SIDE * SIDE)] * 2),
        ({"source": "camera", "form": "jpeg"}, [b"\xff\xd8garbage"]),
        ({"source": "camera", "form": {"a": 1}}, [bytes(SIDE * SIDE)]),
        ({"source": "camera"}, [bytes(SIDE * SIDE)]),
        ({"source": "<script>", "form": "raw"}, [bytes(SIDE * SIDE)]),
        ({"source": ["camera"], "form": "raw"}, [bytes(SIDE * SIDE)]),
        ({"form": "raw"}, [bytes(SIDE * SIDE)]),
        (None, [bytes(SIDE * SIDE)]),
        ("camera", [bytes(SIDE * SIDE)]),
    ],
)
def test_a_bad_frame_is_said_in_one_line_and_the_page_goes_on(digits, value, buffers):
    sent = digits.event("frame", value, buffers)
    alert = digits.live.alert
    assert alert
    assert "\n" not in alert
    assert "something went wrong" not in alert
    assert not any("answered" in content for content, _ in sent)
    assert digits.live.frames == 0
    digits.frame(one())
    assert (digits.live.alert, digits.live.answers[-1].label) == ("", "1")


def test_test_images_are_streamed_with_what_is_right(digits):
    for _ in range(40):
        (_, buffers), *_ = digits.event("example", {})
        assert len(buffers[0]) == 32 * 32
    side = digits.live.sides[0]
    assert (side.known, len(digits.live.answers)) == (40, 40)
    assert side.right >= 36
    assert sum(answer.label == answer.truth for answer in digits.live.answers) == side.right
    assert f"{side.right} of 40 test images right" in digits.live.right_so_far(side)
    digits.event("stop", {"dropped": 0, "took": []})
    assert f"{side.right} of 40 test images right" in digits.shown("figures")
    assert "Drift on cpu" in digits.shown("figures")


def test_two_targets_answer_the_same_frames_and_a_stand_in_wears_its_watermark():
    driven = Driven(beside="simulated")
    for _ in range(25):
        driven.frame(one())
    driven.event("stop", {})
    first, second = driven.live.answers[-2:]
    assert (first.frame, first.label, first.basis) == (25, "1", Basis.MEASURED)
    assert (second.frame, second.label, second.basis) == (25, "1", Basis.SIMULATED)
    assert "SIMULATED, not measured: stands for an Edge TPU" in driven.shown("answers")
    assert 'class="stamp"' in driven.shown("charts")
    assert driven.shown("charts").count("SIMULATED") >= 1
    measured, simulated = driven.shown("charts").split("How long calls took on simulated", 1)
    assert "SIMULATED" not in measured
    assert "SIMULATED" in simulated
    assert "Both say the same" in driven.shown("answers")


def test_a_call_slower_than_what_is_simulated_counts_as_the_estimate_and_is_said(tmp_path, tflite_file):
    import json

    from edgewb.estimates.hosts import find_profile, save

    path = tmp_path / "quick.json"
    save(find_profile("desktop"), path)
    content = json.loads(path.read_text())
    # So quick a host that no processor keeps its pace: microseconds of overhead, and buses without end.
    content["constants"] = {name: 1e-5 if name.endswith("_ms") else 1e8 for name in content["constants"]}
    path.write_text(json.dumps(content))
    driven = Driven(tflite_file("int8_conv"), beside=f"simulated:{path}")
    for _ in range(6):
        driven.frame(np.zeros((8, 8, 3), np.uint8))
    side = driven.live.sides[1]
    assert max(side.samples_ms) < 0.001
    assert side.late in (5, 6)  # the first call has its own estimate
    assert f"could not be kept in {side.late} of 6 calls" in " ".join(side.notes)
    driven.event("clear")
    assert side.late == 0
    assert str(path) not in driven.live.render()


def test_a_target_is_chosen_among_those_offered_and_no_other(digits):
    live = digits.live
    place = {given: str(number) for number, given in enumerate(live.choices)}
    digits.frame(one())
    digits.event("target", place["cpu:builtin"])
    assert (live.target, live.frames, live.answers, live.first_ms) == ("cpu:builtin", 0, (), None)
    digits.event("beside", place["cpu"])
    assert (live.target, live.beside) == ("cpu:builtin", "cpu")
    digits.event("target", place["cpu"])  # what was beside is now first
    assert (live.target, live.beside) == ("cpu", None)
    for wrong in ("replay:/etc/passwd", "ssh:root@example.org", "cpu", "99", "-1", "²", "", None, 7, ["0"], {}, "0" * 10_000):
        for event in ("target", "beside"):
            if (event, wrong) == ("beside", ""):
                continue
            digits.event(event, wrong)
            assert "is not offered here" in live.alert
            assert len(live.alert) < 200
            assert (live.target, live.beside) == ("cpu", None)
    digits.event("beside", place["cpu"])
    assert "answers already" in live.alert
    digits.event("beside", place["simulated"])
    assert live.beside == "simulated"
    digits.event("beside", "")
    assert live.beside is None


def test_targets_are_chosen_by_code_too(digits):
    digits.live.choose("cpu:builtin", "cpu")
    assert (digits.live.target, digits.live.beside) == ("cpu:builtin", "cpu")
    with pytest.raises(InputError, match="unknown target"):
        digits.live.choose("gpu")


def test_a_target_that_cannot_be_used_is_said_and_the_one_before_stays(digits):
    live = digits.live
    live.choices = (*live.choices, "edgetpu")
    digits.event("target", str(len(live.choices) - 1))
    digits.until_opened()
    assert "not compiled for the Edge TPU" in live.refused
    assert "not compiled for the Edge TPU" in digits.shown("opening")
    assert (live.target, live.asked) == ("cpu", ("cpu", None))
    assert "data-opening" not in digits.shown("opening")
    digits.frame(one())
    assert live.answers[-1].label == "1"


def test_the_list_shows_what_answers_after_a_choice_that_failed(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWB_DASHBOARD_CONTROL", "0")
    monkeypatch.chdir(tmp_path)
    driven = Driven(targets=[f"replay:{tmp_path / 'none.json'}"])
    sent = driven.event("target", str(len(driven.live.choices) - 1))
    assert driven.live.refused
    assert driven.live.target == "cpu"
    driven.frame(one())
    assert "Not taken:" in driven.shown("opening")  # a stream does not wipe it away
    drawn = [content["regions"] for content, _ in sent if "regions" in content]
    assert 'value="0" selected' in drawn[0]["model"]
    assert str(tmp_path) not in driven.live.render()
    driven.event("target", "0")
    assert (driven.live.refused, "Not taken" in driven.shown("opening")) == ("", False)


def test_on_a_published_page_runtimes_that_take_much_memory_are_not_offered(monkeypatch):
    monkeypatch.setenv("EDGEWB_DASHBOARD_CONTROL", "0")
    assert not {"onnxruntime", "openvino"} & set(Live().choices)
    monkeypatch.setenv("EDGEWB_DASHBOARD_CONTROL", "1")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    assert "onnxruntime" in Live().choices


def test_an_address_is_not_shown():
    driven = Driven(targets=["ssh:somebody@secret.example.org"])
    html = driven.live.render()
    assert "ssh:user@host[:port]" in html
    assert "secret" not in html


def test_counting_anew_keeps_the_model_loaded(digits):
    for _ in range(3):
        digits.frame(one())
    first = digits.live.first_ms
    digits.event("clear")
    assert (digits.live.frames, digits.live.latencies_ms, digits.live.answers) == (0, (), ())
    assert digits.live.first_ms == first


def test_pictures_are_listed_as_they_came_and_a_name_is_text(digits):
    digits.frame(one(), source="pictures", name='<img src=x onerror="alert(1)">\x1b[31m.png', thumbnail=7)
    html = digits.shown("pictures")
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "\x1b" not in html
    assert 'data-thumbnail="7"' in html
    assert ">1</strong>" in html
    digits.frame(np.full((SIDE, SIDE), 200, np.uint8), source="pictures", name="x" * 10_000, thumbnail='"><b>')
    digits.event("stop", {})
    html = digits.shown("pictures")
    assert html.index("&lt;img") < html.index("xxxxxx")
    assert "x" * 41 not in html
    assert "nothing found" in html
    assert "<b>" not in html
    for number in range(100):
        digits.frame(one(), source="pictures", name={"a": number})
    digits.event("stop", {})
    assert digits.shown("pictures").count("<tr>") == 61  # with the head
    assert "102 pictures, the last 60 of them listed" in digits.shown("pictures")


def test_the_answers_to_pictures_are_saved_as_csv_and_no_cell_is_a_formula(digits):
    digits.live.choose("cpu", "cpu:builtin")
    for name in ("=1+1.png", "ä, b.png"):
        digits.frame(one(), source="pictures", name=name)
    digits.frame(np.full((SIDE, SIDE), 200, np.uint8), source="pictures", name="empty.png")
    digits.event("save")
    (content, (saved,)) = next((content, buffers) for content, buffers in digits.sent if "download" in content)
    assert content["download"] == {"name": "answers.csv", "mime": "text/csv"}
    rows = list(csv.DictReader(io.StringIO(saved.decode(), newline="")))
    assert [(row["number"], row["picture"], row["answer"]) for row in rows[::2]] == [
        ("1", "'=1+1.png", "1"),
        ("2", "ä, b.png", "1"),
        ("3", "empty.png", ""),
    ]
    assert [row["target"] for row in rows[:2]] == [side.label for side in digits.live.sides]
    assert float(rows[0]["call_ms"]) == pytest.approx(digits.live.answers[0].latency_ms, abs=1e-4)
    assert float(rows[0]["score"]) == pytest.approx(digits.live.answers[0].confidence, abs=1e-4)
    assert (rows[4]["score"], rows[4]["call_ms"], rows[4]["basis"]) == ("", "", "measured")


@pytest.mark.parametrize("how", ["a new source", "a frame of another", "the same source anew", "test images"])
def test_what_was_answered_before_goes_when_pictures_come_from_elsewhere(how, digits):
    for _ in range(25):
        digits.frame(one(), source="pictures", name="a.png")
    digits.event("stop", {})
    live = digits.live
    assert live.latest
    assert "How long calls took" in digits.shown("charts")
    assert "Drift on" in digits.shown("figures")
    if how == "a frame of another":
        digits.frame(one(), source="draw")
        assert (live.frames, live.source) == (1, "draw")
    elif how == "test images":
        digits.event("example", {"once": True})
        assert (live.frames, live.source) == (1, "test")
    else:
        digits.event("source", "draw" if how == "a new source" else "pictures")
        assert (live.frames, live.latest, live.answers, live.latencies_ms) == (0, [], (), ())
        assert "No answer yet" in digits.shown("answers")
    assert "How long calls took" not in digits.shown("charts")
    assert "Drift on" not in digits.shown("figures")
    assert live.pictures.count == 25  # a visitor's list stays
    digits.event("clear")
    assert live.pictures.count == 0
    assert "a.png" not in digits.shown("pictures")


@pytest.mark.parametrize("value", ["elsewhere", None, ["draw"], {"draw": 1}, "draw" * 1_000])
def test_an_unknown_source_changes_nothing(value, digits):
    digits.frame(one())
    digits.event("source", value)
    assert "not known here" in digits.live.alert
    assert (digits.live.frames, digits.live.source) == (1, "camera")


def test_a_score_is_not_called_a_probability_and_figures_say_what_they_count(digits):
    for _ in range(30):
        digits.event("example", {})
        time.sleep(0.002)
    digits.event("stop", {})
    assert "its own score" in digits.shown("answers")
    assert "not the probability that it is right" in digits.live.render()
    assert "confident" not in digits.live.render()
    assert "A frame is one picture, a call one run of the model" in digits.shown("figures")
    median, n = digits.live.sides[0].back_to_back
    assert n >= 20
    assert median > 0
    assert f"ms (median of {n} calls, measured)" in digits.shown("figures")
    assert len(digits.live.latencies_ms) == 29  # these calls are no answers
    digits.event("clear")
    assert digits.live.sides[0].back_to_back is None


def test_what_is_simulated_is_not_run_back_to_back():
    driven = Driven(target="simulated")
    driven.frame(one())
    driven.frame(one())
    driven.event("stop", {})
    assert driven.live.sides[0].back_to_back is None


def test_what_is_kept_is_bounded(tiny):
    side = tiny.live.sides[0]
    for number in range(KEPT + 50):
        side._count(1.0, float(number))
    assert len(side.samples_ms) == len(side.ended_s) == KEPT
    for _ in range(20):
        tiny.frame(np.zeros((8, 8, 3), np.uint8))
    assert tiny.live._answers.maxlen == 1_000


def test_options_that_make_no_sense_are_refused(tflite_file, tmp_path):
    with pytest.raises(InputError, match="1 or 2 frames"):
        Live(in_flight=3)
    with pytest.raises(InputError, match="unknown target"):
        Live(target="gpu")
    with pytest.raises(ModelFileError):
        Live(tmp_path / "none.tflite")
    split = Split(np.zeros((4, 9, 9, 3), np.float32), np.zeros(4, np.int64), "test")
    with pytest.raises(InputError, match="do not fit"):
        Live(tflite_file("int8_conv"), test=split)


def test_test_images_of_one_s_own(tflite_file):
    images = np.random.default_rng(0).random((6, 8, 8, 3)).astype(np.float32)
    driven = Driven(tflite_file("int8_conv"), test=Split(images, np.arange(6), "test"))
    for _ in range(8):  # from the beginning again at the end
        (_, buffers), *_ = driven.event("example", {})
    assert np.frombuffer(buffers[0], np.uint8).tolist() == np.round(images[1] * 255).astype(np.uint8).ravel().tolist()
    assert driven.live.sides[0].known == 8


def test_without_test_images_that_is_said(tiny):
    tiny.event("example", {})
    assert "no test images for this model" in tiny.live.alert
    assert "Test set" not in tiny.live.render()


def upload(driven, content, name="mine.tflite", kind="model"):
    value = {"id": "a", "kind": kind, "name": name, "size": len(content), "index": 0, "count": 1, "offset": 0}
    return driven.event("upload", value, [content])


def test_a_visitor_s_model_is_not_run_unless_the_server_was_started_for_it(digits, tflite_bytes, monkeypatch):
    upload(digits, tflite_bytes("int8_conv"))
    assert "must be started with --trusted" in digits.live.alert
    assert not digits.live.uploaded
    assert 'data-upload="model"' not in digits.live.render()
    monkeypatch.setenv("EDGEWB_DASHBOARD_TRUSTED", "0")
    assert not Live().trusted
    monkeypatch.setenv("EDGEWB_DASHBOARD_TRUSTED", "1")
    assert Live().trusted


def test_a_visitor_s_model_runs_in_a_process_of_its_own(tflite_bytes):
    driven = Driven(trusted=True)
    assert 'data-upload="model"' in driven.live.render()
    sent = upload(driven, tflite_bytes("int8_conv"), "<i>mine</i>.tflite")
    assert driven.live.alert == ""
    told = next(content["input"] for content, _ in sent if "input" in content)
    assert (told["height"], told["width"], told["channels"]) == (8, 8, 3)
    driven.frame(np.zeros((8, 8, 3), np.uint8))
    assert driven.live.answers[0].basis is Basis.MEASURED
    assert driven.live.sides[0].target.process_id is not None
    driven.live.refresh()
    assert "&lt;i&gt;mine" in driven.shown("model")
    assert 'data-source="test" aria-pressed="false" disabled' in driven.live.render()  # and why, for one who loads the page again
    assert "No test set" in driven.live.render()
    driven.live._close_sides()


def test_targets_answer_side_by_side_to_a_visitor_s_model_each_in_such_a_process(tflite_bytes, monkeypatch):
    driven = Driven(trusted=True, targets=("ssh:pi@raspberrypi",))
    upload(driven, tflite_bytes("int8_conv"))
    here = {"cpu", "cpu:builtin", "simulated", *(["openvino"] if importlib.util.find_spec("openvino") else [])}
    assert set(driven.live.choices) == here  # neither the publisher's computers nor his devices
    if importlib.util.find_spec("onnxruntime"):
        assert "onnxruntime: it would be converted by TensorFlow" in driven.shown("model")
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    for given in sorted(here - {"cpu"}):
        driven.event("beside", str(driven.live.choices.index(given)))
        assert (driven.live.refused, driven.live.openings, driven.live.beside) == ("", (), given)
        driven.frame(picture)
        first, second = driven.live.answers[-2:]
        assert first.label == second.label
        assert second.basis is (Basis.SIMULATED if given == "simulated" else Basis.MEASURED)
        assert ("SIMULATED, not measured" in driven.shown("answers")) is (given == "simulated")
    numbers = [process.pid for process in psutil.Process().children(recursive=True)]
    assert numbers
    driven.live._close_sides()
    assert not any(map(psutil.pid_exists, numbers))


def test_a_target_that_does_not_take_a_visitor_s_model_is_said_in_the_visitor_s_words(tflite_bytes):
    driven = Driven(trusted=True)
    upload(driven, tflite_bytes("float"), "mine.tflite")
    assert driven.live.alert == ""
    driven.event("beside", str(driven.live.choices.index("simulated")))
    assert "mine.tflite cannot be simulated" in driven.live.refused
    assert tempfile.gettempdir() not in driven.live.refused
    assert (driven.live.target, driven.live.beside) == ("cpu", None)
    driven.live._close_sides()


def test_labels_come_from_the_visitor_s_file_or_with_it(tflite_bytes):
    driven = Driven(trusted=True)
    upload(driven, b"a\nb", "labels.txt", "labels")
    assert "give that first" in driven.live.alert
    names = [f"<b>{number}</b>" for number in range(10)]
    upload(driven, attach(tflite_bytes("int8_conv"), labels_dot_txt="\n".join(names)))
    assert driven.live.classifier.labels == tuple(names)
    driven.frame(np.zeros((8, 8, 3), np.uint8))
    assert "<b>" not in driven.shown("answers")
    assert "&lt;b&gt;" in driven.shown("answers")
    assert "from labels.txt in the model" in driven.shown("model")
    assert 'data-upload="labels"' in driven.shown("own")
    for content, said in (
        (b"a\nb", "2 labels were given for 10 classes"),
        (b"\xff\xfe", "no text file of labels"),
        (bytes(2**21), "at most"),
    ):
        upload(driven, content, "<i>names</i>", "labels")
        assert said in driven.live.alert
        assert driven.live.classifier.labels == tuple(names)
    upload(driven, "\n".join("abcdefghij").encode(), "<i>names</i>", "labels")
    assert driven.live.alert == ""
    assert "from &lt;i&gt;names" in driven.shown("model")
    driven.frame(np.zeros((8, 8, 3), np.uint8))
    assert driven.live.answers[-1].label in "abcdefghij"
    driven.live._close_sides()


def test_attached_labels_that_do_not_fit_are_left_out_and_said(tflite_bytes, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(attach(tflite_bytes("int8_conv"), labels_dot_txt="a\nb"))
    live = Live(path)
    assert live.classifier.labels[0] == "class 0"
    assert "labels.txt in the model&#39;s file has 2 and is left out" in live.render()


def test_the_server_s_model_is_what_the_page_begins_with(tmp_path, tflite_file, monkeypatch):
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("abcdefghij"))
    monkeypatch.setenv("EDGEWB_LIVE_MODEL", str(tflite_file("int8_conv")))
    assert Live().classifier.labels[0] == "class 0"
    monkeypatch.setenv("EDGEWB_LIVE_LABELS", str(labels))
    live = Live()
    assert (live.classifier.labels, live.uploaded, live.test) == (tuple("abcdefghij"), False, None)
    assert {"cpu", "cpu:builtin", "simulated"} <= set(live.choices)


@pytest.mark.parametrize("name", ["compiled", "float_io", "custom_op"])
def test_a_visitor_s_model_that_does_not_fit_changes_nothing(name, tflite_bytes):
    driven = Driven(trusted=True)
    for content in (tflite_bytes(name), b"", b"not a model", tflite_bytes("int8_conv")[:900]):
        upload(driven, content)
        assert driven.live.alert
        assert "\n" not in driven.live.alert
        assert tempfile.gettempdir() not in driven.live.alert
    driven.frame(one())
    assert driven.live.answers[-1].label == "1"


def test_the_kernel_of_a_live_page_stays_small():
    """Neither what trains, nor what draws elsewhere, nor Pillow and scipy: they come when they are needed, if ever."""
    words = """
import sys
from edgewb.views.widgets import Live
live = Live()
live.send = lambda *a, **k: None
for _ in range(30):
    live._receive(live, {"event": "example", "value": {}, "number": 1}, [])
assert live.frames == 30, live.alert
print([name for name in ("tensorflow", "sklearn", "plotly", "pandas", "scipy", "PIL", "onnxruntime", "openvino") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=Path(__file__).parents[3], check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "words"),
    [("draw", "draw on the paper"), ("camera", "turn the camera on"), ("video", "choose a video"), ("test", "press Stream")],
)
def test_where_no_answer_is_it_says_what_to_do(digits, source, words):
    digits.event("source", source)
    assert words in digits.live.render()


def test_pictures_answered_are_listed_where_pictures_come_from(digits):
    digits.frame(one(), source="pictures", name="a.png")
    assert "Pictures answered" in digits.live.render()
    digits.event("source", "camera")
    assert "Pictures answered" not in digits.live.render()
    digits.event("source", "pictures")
    assert "Pictures answered" in digits.live.render()


def test_two_sides_keep_the_line_of_whether_they_agree(digits):
    digits.live.choose("cpu", "cpu:builtin")
    assert '<p class="small wide"></p>' in digits.live.render()
    digits.frame(one())
    assert "Both say the same." in digits.live.render()
