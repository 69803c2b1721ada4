"""Latencies, throughputs and what follows from them: published rows, the texts' own tables, estimates, queues."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.estimates.estimations import estimate_work, parts_of
from edgewb.estimates.hosts import find_profile
from edgewb.estimates.works import Work, work_of_row
from edgewb.lessons import queues
from edgewb.lessons.claim_rules import (
    CONDITIONS,
    HOLDS,
    NOT,
    NOT_COMPARABLE,
    Check,
    Figures,
    Judge,
    first_is_highest,
    first_is_lowest,
    in_range,
    near_a_row,
    none_published,
    span,
    with_conditions,
)
from edgewb.lessons.claim_tables import claim_table
from edgewb.lessons.hardware import MOBILENET, find_device, mobilenet_throughputs
from edgewb.lessons.language_models import STREAMING_MB_S, token_time
from edgewb.locations import data_folder

_PI4, _PI5 = "Raspberry Pi 4 (processor alone)", "Raspberry Pi 5 (processor alone)"


@cache
def _latency_data(name: str) -> Any:
    return json.loads((data_folder() / "latency" / name).read_text(encoding="utf-8"))


def _published(model: str, *hosts: str) -> Figures:
    return tuple(row["ms"] for row in _latency_data("latencies.json")["rows"] if row["model"] == model and row["host"] in hosts)


def _work(model: str) -> Work:
    return work_of_row(_latency_data("models.json")["models"][model])


def _mobilenet_latencies() -> Figures:
    return _published("mobilenet_v2_1.0_224", "desktop", "desktop_python", "pi4", "pi3")


def _fast_and_slow_bus() -> Figures:
    rows = _latency_data("latencies.json")["rows"]
    return tuple(
        best(row["ms"] for row in rows if row["model"] == "mobilenet_v2_1.0_224" and row["bus"] == bus)
        for bus, best in (("usb3", min), ("usb2", max))
    )


def _slower_bus(_stated: Figures, found: Figures) -> str:
    return CONDITIONS if found[1] > 2 * found[0] else HOLDS


def _deeplab() -> Figures:
    work, (whole,) = _work("deeplabv3_mnv2_513"), _published("deeplabv3_mnv2_513", "desktop")
    mapped = sum(ms for part, ms in parts_of(work, find_profile("desktop")).items() if part != "cpu_ops")
    return mapped, whole


def _twice_as_long(verdict: str) -> Judge:
    return lambda _stated, found: verdict if found[1] > 2 * found[0] else NOT


def _frames_per_second() -> Figures:
    (maker,) = find_device("Coral M.2 Accelerator").find("throughput", MOBILENET)
    return 1000 / claim_table("concepts_performance").rows["MobileNetV2"]["ms"], maker.low


def _first_inference() -> Figures:
    first = estimate_work(_work("mobilenet_v2_1.0_224")).first_inference_ms
    assert first is not None  # MobileNetV2 is among the nets the estimates were fitted to
    return first.low, first.high


def _longer_but_not_so(stated: Figures, found: Figures) -> str:
    """The first inference and the later ones are stated, the interval of the first was found."""
    if found[0] <= stated[0] <= found[1]:
        return HOLDS
    return CONDITIONS if found[0] > 2 * stated[1] else NOT


def _vgg16() -> Figures:
    return _published("vgg16_224", "desktop")[0], _work("vgg16_224").streamed_bytes / 1e6, CACHE_BYTES / 1e6


def _streams_and_runs(verdict: str) -> Judge:
    return lambda _stated, found: verdict if found[1] > found[2] else HOLDS


def _token() -> Figures:
    took = token_time()
    return took.low_s, took.high_s, took.low_s / took.multiply_s, took.high_s / took.multiply_s


def _slow_yet_finite(verdict: str) -> Judge:
    """A token takes longer than anybody waits for (more than half a second), yet streaming brings it to an end."""
    return lambda _stated, found: verdict if 0.5 < found[0] < 60 else HOLDS if found[0] >= 60 else NOT


def _hailo_throughput() -> Figures:
    hailo = find_device("Hailo-8")
    (rate,) = hailo.find("throughput", MOBILENET)
    return rate.low, float(len(hailo.find("latency", MOBILENET)))


def _pi5_and_pi4() -> Figures:
    return float(len(find_device(_PI5).find("latency", MOBILENET))), find_device(_PI4).find("latency", MOBILENET)[0].low


def _count_published(device: str) -> Check:
    return Check(find=lambda: (float(len(find_device(device).find("latency", MOBILENET))),), judge=none_published)


def _own(row: str) -> float:
    return claim_table("guide_latency").rows[row]["ms"]


def _own_slowness() -> Figures:
    others = [name for name in claim_table("guide_latency").rows if not name.startswith("Raspberry")]
    return tuple(_own("Raspberry Pi 5, TFLite int8") / _own(name) for name in others)


def _own_fastest() -> Figures:
    coral = "Coral USB, TFLite int8"
    return (_own(coral), *(_own(name) for name in claim_table("guide_latency").rows if name != coral))


def _own_spreads() -> Figures:
    """How far runtimes differ on one piece of hardware, and hardware under one runtime and precision."""
    runtimes = _own("Raspberry Pi 5, ONNX Runtime float32") / _own("Raspberry Pi 5, TFLite int8")
    return runtimes, _own("Raspberry Pi 5, TFLite int8") / _own("Coral USB, TFLite int8")


def _hailo_over_coral() -> Figures:
    frames = {row.device: row.frames_s for row in mobilenet_throughputs()}
    return frames["Hailo-8"], frames["Coral USB Accelerator"], frames["Coral M.2 Accelerator"]


def _larger_nets() -> Figures:
    return find_device("Hailo-8").find("throughput", "ResNet-50 224")[0].low, 1000 / _published("resnet50_299", "desktop")[0]


def _sensors() -> Figures:
    grid = queues.break_even_grid((1, 5, 15, 30), (2.6, 7.2, 12), limit_ms=100, network_ms=5)
    return span(tuple(float(most) for row in grid for most in row))


def _server_and_device() -> Figures:
    on_device = find_device(_PI4).find("latency", MOBILENET)[0].low
    over_server = queues.server_delay(10, 10, find_device("Coral USB Accelerator").find("latency", MOBILENET)[0].low, network_ms=5).mean_ms
    return over_server, on_device


def _phone_speedups() -> Figures:
    return tuple(row["float_ms"] / row["int8_ms"] for row in claim_table("efficientnet_lite").rows.values())


def _seconds_of_compiling() -> Figures:
    return tuple(ms / 1000 for ms in claim_table("compilations").column("ms"))


def _covers(stated: Figures, found: Figures) -> str:
    """A range of sensors: the found range is that one, or reaches beyond it, so that it depends on more."""
    return HOLDS if stated[0] <= found[0] and found[1] <= stated[1] else CONDITIONS


def _some_carry(stated: Figures, found: Figures) -> str:
    return HOLDS if found[0] >= stated[0] else CONDITIONS if found[1] >= stated[0] else NOT


CHECKS: Final = {
    "mobilenet_latencies": Check(find=_mobilenet_latencies, judge=near_a_row, shown=span),
    "fast_and_slow_bus": Check(find=_fast_and_slow_bus, judge=_slower_bus),
    "ssd_latencies": Check(find=lambda: _published("ssd_mnv2_300", "desktop", "devboard"), judge=near_a_row, shown=span),
    "deeplab_left_over": Check(find=_deeplab, judge=_twice_as_long(CONDITIONS)),
    "deeplab_slowed": Check(find=_deeplab, judge=_twice_as_long(HOLDS)),
    "frames_per_second": Check(find=_frames_per_second, judge=near_a_row),
    "first_inference": Check(find=_first_inference, judge=_longer_but_not_so),
    "vgg16_runs": Check(find=_vgg16, judge=_streams_and_runs(NOT), shown=lambda found: found[:1]),
    "vgg16_is_slow": Check(find=_vgg16, judge=_streams_and_runs(CONDITIONS), shown=lambda found: found[:1]),
    "streaming_rates": Check(find=lambda: STREAMING_MB_S["usb3"], judge=lambda _, found: NOT if found[0] > 0 else HOLDS),
    "token_is_slow": Check(find=_token, judge=_slow_yet_finite(CONDITIONS), shown=lambda found: found[:2]),
    "token_is_possible": Check(find=_token, judge=_slow_yet_finite(NOT), shown=lambda found: found[:2]),
    "streaming_over_computing": Check(find=_token, judge=lambda _, found: HOLDS if found[2] > 10 else NOT, shown=lambda found: found[2:]),
    "hailo_throughput": Check(
        find=_hailo_throughput, judge=lambda _, found: CONDITIONS if found[1] else NOT_COMPARABLE, shown=lambda found: found[:1]
    ),
    "pi4_mobilenet": Check(find=_pi5_and_pi4, judge=none_published, shown=lambda found: found[1:]),
    "pi5_published": _count_published(_PI5),
    "orin_nx_published": _count_published("Jetson Orin NX"),
    "own_slowness": Check(find=_own_slowness, judge=lambda stated, found: HOLDS if in_range(stated, found) == HOLDS else NOT, shown=span),
    "own_fastest": Check(find=_own_fastest, judge=first_is_lowest, shown=lambda found: (found[0], min(found[1:]))),
    "own_spreads": Check(find=_own_spreads, judge=lambda _, found: CONDITIONS if found[1] > found[0] else NOT),
    "hailo_over_coral": Check(find=_hailo_over_coral, judge=first_is_highest, shown=lambda found: (found[0], max(found[1:]))),
    "larger_nets": Check(find=_larger_nets, judge=with_conditions(first_is_highest)),
    "frames_per_tops": Check(
        find=lambda: tuple(row.frames_per_tops for row in mobilenet_throughputs()),
        judge=lambda _, found: HOLDS if max(found) > 2 * min(found) else NOT,
        shown=span,
    ),
    "sensors_per_server": Check(find=_sensors, judge=_covers),
    "many_on_few": Check(find=_sensors, judge=_some_carry),
    "server_beats_device": Check(find=_server_and_device, judge=lambda _, found: CONDITIONS if found[0] < found[1] else HOLDS),
    "phone_speedups": Check(find=_phone_speedups, judge=in_range, shown=span),
    "seconds_of_compiling": Check(find=_seconds_of_compiling, judge=lambda _, found: CONDITIONS if max(found) < 60 else HOLDS, shown=span),
}
