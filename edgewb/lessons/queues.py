"""On the device or on an edge server: how long frames of many sensors wait for one server, and where the break-even lies.

The waiting line is M/G/1: frames come independently of each other (Poisson), one server takes them one at a time, first come first served.
Independent cameras of a fixed frame rate come close to it once they are many, and wait less than it says; see ``simulate_waits``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError
from edgewb.lessons.tables import WordTable
from edgewb.types import Basis, Jsonable

MEAN_SOURCE = "Pollaczek-Khinchine: mean wait = rate · E[service²] / (2 (1 - utilisation)); L. Kleinrock, Queueing Systems 1 (1975), 5.6"
QUANTILE_SOURCE = "M/D/1 waiting times as a sum of positive terms: G. Franx, Operations Research Letters 29 (2001) 221-229"
_MOST_SENSORS = 100_000
_HEAVY, _LONG = 0.9, 5.0  # load and service times from which the tail alone is asked: there both ways agree to six digits


def _positive(value: float, name: str, unit: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} is {value!r}: give a number above 0, in {unit}")
    return float(value)


def utilisation(sensors: int, frame_rate: float, service_ms: float) -> float:
    """Share of its time that the server works; at 1 and above the line grows without end.

    Args:
        sensors: how many send frames. frame_rate: frames per second of each. service_ms: what one frame takes the server.

    Raises:
        InputError: a value that is not above 0.
    """
    frames = _positive(sensors, "sensors", "sensors") * _positive(frame_rate, "frame_rate", "frames per second")
    return frames * _positive(service_ms, "service_ms", "milliseconds") / 1000


def mean_wait_ms(load: float, service_ms: float, variation: float = 0.0) -> float:
    """Mean milliseconds a frame waits before the server takes it; infinite from a load of 1.

    Args:
        load: utilisation, 0..1. service_ms: mean service time.
        variation: standard deviation of the service time over its mean: 0 for a network that always takes the same, 1 for exponential.

    Source: ``MEAN_SOURCE``.
    """
    if load >= 1:
        return math.inf
    return load * service_ms * (1 + variation**2) / (2 * (1 - load))


def _numbers_in_line(load: float, most: int) -> npt.NDArray[np.float64]:
    """Probabilities of 0, 1, ... frames at the server (waiting or served), M/D/1, by its embedded chain."""
    arrivals = np.exp(-load + np.arange(most + 1) * math.log(load) - np.array([math.lgamma(k + 1) for k in range(most + 1)]))
    beyond = 1 - np.cumsum(arrivals)  # more than k arrivals during one service
    found = np.zeros(most + 1)
    found[0] = 1 - load
    for state in range(1, most + 1):
        # What goes up over a cut of the chain comes down again: positive terms only, so nothing cancels.
        up = found[0] * beyond[state - 1] + float(np.dot(found[1:state], beyond[state - 1 : 0 : -1]))
        found[state] = up / arrivals[0]
    return found


def wait_quantile_ms(load: float, service_ms: float, share: float = 0.99) -> float:
    """Milliseconds that this share of the frames waits at most, with a constant service time (M/D/1); infinite from a load of 1.

    Args:
        load: utilisation, 0..1. service_ms: of every frame. share: 0..1, such as 0.99 for the 99th percentile.

    Raises:
        InputError: a share outside 0..1. Source: ``QUANTILE_SOURCE``.
    """
    if not 0 < share < 1:
        raise InputError(f"share is {share!r}: give one between 0 and 1, such as 0.99")
    if load >= 1:
        return math.inf
    if share <= 1 - load:
        return 0.0
    if load > _HEAVY and (long := _tail_quantile(load, share)) > _LONG:
        return long * service_ms
    most = 150
    at_most = np.cumsum(_numbers_in_line(load, most))
    log_factorials = np.array([math.lgamma(j + 1) for j in range(most)])

    def waited(time: float) -> float:
        """Share that waits at most so many service times."""
        services = max(1, math.ceil(time))
        left = load * (services - time)
        if left == 0:
            return float(at_most[min(services, most)])
        terms = np.exp(-left + np.arange(services) * math.log(left) - log_factorials[:services])
        return float(np.dot(at_most[services:0:-1], terms))

    low, high = 0.0, 1.0
    while waited(high) < share and high < most - 1:
        low, high = high, high + 1
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if waited(middle) >= share else (middle, high)
    return high * service_ms


def _tail_quantile(load: float, share: float) -> float:
    """The same from the exponential tail of the waiting times, in service times; exact to six digits where ``wait_quantile_ms`` uses it.

    P(wait > t) goes to constant * exp(-decay * t), where load * (exp(decay) - 1) = decay. Source: H. Tijms, A First Course in Stochastic
    Models (2003), 9.2 (M/G/1) with a constant service time.
    """
    from scipy.optimize import brentq

    # Between the slopes of a light and a heavy load; exp(x) - 1 - x is about x**2 / 2, so the root lies near 2 * (1 - load) / load.
    decay = float(brentq(lambda x: load * math.expm1(x) - x, (1 - load) / load, 3 * (1 - load) / load))
    constant = (1 - load) / (load * math.exp(decay) - 1)
    return math.log(constant / (1 - share)) / decay


def simulate_waits(
    sensors: int, frame_rate: float, service_ms: float, arrivals: str = "poisson", frames: int = 200_000, seed: int = 0
) -> npt.NDArray[np.float64]:
    """The same line played through frame by frame: milliseconds each frame waits, the first tenth left out.

    Args:
        arrivals: "poisson": as in the formulas; "periodic": each camera keeps its frame rate, and they start at random moments; "together":
            all cameras fire at once.
        frames: about how many. seed: of the random numbers.

    Returns:
        float64, one per frame.

    Raises:
        InputError: unknown arrivals, or a load of 1 and above.
    """
    load = utilisation(sensors, frame_rate, service_ms)
    if load >= 1:
        raise InputError(f"{sensors} sensors load the server by {100 * load:.0f} %: its line grows without end; below 100 % is allowed")
    random, period = np.random.default_rng(seed), 1000 / frame_rate
    if arrivals == "poisson":
        times = np.cumsum(random.exponential(period / sensors, frames))
    elif arrivals in ("periodic", "together"):
        # Fresh moments of start every hundred frames: one draw would be one installation only.
        starts = random.random((max(1, frames // (100 * sensors)), sensors)) * (0.0 if arrivals == "together" else period)
        return np.concatenate(
            [_waits(np.sort((one + np.arange(100)[:, None] * period).ravel()), service_ms)[10 * sensors :] for one in starts]
        )
    else:
        raise InputError(f"unknown arrivals {arrivals!r}: known: poisson, periodic, together")
    return _waits(times, service_ms)[frames // 10 :]


def _waits(times: npt.NDArray[np.float64], service_ms: float) -> npt.NDArray[np.float64]:
    """Lindley's recursion: a frame waits what its predecessor waited and was served, less the time between the two."""
    steps = np.concatenate([[0.0], service_ms - np.diff(times)])
    walked = np.cumsum(steps)
    waits: npt.NDArray[np.float64] = walked - np.minimum.accumulate(walked)
    return waits


