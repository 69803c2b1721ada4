"""The knowledge base: whole, and found by every text it names."""

import ast
import re
from pathlib import Path

import pytest

import edgewb
from edgewb.compilers.explanations import explain
from edgewb.compilers.log_lines import STATUSES
from edgewb.compilers.problems import by_status, match, problems, without_hidden
from edgewb.types import Severity

PROBLEMS = problems()
STAGES = {"model", "compiler", "runtime", "python", "use"}
REFERENCE = re.compile(
    r"[\w.-]+/[\w.-]+(?:#\d+)?|compiler logs|real compiler pairs|edgewb|measured with [\w-]+|Coral documentation, [\w ]+"
)


@pytest.mark.parametrize("name", PROBLEMS)
def test_an_entry_is_whole(name):
    problem = PROBLEMS[name]
    assert problem.id == name
    assert re.fullmatch(r"[a-z][a-z0-9_]+", name)
    assert problem.stage in STAGES
    assert problem.severity in Severity
    assert not problem.title.endswith(".")
    assert problem.cause.endswith((".", "!"))
    assert problem.fixes
    assert all(fix.endswith((".", "!")) and fix == fix.strip() for fix in problem.fixes)
    assert len(set(problem.fixes)) == len(problem.fixes)
    assert problem.references
    assert all(REFERENCE.fullmatch(reference) for reference in problem.references), problem.references
    assert set(problem.hides) <= set(PROBLEMS) - {name}
    assert set(problem.statuses) <= set(STATUSES)


def test_every_status_but_mapped_has_a_problem_of_its_own():
    assert set(by_status()) == set(STATUSES) - {"Mapped to Edge TPU"}
    texts = [text for problem in PROBLEMS.values() for text in problem.texts]
    assert len(set(texts)) == len(texts)


def test_nothing_hides_what_hides_it():
    assert [(a.id, b) for a in PROBLEMS.values() for b in a.hides if a.id in PROBLEMS[b].hides] == []


@pytest.mark.parametrize(("name", "text"), [(p.id, text) for p in PROBLEMS.values() for text in p.texts])
def test_explain_finds_a_problem_by_each_of_its_texts(name, text):
    words = text.replace("{}", "x1")
    assert name in match([words])
    assert name in match([words.replace(" ", "\n> ".replace("> ", ""))]), "re-wrapped"
    found = {finding.id for finding in explain(f"{words}\n").findings}
    assert name in found or any(name in PROBLEMS[other].hides for other in found)


def test_every_finding_the_code_names_is_an_entry():
    named = set()
    for path in (Path(edgewb.__file__).parent / "compilers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                owner = ast.unparse(node.value)
                if owner in ("known", "problems()", "KNOWN"):
                    named.add(node.slice.value)
    assert len(named) > 20
    assert named <= set(PROBLEMS)


def test_what_is_explained_by_another_is_not_said():
    hidden, hiding = PROBLEMS["failed_without_reason"].to_finding(), PROBLEMS["large_activations"].to_finding()
    info = PROBLEMS["log_cut"].to_finding()
    assert without_hidden([info, hidden, hiding]) == (hiding, info)
    fixes = PROBLEMS["large_activations"].fixes
    own = PROBLEMS["large_activations"].to_finding("message", "first")
    assert (own.message, own.fix, own.fixes) == ("message", "first", ("first", *fixes[1:]))
    assert PROBLEMS["large_activations"].to_finding("message", fixes[1]).fixes == (fixes[1], fixes[0], *fixes[2:])
