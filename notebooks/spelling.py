"""Spelling of what people read: the notebooks' text, the pages at the top of the repository, what exercises and dashboards say, claims.

It is British English.

A word is right when pyspellchecker's English dictionary has it, or codespell's list of British forms, or our own ``words.txt``; it is wrong
when it is in codespell's list of misspellings, or the American form of a word that has a British one. ``python notebooks/spelling.py``
prints every place with a word that is wrong, with exit status 1; ``--words`` prints the words alone, to be looked at and put into
``words.txt``, which holds no word that is not used.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
WORDS = HERE / "words.txt"
SOURCES = HERE / "sources"
PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "PUBLISHING.md", "RULES.md", "PROBLEMS.md", "ESTIMATES.md"),
    *("notebooks/INSTRUCTORS.md", "data/README.md", "data/claims.toml", "data/claim_tables.toml", "data/hardware.toml"),
)
# Nouns and verbs that British English has, too, in the form that the American one has for both; and names of things.
_BRITISH_TOO = {
    "program",
    "programs",
    "disk",
    "disks",
    "meter",
    "meters",
    "gray",
    "check",
    "checks",
    "practice",
    "license",
    "curb",
    "story",
    "tire",
}
_NOT_PROSE = re.compile(
    r"```.*?```"  # fenced code
    r"|`[^`\n]*`"  # code
    r"|<!--.*?-->"
    r"|\]\([^)\s]*\)"  # where a link leads to
    r"|https?://[^\s)>|]+"
    r"|<[^>\n]+>"  # markup
    r"|\b[\w./-]*\w\.(?:ipynb|tflite|py|md|txt|toml|json|jsonl|html|yml|js|css|so|npz)\b"  # files
    r"|\b[\w.-]+/[\w./-]+",  # owner/repository, paths
    re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_PART_OF_NAME = re.compile(r"[\w.@/-]*(?:[_@\d/]|\.(?=\w))[\w.@/-]*")  # int8, CONV_2D, edgewb.run, 32x32


@dataclass(frozen=True)
class Place:
    """A word where it stands."""

    file: str
    line: int
    word: str


def prose_of(path: Path) -> str:
    """What is read of a file, line by line as it stands there, with all else blanked out.

    Of a notebook's source it is the markdown cells, of other Python the sentences among its strings, of TOML the strings of three
    words or more, of a template what is outside of its expressions; of all of them without code, links and markup.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = _markdown_of(text) if "# %%" in text else _sentences_of(text)
    elif path.suffix == ".toml":
        text = re.sub(r"^#.*|^\[.*|^[\w.-]+ = (?:(?=\[|\"\"\"|\".* .* )|.*)", _blanked, text, flags=re.MULTILINE)
    elif path.suffix == ".j2":
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<(script|style)\b.*?</\1>", _blanked, text, flags=re.DOTALL)
    return _NOT_PROSE.sub(_blanked, text)


def _blanked(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _markdown_of(source: str) -> str:
    lines, shown = [], False
    for line in source.splitlines():
        if line.startswith("# %%"):
            shown = "[markdown]" in line
            lines.append("")
        else:
            lines.append(line.removeprefix("#").removeprefix(" ") if shown else "")
    return "\n".join(lines)


def _sentences_of(source: str) -> str:
    """Strings with two blanks or more, docstrings among them, at the line they begin."""
    lines: list[str] = [""] * (source.count("\n") + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 1:
            for offset, line in enumerate(node.value.splitlines()):
                lines[min(node.lineno - 1 + offset, len(lines) - 1)] += f" {line}"
    return "\n".join(lines)


def places_in(path: Path) -> Iterator[Place]:
    """Every word of a file, names with digits, underscores or dots in them left out."""
    for number, line in enumerate(prose_of(path).splitlines(), start=1):
        for word in _WORD.findall(_PART_OF_NAME.sub(" ", line)):
            yield Place(path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name, number, word.replace("’", "'"))


def checked_files() -> list[Path]:
    """The pages that are there, the sources of the notebooks, the judges of exercises and all templates."""
    pages = [ROOT / page for page in PAGES if (ROOT / page).is_file()]
    written = [*SOURCES.rglob("*.py"), *(ROOT / "edgewb/courses/exercises").glob("*.py"), *(ROOT / "edgewb").rglob("*.j2")]
    return pages + sorted(written)


@cache
def own_words() -> frozenset[str]:
    """``words.txt``: names and terms, one a line. One with a capital letter is right in that form alone."""
    return frozenset(WORDS.read_text(encoding="utf-8").split())


@cache
def _codespell(name: str) -> dict[str, str]:
    """A list of codespell's: what is wrong -> what may be meant."""
    lines = (files("codespell_lib") / "data" / name).read_text(encoding="utf-8").splitlines()
    return {wrong: meant.strip(", ") for wrong, _, meant in (line.partition("->") for line in lines)}


@cache
def _british() -> dict[str, str]:
    """British form -> American form, with the plurals and past tenses that codespell lists."""
    return _codespell("dictionary_en-GB_to_en-US.txt")


@cache
def _american() -> dict[str, str]:
    return {american: british for british, american in _british().items() if american not in _BRITISH_TOO}


@cache
def _dictionary() -> frozenset[str]:
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language="en", distance=1).word_frequency.dictionary)


def fault(word: str) -> str | None:
    """What is wrong with a word; None where nothing is."""
    low = word.lower()
    bare = re.sub(r"'s?$", "", word)
    if {word, low, bare, bare.lower()} & own_words():
        return None
    for form in dict.fromkeys((low, bare.lower())):
        if form in _american():
            return f"American; British is {_american()[form]}"
        if form in _codespell("dictionary.txt"):
            return f"misspelt; {_codespell('dictionary.txt')[form]} may be meant"
    if len(bare) == 1 or low in _dictionary() or bare.lower() in _dictionary() or bare.lower() in _british():
        return None
    return "in no dictionary, and not in notebooks/words.txt"


def faults() -> Iterator[tuple[Place, str]]:
    """Every word that is wrong, in all files."""
    for path in checked_files():
        for place in places_in(path):
            if (wrong := fault(place.word)) is not None:
                yield place, wrong


def unused_words() -> list[str]:
    """Entries of ``words.txt`` that stand in no text, or that the dictionaries know."""
    used = {place.word for path in checked_files() for place in places_in(path)}
    bare = {re.sub(r"'s?$", "", word) for word in used} | used
    return sorted(word for word in own_words() if word not in bare and word not in {each.lower() for each in bare})


def main() -> int:
    """Print what is wrong; exit status 1 where something is."""
    parser = argparse.ArgumentParser(description="Spelling of the notebooks and of the pages at the top.")
    parser.add_argument("--words", action="store_true", help="print the words alone, each once")
    given = parser.parse_args()
    found = list(faults())
    if given.words:
        print("\n".join(sorted({place.word for place, _ in found}, key=str.lower)))
        return 0
    for place, wrong in found:
        print(f"{place.file}:{place.line}: {place.word}: {wrong}")
    unused = unused_words()
    for word in unused:
        print(f"notebooks/words.txt: {word}: used nowhere")
    return 1 if found or unused else 0


if __name__ == "__main__":
    sys.exit(main())
