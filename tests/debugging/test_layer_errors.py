"""Each op's own error, and the damaged op named: six kinds of damage on small nets, quantised here without TensorFlow."""

from typing import Any

import damages
import numpy as np
import pytest
import quantisers
from builders import ACTIVATION, PADDING, Builder

from edgewb.debugging.causes import COSTLY_DB, decibels, explain_layers
from edgewb.debugging.diagnoses import judge
from edgewb.debugging.layer_errors import Bench, undone
from edgewb.errors import InputError
from edgewb.tflite.reader import read_graph
from edgewb.tflite.rewriter import pack, unpack

CALIBRATION, VALIDATION = quantisers.data(300, 1), quantisers.data(16, 2)
CAUSES = {
    "channel_spread": {"channels"},
    "huge_channel": {"channels"},
    "wrong_range": {"narrow", "wide"},
    "weights": {"weights"},
    "scheme": {"scale", "narrow", "wide"},
    "bias": {"bias"},
}


@pytest.mark.parametrize("seed", range(4))
def test_an_undamaged_net_has_no_culprit(seed: int) -> None:
    content = quantisers.float_net(seed)
    bench = Bench(content, quantisers.quantise(content, CALIBRATION), VALIDATION)
    layers = explain_layers(bench, bench.errors())
    assert judge(layers, None)[0] is None
    assert not {layer.cause for layer in layers} & {"scale", "weights", "bias"}  # what only a damaged file has
    assert [layer.output_sqnr_db is None for layer in layers].count(True) == 1  # the softmax
    assert all(0.99 < layer.cosine <= 1.000001 for layer in layers)


@pytest.mark.parametrize("turn", range(2))
@pytest.mark.parametrize("kind", damages.KINDS)
def test_the_damaged_op_comes_first(kind: str, turn: int) -> None:
    rng = np.random.default_rng([list(damages.KINDS).index(kind), turn])
    content, int8, want = damages.KINDS[kind](quantisers.float_net(turn), CALIBRATION, rng, quantisers.quantise)
    bench = Bench(content, int8, VALIDATION)
    layers = explain_layers(bench, bench.errors())
    assert layers[0].op == want
    culprit, verdict = judge(layers, None)
    if layers[0].output_sqnr_db < COSTLY_DB or layers[0].cause in ("scale", "weights", "bias"):
        assert culprit is layers[0]
        assert layers[0].label in verdict
        assert culprit.cause in CAUSES[kind]
    else:  # harmless at the outputs: still first, and not accused
        assert culprit is None


def branched_net(seed: int, join: str = "CONCATENATION", larger: float = 1.0) -> bytes:
    """The input doubled; a convolution with ReLU and one without, joined; a dense layer on each pixel, whose tensors have no batch of 1.

    The branch without ReLU is ``larger``.
    """
    rng = np.random.default_rng(seed)
    b = Builder()

    def weighted(
        kind: str, source: int, shape: tuple[int, ...], result: tuple[int, ...], options: str, size: float = 1.0, **fields: Any
    ) -> int:
        index = len(b.graph.operators)
        kernel = rng.normal(0, size * np.sqrt(2 / np.prod(shape[1:])), shape) * rng.uniform(0.5, 2, (shape[0], *[1] * (len(shape) - 1)))
        operands = [
            b.constant(f"{name}{index}", values.astype(np.float32)) for name, values in (("w", kernel), ("b", rng.normal(0, 0.2, shape[0])))
        ]
        out = b.tensor(f"result{index}", result, "FLOAT32")
        b.op(kind, [source, *operands], [out], 1, options, **fields)
        return out

    def reshape(source: int, shape: tuple[int, ...]) -> int:
        index = len(b.graph.operators)
        out = b.tensor(f"result{index}", shape, "FLOAT32")
        target = b.constant(f"shape{index}", np.array(shape, np.int32), scale=None)
        b.op("RESHAPE", [source, target], [out], 1, "ReshapeOptions", newShape=list(shape))
        return out

    source = b.tensor("image", (1, *quantisers.SHAPE), "FLOAT32")
    doubled = b.tensor("doubled", (1, *quantisers.SHAPE), "FLOAT32")
    b.op("MUL", [source, b.constant("two", np.array(2, np.float32))], [doubled], 1, "MulOptions")
    window = {"padding": PADDING["SAME"], "strideW": 1, "strideH": 1}
    branches = [
        weighted(
            "CONV_2D",
            doubled,
            (40, 3, 3, 2),
            (1, 8, 8, 40),
            "Conv2DOptions",
            size,
            fusedActivationFunction=ACTIVATION[activation],
            **window,
        )
        for activation, size in (("RELU", 1.0), ("NONE", larger))
    ]
    depth = 80 if join == "CONCATENATION" else 40
    joined = b.tensor("joined", (1, 8, 8, depth), "FLOAT32")
    if join == "CONCATENATION":
        b.op(join, branches, [joined], 1, "ConcatenationOptions", axis=3)
    else:
        b.op(join, branches, [joined], 1, "MaximumMinimumOptions")
    pixels = weighted("FULLY_CONNECTED", reshape(joined, (64, depth)), (6, depth), (64, 6), "FullyConnectedOptions")
    answers = weighted("FULLY_CONNECTED", reshape(pixels, (1, 384)), (4, 384), (1, 4), "FullyConnectedOptions")
    return b.build([source], [b.softmax(answers, dtype="FLOAT32")])


