"""The lines edgetpu_compiler prints, versions 1.0 to 16.0, as patterns. What they mean together is for ``logs.py`` to say.

A line may be indented, stand in a table, or be re-wrapped by a mail program: where the compiler prints a space, a line break may stand.
Source: operation logs and console output in public repositories and threads, versions 1.0, 2.0, 2.1, 14.1, 15.0 and 16.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAPPED: Final = "Mapped to Edge TPU"
STATUSES: Final = (
    MAPPED,
    "More than one subgraph is not supported",
    "Operation is otherwise supported, but not mapped due to some unspecified limitation",
    "Operation is working on an unsupported data type",
    "Operation not supported",
    "Operation version not supported",
    "Tensor has unsupported rank (up to 3 innermost dimensions mapped)",
    "Only Strided-Slice with unitary strides supported",
    "Filter, bias, or other param is not constant at compile-time",
    "For example, a fully-connected or softmax layer with 2D output",
    "Image-interpolation layer won't run precisely enough on Edge TPU",
)
"""What stands in the last column of the table, as far as it was ever seen."""

_GAP: Final = r"(?:[ \t]+|[ \t]*\n[ \t]*\n?[ \t|]*)"
_BAR: Final = r"(?:[ \t|]+|[ \t|]*\n[ \t|]*)"
_SIZE: Final = r"(?P<{0}>\d{{1,9}}\.\d\d)(?P<{0}_unit>(?:[KMG]i)?B)"
_REST: Final = r"(?P<{0}>[^\n]{{1,1000}}?)"
_PATH: Final = r"(?P<{0}>[^\n]{{1,1000}}?\.(?:tflite|log)|[^\n:]{{1,500}}\n[^\n:]{{1,500}}\.(?:tflite|log)|[^\n]{{1,1000}}?)"
_COUNT: Final = r"(?P<{0}>\d{{1,9}})"
_TFLITE_ERRORS: Final = (
    r"Didn't find op for builtin opcode '[^'\n]{1,60}' version '\d{1,4}'\.?"
    r"(?: An older version of this builtin might be supported\. Are you using an old TFLite binary with a newer model\?)?",
    r"Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized tensors"
    r"(?: \(tensor#-?\d+ is a dynamic-sized tensor\))?\.?",
    r"Encountered unresolved custom op: \S{1,200}",
    r"Restored original execution plan after delegate application failure\.?",
    r"Regular TensorFlow ops are not supported by this interpreter\. Make sure you apply/link the Flex delegate before inference\.?",
)
_REASONS: Final = (
    r"Model failed in Tflite interpreter\. Please ensure model can be loaded/run in Tflite interpreter\.?",
    r"Compilation failed due to large activation tensors in model\.?",
    r"Internal error\.?",
)


def _cut_anywhere(start: str, rest: str) -> str:
    """A sentence over several lines, of which a paste may hold the first words only."""
    words = rest.split(" ")[1:]
    return start + "".join(f"(?: {word}" for word in words) + ")?" * len(words)


_LINES: Final = {
    "banner": r"Edge TPU Compiler version (?P<version>\d[\w.]{0,40})(?P<banner_note>[^\n]{0,200}?)",
    "success": r"Models? compiled successfully in (?P<ms>\d{1,9}) ms\.?",
    "input_model": "Input model: " + _PATH.format("input_model_path"),
    "input_size": "Input size: " + _SIZE.format("input_bytes"),
    "output_model": "Output model: " + _PATH.format("output_model_path"),
    "output_size": "Output size: " + _SIZE.format("output_bytes"),
    "on_chip_available": "On-chip memory available for caching model parameters: " + _SIZE.format("available"),
    "on_chip_used": "On-chip memory used for caching model parameters: " + _SIZE.format("used"),
    "on_chip_remaining": "On-chip memory remaining for caching model parameters: " + _SIZE.format("remaining"),
    "off_chip": "Off-chip memory used for streaming uncached model parameters: " + _SIZE.format("off"),
    "subgraphs": "Number of Edge TPU subgraphs: " + _COUNT.format("subgraph_count"),
    "total": "Total number of operations: " + _COUNT.format("total_count"),
    "operation_log": "Operation log: " + _PATH.format("operation_log_path"),
    "see_log": r"See the operation log file for individual operation details\.?",
    "not_all": _cut_anywhere(
        "Model successfully compiled but not all operations are supported",
        r" by the Edge TPU\. A percentage of the model will instead run on the CPU, which is slower\. If possible, consider updating your "
        r"model to use only operations supported by the Edge TPU\. For details, visit g\.co/coral/model-reqs\.?",
    ),
    "on_edgetpu": "Number of operations that will run on Edge TPU: " + _COUNT.format("edgetpu_count"),
    "on_cpu": "Number of operations that will run on CPU: " + _COUNT.format("cpu_count"),
    "log_input": "Input: " + _PATH.format("log_input_path"),
    "log_output": "Output: " + _PATH.format("log_output_path"),
    "table_head": rf"Operator{_BAR}Count{_BAR}Status[ \t|]*",
    "timer": r"Started a compilation timeout timer of (?P<timer_seconds>\d{1,9}) seconds\.?",
    "child_done": r"Compilation child process completed within timeout period\.?",
    "succeeded": r"Compilation succeeded!?",
    "failed": r"Compilation failed!?",
    "failed_why": rf"(?:Compilation failed: )?(?:{'|'.join(_REASONS)})|Compilation failed: [^\n]{{1,1000}}?",
    "timed_out": r"Compilation timeout\.(?: This is usually caused by large activations\.?)?",
    "search": r"Searching for valid delegate with step (?P<step>\d{1,9})",
    "segment": r"Try to compile segment with (?P<segment_ops>\d{1,9}) ops",
    "intermediate": "Intermediate tensors: [^\n]{0,100000}",
    "internal_error": r"Internal compiler error\. Aborting!?",
    "invalid_model": "Invalid model: " + _PATH.format("invalid_path"),
    "invalid_why": r"(?P<invalid_why_text>Model not quantized|Model could not be parsed)\.?",
    "error": rf"(?:ERROR: |loc\([^\n()]{{0,200}}\): error: )(?P<error_text>{'|'.join(_TFLITE_ERRORS)}|[^\n]{{1,1000}}?)",
    "cannot_write": "Error opening file for writing: " + _REST.format("unwritable_path"),
    "stand_in": r"INFO: edgewb stand-in\b[^\n]{0,200}",
    "note": r"(?:INFO|WARNING): (?:Initialized TensorFlow Lite runtime\.|[^\n]{1,1000}?)",
}
_CRASH: Final = (
    r"Segmentation fault",
    r"Illegal instruction",
    r"Bus error",
    r"Aborted(?: \(core dumped\)|[ \t]*$)",
    r"\(core dumped\)",
    r"terminate called (?:after throwing|without an active exception)|terminating with uncaught exception|libc\+\+abi",
    r"what\(\):[ \t]+\S",
    r"^Killed[ \t]*$|\b[0-9]{1,9} Killed[ \t]",
    r"died with <Signals\.SIG[A-Z]+",
    r"Fatal Python error",
    r"\*\*\* (?:SIG[A-Z]+|Check failure stack trace)",
    r"(?:^|[ \t])F[0-9 ][^\n]{5,80}\] |^F tensorflow/|Check failed:",
    r"std::bad_alloc",
    r"double free or corruption|free\(\): invalid|malloc\(\): |munmap_chunk\(\)",
    r"returned non-zero exit status 1(?:3[2-9]|4[0-9])\b|exit(?:ed)?(?: with)?(?: status| code)?:? 1(?:3[24-9])\b",
    r"returned non-zero exit status -\d",
)
"""What a shell, the C++ library or Python prints when a program dies of a signal or of an exception nobody caught."""


KNOWN_ERROR: Final = re.compile("|".join(_TFLITE_ERRORS))


@dataclass(frozen=True, slots=True)
class Line:
    """One recognised piece of a log.

    ``kind`` is a key of the grammar, "row", "crash" or "other" (a line that is none of them). ``apart``: a blank line stands before it.
    """

    kind: str
    values: dict[str, str]
    text: str
    apart: bool = False


def _pattern(words: str) -> str:
    """Every single space of a pattern may be any gap; those inside a character class may not."""
    out, inside = [], False
    for i, char in enumerate(words):
        if char in "[]" and words[i - 1 : i] != "\\":
            inside = char == "["
        out.append(_GAP if char == " " and not inside else char)
    return "".join(out)


def _status(text: str) -> str:
    return _GAP.join(re.escape(word) for word in text.split())


_ROW: Final = (
    rf"(?P<row_op>[A-Z][A-Z0-9_]{{1,60}}){_BAR}(?P<row_count>\d{{1,9}})(?:{_BAR}(?P<row_status>"
    + "|".join(_status(text) for text in sorted(STATUSES, key=len, reverse=True))
    + r")|[ \t|]+(?P<row_words>[A-Z][^\n|]{3,200}?))[ \t|]*"
)
_KINDS: Final = "|".join(rf"(?P<{kind}>{_pattern(words)})" for kind, words in _LINES.items())
_GRAMMAR: Final = re.compile(
    rf"^[ \t|]*(?=[A-Zl])(?:{_KINDS}|(?P<row>{_ROW}))[ \t]*$|"
    rf"^(?=[^\n]{{1,2000}}$)(?P<crash>[^\n]*(?:{'|'.join(_CRASH)})[^\n]*)$|"
    r"^(?P<other>[^\n]*\S[^\n]*)$",
    re.MULTILINE,
)
_VALUES: Final = {kind: tuple(re.findall(r"\(\?P<(\w+)>", words)) for kind, words in {**_LINES, "row": _ROW}.items()}
WORDS: Final = frozenset(
    word
    for words in (*STATUSES, *_TFLITE_ERRORS, *_REASONS, *(words for words in _LINES.values() if "{" not in words))
    for word in re.split(r"\s|\(\?:|\)?\?", words.replace("\\", ""))
    if re.fullmatch(r"\(?[\w'.,!/-]+\)?", word)
)
"""The words of the compiler's sentences, for mending those that a terminal cut in two."""


