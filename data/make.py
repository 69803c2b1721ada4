"""Make what comes with the repository for dashboards and notebooks: models, test images, recorded studies (some six minutes, TensorFlow
needed).

``python data/make.py`` writes all of it, ``--studies`` the recorded studies alone. Times are taken while the computer is quiet; where
it does not become so, no study is written, unless ``--noisy`` asks for it. ``--check`` trains nothing: it says with exit status 1 where a
file is not the one described, or where the code of today says something else of it.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from quiet_measurements import NoisyError, measured_quietly

HERE = Path(__file__).resolve().parent
CLASSIFIER, SKETCHES, STUDY = "digits_cnn_int8", "digits_sketch_int8", "digits"
TRAINING_PICTURES = 24_000
DIGITS_LICENCE = "file Apache-2.0; the digits it was trained on CC BY 4.0 (see datasets.json)"
OWN_LICENCE = "Apache-2.0; weights are random numbers, no data were used"
EXAMPLES = {
    "elu_branch": "an int8 net as the converter makes it, with an ELU in one of two branches: the op runs in float on the CPU, and with it "
    "everything behind it",
    "dynamic_batch": "an int8 net as the converter leaves it when nobody fixes the batch: a reshape whose size is computed while the "
    "model runs keeps the end on the CPU; `edgewb fix` mends it",
}

COURSES = (
    (
        "digits_cnn",
        0,
        "float32, student_float32, ptq_int8, qat_int8, prune50_ptq_int8, prune80_ptq_int8, prune90_ptq_int8, prune95_ptq_int8, "
        "cluster16_ptq_int8, structured50_ptq_int8, student25_ptq_int8, distill25_ptq_int8",
        ("float32", "ptq_int8", "prune80_ptq_int8", "cluster16_ptq_int8"),
    ),
    ("digits_cnn", 1, "float32", ()),
    ("digits_cnn", 2, "float32", ()),
    ("digits_hard", 0, "float32, ptq_int8, equalize_float32, equalize_ptq_int8, qat_int8", ("float32", "equalize_float32")),
)
"""What notebooks show where nothing can be trained: model, seed, recipes, and of which the file is shown."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def example_net(name: str) -> bytes:
    """A small int8 classifier with seeded random weights, converted as a beginner would."""
    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((32, 32, 3))
    stem = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(image)
    left = layers.DepthwiseConv2D(3, padding="same", activation="elu" if name == "elu_branch" else "relu")(stem)
    left = layers.Conv2D(16, 1, activation="relu")(left)
    right = layers.Conv2D(16, 3, padding="same", activation="relu")(stem)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(layers.Add()([left, right]))
    x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Reshape((1024,))(x) if name == "dynamic_batch" else layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(5, activation="softmax")(x))
    if name != "dynamic_batch":
        fixed = keras.Input((32, 32, 3), batch_size=1)
        model = keras.Model(fixed, model(fixed))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    images = np.random.default_rng(0).random((32, 1, 32, 32, 3), dtype=np.float32)
    converter.representative_dataset = lambda: ([one] for one in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def described(path: Path, about: str, made: str, licence: str, labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """An entry of models.json; what can be computed is computed."""
    return {
        "about": about,
        "made": made,
        "licence": licence,
        "labels": list(labels),
        "input_range": [0.0, 1.0],
        **computed(path, bool(labels)),
    }


def computed(path: Path, classifier: bool) -> dict[str, Any]:
    """What the code of today says of a model: never a training."""
    import edgewb
    from edgewb.answers import read_answers
    from edgewb.bundles import bundled_test_images
    from edgewb.measurements import predict

    seen = edgewb.inspect(path)
    facts: dict[str, Any] = {
        "sha256": sha256(path),
        "size_bytes": path.stat().st_size,
        "ops_total": seen.ops_total,
        "ops_edgetpu": seen.ops_edgetpu,
        "placement_basis": "predicted",
    }
    if classifier:
        images = bundled_test_images()
        right = int(read_answers(predict(path, images.x), images.y).right.sum())
        facts["test_images"] = {"correct": right, "n": len(images), "basis": "measured", "target": "cpu"}
    return facts


def make_images() -> None:
    """The test split of the digits as scikit-learn has them: whole numbers 0..16."""
    from edgewb.datasets import load_dataset

    test = load_dataset("digits").open_test()
    small = np.round(test.x[:, ::4, ::4, 0] * 16).astype(np.uint8)
    (HERE / "digits").mkdir(exist_ok=True)
    np.savez_compressed(HERE / "digits" / "test_images.npz", x=small, y=test.y.astype(np.uint8))


def make_study(noisy: bool) -> None:
    """The demo, recorded here: its records as they are exported, its models, the pictures of what flipped."""
    import edgewb
    from edgewb.locations import HOME_VARIABLE
    from edgewb.records.exchanges import public_dict
    from edgewb.views.pictures import pictures_for

    with tempfile.TemporaryDirectory() as place:
        os.environ[HOME_VARIABLE] = f"{place}/home"  # all of it is trained and measured now
        done = measured_quietly(lambda: edgewb.run("digits", out=f"{place}/out", progress=True), noisy=noisy)
        folder = HERE / "studies" / STUDY
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for record in done.records:
            kept = HERE / "models" / f"{CLASSIFIER}.tflite" if record.recipe == "ptq_int8" else folder / f"{record.recipe}.tflite"
            kept.write_bytes(Path(record.file).read_bytes())
            files[record.recipe] = str(kept.relative_to(HERE))
        pictures = {index: uri for record in done.records for index, uri in pictures_for(record).items()}
    day, where = done.records[0].created[:10], done.records[0].environment
    study = {
        "about": f"Recorded on {day} on another computer ({where.cpu}, {where.cores} cores, {where.platform.split()[0]}): its latencies "
        "were measured there, not here.",
        "recorded": day,
        "command": "edgewb demo",
        "budget_points": done.recommendation.budget_points,
        "files": files,
        "pictures": {str(index): uri for index, uri in sorted(pictures.items())},
    }
    head = json.dumps(study, indent=1).removesuffix("\n}")
    rows = ",\n".join(json.dumps(public_dict(record)) for record in done.records)
    (HERE / "studies" / f"{STUDY}.json").write_text(f'{head},\n "records": [\n{rows}\n]\n}}\n')


def make_sketch_model() -> None:
    """The net for what people draw or hold before a camera: the demo's net, trained on what ``edgewb.sketches`` makes of pictures."""
    from training_pictures import training_pictures

    import edgewb

    x, y = training_pictures(TRAINING_PICTURES)
    with tempfile.TemporaryDirectory() as place:
        np.savez_compressed(Path(place, "pictures.npz"), x=x, y=y, class_names=np.array([str(digit) for digit in range(10)]))
        done = edgewb.run(Path(place, "pictures.npz"), ("ptq_int8",), model="digits_cnn", targets=["cpu"], out=Path(place, "out"))
        made = next(record for record in done.records if record.recipe == "ptq_int8")
        (HERE / "models" / f"{SKETCHES}.tflite").write_bytes(Path(made.file).read_bytes())


def make_courses(noisy: bool) -> None:
    """The studies of the notebooks that train, and what `edgewb debug` says of the hard one."""
    import edgewb
    from edgewb.courses.recorded import BUDGET_POINTS, TARGETS, diagnosis_name, record
    from edgewb.locations import HOME_VARIABLE

    folder = HERE / "courses"
    with tempfile.TemporaryDirectory() as place:
        os.environ[HOME_VARIABLE] = f"{place}/home"  # all of it is trained and measured now
        for model, seed, recipes, keep in COURSES:
            out = f"{place}/{model}{seed}"
            settings: dict[str, Any] = {
                "model": model,
                "seed": seed,
                "targets": TARGETS,
                "budget": BUDGET_POINTS,
                "out": out,
                "progress": True,
            }
            study = measured_quietly(functools.partial(edgewb.run, "digits", recipes, **settings), noisy=noisy)
            record(study, folder, model, keep)
        diagnosis = edgewb.debug_model("digits_hard", "digits")
        (folder / diagnosis_name("digits", "digits_hard")).write_text(json.dumps(diagnosis.to_dict(), indent=1) + "\n")


def make_models() -> None:
    """models.json, and the examples; the classifier is the study's."""
    from edgewb.datasets import load_dataset

    entries = {
        CLASSIFIER: described(
            HERE / "models" / f"{CLASSIFIER}.tflite",
            "the digits classifier as `edgewb demo` makes it, int8; all of its ops map",
            "edgewb demo, recipe ptq_int8, seed 0; also a file of the study in studies/digits.json",
            DIGITS_LICENCE,
            load_dataset("digits").class_names,
        ),
        SKETCHES: described(
            HERE / "models" / f"{SKETCHES}.tflite",
            "the same net for drawings and the camera, trained on digits drawn by line and on photographs of handwriting, both rendered",
            f"data/make.py: {TRAINING_PICTURES:,} pictures of data/training_pictures.py, recipe ptq_int8, seed 0",
            DIGITS_LICENCE,
            load_dataset("digits").class_names,
        ),
    }
    for name, about in EXAMPLES.items():
        path = HERE / "models" / f"{name}.tflite"
        path.write_bytes(example_net(name))
        entries[name] = described(path, about, "data/make.py, TensorFlow's converter, seeded random weights", OWN_LICENCE)
    (HERE / "models.json").write_text(json.dumps(entries, indent=2) + "\n")


def problems() -> list[str]:
    """Where a file is not the one described, or the code says something else of it."""
    found = []
    for name, entry in json.loads((HERE / "models.json").read_text()).items():
        path = HERE / "models" / f"{name}.tflite"
        for key, value in computed(path, bool(entry["labels"])).items():
            if entry[key] != value:
                found.append(f"models.json, {name}: {key} is {entry[key]}, found {value}")
    for kept in (HERE / "studies" / f"{STUDY}.json", *sorted((HERE / "courses").glob("*-seed*.json"))):
        study = json.loads(kept.read_text())
        place = HERE if kept.stem == STUDY else kept.parent
        for row in study["records"]:
            path = place / study["files"][row["recipe"]] if row["recipe"] in study["files"] else None
            found += [f"{kept.relative_to(HERE)}, {row['recipe']}: {problem}" for problem in record_problems(row, path)]
    return found


def record_problems(row: dict[str, Any], path: Path | None) -> list[str]:
    """What of a record anybody would refuse to import, or the code of today says otherwise; what was measured stays as it is.

    Args:
        path: of its file; None where that is not kept.
    """
    from edgewb.compilers.placement import place, summarise
    from edgewb.estimates.estimations import estimated_latency
    from edgewb.records.checks import RecordProblem
    from edgewb.records.exchanges import parse_record
    from edgewb.tflite.reader import read_graph

    try:
        record = parse_record(json.dumps(row).encode())
    except RecordProblem as problem:
        return [str(problem)]
    if path is None:
        return []
    if sha256(path) != record.sha256:
        return [f"{path.name} is not the file recorded"]
    now = {"placement": summarise(place(read_graph(path))), "estimate": estimated_latency(path)}
    return [f"{name} is another by now" for name, value in now.items() if getattr(record, name) != value]


def main() -> int:
    """Write all of it, or check it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--studies", action="store_true", help="the recorded studies alone")
    parser.add_argument("--noisy", action="store_true", help="record them although this computer has other things to do")
    parser.add_argument("--check", action="store_true", help="write nothing: are the files those described, and does the code agree?")
    given = parser.parse_args()
    if given.check:
        found = problems()
        for line in found:
            print(f"data/{line}; run `python data/make.py`", file=sys.stderr)
        return 1 if found else 0
    try:
        if given.studies:
            make_study(given.noisy)
        else:
            make_all(given.noisy)
        make_courses(given.noisy)
    except NoisyError as error:
        print(f"data/make.py: {error}", file=sys.stderr)
        return 1
    return 0


def make_all(noisy: bool) -> None:
    """Everything but the studies of the notebooks."""
    (HERE / "models").mkdir(exist_ok=True)
    if not (HERE / "models.json").exists():
        (HERE / "models.json").write_text("{}\n")  # the folder is known by it
    make_images()
    make_study(noisy)
    make_sketch_model()
    make_models()


if __name__ == "__main__":
    sys.exit(main())
