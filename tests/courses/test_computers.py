"""What a reader has, in five lines."""

from __future__ import annotations

from pathlib import Path

from made_machines import MadeMachine

from edgewb.courses import describe_computer
from edgewb.doctor import diagnose


def lines(machine: MadeMachine) -> dict[str, tuple[str, str]]:
    computer = describe_computer(diagnose(machine=machine.machine))
    assert len(repr(computer).splitlines()) == 5
    assert computer._repr_html_().count("<tr>") == 6
    return {each.what: (each.here, each.means) for each in computer.belongings}


def test_nothing_is_fine(tmp_path: Path) -> None:
    found = lines(MadeMachine(tmp_path))
    assert found["Edge TPU"] == ("none found", "Fine: no notebook needs one. What it would do is predicted or estimated.")
    assert found["Edge TPU compiler"][1].startswith("Fine:")
    assert found["TensorFlow"] == ("not installed", "Fine for all notebooks but 02, 04 and 05, which train.")
    assert found["Room"] == ("8.2 GB free; 50.0 GB free on disk", "Enough.")
    assert "cpu" in found["Processor"][1]


def test_a_stick_and_too_little_room(tmp_path: Path) -> None:
    found = lines(MadeMachine(tmp_path).stick().write("proc/meminfo", "MemAvailable: 100000 kB\n"))
    assert found["Edge TPU"][0].startswith("18d1:9302 on port 2-1")
    assert "doctor" in found["Edge TPU"][1]
    assert "Close other programs" in found["Room"][1]


def test_packages_that_do_not_go_together(tmp_path: Path) -> None:
    found = lines(MadeMachine(tmp_path).package("tensorflow", "2.12.0"))
    assert "2.12.0" in found["TensorFlow"][0]
    assert "cannot train yet" in found["TensorFlow"][1]
