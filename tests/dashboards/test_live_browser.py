"""The live page as a visitor uses it: draws, turns the camera on and off, brings pictures, streams test images, chooses a target beside."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import scenes
from axe_playwright_python.sync_playwright import Axe
from browsers import PATIENCE_MS, wait_until
from PIL import Image

pytestmark = pytest.mark.browser


def draw(page, digit):
    """A digit with the mouse, within the middle of the paper."""
    box = page.locator("[data-paper]").bounding_box()
    for line in scenes.STROKES[digit]:
        points = [(box["x"] + box["width"] * (0.25 + 0.5 * x), box["y"] + box["height"] * (0.15 + 0.7 * y)) for x, y in line]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def label(page):
    return page.locator("[data-label]").first.inner_text()


def until_label(page, wanted):
    wait_until(page, f"document.querySelector('[data-label]').textContent === {wanted!r}")


def figures(page):
    return page.inner_text("[data-region=figures]")


def test_a_drawn_digit_is_read(visit):
    page = visit("live")
    assert label(page) == "–"
    draw(page, 0)
    until_label(page, "0")
    assert "measured" in page.inner_text("[data-region=answers]")
    wait_until(page, "/[1-9]\\d* frames answered/.test(document.querySelector('[data-region=figures]').textContent)")
    page.click("[data-wipe]")
    until_label(page, "–")  # nothing of it is left: neither the answer nor what it took
    wait_until(page, "/(^|\\D)0 frames answered/.test(document.querySelector('[data-region=figures]').textContent)")
    assert blank(page, "[data-fed]")
    draw(page, 1)
    until_label(page, "1")
    assert page.locator("[data-camera-picture]").is_hidden()


def test_what_is_drawn_is_asked_again_when_others_answer(visit):
    page = visit("live")
    assert page.locator("[data-hint]").is_visible()
    draw(page, 1)
    until_label(page, "1")
    assert page.locator("[data-hint]").is_hidden()
    page.select_option("#live-beside", label="cpu:builtin")
    wait_until(page, "[...document.querySelectorAll('[data-label]')].map((each) => each.textContent).join() === '1,1'")
    assert "Both say the same" in page.inner_text("[data-region=answers]")
    page.click("[data-wipe]")
    page.locator("[data-hint]").wait_for(state="visible")


def test_two_answers_fill_a_projector_side_by_side(visit):
    page = visit("live", width=1920, height=1080)
    page.select_option("#live-beside", label="cpu:builtin")
    wait_until(page, "document.querySelectorAll('.answer').length === 2")
    first, second = (each.bounding_box() for each in page.locator(".answer").all())
    whole = page.locator("[data-region=answers]").bounding_box()
    assert first["y"] == second["y"]
    assert second["x"] + second["width"] == pytest.approx(whole["x"] + whole["width"], abs=1)


def blank(page, canvas):
    return page.eval_on_selector(
        canvas, "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.every((byte) => byte === 0)"
    )


@pytest.mark.parametrize("before", ["draw", "test"])
def test_nothing_stale_is_left_when_the_source_changes(visit, before):
    page = visit("live")
    if before == "draw":
        draw(page, 0)
        until_label(page, "0")
    else:
        page.click("[data-source=test]")
        page.select_option("[data-speed]", "0")
        page.click("[data-stream]")
        wait_until(page, "document.querySelectorAll('[data-region=charts] svg').length > 0")
    page.click("[data-source=camera]")
    until_label(page, "–")
    wait_until(page, "document.querySelectorAll('[data-region=charts] svg').length === 0")
    page.wait_for_timeout(300)  # nothing of the stream comes after it
    assert label(page) == "–"
    assert "0 frames answered" in figures(page)
    assert "test images right" not in figures(page)
    page.click(f"[data-source={before}]")
    assert blank(page, "[data-example]")
    assert page.eval_on_selector(
        "[data-paper]", "canvas => canvas.getContext('2d').getImageData(0, 0, 320, 320).data.every((byte) => byte === 255)"
    )


def test_a_target_that_takes_seconds_is_waited_for_while_the_other_answers(visit):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    page = visit("live")
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => {
                const [line, first] = [document.querySelector("[data-opening]"), document.querySelector(".answer h2").textContent.trim()];
                if (line) window.said.push([line.textContent, first]);
            }).observe(document.querySelector("[data-region=opening]"), { childList: true, subtree: true, characterData: true });
        }"""
    )
    page.click("[data-source=test]")
    page.click("[data-stream]")
    page.select_option(
        "#live-target", label="openvino[:DEVICE]" if page.locator("#live-target option", has_text="DEVICE").count() else "openvino"
    )
    wait_until(page, "document.querySelector('.answer h2').textContent.includes('openvino')")
    said = page.evaluate("window.said")
    assert said
    assert "Getting openvino" in said[0][0]
    assert "cpu:xnnpack" in said[0][1]
    assert page.locator("[data-opening]").count() == 0
    wait_until(page, "/test images right/.test(document.querySelector('[data-region=figures]').textContent)")  # the stream goes on
    assert page.eval_on_selector("#live-target", "list => list.selectedOptions[0].textContent").startswith("openvino")


