"""Images beside their answers."""

from __future__ import annotations

import pytest

from edgewb.bundles import bundled_model, bundled_test_images
from edgewb.errors import InputError
from edgewb.views.answer_pictures import show_answers


def test_first_images_then_mistakes() -> None:
    images = bundled_test_images()
    shown = show_answers(bundled_model("digits_cnn_int8").path, images, count=3, mistakes=2)
    assert [each.index for each in shown.pictures[:3]] == [0, 1, 2]
    assert [each.right for each in shown.pictures[3:]] == [False, False]
    assert all(each.truth == str(images.y[each.index]) for each in shown.pictures)
    assert shown.n == 500
    assert 480 <= shown.right < 500
    assert f"{shown.right} of 500 answers are right (measured" in repr(shown)
    page = shown._repr_html_()
    assert page.count("<img") == 5
    assert page.count('src="data:image/png;base64,') == 5


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="from 0 to 60"):
        show_answers(bundled_model("digits_cnn_int8").path, bundled_test_images(), count=-1)
