"""ESTIMATES.md: what the study found, written from what it computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgewb.estimates.forms import FORMS, NAMES
from edgewb.estimates.kinds import judge
from edgewb.estimates.published import Rows

_STEPS: Final = (442, 452, 512, 520, 632, 642, 712, 722)
_HOST_WORDS: Final = {
    "desktop": "desktop, USB 3, the maker's benchmark page and models pages (C++)",
    "desktop_python": "another desktop, USB 3 (Python, runtime of 2019); no constant is fitted to it",
    "pi4": "Raspberry Pi 4, USB 3 (Python, runtime of 2019)",
    "pi3": "Raspberry Pi 3 B+, USB 2 (Python, runtime of 2019)",
    "devboard": "Coral Dev Board, PCIe",
    "sweeps": "synthetic nets on one more host, bus not stated",
}
_UNITS: Final = {
    "overhead_ms": "ms", "input_mb_s": "MB/s", "output_mb_s": "MB/s", "stream_mb_s": "MB/s", "mcycles_s": "million cycles/s", "depthwise": "times",
    "per_op_ms": "ms", "detection_ms": "ms",
}  # fmt: skip


def _percent(shares: Any) -> str:
    return f"{100 * float(np.mean(shares)):.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]


def _kind(rows: Rows, i: int) -> str:
    kind = judge(rows.works[i])
    return "accepted" if kind.accepted else f"refused: {kind.refused}" if kind.refused else f"in doubt: {'; '.join(kind.doubts)}"


def page(found: dict[str, Any]) -> str:
    """The page."""
    rows: dict[str, Rows] = found["rows"]
    desktop, accepted = rows["desktop"], found["accepted"]
    lines = [
        "# Estimates: what they rest on",
        "",
        "Written by `make study` from `data/latency` alone; it fits every constant of `edgewb estimate` anew and draws no random numbers.",
        "**No latency here was measured by us**: we have no Edge TPU (the 0.08 ns per value of a QUANTIZE left on a desktop's processor is ours). Errors are mean absolute percentage errors, |estimate / measured - 1|, of",
        "rows that had no part in the fit; a model that stands in several sources is left out with all its rows.",
        "",
        "## The form",
        "",
        "    t = overhead + per op * matrix ops                                overhead",
        "      + (input + instruction bytes) / input rate                      input and instructions",
        "      + output bytes / output rate                                    output",
        "      + sum of max(0, passes * streamed bytes / streaming rate - its compute) + constants / streaming rate   streamed parameters",
        "      + sum of cycles / clock (depthwise ones take longer)            compute",
        "      + detection post-processing and other ops on the processor      CPU ops",
        "",
        "A cycle is 1,024 multiplications: 16 tiles, each 4 input channels of 16 lanes; a layer takes the best split of the tiles over rows,",
        "columns and lanes. Up to generation 15.0 the compiler writes its own count of cycles into the file: the split gives 0.75 to 1.01 of it",
        "(with depthwise counted once). Constants are drawn towards physical ones; a robust loss, so that a few bad rows cannot pull them.",
        "",
        "## Data",
        "",
    ]
    lines += _table(
        ("data", "rows", "models", "accepted"),
        [(_HOST_WORDS[name], len(r.ms), len(set(r.models)), int(r.accepted.sum())) for name, r in rows.items()],
    )
    lines += [
        "The source of each row stands beside it in `data/latency`. The two columns of one maker differ by up to 19 % for the same model.",
        "",
        "## Which nets are accepted",
        "",
        " ".join((judge.__doc__ or "").split()),
        "",
        "Which structures are doubtful was known before these fits, from earlier work on the same rows (CPU parts, TRANSPOSE_CONV, more than 300 ops, batch",
        "norm left alone); where exactly batch norm and other ops begin to count was set knowing that DenseNet is missed, so that the rule is no evidence there.",
        "",
        "## Every form tried",
        "",
        'No row was dropped, and no form left out of this table. Errors in %; "accepted" are the rows the rule above accepts.',
        "",
    ]
    lines += _table(
        ("form", "model left out: all", "accepted", "median of accepted", "family left out: all", "accepted", "all hosts"),
        [
            (
                f"**{form.name}**" if form is found["form"] else form.name, _percent(by_model), _percent(by_model[accepted]),
                f"{100 * float(np.median(by_model[accepted])):.1f}", _percent(by_family), _percent(by_family[accepted]), _percent(judged),
            )
            for (form, by_model, by_family), judged in zip(found["forms"], found["judged"], strict=True)
        ],
    )  # fmt: skip
    off = np.abs(found["nested"] / desktop.ms - 1)
    chosen = ", ".join(f"{name} ({count})" for name, count in sorted(found["chosen"].items(), key=lambda item: -item[1]))
    lines += [
        f'{len(FORMS)} forms. "All hosts" is what a form is chosen by: the mean error on the accepted rows of all hosts, desktop families and the models of',
        "other hosts left out. The constant for detection post-processing came in after the SSD rows of other hosts had been seen.",
        f"Nested cross-validation, the choice too made without the model on any host; chosen were: {chosen}.",
        f"**Nested error: {_percent(off)} % of all {len(off)} rows, {_percent(off[accepted])} % of the {int(accepted.sum())} accepted (median "
        f"{100 * float(np.median(off[accepted])):.1f} %).** In bold the form used.",
        "",
        "## Every desktop row",
        "",
    ]
    lines += _table(
        ("model", "measured ms", "model left out", "family left out", "kind"),
        [
            (m, f"{desktop.ms[i]:g}", f"{found['by_model'][i]:.2f}", f"{found['by_family'][i]:.2f}", _kind(desktop, i))
            for i, m in enumerate(desktop.models)
        ],
    )
    lines += ["## Constants", ""]
    columns = ("desktop", "pi4", "pi3", "devboard", "sweep_host")
    lines += _table(("constant", *columns), [(f"{n}, {_UNITS[n]}", *(f"{found['fits'][c][n]:.3g}" for c in columns)) for n in NAMES])
    lines += [
        "Each with its source in `edgewb/estimates/hosts.json`. Desktop and Pi 4 on USB 2 have no row of their own: rates of the bus, and the chip.",
        "The std clock halves the rate of compute and slows all else by 1.2: nine published pairs of both clocks lie between 1.18 and 1.33,",
        "of nets that are refused here or have no row, so that the 1.2 is a choice that agrees with them, not a fit.",
        "",
        "## Other hosts",
        "",
    ]
    lines += _table(
        ("host", "rows", "model left out, %"),
        [(_HOST_WORDS[name], len(every), _percent(every)) for name, (every, _, _) in found["per_host"].items()],
    )
    lines += [
        "From three measured nets, starting with the desktop (on USB 2: with the rates of that bus), every choice of three of seven, error on the other four:",
        "",
    ]
    lines += _table(
        ("host", "choices", "mean, %", "worst choice, %"),
        [(_HOST_WORDS[name], len(v), _percent(v), f"{100 * float(v.max()):.1f}") for name, v in found["three"].items()],
    )
    lines += [
        "## Intervals",
        "",
        "80 % stated. Held out: how many rows an interval holds that was made without their group (a model, a family, a host, a width); where plain",
        "quantiles held fewer than stated, they were taken further out until they did not.",
        "",
    ]
    lines += _table(
        ("interval", "factors", "n", "held out", "rests on"),
        [
            (
                name,
                f"x{i['low']:.2f} to x{i['high']:.2f}",
                i["n"],
                f"{100 * i['held_out']:.0f} %" if name != "doubtful" else "too few",
                i["rests_on"],
            )
            for name, i in found["intervals"].items()
        ],
    )
    cover = found["nested_coverage"]
    lines += [
        f"Fit and interval both made without them, the maker's accepted rows alone: {100 * cover['models']:.0f} % of models, {100 * cover['families']:.0f} % of families.",
        "Doubts that have nothing to do with each other (a new family, a little known host, a large output, guessed compute) are joined as",
        "roots of summed squares of logarithms; how often joined intervals hold could not be checked.",
        "",
        "## Synthetic nets",
        "",
    ]
    sweeps, swept = rows["sweeps"], found["swept"]
    big = sweeps.ms >= 3
    errors = np.abs(swept / sweeps.ms - 1)
    lines += [
        f"Widths left out, both depths together: {_percent(errors[big])} % of the {int(big.sum())} rows of 3 ms and more (worst {100 * float(errors[big].max()):.0f} %), "
        f"{_percent(errors)} % of all {len(errors)}. Where weights no longer fit:",
        "",
    ]
    steps = [
        (w, m, e)
        for w in _STEPS
        for name, m, e in zip(sweeps.models, sweeps.ms, swept, strict=True)
        if name == f"CONV {w}" and (w != 520 or m > 50)
    ]
    lines += _table(
        ("width of five 3 x 3 layers", "measured ms", "estimated, width left out"), [(w, f"{m:.1f}", f"{e:.1f}") for w, m, e in steps]
    )
    instructions, missed = found["instructions"]
    _, spread, n = found["cycles"]
    lines += [
        "A streamed layer is sent in as many passes (4, 6, 9) as blocks of the image are needed for a block's activations and a quarter of the weights to",
        "fit 2.35 MB. These two figures were chosen to give those steps, on one image size and one kernel: elsewhere such a layer is refused.",
        "",
        "## What a file says, and what is guessed",
        "",
        f"Of a source model instruction bytes are guessed: {instructions[0]:.0f} + {instructions[1]:.0f} per matrix op + {instructions[2]:.0f} for each time a layer's",
        f"activations exceed the tiles' memory (3 MiB). Structures left out ({len(missed)} compiled files): {_percent(missed)} % off, median {100 * float(np.median(missed)):.0f} %.",
        f"A compiled file without cycles in it and without its source: compute within x{spread[0]:.2f} to x{spread[1]:.2f} of the guess in 80 % of {n} files.",
        "",
        "## What is not known",
        "",
        "- Whether any of this holds on your device: nobody has confirmed an estimate made by this program.",
        "- Inception-ResNet-v2 is published with 57 ms, which would need 850 MB/s of streaming; it is kept, and missed by a factor of two.",
        "- DenseNet takes three times the estimate; stand-alone batch norm is the likely reason, and one published net of that kind no proof.",
        "- Layer lists of SSD, Inception v2 and U-Net were partly made by hand from descriptions; the op counts of EfficientDet are taken in the ratio of Lite0.",
        "- The rate of outputs: 23 to 87 MB/s were published. It is the worst known constant.",
        "- USB 2: the Pi 3's rows ask for two to four times the instruction bytes that are guessed for some nets (Inception v1).",
        "- Energy: no energy per model was published for the stick; the interval is a power of other nets times the interval of latency.",
        "- TRANSPOSE_CONV, LSTM, nets cut in several parts, and several passes on other shapes: no data, no estimate.",
        "",
    ]
    lines.append(f"Made from data and code with the fingerprint `{found['file']['made_from']}`.\n")
    return "\n".join(lines)
