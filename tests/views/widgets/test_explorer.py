"""The trade-off explorer: its state, its events, what it shows of the record store and of studies under way."""

import dataclasses
import re
import subprocess
import sys

import pytest
from made_records import build_regression

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.estimates.estimations import estimated_latency
from edgewb.recommendations import recommend
from edgewb.records import RecordStore
from edgewb.running import Announcement
from edgewb.views.widgets import Explorer
from edgewb.views.widgets.explorer import CONTROL_VARIABLE


@pytest.fixture
def study(nine):
    """Nine variants that can be recommended: the validation examples say what the test examples say."""
    return [dataclasses.replace(record, validation_delta=record.accuracy_delta) for record in nine]


@pytest.fixture
def explorer(study):
    return listened(Explorer(study))


def listened(explorer):
    explorer.messages = []
    explorer.send = lambda content, buffers=None: explorer.messages.append((content, buffers))
    return explorer


def tell(explorer, event, value=None):
    """What the page does when a visitor acts; the regions that came back."""
    explorer.messages.clear()
    explorer._receive(explorer, {"event": event, "value": value, "number": 1}, [])
    return {name: html for content, _ in explorer.messages for name, html in content.get("regions", {}).items()}


def saved(explorer):
    (found,) = [(content["download"], buffers[0]) for content, buffers in explorer.messages if "download" in content]
    return found


def test_it_opens_with_the_recommendation_for_a_point(explorer, study):
    assert explorer.budget == 1.0
    assert explorer.recommendation == recommend(study, 1.0)
    assert explorer.selected == explorer.recommendation.recipe
    assert explorer.compared == "float32"
    assert explorer.cost == "latency:cpu"
    assert [record.recipe for record in explorer.records] == [record.recipe for record in study]
    assert explorer.costs == {"latency:cpu": "Latency on cpu", "file": "File size", "compressed": "Compressed size"}
    assert explorer.alert == ""


def test_the_budget_changes_the_recommendation_and_its_reason(explorer, study):
    for budget in ("0", "0.3", "3"):
        regions = tell(explorer, "budget", budget)
        assert explorer.recommendation == recommend(study, float(budget))
        assert {"plot", "budget", "choice"} == set(regions)
        assert str(explorer.recommendation.recipe) in regions["budget"]
    assert explorer.recommendation.why.split("(")[0].split(":")[0] in regions["choice"]
    rest = tell(explorer, "settle")
    assert "details" in rest  # what waited while the slider moved
    assert tell(explorer, "poll") == {}


def test_moving_the_slider_leaves_the_slider_alone(explorer):
    assert "slider" not in tell(explorer, "budget", "2.5")
    assert "slider" not in tell(explorer, "settle")
    explorer.messages.clear()
    explorer.budget = 3.0  # from code: the slider has to follow
    assert 'value="3.0"' in next(content["regions"]["slider"] for content, _ in explorer.messages)


def test_a_choice_shows_its_figures_and_marks_it(explorer):
    regions = tell(explorer, "select", "prune80_ptq_int8")
    assert explorer.selected == "prune80_ptq_int8"
    assert {"plot", "details", "downloads"} <= set(regions)
    assert "prune80_ptq_int8 beside float32" in regions["details"]
    pressed = re.findall(r'aria-pressed="true" aria-label="(\w+)', regions["plot"])
    assert pressed == ["prune80_ptq_int8"] * 2  # the wide picture and the narrow one
    assert "prune80_ptq_int8.tflite" in regions["downloads"]
    regions = tell(explorer, "compare", "")
    assert "beside" not in regions["details"].split("</h2>")[0]
    assert explorer.compared == ""


def test_where_nothing_is_recommended_the_page_says_what_remains_and_why(study):
    explorer = listened(Explorer([record for record in study if record.recipe in ("float32", "prune80_ptq_int8")], budget=3.0))
    regions = tell(explorer, "budget", "0.5")
    assert explorer.recommendation.recipe is None
    assert "nothing is recommended: float32 remains" in regions["budget"]
    assert "Why none, and float32 remains" in regions["choice"]
    assert "float32, against which losses are counted, remains: it loses nothing" in regions["choice"]


