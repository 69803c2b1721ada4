"""Targets that are opened beside a live page: real runtimes where they are installed, and an address where nobody answers."""

from __future__ import annotations

import time

import numpy as np
import pytest
from live_pages import Driven, one

from edgewb.caches import StageCache
from edgewb.errors import ModelFileError
from edgewb.targets.onnx_files import conversion_key
from edgewb.types import Basis
from edgewb.views.widgets.live_openings import Opening, opens_slowly


def place(driven, given):
    return str(driven.live.choices.index(given))


def test_quick_targets_are_opened_at_once():
    assert [given for given in ("cpu", "cpu:builtin", "simulated", "openvino", "onnxruntime:cuda", "ssh:a@b") if opens_slowly(given)] == [
        "openvino",
        "onnxruntime:cuda",
        "ssh:a@b",
    ]


def test_the_target_before_goes_on_answering_until_another_is_there():
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    driven = Driven()
    started = time.thread_time()
    driven.event("target", place(driven, "openvino"))
    assert time.thread_time() - started < 0.2  # of the processor: the work is another thread's
    live = driven.live
    assert (live.target, live.asked) == ("cpu", ("openvino", None))
    assert "data-opening" in driven.shown("opening")
    assert "cpu:xnnpack goes on answering" in driven.shown("opening")
    assert f'value="{place(driven, "openvino")}" selected' in driven.shown("model")
    driven.frame(one())
    assert live.answers[-1].target == "cpu:xnnpack"
    driven.event("beside", place(driven, "cpu"))  # the choice of the other list joins the one under way
    assert live.asked == ("openvino", "cpu")
    driven.until_opened()
    assert (live.refused, live.target, live.beside) == ("", "openvino", "cpu")
    assert "data-opening" not in driven.shown("opening")
    driven.frame(one())
    assert [answer.label for answer in live.answers] == ["1", "1"]
    assert live.answers[0].basis is Basis.MEASURED


def test_a_model_that_cannot_be_converted_is_said_and_the_page_goes_on(monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    driven = Driven()
    content = driven.live.classifier.path.read_bytes()
    StageCache().put("onnx", conversion_key(content), {"refusal.txt": b"tf2onnx cannot convert the op GELU to ONNX: measure it elsewhere"})
    driven.event("beside", place(driven, "onnxruntime"))
    driven.until_opened()
    assert "cannot convert the op GELU" in driven.shown("opening")
    driven.event("look")  # one that was on its way already
    driven.frame(one())
    assert driven.live.refused.startswith("digits_sketch_int8.tflite: tf2onnx cannot convert the op GELU")
    assert "cpu:xnnpack goes on answering" in driven.shown("opening")
    assert (driven.live.target, driven.live.beside, driven.live.asked) == ("cpu", None, ("cpu", None))
    driven.frame(one())
    assert driven.live.answers[-1].label == "1"


@pytest.mark.training
def test_a_model_is_converted_while_the_page_answers(monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    driven = Driven()
    driven.event("beside", place(driven, "onnxruntime"))
    took, said, began = [], set(), time.monotonic()
    while driven.live.openings:
        started = time.monotonic()
        driven.frame(one())
        took.append(time.monotonic() - started)
        driven.event("look")
        said.add("Converting the model for onnxruntime, once" in driven.shown("opening"))
        time.sleep(0.02)
    assert driven.live.refused == ""
    assert driven.live.beside == "onnxruntime"
    assert True in said
    assert len(took) > 30
    assert np.median(took) < (time.monotonic() - began) / 30  # no frame waits for the conversion
    driven.frame(one())
    assert [answer.label for answer in driven.live.answers] == ["1", "1"]


@pytest.mark.training
def test_a_conversion_nobody_waits_for_is_ended(monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    driven = Driven()
    driven.event("target", place(driven, "onnxruntime"))
    (opening,) = driven.live.openings
    while not opening.converting:
        time.sleep(0.02)
    time.sleep(1)
    driven.event("stay")
    assert (driven.live.openings, driven.live.asked) == ((), ("cpu", None))
    until = time.monotonic() + 60
    while not opening.done:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert StageCache().get("onnx", conversion_key(driven.live.classifier.path.read_bytes())) is None


def test_what_comes_when_nobody_wants_it_any_more_is_given_back():
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    driven = Driven()
    opening = Opening("openvino", driven.live.classifier, driven.live.classifier.path, 1)
    opening.drop()
    side = opening.result()
    until = time.monotonic() + 60
    while side.target.inputs:  # close() empties them
        assert time.monotonic() < until
        time.sleep(0.01)


def test_another_choice_takes_the_place_of_one_under_way():
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    driven = Driven()
    driven.event("target", place(driven, "openvino"))
    (first,) = driven.live.openings
    driven.event("beside", place(driven, "simulated"))
    assert driven.live.openings == (first,)  # it is not begun again
    driven.event("target", place(driven, "cpu:builtin"))
    assert (driven.live.openings, driven.live.target, driven.live.beside) == ((), "cpu:builtin", "simulated")
    driven.event("look")
    assert driven.live.target == "cpu:builtin"


def test_a_computer_that_does_not_answer_is_said(tflite_file):
    driven = Driven(targets=["ssh:nobody@127.0.0.1:9"])
    driven.event("target", place(driven, "ssh:nobody@127.0.0.1:9"))
    driven.until_opened()
    assert driven.live.refused
    assert "127.0.0.1" not in driven.live.render()  # an address is nothing for visitors
    assert driven.live.target == "cpu"
    with pytest.raises(ModelFileError):
        Opening("cpu", driven.live.classifier, tflite_file("compiled"), 1).result()
