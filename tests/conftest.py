"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# pytest runs with --import-mode=importlib, which leaves sys.path alone: `import builders` needs this folder on it.
sys.path.insert(0, str(Path(__file__).parent))

import builders
from hypothesis import HealthCheck, settings

# A busy computer is no failure of what is tested: neither an example nor the making of one has a time limit.
settings.register_profile("edgewb", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test` tries the same examples each time, so that what passed passes again; plain pytest goes on looking for new ones.
settings.register_profile("repeatable", settings.get_profile("edgewb"), derandomize=True)
settings.load_profile("edgewb")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-hardware", action="store_true", help="also run the tests that need an Edge TPU on this machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-hardware"):
        for item in items:
            if "hardware" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs an Edge TPU: run with --run-hardware"))


def pytest_collection_finish() -> None:
    """What was imported so far stays: the collections that measurements ask for need not look through it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the database and the cache of the person who runs it."""
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def tflite_bytes() -> Callable[[str], bytes]:
    """``tflite_bytes("int8_conv")``: the bytes of a model built by ``builders.ALL``, built once."""
    built: dict[str, bytes] = {}

    def give(name: str) -> bytes:
        if name not in built:
            built[name] = builders.ALL[name]()
        return built[name]

    return give


@pytest.fixture
def tflite_file(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> Callable[[str], Path]:
    """``tflite_file("int8_conv")``: the same as a file in the test's own folder."""

    def give(name: str) -> Path:
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(tflite_bytes(name))
        return path

    return give


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared ground truth (EDGEWB_SHARED, by default ../shared beside the repository); skips without it."""
    place = Path(os.environ.get("EDGEWB_SHARED", Path(__file__).parents[2] / "shared"))
    if not place.is_dir():
        pytest.skip(f"no shared ground truth at {place}: set EDGEWB_SHARED")
    return place
