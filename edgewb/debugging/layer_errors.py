"""What each op of an int8 file adds to the error, on its own.

An error made early is in every result after it, so the plain difference between the two nets grows along them and blames the
last layer. Here every op runs alone: it gets the float net's values, stored as the file says; the same float op gets what those stored
values stand for; the difference is the op's own. It is then added to the float net's result at that place, the float net runs on from
there, and what arrives at the outputs is what this op costs: a channel nobody reads costs nothing, and one that is divided by a thousand
before it is used costs what it is worth. TensorFlow's QuantizationDebugger compares op by op, too (NumericVerify), in a net it quantises
itself: it cannot look into a file, and stops at the op's own result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.debugging.matches import Match, logits, match_graphs
from edgewb.debugging.moved_scales import find_moved_scales, with_scales
from edgewb.errors import InputError, ModelFileError, first_line
from edgewb.tflite.cuts import cut, needed_from
from edgewb.tflite.graphs import Tensor
from edgewb.tflite.quantization import dequantize, quantize
from edgewb.tflite.reader import read_graph

Floats = npt.NDArray[np.float32]
EXAMPLES: Final = 64
_MOST_BYTES: Final = 2**29
"""Of the float net's results that are held at once; fewer examples are taken where they would need more."""
_FEWEST: Final = 4
_CLIPPED: Final = 0.5
"""Steps by which a value must lie outside a tensor's range to count as saturated: less is rounding."""
_UNEVEN: Final = 1.5
"""Standard deviation of channel sizes, in powers of two, from which on channels are uneven."""
_OPPOSED: Final = -0.7
SEEN: Final = 1e-12
"""Of noise to signal: below it a decibel figure says no more."""


@dataclasses.dataclass
class OwnError:
    """One op's own error over ``n`` examples. ``op`` is its index in the int8 file, -1 for the storing of the input itself.

    ``noise``: squared error at the outputs over the squared spread of the float outputs, caused by this op alone; None after the outputs.
    ``flips``: share of the examples whose answer it changes; None for one output, which is no class. The rest is of the op's own result.
    """

    op: int
    kind: str
    tensor: int
    name: str
    n: int
    mse: float
    nsr: float
    cosine: float
    saturated: float
    accumulated_nsr: float
    noise: float | None = None
    flips: float | None = None


