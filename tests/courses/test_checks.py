"""What ``check`` says to answers of any kind."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.courses import check
from edgewb.courses.checks import MIME, NotYet, exercise, expect_close, list_exercises, number_in, text_in, whole_number_in


@exercise("99.1")
def _judge_pair(scale: object, offset: object) -> str:
    expect_close(scale, 0.5, "scale", mistakes={"that is the range, not the step.": 127.5}, hint="A range has 255 steps.")
    expect_close(offset, 3, "offset")
    return "255 steps of 0.5."


@exercise("99.2")
def _judge_odd(answer: object) -> None:
    len(answer)  # type: ignore[arg-type]


def test_right_answer() -> None:
    result = check("99.1", 0.5, 3)
    assert result.passed
    assert repr(result) == "Right (99.1): 255 steps of 0.5."


def test_a_gap_is_named() -> None:
    result = check("99.1", 0.5, ...)
    assert not result.passed
    assert result.message.startswith("offset is still open")


def test_a_mistake_has_its_sentence() -> None:
    assert check("99.1", 127.5, 3).message == "scale is 127.5: that is the range, not the step."
    assert check("99.1", 0.7, 3).message == "scale is 0.7, which is too large. A range has 255 steps."
    assert "too small" in check("99.1", 0.5, 2).message


def test_too_few_and_unknown() -> None:
    assert check("99.1", 1).message == "this check takes 2 answers (scale, offset); 1 came."
    assert "no such exercise" in check("98.7", 1).message
    assert "no such exercise" in check(7, 1).message  # type: ignore[arg-type]


@given(
    st.one_of(st.none(), st.text(), st.binary(), st.floats(), st.complex_numbers(), st.lists(st.integers()), st.booleans(), st.just(object))
)
def test_no_answer_ends_in_a_traceback(answer: object) -> None:
    assert not check("99.1", answer, answer).passed
    check("99.2", answer)


def test_html_escapes_answers_and_says_the_verdict_in_words() -> None:
    bundle = check("99.1", "<script>alert(1)</script>", 3)._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "Not yet" in bundle["text/html"]
    assert bundle[MIME]["passed"] is False


@pytest.mark.parametrize(
    ("given_", "said"), [("0.5", "a number is asked for"), (float("nan"), "finite"), (True, "number"), ([1, 2], "list")]
)
def test_number_in(given_: object, said: str) -> None:
    with pytest.raises(NotYet, match=said):
        number_in(given_, "x")


def test_whole_numbers_and_texts() -> None:
    assert whole_number_in(5.0, "x") == 5
    with pytest.raises(NotYet, match=re.escape("x is 5.5; a whole number")):
        whole_number_in(5.5, "x")
    assert text_in(" CPU ", "where", ("cpu", "tpu")) == "cpu"
    with pytest.raises(NotYet, match="one of 'cpu', 'tpu'"):
        text_in("gpu", "where", ("cpu", "tpu"))
    with pytest.raises(NotYet, match="in quotes"):
        text_in(3, "where")


def test_two_judges_for_one_exercise_are_refused() -> None:
    with pytest.raises(ValueError, match="two judges"):

        @exercise("99.1")
        def _another(scale: object) -> None: ...


def test_exercises_of_the_course_are_listed_with_their_notebook() -> None:
    assert all(re.fullmatch(r"\d\d\.\d", number) for number in list_exercises())
