"""What choosing adds: against drawing, and at the ends that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.lessons.selections import expected_best


def test_expected_best_is_what_drawing_gives() -> None:
    drawn = np.random.default_rng(0).binomial(200, 0.95, (40_000, 10)).max(axis=1) / 200
    assert expected_best(0.95, 200, 10) == pytest.approx(drawn.mean(), abs=4 * drawn.std() / 200)


def test_one_example_is_right_unless_all_are_wrong() -> None:
    assert expected_best(0.3, 1, 4) == pytest.approx(1 - 0.7**4)


@given(st.floats(0, 1), st.integers(1, 300), st.integers(1, 60))
def test_expected_best_grows_with_the_tries_and_stays_a_share(share: float, n: int, variants: int) -> None:
    best = expected_best(share, n, variants)
    assert share <= best <= 1 + 1e-9
    assert best <= expected_best(share, n, variants + 1) + 1e-9
    assert expected_best(share, n, 1) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize(("share", "n", "variants"), [(1.1, 5, 1), (0.5, 0, 1), (0.5, 5, 0)])
def test_nonsense_is_refused(share: float, n: int, variants: int) -> None:
    with pytest.raises(ValueError, match="are wanted"):
        expected_best(share, n, variants)
