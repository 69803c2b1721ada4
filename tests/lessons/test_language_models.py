"""Qwen3-0.6B counted: against its name, against the cache, against the rules."""

from __future__ import annotations

import dataclasses

import pytest

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.errors import InputError
from edgewb.lessons.language_models import (
    QWEN3_0_6B,
    count_parameters,
    place_decoder_ops,
    show_decoder_ops,
    show_token_times,
    token_time,
    total_parameters,
)
from edgewb.types import Placement


def test_parameters_are_what_its_name_says() -> None:
    assert total_parameters() == 596_049_920
    by_part = {part.part: part for part in count_parameters()}
    # 28 layers of 15,728,640 weights each, and the embedding once.
    assert sum(p.parameters for p in by_part.values() if p.matrices > 1) == 28 * 15_728_640
    assert by_part["embedding = output layer"].parameters == 151_936 * 1024


def test_streaming_takes_the_bytes_over_the_rate() -> None:
    took = token_time()
    assert took.cached_bytes == CACHE_BYTES
    assert took.streamed_bytes + took.cached_bytes == took.device_bytes > took.weight_bytes
    assert took.low_s == pytest.approx(took.streamed_bytes / 409e6)
    assert took.high_s == pytest.approx(took.streamed_bytes / 361e6)
    assert token_time(bus="usb2").low_s > 10 * took.high_s
    with pytest.raises(InputError, match="unknown bus 'pcie'"):
        token_time(bus="pcie")


def test_a_model_that_fits_streams_nothing() -> None:
    small = dataclasses.replace(
        QWEN3_0_6B, layers=1, width=64, feed_forward=128, heads=2, key_value_heads=1, head_width=32, vocabulary=1000
    )
    took = token_time(small)
    assert took.streamed_bytes == 0
    assert took.low_s == took.high_s == 0


def test_the_rules_take_the_dense_layers_and_refuse_the_attention() -> None:
    placed = {op.op: op for op in place_decoder_ops()}
    on_cpu = {name for name, op in placed.items() if op.placement is Placement.CPU}
    assert on_cpu == {"GATHER", "NEG", "BATCH_MATMUL"}
    assert all("not among the ops" in placed[name].detail for name in on_cpu)
    assert placed["RSQRT"].placement is Placement.UNKNOWN
    assert placed["FULLY_CONNECTED"].placement is placed["SOFTMAX"].placement is Placement.EDGETPU


def test_a_long_context_makes_the_softmax_unknown() -> None:
    placed = {op.op: op for op in place_decoder_ops(context=20_000)}
    assert placed["SOFTMAX"].placement is Placement.UNKNOWN


def test_tables_say_what_they_rest_on() -> None:
    times = show_token_times()
    assert [row[0] for row in times.rows] == ["usb3", "usb2"]
    assert times.rows[0][3] == "1.4 to 1.6 s"
    assert "Estimated" in times.note
    ops = show_decoder_ops()
    assert len(ops.rows) == len(place_decoder_ops())
    assert ops.rows[0][:3] == ("GATHER", "the embedding of a token", "CPU")
