"""What model a user named or brought: told from the file's first bytes, without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edgewb.errors import InputError, ModelFileError, require, unknown_name
from edgewb.models import MODELS


class ModelKind(StrEnum):
    """Who can load a model. Only ``BUILTIN`` and ``TF_KERAS`` can be fine-tuned by tensorflow-model-optimization."""

    BUILTIN = "builtin"
    TF_KERAS = "tf_keras"
    KERAS3 = "keras3"
    SAVED_MODEL = "saved_model"
    TFLITE = "tflite"


@dataclass(frozen=True)
class ModelSource:
    """A model by name or by file. ``sha256`` is of the file's content (of all files, for a folder); empty for a name.

    ``weights`` and ``weights_sha256`` name the pretrained weights a built-in model starts from, where it has any.
    """

    kind: ModelKind
    name: str
    path: str = ""
    sha256: str = ""
    weights: str = ""
    weights_sha256: str = ""

    @property
    def trains(self) -> bool:
        """Whether edgewb trains the float model itself (a file is taken as already trained)."""
        return self.kind is ModelKind.BUILTIN

    @property
    def fine_tunes(self) -> bool:
        """Whether QAT, pruning and clustering can be applied."""
        return self.kind in (ModelKind.BUILTIN, ModelKind.TF_KERAS)


NO_FINE_TUNING = {
    ModelKind.KERAS3: "is a Keras 3 model, and tensorflow-model-optimization 0.8 works with tf_keras (Keras 2) only; "
    "rebuild it with `import tf_keras as keras`, or take a ptq recipe",
    ModelKind.SAVED_MODEL: "is a SavedModel, whose Keras layers are gone; tensorflow-model-optimization needs a tf_keras model "
    "(.keras or .h5), or take a ptq recipe",
    ModelKind.TFLITE: "is a .tflite file, which cannot be trained any more; give the tf_keras model (.keras or .h5) it came from, "
    "or take a ptq recipe",
}
"""Why a model of this kind cannot be fine-tuned, finishing the sentence "the model ..."."""


def content_sha256(path: Path) -> str:
    """Of a file, or of all files below a folder with their names."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _keras_file_kind(path: Path, version: str) -> ModelKind:
    if not version.startswith(("2.", "3.")):
        raise ModelFileError(f"{path} does not say which Keras wrote it (weights alone?): save the whole model with model.save()")
    return ModelKind.TF_KERAS if version.startswith("2.") else ModelKind.KERAS3


def identify_model(name: str | Path, weights: str | Path | None = None) -> ModelSource:
    """Tell what a model name or file is, without loading TensorFlow.

    Args:
        name: a built-in name (see ``MODELS``) or the path of a .keras, .h5, SavedModel folder or float .tflite.
        weights: a weights file for a built-in model that takes one.

    Raises:
        ModelFileError: the path holds something else. InputError: unknown name, or weights that do not apply.
    """
    text = str(name)
    if text in MODELS:
        spec = MODELS[text]
        if spec.takes_weights and weights is None:
            raise InputError(f"model {text!r} needs pretrained weights: give their file with --weights (Keras 'no top' .h5)")
        if weights is not None and not spec.takes_weights:
            raise InputError(f"model {text!r} is trained from its seed and takes no --weights; only mobilenet_v2 does")
        if weights is None:
            return ModelSource(ModelKind.BUILTIN, text)
        if not Path(weights).is_file():
            raise InputError(f"no weights file {str(weights)!r}: give the path of a Keras weights .h5")
        return ModelSource(ModelKind.BUILTIN, text, weights=str(Path(weights).resolve()), weights_sha256=content_sha256(Path(weights)))
    if weights is not None:
        raise InputError(f"--weights goes with a built-in model that takes them (mobilenet_v2), not with {text!r}")
    path = Path(name)
    if not path.exists():
        if path.suffix or "/" in text:
            raise ModelFileError(
                f"no such model {text!r}: give an existing .keras, .h5, SavedModel folder or float .tflite, or {', '.join(MODELS)}"
            )
        raise unknown_name("model", text, MODELS, "or the path of a .keras, .h5, SavedModel folder or float .tflite")
    try:
        kind = _identify_file(path)
        sha256 = content_sha256(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror or error}): check the file and its permissions") from None
    return ModelSource(kind, path.name, str(path.resolve()), sha256)


def _identify_file(path: Path) -> ModelKind:
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return ModelKind.SAVED_MODEL
        raise ModelFileError(
            f"folder {path} is no SavedModel (no saved_model.pb in it): give a SavedModel folder, .keras, .h5 or float .tflite"
        )
    if not path.is_file():  # opening a pipe would wait for somebody to write
        raise ModelFileError(f"{path} is neither a regular file nor a folder: give a .keras, .h5, SavedModel folder or float .tflite")
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[4:8] == b"TFL3":
        return ModelKind.TFLITE
    if head[:2] == b"PK":
        try:
            with zipfile.ZipFile(path) as archive:
                metadata = json.loads(archive.read("metadata.json"))
            if not isinstance(metadata, dict):
                raise ValueError("metadata.json holds no object")
        except (KeyError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile):
            raise ModelFileError(
                f"{path} is a zip but no readable .keras file: save the model again with model.save('name.keras')"
            ) from None
        return _keras_file_kind(path, str(metadata.get("keras_version") or ""))
    if head == b"\x89HDF\r\n\x1a\n":
        h5py = require("h5py", "train", "to read .h5 models")
        try:
            with h5py.File(path, "r") as file:
                if "model_config" not in file.attrs:
                    raise ModelFileError(f"{path} holds weights only: save the whole model with model.save()")
                version = file.attrs.get("keras_version", "")
        except OSError:
            raise ModelFileError(f"{path} is a damaged .h5 file: save or copy it again") from None
        return _keras_file_kind(path, version.decode() if isinstance(version, bytes) else str(version))
    raise ModelFileError(
        f"{path} is no model edgewb can read: give a .keras, .h5, SavedModel folder or float .tflite, or {', '.join(MODELS)}"
    )
