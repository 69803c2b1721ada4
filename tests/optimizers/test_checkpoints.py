"""An interrupted training goes on from its last epoch and ends with the same bytes; recipes that begin alike are trained once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_zoo import zoo

from edgewb.errors import ConversionError
from edgewb.model_files import ModelKind, ModelSource, identify_model
from edgewb.optimizers.checkpoints import keep_fits
from edgewb.optimizers.recipes import decode_recipe
from edgewb.optimizers.training import TrainingData, TrainingSettings
from edgewb.optimizers.workers import Shared, Worker

EPOCHS = 6
SETTINGS = TrainingSettings(steps=18, fine_tune_steps=18, minimum_epochs=EPOCHS, batch_size=8)
CNN = ModelSource(ModelKind.BUILTIN, "image_cnn")


class Run:
    """One call of a task, with what it reported; ``until``: the share at which the worker is killed."""

    def __init__(self, worker: Worker, data: TrainingData, kept: Path | None, until: float | None = None) -> None:
        self.worker, self.data, self.kept, self.until = worker, data, kept, until
        self.shares: list[float] = []

    def report(self, share: float) -> None:
        self.shares.append(share)
        if self.until is not None and share >= self.until:
            self.until = None
            assert self.worker.pid is not None
            os.kill(self.worker.pid, signal.SIGKILL)

    def make(self, recipe: str) -> Any:
        more: dict[str, Any] = {"source": CNN}
        task = "train_float"
        if recipe != "float":
            task = "make_variant"
            more = {"source": identify_model(zoo() / "tf_keras.keras"), "weights": b"", "recipe": decode_recipe(recipe)}
        started = time.monotonic()
        made = self.worker.call(
            task, shared=Shared("pictures", self.data), progress=self.report, settings=SETTINGS, seed=0, kept=self.kept, **more
        )
        assert 0 < self.worker.seconds <= time.monotonic() - started
        return made


@pytest.mark.training
def test_a_float_training_says_what_each_epoch_brought(worker: Worker, pictures: TrainingData) -> None:
    _, outcome, _ = Run(worker, pictures, None).make("float")
    assert len(outcome.losses) == len(outcome.values) == outcome.epochs == EPOCHS
    assert outcome.values[-1] == outcome.value
    assert all(0 <= value <= 1 for value in outcome.values)
    assert "losses" not in outcome.facts


@pytest.mark.training
@pytest.mark.parametrize("recipe", ["float", "prune50_ptq_int8", "cluster4_ptq_int8", "prune50_cluster4_qat_int8"])
def test_a_worker_killed_in_mid_training_goes_on_and_ends_with_the_same_bytes(
    recipe: str, worker: Worker, pictures: TrainingData, tmp_path: Path
) -> None:
    undisturbed = Run(worker, pictures, None)
    wanted = undisturbed.make(recipe)
    killed = Run(worker, pictures, tmp_path / "kept", until=0.5)
    with pytest.raises(ConversionError, match=r"signal 9, SIGKILL"):
        killed.make(recipe)
    resumed = Run(worker, pictures, tmp_path / "kept")
    assert resumed.make(recipe) == wanted
    # One epoch may have been reported and not yet kept.
    steps = 3 if recipe.count("_") == 3 else 1
    done = [share for share in undisturbed.shares if share <= 0.5]
    assert len(undisturbed.shares) == EPOCHS * steps
    assert len(resumed.shares) <= len(undisturbed.shares) - len(done) + 1 + (steps - 1)
    again = Run(worker, pictures, tmp_path / "kept")
    assert again.make(recipe) == wanted
    assert len(again.shares) == steps  # nothing is trained a third time


@pytest.mark.training
def test_recipes_that_begin_alike_are_trained_once_in_any_order(worker: Worker, pictures: TrainingData, tmp_path: Path) -> None:
    names = ("prune50_ptq_int8", "prune50_float16", "prune50_qat_int8")
    alone = {name: Run(worker, pictures, None).make(name) for name in names}
    for place, order in (("there", names), ("back", names[::-1])):
        trained = 0
        for name in order:
            run = Run(worker, pictures, tmp_path / place)
            assert run.make(name) == alone[name]
            trained += len(run.shares)
        # Pruning once, QAT once, and one report for each of the two taken from what was kept.
        assert trained == 2 * EPOCHS + 2


@pytest.mark.training
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-40]), id="cut"),
        pytest.param(lambda path: path.write_bytes(b"\0" * path.stat().st_size), id="zeros"),
        pytest.param(Path.unlink, id="gone"),
    ],
)
def test_what_was_kept_and_is_damaged_is_trained_again(
    damage: Callable[[Path], object], worker: Worker, pictures: TrainingData, tmp_path: Path
) -> None:
    wanted = Run(worker, pictures, tmp_path).make("prune50_ptq_int8")
    for kept in (p for p in (tmp_path / "prune50" / "0").iterdir() if p.suffix != ".index"):
        damage(kept)
        run = Run(worker, pictures, tmp_path)
        assert run.make("prune50_ptq_int8") == wanted
        assert len(run.shares) == EPOCHS


def test_two_processes_do_not_keep_the_same_fits(tmp_path: Path) -> None:
    from edgewb.optimizers.checkpoints import _keeping

    with keep_fits(tmp_path, 0):
        first = _keeping.get()
        with keep_fits(tmp_path, 0):
            second = _keeping.get()
    assert first is not None
    assert second is not None
    assert (first.folder, second.folder) == (tmp_path, None)
    assert _keeping.get() is None


def test_a_folder_that_cannot_be_made_only_means_that_nothing_is_kept(tmp_path: Path) -> None:
    from edgewb.optimizers.checkpoints import _keeping

    (tmp_path / "file").write_text("")
    with keep_fits(tmp_path / "file" / "below", 0):
        keeping = _keeping.get()
    assert keeping is not None
    assert keeping.folder is None
