"""What stands around a compiler's output and is not of it: prompts, commands, other programs, and what people write."""

from __future__ import annotations

import re
from typing import Final

_PROMPT: Final = re.compile(
    r"^(?:(?:\([\w.-]+\) ?)?[\w.-]+@[\w.-]+[:\s~]|\[[\w.-]+@[^\]]+\][#$]|[$>❯➜] ?\S|[#+] ?[a-z./]|!\w|%%?[a-z]|PS [A-Z]:\\|"
    r"[A-Z]:\\[^>]*>|>>> |In \[\d*\]:|Out\[\d+\]:|"
    r"(?:sudo )?(?:edgetpu_compiler|python3?|docker|cd|ls|cat|echo|pip3?|apt(?:-get)?|wget|curl) \S)"
)
_FENCE: Final = re.compile(r"^(?:```+|~~~+)\w*$|^-{3,}$|^={3,}$|^\*{3,}$")
_OTHER_PROGRAMS: Final = re.compile(
    r"https?://|^\S*[/\\]\S*$|^\S*[,_]\S*$|"  # an address, a path, names without a blank
    r"^(?:Traceback|File \"|During handling|The above exception|subprocess\.|raise )|^\w+(?:\.\w+)*(?:Error|Exception|Warning)\b|"
    r"^\[?\d{1,2}:\d\d\b|^(?:real|user|sys)\s+\d|\d+user \d|^CPU times:|^Wall time:|"
    r"^[-dl][rwx-]{9}|^total \d+$|^\d[\d:. T-]{9,30}[:,.\dZ]*:? [IWEF] |^[IWEF]\d{4} |^(?:WARNING|INFO|DEBUG|ERROR|CRITICAL):\S|"
    r"^(?:INFO|WARNING): .*(?:TensorFlow Lite|XNNPACK|platform)|"
    r"^(?:make|ninja|cmake)(?:\[\d+\])?:|^\S+ exited with code|^(?:Process )?exit(?:ed)? (?:code|status)|"
    r"^(?:Downloading|Uploading|Copying|Removing|Deleting|Moving|Sending build|Successfully (?:built|tagged)|Step \d+)\b|^-+> |"
    r"^(?:Get|Hit|Ign|Err|Fetched|Selecting|Setting up|Unpacking|Preparing|Processing triggers|Reading|Building dependency)\b.*|"
    r"^(?:\S+ )?(?:Edge TPU|TensorFlow \w+|PyTorch|ONNX|Ultralytics)\S*: |^(?:Export complete|Results saved|Predict|Validate|Visualize)\b|"
    r"(?i:\bsaved? (?:as|to|in)\b|^saved \S+$|\.tflite\b.*\b(?:saved|written|copied)\b|\bstarting export\b|edgetpu[_-]compiler\b)|"
    r"^[\[(<]?(?:\.\.\.|…|\[?snip|(?:some |many )?(?:lines|output) (?:cut|removed|omitted|skipped))"
)
_PERSON: Final = re.compile(
    r"(?i)\b(?:i|i'm|i've|i'd|my|mine|me|we|our|you|your|he|she|they|them|anyone|anybody|somebody|someone|please|thanks?|thank|hi|hello|hey|"
    r"help|sorry|regards|cheers|is (?:there|this|that|it)|why|how)\b|\?(?:\s|$)|@\w|(?:^|\s)[:;]-?[()](?:\s|$)"
)
_FUNCTION_WORDS: Final = re.compile(
    r"(?i)\b(?:and|but|because|which|that|this|these|those|it|so|when|then|than|where|here|however|although|if|as|since|still|while|after|before|"
    r"does|did|do|seems?|works?|gets?|got|tried|trying|should|would|could|can|cannot|can't|doesn't|don't|isn't)\b"
)
_LABEL: Final = re.compile(r"^[^:]{1,60}(?<!\d)[:=]\s*\S")
_FIGURE: Final = re.compile(rf"\d|%|{_LABEL.pattern}")


def is_fence(text: str) -> bool:
    """The edge of a code block, or a ruler."""
    return _FENCE.match(text) is not None


def is_prompt(text: str) -> bool:
    """A command somebody typed: what follows is another program's output until the compiler's next line."""
    return _PROMPT.match(text) is not None


def is_foreign(text: str) -> bool:
    """A line other programs print around a compiler's, or a bare name or path."""
    return not any(char.isalpha() for char in text) or is_fence(text) or is_prompt(text) or _OTHER_PROGRAMS.search(text) is not None


def is_person(text: str) -> bool:
    """Somebody speaks: "I", "you", a question."""
    return _PERSON.search(text) is not None


def has_label(text: str) -> bool:
    """``Something: value``, as programs print their results."""
    return _LABEL.search(text) is not None


def is_sentence(text: str) -> bool:
    """Words that make a sentence, and no label before it."""
    return not has_label(text) and len(text.split()) > 2 and _FUNCTION_WORDS.search(text) is not None


def is_prose(text: str) -> bool:
    """What a person writes about a log, rather than what a program prints: somebody speaks, or a sentence without a figure."""
    return is_person(text) or (is_sentence(text) and _FIGURE.search(text) is None)
