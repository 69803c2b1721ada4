"""How a typed word becomes a value, and what is said of one that does not: errors of argparse in one line, as everywhere."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

from edgewb.dashboards.catalogues import dashboard_token
from edgewb.errors import InputError


class Parser(argparse.ArgumentParser):
    """Usage errors as everywhere in edgewb: one line that says what was given, what is allowed, and what to do."""

    def error(self, message: str) -> NoReturn:
        if "--input-range" in message and "expected one argument" in message:
            message += " (when it begins with a minus, join it with =: --input-range=-1,1)"
        raise InputError(f"{message}; see {self.prog} --help")


class Once(argparse.Action):
    """An option that counts once: the last of several would be taken without a word."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        given = f"_{self.dest}_given"
        if getattr(namespace, given, False):
            raise InputError(f"{option} is given twice: {parser.prog} takes one; run it once for each")
        setattr(namespace, given, True)
        setattr(namespace, self.dest, values)


def read_range(text: str) -> tuple[float, float]:
    """ "0,1": two numbers, the first below the second."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = float("nan")
    if not (low < high and abs(low) <= 1e6 and abs(high) <= 1e6):
        raise argparse.ArgumentTypeError(f"{text!r} is no range: give two numbers such as 0,1 or --input-range=-1,1")
    return low, high


def read_duration(text: str) -> float:
    """Seconds, from 1 to those of a day: "60s", "5min", "1h", "90"."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *(s|sec|min|m|h)?", text.strip().lower(), re.ASCII)
    seconds = float(found[1]) * {"m": 60, "min": 60, "h": 3600}.get(found[2], 1) if found else 0.0
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 1 second to 24 hours: give it as 60s, 5min, 1h, or plain seconds")
    return seconds


def read_indices(text: str) -> tuple[int, ...]:
    """Numbers of ops: "12" or "12,13"."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of op numbers: give them as in the table, such as 12 or 12,13")
    return tuple(int(part) for part in parts)


def read_names(text: str) -> tuple[str, ...]:
    """ "A,B": what is meant is checked by who knows the names."""
    return tuple(part.strip() for part in text.split(","))


def count_reader(low: int, high: int) -> Callable[[str], int]:
    """What reads a whole number from ``low`` to ``high``."""

    def count(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return count


read_port = count_reader(0, 65535)


def read_minutes(text: str) -> float:
    """Minutes, from 1 to those of a week."""
    try:
        minutes = float(text)
    except ValueError:
        minutes = float("nan")
    if not 1 <= minutes <= 10_080:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes from 1 to 10080 (a week)")
    return minutes


def read_token(text: str) -> str:
    """A token for visitors of dashboards, see ``catalogues.dashboard_token``."""
    try:
        return dashboard_token(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def read_pool(text: str) -> int | None:
    """How many pages to keep ready; None for ``auto``."""
    try:
        return None if text == "auto" else count_reader(0, 50)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, nor auto") from None


def read_path(text: str) -> str:
    """A path under which a proxy offers something, with a slash at either end."""
    if not re.fullmatch(r"/?([A-Za-z0-9._~@-]+/)*[A-Za-z0-9._~@-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no path such as /dashboards/")
    return f"/{text.strip('/')}/".replace("//", "/")
