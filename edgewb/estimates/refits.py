"""The study: fits every constant anew from the published rows, tries every form, and measures the errors on what was left out.

``python -m edgewb.estimates.refits`` (``make study``) writes ``edgewb/estimates/hosts.json`` and ``ESTIMATES.md``; with ``--check`` it only
says whether they are what it would write. It draws no random numbers.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewb.estimates.calibrations import adapt
from edgewb.estimates.coverages import STATED, calibrated, quantiles
from edgewb.estimates.forms import FORMS, NAMES, Array, Form, fit
from edgewb.estimates.hosts import FILE
from edgewb.estimates.kinds import judge, signature
from edgewb.estimates.published import FOLDER, Rows, load_instructions, load_rows, load_sweeps

Prior = dict[str, tuple[float, float]]

_IWATAKE = "iwatake2222/EdgeTPU_Analysis@1f5fbce Result.xlsx"
PHYSICAL: Final[Prior] = {
    "overhead_ms": (0.28, 0.1),
    "input_mb_s": (316.0, 0.1),
    "output_mb_s": (45.0, 0.4),
    "stream_mb_s": (385.0, 0.2),
    "mcycles_s": (1000.0, 0.15),
    "depthwise": (2.0, 0.3),
    "per_op_ms": (0.012, 0.6),
    "detection_ms": (0.5, 0.7),
}
PHYSICAL_SOURCES: Final = {
    "overhead_ms": f"0.27 to 0.29 ms, USB 3: {_IWATAKE}",
    "input_mb_s": f"304 to 328 MB/s, USB 3: {_IWATAKE}",
    "output_mb_s": f"23 to 87 MB/s, USB 3: {_IWATAKE} (23 to 32); pm2550/TPU_Models@1f14bf8 (35 to 87 MiB/s)",
    "stream_mb_s": f"361 to 409 MB/s, USB 3: {_IWATAKE}",
    "mcycles_s": f"999 GMAC/s on a 7 x 7 convolution of 32 channels at 500 MHz: {_IWATAKE}",
    "depthwise": "cycles that compilers up to 15.0 wrote into MobileNet V1 and V2, against the split over tiles",
    "per_op_ms": "no measurement of its own: a weak start",
    "detection_ms": "no measurement of its own: a weak start",
}
USB2: Final[Prior] = {"overhead_ms": (0.36, 0.3), "input_mb_s": (36.0, 0.2), "output_mb_s": (10.5, 0.3), "stream_mb_s": (34.0, 0.2)}
USB2_SOURCES: Final = {
    "overhead_ms": f"0.35 to 0.37 ms, USB 2: {_IWATAKE}",
    "input_mb_s": f"36 MB/s, USB 2: {_IWATAKE}",
    "output_mb_s": f"9 to 12 MB/s, USB 2: {_IWATAKE}",
    "stream_mb_s": f"32 to 36 MB/s, USB 2: {_IWATAKE}",
}
OTHER_HOST: Final = {
    "overhead_ms": 0.3, "input_mb_s": 0.4, "output_mb_s": 0.6, "stream_mb_s": 0.3, "mcycles_s": 0.1, "depthwise": 0.1,
    "per_op_ms": 0.6, "detection_ms": 0.6,
}  # fmt: skip
"""By how much another host may differ from the desktop: the chip is the same, the way to it is not."""

_CPU = "google-coral/edgetpu@75e6756 benchmarks/reference/basic_engine_reference_{}.csv: MobileNet V1 on the processor against {}"
CPU_FACTORS: Final = {
    "desktop": (1.0, "the reference"),
    "pi4": (125.97 / 43.89, _CPU.format("rp4b", "x86_64")),
    "pi3": (286.85 / 43.89, _CPU.format("rp3b+", "x86_64")),
    "devboard": (184.99 / 43.89, _CPU.format("aarch64", "x86_64")),
    "sweep_host": (1.0, "not known: taken as a desktop"),
}
"""How much longer the host's processor takes than a desktop's."""


def errors(estimated: Array, measured: Array) -> Array:
    """Absolute percentage errors, as shares of the measured time."""
    return np.abs(np.asarray(estimated) / measured - 1)


def leave_out(rows: Rows, groups: Sequence[str], form: Form, prior: Prior) -> Array:
    """Each row's milliseconds from a fit to the rows of the other groups."""
    table = rows.table
    found = np.zeros(len(rows.ms))
    for group in dict.fromkeys(groups):
        kept = [i for i, g in enumerate(groups) if g != group]
        left = [i for i, g in enumerate(groups) if g == group]
        constants = fit(table.chosen(kept), rows.ms[kept], form, prior)
        found[left] = table.chosen(left).times(constants, form)
    return found