def test_with_keys_alone(visit):
    page = visit("live")
    page.keyboard.press("Tab")
    for _ in range(12):  # past the link to all dashboards and the five sources
        if page.evaluate("document.activeElement.hasAttribute('data-paper')"):
            break
        page.keyboard.press("Tab")
    else:
        raise AssertionError("the paper is never reached")
    page.keyboard.press("Space")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    until_label(page, "1")
    page.keyboard.press("Space")
    assert page.locator("[data-cursor][data-down]").count() == 0
    page.keyboard.press("Delete")
    until_label(page, "–")
    page.locator("[data-source=test]").focus()
    page.keyboard.press("Enter")
    page.locator("[data-next]").focus()
    page.keyboard.press("Enter")
    wait_until(page, "/test images right/.test(document.querySelector('[data-region=figures]').textContent)")
    page.locator("#live-target").focus()
    page.keyboard.press("ArrowDown")
    wait_until(page, "document.querySelector('.answer h2').textContent.includes('cpu:builtin')")
    assert page.evaluate("document.activeElement.id") == "live-target"


def test_the_camera_is_off_until_it_is_turned_on_and_a_sign_shows_it(visit):
    page = visit("live", permissions=["camera"])
    page.evaluate(
        """() => {
            window.asked = [];
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) => {
                window.asked.push(wanted);
                return (window.camera = await ask(wanted));
            };
        }"""
    )
    page.click("[data-source=camera]")
    assert "HTTPS" in page.inner_text("[data-camera-note]")
    assert page.evaluate("window.asked") == []
    assert page.locator("[data-sign]").is_hidden()
    page.click("[data-camera]")
    page.locator("[data-sign]").wait_for(state="visible")
    assert page.inner_text("[data-sign]") == "● Camera on"
    wait_until(page, "/distinct frames a second/.test(document.querySelector('[data-region=figures]').textContent)")
    wait_until(page, "/95th percentile/.test(document.querySelector('[data-region=figures]').textContent)")
    asked = page.evaluate("window.asked")
    assert [wanted["audio"] for wanted in asked] == [False]
    page.click("[data-camera]")
    page.locator("[data-sign]").wait_for(state="hidden")
    assert page.evaluate("window.camera.getTracks().map((track) => [track.kind, track.readyState])") == [["video", "ended"]]
    wait_until(page, "/Drift on/.test(document.querySelector('[data-region=figures]').textContent)")
    before = figures(page)
    page.wait_for_timeout(500)
    assert figures(page) == before  # no frame comes after it


@pytest.mark.parametrize("leaving", ["another source", "a hidden page"])
def test_the_camera_goes_off_when_it_is_left(visit, leaving):
    page = visit("live", permissions=["camera"])
    page.click("[data-source=camera]")
    page.click("[data-camera]")
    page.locator("[data-sign]").wait_for(state="visible")
    tracks = page.evaluate_handle("document.querySelector('[data-camera-picture]').srcObject.getTracks()")
    if leaving == "another source":
        page.click("[data-source=draw]")
    else:
        page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", { value: true, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
    assert tracks.evaluate("tracks => tracks.map((track) => track.readyState)") == ["ended"]
    page.locator("[data-sign]").wait_for(state="hidden")


