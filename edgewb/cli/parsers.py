"""What can be typed: the commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from edgewb import __version__
from edgewb.cli import commands, measuring, workshops
from edgewb.cli.arguments import Once, Parser, read_duration, read_indices, read_names, read_range
from edgewb.cli.options import (
    add_dashboard_options,
    add_energy_options,
    add_host_options,
    add_meter_options,
    add_split_options,
    add_study_options,
    add_task_option,
)


def _add_workshop_commands(parser: argparse.ArgumentParser) -> None:
    """Two commands below one: ``workshop check`` and ``workshop bundle``."""
    below = parser.add_subparsers(dest="workshop", metavar="check|bundle", required=True, parser_class=Parser)
    helps = {
        "check": "is this computer ready for the course? (half a minute; exit status 1 when something needed is missing)",
        "bundle": "everything for a room without a network, in one folder: wheels, this repository, a script that installs them",
    }
    parsers = {name: below.add_parser(name, help=text, description=text, allow_abbrev=False) for name, text in helps.items()}
    for sub in parsers.values():
        sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parsers["check"].set_defaults(does=workshops.check)
    bundle = parsers["bundle"]
    bundle.set_defaults(does=workshops.bundle)
    bundle.add_argument("--out", metavar="DIR", help="where it goes (default build/workshop-PLATFORM); an earlier bundle is renewed")
    bundle.add_argument(
        "--platform", metavar="P", help="of the room's computers: linux-x86_64, linux-aarch64, macos-arm64, windows-x86_64 (this one's)"
    )
    bundle.add_argument("--python-version", metavar="V", help="of the room's computers: 3.11 or 3.12 (this one's)")
    bundle.add_argument("--without-training", action="store_true", help="leave TensorFlow away, which is two thirds of it")
    bundle.add_argument("--dry-run", action="store_true", help="only say what it would hold, and how large that is")


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; ``does`` in what it returns is the function to call."""
    top = Parser(
        prog="edgewb", description="A workbench for the Google Coral Edge TPU: what each optimisation costs and gains.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"edgewb {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, does: Callable[[argparse.Namespace], int], help_text: str, json: bool = True) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        sub.set_defaults(does=does)
        if json:
            sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        return sub

    demo = command("demo", commands.demo, "the digits study: float, PTQ, QAT, pruned, clustered, with a recommendation and report.html")
    length = demo.add_mutually_exclusive_group()
    length.add_argument("--fast", action="store_true", help="shorter training of the same variants, judged on the same images")
    length.add_argument(
        "--all", action="store_true", help="every technique, conversion and choice, and combinations of them (see `edgewb recipes`)"
    )
    add_study_options(demo)

    run = command("run", commands.run, "the same on your data and your model")
    run.add_argument(
        "--dataset",
        required=True,
        metavar="D",
        help="digits, breast_cancer, diabetes, a folder with one sub-folder of images per class, or an .npz",
    )
    add_task_option(run)
    run.add_argument("--recipes", metavar="A,B,C", help="recipes, see `edgewb recipes` (default: all that suit the model)")
    run.add_argument(
        "--model", metavar="M", help="a built-in network, or a .keras, .h5, SavedModel folder or float .tflite (default: by the data)"
    )
    run.add_argument("--weights", metavar="FILE", help="pretrained weights for mobilenet_v2")
    run.add_argument(
        "--input-range",
        type=read_range,
        metavar="LOW,HIGH",
        help="what black and white are for your model (default: found on the validation split)",
    )
    run.add_argument(
        "--targets",
        metavar="T,U",
        help="where to measure latency; the first decides what counts as fast (default: cpu,onnxruntime,openvino, as far as installed)",
    )
    run.add_argument("--fast", action="store_true", help="shorter training")
    run.add_argument(
        "--shifts", default="", metavar="S,T", help="also under these shifts of the images: noise, blur, contrast, rotation, each 1 to 5"
    )
    add_meter_options(run, 0)
    add_study_options(run)

    inspect = command("inspect", commands.inspect, "what an Edge TPU does with a .tflite, and why not")
    inspect.add_argument("file", metavar="FILE.tflite")
    inspect.add_argument("--compiler", default="16.0", metavar="GEN", help="compiler generation (default 16.0, the last one)")
    inspect.add_argument(
        "--with",
        dest="together_with",
        action="append",
        default=[],
        metavar="OTHER.tflite",
        help="compiled together, would they fit the cache?",
    )
    inspect.add_argument(
        "--against",
        metavar="SOURCE.tflite",
        help="does this compiled file hold that model? (exit status 1 when it differs, or when it cannot be told)",
    )
    inspect.add_argument(
        "--assume-fixed", type=read_indices, default=(), metavar="I,J", help="what if these ops met every rule? (numbers from the table)"
    )

    compile_ = command("compile", commands.compile_model, "Google's compiler if it is installed, otherwise the prediction; it says which")
    compile_.add_argument("file", metavar="FILE.tflite")
    compile_.add_argument("--out", metavar="DIR", help="where the compiled file and its log go (default: beside the model)")
    compile_.add_argument("--compiler", default="16.0", metavar="GEN", help="where there is no compiler: the generation to predict (16.0)")
    compile_.add_argument("-a", "--multiple-subgraphs", action="store_true", help="several parts on the Edge TPU (experimental)")
    compile_.add_argument("-d", "--search", action="store_true", help="look for the largest part that compiles")
    compile_.add_argument("-k", "--search-step", type=int, metavar="N", help="ops left out at each step of the search (1)")
    compile_.add_argument("-n", "--segments", type=int, metavar="N", help="cut the model for N Edge TPUs")
    compile_.add_argument(
        "-i", "--intermediate-tensors", type=read_names, default=(), metavar="A,B", help="leave what is behind these on the CPU"
    )
    compile_.add_argument("-t", "--timeout", type=int, metavar="S", help="the compiler's own limit in seconds (180)")
    compile_.add_argument("-m", "--min-runtime-version", type=int, metavar="V", help="for an older Edge TPU runtime, 10 to 14")
    compile_.add_argument("--time-limit", type=float, default=900.0, metavar="S", help="seconds after which the compiler is ended (900)")
    compile_.add_argument("--report", metavar="FILE", help="if ops go elsewhere than predicted, write what edgewb needs to learn it")

    explain = command("explain", commands.explain, "what a compiler log, or an error of library and device, says, and what helps")
    explain.add_argument("file", metavar="FILE|-", help="the log, a notebook with its output, or - for standard input")

    fix = command("fix", commands.fix, "mend a .tflite for the Edge TPU: the same results, bit for bit, or nothing is written")
    fix.add_argument("file", metavar="FILE.tflite")
    fix.add_argument(
        "--out", metavar="FILE|DIR", help="where the mended file goes (default: NAME_fixed.tflite beside the file; replaced if it is there)"
    )
    fix.add_argument("--skip", default="", metavar="A,B", help="mends to leave out: batch, stray, float_io, versions")

    estimate = command("estimate", commands.estimate, "latency and energy on an Edge TPU without one: an interval, and what it rests on")
    estimate.add_argument("file", metavar="FILE.tflite", help="a source model or a compiled one")
    add_host_options(estimate, "--host", "desktop, pi4, pi3, devboard, sweep_host, or a .json of `edgewb calibrate` (default desktop)")
    estimate.add_argument("--source", metavar="SOURCE.tflite", help="for a compiled file: the model it was compiled from")
    estimate.add_argument("--compiler", default="16.0", metavar="GEN", help="generation whose placement is predicted (default 16.0)")

    calibrate = command("calibrate", commands.calibrate, "a host profile from nets measured on a device, for `edgewb estimate --host`")
    calibrate.add_argument(
        "--measured",
        nargs="+",
        required=True,
        metavar="MODEL=MS|FILE.json",
        help='model.tflite=4.2 (milliseconds), or a .json: {"model.tflite": 4.2, ...} or a list of what `edgewb measure --json` printed',
    )
    add_host_options(calibrate, "--start", "the host whose profile is adapted (default desktop)")
    calibrate.add_argument("--host", default="calibrated", metavar="NAME", help="what the profile is called")
    calibrate.add_argument("--out", metavar="FILE.json", help="write the profile")

    measure = command("measure", measuring.measure, "latency of a .tflite on a target")
    measure.add_argument("file", metavar="FILE.tflite")
    measure.add_argument(
        "--target",
        "--targets",
        action="append",
        metavar="T",
        help="where to run it (default cpu), see `edgewb targets`; several, by commas or by repeating it, are measured in turns",
    )
    extent = measure.add_mutually_exclusive_group()
    extent.add_argument(
        "--runs",
        type=int,
        metavar="N",
        help="samples after first call and warm-up (default 200, or as many as 2 s allow, but 20; with a meter those of 20 s)",
    )
    extent.add_argument(
        "--sustain",
        type=read_duration,
        metavar="TIME",
        help="call for so long (60s, 5min, 1h) and say if, when and by how much it slowed down",
    )
    measure.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default 1)")
    measure.add_argument("--kernels", default="xnnpack", help="xnnpack or builtin (default xnnpack)")
    measure.add_argument(
        "--record", metavar="OUT.json", help="write what was measured, and the answers, for `--target replay:OUT.json` (.gz: compressed)"
    )
    measure.add_argument("--dataset", metavar="D", help="with --record: also the answers to the test examples of this data set")
    add_split_options(measure)
    add_energy_options(measure)

    parity = command("parity", measuring.parity, "one model on two targets: how many outputs differ by how much, and which answers flip")
    parity.add_argument("file", metavar="FILE.tflite", help="the source")
    parity.add_argument("compiled", nargs="?", metavar="COMPILED.tflite", help="what the Edge TPU compiler made of it, for edgetpu and ssh")
    both = parity.add_mutually_exclusive_group(required=True)
    both.add_argument("--targets", metavar="A,B", help="two targets, such as cpu:builtin,cpu:xnnpack; differences are B - A")
    both.add_argument("--target", action="append", default=[], metavar="A", help="the same one by one: --target A --target B")
    fed = parity.add_mutually_exclusive_group()
    fed.add_argument("--dataset", metavar="D", help="run its test split: digits, breast_cancer, diabetes, a folder of images, or an .npz")
    fed.add_argument("--inputs", type=int, default=100, metavar="N", help="without a data set: random inputs (default 100)")
    parity.add_argument(
        "--input-range", type=read_range, metavar="LOW,HIGH", help="what black and white are for the model (default: as for evaluate)"
    )
    parity.add_argument("--seed", type=int, help="of the data set's splits (default: as for evaluate), or of the random inputs (default 0)")
    add_task_option(parity)
    parity.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default 1)")
    parity.add_argument("--kernels", default="xnnpack", help="of `cpu` without a colon: xnnpack or builtin (default xnnpack)")
    parity.add_argument("--report", metavar="FILE.html", help="write a page with the figure and the examples that flip")

    evaluate = command("evaluate", measuring.evaluate, "accuracy, or errors, of a .tflite on the test split of a data set")
    evaluate.add_argument("file", metavar="FILE.tflite")
    evaluate.add_argument(
        "--dataset",
        required=True,
        metavar="D",
        help="digits, digits_noise3 (or blur, contrast, rotation; 1 to 5), breast_cancer, diabetes, a folder of images, or an .npz",
    )
    evaluate.add_argument(
        "--against",
        metavar="OTHER.tflite",
        help="a file to compare with, on the same examples: the paired change, its interval and p, the flips",
    )
    evaluate.add_argument("--target", default="cpu", action=Once, help="where to run it (default cpu)")
    add_split_options(evaluate)

    doctor = command("doctor", measuring.doctor, "what is missing on this computer, and how to mend it")
    doctor.add_argument(
        "file", nargs="?", metavar="FILE_edgetpu.tflite", help="a compiled file: is the Edge TPU runtime of this computer new enough?"
    )
    command("targets", measuring.targets, "where a model can run: what is here, what is not and why")

    debug = command("debug", measuring.debug, "where an int8 model loses what its float model can do: the rung, the layer, the remedy")
    debug.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="the float model: a built-in network, .keras, .h5, SavedModel or .tflite (default: by the data)",
    )
    debug.add_argument("--dataset", required=True, metavar="D", help="digits, breast_cancer, diabetes, a folder of images, or an .npz")
    add_task_option(debug)
    debug.add_argument("--int8", metavar="FILE.tflite", help="the int8 file made of it (default: made now)")
    debug.add_argument("--recipe", default="ptq_int8", metavar="R", help="how it is made where none is given (default ptq_int8)")
    debug.add_argument("--calibration", metavar="FILE.npy|.npz", help="what the int8 file was calibrated with, as the converter got it")
    debug.add_argument("--input-range", type=read_range, metavar="LOW,HIGH", help="what black and white are for the model (default: found)")
    debug.add_argument("--out", metavar="FILE.html", help="write a page with the figure")
    debug.add_argument("--fast", action="store_true", help="shorter training of a built-in network")
    debug.add_argument("--seed", type=int, default=0, help="of the splits and of the training (default 0)")

    checklist = command("checklist", commands.checklist, "eight points to settle before a model goes to the field, filled in with evidence")
    checklist.add_argument("file", metavar="FILE.tflite", help="what is to be deployed; what is recorded of it here is looked up")
    checklist.add_argument("--source", metavar="SOURCE.tflite", help="for a compiled file: the model it was compiled from")
    checklist.add_argument(
        "--measured",
        nargs="+",
        default=[],
        metavar="M.json",
        help="what `edgewb measure FILE.tflite --json` wrote on the computer of the field",
    )
    checklist.add_argument("--field", default="edgetpu", metavar="T", help="the target that the field has (default edgetpu)")
    checklist.add_argument("--budget", type=float, metavar="P", help="points of accuracy that may be lost")
    checklist.add_argument(
        "--accept", type=read_indices, default=(), metavar="2,8", help="your word: the rest may run on the CPU (2); no extremes there (8)"
    )
    checklist.add_argument("--out", metavar="FILE", help="also write it, as .md or .html")

    records = command("records", commands.records, "what was recorded so far; export and import as JSON lines")
    exchange = records.add_mutually_exclusive_group()
    exchange.add_argument("--export", metavar="FILE", help="write all records as JSON lines")
    exchange.add_argument(
        "--import", dest="import_file", metavar="FILE", help="add records from JSON lines; what does not check out is refused"
    )

    running = command("running", commands.running, "studies under way in this home, wherever they were started; stop one")
    running.add_argument("--cancel", metavar="ID", help="ask this one to stop, as Ctrl-C does: every finished variant is kept")

    command("rules", commands.rules, "every rule behind `inspect`, with the source of each limit")
    command("problems", commands.problems, "every problem edgewb knows: its texts, its cause, what helps")
    command("recipes", commands.recipes, "the recipes: what each does, and what it can and cannot buy on an Edge TPU")
    claims = command("claims", commands.claims, "what four texts on edge AI claim, beside what was measured or published")
    claims.add_argument("--topic", metavar="T", help="only those on one topic, such as latency, streaming, pruning, llm")
    claims.add_argument("--check", action="store_true", help="compute anew what can be computed; exit status 1 where one differs")
    add_dashboard_options(command("dashboard", commands.dashboard, "dashboards for people who never open a notebook", json=False))
    command("lab", commands.lab, "JupyterLab on the notebooks", json=False)
    _add_workshop_commands(
        command("workshop", workshops.check, "for whoever prepares a room: check a computer, bundle everything", json=False)
    )
    return top
