"""data/ says where the bundled data come from; what scikit-learn gives must be what is described there."""

import json
from pathlib import Path

import pytest

from edgewb.datasets import DATASET_NAMES, load_dataset

DATA = Path(__file__).resolve().parent.parent / "data"
DESCRIBED = json.loads((DATA / "datasets.json").read_text(encoding="utf-8"))


def test_every_bundled_dataset_is_described_and_nothing_else() -> None:
    assert sorted(DESCRIBED) == sorted(DATASET_NAMES)


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_the_content_is_what_is_described(name: str) -> None:
    dataset = load_dataset(name)
    assert DESCRIBED[name] == {
        "source": dataset.source,
        "licence": dataset.licence,
        "package": "scikit-learn",
        "n": sum(dataset.sizes.values()),
        "classes": list(dataset.class_names),
        "content_sha256": dataset.content_sha256,
    }


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_the_readme_names_source_and_licence(name: str) -> None:
    row = next(line for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}`"))
    assert DESCRIBED[name]["licence"] in row
    assert DESCRIBED[name]["source"].split(", as distributed")[0] in row
    assert f"{DESCRIBED[name]['n']:,}" in row
