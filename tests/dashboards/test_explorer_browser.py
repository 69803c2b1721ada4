"""The trade-off explorer as a visitor uses it, in the system's Chromium."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import study_driver
from axe_playwright_python.sync_playwright import Axe
from browsers import wait_until
from PIL import Image

from edgewb.bundles import bundled_studies
from edgewb.estimates.estimations import estimated_latency
from edgewb.records import RecordStore

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]

# A study under way without the minutes of one: it says what a real one says, through the same module, and heeds the same request.
UNDER_WAY = """
import sys, time
from edgewb.running import Announcement
with Announcement(dataset="digits", dataset_fingerprint="f" * 64, model="digits_cnn", seed=5, recipes=["float32", "qat_int8"]) as study:
    study.report("training digits_cnn", 0.25)
    print(study.id, flush=True)
    deadline = time.monotonic() + 600
    while not study.is_cancelled() and time.monotonic() < deadline:
        time.sleep(0.1)
    sys.stdin.readline()  # until it was seen stopping
"""
AXE_SERIOUS = ("serious", "critical")


def bundled():
    return bundled_studies()[0].records


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a study of its own: the bundled one as if it had been made here, with its files where the records say."""
    folder = tmp_path_factory.mktemp("served")
    records = [
        dataclasses.replace(record, key=f"here-{i}", seed=1, origin="local", estimate=estimated_latency(record.file))
        for i, record in enumerate(bundled()[:-1])
    ]
    with RecordStore(folder / "records.sqlite") as store:
        store.add_all(records)
    return folder


def text(page, region):
    return page.inner_text(f"[data-region={region}]")


def settle(page):
    wait_until(page, "!document.querySelector('[aria-busy=true]')")


def press(page, recipe, chart="wide"):
    page.click(f".chart.{chart} [data-value='{recipe}'] .hit", force=True)
    wait_until(page, f"document.querySelector('#save-code').dataset.value === '{recipe}'")


def slide(page, value):
    before = text(page, "budget")
    page.evaluate(
        """(value) => { const slider = document.getElementById('budget'); slider.value = value;
        slider.dispatchEvent(new Event('input', { bubbles: true })); }""",
        value,
    )
    wait_until(page, f"document.querySelector('[data-region=budget]').innerText !== {before!r}")
    settle(page)


def test_it_shows_the_study_of_this_home_with_its_recommendation(visit):
    page = visit("explorer")
    records = bundled()[:-1]
    assert page.inner_text("h1") == "Trade-off explorer"
    assert page.locator(".chart.wide .mark").count() == len(records)
    assert page.locator("#study option").count() == 2
    assert "seed 1" in page.locator("#study option").first.inner_text()
    assert "At most 1.0 point" in text(page, "budget")
    assert page.locator("[data-region=choice] li").count() > 2
    assert text(page, "alert") == ""


SHIFTS = """() => new Promise((tell) => {
  new PerformanceObserver((list) => tell(list.getEntries().map((entry) => entry.value)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => tell([]), 500);
})"""


def test_the_picture_is_drawn_in_colour_and_nothing_moves_when_the_page_comes_alive(visit):
    page = visit("explorer")
    page.wait_for_timeout(3000)  # connected, opened, and asked for news once
    assert sum(page.evaluate(SHIFTS)) < 0.01
    pixels = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=page.locator(".chart.wide").bounding_box()))).convert("RGB")).astype(int)
    assert ((pixels.max(2) - pixels.min(2)) > 100).sum() > 1000


def test_the_slider_changes_the_recommendation_and_its_reason(visit):
    page = visit("explorer")
    slide(page, "0")
    assert "At most 0.0 points" in text(page, "budget")
    strict = text(page, "choice")
    slide(page, "5")
    assert "At most 5.0 points: take " in text(page, "budget")
    assert text(page, "choice") != strict
    assert "reference less 5.0 points" in page.inner_html("[data-region=plot]") or page.locator(".chart.wide .floor").count() == 0
    assert page.input_value("#budget") == "5"


def test_words_are_explained_by_touch_and_stay_open_while_the_slider_moves(visit):
    page = visit("explorer", width=390, height=844, has_touch=True)
    wait_until(page, "document.querySelector('[data-ready]') !== null")
    assert not page.locator("#words dl").is_visible()
    page.tap("#words summary")
    assert "beat" in page.inner_text("#words dl")
    page.locator("#budget").fill("3")
    wait_until(page, "document.querySelector('#budget-text').textContent.includes('3.0 points')")
    settle(page)
    assert page.locator("#words dl").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_click_shows_the_record_of_a_variant_and_two_side_by_side(visit):
    page = visit("explorer")
    press(page, "prune80_ptq_int8")
    details = text(page, "details")
    assert "prune80_ptq_int8 beside float32" in details
    assert "Placement" in details
    assert "Confusion difference" in details
    assert page.locator("[data-region=details] .flips img").count() > 3
    assert page.evaluate("[...document.querySelectorAll('.flips img')].every((picture) => picture.naturalWidth > 0)")
    page.select_option("#compare", "ptq_int8")
    wait_until(page, "document.querySelectorAll('.figures thead th')[2].innerText.startsWith('ptq_int8')")
    assert page.locator(".panels article").count() == 2


