"""What a name says behind its conversion, and which calibration images it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import ConversionError, InputError
from edgewb.optimizers.choices import Choices, Conversion, Interface, Selection, choose_calibration, decode_conversion
from edgewb.optimizers.recipes import decode_recipe
from edgewb.optimizers.training import TrainingData

LABELS = np.repeat(np.arange(3), [20, 6, 4])


def data(labelled: bool = True) -> TrainingData:
    """30 calibration rows that hold their own number; 20, 6 and 4 of three classes."""
    rows, none = np.arange(30, dtype=np.float32)[:, None], np.zeros((0, 1), np.float32)
    return TrainingData(none, LABELS[:0], none, LABELS[:0], rows, 3, LABELS if labelled else None)


def chosen(choices: Choices, seed: int = 0) -> list[int]:
    return choose_calibration(data(), choices, seed)[:, 0].astype(int).tolist()


@given(st.sampled_from(Conversion), st.sampled_from(Interface), st.one_of(st.none(), st.integers(1, 99_999)), st.sampled_from(Selection))
def test_every_choice_has_one_spelling_that_decodes_to_it(
    conversion: Conversion, interface: Interface, number: int | None, selection: Selection
) -> None:
    choices = Choices(interface, number, selection if number is not None else Selection.RANDOM)
    allowed = (conversion.is_int8 or interface is Interface.INT8) and (conversion.is_ptq or number is None)
    if allowed:
        assert decode_conversion(f"{conversion}{choices.suffix}") == (conversion, choices)
    else:
        with pytest.raises(InputError, match=f"write {conversion}, or ptq_int8"):
            decode_conversion(f"{conversion}{choices.suffix}")


@pytest.mark.parametrize(
    "name",
    [
        "ptq_int8_calib0",
        "ptq_int8_calib020",
        "ptq_int8_calib",
        "ptq_int8_calib20_random",
        "ptq_int8_first",
        "ptq_int8_uint8_io_float_io",
        "ptq_int8_calib123456",
        "ptq_int8_calib2٠",
    ],
)
def test_other_spellings_are_no_recipe(name: str) -> None:
    assert decode_conversion(name) is None
    with pytest.raises(InputError, match="ptq_int8"):
        decode_recipe(name)


def test_choices_are_said() -> None:
    assert decode_recipe("ptq_int8_uint8_io_calib20_balanced").description == (
        "all integers after training, weight scales per channel, uint8 input and output, calibrated with 20 images (balanced by class)"
    )
    assert decode_recipe("prune50_ptq_int8_calib1").description.endswith("calibrated with 1 image (random)")


def test_no_number_takes_the_whole_split_in_its_order() -> None:
    assert chosen(Choices()) == list(range(30))
    assert chosen(Choices(calibration=5, selection=Selection.FIRST)) == list(range(5))


@given(st.integers(1, 30), st.integers(0, 5))
def test_a_smaller_number_is_a_part_of_a_larger_one_and_the_seed_decides(number: int, seed: int) -> None:
    for selection in (Selection.RANDOM, Selection.BALANCED):
        few = chosen(Choices(calibration=number, selection=selection), seed)
        assert len(set(few)) == number
        assert few == chosen(Choices(calibration=30, selection=selection), seed)[:number]
    assert chosen(Choices(calibration=30), 0) != chosen(Choices(calibration=30), 1)


@given(st.integers(1, 30), st.integers(0, 5))
def test_balanced_gives_each_class_as_many_as_it_has(number: int, seed: int) -> None:
    counts = np.bincount(LABELS[chosen(Choices(calibration=number, selection=Selection.BALANCED), seed)], minlength=3)
    held = np.array([20, 6, 4])
    # Every class that gave fewer than another by more than one has no more to give.
    assert all(count == held[i] for i, count in enumerate(counts) if count < counts.max() - 1)


def test_what_the_split_cannot_give_is_said() -> None:
    with pytest.raises(ConversionError, match="calib31 asks for more than the 30 examples of the calibration split: take 1 to 30"):
        chosen(Choices(calibration=31))
    with pytest.raises(ConversionError, match="need their classes"):
        choose_calibration(data(labelled=False), Choices(calibration=3, selection=Selection.BALANCED), 0)


@pytest.mark.parametrize("conversion", Conversion)
def test_each_conversion_says_what_it_is_and_what_it_buys(conversion: Conversion) -> None:
    assert conversion.says
    assert conversion.buys
    assert ("nothing runs on an Edge TPU" in conversion.buys) == (not conversion.is_int8)
