"""Texts that came from a file or from people, made fit to be read. The one place for it: pages, saved reports and their JSON use it."""

from __future__ import annotations

from typing import Any, Final

_KEPT: Final = frozenset("\n\t\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}")


def clean(text: str) -> str:
    r"""What is not printable as an escape (U+202E as ``\u202e``): such characters turn or hide what stands beside them.

    Line ends and spaces stay. A length is not cut, markup is not escaped.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() or c in _KEPT else ascii(c)[1:-1] for c in text)


def clean_output(value: Any) -> Any:
    """The same for what a template is about to write: of a string, and of what else is written as text; markup goes in as it is."""
    return clean(value) if type(value) is str else value


def clean_json(value: Any) -> Any:
    """The same for each string within lists and dicts, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key) if isinstance(key, str) else key: clean_json(item) for key, item in value.items()}
    return [clean_json(item) for item in value] if isinstance(value, (list, tuple)) else value
