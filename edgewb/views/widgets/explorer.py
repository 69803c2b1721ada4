"""Explorer: to be filled."""

from __future__ import annotations

from typing import Any, ClassVar

from edgewb.views.widgets.pages import Page, style
from edgewb.views.widgets.registry import PARTS


class Explorer(Page):
    template: ClassVar[str] = "explorer.html.j2"
    regions: ClassVar[tuple[str, ...]] = ("main",)
    name: ClassVar[str] = "explorer"
    _css = style(*PARTS["explorer"][1])

    def context(self) -> dict[str, Any]:
        return {}
