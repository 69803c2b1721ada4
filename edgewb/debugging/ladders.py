"""The ladder: the same examples on every rung from the float model to the device, and the first rung where accuracy falls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.debugging.results import Rung
from edgewb.errors import EdgewbError, InputError
from edgewb.intervals import tango_interval
from edgewb.measurements import predict
from edgewb.residuals import Scale
from edgewb.scores import Answered, by_task, compare, read_outputs, score
from edgewb.types import Basis, ErrorDelta

Floats = npt.NDArray[np.float32]
KERAS: Final = "float Keras"
FLOAT: Final = "float TFLite"
BUILTIN: Final = "int8 built-in kernels"
XNNPACK: Final = "int8 XNNPACK"
EDGETPU: Final = "Edge TPU"
LEAST_R2_POINTS: Final = 0.1
"""A fall of R2 by less is none, however certain: another order of float additions moves every output, and sums are that exact."""


def climb(
    x: Floats,
    y: npt.NDArray[Any],
    float_outputs: Callable[[], Floats] | str,
    float_file: Path,
    int8_file: Path,
    compiled: Path | str,
    output_scale: Scale | None = None,
) -> tuple[Rung, ...]:
    """Accuracy, or a regression's errors, on each rung and the paired difference to the rung before.

    Args:
        x, y: validation inputs as the float model takes them, (n, ...), and classes (n,), or a regression's y in its own unit.
        float_outputs: gives the float model's own outputs (n, outputs), or why there are none.
        float_file, int8_file: the two .tflite.
        compiled: the file for the Edge TPU, or why there is none.
        output_scale: of a regression, see ``Stages.output_scale``.
    """

    def on(file: Path | str, target: str = "cpu", kernels: str = "builtin") -> Callable[[], Floats] | str:
        return file if isinstance(file, str) else lambda: predict(file, x, target, kernels=kernels)

    ways: dict[str, tuple[Callable[[], Floats] | str, str]] = {
        KERAS: (float_outputs, "tensorflow"),
        FLOAT: (on(float_file), "cpu"),
        BUILTIN: (on(int8_file), "cpu"),
        XNNPACK: (on(int8_file, kernels="xnnpack"), "cpu"),
        EDGETPU: (on(compiled, "edgetpu"), "edgetpu"),
    }
    rungs: list[Rung] = []
    before: tuple[str, Answered] | None = None
    for name, (answer, target) in ways.items():
        try:
            outputs = answer() if callable(answer) else None
        except EdgewbError as error:
            if name == FLOAT:  # nothing can be compared with it
                raise
            answer, outputs = str(error), None
        if outputs is None:
            rungs.append(Rung(name=name, skipped=str(answer)))
            continue
        if not np.isfinite(outputs).all():
            raise InputError(f"{name} answers with NaN or infinite values on the validation examples: check the input range, or the model")
        answered = read_outputs(outputs, y, output_scale)
        delta = compare(answered, before[1], before[0]) if before else None
        figures = by_task("accuracy", "errors", score(answered, target)) | by_task("delta", "error_delta", delta)
        least = LEAST_R2_POINTS if isinstance(delta, ErrorDelta) else 0.0
        rungs.append(Rung(name=name, **figures, falls=delta is not None and delta.ci95[1] < 0 and -delta.points >= least))
        before = (name, answered)
    return tuple(rungs)


def smallest_fall(n: int) -> float:
    """The fall, in points, that ``n`` paired examples can tell from chance: the fewest lost, none gained, that give an interval below 0."""
    lost = next((lost for lost in range(1, n + 1) if tango_interval(0, lost, n)[1] < 0), n)
    return 100 * lost / n


def compiled_for_edgetpu(int8_file: Path, folder: Path) -> Path | str:
    """The int8 file compiled for an Edge TPU that is here, or why that cannot be."""
    from edgewb.targets import open_target

    try:
        with open_target("edgetpu") as target:
            here = target.available()
        if not here.available:
            return f"{here.reason}; {here.fix}" if here.fix else here.reason
        from edgewb.compilers.compilations import compile_model

        done = compile_model(int8_file, folder)
    except EdgewbError as error:
        return str(error)
    if done.basis is not Basis.COMPILED or not done.outputs:
        return f"the Edge TPU compiler made no file ({done.outcome}, {done.basis}); compile it where there is a compiler"
    return Path(done.outputs[0])
