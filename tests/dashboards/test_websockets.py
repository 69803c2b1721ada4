"""What may pass from a page to its kernel."""

from __future__ import annotations

import json

import pytest
from dashboard_servers import event, message
from hypothesis import given
from hypothesis import strategies as st

from edgewb.dashboards.websockets import is_event, printable

CUSTOM = {"comm_id": "c", "data": {"method": "custom", "content": {"event": "select"}}}


def test_an_event_passes_with_its_buffers():
    assert is_event(event("c", "select", {"a": [1, 2]}, buffers=(b"\x00" * 1000, b"")))


@pytest.mark.parametrize(
    "kind",
    ["execute_request", "input_reply", "debug_request", "shutdown_request", "interrupt_request", "complete_request", "inspect_request",
     "history_request", "comm_open", "comm_close", "comm_info_request", "kernel_info_request", "create_subshell_request", "COMM_MSG", ""],
)  # fmt: skip
def test_no_other_kind_of_message_passes(kind):
    assert not is_event(message(kind, CUSTOM))


@pytest.mark.parametrize("channel", ["control", "stdin", "iopub", "hb", "", "shell2"])
def test_no_other_channel_passes(channel):
    assert not is_event(message("comm_msg", CUSTOM, channel))


@pytest.mark.parametrize(
    "data", [{"method": "update", "state": {"_esm": "x"}}, {"method": "request_state"}, {}, None, "custom", ["custom"]]
)
def test_a_page_sets_no_trait(data):
    assert not is_event(message("comm_msg", {"comm_id": "c", "data": data}))


@given(st.binary(max_size=300))
def test_noise_does_not_pass(noise):
    assert not is_event(noise)


@given(st.binary(max_size=64), st.integers(0, 60))
def test_a_damaged_event_is_decided_at_once(damage, at):
    whole = event("c", "select")
    assert is_event(whole[:at] + damage + whole[at + len(damage) :]) in (True, False)


@pytest.mark.parametrize("count", [2**63, 2**32, 10**6, 71, 5, 0])
def test_a_made_up_number_of_parts_is_not_counted_up_to(count):
    assert not is_event(count.to_bytes(8, "little") + b"\x00" * 100)


@given(st.data())
def test_parts_that_overlap_or_leave_something_out_do_not_pass(data):
    whole = event("c", "select", buffers=(b"\x00" * 100, b"\x01" * 50))
    count = int.from_bytes(whole[:8], "little")
    offsets = [int.from_bytes(whole[8 * i : 8 * (i + 1)], "little") for i in range(1, count + 1)]
    changed = list(offsets)
    changed[data.draw(st.integers(0, count - 1))] = data.draw(st.integers(0, len(whole)))
    if changed == sorted(changed) and (changed[0], changed[-1]) == (offsets[0], offsets[-1]):
        return  # cut elsewhere, and nothing twice
    assert not is_event(whole[:8] + b"".join(offset.to_bytes(8, "little") for offset in changed) + whole[8 * (count + 1) :])


def test_json_without_end_in_depth_is_refused():
    deep = json.dumps(CUSTOM).replace('{"event": "select"}', "[" * 100_000 + "]" * 100_000).encode()
    whole = message("comm_msg", {})
    assert not is_event(whole[: whole.rindex(b"{}")] + deep)  # its length is not what the offsets say, either way nothing may break
    from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

    assert not is_event(serialize_msg_to_ws_v1([b'{"msg_type": "comm_msg"}', b"{}", b"{}", deep], "shell"))


def test_what_a_kernel_prints_does_nothing_to_a_terminal():
    assert printable("\x1b[31mred\x1b[0m\x1b]0;title\x07\r\nsecond\tline\x9b1m é") == "red]0;title\nsecondline1m é"
