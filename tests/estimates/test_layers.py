"""What one matrix product takes."""

from hypothesis import given
from hypothesis import strategies as st

from edgewb.estimates.layers import conv_cycles, passes


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 600), st.integers(1, 600), st.sampled_from([1, 9, 25]))
def test_the_tiles_never_do_more_than_they_can(height: int, width: int, inputs: int, outputs: int, kernel: int) -> None:
    cycles = conv_cycles(height, width, inputs, outputs, kernel)
    assert cycles * 1024 >= height * width * inputs * outputs * kernel
    assert conv_cycles(height, width, inputs, outputs + 64, kernel) >= cycles
    assert passes(height, width, inputs, outputs, kernel, 0) >= 1
