"""The command line: each command is one call into the library. Exit status 0 done, 1 the answer is "no", 2 bad input."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from edgewb import __version__
from edgewb.errors import EdgewbError, InputError

DONE, NO, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Usage errors as everywhere in edgewb: one line that says what was given, what is allowed, and what to do."""

    def error(self, message: str) -> NoReturn:
        if "--input-range" in message and "expected one argument" in message:
            message += " (when it begins with a minus, join it with =: --input-range=-1,1)"
        raise InputError(f"{message}; see {self.prog} --help")


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = float("nan")
    if not (low < high and abs(low) <= 1e6 and abs(high) <= 1e6):
        raise argparse.ArgumentTypeError(f"{text!r} is no range: give two numbers such as 0,1 or --input-range=-1,1")
    return low, high


def _study_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=float, default=1.0, metavar="POINTS", help="accuracy you can lose, in points (default 1.0)")
    parser.add_argument("--out", metavar="DIR", help="where models and report.html go")
    parser.add_argument("--seed", type=int, default=0, help="of the splits and of the training (default 0)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="edgewb", description="A workbench for the Google Coral Edge TPU: what each optimisation costs and gains.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"edgewb {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, does: Callable[[argparse.Namespace], int], help_text: str, json: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        sub.set_defaults(does=does)
        if json:
            sub.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")
        return sub

    demo = command("demo", _demo, "the digits study: float, PTQ, QAT, pruned, clustered, with a recommendation and report.html")
    length = demo.add_mutually_exclusive_group()
    length.add_argument("--fast", action="store_true", help="the same variants and test images, shorter training")
    length.add_argument("--all", action="store_true", help="every recipe edgewb knows")
    _study_options(demo)

    run = command("run", _run, "the same on your data and your model")
    run.add_argument(
        "--dataset", required=True, metavar="D", help="digits, breast_cancer, a folder with one sub-folder of images per class, or an .npz"
    )
    run.add_argument("--recipes", metavar="A,B,C", help="recipes, see `edgewb recipes` (default: all that suit the model)")
    run.add_argument(
        "--model", metavar="M", help="a built-in network, or a .keras, .h5, SavedModel folder or float .tflite (default: by the data)"
    )
    run.add_argument("--weights", metavar="FILE", help="pretrained weights for mobilenet_v2")
    run.add_argument(
        "--input-range",
        type=_range,
        metavar="LOW,HIGH",
        help="what black and white are for your model (default: found on the validation split)",
    )
    run.add_argument("--targets", default="cpu", metavar="T,U", help="where to measure latency (default cpu)")
    run.add_argument("--fast", action="store_true", help="shorter training")
    _study_options(run)

    inspect = command("inspect", _inspect, "what an Edge TPU does with a .tflite, and why not")
    inspect.add_argument("file", metavar="FILE.tflite")
    inspect.add_argument("--compiler", default="16.0", metavar="GEN", help="compiler generation (default 16.0, the last one)")

    measure = command("measure", _measure, "latency of a .tflite on a target")
    measure.add_argument("file", metavar="FILE.tflite")
    measure.add_argument("--target", default="cpu", help="where to run it (default cpu)")
    measure.add_argument("--runs", type=int, default=200, metavar="N", help="samples after first call and warm-up (default 200)")
    measure.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default 1)")
    measure.add_argument("--kernels", default="xnnpack", help="xnnpack or builtin (default xnnpack)")

    evaluate = command("evaluate", _evaluate, "accuracy of a .tflite on the test split of a data set")
    evaluate.add_argument("file", metavar="FILE.tflite")
    evaluate.add_argument("--dataset", required=True, metavar="D", help="digits, breast_cancer, a folder of images, or an .npz")
    evaluate.add_argument("--target", default="cpu", help="where to run it (default cpu)")
    evaluate.add_argument(
        "--input-range", type=_range, default=(0.0, 1.0), metavar="LOW,HIGH", help="what black and white are for the model (default 0,1)"
    )
    evaluate.add_argument("--seed", type=int, default=0, help="of the splits: the one the model was trained with (default 0)")

    records = command("records", _records, "what was recorded so far; export and import as JSON lines")
    exchange = records.add_mutually_exclusive_group()
    exchange.add_argument("--export", metavar="FILE", help="write all records as JSON lines")
    exchange.add_argument(
        "--import", dest="import_file", metavar="FILE", help="add records from JSON lines; what does not check out is refused"
    )

    command("recipes", _recipes, "the recipes and what they do")
    command("lab", _lab, "JupyterLab on the notebooks", json=False)
    return parser


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _show_study(arguments: argparse.Namespace, **options: Any) -> int:
    from edgewb.workbench import run

    study = run(
        budget=arguments.budget, seed=arguments.seed, fast=arguments.fast, progress=not arguments.json or sys.stderr.isatty(), **options
    )
    if arguments.json:
        _print_json(study)
    else:
        print(study.to_text(width=_width(), colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
        for note in study.context.notes:
            print(f"Note: {note}")
        print(f"Report: {study.report} (opens in any browser, without a network)")
    return DONE if study.recommendation.recipe is not None or len(study.records) == 1 else NO


def _width() -> int:
    import shutil

    return max(80, min(shutil.get_terminal_size((100, 24)).columns, 140))


def _demo(arguments: argparse.Namespace) -> int:
    from edgewb.optimizers.recipes import DEMO_RECIPES

    return _show_study(arguments, dataset="digits", recipes=DEMO_RECIPES, out=arguments.out or os.path.join("runs", "demo"))


def _run(arguments: argparse.Namespace) -> int:
    from edgewb.studies import suitable_recipes

    recipes = suitable_recipes(arguments.model, arguments.weights) if arguments.recipes is None else arguments.recipes
    targets = [name.strip() for name in arguments.targets.split(",") if name.strip()]
    if not targets:
        raise InputError("--targets is empty: name one, such as cpu")
    return _show_study(
        arguments,
        dataset=arguments.dataset,
        recipes=recipes,
        model=arguments.model,
        weights=arguments.weights,
        targets=targets,
        input_range=arguments.input_range,
        out=arguments.out,
    )


def _inspect(arguments: argparse.Namespace) -> int:
    from edgewb.compilers.inspections import inspect

    inspection = inspect(arguments.file, compiler=arguments.compiler)
    _print_json(inspection) if arguments.json else print(inspection)
    return NO if inspection.ops_edgetpu == 0 else DONE


def _measure(arguments: argparse.Namespace) -> int:
    from edgewb.measurements import measure

    measured = measure(arguments.file, arguments.target, runs=arguments.runs, threads=arguments.threads, kernels=arguments.kernels)
    if arguments.json:
        _print_json(measured)
        return DONE
    ms = measured.latency_ms
    print(f"{measured.file} on {measured.target}: {measured.kernels} kernels, {measured.threads} thread(s), {measured.environment.cpu}")
    print(f"  p50 {ms.p50:.3g} ms   p90 {ms.p90:.3g} ms   p99 {ms.p99:.3g} ms   mean {ms.mean:.3g} ms   stdev {ms.stdev:.2g} ms")
    print(f"  first call {measured.first_ms:.3g} ms, apart; {measured.warmup_runs} warm-up calls; n = {measured.runs} ({measured.basis})")
    if measured.drift.ratio is not None:
        print(f"  drift: last third {measured.drift.ratio:.2f} times the first (medians, n = {measured.drift.n_per_third} each)")
    return DONE


def _evaluate(arguments: argparse.Namespace) -> int:
    from edgewb.measurements import evaluate

    result = evaluate(arguments.file, arguments.dataset, arguments.target, input_range=arguments.input_range, seed=arguments.seed)
    if arguments.json:
        _print_json(result)
        return DONE
    value = result.accuracy
    low, high = value.ci95
    print(f"{result.file} on the test split of {result.dataset} ({result.target}, {result.kernels} kernels)")
    print(
        f"  {100 * value.value:.1f} % right, 95 % interval {100 * low:.1f} to {100 * high:.1f} %, {value.correct} of n = {value.n} ({result.basis})"
    )
    for row in result.classes:
        print(f"  {row.name:>16}  {row.correct} of {row.n}")
    return DONE


def _records(arguments: argparse.Namespace) -> int:
    from edgewb.records import RecordStore, import_records, load_records

    if arguments.import_file:
        with RecordStore() as store:
            imported = import_records(arguments.import_file, store)
        for line, reason in imported.rejected:
            print(f"edgewb: line {line} refused: {reason}", file=sys.stderr)
        if arguments.json:
            _print_json(imported)
        else:
            print(f"{imported.added} added, {imported.already_there} already there, {len(imported.rejected)} refused")
        return NO if imported.rejected else DONE
    records = load_records()
    if arguments.export:
        path = records.export(arguments.export)
        _print_json({"exported": len(records), "file": str(path)}) if arguments.json else print(f"{len(records)} records written to {path}")
    elif arguments.json:
        _print_json(records.to_dict())
    else:
        print(repr(records))
    return DONE


def _recipes(arguments: argparse.Namespace) -> int:
    from edgewb.optimizers.recipes import DEMO_RECIPES, decode_recipe

    rows = {name: decode_recipe(name).description for name in DEMO_RECIPES}
    if arguments.json:
        _print_json({"recipes": [{"recipe": name, "description": text} for name, text in rows.items()]})
        return DONE
    for name, text in rows.items():
        print(f"{name:<22}{text}")
    print("Any percentage (prune1 to prune99) and any number of clusters (cluster2 to cluster256) can stand before a ptq conversion.")
    return DONE


def _lab(arguments: argparse.Namespace) -> int:
    import subprocess
    from pathlib import Path

    from edgewb.errors import require

    require("jupyterlab", "lab", "to open the notebooks")
    folder = Path("notebooks")
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(folder if folder.is_dir() else Path())])


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status. Never a traceback: what went wrong is one line on standard error."""
    # A job that is asked to end (SIGTERM) cleans up as after Ctrl-C.
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            parsed = _parser().parse_args(arguments)
            status = int(parsed.does(parsed))
        except SystemExit as asked:  # --help, --version
            status = int(asked.code or 0)
        sys.stdout.flush()  # here a full disk or a reader that went away can still be explained; when Python exits it cannot
        return status
    except EdgewbError as error:
        return _fail(" ".join(str(error).split()))
    except KeyboardInterrupt:
        print("\nedgewb: stopped; every finished variant is kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # the reader went away, as `head` does
        return DONE
    except MemoryError:
        return _fail("out of memory: take smaller images, fewer of them, or a machine with more")
    except OSError as error:
        where = f" {error.filename!r}" if error.filename else ""
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        return _fail(
            f"the system refused{where}: {error.strerror or error}; what was finished before is kept, mend it and run the same command again"
        )
    except Exception as error:
        if os.environ.get("EDGEWB_DEBUG"):
            raise
        return _fail(f"unexpected {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}; "
                     "this is a fault of edgewb, please report it with the output of the same command under EDGEWB_DEBUG=1")  # fmt: skip


def _drop_output() -> None:
    """Send what is still buffered for standard output nowhere: Python would try once more on exit, and complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    print(f"edgewb: {message}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
