"""The widgets by name: which scripts and style sheets each is put together from. The server asks here, without importing any of them."""

from __future__ import annotations

from edgewb.views.widgets.pages import script, style

PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "explorer": (("explorer",), ("explorer",)),
    "inspector": (("uploads", "watching", "inspector"), ("inspector",)),
    "live": (("uploads", "watching", "live_frames", "live"), ("live",)),
    "systolic": (("systolic",), ("systolic",)),
}
"""By name: the scripts before ``page.js``, the style sheets after ``page.css``."""


def widget_script(name: str) -> str:
    """The script of a widget, as a browser loads it."""
    return script(*PARTS[name][0])


def widget_style(name: str) -> str:
    """The style sheet of a widget, as a browser loads it."""
    return style(*PARTS[name][1])
