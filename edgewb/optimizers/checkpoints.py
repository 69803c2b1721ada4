"""What a fit has learnt so far, kept after each epoch: an interrupted training goes on, and recipes that begin alike are trained once.

A fit is known by its folder (data, model, seed, settings, versions and the techniques so far) and by its number within a technique.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgewb.errors import StorageError
from edgewb.locations import write_whole


@dataclass
class Keeping:
    """Where the fits of one technique are kept (None: nowhere), and the seed of their shuffling."""

    folder: Path | None = None
    seed: int = 0
    fits: int = 0


_keeping: ContextVar[Keeping | None] = ContextVar("keeping", default=None)


@contextlib.contextmanager
def keep_fits(folder: Path | None, seed: int) -> Iterator[None]:
    """Fits in this block are kept in ``folder`` and taken from there, each by its number. Only one process at a time keeps them."""
    with contextlib.ExitStack() as stack:
        usable = folder is not None and stack.enter_context(_locked(folder))
        token = _keeping.set(Keeping(folder if usable else None, seed))
        try:
            yield
        finally:
            _keeping.reset(token)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether this process alone holds the folder; the system frees it when the process ends, however it ends."""
    with contextlib.ExitStack() as stack:
        try:
            import fcntl

            folder.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context((folder / "lock").open("w")), fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except (ImportError, OSError):  # no such locks on this system; no room; or another process trains the same
            alone = False
        yield alone


def next_fit(model: Any, **parts: Any) -> FitState:
    """The state of the fit that begins now, restored into the compiled model where it was kept.

    Args:
        parts: what must be equal for a kept state to be of this fit.
    """
    keeping = _keeping.get() or Keeping()
    number, keeping.fits = keeping.fits, keeping.fits + 1
    state = FitState(keeping.seed + number, None if keeping.folder is None else keeping.folder / str(number), parts)
    state.restore(model)
    return state


@dataclass
class FitState:
    """Epochs done, their losses, what validation said after each (see ``training.Fit``), and the finished fit (None while it is not)."""

    seed: int
    folder: Path | None
    parts: dict[str, Any]
    losses: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    outcome: dict[str, Any] | None = None

    def restore(self, model: Any) -> None:
        """Take up the last state kept; one that is damaged or of another fit counts as none."""
        import tensorflow as tf

        if self.folder is None:
            return
        try:
            kept = json.loads((self.folder / "state.json").read_bytes())
            if kept["parts"] != json.loads(json.dumps(self.parts)):
                raise ValueError
            before = model.get_weights()
            try:
                tf.train.Checkpoint(model=model).read(str(self.folder / kept["name"])).assert_existing_objects_matched()
            except Exception:
                model.set_weights(before)
                raise
            self.losses, self.values, self.outcome = kept["losses"], kept["values"], kept["outcome"]
        except Exception:  # TensorFlow raises many kinds for files cut short by a loss of power
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, model: Any, outcome: Any = None) -> None:
        """Keep the model, its optimizer and this state: first the weights under a new name, then the file that names them."""
        import tensorflow as tf

        self.outcome = None if outcome is None else asdict(outcome)
        if self.folder is None:
            return
        name = f"epoch{len(self.losses)}" if outcome is None else "finished"
        state = {"parts": self.parts, "name": name, "losses": self.losses, "values": self.values, "outcome": self.outcome}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tf.train.Checkpoint(model=model).write(str(self.folder / name))
            write_whole(self.folder / "state.json", json.dumps(state))
            for old in self.folder.iterdir():
                if not old.name.startswith((f"{name}.", "state.json")):
                    os.unlink(old)
        except (OSError, StorageError, tf.errors.OpError):
            self.folder = None  # no room: the training goes on, and is not kept
