"""The bundled digits under shifts, without scikit-learn: what a file gets right of the 500 test images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgewb.accuracies import predict
from edgewb.answers import read_answers
from edgewb.bundles import bundled_test_images
from edgewb.shifts import decode_shift, shift_images

SHIFTS = ("noise3", "blur3", "contrast3", "rotation3")
"""One of each kind, of middle severity: what ``edgewb.compare_under_shifts`` takes by default."""


def shares_right(file: str | Path, shifts: Sequence[str] = SHIFTS) -> dict[str, float]:
    """Share of the test images a classifier of the digits gets right under each shift, 0..1, on the CPU.

    Args:
        shifts: such as "noise3"; "none" for the images as they are.

    Raises:
        InputError: an unknown shift. ModelFileError: no readable model.
    """
    for name in shifts:
        if name != "none":
            decode_shift(name)
    test = bundled_test_images()
    images = {name: test.x if name == "none" else shift_images(test.x, name, 0, "test") for name in shifts}
    return {name: float(read_answers(predict(file, x), test.y).right.mean()) for name, x in images.items()}