@pytest.mark.parametrize(("width", "chart"), [(1366, "wide"), (390, "narrow")])
def test_energy_is_an_axis_that_says_it_is_estimated(visit, width, chart):
    page = visit("explorer", width=width)
    page.click("[data-region=costs] button[aria-label='Edge TPU energy, estimated']")
    wait_until(page, "document.querySelector('.plot-title').innerText === 'Accuracy against estimated Edge TPU energy'")
    settle(page)
    drawn = page.locator(f".chart.{chart}")
    said = drawn.text_content()
    assert "estimated Edge TPU energy, mJ/inference" in said
    assert "(estimated, line: power and time range)" in said
    inside = drawn.bounding_box()
    for title in drawn.locator("text", has_text="estimated").all():
        box = title.bounding_box()
        assert inside["x"] <= box["x"]
        assert box["x"] + box["width"] <= inside["x"] + inside["width"]
    assert "0.58 to 1.2 W more than idle" in text(page, "plot")
    mapped = [record for record in bundled()[:-1] if record.placement.ops_edgetpu]
    assert drawn.locator(".mark").count() == len(mapped)
    assert "Without this figure, so not drawn: float32" in text(page, "plot")


def test_every_cost_is_a_click_away(visit):
    page, titles = visit("explorer"), []
    for button in page.locator("[data-region=costs] button").all():
        name = button.get_attribute("aria-label")
        button.click()
        settle(page)
        assert page.locator("[data-region=costs] [aria-pressed=true]").get_attribute("aria-label") == name
        titles.append(page.inner_text(".plot-title"))
    assert "Accuracy against size of the file" in titles


def test_the_model_the_code_and_the_report_are_saved(visit):
    page = visit("explorer")
    press(page, "ptq_int8")
    record = next(record for record in bundled() if record.recipe == "ptq_int8")
    files = {}
    for button in ("model", "code", "report"):
        with page.expect_download(timeout=120_000) as waited:
            page.click(f"#save-{button}")
        files[waited.value.suggested_filename] = Path(waited.value.path()).read_bytes()
    model, code, report = files["digits_cnn_ptq_int8.tflite"], files["make_ptq_int8.py"], files["digits_digits_cnn_report.html"]
    assert hashlib.sha256(model).hexdigest() == record.sha256
    compile(code.decode(), "make_ptq_int8.py", "exec")
    assert record.sha256.encode() in report
    assert text(page, "alert") == ""


def test_keys_alone_are_enough(visit):
    page = visit("explorer")

    def focus_on(selector, most=30):
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        pytest.fail(f"Tab never came to {selector}")

    focus_on("#cost-Size-2")
    page.keyboard.press("Enter")
    wait_until(page, "document.querySelector('#cost-Size-2').getAttribute('aria-pressed') === 'true'")
    assert page.evaluate("document.activeElement.id") == "cost-Size-2"
    focus_on("[data-point]")
    first = page.evaluate("document.activeElement.dataset.value")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    chosen = page.evaluate("document.activeElement.dataset.value")
    assert chosen != first
    page.keyboard.press("Enter")
    wait_until(page, f"document.querySelector('#save-code').dataset.value === '{chosen}'")
    assert page.evaluate("document.activeElement.dataset.value") == chosen
    focus_on("#budget")
    before = text(page, "budget")
    page.keyboard.press("ArrowRight")
    wait_until(page, f"document.querySelector('[data-region=budget]').innerText !== {before!r}")
    assert page.evaluate("document.activeElement.id") == "budget"
    focus_on("#save-code")
    with page.expect_download() as waited:
        page.keyboard.press("Enter")
    assert waited.value.suggested_filename == f"make_{chosen}.py"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1366, 768)])
def test_names_and_contrast_pass_axe_and_nothing_is_cut_off(visit, width, height, scheme):
    page = visit("explorer", width=width, height=height, scheme=scheme)
    press(page, "prune80_ptq_int8", "wide" if width > 600 else "narrow")
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.setAttribute('open', ''))")
    found = Axe().run(page)
    serious = [v for v in found.response["violations"] if v["impact"] in AXE_SERIOUS]
    assert not serious, [(v["id"], [node["html"][:200] for node in v["nodes"]][:3]) for v in serious]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.locator(".chart.narrow" if width < 600 else ".chart.wide")
    box = shown.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.locator(".chart.wide" if width < 600 else ".chart.narrow").is_hidden()


def test_a_study_under_way_is_seen_and_cancelled_and_its_variants_appear(visit, home):
    page = visit("explorer")
    environment = {**os.environ, "EDGEWB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", UNDER_WAY], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        study = process.stdout.readline().strip()
        wait_until(page, "document.querySelector('[data-region=running] progress') !== null")
        assert "now training digits_cnn" in text(page, "running")
        marks = page.locator(".chart.wide .mark").count()
        with RecordStore(home / "records.sqlite") as store:
            store.add(dataclasses.replace(bundled()[-1], origin="local", key="late", seed=1))
        wait_until(page, f"document.querySelectorAll('.chart.wide .mark').length === {marks + 1}")
        page.click(f"#cancel-{study}")
        wait_until(page, "document.querySelector('[data-region=running]').innerText.includes('Stopping')")
        print(file=process.stdin, flush=True)
        wait_until(page, "document.querySelector('[data-region=running] progress') === null")
        assert process.wait(timeout=120) == 0
    assert text(page, "alert") == ""


