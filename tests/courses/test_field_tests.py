"""The exercises of notebook 11: right answers pass, each mistake has its sentence."""

from __future__ import annotations

import numpy as np
import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.courses import check
from edgewb.courses.exercises.field_tests import REASONS
from edgewb.lessons.checklists import fill_checklist
from edgewb.lessons.field_data import SHIFTS, shares_right


def test_right() -> None:
    assert check("11.1", "rotation3").passed
    assert check("11.2", "cannot be told").passed
    assert check("11.3", (8, 6, 7), REASONS[0]).passed
    assert check("11.3", np.array([6, 7, 8]), REASONS[0]).passed
    assert check("11.3", [6.0, 7.0, 8.0], REASONS[0]).passed


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("11.1", ("noise3",), "costs least"),
        ("11.1", ("blur3",), "another one"),
        ("11.1", ("rotation",), "one of 'noise3'"),
        ("11.2", ("worse",), "holds zero"),
        ("11.2", ("better",), "holds zero"),
        ("11.3", ([6, 7], REASONS[0]), "1 more of the eight is open"),
        ("11.3", ([], REASONS[0]), "3 more of the eight are open"),
        ("11.3", ([5, 6, 7, 8], REASONS[0]), "point 5 is not open"),
        ("11.3", ([6, 7, 8], REASONS[1]), "in common"),
        ("11.3", ("678", REASONS[0]), "numbers are asked for"),
        ("11.3", ([6, 7, 80], REASONS[0]), "from 1 to 8"),
        ("11.3", ([6, 7, 8, 9], REASONS[0]), "beyond the list"),
        ("11.3", (["6", "7", "8"], REASONS[0]), "from 1 to 8"),
        ("11.3", ([6.5], REASONS[0]), "from 1 to 8"),
        ("11.3", ([True], REASONS[0]), "from 1 to 8"),
        ("11.3", (7, REASONS[0]), "numbers are asked for"),
    ],
)
def test_mistakes(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message


BUNDLED = fill_checklist(bundled_model("digits_cnn_int8").path, bundled_studies()[0])
WITHOUT_STUDY = fill_checklist(bundled_model("digits_cnn_int8").path, budget_points=1.0, accept=[8])


def test_the_next_step_of_ones_own_list() -> None:
    assert check("11.4", BUNDLED, 6, "measured").passed
    assert check("11.4", WITHOUT_STUDY, 3, "study").passed
    assert check("11.4", fill_checklist(bundled_model("elu_branch").path), 1, "budget_points").passed
    assert check("11.4", fill_checklist(bundled_model("elu_branch").path, budget_points=1), 2, "accept").passed


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((BUNDLED, 7, "measured"), "it is open, but not the first"),
        ((BUNDLED, 1, "measured"), "that one is answered"),
        ((BUNDLED, 9, "measured"), "not among the eight"),
        ((BUNDLED, 6, "study"), "does not close point 6"),
        ((BUNDLED, 6, "nothing"), "does not close point 6"),
        ((BUNDLED, None, "measured"), "3 of the eight are open"),
        ((WITHOUT_STUDY, 6, "measured"), "open, but not the first"),
        ((bundled_model("elu_branch").path, 6, "measured"), "what fill_checklist"),
        ((BUNDLED, "six", "measured"), "first_open"),
        ((BUNDLED, 6, 7), "closed_by"),
        ((BUNDLED, ..., ...), ""),
    ],
)
def test_a_wrong_next_step(answers: tuple[object, ...], said: str) -> None:
    result = check("11.4", *answers)
    assert not result.passed
    assert said in result.message


def test_what_the_second_exercise_calls_right_is_what_the_images_say() -> None:
    import edgewb

    files = {r.recipe: r.file for r in bundled_studies()[0].records if r.recipe in ("float32", "ptq_int8")}
    rows = edgewb.compare_under_shifts(files, shifts="rotation3")
    (delta,) = [row.delta for row in rows if row.shift == "rotation3" and row.delta is not None]
    assert delta.ci95[0] < 0 < delta.ci95[1]
    # The same images as in the check, which does without scikit-learn.
    (shown,) = [row.score.value for row in rows if row.shift == "rotation3" and row.recipe == "ptq_int8"]
    assert shares_right(bundled_model("digits_cnn_int8").path, ["rotation3"])["rotation3"] == pytest.approx(shown)
    assert "rotation3" in SHIFTS
