"""The Keras application nets as int8 files, without trained weights, against their rows of published facts.

``python tests/estimates/keras_nets.py [NAME ...] [--all] [--keep FOLDER]`` builds each, converts it, estimates the file and the row of
``data/latency/models.json``, and prints both. Published latencies exist for such models only as rows: that a file gives the same estimate
is what lets the errors of the study speak for files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
SMALL = ("k_mobilenet_v1_0.25_128", "keras_mobilenet_v2_224")
TOLERANCE = 0.05
_PLAIN = {
    "keras_mobilenet_v2_224": ("MobileNetV2", 224),
    "densenet121_224": ("DenseNet121", 224),
    "densenet169_224": ("DenseNet169", 224),
    "densenet201_224": ("DenseNet201", 224),
    "inception_v3_299": ("InceptionV3", 299),
    "inception_resnet_v2_299": ("InceptionResNetV2", 299),
    "nasnet_mobile_224": ("NASNetMobile", 224),
    "resnet50_224": ("ResNet50", 224),
    "resnet101_224": ("ResNet101", 224),
    "resnet50v2_224": ("ResNet50V2", 224),
    "resnet101v2_224": ("ResNet101V2", 224),
    "resnet50_299": ("ResNet50", 299),
    "resnet50v2_299": ("ResNet50V2", 299),
    "resnet152v2_299": ("ResNet152V2", 299),
    "xception_299": ("Xception", 299),
    "vgg16_224": ("VGG16", 224),
    "vgg19_224": ("VGG19", 224),
    "efficientnetb0_224": ("EfficientNetB0", 224),
}


def nets() -> dict[str, Callable[[Any], Any]]:
    """Row name -> how to build it from ``tf_keras.applications``."""
    made: dict[str, Callable[[Any], Any]] = {
        name: lambda applications, kind=kind, size=size: getattr(applications, kind)(weights=None, input_shape=(size, size, 3))
        for name, (kind, size) in _PLAIN.items()
    }
    for width in ("0.25", "0.5", "0.75", "1.0"):
        for size in (128, 160, 192, 224):
            made[f"k_mobilenet_v1_{width}_{size}"] = lambda applications, width=width, size=size: applications.MobileNet(
                weights=None, input_shape=(size, size, 3), alpha=float(width)
            )
    return made


def build(name: str) -> bytes:
    """The int8 .tflite of a net with random weights."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    net = nets()[name](tf_keras.applications)
    shape = (1, *net.input_shape[1:])
    given = tf_keras.Input(shape[1:], batch_size=1)
    model = tf_keras.Model(given, net(given))
    draws = np.random.default_rng(0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([draws.random(shape, np.float32)] for _ in range(2))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def compare(name: str, raw: bytes) -> tuple[float, float, Any]:
    """Milliseconds of the file and of the row, on a desktop."""
    from edgewb.estimates.estimations import parts_of, read_bytes
    from edgewb.estimates.hosts import find_profile
    from edgewb.estimates.works import work_of_row

    row = json.loads((ROOT / "data" / "latency" / "models.json").read_text(encoding="utf-8"))["models"][name]
    work, desktop = read_bytes(raw, name).work, find_profile()
    return sum(parts_of(work, desktop).values()), sum(parts_of(work_of_row(row), desktop).values()), work


def main(arguments: list[str]) -> int:
    folder = Path(arguments[arguments.index("--keep") + 1]) if "--keep" in arguments else None
    names = [a for a in arguments if a in nets()] or list(nets() if "--all" in arguments else SMALL)
    worst = 0.0
    for name in names:
        kept = folder / f"{name}.tflite" if folder else None
        raw = kept.read_bytes() if kept and kept.is_file() else build(name)
        if kept and not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(raw)
        if "--only-build" in arguments:
            print(name, len(raw), flush=True)
            continue
        file_ms, row_ms, work = compare(name, raw)
        worst = max(worst, abs(file_ms / row_ms - 1))
        print(
            f"{name:<28}file {file_ms:8.2f} ms   row {row_ms:8.2f} ms   {100 * (file_ms / row_ms - 1):+6.1f} %   {work.ops} ops",
            flush=True,
        )
    print(f"worst {100 * worst:.1f} %, bar {100 * TOLERANCE:.0f} %")
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