def test_words_are_explained_without_hovering(explorer):
    words = re.search(r'<details id="words">(.*?)</details>', explorer.render(), re.DOTALL).group(1)
    assert [re.sub("<.*?>", "", term) for term in re.findall("<dt>.*?</dt>", words)] == [
        *("variant, recipe", "reference", "point", "95 % interval", "p", "Pareto front", "kB file/comp", "ops on TPU"),
        *("p50, p90, p99", "estimate [80 %]", "R2, MAE, RMSE"),
    ]
    assert "words" not in "".join(tell(explorer, "budget", "2"))


def test_a_long_line_is_told_in_words(study):
    slow = [
        dataclasses.replace(r, latency=tuple(dataclasses.replace(x, samples_ms=(*x.samples_ms[:-80], *[90.0] * 80)) for x in r.latency))
        if r.recipe == "qat_int8"
        else r
        for r in study
    ]
    assert "A line that would squeeze the picture ends in an arrow: qat_int8 to 90.0 ms." in Explorer(slow).render()
    assert "ends in an arrow" not in Explorer(study).render()


def test_a_regression_shows_all_its_errors():
    records = [build_regression("a", "float32"), build_regression("b")]
    explorer = listened(Explorer(records))
    assert "how much of R2 may be lost?" in explorer.render()
    details = explorer.render().split('data-region="details"')[1]
    for name in ("R2", "MAE", "RMSE"):
        assert f'<th scope="row">{name} <span class="soft small">[95 %]</span></th>' in details


def test_without_any_energy_the_page_says_why(explorer):
    assert "no energy is known" in explorer.markup
    assert not [name for name in explorer.costs.values() if "nergy" in name]


def test_estimated_energy_is_a_cost_like_the_others(study):
    kept = {record.recipe: record for record in bundled_studies()[0].records}
    explorer = listened(Explorer([dataclasses.replace(r, estimate=estimated_latency(kept[r.recipe].file)) for r in study]))
    assert "no energy is known" not in explorer.markup
    assert explorer.costs["energy_estimate"] == "Edge TPU energy, estimated"
    plot = tell(explorer, "cost", "energy_estimate")["plot"]
    assert "estimated Edge TPU energy, mJ/inference" in plot
    assert "(estimated, line: power and time range)" in plot
    assert "more than idle" in plot
    assert '<th scope="row">mJ on TPU <span class="soft small">estimate [range]</span></th>' in explorer.render()
    assert "mJ per inference (estimated;" in explorer.render()
    before = explorer.recommendation
    tell(explorer, "budget", "5")
    assert explorer.recommendation == recommend(explorer.records, 5.0) != before
    tell(explorer, "save_report")
    assert b"mJ per inference (estimated;" in saved(explorer)[1]


def test_every_cost_can_be_drawn(explorer):
    for cost, name in explorer.costs.items():
        explorer.messages.clear()
        tell(explorer, "cost", cost)
        assert explorer.cost == cost
        assert f'aria-label="{name}" aria-pressed="true"' in explorer.render()


@pytest.mark.parametrize(
    ("event", "value"),
    [
        ("select", "<script>alert(1)</script>"),
        ("select", None),
        ("compare", ["float32"]),
        ("cost", "latency:nowhere"),
        ("study", "../../etc/passwd"),
        ("budget", "nan"),
        ("budget", "-1"),
        ("budget", "1e9"),
        ("budget", {"a": 1}),
        ("budget", "one"),
        ("save_model", "../../etc/passwd"),
        ("save_code", 7),
        ("cancel", "nothing"),
        ("nosuch", 1),
    ],
)
def test_what_a_visitor_makes_up_is_refused_on_the_page_and_changes_nothing(explorer, event, value):
    before = (explorer.study, explorer.cost, explorer.budget, explorer.selected, explorer.compared)
    regions = tell(explorer, event, value)
    assert set(regions) == {"alert"}
    assert "<script" not in regions["alert"]
    assert len(regions["alert"]) < 600
    assert (explorer.study, explorer.cost, explorer.budget, explorer.selected, explorer.compared) == before
    assert tell(explorer, "poll") == {}  # a look for news does not take the message away
    assert explorer.alert
    assert "alert" in tell(explorer, "select", "qat_int8")
    assert explorer.alert == ""


