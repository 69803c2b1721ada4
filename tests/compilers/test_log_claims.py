"""What no compiler printed is called unknown, and no figure of it is passed on. The lines are such as language models make up."""

import pytest
from made_logs import ENDED, MAPPED, TYPE, V10, V16, Made, large_activations, timer, together

from edgewb.compilers.explanations import explain
from edgewb.compilers.log_claims import is_version

WHOLE = Made().console()
TABLE = Made().operation_log()
HEAD = f"Edge TPU Compiler version {V16}\n"
LINES = """Operations mapped to Edge TPU: 100%
Percentage of ops on Edge TPU: 98.6%
Mapped ops: 64/64
SRAM usage: 5.2 MiB of 8 MiB
On-chip SRAM utilization: 47.1%
Estimated latency: 2.6 ms
Inference latency (estimated): 2.1 ms
Subgraph 0: 64 ops mapped
Subgraph 1 (CPU): 2 ops
Layer 12 (SOFTMAX): CPU
CONV_2D: Edge TPU
Parameter cache hit rate: 100%
Number of operations mapped: 64
CPU fallback: 2 operations
Fallback ops: SOFTMAX
Delegated to CPU: SOFTMAX (1)
Partitions: 1
✅ All ops mapped
🚀 64 of 64 operations on the Edge TPU
Compilation successful!
Compilation completed successfully.
Status: SUCCESS
Throughput: 400 FPS
TOPS utilization: 72%
Unmapped operations: 0
Memory usage: on-chip 3.2MiB, off-chip 0
On-chip memory used: 3.10MiB
Total operations: 64
GELU                           12         Not supported
GELU_V2                        12         Operation not supported
TOTAL                          12         Mapped to Edge TPU
SOFTMAX                        1          CPU
SOFTMAX                        1          Executed on CPU
SOFTMAX                        1          Mapped to CPU
SOFTMAX                        1          Mapped to Edge TPU (100%)
ADD                            6          Fused into CONV_2D
INFO: 64 of 64 operations mapped to the Edge TPU
WARNING: SOFTMAX will run on the CPU
Warning: 3 ops fall back to CPU
[INFO] Mapping 64 operations
Delegate created: 64 nodes""".splitlines()
AMONG = """All operations mapped to Edge TPU
Model is fully quantized (int8)
Quantization: int8 (OK)
Target: Coral USB Accelerator
Optimization level: 3
Partitioning graph into 1 subgraph
Peak throughput: 4 TOPS
Estimated power: 2W
Compilation hash: 9af31
The following operations will run on CPU: SOFTMAX, RESHAPE
ERROR: Operation GELU is not supported by Edge TPU.
ERROR: Model is not fully quantized. Edge TPU requires int8.
ERROR: Unsupported op: GELU (version 1)
Compilation failed: Unsupported operation GELU at layer 12
On-chip memory used for caching model parameters: 3.1 MB
Off-chip memory used for model parameters: 0.00B
Model compiled successfully in 1.287 seconds.
conv2d_1 -> Edge TPU""".splitlines()


def unknown(text):
    read = explain(text)
    assert read.outcome.value == "unknown", text
    assert (read.ops, read.ops_total, read.on_chip_used_bytes, read.compile_ms, read.subgraphs, read.model) == ((), *[None] * 5)
    assert [finding.id for finding in read.findings] in (["not_the_compilers_words"], ["not_a_log"])


@pytest.mark.parametrize("line", [*LINES, *AMONG])
def test_one_made_up_line_anywhere_among_the_compilers(line):
    for log in (WHOLE, TABLE, Made(version=V10).console(show=True), large_activations()):
        lines = log.splitlines()
        for i in range(1, len(lines) + 1):
            if i < len(lines) and not lines[i] and not lines[i - 1]:
                continue
            unknown("\n".join([*lines[:i], line, *lines[i:]]) + "\n")


@pytest.mark.parametrize("line", LINES)
def test_what_reads_like_a_result_counts_in_a_paragraph_of_its_own_too(line):
    unknown(f"{WHOLE}\n{line}\n")


