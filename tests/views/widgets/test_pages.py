"""Pages: markup in regions, events that come back, and a page that goes on whatever a browser sends."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from edgewb.errors import InputError
from edgewb.views.widgets import pages
from edgewb.views.widgets.pages import Page, Reply, ticked

TEMPLATE = """{% extends "page.html.j2" %}
{% block body %}<h1>{{ title }}</h1>
<div data-region="words">{% block words %}<p>{{ words }}</p>{% endblock %}</div>
<div data-region="count">{% block count %}{{ count }}{% endblock %}</div>{% endblock %}"""


class Counter(Page):
    """A widget that counts, and breaks when told to."""

    template = "counter.html.j2"
    regions = ("words", "count")
    name = "counter"

    def __init__(self) -> None:
        self.words, self.count, self.broken = "none", 0, False
        super().__init__()

    def context(self) -> dict[str, Any]:
        if self.broken:
            raise RuntimeError("cannot draw in /secret/place")
        return {"title": "<Counter>", "words": self.words, "count": self.count}

    def on_add(self, value: Any, _buffers: Any) -> None:
        self.count += value

    def on_say(self, value: Any, _buffers: Any) -> None:
        self.words = value

    def on_refuse(self, value: Any, _buffers: Any) -> None:
        raise InputError(f"{value} is not taken: give another")

    def on_fail(self, _value: Any, _buffers: Any) -> None:
        raise ZeroDivisionError("at /secret/place")

    def on_spoil(self, value: Any, _buffers: Any) -> None:
        self.broken = value

    def on_idle(self, _value: Any, _buffers: Any) -> bool:
        return False


@pytest.fixture
def page(monkeypatch):
    environment = pages._environment().overlay()
    environment.loader = jinja2.ChoiceLoader([jinja2.DictLoader({"counter.html.j2": TEMPLATE}), pages._environment().loader])
    monkeypatch.setattr(pages, "_environment", lambda: environment)
    counter = Counter()
    counter.sent = []
    monkeypatch.setattr(counter, "send", lambda content, buffers=None: counter.sent.append(content))
    return counter


def receive(page: Counter, *events: Any) -> list[Any]:
    """What the page sends when these messages come in."""
    page.sent.clear()
    for event in events:
        page._receive(page, event, [])
    return page.sent


def regions(sent: list[Any]) -> dict[str, str]:
    return {name: html for message in sent for name, html in message.get("regions", {}).items()}


def test_only_what_changed_is_sent_and_then_that_it_is_done(page):
    assert receive(page, {"event": "add", "value": 2, "number": 7}) == [{"regions": {"count": "2"}}, {"done": 7}]
    assert receive(page, {"event": "add", "value": 0, "number": 8}) == [{"done": 8}]


def test_a_handler_that_says_so_draws_nothing(page):
    page.count = 5
    assert receive(page, {"event": "idle", "number": 1}) == [{"done": 1}]


def test_a_handler_may_send_a_message_of_its_own_with_the_word_that_it_is_done(page, monkeypatch):
    sent = []
    monkeypatch.setattr(page, "send", lambda content, buffers=None: sent.append((content, buffers)))
    monkeypatch.setattr(Counter, "on_add", lambda _self, _value, _buffers: Reply({"answered": True}, [b"picture"]))
    page.count = 5  # which nobody draws
    receive(page, {"event": "add", "number": 4})
    assert sent == [({"answered": True, "done": 4}, [b"picture"])]
    monkeypatch.setattr(Counter, "on_add", lambda _self, _value, _buffers: Reply({}, later=("count",)))
    sent.clear()
    receive(page, {"event": "add", "number": 5})
    assert sent == [({"done": 5}, []), ({"regions": {"count": "5"}}, None)]  # who waits for the reply does not wait for the drawing


@pytest.mark.parametrize(
    "message",
    [None, 7, "add", [], ["event"], {}, {"event": None}, {"event": 3}, {"event": {"a": 1}}, {"event": ["add"]}, {"event": "nosuch"},
     b"bytes", {"event": "_receive"}, {"event": "__init__"}, {"event": "msg"}, {"event": "trait_change"}, {"event": "displayed"},
     {"event": "x" * 10**6}],
    ids=lambda message: repr(message)[:30],
)  # fmt: skip
def test_what_is_no_event_of_this_page_is_said_in_one_short_line(page, message):
    sent = receive(page, message)
    alert = regions(sent)["alert"]
    assert "this page knows add, fail, idle, refuse, say, spoil: load the page again" in alert
    assert len(alert) < 200
    assert sent[-1] == {"done": None}
    assert receive(page, {"event": "add", "value": 1, "number": 2})[0]["regions"] == {"alert": "", "count": "1"}


@pytest.mark.parametrize("number", ["1", None, [1], {"a": 1}, 1.5])
def test_a_number_that_is_none_is_not_sent_back(page, number):
    assert receive(page, {"event": "add", "value": 1, "number": number})[-1] == {"done": None}


def test_a_refusal_and_a_fault_show_on_the_page_and_the_page_goes_on(page, caplog):
    assert regions(receive(page, {"event": "refuse", "value": "<b>7</b>"})) == {"alert": "&lt;b&gt;7&lt;/b&gt; is not taken: give another"}
    with caplog.at_level("ERROR", logger=pages.__name__):
        alert = regions(receive(page, {"event": "fail"}))["alert"]
    assert alert == "something went wrong here (ZeroDivisionError); the page goes on, and the server&#39;s log says more"
    assert "at /secret/place" in caplog.text
    assert regions(receive(page, {"event": "add", "value": "no number"}))["alert"].startswith("something went wrong here (TypeError)")
    assert regions(receive(page, {"event": "add", "value": 3})) == {"alert": "", "count": "3"}


def test_a_page_that_cannot_be_drawn_says_so_and_is_whole_again_afterwards(page):
    page.count = 4
    sent = receive(page, {"event": "spoil", "value": True, "number": 3})
    assert regions(sent) == {"alert": "something went wrong here (RuntimeError); the page goes on, and the server&#39;s log says more"}
    assert sent[-1] == {"done": 3}
    sent = receive(page, {"event": "spoil", "value": False, "number": 4})
    assert regions(sent) == {"alert": "", "words": "<p>none</p>", "count": "4"}


def test_text_of_people_is_escaped_in_regions_in_the_whole_page_and_in_the_mime_bundle(page):
    page.on_say("<img src=x onerror=alert(1)>", [])
    escaped = "&lt;img src=x onerror=alert(1)&gt;"
    for html in (regions(receive(page, {"event": "add", "value": 0}))["words"], page.render(), page._repr_mimebundle_()[0]["text/html"]):
        assert escaped in html
        assert "<img" not in html


def test_huge_values_are_taken_as_any_other(page):
    assert len(regions(receive(page, {"event": "say", "value": "ä" * 10**6}))["words"]) == 10**6 + 7


def test_the_state_is_of_now(page):
    page.on_add(9, [])
    assert "9</div>" in page.get_state()["markup"]
    assert receive(page, {"event": "add", "value": 0, "number": 1}) == [{"done": 1}], "what get_state drew counts as sent"


def test_the_mime_bundle_has_the_widget_for_jupyterlab_and_the_markup_for_a_dashboard(page):
    data, *_ = page._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == page.model_id
    assert f'data-comm="{page.model_id}" data-page="counter"' in data["text/html"]
    assert "<h1>&lt;Counter&gt;</h1>" in data["text/html"]


def test_opened_draws_all_again_after_a_broken_connection_and_nothing_the_first_time(page):
    assert receive(page, {"event": "opened", "value": False, "number": 1}) == [{"done": 1}]
    assert set(regions(receive(page, {"event": "opened", "value": True, "number": 1}))) == {"alert", "words", "count"}


def test_a_widget_reads_anew_what_may_have_changed_when_its_page_is_opened(page, monkeypatch):
    monkeypatch.setattr(Counter, "opened", lambda self: self.on_add(1, []))
    assert regions(receive(page, {"event": "opened", "value": False})) == {"count": "1"}


def test_visitors_of_a_published_page_are_not_told_where_things_are(page, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    event = {"event": "refuse", "value": f"{tmp_path}/records.db"}
    assert str(tmp_path) in regions(receive(page, event))["alert"]
    monkeypatch.setenv("EDGEWB_DASHBOARD_CONTROL", "0")
    assert regions(receive(page, event))["alert"] == "HOME/records.db is not taken: give another"


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Run `edgewb fix`, then <b>.", "Run <code>edgewb fix</code>, then &lt;b&gt;."),
        ("one ` alone", "one ` alone"),
        ("`<script>`\u202e", r"<code>&lt;script&gt;</code>\u202e"),
        ("", ""),
    ],
)
def test_what_is_to_be_typed_looks_so(text, markup):
    assert ticked(text) == markup
