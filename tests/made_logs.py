"""Logs of edgetpu_compiler's grammar, written from given numbers and independent of the reader. Names and numbers are made up.

Grammar after public logs: 1.0 and 2.0 (google-coral/edgetpu#34), 2.1 (#60), 14.1 (#173), 15.0 (#358), 16.0 (#572, #671).
"""

from __future__ import annotations

import dataclasses
import re
import textwrap

VERSIONS = ("1.0.249710469", "2.0.267685300", "2.1.302470888", "14.1.317412892", "15.0.340273435", "16.0.384591198")
V10, V20, V21, V14, V15, V16 = VERSIONS
MAPPED = "Mapped to Edge TPU"
LIMIT = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
STRANDED = "More than one subgraph is not supported"
KIND = "Operation not supported"
TYPE = "Operation is working on an unsupported data type"
ENDED = "Compilation child process completed within timeout period.\n"
FAILED = ENDED + "Compilation failed! \n"
NOT_ALL = (
    "Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will instead run on the "
    "CPU, which is slower. If possible, consider updating your model to use only operations supported by the Edge TPU. For details, visit "
    "g.co/coral/model-reqs."
)


def timer(seconds: int = 180) -> str:
    return f"Started a compilation timeout timer of {seconds} seconds.\n"


@dataclasses.dataclass(frozen=True)
class Made:
    """One compilation that ended well. Sizes are as printed, such as ``1.25MiB``."""

    version: str = V16
    model: str = "bird_net.tflite"
    rows: tuple[tuple[str, int, str], ...] = (("CONV_2D", 21, MAPPED), ("ADD", 6, MAPPED), ("SOFTMAX", 1, MAPPED))
    ms: int = 1234
    used: str = "1.25MiB"
    remaining: str = "5.50MiB"
    off_chip: str = "0.00B"
    subgraphs: int = 1

    @property
    def total(self) -> int:
        return sum(count for _, count, _ in self.rows)

    @property
    def on_device(self) -> int:
        return sum(count for _, count, status in self.rows if status == MAPPED)

    @property
    def banner(self) -> str:
        return f"Edge TPU Compiler version {self.version}\n"

    @property
    def stem(self) -> str:
        return self.model.removesuffix(".tflite")

    def table(self) -> str:
        head = f"{'Operator':<31}{'Count':<11}Status\n\n"
        return head + "".join(f"{op:<31}{count:<11}{status}\n" for op, count, status in self.rows)

    def operation_log(self) -> str:
        return f"{self.banner}Input: {self.model}\nOutput: {self.stem}_edgetpu.tflite\n\n{self.table()}"

    def block(self, show: bool) -> str:
        memory = {"used": self.used, "remaining": self.remaining}
        if self.version in (V10, V20):
            memory = {"available": self.remaining, "used": self.used}
        lines = [f"On-chip memory {what} for caching model parameters: {size}" for what, size in memory.items()]
        text = f"Input model: {self.model}\nInput size: 2.50MiB\nOutput model: {self.stem}_edgetpu.tflite\nOutput size: 3.00MiB\n"
        text += "\n".join(lines) + f"\nOff-chip memory used for streaming uncached model parameters: {self.off_chip}\n"
        text += f"Number of Edge TPU subgraphs: {self.subgraphs}\nTotal number of operations: {self.total}\n"
        text += f"Operation log: {self.stem}_edgetpu.log\n"
        if self.on_device < self.total:
            text += f"\n{NOT_ALL}\nNumber of operations that will run on Edge TPU: {self.on_device}\n"
            text += f"Number of operations that will run on CPU: {self.total - self.on_device}\n"
        return text + (f"\n{self.table()}" if show else "See the operation log file for individual operation details.\n")

    def run(self, show: bool = False) -> str:
        """From the timer on: what a segment (``-n``) prints too."""
        new = self.version == V16
        end = ENDED + "Compilation succeeded! \n" if new else ""
        return (timer() if new else "") + f"\nModel compiled successfully in {self.ms} ms.\n\n{self.block(show)}{end}"

    def console(self, show: bool = False) -> str:
        note = "INFO: Initialized TensorFlow Lite runtime.\n" if self.version == V10 else ""
        return self.banner + note + self.run(show)


def together(*models: Made, show: bool = False) -> str:
    """Several models compiled in one command (google-coral/edgetpu#458, #518)."""
    head = f"{models[0].banner}{timer()}\nModels compiled successfully in 524 ms.\n\n"
    return head + "\n".join(model.block(show) for model in models) + ENDED + "Compilation succeeded! \n"


def large_activations(version: str = V16) -> str:
    """google-coral/edgetpu#439."""
    return f"Edge TPU Compiler version {version}\n{timer()}{_TOO_LARGE}"


_TOO_LARGE = (
    "ERROR: Restored original execution plan after delegate application failure.\n"
    "Compilation failed: Compilation failed due to large activation tensors in model.\n" + FAILED
)


def search(attempts: int, last: str = "") -> str:
    """``-d`` (google-coral/edgetpu#444, #686): attempts that fail, then ``last``."""
    text = f"Edge TPU Compiler version {V16}\nSearching for valid delegate with step 1\n"
    for left in range(attempts, 0, -1):
        names = ",".join(f"net/block_{left}/conv2d_{i}/BiasAdd" for i in range(left % 9 + 1))
        text += f"Try to compile segment with {left + 9} ops\nIntermediate tensors: {names}\n{timer()}{_TOO_LARGE}"
    return text + last


