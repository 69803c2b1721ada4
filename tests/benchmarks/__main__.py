"""Benchmarks: each prints a figure beside the plain alternative or the bar it is held to, measured in this run (``make bench``).

Not tests: nothing here fails on a slow machine. Seconds are of this machine; ratios are side by side.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.distillations import distillation
from tests.benchmarks.live_frames import live
from tests.benchmarks.sketches import sketches

ROOT = Path(__file__).parents[2]


def seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Wall-clock seconds of a command that must succeed (or say "no")."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return time.perf_counter() - start


def side_by_side(commands: dict[str, list[str]], rounds: int = 7) -> dict[str, float]:
    """Median seconds of each command, the commands taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(seconds(command))
    return {name: statistics.median(times) for name, times in taken.items()}


def starting() -> None:
    """``import edgewb`` and ``edgewb --help`` against a bare interpreter."""
    python = sys.executable
    result = side_by_side(
        {
            "bare python": [python, "-c", "pass"],
            "import edgewb": [python, "-c", "import edgewb"],
            "edgewb --help": [python, "-m", "edgewb.cli", "--help"],
            "import tensorflow": [python, "-c", "import tensorflow"],
        },
        rounds=5,
    )
    bare = result["bare python"]
    print(f"import edgewb       {result['import edgewb'] - bare:6.3f} s over a bare interpreter ({bare:.3f} s)   bar 0.15 s")
    print(f"edgewb --help       {result['edgewb --help']:6.3f} s in all                                 bar 0.4 s")
    print(f"import tensorflow   {result['import tensorflow']:6.3f} s, the plain alternative")


def demo() -> None:
    """The digits study: full, fast, and the second run, each with a home of its own."""
    python = sys.executable
    for flags, bar in (([], 180), (["--fast"], 75)):
        with tempfile.TemporaryDirectory() as home:
            command = [python, "-m", "edgewb.cli", "demo", *flags, "--out", str(Path(home) / "out"), "--json"]
            first = seconds(command, {"EDGEWB_HOME": home})
            second = seconds(command, {"EDGEWB_HOME": home})
        name = " ".join(["edgewb demo", *flags])
        print(f"{name:<20}{first:6.1f} s   bar {bar} s;   again {second:5.1f} s   bar 15 s   ({first / second:.0f} times faster)")


SAMPLE = ("ptq_int8", "prune50_ptq_int8", "prune50_float16", "prune50_cluster16_qat_int8", "cluster16_ptq_int8_per_tensor", "qat_int8")
"""Recipes of ``demo --all`` that stand for it: half of them begin like another one, as there."""


def recipes() -> None:
    """Recipes in one study against each in a process of its own from its own float training; then all of them (``demo --all``)."""

    def run(home: str, *words: str) -> tuple[float, float]:
        """Wall-clock seconds, and processor seconds of all it started."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = seconds([sys.executable, "-m", "edgewb.cli", *words, "--out", str(Path(home) / "out"), "--json"], {"EDGEWB_HOME": home})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    with tempfile.TemporaryDirectory() as home:
        together = run(home, "run", "--dataset", "digits", "--recipes", ",".join(SAMPLE))
    apart = []
    for recipe in SAMPLE:
        with tempfile.TemporaryDirectory() as home:
            apart.append(run(home, "run", "--dataset", "digits", "--recipes", recipe))
    alone = [sum(times) for times in zip(*apart, strict=True)]
    for what, ours, plain in zip(("wall", "processor"), together, alone, strict=True):
        print(f"{len(SAMPLE)} recipes, {what:<10}{ours:7.1f} s in one study, {plain:7.1f} s apart: {plain / ours:.1f} times faster   bar 2")
    with tempfile.TemporaryDirectory() as home:
        wall, busy = run(home, "demo", "--all")
    print(f"edgewb demo --all   {wall:7.1f} s ({busy:.0f} s of processor time)   bar 720 s on 2 cores")


def measuring() -> None:
    """What ``measure`` adds to a call of the bare interpreter: the two in turns, a tenth of a second each, on two nets."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    from edgewb.sampling import random_values, sample
    from edgewb.sustained_runs import sustain
    from edgewb.targets.cpu import CpuTarget
    from tests.benchmarks.changes import chain

    for name, content in (("6 layers of 16x16x16", chain(6, 16, 16)), ("20 layers of 56x56x64", chain(20, 56, 64))):
        with tempfile.TemporaryDirectory() as folder, CpuTarget() as target:
            path = Path(folder) / "model.tflite"
            path.write_bytes(content)
            target.load(path)
            inputs = [random_values(spec) for spec in target.inputs]
            interpreter = Interpreter(model_path=str(path), num_threads=1)
            interpreter.allocate_tensors()
            given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
            clock, ours, bare = time.perf_counter_ns, [], []
            for _ in range(60):
                ours.append(statistics.median(sample(target, inputs, 10**6, 10, 0.1)))
                times, until = [], clock() + 10**8
                while len(times) < 10 or clock() < until:
                    start = clock()
                    interpreter.set_tensor(given, inputs[0])
                    interpreter.invoke()
                    interpreter.get_tensor(result)
                    times.append((clock() - start) / 1e6)
                bare.append(statistics.median(times))
            # The difference of neighbours: a computer that is busy for a second is so for both.
            differences = np.subtract(ours, bare)
            added, plain = float(np.median(differences)), float(np.median(bare))
            low, high = np.percentile(differences, [25, 75])
            run = sustain(target, inputs, 3.0)
        between = 1000 * (1000 * run.sustained.lasted_s / run.tally.calls - run.tally.summary().mean)
        print(
            f"edgewb.measure, {name}: {1000 * added:+.2f} microseconds a call (middle half {1000 * low:+.2f} to {1000 * high:+.2f}), "
            f"{100 * added / plain:+.1f} %, over the bare interpreter's {1000 * plain:.2f}   bar 3 % or 5;   "
            f"between two calls of a sustained run {between:.2f}"
        )