class Runner:
    """A .tflite in LiteRT's built-in kernels on one thread, one example at a time.

    A tensor whose first dimension is no batch of 1 (a layer normalisation has some) is kept whole for every example.
    """

    def __init__(self, content: bytes, keep: bool = False) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        try:
            self._interpreter: Any = Interpreter(
                model_content=content,
                num_threads=1,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=keep,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(f"LiteRT cannot run it ({first_line(error)})") from None
        self._inputs = [(int(detail["index"]), detail["shape"]) for detail in self._interpreter.get_input_details()]
        self._outputs = [int(detail["index"]) for detail in self._interpreter.get_output_details()]

    def run(self, inputs: Sequence[npt.NDArray[Any]], tensors: Sequence[int] = ()) -> list[npt.NDArray[Any]]:
        """The outputs, or with ``keep`` any tensors, for every example: arrays (n, ...) in and out."""
        wanted = list(tensors) or self._outputs
        rows: list[list[npt.NDArray[Any]]] = []
        for row in zip(*inputs, strict=True):
            for (index, shape), value in zip(self._inputs, row, strict=True):
                self._interpreter.set_tensor(index, value.reshape(shape))
            self._interpreter.invoke()
            results = [self._interpreter.get_tensor(index) for index in wanted]
            rows.append([result[0] if result.ndim > 1 and len(result) == 1 else result for result in results])
        return [np.stack(column) for column in zip(*rows, strict=True)]


def scheme(tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point of a tensor with one of each.

    Raises:
        InputError: it has none.
    """
    if tensor.quantization is None or tensor.quantization.per_channel:
        raise InputError(f"tensor {tensor.name!r:.80} of the int8 file has no scale: a file quantised throughout is wanted")
    return tensor.quantization.scale, tensor.quantization.zero_point


class Bench:
    """Both files, the float net's results on the examples, and where either stands for the other.

    ``errors`` gives the own error of storing the input and of every op that has a partner in the float file.

    Args:
        float_content, int8_content: two .tflite of one model, batch 1.
        inputs: (n, ...) as the float model takes them; the first ``examples`` are used, fewer where memory would not do.

    Raises:
        InputError: files of different models, or inputs that do not fit. ModelFileError: one that cannot be run here.
    """

    def __init__(self, float_content: bytes, int8_content: bytes, inputs: Floats, examples: int = EXAMPLES) -> None:
        self.float_content, self.int8_content = float_content, int8_content
        self.float_graph, self.int8_graph = read_graph(float_content), read_graph(int8_content)
        self.match: Match = match_graphs(self.float_graph, self.int8_graph)
        shape = self.float_graph.tensors[self.float_graph.inputs[0]].shape[1:]
        if inputs.shape[1:] != shape:
            raise InputError(f"the model takes {shape} per example and the data have {inputs.shape[1:]}: give data of that shape")
        wanted = sorted({*self.match.tensors.values(), logits(self.float_graph)} - set(self.float_graph.inputs))
        per_example = 4 * sum(self.float_graph.tensors[tensor].elements for tensor in wanted)
        self.n = min(len(inputs), max(_FEWEST, min(examples, _MOST_BYTES // max(1, per_example))))
        self.inputs = np.ascontiguousarray(inputs[: self.n], np.float32)
        results = Runner(float_content, keep=True).run([self.inputs], wanted)
        self.values: dict[int, Floats] = dict(zip(wanted, results, strict=True)) | {self.float_graph.inputs[0]: self.inputs}
        self.logits = logits(self.float_graph)
        self.flow = [(op.inputs, op.outputs) for op in self.float_graph.ops]
        self.moved = find_moved_scales(self.float_graph, self.int8_graph, self.match)

    def errors(self) -> list[OwnError]:
        accumulated = self._accumulated()
        found = [self._input_error()]
        for index, partner in self.match.ops.items():
            op = self.int8_graph.ops[index]
            target = self.int8_graph.tensors[op.outputs[0]]
            if target.dtype not in ("int8", "uint8", "int16") or any(
                t.dtype.startswith("float") for t in self.int8_graph.input_tensors(op)
            ):
                continue  # to float and from it: the input's storing is counted by itself
            own, clipped, whole = self._own(index, partner, {})
            found.append(self._rate(index, op.name, target, own, whole, clipped, accumulated[target.index]))
        self._blame_moved_scales(found)
        self._blame_uneven_channels(found)
        return found

    def _input_error(self) -> OwnError:
        tensor = self.int8_graph.tensors[self.int8_graph.inputs[0]]
        if tensor.dtype.startswith("float"):
            tensor = self.int8_graph.tensors[self.int8_graph.ops[self.int8_graph.consumers[tensor.index][0]].outputs[0]]
        own = dequantize(quantize(self.inputs, *scheme(tensor), tensor.dtype), *scheme(tensor)) - self.inputs
        clipped = share_beyond(self.inputs, tensor, *scheme(tensor))
        return self._rate(-1, "input", tensor, own, self.inputs, clipped, _nsr(own, self.inputs))

    def _accumulated(self) -> dict[int, float]:
        """Noise to signal of each int8 tensor against the float net's, everything before it included."""
        wanted = [t for t in self.match.tensors if t in self.int8_graph.producers and self.int8_graph.tensors[t].quantization is not None]
        given = self.int8_graph.tensors[self.int8_graph.inputs[0]]
        stored = self.inputs if given.dtype.startswith("float") else quantize(self.inputs, *scheme(given), given.dtype)
        results = Runner(self.int8_content, keep=True).run([stored], wanted)
        found = {}
        for tensor, result in zip(wanted, results, strict=True):
            expected = self.values[self.match.tensors[tensor]]
            found[tensor] = _nsr(dequantize(result, *scheme(self.int8_graph.tensors[tensor])) - expected, expected)
        return found

    def _own(self, index: int, partner: int | None, scales: dict[int, float]) -> tuple[Floats, float, Floats]:
        """An op's own error, the share of the float net's results beyond its range, and what the float op gives.

        ``scales``: to be used instead of the file's.
        """
        op = self.int8_graph.ops[index]
        given = list(dict.fromkeys(t for t in op.inputs if t >= 0 and not self.int8_graph.tensors[t].is_constant))
        stored, meant = [], []
        for tensor in given:
            scale, point = scheme(self.int8_graph.tensors[tensor])
            scale = scales.get(tensor, scale)
            values = quantize(self.values[self.match.tensors[tensor]], scale, point, self.int8_graph.tensors[tensor].dtype)
            stored.append(values)
            meant.append(dequantize(values, scale, point))
        content = cut(with_scales(self.int8_content, scales) if scales else self.int8_content, [index], given, op.outputs[:1])
        (result,) = Runner(content).run(stored)
        target = self.int8_graph.tensors[op.outputs[0]]
        scale, point = scheme(target)
        if partner is None:
            whole = meant[0]
        else:
            float_op = self.float_graph.ops[partner]
            sources = list(dict.fromkeys(self.match.tensors[tensor] for tensor in given))
            values_of = {self.match.tensors[tensor]: value for tensor, value in zip(given, meant, strict=True)}
            single = cut(self.float_content, [partner], sources, float_op.outputs[:1])
            (whole,) = Runner(single).run([values_of[source] for source in sources])
        got = dequantize(result, scale, point)
        # What is stored may leave the float op without an answer, 1 / sqrt(0), which is no fault of this op.
        whole = np.where(np.isfinite(whole), whole, got)
        return got - whole, share_beyond(self.values[self.match.tensors[target.index]], target, scale, point), whole

    def _rate(self, index: int, kind: str, tensor: Tensor, own: Floats, whole: Floats, clipped: float, accumulated: float) -> OwnError:
        noise, flips = self._at_outputs(self.match.tensors[tensor.index], own)
        result = (own + whole).ravel().astype(np.float64)
        norm = float(np.linalg.norm(result) * np.linalg.norm(whole.ravel().astype(np.float64)))
        return OwnError(
            op=index,
            kind=kind,
            tensor=tensor.index,
            name=tensor.name,
            n=self.n,
            mse=float(np.mean(np.square(own, dtype=np.float64))),
            nsr=_nsr(own, whole),
            cosine=float(result @ whole.ravel().astype(np.float64)) / norm if norm else 1.0,
            saturated=clipped,
            accumulated_nsr=accumulated,
            noise=noise,
            flips=flips,
        )

    def _at_outputs(self, place: int, own: Floats) -> tuple[float | None, float | None]:
        """What an error at a float tensor makes of the outputs: noise to signal there, and the share of answers it changes."""
        expected = self.values[self.logits]
        if place == self.logits:
            got = expected + own
        else:
            ops = needed_from(self.flow, [place], self.logits)
            if not ops:
                return None, None
            made = {tensor for index in ops for tensor in self.flow[index][1]}
            read = {tensor for index in ops for tensor in self.flow[index][0] if tensor in self.values and tensor not in made}
            others = sorted(read - {place})
            content = cut(self.float_content, ops, [place, *others], [self.logits])
            (got,) = Runner(content).run([self.values[place] + own, *(self.values[tensor] for tensor in others)])
        expected, got = (rows.reshape(self.n, -1) for rows in (expected, got))
        flips = float(np.mean(expected.argmax(1) != got.argmax(1))) if expected.shape[1] > 1 else None
        expected, got = tempered(expected, got)
        return _nsr(got - expected, expected), flips

    def _blame_uneven_channels(self, found: list[OwnError]) -> None:
        """Channels of very different size whose sizes the next kernel undoes are one fault, and that of the op which makes them.

        Its result loses the small channels, and the next kernel, large where they are small, loses the weights of the large ones.
        """
        by_op = {error.op: error for error in found}
        for maker in found:
            if maker.noise is None or not self.is_undone(maker.op):
                continue
            reader = by_op.get(self.int8_graph.consumers[maker.tensor][0])
            if reader is not None and reader.noise is not None:
                maker.noise += reader.noise
                maker.flips = _more(maker.flips, reader.flips)

    def is_undone(self, op: int) -> bool:
        """Whether an op's channels are of uneven size, and the one op that reads them undoes it."""
        partner = self.match.ops.get(op)
        readers = () if partner is None else self.int8_graph.consumers.get(self.int8_graph.ops[op].outputs[0], ())
        behind = self.match.ops.get(readers[0]) if len(readers) == 1 else None
        if partner is None or behind is None:
            return False
        inputs = self.float_graph.ops[behind].inputs
        kernel = self.float_graph.tensors[inputs[1]] if len(inputs) > 1 and inputs[1] >= 0 else None
        values = self.values[self.float_graph.ops[partner].outputs[0]]
        if kernel is None or not kernel.is_constant or kernel.dtype != "float32" or kernel.shape[-1:] != values.shape[-1:]:
            return False
        return undone(channel_sizes(values), channel_sizes(np.asarray(self.float_graph.constant(kernel.index), np.float32)))

    def _blame_moved_scales(self, found: list[OwnError]) -> None:
        """A scale of a tensor that the biases behind it contradict is the fault of that tensor, not of the op that reads it."""
        by_tensor = {error.tensor: error for error in found}
        for reader, (tensor, scale) in self.moved.items():
            rated = next((error for error in found if error.op == reader), None)
            maker = by_tensor.get(tensor)
            if rated is None or maker is None or rated.noise is None or maker.noise is None:
                continue
            op = self.int8_graph.ops[reader]
            own, clipped, whole = self._own(reader, self.match.ops[reader], {tensor: scale})
            target = self.int8_graph.tensors[op.outputs[0]]
            healed = self._rate(reader, op.name, target, own, whole, clipped, rated.accumulated_nsr)
            maker.noise += rated.noise
            maker.flips = _more(maker.flips, rated.flips)
            rated.__dict__.update(healed.__dict__)


def _more(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else max(first, second)


def tempered(expected: Floats, got: Floats) -> tuple[Floats, Floats]:
    """Logits (n, classes) as shares: a softmax at the temperature at which the expected ones spread by 1.

    What is the same for all classes changes no answer, and neither does an answer that is sure beyond doubt in either net: a range that
    cuts the largest logits would else look worse than a damaged layer. At temperature 1 the shares of a sure net would hide every error.
    """
    from scipy.special import softmax

    if expected.shape[1] < 2:
        return expected, got
    centred = expected - expected.mean(axis=1, keepdims=True)
    spread = float(centred.std()) or 1.0
    first, second = (softmax(rows.astype(np.float64) / spread, axis=1).astype(np.float32) for rows in (expected, got))
    return first, second


def channel_sizes(values: Floats) -> Floats:
    """The largest size in each channel, the last axis: (channels,)."""
    return np.asarray(np.abs(values).reshape(-1, values.shape[-1]).max(axis=0))


def undone(channels: Floats, kernel: Floats) -> bool:
    """Whether channels of uneven size meet a kernel that is uneven the other way: sizes in powers of two, opposed along the channels."""
    alive = (channels > 0) & (kernel > 0)
    if alive.sum() < _FEWEST:
        return False
    first, second = np.log2(channels[alive].astype(np.float64)), np.log2(kernel[alive].astype(np.float64))
    if min(first.std(), second.std()) < _UNEVEN:
        return False
    return float(np.corrcoef(first, second)[0, 1]) < _OPPOSED


def share_beyond(values: Floats, tensor: Tensor, scale: float, point: int) -> float:
    """The share of ``values`` that lie outside what a tensor holds."""
    limits = np.iinfo(tensor.dtype)
    steps = values.astype(np.float64) / scale + point
    return float(np.mean((steps < limits.min - _CLIPPED) | (steps > limits.max + _CLIPPED)))


def _nsr(error: Floats, signal: Floats) -> float:
    """Noise to signal: squared error over squared spread about the mean; the spread, so that a constant offset is no signal."""
    error64, signal64 = error.astype(np.float64), signal.astype(np.float64)
    spread = float(np.mean(np.square(signal64 - signal64.mean())))
    noise = float(np.mean(np.square(error64)))
    return noise / spread if spread > 0 else (0.0 if noise == 0 else float("inf"))
