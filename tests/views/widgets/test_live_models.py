"""Classifiers of live pages: what is taken, and how bytes become inputs. Real files, real JPEG."""

from __future__ import annotations

import io

import builders
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgewb.bundles import bundled_model
from edgewb.datasets import as_inputs
from edgewb.errors import InputError, ModelFileError
from edgewb.targets import TensorSpec
from edgewb.views.widgets.live_models import decode_frame, describe_classifier, shares

SHAPE = (8, 8, 3)


def test_a_model_is_described_without_being_run(tflite_file):
    found = describe_classifier(tflite_file("int8_conv"))
    assert (found.frame_shape, found.input.dtype, len(found.labels), found.told) == (SHAPE, np.int8, 10, False)
    assert found.input_range == (-1.0, 1.0)  # a scale of 1 / 128 around 0
    assert found.labels[3] == "class 3"


def test_the_bundled_digits_net_is_told_its_own_range():
    bundled = bundled_model("digits_sketch_int8")
    found = describe_classifier(bundled.path, bundled.labels)
    assert found.input_range == bundled.input_range == (0.0, 1.0)


def test_labels_come_from_a_file_or_a_list_and_must_fit(tflite_file, tmp_path):
    names = tmp_path / "labels.txt"
    names.write_text("\n".join(f"ä{number}" for number in range(10)) + "\n\n", encoding="utf-8")
    assert describe_classifier(tflite_file("int8_conv"), names).labels[9] == "ä9"
    with pytest.raises(InputError, match="2 labels were given for 10 classes"):
        describe_classifier(tflite_file("int8_conv"), ["cat", "dog"])
    with pytest.raises(InputError, match="cannot be read"):
        describe_classifier(tflite_file("int8_conv"), tmp_path / "none.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="one name per line"):
        describe_classifier(tflite_file("int8_conv"), tmp_path / "bytes.txt")


@pytest.mark.parametrize(
    ("name", "why"),
    [("compiled", "is compiled for the Edge TPU"), ("float_io", "a classifier's row"), ("leaky_branches", "a classifier's row")],
)
def test_other_models_are_refused_in_a_line(name, why, tflite_file):
    with pytest.raises(ModelFileError, match=why) as refused:
        describe_classifier(tflite_file(name))
    assert "\n" not in str(refused.value)


def test_a_table_is_no_picture(tmp_path):
    builder = builders.Builder()
    source = builder.tensor("row", (1, 30))
    path = tmp_path / "table.tflite"
    path.write_bytes(builder.build([source], [builder.softmax(builder.dense(source, 3))]))
    with pytest.raises(ModelFileError, match="one picture"):
        describe_classifier(path)


@pytest.mark.parametrize("given_range", [(1.0, 0.0), (0.0, float("nan"))])
def test_a_range_that_is_none_is_refused(given_range, tflite_file):
    with pytest.raises(InputError, match="input range"):
        describe_classifier(tflite_file("int8_conv"), input_range=given_range)


@given(
    st.sampled_from(["int8", "uint8", "float32"]),
    st.floats(0.001, 2),
    st.integers(-128, 127),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_the_table_gives_what_quantising_pixel_by_pixel_gives(tflite_bytes, dtype, scale, zero_point, input_range, seed):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(tflite_bytes("int8_conv"))
        classifier = describe_classifier(path, input_range=input_range)
    quantised = dtype != "float32"
    spec = TensorSpec("image", (1, *SHAPE), np.dtype(dtype), scale if quantised else None, max(0, zero_point) if quantised else None)
    frame = np.random.default_rng(seed).integers(0, 256, SHAPE, np.uint8)
    stored = classifier.stored_input(spec, frame)
    expected = spec.stored(as_inputs(frame[np.newaxis], input_range))
    assert stored.dtype == expected.dtype == spec.dtype
    assert (stored == expected).all()


def test_raw_frames_must_have_their_size():
    content = memoryview(bytes(range(192)))
    assert (decode_frame(content, SHAPE, "raw").ravel() == np.arange(192)).all()
    for wrong in (content[:191], memoryview(bytes(193)), memoryview(b""), memoryview(bytes(10_000_000))):
        with pytest.raises(InputError, match="192 are wanted"):
            decode_frame(wrong, SHAPE, "raw")


def jpeg(size, mode="RGB", **options):
    stream = io.BytesIO()
    Image.new(mode, size, 90).save(stream, "JPEG", **options)
    return memoryview(stream.getvalue())


def test_jpeg_frames_are_read_in_the_model_s_channels():
    grey = decode_frame(jpeg((8, 8), "L"), (8, 8, 1), "jpeg")
    assert grey.shape == (8, 8, 1)
    assert abs(int(grey.mean()) - 90) <= 1
    assert decode_frame(jpeg((8, 8), "L"), SHAPE, "jpeg").shape == SHAPE
    assert decode_frame(jpeg((8, 8), "CMYK"), SHAPE, "jpeg").shape == SHAPE


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (jpeg((8, 9)), "jpeg", "8 x 9 pixels came, 8 x 8 are wanted"),
        (jpeg((60_000, 2)), "jpeg", "are wanted"),
        (jpeg((8, 8), progressive=True), "jpeg", "cannot be read as JPEG .progressive"),
        (memoryview(b"garbage"), "jpeg", "cannot be read as JPEG"),
        (jpeg((8, 8))[:200], "jpeg", "cannot be read as JPEG"),
        (memoryview(bytes(2_000_000)), "jpeg", "raw or jpeg, up to 1,048,576 bytes"),
        (memoryview(bytes(192)), "png", "raw or jpeg"),
        (memoryview(bytes(192)), "None", "raw or jpeg"),
    ],
)
def test_bad_frames_are_refused_in_a_line(content, form, why):
    with pytest.raises(InputError, match=why) as refused:
        decode_frame(content, SHAPE, form)
    assert "\n" not in str(refused.value)


def test_a_png_called_jpeg_is_not_opened():
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    with pytest.raises(InputError, match="cannot be read as JPEG"):
        decode_frame(memoryview(stream.getvalue()), SHAPE, "jpeg")


def test_shares_add_up_to_one_and_say_when_softmax_made_them():
    values, made = shares(np.array([[0.25, 0.7421875]], np.float32))  # a quantised softmax, one step short
    assert not made
    assert values.sum() == pytest.approx(1)
    values, made = shares(np.array([2.0, 2.0, -1000.0], np.float32))
    assert made
    assert values.tolist() == pytest.approx([0.5, 0.5, 0])
