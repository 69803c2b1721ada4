"""The array gives the product of the matrices, in the number of cycles that arithmetic says, and every sum on the way is a part of it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgewb.errors import InputError
from edgewb.lessons.systolic_arrays import count_cycles, run_array, safe_products

SIDES = st.integers(1, 5)
INT8 = st.integers(-128, 127)


@st.composite
def matrices(draw):
    n, k, m = draw(st.integers(1, 7)), draw(SIDES), draw(SIDES)
    return draw(hnp.arrays(np.int64, (n, k), elements=INT8)), draw(hnp.arrays(np.int64, (k, m), elements=INT8))


@given(matrices())
def test_the_product_comes_out_in_the_cycles_counted(pair):
    x, w = pair
    run = run_array(x, w)
    np.testing.assert_array_equal(run.product, x @ w)
    assert len(run.cycles) == count_cycles(len(x), *w.shape)
    assert [cycle.number for cycle in run.cycles] == list(range(1, len(run.cycles) + 1))
    assert run.multiplications == x.shape[0] * w.size
    assert run.utilisation == pytest.approx(len(x) / len(run.cycles))


@given(matrices())
def test_every_partial_sum_is_that_of_the_rows_above(pair):
    x, w = pair
    for cycle in run_array(x, w).cycles:
        for k, line in enumerate(cycle.cells):
            for m, cell in enumerate(line):
                if cell.row is None:
                    assert (cell.input, cell.partial) == (None, None)
                    continue
                assert cell.row == cycle.number - 1 - k - m
                assert cell.input == x[cell.row, k]
                assert cell.partial == x[cell.row, : k + 1] @ w[: k + 1, m]


@given(matrices())
def test_each_sum_leaves_once_and_every_multiplication_is_made(pair):
    x, w = pair
    run = run_array(x, w)
    left = [(one.row, one.column) for cycle in run.cycles for one in cycle.finished]
    assert sorted(left) == [(row, column) for row in range(len(x)) for column in range(w.shape[1])]
    assert sum(cycle.busy for cycle in run.cycles) == run.multiplications


def test_the_widest_numbers_do_not_wrap():
    run = run_array(np.full((2, 5), -128), np.full((5, 1), -128))
    assert run.product == ((81_920,), (81_920,))
    json.dumps(run.to_dict())


@pytest.mark.parametrize(
    ("inputs", "weights", "said"),
    [
        ([[1, 2]], [[1], [2], [3]], "do not fit weights of 3 rows"),
        ([[200]], [[1]], "int8 holds"),
        ([[0.5]], [[1]], "matrix of whole numbers"),
        ([], [[1]], "matrix"),
        ([[1], [1, 2]], [[1]], "different lengths"),
        (np.ones((1, 65), int), np.ones((65, 65), int), "too many to follow"),
    ],
)
def test_what_cannot_be_multiplied_is_refused(inputs, weights, said):
    with pytest.raises(InputError, match=said):
        run_array(inputs, weights)


def test_counts():
    assert count_cycles(6, 4, 4) == 12
    assert count_cycles(1, 1, 1) == 1
    with pytest.raises(InputError, match="1 or more"):
        count_cycles(0, 4, 4)


@pytest.mark.parametrize(("bits", "sum_bits"), [(8, 32), (8, 16), (4, 8), (2, 64)])
def test_safe_products_is_the_last_number_that_fits(bits, sum_bits):
    largest, top = (2 ** (bits - 1)) ** 2, 2 ** (sum_bits - 1) - 1
    n = safe_products(bits, sum_bits)
    assert n * largest <= top < (n + 1) * largest


def test_safe_products_refuses_other_widths():
    with pytest.raises(InputError, match="2 to 32 bits"):
        safe_products(1)
