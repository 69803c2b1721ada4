"""Mistakes on validation images: those a file really makes, with pictures, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from edgewb.bundles import bundled_model
from edgewb.datasets import load_dataset
from edgewb.errors import InputError
from edgewb.measurements import predict
from edgewb.views.mistakes import show_mistakes

PATH = bundled_model("digits_cnn_int8").path


def test_the_mistakes_are_those_the_file_makes() -> None:
    found = show_mistakes(PATH)
    validation = load_dataset("digits").validation
    answers = predict(PATH, validation.x).argmax(axis=-1)
    assert found.n == len(validation)
    assert found.wrong == int((answers != validation.y).sum()) == len(found.listed) > 0
    assert {m.index for m in found.listed} == set(np.flatnonzero(answers != validation.y).tolist())
    assert all((m.truth, m.answer) == (str(validation.y[m.index]), str(answers[m.index])) for m in found.listed)
    scores = [m.score for m in found.listed]
    assert scores == sorted(scores, reverse=True)
    page = found._repr_html_()
    assert page.count("data:image/png;base64,") == found.wrong
    assert f"{found.wrong} of {found.n} validation images" in repr(found)


def test_a_table_has_no_images_to_show() -> None:
    with pytest.raises(InputError, match="no set of images"):
        show_mistakes(PATH, "breast_cancer")
