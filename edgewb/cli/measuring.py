"""The commands that run a model: measure, parity, evaluate; and what can run here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from edgewb.cli.streams import DONE, NO, print_json
from edgewb.errors import InputError

if TYPE_CHECKING:
    from edgewb.accuracies import Evaluation
    from edgewb.latencies import Measurement
    from edgewb.powers import EnergyPlan
    from edgewb.recorders import Recorder

_SHOWN_MISTAKES = 10


def measure(arguments: argparse.Namespace) -> int:
    from edgewb.measurements import measure
    from edgewb.powers import sample_seconds
    from edgewb.preparations import RUN_LIMIT
    from edgewb.targets import split_list
    from edgewb.views.measurement_texts import measurement_text

    targets = [target for given in arguments.target or ["cpu"] for target in split_list(given)] or ["cpu"]
    plan = _energy_plan(arguments)
    if len(targets) > 1:
        for name, given in (("--record", arguments.record), ("--sustain", arguments.sustain), ("--meter and --protocol", plan)):
            if given is not None:
                raise InputError(f"{name}: one target is wanted and {len(targets)} are given; measure each in a run of its own")
    asked: dict[str, Any] = {} if arguments.runs is None else {"runs": arguments.runs, "seconds": 86_400}
    if len(targets) > 1:
        return _measure_targets(arguments, targets, asked)
    if arguments.sustain is not None:
        asked = {"sustain_s": arguments.sustain, "progress": not arguments.json or sys.stderr.isatty()}
    elif plan is not None and arguments.runs is None:
        asked = {"runs": RUN_LIMIT, "seconds": sample_seconds(plan)}
    recorder = _recorder(arguments, targets[0])
    measured = measure(arguments.file, targets[0], threads=arguments.threads, kernels=arguments.kernels, energy=plan, **asked)
    if measured.failed is not None:
        print(f"edgewb: stopped after {measured.runs} calls, which are kept: {measured.failed}", file=sys.stderr)
    no_energy = measured.energy_missing if plan is not None else None
    if no_energy is not None and measured.energy is None:
        print(f"edgewb: no energy, the calls are kept: {no_energy}", file=sys.stderr)
    status = DONE if measured.failed is None and no_energy is None else NO
    if arguments.json:
        print_json(measured)
        return _recorded(recorder, measured, status, sys.stderr)
    print(measurement_text(measured))
    return _recorded(recorder, measured, status, sys.stdout)


def _energy_plan(arguments: argparse.Namespace) -> EnergyPlan | None:
    """What the options on energy ask for, None without any; the steps of a protocol are told before it begins."""
    from edgewb.counters import rapl_meter
    from edgewb.powers import EnergyPlan

    given = {
        "meter": arguments.meter,
        "unit": arguments.meter_unit,
        "idle_seconds": arguments.idle,
        "protocol": arguments.protocol,
        "warm_seconds": arguments.warm,
        "ambient_c": arguments.ambient,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return None
    plan = EnergyPlan(**given)
    plan.check()
    if plan.meter is None:
        _, missing = rapl_meter(Path("/sys"))
        if missing is not None:
            options = ", ".join(f"--{name}" for name in ("idle", "protocol", "warm", "ambient") if getattr(arguments, name) is not None)
            raise InputError(f"{options or '--meter-unit'}: nothing here measures power ({missing}); add --meter, or leave it out")
    for number, step in enumerate(plan.steps(), 1):
        print(f"{number}. {step}", file=sys.stderr)
    return plan


def _recorder(arguments: argparse.Namespace, target: str) -> Recorder | None:
    """Before anything is measured: what cannot be recorded should not cost the time of measuring."""
    if arguments.record is None:
        given = [name for name in ("dataset", "input_range", "seed", "task") if getattr(arguments, name) is not None]
        if given:
            raise InputError(f"--{given[0].replace('_', '-')} goes with --record: the answers to these examples are recorded, not timed")
        return None
    from edgewb.workbench import prepare_recording

    return prepare_recording(
        arguments.file,
        arguments.record,
        target,
        arguments.dataset,
        input_range=arguments.input_range,
        seed=arguments.seed,
        threads=arguments.threads,
        kernels=arguments.kernels,
        task=arguments.task,
    )


def _recorded(recorder: Recorder | None, measured: Measurement, status: int, stream: TextIO) -> int:
    if recorder is not None:
        sys.stdout.flush()  # what was measured is out before anything can go wrong with the recording
        done = recorder.write(measured)
        count = f"{done.answers} answer{'' if done.answers == 1 else 's'}"
        said = f"  recorded: {done.path}, {count}, {done.size_bytes / 1000:.1f} kB; play it with --target replay:{done.path}"
        print(said, file=stream)
    return status


def _measure_targets(arguments: argparse.Namespace, targets: list[str], asked: dict[str, int]) -> int:
    from edgewb.ratios import measure_targets

    result = measure_targets(arguments.file, targets, threads=arguments.threads, kernels=arguments.kernels, **asked)
    print_json(result) if arguments.json else print(result)
    whole = not result.failed and all(measured.failed is None for measured in result.measurements)
    return DONE if whole else NO


def parity(arguments: argparse.Namespace) -> int:
    from edgewb.targets import split_list
    from edgewb.workbench import compare_targets

    result = compare_targets(
        arguments.file,
        arguments.target or split_list(arguments.targets),
        arguments.compiled,
        dataset=arguments.dataset,
        inputs=arguments.inputs,
        seed=arguments.seed,
        input_range=arguments.input_range,
        threads=arguments.threads,
        kernels=arguments.kernels,
        progress=not arguments.json and sys.stderr.isatty(),
        task=arguments.task,
    )
    print_json(result) if arguments.json else print(result)
    if arguments.report:  # after the result, which a full disk must not cost
        from edgewb.accuracies import load_data_for
        from edgewb.views.parity_pages import write_parity_page

        data = None if arguments.dataset is None else load_data_for(arguments.file, arguments.dataset, result.seed, arguments.task)
        write_parity_page(arguments.report, result, data)
    return NO if result.flips or result.failed is not None else DONE


def evaluate(arguments: argparse.Namespace) -> int:
    from edgewb.workbench import evaluate, evaluate_against

    options = {"input_range": arguments.input_range, "seed": arguments.seed, "task": arguments.task}
    if arguments.against is not None:
        pair = evaluate_against(arguments.file, arguments.against, arguments.dataset, arguments.target, **options)
        if arguments.json:
            print_json(pair.to_dict())
            return DONE
        from edgewb.views.measurement_texts import pair_lines

        _print_evaluation(pair.against)
        _print_evaluation(pair.evaluation)
        for line in pair_lines(pair):
            print(line)
        return DONE
    result = evaluate(arguments.file, arguments.dataset, arguments.target, **options)
    if arguments.json:
        print_json(result)
        return DONE
    _print_evaluation(result)
    return DONE


def _print_evaluation(result: Evaluation) -> None:
    from edgewb.accuracies import errors_lines
    from edgewb.records.formats import plain
    from edgewb.views.measurement_texts import watermark_lines

    for line in watermark_lines(result):
        print(line)
    print(f"{plain(result.file)} on the test split of {plain(result.dataset)} ({result.inputs}, {result.target}, {result.kernels} kernels)")
    if result.errors is not None:
        for line in (*errors_lines(result.errors), *result.notes):
            print(f"  {line}")
    if (value := result.accuracy) is None:
        return
    low, high = value.ci95
    print(
        f"  {100 * value.value:.1f} % right, 95 % interval {100 * low:.1f} to {100 * high:.1f} %, "
        f"{value.correct} of n = {value.n} ({result.basis})"
    )
    if result.top5 is not None:
        low, high = result.top5.ci95
        print(
            f"  {100 * result.top5.value:.1f} % among the five highest scores, 95 % interval {100 * low:.1f} to {100 * high:.1f} %, "
            f"{result.top5.correct} of n = {result.top5.n} ({result.basis}); equal scores count against it"
        )
    for row in result.classes:
        low, high = row.ci95
        print(f"  {plain(row.name):>16}  {row.correct} of {row.n}, 95 % interval {100 * low:.0f} to {100 * high:.0f} % ({result.basis})")
    names = [plain(name) for name in result.class_names]
    for pair in sorted(result.confusion or (), key=lambda c: -c.n)[:_SHOWN_MISTAKES]:
        print(f"  {names[pair.truth]:>16}  taken for {names[pair.answer]}: {pair.n} of n = {value.n} ({result.basis})")
    if result.confusion is not None and (more := len(result.confusion) - _SHOWN_MISTAKES) > 0:
        print(f"  and {more} more kinds of mistakes; --json lists them all")


def doctor(arguments: argparse.Namespace) -> int:
    from edgewb.doctor import diagnose

    diagnosis = diagnose(arguments.file)
    print_json(diagnosis) if arguments.json else print(diagnosis)
    return NO if diagnosis.problems else DONE


def targets(arguments: argparse.Namespace) -> int:
    from edgewb.targets.listings import list_targets, targets_text

    found = list_targets()
    print_json({"targets": found}) if arguments.json else print(targets_text(found))
    return DONE


def debug(arguments: argparse.Namespace) -> int:
    from edgewb.debugging.diagnoses import debug_model

    found = debug_model(
        arguments.model,
        arguments.dataset,
        arguments.int8,
        recipe=arguments.recipe,
        calibration=arguments.calibration,
        input_range=arguments.input_range,
        seed=arguments.seed,
        fast=arguments.fast,
        task=arguments.task,
    )
    if arguments.out:
        from edgewb.locations import write_whole
        from edgewb.views.debug_plots import diagnosis_page

        write_whole(arguments.out, diagnosis_page(found))
    print_json(found) if arguments.json else print(found)
    return DONE if found.culprit is None and found.first_fall is None else NO
