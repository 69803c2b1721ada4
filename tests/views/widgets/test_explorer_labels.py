"""Where names stand in the explorer's picture."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.views.widgets.explorer_labels import BOLD_LETTER, LETTER, area_of, is_free, place_labels

BOX = (58.0, 14.0, 846.0, 370.0)


def info(*recipes, recommended=None):
    """As much of a picture's data as names are placed by."""
    points = [
        SimpleNamespace(recipe=name, reference=name == "float32", on_front=False, recommended=name == recommended) for name in recipes
    ]
    return SimpleNamespace(points=tuple(points))


def test_a_line_to_the_right_moves_the_name_above_it():
    at = {"qat_int8": (300.0, 100.0)}
    beside = place_labels(info("qat_int8"), at, BOX, [], (), ())["qat_int8"]
    above = place_labels(info("qat_int8"), at, BOX, [], (), ((300.0, 99.0, 846.0, 101.0),))["qat_int8"]
    assert (beside.anchor, beside.leader, above.anchor, above.leader) == ("start", None, "start", None)
    assert beside.y - 12 < 100 < beside.y
    assert above.y < 99


def test_a_name_is_written_across_lines_where_they_are_everywhere():
    lines = tuple((58.0, float(y), 846.0, y + 1.0) for y in range(14, 370, 10))
    assert place_labels(info("qat_int8"), {"qat_int8": (300.0, 100.0)}, BOX, [], (), lines)["qat_int8"].leader is None


@pytest.mark.parametrize("chosen", ["named", "recommended"])
def test_a_bold_name_fits_at_the_edge(chosen):
    name = "cluster16_ptq_int8"
    x = BOX[0] + 2 + 14 + LETTER * len(name) + 1  # its name fits to the left as it is, and not bold
    at = {name: (x, 100.0)}
    wall = ((x + 7, 14.0, 846.0, 370.0),)  # nothing is free to the right
    assert place_labels(info(name), at, BOX, [], wall, ())[name].x < x
    label = place_labels(info(name, recommended=name if chosen == "recommended" else None), at, BOX, [name], wall, ()).get(name)
    assert label is None or is_free(area_of(label, name, BOLD_LETTER), BOX, wall)


PLACES = st.dictionaries(
    st.sampled_from([f"variant_{i}" for i in range(12)]), st.tuples(st.floats(60, 840), st.floats(16, 368)), min_size=1, max_size=12
)


@given(at=PLACES, chosen=st.integers(0, 11))
@settings(deadline=None, max_examples=60)
def test_bold_or_not_no_name_covers_another(at, chosen):
    named = [f"variant_{chosen}"]
    labels = place_labels(info(*at), at, BOX, named, (), ())
    areas = [area_of(label, name, BOLD_LETTER if name in named else LETTER) for name, label in labels.items()]
    for i, area in enumerate(areas):
        assert is_free(area, BOX, [*areas[:i], *areas[i + 1 :]])
