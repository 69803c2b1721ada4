"""``fix``: from a file to a mended file beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgewb.compilers.placement import place, summarise
from edgewb.errors import InputError, ModelFileError, unknown_name
from edgewb.locations import write_whole
from edgewb.mends.attempts import COMPILER, Attempt, attempt_mends
from edgewb.mends.results import Conversion, Mended
from edgewb.tflite.graphs import Graph
from edgewb.tflite.mends import MENDS
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Finding, Severity

_SUFFIX: Final = "_fixed.tflite"


def fix(path: str | Path, out: str | Path | None = None, skip: Sequence[str] = ()) -> Mended:
    """Mend a .tflite for the Edge TPU without changing what it computes.

    Every mend is verified by running both files with LiteRT's built-in kernels on random inputs, in a process of its own; one that does
    not give identical outputs is not made. Nothing is written when no mend is made.

    Args:
        path: the file; it is not changed.
        out: the file to write, or a folder for it; by default ``NAME_fixed.tflite`` beside the source. A file that is there is replaced,
            and the answer says so.
        skip: ids of mends to leave out: "batch", "stray", "float_io", "versions".

    Raises:
        ModelFileError: no such file, not a .tflite, damaged, or compiled for the Edge TPU.
        InputError: an unknown id in ``skip``, or an ``out`` that is empty or the source itself.
        StorageError: the file cannot be written.
    """
    _check_skipped(skip)
    content = load_bytes(path)
    graph = _read(content, str(path))
    target = _target(path, out)
    mended, mended_content = _mend(content, graph, str(path), skip, run=True)
    assert not mended.mends or mended.verification is not None
    replaced = bool(mended.mends) and target.exists()
    written = str(write_whole(target, mended_content)) if mended.mends else None
    return dataclasses.replace(mended, out=written, replaced=replaced)


def mend_bytes(content: bytes, file: str, *, run: bool, skip: Sequence[str] = ()) -> tuple[Mended, bytes]:
    """The same for the bytes of a file; nothing is written, and ``out`` is None.

    Args:
        content: the file; ``file`` is what messages call it.
        run: verify each mend by running both files. With False the model is read and rewritten only: a mend that rests on a run is
            refused, and ``verification`` is None, so that whoever gets the file has to be told.

    Returns:
        What was done, and the bytes of the mended file: those of the source where no mend was made.

    Raises:
        ModelFileError, InputError: as ``fix``.
    """
    _check_skipped(skip)
    return _mend(content, _read(content, file), file, skip, run)


def _check_skipped(skip: Sequence[str]) -> None:
    known = [mend.id for mend in MENDS]
    for name in skip:
        if name not in known:
            raise unknown_name("mend", str(name), known)


def _read(content: bytes, file: str) -> Graph:
    try:
        graph = read_graph(content)
    except ModelFileError as error:
        raise ModelFileError(str(error).replace("the given bytes", repr(file), 1)) from None
    if graph.is_compiled:
        raise ModelFileError(
            f"{file!r} is compiled for the Edge TPU, its ops are gone: give the .tflite it was compiled from, "
            "usually the name without _edgetpu"
        )
    return graph


def _mend(content: bytes, graph: Graph, file: str, skip: Sequence[str], run: bool) -> tuple[Mended, bytes]:
    try:
        attempt = attempt_mends(content, graph, [mend for mend in MENDS if mend.id not in skip], run)
    except ModelFileError as error:
        raise ModelFileError(f"{file!r}: {error}") from None
    after = read_graph(attempt.content)
    conversions = _conversions(graph, after)
    mended = Mended(
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        out=None,
        mends=attempt.applied,
        refused=attempt.refused,
        conversions=conversions,
        before=summarise(place(graph, COMPILER)),
        after=summarise(place(after, COMPILER)),
        verification=attempt.verification,
        findings=_findings(graph, after, conversions, attempt),
    )
    return mended, attempt.content


def _target(path: str | Path, out: str | Path | None) -> Path:
    """Where the mended file goes. Raises InputError when that is the source."""
    if out is not None and not str(out):
        raise InputError("--out is empty: give the file to write, a folder for it, or leave --out away")
    source = Path(path)
    name = source.with_suffix("").name + _SUFFIX
    if out is None:
        target = source.with_name(name)
    elif Path(out).is_dir() or str(out).endswith(("/", os.sep)):
        target = Path(out) / name
    else:
        target = Path(out)
    if target.exists() and target.samefile(source):
        raise InputError(f"--out {str(out)!r} is the source itself, which is never overwritten: give another name, or leave --out away")
    return target


def _conversions(before: Graph, after: Graph) -> tuple[Conversion, ...]:
    """Inputs and outputs that were float and are 8-bit integers now."""
    found: list[Conversion] = []
    for role, old, new in (("input", before.inputs, after.inputs), ("output", before.outputs, after.outputs)):
        for position, (first, second) in enumerate(zip(old, new, strict=True)):
            tensor = after.tensors[second]
            if before.tensors[first].dtype != tensor.dtype and tensor.quantization is not None:
                scheme = tensor.quantization
                found.append(
                    Conversion(
                        role=role, position=position, name=tensor.name, dtype=tensor.dtype, scale=scheme.scale, zero_point=scheme.zero_point
                    )
                )
    return tuple(found)


def _findings(graph: Graph, after: Graph, conversions: Sequence[Conversion], attempt: Attempt) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if conversions and "TFLITE_METADATA" in graph.metadata:
        found.append(
            Finding(
                id="metadata_of_float",
                severity=Severity.WARNING,
                message="The file's metadata was written for float inputs and outputs, and is kept as it was.",
                fix="What it says of mean and standard deviation comes before the conversion above; write it again if a program reads it.",
            )
        )
    if attempt.applied and graph.subgraphs > 1:
        found.append(
            Finding(
                id="main_graph_only",
                severity=Severity.INFO,
                message=f"The file holds {graph.subgraphs} graphs; the first alone was mended, run and compared.",
                fix="To mend another signature, convert it to a file of its own.",
            )
        )
    batches = [
        graph.tensors[old].shape[:1]
        for old, new in zip(graph.inputs, after.inputs, strict=True)
        if graph.tensors[old].shape != after.tensors[new].shape
    ]
    if batches:
        found.append(
            Finding(
                id="one_example_per_call",
                severity=Severity.WARNING,
                message=f"The model took {batches[0][0]} examples per call and takes one now.",
                fix="Call it once per example; each gets the answer it got in the batch.",
            )
        )
    if attempt.verification is not None and attempt.verification.distinct == 1 and not attempt.verification.inner_tensors:
        found.append(
            Finding(
                id="answers_alike",
                severity=Severity.WARNING,
                message=f"The model gave the same answer to all {attempt.verification.inputs} inputs, so that the comparison says little.",
                fix="Run both files on your own data before you use the new one.",
            )
        )
    if not attempt.applied and graph.ops and not any(t.dtype in ("int8", "uint8") for op in graph.ops for t in graph.output_tensors(op)):
        found.append(
            Finding(
                id="not_quantised",
                severity=Severity.INFO,
                message="No op of this model works on 8-bit integers, so there is nothing to mend.",
                fix="Quantise it: convert with full-integer quantisation (recipe ptq_int8 or qat_int8).",
            )
        )
    return tuple(found)
