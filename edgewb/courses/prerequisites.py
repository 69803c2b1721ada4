"""What a notebook needs beyond the plain installation, said in one line at its head and not as a traceback in its middle."""

from __future__ import annotations

import html
import importlib.util
from dataclasses import dataclass
from typing import Final

from edgewb.errors import unknown_name

_EXTRAS: Final = {
    "data": ("sklearn", "scikit-learn", "reads the bundled data sets"),
    "runtimes": ("onnxruntime", "ONNX Runtime", "compares runtimes"),
    "train": ("tf_keras", "TensorFlow", "trains and converts networks"),
    "views": ("plotly", "plotly", "draws figures"),
}
"""Extra of pyproject.toml -> a module it brings, its name for people, and what a notebook that needs it does."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Something a notebook needs and this computer does not have. ``message`` says what, and how to get it."""

    extra: str
    message: str

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        return f'<div style="border-left: 5px solid #e69f00; padding: .4em .8em; margin: .2em 0">{html.escape(self.message)}</div>'


def needs(extra: str) -> Missing | None:
    """Say at the head of a notebook what it needs; the cells that can do without run all the same.

    Args:
        extra: of edgewb, as in pyproject.toml: "train" for what trains.

    Returns:
        None where it is installed, which shows nothing; else what is missing, to be shown as the cell's result.

    Raises:
        InputError: an extra that is not known here.
    """
    if extra not in _EXTRAS:
        raise unknown_name("extra", extra, _EXTRAS)
    module, name, does = _EXTRAS[extra]
    if importlib.util.find_spec(module) is not None:
        return None
    return Missing(
        extra=extra,
        message=f"This notebook {does}, which needs {name}, and that is not installed here. "
        "Cells that need it end with a line that says so; the others can be run one by one. On your own computer, `make setup` in a "
        f"clone installs it, or pip install 'edgewb[{extra}]'.",
    )
