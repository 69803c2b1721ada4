"""Nets whose latency others published, with what each asks of the chip: the rows behind the estimates, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from edgewb.errors import unknown_name
from edgewb.estimates.estimations import Estimate, estimate_work
from edgewb.estimates.hosts import find_profile
from edgewb.estimates.published import load_rows
from edgewb.estimates.works import Work
from edgewb.locations import data_folder

HOSTS = ("desktop", "pi4", "pi3", "devboard")


@dataclass(frozen=True, kw_only=True)
class PublishedLatency:
    """One figure as it was published: milliseconds per inference. Which kind of mean it is, and of how many calls, is mostly not stated."""

    host: str
    bus: str
    clock: str
    ms: float
    source: str


@dataclass(frozen=True, kw_only=True)
class PublishedNet:
    """A net of ``data/latency``.

    Attributes:
        name: as in ``data/latency/models.json``.
        cached_bytes, streamed_bytes: parameters as the device stores them, predicted from its layers (``edgewb rules``).
        latencies: what was published of it, at most one figure per source.
        work: what one inference asks of the device.
    """

    name: str
    cached_bytes: int
    streamed_bytes: int
    latencies: tuple[PublishedLatency, ...]
    work: Work


@cache
def published_nets() -> dict[str, PublishedNet]:
    """All of them by name.

    Raises:
        StorageError: the repository's data are not there. InputError: they are damaged.
    """
    found: dict[str, tuple[Work, list[PublishedLatency]]] = {}
    for host in HOSTS:
        rows = load_rows(host, data_folder() / "latency")
        for name, work, ms, source in zip(rows.models, rows.works, rows.ms, rows.sources, strict=True):
            bus = find_profile(host).bus
            found.setdefault(name, (work, []))[1].append(PublishedLatency(host=host, bus=bus, clock="max", ms=float(ms), source=source))
    return {
        name: PublishedNet(
            name=name, cached_bytes=work.cached_bytes, streamed_bytes=work.streamed_bytes, latencies=tuple(latencies), work=work
        )
        for name, (work, latencies) in found.items()
    }


def published_net(name: str) -> PublishedNet:
    """One of them. Raises InputError for an unknown name."""
    nets = published_nets()
    if name not in nets:
        raise unknown_name("published net", name, nets)
    return nets[name]


def estimate_published(name: str, places: Sequence[tuple[str, str, str]]) -> list[Estimate]:
    """The estimates of a published net, for each (host, bus, clock). The desktop's figures are among those the estimates were fitted to."""
    work = published_net(name).work
    return [estimate_work(work, find_profile(host, bus, clock), name) for host, bus, clock in places]
