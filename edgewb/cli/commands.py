"""What the commands do: one call into the library each, printed for people or as one JSON object. Each returns the exit status."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewb.cli.streams import DONE, NO, print_json
from edgewb.errors import InputError

if TYPE_CHECKING:
    from edgewb.powers import EnergyPlan

_SHOWN_LINES = 5


def _show_study(arguments: argparse.Namespace, **options: Any) -> int:
    from edgewb.workbench import run

    study = run(
        budget=arguments.budget, seed=arguments.seed, fast=arguments.fast, progress=not arguments.json or sys.stderr.isatty(), **options
    )
    if arguments.json:
        print_json(study.to_dict())
    else:
        print(study.to_text(width=_width(), colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
        for note in study.context.notes:
            print(f"Note: {note}")
        print(f"Report: {study.report} (opens in any browser, without a network)")
    only_reference = len(study.records) == 1 and not study.skipped
    return DONE if study.recommendation.recipe is not None or only_reference else NO


def _width() -> int:
    import shutil

    return max(80, min(shutil.get_terminal_size((100, 24)).columns, 140))


def demo(arguments: argparse.Namespace) -> int:
    from edgewb.optimizers.recipes import ALL_RECIPES, DEMO_RECIPES

    recipes = ALL_RECIPES if arguments.all else DEMO_RECIPES
    folder = "demo-all" if arguments.all else "demo-fast" if arguments.fast else "demo"
    return _show_study(arguments, dataset="digits", recipes=recipes, out=arguments.out or os.path.join("runs", folder))


def run(arguments: argparse.Namespace) -> int:
    from edgewb.optimizers.recipes import DEMO_RECIPES
    from edgewb.targets import split_list

    recipes = DEMO_RECIPES if arguments.recipes is None else arguments.recipes
    targets = None
    if arguments.targets is not None:
        targets = list(dict.fromkeys(split_list(arguments.targets)))
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
        shifts=arguments.shifts,
        task=arguments.task,
        energy=_energy_plan(arguments),
    )


def _energy_plan(arguments: argparse.Namespace) -> EnergyPlan | None:
    from edgewb.powers import EnergyPlan

    if arguments.meter is None:
        for option, given in (("--meter-unit", arguments.meter_unit), ("--idle", arguments.idle)):
            if given is not None:
                raise InputError(f"{option} goes with --meter, with which a study measures energy: add that, or leave this out")
        return None
    return EnergyPlan(meter=arguments.meter, unit=arguments.meter_unit, idle_seconds=arguments.idle or 0.0)


def inspect(arguments: argparse.Namespace) -> int:
    from edgewb.compilers.inspections import inspect

    inspection = inspect(
        arguments.file,
        compiler=arguments.compiler,
        assume_fixed=arguments.assume_fixed,
        together_with=arguments.together_with,
        against=arguments.against,
    )
    print_json(inspection) if arguments.json else print(inspection)
    if inspection.against is not None:
        return DONE if inspection.against.verdict == "holds" else NO
    return NO if inspection.ops_edgetpu == 0 else DONE


def compile_model(arguments: argparse.Namespace) -> int:
    from edgewb.compilers.compilations import compile_model
    from edgewb.compilers.vendor import CompilerOptions

    options = CompilerOptions(
        multiple_subgraphs=arguments.multiple_subgraphs,
        search=arguments.search,
        search_step=arguments.search_step,
        segments=arguments.segments,
        intermediate_tensors=arguments.intermediate_tensors,
        timeout_s=arguments.timeout,
        min_runtime_version=arguments.min_runtime_version,
    )
    done = compile_model(
        arguments.file,
        arguments.out,
        options,
        compiler=arguments.compiler,
        time_limit_s=arguments.time_limit,
        report_to=arguments.report,
    )
    print_json(done.to_dict()) if arguments.json else print(done)
    if arguments.report and done.report is None:
        print("edgewb: no difference between compiler and prediction, or none that can be compared: no report was written", file=sys.stderr)
    return DONE if done.outcome == "success" else NO


def explain(arguments: argparse.Namespace) -> int:
    from edgewb.compilers.explanations import explain
    from edgewb.compilers.log_files import load_text

    explanation = explain(load_text(arguments.file))
    print_json(explanation.to_dict()) if arguments.json else print(explanation)
    return DONE if explanation.outcome == "success" else NO


def fix(arguments: argparse.Namespace) -> int:
    from edgewb.mends import fix

    skip = [name.strip() for name in arguments.skip.split(",") if name.strip()]
    mended = fix(arguments.file, out=arguments.out, skip=skip)
    print_json(mended) if arguments.json else print(mended)
    return NO if mended.out is None else DONE


def estimate(arguments: argparse.Namespace) -> int:
    from edgewb.estimates.estimations import estimate

    result = estimate(
        arguments.file,
        host=arguments.host,
        bus=arguments.bus,
        clock=arguments.clock,
        compiler=arguments.compiler,
        source=arguments.source,
    )
    print_json(result) if arguments.json else print(result)
    return DONE if result.refused is None else NO


def calibrate(arguments: argparse.Namespace) -> int:
    from edgewb.estimates.calibrations import calibrate, read_measured

    measured: dict[str, float] = {}
    for given in arguments.measured:
        model, sign, value = given.rpartition("=")
        if not sign and given.endswith(".json"):
            measured |= read_measured(given)
            continue
        try:
            measured[model] = float(value) if model else float("nan")
        except ValueError:
            raise InputError(f"--measured {given!r}: give a .json file, or model.tflite=milliseconds") from None
        if not model:
            raise InputError(f"--measured {given!r}: give a .json file, or model.tflite=milliseconds")
    result = calibrate(measured, name=arguments.host, start=arguments.start, bus=arguments.bus, clock=arguments.clock, out=arguments.out)
    print_json(result) if arguments.json else print(result)
    return DONE if result.enough else NO


def checklist(arguments: argparse.Namespace) -> int:
    from edgewb.lessons.checklist_sources import recorded_study
    from edgewb.lessons.checklists import fill_checklist

    filled = fill_checklist(
        arguments.file,
        recorded_study(arguments.file, arguments.source),
        source=arguments.source,
        budget_points=arguments.budget,
        measured=arguments.measured,
        field=arguments.field,
        accept=arguments.accept,
    )
    if arguments.out is not None:
        filled.write(arguments.out)
    print_json(filled) if arguments.json else print(filled.to_markdown(), end="")
    return NO if filled.open_points else DONE


def records(arguments: argparse.Namespace) -> int:
    from edgewb.records import RecordStore, import_records, load_records

    if arguments.import_file:
        with RecordStore() as store:
            imported = import_records(arguments.import_file, store)
        for line, reason in imported.rejected[:_SHOWN_LINES]:
            print(f"edgewb: line {line} refused: {reason}", file=sys.stderr)
        if (more := len(imported.rejected) - _SHOWN_LINES) > 0:
            print(f"edgewb: {more} more lines refused; --json lists them all", file=sys.stderr)
        if arguments.json:
            print_json(imported)
        else:
            print(f"{imported.added} added, {imported.already_there} already there, {len(imported.rejected)} refused")
        return NO if imported.rejected else DONE
    records = load_records()
    if arguments.export:
        path = records.export(arguments.export)
        print_json({"exported": len(records), "file": str(path)}) if arguments.json else print(f"{len(records)} records written to {path}")
    elif arguments.json:
        print_json(records.to_dict())
    else:
        print(repr(records))
    return DONE


def running(arguments: argparse.Namespace) -> int:
    from edgewb.running import cancel_study, running_studies, studies_text

    if arguments.cancel is not None:
        asked = cancel_study(arguments.cancel)
        done = f"{len(asked.done)} of {len(asked.recipes)} variants are finished and kept"
        print_json({"cancelled": asked}) if arguments.json else print(f"{asked.id} was asked to stop; {done}")
        return DONE
    studies = running_studies()
    print_json({"running": studies}) if arguments.json else print(studies_text(studies))
    return DONE


def rules(arguments: argparse.Namespace) -> int:
    from edgewb.compilers.pages import all_rules, rules_page

    print_json({"rules": all_rules()}) if arguments.json else print(rules_page(), end="")
    return DONE


def problems(arguments: argparse.Namespace) -> int:
    from edgewb.compilers.pages import problems_page
    from edgewb.compilers.problems import problems

    print_json({"problems": list(problems().values())}) if arguments.json else print(problems_page(), end="")
    return DONE


def recipes(arguments: argparse.Namespace) -> int:
    from edgewb.optimizers.pages import all_recipes, recipes_page

    print_json(all_recipes()) if arguments.json else print(recipes_page(), end="")
    return DONE


def claims(arguments: argparse.Namespace) -> int:
    from edgewb.lessons.claims import check_claims, checked_text, claims, claims_about, claims_table, documents

    chosen = claims() if arguments.topic is None else claims_about(arguments.topic)
    checkable = [claim.id for claim in chosen if claim.check]
    checked = check_claims(checkable) if arguments.check and checkable else ()
    if arguments.json:
        print_json({"documents": list(documents().values()), "claims": chosen, "checked": checked})
        return DONE if all(one.agrees for one in checked) else NO
    if not arguments.check:
        print(claims_table(chosen))
    for one in checked:
        found = ", ".join(f"{value:.6g}" for value in one.found)
        said = "" if one.agrees else f": the file has {list(one.stored)} and {one.verdict!r}, found {one.found_verdict!r}"
        print(f"{'agrees' if one.agrees else 'DIFFERS'}  {one.id}: {found}; {one.verdict!r}, {one.verdict_by}{said}")
    if arguments.check:
        print(checked_text(chosen, checked))
    return DONE if all(one.agrees for one in checked) else NO


def dashboard(arguments: argparse.Namespace) -> int:
    from edgewb.dashboards.catalogues import dashboard_token, dashboards_folder, find_dashboard
    from edgewb.errors import require

    name = find_dashboard(arguments.name).name if arguments.name else ""
    folder = dashboards_folder()
    require("voila", "lab", "to serve dashboards")
    require("anywidget", "views", "to draw dashboards")
    from edgewb.dashboards.servers import DashboardServer, Serving, new_token, open_browser, serve_dashboards

    token = dashboard_token(os.environ.get("EDGEWB_DASHBOARD_TOKEN", "")) if arguments.token is None else arguments.token or new_token()
    serving = Serving(
        folder,
        port=arguments.port,
        ip=arguments.ip,
        pool=arguments.pool,
        idle_s=60 * arguments.idle,
        visitors=arguments.visitors,
        token=token,
        base_url=arguments.base_url,
        hostnames=tuple(arguments.hostname),
        trusted=arguments.trusted,
        verbose=arguments.verbose,
    )

    def announce(server: DashboardServer) -> None:
        if arguments.port and server.port != arguments.port:
            print(f"Port {arguments.port} is taken, so it is {server.port}.")
        address = server.address(name)
        print(f"{name or 'Dashboards'}: {address}")
        if serving.published and not token:
            print("Whoever reaches this computer can open it; --token asks for a token. PUBLISHING.md says more.")
        print("Ctrl-C ends it.", flush=True)
        if not arguments.no_browser:
            open_browser(address)

    serve_dashboards(serving, announce)
    return DONE


def lab(arguments: argparse.Namespace) -> int:
    import subprocess

    from edgewb.errors import require

    require("jupyterlab", "lab", "to open the notebooks")
    # In a container one is often root, which Jupyter refuses unless told otherwise.
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return subprocess.call([sys.executable, "-m", "jupyterlab", *root, str(_first_notebook())])


def _first_notebook() -> Path:
    """What JupyterLab opens: the course's first notebook, of this folder or else of the repository edgewb is run from; else this folder."""
    from edgewb.errors import StorageError
    from edgewb.locations import data_folder

    folder = Path("notebooks")
    if not folder.is_dir():
        try:
            folder = data_folder().parent / "notebooks"
        except StorageError:
            return Path()
    first = folder / "00_start_here.ipynb"
    return first if first.is_file() else folder
