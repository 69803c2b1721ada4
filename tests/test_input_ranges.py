"""What a model from a file takes."""

from __future__ import annotations

import pytest

from edgewb.datasets import load_dataset
from edgewb.errors import InputError
from edgewb.input_ranges import check_fit, choose_range


def test_the_best_range_is_chosen_and_the_note_names_the_others() -> None:
    chosen, note = choose_range([[[0, 1], 0.5], [[-1, 1], 0.75], [[0, 255], 0.25]], 40)
    assert chosen == (-1.0, 1.0)
    assert note == (
        "input range -1..1 chosen: 75.0 % of 40 validation images right, against 50.0 % with 0..1, 25.0 % with 0..255 (measured); "
        "--input-range sets it"
    )


def test_of_equals_the_first_is_taken_and_said_to_be_no_better() -> None:
    chosen, note = choose_range([[[0, 1], 0.5], [[-1, 1], 0.75], [[0, 255], 0.75]], 40)
    assert chosen == (-1.0, 1.0)
    assert note.startswith("input range -1..1 taken, though 2 do equally well: 75.0 %")


@pytest.mark.parametrize(
    ("dataset", "shape", "outputs", "says"),
    [
        ("breast_cancer", [31], 2, r"takes inputs of shape \(31,\), data set breast_cancer has \(30,\)"),
        ("breast_cancer", [30], 3, "gives 3 outputs, data set breast_cancer has 2 classes"),
        ("diabetes", [10], 2, "gives 2 outputs, and diabetes is a regression, which has one"),
    ],
)
def test_a_model_of_other_data_is_refused(dataset: str, shape: list[int], outputs: int, says: str) -> None:
    data = load_dataset(dataset)
    check_fit("own", {"input_shape": list(data.input_shape), "outputs": len(data.class_names) or 1}, data)
    with pytest.raises(InputError, match=f"own {says}"):
        check_fit("own", {"input_shape": shape, "outputs": outputs}, data)
