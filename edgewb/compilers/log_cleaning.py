"""A log without what terminals, containers, mail programs and web pages did to it on its way here."""

from __future__ import annotations

import re
from typing import Final

from edgewb.compilers.log_lines import WORDS

_INVISIBLE: Final = {0: None, 0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None, 0xA0: " ", 0x202F: " ", 0x2007: " "}
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ANSI: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,500}(?:\x07|\x1b\\)|[()][0-9A-B])")
_QUOTED: Final = re.compile(r"^(?:[ \t]{0,8}>)+", re.MULTILINE)
_BLANKS: Final = re.compile(r"[ \t]{200,}")
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
_TAG: Final = re.compile(r"</?(?:pre|code|p|br|div|span|details|summary|tt|samp)\b[^<>\n]{0,200}>")
_MARKS: Final = (
    re.compile(r"^[ \t]*(?:[`*_]{1,3})(?=Edge TPU C|Started|Model|Compil|Internal|Invalid|ERROR|Operator|Input|Output|/)", re.MULTILINE),
    re.compile(r"(?:`{1,3}|\*{1,3}|(?<=[.!])_{1,3})$", re.MULTILINE),
)

_OPENERS: Final = (
    r"Edge TPU Compiler version \d|Models? compiled successfully in \d|Input(?: model)?: \S|Output: \S|Input size: \d|Output model: |"
    r"Output size: \d|O(?:n|ff)-chip memory (?:used|remaining|available) for|Number of Edge TPU subgraphs: \d|"
    r"Total number of operations: \d|Operation log: |See the operation log file|Model successfully compiled but not all|"
    r"Number of operations that will run on|Operator +Count +Status|Started a compilation timeout timer of \d|Compilation child process|"
    r"Compilation (?:succeeded|failed)|Searching for valid delegate|Try to compile segment with \d|Intermediate tensors: |"
    r"Internal compiler error\. Abort|Invalid model: |Model (?:not quantized|could not be)|Compilation timeout\.|(?:ERROR|INFO): \S|"
    r"[A-Z][A-Z0-9_]{1,40} +\d{1,6} +(?:Mapped to|More than|Operation (?:is|not|version)|Tensor has|Only Strided|Filter, bias)"
).replace(" ", r"[ \t\n]+")
_PREFIXED: Final = re.compile(
    r"^([^\n]{1,80}?)(?:Edge TPU Compiler version \d|Models? compiled successfully in|Input model: |Started a compilation timeout|"
    r"Operator +Count|Model successfully compiled but|Number of operations that|Searching for valid)",
    re.MULTILINE,
)
_JOINED: Final = re.compile(
    r"(?:(?:size|parameters): [\d.]+(?:[KMG]i)?B|subgraphs: \d+|operations: \d+|version \d[\d.]+|Status|Edge TPU|seconds\.|ms\.|"
    rf"model-reqs\.)[ \t]+(?={_OPENERS})"
)
_OPENER: Final = re.compile(rf"[ \t]+(?={_OPENERS})")
_CUT: Final = re.compile(r"(?<!\S)([^\s\d]{1,30})[ \t]*\n[ \t]*([^\s\d]{1,30})(?!\S)")
_VERSION_LINE: Final = re.compile(r"Edge TPU Compiler version \d[\w.]+[ \t]*$", re.MULTILINE)
_WIDTHS: Final = (79, 80, 100, 120, 132)
_CUT_PATH: Final = re.compile(
    r"^[ \t]*((?:Input|Output|Input model|Output model|Operation log|Invalid model): [^\n]*?)[ \t]*\n[ \t]*([^\s:]+)[ \t]*$", re.MULTILINE
)
_CUT_POINT: Final = re.compile(r"[ \t]*\n[ \t]*(?=[.,!] \S)")


def clean(text: str) -> str:
    """Line ends of one kind; no colours, quoting, mark-up, nor prefixes that a container or a logger set; cut words whole again."""
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text) if "\x1b" in text else text).translate(_INVISIBLE)
    text = _BLANK_LINES.sub("\n\n", text)
    text = _BLANKS.sub("  ", _QUOTED.sub("", _TAG.sub("", text) if "<" in text else text))
    if any(f"{mark}\n" in text or text.startswith(mark) or f"\n{mark}" in text or text.endswith(mark) for mark in "`*_"):
        text = _MARKS[1].sub("", _MARKS[0].sub("", text))
    text = _without_prefix(text)
    if _JOINED.search(text):
        text = _OPENER.sub("\n", text)
    text = _CUT_PATH.sub(_whole_path, _CUT_POINT.sub("", _CUT.sub(_whole, text)))
    # Behind a prompt or a command.
    return _VERSION_LINE.sub(lambda match: match[0] if text[match.start() - 1 : match.start()] in ("", "\n") else f"\n{match[0]}", text)


def _whole(match: re.Match[str]) -> str:
    """A word that was cut at the edge of a terminal, if the compiler prints that word and does not print its first half."""
    word = match[1] + match[2]
    return word if match[1] not in WORDS and word in WORDS else match[0]


def _whole_path(match: re.Match[str]) -> str:
    """A file name that was cut: within its ending, or at the edge of a terminal of one of the usual widths."""
    ends = (".tflite", ".log")
    cut = not match[2].endswith(ends) or len(match[1]) in _WIDTHS
    return match[1] + match[2] if cut and (match[1] + match[2]).endswith(ends) else match[0]


def _without_prefix(text: str) -> str:
    """Take away what stands before each line (time stamps, ``compiler_1  | ``): before the compiler's first line, and others alike."""
    found = _PREFIXED.search(text)
    if found is None or not found[1].strip(" \t|") or found[1].rstrip()[-1] in "$#%>":
        return text
    shape = "".join(
        r"\d+" if part.isdigit() else r"[ \t]*" if part.isspace() else re.escape(part) for part in re.findall(r"\d+|\s+|[^\d\s]+", found[1])
    )
    prefix = re.compile(rf"^(?:{shape})", re.MULTILINE)
    return prefix.sub("", text) if len(prefix.findall(text)) > 1 else text
