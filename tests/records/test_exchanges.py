import dataclasses
import json
import math
import resource
import string
import subprocess
import sys
from pathlib import Path

import made_records
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.errors import StorageError
from edgewb.intervals import mcnemar_p_value, tango_interval, wilson_interval
from edgewb.records import Records, RecordStore, import_records
from edgewb.records.checks import RecordProblem
from edgewb.records.exchanges import MAX_LINE_BYTES, parse_record, public_dict
from edgewb.timings import summarise_latency
from edgewb.types import Accuracy, AccuracyDelta, Basis, EnergyRange, Environment, Latency, Parameters, PlacementSummary, Record

ROOT = Path(__file__).parents[2]

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), exclude_characters="/\\:~"), min_size=1)
names = names.filter(lambda text: text.strip() and text not in (".", ".."))
counts = st.integers(0, 10**9)
bases = st.sampled_from(list(Basis))


@st.composite
def accuracies(draw):
    n = draw(st.integers(1, 10**6))
    correct = draw(st.integers(0, n))
    return Accuracy(value=correct / n, n=n, ci95=wilson_interval(correct, n), correct=correct, target=draw(names), basis=draw(bases))


def build_delta(gained, lost, n, **changes):
    low, high = tango_interval(gained, lost, n)
    figures = {"points": 100 * (gained - lost) / n, "ci95": (100 * low, 100 * high), "p_value": mcnemar_p_value(gained, lost)}
    return AccuracyDelta(**({"against": "float32", "n": n, "gained": gained, "lost": lost} | figures | changes))


@st.composite
def deltas(draw, n, most_gained, most_lost):
    gained = draw(st.integers(0, most_gained))
    return build_delta(gained, draw(st.integers(0, min(most_lost, n - gained))), n, against=draw(names), basis=draw(bases))


@st.composite
def with_deltas(draw, records_without):
    record = draw(records_without)
    accuracy, n = record.accuracy, draw(st.integers(1, 10**6))
    paired = draw(st.none() | deltas(accuracy.n, accuracy.correct, accuracy.n - accuracy.correct))
    return dataclasses.replace(record, accuracy_delta=paired, validation_delta=draw(st.none() | deltas(n, n, n)))


@st.composite
def latencies(draw):
    samples = draw(st.lists(st.floats(0, 1e6), min_size=1, max_size=5))
    fixed = {"n": len(samples), "latency_ms": summarise_latency(samples), "samples_ms": tuple(samples), "first_ms": draw(st.floats(0, 1e6))}
    whole = {"warmup_runs": draw(counts), "threads": draw(st.integers(0, 64))}
    return Latency(target=draw(names), basis=draw(bases), kernels=draw(names), **fixed, **whole)


@st.composite
def placements(draw):
    parts = [draw(counts) for _ in range(3)]
    return PlacementSummary(ops_total=sum(parts), ops_edgetpu=parts[0], ops_cpu=parts[1], ops_unknown=parts[2], basis=draw(bases))


scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), names)
settings_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6)

records = st.builds(
    Record,
    key=names,
    recipe=names,
    dataset=names,
    dataset_fingerprint=names,
    model=names,
    file=names,
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    size_bytes=counts,
    compressed_bytes=counts,
    size_basis=bases,
    accuracy=accuracies(),
    accuracy_delta=st.none(),
    placement=placements(),
    parameters=st.none() | st.builds(Parameters, on_chip_bytes=counts, off_chip_bytes=counts, basis=bases),
    latency=st.lists(latencies(), max_size=2).map(tuple),
    environment=st.builds(
        Environment, python=names, platform=names, machine=names, cpu=names, cores=st.integers(0, 512),
        packages=st.dictionaries(names, names, max_size=2),
    ),
    seed=st.integers(-(2**63) + 1, 2**63 - 1),
    settings=st.dictionaries(names, settings_values, max_size=2),
    created=st.datetimes().map(lambda moment: moment.isoformat()),
)  # fmt: skip
records = with_deltas(records)


@settings(max_examples=40, deadline=None)
@given(st.lists(records, max_size=3, unique_by=lambda record: record.key))
def test_exported_records_come_back_the_same(tmp_path_factory, given_records):
    folder = tmp_path_factory.mktemp("trip")
    Records(given_records).export(folder / "out.jsonl")
    with RecordStore(folder / "r.sqlite") as store:
        result = import_records(folder / "out.jsonl", store)
        assert result.rejected == ()
        assert result.added == len(given_records)
        assert store.query() == [dataclasses.replace(record, origin="imported") for record in given_records]
        again = import_records(folder / "out.jsonl", store)
        assert (again.added, again.already_there, again.rejected) == (0, len(given_records), ())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(string.printable, max_size=300).map(str.encode))
