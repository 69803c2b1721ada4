"""A profile from measured nets."""

import json
from pathlib import Path

import pytest

import edgewb
from edgewb.cli import main
from edgewb.errors import InputError
from edgewb.estimates.calibrations import calibrate_works, read_measured
from edgewb.estimates.estimations import estimate, estimate_work
from edgewb.estimates.hosts import find_profile
from edgewb.estimates.works import work_of_row

MODELS = json.loads((Path(__file__).parents[2] / "data" / "latency" / "models.json").read_text(encoding="utf-8"))["models"]
THREE = ("mobilenet_v1_1.0_224", "inception_v1_224", "inception_v4_299")


def works(names=THREE):
    return [work_of_row(MODELS[name]) for name in names]


def times(factor: float, names=THREE) -> list[float]:
    return [factor * estimate_work(work).mid_ms for work in works(names)]


def test_a_host_that_is_slower_as_a_whole_is_found_from_three(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    found = calibrate_works(THREE, works(), times(1.7), find_profile(), "mine", out)
    assert found.enough
    assert found.factor == pytest.approx(1.7, rel=0.05)
    assert found.left_out_error < 0.1
    profile = find_profile(str(out))
    other = work_of_row(MODELS["mobilenet_v2_1.0_224"])
    assert estimate_work(other, profile).mid_ms == pytest.approx(1.7 * estimate_work(other).mid_ms, rel=0.1)
    # Three do well on the middle, and say little about how far off the next net may be.
    assert (profile.host, profile.n, profile.residuals) == ("mine", 3, "unknown_host")
    six = (*THREE, "mobilenet_v1_0.25_128", "resnet50_299", "posenet_mnv1_075_353_481")
    assert calibrate_works(six, works(six), times(1.7, six), find_profile(), "mine", out).enough
    assert find_profile(str(out)).residuals == "few_rows"
    assert all("calibrated on 3" in source for source in profile.sources.values())
    assert "left out" in repr(found)
    assert find_profile(str(out), clock="std").clock == "std"
    with pytest.raises(InputError, match="measured on usb3"):
        find_profile(str(out), "usb2")


def test_it_says_when_three_are_too_few() -> None:
    fewer = calibrate_works(THREE[:2], works()[:2], times(1.7)[:2], find_profile())
    assert not fewer.enough
    assert "3 are the least" in fewer.advice[0]
    copies = ("mobilenet_v1_1.0_224",) * 3
    assert "1 different net(s)" in calibrate_works(copies, works(copies), times(2, copies), find_profile()).advice[0]
    alike = ("k_mobilenet_v1_1.0_224", "k_mobilenet_v1_1.0_192", "k_mobilenet_v1_0.75_224")
    assert "alike" in calibrate_works(alike, works(alike), times(2, alike), find_profile()).advice[0]
    crooked = times(1.7)
    crooked[0] *= 4
    assert any("contradicts" in line for line in calibrate_works(THREE, works(), crooked, find_profile()).advice)


def test_from_files(capsys, tflite_file, tmp_path: Path) -> None:
    model = tflite_file("int8_conv")
    (tmp_path / "measured.json").write_text(json.dumps({model.name: 0.9}))
    assert read_measured(tmp_path / "measured.json") == {str(tmp_path / model.name): 0.9}
    (tmp_path / "list.json").write_text(json.dumps([{"file": model.name, "latency_ms": {"p50": 0.8}}]))
    assert read_measured(tmp_path / "list.json") == {str(tmp_path / model.name): 0.8}
    out = tmp_path / "profile.json"
    assert main(["calibrate", "--measured", str(tmp_path / "measured.json"), "--out", str(out), "--host", "mine", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["n"], shown["enough"], shown["basis"]) == (1, False, "estimated")
    result = estimate(model, host=str(out))
    assert (result.host, result.kind) == ("mine", "unknown_host")
    assert result.mid_ms == pytest.approx(0.9, rel=0.2)
    assert edgewb.calibrate({str(model): 0.9}).n == 1


def test_a_net_given_twice_is_refused(tflite_file) -> None:
    model = tflite_file("int8_conv")
    with pytest.raises(InputError, match="given twice"):
        edgewb.calibrate(
            {str(model): 0.9, str(model.parent / "." / model.name) + "": 1.0, f"{model.parent}/../{model.parent.name}/{model.name}": 2.0}
        )


@pytest.mark.parametrize("content", ["[" * 200_000, '{"edgewb_profile": 1, "n": Infinity}'])
def test_hostile_profiles_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match="is no profile"):
        find_profile(str(tmp_path / "x.json"))
    with pytest.raises(InputError):
        read_measured(tmp_path / "x.json") if content[0] == "[" else find_profile(str(tmp_path / "x.json"))


@pytest.mark.parametrize(
    "words",
    [
        ["no_sign"],
        ["=4"],
        ["x.tflite=fast"],
        ["x.tflite=-1"],
        ["x.tflite=nan"],
        ["missing.tflite=3"],
        ["missing.json"],
        ["MODEL=3", "--out", "profile.txt"],
    ],
)
def test_bad_input_is_one_line(words, capsys, tflite_file) -> None:
    model = str(tflite_file("int8_conv"))
    assert main(["calibrate", "--measured", *(word.replace("MODEL", model) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", "3", '{"edgewb_profile": 1}', '{"a": "b"}', "[1, 2]"])
def test_what_is_no_profile_or_measurement_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InputError):
        find_profile(str(path))
    if content not in ('{"edgewb_profile": 1}', '{"a": "b"}'):
        with pytest.raises(InputError):
            read_measured(path)


def test_a_net_that_is_refused_cannot_calibrate(tflite_file) -> None:
    with pytest.raises(InputError, match="cannot calibrate"):
        edgewb.calibrate({str(tflite_file("leaky_branches")): 3.0})
    with pytest.raises(InputError, match="nothing was measured"):
        edgewb.calibrate({})
