"""What a stage depends on is in its key."""

import pytest

from edgewb import stage_keys
from edgewb.caches import fingerprint
from edgewb.datasets import load_dataset
from edgewb.model_files import identify_model
from edgewb.optimizers.techniques import TECHNIQUES
from edgewb.optimizers.training import FAST, FULL
from edgewb.stage_keys import answer_parts, making_parts


@pytest.mark.parametrize(
    ("entry", "listed", "aside"),
    [
        # What a data set holds is in its fingerprint, prepared values and all: how it was read need not be in the key.
        ("edgewb.optimizers.tasks", "TRAINING_CODE", {"arrays.py", "images.py", "shifts.py"}),
        ("edgewb.accuracies", "PREDICTION_CODE", {"arrays.py", "images.py", "intervals.py", "shifts.py"}),
    ],
)
def test_all_code_that_makes_a_result_is_in_its_key(entry: str, listed: str, aside: set[str]) -> None:
    import subprocess
    import sys

    # Techniques are loaded when a recipe names them.
    lazy = ", ".join(technique.home for technique in TECHNIQUES.values()) if listed == "TRAINING_CODE" else "sys"
    code = f"import sys, {entry}, {lazy}\nprint(*(m for m in sys.modules if m.startswith('edgewb.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    floor = {"errors.py", "types", "locations.py", "caches.py", "environments.py", "progress.py"}
    known = {*getattr(stage_keys, listed), *aside, *floor}
    first_parts = {name.split(".")[1] for name in done.stdout.split()}
    assert {part for part in first_parts if f"{part}.py" not in known and part not in known} == set()


def test_versions_code_and_machine_are_part_of_the_key() -> None:
    data = load_dataset("breast_cancer")
    parts = making_parts(identify_model("table_mlp"), data, (0.0, 1.0), None, 0, FULL)
    assert parts["versions"]["tensorflow"]
    assert len(parts["code"]) == 64
    assert parts["data"] == data.fingerprint
    assert parts["machine"][1]


def test_every_part_of_a_key_changes_it() -> None:
    data, source = load_dataset("breast_cancer"), identify_model("table_mlp")
    making = [
        making_parts(*given)
        for given in (
            (source, data, (0.0, 1.0), None, 0, FULL),
            (identify_model("image_cnn"), data, (0.0, 1.0), None, 0, FULL),
            (source, load_dataset("breast_cancer", seed=1), (0.0, 1.0), None, 0, FULL),
            (source, data, (-1.0, 1.0), None, 0, FULL),
            (source, data, (0.0, 1.0), (2.0, 3.0), 0, FULL),
            (source, data, (0.0, 1.0), None, 1, FULL),
            (source, data, (0.0, 1.0), None, 0, FAST),
        )
    ]
    answers = [
        answer_parts(*given)
        for given in (
            ("a", "test", data, (0.0, 1.0), None),
            ("b", "test", data, (0.0, 1.0), None),
            ("a", "validation", data, (0.0, 1.0), None),
            ("a", "test", data, (-1.0, 1.0), None),
            ("a", "test", data, (0.0, 1.0), (2.0, 3.0)),
        )
    ]
    assert len({fingerprint(parts) for parts in making}) == len(making)
    assert len({fingerprint(parts) for parts in answers}) == len(answers)