def host_prior(name: str, constants: Mapping[str, float]) -> Prior:
    """What a host with few rows is expected to be: the desktop, with the rates of its bus."""
    return around(constants, cpu_factor=CPU_FACTORS[name][0]) | (USB2 if name == "pi3" else {})


def judge_form(form: Form, rows: Rows, others: Mapping[str, Rows]) -> float:
    """The error by which a form is chosen: on the accepted rows of all hosts, desktop families and other hosts' models left out."""
    off = [errors(leave_out(rows, rows.families, form, PHYSICAL), rows.ms)[rows.accepted]]
    constants = fit(rows.table, rows.ms, form, PHYSICAL)
    for name, theirs in others.items():
        off.append(errors(leave_out(theirs, theirs.models, form, host_prior(name, constants)), theirs.ms)[theirs.accepted])
    return float(np.concatenate(off).mean())


def choose_form(rows: Rows, others: Mapping[str, Rows]) -> Form:
    """The form with the smallest such error."""
    return min(FORMS, key=lambda form: judge_form(form, rows, others))


def nested(rows: Rows, others: Mapping[str, Rows]) -> tuple[Array, dict[str, int]]:
    """Each desktop model's milliseconds from a form chosen, and constants fitted, without it on any host; how often each form was
    chosen."""
    table = rows.table
    found = np.zeros(len(rows.ms))
    chosen: dict[str, int] = {}
    for model in dict.fromkeys(rows.models):
        kept = [i for i, m in enumerate(rows.models) if m != model]
        left = [i for i, m in enumerate(rows.models) if m == model]
        rest = {name: theirs.at([i for i, m in enumerate(theirs.models) if m != model]) for name, theirs in others.items()}
        form = choose_form(rows.at(kept), rest)
        chosen[form.name] = chosen.get(form.name, 0) + 1
        found[left] = table.chosen(left).times(fit(table.chosen(kept), rows.ms[kept], form, PHYSICAL), form)
    return found, chosen


def nested_coverage(rows: Rows, groups: Sequence[str], form: Form, prior: Prior) -> float:
    """How often an interval holds the accepted rows of a group when neither the fit nor the interval has seen the group."""
    table, accepted = rows.table, rows.accepted
    inside: list[bool] = []
    for group in dict.fromkeys(groups):
        left = [i for i, g in enumerate(groups) if g == group and accepted[i]]
        if not left:
            continue
        kept = [i for i, g in enumerate(groups) if g != group]
        rest, their_groups = rows.at(kept), [groups[i] for i in kept]
        residuals = np.log(rest.ms / leave_out(rest, their_groups, form, prior))[rest.accepted]
        low, high, _ = calibrated(residuals, [g for g, ok in zip(their_groups, rest.accepted, strict=True) if ok])
        constants = fit(table.chosen(kept), rest.ms, form, prior)
        ratio = rows.ms[left] / table.chosen(left).times(constants, form)
        inside += [bool(low <= r <= high) for r in ratio]
    return sum(inside) / len(inside)


def fit_instructions(rows: Sequence[Mapping[str, Any]]) -> tuple[Array, Array]:
    """The three constants of the guess of instruction bytes, and its errors on structures left out (shares)."""
    from scipy.optimize import nnls

    values = np.array([[1.0, row["matrix_ops"], row["overflow"]] for row in rows])
    truth = np.array([row["instruction_bytes"] for row in rows], float)

    def solve(places: Sequence[int]) -> Array:
        return np.asarray(nnls(values[places] / truth[places, None], np.ones(len(places)))[0])

    off = []
    for i, row in enumerate(rows):
        constants = solve([j for j, other in enumerate(rows) if other["source"] != row["source"]])
        off.append(abs(values[i] @ constants / truth[i] - 1))
    return solve(range(len(rows))), np.array(off)


