"""Takes a recording: what was measured of a file on a target, with the target's own answers."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgewb.accuracies import check_fit, load_data_for, single_tensors
from edgewb.datasets import Dataset, as_inputs
from edgewb.errors import InputError
from edgewb.latencies import Measurement
from edgewb.recordings import FORMAT, MAX_BYTES, RecordedData, RecordedTensor, Recording, input_key, write_recording
from edgewb.sampling import random_values
from edgewb.targets import Target, TensorSpec, open_target
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis

_BYTES_PER_ENTRY = 80
"""Of an answer in JSON beside its bytes: the key, quotes, commas."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorded:
    """A written recording: its path, its size, how many inputs it has answers to."""

    path: Path
    size_bytes: int
    answers: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorder:
    """What is to be recorded of which file, checked; ``write`` does it. Made by ``prepare_recording``."""

    file: Path
    out: Path
    target: str
    threads: int
    kernels: str
    data: Dataset | None
    input_range: tuple[float, float]

    def write(self, measured: Measurement) -> Recorded:
        """Ask the target for its answers and write them with what was measured of it, whole or not at all.

        Raises:
            InputError: the sample ended early, is of another file, or what would be written is too large. TargetError: the target failed.
            StorageError: disk full, no permission.
        """
        if measured.failed is not None:
            raise InputError(f"nothing is recorded, because the measurement ended early: {measured.failed}")
        with open_target(self.target, threads=self.threads, kernels=self.kernels) as opened:
            opened.load(self.file)
            if measured.target != opened.name or measured.basis is not Basis.MEASURED:
                raise InputError(f"what was measured is of {measured.target} ({measured.basis}), not of {opened.name}: measure it there")
            # The file may have been made anew during a long run: its answers would then stand beside another model's times.
            if (now := hashlib.sha256(load_bytes(self.file)).hexdigest()) != measured.sha256:
                raise InputError(
                    f"nothing is recorded: {self.file.name!r} (sha256 {now[:12]}) is not what was measured, {measured.file!r} "
                    f"(sha256 {measured.sha256[:12]}): measure it again"
                )
            ran = (opened.threads, opened.kernels)
            if ran != (measured.threads, measured.kernels):
                raise InputError(
                    f"nothing is recorded: measured were {measured.kernels} on {measured.threads} thread(s), and {ran[1]} on {ran[0]} "
                    "would answer: give both the same --kernels and --threads"
                )
            answers: dict[str, tuple[bytes, ...]] = {}
            self._check_size(opened)
            for given in self._inputs(opened):
                if (key := input_key(given)) not in answers:
                    answers[key] = tuple(output.tobytes() for output in opened.run(given))
            inputs, outputs = tuple(map(_tensor, opened.inputs)), tuple(map(_tensor, opened.outputs))
        # What disturbed the measurement concerns whoever reads the figure later; conditions then are others.
        conditions = measured.conditions
        around = () if conditions is None else conditions.notes
        notes = measured.facts.notes + tuple(f"when it was recorded: {note}" for note in around)
        if (run := measured.sustained) is not None and run.one_in > 1:
            notes += (f"of {run.calls:,} calls in {run.lasted_s:.3g} s one in {run.one_in} is kept: moments are not those of the device",)
        recording = Recording(
            edgewb_recording=FORMAT,
            file=measured.file,
            sha256=measured.sha256,
            target=measured.target,
            basis="measured",
            made=datetime.datetime.now(datetime.UTC).date().isoformat(),
            facts=dataclasses.replace(measured.facts, notes=notes),
            environment=measured.environment,
            threads=measured.threads,
            kernels=measured.kernels,
            first_ms=measured.first_ms,
            warmup_ms=measured.warmup_ms,
            samples_ms=measured.samples_ms,
            inputs=inputs,
            outputs=outputs,
            data=self._described(),
            answers=answers,
        )
        path = write_recording(recording, self.out)
        return Recorded(path=path, size_bytes=path.stat().st_size, answers=len(answers))

    def _inputs(self, opened: Target) -> Iterator[list[npt.NDArray[Any]]]:
        """What ``measure`` feeds, then the test examples as the file stores them, one by one as ``evaluate`` feeds them."""
        yield [random_values(spec) for spec in opened.inputs]
        if self.data is not None:
            given, result = single_tensors(self.file, opened)
            check_fit(self.file, given.shape, result.shape, self.data)
            for value in as_inputs(self.data.open_test(), self.input_range):
                yield [given.stored(value[None])]

    def _check_size(self, opened: Target) -> None:
        each = sum(_tensor(spec).nbytes for spec in opened.outputs) * 4 // 3 + _BYTES_PER_ENTRY
        n = 1 + (len(self.data.open_test()) if self.data is not None else 0)
        if n * each > MAX_BYTES:
            raise InputError(
                f"nothing is recorded: {n:,} answers would take some {n * each / 1e6:,.0f} MB, at most {MAX_BYTES / 1e6:,.0f} MB are read: "
                "give a smaller --dataset or none"
            )

    def _described(self) -> RecordedData | None:
        data = self.data
        if data is None:
            return None
        low, high = (float(end) for end in self.input_range)
        return RecordedData(
            dataset=data.name, fingerprint=data.fingerprint, seed=data.seed, input_range=(low, high), n=len(data.open_test())
        )


