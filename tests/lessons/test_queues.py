"""Waiting times against a simulation, against closed forms, and against what cannot be otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import InputError
from edgewb.lessons.queues import (
    break_even,
    break_even_grid,
    mean_wait_ms,
    most_sensors,
    server_delay,
    show_waits,
    simulate_waits,
    utilisation,
    wait_quantile_ms,
)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8, 0.9])
def test_formulas_agree_with_the_simulation(load: float) -> None:
    waits = simulate_waits(10, 100 * load, 1.0, frames=1_000_000, seed=3)
    assert waits.mean() == pytest.approx(mean_wait_ms(load, 1.0), rel=0.03)
    for share in (0.95, 0.99):
        assert np.quantile(waits, share) == pytest.approx(wait_quantile_ms(load, 1.0, share), rel=0.04)


def test_exponential_service_waits_twice_as_long() -> None:
    # M/M/1: load * service / (1 - load), from any textbook.
    assert mean_wait_ms(0.6, 2.0, variation=1.0) == pytest.approx(0.6 * 2.0 / 0.4)
    assert mean_wait_ms(0.6, 2.0) == pytest.approx(0.3 * 2.0 / 0.4)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_quantile_within_one_service_time_is_known_in_closed_form(load: float) -> None:
    # P(wait <= t) = (1 - load) * exp(load * t) for t up to one service time (Erlang, 1909).
    share = (1 - load) * math.exp(load * 0.5)
    assert wait_quantile_ms(load, 8.0, share) == pytest.approx(4.0, rel=1e-6)


def test_cameras_of_a_fixed_rate_wait_less_and_all_at_once_most() -> None:
    random, fixed, together = (simulate_waits(20, 10, 4.0, kind, frames=200_000) for kind in ("poisson", "periodic", "together"))
    assert np.quantile(fixed, 0.99) < np.quantile(random, 0.99)
    assert together.max() == pytest.approx(19 * 4.0)
    assert together.mean() == pytest.approx(9.5 * 4.0)


def test_an_overloaded_server_never_answers() -> None:
    assert mean_wait_ms(1.0, 5.0) == math.inf
    delay = server_delay(100, 30, 12, 5)
    assert delay.load == pytest.approx(36)
    assert delay.mean_ms == delay.p99_ms == math.inf
    assert "without end" in repr(delay)
    with pytest.raises(InputError, match="3600 %"):
        simulate_waits(100, 30, 12)


def test_few_frames_hardly_wait() -> None:
    delay = server_delay(1, 1, 2.0, 5.0)
    assert delay.p99_ms == pytest.approx(7.0)
    assert delay.mean_ms == pytest.approx(7.0, abs=0.01)
    assert "99 of 100 take at most 7.0 ms (estimated)" in repr(delay)


@given(load=st.floats(0.02, 0.98), service=st.floats(0.1, 100), share=st.floats(0.5, 0.999))
def test_quantiles_grow_with_load_share_and_service(load: float, service: float, share: float) -> None:
    wait = wait_quantile_ms(load, service, share)
    assert 0 <= wait < math.inf
    assert wait_quantile_ms(load, 2 * service, share) == pytest.approx(2 * wait)
    assert wait_quantile_ms(min(0.99, load + 0.01), service, share) >= wait - 1e-6 * service
    assert wait_quantile_ms(load, service, min(0.9999, share + 0.0005)) >= wait - 1e-6 * service


@given(rate=st.floats(0.1, 120), service=st.floats(0.1, 500), network=st.floats(0, 50), limit=st.floats(1, 500))
def test_most_sensors_keeps_the_limit_and_one_more_breaks_it(rate: float, service: float, network: float, limit: float) -> None:
    most = most_sensors(rate, service, network, limit)
    if most > 1:
        assert server_delay(most, rate, service, network).p99_ms <= limit
    if most == 0:
        assert network + service > limit or utilisation(1, rate, service) >= 1
    else:
        after = server_delay(most + 1, rate, service, network)
        assert after.p99_ms > limit or after.load >= 1


def test_most_sensors_without_a_limit_stops_before_overload() -> None:
    assert most_sensors(10, 10) == 9
    assert most_sensors(10, 100) == 0
    assert most_sensors(10, 99) == 1


def test_break_even() -> None:
    found = break_even(60, 900, 15)
    assert found.sensors == 20
    assert "from 20 sensors on" in repr(found)
    assert break_even(60, 900, 60).sensors is None
    assert break_even(60, 900, 15, most_per_server=19).sensors is None
    assert "never costs less" in repr(break_even(10, 900, 15))
    assert break_even(60, 0, 0).sensors == 1


def test_grid_is_rates_by_services() -> None:
    grid = break_even_grid([1, 30], [2.6, 7.2, 12], 100, 5)
    assert [len(row) for row in grid] == [3, 3]
    assert grid[0][0] > grid[0][2] > grid[1][2] >= 1


def test_table_of_waits() -> None:
    table = show_waits([0.5, 0.95])
    assert table.rows[0][1] == "0.5"
    assert table.rows[1][1] == "9.5"
    with pytest.raises(InputError, match=r"load 1\.5"):
        show_waits([1.5])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: utilisation(0, 10, 2), "sensors is 0"),
        (lambda: utilisation(3, -1, 2), "frame_rate is -1"),
        (lambda: server_delay(3, 10, math.nan, 2), "service_ms is nan"),
        (lambda: server_delay(3, 10, 2, -1), "network_ms is -1"),
        (lambda: wait_quantile_ms(0.5, 1, 1.0), "share is 1.0"),
        (lambda: break_even(-1, 2), "device_price is -1"),
        (lambda: simulate_waits(3, 1, 1, "sometimes"), "unknown arrivals 'sometimes'"),
        (lambda: most_sensors(1, 1, 0, 0), "limit_ms is 0"),
    ],
)
def test_bad_input(call: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("share", [0.9, 0.99, 0.999])
def test_the_tail_goes_on_where_the_sum_ends(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgewb.lessons import queues

    by_tail = wait_quantile_ms(0.92, 1.0, share)
    monkeypatch.setattr(queues, "_HEAVY", 1.0)
    assert wait_quantile_ms(0.92, 1.0, share) == pytest.approx(by_tail, rel=1e-6)


def test_near_overload_it_is_still_quick_and_finite() -> None:
    assert 0 < wait_quantile_ms(0.9999, 1.0) < math.inf
    assert most_sensors(0.1, 0.1, 0, 500) > 90_000
