"""The checklist: nothing answered without a figure, everything open that nobody measured."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.errors import InputError, ModelFileError
from edgewb.lessons.checklist_points import ANSWERED, NOT_NEEDED, OPEN
from edgewb.lessons.checklists import fill_checklist
from edgewb.types import Basis, Energy

STUDY = bundled_studies()[0]
MODEL = bundled_model("digits_cnn_int8").path


def _records(**changes):
    """The study with its int8 record changed."""
    return SimpleNamespace(
        records=tuple(dataclasses.replace(r, **changes) if r.recipe == "ptq_int8" else r for r in STUDY.records), budget_points=1.0
    )


def _states(checklist):
    return [point.state for point in checklist.points]


def test_the_bundled_study() -> None:
    found = fill_checklist(MODEL, STUDY)
    assert [point.number for point in found.points] == list(range(1, 9))
    assert found.open_points == (6, 7, 8)
    assert _states(found) == [ANSWERED] * 4 + [NOT_NEEDED] + [OPEN] * 3
    assert all(any(figure.isdigit() for figure in point.answer) for point in found.points if point.state == ANSWERED)
    assert all(point.to_do for point in (*found.points, *found.beyond) if point.state == OPEN)
    assert not any(point.to_do for point in found.points if point.state != OPEN)


def test_an_estimate_closes_nothing() -> None:
    found = fill_checklist(MODEL, STUDY)
    assert "Estimated, not measured" in found.points[5].answer
    assert "Estimated, not measured" in found.points[6].answer


def test_without_a_study_everything_about_it_is_open() -> None:
    found = fill_checklist(MODEL)
    assert found.open_points == (1, 3, 4, 5, 6, 7, 8)
    assert fill_checklist(bundled_model("elu_branch").path).open_points == tuple(range(1, 9))


def test_a_study_without_this_file_says_nothing_of_it() -> None:
    found = fill_checklist(bundled_model("elu_branch").path, STUDY)
    assert found.open_points == tuple(range(1, 9))
    assert "no record of this very file" in found.study


def _on_a_stick(basis: Basis, energy: Energy | None = None):
    latency = next(r for r in STUDY.records if r.recipe == "ptq_int8").latency[0]
    return (dataclasses.replace(latency, target="edgetpu", basis=basis, energy=energy),)


def test_a_measurement_on_a_device_closes_its_point_and_a_simulated_one_does_not() -> None:
    measured = fill_checklist(MODEL, _records(latency=_on_a_stick(Basis.MEASURED)))
    assert measured.open_points == (7, 8)
    assert "(measured, n = " in measured.points[5].answer
    for basis in (Basis.SIMULATED, Basis.REPLAYED):
        assert 6 in fill_checklist(MODEL, _records(latency=_on_a_stick(basis))).open_points


def test_power_and_temperature() -> None:
    energy = Energy(
        source="a meter", covers="the stick", watts=1.2, watts_ci95=(1.1, 1.3), n=40, calls=1000, total_mj=2.0, total_mj_ci95=(1.9, 2.1),
        protocol="extremes", ambient_c=-10.0,
    )  # fmt: skip
    cold = _on_a_stick(Basis.MEASURED, energy)
    found = fill_checklist(MODEL, _records(latency=cold))
    assert found.open_points == (8,)
    assert "1.20 W" in found.points[6].answer
    assert "at -10 °C" in found.points[7].answer
    assert "the other end is missing" in found.points[7].answer
    found = fill_checklist(MODEL, _records(latency=cold + _on_a_stick(Basis.MEASURED, dataclasses.replace(energy, ambient_c=50.0))))
    assert found.open_points == ()
    assert found.points[7].answer.index("-10 °C") < found.points[7].answer.index("50 °C")


def test_power_of_a_short_sample_stays_open() -> None:
    energy = Energy(
        source="a meter", covers="the stick", watts=1.2, watts_ci95=(1.1, 1.3), n=40, calls=1000, total_mj=2.0, total_mj_ci95=(1.9, 2.1)
    )
    found = fill_checklist(MODEL, _records(latency=_on_a_stick(Basis.MEASURED, energy)))
    assert found.open_points == (7, 8)
    assert "1.20 W" in found.points[6].answer
    assert "not under lasting load" in found.points[6].answer


def test_a_loss_above_the_budget_asks_for_more() -> None:
    delta = next(r for r in STUDY.records if r.recipe == "ptq_int8").accuracy_delta
    assert delta is not None
    lost = dataclasses.replace(delta, points=-20.0, ci95=(-24.0, -16.0), gained=0, lost=100)
    found = fill_checklist(MODEL, _records(accuracy_delta=lost))
    assert found.points[4].state != NOT_NEEDED
    assert "above the budget" in found.points[4].answer
    assert "qat_int8" in found.points[4].answer


def test_too_few_examples_stay_open() -> None:
    found = fill_checklist(MODEL, STUDY, budget_points=0.1)
    assert found.points[4].state == OPEN
    assert "Not decided" in found.points[4].answer


def test_files(tmp_path) -> None:
    found = fill_checklist(MODEL, STUDY)
    markdown = found.write(tmp_path / "list.md").read_text(encoding="utf-8")
    page = found.write(tmp_path / "sub" / "list.html").read_text(encoding="utf-8")
    for text in (markdown, page):
        assert "Power was measured under lasting load" in text
        assert "c0b58576d022ae51" in text
    assert page.count("<tr>") == 2 + len(found.points) + len(found.beyond)
    assert "<script" not in page
    assert "http" not in page
    with pytest.raises(InputError, match=r"\.md or \.html"):
        found.write(tmp_path / "list.pdf")


def test_a_name_is_no_markup(tmp_path) -> None:
    path = tmp_path / "a<b>.tflite"
    path.write_bytes(MODEL.read_bytes())
    assert "a<b>" not in fill_checklist(path)._repr_html_()


def test_no_model(tmp_path) -> None:
    with pytest.raises(ModelFileError):
        fill_checklist(tmp_path / "absent.tflite")
