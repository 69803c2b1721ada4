"""Whole compiler logs to read. They come from edgewb's stand-in and say so: what it prints of a model is edgewb's prediction."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from edgewb.compilers.stand_in_texts import VERSIONS, banner, failure_lines, mark, read_model, result_lines
from edgewb.errors import unknown_name


def stand_in_log(model: str | Path, version: str = "16.0") -> str:
    """What the stand-in compiler prints of a .tflite with its table of ops (-s); nothing is compiled and nothing written.

    Args:
        version: whose words it uses, one of ``stand_in_texts.VERSIONS``.

    Raises:
        InputError: an unknown version. ModelFileError: unreadable.
    """
    if version not in VERSIONS:
        raise unknown_name("compiler version", version, VERSIONS)
    result = read_model(str(model), version)
    name = Path(model).name
    lines = [banner(version)]
    if version == "16.0":
        lines.append("Started a compilation timeout timer of 180 seconds.")
    if result.failure:
        return "\n".join([*lines, *failure_lines(version, result.failure, result.detail, name), mark()])
    return "\n".join([*lines, *result_lines([dataclasses.replace(result, model=name)], version, ".", with_table=True)])
