"""The bar: the share done, the time left, and nothing at all when none is wanted."""

import re
import time

import pytest

from edgewb.progress import Bar


def test_no_bar_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Bar(10.0, show=False) as bar:
        bar.begin("training")
        bar.reach(5.0)
    assert capfd.readouterr() == ("", "")


def test_a_bar_says_what_is_done_and_how_long_it_takes_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with Bar(10.0, show=True) as bar:
        bar.begin("training digits_cnn")
        bar.reach(2.5)
        time.sleep(0.25)
        bar.reach(5.0)
        bar.begin("ptq_int8")
    out, err = capfd.readouterr()
    assert out == ""
    assert "training digits_cnn" in err
    assert "ptq_int8" in err
    assert re.search(r"50%\|.*gone, \d\d:\d\d left", err)


def test_a_bar_never_goes_back(capfd: pytest.CaptureFixture[str]) -> None:
    with Bar(10.0, show=True) as bar:
        for done in (8.0, 3.0, 8.0, 1.0):
            bar.reach(done)
            time.sleep(0.21)
            bar.begin(f"at {done}")
    shares = [int(share) for share in re.findall(r"(\d+)%\|", capfd.readouterr().err)]
    assert shares == sorted(shares)
    assert shares[-1] == 80


def test_a_bar_ends_when_the_work_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with Bar(10.0, show=True) as bar:
            bar.begin("training")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert capfd.readouterr().err.endswith(("\r", "\n"))


def test_nothing_to_do_is_no_division_by_zero() -> None:
    with Bar(0.0, show=True) as bar:
        bar.begin("loading")
        bar.reach(0.0)
