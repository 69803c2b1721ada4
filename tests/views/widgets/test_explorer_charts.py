"""The explorer's picture in pixels."""

import dataclasses
import itertools

import pytest

from edgewb.views.tradeoffs import list_costs, tradeoff_info
from edgewb.views.widgets.explorer_charts import cut_lines, describe_point, draw_chart, floor_text

SIZES = [("wide", 860, 410), ("narrow", 360, 380)]


def info_of(records, cost="compressed", **options):
    costs = {known.id: known for known in list_costs(records)}
    return tradeoff_info(records, costs[cost], 1.0, **options)


def forty(make_record):
    names = ["float32", *(f"ptq_int8_calib{10 * i}" for i in range(39))]
    return [
        dataclasses.replace(
            make_record("float32" if i == 0 else "ptq_int8"), recipe=name, key=name, compressed_bytes=40_000 + 997 * (i % 17)
        )
        for i, name in enumerate(names)
    ]


@pytest.mark.parametrize(("name", "width", "height"), SIZES)
@pytest.mark.parametrize("count", [1, 9, 40])
def test_everything_lies_inside_and_no_name_covers_another_or_a_point(nine, make_record, name, width, height, count):
    records = {1: nine[:1], 9: nine, 40: forty(make_record)}[count]
    info = info_of(records)
    chart = draw_chart(info, name, width, height)
    assert len(chart.marks) == count
    boxes = []
    for mark in chart.marks:
        assert chart.x0 <= mark.x <= chart.x1
        assert chart.y0 <= mark.top <= mark.y <= mark.bottom <= chart.y1
        if mark.label:
            wide = 7 * len(mark.point.recipe)
            start = mark.label.x - {"start": 0, "middle": wide / 2, "end": wide}[mark.label.anchor]
            boxes.append((start, mark.label.y - 12, start + wide, mark.label.y + 4))
    boxes += [(mark.x - 5, mark.y - 5, mark.x + 5, mark.y + 5) for mark in {(m.x, m.y): m for m in chart.marks}.values()]
    labelled = len(boxes) - len({(m.x, m.y) for m in chart.marks})
    assert labelled >= min(count, 4)
    for i, one in enumerate(boxes[:labelled]):
        for other in boxes[i + 1 :]:
            assert not (one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])
    for left, right in zip(chart.marks, chart.marks[1:], strict=False):
        assert left.x <= right.x  # the order of the arrow keys


def test_more_of_the_cost_is_to_the_right_and_more_accuracy_is_higher(nine):
    marks = {mark.point.recipe: mark for mark in draw_chart(info_of(nine), *SIZES[0]).marks}
    by_recipe = {record.recipe: record for record in nine}
    for one in marks:
        for other in marks:
            if by_recipe[one].compressed_bytes < by_recipe[other].compressed_bytes:
                assert marks[one].x <= marks[other].x
            if by_recipe[one].accuracy.value > by_recipe[other].accuracy.value:
                assert marks[one].y < marks[other].y


def test_who_is_chosen_has_another_shape_and_is_named(nine):
    chart = draw_chart(info_of(nine, recommended="qat_int8"), *SIZES[1], named=["prune80_ptq_int8"])
    shapes = {mark.point.recipe: mark for mark in chart.marks}
    assert (shapes["qat_int8"].shape, shapes["float32"].shape) == ("recommended", "reference")
    assert shapes["qat_int8"].label
    assert shapes["prune80_ptq_int8"].label


def test_names_stay_where_they_are_whoever_is_chosen(make_record):
    records = forty(make_record)
    info = info_of(records)
    nobody = {mark.point.recipe: mark.label for mark in draw_chart(info, *SIZES[1]).marks}
    unnamed = [recipe for recipe, label in nobody.items() if label is None]
    assert unnamed  # so many names do not fit a phone
    chosen = {mark.point.recipe: mark.label for mark in draw_chart(info, *SIZES[1], named=[unnamed[0]]).marks}
    assert chosen[unnamed[0]]
    assert all(chosen[recipe] in (label, None) for recipe, label in nobody.items() if recipe != unnamed[0])


def test_a_wide_range_of_costs_takes_a_logarithmic_axis(nine):
    spread = [dataclasses.replace(r, compressed_bytes=1000 * 4**i) for i, r in enumerate(nine)]
    assert draw_chart(info_of(spread), *SIZES[0]).logarithmic
    assert not draw_chart(info_of(nine), *SIZES[0]).logarithmic


def test_a_point_in_words_has_figures_intervals_n_basis_and_roles(nine):
    info = info_of(nine, "latency:cpu", recommended="ptq_int8")
    words = {point.recipe: describe_point(point, info) for point in info.points}
    assert "accuracy 98.4 % (95 % interval " in words["ptq_int8"]
    assert "n = 500, measured" in words["ptq_int8"]
    assert "10th to 90th percentile" in words["ptq_int8"]
    assert "n = 400, measured" in words["ptq_int8"]
    assert "; recommended;" in words["ptq_int8"]
    assert "; the reference;" in words["float32"]
    assert words["prune80_ptq_int8"].endswith("beaten by another")


