"""A bundle for a room without a network: planned from what is installed, made from wheels, refused where it cannot be."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from edgewb.courses import bundling
from edgewb.courses.bundling import Bundle, make_bundle, read_requirements, tracked_files
from edgewb.courses.wheels import PLATFORMS, follow, installed
from edgewb.errors import InputError

ROOT = Path(__file__).parents[2]


def test_a_plan_fetches_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "room"
    plan = make_bundle(out, platform="linux-x86_64", training=False, dry_run=True)
    names = {package.name for package in plan.packages}
    assert not out.exists()
    assert {"jupyterlab", "plotly", "numpy", "setuptools", "onnxruntime"} <= names
    assert "tensorflow" not in names
    assert plan.wheels_bytes is None
    assert plan.installed_bytes == sum(package.installed_bytes or 0 for package in plan.packages) > 100e6
    assert "Nothing was fetched or written" in str(plan)
    assert json.loads(json.dumps(plan.to_dict()))["dry_run"] is True


def test_a_plan_for_windows_holds_what_only_windows_needs() -> None:
    requirements = read_requirements(ROOT, bundling.EXTRAS)
    found, absent = follow(requirements, PLATFORMS["windows-x86_64"], "3.11", {}, installed())
    assert {"pywinpty", "colorama"} <= {*found, *absent}
    assert "pexpect" not in found


def test_training_is_an_extra(tmp_path: Path) -> None:
    with_it = set(read_requirements(ROOT, (*bundling.EXTRAS, "train"))) - set(read_requirements(ROOT, bundling.EXTRAS))
    assert {re.match(r"[\w-]+", text)[0] for text in with_it} == {"tensorflow", "tf_keras", "tensorflow-model-optimization", "h5py"}  # type: ignore[index]
    assert "setuptools>=77" in read_requirements(ROOT, ()), "an editable installation without an index builds with it"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"platform": "amiga"}, "unknown platform 'amiga'"),
        ({"python": "2.7"}, "edgewb runs with 3.11 and 3.12"),
    ],
)
def test_bad_input(tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_bundle(tmp_path / "room", dry_run=True, **options)  # type: ignore[arg-type]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds something that is no bundle"):
        make_bundle(tmp_path, dry_run=True)
    with pytest.raises(InputError, match="is a file"):
        make_bundle(tmp_path / "letter.txt", dry_run=True)


def test_tracked_files(tmp_path: Path) -> None:
    assert {"pyproject.toml", "constraints.txt", "data/models.json"} <= set(tracked_files(ROOT))
    with pytest.raises(InputError, match="no clone with git"):
        tracked_files(tmp_path)


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_the_texts_of_a_bundle(name: str, tmp_path: Path) -> None:
    bundle = Bundle(
        folder=str(tmp_path), platform=name, python="3.11", least_python="3.11.5", training=False, dry_run=False,
        extras=("data", "lab"), packages=(), repository_files=1, repository_bytes=2, wheels_bytes=3, installed_bytes=4,
    )  # fmt: skip
    bundling._write_texts(tmp_path, PLATFORMS[name], bundle)
    script = (tmp_path / PLATFORMS[name].script).read_text(encoding="utf-8")
    assert "--no-index -f wheels" in script
    assert "[data,lab]" in script
    assert "$" not in re.sub(r'"\$(0|each|python)"|=\$each', "", script).replace("$(dirname )", "")
    assert "3.11.5 or later" in (tmp_path / "INSTALL.txt").read_text(encoding="utf-8").replace("\n", " ")
    assert json.loads((tmp_path / "bundle.json").read_text())["folder"] == ".", "no folder of this computer"
    if PLATFORMS[name].script.endswith(".sh"):
        assert subprocess.run(["sh", "-n", str(tmp_path / "install.sh")], check=False).returncode == 0
    else:
        assert (tmp_path / "install.bat").read_bytes().count(b"\r\n") == len(script.splitlines())


def test_sums_name_every_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"hello")
    bundling._write_sums(tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text() == f"{hashlib.sha256(b'hello').hexdigest()}  a/b.txt\n"


def test_package_data_holds_the_templates() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["edgewb.courses"]
    folder = ROOT / "edgewb" / "courses"
    matched = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    assert {path for name in ("templates", "static") for path in (folder / name).rglob("*") if path.is_file()} <= matched
