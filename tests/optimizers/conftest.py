"""Workers: one with TensorFlow for all training tests of this folder, and stand-ins for it that start in a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgewb.optimizers.training import TrainingData, TrainingSettings
from edgewb.optimizers.workers import Worker


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """A worker with TensorFlow."""
    with Worker() as shared_worker:
        yield shared_worker


@pytest.fixture
def instead_of_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give children a module ``tensorflow`` with this source: the real process, pipes and protocol, without five seconds of import."""

    def give(source: str) -> None:
        folder = tmp_path / "packages"
        folder.mkdir()
        (folder / "tensorflow.py").write_text(source)
        monkeypatch.syspath_prepend(str(folder))

    return give


MISSING = "raise ModuleNotFoundError(\"No module named 'tensorflow'\", name='tensorflow')\n"


@pytest.fixture
def no_tensorflow(instead_of_tensorflow: Callable[[str], None]) -> None:
    """Children find no TensorFlow."""
    instead_of_tensorflow(MISSING)


@pytest.fixture(scope="session")
def tiny() -> TrainingSettings:
    """Enough steps to go through everything once, and no more."""
    return TrainingSettings(steps=6, fine_tune_steps=6, minimum_epochs=1, batch_size=8)


@pytest.fixture(scope="session")
def pictures() -> TrainingData:
    """Three classes of 16 x 16 colour noise, 24 for training, 6 each for the rest."""
    rng = np.random.default_rng(0)

    def some(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n, dtype=np.int64) % 3
        x = rng.normal(0.25 + 0.25 * y[:, None, None, None], 0.1, (n, 16, 16, 3))
        return np.clip(x, 0, 1).astype(np.float32), y

    train, validation, calibration = some(24), some(6), some(6)
    return TrainingData(*train, *validation, calibration[0], 3)