def with_long_line(records, recipe, factor):
    """The same, with the slowest calls of one of them so many times slower."""
    made = []
    for record in records:
        (sample,) = record.latency
        times = (
            tuple(t * factor if i % 5 == 0 else t for i, t in enumerate(sample.samples_ms))
            if record.recipe == recipe
            else sample.samples_ms
        )
        made.append(dataclasses.replace(record, latency=(dataclasses.replace(sample, samples_ms=times),)))
    return made


@pytest.mark.parametrize(("name", "width", "height"), SIZES)
def test_a_long_line_ends_in_an_arrow_with_its_value_and_squeezes_nobody(nine, name, width, height):
    usual = {mark.point.recipe: mark for mark in draw_chart(info_of(nine, "latency:cpu"), name, width, height).marks}
    info = info_of(with_long_line(nine, "prune80_ptq_int8", 400), "latency:cpu")
    chart = draw_chart(info, name, width, height)
    marks = {mark.point.recipe: mark for mark in chart.marks}
    for recipe in ("float32", "dynamic_range", "qat_int8"):
        assert marks[recipe].x == pytest.approx(usual[recipe].x, abs=0.1 * width)
        assert marks[recipe].arrows == ()
    cut = marks["prune80_ptq_int8"]
    (arrow,) = cut.arrows
    high = next(point.cost.high for point in info.points if point.recipe == "prune80_ptq_int8")
    assert high > 10
    assert (cut.right, arrow.side, arrow.text) == (chart.x1, 1, f"{high:.1f}")
    assert cut_lines(info) == [f"prune80_ptq_int8 to {high:.1f} ms"]
    if arrow.place is not None:
        boxes = [box_of(mark.label, mark.point.recipe) for mark in chart.marks if mark.label]
        assert not any(overlap(box_of(arrow.place, arrow.text), box) for box in boxes)
    assert cut_lines(info_of(nine, "latency:cpu")) == []
    assert cut_lines(info_of(nine)) == []


def box_of(label, text):
    wide = 7 * len(text)
    start = label.x - {"start": 0, "middle": wide / 2, "end": wide}[label.anchor]
    return start, label.y - 12, start + wide, label.y + 4


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize(("name", "width", "height"), SIZES)
@pytest.mark.parametrize("cost", ["compressed", "latency:cpu"])
def test_the_name_of_the_budgets_line_covers_no_other(nine, name, width, height, cost):
    known = next(c for c in list_costs(nine) if c.id == cost)
    written = 0
    for tenths in range(31):
        info = tradeoff_info(nine, known, tenths / 10)
        chart = draw_chart(info, name, width, height, ["prune80_ptq_int8", "float32"])
        if chart.floor_label is None:
            continue
        written += 1
        box = box_of(chart.floor_label, floor_text(info))
        assert chart.x0 <= box[0] < box[2] <= chart.x1
        assert chart.y0 <= box[1] < box[3] <= chart.y1
        assert not any(overlap(box, box_of(mark.label, mark.point.recipe)) for mark in chart.marks if mark.label)
        assert not any(overlap(box, (mark.x - 5, mark.y - 5, mark.x + 5, mark.y + 5)) for mark in chart.marks)
    assert written > 5


def test_names_are_not_struck_through_where_there_is_room(nine):
    """The front goes on to the right of its last point, and a name beside that would lie on it."""
    for name, width, height in SIZES:
        chart = draw_chart(info_of(nine), name, width, height)
        last = max((mark for mark in chart.marks if mark.point.on_front), key=lambda mark: mark.x)
        assert last.label
        assert not last.label.y - 12 < last.y < last.label.y + 4


@pytest.mark.parametrize(("name", "width", "height"), SIZES)
@pytest.mark.parametrize("factor", [1e-7, 1e-3, 1, 977])
def test_numbers_of_the_axis_are_neither_cut_off_nor_touch(nine, factor, name, width, height):
    records = [dataclasses.replace(r, compressed_bytes=max(1, round(r.compressed_bytes * factor))) for r in nine]
    ticks = draw_chart(info_of(records), name, width, height).x_ticks
    ends = [(tick.text_at - 4.5 * len(tick.text), tick.text_at + 4.5 * len(tick.text)) for tick in ticks]
    assert all(start >= 0 and end <= width for start, end in ends)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))
    assert all(tick.at - 20 <= tick.text_at <= tick.at for tick in ticks)


def test_a_long_name_of_the_measure_is_shortened_beside_a_short_axis(nine):
    info = dataclasses.replace(info_of(nine), measure="R2 (variance explained)")
    assert [draw_chart(info, *size).y_title for size in SIZES] == ["R2 (variance explained) in %, 95 % interval", "R2 in %, 95 % interval"]
