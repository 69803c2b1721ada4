"""Studies under way, as others see them: what they say, how they are asked to stop, what is left of one that was killed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from edgewb import cli, running
from edgewb.errors import InputError, StudyCancelled
from edgewb.locations import home
from edgewb.optimizers.workers import Worker
from edgewb.progress import Bar
from edgewb.running import Announcement, RunningStudy, cancel_study, running_studies, studies_text

RECIPES = ("float32", "ptq_int8", "qat_int8")


def announced(dataset: str = "digits") -> Announcement:
    return Announcement(dataset=dataset, dataset_fingerprint="f" * 64, model="digits_cnn", seed=3, recipes=RECIPES)


def files() -> list[str]:
    return sorted(path.name for path in (home() / "running").iterdir())


@pytest.fixture
def ended() -> psutil.Process:
    """A process that is no longer there, as it was while it lived."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    process.create_time()
    child.communicate(b"\n")
    return process


def test_what_a_study_says_is_what_others_see() -> None:
    assert running_studies() == ()
    with announced() as study:
        study.report("training digits_cnn", 0.0)
        study.finish("float32")
        study.fail("ptq_int8")
        study.report("qat_int8", 0.5)
        (seen,) = running_studies()
        assert (seen.id, seen.dataset, seen.model, seen.seed, seen.recipes) == (study.id, "digits", "digits_cnn", 3, RECIPES)
        assert (seen.done, seen.failed, seen.current, seen.share) == (("float32",), ("ptq_int8",), "qat_int8", 0.5)
        assert (seen.alive, seen.cancelling, seen.pid) == (True, False, os.getpid())
        assert seen.started <= seen.updated
        text = studies_text([seen])
        assert "1 of 3 variants finished, 1 failed; 50 % of its expected time, now qat_int8" in text
        assert text.startswith(study.id)
    assert running_studies() == ()
    assert files() == []
    assert studies_text(()) == "No study is under way in this home."


def test_progress_within_a_step_is_written_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(running, "write_whole", lambda path, content: written.append(msgspec.json.decode(content)["share"]))
    with announced() as study:
        for step in range(1000):
            study.report("training", step / 1000)
    assert len(written) <= 4
    assert written[:2] == [0.0, 0.0]


def test_two_at_once_are_told_apart_and_one_is_cancelled() -> None:
    with announced("digits") as first, announced("breast_cancer") as second:
        assert {study.dataset for study in running_studies()} == {"digits", "breast_cancer"}
        asked = cancel_study(first.id)
        assert (asked.id, asked.cancelling) == (first.id, True)
        assert (first.is_cancelled(), second.is_cancelled()) == (True, False)
        assert {study.id: study.cancelling for study in running_studies()} == {first.id: True, second.id: False}
        assert "was asked to stop" in studies_text([asked])
        cancel_study(first.id)  # asking twice is fine
    assert files() == []


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", "0" * 16, "\x1b[31m"])
def test_only_what_is_running_can_be_cancelled(name: str) -> None:
    with announced() as study:
        with pytest.raises(InputError, match=f"is running here; running: {study.id}") as caught:
            cancel_study(name)
        assert str(caught.value).isprintable()
        assert files() == [f"{study.id}.json"]


def test_a_killed_study_is_seen_as_such_then_forgotten_then_swept(ended: psutil.Process) -> None:
    with announced() as other:
        (alive,) = running_studies()
    dead = dataclasses.replace(alive, pid=ended.pid, process_started=ended.create_time())
    file = home() / "running" / f"{other.id}.json"
    file.write_bytes(msgspec.json.encode(dead))
    (seen,) = running_studies()
    assert not seen.alive
    assert "its process ended without a word" in studies_text([seen])
    with pytest.raises(InputError, match="running: none"):
        cancel_study(other.id)
    old = dataclasses.replace(dead, updated="2026-01-01T00:00:00+00:00")
    file.write_bytes(msgspec.json.encode(old))
    assert running_studies() == ()
    leftovers = [file, home() / "running" / f"{'0' * 16}.cancel", home() / "running" / f".{'1' * 16}.json.x.part"]
    for leftover in leftovers:
        leftover.touch()
        os.utime(leftover, (time.time() - 100, time.time() - 100))
    with announced() as study:
        os.utime(home() / "running" / f"{study.id}.json", (0, 0))  # long without progress: a living one is never swept
        with announced() as later:
            assert files() == sorted(f"{each.id}.json" for each in (study, later))


def test_another_process_of_the_same_number_is_not_it() -> None:
    with announced() as study:
        file = home() / "running" / f"{study.id}.json"
        (seen,) = running_studies()
        file.write_bytes(msgspec.json.encode(dataclasses.replace(seen, process_started=seen.process_started - 60)))
        assert [each.alive for each in running_studies()] == [False]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"id": 1}', b"[" * 5000])
