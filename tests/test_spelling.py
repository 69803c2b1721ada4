"""What people read is spelt rightly, and the checker finds what is not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def spelling() -> ModuleType:
    """notebooks/spelling.py as a module."""
    spec = importlib.util.spec_from_file_location("spelling", NOTEBOOKS / "spelling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["spelling"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_everything_is_spelt_rightly(spelling: ModuleType) -> None:
    assert [f"{place.file}:{place.line}: {place.word}: {wrong}" for place, wrong in spelling.faults()] == []


def test_the_pages_are_looked_at(spelling: ModuleType) -> None:
    names = {path.name for path in spelling.checked_files()}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "PUBLISHING.md", "INSTRUCTORS.md", "00_start_here.py"} <= names
    assert {"RULES.md", "PROBLEMS.md", "ESTIMATES.md", "claims.toml", "hardware.toml", "latencies.py", "live.html.j2"} <= names


def test_our_words_are_sorted_used_and_each_there_once(spelling: ModuleType) -> None:
    words = spelling.WORDS.read_text(encoding="utf-8").splitlines()
    assert words == sorted(set(words), key=lambda word: (word.lower(), word))
    assert spelling.unused_words() == []


@pytest.mark.parametrize(
    "word", ["colour", "behaviour", "colour's", "edgewb's", "TPUs", "don't", "Measured", "disk", "program", "meter", "s"]
)
def test_right(spelling: ModuleType, word: str) -> None:
    assert spelling.fault(word) is None


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("color", "British is colour"),
        ("Behavior", "British is behaviour"),
        ("optimization", "British is optimisation"),
        ("recieve", "receive"),
        ("accomodate", "accommodate"),
        ("quantisatoin", "in no dictionary"),
        ("Jupyterlab", "in no dictionary"),  # the name is JupyterLab
        ("tensorflow", "in no dictionary"),
    ],
)
def test_wrong(spelling: ModuleType, word: str, said: str) -> None:
    assert said in (spelling.fault(word) or "")


def test_code_links_and_names_are_left_out(spelling: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "A `qwrty` word, [text](zzz.md), int8, CONV_2D, edgewb.rrun, model_xx.tflite, https://ex.org/abcq\n```\nxxcv\n```\nlast\n"
    )
    words = [(place.line, place.word) for place in spelling.places_in(page)]
    assert words == [(1, "A"), (1, "word"), (1, "text"), (5, "last")]


def test_of_a_notebook_only_the_text(spelling: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "x.py"
    source.write_text("# %% [markdown]\n# One word.\n\n# %%\nimport qqq  # zzz\n\n# %% [markdown]\n# two\n")
    assert [(place.line, place.word) for place in spelling.places_in(source)] == [(2, "One"), (2, "word"), (8, "two")]


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("judges.py", 'def judge():\n    """No qqa here."""\n    key = "qqb"\n    return f"two of {key} words"\n', {2: "No", 4: "two"}),
        ("x.toml", '[qqa]\nid = "qqb"\nsays = "three words here"  # qqc\nlines = [\n  "and more of it",\n]\n', {3: "three", 5: "and"}),
        (
            "x.j2",
            "{# qqa #}<p class='qqb'>One {{ qqc }} two</p>\n<script>\nqqd()\n</script>\n{% if qqe %}end{% endif %}\n",
            {1: "One", 5: "end"},
        ),
    ],
)
def test_of_other_files_what_is_read(spelling: ModuleType, tmp_path: Path, name: str, text: str, read: dict[int, str]) -> None:
    (tmp_path / name).write_text(text)
    first: dict[int, str] = {}
    for place in spelling.places_in(tmp_path / name):
        first.setdefault(place.line, place.word)
    assert first == read