def fit_cycles(rows: Sequence[Mapping[str, Any]]) -> tuple[Array, tuple[float, float], int]:
    """The powers of the guess of a compiled file's cycles, and the factors between which 80 % lie of structures left out."""
    used = [row for row in rows if row["cycles"] > 2_000]
    names = ("instruction_bytes", "parameter_bytes", "input_bytes", "tile_bytes")
    values = np.array([[1.0, *(np.log(max(row[name], 1)) for name in names)] for row in used])
    truth = np.log([row["cycles"] for row in used])
    off = []
    for i, row in enumerate(used):
        kept = [j for j, other in enumerate(used) if other["source"] != row["source"]]
        powers = np.linalg.lstsq(values[kept], truth[kept], rcond=None)[0]
        off.append(truth[i] - values[i] @ powers)
    return np.linalg.lstsq(values, truth, rcond=None)[0], quantiles(off), len(used)


def _sourced(constants: Mapping[str, float], sources: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"value": float(f"{constants[name]:.4g}"), "source": sources[name]} for name in NAMES}


def _fitted(n: int, what: str, drawn: Mapping[str, str]) -> dict[str, str]:
    return {name: f"fitted to {n} {what}, drawn towards: {drawn[name]}" for name in NAMES}


def around(constants: Mapping[str, float], spread: Mapping[str, float] = OTHER_HOST, cpu_factor: float = 1.0) -> Prior:
    """What another host is expected to be."""
    prior = {name: (constants[name], spread[name]) for name in NAMES}
    prior["detection_ms"] = (constants["detection_ms"] * cpu_factor, spread["detection_ms"])
    return prior


def prior_of_sweeps(constants: Mapping[str, float]) -> Prior:
    """What the host of the synthetic nets is expected to be: a floor of 0.1 ms was seen, its bus is not known."""
    own = {"overhead_ms": (0.1, 0.3), "input_mb_s": (300.0, 0.5), "output_mb_s": (100.0, 1.0), "stream_mb_s": (385.0, 0.2)}
    chip = {"mcycles_s": (1000.0, 0.15), "per_op_ms": (constants["per_op_ms"], 1.0)}
    absent = {name: (constants[name], 0.0) for name in ("depthwise", "detection_ms")}
    return {**own, **chip, **absent}