_STARTS: Final = tuple(
    re.split(r"\(\?|\[", words.replace("Models?", "Model"))[0].replace("\\", "").removesuffix("?") for words in _LINES.values()
)
_WHOLE: Final = ("Model not quantized", "Model could not be parsed", "ERROR: ", "INFO: ", "WARNING: ", "Compilation failed: ")
_ROW_START: Final = re.compile(r"[A-Z][A-Z0-9_]*(?:[ \t|]+(?:\d+(?:[ \t|]+(?P<status>\S.*)?)?)?)?")


def may_be_cut(text: str) -> bool:
    """A line that may be the first part of one the compiler prints."""
    row = _ROW_START.fullmatch(text)
    if row is not None:
        return row["status"] is None or any(status.startswith(row["status"]) for status in STATUSES)
    return any(start and (start.startswith(text) or text.startswith(start)) for start in _STARTS) or any(
        words.startswith(text) for words in _WHOLE
    )


def scan(text: str) -> Iterator[Line]:
    """The lines of a log (see ``log_cleaning``) in their order; each character but blank lines belongs to one. Linear in the length."""
    end = 0
    for match in _GRAMMAR.finditer(text):
        kind = match.lastgroup or "other"
        values = {key: value for key in _VALUES.get(kind, ()) if (value := match[key]) is not None}
        if kind == "row":
            values.setdefault("row_status", values.get("row_words", ""))
        yield Line(kind, values, match[0].strip(), text.count("\n", end, match.start()) > 1)
        end = match.end()
