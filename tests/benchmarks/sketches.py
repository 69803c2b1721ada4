"""How well digits in pictures are read by the digits net: rendered photographs by kind and light, and the same images without a camera."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def sketches() -> None:
    """Each kind under each light, 200 pictures each, from the test images; chosen was everything on the validation split."""
    sys.path.insert(0, str(ROOT / "tests"))
    import scenes

    from edgewb.bundles import bundled_model, bundled_test_images
    from edgewb.intervals import wilson_interval
    from edgewb.sketches import read_sketch
    from edgewb.targets import open_target

    test, n = bundled_test_images(), 200
    with open_target("cpu") as target:
        target.load(bundled_model("digits_cnn_int8").path)
        spec = target.inputs[0]

        def read(values: np.ndarray) -> int:
            return int(target.run([spec.stored(values[np.newaxis])])[0].argmax())

        def tell(name: str, right: int, unread: int) -> None:
            low, high = wilson_interval(right, n)
            print(f"{name:<26}{100 * right / n:5.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {n}, in {unread} nothing was found")

        tell("as they are, no camera", sum(read(test.x[i]) == test.y[i] for i in range(n)), 0)
        for kind in scenes.KINDS:
            for light in scenes.LIGHTS:
                rng = np.random.default_rng([scenes.KINDS.index(kind), scenes.LIGHTS.index(light)])
                right = unread = 0
                for i in range(n):
                    digit = int(test.y[i])
                    seen = read_sketch(scenes.photograph(scenes.ink(kind, digit, test.x[i, :, :, 0], rng), light, rng))
                    unread += seen is None
                    right += seen is not None and read(seen) == digit
                tell(f"{kind}, {light}", right, unread)
