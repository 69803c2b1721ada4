"""Live: to be filled."""

from __future__ import annotations

from typing import Any, ClassVar

from edgewb.views.widgets.pages import Page, style
from edgewb.views.widgets.registry import PARTS


class Live(Page):
    template: ClassVar[str] = "live.html.j2"
    regions: ClassVar[tuple[str, ...]] = ("main",)
    name: ClassVar[str] = "live"
    _css = style(*PARTS["live"][1])

    def context(self) -> dict[str, Any]:
        return {}
