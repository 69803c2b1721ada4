"""The dashboards there are, and what each answers: said on the gallery, and asked by the command line before anything heavy is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgewb.errors import InputError, unknown_name

FOLDER = Path(__file__).parents[2] / "notebooks" / "dashboards"


@dataclass(frozen=True)
class Dashboard:
    """One dashboard: the notebook ``NAME.ipynb`` and the words for it."""

    name: str
    title: str
    question: str
    about: str


DASHBOARDS = (
    Dashboard(
        "explorer",
        "Trade-off explorer",
        "Which variant of a model should I take?",
        "Accuracy against latency, size or energy, with intervals. Say how much may be lost; it says what that buys, and why.",
    ),
    Dashboard(
        "inspector",
        "Model inspector",
        "What would an Edge TPU do with this file?",
        "Drop a .tflite or a compiler log: which ops run on the chip, what stops the rest, what fits its memory, and what helps.",
    ),
    Dashboard(
        "live",
        "Live",
        "How does it feel to use?",
        "Draw a digit, hold one before the camera, or bring pictures: the answer, how sure it is, and how long it took.",
    ),
)


def find_dashboard(name: str) -> Dashboard:
    """The dashboard of that name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    for dashboard in DASHBOARDS:
        if dashboard.name == name:
            return dashboard
    raise unknown_name("dashboard", name[:80], [dashboard.name for dashboard in DASHBOARDS], "without a name, a page lists them")


def dashboard_token(text: str) -> str:
    """A token as it can stand in an address; "" for none.

    Raises:
        InputError: it is too short, or has other characters. The message does not repeat it.
    """
    if text and not re.fullmatch(r"[A-Za-z0-9._~-]{8,200}", text):
        raise InputError("a token has 8 to 200 letters, digits, or any of . _ ~ - (--token alone makes one)")
    return text


def dashboards_folder(folder: Path = FOLDER) -> Path:
    """Where the notebooks of the dashboards are.

    Raises:
        InputError: edgewb was installed without them.
    """
    missing = [dashboard.name for dashboard in DASHBOARDS if not (folder / f"{dashboard.name}.ipynb").is_file()]
    if missing:
        raise InputError(
            f"{missing[0]}.ipynb is not in {str(folder)!r}: dashboards come with a clone of the repository; "
            "there, `make notebooks` makes them anew"
        )
    return folder
