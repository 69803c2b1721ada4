"""OpenVINO, on the device one names. It reads the .tflite itself."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import first_line
from edgewb.targets.interfaces import Availability
from edgewb.targets.runtimes import Found, RuntimeTarget, load_library, not_loaded
from edgewb.tflite.graphs import Graph
from edgewb.types import TargetFacts

_TELEMETRY = "openvino_telemetry"
_LOADING = threading.Lock()
_AUTO = "AUTO"
_SETTINGS: dict[str, Any] = {
    "PERFORMANCE_HINT": "LATENCY",
    # Else float32 is computed in bfloat16 where the processor has it (off by up to 0.07 of a probability on the digits; 8e-7 so),
    # and in float16 on a GPU: another model than the one in the file.
    "EXECUTION_MODE_HINT": "ACCURACY",
}


class OpenVinoTarget(RuntimeTarget):
    """Runs a .tflite with OpenVINO.

    The argument is a device as OpenVINO names it ("CPU", "GPU", "GPU.1", "NPU", or "AUTO", which lets it choose), by default the
    processor. ``kernels`` is the device that computed.

    OpenVINO gets the .tflite, not the ONNX file that ONNX Runtime gets. On the nine digits variants and the 500 test images both gave the
    same answers (the six int8 variants and float32 the same outputs to the last bit), the ONNX form 2 to 10 % faster (34 against 37
    microseconds). But the .tflite needs no conversion, hence neither tf2onnx nor TensorFlow, and it is the very file that is compared;
    with OpenVINO's own defaults on a processor with bfloat16, the ONNX form of every int8 variant failed to compile.
    """

    name = "openvino"
    title = "OpenVINO"

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        super().__init__(argument, threads=threads, kernels=kernels)
        self._request: Any = None
        self._views: list[npt.NDArray[Any]] = []
        self._output_places: list[int] = []

    @property
    def _device(self) -> str:
        return (self.argument or "CPU").upper()

    def available(self) -> Availability:
        """Whether OpenVINO is installed and sees the device."""
        try:
            here = _openvino().Core().available_devices
        except Exception as error:  # a missing package, or a library of it that does not load on this system
            return not_loaded("openvino", error)
        kinds = {name.partition(".")[0] for name in here}  # "GPU" is the first of "GPU.0" and "GPU.1"
        if self._device in {*here, *kinds, _AUTO}:
            return Availability(available=True)
        return Availability(
            available=False,
            reason=f"OpenVINO sees no device {self.argument!r} here, only {', '.join(here) or 'none'}",
            fix=f"name one of these or {_AUTO}, or install the device's driver",
        )

    def _open(self, content: bytes, graph: Graph) -> None:
        self._insist(self.available())
        core = open_core(self.threads)
        settings = dict(_SETTINGS)
        if self._device == _AUTO:
            settings["ENABLE_STARTUP_FALLBACK"] = False  # else it begins on the processor and changes over in the middle of a sample
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # it goes by the name's ending, and takes no bytes
                path = Path(folder) / "model.tflite"
                path.write_bytes(content)
                model = core.read_model(path)
                self._fix_sizes(model)
                compiled = core.compile_model(model, self._device, settings)
            request = compiled.create_infer_request()
        except RuntimeError as error:
            self._refuse(_reason(error))
        places = self._in_order("input", self.inputs, _found(compiled.inputs))
        self._output_places = self._in_order("output", self.outputs, _found(compiled.outputs))
        self._views = [request.get_input_tensor(place).data for place in places]
        self._request = request
        device = ", ".join(compiled.get_property("EXECUTION_DEVICES"))
        self.kernels = device
        notes = ["reads the .tflite itself", "computes floats as precisely as the file holds them"]
        if device != "CPU":
            notes.append(f"{device} is {core.get_property(device, 'FULL_DEVICE_NAME')}" if "," not in device else "on several devices")
        self.facts = TargetFacts(runtime=f"openvino {importlib.metadata.version('openvino')}", device=device, notes=tuple(notes))

    def _fix_sizes(self, model: Any) -> None:
        """Give a batch of varying size the one of the file."""
        if any(port.partial_shape.is_dynamic for port in model.inputs):
            shapes = {spec.name: spec.shape for spec in self.inputs}
            model.reshape({port: shapes[name] for port in model.inputs for name in port.names if name in shapes})

    def _invoke(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        request = self._request
        for view, array in zip(self._views, inputs, strict=True):
            np.copyto(view, array)
        try:
            request.infer()
        except RuntimeError as error:
            self._fail(error, own_processor=self.kernels == "CPU")
        return [request.get_output_tensor(place).data.copy() for place in self._output_places]

    def _drop(self) -> None:
        self._request = None
        self._views = []


class PlainOpener:
    """Opens .tflite files on one thread of the processor with the settings of the target, for a process that has nothing else to do.

    Once it has opened one it needs no other file for the next: ``Core.read_model`` looks for its libraries each time.

    Raises:
        TargetError: OpenVINO is not here.
    """

    def __init__(self) -> None:
        self._core = open_core(1)
        from openvino.frontend import FrontEndManager

        self._manager = FrontEndManager()  # it has to outlive what it loads
        self._reader = self._manager.load_by_framework("tflite")

    def open(self, path: str) -> Any:
        """OpenVINO's ``InferRequest`` for a file; a size that may vary is fixed to 1.

        Raises:
            Exception: OpenVINO does not take it (RuntimeError, or one of its own, which are no RuntimeError).
        """
        model = self._reader.convert(self._reader.load(path))
        if any(port.partial_shape.is_dynamic for port in model.inputs):
            model.reshape({port: [1 if size.is_dynamic else size.get_length() for size in port.partial_shape] for port in model.inputs})
        return self._core.compile_model(model, "CPU", _SETTINGS).create_infer_request()


def open_core(threads: int) -> Any:
    """OpenVINO's ``Core``. Raises TargetError where it is not here."""
    core = _openvino().Core()
    # Set on the processor's plugin, so that AUTO finds it there; other devices have no such property.
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1})
    return core


def _openvino() -> ModuleType:
    """The library, silent: importing it reports to Google Analytics through ``openvino_telemetry`` unless a file at home says no.

    Where that package cannot be imported, OpenVINO takes a stub in its place that does nothing (``openvino/tools/ovc/telemetry_stub.py``),
    so it is hidden for the moment of the import. Nothing is written into the user's home either way.
    """
    with _LOADING:  # what another thread is still importing is in sys.modules too, and half empty
        if (loaded := sys.modules.get("openvino")) is not None:
            return loaded
        hidden = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == _TELEMETRY}
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
        try:
            return load_library("openvino", OpenVinoTarget.name)
        finally:
            del sys.modules[_TELEMETRY]
            sys.modules.update(hidden)


def _reason(error: Exception) -> str:
    """What of OpenVINO's many lines says why."""
    text = str(error)
    if (missing := re.search(r"No translator found for (\S+) node", text)) is not None:
        return f"does not take the op {missing.group(1)}"
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("Exception from", "Check "))]
    return f"cannot run it ({(lines or [first_line(error)])[-1][:200].rstrip('.')})"


def _found(ports: Sequence[Any]) -> list[Found]:
    result = []
    for port in ports:
        shape = port.partial_shape
        sides = tuple(shape.to_shape()) if shape.is_static else tuple(str(side) for side in shape)
        result.append(Found(frozenset(port.names), port.element_type.to_dtype().name, sides))
    return result