def _check_free(out: Path) -> None:
    """A recording may be of a device that is gone by now: it is never written over."""
    if out.exists():
        raise InputError(f"{str(out)!r} exists: a recording is not written over; name another file, or move this one away")


def prepare_recording(
    path: str | Path,
    out: str | Path,
    target: str = "cpu",
    dataset: str | Path | Dataset | None = None,
    input_range: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
    threads: int = 1,
    kernels: str = "xnnpack",
    task: str | None = None,
) -> Recorder:
    """Check what can be checked before anything is measured: ``prepare_recording(...).write(measure(...))``.

    Args:
        path: the model file.
        out: where the recording goes, compressed if it ends in ``.gz``; nothing is written over.
        target, threads, kernels: as they will be given to ``measure``.
        dataset: whose test examples are answered, too; without it, only what ``measure`` itself feeds.
        input_range, seed, task: see ``accuracies.evaluate``.

    Raises:
        InputError: a target whose figures are not measured, an output that is a folder or the model itself, data that do not fit.
        DatasetError, ModelFileError: one of them cannot be used.
    """
    with open_target(target, threads=threads, kernels=kernels) as opened:
        if opened.basis is not Basis.MEASURED:
            raise InputError(
                f"the target {opened.name!r} cannot be recorded: its figures are {opened.basis}, and a recording of them would pass for a "
                "measurement; record the target that was measured"
            )
    file, place = Path(path), Path(out)
    graph = read_graph(file)
    if place.is_dir():
        raise InputError(f"--record {str(out)!r} is a folder: give the name of a file, such as {str(place / 'recording.json')!r}")
    if place.exists() and place.samefile(file):
        raise InputError(f"--record {str(out)!r} is the model itself: give another name, such as {str(place.with_suffix('.json'))!r}")
    _check_free(place)
    data = None
    if dataset is not None:
        data = load_data_for(file, dataset, seed, task)
        as_inputs(data.validation.x[:1], input_range)
        if len(graph.inputs) == 1 and len(graph.outputs) == 1:  # what has more is refused when it runs
            check_fit(file, graph.tensors[graph.inputs[0]].shape, graph.tensors[graph.outputs[0]].shape, data)
    return Recorder(
        file=file,
        out=place,
        target=target,
        threads=threads,
        kernels=kernels,
        data=data,
        input_range=(float(input_range[0]), float(input_range[1])),
    )


def _tensor(spec: TensorSpec) -> RecordedTensor:
    dtype: Any = spec.dtype.name  # one that a recording does not know is refused when it is written
    return RecordedTensor(name=spec.name, shape=spec.shape, dtype=dtype, scale=spec.scale, zero_point=spec.zero_point)
