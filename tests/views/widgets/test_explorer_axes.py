"""From where to where the explorer's axes go."""

from hypothesis import given
from hypothesis import strategies as st

from edgewb.views.widgets.explorer_axes import Scale, span_of


def test_one_long_line_does_not_squeeze_the_others():
    values, lows = [1.0, 1.1, 1.2, 1.3], [0.9, 1.0, 1.1, 1.2]
    short = span_of(values, lows, [1.1, 1.2, 1.3, 1.4])
    assert (short.low, short.high) == (0.9, 1.4)
    assert span_of(values, lows, [1.1, 90.0, 1.3, 1.4]) == short
    assert span_of(values, [0.9, 1.0, 1.1, -50.0], [1.1, 1.2, 1.3, 1.4]) == short


def test_lines_that_are_only_somewhat_longer_stay():
    assert span_of([1.0, 2.0], [0.9, 1.9], [1.1, 2.4]).high == 2.4


def test_no_value_is_cut_however_far_it_lies():
    span = span_of([1.0, 1.1, 1.2, 5.0], [0.9, 1.0, 1.1, 4.0], [1.1, 1.2, 1.3, 60.0])
    assert (span.low, span.high) == (0.9, 5.0)


def test_alone_a_line_is_never_cut():
    assert span_of([2.0], [1.0], [9.0]) == span_of([2.0], [1.0], [9.0])
    assert (span_of([2.0], [1.0], [9.0]).low, span_of([2.0], [1.0], [9.0]).high) == (1.0, 9.0)


def test_a_long_line_alone_makes_no_axis_logarithmic():
    assert not span_of([1.0, 1.1, 1.2, 1.3], [0.9, 1.0, 1.1, 1.2], [1.1, 1.2, 1.3, 40.0]).logarithmic
    assert span_of([1.0, 3.0, 9.0, 30.0], [0.9, 2.0, 8.0, 20.0], [1.1, 4.0, 10.0, 40.0]).logarithmic


@given(st.lists(st.tuples(st.floats(1e-4, 1e4), st.floats(0, 1), st.floats(0, 1e4)), min_size=1, max_size=30))
def test_every_value_and_three_quarters_of_the_lines_are_held(rows):
    values = [value for value, _, _ in rows]
    lows, highs = [value * (1 - less) for value, less, _ in rows], [value + more for value, _, more in rows]
    span = span_of(values, lows, highs)
    assert span.low <= min(values)
    assert max(values) <= span.high
    assert 4 * sum(low >= span.low for low in lows) >= 3 * (len(rows) - 1)
    assert 4 * sum(high <= span.high for high in highs) >= 3 * (len(rows) - 1)
    assert not span.logarithmic or span.low > 0


@given(
    st.floats(1e-4, 1e5),
    st.floats(1.0, 1e4),
    st.booleans(),
    st.integers(3, 8),
)
def test_ticks_are_few_and_inside(low, ratio, logarithmic, most):
    scale = Scale(low, low * ratio, 50, 800, logarithmic)
    ticks = scale.ticks(most)
    assert len(ticks) <= most + 1
    assert all(49 <= tick.at <= 801 for tick in ticks)
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)
    if not logarithmic:
        assert ticks
        assert len({len(tick.text.partition(".")[2]) for tick in ticks}) == 1