@pytest.mark.parametrize(
    "text",
    [
        "Operations mapped to Edge TPU: 100%\n",
        f"{HEAD}Operations mapped to Edge TPU: 100%\n",
        f"{HEAD}Parsing model net.tflite...\nMapping operations...\nDone.\n",
        f"{HEAD}\nModel Summary:\n  Total ops: 72\n  Edge TPU ops: 72\n\nCompilation successful!\n",
        f"{HEAD}\nOp Name      Qty    Placement\nCONV_2D      36     EdgeTPU\nSOFTMAX      1      CPU\n",
        f"{HEAD}Input: a.tflite\n\nOperation | Count | Target\n---|---|---\nCONV_2D | 36 | Edge TPU\nSOFTMAX | 1 | CPU (unsupported)\n",
        f"{HEAD}{timer()}Layer 1: CONV_2D -> Edge TPU\nLayer 2: SOFTMAX -> CPU\nCompilation succeeded!\n",
        '{"compiler": "Edge TPU Compiler version 16.0.384591198", "status": "success", "ops_mapped": 72}',
        '{\n "compiler_version": "16.0.384591198",\n "total_operations": 72,\n "mapped": 72\n}',
        "[edgetpu_compiler] Edge TPU Compiler version 16.0.384591198\n[edgetpu_compiler] Mapped 72/72 operations\n",
        WHOLE.replace("Edge TPU Compiler version 16.0.384591198", "Edge TPU compiler v16"),
        WHOLE.replace(V16, f"{V16} (built 2021-07-26)"),
        WHOLE.replace("Compilation succeeded! ", "✅ Compilation succeeded!"),
        f"{WHOLE}\n- 72 of 72 operations mapped\n- 0 CPU fallbacks\n",
        f"{WHOLE}\nNote: all operators were delegated to the Edge TPU, so no CPU fallback is needed.\n",
        f"```\n{WHOLE}Peak memory usage: 6.2MiB\n```\n",
        TABLE.replace(MAPPED, "mapped to edge tpu"),
        TABLE.replace(MAPPED, "Edge TPU"),
        TABLE + "\nTotal                          28         100% mapped\n",
        TABLE + "\n64 operations will run on the Edge TPU, 0 on the CPU.\n",
        TABLE.replace("Status\n", "Status      Latency(us)\n"),
        WHOLE.replace("Model compiled successfully in 1234 ms.", "Successfully compiled model in 1234 ms."),
        WHOLE.replace("subgraphs: 1", "subgraphs: 1 (100% of ops)"),
        WHOLE.replace("1.25MiB", "1.25MiB (47%)"),
        f"{WHOLE}\n| Metric | Value |\n|---|---|\n| Ops on TPU | 28 |\n| Ops on CPU | 0 |\n",
        f"{HEAD}Compilation failed: Model contains unsupported operations: GELU, ERF\n",
    ],
)
def test_logs_that_were_made_up(text):
    unknown(text)


@pytest.mark.parametrize("version", ["16.0", "16.1.402817312", "17.0.402817312", "13.2.298110345", "16.0.412345678", "2.1.999999999", "16"])
def test_versions_there_never_were(version):
    assert not is_version(version)
    unknown(WHOLE.replace(V16, version))


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("operations: 28", "operations: 20") + Made().table(),
        Made().console(show=True).replace("subgraphs: 1", "subgraphs: 0"),
        WHOLE.replace("1.25MiB", "12.25MiB"),
        Made(rows=(("ADD", 5, MAPPED), ("CUSTOM", 1, TYPE))).console().replace("CPU: 1", "CPU: 4"),
        Made(rows=(("ADD", 5, MAPPED), ("CUSTOM", 1, TYPE)))
        .console(show=True)
        .replace("Edge TPU: 5", "Edge TPU: 4")
        .replace("CPU: 1", "CPU: 2"),
    ],
)
def test_figures_that_contradict_each_other(text):
    unknown(text)


def test_figures_of_models_compiled_together_are_their_own():
    text = together(Made(model="a.tflite"), Made(model="b.tflite", rows=(("ADD", 2, MAPPED),)), show=True)
    assert explain(text).outcome.value == "success"
    unknown(text.replace("operations: 2\n", "operations: 1\n"))


@pytest.mark.parametrize(
    "words",
    [
        "ERROR: Type INT16 (7) not supported.\nERROR: Node number 2 (MUL) failed to prepare.\n",
        "ERROR: tensorflow/lite/kernels/resize_bilinear.cc:72 NumDimensions(size) != 1 (2 != 1)\n",
        "ERROR: Regular TensorFlow ops are not supported by this interpreter. Make sure you apply/link the "
        "Flex delegate before inference.\n",
        "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
        "...\n",
        "<- this is where I wonder\n",
    ],
)
def test_what_tensorflow_lite_or_a_person_says_among_the_lines_is_not_made_up(words):
    text = (
        f"{HEAD}{timer()}{words}\nCompilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite "
    )
    assert explain(f"{text}interpreter.\n{ENDED}Compilation failed! \n").outcome.value == "failed"
