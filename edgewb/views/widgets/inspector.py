"""Inspector: to be filled."""

from __future__ import annotations

from typing import Any, ClassVar

from edgewb.views.widgets.pages import Page, style
from edgewb.views.widgets.registry import PARTS


class Inspector(Page):
    template: ClassVar[str] = "inspector.html.j2"
    regions: ClassVar[tuple[str, ...]] = ("main",)
    name: ClassVar[str] = "inspector"
    _css = style(*PARTS["inspector"][1])

    def context(self) -> dict[str, Any]:
        return {}
