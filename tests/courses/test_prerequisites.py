"""What a notebook needs is said in a line."""

from __future__ import annotations

import importlib.util

import pytest

from edgewb.courses import needs, prerequisites
from edgewb.errors import InputError, MissingPackageError


def test_nothing_is_said_of_what_is_here() -> None:
    assert importlib.util.find_spec("plotly") is not None
    assert needs("views") is None


def test_what_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prerequisites._EXTRAS, "train", ("no_such_package", "TensorFlow", "trains networks"))
    missing = needs("train")
    assert missing is not None
    assert repr(missing).startswith("This notebook trains networks, which needs TensorFlow, and that is not installed here.")
    assert "edgewb[train]" in missing.message
    assert "\n" not in missing.message
    assert missing.message.split("`")[0] in missing._repr_html_()


def test_unknown_extras() -> None:
    with pytest.raises(InputError, match="known: data, runtimes, train, views"):
        needs("everything")


def test_an_error_of_edgewb_is_one_line_in_a_notebook() -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    shown: list[list[str]] = []
    shell._showtraceback = lambda kind, error, lines: shown.append(lines)
    shell.run_cell("from edgewb.errors import MissingPackageError\nraise MissingPackageError('x is not installed')")
    assert shown == [["MissingPackageError: x is not installed"]]
    assert MissingPackageError("a")._render_traceback_() == ["MissingPackageError: a"]
