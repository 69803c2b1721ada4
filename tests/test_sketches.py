"""Digits found in pictures: rendered photographs, read by the digits net; and pictures without any."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import drawings
import numpy as np
import pytest
import scenes

from edgewb.bundles import bundled_model, bundled_test_images
from edgewb.errors import InputError
from edgewb.sketches import SIDE, count_cells, find_ink, read_sketch
from edgewb.targets import open_target


@pytest.fixture(scope="module")
def digits():
    """The first 25 test images, and what reads what is fed to the net."""
    test = bundled_test_images()
    with open_target("cpu") as target:
        target.load(bundled_model("digits_sketch_int8").path)
        spec = target.inputs[0]
        yield test.x[:25, :, :, 0], test.y[:25], lambda fed: int(target.run([spec.stored(fed[np.newaxis])])[0].argmax())


def photographs(kind, light, examples, labels, **options):
    rng = np.random.default_rng(7)
    for example, label in zip(examples, labels, strict=True):
        yield int(label), scenes.photograph(scenes.ink(kind, int(label), example, rng), light, rng, **options)


# How many are read is what ``python -m tests.benchmarks sketches`` says, of 200 pictures each; here is only seen that it has not broken.
@pytest.mark.parametrize("light", scenes.LIGHTS)
def test_handwriting_on_paper_is_found_and_mostly_read_wherever_it_stands_and_however_it_is_lit(light, digits):
    examples, labels, read = digits
    fed = [(label, read_sketch(picture)) for label, picture in photographs("handwriting", light, examples, labels)]
    assert all(values is not None for _, values in fed)
    assert sum(read(values) == label for label, values in fed) >= 19


@pytest.mark.parametrize(("kind", "least"), [("strokes", 17), ("print", 14)])
def test_drawn_and_printed_digits_are_found_and_often_read(kind, least, digits):
    examples, labels, read = digits
    fed = [(label, read_sketch(picture)) for label, picture in photographs(kind, "even", examples, labels)]
    assert sum(values is not None and read(values) == label for label, values in fed) >= least


# All ways and forms, four times each: ``python -m tests.benchmarks sketches``.
@pytest.mark.parametrize("way", drawings.WAYS)
def test_what_people_draw_is_mostly_read_in_forms_the_net_was_not_trained_on(way, digits):
    _, _, read = digits
    right = total = 0
    for digit, forms in drawings.JUDGING.items():
        for number, lines in enumerate(forms):
            fed = read_sketch(drawings.draw(lines, np.random.default_rng([digit, number]), **drawings.WAYS[way]))
            right += fed is not None and read(fed) == digit
            total += 1
    assert total == 23
    assert right >= 19


def test_training_pictures_are_fed_as_a_visitor_s_are_and_come_out_the_same():
    path = Path(__file__).parents[1] / "data" / "training_pictures.py"
    spec = importlib.util.spec_from_file_location("training_pictures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x, y = module.training_pictures(24)
    assert (x.shape[1:], x.dtype, y.dtype) == ((32, 32, 1), np.float32, np.int64)
    assert 20 <= len(x) == len(y) <= 24
    assert (x[:, ::4, ::4] * 16 == np.round(x[:, ::4, ::4] * 16)).all()
    again, _ = module.training_pictures(24)
    assert (again == x).all()


def test_chalk_on_a_blackboard_is_read_as_ink_on_paper(digits):
    examples, labels, read = digits
    fed = [(label, read_sketch(picture)) for label, picture in photographs("handwriting", "even", examples, labels, light_on_dark=True)]
    assert sum(values is not None and read(values) == label for label, values in fed) >= 19


def test_what_is_fed_has_the_form_of_the_bundled_images(digits):
    examples, labels, _ = digits
    for _, picture in photographs("strokes", "even", examples[:10], labels[:10]):
        fed = read_sketch(picture)
        assert fed is not None
        assert (fed.shape, fed.dtype) == ((32, 32, 1), np.float32)
        cells = fed[::4, ::4, 0]
        assert (fed[..., 0] == cells.repeat(4, axis=0).repeat(4, axis=1)).all()
        assert set(np.unique(cells * 16)) <= set(range(17))
        assert 0.28 <= cells.mean() <= 0.33
        rows = np.flatnonzero(cells.max(axis=1))
        assert (rows[0], rows[-1]) == (0, 7)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_is_found_on_an_empty_picture(value):
    assert read_sketch(np.full((SIDE, SIDE), value, np.uint8)) is None


def test_nothing_is_found_in_noise_or_in_a_slope_of_light():
    rng = np.random.default_rng(0)
    noise = np.clip(rng.normal(200, 6, (SIDE, SIDE)), 0, 255).astype(np.uint8)
    slope = np.linspace(90, 220, SIDE).astype(np.uint8)[np.newaxis].repeat(SIDE, axis=0)
    assert read_sketch(noise) is None
    assert read_sketch(slope) is None


def test_a_mark_at_the_edge_is_left_for_one_that_is_whole():
    picture = np.full((SIDE, SIDE), 230, np.uint8)
    picture[:, :14] = 20  # larger, darker, and not whole
    picture[50:90, 70:78] = 60
    found = find_ink(picture / 255)
    assert found is not None
    assert found.shape[0] / found.shape[1] > 3  # the upright stroke


def test_a_dash_close_by_belongs_to_the_mark_and_a_far_one_does_not():
    picture = np.full((SIDE, SIDE), 230, np.uint8)
    picture[40:90, 60:68] = 30
    alone = find_ink(picture / 255)
    near, far = picture.copy(), picture.copy()
    near[32:37, 60:80] = 30
    far[5:10, 110:120] = 30
    with_dash, without = find_ink(near / 255), find_ink(far / 255)
    assert alone is not None
    assert with_dash is not None
    assert without is not None
    assert with_dash.shape[0] > alone.shape[0]
    assert abs(without.shape[0] - alone.shape[0]) <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (128, 128), (3, 3)])
def test_cells_of_any_cutting_are_shares(shape):
    cells = count_cells(np.ones(shape))
    assert cells.shape == (8, 8)
    assert (cells >= 0).all()
    assert (cells <= 1).all()
    assert cells.any()


@pytest.mark.parametrize("picture", [np.zeros((64, 64), np.uint8), np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE, 1), np.uint8)])
def test_another_shape_or_type_is_refused(picture):
    with pytest.raises(InputError, match="a picture of 128 x 128 uint8 is wanted"):
        read_sketch(picture)


def test_any_picture_whatsoever_gives_an_input_or_none():
    rng = np.random.default_rng(3)
    for _ in range(60):
        picture = rng.integers(0, 256, (SIDE // 8, SIDE // 8), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        fed = read_sketch(np.where(rng.random((SIDE, SIDE)) < rng.random(), picture, rng.integers(0, 256)).astype(np.uint8))
        assert fed is None or (np.isfinite(fed).all() and fed.shape == (32, 32, 1))
