import getpass
import importlib.metadata
import os
import platform
import socket

import msgspec
import pytest

from edgewb.environments import environment, model_from_cpuinfo
from edgewb.types import Environment


def test_it_says_what_this_process_runs_on() -> None:
    found = environment()
    assert found.python == platform.python_version()
    assert found.machine == platform.machine()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.packages["numpy"] == importlib.metadata.version("numpy")
    assert "ai-edge-litert" in found.packages
    assert msgspec.convert(found.to_dict(), Environment) == found


def test_no_user_host_or_path_is_in_it() -> None:
    text = msgspec.json.encode(environment().to_dict()).decode()
    for private in {socket.gethostname(), getpass.getuser(), os.path.expanduser("~"), os.getcwd()}:
        # Names as short as "ci" occur inside other words; no such name can be told from them.
        if len(private) > 3:
            assert private not in text


def test_it_is_found_once() -> None:
    assert environment() is environment()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R)  Xeon(R) CPU @ 2.20GHz\n", "Intel(R) Xeon(R) CPU @ 2.20GHz"),
        (
            "processor\t: 0\n\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
            "Raspberry Pi 4 Model B Rev 1.4",
        ),
        ("Hardware\t: BCM2835\n", "BCM2835"),
        ("processor\t: 0\nCPU part\t: 0xd0c\nmodel name\t:\n", None),
        ("", None),
    ],
)
def test_the_processor_is_found_in_cpuinfo(text: str, expected: str | None) -> None:
    assert model_from_cpuinfo(text) == expected
