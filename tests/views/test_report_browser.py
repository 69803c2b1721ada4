"""The report in a real browser: drawn, quiet, self-contained, and no wider than a phone."""

import dataclasses
import io

import pytest
from browsers import PATIENCE_MS, started_browser, wait_until

from edgewb.types import Basis, TargetFacts
from edgewb.views.report import write_report

pytestmark = pytest.mark.browser

SETTLED = "document.querySelectorAll('[data-drawn]').length === document.querySelectorAll('script[data-figure]').length"


@pytest.fixture(scope="module")
def browser():
    yield from started_browser()


@pytest.fixture
def report(tmp_path, nine, recommendation, context):
    return write_report(tmp_path / "report.html", nine, recommendation, [], context)


@pytest.fixture
def visit(browser, report):
    contexts, seen = [], {"console": [], "outside": []}

    def open_page(width=1366, height=768, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()

        def route(request):
            if request.request.url.startswith(("file:", "data:", "blob:")):
                request.continue_()
            else:
                seen["outside"].append(request.request.url)
                request.abort()

        page.route("**/*", route)
        page.on("console", lambda message: seen["console"].append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen["console"].append(str(error)))
        page.goto(report.as_uri())
        wait_until(page, SETTLED)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen == {"console": [], "outside": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_is_really_drawn(visit, scheme):
    from PIL import Image

    page = visit(scheme=scheme)
    figures = page.query_selector_all(".plot")
    assert len(figures) == 5
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 25, 28)"}[scheme]
    for figure in figures:
        assert figure.evaluate("e => e.querySelectorAll('svg.main-svg').length") >= 2
        assert figure.evaluate("e => e.querySelectorAll('.point, .points path, .bars path').length") >= 8
        figure.scroll_into_view_if_needed()
        image = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
        colours = image.getcolors(maxcolors=1 << 24)
        blank = max(count for count, _ in colours) / (image.width * image.height)
        assert blank < 0.99
        vivid = sum(count for count, (r, g, b) in colours if max(r, g, b) - min(r, g, b) > 60)
        assert vivid > 200


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1366, "light")])
def test_a_simulated_latency_has_the_word_across_its_figure_and_on_top_of_the_page(
    visit, report, nine, recommendation, context, width, scheme
):
    facts = TargetFacts(runtime="r", device="desktop", stands_for="an Edge TPU on desktop, usb3, max clock")
    both = []
    for record in nine:
        (measured,) = record.latency
        simulated = dataclasses.replace(measured, target="simulated", basis=Basis.SIMULATED, facts=facts)
        both.append(dataclasses.replace(record, latency=(measured, simulated)))
    write_report(report, both, recommendation, [], context)
    page = visit(width=width, scheme=scheme)
    words = page.evaluate(
        """() => [...document.querySelectorAll('figure')].filter(figure => {
            const box = figure.querySelector('.plot').getBoundingClientRect();
            return [...figure.querySelectorAll('.annotation text')].some(text => {
                const r = text.getBoundingClientRect();
                return text.textContent === 'SIMULATED' && r.width > 100 && r.left >= box.left - 1 && r.right <= box.right + 1;
            });
        }).map(figure => figure.querySelector('h3').textContent)"""
    )
    assert words == ["Latency side by side", "Latency on simulated (SIMULATED)"]
    said = "SIMULATED, not measured: stands for an Edge TPU on desktop, usb3, max clock"
    assert said in page.inner_text("header")
    assert said in page.inner_text("section:has(table)")


@pytest.mark.parametrize("width", [390, 768, 1366])
def test_the_page_never_scrolls_sideways(visit, width):
    page = visit(width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure in page.query_selector_all(".plot"):
        assert figure.evaluate("e => e.querySelector('.main-svg').getBoundingClientRect().right <= e.getBoundingClientRect().right + 1")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1366, "light")])
def test_what_changed_is_shown_with_the_pictures_of_what_flipped(visit, report, make_record, context, width, scheme):
    import numpy as np

    from edgewb.answers import count_answers, read_answers
    from edgewb.measurements import accuracy, accuracy_delta
    from edgewb.recommendations import recommend
    from edgewb.views.pictures import picture_uri

    truth, rng = np.arange(200) % 10, np.random.default_rng(0)
    said = [np.where(rng.random(200) < share, rng.integers(0, 10, 200), truth) for share in (0.02, 0.2)]
    before, after = (read_answers(np.eye(10, dtype=np.float32)[a], truth) for a in said)
    names = tuple(f"a class with a long name {i}" for i in range(10))
    float32 = dataclasses.replace(
        make_record("float32"), accuracy=accuracy(before.right, "cpu"), answers=count_answers(before, names, "cpu")
    )
    variant = dataclasses.replace(
        make_record("ptq_int8"),
        accuracy=accuracy(after.right, "cpu"),
        accuracy_delta=accuracy_delta(after.right, before.right, "float32"),
        answers=count_answers(after, names, "cpu", before),
    )
    pictures = {i: picture_uri(rng.random((32, 32, 1), dtype=np.float32)) for i in range(200)}
    records = [float32, variant]
    write_report(report, records, recommend(records, 1.0), [], dataclasses.replace(context, pictures=pictures))
    page = visit(width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.querySelectorAll('.flips img')].filter(i => i.complete && i.naturalWidth === 32).length") == 24
    shades = page.evaluate("[...document.querySelectorAll('.grid td.worse')].map(td => getComputedStyle(td).backgroundColor)")
    assert len(shades) > 5
    assert all("rgba(0, 0, 0, 0)" not in shade for shade in shades)
    assert len(set(shades)) > 1  # more is darker


def test_the_wide_table_scrolls_in_its_own_box_on_a_phone(visit):
    page = visit(width=390, height=844)
    assert page.evaluate("(() => { const b = document.querySelector('.scroll'); return b.scrollWidth > b.clientWidth; })()")


@pytest.mark.parametrize("width", [390, 1366])
def test_axis_titles_and_names_are_not_cut_off(visit, width):
    page = visit(width=width, height=844)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.plot')].flatMap(plot => {
            const box = plot.getBoundingClientRect();
            return [...plot.querySelectorAll('.infolayer text, .xtick text, .ytick text')].filter(text => {
                const r = text.getBoundingClientRect();
                return r.width > 0 && (r.left < box.left - 1 || r.right > box.right + 1 || r.bottom > box.bottom + 1);
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []


def test_names_beside_the_rows_do_not_overlap(visit):
    page = visit(width=390, height=844)
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll('.plot')].flatMap(plot => {
            const ticks = [...plot.querySelectorAll('.ytick text')].map(t => t.getBoundingClientRect()).sort((a, b) => a.top - b.top);
            return ticks.slice(1).filter((t, i) => t.top < ticks[i].bottom - 1).length ? [plot.id] : [];
        })"""
    )
    assert overlapping == []


def test_colours_follow_the_page_when_its_scheme_changes(visit):
    page = visit(scheme="light")
    page.emulate_media(color_scheme="dark")
    wait_until(page, "document.querySelector('.plot').layout.font.color === '#d8d8d8'")


def test_on_paper_the_figures_fit_the_sheet_and_are_dark_on_white(visit):
    page = visit(scheme="dark")
    width = "document.querySelector('.plot .main-svg').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    wait_until(page, f"{width} <= 680")
    assert page.evaluate("document.querySelector('.plot').layout.font.color") == "#333333"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    wait_until(page, f"{width} === {before}")
    assert page.evaluate("document.querySelector('.plot').layout.font.color") == "#d8d8d8"
