"""Meters: real commands that print watts, files and growing logs, and all the ways they go wrong."""

import datetime
import shlex
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.errors import InputError
from edgewb.meters import MOST_WATTS, REPEAT_SECONDS, open_meter, parse_watts

OTHERS: set[psutil.Process] = set()


def command(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -S -u -c {shlex.quote(code)}"


@pytest.fixture(autouse=True)
def _others() -> None:
    """Processes other tests of this run keep, such as the worker that holds TensorFlow, are no meter's."""
    OTHERS.clear()
    OTHERS.update(psutil.Process().children())


def new_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child not in OTHERS]


def wait_for(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.perf_counter() + seconds
    while not true():
        assert time.perf_counter() < deadline, "it never came"
        time.sleep(0.02)


@settings(deadline=None)
@given(st.floats(0, MOST_WATTS), st.sampled_from([1.0, 1e-3, 1e-6]))
def test_watts_are_read_in_their_unit(watts: float, scale: float) -> None:
    assert parse_watts(f" {watts / scale!r}\n", scale) == pytest.approx(watts, rel=1e-12) or watts / scale * scale > MOST_WATTS


@settings(deadline=None)
@given(st.text(max_size=20))
def test_whatever_is_printed_is_a_power_or_an_error(text: str) -> None:
    try:
        watts = parse_watts(text, 1.0)
    except ValueError:
        return
    assert 0 <= watts <= MOST_WATTS


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e9", "12 W", "", "1,5", "0x10"])
def test_no_power(text: str) -> None:
    with pytest.raises(ValueError, match=r"no number|is possible"):
        parse_watts(text, 1.0)


class TestCommand:
    def test_one_that_goes_on_is_run_once(self) -> None:
        with open_meter(command("import os, time\nprint('watts')\nwhile True:\n print(os.getpid() / 1e6); time.sleep(0.02)")) as meter:
            wait_for(lambda: len(meter.readings(0)[1]) >= 5)
            times, watts = meter.readings(time.perf_counter())
            pid = round(watts[0] * 1e6)
            assert psutil.pid_exists(pid)
        assert len(set(watts)) == 1
        assert len(watts) >= 5
        assert times == sorted(times)
        assert not psutil.pid_exists(pid)
        assert meter.failure is None
        assert str(Path(sys.executable).parent) not in meter.source

    def test_one_that_ends_after_a_number_is_run_again(self, tmp_path: Path) -> None:
        log = tmp_path / "runs"
        code = f"open({str(log)!r}, 'a').write('x')\nprint(2500)"
        begun = time.perf_counter()
        with open_meter(command(code), "mW") as meter:
            wait_for(lambda: len(meter.readings(0)[1]) >= 2)
            watts = meter.readings(0)[1]
            runs = len(log.read_text())
            assert runs <= 1 + (time.perf_counter() - begun) / REPEAT_SECONDS, "once a second, and not more often"
        assert len(watts) >= 2
        assert set(watts) == {2.5}

    def test_children_of_a_shell_end_with_it(self) -> None:
        with open_meter("sh -c 'while :; do echo 3; sleep 0.05; done'"):
            shell = new_children()
            below = shell[0].children(recursive=True)
        _, alive = psutil.wait_procs([*shell, *below], timeout=30)
        assert alive == []

    @pytest.mark.parametrize(
        ("code", "says"),
        [
            ("import sys; sys.exit('no such sensor')", r"ended with exit status 1 after 0 reading\(s\): no such sensor"),
            ("pass", r"ended with exit status 0 after 0 reading\(s\)"),
            ("print('on'); print('off')", "gave 'off', which is no number"),
            ("print('5 V')", "gave '5 V', which is no number"),
            ("print(-3)", "gave '-3', that is -3 W"),
            ("print(1e9)", r"is possible \(--meter-unit"),
            ("import sys; sys.stdout.buffer.write(bytes(range(128, 250)) * 2000)", "ended with exit status|no number"),
            ("import time; time.sleep(30)", "printed no number within 0.5 s: let it write each line at once"),
        ],
    )
    def test_what_gives_no_watts_is_told_before_anything_is_measured(self, code: str, says: str) -> None:
        meter = open_meter(command(code))
        meter.patience_s = 0.5 if "sleep" in code else 10
        with pytest.raises(InputError, match=says), meter:
            pytest.fail("it started")
        assert new_children() == []

    @pytest.mark.parametrize(
        ("code", "says", "least"),
        [
            ("for _ in range(5): print(1)\nlater()", "ended with exit status 0 after 5 reading", 5),
            ("print(1); print(2); later(); os.kill(os.getpid(), 9)", "ended with exit status -9 after 2 reading", 2),
            ("print(1); later(); print('error')", "gave 'error'", 1),
            ("print(1); later()\nwhile True: print(1)", "more than 200 numbers a second", 200),
        ],
    )
    def test_what_goes_wrong_later_is_kept_as_the_reason(self, tmp_path: Path, code: str, says: str, least: int) -> None:
        later = f"import os, time\ndef later():\n while not os.path.exists({str(tmp_path / 'later')!r}): time.sleep(0.01)\n"
        with open_meter(command(later + code)) as meter:
            (tmp_path / "later").touch()
            wait_for(lambda: meter.failure)
            assert says in meter.failure
            assert len(meter.readings(0)[1]) >= least
        assert new_children() == []

    @pytest.mark.parametrize("given", ["no-such-meter-anywhere", "/no/such/power1_input", "'unclosed", "", "  "])
    def test_no_such_command_or_file(self, given: str) -> None:
        with pytest.raises(InputError, match="--meter") as raised:
            open_meter(given)
        assert "\n" not in str(raised.value)

    def test_a_unit_nobody_knows(self) -> None:
        with pytest.raises(InputError, match="unknown unit of the meter 'kW'"):
            open_meter("echo 1", "kW")


class TestFile:
    def test_the_present_power_as_hwmon_gives_it(self, tmp_path: Path) -> None:
        path = tmp_path / "power1_input"
        path.write_text("2500000\n")
        with open_meter(str(path)) as meter:
            (tmp_path / "new").write_text("3500000\n")
            (tmp_path / "new").replace(path)  # never seen empty
            wait_for(lambda: meter.readings(0)[1][-1] == 3.5)
            assert meter.readings(0)[1][0] == 2.5
        with open_meter(str(path), "mW") as meter:
            assert meter.readings(0)[1][0] == 3500

    @pytest.mark.parametrize("content", ["", "off", "-5", "nan"])
    def test_no_power_in_it(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "watts"
        path.write_text(content)
        with pytest.raises(InputError, match="the meter file watts: gave"), open_meter(str(path)):
            pytest.fail("it started")

    def test_one_that_goes_away(self, tmp_path: Path) -> None:
        path = tmp_path / "watts"
        path.write_text("4")
        with open_meter(str(path)) as meter:
            path.unlink()
            wait_for(lambda: meter.failure)
            assert "can no longer be read" in meter.failure

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is a folder"):
            open_meter(str(tmp_path))


class TestLog:
    def grow(self, path: Path, rows: list[str], seconds: float = 0.02) -> threading.Thread:
        def write() -> None:
            for row in rows:
                with path.open("a") as stream:
                    stream.write(row.replace("NOW", repr(time.time())).replace("ISO", datetime.datetime.now(datetime.UTC).isoformat()))
                time.sleep(seconds)

        thread = threading.Thread(target=write)
        thread.start()
        return thread

    @pytest.mark.parametrize("when", ["NOW", "ISO"])
    def test_rows_written_meanwhile_count_by_their_own_times(self, tmp_path: Path, when: str) -> None:
        path = tmp_path / "log.csv"
        path.write_text("time,watts,volts\n1700000000,77,5\n1700000001,78,5\n1700000002,7")
        with open_meter(str(path)) as meter:
            started = time.perf_counter()
            self.grow(path, ["9,5\n", *[f"{when},{2 + i % 2},5.0\n" for i in range(10)]]).join()
            times, watts = meter.readings(time.perf_counter() - 0.1)
        assert meter.failure is None
        assert watts == [2, 3] * 5  # neither the old rows nor the one that was torn
        assert all(started - 0.1 <= at <= time.perf_counter() for at in times)

    @pytest.mark.parametrize(
        ("rows", "says"),
        [
            ([], "got no new line"),
            (["5\n"], "time,watts is wanted"),
            (["soon,5\n", "later,5\n", "12:xx,5\n"], "seconds since 1970 or ISO 8601"),
            (["NOW,lots\n"], "gave 'lots'"),
            (["1700000000,5\n"], "not of this computer's clock"),
            (["NOW,5\n", "1700000000,5\n"], "go backwards"),
        ],
    )
    def test_what_is_wrong_with_a_log(self, tmp_path: Path, rows: list[str], says: str) -> None:
        path = tmp_path / "log.csv"
        path.write_text("time,watts\n1,2\n")
        with open_meter(str(path)) as meter:
            meter.patience_s = 0.3
            self.grow(path, rows).join()
            meter.readings(time.perf_counter())
        assert says in (meter.failure or "")

    def test_it_is_not_read_while_calls_are_timed(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_text("time,watts\n1,2\n")
        with open_meter(str(path)):
            assert not [thread for thread in threading.enumerate() if thread.name == "edgewb-meter"]


def test_a_command_with_its_arguments_is_run_without_a_shell(tmp_path: Path) -> None:
    with open_meter(f"{sys.executable} -S -c 'import sys; print(len(sys.argv))' '$(touch {tmp_path}/x)' ';' '|'") as meter:
        assert meter.readings(0)[1][0] == 4
    assert list(tmp_path.iterdir()) == []