@pytest.mark.parametrize(
    ("seed", "join", "larger"),
    [(0, "CONCATENATION", 1.0), (1, "CONCATENATION", 1.0), (2, "CONCATENATION", 6.0), (3, "MAXIMUM", 1.0), (4, "MAXIMUM", 1.0)],
)
def test_scalar_constants_joined_branches_and_tensors_without_a_batch_accuse_nobody(seed: int, join: str, larger: float) -> None:
    content = branched_net(seed, join, larger)
    bench = Bench(content, quantisers.quantise(content, CALIBRATION), VALIDATION)
    layers = explain_layers(bench, bench.errors())
    assert {layer.op for layer in layers} == set(range(-1, 9))
    assert judge(layers, None)[0] is None
    assert {layer.cause for layer in layers if layer.kind != "SOFTMAX"} == {"rounding"}  # of a sure answer 1/256 is cut off
    clipped = {1, 2} if join == "MAXIMUM" else set()  # to its result's range, beyond which it takes nothing from them
    assert min(layer.cosine for layer in layers if layer.op not in clipped) > 0.99


def test_a_layer_that_gives_only_zeros_is_not_accused_of_the_range_a_converter_makes_of_them() -> None:
    content = quantisers.float_net(0)
    graph = read_graph(content)
    model = unpack(content, graph)
    damages._set(model, graph.ops[1].inputs[2], np.full(12, -100, np.float32))
    dead = pack(model, content)
    int8 = quantisers.quantise(dead, CALIBRATION)
    assert read_graph(int8).tensors[graph.ops[1].outputs[0]].quantization.zero_point != -128
    bench = Bench(dead, int8, VALIDATION)
    layers = explain_layers(bench, bench.errors())
    assert judge(layers, None)[0] is None
    assert not {layer.cause for layer in layers} & {"scale", "weights", "bias"}


@pytest.mark.parametrize(("join", "factor"), [("CONCATENATION", 1 / 6), ("CONCATENATION", 60), ("MAXIMUM", 1 / 6), ("MAXIMUM", 60)])
def test_a_wrong_range_that_joined_branches_share_is_named(join: str, factor: float) -> None:
    content = branched_net(0, join)
    last = read_graph(content).ops[4].outputs[0]  # of a RESHAPE of what was joined: its range is that of all before it
    bench = Bench(content, quantisers.quantise(content, CALIBRATION, {last: factor}), VALIDATION)
    culprit, _ = judge(explain_layers(bench, bench.errors()), None)
    assert culprit is not None
    assert culprit.op in (1, 2, 3)
    assert culprit.cause == ("wide" if factor > 1 else "narrow")


def test_an_op_that_has_no_answer_to_what_is_stored_is_not_blamed_for_it() -> None:
    rng = np.random.default_rng(0)
    b = Builder()
    source, roots, answers = (b.tensor(name, (1, n), "FLOAT32") for name, n in (("x", 12), ("roots", 12), ("answers", 4)))
    b.op("RSQRT", [source], [roots])
    kernel = b.constant("w", rng.normal(0, 1, (4, 12)).astype(np.float32))
    b.op("FULLY_CONNECTED", [roots, kernel, b.constant("b", np.zeros(4, np.float32))], [answers], 1, "FullyConnectedOptions")
    content = b.build([source], [b.softmax(answers, dtype="FLOAT32")])
    inputs = rng.uniform(1e-3, 1, (40, 12)).astype(np.float32)  # the least of them are stored as 0
    errors = {error.op: error for error in Bench(content, quantisers.quantise(content, inputs), inputs).errors()}
    assert all(np.isfinite([error.mse, error.cosine, error.noise or 0.0]).all() for error in errors.values())
    assert errors[0].saturated == 0
    assert errors[0].noise < errors[-1].noise


