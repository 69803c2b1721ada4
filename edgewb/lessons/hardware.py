"""Accelerators and boards as others published them (``data/hardware.toml``): each figure with its source, and what was not found."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from edgewb.errors import StorageError, unknown_name
from edgewb.lessons.tables import WordTable
from edgewb.locations import data_folder, storage_error
from edgewb.types import Basis, Jsonable

KINDS: Final = ("peak", "power", "memory", "temperature", "latency", "throughput")
MOBILENET: Final = "MobileNetV2 224"
MOBILENET_GOP: Final = 0.6016
"""Operations of one MobileNetV2 at 224 x 224, in thousand millions: two for each of its 300,775,552 multiplications (its layer list in
``data/latency``)."""


_PAGE: Final = re.compile(r"coral\.(ai|withgoogle\.com)/[^\s,]+")
_NOT_THE_MAKER: Final = ("measured by others", "second hand", "a copy", "a reseller")
_FILE: Final = re.compile(
    r"(.*\()?(?P<repository>(google|google-coral|hailo-ai|raspberrypi)/[\w-]+)@(?P<commit>[0-9a-f]+)\)?( (?P<path>[\w./-]+))?$"
)


@dataclass(frozen=True, kw_only=True)
class Figure(Jsonable):
    """A published figure; ``high`` is None where it is one number. ``network`` and ``batch`` are set for latencies and throughputs."""

    of: str
    low: float
    unit: str
    about: str
    source: str
    edition: str
    high: float | None = None
    network: str | None = None
    batch: int | None = None
    basis: Basis = Basis.PUBLISHED

    @property
    def shown(self) -> str:
        """ "4 TOPS", "0.58 to 1.2 W"."""
        return f"{self.low:g}{'' if self.high is None else f' to {self.high:g}'} {self.unit}"

    @property
    def maker_page(self) -> str:
        """Where it stands, if the source names a public page or repository of the maker; "" otherwise."""
        if (page := _PAGE.search(self.source)) and not self.source.startswith(_NOT_THE_MAKER):
            return f"https://{page[0]}"
        if file := _FILE.match(self.source):
            return f"https://github.com/{file['repository']}/tree/{file['commit']}/{file['path'] or ''}".rstrip("/")
        return ""


@dataclass(frozen=True, kw_only=True)
class Device(Jsonable):
    """An accelerator or a board. ``not_found``: what was looked for without success."""

    name: str
    family: str
    about: str
    figures: tuple[Figure, ...]
    not_found: tuple[str, ...]

    def find(self, of: str, network: str | None = None) -> tuple[Figure, ...]:
        """Its figures of a kind, for one network or any."""
        return tuple(one for one in self.figures if one.of == of and network in (None, one.network))


def read_toml(name: str) -> dict[str, Any]:
    """A .toml of the repository's data.

    Raises:
        StorageError: it is not there, or damaged.
    """
    path = data_folder() / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise storage_error(path, "read", error) from None
    except ValueError as error:
        raise StorageError(f"{str(path)!r} is damaged ({error}): take it from the repository again") from None


@cache
def load_devices() -> tuple[Device, ...]:
    """All of ``data/hardware.toml``, in its order.

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    return tuple(
        Device(
            name=raw["name"],
            family=raw["family"],
            about=raw["about"],
            figures=tuple(Figure(**figure) for figure in raw.get("figure", ())),
            not_found=tuple(raw["not_found"]),
        )
        for raw in read_toml("hardware.toml")["device"]
    )


def find_device(name: str) -> Device:
    """One of ``load_devices()``.

    Raises:
        InputError: an unknown name. StorageError: as there.
    """
    known = {device.name: device for device in load_devices()}
    if name not in known:
        raise unknown_name("device", name, known)
    return known[name]


def show_devices(families: Sequence[str] = (), of: Sequence[str] = ("peak", "power", "memory")) -> WordTable:
    """A table of devices and some kinds of figures, each with its conditions and the number of its source, which stands below.

    Args:
        families: such as ("Coral", "Hailo"); all by default. of: kinds of figures, see ``KINDS``.

    Raises:
        InputError: an unknown family or kind.
    """
    known = {device.family: None for device in load_devices()}
    for given, allowed, kind in [*((f, known, "family") for f in families), *((k, dict.fromkeys(KINDS), "kind of figure") for k in of)]:
        if given not in allowed:
            raise unknown_name(kind, given, allowed)
    rows, sources = [], dict[tuple[str, str], int]()
    for device in load_devices():
        if families and device.family not in families:
            continue
        cells = []
        for kind in of:
            found = []
            for f in device.find(kind):
                number = sources.setdefault((f"{f.source} (edition: {f.edition})", f.maker_page), len(sources) + 1)
                found.append(f"{f.shown}{'' if f.network is None else f' {f.network}'} ({f.about}) [{number}]")
            cells.append("; ".join(found) or "not found")
        rows.append((device.name, *cells))
    return WordTable(
        columns=("device", *of),
        rows=tuple(rows),
        note="Published or measured by others, never by us; [1] and so on are the sources. Prices: none found with a date.",
        footnotes=tuple(sources),
    )


def show_sources(name: str) -> WordTable:
    """Every figure of a device with its source and edition.

    Raises:
        InputError: an unknown name.
    """
    device = find_device(name)
    rows = [
        (f"{f.of}{'' if f.network is None else f', {f.network}'}", f.shown, f.about, f"{f.source} ({f.edition})") for f in device.figures
    ]
    return WordTable(
        columns=("figure", "value", "conditions", "source (edition)"),
        rows=tuple(rows),
        note=f"{device.about} Not found: {', '.join(device.not_found) or 'nothing'}.",
    )


@dataclass(frozen=True, kw_only=True)
class Throughput(Jsonable):
    """How much of a published peak one network uses, from published figures.

    ``frames_s``: published, or 1000 over a published latency in ms where ``from_latency`` (one frame at a time: more would be possible if
    frames overlapped). ``peak_tops``: the largest peak its maker states. ``utilisation``: share of that peak that the network's own
    multiplications and additions take.
    """

    device: str
    frames_s: float
    from_latency: bool
    peak_tops: float
    frames_per_tops: float
    utilisation: float
    source: str
    basis: Basis = Basis.PUBLISHED


def mobilenet_throughputs() -> tuple[Throughput, ...]:
    """MobileNetV2 (224 x 224, batch 1) on every device with a published peak in TOPS and a published throughput or latency of it."""
    rows = []
    for device in load_devices():
        peaks = [f for f in device.find("peak") if f.unit == "TOPS"]
        published = device.find("throughput", MOBILENET) or device.find("latency", MOBILENET)
        if not peaks or not published:
            continue
        best = published[0]
        frames = best.low if best.of == "throughput" else 1000 / best.low
        peak = peaks[0].high or peaks[0].low
        rows.append(
            Throughput(
                device=device.name,
                frames_s=frames,
                from_latency=best.of == "latency",
                peak_tops=peak,
                frames_per_tops=frames / peak,
                utilisation=frames * MOBILENET_GOP / (peak * 1000),
                source=best.source,
            )
        )
    return tuple(rows)
