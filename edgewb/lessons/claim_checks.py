"""The claims that can be computed, computed anew: each function answers with the verdicts its figures support, the likeliest first, and
with the figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from edgewb.bundles import BundledStudy, bundled_model, bundled_studies
from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.inspections import Inspection, inspect
from edgewb.compilers.limits import SUPPORT
from edgewb.estimates.energies import ACTIVE_W
from edgewb.estimates.estimations import estimate_work, parts_of
from edgewb.estimates.hosts import find_profile
from edgewb.estimates.works import Work, work_of_row
from edgewb.lessons import queues
from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.field_data import shares_right
from edgewb.lessons.hardware import MOBILENET, find_device, mobilenet_throughputs
from edgewb.lessons.language_models import STREAMING_MB_S, place_decoder_ops, token_time, total_parameters
from edgewb.locations import data_folder
from edgewb.types import Placement, Record

Answer = tuple[tuple[str, ...], tuple[float, ...]]
HOLDS: Final = ("holds",)
CONDITIONS: Final = ("holds with conditions",)
NOT: Final = ("does not hold",)


@cache
def _latency_data(name: str) -> Any:
    return json.loads((data_folder() / "latency" / name).read_text(encoding="utf-8"))


def _published(model: str, *hosts: str) -> list[float]:
    return [row["ms"] for row in _latency_data("latencies.json")["rows"] if row["model"] == model and row["host"] in hosts]


def _work(model: str) -> Work:
    return work_of_row(_latency_data("models.json")["models"][model])


def _study() -> BundledStudy:
    return next(study for study in bundled_studies() if study.name == "digits")


def _record(recipe: str) -> Record:
    return next(record for record in _study().records if record.recipe == recipe)


@cache
def _inspected(file: str) -> Inspection:
    return inspect(file)


def _range(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def coral_utilisation() -> Answer:
    forms = ("Coral USB Accelerator", "Coral Dev Board", "Coral M.2 Accelerator")
    used = [row.utilisation for row in mobilenet_throughputs() if row.device in forms]
    return (CONDITIONS if max(used) < 0.5 else HOLDS), _range(used)


def coral_peak() -> Answer:
    (peak,) = find_device("Coral USB Accelerator").find("peak")
    return (HOLDS if peak.low == 4 else NOT), (peak.low,)


def mobilenet_latencies() -> Answer:
    rows = _published("mobilenet_v2_1.0_224", "desktop", "desktop_python", "pi4", "pi3")
    low, high = _range(rows)
    return (CONDITIONS if high > 2 * low else HOLDS), (low, high)


def ssd_latencies() -> Answer:
    low, high = _range(_published("ssd_mnv2_300", "desktop", "devboard"))
    return (CONDITIONS if high > 1.5 * low else NOT), (low, high)


def kinds_that_map() -> Answer:
    floats = [_inspected(_record(recipe).file).ops_edgetpu or 0 for recipe in ("float32", "float16", "dynamic_range")]
    whole = _inspected(_record("ptq_int8").file)
    return (HOLDS if max(floats) == 0 and whole.ops_edgetpu == whole.ops_total else NOT), (
        float(max(floats)),
        float(whole.ops_edgetpu or 0),
    )


def one_blocker() -> Answer:
    seen = _inspected(str(bundled_model("elu_branch").path))
    stranded = [op for op in seen.ops if op.reason == "downstream"]
    return (CONDITIONS if stranded else HOLDS), (float(seen.ops_edgetpu or 0), float(seen.ops_total or 0))


def one_cut() -> Answer:
    seen = _inspected(str(bundled_model("elu_branch").path))
    return (NOT if seen.subgraphs == 1 else HOLDS), (float(seen.subgraphs),)


def deeplab_left_over() -> Answer:
    work, (whole,) = _work("deeplabv3_mnv2_513"), _published("deeplabv3_mnv2_513", "desktop")
    mapped = sum(ms for part, ms in parts_of(work, find_profile("desktop")).items() if part != "cpu_ops")
    return (CONDITIONS if whole > 2 * mapped else NOT), (mapped, whole)


def active_power() -> Answer:
    # One text says 2 W active, another below 2 W: with 0.9 to 1.0 W idle this is 1.5 to 2.2 W.
    return ("does not hold", "holds with conditions"), ACTIVE_W


def frames_per_second() -> Answer:
    (maker,) = find_device("Coral M.2 Accelerator").find("throughput", MOBILENET)
    return (NOT if min(1000 / 3, maker.low) > 200 else HOLDS), (1000 / 3, maker.low)


def first_inference() -> Answer:
    first = estimate_work(_work("mobilenet_v2_1.0_224")).first_inference_ms
    assert first is not None  # MobileNetV2 is among the nets the estimates were fitted to
    return (CONDITIONS if first.low > 6 else NOT), (first.low, first.high)


def token_seconds() -> Answer:
    took = token_time()
    return ("holds with conditions", "does not hold"), (took.low_s, took.high_s)


def cache_size() -> Answer:
    return (NOT if CACHE_BYTES > 6 * 2**20 else HOLDS), (CACHE_BYTES / 2**20,)


def streaming_rates() -> Answer:
    return (NOT if STREAMING_MB_S["usb3"][0] > 0 else HOLDS), STREAMING_MB_S["usb3"]


def vgg16_streams() -> Answer:
    work = _work("vgg16_224")
    # One text says that such a model cannot run, another that it runs somehow, and slower.
    return (NOT + CONDITIONS if work.streamed_bytes > 10 * CACHE_BYTES else HOLDS), (_published("vgg16_224", "desktop")[0],)


def qwen_bytes() -> Answer:
    return (HOLDS if abs(total_parameters() - 6e8) < 0.1 * 6e8 else NOT), (total_parameters() / 1e6,)


def decoder_blockers() -> Answer:
    kinds = {op.op for op in place_decoder_ops() if op.placement is Placement.CPU}
    return (HOLDS if kinds else NOT), (float(len(kinds)),)


def streaming_over_computing() -> Answer:
    took = token_time()
    return (HOLDS if took.low_s > 10 * took.multiply_s else NOT), (took.low_s / took.multiply_s, took.high_s / took.multiply_s)


def int8_speedups() -> Answer:
    slow = {sample.target: sample.latency_ms.p50 for sample in _record("float32").latency}
    ratios = [slow[sample.target] / sample.latency_ms.p50 for sample in _record("ptq_int8").latency]
    return (CONDITIONS if min(ratios) < 2 else HOLDS), _range(ratios)


def size_ratios() -> Answer:
    ratios = [_record("float32").size_bytes / _record(recipe).size_bytes for recipe in ("ptq_int8", "ptq_int8_per_tensor")]
    return (CONDITIONS if min(ratios) < 4 else HOLDS), _range(ratios)


def pruned_bytes() -> Answer:
    stored = {_inspected(_record(recipe).file).parameter_bytes or 0 for recipe in ("ptq_int8", "prune50_ptq_int8", "prune80_ptq_int8")}
    return (HOLDS if len(stored) == 1 else NOT), tuple(float(one) for one in sorted(stored))


def ptq_losses() -> Answer:
    lost = [net.lost_points for net in list_architectures()]
    return (CONDITIONS if min(lost) < 1 < max(lost) else NOT), _range(lost)


def nano_resnet() -> Answer:
    (fp16,) = find_device("Jetson Nano").find("latency", "ResNet-50 256")
    return (NOT if fp16.low > 2 * 6 else HOLDS), (fp16.low, 79.0)


def orin_nx_peak() -> Answer:
    (peak,) = find_device("Jetson Orin NX").find("peak")
    return CONDITIONS, (peak.low,)


def peaks_of_nano_and_coral() -> Answer:
    nano, coral = find_device("Jetson Nano").find("peak")[0], find_device("Coral USB Accelerator").find("peak")[0]
    return (("not comparable",) if nano.unit != coral.unit else HOLDS), (nano.low, coral.low)


def hailo_throughput() -> Answer:
    hailo = find_device("Hailo-8")
    (rate,) = hailo.find("throughput", MOBILENET)
    return (NOT if hailo.find("latency", MOBILENET) else ("not comparable",)), (rate.low,)


def hailo_peak() -> Answer:
    return CONDITIONS, (find_device("Hailo-8").find("peak")[0].low,)


def hailo8l_peak() -> Answer:
    device = find_device("Hailo-8L")
    return (CONDITIONS if "power" in device.not_found else HOLDS), (device.find("peak")[0].low,)


def pi4_mobilenet() -> Answer:
    slower, asked = find_device("Raspberry Pi 4 (processor alone)"), find_device("Raspberry Pi 5 (processor alone)")
    return (HOLDS if asked.find("latency", MOBILENET) else ("no source found",)), (slower.find("latency", MOBILENET)[0].low,)


def own_table_ratios() -> Answer:
    low, high = _range([38 / other for other in (8, 6, 4, 1.2)])
    return (NOT if high > 6 else HOLDS), (low, high)


def frames_per_tops() -> Answer:
    low, high = _range([row.frames_per_tops for row in mobilenet_throughputs()])
    return (HOLDS if high > 2 * low else NOT), (low, high)


def orin_nano_dense() -> Answer:
    (peak,) = find_device("Jetson Orin Nano 4GB").find("peak")
    return (CONDITIONS if peak.low < 40 else HOLDS), (peak.low,)


def myriad_memory() -> Answer:
    (memory,) = find_device("Myriad X / Neural Compute Stick 2").find("memory")
    return (NOT if memory.low < 4 else HOLDS), (memory.low,)


def hard_swish() -> Answer:
    return (CONDITIONS if "HARD_SWISH" not in SUPPORT else HOLDS), (float("HARD_SWISH" in SUPPORT),)


def file_and_process() -> Answer:
    return ("holds with conditions", "holds"), (bundled_model("digits_cnn_int8").path.stat().st_size / 1e6,)


def sensors_per_server() -> Answer:
    grid = queues.break_even_grid((1, 5, 15, 30), (2.6, 7.2, 12), limit_ms=100, network_ms=5)
    low, high = _range([float(most) for row in grid for most in row])
    return (CONDITIONS if low < 10 or high > 20 else HOLDS), (low, high)


def server_beats_device() -> Answer:
    on_device = find_device("Raspberry Pi 4 (processor alone)").find("latency", MOBILENET)[0].low
    over_server = queues.server_delay(10, 10, find_device("Coral USB Accelerator").find("latency", MOBILENET)[0].low, network_ms=5).mean_ms
    return (CONDITIONS if over_server < on_device else HOLDS), (over_server, on_device)


def dual_temperature() -> Answer:
    (found,) = find_device("Coral M.2 with Dual Edge TPU").find("temperature")
    assert found.high is not None
    return (CONDITIONS if "temperature" in find_device("Coral USB Accelerator").not_found else HOLDS), (found.low, found.high)


def shifted_accuracy() -> Answer:
    right = shares_right(bundled_model("digits_cnn_int8").path, ("noise3", "none"))
    noisy, plain = 100 * right["noise3"], 100 * right["none"]
    return (HOLDS if noisy < plain - 5 else NOT), (noisy, plain)


CHECKS: Final[dict[str, Callable[[], Answer]]] = {
    function.__name__: function
    for function in (
        coral_utilisation, coral_peak, mobilenet_latencies, ssd_latencies, kinds_that_map, one_blocker, one_cut, deeplab_left_over,
        active_power, frames_per_second, first_inference, token_seconds, cache_size, streaming_rates, vgg16_streams, qwen_bytes,
        decoder_blockers, streaming_over_computing, int8_speedups, size_ratios, pruned_bytes, ptq_losses, nano_resnet, orin_nx_peak,
        peaks_of_nano_and_coral, hailo_throughput, hailo_peak, hailo8l_peak, pi4_mobilenet, own_table_ratios, frames_per_tops,
        orin_nano_dense, myriad_memory, hard_swish, file_and_process, sensors_per_server, server_beats_device, dual_temperature,
        shifted_accuracy,
    )
}  # fmt: skip
"""By the name that stands in ``check`` of ``data/claims.toml``."""
