"""Every claim is complete and says where it stands; what can be computed comes out as the file has it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from edgewb import cli
from edgewb.errors import InputError
from edgewb.lessons import claim_checks, claims, hardware
from edgewb.lessons.claim_rules import VERDICTS, Check
from edgewb.lessons.claims import check_claims, claims_about, documents, show_claims, topics

CLAIMS = claims.claims()
MEASURED = "memory_growth"
SOURCES = Path(__file__).parents[2] / "notebooks" / "sources"

OTHERWISE: dict[str, tuple[float, ...]] = {
    # Figures under which a claim would be judged otherwise, by its id or else by its check.
    "coral_utilisation": (0.9, 0.9),
    "fast_and_slow_bus": (2.3, 2.4),
    "kinds_that_map": (3, 14, 14),
    "seconds_of_compiling": (0.01, 300),
    "one_blocker": (12, 13, 0),
    "stranded_ops": (12, 13, 0),
    "some_ops_map": (0, 13, 0),
    "one_cut": (2,),
    "deeplab_left_over": (40, 52),
    "deeplab_slowed": (40, 52),
    "concepts_mobilenet": (2.9, 3.1),
    "guide_coral_mobilenet": (2.3, 5.9),
    "ssd_latencies": (7.2, 16.92),
    "idle_and_active": (0.5, 0.9, 1.0, 1.5, 2.2),
    "frames_per_second": (98, 105),
    "first_inference": (9.7, 40),
    "token_is_slow": (0.02, 0.03),
    "token_is_possible": (70, 80),
    "cache_size": (4,),
    "streaming_rates": (0, 0),
    "vgg16_runs": (296, 0, 8),
    "vgg16_is_slow": (296, 0, 8),
    "coral_peak": (8,),
    "qwen_bytes": (1200,),
    "decoder_blockers": (0,),
    "streaming_over_computing": (1, 1, 2, 3),
    "phone_speedups": (2.1, 2.5),
    "memory_of_chips": (2039, 819),
    "int8_speedups": (2.1, 2.2, 2.3, 2.5),
    "size_ratios": (4.1, 5),
    "guide_ptq": (0.2, 1.9),
    "iot_ptq": (0.2, 0.9),
    "making_seconds": (1000, 1200),
    "qat_recovers": (98.0, 98.2),
    "structured_speed": (0.72, 0.7),
    "unstructured_speed": (0.2, 0.7),
    "nano_resnet": (6, 12),
    "orin_nx_peak": (100, 1),
    "nano_sheet": (236, 5, 10),
    "peaks_of_nano_and_coral": (0.472, 4, 1),
    "own_tops_per_watt": (12, 10.4, 4),
    "own_leader": (20, 26, 4),
    "own_fastest": (1, 1.2, 4),
    "orin_nx_published": (1,),
    "pi5_published": (1,),
    "pi4_mobilenet": (1, 25.87),
    "hailo_throughput": (2597, 1),
    "hailo_peak": (26, 0.8),
    "larger_nets": (10, 20.4),
    "own_prices": (50, 90),
    "own_spreads": (7, 6.3),
    "own_slowness": (3.5, 5.9),
    "guide_coral_2w": (1.4, 1.9),
    "guide_subwatt": (0.4, 0.9),
    "pi5_power": (1,),
    "frames_per_tops": (90, 134),
    "hailo_over_coral": (300, 385, 400),
    "orin_nano_dense": (40, 80),
    "myriad_memory": (4,),
    "myriad_power": (2.5,),
    "orin_nano_memory": (8, 16),
    "own_cheapest": (60, 50),
    "own_hailo_price": (100, 140, 150, 250),
    "hailo8l_peak": (13, 1),
    "float_over_int8_peak": (0.25, 0.5),
    "float16_loss": (0.2, 1.8),
    "nets_left_over": (1, 33),
    "mobilenet_left_over": (3,),
    "hard_swish": (1,),
    "memory_growth": (60, 90),
    "cache_beside_host": (0,),
    "sensors_per_server": (10, 20),
    "many_on_few": (1, 50),
    "server_beats_device": (30, 25.87),
    "dual_temperature": (0, 70, 1),
    "own_power": (1, 1.5),
    "shifted_accuracy": (98, 99),
}


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
        assert (claim.figure, claim.basis, claim.n, claim.check) == ("", None, 0, None)
        assert claim.source != "none found" or claim.verdict == "no source found"
    assert (claim.basis == "measured") <= (claim.check is not None)  # what is called measured here can be measured, or read, anew


@pytest.mark.parametrize("document", documents().values(), ids=lambda document: document.id)
def test_documents_are_named_as_they_name_themselves(document) -> None:
    assert document.title
    assert document.author
    assert not re.search(r"\.txt|/seeds|[0-9a-f]{16}", document.title)


def test_figures_and_verdicts_agree_with_what_the_library_computes() -> None:
    wrong = [
        checked for checked in check_claims([claim.id for claim in CLAIMS if claim.check not in (None, MEASURED)]) if not checked.agrees
    ]
    assert wrong == []


@pytest.mark.training  # trains nothing, but runs files of 50 MB
def test_what_is_measured_anew_agrees() -> None:
    (found,) = check_claims([claim.id for claim in CLAIMS if claim.check == MEASURED])
    assert found.agrees


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
        "guide_coral_mobilenet",
        "guide_subwatt",
        "guide_unbeatable",
    ):
        assert verdicts[name] == "does not hold"
    assert verdicts["concepts_throttling"] == verdicts["concepts_500x"] == "no source found"
    assert verdicts["guide_hailo_4ms"] == "not comparable"
    assert verdicts["concepts_mobilenet"] == "holds with conditions"


def test_every_check_is_used_and_known() -> None:
    assert {claim.check for claim in CLAIMS if claim.check} == set(claim_checks.CHECKS)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.check], ids=lambda claim: claim.id)
def test_other_figures_give_another_verdict(claim) -> None:
    judge = claim_checks.CHECKS[claim.check].judge
    assert judge is not None
    other = judge(claim.claimed, OTHERWISE.get(claim.id, OTHERWISE.get(claim.check)))
    assert other in VERDICTS
    assert other != claim.verdict


def test_a_corrected_data_sheet_gives_another_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = hardware.read_toml("hardware.toml")
    for device in sheet["device"]:
        if device["name"].startswith("Myriad X"):
            next(figure for figure in device["figure"] if figure["of"] == "memory")["low"] = 4.0
    monkeypatch.setattr(hardware, "read_toml", lambda _name: sheet)
    hardware.load_devices.cache_clear()
    try:
        (found,) = check_claims(["iot_myriad"])
    finally:
        hardware.load_devices.cache_clear()
    assert (found.agrees, found.verdict, found.found_verdict, found.verdict_by) == (False, "does not hold", "holds", "computed")


def test_recorded_figures_are_read_and_not_typed() -> None:
    kept = {raw["id"]: raw for raw in hardware.read_toml("claims.toml")["claim"]}
    recorded = [claim for claim in CLAIMS if claim.check and claim_checks.CHECKS[claim.check].recorded]
    assert {"guide_structured", "guide_unstructured", "guide_speedup", "guide_qat"} <= {claim.id for claim in recorded}
    for claim in recorded:
        assert "value" not in kept[claim.id]
        assert "{0" in kept[claim.id]["holds"]
        assert not any(f" {value:g} " in kept[claim.id]["holds"] for value in claim.value)


def test_every_topic_stands_in_a_notebook() -> None:
    shown: set[str] = set()
    for source in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "show_claims":
                shown |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    missing = [claim.id for claim in CLAIMS if not {claim.id, claim.topic} & shown]
    assert missing == []


def test_a_drifted_figure_and_a_drifted_verdict_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claim_checks.CHECKS, "cache_size", Check(find=lambda: (4.0,), judge=lambda *_: "holds"))
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


def test_command_says_which_verdicts_are_computed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims", "--topic", "streaming", "--check"]) == 0
    out = capsys.readouterr().out
    assert "agrees  qwen_whole_model: 296; 'does not hold', computed" in out
    assert "3 claims: 3 figures found anew, all as the file has them. Verdicts: 3 computed from these figures, 0 judged by people" in out
    assert cli.main(["claims", "--topic", "updates", "--check"]) == 0
    assert "1 claim: 0 figures found anew" in capsys.readouterr().out


def test_a_check_without_a_rule_leaves_the_verdict_to_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claim_checks.CHECKS, "cache_size", Check(find=lambda: (7.75,)))
    (found,) = check_claims(["qwen_sram"])
    assert (found.agrees, found.verdict_by, found.found_verdict) == (True, "judged", "does not hold")


def test_command_says_no_when_a_claim_drifted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claim_checks.CHECKS, "cache_size", Check(find=lambda: (4.0,), judge=lambda *_: "holds"))
    assert cli.main(["claims", "--topic", "size_of_memory", "--check"]) == 1
    assert "DIFFERS  qwen_sram" in capsys.readouterr().out