def over_ssh() -> None:
    """What the target "ssh" adds: its samples from a server on loopback against the bare interpreter's here, in turns."""
    sys.path.insert(0, str(ROOT / "tests"))
    import builders
    import ssh_servers
    from ai_edge_litert.interpreter import Interpreter

    from edgewb.sampling import random_values
    from edgewb.targets import TimesItself, open_target

    with tempfile.TemporaryDirectory() as folder, ssh_servers.serve(Path(folder)) as server:
        os.environ.update(EDGEWB_SSH_CONFIG=str(server.folder / "config"), EDGEWB_SSH_PYTHON=sys.executable)
        path = Path(folder) / "model.tflite"
        path.write_bytes(builders.ALL["int8_conv"]())
        bare = Interpreter(model_path=str(path), num_threads=1)
        bare.allocate_tensors()
        given, result = bare.get_input_details()[0]["index"], bare.get_output_details()[0]["index"]
        start = time.perf_counter()
        with open_target(server.target) as target:
            target.load(path)
            assert isinstance(target, TimesItself)
            (values,) = inputs = [random_values(spec) for spec in target.inputs]
            target.sample(inputs, 1, 1, 1.0)
            first = time.perf_counter() - start
            ours: list[float] = []
            plain: list[float] = []
            for _ in range(20):
                ours += target.sample(inputs, 1000, 1000, 60.0)
                for _ in range(1000):
                    start = time.perf_counter()
                    bare.set_tensor(given, values)
                    bare.invoke()
                    bare.get_tensor(result)
                    plain.append(1000 * (time.perf_counter() - start))
            start = time.perf_counter()
            for _ in range(2000):
                target.run(inputs)
            rate = 2000 / (time.perf_counter() - start)
    added, beside = 1000 * (statistics.median(ours) - statistics.median(plain)), 1000 * statistics.median(plain)
    print(f"measure over ssh    {added:+.2f} microseconds a call over the bare interpreter's {beside:.2f}   bar 5 or 3 %")
    print(
        f"                    {first:.2f} s from the start of ssh to the first sample; {rate:,.0f} calls a second there and back (loopback)"
    )


