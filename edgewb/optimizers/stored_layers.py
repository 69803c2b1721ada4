"""What the configuration in a .keras or .h5 file says of its layers, read before anything of the file is built or run."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewb.errors import require

_OWN = ("keras", "tf_keras", "builtins")


@dataclass(frozen=True)
class StoredLayer:
    """A layer as a file names it. ``is_own``: its class is one of Keras itself."""

    name: str
    kind: str
    is_own: bool

    @property
    def is_lambda(self) -> bool:
        """Whether it is Python code, run by whoever loads the file."""
        return self.is_own and self.kind == "Lambda"


def read_layers(path: Path) -> tuple[StoredLayer, ...]:
    """The layers and models in a file, at any depth, the outermost first; none where nothing can be read."""
    return tuple(_walk(_configuration(path)))


def find_unusual(layers: Sequence[StoredLayer]) -> StoredLayer | None:
    """The first Lambda, or else the first layer that is no part of Keras."""
    found = [layer for layer in layers if layer.is_lambda] or [layer for layer in layers if not layer.is_own]
    return next(iter(found), None)


def _configuration(path: Path) -> Any:
    """The model's configuration; None where there is none to be read, of which Keras says more."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        with path.open("rb") as stream:
            if stream.read(8) != b"\x89HDF\r\n\x1a\n":
                return None
        h5py = require("h5py", "train", "to read .h5 models")
        with h5py.File(path, "r") as file:
            return json.loads(file.attrs["model_config"])
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile):
        return None


def _walk(configuration: Any) -> Iterator[StoredLayer]:
    """Layers and models in the order in which they are stored."""
    waiting = [configuration]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if (layer := _read(part)) is not None:
                yield layer
            waiting += reversed(part.values())
        elif isinstance(part, list):
            waiting += reversed(part)


def _read(part: dict[str, Any]) -> StoredLayer | None:
    kind, held, module, registered = (part.get(key) for key in ("class_name", "config", "module", "registered_name"))
    if not isinstance(kind, str) or not isinstance(held, dict):
        return None
    if kind == "Lambda":
        return StoredLayer(str(held.get("name", "")), kind, True)
    # A .keras file says where a class is from; an .h5 of tf_keras gives its name alone.
    own = str(module).split(".")[0] in _OWN if module is not None else not registered
    return StoredLayer(str(held.get("name", part.get("name", ""))), kind, own)
