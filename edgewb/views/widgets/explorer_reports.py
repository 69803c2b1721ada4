"""Makes the report of records given as JSON on standard input, and writes it to standard output: ``python -m`` of this module."""

from __future__ import annotations

import sys

import msgspec

from edgewb.errors import EdgewbError
from edgewb.recommendations import recommend
from edgewb.types import Record
from edgewb.views.report import ReportContext, render_report


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What ``explorer_downloads.make_report`` sends."""

    records: tuple[Record, ...]
    budget_points: float
    command: str
    notes: tuple[str, ...]
    pictures: dict[int, str]


def report_of(asked: Asked) -> str:
    """The page; of the data it says what the records say of them."""
    one = asked.records[0]
    context = ReportContext(
        dataset=one.dataset,
        dataset_fingerprint=one.dataset_fingerprint,
        classes=max((len(record.answers.class_names) for record in asked.records if record.answers), default=0),
        splits={"test": one.score.n},
        model_description=one.model,
        seed=one.seed,
        budget_points=asked.budget_points,
        command=asked.command,
        notes=asked.notes,
        pictures=asked.pictures,
        output_scale=one.settings.get("output_scale"),
    )
    return render_report(asked.records, recommend(asked.records, asked.budget_points), (), context)


def main() -> int:
    try:
        page = report_of(msgspec.json.decode(sys.stdin.buffer.read(), type=Asked, strict=False))
    except EdgewbError as error:
        print(error, file=sys.stderr)
        return 2
    sys.stdout.buffer.write(page.encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
