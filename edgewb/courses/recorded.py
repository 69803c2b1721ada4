"""Studies of the notebooks that train: run here, or, where TensorFlow is not installed, as they were recorded elsewhere.

The recordings are in ``data/courses``, one file per data set, model and seed, written by ``data/make.py``.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewb.errors import InputError, StorageError
from edgewb.locations import data_folder
from edgewb.types import Record

if TYPE_CHECKING:
    from edgewb.debugging.results import Diagnosis
    from edgewb.workbench import Study

TARGETS = ("cpu",)
"""Latency is no subject of these notebooks: one target will do."""
BUDGET_POINTS = 1.0
_ELSE = "with TensorFlow (make setup) it is made here"


def run_or_recall(
    dataset: str,
    recipes: str | Sequence[str],
    *,
    model: str = "digits_cnn",
    seed: int = 0,
    fast: bool = False,
    recorded: bool | None = None,
) -> Study:
    """``edgewb.run`` where TensorFlow is installed, which the second time takes what it kept; else the study as it was recorded.

    Args:
        dataset, recipes, model, seed, fast: as for ``edgewb.run``; what was recorded was trained in full.
        recorded: True to take the recorded one in any case, False never to.

    Raises:
        InputError: it is to be recalled and was not recorded. EdgewbError: as ``edgewb.run``.
    """
    if recorded is None:
        recorded = importlib.util.find_spec("tf_keras") is None
    if recorded:
        study = recall(dataset, recipes, model=model, seed=seed)
        print(study.context.notes[0])
        return study
    import edgewb

    out = course_folder() / file_name(dataset, model, seed).removesuffix(".json")
    return edgewb.run(dataset, recipes, model=model, seed=seed, fast=fast, targets=TARGETS, budget=BUDGET_POINTS, out=out, progress=True)


def debug_or_recall(model: str, dataset: str = "digits", *, fast: bool = False, recorded: bool | None = None) -> Diagnosis:
    """``edgewb.debug_model`` where TensorFlow is installed, else what it found when that was recorded.

    Raises:
        InputError: it is to be recalled and was not recorded. EdgewbError: as ``edgewb.debug_model``.
    """
    if recorded is None:
        recorded = importlib.util.find_spec("tf_keras") is None
    if not recorded:
        import edgewb

        return edgewb.debug_model(model, dataset, fast=fast)
    import msgspec

    from edgewb.debugging.results import Diagnosis

    path = data_folder() / "courses" / diagnosis_name(dataset, model)
    if not path.is_file():
        raise InputError(f"no diagnosis of {model} on {dataset} was recorded; {_ELSE}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Diagnosis)
    except (OSError, ValueError) as error:
        raise StorageError(f"{str(path)!r} is damaged ({type(error).__name__}): take it from the repository again") from None


def diagnosis_name(dataset: str, model: str) -> str:
    """Of a recorded diagnosis in ``data/courses``."""
    return f"{dataset}-{model}-diagnosis.json"


def course_folder() -> Path:
    """Where the notebooks put what they write: ``runs/course`` beside the folder ``notebooks`` they are in, else in the current one."""
    here = Path.cwd()
    beside = next((place.parent for place in (here, *here.parents) if place.name == "notebooks"), here)
    return beside / "runs" / "course"


def file_name(dataset: str, model: str, seed: int) -> str:
    """Of a recording in ``data/courses``."""
    return f"{dataset}-{model}-seed{seed}.json"


def recall(dataset: str, recipes: str | Sequence[str], *, model: str = "digits_cnn", seed: int = 0) -> Study:
    """A recorded study, of some of the recipes that were recorded, with float32 as their reference. Its first note says where from.

    Raises:
        InputError: nothing of it was recorded, or not these recipes. StorageError: the repository's data are not there, or damaged.
    """
    import msgspec

    from edgewb.recommendations import recommend
    from edgewb.study_contexts import StudyContext
    from edgewb.workbench import Study

    folder = data_folder() / "courses"
    path = folder / file_name(dataset, model, seed)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*-seed*.json")))
        raise InputError(f"no study of {dataset}, {model}, seed {seed} was recorded: there are {known or 'none'}; {_ELSE}")
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
        records = {row["recipe"]: msgspec.convert(row, Record) for row in kept["records"]}
        context = msgspec.convert(kept["context"], StudyContext)
        files, about = dict(kept["files"]), str(kept["about"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{str(path)!r} is damaged ({type(error).__name__}): take it from the repository again") from None
    names = [name.strip() for name in recipes.split(",")] if isinstance(recipes, str) else list(recipes)
    if missing := [name for name in names if name not in records]:
        raise InputError(f"{missing[0]} was not recorded for {model}: there are {', '.join(records)}; {_ELSE}")
    chosen = tuple(
        dataclasses.replace(records[name], origin="imported", file=str(folder / files[name]) if name in files else records[name].file)
        for name in dict.fromkeys(["float32", *names])
    )
    return Study(
        records=chosen,
        recommendation=recommend(chosen, BUDGET_POINTS),
        report="",
        skipped=(),
        context=dataclasses.replace(context, notes=(about, *context.notes)),
    )


def record(study: Study, folder: Path, model: str, keep: Sequence[str]) -> Path:
    """Write a study that was just run as a recording; of the recipes in ``keep`` the model files, too."""
    from edgewb.records.exchanges import public_dict

    name = file_name(study.context.dataset, model, study.context.seed)
    files = {}
    folder.mkdir(parents=True, exist_ok=True)
    for row in study.records:
        if row.recipe in keep:
            files[row.recipe] = f"{name.removesuffix('.json')}-{row.recipe}.tflite"
            (folder / files[row.recipe]).write_bytes(Path(row.file).read_bytes())
    day, where = study.records[0].created[:10], study.records[0].environment
    head = {
        "about": f"Recorded on {day} on another computer ({where.cpu}, {where.cores} cores, {where.platform.split()[0]}): trained and "
        "measured there, not here.",
        "files": files,
        "context": study.context.to_dict(),
    }
    rows = ",\n".join(json.dumps(public_dict(row)) for row in study.records)
    (folder / name).write_text(json.dumps(head, indent=1).removesuffix("\n}") + f',\n "records": [\n{rows}\n]\n}}\n')
    return folder / name
