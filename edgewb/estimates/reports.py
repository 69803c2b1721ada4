"""An estimate as text, as HTML, and as the data of a picture."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

from edgewb.estimates.forms import PARTS

if TYPE_CHECKING:
    from edgewb.estimates.estimations import Estimate

LABELS: Final = {
    "overhead": "overhead", "input": "input and instructions", "output": "output", "parameters": "streamed parameters",
    "compute": "compute", "cpu_ops": "CPU ops",
}  # fmt: skip
_WHAT_IF: Final = {
    "fits_cache": "if it fitted the cache",
    "usb3": "if it hung on USB 3",
    "blocker_fixed": "if the first blocker were mended",
}
_WIDTH: Final = 40


def ms(value: float) -> str:
    """Three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def breakdown_info(estimate: Estimate) -> dict[str, Any]:
    """The picture's data: bars of milliseconds per part, what would change, and the sentence that says it without the picture."""
    parts: list[dict[str, Any]] = [
        {"part": part, "label": LABELS[part], "ms": estimate.breakdown_ms[part], "share": estimate.breakdown_ms[part] / estimate.mid_ms}
        for part in PARTS
        if estimate.breakdown_ms is not None
    ]
    changes = [
        {"change": name, "label": label, "ms": value}
        for name, label in _WHAT_IF.items()
        if (value := getattr(estimate.what_if, name)) is not None
    ]
    if estimate.latency_ms is None:
        words = f"No estimate: {estimate.refused}."
        if estimate.bound_ms is not None:
            words += f" At least {ms(estimate.bound_ms.at_least)} ms."
    else:
        largest = max(parts, key=lambda part: part["ms"])
        words = (
            f"{ms(estimate.latency_ms.mid)} ms ({ms(estimate.latency_ms.low)} to {ms(estimate.latency_ms.high)}); the largest part is "
            f"{largest['label']} with {ms(largest['ms'])} ms."
        )
    words += "".join(f" {change['label'].capitalize()}: {ms(change['ms'])} ms." for change in changes)
    return {
        "file": estimate.file, "host": estimate.host, "bus": estimate.bus, "clock": estimate.clock, "basis": estimate.basis.value,
        "parts": parts, "changes": changes,
        "interval": None if estimate.latency_ms is None else [estimate.latency_ms.low, estimate.latency_ms.high], "words": words,
    }  # fmt: skip


def estimate_facts(estimate: Estimate) -> list[tuple[str, str]]:
    """Latency, first inference, energy, doubts and what it all rests on: a label and a text each; markup is not escaped."""
    basis = estimate.basis.value
    facts = [("file", estimate.file), ("host", f"{estimate.host}, {estimate.bus}, {estimate.clock} clock")]
    if estimate.latency_ms is None or estimate.coverage is None:
        facts.append(("refused", str(estimate.refused)))
        if estimate.bound_ms is not None:
            facts.append(("at least", f"{ms(estimate.bound_ms.at_least)} ms ({basis})"))
    else:
        held = estimate.coverage.held_out
        checked = "how often it holds was not checked for such a case" if held is None else f"held for {100 * held:.0f} % of those left out"
        interval = f"{100 * estimate.coverage.stated:.0f} % interval, n = {estimate.coverage.n}, {checked}"
        first, power = estimate.first_inference_ms, estimate.energy_mj
        span = estimate.latency_ms
        facts.append(("latency", f"{ms(span.mid)} ms [{ms(span.low)}, {ms(span.high)}] ({basis}; {interval})"))
        if first is not None:
            facts.append(("first inference", f"{ms(first.mid)} ms [{ms(first.low)}, {ms(first.high)}] ({basis})"))
        if power is not None:
            facts.append(("energy", f"{ms(power.low)} to {ms(power.high)} mJ ({basis}; {power.assumption})"))
    facts += [("in doubt", doubt) for doubt in estimate.doubts]
    facts += [("rests on", line) for line in estimate.rests_on]
    return facts


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:400])


def estimate_text(estimate: Estimate) -> str:
    """For a terminal."""
    lines = [f"{name:<20}{_clean(value)}" for name, value in estimate_facts(estimate)]
    info = breakdown_info(estimate)
    if info["parts"]:
        lines += ["", f"where the {ms(estimate.mid_ms)} ms go"]
        for part in info["parts"]:
            bar = "#" * max(round(_WIDTH * part["share"]), int(part["ms"] > 0.005))
            lines.append(f"  {part['label']:<24}{ms(part['ms']):>7} ms {100 * part['share']:3.0f} %  {bar}")
    if info["changes"]:
        lines += ["", "what would change"]
        lines += [f"  {change['label']:<36}{ms(change['ms']):>7} ms" for change in info["changes"]]
    return "\n".join(lines)


def estimate_html(estimate: Estimate) -> str:
    """For a notebook; every text is escaped."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(_clean(value))}</td></tr>"
        for name, value in estimate_facts(estimate)
    )
    info = breakdown_info(estimate)
    bars = "".join(
        f"<tr><td style='text-align:left'>{part['label']}</td><td>{ms(part['ms'])} ms</td><td style='text-align:left'>"
        f"<div style='background:#4477aa;height:0.8em;width:{200 * part['share']:.0f}px'></div></td></tr>"
        for part in info["parts"]
    )
    return f"<table>{rows}</table><table>{bars}</table><p>{html.escape(info['words'])}</p>"