def study(folder: Path = FOLDER) -> dict[str, Any]:
    """Everything the page and the constants file say."""
    desktop, pi4, pi3, board = (load_rows(name, folder) for name in ("desktop", "pi4", "pi3", "devboard"))
    other = load_rows("desktop_python", folder)
    sweeps = load_sweeps(folder)
    accepted = desktop.accepted
    found: dict[str, Any] = {
        "rows": {"desktop": desktop, "pi4": pi4, "pi3": pi3, "devboard": board, "desktop_python": other, "sweeps": sweeps}
    }

    forms = []
    for form in FORMS:
        by_model = errors(leave_out(desktop, desktop.models, form, PHYSICAL), desktop.ms)
        by_family = errors(leave_out(desktop, desktop.families, form, PHYSICAL), desktop.ms)
        forms.append((form, by_model, by_family))
    others = {"pi4": pi4, "pi3": pi3, "devboard": board}
    judged = [judge_form(form, desktop, others) for form in FORMS]
    form = FORMS[int(np.argmin(judged))]
    estimated, how_often = nested(desktop, others)
    found |= {"forms": forms, "judged": judged, "form": form, "nested": estimated, "chosen": how_often, "accepted": accepted}

    constants = fit(desktop.table, desktop.ms, form, PHYSICAL)
    by_model = leave_out(desktop, desktop.models, form, PHYSICAL)
    by_family = leave_out(desktop, desktop.families, form, PHYSICAL)
    doubtful = np.array([judge(work).refused is None and not judge(work).accepted for work in desktop.works])
    intervals: dict[str, Any] = {}

    def interval(name: str, residuals: Array, groups: Sequence[str], what: str) -> None:
        low, high, held = calibrated(residuals, groups)
        intervals[name] = {
            "low": float(f"{low:.3g}"), "high": float(f"{high:.3g}"), "stated": STATED, "held_out": round(held, 3), "n": len(residuals),
            "rests_on": what,
        }  # fmt: skip

    elsewhere = np.log(other.ms / other.table.times(constants, form))[other.accepted]
    pairs = [(other.families[i], other.models[i]) for i in np.flatnonzero(other.accepted)]
    known = np.concatenate([np.log(desktop.ms / by_model)[accepted], elsewhere])
    their_models = [m for m, ok in zip(desktop.models, accepted, strict=True) if ok] + [f"elsewhere {model}" for _, model in pairs]
    interval("known", known, their_models, "models left out, and another desktop that no constant was fitted to")
    answered = accepted | doubtful
    new = np.concatenate([np.log(desktop.ms / by_family)[answered], elsewhere])
    their_families = [f for f, ok in zip(desktop.families, answered, strict=True) if ok] + [f"elsewhere {family}" for family, _ in pairs]
    interval("new_family", new, their_families, "whole families left out, those in doubt too, and another desktop")
    found["nested_coverage"] = {
        "models": nested_coverage(desktop, desktop.models, form, PHYSICAL),
        "families": nested_coverage(desktop, desktop.families, form, PHYSICAL),
    }
    wide = np.log(desktop.ms / by_family)[doubtful]
    their = [f for f, d in zip(desktop.families, doubtful, strict=True) if d]
    interval("doubtful", wide, their, "nets in doubt, whole families left out: too few to check how often it holds")

    hosts: dict[str, Any] = {}

    def host(name: str, note: str, **buses: Any) -> None:
        factor, source = CPU_FACTORS[name]
        hosts[name] = {"note": note, "cpu_factor": {"value": float(f"{factor:.3g}"), "source": source}, "buses": buses}

    def profile(values: Mapping[str, float], sources: Mapping[str, str], n: int, residuals: str) -> dict[str, Any]:
        return {"constants": _sourced(values, sources), "n": n, "residuals": residuals}

    pooled: list[float] = []
    pooled_groups: list[str] = []
    per_host: dict[str, Any] = {}
    fits: dict[str, dict[str, float]] = {"desktop": constants}
    for name, rows in others.items():
        prior = host_prior(name, constants)
        fits[name] = fit(rows.table, rows.ms, form, prior)
        left = leave_out(rows, rows.models, form, prior)
        good = rows.accepted
        per_host[name] = (errors(left, rows.ms), errors(left, rows.ms)[good], rows)
        pooled += list(np.log(rows.ms / left)[good])
        pooled_groups += [f"{name} {model}" for model, ok in zip(rows.models, good, strict=True) if ok]
    interval("few_rows", np.array(pooled), pooled_groups, "models left out, on three hosts with few rows each")
    unknown = [(np.log(rows.ms / rows.table.times(constants, form))[rows.accepted], name) for name, rows in
               (("pi4", pi4), ("devboard", board), ("desktop_python", other))]  # fmt: skip
    residuals = np.concatenate([r for r, _ in unknown])
    groups = [name for r, name in unknown for _ in r]
    interval("unknown_host", residuals, groups, "the desktop's constants on three other hosts")

    sweep_prior = prior_of_sweeps(constants)
    fits["sweep_host"] = fit(sweeps.table, sweeps.ms, form, sweep_prior)
    swept = leave_out(sweeps, sweeps.models, form, sweep_prior)
    interval("sweep", np.log(sweeps.ms / swept), sweeps.models, "widths left out")

    drawn = {name: f"the desktop's {constants[name]:.3g}" for name in NAMES}
    host(
        "desktop", "C++ benchmark of the maker's page on a desktop processor",
        usb3=profile(constants, _fitted(len(desktop.ms), "published rows (desktop, USB 3)", PHYSICAL_SOURCES), len(desktop.ms), "known"),
        usb2=profile(
            {**constants, **{name: value for name, (value, _) in USB2.items()}},
            {**{name: f"as on USB 3: {constants[name]:.3g}" for name in NAMES}, **USB2_SOURCES}, 0, "unknown_host",
        ),
    )  # fmt: skip
    host(
        "pi4", "Raspberry Pi 4, Python, runtime of 2019",
        usb3=profile(fits["pi4"], _fitted(len(pi4.ms), "published rows (Raspberry Pi 4, USB 3)", drawn), len(pi4.ms), "few_rows"),
        usb2=profile(
            {**fits["pi4"], **{name: fits["pi3"][name] for name in USB2}},
            {name: "the bus as on a Pi 3 B+" if name in USB2 else "as on the Pi 4 with USB 3" for name in NAMES}, 0, "unknown_host",
        ),
    )  # fmt: skip
    host(
        "pi3", "Raspberry Pi 3 B+, Python, runtime of 2019",
        usb2=profile(
            fits["pi3"], _fitted(len(pi3.ms), "published rows (Pi 3 B+, USB 2)", {**drawn, **USB2_SOURCES}), len(pi3.ms), "few_rows"
        ),
    )  # fmt: skip
    host(
        "devboard", "Coral Dev Board, the chip on PCIe",
        pcie=profile(fits["devboard"], _fitted(len(board.ms), "published rows (Dev Board)", drawn), len(board.ms), "few_rows"),
    )  # fmt: skip
    host(
        "sweep_host", "the host of the synthetic nets; its bus is not stated, the 0.1 ms floor suggests PCIe",
        pcie=profile(fits["sweep_host"], _fitted(len(sweeps.ms), "synthetic nets", {**drawn, "overhead_ms": "0.1, the floor of its rows"}),
                     len(sweeps.ms), "sweep"),
    )  # fmt: skip

    three: dict[str, Array] = {}
    for name, rows in (("pi4", pi4), ("desktop_python", other), ("devboard", board), ("pi3", pi3)):
        start = constants if name != "pi3" else {**constants, **{key: value for key, (value, _) in USB2.items()}}
        three[name] = _from_three(rows.at(range(7)), start, form)

    instructions, off = fit_instructions(load_instructions(folder))
    powers, spread, n_cycles = fit_cycles(load_instructions(folder))
    found |= {
        "constants": constants, "fits": fits, "by_model": by_model, "by_family": by_family, "doubtful": doubtful, "intervals": intervals,
        "per_host": per_host, "swept": swept, "three": three, "instructions": (instructions, off), "cycles": (powers, spread, n_cycles),
    }  # fmt: skip
    found["file"] = {
        "made_by": "python -m edgewb.estimates.refits",
        "made_from": fingerprint(folder),
        "form": form.name,
        "hosts": hosts,
        "intervals": intervals,
        "known_nets": [{k: float(f"{v:.4g}") for k, v in signature(w).items()}
                       for w, ok in dict(zip(desktop.works, accepted, strict=True)).items() if ok],
    }  # fmt: skip
    return found