@dataclass(frozen=True, kw_only=True, repr=False)
class Delay(Jsonable):
    """Milliseconds from frame to answer over an edge server: network there and back, waiting, service.

    ``p99_ms`` of the waiting alone varies; network and service count as constants. Infinite where the server is overloaded.
    """

    sensors: int
    load: float
    mean_ms: float
    p99_ms: float
    basis: Basis = Basis.ESTIMATED

    def __repr__(self) -> str:
        if self.load >= 1:
            return f"{self.sensors} sensors: the server is loaded by {100 * self.load:.0f} %, its line grows without end ({self.basis})"
        return (
            f"{self.sensors} sensors: the server is loaded by {100 * self.load:.0f} %; an answer takes {self.mean_ms:.1f} ms on average, "
            f"99 of 100 take at most {self.p99_ms:.1f} ms ({self.basis})"
        )


def server_delay(sensors: int, frame_rate: float, service_ms: float, network_ms: float) -> Delay:
    """The delay over one edge server that ``sensors`` share.

    Args:
        frame_rate: frames per second of each sensor. service_ms: of one frame on the server. network_ms: there and back, without waiting.

    Raises:
        InputError: a value out of range.
    """
    if not (math.isfinite(network_ms) and network_ms >= 0):
        raise InputError(f"network_ms is {network_ms!r}: give milliseconds, 0 or more")
    load = utilisation(sensors, frame_rate, service_ms)
    fixed = network_ms + service_ms
    return Delay(
        sensors=sensors,
        load=load,
        mean_ms=fixed + mean_wait_ms(load, service_ms),
        p99_ms=fixed + wait_quantile_ms(load, service_ms),
    )


