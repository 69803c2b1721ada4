"""Files behind a model, as TFLite metadata keeps them."""

from __future__ import annotations

import io
import zipfile


def attach(model: bytes, method: int = zipfile.ZIP_STORED, **files: str | bytes) -> bytes:
    """As the metadata writer does it: a zip in append mode behind the flatbuffer."""
    stream = io.BytesIO(model)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", method) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return stream.getvalue()
