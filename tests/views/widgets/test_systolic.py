"""The systolic array as a page: what it shows is what was worked out."""

import json
import re
from html import unescape

import numpy as np
import pytest

from edgewb.errors import InputError
from edgewb.views.widgets import Systolic
from edgewb.views.widgets.registry import PARTS
from edgewb.views.widgets.systolic import example_matrices


@pytest.fixture(scope="module")
def example():
    return Systolic(cycle=6)


def frames(widget):
    return json.loads(unescape(re.search(r"data-systolic='([^']*)'", widget.markup)[1]))


def test_the_example_is_taken_from_the_bundled_net(example):
    x, w = example_matrices()
    assert (x.shape, w.shape) == ((6, 4), (4, 4))
    assert x.min() >= 0
    assert x.max() <= 16
    np.testing.assert_array_equal(example.run.product, x @ w)
    assert "bundled digits" in example.markup
    assert "bundled digits" not in Systolic([[1]], [[2]]).markup


def test_every_cycle_is_in_the_page_and_the_last_holds_the_product(example):
    shown = frames(example)
    assert len(shown) == len(example.run.cycles) + 1 == 13
    product = [[int(value.replace(",", "").replace("\N{MINUS SIGN}", "-")) for value in line] for line in shown[-1]["product"]]
    np.testing.assert_array_equal(product, example.run.product)
    assert all(value == "" for line in shown[0]["product"] for value in line)
    assert shown[0]["waiting"][3][0]["place"] == 3  # the fourth row of cells is three cycles late
    assert "15 of 16 cells multiply; 6 of 24 sums are done" in shown[6]["status"]


def test_the_markup_shows_the_cycle_asked_for_without_a_script(example):
    svg = example.markup[example.markup.index("<svg") :]
    cell = example.run.cycles[5].cells[0][0]
    assert f'class="sum" x="52" y="51" text-anchor="middle">{cell.partial}</text>' in svg
    assert "<style>" in example.markup
    assert "data-moves" not in example.markup.replace("[data-moves]", "")


def test_the_page_tells_where_it_stopped_and_nothing_is_drawn(example):
    sent = []
    widget = Systolic()
    widget.send = lambda content, buffers=None: sent.append(content)
    widget._receive(widget, {"event": "cycle", "value": 4, "number": 1}, [])
    assert (widget.cycle, sent) == (4, [{"done": 1}])
    widget._receive(widget, {"event": "cycle", "value": 99, "number": 2}, [])
    assert widget.cycle == 4
    assert "0 to 12" in widget.alert


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([[1]], [[1], [2]]), "do not fit"),
        ((np.ones((9, 1), int), [[1]]), "do not fit the page"),
        ((None, [[1]]), "do not fit"),
        (([[1.5]], [[1]]), "whole"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        Systolic(*arguments)


def test_a_cycle_that_is_none_is_refused():
    for wrong in (-1, 13, True, "2"):
        with pytest.raises(InputError, match="0 to 12"):
            Systolic(cycle=wrong)


def test_its_script_is_registered():
    assert PARTS["systolic"] == (("systolic",), ("systolic",))
    assert "function enhance" in Systolic._esm
