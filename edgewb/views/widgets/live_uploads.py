"""A visitor's own model on a live page, and the names of its classes: where the server was started for it."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from edgewb.errors import EdgewbError, InputError, ModelFileError
from edgewb.locations import write_whole
from edgewb.tflite.labels import MOST_BYTES, parse_labels
from edgewb.views.widgets.live_models import check_labels, describe_classifier
from edgewb.views.widgets.live_sides import open_side, targets_here
from edgewb.views.widgets.live_targets import TargetsPage
from edgewb.views.widgets.uploads import Upload, UploadLimit

TRUSTED_VARIABLE: Final = "EDGEWB_DASHBOARD_TRUSTED"
_MODEL_BYTES: Final = 32 * 2**20
_WHY_NOT: Final = {
    "onnxruntime": "it would be converted by TensorFlow, which dashboards never load",
    "edgetpu": "a device is shared, and takes a model from those alone who serve it",
}


class UploadedModels(TargetsPage):
    """A page on which a visitor's model may answer in place of the publisher's, each target in a process with limits.

    Attributes:
        trusted: whether that is so here.
    """

    upload_limits: ClassVar[Mapping[str, UploadLimit]] = {
        "model": UploadLimit(max_bytes=_MODEL_BYTES),
        "labels": UploadLimit(max_bytes=MOST_BYTES),
    }
    trusted: bool
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def on_upload(self, value: Any, buffers: Sequence[memoryview]) -> bool | None:
        """A piece of a visitor's model or labels, where these are run."""
        if not self.trusted:
            raise InputError("models of visitors are not run here: the server must be started with --trusted for that")
        return super().on_upload(value, buffers)

    def receive_upload(self, upload: Upload) -> None:
        """A visitor's model: described here, run in a process of its own; or the names of its classes."""
        if upload.kind == "labels":
            self._take_labels(upload)
            return
        folder = tempfile.TemporaryDirectory(prefix="edgewb-")
        path = write_whole(Path(folder.name, "model.tflite"), upload.content)
        try:
            described = dataclasses.replace(describe_classifier(path), name=upload.name)
            first = open_side("cpu", described, path, 1, sandboxed=True)
        except EdgewbError as error:  # which names the file: the visitor's, not ours
            folder.cleanup()
            raise ModelFileError(str(error).replace(str(path), upload.name)) from None
        except BaseException:
            folder.cleanup()
            raise
        self._close_sides()
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = folder  # for the targets that are chosen later
        self.classifier, self.uploaded, self.sides = described, True, [first]
        self.choices, self.left_out = _offered()
        self.model_changed()

    def model_changed(self) -> None:
        """Another model answers from now on."""
        raise NotImplementedError

    def labels_changed(self) -> None:
        """The same classes have other names."""
        raise NotImplementedError

    def _take_labels(self, upload: Upload) -> None:
        if not self.uploaded:
            raise InputError(f"{upload.name}: labels go with a model of yours: give that first")
        try:
            names = parse_labels(upload.content)
        except ValueError:
            raise InputError(f"{upload.name} is no text file of labels: give one in UTF-8 with one name per line") from None
        labels = check_labels(names, len(self.classifier.labels))
        self.classifier = dataclasses.replace(self.classifier, labels=labels, labels_from=f"from {upload.name}")
        for side in self.sides:
            side.classifier = self.classifier
        self.labels_changed()


def trusted_here() -> bool:
    """Whether the server was started with ``--trusted``."""
    return os.environ.get(TRUSTED_VARIABLE) == "1"


def _offered() -> tuple[tuple[str, ...], str]:
    """Targets for a visitor's model, and in words which of those here are none for it and why."""
    from edgewb.views.widgets.sandboxes import OFFERED

    here = targets_here()
    left_out = [f"{given}: {_WHY_NOT[given]}" for given in here if given in _WHY_NOT]
    return tuple(given for given in here if given in OFFERED), "; ".join(left_out)
