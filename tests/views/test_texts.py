"""Control and bidirectional characters become visible; everything else stays as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from edgewb.views.texts import clean, clean_json, clean_output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv/Relu:0", "conv/Relu:0"),
        ("a\u202eb", r"a\u202eb"),
        ("\x1b[31mred\x00", r"\x1b[31mred\x00"),
        ("two\u2066words\u200b", r"two\u2066words\u200b"),
        ("\ud800", r"\ud800"),
        ("line\n\tline, 5\xa0ms, größer, 数字", "line\n\tline, 5\xa0ms, größer, 数字"),
    ],
)
def test_what_is_shown(text, shown):
    assert clean(text) == shown


@given(st.text())
def test_nothing_unprintable_stays_and_doing_it_twice_changes_nothing(text):
    once = clean(text)
    assert all(c.isprintable() or c in "\n\t\xa0\u2009\u202f" for c in once)
    assert clean(once) == once


def test_json_within_json():
    given = {"na\u202eme": ["\x07", {"a": ("\u2069", 1.5, None, True)}]}
    assert clean_json(given) == {r"na\u202eme": [r"\x07", {"a": [r"\u2069", 1.5, None, True]}]}
    assert json.loads(json.dumps(clean_json(given))) == clean_json(given)


def test_a_template_writes_markup_as_it_is():
    assert clean_output(Markup("<b>\n</b>")) == Markup("<b>\n</b>")
    assert clean_output("\u202e") == r"\u202e"
    assert clean_output(3) == 3