def _from_three(rows: Rows, start: Mapping[str, float], form: Form) -> Array:
    """The mean error on the other nets for every choice of three to calibrate with."""
    table = rows.table
    off = []
    for chosen in combinations(range(len(rows.ms)), 3):
        rest = [i for i in range(len(rows.ms)) if i not in chosen]
        constants = adapt(table.chosen(chosen), rows.ms[list(chosen)], start, form)
        off.append(errors(table.chosen(rest).times(constants, form), rows.ms[rest]).mean())
    return np.array(off)


MADE_BY: Final = ("calibrations", "coverages", "forms", "kinds", "layers", "pages", "published", "refits")
"""The modules that what is written depends on."""


def fingerprint(folder: Path = FOLDER) -> str:
    """Of the rows and of the code: what is written is stale when it changes."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in [*sorted(folder.glob("*.json")), *(here / f"{name}.py" for name in MADE_BY)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def main(arguments: list[str]) -> int:
    """Write; with ``--check`` say what is stale, by the fingerprint."""
    from edgewb.estimates.pages import page

    written = Path("ESTIMATES.md")
    if "--check" in arguments:
        made_from = fingerprint()
        texts = {path.name: path.read_text(encoding="utf-8") if path.is_file() else "" for path in (FILE, written)}
        stale = [name for name, text in texts.items() if made_from not in text]
        for name in stale:
            print(f"{name} is stale; run `make study`")
        return int(bool(stale))
    found = study()
    FILE.write_text(json.dumps(found["file"], indent=1) + "\n", encoding="utf-8")
    written.write_text(page(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
