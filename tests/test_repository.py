"""The files at the top of the repository agree with each other and with what this project promises of itself."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    """Canonical package name -> pinned version in constraints.txt."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines), "only exact pins belong in constraints.txt"
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def requirements() -> list[Requirement]:
    """Every requirement of pyproject.toml, those on edgewb's own extras left out."""
    extras = PROJECT["optional-dependencies"]
    listed = [Requirement(text) for text in [*PROJECT["dependencies"], *(text for extra in extras.values() for text in extra)]]
    return [requirement for requirement in listed if requirement.name != "edgewb"]


def pip_lines(file: str) -> list[str]:
    """What an environment file has pip install."""
    listed = yaml.safe_load((ROOT / file).read_text())["dependencies"]
    return list(next(entry["pip"] for entry in listed if isinstance(entry, dict)))


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_every_requirement_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned is not None, "add it to constraints.txt (make lock)"
    assert requirement.specifier.contains(pinned, prereleases=True)


def test_every_dependency_line_says_who_needs_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start, end = lines.index("dependencies = ["), lines.index('all = ["edgewb[data,train,runtimes,views,lab]"]')
    listed = [line for line in lines[start:end] if line.lstrip().startswith('"')]
    assert len(listed) == len(requirements())
    assert [line for line in listed if "#" not in line] == []


def test_pypi_pycoral_is_no_dependency() -> None:
    assert "pycoral" not in pins()
    assert all(requirement.name != "pycoral" for requirement in requirements())
    for file in ("environment.yml", "binder/environment.yml"):
        assert not [line for line in pip_lines(file) if re.match(r"pycoral\b", line)]


def test_environment_agrees_with_pyproject_and_constraints() -> None:
    declared = {canonicalize_name(requirement.name): requirement for requirement in requirements()}
    named = [Requirement(line) for line in pip_lines("environment.yml") if not line.startswith("--")]
    assert {"anywidget", "jupyterlab", "ipywidgets", "tensorflow", "tensorflow-model-optimization", "plotly", "voila"} == {
        r.name for r in named
    }
    for requirement in named:
        assert requirement.specifier == declared[canonicalize_name(requirement.name)].specifier
    for file, extras in (("environment.yml", "all"), ("binder/environment.yml", "data,runtimes,views,lab")):
        # conda has pip run in the folder of the file (conda/env/installers/pip.py): paths lead from there to the top.
        lines, place = pip_lines(file), (ROOT / file).parent
        constraint = next(line.removeprefix("--constraint ") for line in lines if line.startswith("--constraint "))
        path, found = re.fullmatch(r"(.+)\[(.+)\]", next(line for line in lines if line.startswith("--editable "))[11:]).groups()
        assert (place / constraint).resolve() == ROOT / "constraints.txt"
        assert ((place / path).resolve(), found) == (ROOT, extras)
        pythons = [entry for entry in yaml.safe_load((ROOT / file).read_text())["dependencies"] if str(entry).startswith("python=")]
        assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(pythons[0].split("=")[1])


def test_binder_installs_everything_but_what_trains() -> None:
    editable = next(line for line in pip_lines("binder/environment.yml") if line.startswith("--editable"))
    extras = set(re.findall(r"\[(.+)\]", editable)[0].split(","))
    assert PROJECT["optional-dependencies"]["all"] == ["edgewb[data,train,runtimes,views,lab]"]
    assert extras == {"data", "runtimes", "views", "lab"}
    # repo2docker takes binder/ alone where there is one: whatever else stands at the top is not read.
    assert sorted(path.name for path in (ROOT / "binder").iterdir()) == ["environment.yml"]


def test_what_binder_installs_brings_no_tensorflow() -> None:
    from edgewb.courses.bundling import read_requirements
    from edgewb.courses.wheels import PLATFORMS, follow, installed

    requirements = read_requirements(ROOT, ("data", "runtimes", "views", "lab"))
    found, _ = follow(requirements, PLATFORMS["linux-x86_64"], "3.11", pins(), installed())
    assert {"jupyterlab", "plotly", "ai-edge-litert"} <= set(found)
    assert not {"tensorflow", "tf-keras", "keras", "tensorflow-model-optimization"} & set(found)


def tracked() -> list[Path]:
    """Files git tracks; without git, those on disk are not told apart from what tests leave, so the test is skipped."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: which files are tracked is not known")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_tracked_file_names_a_registry_or_a_place_of_one_machine() -> None:
    registry = re.compile("index-" + "url|find-" + r"links|https?://[^ \"]*/simp" + r"le(/|\"| |$)")
    # People in examples are me, ada and ann.
    place = re.compile(
        r"(^|[^A-Za-z0-9])/(" + "|".join(("wor" + "k", "roo" + "t", "ho" + "me/(?!me/|ada/|ann/)[a-z]+", "tm" + "p/[a-z]+")) + ")/"
    )
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.name}: {line.strip()[:100]}" for line in text.splitlines() if registry.search(line) or place.search(line)]
    assert found == []


def test_readme_names_every_make_target_and_every_command_it_needs() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"setup", "run", "test", "test-all", "check", "lab", "bench", "help"} <= set(targets)
    assert [name for name in ("run", "test", "test-all", "check", "lab") if f"make {name}" not in readme] == []
    from edgewb.optimizers.recipes import DEMO_RECIPES

    assert [name for name in DEMO_RECIPES if name not in readme] == []


def test_make_help_lists_the_targets() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"make run", "make test", "make check", "make lab"} <= {line.strip().split("  ")[0] for line in done.stdout.splitlines()}


def test_licence_is_apache() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
