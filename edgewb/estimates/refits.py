"""The study: fits every constant anew from the published rows, tries every form, and measures the errors on what was left out.

``python -m edgewb.estimates.refits`` (``make study``) writes ``edgewb/estimates/hosts.json`` and ``ESTIMATES.md``; with ``--check`` it only
says whether they are what it would write. It draws no random numbers.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewb.estimates.coverages import STATED, calibrated, quantiles
from edgewb.estimates.cross_validations import errors, errors_from_three, judge_form, leave_out, nested, nested_coverage
from edgewb.estimates.forms import FORMS, NAMES, Array, fit
from edgewb.estimates.hosts import FILE
from edgewb.estimates.kinds import judge, signature
from edgewb.estimates.priors import CPU_FACTORS, PHYSICAL, PHYSICAL_SOURCES, USB2, USB2_SOURCES, host_prior, prior_of_sweeps
from edgewb.estimates.published import FOLDER, load_instructions, load_rows, load_sweeps


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
        three[name] = errors_from_three(rows.at(range(7)), start, form)

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


MADE_BY: Final = (
    "calibrations", "coverages", "cross_validations", "forms", "kinds", "layers", "pages", "priors", "published", "refits", "works",
)  # fmt: skip
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