def test_from_code_a_wrong_value_is_an_error(explorer):
    for name, value in (("budget", -1.0), ("selected", "none"), ("cost", "time"), ("study", "x"), ("compared", "y")):
        with pytest.raises(InputError):
            setattr(explorer, name, value)
    explorer.selected = "qat_int8"
    assert "qat_int8 beside" in next(c["regions"]["details"] for c, _ in explorer.messages if "details" in c.get("regions", {}))


def test_names_from_records_are_escaped(study):
    hostile = "<img src=x onerror=alert(1)>"
    renamed = [dataclasses.replace(r, recipe=hostile if r.recipe == "qat_int8" else r.recipe, dataset=hostile) for r in study]
    page = listened(Explorer(renamed))
    page.selected = hostile
    assert "<img src=x" not in page.render()
    assert "&lt;img src=x" in page.render()


def test_without_studies_it_says_how_to_make_one_and_waits_for_it(study, monkeypatch):
    monkeypatch.setattr("edgewb.views.widgets.explorer_studies.bundled_studies", tuple)
    page = listened(Explorer())
    assert (page.study, page.recommendation, len(page.records)) == ("", None, 0)
    assert "edgewb demo" in page.render()
    assert tell(page, "poll") == {}
    assert set(tell(page, "save_report")) == {"alert"}
    with RecordStore() as store:
        store.add(study[0])
    assert "plot" in tell(page, "poll")
    assert [r.recipe for r in page.records] == ["float32"]


def test_variants_appear_as_they_are_recorded_and_what_was_chosen_stays(study):
    with RecordStore() as store:
        store.add_all(study[:4])
    page = listened(Explorer())
    assert len(page.studies) == 2  # and the one that comes with the repository, which stands last
    assert page.study == next(iter(page.studies))
    tell(page, "select", "ptq_int8")
    tell(page, "cost", "file")
    with RecordStore() as store:
        store.add_all(study[4:])
    regions = tell(page, "poll")
    assert len(page.records) == 9
    assert "prune80_ptq_int8" in regions["plot"]
    assert "9 variants" in regions["studies"]
    assert (page.selected, page.cost) == ("ptq_int8", "file")
    assert tell(page, "poll") == {}