def test_a_camera_that_is_refused_or_not_there_is_said(visit):
    page = visit("live", permissions=[])
    page.click("[data-source=camera]")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); }; }")
    page.click("[data-camera]")
    wait_until(page, "document.querySelector('[data-camera-note]').textContent.includes('not allowed to use the camera')")
    page.evaluate("() => { Object.defineProperty(navigator, 'mediaDevices', { value: undefined, configurable: true }); }")
    page.click("[data-camera]")
    wait_until(page, "document.querySelector('[data-camera-note]').textContent.includes('HTTPS pages and on localhost only')")
    assert page.locator("[data-sign]").is_hidden()


def png(digit, kind="strokes"):
    rng = np.random.default_rng(digit)
    stream = io.BytesIO()
    Image.fromarray(scenes.photograph(scenes.ink(kind, digit, None, rng), "even", rng)).save(stream, "PNG")
    return stream.getvalue()


def test_pictures_are_answered_one_after_the_other_and_what_is_none_is_counted(visit):
    page = visit("live")
    page.click("[data-source=pictures]")
    files = [{"name": f"digit {digit}.png", "mimeType": "image/png", "buffer": png(digit)} for digit in (0, 1, 3)]
    files.append({"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"})
    files.append({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"text"})
    page.set_input_files("[data-files]:not([webkitdirectory])", files)
    wait_until(page, "document.querySelector('[data-files-note]').textContent.includes('3 answered')")
    note = "3 answered; 1 could not be opened (broken.png); 1 left out (no picture)."
    assert page.inner_text("[data-files-note]") == note
    wait_until(page, "document.querySelectorAll('[data-region=pictures] tbody tr').length === 3")  # drawn after the reply
    rows = page.locator("[data-region=pictures] tbody tr").all_inner_texts()
    found = [[cell.strip() for cell in row.split("\t")] for row in rows]
    assert [(cells[0], cells[2], cells[3]) for cells in found] == [
        ("1", "digit 0.png", "0"),
        ("2", "digit 1.png", "1"),
        ("3", "digit 3.png", "3"),
    ]
    drawn = page.locator("[data-thumbnail] canvas").evaluate_all(
        "all => all.map((canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, 96, 96).data).size)"
    )
    assert len(drawn) == 3
    assert min(drawn) > 10
    page.locator("#live-pictures").focus()
    assert page.evaluate("document.activeElement.id") == "live-pictures"
    page.keyboard.press("Tab")
    with page.expect_download() as saving:
        page.keyboard.press("Enter")
    assert saving.value.suggested_filename == "answers.csv"
    lines = saving.value.path().read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in lines] == ["picture", "digit 0.png", "digit 1.png", "digit 3.png"]
    wait_until(page, "/3 frames answered/.test(document.querySelector('[data-region=figures]').textContent)")


def test_a_folder_of_pictures(visit, tmp_path):
    for digit in (0, 1):
        (tmp_path / f"{digit}.png").write_bytes(png(digit))
    page = visit("live")
    page.click("[data-source=pictures]")
    page.set_input_files("[data-files][webkitdirectory]", tmp_path)
    wait_until(page, "document.querySelector('[data-files-note]').textContent.includes('2 answered')")
    wait_until(page, "document.querySelectorAll('[data-region=pictures] tbody tr').length === 2")  # drawn after the reply


