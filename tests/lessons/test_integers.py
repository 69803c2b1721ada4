"""INT8 by hand agrees with the library's arithmetic and with the interpreter."""

import math

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import InputError
from edgewb.lessons.integers import ENERGIES, split_multiplier, store_numbers, stored_numbers, trace_dot_product

REALS = st.floats(-2, 2).map(lambda value: round(value, 3))


def test_numbers_stored_and_restored():
    numbers = stored_numbers([0, 0.01, 1, 9, -9, 4.005, 4.01], 5 / 255, -77)
    assert [one.stored for one in numbers] == [-77, -76, -26, 127, -128, 127, 127]
    assert [one.remark for one in numbers] == [
        "exact",
        "rounded",
        "exact",
        *["saturated: outside the range"] * 2,
        "rounded",
        "saturated: outside the range",
    ]
    assert [one.error for one in numbers[3:5]] == pytest.approx([-5, 8])
    assert store_numbers([-2], 5 / 255, -77).rows == (("−2", "−128", "−1.0000", "+1.0000", "saturated: outside the range"),)
    with pytest.raises(InputError, match="scale"):
        store_numbers([1], 0, 0)


@given(st.floats(1e-9, 1e6))
def test_a_multiplier_is_an_int32_and_a_power_of_two(real):
    split = split_multiplier(real)
    assert 2**30 <= split.mantissa < 2**31
    assert split.stored == pytest.approx(real, rel=2**-30)


def test_a_multiplier_that_rounds_up_to_two_stays_within_int32():
    assert split_multiplier(math.nextafter(1, 0)).mantissa == 2**30
    for real in (0, -1, math.inf, math.nan):
        with pytest.raises(InputError, match="above 0"):
            split_multiplier(real)


@given(st.lists(st.tuples(REALS, REALS), min_size=1, max_size=8), REALS)
def test_a_dot_product_is_off_by_what_rounding_explains(pairs, bias):
    inputs, weights = [x for x, _ in pairs], [w for _, w in pairs]
    done = trace_dot_product(inputs, weights, bias, (-2, 2), (-40, 40))
    assert done.total == done.terms["product"].sum() + done.bias
    assert done.exact == pytest.approx(np.dot(inputs, weights) + bias)
    largest = max(map(abs, weights)) or 127.0
    step_x, step_w, step_y = 4 / 255, largest / 127, 80 / 255
    allowed = len(pairs) * (step_x / 2 * largest + step_w / 2 * (2 + step_x)) + step_x * step_w / 2 + step_y
    assert abs(done.error) <= allowed + 1e-6


def test_a_dot_product_is_what_litert_makes_of_it():
    """A dense layer with these very scales, run by the interpreter's built-in kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    inputs, weights, bias = [0.2, 0.5, 1.0, 0.0], [0.3, 0.7, -0.11, 0.4], 0.05
    done = trace_dot_product(inputs, weights, bias, (0, 1), (0, 1.2))
    x_scale, w_scale, y_scale = 1 / 255, 0.7 / 127, 1.2 / 255
    b = builders.Builder()
    x = b.tensor("x", [1, 4], scale=x_scale, zero_point=-128)
    w = b.tensor("w", [1, 4], data=done.terms["weight, int8"].to_numpy()[np.newaxis].astype(np.int8), scale=w_scale)
    c = b.tensor("c", [1], "INT32", data=np.array([done.bias], np.int32), scale=[x_scale * w_scale])
    y = b.tensor("y", [1, 1], scale=y_scale, zero_point=-128)
    b.op("FULLY_CONNECTED", [x, w, c], [y])
    model = Interpreter(model_content=b.build([x], [y]), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], done.terms["input, int8"].to_numpy()[np.newaxis].astype(np.int8))
    model.invoke()
    assert model.get_tensor(model.get_output_details()[0]["index"]).item() == done.stored


def test_a_dot_product_shows_its_steps():
    done = trace_dot_product([0.5], [1.0], 0.0, (0, 1), (0, 1))
    assert f"{done.total:,}" in done._repr_html_()
    assert "zero point \N{MINUS SIGN}128" in done._repr_html_()
    assert "stored=" in repr(done)
    with pytest.raises(InputError, match="as many of one"):
        trace_dot_product([1, 2], [1], 0, (0, 1), (0, 1))


def test_energies_name_their_source_and_grow_with_the_width():
    assert all(cost.source and cost.picojoules > 0 and cost.basis == "published" for cost in ENERGIES)
    by_name = {cost.operation: cost.picojoules for cost in ENERGIES}
    assert by_name["multiply, int8"] < by_name["multiply, int32"] < by_name["multiply, float32"]