def test_any_bytes_are_a_record_or_a_reason_on_one_line(line):
    record, reason = parsed(line)
    assert record is not None or reason.isprintable()


def parsed(line):
    try:
        return parse_record(line), ""
    except RecordProblem as problem:
        return None, str(problem)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_field_of_any_other_value_is_a_record_or_a_reason(make_valid, data):
    changed = json.loads(make_valid)
    place = changed
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[name], dict) and place[name] and data.draw(st.booleans()):
            place = place[name]
            continue
        place[name] = data.draw(json_values)
        break
    record, reason = parsed(json.dumps(changed).encode())
    if record is None:
        assert reason.isprintable()
    else:
        assert 0 <= record.accuracy.value <= 1
        assert math.isfinite(record.accuracy.ci95[0])
        msgspec.json.decode(msgspec.json.encode(record), type=Record)


@pytest.fixture(scope="module")
def make_valid():
    import importlib.util

    spec = importlib.util.spec_from_file_location("record_helper", Path(__file__).parent / "conftest.py")
    helper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helper)
    return msgspec.json.encode(helper.build_record()).decode()


def changed_line(make_record, path, value):
    content = make_record().to_dict()
    place = content
    *folders, last = path.split(".")
    for name in folders:
        place = place[int(name)] if name.isdigit() else place[name]
    place[last] = value
    return json.dumps(content)