def test_a_study_that_is_gone_is_said_and_another_takes_its_place(study, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    with RecordStore() as store:
        store.add_all(study[:4])
    page = listened(Explorer())
    assert not page.study.startswith("bundled-")
    tell(page, "select", "ptq_int8")
    for file in tmp_path.glob("records.sqlite*"):
        file.unlink()
    regions = tell(page, "poll")
    assert "no longer recorded" in regions["alert"]
    assert page.study.startswith("bundled-")
    assert page.selected == page.recommendation.recipe  # not what was chosen of the other one
    assert "alert" not in tell(page, "poll")  # it stays said


def test_a_damaged_store_is_said_and_the_bundled_study_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    (tmp_path / "records.sqlite").write_bytes(b"no database" * 100)
    page = Explorer()
    assert "records.sqlite" in page.alert
    assert page.study.startswith("bundled-")
    assert len(page.records) > 3


def test_the_bundled_study_says_where_it_is_from_and_shows_pictures():
    page = listened(Explorer())
    assert "another computer" in page.render()
    regions = tell(page, "select", "prune80_ptq_int8")
    assert regions["details"].count('src="data:image/') > 3
    assert "Confusion difference" in regions["details"]


def announcement(record):
    return Announcement(
        dataset="digits", dataset_fingerprint=record.dataset_fingerprint, model="digits_cnn", seed=0, recipes=["float32", "qat_int8"]
    )


def test_a_study_under_way_is_shown_and_can_be_cancelled(study):
    page = listened(Explorer())
    with announcement(study[0]) as running:
        running.report("training digits_cnn", 0.25)
        shown = tell(page, "poll")["running"]
        assert "now training digits_cnn" in shown
        assert "0 of 2 variants are finished" in shown
        assert "25 %" in shown
        with RecordStore() as store:
            store.add(dataclasses.replace(study[0], created="2999-01-01T00:00:00+00:00"))
        running.finish("float32")
        running.report("qat_int8", 0.5)
        shown = tell(page, "poll")["running"]
        assert "1 of 2 variants are finished (float32)" in shown
        shown_study = re.search(r'data-click="study" data-value="(\w+)"', shown)
        assert "running" in tell(page, "study", shown_study[1])  # there is nothing left to show
        assert [r.recipe for r in page.records] == ["float32"]
        assert not running.is_cancelled()
        assert "Stopping" in tell(page, "cancel", running.id)["running"]
        assert running.is_cancelled()
    assert "Cancelled:</strong> digits, digits_cnn, seed 0" in tell(page, "poll")["running"]
    with announcement(study[0]):  # the next one takes its place
        assert "Cancelled" not in tell(page, "poll")["running"]
    assert tell(page, "poll")["running"].strip() == ""


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_published_page_cancels_nothing(study, monkeypatch, how):
    monkeypatch.setenv(CONTROL_VARIABLE, "0" if how == "environment" else "1")
    page = listened(Explorer(control=False) if how == "argument" else Explorer())
    with announcement(study[0]) as running:
        assert "Cancel" not in tell(page, "poll")["running"]
        assert "published" in tell(page, "cancel", running.id)["alert"]
        assert not running.is_cancelled()


def test_a_look_without_news_draws_nothing(explorer, monkeypatch):
    page = listened(Explorer())
    monkeypatch.setattr(page, "context", None)  # drawing would fail
    assert tell(page, "poll") == {}
    assert [content for content, _ in page.messages] == [{"done": 1}]


def test_after_a_broken_connection_everything_is_sent_again(explorer):
    assert set(tell(explorer, "opened", True)) >= {"plot", "choice", "details"}
    assert tell(explorer, "opened", False) == {}


def test_the_code_of_a_variant_can_be_saved(explorer):
    tell(explorer, "save_code", "qat_int8")
    about, content = saved(explorer)
    assert about == {"name": "make_qat_int8.py", "mime": "text/x-python"}
    assert "'qat_int8'" in content.decode()


def test_the_report_of_what_is_shown_can_be_saved(explorer, study):
    explorer.budget = 2.0
    tell(explorer, "save_report")
    assert explorer.alert == ""
    about, content = saved(explorer)
    assert about == {"name": "digits_digits_cnn_report.html", "mime": "text/html"}
    assert b"At most 2.0 points lost" in content
    assert all(record.sha256.encode() in content for record in study)


def test_nothing_heavy_is_imported():
    code = "import sys; from edgewb.views.widgets import Explorer; Explorer().render(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"tensorflow", "tf_keras", "sklearn", "pandas", "plotly", "PIL", "scipy", "ai_edge_litert", "onnxruntime", "openvino"}
    assert not heavy & {name.split(".")[0] for name in loaded}


def test_a_regression_is_drawn_by_r2_and_says_so():
    records = [build_regression("a", "float32"), build_regression("b", "ptq_int8"), build_regression("c", "ptq_int8_per_tensor", bias=9.0)]
    explorer = listened(Explorer(records))
    assert explorer.recommendation.recipe == "ptq_int8"
    assert "R2 (variance explained) in %" in explorer.markup
    assert "accuracy in %" not in explorer.markup
    low, high = records[2].errors.r2_ci95
    assert low < records[2].errors.r2 < high
    shown = "".join(tell(explorer, "select", "ptq_int8_per_tensor").values())
    assert explorer.alert == ""
    assert f"{100 * records[2].errors.r2:.1f}" in shown or f"{records[2].errors.r2:.3f}" in shown


def test_what_is_offered_follows_the_recommendation_until_a_variant_is_picked(explorer, study):
    named = {recommend(study, budget).recipe for budget in (0.3, 1.0, 4.0)}
    assert len(named) > 1
    for budget in (0.3, 4.0, 1.0):
        tell(explorer, "budget", str(budget))
        chosen = recommend(study, budget).recipe
        assert chosen is None or explorer.selected == chosen
    tell(explorer, "select", "float16")
    tell(explorer, "budget", "4.0")
    assert explorer.selected == "float16"
    tell(explorer, "study", explorer.study)  # opened anew
    assert explorer.selected == recommend(study, 4.0).recipe
