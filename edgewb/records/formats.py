"""How figures and names are written, in tables and sentences alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def plain(text: str) -> str:
    """Text from data made safe for one cell of a terminal: control and invisible characters become "?"."""
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)


def three_digits(value: float) -> str:
    """A positive quantity with three significant digits, never in exponent form: 0.0561, 5.61, 561, 5613."""
    if value == 0:
        return "0"
    decimals = 0
    while decimals < 9 and abs(value) * 10**decimals < 99.95:
        decimals += 1
    return f"{value:.{decimals}f}"


def span(values: Iterable[int]) -> str:
    """ "360" when all are alike, else "60 to 360"."""
    low, high = min(distinct := set(values)), max(distinct)
    return f"{low}" if low == high else f"{low} to {high}"


def listed(values: Iterable[str]) -> str:
    """Distinct values in order of appearance."""
    return ", ".join(dict.fromkeys(plain(str(v)) for v in values))


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def points(value: float) -> str:
    """Signed points; a value that rounds to zero carries no sign."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text


def quantities(value: float, low: float, high: float) -> str:
    """A quantity and its interval in as many decimals as its value has with three significant digits: "43.1 [37.9, 48.4]"."""
    decimals = len(three_digits(value).partition(".")[2])
    return f"{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def p_value(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def kilobytes(size: int) -> str:
    """Bytes in units of 1,000, with one decimal below 100."""
    return f"{size / 1000:.1f}" if size < 99_950 else f"{size / 1000:.0f}"