def most_sensors(frame_rate: float, service_ms: float, network_ms: float = 0.0, limit_ms: float | None = None) -> int:
    """How many sensors one server can take.

    Args:
        limit_ms: 99 of 100 frames must be answered within so many milliseconds; None: only overload counts.

    Returns:
        The largest number; 0 where even one sensor is too many. A single one of a fixed frame rate never waits for itself.

    Raises:
        InputError: a value out of range.
    """
    most = min(_MOST_SENSORS, math.ceil(1 / utilisation(1, frame_rate, service_ms)) - 1)
    if limit_ms is None:
        return most
    _positive(limit_ms, "limit_ms", "milliseconds")
    low, high = int(most >= 1 and network_ms + service_ms <= limit_ms), most
    while low < high:  # more sensors wait longer, never shorter
        middle = (low + high + 1) // 2
        low, high = (middle, high) if server_delay(middle, frame_rate, service_ms, network_ms).p99_ms <= limit_ms else (low, middle - 1)
    return low


@dataclass(frozen=True, kw_only=True, repr=False)
class BreakEven(Jsonable):
    """From how many sensors on an edge server costs less than a device at each; None where it never does within ``most_per_server``.

    Prices are those the reader gave, in the reader's money.
    """

    sensors: int | None
    device_price: float
    server_price: float
    link_price: float
    most_per_server: int

    def __repr__(self) -> str:
        prices = f"device {self.device_price:g}, server {self.server_price:g}, link {self.link_price:g}, as you gave them"
        if self.sensors is None:
            return f"a server for at most {self.most_per_server} sensors never costs less than a device at each ({prices})"
        return f"from {self.sensors} sensors on, one server costs no more than a device at each ({prices})"


def break_even(device_price: float, server_price: float, link_price: float = 0.0, most_per_server: int = 1000) -> BreakEven:
    """The smallest number of sensors at which one server, with a network link for each sensor, is no dearer than a device for each.

    Args:
        device_price: of what is needed at each sensor to compute there. server_price: of the server.
        link_price: of what is needed at each sensor to send its frames.
        most_per_server: how many sensors the server can take (``most_sensors``).

    Raises:
        InputError: a price that is below 0 or not a number.
    """
    for value, name in ((device_price, "device_price"), (server_price, "server_price"), (link_price, "link_price")):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} is {value!r}: give your price, 0 or more")
    saved = device_price - link_price
    needed = math.ceil(server_price / saved) if saved > 0 else None
    return BreakEven(
        sensors=None if needed is None or needed > most_per_server else max(1, needed),
        device_price=device_price,
        server_price=server_price,
        link_price=link_price,
        most_per_server=most_per_server,
    )


def server_costs(sensors: int, server_price: float, link_price: float, most_per_server: int) -> float:
    """What serving so many sensors costs, with as many servers as that takes and a link for each sensor; infinite where none takes one.

    Args:
        most_per_server: how many sensors a server can take (``most_sensors``).
    """
    if most_per_server < 1:
        return math.inf
    return math.ceil(sensors / most_per_server) * server_price + sensors * link_price


def show_waits(loads: Sequence[float] = (0.5, 0.8, 0.9, 0.95, 0.99)) -> WordTable:
    """How long frames wait at a server that works this share of its time, in service times: on average, and 99 of 100 at most.

    Raises:
        InputError: a load outside 0..1.
    """
    if wrong := [load for load in loads if not 0 < load < 1]:
        raise InputError(f"load {wrong[0]!r}: give shares of time between 0 and 1, such as 0.9")
    return WordTable(
        columns=("load of the server", "mean wait, in service times", "99 of 100 frames wait at most"),
        rows=tuple((f"{100 * load:g} %", f"{mean_wait_ms(load, 1):.1f}", f"{wait_quantile_ms(load, 1):.1f}") for load in loads),
        note="Estimated: frames at random moments, the same time for each (M/D/1).",
    )


def break_even_grid(frame_rates: Sequence[float], services_ms: Sequence[float], limit_ms: float, network_ms: float) -> list[list[int]]:
    """``most_sensors`` for each frame rate (rows) and service time (columns)."""
    return [[most_sensors(rate, service, network_ms, limit_ms) for service in services_ms] for rate in frame_rates]
