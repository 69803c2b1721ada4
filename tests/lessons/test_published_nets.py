"""Published nets by name, with their figures and estimates."""

from __future__ import annotations

import pytest

from edgewb.errors import InputError
from edgewb.lessons.published_nets import HOSTS, estimate_published, published_net, published_nets


def test_every_figure_has_a_host_and_a_source() -> None:
    nets = published_nets()
    assert len(nets) > 25
    for name, net in nets.items():
        assert net.name == name
        assert net.latencies
        assert all(one.host in HOSTS and one.ms > 0 and one.source for one in net.latencies)
        assert net.cached_bytes > 0


def test_mobilenet_fits_and_vgg_does_not() -> None:
    assert published_net("mobilenet_v2_1.0_224").streamed_bytes == 0
    assert published_net("vgg16_224").streamed_bytes > 100_000_000
    assert {one.bus for one in published_net("mobilenet_v2_1.0_224").latencies} == {"usb3", "usb2", "pcie"}


def test_estimates_are_of_the_places_asked_for() -> None:
    fast, slow = estimate_published("mobilenet_v2_1.0_224", [("desktop", "usb3", "max"), ("desktop", "usb2", "max")])
    assert fast.basis == "estimated"
    assert slow.mid_ms > 2 * fast.mid_ms


def test_unknown() -> None:
    with pytest.raises(InputError, match="published net 'mobilenet'"):
        published_net("mobilenet")
