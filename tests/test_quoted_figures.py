"""Figures in the notebooks' prose are those of the recorded data: where these are recorded anew, this names each sentence that is stale."""

from __future__ import annotations

import pytest
from quoted_figures import Quoted
from quotes_choosing import CHOOSING
from quotes_making import MAKING


@pytest.mark.parametrize("quoted", [*MAKING, *CHOOSING], ids=lambda quoted: f"{quoted.notebook} {quoted.phrase[:40]}")
def test_a_quoted_figure_is_that_of_the_data(quoted: Quoted) -> None:
    if complaint := quoted.complaint():
        pytest.fail(complaint, pytrace=False)


def test_a_stale_sentence_is_named() -> None:
    stale = Quoted("04", "int8 was right on about one digit in five", lambda: 40.0, (17, 23)).complaint()
    assert stale is not None
    assert stale.startswith("notebook 04 is stale: the data give 40.0, and not from 17 to 23, for: ")
    assert "guessing gives one in ten" in stale


def test_a_phrase_that_was_rewritten_is_named() -> None:
    gone = Quoted("04", "int8 was right on one digit in fifty", lambda: 40.0, (17, 23)).complaint()
    assert gone == "notebook 04 no longer says 'int8 was right on one digit in fifty': change the list of quoted figures, too"