def refused(op: str = "TRANSPOSE_CONV", number: int = 4, version: str = V16) -> str:
    """An op version the compiler cannot read (google-coral/edgetpu#845; older wording #34)."""
    more = " An older version of this builtin might be supported. Are you using an old TFLite binary with a newer model?"
    words = f"ERROR: Didn't find op for builtin opcode '{op}' version '{number}'{'.' + more if version == V16 else ''}\n"
    return (
        f"Edge TPU Compiler version {version}\n{words}\nERROR: Registration failed.\n\nInvalid model: net.tflite\n"
        f"Model could not be parsed\n"
    )


def wrapper_line(words: str) -> str:
    """What bash prints for the compiler's wrapper script (google-coral/edgetpu#811)."""
    return f"/usr/bin/edgetpu_compiler: line 3: 1531 {words} ${{d}}/edgetpu_compiler_bin/ld-linux-x86-64.so.2 --library-path ${{d}}\n"


def wrapped(text: str, width: int) -> str:
    """As a mail program re-wraps long lines."""
    return "\n".join(
        "\n".join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)) if len(line) > width else line
        for line in text.split("\n")
    )


def cut(text: str, width: int) -> str:
    """As a terminal breaks long lines, in the middle of words."""
    return "\n".join("\n".join(line[i : i + width] for i in range(0, max(len(line), 1), width)) for line in text.split("\n"))


def before_each(prefix: str, text: str) -> str:
    return "".join(prefix + line for line in text.splitlines(keepends=True))


def rows_reversed(text: str) -> str:
    """The rows of each table in the opposite order."""
    return re.sub(
        r"(?:^[A-Z][A-Z0-9_]+ +\d+ +[A-Z].*\n)+", lambda table: "".join(reversed(table[0].splitlines(keepends=True))), text, flags=re.M
    )


DISTURBED = {
    "as it is": lambda t: t,
    "CRLF": lambda t: t.replace("\n", "\r\n"),
    "CR": lambda t: t.replace("\n", "\r"),
    "quoted": lambda t: before_each("> ", t),
    "quoted thrice": lambda t: before_each(">>> ", t),
    "indented": lambda t: before_each("    ", t),
    "trailing blanks": lambda t: t.replace("\n", "   \n"),
    "no-break spaces": lambda t: t.replace(" ", "\u00a0"),
    "tabs": lambda t: re.sub(" {2,}", "\t", t),
    "single blanks": lambda t: re.sub(" {2,}", " ", t),
    "double spaced": lambda t: t.replace("\n", "\n\n"),
    "without blank lines": lambda t: re.sub("\n\n+", "\n", t),
    "colours": lambda t: "".join(f"\x1b[32m{line}\x1b[0m\n" for line in t.splitlines()),
    "byte-order mark": lambda t: "\ufeff" + t,
    "wrapped at 72": lambda t: wrapped(t, 72),
    "wrapped at 60, quoted": lambda t: before_each("> ", wrapped(t, 60)),
    "cut at 80": lambda t: cut(t, 80),
    "one paragraph at 72": lambda t: "\n".join(textwrap.wrap(" ".join(t.split()), 72, break_long_words=False, break_on_hyphens=False)),
    "rows reversed": rows_reversed,
    "time stamps": lambda t: "".join(f"2024-05-06T10:11:{i % 60:02}.5Z {line}" for i, line in enumerate(t.splitlines(keepends=True))),
    "compose": lambda t: before_each("compiler_1  | ", t) + "compiler_1 exited with code 0\n",
    "build step": lambda t: "".join(f"#12 {i}.{i:03} {line}" for i, line in enumerate(t.splitlines(keepends=True))),
    "prompt": lambda t: f"me@box:~/nets$ edgetpu_compiler -s net.tflite\n{t}me@box:~/nets$ ls\nnet.tflite  net_edgetpu.tflite\n",
    "cell": lambda t: f"!edgetpu_compiler -s net.tflite\n{t}CPU times: user 41.2 ms, sys: 12 ms, total: 53.2 ms\nWall time: 4.12 s\n",
    "export": lambda t: (
        "Edge TPU: starting export with Edge TPU compiler 16.0.384591198...\nEdge TPU: running 'edgetpu_compiler -s \"net.tflite\"'\n"
        f"{t}Edge TPU: export success ✅ 8.9s, saved as 'net_edgetpu.tflite' (3.0 MB)\n\nExport complete (63.1s)\n"
        "Predict:         yolo predict task=detect model=net_edgetpu.tflite imgsz=640 int8 \n"
    ),
    "question": lambda t: (
        f"Hi, my model does not compile, all ops are int8:\n```\n{t}```\nany idea why only 2 ops are mapped to the Edge TPU?\n"
    ),
    "question below": lambda t: t.rstrip("\n") + "\nany idea why only 2 ops are mapped to the Edge TPU?\n",
    "set-up below": lambda t: (
        f"{t}\nEdge TPU runtime version: 14\nTensorflow 2.5.0\nModel: a detector, int8 320x320\nQuantization: full integer\n"
    ),
    "what was tried": lambda t: (
        f"{t}\nWhat I tried:\n- Model quantized with TF 2.4 and TF 2.5\n- batch size 1\n- -d (fails after 20 segments)\n"
    ),
    "sentence below": lambda t: f"{t}\nOnly one op is mapped.\n",
    "set-up above": lambda t: f"Model input: 320x320x3 uint8\nOperations: 72\nOnly 3 operations mapped!\n\n{t}",
    "details": lambda t: f"<details><summary>log</summary>\n\n```bash\n{t}```\n</details>\n\n### Issue Type\n\nSupport\n",
    "timed": lambda t: f"+ edgetpu_compiler net.tflite\n{t}\nreal\t0m3.482s\nuser\t0m3.101s\nsys\t0m0.211s\n",
}
"""What happens to a log on its way into a paste; none of it changes what the log says."""
