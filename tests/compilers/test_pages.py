"""The page of rules is made from the rules."""

from __future__ import annotations

from pathlib import Path

from edgewb.compilers.pages import all_rules, problems_page, rules_page
from edgewb.compilers.parameters import PARAMETER_RULES
from edgewb.compilers.shapes import RULES


def test_the_committed_page_is_not_stale() -> None:
    assert (Path(__file__).parents[2] / "RULES.md").read_text(encoding="utf-8") == rules_page(), "run `make pages`"
    assert (Path(__file__).parents[2] / "PROBLEMS.md").read_text(encoding="utf-8") == problems_page(), "run `make pages`"


def test_every_rule_is_on_it_with_its_sentence_and_source() -> None:
    rules = all_rules()
    assert len(rules) == len(RULES) + len(PARAMETER_RULES)
    for rule in rules:
        assert rule["sentence"].endswith(".")
        assert rule["source"]
        assert rule["sentence"].replace("|", "\\|") in rules_page()