REFUSED = [
    ("accuracy.value", 1.5, "outside 0..1"),
    ("accuracy.value", float("nan"), ""),
    ("accuracy.value", float("inf"), ""),
    ("accuracy.value", "0.9", "Expected"),
    ("accuracy.value", 0.8, "not correct / n"),
    ("accuracy.ci95", [0.96, 0.79], "not ordered"),
    ("accuracy.ci95", [0.1, 0.2], "does not hold"),
    ("accuracy.ci95", [0.8999, 0.9001], "accuracy.ci95 0.8999, 0.9001 does not follow from correct and n, which give 0.786398, 0.956524"),
    ("accuracy.value", 0.90000095, "does not follow from correct and n"),
    ("accuracy", {"value": 0.5, "n": 2 * 10**9, "correct": 10**9, "ci95": [0.5, 0.5], "target": "cpu"}, "cannot be recomputed"),
    ("accuracy.ci95", [0.1, 0.2, 0.3], "length 2"),
    ("accuracy.n", 0, "not positive"),
    ("accuracy.n", 50.5, "Expected `int`"),
    ("accuracy.correct", 51, "outside 0..n"),
    ("accuracy.correct", -1, "outside 0..n"),
    ("accuracy_delta.points", -101, "outside -100..100"),
    ("accuracy_delta.points", 4.0, "not 100 * (gained - lost) / n"),
    ("accuracy_delta.p_value", 1.1, "outside 0..1"),
    ("accuracy_delta.lost", 50, "more than n"),
    ("accuracy_delta.ci95", [50, 60], "accuracy_delta.ci95 50, 60 does not follow from gained, lost and n"),
    ("accuracy_delta.p_value", 1e-9, "accuracy_delta.p_value 1e-09 does not follow from gained and lost, which give 0.625"),
    ("accuracy_delta.points", -4.00001, "does not follow from gained, lost and n"),
    ("accuracy_delta", build_delta(1, 3, 500).to_dict(), "accuracy_delta.n 500 is not accuracy.n (50)"),
    ("accuracy_delta", build_delta(46, 0, 50).to_dict(), "gained 46 is more than accuracy.correct (45)"),
    ("accuracy_delta", build_delta(0, 6, 50).to_dict(), "lost 6 is more than the wrong answers (5)"),
    ("validation_delta", build_delta(1, 3, 200, p_value=1e-9).to_dict(), "validation_delta.p_value 1e-09 does not follow"),
    ("validation_delta", build_delta(1, 3, 200, ci95=(50.0, 60.0)).to_dict(), "validation_delta.ci95 50, 60 does not follow"),
    ("validation_delta", build_delta(1, 3, 200, points=4.0).to_dict(), "validation_delta.points is not 100 *"),
    ("validation_delta", build_delta(1, 3, 10**18).to_dict(), "cannot be recomputed"),
    ("placement.ops_total", 30, "ops_total is 30"),
    ("placement.ops_cpu", -1, "negative"),
    ("placement.basis", "guessed", "Invalid enum value"),
    ("parameters.on_chip_bytes", -1, "negative"),
    ("size_bytes", -1, "negative"),
    ("seed", 2**63, "64 bits"),
    ("estimate.latency_ms", {"low": 0.9, "mid": 0.5, "high": 1.0}, "estimate.latency_ms low, mid, high are not in order"),
    ("estimate.latency_ms", {"low": 0.0, "mid": 0.5, "high": 1.0}, "not in order"),
    ("estimate.latency_ms", None, "either latency_ms or a reason"),
    ("estimate.refused", "because", "either latency_ms or a reason"),
    ("estimate.coverage", 1.5, "estimate.coverage is outside 0..1"),
    ("estimate.held_out", -0.1, "estimate.held_out is outside 0..1"),
    ("estimate.n", -1, "estimate.n is negative"),
    ("estimate.basis", "measured", "which no estimate has"),
    ("latency.0.n", 3, "not the number of samples"),
    ("latency.0.samples_ms", [0.5, -0.6, 0.7, 0.9], "negative"),
    ("latency.0.latency_ms", {"p50": 0.9, "p90": 0.8, "p99": 0.8, "mean": 0.6, "stdev": 0}, "not in order"),
    ("latency.0.latency_ms", {"p50": 0.6, "p90": 0.8, "p99": 8.0, "mean": 0.6, "stdev": 0}, "outside the samples"),
    ("latency.0.ratio", -1.0, "latency.ratio is negative"),
    ("latency.0.latency_ms.p50", 0.66, "latency_ms.p50 0.66 does not follow from samples_ms, which give 0.65"),
    ("latency.0.latency_ms.p99", 0.9, "latency_ms.p99"),
    ("latency.0.latency_ms.mean", 0.6, "latency_ms.mean"),
    ("latency.0.latency_ms.stdev", 0.0, "latency_ms.stdev"),
    ("latency.0.samples_ms", [0.5, 0.6, 0.7, 0.95], "does not follow"),
    ("file", "../secret.tflite", "not a plain name"),
    ("file", "..", "not a plain name"),
    ("file", "C:model.tflite", "not a plain name"),
    ("file", "folder\\model.tflite", "not a plain name"),
    ("recipe", "ptq\u001b[31m", "control"),
    ("recipe", "ptq\nint8", "control"),
    ("recipe", "ptq\u202eint8", "invisible"),
    ("recipe", " ", "is empty"),
    ("recipe", "x" * 501, "longer than 500"),
    ("settings", {"a\u0000b": 1}, "control"),
    ("settings", {"a": [[[[[[[[[[1]]]]]]]]]]}, "nested"),
    ("settings", {"\x1b]0;owned\x07": 10**30}, r"\x1b]0;owned\x07 is larger than 64 bits"),
    ("settings", {"\x1b]0;owned\x07": [[[[[[[[[[1]]]]]]]]]]}, r"\x1b]0;owned\x07 is nested"),
    ("settings", {"\u202e\n": 10**30}, r"\u202e\n is larger than 64 bits"),
    ("sha256", "A" * 64, "64 hexadecimal"),
    ("created", "yesterday", "ISO date"),
]


@pytest.mark.parametrize(("path", "value", "reason"), REFUSED, ids=[f"{path}-{number}" for number, (path, _, _) in enumerate(REFUSED)])
def test_a_bad_value_is_refused_with_its_reason(make_record, path, value, reason):
    with pytest.raises(RecordProblem) as problem:
        parse_record(changed_line(make_record, path, value).encode())
    assert reason in str(problem.value)
    assert str(problem.value).isprintable()


def test_figures_that_differ_by_rounding_only_are_taken(make_record):
    content = make_record(validation_delta=build_delta(2, 5, 200)).to_dict()

    def rounded(value):
        if isinstance(value, dict):
            return {name: rounded(item) for name, item in value.items()}
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return float(f"{value:.8g}") if isinstance(value, float) else value

    assert rounded(content) != content
    assert parse_record(json.dumps(rounded(content)).encode()).validation_delta.n == 200


def test_samples_too_large_to_add_up_are_refused_without_a_warning(make_record, recwarn):
    huge = 1.7e308
    content = make_record().to_dict()
    summary = dict.fromkeys(("p50", "p90", "p99", "mean", "stdev"), huge)
    content["latency"][0] |= {"n": 2, "samples_ms": [huge, huge], "latency_ms": summary}
    with pytest.raises(RecordProblem, match="does not follow from samples_ms"):
        parse_record(json.dumps(content).encode())
    assert not recwarn.list


