"""Whether the loss is below the budget: what is said, and whether it is so."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import build_delta, build_record, build_regression

from edgewb.intervals import Z95_ONE_SIDED, tango_interval
from edgewb.verdicts import _limit, about, budget_text, judge_loss, judge_losses, verdict_note, verdict_text


def judged(gained, lost, n, budget=1.0):
    return judge_loss("a", build_delta(gained, lost, n), budget)


def test_a_loss_below_the_budget():
    found = judged(1, 2, 1000)
    assert found.outcome == "below"
    assert found.n_needed is None
    assert found.p_value < 0.05
    assert verdict_text(found) == (
        "with 95 % confidence the loss is below 1.0 point (one-sided upper limit 0.5 points, n = 1000, measured)"
    )


def test_a_loss_above_the_budget():
    found = judged(0, 50, 500)
    assert (found.outcome, found.n_needed) == ("above", None)
    assert found.p_value > 0.95
    assert verdict_text(found).startswith("with 95 % confidence the loss is above 1.0 point (one-sided lower limit 8.0 points, n = 500")


def test_too_few_examples_say_how_many_are_needed():
    found = judged(3, 4, 200)
    assert found.outcome == "open"
    text = verdict_text(found)
    assert text.startswith("n = 200 is too small to say whether the loss is below 1.0 point (95 % limits of the loss, each by itself, ")
    assert f"about {about(found.n_needed)} test examples are needed" in text
    assert "in 8 of 10 cases" in text


def test_that_nothing_was_lost_does_not_mean_that_nothing_ever_is():
    found = judged(0, 0, 100)
    assert found.outcome == "open"
    assert found.n_needed > 268  # what it takes where nothing is ever lost
    assert judged(0, 0, 500).outcome == "below"


def test_a_loss_of_the_budget_itself_is_never_told():
    found = judged(5, 15, 1000)
    assert found.outcome == "open"
    assert found.n_needed is None
    assert "no number of test examples is likely to tell" in verdict_text(found)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n // 2), st.integers(0, n // 2), st.just(n))), st.floats(0, 100))
@settings(deadline=None)
def test_outcome_limits_and_p_agree(case, budget):
    gained, lost, n = case
    found = judged(gained, lost, n, budget)
    low, high = tango_interval(lost, gained, n, Z95_ONE_SIDED)
    assert (found.loss_low_points, found.loss_high_points) == (100 * low, 100 * high)
    assert (found.outcome == "below") == (found.p_value <= 0.05 + 1e-12)
    if abs(found.loss_high_points - budget) > 1e-4:
        assert (found.outcome == "below") == (found.loss_high_points < budget)
    if abs(found.loss_low_points - budget) > 1e-4:
        assert (found.outcome == "above") == (found.loss_low_points > budget)
    assert found.n_needed is None or found.n_needed >= 1
    assert "\n" not in verdict_text(found)


def test_p_is_corrected_for_the_number_of_variants_and_float_has_no_verdict():
    records = [build_record("k", "float32", accuracy_delta=None)]
    records += [build_record(str(i), f"r{i}", accuracy_delta=build_delta(*pair, 500)) for i, pair in enumerate([(0, 0), (1, 1), (9, 9)])]
    found = judge_losses(records, 1.0)
    assert [v.recipe for v in found] == ["r0", "r1", "r2"]
    assert found[0].holm_p_value == pytest.approx(3 * found[0].p_value)
    assert found[1].holm_p_value == pytest.approx(2 * found[1].p_value)
    assert found[2].holm_p_value == found[2].p_value


def test_the_note_names_every_variant_once_with_its_outcome():
    a, b, c = judged(0, 0, 500), judged(0, 50, 500), judged(3, 4, 500)
    verdicts = [dataclasses.replace(v, recipe=name) for v, name in ((a, "a"), (b, "b"), (c, "c"))]
    text = verdict_note(verdicts, "a")
    assert text.startswith(
        "loss against 1.0 point, 95 % confidence each, n = 500 test examples, measured: below it: a; above it: b; too few"
    )
    assert f"c (about {about(c.n_needed)})" in text
    assert "below it all together (Holm): a; a was chosen without these examples" in text
    assert verdict_note([]) == ""


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1"), (9, "9"), (99, "99"), (101, "110"), (1234, "1,300"), (1300, "1,300"), (987654, "990,000")]
)
def test_what_is_needed_is_rounded_up(count, text):
    assert about(count) == text


@pytest.mark.parametrize(("points", "text"), [(1, "1.0 point"), (0.5, "0.5 points"), (0.25, "0.25 points"), (0, "0.0 points")])
def test_a_budget_in_words(points, text):
    assert budget_text(points) == text


class TestR2:
    """Of a regression the same, in points of R2."""

    def judged(self, budget=1.0, **changes):
        return judge_loss("a", build_regression(**changes).error_delta, budget)

    def test_below_above_and_open(self):
        below, above, unsure = self.judged(noise=0.3), self.judged(bias=6.0), self.judged(noise=1.5, budget=0.5)
        assert [v.outcome for v in (below, above, unsure)] == ["below", "above", "open"]
        assert all(v.measure == "R2" for v in (below, above, unsure))
        assert verdict_text(below).startswith("with 95 % confidence the loss is below 1.0 point of R2 (one-sided upper limit ")
        assert "above 1.0 point of R2 (one-sided lower limit" in verdict_text(above)
        assert f"about {about(unsure.n_needed)} test examples are needed" in verdict_text(unsure)
        assert "if the errors are spread as here" in verdict_text(unsure)
        assert verdict_note([below, above]).startswith(
            "loss against 1.0 point of R2, 95 % confidence each, n = 110 test examples, measured: "
        )

    @given(st.floats(0, 8), st.floats(-8, 8), st.floats(0, 100))
    @settings(max_examples=40, deadline=None)
    def test_outcome_limits_and_p_agree(self, noise, bias, budget):
        delta = build_regression(noise=noise, bias=bias).error_delta
        found = judge_loss("a", delta, budget)
        assert (found.loss_low_points, found.loss_high_points) == (-delta.ci90[1], -delta.ci90[0])
        assert (found.outcome == "below") == (found.loss_high_points < budget)
        assert (found.outcome == "above") == (found.loss_low_points > budget)
        assert 0 <= found.p_value <= 1
        if found.loss_low_points < -delta.points < found.loss_high_points:
            near = 1e-6 * (1 + budget)
            if abs(found.loss_high_points - budget) > near:
                assert (found.p_value < 0.05) == (found.loss_high_points < budget)
            if abs(found.loss_low_points - budget) > near:
                assert (found.p_value > 0.95) == (found.loss_low_points > budget)
        assert (found.n_needed is None) or (found.outcome == "open" and found.n_needed > 0)

    def test_the_number_needed_is_that_of_statsmodels(self):
        from statsmodels.stats.power import NormalIndPower

        delta = dataclasses.replace(build_regression().error_delta, points=-0.4, ci95=(-2.4, 1.6), ci90=(-2.0447, 1.2447), n=200)
        found = judge_loss("a", delta, 1.0)
        spread = 1.0 * 200**0.5  # limits 1.645 errors away: the error of the mean is 1
        wanted = NormalIndPower(ddof=0).solve_power(effect_size=0.6 / spread, alpha=0.05, power=0.8, ratio=0, alternative="larger")
        assert found.outcome == "open"
        assert found.n_needed == pytest.approx(wanted, rel=1e-3)

    def test_what_changes_nothing_loses_nothing(self):
        same = build_regression(noise=0.0).error_delta
        assert (judge_loss("a", same, 1.0).outcome, judge_loss("a", same, 1.0).p_value) == ("below", 0.0)
        assert (judge_loss("a", same, 0.0).outcome, judge_loss("a", same, 0.0).p_value) == ("open", 0.5)

    def test_all_records_of_a_study_are_judged(self):
        records = [build_regression("a", "float32"), build_regression("b", noise=0.3), build_regression("c", "qat_int8", bias=6.0)]
        verdicts = judge_losses(records, 1.0)
        assert [v.recipe for v in verdicts] == ["ptq_int8", "qat_int8"]
        assert all(v.holm_p_value >= v.p_value for v in verdicts)


@pytest.mark.parametrize(("limit", "written"), [(0.5, "0.5"), (0.96, "0.96"), (0.9996, "1.000"), (-0.04, "0.0"), (1.04, "1.04")])
def test_a_limit_is_not_written_as_the_budget_it_differs_from(limit, written):
    assert _limit(limit, 1.0) == written
