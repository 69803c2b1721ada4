"""The first finding of a log or an error, and its first fix, are what its thread says."""

import json
import re

import pytest
from made_logs import (
    FAILED,
    KIND,
    LIMIT,
    MAPPED,
    STRANDED,
    TYPE,
    V10,
    V14,
    V15,
    V16,
    V20,
    Made,
    large_activations,
    refused,
    search,
    timer,
    wrapper_line,
)  # fmt: skip

from edgewb.compilers.explanations import explain
from edgewb.compilers.log_files import load_text

IN_INTERPRETER = "Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.\n"
GAVE_UP = "\nInternal compiler error. Aborting! \n"
RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"


def new(words):
    return f"Edge TPU Compiler version {V16}\n{timer()}{words}\n{IN_INTERPRETER}{FAILED}"


def old(version, words):
    return f"Edge TPU Compiler version {version}\n{words}"


LOGS = {
    "large activations, #439": (large_activations(), "large_activations", "input smaller"),
    "in a search, #444": (search(9), "large_activations", "input smaller"),
    "dynamic tensors, #829": (
        new("ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized tensors."),
        "dynamic_tensors",
        "batch to 1",
    ),
    "op version, #845": (refused(), "op_version_too_new", "older TensorFlow"),
    "op version of 2019, #34": (refused("RELU", 2, V20), "op_version_too_new", "older TensorFlow"),
    "custom op": (
        new("ERROR: Encountered unresolved custom op: Atan.\nERROR: Node number 1 (Atan) failed to prepare.\n"),
        "custom_op",
        "out of the graph",
    ),
    "overflow, #453": (
        new("ERROR: :344 no_integer_overflow_from_quantization was not true.\nERROR: Node number 31 (CONV_2D) failed to prepare.\n"),
        "integer_overflow",
        "Calibrate",
    ),
    "zero points, #244": (
        old(
            V14,
            "ERROR: :83 input->params.zero_point != output->params.zero_point (113 != 0)\n"
            "ERROR: Node number 28 (PACK) failed to prepare.\n\n",
        )
        + f"Compilation failed: Internal error\n{GAVE_UP}",
        "inconsistent_scales",
        "Convert again",
    ),
    "same scale, #397": (
        old(
            V15,
            "loc(\"r\"): error: 'tfl.reshape' op quantization parameters violate the same scale constraint: "
            "!quant.uniform<u8:f32, 0.2:1>\n",
        )
        + GAVE_UP,
        "scales_differ_slightly",
        "14.1",
    ),
    "ranks, #381": (
        old(V15, 'loc("Identity_int8"): error: two operands don\'t have the same rank\n' + GAVE_UP),
        "different_ranks",
        "Reshape",
    ),
    "internal error, #157": (old(V15, GAVE_UP), "internal_compiler_error", "smaller"),
    "no folder, #400": (
        Made(version=V15).console(show=True) + "Error opening file for writing: out/a_edgetpu.tflite\n" + GAVE_UP,
        "output_not_writable",
        "Make the folder",
    ),
    "not quantised, #213": (old(V15, "Invalid model: a.tflite\nModel not quantized\n"), "not_quantized", "full-integer"),
    "of 2019": (
        old(V10, "INFO: Initialized TensorFlow Lite runtime.\nInvalid model: a.tflite\nModel not quantized\n"),
        "not_quantized",
        "full-integer",
    ),
    "unreadable, tensorflow#43288": (
        old(V14, "ERROR: Did not get operators, tensors, or buffers in subgraph 0.\nInvalid model: m.tflite\nModel could not be parsed\n"),
        "unreadable_model",
        "inspect",
    ),
    "time limit, #686": (
        old(V16, timer() + "Compilation timeout. This is usually caused by large activations.\nCompilation failed! \n"),
        "timed_out",
        "-t 600",
    ),
    "no reason, #800": (old(V16, timer() + FAILED), "failed_without_reason", "-d"),
    "crash, #811": (old(V16, wrapper_line("Segmentation fault      (core dumped)")), "compiler_crashed", "another machine"),
    "killed": (search(3, f"{timer()}Killed\n"), "out_of_memory", "memory"),
    "header only": (old(V16, timer()), "incomplete_log", "Run it again"),
    "nothing maps with -m 11, #358": (
        Made(version=V15, rows=(("CONV_2D", 69, LIMIT),), used="0.00B", remaining="0.00B", subgraphs=0).console(),
        "nothing_maps",
        "without -m",
    ),
    "float model, #708": (Made(rows=(("CONV_2D", 9, TYPE), ("ADD", 2, TYPE)), subgraphs=0).operation_log(), "float_model", "full-integer"),
    "float16": (
        Made(rows=(("CONV_2D", 9, TYPE), ("DEQUANTIZE", 9, RANK)), subgraphs=0).operation_log(),
        "dynamic_range_model",
        "representative",
    ),
    "leaky ReLU, #147": (
        Made(rows=(("LEAKY_RELU", 9, KIND), ("CONV_2D", 1, MAPPED), ("CONV_2D", 9, STRANDED))).operation_log(),
        "cut_short",
        "RELU or PRELU",
    ),
    "focus layer": (
        Made(
            rows=(
                ("TRANSPOSE", 3, KIND),
                ("STRIDED_SLICE", 4, "Only Strided-Slice with unitary strides supported"),
                ("CONV_2D", 9, STRANDED),
                ("QUANTIZE", 1, MAPPED),
            )
        ).operation_log(),
        "cut_short",
        "stride of 2",
    ),
    "detection, #427": (Made(rows=(("CONV_2D", 9, MAPPED), ("CUSTOM", 1, TYPE))).operation_log(), "postprocess_on_cpu", "Nothing needs"),
    "float ends": (
        Made(rows=(("CONV_2D", 9, MAPPED), ("QUANTIZE", 1, LIMIT), ("DEQUANTIZE", 1, TYPE))).operation_log(),
        "float_edges",
        "inference_input_type",
    ),
    "streamed": (Made(off_chip="1.50MiB").console(), "parameters_streamed", "narrower"),
    "not which": (Made(rows=(("CONV_2D", 9, MAPPED), ("ADD", 1, LIMIT))).console(), "partly_mapped", "operation log"),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_log(name):
    text, finding, fix = LOGS[name]
    first = explain(text).findings[0]
    assert first.id == finding
    assert fix in first.fix
    assert first.fix == first.fixes[0]
    assert first.references


def test_a_log_without_fault_has_no_findings():
    assert explain(Made().console(show=True)).findings == ()


NODE = "Node number 2 (EdgeTpuDelegateForCustomOp) failed to prepare."
ERRORS = [
    ("ValueError: Failed to load delegate from libedgetpu.so.1\n", "no_device"),
    (
        "I tflite/edgetpu_manager_direct.cc:453] No matching device is already opened for shared ownership.\n"
        "ValueError: Failed to load delegate from libedgetpu.so.1\n",
        "no_device",
    ),
    ("ERROR   : No EdgeTPU was detected. If you do not have a Coral device yet, you must configure CPU detectors.\n", "no_device"),
    (
        "I tflite/edgetpu_context_direct.cc:401] Failed to open device [Apex (USB)] at [/sys/bus/usb/devices/2-1]: Not found: OpenDevice\n",
        "device_not_opened",
    ),
    ("OSError: libedgetpu.so.1: cannot open shared object file: No such file or directory\n", "runtime_library_missing"),
    ("OSError: dlopen(libedgetpu.1.dylib, 6): image not found\n", "runtime_library_missing"),
    (
        "Library not loaded: /opt/local/lib/libusb-1.0.0.dylib\n  Referenced from: /usr/local/lib/libedgetpu.1.dylib\n"
        "  Reason: image not found\n",
        "libusb_missing",
    ),
    ("RuntimeError: Deadline exceeded: USB transfer error 2 [LibUsbDataOutCallback]\n", "usb_power"),
    (
        "F driver/usb/usb_driver.cc:1148] HandleQueuedBulkIn transfer in failed. Invalid argument: USB "
        "transfer error 4 [LibUsbDataInCallback]\nAborted\n",
        "usb_transfer",
    ),
    (f"RuntimeError: Package requires runtime version (14), which is newer than this runtime version (13).{NODE}\n", "runtime_too_old"),
    (f"RuntimeError: Internal: Unsupported data type in custom op handler: 757904112{NODE}\n", "runtime_mismatch"),
    (f"RuntimeError: Internal: :159 batches * single_input_size != input->bytes (150528 != 12544){NODE}\n", "runtime_mismatch"),
    ("RuntimeError: Encountered unresolved custom op: edgetpu-custom-op.\n", "unresolved_edgetpu_op"),
    ("RuntimeError: core/subgraph.cc:1044 required_bytes != bytes (3686400 != 921600\n", "wrong_input_type"),
    ("ValueError: Cannot set tensor: Got value of type FLOAT32 but expected type UINT8 for input 16, name: x\n", "wrong_input_type"),
    ("ValueError: Cannot set tensor: Got value of type STRING but expected type FLOAT32 for input 0\n", "representative_data_wrong"),
    ("ValueError: Only support uint8 input type.\n", "wants_uint8"),
    ("RuntimeError: Mmap of '/models' failed.\n", "no_model_file"),
    ("RuntimeError: Type 'INT8' is not supported by reverse.Node number 4 (REVERSE_V2) failed to prepare.\n", "cpu_op_too_new_for_runtime"),
    (
        "F0408 12:00:00.1 12 pipelined_model_runner.cc:72] Check failed: "
        "last_consumed_by_map.find(output_name) != last_consumed_by_map.end()\nAborted (core dumped)\n",
        "pipeline_order",
    ),
    (
        "F tensorflow/lite/toco/tooling_util.cc:941] Check failed: GetOpWithOutput(model, output_array)\nFatal Python error: Aborted\n",
        "old_converter_failed",
    ),
    ("ERROR: Could not find a version that satisfies the requirement pycoral~=2.0 (from versions: 0.0.4)\n", "python_too_new"),
    ("ModuleNotFoundError: No module named 'pycoral.pybind._pywrap_coral'\n", "pycoral_missing"),
    ("ImportError: No module named pycoral.utils\n", "pycoral_missing"),
    ("ERROR: No matching distribution found for tflite-runtime==2.13.0\n", "tflite_runtime_missing"),
    (
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.0 as it may crash.\nAttributeError: _ARRAY_API not found\n",
        "numpy_2",
    ),
    ("gasket_core.c:1841:42: error: passing argument 1 of \u2018class_create\u2019 from incompatible pointer type\n", "pcie_driver"),
    ("sudo: apt-key: command not found\n", "apt_key"),
    ("bash: edgetpu_compiler: command not found\n", "wrong_machine"),
    ("ld-linux-x86-64.so.2: cannot execute binary file: Exec format error\n", "wrong_machine"),
    ('When I compile I get "Internal compiler error. Aborting!" What can I do?\n', "internal_compiler_error"),
    ("The weather is fine.\n", "not_a_log"),
]


@pytest.mark.parametrize(("text", "finding"), ERRORS)
def test_an_error_of_library_device_or_installation(text, finding):
    read = explain(text)
    assert (read.compilations, read.compiler_version) == ((), None)
    assert read.findings[0].id == finding


def test_an_error_below_a_log_is_found_beside_it():
    read = explain(Made().console() + "\n$ python3 run.py\nValueError: Failed to load delegate from libedgetpu.so.1\n")
    assert (read.outcome.value, [finding.id for finding in read.findings]) == ("success", ["no_device"])


def test_every_real_log_that_failed_has_a_reason(shared):
    folder = shared / "compiler_logs"
    expected = {
        "45": "internal_compiler_error",
        "47": "internal_compiler_error",
        "49": "inconsistent_scales",
        "51": "not_quantized",
        "53": "dynamic_tensors",
        "54": "op_version_too_new",
        "56": "op_version_too_new",
        "58": "op_version_too_new",
        "60": "large_activations",
        "62": "compiler_crashed",
        "64": "failed_without_reason",
        "65": "failed_without_reason",
        "66": "timed_out",
        "67": "custom_op",
        "39": "incomplete_log",
        "18": "nothing_maps",
        "28": "dynamic_range_model",
        "29": "dynamic_range_model",
        "30": "float_model",
        "41": "float_model",
        "13": "cut_short",
        "24": "cut_short",
        "26": "cut_short",
        "33": "unspecified_limitation",
        "03": "postprocess_on_cpu",
    }
    for entry in json.loads((folder / "INDEX.json").read_text())["logs"]:
        findings = explain(load_text(folder / entry["file"])).findings
        if "_fail_" in entry["file"][:9] or entry["file"][:2] in expected:
            assert findings[0].id == expected[entry["file"][:2]], entry["file"]


HEAD = "Operator                       Count      Status\n"
FRAGMENTS = [
    ("Number of operations that will run on Edge TPU: 0", "nothing_maps", "No op runs on the Edge TPU."),
    ("Number of Edge TPU subgraphs: 0", "nothing_maps", "No op runs on the Edge TPU."),
    (
        "Number of operations that will run on Edge TPU: 0\nNumber of operations that will run on CPU: 1",
        "nothing_maps",
        "The only op does not run",
    ),
    (
        "Number of operations that will run on Edge TPU: 0\nNumber of operations that will run on CPU: 293",
        "nothing_maps",
        "None of the 293 ops runs on the Edge TPU.",
    ),
    ("Number of operations that will run on CPU: 18", "partly_mapped", "18 ops stay on the CPU; this log does not say which."),
    ("Number of operations that will run on CPU: 1", "partly_mapped", "1 op stays on the CPU; this log does not say which."),
    ("Model successfully compiled but not all operations are supported by the", "partly_mapped", "does not say which"),
    (
        "Model successfully compiled but not all operations are supported by the\nEdge TPU. A percentage of the model will instead",
        "partly_mapped",
        "does not say which",
    ),
    ("supported by the Edge TPU. For details, visit g.co/coral/model-reqs.", "partly_mapped", "does not say which"),
    ("LEAKY_RELU                     11         Operation not supported", "unsupported_op", "LEAKY_RELU (11)"),
    (
        "CONV_2D                        12         More than one subgraph is not supported",
        "cut_short",
        "12 ops stay on the CPU though they",
    ),
    ("CONV_2D                        1          More than one subgraph is not supported", "cut_short", "1 op stays on the CPU though it"),
    ("DEQUANTIZE                     1          Operation is working on an unsupported data type", "float_edges", "does no harm"),
    (f"{HEAD}LEAKY_RELU                     2          Operation not supported", "nothing_maps", "which may not be whole"),
    ("Input size: 102.27KiB", "incomplete_log", "This is part of a log"),
    ("Compilation failed: Internal error", "internal_compiler_error", "gave up"),
    ("Invalid model: a.tflite", "incomplete_log", "the line that says why is not here"),
]


@pytest.mark.parametrize(("text", "finding", "words"), FRAGMENTS)
def test_a_line_or_two(text, finding, words):
    first = explain(text).findings[0]
    assert first.id == finding
    assert words in first.message


def test_a_table_that_says_why_is_explained_by_its_rows():
    read = explain(f"{HEAD}LEAKY_RELU                     2          Operation not supported")
    assert [finding.id for finding in read.findings] == ["nothing_maps", "unsupported_op"]
    assert "Usually the model is float" not in read.findings[0].message


def test_every_row_of_real_logs_says_something_alone(shared):
    rows = {
        line
        for path in sorted((shared / "compiler_logs").glob("*.log"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if re.match(r"[A-Z][A-Z0-9_]+ +\d+ +\S", line)
    }
    assert len(rows) > 100
    for row in rows:
        read = explain(row)
        assert "None" not in str(read).replace("None of", ""), row
        assert "None of the 0" not in str(read), row
        if "Mapped to" not in row:
            assert [finding.id for finding in read.findings] != ["incomplete_log"], row
