"""The model inspector: what an Edge TPU would do with a file, or what a compiler's log says, drawn op by op. No model is run by it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import traitlets
from markupsafe import Markup

from edgewb.compilers.inspections import Inspection, inspect_graph
from edgewb.compilers.limits import GENERATIONS, check_generation
from edgewb.compilers.log_files import decode
from edgewb.compilers.log_reports import clean
from edgewb.compilers.reports import inspection_facts
from edgewb.errors import EdgewbError, InputError, ModelFileError, unknown_name
from edgewb.estimates.estimations import Estimate, estimate_read, read_of_graph
from edgewb.estimates.hosts import CLOCKS, find_profile
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.views.widgets import inspector_mends as mends
from edgewb.views.widgets import inspector_parts as parts
from edgewb.views.widgets.inspector_mendings import TRUSTED_VARIABLE, MendsPage, plain_stem
from edgewb.views.widgets.pages import draw, script, style
from edgewb.views.widgets.registry import PARTS
from edgewb.views.widgets.uploads import Upload, UploadLimit

LOG_BYTES: Final = 2 * 2**20
"""Of a log; real ones have some kB, and 16 MB of one took 40 s to read on a busy computer, with the page waiting."""
_MODEL: Final = b"TFL3"
_TEXT: Final = re.compile(rb"[^\x00-\x06\x0e-\x1a\x1c-\x1f]*\Z")
_BOMS: Final = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


class Inspector(MendsPage):
    """The graph with each op's placement, the first blocker, the chip's memory, findings with fixes, an estimate per host; and logs.

    ``Inspector("model.tflite")`` in a notebook; without a file it shows an example. Visitors' files stay in memory and are not run unless
    ``trusted``: a mended file is verified by running both where the model was given by code; to a visitor it is handed out unverified,
    which is said.

    Args:
        model: a path, or the bytes of a .tflite file, source or compiled.
        log: text of a compiler log, shown in place of the model.
        trusted: whether a visitor's file may be run to verify a mend, in a process with limits; None: what the environment variable
            EDGEWB_DASHBOARD_TRUSTED says, which ``edgewb dashboard --trusted`` sets.

    Attributes:
        inspection: of the model shown (``edgewb.inspect``), or None.
        explanation: of the log shown (``edgewb.explain``), or None.
        estimates: ``edgewb.estimate`` at the ``clock`` by place, which is host and bus, such as "pi4 usb3".
        selected: the op whose details are shown.
        place, clock: of the estimate shown in full.
        compiler: the generation whose placement is predicted.
        shown: "model" or "log".

    Raises:
        ModelFileError, InputError: the model or the log cannot be read.
    """

    template: ClassVar[str] = "inspector.html.j2"
    name: ClassVar[str] = "inspector"
    regions: ClassVar[tuple[str, ...]] = ("summary", "plot", "details", "memory", "findings", "mended", "estimate", "log")
    upload_limits: ClassVar[Mapping[str, UploadLimit]] = {"file": UploadLimit(), "log": UploadLimit(max_bytes=LOG_BYTES)}
    _esm = script(*PARTS["inspector"][0])
    _css = style(*PARTS["inspector"][1])

    inspection = traitlets.Instance(Inspection, allow_none=True)
    explanation = traitlets.Any(None, allow_none=True)  # an Explanation; what reads logs is loaded with the first one
    estimates = traitlets.Dict()
    selected = traitlets.Int(allow_none=True, default_value=None)
    place = traitlets.Unicode("desktop usb3")
    clock = traitlets.Unicode("max")
    compiler = traitlets.Unicode("16.0")
    shown = traitlets.Unicode("model")

    def __init__(self, model: str | Path | bytes | None = None, log: str | None = None, trusted: bool | None = None, **traits: Any) -> None:
        self.trusted = os.environ.get(TRUSTED_VARIABLE) == "1" if trusted is None else trusted
        self._content = b""
        self._graph: Graph | None = None
        self._is_own = False
        self._opened: frozenset[int] = frozenset()
        self._drawn: tuple[Inspection, frozenset[int], Markup] | None = None
        self._quiet = True  # nothing is drawn by itself until all is there
        self._not_estimated = ""
        if model is not None:
            self._load(model)
        elif log is None and parts.examples():  # an installation without the repository's data begins empty
            self._load(parts.examples()[0][2])
        if log is not None:
            self._explain(log)
        super().__init__(**traits)
        self._quiet = False

    def show_model(self, model: str | Path | bytes) -> None:
        """Show another model, given by path or as bytes. Raises ModelFileError when it cannot be read."""
        self._load(model)
        self._redraw()

    def show_log(self, text: str) -> None:
        """Show what a compiler printed. Raises InputError when the text is empty or too long."""
        self._explain(text)
        self._redraw()

    def _explain(self, text: str, needs_a_log: bool = False, name: str = "") -> None:
        from edgewb.compilers.explanations import explain

        explanation = explain(text)
        if needs_a_log and any(finding.id == "not_a_log" for finding in explanation.findings):
            raise InputError(f"{name!r} is neither a .tflite model nor a compiler log: give one of the two")
        self.explanation, self.shown = explanation, "log"

    def _load(self, model: str | Path | bytes) -> None:
        content, name = (model, "model.tflite") if isinstance(model, bytes) else (load_bytes(model), Path(model).name)
        self._show(content, name, is_own=True)

    def _show(self, content: bytes, name: str, *, is_own: bool) -> None:
        """Take a model in place of the one shown; that one stays where this cannot be read."""
        try:
            graph = read_graph(content)
        except ModelFileError as error:
            raise ModelFileError(str(error).replace("the given bytes", repr(name), 1)) from None
        inspection = inspect_graph(graph, name, hashlib.sha256(content).hexdigest(), self.compiler)
        if content != self._content:
            self._stop_mending()
        self._content, self._graph, self._is_own, self._mended, self._opened = content, graph, is_own, None, frozenset()
        with self.hold_trait_notifications():
            self.inspection, self.shown = inspection, "model"
            blocker = inspection.first_blocker
            self.selected = None if not inspection.ops else 0 if blocker is None else blocker.index
        self._estimate()

    def _estimate(self) -> None:
        """All hosts anew. A model that can be shown and not estimated is shown without."""
        assert self.inspection is not None
        assert self._graph is not None
        estimates: dict[str, Estimate] = {}
        self._not_estimated = ""
        try:
            read = read_of_graph(self._graph, self.inspection.file, self.compiler)
            for place in parts.places_to_run():
                host, bus = place.split()
                estimates[place] = estimate_read(read, find_profile(host, bus, self.clock), self.inspection.file)
        except EdgewbError as error:
            self._not_estimated = clean(str(error))
        self.estimates = estimates

    @traitlets.validate("clock")
    def _check_clock(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in CLOCKS:
            raise unknown_name("clock", str(proposal["value"])[:40], CLOCKS)
        return str(proposal["value"])

    @traitlets.validate("place")
    def _check_place(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in parts.places_to_run():
            raise unknown_name("host and bus", str(proposal["value"])[:40], parts.places_to_run())
        return str(proposal["value"])

    @traitlets.validate("compiler")
    def _check_compiler(self, proposal: dict[str, Any]) -> str:
        return check_generation(proposal["value"])

    @traitlets.validate("selected")
    def _check_selected(self, proposal: dict[str, Any]) -> int | None:
        index: int | None = proposal["value"]
        if index is not None and (self.inspection is None or not 0 <= index < len(self.inspection.ops)):
            count = 0 if self.inspection is None else len(self.inspection.ops)
            raise InputError(f"no op {index}: the model has {count} ops, counted from 0")
        return index

    @traitlets.observe("clock")
    def _see_clock(self, _change: Any) -> None:
        if self.inspection is not None:
            self._estimate()
        self._redraw()

    @traitlets.observe("compiler")
    def _see_compiler(self, _change: Any) -> None:
        if self.inspection is not None:
            self._show(self._content, self.inspection.file, is_own=self._is_own)
        self._redraw()

    @traitlets.observe("selected", "place")
    def _redraw(self, _change: Any = None) -> None:
        if not self._quiet:
            self.refresh()

    def _receive(self, *arguments: Any) -> None:
        """What an event changes is drawn once, at its end."""
        self._quiet = True
        try:
            super()._receive(*arguments)
        finally:
            self._quiet = False

    def receive_upload(self, upload: Upload) -> None:
        """A file or a pasted log of a visitor: a model by its first bytes, else a log if it is text."""
        is_text = upload.content.startswith(_BOMS) or _TEXT.match(upload.content[:4096]) is not None
        if upload.kind == "log" or (upload.content[4:8] != _MODEL and is_text and upload.content):
            if len(upload.content) > LOG_BYTES:
                raise InputError(
                    f"{upload.name!r} has {len(upload.content):,} bytes, of a log {LOG_BYTES:,} are read here: give its last part"
                )
            self._explain(decode(upload.content, upload.name), needs_a_log=upload.kind != "log", name=upload.name)
        else:
            self._show(upload.content, upload.name, is_own=False)

    def on_select(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """Show the details of an op."""
        self.selected = _whole(value)

    def on_open(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """Unfold the run of ops that begins there, or fold it again."""
        first = _whole(value)
        if self.inspection is None or not 0 <= first < len(self.inspection.ops):
            raise InputError(f"no run of ops begins at {first}: choose one of the graph")
        self._opened ^= {first}

    def on_place(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """Show the estimate of a host on a bus: "pi4 usb3"."""
        self.place = str(value)

    def on_clock(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """Estimate for the chip at another clock."""
        self.clock = str(value)

    def on_compiler(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """Predict another generation of the compiler."""
        self.compiler = str(value)

    def on_show(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """The model or the log, where both are there."""
        if value not in ("model", "log"):
            raise unknown_name("view", str(value)[:40], ("model", "log"))
        self.shown = value

    def on_example(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """One of the models that come with the repository."""
        known = {name: path for name, _, path, _ in parts.examples()}
        if value not in known:
            raise unknown_name("example", str(value)[:40], known)
        self._load(known[value])

    def on_report(self, value: Any, _buffers: Sequence[memoryview]) -> None:
        """Hand out what is shown, as one HTML file or as JSON."""
        from edgewb.views.inspection_reports import report_html, report_json

        log = self.explanation if self.shown == "log" else None
        model = None if self.shown == "log" else self.inspection
        estimates = () if model is None else tuple(self.estimates.values())
        if model is None and log is None:
            raise InputError("there is nothing to report yet: drop a .tflite file")
        if value == "json":
            self.download(f"{self._stem()}_inspection.json", "application/json", report_json(model, estimates, log).encode())
        else:
            self.download(f"{self._stem()}_inspection.html", "text/html", report_html(model, estimates, log).encode())

    def _stem(self) -> str:
        """For the name of a download of what is shown."""
        return plain_stem("log" if self.shown == "log" or self.inspection is None else self.inspection.file)

    def context(self) -> dict[str, Any]:
        """What the template is drawn from."""
        inspection, graph = self.inspection, self._graph
        shown: dict[str, Any] = {
            "shown": self.shown, "inspection": inspection, "explanation": self.explanation,
            "mended": self._mended, "mending": self._mending,
            "examples": parts.examples(), "generations": GENERATIONS, "compiler": self.compiler, "clock": self.clock,
            "all_findings": parts.all_findings, "facts": inspection_facts, "name": parts.name, "clean": clean, "signs": parts.SIGNS,
            "size": parts.amount(len(self._content)), "kept": self._kept(),
            "is_run": self._is_own or self.trusted, "command": "" if inspection is None else mends.fix_command(inspection.file),
            "mendable": inspection is not None and mends.is_known_to_help(inspection), "trusted": self.trusted,
        }  # fmt: skip
        if self.shown == "log" and self.explanation is not None:
            shown["compilations"] = parts.compilations(self.explanation)
        if self.shown != "model" or inspection is None or graph is None:
            return shown
        chosen = self.place
        return shown | {
            "counts": parts.counts(inspection),
            "headline": parts.headline(inspection),
            "plot": self._plot(graph, inspection),
            "details": None if self.selected is None else parts.details(graph, inspection, self.selected),
            "meter": parts.cache_meter(inspection),
            "estimate_rows": parts.estimate_rows(self.estimates, chosen) if self.estimates else None,
            "estimate": parts.estimate_details(self.estimates[chosen]) if chosen in self.estimates else None,
            "place": parts.place_label(chosen),
            "not_estimated": self._not_estimated,
        }

    def _kept(self) -> str:
        """What is still shown beside a message that something else could not be: it must not be taken for that."""
        if not self.alert:
            return ""
        if self.shown == "log" and self.explanation is not None:
            return "the log given before"
        return "" if self.inspection is None else parts.name(self.inspection.file)

    def _plot(self, graph: Graph, inspection: Inspection) -> Markup:
        """The map, drawn anew only where it has changed: it is the largest part of the page."""
        drawn = self._drawn
        if drawn is None or drawn[0] is not inspection or drawn[1] != self._opened:
            metro = parts.metro(graph, inspection, self._opened)
            words = {"signs": parts.SIGNS, "basis": inspection.basis.value, "file": inspection.sha256[:16]}
            drawn = self._drawn = (inspection, self._opened, draw("inspector_map.html.j2", **metro, **words))
        return drawn[2]


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InputError(f"op {str(value)[:40]!r} is no number: choose an op of the graph") from None
