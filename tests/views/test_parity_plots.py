"""The pictures of a comparison, from their data; the page in a real browser is in test_parity_pages.py."""

import base64
import dataclasses
import io
import json
import re

import made_targets
import numpy as np
import pytest

from edgewb.datasets import load_dataset
from edgewb.errors import InputError
from edgewb.parities import compare_targets
from edgewb.views.parity_plots import flip_gallery, parity_info, plot_flips, plot_parity


@pytest.fixture(autouse=True)
def _targets(monkeypatch):
    made_targets.register(monkeypatch)


@pytest.fixture
def data(tmp_path):
    names = np.array(["<b>zero</b>", *"123456789"])
    x = np.random.default_rng(0).integers(0, 255, (400, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=x, y=np.arange(400) % 10, class_names=names)
    return load_dataset(tmp_path / "pictures.npz")


def compared(path, by, **options):
    return compare_targets(path, ("cpu:builtin", f"shifted:usb:0 {by}"), **options)


@pytest.mark.parametrize("by", [0, 2, 16, 40, 250])
def test_the_bars_are_the_histogram(tflite_file, by):
    parity = compared(tflite_file("int8_conv"), by, inputs=40)
    info = parity_info(parity)
    assert {entry for entry in info.bins if entry.n} == set(parity.outputs[0].histogram)
    for before, after in zip(info.bins, info.bins[1:], strict=False):
        assert after.low_steps > before.high_steps
        if max(abs(before.high_steps), abs(after.low_steps)) <= max(abs(e.low_steps) for e in info.bins if e.low_steps == e.high_steps):
            assert after.low_steps == before.high_steps + 1  # no gap is hidden
    assert f"{parity.outputs[0].differ} of 400 values differ" in info.words
    figure = json.loads(plot_parity(parity).to_json())
    (bars,) = figure["data"]
    assert bars["x"] == list(info.labels)
    assert [value or 0 for value in bars["y"]] == [entry.n for entry in info.bins]
    assert figure["layout"]["yaxis"]["type"] == "log"
    title = figure["layout"]["xaxis"]["title"]["text"].replace("<br>", " ")
    assert "shifted less cpu:builtin, in steps of 0.003906" in title
    assert "(simulated, 400 values)" in title
    assert [a["text"] for a in figure["layout"]["annotations"] if a.get("name") == "watermark"] == ["SIMULATED"]


def test_real_units_where_there_are_no_steps(tflite_file):
    info = parity_info(compared(tflite_file("float"), 2, inputs=40))
    assert info.unit == "in its own units"
    assert "+1e+00 to +1e+01" in info.labels
    assert "0" in info.labels
    assert "step" not in info.words


def test_every_flip_is_drawn_once(tflite_file, data):
    parity = compared(tflite_file("int8_conv"), 250, dataset=data)
    assert len({flip.effect for flip in parity.flips}) > 1
    figure = json.loads(plot_flips(parity).to_json())
    drawn = re.findall(r"example (\d+):", " ".join(words for trace in figure["data"] for words in trace["customdata"]))
    hidden = sum(int(more) for trace in figure["data"] for words in trace["customdata"] for more in re.findall(r"and (\d+) more", words))
    assert len(drawn) + hidden == len(parity.flips)
    assert {int(example) for example in drawn} <= {flip.example for flip in parity.flips}
    assert "<b>zero" not in json.dumps(figure)


def test_the_gallery_shows_the_images_that_flip(tflite_file, data):
    from PIL import Image

    parity = compared(tflite_file("int8_conv"), 250, dataset=data)
    page = flip_gallery(parity, data, most=5)
    assert f"5 of the {len(parity.flips)} images that flip" in page
    order = sorted(parity.flips, key=lambda flip: (["lost", "gained", "neither"].index(flip.effect), flip.example))
    shown = re.findall(r'<img alt="test image (\d+)" src="data:image/png;base64,([^"]+)"', page)
    assert [int(example) for example, _ in shown] == [flip.example for flip in order[:5]]
    for example, picture in shown:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))
        assert np.array_equal(pixels, data.open_test().x[int(example)])
    assert "<b>zero" not in flip_gallery(parity, data, most=1000)
    assert "&lt;b&gt;zero&lt;/b&gt;" in flip_gallery(parity, data, most=1000)
    assert flip_gallery(parity, data).count("<img") == 24


def test_a_gallery_of_nothing_is_empty_and_of_other_data_refused(tflite_file, data, tmp_path):
    path = tflite_file("int8_conv")
    assert flip_gallery(compared(path, 0, dataset=data), data) == ""
    with pytest.raises(InputError, match=r"is not what int8_conv\.tflite was compared on"):
        flip_gallery(compared(path, 250, dataset=data), load_dataset(tmp_path / "pictures.npz", seed=1))


def test_no_such_output(tflite_file):
    with pytest.raises(InputError, match="output 1: the model has 1"):
        parity_info(compared(tflite_file("int8_conv"), 1, inputs=2), 1)


@pytest.mark.parametrize("margins", [(0.0, 0.0), (0.25, 0.0), (0.5, 0.25)])
def test_a_single_flip_lies_within_the_axes(tflite_file, data, margins):
    parity = compared(tflite_file("int8_conv"), 250, dataset=data)
    flip = parity.flips[0]
    first, second = (dataclasses.replace(side, margin=margin) for side, margin in zip((flip.first, flip.second), margins, strict=True))
    one = dataclasses.replace(flip, first=first, second=second)
    figure = plot_flips(dataclasses.replace(parity, top_one=dataclasses.replace(parity.top_one, flips=(one,))))
    for axis, margin in zip((figure.layout.xaxis, figure.layout.yaxis), margins, strict=True):
        low, high = axis.range
        assert low < margin < high
        assert high < 1  # its own scale, not an arbitrary one


def test_without_flips_there_are_axes(tflite_file):
    assert len(plot_flips(compared(tflite_file("int8_conv"), 0, inputs=5)).data) == 0
