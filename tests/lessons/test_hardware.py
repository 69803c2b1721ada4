"""The table of published hardware: complete, sourced, consistent."""

from __future__ import annotations

import pytest

from edgewb.errors import InputError
from edgewb.lessons.hardware import (
    KINDS,
    MOBILENET_GOP,
    find_device,
    load_devices,
    mobilenet_throughputs,
    read_toml,
    show_devices,
    show_sources,
)
from edgewb.lessons.tables import WordTable
from edgewb.types import Basis

DEVICES = load_devices()


def test_the_devices_of_the_course_are_there() -> None:
    names = " | ".join(device.name for device in DEVICES)
    for wanted in (
        "USB Accelerator", "Dev Board |", "Dev Board Mini", "M.2 Accelerator", "Mini PCIe", "Dual Edge TPU", "SoM", "Dev Board Micro",
        "Jetson Nano", "Orin Nano", "Orin NX", "Hailo-8 |", "Hailo-8L", "Myriad X", "Pi 4", "Pi 5", "AI Kit",
    ):  # fmt: skip
        assert wanted in names


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_each_figure_has_a_source_an_edition_and_conditions(device) -> None:
    assert device.about.endswith((".", ")"))
    assert "price" in device.not_found  # none was found with a date; one that is found one day takes its word out of here
    for figure in device.figures:
        assert figure.of in KINDS
        assert figure.basis is Basis.PUBLISHED
        assert figure.source
        assert figure.edition
        assert figure.about
        assert figure.unit
        assert figure.high is None or figure.high > figure.low
        assert (figure.network is not None) is (figure.of in ("latency", "throughput"))
        assert (figure.batch is None) is (figure.network is None)
    for missing in device.not_found:
        assert missing not in {figure.of for figure in device.figures}, f"{missing} is there and listed as not found"


def test_throughput_for_each_tops_is_arithmetic_on_the_table() -> None:
    rows = {row.device: row for row in mobilenet_throughputs()}
    hailo = rows["Hailo-8"]
    assert hailo.frames_s == 2597
    assert not hailo.from_latency
    assert hailo.frames_per_tops == pytest.approx(2597 / 26)
    assert hailo.utilisation == pytest.approx(2597 * MOBILENET_GOP * 1e9 / 26e12)
    stick = rows["Coral USB Accelerator"]
    assert stick.from_latency
    assert stick.frames_s == pytest.approx(1000 / 2.6)
    assert all(0 < row.utilisation < 1 for row in rows.values())
    assert "Jetson Nano" not in rows  # its peak is of floats, and no MobileNetV2 was found


def test_operations_of_mobilenet_are_those_of_its_layers() -> None:
    import json

    from edgewb.estimates.works import work_of_row
    from edgewb.locations import data_folder

    layers = json.loads((data_folder() / "latency" / "models.json").read_text())["models"]["mobilenet_v2_1.0_224"]
    assert 2 * work_of_row(layers).macs / 1e9 == pytest.approx(MOBILENET_GOP, abs=1e-4)


def test_tables() -> None:
    table = show_devices(["Hailo"], ["peak", "throughput"])
    assert [row[0] for row in table.rows] == ["Hailo-8", "Hailo-8L"]
    assert "503 frames/s ResNet-50 224 (batches of 8)" in table.rows[1][2]
    assert "not found" in repr(show_devices(["Coral"]))
    sources = show_sources("Myriad X / Neural Compute Stick 2")
    assert any("27.31 ms" in row[1] and "edge-acc" in row[3] for row in sources.rows)
    assert "price" in sources.note


@pytest.mark.parametrize("families", [["Coral"], ["Jetson", "Hailo", "Myriad", "Raspberry Pi"]])
def test_each_figure_of_a_table_carries_the_number_of_its_source(families: list[str]) -> None:
    import re

    table = show_devices(families, KINDS)
    devices = [device for device in DEVICES if device.family in families]
    for row, device in zip(table.rows, devices, strict=True):
        for cell, kind in zip(row[1:], KINDS, strict=True):
            numbers = [int(number) for number in re.findall(r"\[(\d+)\]", cell)]
            assert [table.footnotes[number - 1][0] for number in numbers] == [
                f"{figure.source} (edition: {figure.edition})" for figure in device.find(kind)
            ]
    assert len(set(table.footnotes)) == len(table.footnotes)
    assert f"[{len(table.footnotes)}]" in repr(table)


def test_links_lead_to_the_makers_only() -> None:
    pages = {figure.source: figure.maker_page for device in DEVICES for figure in device.figures}
    assert pages["coral.ai/docs/edgetpu/benchmarks, stored copy"] == "https://coral.ai/docs/edgetpu/benchmarks"
    assert pages["hailo-ai/hailo_model_zoo@c83fc03 docs/public_models/HAILO8"] == (
        "https://github.com/hailo-ai/hailo_model_zoo/tree/c83fc03/docs/public_models/HAILO8"
    )
    assert pages["Raspberry Pi documentation, AI Kit (raspberrypi/documentation@229c546)"].endswith(
        "raspberrypi/documentation/tree/229c546"
    )
    assert not any(
        page for source, page in pages.items() if source.startswith(("measured by others", "second hand", "a copy", "a reseller"))
    )
    shown = show_devices(["Coral"])._repr_html_()
    assert 'href="https://coral.ai/technology"' in shown
    assert shown.count("<a ") == sum(bool(page) for _, page in show_devices(["Coral"]).footnotes)


def test_unknown_names() -> None:
    with pytest.raises(InputError, match="unknown device 'Hailo-9'"):
        find_device("Hailo-9")
    with pytest.raises(InputError, match="unknown family 'Corral': did you mean 'Coral'"):
        show_devices(["Corral"])
    with pytest.raises(InputError, match="unknown kind of figure 'price'"):
        show_devices(of=["price"])


def test_a_damaged_file_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    from edgewb.errors import StorageError
    from edgewb.lessons import hardware

    monkeypatch.setattr(hardware, "data_folder", lambda: tmp_path)
    (tmp_path / "broken.toml").write_text("[[device]\n")
    with pytest.raises(StorageError, match="is damaged"):
        read_toml("broken.toml")
    with pytest.raises(StorageError, match="cannot read"):
        read_toml("absent.toml")


def test_cells_are_text_and_no_markup() -> None:
    table = WordTable(columns=("a [red]b", "<i>"), rows=(("[bold]x[/bold]", "<script>"),), note="<b>")
    assert "<script>" not in table._repr_html_()
    assert "&lt;script&gt;" in table._repr_html_()
    assert "[bold]x[/bold]" in repr(table)
