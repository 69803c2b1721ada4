"""Uploads in pieces: what is given arrives whole or not at all, and what is refused says why."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.views.widgets.pages import Page
from edgewb.views.widgets.registry import PARTS, widget_script
from edgewb.views.widgets.uploads import PIECE_BYTES, Upload, UploadLimit, UploadPage


class Taking(UploadPage):
    """A page that keeps what it was given, and what it sent."""

    template = "page.html.j2"
    name = "taking"
    upload_limits: ClassVar = {"model": UploadLimit(max_bytes=3_000_000), "pictures": UploadLimit(max_bytes=100, max_files=3)}

    def __init__(self) -> None:
        self.taken: list[Upload] = []
        self.sent: list[dict] = []
        super().__init__()

    def context(self) -> dict:
        return {}

    def receive_upload(self, upload: Upload) -> None:
        self.taken.append(upload)

    def send(self, content, buffers=None) -> None:
        self.sent.append(content)


def piece(page: Page, content: bytes, offset: int, **value) -> None:
    told = {"id": "a", "kind": "model", "name": "net.tflite", "offset": offset, "index": 0, "count": 1, **value}
    page._handle_custom_msg({"event": "upload", "value": told, "number": -1}, [memoryview(content)])


def give(page: Page, content: bytes, cut: int = PIECE_BYTES, **value) -> None:
    """As uploads.js does it."""
    for offset in range(0, max(len(content), 1), cut):
        piece(page, content[offset : offset + cut], offset, **{"size": len(content), **value})


@given(st.binary(max_size=400), st.integers(1, 120))
def test_a_file_arrives_whole_however_it_is_cut(content, cut):
    page = Taking()
    give(page, content, cut)
    assert [upload.content for upload in page.taken] == [content]
    assert page.alert == ""


def test_pieces_are_answered_and_draw_nothing_until_the_file_is_complete():
    page = Taking()
    content = bytes(2_100_000)
    give(page, content)
    answers = [message["upload"] for message in page.sent if "upload" in message]
    assert answers == [{"id": "a"}] * 3
    assert not any("regions" in message for message in page.sent)
    assert page.taken[0] == Upload(kind="model", name="net.tflite", content=content)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"size": 200_000_000}, "net.tflite has 200,000,000 bytes, at most 3,000,000 are taken here: give a smaller file"),
        ({"size": 10, "count": 2}, "one file is taken at a time, 2 were given: give one"),
        ({"size": 10, "count": 4, "kind": "pictures"}, "4 files were given: give at most 3 at once"),
        ({"size": 10, "kind": "sound"}, "uploads of the kind 'sound' are not taken here: model, pictures"),
        ({"size": 10, "kind": ["model"]}, "uploads of the kind \"['model']\" are not taken here: model, pictures"),
        ({"size": -1}, "this upload cannot be read: load the page again"),
        ({"size": 1e9}, "this upload cannot be read: load the page again"),
        ({"size": 10, "index": "1"}, "this upload cannot be read: load the page again"),
        ({"size": 2}, "net.tflite did not arrive as it was sent: give it again"),
        ({"size": 10, "unreadable": True}, "net.tflite could not be read by the browser: give a file, not a folder, and one that does not"),
    ],
)
def test_a_refused_upload_says_why_and_the_page_goes_on(value, says):
    page = Taking()
    piece(page, b"0123", 0, **value)
    assert page.alert.startswith(says)
    assert {"upload": {"id": "a", "refused": True}} in page.sent
    give(page, b"TFL3", id="b")
    assert [upload.content for upload in page.taken] == [b"TFL3"]
    assert page.alert == ""


def test_a_piece_larger_than_agreed_is_refused():
    page = Taking()
    piece(page, bytes(PIECE_BYTES + 1), 0, size=PIECE_BYTES + 1)
    assert "did not arrive as it was sent" in page.alert
    assert not page.taken


@pytest.mark.parametrize("second", [3, 5, None, "4"])
def test_a_piece_in_the_wrong_place_is_refused(second):
    page = Taking()
    piece(page, b"0123", 0, size=8)
    piece(page, b"4567", second, size=8)
    assert "did not arrive as it was sent" in page.alert
    assert not page.taken


def test_an_empty_piece_in_the_middle_ends_the_upload():
    page = Taking()
    piece(page, b"0123", 0, size=8)
    piece(page, b"", 4, size=8)
    assert page.alert == "net.tflite ended early, after 4 of 8 bytes: give it again"


def test_the_newest_takes_the_place_of_an_unfinished_one_and_says_so():
    page = Taking()
    piece(page, b"0123", 0, size=8)
    give(page, b"second", id="b", name="other.tflite")
    assert [upload.content for upload in page.taken] == [b"second"]
    assert page.alert == "net.tflite was given up, other.tflite came before it was complete: give one after the other"
    piece(page, b"4567", 4, size=8)
    assert page.alert.startswith("net.tflite was given up")
    assert len(page.taken) == 1


def test_several_files_of_one_drop_keep_their_order():
    page = Taking()
    for index, content in enumerate((b"one", b"two", b"three")):
        give(page, content, id=str(index), kind="pictures", name=f"{index}.png", index=index, count=3)
    assert [(upload.index, upload.count, upload.name) for upload in page.taken] == [(0, 3, "0.png"), (1, 3, "1.png"), (2, 3, "2.png")]


def test_names_are_for_people_only():
    page = Taking()
    give(page, b"x", id="1", name="a\x1b[31m\u202e<b>" + "y" * 500)
    assert page.taken[0].name == "a\ufffd[31m\ufffd<b>" + "y" * 190
    give(page, b"x", id="2", name=None)
    assert page.taken[1].name == "the file"


@pytest.mark.parametrize("value", [None, "text", 3, [], {}])
def test_nonsense_instead_of_a_piece(value):
    page = Taking()
    page._handle_custom_msg({"event": "upload", "value": value, "number": -1}, [])
    assert page.alert
    assert page.taken == []


def test_what_goes_wrong_with_a_file_is_said_and_the_next_is_taken():
    class Failing(Taking):
        def receive_upload(self, upload: Upload) -> None:
            if upload.content == b"bad":
                raise ZeroDivisionError
            super().receive_upload(upload)

    page = Failing()
    give(page, b"bad")
    assert page.alert.startswith("something went wrong here (ZeroDivisionError)")
    give(page, b"good", id="b")
    assert [upload.content for upload in page.taken] == [b"good"]


def test_script_and_module_agree_on_the_size_of_a_piece():
    assert "uploads" in PARTS["inspector"][0]
    assert f"const PIECE_BYTES = {PIECE_BYTES:_};" in widget_script("inspector")
