import dataclasses

import numpy as np
import pytest
from made_records import build_regression

from edgewb.accuracies import accuracy_delta
from edgewb.views.infos import (
    LatencyInfo,
    LatencyRow,
    LossInfo,
    LossRow,
    PlacementInfo,
    PlacementRow,
    accuracy_info,
    loss_info,
    size_info,
)
from edgewb.views.readings import joined, read_accuracy, read_latency, read_loss, read_placement, read_size


def loss(*rows, budget=None):
    made = tuple(
        LossRow(recipe=name, points=points, low_points=low, high_points=high, p_value=p, n=90, recommended=False)
        for name, points, low, high, p in rows
    )
    return LossInfo(rows=made, against="float32", budget_points=budget, basis="measured", n="90")


def test_a_loss_beyond_chance_is_named_and_another_is_not():
    text = read_loss(loss(("a", -5.0, -8.0, -2.0, 0.0004), ("b", -0.5, -2.0, 1.0, 0.6), budget=2.0))
    assert text == (
        "a loses accuracy beyond chance (p < 0.05); for 1 of 2 no change beyond chance is shown at n = 90 (p 0.05 or more). "
        "The largest loss is a's, -5.0 points (p < 0.001). 1 of 2 stay within the budget of 2 points, 1 with the whole interval."
    )
    assert "loses" not in read_loss(loss(("b", -0.5, -2.0, 1.0, 0.6)))
    assert read_loss(loss(("c", 5.0, 2.0, 8.0, 0.03))) == "c gains (p < 0.05)."


def test_the_word_follows_the_exact_p_that_is_printed_not_the_interval(make_record):
    delta = accuracy_delta(np.arange(500) >= 5, np.ones(500, dtype=bool), "float32")
    assert delta.ci95[1] < 0
    assert delta.p_value == 0.0625
    text = read_loss(loss_info([make_record("ptq_int8", accuracy_delta=delta)]))
    assert text == (
        "For 1 of 1 no change beyond chance is shown at n = 500 (p 0.05 or more), although the interval of ptq_int8 leaves out 0. "
        "The largest loss is ptq_int8's, -1.0 points (p = 0.062)."
    )


@pytest.mark.parametrize(("lost", "word"), [(4, "leaves out 0"), (5, "leaves out 0"), (6, "loses accuracy beyond chance (p < 0.05)")])
def test_no_reading_says_beyond_chance_next_to_a_p_that_denies_it(make_record, lost, word):
    delta = accuracy_delta(np.arange(500) >= lost, np.ones(500, dtype=bool), "float32")
    assert word in read_loss(loss_info([make_record("ptq_int8", accuracy_delta=delta)]))
    assert ("loses" in word) == (delta.p_value < 0.05)


def test_the_budget_counts_point_and_interval_apart():
    row = ("a", -1.0, -1.5, 0.0, 0.06)
    assert "1 of 1 stay within the budget of 1 point, 0 with the whole interval" in read_loss(loss(row, budget=1.0))


@pytest.mark.parametrize(("budget", "text"), [(0.25, "0.25 points"), (0.0, "0 points"), (1.5, "1.5 points"), (100.0, "100 points")])
def test_the_budget_is_told_as_it_was_given(budget, text):
    assert f"within the budget of {text}, " in read_loss(loss(("a", -1.0, -1.5, 0.0, 0.06), budget=budget))


def test_accuracy_names_the_best_the_cheapest_and_what_overlaps(nine):
    text = read_accuracy(accuracy_info(nine))
    assert text.startswith("qat_int8 is the most accurate, 98.8 % [97.4, 99.4]; prune80_ptq_int8 costs least (22.3 kB) and reaches 96.2 %.")
    assert "All 8 other intervals overlap" in text
    assert "and float16 share the highest accuracy, 98.6 %" in read_accuracy(accuracy_info(nine[:3]))
    assert "overlap" not in read_accuracy(accuracy_info(nine[:1]))


def test_latency_compares_medians_and_tails():
    def row(name, p50, p99):
        return LatencyRow(recipe=name, p50_ms=p50, p90_ms=p99, p99_ms=p99, first_ms=9.0, n=5, drawn_ms=(p50,), recommended=False)

    info = LatencyInfo(
        target="cpu", rows=(row("a", 0.05, 0.2), row("b", 0.1, 0.11)), basis="measured", n="5", kernels="k", threads="1", cpu="c"
    )
    assert read_latency(info) == (
        "a has the lowest median on cpu, 0.0500 ms; b the highest, 0.100 ms (2.00 times). The longest tail is a's: p99 is 4.0 times p50."
    )


def test_sizes(nine):
    assert read_size(size_info(nine)) == (
        "prune80_ptq_int8 is the smallest compressed, 22.3 kB, against 151 kB for float32 (6.8 times). "
        "Compression takes most from prune80_ptq_int8: 65 % of its 63.3 kB."
    )


def test_placement_tells_whole_part_and_none():
    def row(name, tpu, cpu):
        return PlacementRow(recipe=name, ops_edgetpu=tpu, ops_cpu=cpu, ops_unknown=0, recommended=False)

    info = PlacementInfo(rows=(row("a", 3, 0), row("b", 2, 1), row("c", 0, 3)), basis="predicted")
    assert read_placement(info) == "Every op of a would go to the Edge TPU; part of b (2 of 3); nothing of c (predicted)."
    assert read_placement(PlacementInfo(rows=(row("c", 0, 3),), basis="predicted")) == "Nothing of c would go to the Edge TPU (predicted)."


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), (list("abcde"), "a, b, c and 2 more")]
)
def test_joined(names, text):
    assert joined(names) == text


def test_empty_figures_have_a_reading():
    for reading in (read_accuracy(accuracy_info([])), read_loss(loss()), read_size(size_info([]))):
        assert reading.endswith(".")


class TestR2:
    def records(self):
        return [build_regression("a", "float32"), build_regression("b", noise=0.0), build_regression("c", "qat_int8", bias=6.0)]

    def test_r2_and_not_accuracy_is_read(self):
        text = read_accuracy(accuracy_info(self.records()))
        assert "accura" not in text
        assert "highest R2" in text
        assert "%" not in text

    def test_a_loss_is_told_by_its_interval(self):
        worst = self.records()[2].error_delta
        assert worst.ci95[1] < 0
        text = read_loss(loss_info(self.records(), budget_points=1.0))
        assert text.startswith("qat_int8 loses R2 beyond chance (its 95 % interval leaves out 0); for 1 of 2 no change beyond chance")
        assert f"The largest loss is qat_int8's, {worst.points:.1f} points of R2 (95 % interval " in text
        assert "1 of 2 stay within the budget of 1 point of R2, 1 with the whole interval" in text

    def test_what_is_printed_as_nothing_is_no_loss(self):
        record = self.records()[1]
        tiny = dataclasses.replace(record.error_delta, points=-0.01, ci95=(-0.02, -0.005), ci90=(-0.018, -0.006))
        text = read_loss(loss_info([dataclasses.replace(record, error_delta=tiny)]))
        assert "beyond chance is shown" in text
        assert "loses" not in text
