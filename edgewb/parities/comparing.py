"""Runs a model on two targets at once, example by example, and counts."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from edgewb.accuracies import load_data_for
from edgewb.datasets import Dataset, as_inputs
from edgewb.environments import environment
from edgewb.errors import EdgewbError, InputError
from edgewb.parities.checks import check_alike, check_data, check_state, choose_files, keeps_state
from edgewb.parities.results import Parity, Side
from edgewb.parities.runs import Arrays, Run
from edgewb.progress import Bar
from edgewb.sampling import random_values
from edgewb.targets import Target, TensorSpec, check_different, label_targets, open_target
from edgewb.tflite.reader import load_bytes
from edgewb.types import Basis, Task

INPUT_LIMIT: Final = 1_000_000
_SLICE: Final = 256
_WEAKEST_FIRST: Final = (Basis.SIMULATED, Basis.REPLAYED, Basis.MEASURED)


def compare_targets(
    path: str | Path,
    targets: Sequence[str],
    compiled: str | Path | None = None,
    *,
    dataset: str | Path | Dataset | None = None,
    inputs: int = 100,
    seed: int = 0,
    input_range: tuple[float, float] = (0.0, 1.0),
    threads: int = 1,
    kernels: str = "xnnpack",
    progress: bool = False,
    task: str | None = None,
) -> Parity:
    """How much the outputs of one model differ between two targets, and which answers flip.

    Both hold the model at the same time and get the same stored values, one example after the other; the first few examples twice.
    A state within the model is put back before every call.

    Args:
        path: the source .tflite.
        targets: two of ``targets.TARGETS``, such as ``("cpu:builtin", "cpu:xnnpack")``; differences are second - first.
        compiled: what the Edge TPU compiler made of it; runs on ``edgetpu``, and on ``ssh`` where it is given.
        dataset: its test split is run: a name, a path or a loaded data set. Without one, random inputs.
        inputs: how many random inputs, 1 to 1,000,000; not used with a data set.
        seed: of the random inputs, or of the splits of a data set given by name or path.
        input_range: what black and white of a data set are for this model, see ``datasets.as_inputs``.
        threads, kernels: see ``targets.open_target``.
        progress: show a bar on standard error.
        task: what the y of an .npz is, see ``load_dataset``.

    Returns:
        The comparison. Where a target failed after at least one example, of the examples before, and ``failed`` says why.

    Raises:
        InputError: a value out of range, the same target twice, a compiled file in the place of a source or the reverse, targets whose
        tensors differ, data that do not fit. ModelFileError, DatasetError, TargetError: a file, a data set or a target cannot be used.
    """
    if isinstance(targets, str) or len(targets) != 2:
        named = [targets] if isinstance(targets, str) else list(targets)
        raise InputError(f"parity compares two targets and {len(named)} were given ({', '.join(named)}): name two, such as cpu:builtin,cpu")
    if isinstance(inputs, bool) or not isinstance(inputs, int | np.integer) or not 1 <= inputs <= INPUT_LIMIT:
        raise InputError(f"inputs {inputs!r}: a whole number from 1 to {INPUT_LIMIT:,} is wanted")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed {seed!r}: a whole number of 0 or more is wanted")
    check_different(targets, kernels)
    files, graphs = choose_files(path, compiled, targets)
    with contextlib.ExitStack() as stack:
        opened = []
        for target, file in zip(targets, files, strict=True):
            opened.append(stack.enter_context(open_target(target, threads=threads, kernels=kernels)))
            try:
                opened[-1].load(file)
            except EdgewbError as error:
                raise type(error)(f"on {target}: {error}") from None
        first, second = opened
        check_alike(first, second)
        for side, graph, file in zip(opened, graphs, files, strict=True):
            check_state(side, graph, file)
        data = None if dataset is None else load_data_for(path, dataset, seed, task)
        if data is not None:
            check_data(path, first, data)
        run = Run(first, second, data, stateful=any(map(keeps_state, graphs)))
        total = inputs if data is None else data.sizes["test"]
        fed = _random(first.inputs, total, seed) if data is None else _examples(first.inputs[0], data, input_range)
        with Bar(total, progress) as bar:
            failed = run.all(fed, bar)
        sides = [
            _side(target, label, file, unlike, run.repeated)
            for target, label, file, unlike in zip(opened, label_targets(opened), files, run.unlike, strict=True)
        ]
    return _parity(path, run, sides, data, input_range, seed, failed, _notes(path, compiled, run, sides, data))


def _random(specs: Sequence[TensorSpec], count: int, seed: int) -> Iterator[Arrays]:
    for number in range(count):
        yield [random_values(spec, (seed, number, position)) for position, spec in enumerate(specs)]


def _examples(spec: TensorSpec, data: Dataset, input_range: tuple[float, float]) -> Iterator[Arrays]:
    test = data.open_test()
    for start in range(0, len(test), _SLICE):
        stored = spec.stored(as_inputs(test.x[start : start + _SLICE], input_range))
        for row in range(len(stored)):
            yield [stored[row : row + 1]]


def _side(target: Target, label: str, file: str | Path, unlike: int, repeated: int) -> Side:
    return Side(
        label=label,
        target=target.name,
        basis=target.basis,
        file=Path(file).name,
        sha256=hashlib.sha256(load_bytes(file)).hexdigest(),
        threads=target.threads,
        kernels=target.kernels,
        facts=target.facts,
        environment=target.environment or environment(),
        repeated=repeated,
        unlike=unlike,
    )


def _notes(path: str | Path, compiled: str | Path | None, run: Run, sides: Sequence[Side], data: Dataset | None) -> tuple[str, ...]:
    notes = [f"{side.label}: {note}" for side in sides for note in side.facts.notes]
    for side in sides:
        if side.basis is not Basis.MEASURED:
            stands = f", in the place of {side.facts.stands_for}" if side.facts.stands_for else ""
            notes.append(f"{side.label} is {side.basis}{stands}: nothing here was measured on that device")
        if side.unlike:
            again = f"{side.unlike} of {side.repeated} values differ when the same input is run again"
            notes.append(f"{side.label} does not agree with itself: {again}, so a part of the differences is its own")
    if data is None:
        notes.append("the inputs are random: how far outputs differ is real, but flips on noise say little about real data")
        if run.n > 1 and len(run.answers) == 1:
            notes.append("the first target gave the same answer to every input, so this comparison says little")
    elif run.top_one is not None and not run.labelled:
        notes.append(
            f"the model gives {run.classes} scores and {data.name} "
            + ("is a regression" if data.task is Task.REGRESSION else f"has {len(data.class_names)} classes")
            + ": what is right is not known"
        )
    if compiled is not None and (why := _other_model(path, compiled)):
        notes.append(f"{Path(compiled).name} seems to hold another model than {Path(path).name} ({why}): compile it again")
    return tuple(notes)


def _other_model(path: str | Path, compiled: str | Path) -> str | None:
    from edgewb.compilers.inspections import inspect
    from edgewb.compilers.matches import Verdict

    with contextlib.suppress(EdgewbError):
        match = inspect(compiled, against=path).against
        if match is not None and match.verdict is Verdict.DIFFERS:
            return match.reason
    return None


def _parity(
    path: str | Path,
    run: Run,
    sides: Sequence[Side],
    data: Dataset | None,
    input_range: tuple[float, float],
    seed: int,
    failed: str | None,
    notes: tuple[str, ...],
) -> Parity:
    first, second = sides
    outputs = tuple(counter.result() for counter in run.counters)
    basis = next(basis for basis in _WEAKEST_FIRST if basis in (first.basis, second.basis))
    return Parity(
        file=Path(path).name,
        basis=basis,
        first=first,
        second=second,
        n=run.n,
        dataset=None if data is None else data.name,
        dataset_fingerprint=None if data is None else data.fingerprint,
        input_range=None if data is None else (float(input_range[0]), float(input_range[1])),
        seed=int(seed) if data is None else data.seed,
        identical=all(output.differ == 0 for output in outputs),
        distinct=len(run.answers),
        outputs=outputs,
        top_one=None if run.top_one is None else run.top_one.result(first, second, basis),
        no_top_one=run.no_top_one,
        notes=notes,
        failed=failed,
    )