def test_a_damaged_file_is_passed_by(content: bytes) -> None:
    with announced() as study:
        (home() / "running" / f"{'a' * 16}.json").write_bytes(content)
        (home() / "running" / "notes.json").write_bytes(b"{}")
        assert [each.id for each in running_studies()] == [study.id]


def test_a_file_that_says_nonsense_of_time_or_process_is_passed_by_or_dead() -> None:
    with announced() as study:
        (seen,) = running_studies()
    for changes in ({"updated": "yesterday"}, {"pid": -5}, {"pid": 10**30}, {"updated": "2026-01-01T00:00:00"}):
        tree = {**json.loads(msgspec.json.encode(seen)), **changes}
        (home() / "running" / f"{study.id}.json").write_text(json.dumps(tree))
        assert not [each for each in running_studies() if each.alive and "pid" in changes]


def test_a_home_that_cannot_be_written_does_not_stop_a_study() -> None:
    home().mkdir(parents=True, exist_ok=True)
    (home() / "running").write_text("a file is in the way")
    with announced() as study, Bar(2.0, show=False, tell=study.report) as bar:
        bar.begin("float32")
        bar.reach(1.0)
        study.finish("float32")
        assert not study.is_cancelled()
        assert running_studies() == ()
    assert (home() / "running").read_text() == "a file is in the way"


def test_a_worker_in_the_middle_of_a_task_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorflow.py").write_text("import time\ntime.sleep(600)\n")  # a task that does not end by itself
    monkeypatch.syspath_prepend(str(tmp_path))
    with announced() as study, Worker() as worker:
        worker.is_cancelled = study.is_cancelled
        worker.check()
        script = f"import time; time.sleep(1); from edgewb.running import cancel_study; cancel_study({study.id!r})"
        asks = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        with pytest.raises(StudyCancelled, match="every finished variant is kept"):
            worker.call("describe_model", source=None)
        assert asks.wait(120) == 0
        assert worker.pid is None
        with pytest.raises(StudyCancelled):  # and it is not started again
            worker.call("describe_model", source=None)
        assert worker.starts == 1


def test_the_bar_tells_what_is_done_and_how_much() -> None:
    told: list[tuple[str, float]] = []
    with Bar(4.0, show=False, tell=lambda current, share: told.append((current, share))) as bar:
        bar.begin("training")
        bar.reach(1.0)
        bar.reach(0.5)
        bar.reach(9.0)
    assert told == [("training", 0.0), ("training", 0.25), ("training", 1.0)]
    with Bar(0.0, show=False, tell=lambda current, share: told.append((current, share))) as bar:
        bar.begin("nothing to do")
    assert told[-1] == ("nothing to do", 0.0)


def test_the_command_line_lists_and_cancels(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["running"]) == 0
    assert capsys.readouterr().out == "No study is under way in this home.\n"
    with announced() as study:
        study.finish("float32")
        assert cli.main(["running", "--json"]) == 0
        (seen,) = json.loads(capsys.readouterr().out)["running"]
        assert msgspec.convert(seen, RunningStudy) == running_studies()[0]
        assert cli.main(["running", "--cancel", study.id]) == 0
        assert capsys.readouterr().out == f"{study.id} was asked to stop; 1 of 3 variants are finished and kept\n"
        assert study.is_cancelled()
        assert cli.main(["running", "--cancel", study.id, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["cancelled"]["cancelling"] is True
    assert cli.main(["running", "--cancel", study.id]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"edgewb: no study '{study.id}' is running here")
    assert len(said.splitlines()) == 1


def test_a_name_cannot_write_to_the_terminal() -> None:
    with announced("\x1b[2Jdata\n") as study:
        study.report("\x1b]0;x", 0.1)
        assert studies_text(running_studies()).isprintable()


def test_a_request_that_comes_too_late_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    study = announced()
    study.__enter__()
    real = running.write_whole

    def ends_first(path: Path, content: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            study.__exit__(None, None, None)
        real(path, content)

    monkeypatch.setattr(running, "write_whole", ends_first)
    with pytest.raises(InputError, match="has just ended by itself"):
        cancel_study(study.id)
    assert files() == []
