import pytest

from edgewb.records.formats import points, three_digits


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.05613, "0.0561"), (5.613, "5.61"), (561.3, "561"), (5613.2, "5613")])
def test_three_digits(value, text):
    assert three_digits(value) == text


@pytest.mark.parametrize(("value", "text"), [(-0.04, "0.0"), (0.04, "0.0"), (-1.26, "-1.3"), (2, "+2.0")])
def test_points(value, text):
    assert points(value) == text
