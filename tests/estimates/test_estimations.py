"""An estimate of files and of described nets: what it says, what it refuses, and how it moves."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgewb
from edgewb.cli import main
from edgewb.errors import EdgewbError, InputError, ModelFileError
from edgewb.estimates.estimations import estimate, estimate_work, parts_of, read_bytes
from edgewb.estimates.forms import PARTS
from edgewb.estimates.hosts import BUSES, HOSTS, find_profile, stored
from edgewb.estimates.kinds import judge
from edgewb.estimates.layers import Layer
from edgewb.estimates.reports import breakdown_info
from edgewb.estimates.works import CpuOp, Work, work_of_row

MODELS = json.loads((Path(__file__).parents[2] / "data" / "latency" / "models.json").read_text(encoding="utf-8"))["models"]
KEYS = {"basis", "host", "bus", "clock", "latency_ms", "first_inference_ms", "energy_mj", "breakdown_ms", "refused"}


def net(name: str) -> Work:
    return work_of_row(MODELS[name])


def plain(layers: int = 10, **changes) -> Work:
    layer = Layer("conv", 50_000, 50_000 * 1024, 100_000, 100_000, 100_000)
    given = {"input_bytes": 150_528, "output_bytes": 1000, "instruction_bytes": 60_000.0, "ops": layers} | changes
    return Work(layers=(layer,) * layers, **given)


def test_the_documented_keys(tflite_file) -> None:
    got = edgewb.estimate(tflite_file("int8_conv")).to_dict()
    assert set(got) >= KEYS
    assert (got["basis"], got["host"], got["bus"], got["clock"], got["refused"]) == ("estimated", "desktop", "usb3", "max", None)
    assert set(got["latency_ms"]) == set(got["first_inference_ms"]) == {"low", "mid", "high"}
    assert set(got["energy_mj"]) == {"low", "mid", "high", "assumption"}
    assert list(got["breakdown_ms"]) == list(PARTS)
    assert set(got["what_if"]) == {"fits_cache", "usb3", "blocker_fixed"}
    assert got["rests_on"]
    assert got["coverage"]["stated"] == 0.8


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("host", HOSTS)
def test_parts_add_up_and_the_interval_holds_the_estimate(name: str, host: str) -> None:
    result = estimate_work(net(name), find_profile(host))
    if result.latency_ms is None:
        assert result.refused
        assert result.bound_ms is not None
        assert result.breakdown_ms is result.energy_mj is result.first_inference_ms is result.coverage is None
        return
    assert result.breakdown_ms is not None
    assert sum(result.breakdown_ms.values()) == pytest.approx(result.latency_ms.mid)
    assert min(result.breakdown_ms.values()) >= 0
    for span in (result.latency_ms, result.first_inference_ms):
        assert span is not None
        assert 0 < span.low < span.mid < span.high
    assert result.energy_mj is not None
    assert 0 < result.energy_mj.low < result.energy_mj.mid < result.energy_mj.high
    assert result.first_inference_ms.mid > result.latency_ms.mid


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**6), st.integers(1, 10**7))
def test_more_bytes_never_take_less(moved_in: int, moved_out: int, instructions: int, more: int) -> None:
    work = plain(input_bytes=moved_in, output_bytes=moved_out, instruction_bytes=float(instructions))
    now = estimate_work(work).mid_ms
    for field in ("input_bytes", "output_bytes", "instruction_bytes"):
        assert estimate_work(dataclasses.replace(work, **{field: getattr(work, field) + more})).mid_ms > now


def test_streaming_takes_longer_and_the_cache_would_help() -> None:
    streamed = net("resnet50_299")
    result = estimate_work(streamed)
    assert result.what_if.fits_cache is not None
    assert result.what_if.fits_cache < result.mid_ms
    assert result.breakdown_ms["parameters"] > 0
    assert estimate_work(net("mobilenet_v1_1.0_224")).what_if.fits_cache is None


def test_usb_2_is_slower_and_says_what_usb_3_would_give() -> None:
    work = net("mobilenet_v2_1.0_224")
    for host in ("desktop", "pi4", "pi3"):
        slow = estimate_work(work, find_profile(host, "usb2"))
        fast = estimate_work(work, find_profile("pi4" if host == "pi3" else host, "usb3"))
        assert slow.what_if.usb3 == pytest.approx(fast.mid_ms)
        assert slow.mid_ms > 2 * fast.mid_ms


def test_a_blocker_mended_gives_an_estimate(tflite_file) -> None:
    result = estimate(tflite_file("leaky_branches"))
    assert result.latency_ms is None
    assert "multiplications" in (result.refused or "")
    assert result.what_if.blocker_fixed is not None
    assert result.bound_ms.at_least > 0
    assert "No estimate" in breakdown_info(result)["words"]


@pytest.mark.parametrize("clock", ["max", "std"])
def test_the_std_clock_is_slower_but_never_twice(clock: str) -> None:
    for name in ("mobilenet_v2_1.0_224", "vgg16_224", "efficientnet_edgetpu_L"):
        fast, slow = (estimate_work(net(name), find_profile("desktop", "usb3", c)).mid_ms for c in ("max", "std"))
        assert 1.1 < slow / fast < 2
    assert find_profile("pi4", None, clock).clock == clock


def test_refusals_name_their_reason() -> None:
    assert "TRANSPOSE_CONV" in judge(net("unet_mv2_128")).refused
    assert "left on the CPU" in judge(net("deeplabv3_mnv2_513")).refused
    assert "known where" in judge(plain(unknown_ops=1)).refused
    lstm = Layer("lstm", 0, 0, 1000, 0, 0)
    assert "LSTM" in judge(dataclasses.replace(plain(), layers=(lstm,))).refused
    assert "nothing runs" in judge(plain(ops=0)).refused
    assert "CPU" in judge(plain(cpu=(CpuOp("SOMETHING_NEW", 10, is_custom=True),))).refused
    assert "CPU" in judge(plain(cpu=(CpuOp("SPACE_TO_BATCH_ND", 10**6),))).refused
    wide = {"layers": [["conv", 64, 64, 3, 650, 3, 3, 12288], *[["conv", 64, 64, 650, 650, 3, 3, 650 * 4096]] * 4]}
    assert "passes" in judge(work_of_row({**wide, "input_bytes": 12288, "output_bytes": 650 * 4096})).refused
    refused = estimate_work(net("deeplabv3_mnv2_513"))
    assert refused.bound_ms.at_least < 52  # what was published
    with pytest.raises(InputError, match="no estimate"):
        _ = refused.mid_ms


def test_light_cpu_ops_are_counted_not_refused() -> None:
    light = (CpuOp("QUANTIZE", 300_000), CpuOp("DEQUANTIZE", 2_000), CpuOp("SOFTMAX", 2_000))
    result, without = estimate_work(plain(cpu=light)), estimate_work(plain())
    assert result.refused is None
    assert result.breakdown_ms["cpu_ops"] > 0
    assert result.latency_ms.high / result.latency_ms.mid > without.latency_ms.high / without.latency_ms.mid


def width(work: Work, host: str = "desktop", bus: str | None = None) -> float:
    span = estimate_work(work, find_profile(host, bus)).latency_ms
    return span.high / span.low


def test_wider_for_what_is_less_known() -> None:
    known = net("mobilenet_v2_1.0_224")
    assert estimate_work(known).kind == "known"
    assert width(plain(200)) > width(known)  # a new family
    assert width(known, "desktop", "usb2") > width(known)  # a host nobody measured
    assert width(known, "pi4") > width(known)  # a host with few rows
    assert width(dataclasses.replace(known, output_bytes=900_000)) > width(known)
    assert width(dataclasses.replace(known, output_bytes=2_000_000)) > width(dataclasses.replace(known, output_bytes=900_000))
    assert width(dataclasses.replace(known, ops=301)) > 1.5 * width(known)
    assert width(net("densenet121_224")) > 1.5 * width(known)
    assert estimate_work(net("inception_resnet_v2_299")).doubts


def test_hosts_are_allowed_with_the_buses_they_have() -> None:
    assert (*stored()["hosts"], "other") == HOSTS
    other, desktop = find_profile("other"), find_profile("desktop")
    assert (other.constants, other.n, other.residuals) == (desktop.constants, 0, "unknown_host")
    assert find_profile("devboard").bus == "pcie"
    for host, wrong in (("devboard", "usb3"), ("pi3", "usb3"), ("desktop", "pcie")):
        with pytest.raises(InputError, match="it has " + ", ".join(stored()["hosts"][host]["buses"])):
            find_profile(host, wrong)
    for given_, allowed in (({"host": "pi5"}, HOSTS), ({"bus": "usb4"}, BUSES), ({"clock": "turbo"}, ("max", "std"))):
        with pytest.raises(InputError) as caught:
            find_profile(**given_)
        assert all(name in str(caught.value) for name in allowed)


def test_a_compiled_file_gives_its_own_bytes(tflite_file) -> None:
    result = estimate(tflite_file("compiled"))
    assert result.moved_bytes["instructions"] == 5000
    assert result.moved_bytes["input"] == 192
    assert result.moved_bytes["output"] == 16
    assert (result.moved_bytes["cached_parameters"], result.moved_bytes["streamed_parameters"]) == (640, 64)
    assert any("read from the compiled file" in line for line in result.rests_on)
    with pytest.raises(InputError, match="compiled too"):
        estimate(tflite_file("compiled"), source=tflite_file("compiled"))
    with pytest.raises(InputError, match="--source goes with"):
        estimate(tflite_file("int8_conv"), source=tflite_file("int8_conv"))
    assert estimate(tflite_file("compiled"), source=tflite_file("int8_conv")).moved_bytes["instructions"] == 5000


def test_a_file_of_the_stand_in_is_simulated(tflite_bytes) -> None:
    from edgewb.compilers.budgets import budget
    from edgewb.compilers.placement import place
    from edgewb.compilers.stand_in_files import compiled_file
    from edgewb.estimates.estimations import estimate_read
    from edgewb.tflite.reader import read_graph

    raw = tflite_bytes("int8_conv")
    graph = read_graph(raw)
    placements = place(graph)
    made = compiled_file(raw, graph, placements, budget(graph, placements), 14)
    result = estimate_read(read_bytes(made, "made.tflite"), find_profile(), "made.tflite")
    assert result.basis == "simulated"
    assert any("stand-in" in line for line in result.rests_on)


def test_nothing_mapped_is_refused(tflite_file) -> None:
    result = estimate(tflite_file("float"))
    assert result.refused == "nothing runs on the Edge TPU"
    assert result.bound_ms is None
    assert result.to_dict()["latency_ms"] is None


def test_source_and_compiled_agree_on_real_pairs(shared: Path) -> None:
    records = json.loads((shared / "oracle" / "oracle.json").read_text(encoding="utf-8"))
    ratios = []
    for record in records:
        folder = shared / "oracle" / "models" / record["id"]
        compiled = folder / "compiled_edgetpu.tflite"
        if not compiled.is_file():
            continue
        with_source = estimate(compiled, source=folder / "source.tflite")
        assert with_source.moved_bytes["streamed_parameters"] == record["streamed_parameter_bytes"]
        assert with_source.moved_bytes["instructions"] == record["instruction_bytes_exec"]
        alone = estimate(compiled)
        if alone.latency_ms is not None and with_source.latency_ms is not None:
            ratios.append(alone.latency_ms.low <= with_source.latency_ms.mid <= alone.latency_ms.high)
    assert len(ratios) > 20
    assert sum(ratios) / len(ratios) >= 0.85


@given(st.sampled_from(["int8_conv", "compiled", "leaky_branches"]), st.data())
def test_damaged_files_are_read_or_refused(tflite_bytes, name: str, data: st.DataObject) -> None:
    raw = bytearray(tflite_bytes(name))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(8, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_bytes(bytes(raw), "damaged")
        from edgewb.estimates.estimations import estimate_read

        result = estimate_read(read, find_profile(), "damaged")
        json.dumps(result.to_dict(), allow_nan=False)
        assert repr(result)
    except EdgewbError:
        pass


def test_the_report_is_escaped_and_complete(tflite_file) -> None:
    result = dataclasses.replace(estimate(tflite_file("int8_conv")), file="<b>\x1b[31m")
    assert "<b>" not in result._repr_html_()
    assert "\x1b" not in repr(result)
    info = breakdown_info(result)
    assert sum(part["share"] for part in info["parts"]) == pytest.approx(1)
    assert "estimated" in repr(result)
    assert "where the" in repr(result)


def test_the_command(capsys, tflite_file) -> None:
    assert main(["estimate", str(tflite_file("int8_conv")), "--host", "pi4", "--clock", "std", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out)["host"] == "pi4"
    assert main(["estimate", str(tflite_file("float"))]) == 1
    assert "refused" in capsys.readouterr().out
    for words in (
        ["missing.tflite"],
        [str(tflite_file("int8_conv")), "--host", "nowhere"],
        [str(tflite_file("int8_conv")), "--bus", "pcie"],
    ):
        assert main(["estimate", *words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
    with pytest.raises(ModelFileError):
        estimate(Path(__file__))


def test_how_often_an_interval_held_is_said_of_plain_ones_alone(tflite_file) -> None:
    """Joined, widened, at the std clock or on a bus without rows nobody could check it."""
    net = work_of_row(MODELS["resnet50_299"])
    assert estimate_work(net, find_profile("desktop")).coverage.held_out is not None
    assert estimate_work(net, find_profile("desktop", clock="std")).coverage.held_out is None
    assert estimate_work(net, find_profile("desktop", "usb2")).coverage.held_out is None
    large = dataclasses.replace(net, output_bytes=40 * net.input_bytes)
    for host in ("desktop", "pi4", "devboard"):
        plain, wide = estimate_work(net, find_profile(host)), estimate_work(large, find_profile(host))
        assert wide.coverage.held_out is None
        assert wide.latency_ms.high / wide.latency_ms.mid > plain.latency_ms.high / plain.latency_ms.mid


def test_compute_that_is_guessed_and_most_of_the_time_is_refused(tflite_file) -> None:
    guessed = dataclasses.replace(work_of_row(MODELS["resnet50_299"]), guessed=("compute",))
    answer = estimate_work(guessed, find_profile("desktop"))
    parts = parts_of(guessed, find_profile("desktop"))
    assert (answer.refused is not None and "--source" in answer.refused) == (2 * parts["compute"] > sum(parts.values()))
    pose = work_of_row(MODELS["posenet_mnv1_075_721_1281"])
    heavy = dataclasses.replace(pose, layers=pose.layers * 5, guessed=("compute",))
    assert "--source" in str(estimate_work(heavy, find_profile("desktop")).refused)
