"""Several targets side by side, on kilobyte models, and the interval of a ratio on made samples."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import made_targets
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.errors import InputError, ModelFileError, TargetError
from edgewb.latencies import Measurement, measure
from edgewb.ratios import TURNS, SideBySide, _medians, compare_files, measure_targets, ratio_interval, turns_of_files
from edgewb.sampling import in_turns, random_values
from edgewb.targets import TARGETS, Kind, open_target

Files = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    made_targets.register(monkeypatch)


def test_two_targets_in_one_run(tflite_file: Files) -> None:
    path = tflite_file("int8_conv")
    got = measure_targets(path, ["cpu:builtin", "cpu", "shifted"], runs=100, seconds=60)
    assert got.labels == ("cpu:builtin", "cpu:xnnpack", "shifted")
    assert [m.runs for m in got.measurements] == [100] * 3
    assert [(m.target, m.kernels) for m in got.measurements] == [("cpu", "builtin"), ("cpu", "xnnpack"), ("shifted", "builtin")]
    # A figure that was not measured is shown, but not divided by one that was.
    assert [(r.target, r.against, r.turns) for r in got.ratios] == [("cpu:xnnpack", "cpu:builtin", TURNS)]
    assert [str(r.basis) for r in got.ratios] == ["measured"]
    assert got.measurements[2].ratio is None
    reference = np.median(got.measurements[0].samples_ms)
    assert got.measurements[0].ratio is None
    for ratio, measured in zip(got.ratios, got.measurements[1:2], strict=True):
        assert ratio.ratio == measured.ratio == pytest.approx(np.median(measured.samples_ms) / reference)
        assert ratio.ci95 is not None
        assert ratio.ci95[0] <= ratio.ci95[1]
    assert got.failed == ()
    assert msgspec.convert(json.loads(json.dumps(got.to_dict())), SideBySide) == got
    assert (
        msgspec.convert(json.loads(json.dumps(measure(path, runs=3).to_dict())).keys() - got.to_dict()["measurements"][0].keys(), set)
        == set()
    )
    text = repr(got)
    assert text.startswith("shifted: SIMULATED, not measured: stands for a device that is off\nint8_conv.tflite, in turns")
    assert "<strong>shifted: SIMULATED, not measured" in got._repr_html_()
    assert "SIMULATED" not in repr(measure_targets(path, ["cpu:builtin", "cpu"], runs=3))
    assert all(label in text for label in got.labels)
    assert "n = " not in text
    assert "percentile bootstrap over turns, 2000 resamples (20 turns)" in text
    assert "<td>shifted</td>" in got._repr_html_()
    marked = "shifted: SIMULATED, not measured: stands for a device that is off"
    assert text.startswith(f"{marked}\n")
    assert got._repr_html_().startswith(f"<p><strong>{marked}</strong>")


def test_the_turns_are_taken_in_turns() -> None:
    """A clock that counts calls: in every turn each target has its block, and who begins goes round."""
    order: list[str] = []

    class Counting:
        def __init__(self, name: str) -> None:
            self.name = name

        def sample(self, inputs: list[np.ndarray], wanted: int, least: int, seconds: float) -> list[float]:
            order.append(self.name)
            return [1.0] * wanted

    taken = in_turns([(Counting(name), []) for name in "abc"], 10, 1.0, turns=4)  # type: ignore[list-item, misc]
    assert [len(block) for block in taken[0].blocks] == [3, 3, 3, 1]
    assert "".join(order) == "abcbcacababc"


@given(st.integers(1, 500), st.integers(1, 40))
@settings(deadline=None)
def test_no_sample_too_many_and_none_missing(wanted: int, turns: int) -> None:
    class Instant:
        def sample(self, inputs: list[np.ndarray], count: int, least: int, seconds: float) -> list[float]:
            assert 0 < least <= count
            return [1.0] * count

    (taken,) = in_turns([(Instant(), [])], wanted, 1.0, turns)  # type: ignore[list-item]
    assert len(taken.samples) == wanted
    assert len(taken.blocks) <= turns


def test_a_target_that_goes_away_costs_the_others_nothing(tflite_file: Files) -> None:
    path = tflite_file("int8_conv")
    got = measure_targets(path, ["cpu", "failing:47"], runs=100, seconds=60)
    assert [m.runs for m in got.measurements] == [100, 47 - 11]
    assert got.measurements[0].failed is None
    assert got.measurements[1].failed == "the device went away: plug it in again"
    assert got.ratios[0].turns == 8
    assert "stopped after 36 calls" in repr(got)
    got = measure_targets(path, ["failing:47", "cpu"], runs=100, seconds=60)
    assert [m.runs for m in got.measurements] == [36, 100]
    for targets in (["cpu:builtin", "failing:0", "cpu"], ["cpu:builtin", "failing:11", "cpu"]):
        got = measure_targets(path, targets, runs=40)
        assert got.labels == ("cpu:builtin", "cpu:xnnpack")
        assert [(entry.target, entry.why) for entry in got.failed] == [("failing", "the device went away: plug it in again")]
        assert len(got.ratios) == 1
    got = measure_targets(path, ["failing:0", "cpu"], runs=40)
    assert (got.labels, got.ratios, got.measurements[0].ratio) == (("cpu:xnnpack",), (), None)
    with pytest.raises(TargetError, match="went away"):
        measure_targets(path, ["failing:0", "failing:5"])


def test_a_reference_file_that_fails_is_said_so(tflite_file: Files) -> None:
    """``measure(beside=...)`` takes its turns in the same way."""
    path = tflite_file("int8_conv")
    got = measure(path, "failing:60", beside=path, runs=100, seconds=60)
    assert (got.runs, got.ratio, got.failed) == (60 - 11, None, "the device went away: plug it in again")
    whole = measure(path, beside=path, runs=100, seconds=60)
    assert whole.runs == 100
    assert whole.failed is None
    assert whole.ratio is not None
    assert 0.2 < whole.ratio < 5  # the same file twice


def test_a_few_runs_have_no_interval(tflite_file: Files) -> None:
    got = measure_targets(tflite_file("int8_conv"), ["cpu:builtin", "cpu"], runs=4)
    assert (got.ratios[0].ci95, got.ratios[0].turns) == (None, 4)


def test_a_short_time_gives_twenty_samples_each(tflite_file: Files) -> None:
    got = measure_targets(tflite_file("int8_conv"), ["cpu:builtin", "cpu"], runs=1000, seconds=1e-9)
    assert [m.runs for m in got.measurements] == [20, 20]


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """300 made runs of 20 turns, with noise per call, noise per turn, and a slow drift that both share."""
    rng, held, runs = np.random.default_rng(0), 0, 300
    for _ in range(runs):
        shared = np.cumsum(rng.normal(0, 0.02, TURNS))[:, None]

        def blocks(factor: float, shared: np.ndarray = shared) -> list[list[float]]:
            turn = rng.normal(0, 0.05, (TURNS, 1))
            call = np.abs(rng.normal(0, 0.05, (TURNS, 10)))
            return [list(row) for row in factor * np.exp(shared + turn + call)]

        low, high = ratio_interval(blocks(1.5), blocks(1.0), seed=1)
        held += low <= 1.5 <= high
    # 95 % less three standard deviations of a count.
    assert held / runs > 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


@given(st.lists(st.lists(st.floats(0.1, 10), min_size=1, max_size=6), min_size=5, max_size=8))
@settings(max_examples=10, deadline=None)
def test_a_factor_is_a_factor(blocks: list[list[float]]) -> None:
    assert ratio_interval([[2 * value for value in block] for block in blocks], blocks) == pytest.approx((2, 2))


def test_long_turns_are_thinned_without_moving_the_interval() -> None:
    rng = np.random.default_rng(0)
    mine, its = (rng.lognormal(mean, 0.2, (10, 3000)) for mean in (0.3, 0.0))
    low, high = ratio_interval(mine.tolist(), its.tolist())
    assert low < math.exp(0.3) < high
    assert high - low < 0.03


@pytest.mark.parametrize(
    ("targets", "options", "says"),
    [
        ([], {}, r"targets \[\]"),
        ("cpu", {}, "targets 'cpu'"),
        (["cpu", "cpu"], {}, "'cpu' was given twice"),
        (["cpu:xnnpack", "cpu"], {}, "'cpu' was given and 'cpu:xnnpack', which is the same"),
        (["cpu", "gpu"], {}, "unknown target 'gpu'"),
        (["cpu", "cpu:fast"], {}, "unknown kernels 'fast'"),
        (["cpu:builtin", "cpu"], {"runs": 0}, "runs 0"),
        (["cpu:builtin", "cpu"], {"seconds": math.nan}, "seconds nan"),
    ],
)
def test_refused(targets: list[str], options: dict[str, float], says: str, tflite_file: Files) -> None:
    with pytest.raises(InputError, match=says):
        measure_targets(tflite_file("int8_conv"), targets, **options)  # type: ignore[arg-type]


def test_a_file_that_runs_nowhere_is_an_error(tflite_file: Files) -> None:
    with pytest.raises(ModelFileError, match="compiled for the Edge TPU"):
        measure_targets(tflite_file("compiled"), ["cpu:builtin", "cpu"])


def test_the_kernels_can_be_named_with_the_target(tflite_file: Files) -> None:
    for target, kernels in (("cpu:builtin", "builtin"), ("cpu:xnnpack", "xnnpack"), ("cpu", "builtin")):
        measured: Measurement = measure(tflite_file("int8_conv"), target, runs=2, kernels="builtin")
        assert (measured.target, measured.kernels) == ("cpu", kernels)


def test_a_list_of_targets_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgewb.targets import split_list

    monkeypatch.setitem(TARGETS, "replay", Kind(home="", summary="", argument="FILE", needs_argument=True))
    for given_, wanted in (
        ("cpu:builtin,cpu", ["cpu:builtin", "cpu"]),
        (" cpu , gpu:x ", ["cpu", "gpu:x"]),
        ("replay:a,b.jsonl,cpu:builtin", ["replay:a,b.jsonl", "cpu:builtin"]),
        ("replay:a.jsonl,replay:b,c,d.jsonl", ["replay:a.jsonl", "replay:b,c,d.jsonl"]),
        ("cpu:builtin,b.jsonl", ["cpu:builtin", "b.jsonl"]),
        ("replay,b.jsonl", ["replay", "b.jsonl"]),
        (",", []),
    ):
        assert split_list(given_) == wanted


def test_random_values_follow_their_seed(tflite_file: Files) -> None:
    with open_target("cpu") as target:
        target.load(tflite_file("int8_conv"))
        (spec,) = target.inputs
        same, other = random_values(spec, (1, 2, 0)), random_values(spec, (1, 3, 0))
        assert np.array_equal(same, random_values(spec, (1, 2, 0)))
        assert not np.array_equal(same, other)
        assert np.array_equal(random_values(spec), random_values(spec, 0))


@given(st.lists(st.lists(st.floats(0.1, 10), min_size=1, max_size=6), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_medians_of_resamples_are_numpys(blocks: list[list[float]], seed: int) -> None:
    drawn = np.random.default_rng(seed).multinomial(len(blocks), [1 / len(blocks)] * len(blocks), 7)
    pooled = [np.concatenate([np.repeat(block, times) for block, times in zip(blocks, row, strict=True)]) for row in drawn]
    assert _medians(blocks, drawn) == pytest.approx([np.median(values) for values in pooled])


def test_two_files_in_turns(tflite_file: Files) -> None:
    path = tflite_file("int8_conv")
    found = compare_files(path, path, runs=100)
    assert (found.target, found.against, found.basis, found.turns) == (path.name, path.name, "measured", TURNS)
    assert found.ci95 is not None
    assert 0.2 < found.ratio < 5
    assert repr(found).startswith(f"{path.name} takes ")
    assert "95 % interval" in repr(found)


def test_two_files_one_after_the_other_have_no_interval(tflite_file: Files) -> None:
    path = tflite_file("int8_conv")
    found = compare_files(path, path, runs=30, turns=1)
    assert found.ci95 is None
    assert repr(found).endswith("no interval (measured, medians, 1 turn each)")


def test_what_happens_between_turns(tflite_file: Files) -> None:
    path = tflite_file("int8_conv")
    done: list[int] = []
    first, second = turns_of_files((path, path), "cpu", 40, 2, 1.0, 4, done.append)
    assert done == list(range(1, 9))
    assert [len(block) for block in (*first, *second)] == [10] * 8


def test_files_that_cannot_be_compared(tflite_file: Files) -> None:
    path = tflite_file("int8_conv")
    with pytest.raises(InputError, match="1 to runs"):
        compare_files(path, path, runs=10, turns=11)
    with pytest.raises(InputError, match="nothing is measured"):
        compare_files(path, path, target="simulated")
    with pytest.raises(ModelFileError):
        compare_files(path, path.with_name("none.tflite"))