@pytest.mark.parametrize("channel", [3, 39])
def test_one_damaged_filter_of_many_is_named(channel: int) -> None:
    content = branched_net(1)
    int8 = quantisers.quantise(content, CALIBRATION)
    graph = read_graph(int8)
    model = unpack(int8, graph)
    kernel = graph.constant(graph.ops[2].inputs[1]).copy()
    kernel[channel].ravel()[:6] *= -1  # 6 of 720 weights, a third of the filter's own
    damages._set(model, graph.ops[2].inputs[1], kernel)
    bench = Bench(content, pack(model, int8), VALIDATION)
    culprit, _ = judge(explain_layers(bench, bench.errors()), None)
    assert culprit is not None
    assert (culprit.op, culprit.cause) == (2, "weights")


def test_scales_of_weights_in_another_order_are_not_blamed_on_the_layer_before() -> None:
    content = quantisers.float_net(2)
    int8 = quantisers.quantise(content, CALIBRATION)
    graph = read_graph(int8)
    model = unpack(int8, graph)
    scales = model.subgraphs[0].tensors[graph.ops[1].inputs[1]].quantization
    scales.scale = list(np.random.default_rng(22).permutation(scales.scale))  # the weights as a whole keep their size
    bench = Bench(content, pack(model, int8), VALIDATION)
    found = {layer.op: layer.cause for layer in explain_layers(bench, bench.errors())}
    assert found[1] == "weights"
    assert found[0] == "rounding"


def test_an_error_shows_at_its_op_and_is_carried_on_by_those_behind_it() -> None:
    content = quantisers.float_net(1)
    graph_op = 1
    rng = np.random.default_rng(0)
    int8 = quantisers.quantise(content, CALIBRATION)
    clean = {error.op: error for error in Bench(content, int8, VALIDATION).errors()}
    damaged = {error.op: error for error in Bench(content, _noisy_weights(int8, graph_op, rng), VALIDATION).errors()}
    assert damaged[graph_op].mse > 50 * clean[graph_op].mse
    assert all(damaged[op].mse == clean[op].mse for op in clean if op != graph_op)
    assert all(damaged[op].accumulated_nsr > 5 * clean[op].accumulated_nsr for op in range(2, 8))


def _noisy_weights(int8: bytes, op: int, rng: np.random.Generator) -> bytes:
    graph = read_graph(int8)
    model = unpack(int8, graph)
    kernel = graph.constant(graph.ops[op].inputs[1])
    damages._set(model, graph.ops[op].inputs[1], np.where(rng.random(kernel.shape) < 0.3, -kernel, kernel).astype(np.int8))
    return pack(model, int8)


def test_the_own_error_is_that_of_the_quantised_arithmetic() -> None:
    content = quantisers.float_net(0)
    errors = Bench(content, quantisers.quantise(content, CALIBRATION), VALIDATION).errors()
    scale = max(float(VALIDATION.max()), float(CALIBRATION.max())) / 255
    stored = next(error for error in errors if error.op == -1)
    # Storing values spread evenly over many steps costs a twelfth of a step squared.
    assert stored.mse == pytest.approx(scale**2 / 12, rel=0.1)
    assert stored.n == len(VALIDATION)


def test_channels_that_the_next_kernel_undoes_are_told_from_those_it_does_not() -> None:
    rng = np.random.default_rng(0)
    sizes = 2.0 ** rng.uniform(-4, 4, 32)
    assert undone(sizes, 1 / sizes)
    assert not undone(sizes, sizes)
    assert not undone(np.ones(32), 1 / sizes)
    assert not undone(sizes[:3], 1 / sizes[:3])
    assert not undone(np.zeros(32), np.zeros(32))


@pytest.mark.parametrize(("ratio", "level"), [(0.0, 120), (1e-3, 30), (1.0, 0), (10.0, -10), (float("inf"), -120)])
def test_decibels_stay_finite(ratio: float, level: float) -> None:
    assert decibels(ratio) == pytest.approx(level)


def test_files_of_different_models_are_refused() -> None:
    content = quantisers.float_net(0)
    int8 = quantisers.quantise(content, CALIBRATION)
    import builders

    with pytest.raises(InputError, match="another model"):
        Bench(content, builders.ALL["int8_conv"](), VALIDATION).errors()
    with pytest.raises(InputError, match=r"takes \(8, 8, 2\) per example and the data have \(4, 4, 2\)"):
        Bench(content, int8, VALIDATION[:, :4, :4]).errors()
