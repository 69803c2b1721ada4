"""The widgets behind the dashboards, for JupyterLab too: ``from edgewb.views.widgets import Explorer``. Each is loaded when asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewb.views.widgets.explorer import Explorer
    from edgewb.views.widgets.inspector import Inspector
    from edgewb.views.widgets.live import Live
    from edgewb.views.widgets.systolic import Systolic

_MODULES = {"Explorer": "explorer", "Inspector": "inspector", "Live": "live", "Systolic": "systolic"}
__all__ = ["Explorer", "Inspector", "Live", "Systolic"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