def inspecting() -> None:
    """``inspect`` of MobileNetV2 (its structure from the committed facts) against just unpacking the file with the schema's own classes."""
    import tracemalloc

    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "facts")]
    import skeletons
    from ai_edge_litert import schema_py_generated as schema

    from edgewb.compilers.inspections import inspect_graph
    from edgewb.tflite.reader import read_graph

    def kinds(facts: dict[str, Any]) -> tuple[int, int]:
        names = [op[0] for op in facts["ops"]]
        return names.count("DEPTHWISE_CONV_2D"), names.count("ADD")

    facts = max((f for f in skeletons.pairs() if kinds(f) == (17, 10)), key=lambda f: sum(f["parameter_bytes"]))
    raw = skeletons.rebuild(facts)
    ours, plain = [], []
    for _ in range(30):
        start = time.perf_counter()
        inspection = inspect_graph(read_graph(raw), "mobilenet_v2", "")
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        schema.ModelT.InitFromPackedBuf(raw, 0)
        plain.append(time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(raw)
        from edgewb import inspect

        tracemalloc.start()
        inspect(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    print(
        f"inspect, {inspection.ops_total} ops, {len(raw) / 1e6:.1f} MB: {1000 * statistics.median(ours):.1f} ms   bar 60 ms;   "
        f"unpacking alone {1000 * statistics.median(plain):.1f} ms;   memory {peak / len(raw):.2f} times the file   bar 3"
    )


def explaining() -> None:
    """A search log (``-d``) of a megabyte, against splitting it into lines and trying one expression on each."""
    sys.path.insert(0, str(ROOT / "tests"))
    import re

    from made_logs import search

    from edgewb.compilers.explanations import explain

    text = search(2000)
    line = re.compile(r"(Edge TPU Compiler|Try to compile|Intermediate|Started|ERROR|Compilation).*")
    ours, plain = [], []
    for _ in range(7):
        start = time.perf_counter()
        explain(text)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        [line.fullmatch(words) for words in text.splitlines()]
        plain.append(time.perf_counter() - start)
    explained, split = statistics.median(ours), statistics.median(plain)
    print(
        f"edgewb.explain      {explained:.3f} s for {len(text) / 1e6:.2f} MB of search log   bar 0.5 s;   "
        f"{explained / split:.0f} times splitlines and one expression a line ({split:.3f} s)"
    )


def estimating() -> None:
    """``estimate`` of MobileNetV2 and of the net with the most ops among the committed facts, in process, the first call apart."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "facts")]
    import skeletons

    from edgewb.estimates.estimations import estimate_read, read_bytes
    from edgewb.estimates.hosts import find_profile

    def once(raw: bytes) -> float:
        start = time.perf_counter()
        repr(estimate_read(read_bytes(raw, "net"), find_profile(), "net"))
        return 1000 * (time.perf_counter() - start)

    facts = skeletons.pairs()
    mobile = max((f for f in facts if [op[0] for op in f["ops"]].count("ADD") == 10), key=lambda f: sum(f["parameter_bytes"]))
    for name, chosen in (("MobileNetV2", mobile), ("the most ops", max(facts, key=lambda f: len(f["ops"])))):
        raw = skeletons.rebuild(chosen)
        first = once(raw)
        later = statistics.median(once(raw) for _ in range(20))
        print(f"estimate, {name}, {len(chosen['ops'])} ops, {len(raw) / 1e6:.1f} MB: first {first:.0f} ms, then {later:.0f} ms   bar 80 ms")


def changing() -> None:
    """The search for slow-downs in sustained runs: ten minutes and more, so only when named."""
    from tests.benchmarks.changes import changes

    changes()


def hard() -> None:
    """``digits_hard`` on seeds 0, 1 and 2, at full length: what PTQ loses, and what QAT and equalisation bring back."""
    recipes = "ptq_int8,ptq_int8_per_tensor,qat_int8,equalize_ptq_int8,equalize_qat_int8"
    with tempfile.TemporaryDirectory() as home:
        for seed in range(3):
            command = [sys.executable, "-m", "edgewb.cli", "run", "--dataset", "digits", "--model", "digits_hard", "--recipes", recipes]
            command += ["--seed", str(seed), "--out", str(Path(home) / str(seed)), "--json"]
            done = subprocess.run(command, cwd=ROOT, env={**os.environ, "EDGEWB_HOME": home}, capture_output=True, text=True, check=False)
            for row in json.loads(done.stdout)["records"]:
                share, delta = row["accuracy"], row["accuracy_delta"]
                low, high = (100 * value for value in share["ci95"])
                line = f"seed {seed}  {row['recipe']:<20} {100 * share['value']:5.1f} % [{low:.1f}, {high:.1f}] of {share['n']}"
                print(line + ("" if delta is None else "   {:+.1f} points [{:+.1f}, {:+.1f}]".format(delta["points"], *delta["ci95"])))
    print("bars: float 97 % at least, ptq_int8 20 points below it or more, qat_int8 and equalize_ptq_int8 within 3 points of it")


def culprits() -> None:
    """Damaged layers found by ``debug``, see ``culprits.py``."""
    from tests.benchmarks.culprits import culprits as run

    run()


def dashboards() -> None:
    """First plot, slider and visitors in a real browser, see ``dashboards.py``."""
    from tests.benchmarks.dashboards import dashboards as run

    run()


def crowds() -> None:
    """Twenty visitors at once, and what pages kept ready cost, see ``crowds.py``."""
    from tests.benchmarks.crowds import crowds as run

    run()


def main() -> None:
    """Run all of them but ``changes``, ``hard``, ``culprits``, ``dashboards`` and ``crowds``, which take minutes, or those named."""
    known: dict[str, Callable[[], None]] = {
        "starting": starting,
        "measuring": measuring,
        "over_ssh": over_ssh,
        "inspecting": inspecting,
        "explaining": explaining,
        "estimating": estimating,
        "demo": demo,
        "recipes": recipes,
        "distillation": distillation,
        "live": live,
        "sketches": sketches,
    }
    # Too long to be run unless named.
    known_apart: dict[str, Callable[[], None]] = {"changes": changing, "hard": hard, "culprits": culprits}
    known_apart |= {"dashboards": dashboards, "crowds": crowds}
    chosen = sys.argv[1:] or list(known)
    known |= known_apart
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    for name in chosen:
        if name not in known:
            raise SystemExit(f"no benchmark {name!r}: known are {', '.join(known)}")
        known[name]()


if __name__ == "__main__":
    main()