def test_a_video_is_answered_while_it_plays(visit):
    page = visit("live")
    page.click("[data-source=video]")
    # The browser makes the film: a digit that moves.
    made = page.evaluate(
        """async () => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [160, 160];
            const context = canvas.getContext("2d");
            const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: "video/webm" });
            const parts = [];
            recorder.ondataavailable = (event) => parts.push(event.data);
            recorder.start();
            for (let step = 0; step < 45; step++) {
                context.fillStyle = "#eee";
                context.fillRect(0, 0, 160, 160);
                context.fillStyle = "#222";
                context.fillRect(60 + step, 40, 14, 80);
                await new Promise((resolve) => setTimeout(resolve, 33));
            }
            const stopped = new Promise((resolve) => (recorder.onstop = resolve));
            recorder.stop();
            await stopped;
            return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
        }"""
    )
    page.set_input_files("[data-film-file]", [{"name": "film.webm", "mimeType": "video/webm", "buffer": bytes(made)}])
    until_label(page, "1")
    wait_until(page, "document.querySelector('[data-film]').ended")
    wait_until(page, "/Drift on/.test(document.querySelector('[data-region=figures]').textContent)")
    found = re.search(r"(\d+) frames answered, (\d+) of them distinct", figures(page))
    assert int(found.group(2)) >= 5
    page.set_input_files("[data-film-file]", [{"name": "film.webm", "mimeType": "video/webm", "buffer": b"no film"}])
    wait_until(page, "document.querySelector('[data-film-note]').textContent.includes('cannot play this file')")
    until_label(page, "–")  # the answers of the film before are none to this one
    assert "0 frames answered" in figures(page)
    assert page.locator("[data-region=charts] svg").count() == 0


def test_test_images_beside_a_simulated_target_wear_its_watermark(visit):
    page = visit("live")
    page.select_option(
        "#live-beside", label="simulated[:HOST]" if page.locator("#live-beside option", has_text="HOST").count() else "simulated"
    )
    wait_until(page, "document.querySelectorAll('.answer').length === 2")
    page.click("[data-source=test]")
    page.select_option("[data-speed]", "0")
    page.click("[data-stream]")
    wait_until(page, "document.querySelectorAll('[data-region=charts] .stamp').length > 0")
    assert "SIMULATED, not measured" in page.locator(".answer").nth(1).inner_text()
    assert "SIMULATED" not in page.locator(".answer").nth(0).inner_text()
    page.click("[data-stream]")
    wait_until(page, "/Drift on simulated/.test(document.querySelector('[data-region=figures]').textContent)")
    found = re.search(r"cpu\S*: (\d+) of (\d+) test images right", figures(page))
    assert int(found.group(1)) >= 0.85 * int(found.group(2)) > 10
    rows = page.locator("[data-region=figures] tbody tr").all_inner_texts()
    assert [row.split("\t")[-1] for row in rows] == ["measured", "simulated"]
    read = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
    assert len(set(page.eval_on_selector("[data-example]", read))) > 3  # the image is there


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (390, "light"), (390, "dark")])
def test_names_contrast_and_width(visit, width, scheme):
    page = visit("live", width=width, height=844 if width == 390 else 768, scheme=scheme)
    draw(page, 0)
    until_label(page, "0")
    for source in ("draw", "camera", "pictures", "video", "test"):
        page.click(f"[data-source={source}]")
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        serious = [f"{v['id']}: {v['nodes'][0]['html']}" for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
        assert serious == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_model_of_one_s_own_where_the_server_was_started_for_it(browser, server, tmp_path, tflite_file):
    started = type(server)(tmp_path, "--trusted")
    try:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{started.origin}/live")
        wait_until(page, "document.documentElement.dataset.connected === 'true'")
        page.set_input_files("[data-upload=model]", tflite_file("int8_conv"))
        wait_until(page, "document.querySelector('[data-region=model]').textContent.includes('int8_conv.tflite (yours')")
        until_label(page, "–")
        draw(page, 1)
        wait_until(page, "document.querySelector('[data-label]').textContent.startsWith('class ')")
        assert page.locator(".fed").is_hidden()
        context.close()
    finally:
        started.stop()


def test_nothing_jumps_when_the_page_becomes_alive(browser, server):
    names, found = ("h1", "[data-paper]", ".fed", ".answer", ".settings", ".figures"), []
    for alive in (False, True):
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        if not alive:
            page.route("**/host.js", lambda route: route.abort())
        page.goto(f"{server.origin}/live")
        if alive:
            wait_until(page, "document.documentElement.dataset.connected === 'true'")
        found.append([page.locator(name).first.bounding_box() for name in names])
        context.close()
    assert found[0] == found[1]
