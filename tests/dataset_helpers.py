"""What the tests of data sets share."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewb.datasets import Dataset, Split, load_dataset
from edgewb.errors import EdgewbError


def all_splits(dataset: Dataset) -> list[Split]:
    return [dataset.train, dataset.calibration, dataset.validation, dataset.open_test()]


def rows(x: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in x}


def make_folder(root: Path, counts: dict[str, int], size: tuple[int, int] = (12, 10), suffix: str = ".png") -> Path:
    """Noise around one colour per class, no two images alike."""
    rng = np.random.default_rng(0)
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(rng.normal(60 + 60 * label, 20, (*size, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:03d}{suffix}")
    return root


def refusal(path: Path | str, **options: Any) -> str:
    """The message of the error; one line, however bad the input."""
    with pytest.raises(EdgewbError) as caught:
        load_dataset(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text
