"""A file against itself, recordings, percentiles that settle, made-up tables."""

from __future__ import annotations

import pytest

from edgewb.bundles import bundled_model
from edgewb.errors import InputError
from edgewb.latencies import Measurement
from edgewb.lessons.latencies import (
    CALLS_NEEDED,
    FACTS,
    TABLES,
    compare_with_itself,
    percentiles_of_first,
    record_and_replay,
)


def test_a_file_against_itself() -> None:
    found = compare_with_itself(bundled_model("digits_cnn_int8").path, pairs=1, runs=60)
    assert [one.how for one in found] == ["one after the other", "in turns"]
    assert all(one.n == 60 and one.mean_ratio > 0 and one.p50_ratio > 0 for one in found)
    with pytest.raises(InputError, match="1 or more"):
        compare_with_itself("x.tflite", pairs=0)


def test_a_recording_is_played_back_call_by_call() -> None:
    measured, replayed = record_and_replay(bundled_model("digits_cnn_int8").path, runs=50)
    assert (measured.basis, replayed.basis) == ("measured", "replayed")
    assert replayed.samples_ms == measured.samples_ms
    assert isinstance(measured, Measurement)
    assert replayed.facts.stands_for


def test_percentiles_settle() -> None:
    samples = [1.0 + (i * 37 % 400) / 400 for i in range(400)]
    found = percentiles_of_first(samples, 0.99)
    assert [one.n for one in found] == [10, 20, 50, 100, 200, 400]
    assert [one.ci95 is None for one in found] == [True] * 5 + [False]
    assert all(one.ci95 and one.ci95[0] <= one.ms <= one.ci95[1] for one in percentiles_of_first(samples, 0.5))
    assert percentiles_of_first(samples[:10], 0.5)[0].name == "p50"
    with pytest.raises(InputError, match="10 or more"):
        percentiles_of_first(samples[:9], 0.5)
    with pytest.raises(InputError, match=r"0\.5, 0\.9 or 0\.99"):
        percentiles_of_first(samples, 0.75)


def test_calls_needed() -> None:
    assert CALLS_NEEDED == {"p50": 6, "p90": 36, "p99": 368}


def test_made_up_tables_say_so_and_leave_out_known_facts() -> None:
    assert all("made up" in table.name for table in TABLES.values())
    assert all(set(table.missing) <= set(FACTS) for table in TABLES.values())
    assert "Mean of 10 runs" in repr(TABLES["A"])
    assert not TABLES["B"].missing