@pytest.mark.training
def test_a_real_study_is_seen_from_its_first_variant_to_its_end(visit, home, tmp_path):
    """Trained for real, if shortly; the last variant would take hours, so that there is something to cancel."""
    page = visit("explorer")
    study = study_driver.command(home, tmp_path / "out", "--targets", "cpu")
    study["env"] |= {"STUDY_FINE_TUNE_STEPS": "1000000", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(**study, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until(page, "document.querySelector('[data-region=running] progress') !== null")
        assert "breast_cancer, table_mlp" in text(page, "running")
        wait_until(page, "document.querySelector('[data-region=running] [id^=show-]') !== null", seconds=120)
        page.click("[data-region=running] [id^=show-]")
        wait_until(page, "document.querySelector('#study').selectedOptions[0].text.startsWith('breast_cancer')")
        wait_until(page, "document.querySelector('[data-region=running]').innerText.includes('now prune50_ptq_int8')", seconds=120)
        wait_until(page, "document.querySelectorAll('.chart.wide .mark').length === 3")
        assert page.evaluate("document.querySelector('[data-region=running] progress').value") > 0
        page.click("[data-region=running] [id^=cancel-]")
        wait_until(page, "document.querySelector('[data-region=running] progress') === null")
        assert "cancelled; every finished variant is kept" in process.communicate(timeout=30)[1]
    finally:
        process.kill()  # nothing where it has ended
        process.wait()
    finished = ["float32", "ptq_int8", "dynamic_range"]
    with RecordStore(home / "records.sqlite") as store:
        assert [record.recipe for record in store.query(dataset="breast_cancer")] == finished
    assert sorted(study_driver.files(tmp_path / "out")) == sorted(f"{name}.tflite" for name in finished)
    assert sorted(page.locator(".chart.wide .mark").evaluate_all("marks => marks.map((each) => each.dataset.value)")) == sorted(finished)
    assert text(page, "alert") == ""


def test_the_bundled_study_says_that_it_was_recorded_elsewhere(visit):
    page = visit("explorer")
    page.select_option("#study", "bundled-digits")
    wait_until(page, "document.querySelector('[data-region=studies]').innerText.includes('on another computer')")
    assert page.locator(".chart.wide .mark").count() == len(bundled())


def test_kernels_stay_small(server, visit):
    visit("explorer")
    children = psutil.Process(server.process.pid).children(recursive=True)
    kernels = [child for child in children if "edgewb.dashboards." in " ".join(child.cmdline())]
    assert len(kernels) > 1, "a kernel, and what it is forked of"
    assert max(kernel.memory_full_info().pss for kernel in kernels) < 80e6


def test_the_slider_is_in_sight_with_the_picture_on_a_phone_and_goes_to_its_place(visit):
    page = visit("explorer", width=390, height=844)
    wait_until(page, "document.querySelector('[data-ready]') !== null")
    slider, chart = page.locator(".budget"), page.locator(".chart.narrow")
    top = page.evaluate("document.querySelector('.chart.narrow').getBoundingClientRect().top + scrollY")
    page.evaluate(f"scrollTo(0, {top - 20})")
    page.wait_for_timeout(100)
    box, picture = slider.bounding_box(), chart.bounding_box()
    assert picture["y"] + picture["height"] <= box["y"]
    assert box["y"] + box["height"] <= 844
    page.locator(".choice").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.choice').scrollIntoView({ block: 'end' })")
    page.wait_for_timeout(100)
    assert slider.bounding_box()["y"] < page.locator(".choice").bounding_box()["y"]  # where it stands on the page, above the reason


def test_the_details_of_who_was_clicked_are_a_link_away(visit):
    page = visit("explorer")
    press(page, "prune80_ptq_int8")
    assert page.inner_text(".plot-head a") == "prune80_ptq_int8: its details below"
    page.click(".plot-head a")
    wait_until(page, "Math.abs(document.querySelector('#chosen').getBoundingClientRect().top) < 60")


def test_a_projector_has_headings_that_are_larger_than_the_text(visit):
    page = visit("explorer", width=1920, height=1080)
    sizes = page.evaluate(
        "Object.fromEntries(['.plot-title', '.choice h2', '.which label', '.choice li'].map("
        "(place) => [place, parseFloat(getComputedStyle(document.querySelector(place)).fontSize)]))"
    )
    assert sizes[".which label"] == 20
    assert sizes[".plot-title"] > 20
    assert sizes[".choice h2"] > 20
    assert sizes[".choice li"] >= 18
    assert page.evaluate("document.documentElement.scrollWidth") <= 1920