def test_bad_lines_are_reported_with_their_number_and_good_ones_kept(tmp_path, make_record):
    good = [json.dumps(make_record(f"k{i}").to_dict()) for i in range(3)]
    lines = [
        good[0],
        "",
        "{not json",
        good[1],
        "x" * (MAX_LINE_BYTES + 10),
        good[1],
        "[" * 100_000,
        json.dumps({"key": "k9"}),
        good[2],
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with RecordStore(tmp_path / "r.sqlite") as store:
        result = import_records(tmp_path / "in.jsonl", store)
        assert [r.key for r in store.query(origin="imported")] == ["k0", "k1", "k2"]
    assert (result.added, result.already_there) == (3, 1)
    assert [number for number, _ in result.rejected] == [3, 5, 7, 8]
    assert "longer than 1048576 bytes" in result.rejected[1][1]
    assert "missing required field" in result.rejected[3][1]
    assert result.to_dict()["added"] == 3


def test_keys_of_a_later_version_are_ignored(make_record):
    assert parse_record(changed_line(make_record, "carbon_g", 3).encode()) == make_record(origin="imported")


def test_an_estimate_of_energy_comes_back_and_must_be_one(make_record):
    whole = make_record(origin="imported")
    spent = EnergyRange(low=0.25, mid=0.5, high=0.96, assumption="the stick draws so much")
    guess = dataclasses.replace(whole.estimate, energy_mj=spent)
    line = msgspec.json.encode(dataclasses.replace(whole, estimate=guess))
    assert parse_record(line).estimate.energy_mj == spent
    for wrong in (dataclasses.replace(spent, mid=2.0), dataclasses.replace(spent, low=0.0)):
        bad = dataclasses.replace(whole, estimate=dataclasses.replace(guess, energy_mj=wrong))
        with pytest.raises(RecordProblem, match=r"estimate.energy_mj low, mid, high are not in order"):
            parse_record(msgspec.json.encode(bad))
    refused = dataclasses.replace(whole, estimate=dataclasses.replace(guess, latency_ms=None, refused="too new a net"))
    with pytest.raises(RecordProblem, match="no latency_ms that it could follow from"):
        parse_record(msgspec.json.encode(refused))


@pytest.mark.parametrize("claimed", ["local", "imported", "\x1b[2J"])
def test_a_line_cannot_say_that_it_was_measured_here(tmp_path, make_record, claimed):
    (tmp_path / "in.jsonl").write_text(changed_line(make_record, "origin", claimed))
    with RecordStore(tmp_path / "r.sqlite") as store:
        assert import_records(tmp_path / "in.jsonl", store).added == 1
        assert store.get("k1").origin == "imported"
        Records(store.query()).export(tmp_path / "out.jsonl")
    assert "origin" not in json.loads((tmp_path / "out.jsonl").read_text())


def test_files_that_are_no_file_of_lines_are_one_line(tmp_path):
    with RecordStore(tmp_path / "r.sqlite") as store:
        for path in (tmp_path, tmp_path / "none.jsonl", Path("/dev/null")):
            with pytest.raises(StorageError) as error:
                import_records(path, store)
            assert "\n" not in str(error.value)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    with (tmp_path / "big.jsonl").open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)
    with RecordStore(tmp_path / "r.sqlite") as store, pytest.raises(StorageError, match="split it by lines"):
        import_records(tmp_path / "big.jsonl", store)


def test_an_export_names_no_folder_of_this_machine(tmp_path, make_record):
    record = make_record(
        file="/home/ann/runs/digits/ptq_int8.tflite",
        dataset="/home/ann/My Pictures/flowers",
        settings={
            "weights": "C:\\Users\\ann\\w.h5",
            "note": "read from /home/ann/w.h5, 31/31 ops",
            "list": ["~/data/x.npz"],
            "/home/ann/k": 1,
            "share": "\\\\server\\ann\\x",
            "url": "file:///home/ann/y",
        },
    )
    Records([record]).export(tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text()
    assert "ann" not in text
    assert "home" not in text
    content = json.loads(text)
    assert content["file"] == "ptq_int8.tflite"
    assert content["dataset"] == "flowers"
    assert content["settings"]["note"] == "read from w.h5, 31/31 ops"
    assert content["settings"]["weights"] == "w.h5"
    whole = make_record().to_dict()
    del whole["origin"]
    assert public_dict(make_record()) == whole


def test_a_failed_export_leaves_the_older_file(tmp_path, make_record):
    out = tmp_path / "out.jsonl"
    Records([make_record("old")]).export(out)
    before = out.read_bytes()
    code = """
import sys
from edgewb.records import load_records
from edgewb.errors import StorageError
try:
    load_records(sys.argv[1]).export(sys.argv[2])
except StorageError as error:
    print(error)
    sys.exit(2)
"""
    with RecordStore(tmp_path / "r.sqlite") as store:
        store.add(make_record("new", settings={"filler": ["x" * 400] * 100}))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r.sqlite"), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout.count("\n") == 1
    assert "free some space" in done.stdout
    assert out.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "r.sqlite"]


