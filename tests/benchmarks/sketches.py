"""How well digits in pictures are read by the live page's net: drawings, rendered photographs by kind and light, plain images."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def sketches() -> None:
    """Drawn forms that nothing was chosen or trained by, as they are drawn, by the live page's net and by the demo's; then each kind of
    photograph under each light, 200 each, from the test images; chosen was everything on the validation split."""
    sys.path.insert(0, str(ROOT / "tests"))
    import drawings
    import scenes

    from edgewb.bundles import bundled_model, bundled_test_images
    from edgewb.intervals import wilson_interval
    from edgewb.sketches import read_sketch
    from edgewb.targets import open_target

    test, n = bundled_test_images(), 200
    with open_target("cpu") as target, open_target("cpu") as plain:
        target.load(bundled_model("digits_sketch_int8").path)
        plain.load(bundled_model("digits_cnn_int8").path)
        spec, plain_spec = target.inputs[0], plain.inputs[0]

        def read(values: np.ndarray) -> int:
            return int(target.run([spec.stored(values[np.newaxis])])[0].argmax())

        def read_plainly(values: np.ndarray) -> int:
            return int(plain.run([plain_spec.stored(values[np.newaxis])])[0].argmax())

        def tell(name: str, right: int, unread: int, n: int = n) -> None:
            low, high = wilson_interval(right, n)
            print(f"{name:<37}{100 * right / n:5.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {n}, in {unread} nothing was found")

        for way, options in drawings.WAYS.items():
            drawn = [
                (digit, read_sketch(drawings.draw(lines, np.random.default_rng([digit, form, time, len(way)]), **options)))
                for digit, forms in drawings.JUDGING.items()
                for form, lines in enumerate(forms)
                for time in range(4)
            ]
            unread = sum(seen is None for _, seen in drawn)
            for name, reads in (("", read), (", demo's net", read_plainly)):
                right = sum(seen is not None and reads(seen) == digit for digit, seen in drawn)
                tell(f"drawn {way}{name}", right, unread, len(drawn))

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
