"""Every claim is complete and says where it stands; what can be computed comes out as the file has it."""

from __future__ import annotations

import json
import re

import pytest

from edgewb import cli
from edgewb.errors import InputError
from edgewb.lessons import claim_checks, claims
from edgewb.lessons.claims import VERDICTS, check_claims, claims_about, documents, show_claims, topics

CLAIMS = claims.claims()


def test_there_are_enough_and_all_documents_are_covered() -> None:
    assert len(CLAIMS) >= 40
    assert {claim.document for claim in CLAIMS} == set(documents())
    assert len(documents()) == 4
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_fields(claim) -> None:
    assert claim.id.startswith(f"{claim.document}_")
    assert claim.verdict in VERDICTS
    assert claim.source
    for sentence in (claim.says, claim.holds):
        assert sentence.endswith(".")
        assert len(sentence) > 15
    if claim.value:
        assert len(claim.value) in (1, 2)
        assert claim.unit
        assert claim.of
        assert claim.basis is not None
        assert claim.n >= 1
        assert f"n = {claim.n:,}" in claim.figure
    else:
        assert claim.verdict in ("no source found", "does not hold")
        assert (claim.figure, claim.basis, claim.n, claim.check) == ("", None, 0, None)


@pytest.mark.parametrize("document", documents().values(), ids=lambda document: document.id)
def test_documents_are_named_as_they_name_themselves(document) -> None:
    assert document.title
    assert document.author
    assert not re.search(r"\.txt|/seeds|[0-9a-f]{16}", document.title)


def test_figures_and_verdicts_agree_with_what_the_library_computes() -> None:
    wrong = [checked for checked in check_claims() if not checked.agrees]
    assert wrong == []


def test_what_disagrees_among_the_sources_is_covered() -> None:
    verdicts = {claim.id: claim.verdict for claim in CLAIMS}
    for name in (
        "qwen_sram",
        "qwen_streaming",
        "concepts_bounce",
        "concepts_silent",
        "concepts_throughput",
        "iot_efficientdet",
        "guide_3_to_6",
    ):
        assert verdicts[name] == "does not hold"
    assert verdicts["concepts_throttling"] == verdicts["concepts_500x"] == "no source found"
    assert verdicts["guide_hailo_4ms"] == "not comparable"
    assert verdicts["concepts_mobilenet"] == verdicts["guide_coral_mobilenet"] == "holds with conditions"


def test_every_check_is_used_and_known() -> None:
    assert {claim.check for claim in CLAIMS if claim.check} == set(claim_checks.CHECKS)


def test_a_drifted_figure_and_a_drifted_verdict_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claim_checks.CHECKS, "cache_size", lambda: (("holds",), (4.0,)))
    (found,) = check_claims(["qwen_sram"])
    assert not found.agrees
    assert (found.found, found.found_verdict, found.verdict) == ((4.0,), "holds", "does not hold")


def test_topics() -> None:
    assert {
        "size_of_memory",
        "streaming",
        "power",
        "latency",
        "fallback",
        "throttling",
        "ptq_accuracy",
        "tops",
        "llm",
        "break_even",
    } <= set(topics())
    assert all(claim.topic == "llm" for claim in claims_about("llm"))
    with pytest.raises(InputError, match="unknown topic 'prunning': did you mean 'pruning'"):
        claims_about("prunning")
    with pytest.raises(InputError, match="unknown claim to compute 'x'"):
        check_claims(["x"])


def test_show_claims() -> None:
    table = show_claims("pruning", "iot_tops")
    assert len(table.rows) == len(claims_about("pruning")) + 1
    assert "TechnoLynx" in table.note
    assert "[D]" in table.rows[-1][0]
    assert "holds" in repr(table)
    assert table._repr_html_().count("<tr>") == len(table.rows) + 1
    assert len(show_claims().rows) == len(CLAIMS)
    with pytest.raises(InputError, match="unknown topic"):
        show_claims("everything")


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims", "--topic", "streaming"]) == 0
    assert "Weights cannot be" in capsys.readouterr().out
    assert cli.main(["claims", "--topic", "tops", "--check", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {claim["topic"] for claim in shown["claims"]} == {"tops"}
    assert all(one["agrees"] for one in shown["checked"])
    assert cli.main(["claims", "--topic", "tea"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_command_says_no_when_a_claim_drifted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claim_checks.CHECKS, "cache_size", lambda: (("holds",), (4.0,)))
    assert cli.main(["claims", "--topic", "size_of_memory", "--check"]) == 1
    assert "DIFFERS  qwen_sram" in capsys.readouterr().out