class TestRegression:
    """Records of a regression go out and come in as those of classes do."""

    def line(self, **changes):
        return json.dumps(public_dict(made_records.build_regression()) | changes).encode()

    def changed(self, field, **changes):
        return self.line(**{field: public_dict(made_records.build_regression())[field] | changes})

    def test_it_comes_back(self, tmp_path):
        record = made_records.build_regression()
        assert dataclasses.replace(parse_record(self.line()), origin="local") == record
        with RecordStore(tmp_path / "one.sqlite") as store, RecordStore(tmp_path / "other.sqlite") as other:
            assert store.add(record)
            Records(store.query()).export(tmp_path / "lines.jsonl")
            assert import_records(tmp_path / "lines.jsonl", other).added == 1
            assert dataclasses.replace(other.query()[0], origin="local") == record
        assert (record.task, record.score, record.delta, record.validated) == (
            "regression",
            record.errors,
            record.error_delta,
            record.validation_error_delta,
        )

    def test_a_record_from_before_there_were_any(self):
        tree = public_dict(made_records.build_record())
        for name in ("errors", "error_delta", "validation_error_delta"):
            assert tree.pop(name) is None
        record = parse_record(json.dumps(tree).encode())
        assert (record.task, record.score, record.delta) == ("classification", record.accuracy, record.accuracy_delta)

    @pytest.mark.parametrize(
        ("field", "changes", "expected"),
        [
            ("errors", {"r2": 0.99}, "errors.r2 0.99 does not follow from rmse and truth_stdev"),
            ("errors", {"mae": 100.0}, "errors.mae 100.0 is negative, or more than errors.rmse"),
            ("errors", {"mae": -1.0}, "errors.mae -1.0 is negative"),
            ("errors", {"mae": 0.01}, "errors.rmse is more than sqrt(n) times errors.mae"),
            ("errors", {"r2_ci95": [0.2, 1.5]}, "errors.r2_ci95"),
            ("errors", {"mae_ci95": [-1.0, 3.0]}, "errors.mae_ci95"),
            ("errors", {"rmse_ci95": [9.0, 8.0]}, "errors.rmse_ci95"),
            ("errors", {"truth_stdev": 0.0}, "errors.truth_stdev is not positive"),
            ("errors", {"n": 1}, "errors.n is below 2"),
            ("errors", {"n": 111}, "error_delta.n 110 is not errors.n (111)"),
            ("errors", {"target": "replay"}, "errors.basis is measured, which nothing on replay is"),
            ("error_delta", {"points": -99.0}, "error_delta.points would have the reference's R2 above 1"),
            ("error_delta", {"mae_change": 99.0}, "error_delta.mae_change would have the reference's MAE below 0"),
            ("error_delta", {"ci90": [-50.0, 50.0]}, "error_delta.ci90 [-50.0, 50.0] is not within ci95"),
            ("error_delta", {"p_value": 1.5}, "error_delta.p_value 1.5 is outside 0..1"),
            ("validation_error_delta", {"ci95": [1.0, -1.0]}, "validation_error_delta.ci95"),
            ("validation_error_delta", {"n": 0}, "validation_error_delta.n is below 2"),
        ],
    )
    def test_what_cannot_be_is_refused(self, field, changes, expected):
        with pytest.raises(RecordProblem) as caught:
            parse_record(self.changed(field, **changes))
        assert expected in str(caught.value)

    def test_a_record_is_of_classes_or_of_a_regression(self):
        classes = public_dict(made_records.build_record())
        with pytest.raises(RecordProblem, match="neither accuracy nor errors"):
            parse_record(self.line(errors=None, error_delta=None, validation_error_delta=None))
        with pytest.raises(RecordProblem, match="an error_delta is given, but no errors"):
            parse_record(self.line(errors=None))
        for name in ("accuracy", "accuracy_delta"):
            with pytest.raises(RecordProblem, match=f"{name} is given beside errors"):
                parse_record(self.line(**{name: classes[name]}))
